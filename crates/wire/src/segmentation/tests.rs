use super::*;
use crate::ethernet::{EtherType, MacAddr};
use crate::{SeqNum, WireWindow};
use bytes::Bytes;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::num::NonZeroU16;
use env::Instant;
use proptest::prelude::*;
use std::vec::Vec;

const V4: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))];
const V6: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

/// What a packet says, checksums already found right.
#[derive(Debug, PartialEq)]
struct Piece {
    seq: u32,
    flags: Flags,
    urgent: u16,
    identification: u16,
    len: usize,
}

fn prepend_ip(head: &mut Head, [src, dst]: [IpAddr; 2], protocol: Protocol, body_len: usize) {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let repr = ipv4::Repr { identification: 0xffff, ..ipv4::Repr::new(src, dst, protocol) };
            repr.prepend_to(head, body_len).unwrap();
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ipv6::Repr::new(src, dst, protocol).prepend_to(head, body_len).unwrap();
        }
        _ => unreachable!("tests give two addresses of one family"),
    }
}

/// A train as the stack hands it to a device: with a partial checksum.
fn train(header: &tcp::Header, body: Payload, addresses: [IpAddr; 2], size: u16) -> Frame {
    let mut frame = Frame { body, id: 7, arrived: Instant::from_nanos(9), ..Frame::default() };
    header.prepend_to(&mut frame.head, 1, 2).unwrap();
    tcp::fill_partial_checksum(&mut frame.head, frame.body.len(), addresses[0], addresses[1]).unwrap();
    let transport = frame.head.len();
    prepend_ip(&mut frame.head, addresses, Protocol::TCP, frame.body.len());
    let start = (frame.head.len() - transport) as u16;
    frame.offload.checksum = Checksum::Partial { start, offset: tcp::CHECKSUM_OFFSET };
    frame.offload.segment_size = NonZeroU16::new(size);
    frame
}

fn header(flags: Flags, urgent: u16) -> tcp::Header {
    let seq = SeqNum::new(u32::MAX - 5);
    tcp::Header { seq, flags, urgent, window: WireWindow::new(9), ..tcp::Header::default() }
}

fn read(frame: &Frame) -> Piece {
    let bytes = frame.contiguous();
    let (src, dst, identification, segment) = if bytes[0] >> 4 == 4 {
        let view = ipv4::View::new(&bytes).unwrap();
        assert!(view.checksum_ok());
        assert_eq!(usize::from(view.total_len()), bytes.len());
        (view.src().into(), view.dst().into(), view.identification(), view.payload())
    } else {
        let view = ipv6::View::new(&bytes).unwrap();
        assert_eq!(view.payload_range().end, bytes.len());
        let chain = view.walk().unwrap();
        (view.src().into(), view.dst().into(), 0, &bytes[chain.offset..])
    };
    let view = tcp::View::new(segment).unwrap();
    assert!(view.checksum_ok(src, dst));
    assert_eq!((view.src_port(), view.dst_port(), view.window().raw()), (1, 2, 9));
    Piece {
        seq: view.seq().raw(),
        flags: view.flags(),
        urgent: view.urgent(),
        identification,
        len: view.payload().len(),
    }
}

/// Covers: RFC 9293 MUST-2
#[test]
fn each_packet_has_its_own_number_and_identification_and_says_once_what_is_said_once() {
    let flags = Flags::ACK | Flags::CWR | Flags::PSH | Flags::FIN | Flags::ECE;
    let middle = Flags::ACK | Flags::ECE;
    for (addresses, v4) in [(V4, true), (V6, false)] {
        let body = Payload::from(Bytes::from(alloc::vec![3; 25]));
        let frame = train(&header(flags, 0), body, addresses, 10);
        let pieces: Vec<Frame> = split(frame.clone(), Medium::Ip).unwrap().collect();
        let identification = |count: u16| if v4 { 0xffff_u16.wrapping_add(count) } else { 0 };
        let piece = |seq: u32, flags: Flags, count: u16, len: usize| Piece {
            seq,
            flags,
            urgent: 0,
            identification: identification(count),
            len,
        };
        let expected = [
            piece(u32::MAX - 5, middle | Flags::CWR, 0, 10),
            piece(4, middle, 1, 10),
            piece(14, middle | Flags::PSH | Flags::FIN, 2, 5),
        ];
        assert_eq!(pieces.iter().map(read).collect::<Vec<_>>(), expected);
        for (count, piece) in pieces.iter().enumerate() {
            assert_eq!((piece.offload, piece.id, piece.arrived), (Offload::default(), 7, frame.arrived));
            assert_eq!(
                piece.body.chunks()[0].as_ptr(),
                frame.body.chunks()[0][count * 10..].as_ptr(),
                "shared"
            );
        }
    }
}

/// Covers: RFC 9293 MUST-62
#[test]
fn the_urgent_pointer_keeps_pointing_at_the_same_octet() {
    let frame = train(&header(Flags::ACK | Flags::URG, 15), Payload::copy_of(&[0; 30]), V4, 10);
    let pieces: Vec<Piece> = split(frame, Medium::Ip).unwrap().map(|piece| read(&piece)).collect();
    let urgent: Vec<(bool, u16)> =
        pieces.iter().map(|piece| (piece.flags.contains(Flags::URG), piece.urgent)).collect();
    assert_eq!(urgent, [(true, 15), (true, 5), (false, 0)]);
}

#[test]
fn a_tagged_train_with_options_and_extension_headers_keeps_all_its_headers() {
    let body = Payload::copy_of(&[1; 21]);
    let mut header = header(Flags::ACK, 0);
    header.options.timestamps = Some(tcp::Timestamps { value: 1, echo: 2 });
    let mut head = Head::new();
    header.prepend_to(&mut head, 1, 2).unwrap();
    ipv6::HopByHop { next_header: Protocol::TCP, router_alert: 0 }.prepend_to(&mut head).unwrap();
    prepend_ip(&mut head, V6, Protocol::HOP_BY_HOP, body.len());
    let link = ethernet::Repr {
        dst: MacAddr::BROADCAST,
        src: MacAddr::BROADCAST,
        ethertype: EtherType::IPV6,
        vlan: Some(5),
    };
    link.prepend_to(&mut head).unwrap();
    let offload = Offload { segment_size: NonZeroU16::new(20), ..Offload::default() };
    // The same train as it is received: all of it in the body, some octets a chunk.
    let mut received = Frame { offload, ..Frame::default() };
    [head.as_slice(), &body.to_vec()]
        .concat()
        .chunks(7)
        .for_each(|part| received.body.push(part.to_vec().into()));
    let sent = Frame { head, body, offload, ..Frame::default() };
    for frame in [sent, received] {
        let pieces: Vec<Frame> = split(frame, Medium::Ethernet).unwrap().collect();
        assert_eq!(pieces.len(), 2);
        for (piece, len) in pieces.iter().zip([20, 1]) {
            let bytes = piece.contiguous();
            let view = ethernet::View::new(&bytes).unwrap();
            assert_eq!(view.repr(), link);
            let mut packet = Frame::default();
            packet.body.push(bytes.slice(view.payload_range()));
            assert_eq!(read(&packet).len, len);
        }
    }
}

#[test]
fn datagrams_are_cut_each_with_a_length_and_checksum_of_its_own() {
    for (addresses, without) in [(V4, false), (V6, false), (V4, true)] {
        let mut frame = Frame { body: Payload::copy_of(&[5; 25]), ..Frame::default() };
        udp::Repr { src_port: 1, dst_port: 2 }.prepend_to(&mut frame.head, 25).unwrap();
        if !without {
            udp::fill_checksum(&mut frame.head, &frame.body, addresses[0], addresses[1]).unwrap();
        }
        prepend_ip(&mut frame.head, addresses, Protocol::UDP, 25);
        frame.offload.segment_size = NonZeroU16::new(10);
        let header_len = frame.head.len() - udp::HEADER_LEN;
        let pieces: Vec<Frame> = split(frame, Medium::Ip).unwrap().collect();
        assert_eq!(pieces.len(), 3);
        for (piece, len) in pieces.iter().zip([10, 10, 5]) {
            let bytes = piece.contiguous();
            let view = udp::View::new(&bytes[header_len..]).unwrap();
            assert_eq!((view.payload().len(), view.surplus().len()), (len, 0));
            assert_eq!(view.has_checksum(), !without, "RFC 768: none was made, and none is");
            assert!(without || view.checksum_ok(addresses[0], addresses[1]));
        }
    }
}

#[test]
fn a_frame_that_is_no_train_comes_out_as_it_is_with_its_checksum_complete() {
    let mut frame = train(&header(Flags::SYN, 0), Payload::copy_of(b"odd"), V4, 1);
    frame.offload.segment_size = None;
    let pieces: Vec<Frame> = split(frame.clone(), Medium::Ip).unwrap().collect();
    assert_eq!(pieces.len(), 1);
    assert_eq!(pieces[0].offload.checksum, Checksum::InPacket);
    assert_eq!(read(&pieces[0]).flags, Flags::SYN);
    let plain = Frame { body: Payload::copy_of(b"anything"), id: 3, ..Frame::default() };
    assert_eq!(split(plain.clone(), Medium::Ethernet).unwrap().collect::<Vec<_>>(), [plain]);
    // An empty train is one packet.
    let empty = train(&header(Flags::ACK | Flags::FIN, 0), Payload::EMPTY, V6, 10);
    let pieces: Vec<Frame> = split(empty, Medium::Ip).unwrap().collect();
    assert_eq!(pieces.iter().map(|piece| read(piece).flags).collect::<Vec<_>>(), [Flags::ACK | Flags::FIN]);
}

/// The device's word is not trusted: lengths, sizes and places that can't be are refused, and nothing is cut.
#[test]
fn metadata_and_headers_that_lie_are_refused() {
    let good = || train(&header(Flags::ACK, 0), Payload::copy_of(&[0; 30]), V4, 10);
    let refused = |change: fn(&mut Frame)| {
        let mut frame = good();
        change(&mut frame);
        split(frame, Medium::Ip).err()
    };
    assert_eq!(refused(|_| {}), None);
    assert_eq!(refused(|frame| frame.offload.segment_kind = Some(SegmentKind::Tcp4)), None);
    let another = refused(|frame| frame.offload.segment_kind = Some(SegmentKind::Udp6));
    assert_eq!(another, Some(Malformed::BadField));
    assert_eq!(refused(|frame| frame.head = Head::new()), Some(Malformed::TooShort));
    assert_eq!(refused(|frame| frame.body.truncate(29)), Some(Malformed::BadLength));
    assert_eq!(refused(|frame| frame.head.as_mut_slice()[9] = 1), Some(Malformed::Unsupported));
    assert_eq!(refused(|frame| frame.head.as_mut_slice()[6] = 0x20), Some(Malformed::BadField));
    assert_eq!(refused(|frame| frame.head.as_mut_slice()[3] = 39), Some(Malformed::BadLength));
    assert_eq!(refused(|frame| frame.head.as_mut_slice()[32] = 0x40), Some(Malformed::BadHeaderLength));
    assert_eq!(refused(|frame| frame.head.as_mut_slice()[33] |= 2), Some(Malformed::BadField));
    let outside = |start: u16, offset: u16| {
        let mut frame = good();
        frame.offload.segment_size = None;
        frame.offload.checksum = Checksum::Partial { start, offset };
        finish_checksum(&mut frame)
    };
    assert_eq!(outside(20, 49), Err(Malformed::TooShort));
    assert_eq!(outside(u16::MAX, u16::MAX), Err(Malformed::TooShort));
    assert_eq!(outside(20, 48), Ok(()));
}

proptest! {
    #[test]
    fn the_packets_of_any_train_carry_its_stream(
        parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12),
        size in 1u16..50, bits: u16, six: bool,
    ) {
        let stream = parts.concat();
        let mut body = Payload::EMPTY;
        parts.into_iter().for_each(|part| body.push(part.into()));
        let flags = Flags::from_bits(bits) & !(Flags::SYN | Flags::RST);
        let frame = train(&header(flags, 0), body, if six { V6 } else { V4 }, size);
        let pieces: Vec<Frame> = split(frame, Medium::Ip).unwrap().collect();
        prop_assert_eq!(pieces.len(), stream.len().div_ceil(size.into()).max(1));
        let mut carried = Vec::new();
        for piece in &pieces {
            let seq = u32::MAX.wrapping_sub(5).wrapping_add(carried.len() as u32);
            prop_assert_eq!(read(piece).seq, seq);
            carried.extend(piece.body.to_vec());
        }
        prop_assert_eq!(carried, stream);
    }

    #[test]
    fn a_checksum_is_finished_wherever_its_field_lies(
        octets in proptest::collection::vec(any::<u8>(), 8..300), cut: proptest::sample::Index, chunk in 1usize..50,
        start: proptest::sample::Index, udp: bool,
    ) {
        let offset = if udp { 6 } else { 4 };
        let start = start.index(octets.len() - 7);
        let field = start + offset;
        let cut = cut.index(octets.len().min(Head::ROOM));
        let mut frame = Frame::default();
        frame.head.prepend(cut).unwrap().copy_from_slice(&octets[..cut]);
        octets[cut..].chunks(chunk).for_each(|part| frame.body.push(part.to_vec().into()));
        frame.offload.checksum = Checksum::Partial { start: start as u16, offset: offset as u16 };
        let sum = checksum::sum(&octets[start..]).checksum();
        finish_checksum(&mut frame).unwrap();
        prop_assert_eq!(frame.offload.checksum, Checksum::InPacket);
        let mut expected = octets;
        write(&mut expected, field, if udp && sum == 0 { 0xffff } else { sum });
        prop_assert_eq!(frame.to_vec(), expected);
    }
}
