//! IPv6 in (RFC 8200, RFC 4291).

use super::{Arrival, martian, part, quote};
use crate::fragments::{Key, Piece};
use crate::{Cast, Delivered, Drop, ErrorKind, Host};
use bytes::Bytes;
use core::net::{IpAddr, Ipv6Addr};
use env::Instant;
use wire::ipv6::{self, Problem, Refused, View};
use wire::{Malformed, Payload, ndp};

impl Host {
    /// Takes an IPv6 packet; octets after its end are the link's padding (RFC 8200 8200-16, 8200-22).
    pub(super) fn receive_ipv6(&mut self, now: Instant, arrival: Arrival, packet: Bytes) {
        self.ip.counters.ipv6_in_receives += super::packets(&arrival, packet.len());
        self.ip.counters.ipv6_in_octets += packet.len() as u64;
        self.trace_arrival(&arrival, &packet);
        let Ok(view) = View::new(&packet) else {
            return self.refuse(now, &arrival, Drop::Ipv6Malformed);
        };
        let (src, dst) = (view.src(), view.dst());
        let known = self.is_known(&arrival, src.into(), dst.into());
        let judged = if known { Ok(Cast::Unicast) } else { self.judge_ipv6(&arrival, src, dst) };
        let cast = match judged {
            Ok(cast) => cast,
            Err(why) => return self.refuse(now, &arrival, why),
        };
        if !known {
            self.found_sound(&arrival, src.into(), dst.into(), cast);
        }
        let end = view.payload_range().end;
        let mut delivered = Delivered {
            interface: arrival.interface,
            src: src.into(),
            dst: dst.into(),
            protocol: view.next_header(),
            ttl: view.hop_limit(), // Zero too (RFC 8200 8200-1).
            dscp: view.dscp(),
            ecn: view.ecn(),
            cast,
            link_group: arrival.link_group,
            quote: if super::is_quoted(view.next_header(), view.payload()) {
                quote(&packet, end)
            } else {
                Bytes::new()
            },
            named_at: 6,
            payload: Payload::EMPTY,
            checksum: arrival.checksum,
            segment_size: arrival.segment_size,
            arrived: arrival.arrived,
            frame: arrival.frame,
        };
        let chain = match view.walk() {
            Ok(chain) => chain,
            Err(refused) => return self.refuse_chain(now, &delivered, refused),
        };
        let Some(fragment) = chain.fragment else {
            delivered.protocol = chain.protocol;
            delivered.named_at = chain.named_at as u32;
            delivered.payload = part(packet, chain.offset, end, arrival.held);
            return self.deliver(now, arrival.link_src, false, delivered);
        };
        if fragment.is_atomic() {
            // Whole by itself: it neither joins nor disturbs a reassembly (RFC 6946 6946-1; RFC 8200 8200-15).
            delivered.protocol = chain.protocol;
            delivered.named_at = chain.named_at as u32;
            delivered.payload = part(packet, chain.offset, end, arrival.held);
            return self.deliver(now, arrival.link_src, true, delivered);
        }
        delivered.protocol = fragment.next_header;
        delivered.named_at = fragment.header_at as u32;
        delivered.checksum = wire::Checksum::InPacket;
        delivered.segment_size = None;
        let piece = Piece {
            key: Key::new(src.into(), dst.into(), fragment.identification, fragment.next_header),
            offset: fragment.offset,
            more: fragment.more,
            data: part(packet, fragment.data_at(), end, arrival.held),
            about: delivered,
        };
        let Some(mut whole) = self.reassemble(now, piece) else { return };
        let payload = whole.payload.contiguous();
        match ipv6::walk(whole.protocol, &payload) {
            // A fragment header inside of fragments: nobody needs that.
            Ok(chain) if chain.fragment.is_some() => {
                self.refuse(now, &arrival, Drop::Ipv6ExtensionHeader);
            }
            Ok(chain) => {
                whole.protocol = chain.protocol;
                whole.named_at += (chain.named_at as u32).saturating_sub(6);
                whole.payload.advance(chain.offset.saturating_sub(ipv6::HEADER_LEN));
                self.deliver(now, arrival.link_src, true, whole);
            }
            Err(refused) => self.refuse_chain(now, &whole, refused),
        }
    }

    /// Drops a packet at its extension headers, and says so if it is to be said (RFC 8200 8200-2 to 8200-7: 8200-3,
    /// 8200-5, 8200-7, 8200-12, 8200-13, 8200-14; RFC 5095 5095-1; RFC 4443 4443-15). Nothing of a routing header is ever
    /// used in an answer (8200-21).
    fn refuse_chain(&mut self, now: Instant, packet: &Delivered, refused: Refused) {
        let (why, report) = match refused {
            Refused::Silently(Malformed::TooMany) => (Drop::Ipv6TooManyHeaders, None),
            Refused::Silently(Malformed::Unsupported | Malformed::BadField) => {
                (Drop::Ipv6UnknownOption, None)
            }
            Refused::Silently(_) => (Drop::Ipv6ExtensionHeader, None),
            Refused::Report { code, pointer, even_multicast } => {
                let why = match code {
                    Problem::Option => Drop::Ipv6UnknownOption,
                    Problem::IncompleteChain => Drop::FragmentHeaderChain,
                    Problem::NextHeader => Drop::UnknownProtocol,
                    Problem::Field => Drop::Ipv6ExtensionHeader,
                };
                let kind = ErrorKind::ParameterProblem { code: code.code(), pointer };
                (why, (packet.cast == Cast::Unicast || even_multicast).then_some(kind))
            }
        };
        self.ip.drop(now, why, packet);
        if let Some(kind) = report {
            self.ip.send_error(now, kind, packet);
        }
    }

    /// Whether these addresses can be, and to whom the packet is (RFC 4291 4291-1, 4291-2, 4291-3).
    fn judge_ipv6(&self, arrival: &Arrival, src: Ipv6Addr, dst: Ipv6Addr) -> Result<Cast, Drop> {
        let interface = self.ip.interface(arrival.interface).ok_or(Drop::InterfaceDown)?;
        let (from, to) = (IpAddr::from(src), IpAddr::from(dst));
        if !arrival.local {
            if martian::destination(to) {
                return Err(Drop::MartianDestination);
            }
            if src == dst {
                return Err(Drop::Land);
            }
            // A host that has no address yet speaks to groups only (RFC 4861 §7.1.1, RFC 3590).
            if martian::source(from)
                || self.ip.is_local(from)
                || (src.is_unspecified() && !dst.is_multicast())
            {
                return Err(Drop::MartianSource);
            }
        }
        if dst.is_multicast() {
            // RFC 4861 4861-4: every node is in its solicited-node groups, those of addresses that are still probed too.
            let solicited = |a: &crate::interface::Address| match a.cidr.address() {
                IpAddr::V6(own) => ndp::solicited_node(own) == dst,
                IpAddr::V4(_) => false,
            };
            let member = dst == ndp::ALL_NODES
                || interface.addresses.iter().any(solicited)
                || self.multicast.accepts(arrival.interface, to, from);
            return if member { Ok(Cast::Multicast) } else { Err(Drop::NotJoined) };
        }
        let ours = if arrival.local { self.ip.is_local(to) } else { interface.has(to) };
        if !ours {
            return Err(Drop::NotForUs);
        }
        if arrival.link_group { Err(Drop::LinkBroadcastOfUnicast) } else { Ok(Cast::Unicast) }
    }
}
