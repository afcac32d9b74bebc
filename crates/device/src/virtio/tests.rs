//! Headers that tell the truth, and every way to lie.

use super::*;
use crate::software::tests::{check_packet, train};
use wire::{Payload, segmentation};

/// A received frame: all octets in its body.
fn landed(frame: &Frame) -> Frame {
    Frame { body: frame.to_vec().into(), ..Frame::default() }
}

fn accepted(header: Header, frame: &Frame) -> Result<Offload, Lie> {
    let mut frame = landed(frame);
    header.accept(&mut frame, Medium::Ip).map(|()| frame.offload)
}

const ALL: Trains = Trains { tcp: true, udp: true };

#[test]
fn a_trains_header_is_what_the_standard_says_and_reads_back() {
    let sent = train(250);
    let header = Header::of(&sent, Medium::Ip, ALL).unwrap();
    let expected =
        Header { flags: 1, gso_type: 1, hdr_len: 40, gso_size: 100, csum_start: 20, csum_offset: 16 };
    assert_eq!(header, expected);
    assert_eq!(header.emit(Order::Little), [1, 1, 40, 0, 100, 0, 20, 0, 16, 0]);
    assert_eq!(header.emit(Order::Big), [1, 1, 0, 40, 0, 100, 0, 20, 0, 16]);
    for order in [Order::Native, Order::Little, Order::Big] {
        assert_eq!(Header::read(header.emit(order), order), header);
    }
    assert_eq!(accepted(header, &sent), Ok(sent.offload));
}

#[test]
fn what_a_device_cannot_take_has_no_header() {
    let sent = train(250);
    assert_eq!(Header::of(&sent, Medium::Ip, Trains { tcp: false, udp: true }), None);
    let mut summed = sent.clone();
    summed.offload.checksum = Checksum::Verified;
    assert_eq!(Header::of(&summed, Medium::Ip, ALL), None);
    let mut elsewhere = sent.clone();
    elsewhere.offload.checksum = Checksum::Partial { start: 21, offset: 16 };
    assert_eq!(Header::of(&elsewhere, Medium::Ip, ALL), None);
    let mut single = sent;
    single.offload.segment_size = None;
    let header = Header::of(&single, Medium::Ip, Trains::default()).unwrap();
    assert_eq!(header, Header { flags: 1, csum_start: 20, csum_offset: 16, ..Header::default() });
    assert_eq!(Header::of(&Frame::default(), Medium::Ip, ALL), Some(Header::default()));
}

#[test]
fn a_train_that_has_cwr_says_so_and_only_tcp_may() {
    let mut sent = train(250);
    let at = sent.head.as_slice().len() - 20 + 13;
    sent.head.as_mut_slice()[at] |= 0x80;
    let header = Header::of(&sent, Medium::Ip, ALL).unwrap();
    assert_eq!(header.gso_type, 0x81);
    assert_eq!(accepted(header, &sent), Ok(sent.offload));
    for gso_type in [0x80, 0x85] {
        assert_eq!(accepted(Header { gso_type, ..header }, &sent), Err(Lie::Kind));
    }
}

#[test]
fn each_lie_has_its_name() {
    let sent = train(250);
    let honest = Header::of(&sent, Medium::Ip, ALL).unwrap();
    let lies = [
        (Header { gso_size: 0, ..honest }, Lie::Size),
        (Header { gso_size: 291, ..honest }, Lie::Size),
        (Header { hdr_len: 291, ..honest }, Lie::Headers),
        (Header { gso_type: 2, ..honest }, Lie::Kind),
        (Header { gso_type: 3, ..honest }, Lie::Kind),
        (Header { gso_type: 4, ..honest }, Lie::Kind),
        (Header { gso_type: 5, ..honest }, Lie::Kind),
        (Header { gso_type: 0x21, ..honest }, Lie::Kind),
        (Header { csum_start: 289, ..honest }, Lie::Checksum),
        (Header { csum_offset: 269, ..honest }, Lie::Checksum),
        (Header { csum_start: u16::MAX, csum_offset: u16::MAX, ..honest }, Lie::Checksum),
        (Header { csum_start: 24, ..honest }, Lie::Checksum),
        (Header { csum_offset: 6, ..honest }, Lie::Checksum),
        (Header { flags: 0, ..honest }, Lie::Checksum),
    ];
    for (header, lie) in lies {
        assert_eq!(accepted(header, &sent), Err(lie), "{header:?}");
    }
    // Hints may be anything that fits, and a train of one packet is a packet.
    assert_eq!(accepted(Header { hdr_len: 0, ..honest }, &sent), Ok(sent.offload));
    let one = accepted(Header { gso_size: 250, ..honest }, &sent).unwrap();
    assert_eq!((one.segment_size, one.checksum), (None, sent.offload.checksum));
    // Its IP header tells of more than there is.
    let short = Frame { body: Payload::from(sent.to_vec()).slice(0..289), ..Frame::default() };
    assert_eq!(accepted(honest, &short), Err(Lie::Headers));
    // A SYN is no train.
    let mut syn = sent.clone();
    syn.head.as_mut_slice()[33] |= 2;
    assert_eq!(accepted(honest, &syn), Err(Lie::Kind));
}

#[test]
fn a_verified_checksum_is_believed_and_one_at_an_unusual_place_is_finished() {
    let mut sent = train(80);
    sent.offload.segment_size = None;
    let valid = Header { flags: 2, ..Header::default() };
    assert_eq!(accepted(valid, &sent).map(|offload| offload.checksum), Ok(Checksum::Verified));
    let mut frame = landed(&sent);
    let odd = Header { flags: 1, csum_start: 60, csum_offset: 2, ..Header::default() };
    odd.accept(&mut frame, Medium::Ip).unwrap();
    assert_eq!(frame.offload, Offload::default());
    let (octets, before) = (frame.contiguous(), sent.to_vec());
    assert_eq!(octets[..62], before[..62]);
    assert_ne!(octets[62..64], before[62..64]);
    assert_eq!(octets[64..], before[64..]);
}

#[test]
fn on_ethernet_the_link_header_counts_in_every_place() {
    let mut sent = train(250);
    sent.head.prepend(14).unwrap().copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    sent.offload.checksum = Checksum::Partial { start: 34, offset: 16 };
    let header = Header::of(&sent, Medium::Ethernet, ALL).unwrap();
    assert_eq!((header.hdr_len, header.csum_start), (54, 34));
    let mut frame = landed(&sent);
    header.accept(&mut frame, Medium::Ethernet).unwrap();
    assert_eq!(frame.offload, sent.offload);
    let packets: Vec<_> = segmentation::split(frame, Medium::Ethernet).unwrap().collect();
    assert_eq!(
        packets.iter().map(|packet| check_packet(&packet.to_vec()[14..]).0).collect::<Vec<_>>(),
        [100, 100, 50]
    );
}
