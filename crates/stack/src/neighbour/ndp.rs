//! Neighbour discovery (RFC 4861 §7.2).

use super::cache::Advert;
use crate::ip::Outgoing;
use crate::{Delivered, Drop, Host, InterfaceId, Ip, Medium};
use core::net::{IpAddr, Ipv6Addr};
use env::Instant;
use wire::ethernet::MacAddr;
use wire::ndp::{self, Repr};
use wire::{Frame, Head, Protocol, ipv6};

impl Host {
    /// Takes a neighbour discovery message that passed its checks (RFC 4861 4861-1, 4861-2, 4861-3, 4861-20).
    pub(crate) fn receive_ndp(
        &mut self,
        now: Instant,
        link_src: Option<MacAddr>,
        packet: &Delivered,
        message: Repr,
    ) {
        let (IpAddr::V6(src), id) = (packet.src, packet.interface) else { return };
        match message {
            Repr::RouterSolicit { .. } => {} // For routers (RFC 4861 4861-21; 4861-23: nor do we send what they send).
            Repr::RouterAdvert(advert) => self.router_advertised(now, packet, src, advert),
            Repr::NeighborSolicit { target, source_link } => {
                self.ip.counters.nd_in_solicits += 1;
                self.solicited(now, packet, src, target, source_link, link_src);
            }
            Repr::NeighborAdvert { router, solicited, overrides, target, target_link } => {
                self.ip.counters.nd_in_advertises += 1;
                if self.duplicate_found(id, target.into()) {
                    return;
                }
                let Some(interface) = self.ip.interfaces.quietly().iter_mut().find(|i| i.id == id) else {
                    return;
                };
                let mac = target_link.filter(|mac| mac.is_unicast());
                let advert = Advert { mac, router: Some(router), solicited, overrides };
                let rng = &mut self.ip.rng;
                let learned = interface.neighbours.advertised(now, target.into(), advert, rng);
                if learned.router_gone {
                    self.ip.gateway_failed(now, target.into()); // RFC 4861 §7.2.5: it routes no more.
                } else if solicited {
                    self.ip.gateway_lives(target.into());
                }
                self.ip.flush(now, learned.mac, learned.ready);
            }
            Repr::Redirect { target, destination, target_link } => {
                self.redirected(now, packet, target.into(), Ok((packet.dst, destination.into())));
                let _ = target_link;
            }
        }
    }

    /// Somebody asks for an address (RFC 4861 4861-8, 4861-9).
    fn solicited(
        &mut self,
        now: Instant,
        packet: &Delivered,
        src: Ipv6Addr,
        target: Ipv6Addr,
        source_link: Option<MacAddr>,
        link_src: Option<MacAddr>,
    ) {
        let id = packet.interface;
        if src.is_unspecified() && self.duplicate_found(id, target.into()) {
            return; // RFC 4862 §5.4.3: another one probes for the same address.
        }
        let Some(interface) = self.ip.interfaces.quietly().iter_mut().find(|i| i.id == id) else { return };
        if !interface.has(target.into()) {
            return self.ip.drop(now, Drop::NdpInvalid, packet); // Not ours, or still tentative (RFC 4862 4862-2).
        }
        let Medium::Ethernet(ours) = interface.medium else { return };
        if let Some(mac) = source_link.filter(|mac| mac.is_unicast() && !src.is_unspecified()) {
            let (learned, evicted) = interface.neighbours.overheard(now, src.into(), mac, true);
            self.ip.drop_waiting(now, evicted, Drop::NeighbourTableFull);
            self.ip.flush(now, learned.mac, learned.ready);
        }
        let known = !src.is_unspecified();
        let reply = Repr::NeighborAdvert {
            router: false,
            solicited: known,
            overrides: true,
            target,
            target_link: Some(ours),
        };
        self.ip.counters.nd_out_advertises += 1;
        let (dst, mac) = if known {
            (src, source_link.or(link_src).unwrap_or(MacAddr::BROADCAST))
        } else {
            (ndp::ALL_NODES, MacAddr::multicast_v6(ndp::ALL_NODES))
        };
        self.ip.send_ndp(now, id, mac, target, dst, &reply);
    }
}

impl Ip {
    /// Asks who has `target` (RFC 4861 4861-6); everybody in its solicited-node group, or only the station that had it.
    pub(super) fn neighbour_solicit(
        &mut self,
        now: Instant,
        id: InterfaceId,
        target: Ipv6Addr,
        at: Option<MacAddr>,
    ) {
        let Some(interface) = self.interface(id) else { return };
        let Medium::Ethernet(ours) = interface.medium else { return };
        let Some(IpAddr::V6(src)) = self.source_for(interface, target.into()) else { return };
        let group = ndp::solicited_node(target);
        let (dst, mac) = match at {
            Some(mac) => (target, mac),
            None => (group, MacAddr::multicast_v6(group)),
        };
        self.counters.nd_out_solicits += 1;
        let question = Repr::NeighborSolicit { target, source_link: Some(ours) };
        self.send_ndp(now, id, mac, src, dst, &question);
    }

    /// Sends a message to a station, with the hop limit that proves that it comes from the link. Never in fragments
    /// (RFC 6980 6980-1): no message of ours is long.
    pub(super) fn send_ndp(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        mac: MacAddr,
        src: Ipv6Addr,
        dst: Ipv6Addr,
        message: &Repr,
    ) {
        if self.out.len() >= self.config.queue {
            return self.counters.count(Drop::EgressQueueFull);
        }
        let body = message.emit(src, dst);
        let mut head = Head::new();
        let header = ipv6::Repr { hop_limit: 255, ..ipv6::Repr::new(src, dst, Protocol::ICMPV6) };
        if header.prepend_to(&mut head, body.len()).is_err() {
            return;
        }
        self.counters.icmp_out_msgs += 1;
        let frame = Frame { head, body: body.into(), ..Frame::default() };
        self.send_to(now, mac, Outgoing { interface, next_hop: dst.into(), frame, why: None });
    }
}
