//! The link header: is the frame for us, and what is in it?

use super::Arrival;
use crate::{Drop, Host, Medium};
use bytes::Bytes;
use env::Instant;
use wire::ethernet::{EtherType, View};

impl Host {
    /// Takes a frame as its device gave it, and tells IP whether it was for everybody (RFC 791 791-36).
    pub(super) fn receive_link(&mut self, now: Instant, arrival: Arrival, medium: Medium, frame: Bytes) {
        let Medium::Ethernet(ours) = medium else {
            return self.receive_ip(now, arrival, frame);
        };
        let Ok(view) = View::new(&frame) else {
            return self.refuse(now, &arrival, Drop::LinkMalformed);
        };
        if view.src().is_multicast() {
            return self.refuse(now, &arrival, Drop::LinkMalformed);
        }
        // Identifier 0 only says how urgent the frame is; any other is a network that we are not in.
        let foreign = view.vlan().is_some_and(|tag| tag & 0xfff != 0);
        if foreign || !(view.dst() == ours || view.dst().is_multicast()) {
            return self.refuse(now, &arrival, Drop::LinkNotForUs);
        }
        let ethertype = view.ethertype();
        let arrival =
            Arrival { link_group: view.dst().is_multicast(), link_src: Some(view.src()), ..arrival };
        let packet = frame.slice(view.payload_range());
        match ethertype {
            EtherType::IPV4 => self.receive_ipv4(now, arrival, packet),
            EtherType::IPV6 => self.receive_ipv6(now, arrival, packet),
            EtherType::ARP => self.receive_arp(now, arrival, &packet),
            _ => self.refuse(now, &arrival, Drop::LinkUnknownProtocol),
        }
    }
}
