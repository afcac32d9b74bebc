//! A host that configures itself from what routers advertise: networks that are on the link, addresses in them, name
//! servers (RFC 4861 §6.3.4, RFC 4862 §5.5, RFC 8106).
//!
//! ```text
//!   prefix ─► on-link flag ──► a network reached without a gateway, while it is said
//!      └────► autonomous flag, 64 bits ─► prefix + 64 random bits ─► TENTATIVE ─► PREFERRED ─► DEPRECATED ─► gone
//!                                               ▲     another try, three at most     │
//!                                               └──────────── DUPLICATE ◄────────────┘ (neighbour/duplicate.rs)
//! ```
//!
//! All lists are bounded: who floods the link with prefixes gets a few of them believed, the first ones.

use crate::interface::AddressState;
use crate::{Cidr, Host, HostEvent, InterfaceId, Medium, RouteEntry};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use env::{Duration, Instant, Rng};
use wire::ndp::{Prefix, RouterAdvert};

/// Addresses that one interface forms.
const MAX_ADDRESSES: usize = 8;
/// Networks on the link, and name servers, that are remembered on one host.
const MAX_REMEMBERED: usize = 16;
/// Addresses that are tried for one prefix when somebody has them already (RFC 7217 §6: IDGEN_RETRIES).
const TRIES: u8 = 3;
/// A lifetime is not cut below this by a message that anybody could have sent (RFC 4862 §5.5.3 e).
const TWO_HOURS: Duration = Duration::from_secs(7200);
/// The metric of networks that routers say are on the link.
const METRIC: u32 = 1024;

/// What was formed and learned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Autoconf {
    formed: Vec<Formed>,
    on_link: Vec<OnLink>,
    servers: Vec<Server>,
    /// An address of ours turned out to be somebody's.
    duplicate: bool,
}

/// An address formed of a prefix.
#[derive(Clone, Copy, Debug)]
struct Formed {
    interface: InterfaceId,
    prefix: Ipv6Addr,
    address: Ipv6Addr,
    tries: u8,
    preferred_until: Instant,
    valid_until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct OnLink {
    interface: InterfaceId,
    network: Cidr,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    interface: InterfaceId,
    address: Ipv6Addr,
    until: Instant,
}

/// When a lifetime of so many seconds is over; all ones: never.
fn after(now: Instant, seconds: u32) -> Instant {
    if seconds == u32::MAX { Instant::FAR } else { now + Duration::from_secs(seconds.into()) }
}

/// 64 bits to name an interface, and not one of the reserved names (RFC 8981 §3.3.1, RFC 5453).
fn interface_identifier(rng: &mut Rng) -> u64 {
    let bits = rng.next_u64();
    let reserved = bits == 0
        || bits >> 8 == 0x00fd_ffff_ffff_ffff && bits & 0x80 != 0
        || (0x0200_5eff_fe00_0000..=0x0200_5eff_fe00_5213).contains(&bits)
        || bits == 0x0200_5eff_feff_ffff;
    // One of its bits the other way leads out of each reserved range.
    if reserved { bits ^ 1 << 40 } else { bits }
}

impl Autoconf {
    /// When something is over or to be tried again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let formed = self.formed.iter().flat_map(|f| [f.preferred_until, f.valid_until]);
        let on_link = self.on_link.iter().map(|o| o.until);
        let servers = self.servers.iter().map(|s| s.until);
        let again = self.duplicate.then_some(Instant::ZERO);
        formed.chain(on_link).chain(servers).filter(|at| *at != Instant::FAR).chain(again).min()
    }

    /// Somebody else has one of our addresses.
    pub(super) fn duplicate(&mut self, interface: InterfaceId, address: IpAddr) {
        let ours = |f: &Formed| f.interface == interface && IpAddr::V6(f.address) == address;
        self.duplicate |= self.formed.iter().any(ours);
    }
}

impl Host {
    /// Name servers that routers advertised, in the order in which they were heard of (RFC 8106).
    pub fn advertised_name_servers(&self) -> impl Iterator<Item = Ipv6Addr> {
        self.ip.autoconf.servers.iter().map(|server| server.address)
    }

    /// Takes what a router says of networks, addresses and name servers.
    pub(super) fn advertised_networks(&mut self, now: Instant, id: InterfaceId, advert: &RouterAdvert) {
        for prefix in &advert.prefixes {
            // A link-local prefix is on every link anyway (RFC 4861 §6.3.4, RFC 4862 §5.5.3 b).
            if prefix.len == 0 || prefix.prefix.is_unicast_link_local() || prefix.prefix.is_multicast() {
                continue;
            }
            if prefix.on_link {
                self.network_on_link(now, id, prefix);
            }
            if prefix.autonomous && prefix.preferred_lifetime <= prefix.valid_lifetime && prefix.len == 64 {
                self.network_of_addresses(now, id, prefix);
            }
        }
        let servers = &mut self.ip.autoconf.servers;
        for &address in &advert.name_servers {
            let until = after(now, advert.name_servers_lifetime);
            let known = servers.iter().position(|s| s.interface == id && s.address == address);
            match known {
                Some(at) if advert.name_servers_lifetime == 0 => {
                    servers.remove(at);
                }
                Some(at) => servers[at].until = until,
                None if advert.name_servers_lifetime > 0 && servers.len() < MAX_REMEMBERED => {
                    servers.push(Server { interface: id, address, until });
                }
                None => {}
            }
        }
    }

    fn network_on_link(&mut self, now: Instant, id: InterfaceId, prefix: &Prefix) {
        let Some(network) = Cidr::new(prefix.prefix.into(), prefix.len) else { return };
        let until = after(now, prefix.valid_lifetime);
        let known = &mut self.ip.autoconf.on_link;
        match known.iter().position(|o| o.interface == id && o.network == network) {
            Some(at) if prefix.valid_lifetime == 0 => {
                known.remove(at);
                self.ip.routes.remove(network, None, id);
            }
            Some(at) => known[at].until = until,
            None => {
                // A route that was given stays a given one.
                let given = self
                    .ip
                    .routes
                    .entries()
                    .iter()
                    .any(|e| e.gateway.is_none() && e.interface == id && e.destination == network);
                if prefix.valid_lifetime > 0 && known.len() < MAX_REMEMBERED && !given {
                    known.push(OnLink { interface: id, network, until });
                    let entry =
                        RouteEntry { destination: network, gateway: None, interface: id, metric: METRIC };
                    self.ip.routes.add(entry);
                }
            }
        }
    }

    /// RFC 4862 §5.5.3 d, e.
    fn network_of_addresses(&mut self, now: Instant, id: InterfaceId, prefix: &Prefix) {
        let preferred_until = after(now, prefix.preferred_lifetime);
        let valid_until = after(now, prefix.valid_lifetime);
        let known = &mut self.ip.autoconf.formed;
        if let Some(formed) = known.iter_mut().find(|f| f.interface == id && f.prefix == prefix.prefix) {
            formed.preferred_until = preferred_until;
            let left = formed.valid_until.since(now);
            if valid_until.since(now) > TWO_HOURS.min(left) {
                formed.valid_until = valid_until;
            } else if left > TWO_HOURS {
                formed.valid_until = now + TWO_HOURS;
            }
            formed.preferred_until = formed.preferred_until.min(formed.valid_until);
            let (address, preferred) = (formed.address, formed.preferred_until > now);
            self.prefer(id, address, preferred);
            return;
        }
        let here = known.iter().filter(|f| f.interface == id).count();
        if prefix.valid_lifetime > 0 && here < MAX_ADDRESSES {
            let template = Formed {
                interface: id,
                prefix: prefix.prefix,
                address: prefix.prefix,
                tries: 0,
                preferred_until,
                valid_until,
            };
            self.form(now, template);
        }
    }

    /// Makes an address and begins to ask whether anybody has it.
    fn form(&mut self, now: Instant, template: Formed) {
        let id = template.interface;
        let ethernet = self.ip.interface(id).is_some_and(|i| matches!(i.medium, Medium::Ethernet(_)));
        let low = interface_identifier(&mut self.ip.rng);
        let address = Ipv6Addr::from_bits(template.prefix.to_bits() | u128::from(low));
        // Of one host: whether its neighbours are on the link, the prefix says by its other flag (RFC 5942 §4).
        let Some(cidr) = Cidr::new(address.into(), 128).filter(|&c| self.ip.acceptable(c).is_ok()) else {
            return;
        };
        if ethernet {
            self.ip.autoconf.formed.push(Formed { address, tries: template.tries + 1, ..template });
            self.begin_address(now, id, cidr);
        }
    }

    /// An address begins or ceases to be used for what is new (RFC 4862 4862-3).
    /// While it is being probed for: when the next step is due.
    fn prefer(&mut self, id: InterfaceId, address: Ipv6Addr, preferred: bool) -> Option<Instant> {
        let interface = self.ip.interface_mut(id)?;
        let entry = interface.addresses.iter_mut().find(|a| a.cidr.address() == IpAddr::V6(address));
        if let Some(entry) = entry {
            entry.state = match entry.state {
                AddressState::Preferred if !preferred => AddressState::Deprecated,
                AddressState::Deprecated if preferred => AddressState::Preferred,
                state => state,
            };
            return (entry.state == AddressState::Tentative).then_some(entry.due);
        }
        None
    }

    fn withdraw(&mut self, now: Instant, formed: &Formed) {
        let address = formed.address.into();
        // It is ours until here, unless the user took it away.
        if self.remove_address(now, formed.interface, address).is_ok() {
            self.ip.tell(HostEvent::AddressGone(formed.interface, address));
        }
    }

    /// Ends what is over, and tries another address where one turned out to be taken.
    pub(crate) fn autoconf_timeout(&mut self, now: Instant) {
        if self.ip.autoconf.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        self.ip.autoconf.servers.retain(|s| s.until > now);
        while let Some(at) = self.ip.autoconf.on_link.iter().position(|o| o.until <= now) {
            let over = self.ip.autoconf.on_link.remove(at);
            self.ip.routes.remove(over.network, None, over.interface);
        }
        while let Some(at) = self.ip.autoconf.formed.iter().position(|f| f.valid_until <= now) {
            let over = self.ip.autoconf.formed.remove(at);
            self.withdraw(now, &over);
        }
        for at in 0..self.ip.autoconf.formed.len() {
            let Some(formed) = self.ip.autoconf.formed.get_mut(at) else { break };
            if formed.preferred_until <= now {
                let (id, address) = (formed.interface, formed.address);
                // While it is probed for there is nothing to deprecate yet: it is looked at again at the next step. Otherwise it
                // is said once; the valid lifetime is what is left to wait for.
                let next = self.prefer(id, address, false).unwrap_or(Instant::FAR);
                if let Some(formed) = self.ip.autoconf.formed.get_mut(at) {
                    formed.preferred_until = next;
                }
            }
        }
        if core::mem::take(&mut self.ip.autoconf.duplicate) {
            self.form_again(now);
        }
    }

    fn form_again(&mut self, now: Instant) {
        for at in (0..self.ip.autoconf.formed.len()).rev() {
            let Some(&formed) = self.ip.autoconf.formed.get(at) else { continue };
            let interface = self.ip.interface(formed.interface);
            let taken = interface.is_some_and(|i| {
                let ours = |a: &&crate::interface::Address| a.cidr.address() == IpAddr::V6(formed.address);
                i.addresses.iter().find(ours).is_some_and(|a| a.state == AddressState::Duplicate)
            });
            // The last of them stays, so that its prefix is not tried for ever.
            if taken && formed.tries < TRIES {
                self.ip.autoconf.formed.remove(at);
                self.withdraw(now, &formed);
                self.form(now, formed);
            }
        }
    }
}
