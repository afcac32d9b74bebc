//! Packets and segments: what a delivered packet says to TCP, and a segment made a datagram.

use crate::demux::Flow;
use crate::sabotage;
use crate::{Cast, Datagram, Delivered, Drop, Ip, SendFailure};
use ::tcp::{Segment, Transmit, Why};
use env::Instant;
use wire::tcp::{Flags, View};
use wire::{Checksum, Head, Protocol, checksum};

/// The longest TCP header.
const LONGEST: usize = 60;
/// Where the checksum is in a TCP header.
const CHECKSUM_AT: u16 = 16;

/// Reads a packet, whose payload goes into the segment, or says why it is no segment for us.
pub(super) fn read(ip: &mut Ip, packet: &mut Delivered) -> Result<(Flow, Segment), Drop> {
    // RFC 9293 MUST-57, MUST-63: nothing but unicast, both ways, is for TCP; silently.
    let group = packet.src.is_multicast() || ip.is_broadcast(Some(packet.interface), packet.src);
    if packet.cast != Cast::Unicast || packet.link_group || group {
        return Err(Drop::TcpMulticast);
    }
    // RFC 9293 MUST-3: before anything of it is believed.
    let in_packet = packet.checksum == Checksum::InPacket && !sabotage::believes_checksums(ip);
    if in_packet && !ip.judge(|| checksum::verify(packet.src, packet.dst, Protocol::TCP, &packet.payload)) {
        return Err(Drop::TcpChecksum);
    }
    let mut copy = [0; LONGEST];
    let start = match packet.payload.chunks().first() {
        Some(chunk) if chunk.len() >= LONGEST || chunk.len() == packet.payload.len() => &chunk[..],
        _ => {
            let len = packet.payload.copy_to(&mut copy);
            copy.get(..len).unwrap_or(&[])
        }
    };
    let view = View::new(start).map_err(|_| Drop::TcpMalformed)?;
    let header = view.header().map_err(|_| Drop::TcpMalformed)?;
    if view.src_port() == 0 || view.dst_port() == 0 {
        return Err(Drop::TcpPortZero);
    }
    let flow = Flow {
        local: packet.dst,
        remote: packet.src,
        local_port: view.dst_port(),
        remote_port: view.src_port(),
    };
    let header_len = view.header_len();
    let mut payload = core::mem::take(&mut packet.payload);
    payload.advance(header_len);
    let segment = Segment {
        header,
        payload,
        segment_size: packet.segment_size,
        ecn: packet.ecn,
        arrived: packet.arrived,
    };
    Ok((flow, segment))
}

/// How the packets of a flow are marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub(super) ttl: u8,
    pub(super) dscp: u8,
    /// Routers must not cut them, where the host says so of its packets at all.
    pub(super) dont_fragment: bool,
}

/// Sends a segment from our end of `flow` to the other.
pub(super) fn send(
    ip: &mut Ip,
    now: Instant,
    flow: &Flow,
    marks: Marks,
    transmit: Transmit,
) -> Result<(), SendFailure> {
    let Transmit { segment, why, leaves } = transmit;
    let mut head = Head::new();
    // The room is made for the longest headers there are.
    let prepended = segment.header.prepend_to(&mut head, flow.local_port, flow.remote_port);
    prepended.map_err(|_| SendFailure::TooLong)?;
    let count = u64::from(segment.count());
    let reset = segment.has(Flags::RST);
    let datagram = Datagram {
        ttl: marks.ttl,
        dscp: marks.dscp, // As the user set it (RFC 9293 SHLD-22).
        ecn: segment.ecn,
        dont_fragment: ip.config.path_mtu_discovery && marks.dont_fragment, // 1191-13, 8899-2
        head,
        body: segment.payload,
        segment_size: segment.segment_size,
        checksum_at: Some(CHECKSUM_AT),
        why: Some(why),
        leaves,
        ..Datagram::new(flow.local, flow.remote, Protocol::TCP)
    };
    ip.send(now, datagram)?;
    let counters = &mut ip.counters;
    match why {
        Why::RetransmissionTimeout(_)
        | Why::FastRetransmit
        | Why::NextHole
        | Why::Rack { .. }
        | Why::FullAfterSmall
        | Why::Withheld
        | Why::BlackHole { .. }
        | Why::LossProbe { new: false } => {
            counters.tcp_retrans_segs = counters.tcp_retrans_segs.saturating_add(count);
        }
        _ => counters.tcp_out_segs = counters.tcp_out_segs.saturating_add(count),
    }
    if reset {
        counters.tcp_out_rsts = counters.tcp_out_rsts.saturating_add(1);
    }
    if matches!(why, Why::ChallengeAck(_)) {
        counters.tcp_challenge_acks = counters.tcp_challenge_acks.saturating_add(1);
    }
    Ok(())
}

/// Counts what could not be sent, and why.
pub(super) fn count_failure(ip: &mut Ip, failure: SendFailure) {
    ip.counters.count(match failure {
        SendFailure::NoRoute => Drop::NoRoute,
        SendFailure::NoSource => Drop::NoSource,
        SendFailure::TooBig { .. } | SendFailure::QueueFull => return, // Counted where it was found.
        SendFailure::TooLong => Drop::TooBig,
        SendFailure::Down => Drop::InterfaceDown,
        SendFailure::Options => Drop::Ipv4Options,
    });
}
