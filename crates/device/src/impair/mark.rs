//! Marking a packet CE (RFC 3168 §5), and what paths do to marks: the two bits of its IP header, and the sum over them.

use crate::{Medium, ip_offset, memory::packet_start};
use wire::{Ecn, Frame, Head, checksum};

/// Octets of an IPv4 header without options.
const IPV4: usize = 20;

/// Sets CE on a packet that is ECN-capable; says whether it did. One that carries CE already stays as it is, which is
/// no mark of ours.
pub(super) fn mark(packet: &mut Frame, medium: Medium) -> bool {
    remark(packet, medium, |ecn| if matches!(ecn, Ecn::Ect0 | Ecn::Ect1) { Ecn::Ce } else { ecn })
}

/// Writes what `becomes` makes of a packet's two bits; says whether that is anything else.
pub(super) fn remark(packet: &mut Frame, medium: Medium, becomes: impl FnOnce(Ecn) -> Ecn) -> bool {
    let start = packet_start(packet);
    let Some(ip) = ip_offset(medium, start) else { return false };
    let Some(header) = start.get(ip..) else { return false };
    let old = match header.first().map(|first| first >> 4) {
        Some(4) if header.len() >= IPV4 => Ecn::from_bits(header[1]),
        Some(6) if header.len() >= 2 => Ecn::from_bits(header[1] >> 4),
        _ => return false,
    };
    let new = becomes(old);
    if new == old {
        return false;
    }
    if packet.head.as_slice().is_empty() {
        let mut octets = packet.to_vec();
        write(&mut octets[ip..], new);
        packet.body = octets.into();
        packet.head = Head::new();
    } else if let Some(header) = packet.head.as_mut_slice().get_mut(ip..) {
        write(header, new);
    }
    true
}

/// Writes the bits into an IP header that was looked at before.
fn write(header: &mut [u8], ecn: Ecn) {
    if header[0] >> 4 == 6 {
        header[1] = header[1] & !(3 << 4) | ecn.bits() << 4;
        return;
    }
    let old = u16::from_be_bytes([header[0], header[1]]);
    header[1] = header[1] & !3 | ecn.bits();
    let new = u16::from_be_bytes([header[0], header[1]]);
    let sum = u16::from_be_bytes([header[10], header[11]]);
    header[10..12].copy_from_slice(&checksum::update(sum, old, new).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};
    use wire::{Protocol, ipv4, ipv6};

    fn v4(ecn: Ecn) -> Frame {
        let mut head = Head::new();
        let repr = ipv4::Repr {
            ecn,
            dscp: 9,
            ..ipv4::Repr::new(Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST, Protocol::TCP)
        };
        repr.prepend_to(&mut head, 3).unwrap();
        Frame { head, body: b"abc".into(), ..Frame::default() }
    }

    fn v6(ecn: Ecn) -> Frame {
        let mut head = Head::new();
        let repr = ipv6::Repr {
            ecn,
            dscp: 9,
            ..ipv6::Repr::new(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, Protocol::TCP)
        };
        repr.prepend_to(&mut head, 3).unwrap();
        Frame { head, body: b"abc".into(), ..Frame::default() }
    }

    /// Headers in the head and headers in the body are marked alike, sums included.
    #[test]
    fn only_capable_packets_are_marked_and_nothing_else_of_them_changes() {
        for (make, is_v4) in [(v4 as fn(Ecn) -> Frame, true), (v6, false)] {
            for ecn in [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
                let whole = Frame { head: Head::new(), body: make(ecn).to_vec().into(), ..Frame::default() };
                for mut packet in [make(ecn), whole] {
                    let marked = mark(&mut packet, Medium::Ip);
                    assert_eq!(marked, matches!(ecn, Ecn::Ect0 | Ecn::Ect1));
                    let want = if marked { Ecn::Ce } else { ecn };
                    assert_eq!(packet.to_vec(), make(want).to_vec());
                    if is_v4 {
                        let octets = packet.contiguous();
                        assert!(ipv4::View::new(&octets).unwrap().checksum_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_ip_packet_is_left_alone() {
        for octets in [&b""[..], b"\x45", b"\x60", b"\x15\x02", &[0; 40]] {
            for medium in [Medium::Ip, Medium::Ethernet] {
                let mut packet = Frame { body: octets.into(), ..Frame::default() };
                assert!(!mark(&mut packet, medium));
                assert_eq!(packet.to_vec(), octets);
            }
        }
    }

    #[test]
    fn any_value_becomes_any_other_with_sums_that_hold() {
        let all = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];
        for from in all {
            for to in all {
                for (mut packet, want) in [(v4(from), v4(to)), (v6(from), v6(to))] {
                    assert_eq!(remark(&mut packet, Medium::Ip, |_| to), from != to);
                    assert_eq!(packet.to_vec(), want.to_vec(), "{from:?} {to:?}");
                }
            }
        }
    }
}
