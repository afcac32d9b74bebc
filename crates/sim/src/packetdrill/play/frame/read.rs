//! What is in a packet that left, as a line of a script would say it, with live numbers.

use super::options;
use crate::packetdrill::script::icmp::names;
use crate::packetdrill::script::packet::Ecn;
use crate::packetdrill::script::{Body, Direction, Flags, Icmp, Ip, Options, Packet, Quoted, Tcp, Tos, Udp};
use env::Instant;
use std::net::{IpAddr, SocketAddr};
use wire::{Protocol, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// A packet that left.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::packetdrill::play) struct Seen {
    /// When.
    pub(in crate::packetdrill::play) at: Instant,
    /// Its source; port 0 in ICMP.
    pub(in crate::packetdrill::play) src: SocketAddr,
    /// Its destination; port 0 in ICMP.
    pub(in crate::packetdrill::play) dst: SocketAddr,
    /// What a line would say of it.
    pub(in crate::packetdrill::play) packet: Packet,
    /// Its payload.
    pub(in crate::packetdrill::play) data: Vec<u8>,
    /// Whether all its checksums are right; where not, which isn't.
    pub(in crate::packetdrill::play) checksum: Result<(), &'static str>,
}

/// Reads an IP packet; `Err` says why nothing can be read.
pub(in crate::packetdrill::play) fn read(at: Instant, octets: &[u8]) -> Result<Seen, String> {
    match octets.first().map(|first| first >> 4) {
        Some(4) => read_v4(at, octets),
        Some(6) => read_v6(at, octets),
        _ => Err("a packet that is neither IPv4 nor IPv6".to_owned()),
    }
}

fn read_v4(at: Instant, octets: &[u8]) -> Result<Seen, String> {
    let view = ipv4::View::new(octets).map_err(|why| format!("a malformed IPv4 packet: {why:?}"))?;
    if view.is_fragment() {
        return Err("a fragment".to_owned());
    }
    let tos = view.dscp() << 2 | view.ecn().bits();
    let ip = Ip { tos: Tos::Octet(tos), flow_label: None, ttl: Some(view.ttl()), ..Ip::default() };
    let ends = (IpAddr::V4(view.src()), IpAddr::V4(view.dst()));
    let header = if view.checksum_ok() { Ok(()) } else { Err("IP header") };
    let mut seen = transport(at, ends, ip, view.protocol(), view.payload())?;
    seen.checksum = header.and(seen.checksum);
    Ok(seen)
}

fn read_v6(at: Instant, octets: &[u8]) -> Result<Seen, String> {
    let view = ipv6::View::new(octets).map_err(|why| format!("a malformed IPv6 packet: {why:?}"))?;
    let chain = view.walk().map_err(|why| format!("malformed IPv6 headers: {why:?}"))?;
    if chain.fragment.is_some() {
        return Err("a fragment".to_owned());
    }
    let tos = view.dscp() << 2 | view.ecn().bits();
    let ip = Ip {
        tos: Tos::Octet(tos),
        flow_label: Some(view.flow_label()),
        ttl: Some(view.hop_limit()),
        ..Ip::default()
    };
    let payload = view.payload().get(chain.offset.saturating_sub(ipv6::HEADER_LEN)..).unwrap_or_default();
    transport(at, (IpAddr::V6(view.src()), IpAddr::V6(view.dst())), ip, chain.protocol, payload)
}

fn transport(
    at: Instant,
    (src, dst): (IpAddr, IpAddr),
    ip: Ip,
    protocol: Protocol,
    octets: &[u8],
) -> Result<Seen, String> {
    let (ports, body, data, sum) = match protocol {
        Protocol::TCP => {
            let view = tcp::View::new(octets).map_err(|why| format!("a malformed segment: {why:?}"))?;
            let ports = (view.src_port(), view.dst_port());
            (Some(ports), Body::Tcp(segment(&view)), view.payload(), (view.checksum_ok(src, dst), "TCP"))
        }
        Protocol::UDP => {
            let view = udp::View::new(octets).map_err(|why| format!("a malformed datagram: {why:?}"))?;
            let len = u16::try_from(view.payload().len()).unwrap_or(u16::MAX);
            let ports = (view.src_port(), view.dst_port());
            (Some(ports), Body::Udp(Udp { len }), view.payload(), (view.checksum_ok(src, dst), "UDP"))
        }
        Protocol::ICMP => {
            let view = icmpv4::View::new(octets).map_err(|why| format!("malformed ICMP: {why:?}"))?;
            (None, icmp(false, octets), view.data(), (view.checksum_ok(), "ICMP"))
        }
        Protocol::ICMPV6 => {
            let view = icmpv6::View::new(octets).map_err(|why| format!("malformed ICMPv6: {why:?}"))?;
            let intact = match (src, dst) {
                (IpAddr::V6(src), IpAddr::V6(dst)) => view.checksum_ok(src, dst),
                _ => false,
            };
            (None, icmp(true, octets), view.data(), (intact, "ICMPv6"))
        }
        other => return Err(format!("a packet of {other}, which scripts don't speak")),
    };
    let (src_port, dst_port) = ports.unwrap_or_default();
    Ok(Seen {
        at,
        src: SocketAddr::new(src, src_port),
        dst: SocketAddr::new(dst, dst_port),
        packet: Packet { direction: Direction::Outbound, outer: Vec::new(), ip, ports, body, payload: None },
        data: data.to_vec(),
        checksum: if sum.0 { Ok(()) } else { Err(sum.1) },
    })
}

fn segment(view: &tcp::View<'_>) -> Tcp {
    let bits = view.flags();
    let has = |flag| bits.contains(flag);
    Tcp {
        flags: Flags {
            fin: has(tcp::Flags::FIN),
            syn: has(tcp::Flags::SYN),
            rst: has(tcp::Flags::RST),
            psh: has(tcp::Flags::PSH),
            ack: has(tcp::Flags::ACK),
            urg: has(tcp::Flags::URG),
            ece: has(tcp::Flags::ECE),
            cwr: has(tcp::Flags::CWR),
            ae: has(tcp::Flags::AE),
        },
        seq: view.seq().raw(),
        len: u16::try_from(view.payload().len()).unwrap_or(u16::MAX),
        ack: Some(view.ack().raw()),
        window: Some(view.window().raw()),
        urgent: Some(view.urgent()),
        options: Options::Exactly(options::decode(view.option_bytes())),
    }
}

/// An ICMP message.
fn icmp(v6: bool, octets: &[u8]) -> Body {
    let word = |at: usize| {
        octets.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    let (kind, code) = (octets.first().copied().unwrap_or(0), octets.get(1).copied().unwrap_or(0));
    let tells_mtu = if v6 { kind == 2 } else { (kind, code) == (3, 4) };
    let echo = if v6 { matches!(kind, 128 | 129) } else { matches!(kind, 0 | 8) };
    let (name, code) = names(v6, kind, code);
    Body::Icmp(Icmp {
        kind: name,
        code,
        mtu: tells_mtu.then(|| word(4)),
        id: echo.then(|| (word(4) >> 16) as u16),
        quoted: quoted(v6, octets.get(8..).unwrap_or_default(), octets.len(), echo),
    })
}

/// What is quoted, with live numbers.
fn quoted(v6: bool, octets: &[u8], len: usize, echo: bool) -> Quoted {
    let raw = Quoted::Raw { len: u16::try_from(len).unwrap_or(u16::MAX) };
    if echo {
        return raw;
    }
    let parts = if v6 {
        let view = ipv6::View::quoted(octets).ok();
        view.map(|view| (view.next_header(), usize::from(view.payload_len()), view.payload()))
    } else {
        let view = ipv4::View::quoted(octets).ok();
        view.map(|view| {
            let length = usize::from(view.total_len()).saturating_sub(view.header_len());
            (view.protocol(), length, view.payload())
        })
    };
    match parts {
        Some((Protocol::UDP, length, _)) => Quoted::Udp { len: length.saturating_sub(8) as u16 },
        Some((Protocol::TCP, length, [_, _, _, _, a, b, c, d, rest @ ..])) => {
            // The header's length may be beyond what is quoted: then it is taken for one without options.
            let header = rest.get(4).map_or(20, |offset| usize::from(offset >> 4) * 4);
            let len = length.saturating_sub(header) as u16;
            Quoted::Tcp { seq: u32::from_be_bytes([*a, *b, *c, *d]), len }
        }
        _ => raw,
    }
}

impl Seen {
    /// The two ECN bits.
    pub(in crate::packetdrill::play) fn ecn(&self) -> Ecn {
        match self.tos() & 3 {
            0 => Ecn::NotEct,
            1 => Ecn::Ect1,
            2 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    /// The octet of DSCP and ECN.
    pub(in crate::packetdrill::play) fn tos(&self) -> u8 {
        match self.packet.ip.tos {
            Tos::Octet(octet) => octet,
            Tos::Ecn(ecn) => ecn as u8,
            Tos::Unchecked | Tos::AnyEct => 0,
        }
    }
}
