//! IPv4 in (RFC 791, RFC 1122 §3.2.1).

use super::{Arrival, martian, part, quote};
use crate::fragments::{Key, Piece};
use crate::{Cast, Delivered, Drop, ErrorKind, Host};
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr};
use env::Instant;
use wire::ipv4::View;

/// Where the header says what it carries.
const PROTOCOL_AT: u32 = 9;
/// All systems on this network (RFC 1112 §4): every host is in it.
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

impl Host {
    /// Takes an IPv4 packet; octets after its end are the link's padding (RFC 791 791-1, 791-9, 791-23, 791-35).
    pub(super) fn receive_ipv4(&mut self, now: Instant, arrival: Arrival, packet: Bytes) {
        self.ip.counters.ip_in_receives += super::packets(&arrival, packet.len());
        self.ip.counters.ip_in_octets += packet.len() as u64;
        self.trace_arrival(&arrival, &packet);
        let Ok(view) = View::new(&packet) else {
            return self.refuse(now, &arrival, Drop::Ipv4Malformed);
        };
        if !view.checksum_ok() {
            return self.refuse(now, &arrival, Drop::Ipv4Checksum);
        }
        let (src, dst) = (IpAddr::from(view.src()), IpAddr::from(view.dst()));
        let known = self.is_known(&arrival, src, dst);
        let judged =
            if known { Ok(Cast::Unicast) } else { self.judge_ipv4(&arrival, view.src(), view.dst()) };
        let cast = match judged {
            Ok(cast) => cast,
            Err(why) => return self.refuse(now, &arrival, why),
        };
        if !known {
            self.found_sound(&arrival, src, dst, cast);
        }
        let range = view.payload_range();
        let fragment = view.is_fragment();
        let quoted =
            fragment || !view.option_bytes().is_empty() || super::is_quoted(view.protocol(), view.payload());
        let mut delivered = Delivered {
            interface: arrival.interface,
            src,
            dst,
            protocol: view.protocol(),
            ttl: view.ttl(), // However low: a host at the end of the way takes it (RFC 1122 §3.2.1.7).
            dscp: view.dscp(),
            ecn: view.ecn(),
            cast,
            link_group: arrival.link_group,
            quote: if quoted { quote(&packet, range.end) } else { Bytes::new() },
            named_at: PROTOCOL_AT,
            payload: wire::Payload::EMPTY,
            checksum: arrival.checksum,
            segment_size: arrival.segment_size,
            arrived: arrival.arrived,
            frame: arrival.frame,
        };
        if !view.option_bytes().is_empty() {
            match view.check_options() {
                // RFC 7126 §4.3, §4.4: who names the way may come by a way that filters do not see.
                Ok(seen) if seen.source_route => return self.refuse(now, &arrival, Drop::Ipv4Options),
                Ok(_) => {} // All others are passed by (RFC 9293 MUST-50, RFC 791 791-11).
                Err(pointer) => {
                    self.refuse(now, &arrival, Drop::Ipv4Options);
                    let kind = ErrorKind::ParameterProblem { code: 0, pointer: pointer.into() };
                    return self.ip.send_error(now, kind, &delivered);
                }
            }
        }
        if fragment {
            let key = Key::new(src, dst, view.identification().into(), view.protocol());
            let (offset, more) = (view.fragment_offset(), view.more_fragments());
            let data = part(packet, range.start, range.end, arrival.held);
            delivered.checksum = wire::Checksum::InPacket; // Of a part no device can say anything.
            delivered.segment_size = None;
            let piece = Piece { key, offset, more, data, about: delivered };
            if let Some(whole) = self.reassemble(now, piece) {
                self.deliver(now, arrival.link_src, true, whole);
            }
            return;
        }
        delivered.payload = part(packet, range.start, range.end, arrival.held);
        self.deliver(now, arrival.link_src, false, delivered);
    }

    /// Whether these addresses can be, and to whom the packet is (RFC 791 791-5, 791-6, 791-18, 791-20, 791-21). What is
    /// for somebody else is not sent on.
    fn judge_ipv4(&self, arrival: &Arrival, src: Ipv4Addr, dst: Ipv4Addr) -> Result<Cast, Drop> {
        let interface = self.ip.interface(arrival.interface).ok_or(Drop::InterfaceDown)?;
        let (from, to) = (IpAddr::from(src), IpAddr::from(dst));
        let group = dst.is_multicast() || interface.is_broadcast(to);
        if !arrival.local {
            if martian::destination(to) {
                return Err(Drop::MartianDestination);
            }
            if src == dst {
                return Err(Drop::Land);
            }
            // RFC 9293 MUST-63, RFC 1122 §3.2.1.3. A host without an address may speak to everybody only.
            if martian::source(from)
                || interface.is_broadcast(from)
                || self.ip.is_local(from)
                || (src.is_unspecified() && !group)
            {
                return Err(Drop::MartianSource);
            }
        }
        if dst.is_multicast() {
            let member = dst == ALL_SYSTEMS || self.multicast.accepts(arrival.interface, to, from);
            return if member { Ok(Cast::Multicast) } else { Err(Drop::NotJoined) };
        }
        if !arrival.local && interface.is_broadcast(to) || arrival.local && self.ip.is_group(to) {
            return Ok(Cast::Broadcast);
        }
        // RFC 1122 §3.3.4.2: an address belongs to its interface; from another wire it is not ours.
        let ours = if arrival.local { self.ip.is_local(to) } else { interface.has(to) };
        if !ours {
            return Err(Drop::NotForUs);
        }
        // RFC 1122 §3.3.6: what everybody on the link got is not for one address.
        if arrival.link_group { Err(Drop::LinkBroadcastOfUnicast) } else { Ok(Cast::Unicast) }
    }
}
