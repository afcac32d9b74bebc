//! Cutting a datagram that is larger than the path takes (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! ```text
//!   IPv4   │ header, more │ 8·a octets │    │ header, more │ 8·a octets │    │ header │ rest │
//!   IPv6   │ header │ fragment header, more │ 8·a octets │   …              the chain's first headers in the first
//! ```

use crate::{Datagram, SendFailure};
use alloc::vec::Vec;
use core::net::IpAddr;
use wire::{Frame, Head, Payload, Protocol, ipv4, ipv6};

/// Head and body as one rope.
pub(crate) fn rope(head: &Head, body: &Payload) -> Payload {
    let mut all = Payload::copy_of(head.as_slice());
    body.chunks().iter().for_each(|chunk| all.push(chunk.clone()));
    all
}

/// Cuts `payload` (transport header and data, checksum complete) into packets of at most `mtu` octets: they tile it
/// without overlap (RFC 791 791-14, RFC 8200 8200-9, RFC 5722 5722-2).
pub(crate) fn cut(
    datagram: &Datagram,
    payload: Payload,
    identification: u32,
    header_len: usize,
    mtu: u16,
) -> Result<Vec<Frame>, SendFailure> {
    let v4 = datagram.dst.is_ipv4();
    let overhead = header_len + if v4 { 0 } else { ipv6::FragmentHeader::LEN };
    let room = usize::from(mtu).saturating_sub(overhead) & !7;
    if room == 0 {
        return Err(SendFailure::TooBig { mtu });
    }
    let mut frames = Vec::with_capacity(payload.len().div_ceil(room));
    let mut at = 0;
    while at < payload.len() {
        let body = payload.slice(at..at + room);
        let more = at + body.len() < payload.len();
        let offset = u16::try_from(at / 8).map_err(|_| SendFailure::TooLong)?;
        at += body.len();
        let mut head = Head::new();
        let written = match (datagram.src, datagram.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let options = datagram.options();
                ipv4::Repr {
                    ttl: datagram.ttl,
                    dscp: datagram.dscp,
                    ecn: datagram.ecn,
                    identification: identification as u16,
                    dont_fragment: false,
                    more_fragments: more,
                    fragment_offset: offset,
                    options: if offset == 0 { options } else { options.copied() },
                    ..ipv4::Repr::new(src, dst, datagram.protocol)
                }
                .prepend_to(&mut head, body.len())
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                let fragment =
                    ipv6::FragmentHeader { next_header: datagram.protocol, offset, more, identification };
                let mut next_header = Protocol::FRAGMENT;
                let mut written = fragment.prepend_to(&mut head);
                if datagram.router_alert {
                    let alert = ipv6::HopByHop { next_header, router_alert: 0 };
                    written = written.and_then(|()| alert.prepend_to(&mut head));
                    next_header = Protocol::HOP_BY_HOP;
                }
                let header = ipv6::Repr {
                    hop_limit: datagram.ttl,
                    dscp: datagram.dscp,
                    ecn: datagram.ecn,
                    flow_label: datagram.flow_label,
                    ..ipv6::Repr::new(src, dst, next_header)
                };
                written.and_then(|()| header.prepend_to(&mut head, body.len()))
            }
            _ => return Err(SendFailure::NoSource),
        };
        written.map_err(|_| SendFailure::TooLong)?;
        frames.push(Frame { head, body, ..Frame::default() });
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;

    fn datagram(v4: bool) -> Datagram {
        let (src, dst) = if v4 {
            (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(192, 0, 2, 2).into())
        } else {
            (Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into())
        };
        Datagram { dont_fragment: false, ..Datagram::new(src, dst, Protocol::UDP) }
    }

    proptest! {
        /// Covers: RFC 8200 8200-9; RFC 5722 5722-2; RFC 791 791-14
        #[test]
        fn fragments_tile_the_datagram_exactly(len in 0usize..20_000, mtu in 576u16..9_000, v4: bool, id: u32) {
            let octets: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let header = if v4 { 20 } else { 40 };
            let frames = cut(&datagram(v4), Payload::copy_of(&octets), id, header, mtu).unwrap();
            let mut at = 0;
            for (n, frame) in frames.iter().enumerate() {
                let last = n + 1 == frames.len();
                let packet = frame.to_vec();
                prop_assert!(packet.len() <= usize::from(mtu));
                let data = if v4 {
                    let view = ipv4::View::new(&packet).unwrap();
                    prop_assert!(view.checksum_ok() && !view.dont_fragment());
                    prop_assert_eq!(view.identification(), id as u16);
                    prop_assert_eq!((view.fragment_offset(), view.more_fragments()), (at, !last));
                    view.payload().to_vec()
                } else {
                    let view = ipv6::View::new(&packet).unwrap();
                    prop_assert_eq!(view.next_header(), Protocol::FRAGMENT);
                    let p = view.payload();
                    let field = usize::from(u16::from_be_bytes([p[2], p[3]]));
                    prop_assert_eq!((field & !7, field & 1 == 1), (at, !last));
                    prop_assert_eq!(&p[4..8], &id.to_be_bytes());
                    p[8..].to_vec()
                };
                prop_assert!(last || data.len() % 8 == 0);
                prop_assert_eq!(&data[..], &octets[at..at + data.len()]);
                at += data.len();
            }
            prop_assert_eq!(at, len);
        }
    }
}
