//! The way in: link, IP, reassembly, and whose it is.
//!
//! ```text
//!   frame ─► link.rs: for us? which EtherType? ─► arp ─► neighbour
//!                 │
//!                 ├─► ipv4.rs: header, martians, whose, options ─┐
//!                 └─► ipv6.rs: header, martians, whose, chain ───┤
//!                                                                ├─► fragments ─► whole ─┐
//!                                                                └──────────► deliver ◄──┘
//!                                                                  TCP UDP ICMP IGMP, or nobody
//! ```
//!
//! Every way out of here other than `deliver` is a counter.

mod ipv4;
mod ipv6;
mod link;
mod martian;

use crate::fragments::{Outcome, Piece};
use crate::{Cast, Delivered, Drop, ErrorKind, Host, InterfaceId, Trace, trace};
use bytes::Bytes;
use core::net::IpAddr;
use core::num::NonZeroU16;
use env::Instant;
use wire::ethernet::MacAddr;
use wire::tcp::Flags;
use wire::{Checksum, Frame, Payload, Protocol};

/// How a packet came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) interface: InterfaceId,
    /// It never was on a wire.
    pub(crate) local: bool,
    /// By link-layer broadcast or multicast.
    pub(crate) link_group: bool,
    /// The station that sent it.
    pub(crate) link_src: Option<MacAddr>,
    pub(crate) checksum: Checksum,
    pub(crate) segment_size: Option<NonZeroU16>,
    pub(crate) arrived: Instant,
    pub(crate) frame: u64,
    /// Octets of memory that the frame's buffer has.
    pub(crate) held: usize,
}

impl Arrival {
    fn of(interface: InterfaceId, frame: &Frame, local: bool) -> Self {
        let held = if frame.head.is_empty() { frame.body.held() } else { frame.len() };
        Self {
            interface,
            local,
            link_group: false,
            link_src: None,
            checksum: frame.offload.checksum,
            segment_size: frame.offload.segment_size,
            arrived: frame.arrived,
            frame: frame.id,
            held,
        }
    }
}

/// Octets of a packet that an ICMP error may need: as many as fit into one (RFC 4443 §2.4 c).
const QUOTE: usize = 1280;

impl Host {
    /// Takes a frame from a device.
    pub(crate) fn receive(&mut self, now: Instant, interface: InterfaceId, frame: Frame) {
        let arrival = Arrival::of(interface, &frame, false);
        let up = self.ip.interface(interface).filter(|i| i.up && !i.is_loopback()).map(|i| i.medium);
        let Some(medium) = up else {
            return self.ip.drop_frame(now, Drop::InterfaceDown, interface, frame.id);
        };
        self.receive_link(now, arrival, medium, frame.into_contiguous());
    }

    /// Takes a packet that we sent to ourselves.
    pub(crate) fn receive_local(&mut self, now: Instant, frame: Frame) {
        let arrival = Arrival::of(InterfaceId::LOOPBACK, &frame, true);
        self.receive_ip(now, arrival, frame.into_contiguous());
    }

    /// Takes a packet that begins with an IP header of either version.
    fn receive_ip(&mut self, now: Instant, arrival: Arrival, packet: Bytes) {
        match packet.first().map(|first| first >> 4) {
            Some(4) => self.receive_ipv4(now, arrival, packet),
            Some(6) => self.receive_ipv6(now, arrival, packet),
            _ => self.refuse(now, &arrival, Drop::LinkUnknownProtocol),
        }
    }

    /// Whether packets from `src` to `dst`, a unicast address of ours, were found sound on this interface, and nothing has
    /// changed since.
    fn is_known(&self, arrival: &Arrival, src: IpAddr, dst: IpAddr) -> bool {
        let epoch = self.ip.interfaces.changes();
        !arrival.link_group
            && !arrival.local
            && self.ip.judged.get(epoch, dst, src) == Some(arrival.interface)
    }

    /// Remembers that they are.
    fn found_sound(&mut self, arrival: &Arrival, src: IpAddr, dst: IpAddr, cast: Cast) {
        if cast == Cast::Unicast && !arrival.local {
            self.ip.judged.put(self.ip.interfaces.changes(), dst, src, arrival.interface);
        }
    }

    /// Counts a packet that goes no further.
    fn refuse(&mut self, now: Instant, arrival: &Arrival, why: Drop) {
        self.ip.drop_frame(now, why, arrival.interface, arrival.frame);
    }

    /// Tells those who watch what came in.
    fn trace_arrival(&mut self, arrival: &Arrival, packet: &[u8]) {
        if !self.ip.watching() {
            return;
        }
        if let Some(packet) = trace::Packet::read(packet, arrival.segment_size.map(NonZeroU16::get)) {
            let (at, frame, interface) = (arrival.arrived, arrival.frame, arrival.interface);
            self.ip.trace(Trace::Received { at, frame, interface, packet });
        }
    }

    /// Takes a fragment, and goes on with the datagram if it is whole now.
    fn reassemble(&mut self, now: Instant, piece: Piece) -> Option<Delivered> {
        self.ip.counters.ip_reasm_reqds += 1;
        let (interface, frame) = (piece.about.interface, piece.about.frame);
        let (outcome, evicted) = self.ip.reassembly.insert(now, &mut self.ip.budget, piece);
        self.ip.counters.ip_reasm_fails += evicted;
        self.ip.counters.count_many(Drop::FragmentLimit, evicted);
        match outcome {
            Outcome::Waiting => None,
            Outcome::Whole(whole) => {
                self.ip.counters.ip_reasm_oks += 1;
                Some(*whole)
            }
            Outcome::Refused(why) => {
                self.ip.drop_frame(now, why, interface, frame);
                None
            }
        }
    }

    /// Hands a whole packet to whoever it is for.
    fn deliver(&mut self, now: Instant, link_src: Option<MacAddr>, fragmented: bool, packet: Delivered) {
        let v4 = packet.src.is_ipv4();
        let delivers =
            if v4 { &mut self.ip.counters.ip_in_delivers } else { &mut self.ip.counters.ipv6_in_delivers };
        *delivers += 1;
        match packet.protocol {
            // RFC 9293 MUST-57: nothing of TCP goes to a group, and nothing is answered.
            Protocol::TCP if packet.cast != Cast::Unicast => self.ip.drop(now, Drop::TcpMulticast, &packet),
            Protocol::TCP => self.tcp.handle_packet(&mut self.ip, now, packet),
            Protocol::UDP => self.udp.handle_packet(&mut self.ip, now, packet),
            Protocol::ICMP if v4 => self.receive_icmpv4(now, packet),
            Protocol::ICMPV6 if !v4 => self.receive_icmpv6(now, link_src, fragmented, packet),
            Protocol::IGMP if v4 => self.multicast.handle_packet(&mut self.ip, now, packet),
            Protocol::NO_NEXT_HEADER if !v4 => {} // RFC 8200 §4.7: what follows is ignored.
            _ => {
                self.ip.drop(now, Drop::UnknownProtocol, &packet);
                let kind = if v4 {
                    ErrorKind::ProtocolUnreachable // RFC 792 792-16
                } else {
                    ErrorKind::ParameterProblem { code: 1, pointer: packet.named_at } // RFC 8200 §4
                };
                self.ip.send_error(now, kind, &packet);
            }
        }
    }
}

/// The part of a packet that an ICMP error may quote.
fn quote(packet: &Bytes, len: usize) -> Bytes {
    packet.slice(..len.min(QUOTE).min(packet.len()))
}

/// Octets of `packet` from `start` to `end`, in its memory.
fn part(packet: Bytes, start: usize, end: usize, held: usize) -> Payload {
    let mut part = Payload::holding(packet, held);
    part.truncate(end);
    part.advance(start);
    part
}

/// Whether an ICMP error may have to quote a packet. Of what comes to TCP only requests to open are answered so, where a
/// user decides about them.
fn is_quoted(protocol: Protocol, transport: &[u8]) -> bool {
    const FLAGS_AT: usize = 13;
    let syn = || transport.get(FLAGS_AT).is_none_or(|flags| u16::from(*flags) & Flags::SYN.bits() != 0);
    protocol != Protocol::TCP || syn()
}

/// How many packets a frame counts as: a train counts as its packets. Near enough, for headers are not counted here.
fn packets(arrival: &Arrival, len: usize) -> u64 {
    arrival.segment_size.map_or(1, |size| len.div_ceil(usize::from(size.get())).max(1)) as u64
}
