//! Everything below the transports: interfaces, routes, neighbours, fragments, path MTUs, and the way out.

use crate::egress::{Identifications, Way};
use crate::fragments::Reassembly;
use crate::icmp::Limiter;
use crate::interface::{Address, AddressState, Interface, link_local};
use crate::memo::{Memo, Watched};
use crate::neighbour::{Autoconf, Routers};
use crate::path_mtu::PathMtus;
use crate::route::Table;
use crate::{
    Budget, Cidr, Counters, Delivered, Drop, HostConfig, HostEvent, InterfaceConfig, InterfaceError,
    InterfaceId, Medium, RouteEntry, Trace, neighbour,
};
use ::tcp::Why;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Chance, Duration, Instant, Rng};
use wire::Frame;

/// Octets of an IP packet that a host carries to itself: the most that IPv4 has a length for.
const LOOPBACK_MTU: u16 = 65_535;

/// The IP layer of one host.
#[derive(Clone, Debug)]
pub(crate) struct Ip {
    pub(crate) config: HostConfig,
    pub(crate) rng: Rng,
    /// Whether checksums are taken for chance: a recording without payload could not tell them again.
    pub(crate) judges_by_tape: bool,
    pub(crate) counters: Counters,
    pub(crate) budget: Budget,
    /// Loopback first.
    pub(crate) interfaces: Watched<Vec<Interface>>,
    pub(crate) routes: Watched<Table>,
    pub(crate) path_mtus: Watched<PathMtus>,
    /// Frames for devices, in order.
    pub(crate) out: VecDeque<Outgoing>,
    /// Octets in them.
    pub(crate) out_octets: usize,
    /// Packets to ourselves, without link header, in order.
    pub(crate) local: VecDeque<Frame>,
    pub(crate) reassembly: Reassembly,
    pub(crate) routers: Watched<Routers>,
    /// Ways that were looked up.
    pub(crate) ways: Memo<Way>,
    /// Pairs of a unicast address of ours and a source that were found sound, and on which interface.
    pub(crate) judged: Memo<InterfaceId>,
    pub(crate) autoconf: Autoconf,
    pub(crate) identifications: Identifications,
    pub(crate) limiter: Limiter,
    pub(crate) events: VecDeque<HostEvent>,
    /// `None` unless somebody watches.
    pub(crate) traces: Option<VecDeque<Trace>>,
    /// Packets to ourselves, for captures; empty unless somebody watches.
    pub(crate) looped: VecDeque<Bytes>,
    next_interface: u32,
    pub(crate) next_frame: u64,
}

/// A frame on its way to a device.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) interface: InterfaceId,
    /// To which neighbour.
    pub(crate) next_hop: IpAddr,
    pub(crate) frame: Frame,
    pub(crate) why: Option<Why>,
}

impl Ip {
    pub(crate) fn new(config: HostConfig, mut rng: Rng) -> Self {
        let path_mtus = PathMtus::new(config.path_mtu_timeout, config.path_mtus);
        let own = [Cidr::new(Ipv4Addr::LOCALHOST.into(), 8), Cidr::new(Ipv6Addr::LOCALHOST.into(), 128)];
        let loopback = Interface {
            id: InterfaceId::LOOPBACK,
            name: "lo".into(),
            medium: Medium::Ip,
            mtu: LOOPBACK_MTU,
            mtu_configured: LOOPBACK_MTU,
            mtu_advertised: None,
            errors: true,
            up: true,
            segmentation: true,
            checksum: true,
            ahead: Duration::ZERO,
            duplicate_detection: false,
            addresses: own.into_iter().flatten().map(Address::preferred).collect(),
            neighbours: neighbour::Cache::new(config.neighbours),
        };
        Self {
            rng: rng.fork(),
            judges_by_tape: false,
            counters: Counters::default(),
            budget: Budget::new(config.memory),
            interfaces: Watched::new(Vec::from([loopback])),
            routes: Watched::default(),
            path_mtus: Watched::new(path_mtus),
            out_octets: 0,
            reassembly: Reassembly::new(
                config.reassembly_timeout,
                config.reassembly_memory,
                config.reassembly_memory_per_source,
            ),
            routers: Watched::default(),
            ways: Memo::new(),
            judged: Memo::new(),
            autoconf: Autoconf::default(),
            identifications: Identifications::new(&mut rng),
            limiter: Limiter::new(config.errors_per_second, config.errors_at_once),
            out: VecDeque::new(),
            local: VecDeque::new(),
            events: VecDeque::new(),
            traces: None,
            looped: VecDeque::new(),
            next_interface: 1,
            next_frame: 1,
            config,
        }
    }

    /// Whether the checksum of something that arrived verifies.
    pub(crate) fn judge(&mut self, verifies: impl FnOnce() -> bool) -> bool {
        if !self.judges_by_tape {
            return verifies();
        }
        self.rng.outcome(Chance::Checksum, || u64::from(verifies())) != 0
    }

    /// Counts whatever may have changed where packets go, and from which address.
    pub(crate) const fn epoch(&self) -> u64 {
        // None of them ever counts down, so that no sum comes again.
        (self.interfaces.changes())
            .wrapping_add(self.routes.changes())
            .wrapping_add(self.path_mtus.changes())
            .wrapping_add(self.routers.changes())
    }

    pub(crate) fn loopback(&self) -> &Interface {
        // Made in `new`, never taken away.
        &self.interfaces[0]
    }

    pub(crate) fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.iter().find(|i| i.id == id)
    }

    pub(crate) fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.iter_mut().find(|i| i.id == id)
    }

    /// Whether `address` is one of ours, loopback included: all of 127/8 is (RFC 1122 §3.2.1.3 g).
    pub(crate) fn is_local(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.interfaces.iter().any(|i| i.has(address))
    }

    /// Whether packets to `address` through `interface` go to everybody there.
    pub(crate) fn is_broadcast(&self, interface: Option<InterfaceId>, address: IpAddr) -> bool {
        self.interfaces
            .iter()
            .any(|i| !i.is_loopback() && interface.is_none_or(|id| id == i.id) && i.is_broadcast(address))
    }

    /// Adds an interface without its addresses.
    pub(crate) fn add_interface(&mut self, config: &InterfaceConfig) -> Result<InterfaceId, InterfaceError> {
        let v6 = config.addresses.iter().any(|a| a.address().is_ipv6());
        if config.mtu < 576 || (v6 && config.mtu < 1280) {
            return Err(InterfaceError::Mtu);
        }
        if let Medium::Ethernet(mac) = config.medium
            && !mac.is_unicast()
        {
            return Err(InterfaceError::LinkAddress);
        }
        for (n, &cidr) in config.addresses.iter().enumerate() {
            let twice = config.addresses.iter().take(n).any(|a| a.address() == cidr.address());
            self.acceptable(cidr)?;
            if twice {
                return Err(InterfaceError::Duplicate);
            }
        }
        let id = InterfaceId::new(self.next_interface);
        self.next_interface = self.next_interface.checked_add(1).ok_or(InterfaceError::TooMany)?;
        self.interfaces.push(Interface {
            id,
            name: config.name.clone(),
            medium: config.medium,
            mtu: config.mtu,
            mtu_configured: config.mtu,
            mtu_advertised: None,
            errors: config.errors,
            up: true,
            segmentation: config.segmentation,
            checksum: config.checksum,
            ahead: config.ahead,
            duplicate_detection: config.duplicate_detection,
            addresses: Vec::new(),
            neighbours: neighbour::Cache::new(self.config.neighbours),
        });
        Ok(id)
    }

    /// The addresses that an interface begins with: those given, and on Ethernet a link-local one.
    pub(crate) fn first_addresses(config: &InterfaceConfig) -> Vec<Cidr> {
        let mut all = config.addresses.clone();
        let has = |a: &Cidr| matches!(a.address(), IpAddr::V6(a) if a.is_unicast_link_local());
        if let Medium::Ethernet(mac) = config.medium
            && config.link_local
            && config.mtu >= 1280
            && !all.iter().any(has)
        {
            all.extend(Cidr::new(link_local(mac).into(), 64));
        }
        all
    }

    /// Whether an address can be added.
    pub(crate) fn acceptable(&self, cidr: Cidr) -> Result<(), InterfaceError> {
        if !unicast(cidr) {
            return Err(InterfaceError::Address);
        }
        let link_local = matches!(cidr.address(), IpAddr::V6(a) if a.is_unicast_link_local());
        let taken =
            self.interfaces.iter().flat_map(|i| &i.addresses).any(|a| a.cidr.address() == cidr.address());
        if taken && !link_local { Err(InterfaceError::Duplicate) } else { Ok(()) }
    }

    /// Adds a route.
    pub(crate) fn add_route(&mut self, entry: RouteEntry) -> Result<(), InterfaceError> {
        self.interface(entry.interface).ok_or(InterfaceError::Unknown)?;
        if let Some(gateway) = entry.gateway {
            let host = Cidr::new(gateway, if gateway.is_ipv4() { 32 } else { 128 });
            if gateway.is_ipv4() != entry.destination.address().is_ipv4()
                || !host.is_some_and(unicast)
                || self.is_local(gateway)
            {
                return Err(InterfaceError::Gateway);
            }
        }
        self.routes.add(entry);
        Ok(())
    }

    /// Counts a packet that was dropped by a transport, and tells those who watch.
    pub(crate) fn drop(&mut self, now: Instant, why: Drop, packet: &Delivered) {
        self.drop_frame(now, why, packet.interface, packet.frame);
    }

    pub(crate) fn drop_frame(&mut self, now: Instant, why: Drop, interface: InterfaceId, frame: u64) {
        self.counters.count(why);
        if self.watching() {
            self.trace(Trace::Dropped { at: now, frame, interface, why });
        }
    }

    /// Whether somebody watches: nothing needs to be traced otherwise.
    pub(crate) fn watching(&self) -> bool {
        self.traces.is_some()
    }

    /// Tells the user, unless that is still waiting to be heard.
    pub(crate) fn tell(&mut self, event: HostEvent) {
        if !self.events.contains(&event) {
            self.events.push_back(event);
        }
    }

    /// Tells those who watch; the oldest makes room.
    pub(crate) fn trace(&mut self, trace: Trace) {
        let most = self.config.trace;
        if let Some(traces) = &mut self.traces {
            while traces.len() >= most.max(1) {
                traces.pop_front();
            }
            traces.push_back(trace);
        }
    }
}

/// Whether one host on a wire can have this address in this network.
fn unicast(cidr: Cidr) -> bool {
    match cidr.address() {
        IpAddr::V4(a) => {
            !(a.is_unspecified()
                || a.is_loopback()
                || a.is_multicast()
                || a.octets()[0] >= 240
                || a.octets()[0] == 0
                || cidr.broadcast() == Some(a)
                || (cidr.broadcast().is_some() && cidr.network() == cidr.address()))
        }
        IpAddr::V6(a) => {
            !(a.is_unspecified() || a.is_loopback() || a.is_multicast() || a.to_ipv4_mapped().is_some())
        }
    }
}

impl Address {
    pub(crate) fn preferred(cidr: Cidr) -> Self {
        Self { cidr, state: AddressState::Preferred, probes: 0, due: Instant::FAR }
    }
}
