//! Routers: which are alive, which are better, and which say that they exist (RFC 1122 §3.3.1, RFC 4861 §6.3, §8.3).
//!
//! ```text
//!   no answer ─► failed for 30 s: other routes first          RFC 1122 §3.3.1.4-5, RFC 4861 §6.3.6
//!   redirect ─► from the router in use, to a neighbour? ─► that destination goes there      bounded, forgotten
//!   no router yet? ─► asked for, three times at most (only if configured)          RFC 4861 §6.3.7
//!   advertisement ─► (only if configured) default route, MTU, hop limit, timers, each while it is said
//! ```

use crate::{Cidr, Delivered, Drop, Host, InterfaceId, Ip, Medium, RouteEntry};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use env::{Duration, Instant};
use wire::Malformed;
use wire::ethernet::MacAddr;
use wire::ndp::{self, RouterAdvert};

/// How long a router that did not answer is passed over when there is another.
const FAILED: Duration = Duration::from_secs(30);
/// How long a redirect is followed.
const REDIRECTED: Duration = Duration::from_secs(600);
/// Redirects that are remembered.
const MAX_REDIRECTS: usize = 256;
/// Routers that are believed on one host (RFC 4861 4861-15: at least two).
const MAX_ROUTERS: usize = 16;
/// The metric of routes that routers advertise: after what was configured.
const METRIC: u32 = 1024;

/// What is known of routers beyond the routing table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routers {
    failed: BTreeMap<IpAddr, Instant>,
    redirects: BTreeMap<IpAddr, Redirect>,
    advertised: Vec<Advertised>,
    /// Interfaces on which no router was heard yet.
    soliciting: Vec<Soliciting>,
}

/// Routers are asked for on an interface: so often yet, and next at this time.
#[derive(Clone, Copy, Debug)]
struct Soliciting {
    interface: InterfaceId,
    left: u8,
    due: Instant,
}

/// How often routers are asked for, and how far apart (RFC 4861 §10: MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL).
const SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);

#[derive(Clone, Copy, Debug)]
struct Redirect {
    interface: InterfaceId,
    gateway: IpAddr,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Advertised {
    interface: InterfaceId,
    router: IpAddr,
    until: Instant,
}

impl Routers {
    /// Whether `gateway` did not answer lately.
    pub(crate) fn has_failed(&self, gateway: IpAddr) -> bool {
        !self.failed.is_empty() && self.failed.contains_key(&gateway)
    }

    /// The better way to `dst` that a router told.
    pub(crate) fn redirect(&self, dst: IpAddr) -> Option<(InterfaceId, IpAddr)> {
        if self.redirects.is_empty() {
            return None;
        }
        let redirect = self.redirects.get(&dst)?;
        (!self.has_failed(redirect.gateway)).then_some((redirect.interface, redirect.gateway))
    }

    /// When the next thing is forgotten.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let failed = self.failed.values().copied();
        let redirects = self.redirects.values().map(|r| r.until);
        let advertised = self.advertised.iter().map(|a| a.until);
        failed.chain(redirects).chain(advertised).chain(self.soliciting.iter().map(|s| s.due)).min()
    }
}

impl Ip {
    /// A neighbour does not answer: if it is a router, others are used (RFC 791 791-27, 791-29; RFC 4861 4861-17).
    pub(super) fn gateway_failed(&mut self, now: Instant, gateway: IpAddr) {
        if self.is_gateway(gateway) {
            self.routers.failed.insert(gateway, now + FAILED);
            self.routers.redirects.retain(|_, r| r.gateway != gateway);
        }
    }

    /// A neighbour answered.
    pub(super) fn gateway_lives(&mut self, gateway: IpAddr) {
        if !self.routers.failed.is_empty() {
            self.routers.failed.remove(&gateway);
        }
    }

    /// Bounded by the routes and redirects that there are, so nothing that a peer says makes the list grow.
    fn is_gateway(&self, address: IpAddr) -> bool {
        self.routes.entries().iter().any(|e| e.gateway == Some(address))
            || self.routers.redirects.values().any(|r| r.gateway == address)
    }

    /// Begins to ask for routers on an Ethernet, if they are to be heard at all (RFC 4861 4861-18): not at once, since
    /// hosts that start together must not ask together.
    pub(crate) fn solicit_routers(&mut self, now: Instant, interface: InterfaceId) {
        let ethernet = self.interface(interface).is_some_and(|i| matches!(i.medium, Medium::Ethernet(_)));
        if self.config.router_advertisements && ethernet {
            let due = now + Duration::from_nanos(self.rng.below(1_000_000_000));
            self.routers.soliciting.retain(|s| s.interface != interface);
            self.routers.soliciting.push(Soliciting { interface, left: SOLICITATIONS, due });
        }
    }

    /// Asks every router on the link, from an address of the interface if there is one to be used yet.
    fn router_solicit(&mut self, now: Instant, id: InterfaceId) {
        let Some(interface) = self.interface(id).filter(|i| i.up) else { return };
        let Medium::Ethernet(ours) = interface.medium else { return };
        let own = interface.addresses.iter().filter(|a| a.usable()).find_map(|a| match a.cidr.address() {
            IpAddr::V6(a) if a.is_unicast_link_local() => Some(a),
            _ => None,
        });
        let question = ndp::Repr::RouterSolicit { source_link: own.map(|_| ours) };
        let (src, dst) = (own.unwrap_or(Ipv6Addr::UNSPECIFIED), ndp::ALL_ROUTERS);
        self.send_ndp(now, id, MacAddr::multicast_v6(dst), src, dst, &question);
    }

    /// Forgets what is over, and asks for routers where it is time to.
    pub(crate) fn routers_timeout(&mut self, now: Instant) {
        while let Some(due) = self.routers.soliciting.iter_mut().find(|s| s.due <= now) {
            let id = due.interface;
            due.left = due.left.saturating_sub(1);
            due.due = now + SOLICITATION_INTERVAL;
            self.routers.soliciting.retain(|s| s.left > 0);
            self.router_solicit(now, id);
        }
        self.routers.failed.retain(|_, until| *until > now);
        self.routers.redirects.retain(|_, r| r.until > now);
        let over: Vec<Advertised> =
            self.routers.advertised.iter().filter(|a| a.until <= now).copied().collect();
        self.routers.advertised.retain(|a| a.until > now);
        for gone in over {
            self.routes.remove(Cidr::ALL_V6, Some(gone.router), gone.interface);
        }
    }
}

impl Host {
    /// A router says that another is better for what the `quoted` packet went to. `quoted`: source and destination.
    pub(crate) fn redirected(
        &mut self,
        now: Instant,
        packet: &Delivered,
        gateway: IpAddr,
        quoted: Result<(IpAddr, IpAddr), Malformed>,
    ) {
        let id = packet.interface;
        let Ok((src, dst)) = quoted else { return self.ip.drop(now, Drop::IcmpMalformed, packet) };
        let Ok(route) = self.ip.route(dst, None, None) else {
            return self.ip.drop(now, Drop::IcmpRedirect, packet);
        };
        // RFC 792 792-6, 792-13; RFC 4861 4861-19: from the router that we use for it, to a neighbour on the same link.
        let ours = self.ip.is_local(src) || src == packet.dst;
        let from_router = route.next_hop == packet.src && route.next_hop != dst && route.interface == id;
        let on_link = self.ip.interface(id).is_some_and(|i| {
            let link_local = matches!(gateway, IpAddr::V6(a) if a.is_unicast_link_local());
            !i.is_broadcast(gateway)
                && (link_local
                    || i.addresses.iter().any(|a| a.usable() && a.cidr.contains(gateway))
                    || gateway == dst && gateway.is_ipv6())
        });
        let sound = ours && from_router && on_link && !self.ip.is_local(gateway) && !gateway.is_multicast();
        if !sound || self.ip.routers.has_failed(gateway) {
            return self.ip.drop(now, Drop::IcmpRedirect, packet);
        }
        let redirects = &mut self.ip.routers.redirects;
        if redirects.len() >= MAX_REDIRECTS && !redirects.contains_key(&dst) {
            let oldest = redirects.iter().min_by_key(|(_, r)| r.until).map(|(&dst, _)| dst);
            oldest.map(|oldest| redirects.remove(&oldest));
        }
        redirects.insert(dst, Redirect { interface: id, gateway, until: now + REDIRECTED });
    }

    /// A router says that it is there, and how things are on its link.
    pub(super) fn router_advertised(
        &mut self,
        now: Instant,
        packet: &Delivered,
        router: Ipv6Addr,
        advert: RouterAdvert,
    ) {
        let id = packet.interface;
        if !self.ip.config.router_advertisements {
            return self.ip.counters.count(Drop::IcmpUnknown); // See HostConfig: the given plan stands.
        }
        let Some(interface) = self.ip.interface_mut(id) else { return };
        if let Some(mac) = advert.source_link.filter(|mac| mac.is_unicast()) {
            let (learned, evicted) = interface.neighbours.overheard(now, router.into(), mac, true);
            interface.neighbours.set_router(router.into(), true);
            self.ip.drop_waiting(now, evicted, Drop::NeighbourTableFull);
            self.ip.flush(now, learned.mac, learned.ready);
        }
        let Some(interface) = self.ip.interface_mut(id) else { return };
        // RFC 4861 4861-14, 4861-16: what is unspecified (zero) leaves things as they are.
        let millis = |value: u32| Duration::from_millis(value.into());
        if (1..=3_600_000).contains(&advert.reachable_time) {
            interface.neighbours.reachable = millis(advert.reachable_time);
        }
        if (1_000..=60_000).contains(&advert.retrans_timer) {
            interface.neighbours.retransmit = millis(advert.retrans_timer);
        }
        let most = interface.mtu_configured;
        if let Some(mtu) = advert.mtu.and_then(|mtu| u16::try_from(mtu).ok())
            && (1280..=most).contains(&mtu)
        {
            interface.mtu = mtu;
            interface.mtu_advertised = Some(mtu);
        }
        // Raised and never lowered: with a hop limit of 1 one message would cut the host off from everybody beyond the
        // link, over IPv4 too (CVE-2015-2922).
        self.ip.config.hop_limit = self.ip.config.hop_limit.max(advert.hop_limit);
        self.router_lifetime(now, id, router.into(), advert.router_lifetime);
        self.advertised_networks(now, id, &advert);
    }

    fn router_lifetime(&mut self, now: Instant, interface: InterfaceId, router: IpAddr, seconds: u16) {
        let known = &mut self.ip.routers.advertised;
        known.retain(|a| !(a.router == router && a.interface == interface));
        if seconds == 0 || known.len() >= MAX_ROUTERS {
            self.ip.routes.remove(Cidr::ALL_V6, Some(router), interface);
            return;
        }
        self.ip.routers.soliciting.retain(|s| s.interface != interface);
        let known = &mut self.ip.routers.advertised;
        let until = now + Duration::from_secs(seconds.into());
        known.push(Advertised { interface, router, until });
        self.ip.routes.add(RouteEntry {
            destination: Cidr::ALL_V6,
            gateway: Some(router),
            interface,
            metric: METRIC,
        });
    }
}
