//! No virtio-net header can hurt, whatever follows it.

mod exercise;

use exercise::any_header;
use handfast_device::virtio::{Header, LEN, Order, Trains};
use handfast_device::{Frame, Medium};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use wire::{Checksum, Head, Offload, Payload, Protocol, SegmentKind, ipv4, ipv6, tcp, udp};

/// A train of any kind, of `size` octets of payload in packets of `segment`.
fn train(kind: SegmentKind, size: usize, segment: u16) -> Frame {
    let body = Payload::from(vec![b'x'; size]);
    let (v4, is_tcp) = (
        matches!(kind, SegmentKind::Tcp4 | SegmentKind::Udp4),
        matches!(kind, SegmentKind::Tcp4 | SegmentKind::Tcp6),
    );
    let ours: IpAddr = if v4 { Ipv4Addr::new(10, 0, 0, 1).into() } else { "fd00::1".parse().unwrap() };
    let theirs: IpAddr = if v4 { Ipv4Addr::new(10, 0, 0, 2).into() } else { "fd00::2".parse().unwrap() };
    let (mut head, offset) = (Head::new(), if is_tcp { tcp::CHECKSUM_OFFSET } else { udp::CHECKSUM_OFFSET });
    if is_tcp {
        tcp::Header::default().prepend_to(&mut head, 1, 2).unwrap();
        tcp::fill_partial_checksum(&mut head, size, ours, theirs).unwrap();
    } else {
        udp::Repr { src_port: 1, dst_port: 2 }.prepend_to(&mut head, size).unwrap();
    }
    match (ours, theirs) {
        (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
            let protocol = if is_tcp { Protocol::TCP } else { Protocol::UDP };
            ipv4::Repr::new(ours, theirs, protocol).prepend_to(&mut head, size).unwrap();
        }
        (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
            let protocol = if is_tcp { Protocol::TCP } else { Protocol::UDP };
            ipv6::Repr::new(ours, theirs, protocol).prepend_to(&mut head, size).unwrap();
        }
        _ => unreachable!("both are of one family"),
    }
    let start = if v4 { ipv4::HEADER_LEN } else { ipv6::HEADER_LEN } as u16;
    let offload = Offload {
        checksum: Checksum::Partial { start, offset },
        segment_size: NonZeroU16::new(segment),
        segment_kind: Some(kind),
    };
    Frame { head, body, offload, ..Frame::default() }
}

const KINDS: [SegmentKind; 4] = [SegmentKind::Tcp4, SegmentKind::Tcp6, SegmentKind::Udp4, SegmentKind::Udp6];
const ALL: Trains = Trains { tcp: true, udp: true };

#[test]
fn a_train_of_each_kind_is_the_same_behind_its_header() {
    for kind in KINDS {
        let sent = train(kind, 250, 100);
        let header = Header::of(&sent, Medium::Ip, ALL).unwrap();
        let mut frame = Frame { body: sent.to_vec().into(), ..Frame::default() };
        header.accept(&mut frame, Medium::Ip).unwrap();
        assert_eq!(frame.offload, sent.offload);
        any_header(header.emit(Order::Native), &sent.to_vec(), false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_header_before_any_octets_hurts(
        header: [u8; LEN], octets in proptest::collection::vec(any::<u8>(), 0..200), ethernet: bool,
    ) {
        any_header(header, &octets, ethernet);
    }

    #[test]
    fn no_header_before_a_sound_train_hurts(
        mut header: [u8; LEN], honest: u16, kind in 0usize..4, size in 0usize..400, at: proptest::sample::Index, flip: u8,
    ) {
        // Some fields are as they should be, so that the others are looked at.
        let sent = train(KINDS[kind], size, 100);
        let sound = Header::of(&sent, Medium::Ip, ALL).unwrap().emit(Order::Native);
        for (n, octet) in header.iter_mut().enumerate() {
            if honest >> n & 1 == 1 {
                *octet = sound[n];
            }
        }
        let mut octets = sent.to_vec();
        any_header(header, &octets, false);
        let at = at.index(octets.len());
        octets[at] ^= flip;
        any_header(header, &octets, false);
    }
}
