//! An IP packet of a capture, as far as it was captured.

use stack::trace::{Content, Fragment, Packet};
use std::net::{IpAddr, SocketAddr};
use wire::tcp::{Flags, Header, Options};
use wire::{Protocol, Quoted, SeqNum, WireWindow, checksum, ipv4, ipv6, tcp};

/// What a transport checksum says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// It is right.
    Right,
    /// It is not.
    Wrong,
    /// It holds the pseudo-header's sum only: the device was to finish it.
    Partial,
    /// There is none, or not all that it covers was captured.
    Unknown,
}

/// A packet, read.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) packet: Packet,
    pub(crate) checksum: Checksum,
    /// What an ICMP error is about.
    pub(crate) about: Option<About>,
}

/// The packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) protocol: Protocol,
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
}

/// Reads an IP packet that may be cut anywhere; `original` octets were on the wire.
pub(crate) fn read(octets: &[u8], original: usize) -> Option<Parsed> {
    match octets.first()? >> 4 {
        4 => v4(octets, original),
        6 => v6(octets, original),
        _ => None,
    }
}

fn v4(octets: &[u8], original: usize) -> Option<Parsed> {
    let view = ipv4::View::quoted(octets).ok()?;
    let len = match usize::from(view.total_len()) {
        0 => original, // A train too long for the field, or one whose device was to write it.
        len => len,
    };
    let start = view.header_len();
    let transport = octets.get(start..len.min(octets.len()))?;
    let fragment = view.is_fragment().then(|| Fragment {
        identification: view.identification().into(),
        offset: view.fragment_offset() as u16,
        more: view.more_fragments(),
    });
    let ends = (view.src().into(), view.dst().into());
    let packet = Packet {
        src: ends.0,
        dst: ends.1,
        ttl: view.ttl(),
        ecn: view.ecn(),
        len,
        fragment,
        content: content(view.protocol(), transport, len - start, fragment),
    };
    Some(finish(packet, view.protocol(), transport, len - start))
}

fn v6(octets: &[u8], original: usize) -> Option<Parsed> {
    let view = ipv6::View::quoted(octets).ok()?;
    let len = match view.payload_len() {
        0 => original, // A jumbogram (RFC 2675), or a train too long for the field.
        len => ipv6::HEADER_LEN + usize::from(len),
    };
    let octets = octets.get(..len.min(octets.len()))?;
    let chain = view.walk().ok();
    let fragment = chain.and_then(|chain| chain.fragment).filter(|f| !f.is_atomic()).map(|f| Fragment {
        identification: f.identification,
        offset: f.offset as u16,
        more: f.more,
    });
    let quoted = Quoted::v6(octets).ok()?;
    let rest = len.saturating_sub(octets.len() - quoted.transport.len());
    let packet = Packet {
        src: view.src().into(),
        dst: view.dst().into(),
        ttl: view.hop_limit(),
        ecn: view.ecn(),
        len,
        fragment,
        content: content(quoted.protocol, quoted.transport, rest, fragment),
    };
    Some(finish(packet, quoted.protocol, quoted.transport, rest))
}

fn finish(packet: Packet, protocol: Protocol, transport: &[u8], len: usize) -> Parsed {
    let known = !matches!(packet.content, Content::Other(_));
    let checksum = if packet.fragment.is_none() && transport.len() == len && known {
        sum(protocol, transport, packet.src, packet.dst)
    } else {
        Checksum::Unknown
    };
    let about =
        matches!(packet.content, Content::Icmp { .. }).then(|| about(packet.src, transport)).flatten();
    Parsed { packet, checksum, about }
}

/// A transport header, as far as it was captured; `len` octets were sent of it and what follows.
fn content(protocol: Protocol, octets: &[u8], len: usize, fragment: Option<Fragment>) -> Content {
    if fragment.is_some_and(|f| f.offset > 0) {
        return Content::Other(protocol);
    }
    let read = match protocol {
        Protocol::TCP => segment(octets, len),
        Protocol::UDP => octets.first_chunk::<4>().map(|&[a, b, c, d]| Content::Udp {
            src_port: u16::from_be_bytes([a, b]),
            dst_port: u16::from_be_bytes([c, d]),
            len: len.saturating_sub(wire::udp::HEADER_LEN),
            segment_size: None,
        }),
        Protocol::ICMP | Protocol::ICMPV6 => {
            octets.first_chunk::<2>().map(|&[kind, code]| Content::Icmp { kind, code, len })
        }
        _ => None,
    };
    read.unwrap_or(Content::Other(protocol))
}

/// A TCP header, of which the fixed part is enough: options that were cut off or are malformed are none.
fn segment(octets: &[u8], len: usize) -> Option<Content> {
    let fixed = octets.first_chunk::<{ tcp::HEADER_LEN }>()?;
    let half = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let word = |at: usize| u32::from(half(at)) << 16 | u32::from(half(at + 2));
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < tcp::HEADER_LEN || header_len > len {
        return None;
    }
    let whole = tcp::View::new(octets).ok().and_then(|view| view.header().ok());
    let header = whole.unwrap_or_else(|| Header {
        seq: SeqNum::new(word(4)),
        ack: SeqNum::new(word(8)),
        flags: Flags::from_bits(half(12)),
        window: WireWindow::new(half(14)),
        urgent: half(18),
        options: Options::NONE,
    });
    let len = len - header_len;
    Some(Content::Tcp { src_port: half(0), dst_port: half(2), header, len, segment_size: None })
}

fn sum(protocol: Protocol, transport: &[u8], src: IpAddr, dst: IpAddr) -> Checksum {
    let Ok(length) = u32::try_from(transport.len()) else { return Checksum::Unknown };
    let at = match protocol {
        Protocol::TCP => usize::from(tcp::CHECKSUM_OFFSET),
        Protocol::UDP => usize::from(wire::udp::CHECKSUM_OFFSET),
        _ => return Checksum::Unknown,
    };
    let Some(&field) = transport.get(at..).and_then(|rest| rest.first_chunk::<2>()) else {
        return Checksum::Unknown;
    };
    let field = u16::from_be_bytes(field);
    if protocol == Protocol::UDP && field == 0 {
        return Checksum::Unknown;
    }
    let pseudo = checksum::pseudo_header(src, dst, protocol, length);
    if pseudo.with(transport).verifies() {
        Checksum::Right
    } else if pseudo.fold() == field || field == 0 {
        Checksum::Partial
    } else {
        Checksum::Wrong
    }
}

/// What an ICMP error quotes (RFC 792, RFC 4443 §3): eight octets of the transport header are enough.
fn about(src: IpAddr, message: &[u8]) -> Option<About> {
    let kind = *message.first()?;
    let inner = message.get(8..)?;
    let quoted = match (src, kind) {
        (IpAddr::V4(_), 3 | 4 | 5 | 11 | 12) => Quoted::v4(inner).ok()?,
        (IpAddr::V6(_), 1..=4) => Quoted::v6(inner).ok()?,
        _ => return None,
    };
    let (from, to) = quoted.ports()?;
    Some(About { protocol: quoted.protocol, src: (quoted.src, from).into(), dst: (quoted.dst, to).into() })
}
