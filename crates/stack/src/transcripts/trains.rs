//! Trains on their way out, and what those who watch are told.

use super::*;
use crate::trace::{Content, Packet};
use crate::{Datagram, RouteEntry, Trace};
use ::tcp::Why;
use core::num::NonZeroU16;
use wire::{Checksum, SegmentKind, tcp};

/// A TCP segment of `len` octets in segments of `size`, from us to `dst`.
fn train(src: IpAddr, dst: IpAddr, len: usize, size: u16) -> Datagram {
    let mut datagram = Datagram::new(src, dst, Protocol::TCP);
    let header = tcp::Header { seq: wire::SeqNum::new(1), flags: tcp::Flags::ACK, ..tcp::Header::default() };
    header.prepend_to(&mut datagram.head, 4000, 80).unwrap();
    datagram.body = Payload::copy_of(&alloc::vec![3; len]);
    datagram.segment_size = NonZeroU16::new(size);
    datagram.checksum_at = Some(tcp::CHECKSUM_OFFSET);
    datagram.why = Some(Why::Data);
    datagram
}

fn sent(bench: &mut Bench) -> Vec<(u64, Packet, Option<Why>)> {
    core::iter::from_fn(|| bench.host.poll_trace())
        .filter_map(|trace| match trace {
            Trace::Sent { frame, packet, why, .. } => Some((frame, packet, why)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_train_is_cut_into_sound_packets_where_the_device_takes_none() {
    for (us, peer, mss) in [(IpAddr::from(US), IpAddr::from(PEER), 1460), (US6.into(), PEER6.into(), 1440)] {
        let mut bench = Bench::ip();
        bench.host.watch(true);
        bench.host.ip.send(bench.now, train(us, peer, 10_000, mss)).unwrap();
        // `sent` looks at every checksum.
        let packets = bench.sent();
        assert_eq!(packets.len(), 7);
        assert!(packets[..6].iter().all(|packet| packet.len() == 1500));
        // One event a frame, with numbers that grow, as they were handed over.
        let told = sent(&mut bench);
        assert_eq!(told.len(), 7);
        let mut at = wire::SeqNum::new(1);
        for (n, (frame, packet, why)) in told.iter().enumerate() {
            assert_eq!((frame - told[0].0, *why), (n as u64, Some(Why::Data)));
            let Content::Tcp { src_port: 4000, dst_port: 80, header, len, segment_size: None } =
                &packet.content
            else {
                panic!("{packet:?}")
            };
            assert_eq!((packet.src, packet.dst, header.seq), (us, peer, at));
            at += *len as u32;
        }
        assert_eq!(at, wire::SeqNum::new(10_001));
    }
}

#[test]
fn a_train_goes_whole_to_a_device_that_takes_it() {
    let mut interface = InterfaceConfig::new("fast", Medium::Ip);
    (interface.segmentation, interface.checksum) = (true, true);
    let mut bench = Bench::with(HostConfig::default(), interface);
    bench.host.watch(true);
    bench.host.ip.send(bench.now, train(US.into(), PEER.into(), 60_000, 1460)).unwrap();
    let (_, frame) = bench.host.poll_transmit(bench.now).unwrap();
    assert_eq!(frame.offload.checksum, Checksum::Partial { start: 20, offset: 16 });
    assert_eq!(frame.offload.segment_kind, Some(SegmentKind::Tcp4));
    assert_eq!((frame.len(), frame.offload.segment_size.map(NonZeroU16::get)), (60_040, Some(1460)));
    assert_eq!(bench.host.counters().ip_out_transmits, 42);
    let told = sent(&mut bench);
    assert!(matches!(told[0].1.content, Content::Tcp { len: 60_000, segment_size: Some(1460), .. }));
    // The device does what was left to it, and every packet is sound.
    let pieces: Vec<Frame> = wire::segmentation::split(frame, wire::Medium::Ip).unwrap().collect();
    for mut piece in pieces {
        wire::segmentation::finish_checksum(&mut piece).unwrap();
        sound(&piece.to_vec());
    }
    // A train of segments that the path does not take is refused, with what it does take.
    let refused = bench.host.ip.send(bench.now, train(US.into(), PEER.into(), 60_000, 1461));
    assert_eq!(refused, Err(crate::SendFailure::TooBig { mtu: 1500 }));
}

#[test]
fn what_is_dropped_is_told_with_the_number_of_its_frame() {
    let mut bench = Bench::ip();
    bench.host.watch(true);
    let packet = ping4(PEER, PEER, b"");
    let frame = Frame { id: 77, ..Frame::received(Bytes::from(packet), 28, bench.now) };
    bench.host.handle_packet(bench.now, (bench.id, frame));
    let told: Vec<Trace> = core::iter::from_fn(|| bench.host.poll_trace()).collect();
    assert!(matches!(told[0], Trace::Received { frame: 77, .. }), "{told:?}");
    assert!(matches!(told[1], Trace::Dropped { frame: 77, why: Drop::Land, .. }), "{told:?}");
    // A watcher who does not come costs a bounded amount, and nobody who watches costs nothing.
    let config = HostConfig { trace: 10, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    bench.host.watch(true);
    for _ in 0..100 {
        bench.answer(&ping4(PEER, US, b""));
    }
    assert_eq!(core::iter::from_fn(|| bench.host.poll_trace()).count(), 10);
    bench.host.watch(false);
    bench.answer(&ping4(PEER, US, b""));
    assert_eq!(bench.host.poll_trace(), None);
}

/// RFC 6724 §5, rule by rule, and §10.1.
#[test]
fn a_source_fits_its_destination() {
    let mut bench = Bench::ip();
    let other = InterfaceConfig::new("other", Medium::Ip)
        .address("fe80::2/64".parse().unwrap())
        .address("fd00::2/64".parse().unwrap())
        .address("2001:db8:2::2/64".parse().unwrap())
        .address("2002:c633:6401::2/64".parse().unwrap())
        .address("10.0.0.1/8".parse().unwrap())
        .address("169.254.13.78/16".parse().unwrap());
    let other = bench.host.add_interface(bench.now, other).unwrap();
    for destination in [crate::Cidr::ALL_V4, crate::Cidr::ALL_V6] {
        let route = RouteEntry { destination, gateway: None, interface: other, metric: 0 };
        bench.host.add_route(route).unwrap();
    }
    for (to, from) in [
        ("2001:db8:1::1", "2001:db8:2::2"), // longest prefix, on the way out (rules 5, 8)
        ("2001:db8::99", "2001:db8::1"),    // its own network
        ("fe80::1", "fe80::2"),             // scope (rule 2)
        ("ff02::1", "fe80::2"),
        ("ff05::1", "2001:db8:2::2"),
        ("fd77::1", "fd00::2"), // label (rule 6)
        ("2002:c633:6401::d5e3", "2002:c633:6401::2"),
        ("198.51.100.117", "10.0.0.1"), // never from 169.254/16 to afar
        ("169.254.1.1", "169.254.13.78"),
    ] {
        let via = Some(other).filter(|_| to != "2001:db8::99");
        let route = bench.host.ip.route(to.parse().unwrap(), None, via).unwrap();
        assert_eq!(route.src, from.parse::<IpAddr>().unwrap(), "to {to}");
    }
    // Deprecated addresses are not for what is new (rule 3).
    let interface = bench.host.ip.interface_mut(other).unwrap();
    let entry = interface.addresses.iter_mut().find(|a| a.cidr.to_string() == "2001:db8:2::2/64").unwrap();
    entry.state = crate::AddressState::Deprecated;
    let route = bench.host.route("2001:db8:1::1".parse().unwrap(), None).unwrap();
    assert_ne!(route.src, "2001:db8:2::2".parse::<IpAddr>().unwrap());
    use alloc::string::ToString;
}
