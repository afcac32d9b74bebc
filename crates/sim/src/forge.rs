//! Packets made by hand: what nobody sent, or what a router would say.

use device::Frame;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wire::tcp::Header;
use wire::{Head, Payload, Protocol, ethernet, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// The router that speaks up when a packet does not fit through a link.
const ROUTER_V4: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 254);
const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xffff, 0, 0, 0, 0, 0, 1);

/// A TCP segment in an IP packet, checksums right.
///
/// # Panics
/// When the addresses are of two IP versions, or the payload does not fit.
pub fn segment(src: SocketAddr, dst: SocketAddr, header: &Header, payload: Payload) -> Frame {
    let mut head = Head::new();
    let fits = header.prepend_to(&mut head, src.port(), dst.port()).is_ok()
        && tcp::fill_checksum(&mut head, &payload, src.ip(), dst.ip()).is_ok()
        && prepend_ip(&mut head, payload.len(), src.ip(), dst.ip(), Protocol::TCP);
    assert!(fits, "a segment from {src} to {dst}");
    Frame { head, body: payload, ..Frame::default() }
}

/// A UDP datagram in an IP packet, checksums right.
///
/// # Panics
/// As [`segment`].
pub fn datagram(src: SocketAddr, dst: SocketAddr, payload: Payload) -> Frame {
    let mut head = Head::new();
    let repr = udp::Repr { src_port: src.port(), dst_port: dst.port() };
    let fits = repr.prepend_to(&mut head, payload.len()).is_ok()
        && udp::fill_checksum(&mut head, &payload, src.ip(), dst.ip()).is_ok()
        && prepend_ip(&mut head, payload.len(), src.ip(), dst.ip(), Protocol::UDP);
    assert!(fits, "a datagram from {src} to {dst}");
    Frame { head, body: payload, ..Frame::default() }
}

fn prepend_ip(head: &mut Head, body: usize, src: IpAddr, dst: IpAddr, protocol: Protocol) -> bool {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            ipv4::Repr::new(src, dst, protocol).prepend_to(head, body).is_ok()
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ipv6::Repr::new(src, dst, protocol).prepend_to(head, body).is_ok()
        }
        _ => false,
    }
}

/// What a router tells the sender of `packet`, an IP packet: only `mtu` octets fit (RFC 1191 §4, RFC 4443 §3.2).
///
/// `None` when it would say nothing: IPv4 that may be fragmented, or bytes that are no packet.
pub fn too_big(packet: &[u8], mtu: usize) -> Option<Frame> {
    let mut head = Head::new();
    let body = match packet.first()? >> 4 {
        4 => {
            let dropped = ipv4::View::new(packet).ok().filter(ipv4::View::dont_fragment)?;
            let code = icmpv4::Unreachable::FragmentationNeeded { mtu: u16::try_from(mtu).ok()? };
            let body = icmpv4::Repr::DestinationUnreachable { code, quoted: packet }.emit();
            let repr = ipv4::Repr::new(ROUTER_V4, dropped.src(), Protocol::ICMP);
            repr.prepend_to(&mut head, body.len()).ok()?;
            body
        }
        6 => {
            let dropped = ipv6::View::new(packet).ok()?;
            let error = icmpv6::Repr::PacketTooBig { mtu: u32::try_from(mtu).ok()?, quoted: packet };
            let body = error.emit(ROUTER_V6, dropped.src());
            let repr = ipv6::Repr::new(ROUTER_V6, dropped.src(), Protocol::ICMPV6);
            repr.prepend_to(&mut head, body.len()).ok()?;
            body
        }
        _ => return None,
    };
    Some(Frame { head, body: Payload::from(body), ..Frame::default() })
}

/// Puts an Ethernet header before `answer`, so that it goes back where `frame` came from; `false` when that is none.
pub fn answer_on_ethernet(answer: &mut Frame, frame: &[u8]) -> bool {
    let Ok(view) = ethernet::View::new(frame) else { return false };
    let header =
        ethernet::Repr { dst: view.src(), src: view.dst(), ethertype: view.ethertype(), vlan: view.vlan() };
    header.prepend_to(&mut answer.head).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::tcp::Flags;

    #[test]
    fn what_is_forged_reads_back_with_right_checksums() {
        for (src, dst) in [("10.0.0.1:9", "10.0.0.2:80"), ("[fd00::1]:9", "[fd00::2]:80")] {
            let (src, dst): (SocketAddr, SocketAddr) = (src.parse().unwrap(), dst.parse().unwrap());
            let header = Header { flags: Flags::RST, ..Header::default() };
            let octets = segment(src, dst, &header, Payload::copy_of(b"odd")).contiguous();
            let ip = if src.is_ipv4() { 20 } else { 40 };
            let view = tcp::View::new(&octets[ip..]).unwrap();
            assert!(view.checksum_ok(src.ip(), dst.ip()));
            assert_eq!((view.src_port(), view.dst_port(), view.payload()), (9, 80, &b"odd"[..]));
            let octets = datagram(src, dst, Payload::copy_of(b"odd")).contiguous();
            assert!(udp::View::new(&octets[ip..]).unwrap().checksum_ok(src.ip(), dst.ip()));
            let error = too_big(&octets, 1280).unwrap().contiguous();
            let quoted = if src.is_ipv4() {
                assert!(icmpv4::View::new(&error[20..]).unwrap().checksum_ok());
                &error[28..]
            } else {
                assert!(icmpv6::View::new(&error[40..]).unwrap().checksum_ok(ROUTER_V6, fd00()));
                &error[48..]
            };
            assert!(octets.starts_with(quoted));
        }
        assert!(too_big(&[], 1280).is_none());
    }

    fn fd00() -> Ipv6Addr {
        "fd00::1".parse().unwrap()
    }
}
