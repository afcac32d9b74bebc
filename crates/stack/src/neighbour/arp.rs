//! ARP (RFC 826, RFC 1122 §2.3.2, RFC 5227).

use super::cache::Advert;
use crate::ingress::Arrival;
use crate::{Drop, Host, HostEvent, InterfaceId, Ip, Medium, Trace, trace};
use core::net::{IpAddr, Ipv4Addr};
use env::Instant;
use wire::arp::{Operation, Repr, View};
use wire::ethernet::{self, EtherType, MacAddr};
use wire::{Head, Payload};

impl Host {
    /// Takes an ARP packet: remember, then answer (RFC 826 826-1).
    pub(crate) fn receive_arp(&mut self, now: Instant, arrival: Arrival, packet: &[u8]) {
        if self.ip.watching()
            && let Some(packet) = trace::Packet::read_arp(packet)
        {
            let (at, frame, interface) = (arrival.arrived, arrival.frame, arrival.interface);
            self.ip.trace(Trace::Received { at, frame, interface, packet });
        }
        let repr = View::new(packet).map(|view| view.repr());
        let sound = repr.ok().filter(|r| r.sender_mac.is_unicast() && arrival.link_src == Some(r.sender_mac));
        let Some(repr) = sound else {
            return self.ip.drop_frame(now, Drop::ArpMalformed, arrival.interface, arrival.frame);
        };
        match repr.operation {
            Operation::Request => self.ip.counters.arp_in_requests += 1,
            Operation::Reply => self.ip.counters.arp_in_replies += 1,
        }
        let Some(interface) = self.ip.interface(arrival.interface) else { return };
        let Medium::Ethernet(ours) = interface.medium else { return };
        let (sender, target) = (IpAddr::from(repr.sender_ip), IpAddr::from(repr.target_ip));
        let for_us = interface.has(target);
        if interface.has(sender) {
            if repr.sender_mac != ours {
                self.ip.tell(HostEvent::AddressConflict(arrival.interface, sender)); // RFC 5227 §2.4
            }
            return self.ip.drop_frame(now, Drop::ArpMalformed, arrival.interface, arrival.frame);
        }
        // A probe has no sender address (RFC 5227 §1.1): answered, and nothing to remember.
        let host = !sender.is_unspecified()
            && !interface.is_broadcast(sender)
            && !sender.is_multicast()
            && !sender.is_loopback();
        if host {
            self.remember(now, arrival, repr, for_us);
        }
        match repr.operation {
            Operation::Request if for_us => {
                let reply = Repr {
                    operation: Operation::Reply,
                    sender_mac: ours,
                    sender_ip: repr.target_ip,
                    target_mac: repr.sender_mac,
                    target_ip: repr.sender_ip,
                };
                self.ip.counters.arp_out_replies += 1;
                self.ip.send_arp(arrival.interface, repr.sender_mac, reply);
            }
            Operation::Reply if for_us => {}
            // Somebody else's talk; what we knew of the sender was updated.
            _ => self.ip.counters.count(Drop::ArpNotForUs),
        }
    }

    fn remember(&mut self, now: Instant, arrival: Arrival, repr: Repr, for_us: bool) {
        let sender = IpAddr::from(repr.sender_ip);
        let rng = &mut self.ip.rng;
        let Some(interface) = self.ip.interfaces.quietly().iter_mut().find(|i| i.id == arrival.interface)
        else {
            return;
        };
        let answers = repr.operation == Operation::Reply && for_us && !arrival.link_group;
        let (learned, evicted) = if answers {
            // We ask in broadcasts and are answered alone: it is there, and hears us.
            let mac = Some(repr.sender_mac);
            let advert = Advert { mac, router: None, solicited: true, overrides: true };
            (interface.neighbours.advertised(now, sender, advert, rng), alloc::vec::Vec::new())
        } else {
            // A new neighbour is remembered only when it speaks to us, and asks: what nobody asked for is not believed.
            let create = for_us && repr.operation == Operation::Request;
            interface.neighbours.overheard(now, sender, repr.sender_mac, create)
        };
        self.ip.drop_waiting(now, evicted, Drop::NeighbourTableFull);
        self.ip.gateway_lives(sender);
        self.ip.flush(now, learned.mac, learned.ready);
    }
}

impl Ip {
    /// Asks who has `target`; everybody, or only the station that had it.
    pub(super) fn arp_request(&mut self, id: InterfaceId, target: Ipv4Addr, at: Option<MacAddr>) {
        let Some(interface) = self.interface(id) else { return };
        let Medium::Ethernet(ours) = interface.medium else { return };
        // From an address in the target's network, so that it will answer (RFC 1122 leaves the choice open).
        let own = interface.addresses.iter().filter(|a| a.usable() && a.cidr.address().is_ipv4());
        let source = own.clone().find(|a| a.cidr.contains(target.into())).or_else(|| own.clone().next());
        let sender_ip = match source.map(|a| a.cidr.address()) {
            Some(IpAddr::V4(a)) => a,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let request = Repr {
            operation: Operation::Request,
            sender_mac: ours,
            sender_ip,
            target_mac: MacAddr::UNSPECIFIED,
            target_ip: target,
        };
        self.counters.arp_out_requests += 1;
        self.send_arp(id, at.unwrap_or(MacAddr::BROADCAST), request);
    }

    /// Tells everybody that an address of ours is here (RFC 5227 §2.3).
    pub(super) fn arp_announce(&mut self, id: InterfaceId, address: Ipv4Addr) {
        let Some(Medium::Ethernet(ours)) = self.interface(id).map(|i| i.medium) else { return };
        let announcement = Repr {
            operation: Operation::Request,
            sender_mac: ours,
            sender_ip: address,
            target_mac: MacAddr::UNSPECIFIED,
            target_ip: address,
        };
        self.counters.arp_out_requests += 1;
        self.send_arp(id, MacAddr::BROADCAST, announcement);
    }

    fn send_arp(&mut self, id: InterfaceId, dst: MacAddr, repr: Repr) {
        let mut head = Head::new();
        let header = ethernet::Repr { dst, src: repr.sender_mac, ethertype: EtherType::ARP, vlan: None };
        if header.prepend_to(&mut head).is_ok() {
            self.send_raw(id, repr.target_ip.into(), head, Payload::copy_of(&repr.emit()));
        }
    }
}
