//! What must hold for any bytes, one function a format: the property tests and the fuzz targets run these bodies.
//!
//! None may panic inside the crate; beyond that, what a view gives lies within the bytes, and what was read,
//! written and read again is the same.

#![allow(dead_code, reason = "each fuzz target runs one of them")]

use handfast_wire::tcp::Flags;
use handfast_wire::{
    Checksum, Frame, Head, Medium, Offload, Payload, Quoted, arp, ethernet, icmpv4, icmpv6, igmp, ipv4, ipv6,
    mld, ndp, segmentation, tcp, udp,
};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

const A: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const B: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

fn with(head: &Head, payload: &[u8]) -> Vec<u8> {
    [head.as_slice(), payload].concat()
}

pub(crate) fn ethernet(bytes: &[u8]) {
    let Ok(view) = ethernet::View::new(bytes) else { return };
    assert_eq!(&bytes[view.payload_range()], view.payload());
    let mut head = Head::new();
    view.repr().prepend_to(&mut head).unwrap();
    assert_eq!(head.len(), view.header_len());
    let again = with(&head, view.payload());
    assert_eq!(ethernet::View::new(&again).unwrap().repr(), view.repr());
}

pub(crate) fn arp(bytes: &[u8]) {
    let Ok(view) = arp::View::new(bytes) else { return };
    assert_eq!(view.repr().emit(), bytes[..arp::LEN]);
}

pub(crate) fn ipv4(bytes: &[u8]) {
    if let Ok(quoted) = Quoted::v4(bytes) {
        let _ = (quoted.ports(), quoted.tcp_seq(), quoted.echo());
        assert!(quoted.transport.len() <= bytes.len());
    }
    let Ok(view) = ipv4::View::new(bytes) else { return };
    assert_eq!(&bytes[view.payload_range()], view.payload());
    assert_eq!(view.header_len() + view.payload().len(), usize::from(view.total_len()));
    let octets: usize = view.options().flatten().map(|option| 2 + option.data.len()).sum();
    assert!(octets <= 40 && view.options().count() <= 21);
    if let Err(pointer) = view.check_options() {
        assert!((20..view.header_len()).contains(&usize::from(pointer)));
    }
    let repr = view.repr();
    assert!(repr.options.copied().as_slice().len() <= repr.options.as_slice().len());
    let mut head = Head::new();
    repr.prepend_to(&mut head, view.payload().len()).unwrap();
    let again = with(&head, view.payload());
    let again = ipv4::View::new(&again).unwrap();
    assert!(again.checksum_ok());
    assert_eq!((again.repr(), again.payload()), (repr, view.payload()));
}

pub(crate) fn ipv6(bytes: &[u8]) {
    if let Ok(quoted) = Quoted::v6(bytes) {
        let _ = (quoted.ports(), quoted.tcp_seq(), quoted.echo());
        assert!(quoted.transport.len() <= bytes.len());
    }
    let Ok(view) = ipv6::View::new(bytes) else { return };
    assert_eq!(&bytes[view.payload_range()], view.payload());
    let end = view.payload_range().end;
    match view.walk() {
        Ok(chain) => {
            assert!(chain.offset <= end && chain.named_at < chain.offset);
            assert_eq!(bytes[chain.named_at], chain.protocol.number());
            if let Some(fragment) = chain.fragment {
                assert!(fragment.data_at() <= chain.offset);
                assert_eq!(bytes[fragment.named_at], ipv6_fragment());
                assert_eq!(bytes[fragment.header_at], fragment.next_header.number());
            } else {
                let quoted = Quoted::v6(bytes).unwrap();
                assert_eq!(quoted.protocol, chain.protocol);
                assert_eq!(quoted.transport, &bytes[chain.offset..]);
            }
        }
        Err(ipv6::Refused::Report { pointer, .. }) => assert!((pointer as usize) < end),
        Err(ipv6::Refused::Silently(_)) => {}
    }
    let mut head = Head::new();
    view.repr().prepend_to(&mut head, view.payload().len()).unwrap();
    assert_eq!(with(&head, view.payload()), bytes[..end]);
}

fn ipv6_fragment() -> u8 {
    handfast_wire::Protocol::FRAGMENT.number()
}

pub(crate) fn icmpv4(bytes: &[u8]) {
    let Ok(view) = icmpv4::View::new(bytes) else { return };
    let (repr, _) = (view.repr(), view.checksum_ok());
    let emitted = repr.emit();
    let again = icmpv4::View::new(&emitted).unwrap();
    assert!(again.checksum_ok());
    if repr.is_error() && bytes.len() > icmpv4::MAX_ERROR_LEN {
        assert_eq!(emitted.len(), icmpv4::MAX_ERROR_LEN);
    } else {
        assert_eq!(again.repr(), repr);
    }
}

pub(crate) fn icmpv6(bytes: &[u8]) {
    let Ok(view) = icmpv6::View::new(bytes) else { return };
    let (repr, _) = (view.repr(), view.checksum_ok(A, B));
    let emitted = repr.emit(A, B);
    let again = icmpv6::View::new(&emitted).unwrap();
    assert!(again.checksum_ok(A, B));
    if repr.is_error() && bytes.len() > icmpv6::MAX_ERROR_LEN {
        assert_eq!(emitted.len(), icmpv6::MAX_ERROR_LEN);
    } else {
        assert_eq!(again.repr(), repr);
    }
}

pub(crate) fn ndp(bytes: &[u8]) {
    let Ok(view) = ndp::View::new(bytes) else { return };
    let _ = view.checksum_ok(A, B);
    let Ok(repr) = view.repr() else { return };
    let _ = (repr.check(255, A, B), repr.check(254, Ipv6Addr::UNSPECIFIED, ndp::ALL_NODES));
    let emitted = repr.emit(A, B);
    let again = ndp::View::new(&emitted).unwrap();
    assert!(again.checksum_ok(A, B) && emitted.len() <= bytes.len());
    assert_eq!(again.repr().unwrap(), repr);
}

pub(crate) fn igmp(bytes: &[u8]) {
    let Ok(view) = igmp::View::new(bytes) else { return };
    let _ = view.checksum_ok();
    let Ok(repr) = view.repr() else { return };
    let emitted = repr.emit();
    let again = igmp::View::new(&emitted).unwrap();
    assert!(again.checksum_ok() && emitted.len() <= bytes.len());
    assert_eq!(again.repr().unwrap(), repr);
}

pub(crate) fn mld(bytes: &[u8]) {
    let Ok(view) = mld::View::new(bytes) else { return };
    let _ = view.checksum_ok(A, B);
    let Ok(repr) = view.repr() else { return };
    let emitted = repr.emit(A, B);
    let again = mld::View::new(&emitted).unwrap();
    assert!(again.checksum_ok(A, B) && emitted.len() <= bytes.len());
    assert_eq!(again.repr().unwrap(), repr);
}

pub(crate) fn udp(bytes: &[u8]) {
    let Ok(view) = udp::View::new(bytes) else { return };
    assert_eq!(&bytes[view.payload_range()], view.payload());
    assert_eq!(udp::HEADER_LEN + view.payload().len() + view.surplus().len(), bytes.len());
    let _ = (view.has_checksum(), view.checksum_ok(A.into(), B.into()));
    let mut head = Head::new();
    let body = Payload::copy_of(view.payload());
    view.repr().prepend_to(&mut head, body.len()).unwrap();
    udp::fill_checksum(&mut head, &body, A.into(), B.into()).unwrap();
    let again = with(&head, view.payload());
    let again = udp::View::new(&again).unwrap();
    assert!(again.has_checksum() && again.checksum_ok(A.into(), B.into()));
    assert_eq!((again.repr(), again.payload(), again.surplus()), (view.repr(), view.payload(), &[][..]));
}

pub(crate) fn tcp(bytes: &[u8]) {
    let Ok(view) = tcp::View::new(bytes) else { return };
    assert_eq!(&bytes[view.payload_range()], view.payload());
    assert_eq!(view.header_len() + view.payload().len(), bytes.len());
    let _ = view.checksum_ok(A.into(), B.into());
    let Ok(header) = view.header() else { return };
    let mut head = Head::new();
    header.prepend_to(&mut head, view.src_port(), view.dst_port()).unwrap();
    let body = Payload::copy_of(view.payload());
    tcp::fill_checksum(&mut head, &body, A.into(), B.into()).unwrap();
    assert!(
        head.len() == header.encoded_len()
            && head.len().is_multiple_of(4)
            && head.len() <= tcp::MAX_HEADER_LEN
    );
    let emitted = with(&head, view.payload());
    let again = tcp::View::new(&emitted).unwrap();
    assert!(again.checksum_ok(A.into(), B.into()));
    assert_eq!((again.src_port(), again.dst_port()), (view.src_port(), view.dst_port()));
    assert_eq!(again.payload(), view.payload());
    let mut expected = header.clone();
    let again = again.header().unwrap();
    // What is read and never written, or may have no room next to everything else.
    expected.options.md5 = false;
    expected.options.authentication = false;
    if again.options.fast_open.is_none() {
        expected.options.fast_open = None;
    }
    let blocks = again.options.sack.as_slice().len();
    assert!(blocks == header.options.sack.as_slice().len() || header.flags.contains(Flags::SYN));
    expected.options.sack.truncate(blocks);
    assert_eq!(again, expected);
}

/// The first six octets choose the metadata, as a hostile device would; the rest is the frame.
pub(crate) fn segmentation(bytes: &[u8]) {
    let Some((&[choice, size, start, offset, cut, chunk], packet)) = bytes.split_first_chunk() else {
        return;
    };
    let medium = if choice & 1 == 0 { Medium::Ip } else { Medium::Ethernet };
    let mut frame = Frame::default();
    let cut = usize::from(cut).min(packet.len()).min(Head::ROOM);
    frame.head.prepend(cut).unwrap().copy_from_slice(&packet[..cut]);
    for part in packet[cut..].chunks(usize::from(chunk).max(1)) {
        frame.body.push(part.to_vec().into());
    }
    frame.offload = Offload {
        checksum: match choice >> 1 & 3 {
            0 => Checksum::Partial { start: start.into(), offset: offset.into() },
            1 => Checksum::Verified,
            _ => Checksum::InPacket,
        },
        segment_size: NonZeroU16::new(size.into()),
        segment_kind: None,
    };
    let partial = matches!(frame.offload.checksum, Checksum::Partial { .. });
    let Ok(pieces) = segmentation::split(frame.clone(), medium) else { return };
    let pieces: Vec<Frame> = pieces.collect();
    assert!(!pieces.is_empty() && pieces.len() <= packet.len().max(1));
    if size == 0 {
        assert_eq!(pieces[0].len(), frame.len());
        assert!(partial || pieces[0] == frame);
        return;
    }
    let mut stream = Vec::new();
    for piece in &pieces {
        assert_eq!(piece.offload, Offload::default());
        assert!(piece.body.len() <= size.into());
        stream.extend(piece.body.to_vec());
        verify(piece, medium);
    }
    let header_len = pieces[0].head.len();
    assert_eq!(stream, packet[header_len..header_len + stream.len()]);
}

/// Every checksum and length of a packet that was cut from a train is right.
pub(crate) fn verify(piece: &Frame, medium: Medium) {
    let bytes = piece.contiguous();
    let packet = match medium {
        Medium::Ip => &bytes[..],
        Medium::Ethernet => ethernet::View::new(&bytes).unwrap().payload(),
    };
    let (src, dst, segment) = if packet[0] >> 4 == 4 {
        let view = ipv4::View::new(packet).unwrap();
        assert!(view.checksum_ok() && usize::from(view.total_len()) == packet.len());
        (view.src().into(), view.dst().into(), (view.protocol(), view.payload()))
    } else {
        let view = ipv6::View::new(packet).unwrap();
        assert_eq!(view.payload().len() + ipv6::HEADER_LEN, packet.len());
        let quoted = Quoted::v6(packet).unwrap();
        (view.src().into(), view.dst().into(), (quoted.protocol, quoted.transport))
    };
    match segment {
        (handfast_wire::Protocol::TCP, segment) => {
            assert!(tcp::View::new(segment).unwrap().checksum_ok(src, dst));
        }
        (_, datagram) => {
            let view = udp::View::new(datagram).unwrap();
            assert!(view.surplus().is_empty());
            assert!(!view.has_checksum() || view.checksum_ok(src, dst));
        }
    }
}

/// IPv4 addresses for tests.
pub(crate) const V4: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
