//! Neighbours: which link address an IP address has on an Ethernet (RFC 826, RFC 4861).
//!
//! ```text
//!   packet ─► group? ─► its MAC address is computed
//!             │ no
//!             ▼
//!           cache.rs: known? ─► send
//!             │ no                       arp.rs, ndp.rs: ask, answer, learn
//!             └─► ask, and wait ◄─────── timers: ask again, at most once a second, three times; then unreachable
//! ```

mod arp;
mod autoconf;
mod cache;
mod duplicate;
mod ndp;
mod router;

pub(crate) use autoconf::Autoconf;
#[cfg(test)]
pub(crate) use cache::State;
pub(crate) use cache::{Action, Cache, Next};
pub(crate) use router::Routers;

use crate::ip::Outgoing;
use crate::{Account, Drop, ErrorKind, Host, IcmpError, InterfaceId, Ip};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::IpAddr;
use env::Instant;
use wire::Quoted;
use wire::ethernet::MacAddr;

impl Ip {
    /// Where a packet goes on its link; or `None`, and it waits (or there was no room for it to).
    pub(crate) fn neighbour_of(&mut self, now: Instant, outgoing: Outgoing) -> Option<(MacAddr, Outgoing)> {
        let interface = self.interfaces.quietly().iter_mut().find(|i| i.id == outgoing.interface)?;
        let next_hop = outgoing.next_hop;
        // RFC 791 791-34: a broadcast or a group in IP is one on the link, and nothing else is.
        match next_hop {
            IpAddr::V4(a) if a.is_multicast() => return Some((MacAddr::multicast_v4(a), outgoing)),
            IpAddr::V6(a) if a.is_multicast() => return Some((MacAddr::multicast_v6(a), outgoing)),
            _ if interface.is_broadcast(next_hop) => return Some((MacAddr::BROADCAST, outgoing)),
            _ => {}
        }
        let (next, evicted) = interface.neighbours.look_up(now, next_hop);
        self.drop_waiting(now, evicted, Drop::NeighbourTableFull);
        match next {
            Next::Send(mac) => return Some((mac, outgoing)),
            Next::Ask => {
                self.wait(now, outgoing);
                self.solicit(now, next_hop, None);
            }
            Next::Wait => self.wait(now, outgoing),
        }
        None
    }

    /// Lets a packet wait for its neighbour's address; the oldest one makes room (RFC 4861 4861-5, RFC 826 826-3).
    fn wait(&mut self, now: Instant, outgoing: Outgoing) {
        let cost = outgoing.frame.head.len() + outgoing.frame.body.held();
        if self.budget.charge(Account::Neighbour, cost).is_err() {
            return self.drop_frame(now, Drop::NeighbourQueueFull, outgoing.interface, 0);
        }
        let Some(interface) = self.interfaces.quietly().iter_mut().find(|i| i.id == outgoing.interface)
        else {
            return;
        };
        let displaced = interface.neighbours.wait(outgoing);
        self.drop_waiting(now, displaced, Drop::NeighbourQueueFull);
    }

    pub(crate) fn drop_waiting(
        &mut self,
        now: Instant,
        packets: impl IntoIterator<Item = Outgoing>,
        why: Drop,
    ) {
        for packet in packets {
            self.budget.release(Account::Neighbour, packet.frame.head.len() + packet.frame.body.held());
            self.drop_frame(now, why, packet.interface, 0);
        }
    }

    /// Sends what waited for a neighbour.
    fn flush(&mut self, now: Instant, mac: MacAddr, packets: Vec<Outgoing>) {
        for packet in packets {
            self.budget.release(Account::Neighbour, packet.frame.head.len() + packet.frame.body.held());
            self.send_to(now, mac, packet);
        }
    }

    /// Asks the link who has `target`: everybody, or only `at`.
    fn solicit(&mut self, now: Instant, target: IpAddr, at: Option<MacAddr>) {
        let Some(id) = self.interfaces.iter().find(|i| i.neighbours.has(target)).map(|i| i.id) else {
            return;
        };
        match target {
            IpAddr::V4(target) => self.arp_request(id, target, at),
            IpAddr::V6(target) => self.neighbour_solicit(now, id, target, at),
        }
    }

    /// The upper layer saw that packets reach `dst`: so does its next hop (RFC 4861 4861-11).
    pub(crate) fn confirm(&mut self, now: Instant, dst: IpAddr) {
        let Ok(route) = self.route_to(dst, None) else { return };
        let rng = &mut self.rng;
        if let Some(interface) = self.interfaces.quietly().iter_mut().find(|i| i.id == route.interface) {
            interface.neighbours.confirm(now, route.next_hop, rng);
        }
    }

    /// The upper layer doubts that packets reach `dst` (RFC 9293 MUST-20, RFC 791 791-27): the next hop is asked.
    pub(crate) fn doubt(&mut self, now: Instant, dst: IpAddr) {
        let Ok(route) = self.route_to(dst, None) else { return };
        if let Some(interface) = self.interface_mut(route.interface) {
            interface.neighbours.doubt(now, route.next_hop);
        }
    }
}

impl Host {
    /// Runs what is due about neighbours, on every interface.
    pub(crate) fn neighbours_timeout(&mut self, now: Instant) {
        let ids: Vec<InterfaceId> = self.ip.interfaces.iter().map(|i| i.id).collect();
        for id in ids {
            while let Some(action) = self.ip.interface_mut(id).and_then(|i| i.neighbours.expire(now)) {
                match action {
                    Action::Ask { target, at } => self.ip.solicit(now, target, at),
                    Action::Unreachable { target, waiting } => {
                        self.ip.gateway_failed(now, target);
                        for packet in &waiting {
                            self.report_unreachable(now, packet);
                        }
                        self.ip.drop_waiting(now, waiting, Drop::NeighbourUnreachable);
                    }
                }
            }
        }
    }

    /// Tells the sender of a packet that its neighbour did not answer, as a router would (RFC 4861 4861-7).
    fn report_unreachable(&mut self, now: Instant, packet: &Outgoing) {
        let mut start = packet.frame.head.as_slice().to_vec();
        start.extend(packet.frame.body.chunks().iter().flatten().take(8));
        let quoted = match packet.next_hop {
            IpAddr::V4(_) => Quoted::v4(&start),
            IpAddr::V6(_) => Quoted::v6(&start),
        };
        let Ok(quoted) = quoted else { return };
        let error = IcmpError {
            kind: ErrorKind::HostUnreachable,
            disrupted: true,
            from: quoted.src,
            interface: packet.interface,
            src: quoted.src,
            dst: quoted.dst,
            protocol: quoted.protocol,
            quoted: Bytes::copy_from_slice(quoted.transport),
            quoted_len: u16::try_from(quoted.packet_len).unwrap_or(u16::MAX),
            arrived: now,
        };
        self.pass_error(now, &error);
    }
}
