//! Octets of a packet that arrives: headers as the line says them, zeros for its payload, checksums computed.

use super::options;
use crate::packetdrill::script::{
    Body, Flags, Fragment, Icmp, Ip, Options, Packet, Quoted, Tcp, TcpOption, Tos, Udp,
};
use std::net::{IpAddr, SocketAddr};
use wire::{Ecn, Head, Protocol, checksum, ipv4, ipv6};

/// What a packet has where a script says nothing: as packetdrill sends it.
const TTL: u8 = 255;
/// How much of a packet's transport header an ICMP message quotes (RFC 792).
const QUOTED: usize = 8;

/// Where a packet comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::packetdrill::play) struct Ends {
    pub(in crate::packetdrill::play) src: SocketAddr,
    pub(in crate::packetdrill::play) dst: SocketAddr,
}

/// Why a line can't be made a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::packetdrill::play) struct NotBuilt(pub(in crate::packetdrill::play) String);

impl<T: Into<String>> From<T> for NotBuilt {
    fn from(why: T) -> Self {
        Self(why.into())
    }
}

/// The octets of a packet whose numbers are live ones. Ports are those of `ends`.
pub(in crate::packetdrill::play) fn build(packet: &Packet, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let zeros = vec![0; packet.payload_len()];
    let payload = packet.payload.as_deref().unwrap_or(&zeros);
    let (protocol, sum, mut octets) = match &packet.body {
        Body::Tcp(segment) => (Protocol::TCP, 16, tcp(segment, payload, ends)?),
        Body::Udp(datagram) => (Protocol::UDP, 6, udp(datagram, payload, ends)?),
        Body::Icmp(message) if ends.dst.is_ipv6() => (Protocol::ICMPV6, 2, icmp(message, ends)?),
        Body::Icmp(message) => (Protocol::ICMP, 2, icmp(message, ends)?),
    };
    if packet.ip.bad_sum {
        spoil(&mut octets, sum);
    }
    ip(&packet.ip, protocol, &octets, ends)
}

/// Makes the checksum `at` its place wrong, and never zero, which in UDP would say that there is none.
fn spoil(octets: &mut [u8], at: usize) {
    if let Some(field) = octets.get_mut(at..at + 2) {
        field[1] ^= 1;
        if field == [0, 0] {
            field.fill(0x55);
        }
    }
}

fn tcp(segment: &Tcp, payload: &[u8], ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let Options::Exactly(list) = &segment.options else {
        return Err("a packet that arrives can't have `<...>` for its options".into());
    };
    let mut octets = header(segment, list, ends)?;
    octets.extend(payload);
    finish(&mut octets, 16, Protocol::TCP, ends);
    Ok(octets)
}

/// A TCP header without a checksum.
fn header(segment: &Tcp, list: &[TcpOption], ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let options = options::encode(list);
    let words = u8::try_from(5 + options.len() / 4).ok().filter(|&words| words <= 15);
    let words =
        words.ok_or_else(|| format!("{} octets of options are more than a header holds", options.len()))?;
    let mut octets = Vec::with_capacity(20 + options.len());
    octets.extend(ends.src.port().to_be_bytes());
    octets.extend(ends.dst.port().to_be_bytes());
    octets.extend(segment.seq.to_be_bytes());
    octets.extend(segment.ack.unwrap_or(0).to_be_bytes());
    octets.extend((u16::from(words) << 12 | bits(segment.flags)).to_be_bytes());
    octets.extend(segment.window.unwrap_or(0).to_be_bytes());
    octets.extend([0, 0]);
    octets.extend(segment.urgent.unwrap_or(0).to_be_bytes());
    octets.extend(options);
    Ok(octets)
}

fn bits(flags: Flags) -> u16 {
    let Flags { fin, syn, rst, psh, ack, urg, ece, cwr, ae } = flags;
    let each = [fin, syn, rst, psh, ack, urg, ece, cwr, ae];
    each.into_iter().enumerate().map(|(bit, set)| u16::from(set) << bit).sum()
}

fn udp(datagram: &Udp, payload: &[u8], ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let mut octets = udp_header(datagram, ends)?;
    octets.extend(payload);
    finish(&mut octets, 6, Protocol::UDP, ends);
    if let Some(field) = octets.get_mut(6..8)
        && field == [0, 0]
    {
        field.fill(0xff); // RFC 768: zero would say that there is none.
    }
    Ok(octets)
}

fn udp_header(datagram: &Udp, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let length = datagram.len.checked_add(8).ok_or("a datagram has 65,527 octets at most")?;
    let mut octets = Vec::with_capacity(usize::from(length));
    octets.extend(ends.src.port().to_be_bytes());
    octets.extend(ends.dst.port().to_be_bytes());
    octets.extend(length.to_be_bytes());
    octets.extend([0, 0]);
    Ok(octets)
}

fn icmp(message: &Icmp, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let v6 = ends.dst.is_ipv6();
    let (kind, code) = message.numbers(v6)?;
    let mut octets = vec![kind, code, 0, 0];
    octets.extend(match (message.mtu, message.id) {
        (Some(mtu), _) if v6 => mtu.to_be_bytes(),
        (Some(mtu), _) => {
            let mtu = u16::try_from(mtu).map_err(|_| "an MTU has 16 bits in ICMP")?;
            u32::from(mtu).to_be_bytes()
        }
        (None, id) => (u32::from(id.unwrap_or(0)) << 16).to_be_bytes(),
    });
    match message.quoted {
        Quoted::Raw { len } => octets.resize(usize::from(len).max(octets.len()), 0),
        Quoted::Unsaid => octets.extend(quoted_tcp(0, 0, ends)?),
        Quoted::Tcp { seq, len } => octets.extend(quoted_tcp(seq, len, ends)?),
        Quoted::Udp { len } => {
            let back = Ends { src: ends.dst, dst: ends.src };
            let head = udp_header(&Udp { len }, back)?;
            octets.extend(quoted(Protocol::UDP, &head, usize::from(len) + 8, back)?);
        }
    }
    if v6 {
        finish(&mut octets, 2, Protocol::ICMPV6, ends);
    } else {
        put(&mut octets, 2, checksum::sum);
    }
    Ok(octets)
}

/// What is quoted of a segment that the host sent.
fn quoted_tcp(seq: u32, len: u16, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let back = Ends { src: ends.dst, dst: ends.src };
    let head = header(&Tcp { seq, ..Tcp::default() }, &[], back)?;
    quoted(Protocol::TCP, &head, head.len() + usize::from(len), back)
}

/// An IP header that speaks of `length` octets, and the first few of `head`.
fn quoted(protocol: Protocol, head: &[u8], length: usize, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let mut octets = ip_header(&Ip::default(), protocol, length, ends)?;
    octets.extend(head.iter().take(QUOTED));
    Ok(octets)
}

fn ip(said: &Ip, protocol: Protocol, body: &[u8], ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    let Some(Fragment { from, to, .. }) = said.fragment else {
        let mut octets = ip_header(said, protocol, body.len(), ends)?;
        octets.extend(body);
        return Ok(octets);
    };
    let part = body.get(from.into()..to.into());
    let part = part.ok_or_else(|| format!("octets {from} to {to} of a packet that has {}", body.len()))?;
    let mut octets = fragment_header(said, protocol, part.len(), usize::from(to) < body.len(), ends)?;
    octets.extend(part);
    Ok(octets)
}

/// The header of a whole packet.
fn ip_header(said: &Ip, protocol: Protocol, length: usize, ends: Ends) -> Result<Vec<u8>, NotBuilt> {
    header_of(said, protocol, length, ends, |_| {})
}

/// The header of a part of a packet.
fn fragment_header(
    said: &Ip,
    protocol: Protocol,
    length: usize,
    more: bool,
    ends: Ends,
) -> Result<Vec<u8>, NotBuilt> {
    let Some(Fragment { from, id, .. }) = said.fragment else {
        return ip_header(said, protocol, length, ends);
    };
    if ends.dst.is_ipv4() {
        let identification = u16::try_from(id).map_err(|_| "an identification has 16 bits in IPv4")?;
        return header_of(said, protocol, length, ends, |repr| {
            repr.dont_fragment = false;
            repr.more_fragments = more;
            repr.fragment_offset = from / 8;
            repr.identification = identification;
        });
    }
    let header = ipv6::FragmentHeader { next_header: protocol, offset: from / 8, more, identification: id };
    let mut head = Head::new();
    header.prepend_to(&mut head).map_err(|_| "no room for a fragment header")?;
    let mut octets = ip_header(said, Protocol::FRAGMENT, length + ipv6::FragmentHeader::LEN, ends)?;
    octets.extend(head.as_slice());
    Ok(octets)
}

/// An IP header; what is IPv4's own may be changed.
fn header_of(
    said: &Ip,
    protocol: Protocol,
    length: usize,
    ends: Ends,
    change: impl FnOnce(&mut ipv4::Repr),
) -> Result<Vec<u8>, NotBuilt> {
    let tos = match said.tos {
        Tos::Unchecked => 0,
        Tos::Ecn(ecn) => ecn as u8,
        Tos::AnyEct => {
            return Err("`ect01` is for packets that leave: one that arrives has `ect0` or `ect1`".into());
        }
        Tos::Octet(octet) => octet,
    };
    let (ttl, dscp, ecn) = (said.ttl.unwrap_or(TTL), tos >> 2, Ecn::from_bits(tos));
    let (octets, result) = match (ends.src.ip(), ends.dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let mut repr = ipv4::Repr { ttl, dscp, ecn, ..ipv4::Repr::new(src, dst, protocol) };
            change(&mut repr);
            let mut octets = vec![0; ipv4::HEADER_LEN];
            let result = repr.emit(&mut octets, length);
            (octets, result)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let flow_label = said.flow_label.unwrap_or(0);
            let repr =
                ipv6::Repr { hop_limit: ttl, dscp, ecn, flow_label, ..ipv6::Repr::new(src, dst, protocol) };
            let mut octets = vec![0; ipv6::HEADER_LEN];
            let result = repr.emit(&mut octets, length);
            (octets, result)
        }
        _ => return Err("its ends are of two IP versions".into()),
    };
    result.map_err(|_| "more octets than an IP packet holds")?;
    Ok(octets)
}

/// Computes a transport checksum and puts it `at` its place, which holds zeros.
fn finish(octets: &mut [u8], at: usize, protocol: Protocol, ends: Ends) {
    let length = octets.len() as u32;
    let pseudo = checksum::pseudo_header(ends.src.ip(), ends.dst.ip(), protocol, length);
    put(octets, at, |octets| pseudo.with(octets));
}

fn put(octets: &mut [u8], at: usize, sum: impl Fn(&[u8]) -> checksum::Sum) {
    let checksum = sum(octets).checksum().to_be_bytes();
    if let Some(field) = octets.get_mut(at..at + 2) {
        field.copy_from_slice(&checksum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::udp;

    /// A datagram of 24 octets in all, as the annotations have it.
    fn datagram(ip: Ip, v6: bool) -> Result<Vec<u8>, NotBuilt> {
        let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 7);
        let (src, dst) = if v6 { (at("fd00::1"), at("fd00::2")) } else { (at("192.0.2.1"), at("192.0.2.2")) };
        let body = Body::Udp(Udp { len: 16 });
        let direction = crate::packetdrill::script::Direction::Inbound;
        let packet =
            Packet { direction, outer: Vec::new(), ip, ports: None, body, payload: Some((0..16).collect()) };
        build(&packet, Ends { src, dst })
    }

    #[test]
    fn fragments_are_parts_of_the_whole() {
        for v6 in [false, true] {
            let header = if v6 { 40 } else { 20 };
            let whole = datagram(Ip::default(), v6).unwrap();
            let part = |from, to| {
                let fragment = Some(Fragment { from, to, id: 9 });
                datagram(Ip { fragment, ..Ip::default() }, v6)
            };
            let (first, last) = (part(0, 16).unwrap(), part(16, 24).unwrap());
            for (octets, from, more) in [(&first, 0, true), (&last, 16, false)] {
                let said = if v6 {
                    let chain = ipv6::View::new(octets).unwrap().walk().unwrap();
                    chain.fragment.map(|part| (part.offset, part.more, part.identification))
                } else {
                    let view = ipv4::View::new(octets).unwrap();
                    Some((view.fragment_offset(), view.more_fragments(), view.identification().into()))
                };
                assert_eq!(said, Some((from, more, 9)));
            }
            let skip = if v6 { header + ipv6::FragmentHeader::LEN } else { header };
            assert_eq!([&first[skip..], &last[skip..]].concat(), whole[header..]);
            assert!(part(16, 25).is_err());
        }
    }

    #[test]
    fn a_bad_sum_is_wrong_and_all_else_is_right() {
        let good = datagram(Ip::default(), false).unwrap();
        let bad = datagram(Ip { bad_sum: true, ..Ip::default() }, false).unwrap();
        let ok = |octets: &[u8]| {
            let ip = ipv4::View::new(octets).unwrap();
            udp::View::new(ip.payload()).unwrap().checksum_ok(ip.src().into(), ip.dst().into())
        };
        assert_eq!((ok(&good), ok(&bad)), (true, false));
        assert_eq!((good[..26].to_vec(), good[28..].to_vec()), (bad[..26].to_vec(), bad[28..].to_vec()));
    }
}
