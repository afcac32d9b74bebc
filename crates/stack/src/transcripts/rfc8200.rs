//! IPv6 and its extension headers; overlapping and atomic fragments (RFC 5722, RFC 6946); RH0 (RFC 5095).

use super::*;
use crate::{Cast, Datagram, Delivered, SendFailure};
use proptest::prelude::*;

const OVERLAP: Drop = Drop::FragmentOverlap;

/// An extension header of options: `options` padded by the caller to a multiple of eight, less two.
fn options(next: Protocol, options: &[u8]) -> Vec<u8> {
    assert_eq!((options.len() + 2) % 8, 0);
    [&[next.number(), (options.len() / 8) as u8][..], options].concat()
}

fn fragment(next: Protocol, offset: usize, more: bool, id: u32, data: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    let header =
        ipv6::FragmentHeader { next_header: next, offset: (offset / 8) as u16, more, identification: id };
    header.prepend_to(&mut head).unwrap();
    v6_from(PEER6, US6, Protocol::FRAGMENT, &[head.as_slice(), data].concat())
}

fn echo() -> Vec<u8> {
    icmpv6::Repr::EchoRequest { identifier: 1, sequence: 2, data: b"datadata" }.emit(PEER6, US6)
}

/// The code and pointer of the one parameter problem that was sent.
#[track_caller]
fn problem(sent: &[Vec<u8>]) -> (u8, u32) {
    let (_, _, message) = one6(sent);
    assert_eq!(message[0], 4);
    (message[1], u32::from_be_bytes([message[4], message[5], message[6], message[7]]))
}

/// Covers: RFC 8200 8200-1, 8200-22
#[test]
fn a_hop_limit_of_zero_is_taken_and_a_bad_header_is_not() {
    let mut bench = Bench::ip();
    let header = ipv6::Repr { hop_limit: 0, ..ipv6::Repr::new(PEER6, US6, Protocol::ICMPV6) };
    assert_eq!(bench.answer(&v6(header, &echo())).len(), 1);
    let good = ping6(PEER6, US6, b"data");
    bench.refuses(&good[..good.len() - 1], Drop::Ipv6Malformed);
    bench.refuses(&good[..39], Drop::Ipv6Malformed);
    let mut seven = good.clone();
    seven[0] = 0x70;
    bench.refuses(&seven, Drop::LinkUnknownProtocol);
    assert_eq!(bench.answer(&[&good[..], &[0xaa; 9]].concat())[0].len(), good.len());
}

/// Covers: RFC 8200 8200-2, 8200-4, 8200-6
#[test]
fn extension_headers_come_in_any_order_and_are_judged_in_order() {
    let mut bench = Bench::ip();
    let pad = [1, 4, 0, 0, 0, 0];
    let routing = |next: Protocol| [next.number(), 0, 99, 0, 0, 0, 0, 0];
    let chain = [
        options(Protocol::DESTINATION_OPTIONS, &pad),
        options(Protocol::ROUTING, &[0; 6]),
        routing(Protocol::DESTINATION_OPTIONS).to_vec(),
        options(Protocol::ICMPV6, &pad),
        echo(),
    ]
    .concat();
    assert_eq!(bench.answer(&v6_from(PEER6, US6, Protocol::HOP_BY_HOP, &chain)).len(), 1);
    // A bad option before a bad routing header: the option is what is told of.
    let bad = [
        options(Protocol::ROUTING, &[0x9e, 4, 0, 0, 0, 0]),
        [Protocol::ICMPV6.number(), 0, 99, 1, 0, 0, 0, 0].to_vec(),
        echo(),
    ]
    .concat();
    assert_eq!(problem(&bench.answer(&v6_from(PEER6, US6, Protocol::DESTINATION_OPTIONS, &bad))), (2, 42));
}

/// Covers: RFC 8200 8200-3; RFC 4443 4443-15
#[test]
fn an_unknown_next_header_is_told_of_by_its_place() {
    let mut bench = Bench::ip();
    assert_eq!(problem(&bench.answer(&v6_from(PEER6, US6, Protocol::new(253), &[0; 8]))), (1, 6));
    let inside = [options(Protocol::new(253), &[1, 4, 0, 0, 0, 0]), alloc::vec![0; 8]].concat();
    let sent = bench.answer(&v6_from(PEER6, US6, Protocol::DESTINATION_OPTIONS, &inside));
    assert_eq!(problem(&sent), (1, 40));
    let late = [
        options(Protocol::HOP_BY_HOP, &[1, 4, 0, 0, 0, 0]),
        options(Protocol::ICMPV6, &[1, 4, 0, 0, 0, 0]),
        echo(),
    ]
    .concat();
    let sent = bench.answer(&v6_from(PEER6, US6, Protocol::DESTINATION_OPTIONS, &late));
    assert_eq!(problem(&sent), (1, 40));
    assert!(bench.answer(&v6_from(PEER6, US6, Protocol::NO_NEXT_HEADER, &[])).is_empty());
}

/// Covers: RFC 8200 8200-5; RFC 4443 4443-8, 4443-15
#[test]
fn an_unknown_option_says_itself_what_is_to_be_done() {
    let mut bench = Bench::ip();
    for (kind, unicast, group) in
        [(0x1e, None, true), (0x5e, Some(false), false), (0x9e, Some(true), true), (0xde, Some(true), false)]
    {
        let packet = |dst: Ipv6Addr| {
            let message =
                icmpv6::Repr::EchoRequest { identifier: 1, sequence: 2, data: b"" }.emit(PEER6, dst);
            let body = [options(Protocol::ICMPV6, &[kind, 4, 0, 0, 0, 0]), message].concat();
            v6_from(PEER6, dst, Protocol::DESTINATION_OPTIONS, &body)
        };
        let sent = bench.answer(&packet(US6));
        match unicast {
            None => assert_eq!(one6(&sent).2[0], 129),
            Some(false) => assert!(sent.is_empty()),
            Some(true) => assert_eq!(problem(&sent), (2, 42)),
        }
        let sent = bench.answer(&packet(ndp::ALL_NODES));
        assert_eq!(sent.len(), usize::from(group), "{kind:x}");
        if kind == 0x9e {
            assert_eq!((problem(&sent), one6(&sent).0), ((2, 42), US6));
        }
    }
    assert_eq!(bench.dropped(Drop::Ipv6UnknownOption), 6);
}

/// Covers: RFC 8200 8200-7, 8200-21; RFC 5095 5095-1
#[test]
fn a_routing_header_is_passed_by_when_used_up_and_refused_otherwise() {
    let mut bench = Bench::ip();
    for kind in [99, 0] {
        let used_up = [&[Protocol::ICMPV6.number(), 0, kind, 0, 0, 0, 0, 0][..], &echo()].concat();
        let sent = bench.answer(&v6_from(PEER6, US6, Protocol::ROUTING, &used_up));
        // The answer has no routing header of its own.
        assert_eq!(ipv6::View::new(&sent[0]).unwrap().next_header(), Protocol::ICMPV6);
        let mut left = used_up;
        left[1] = 2;
        left[3] = 1;
        left.splice(8..8, [0; 16]);
        assert_eq!(problem(&bench.answer(&v6_from(PEER6, US6, Protocol::ROUTING, &left))), (0, 42));
    }
}

/// Covers: RFC 8200 8200-10; RFC 5722 5722-1
#[test]
fn an_overlap_ends_the_whole_datagram_in_silence_for_what_came_and_what_comes() {
    let mut bench = Bench::ip();
    let data = echo().repeat(4);
    bench.give(&fragment(Protocol::ICMPV6, 0, true, 9, &data[..32]));
    bench.refuses(&fragment(Protocol::ICMPV6, 24, true, 9, &data[24..40]), OVERLAP);
    assert!(bench.host.ip.reassembly.held() < 1024, "what came is let go of");
    bench.refuses(&fragment(Protocol::ICMPV6, 32, false, 9, &data[32..]), OVERLAP);
    bench.refuses(&fragment(Protocol::ICMPV6, 0, true, 9, &data[..32]), OVERLAP);
    assert!(bench.wait(Duration::from_secs(61)).is_empty());
    assert_eq!(bench.host.ip.reassembly.held(), 0);
    // An exact duplicate is no overlap.
    let whole = echo();
    bench.give(&fragment(Protocol::ICMPV6, 0, true, 10, &whole[..8]));
    bench.give(&fragment(Protocol::ICMPV6, 0, true, 10, &whole[..8]));
    assert_eq!(bench.answer(&fragment(Protocol::ICMPV6, 8, false, 10, &whole[8..])).len(), 1);
}

/// Covers: RFC 8200 8200-11
#[test]
fn a_datagram_is_given_up_after_a_minute() {
    let mut bench = Bench::ip();
    let first = fragment(Protocol::ICMPV6, 0, true, 1, &[128, 0, 0, 0, 0, 0, 0, 0]);
    let udp = udp_of(PEER6, US6, 7, &[0; 56]);
    let first_udp = fragment(Protocol::UDP, 0, true, 3, &udp);
    bench.give(&first);
    bench.give(&fragment(Protocol::UDP, 64, false, 2, &[0; 8]));
    bench.give(&first_udp);
    assert!(bench.wait(Duration::from_millis(59_999)).is_empty());
    let sent: Vec<_> = bench.wait(Duration::from_millis(2)).into_iter().map(|(_, packet)| packet).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(one6(&sent[1..]).2[..2], [3, 1]);
    assert_eq!(one6(&sent[1..]).2[8..], first_udp[..]);
    assert_eq!((bench.host.ip.reassembly.held(), bench.dropped(Drop::FragmentTimeout)), (0, 3));
}

/// Covers: RFC 8200 8200-12, 8200-13, 8200-14
#[test]
fn fragments_that_cannot_be_are_told_of() {
    let mut bench = Bench::ip();
    let odd = fragment(Protocol::UDP, 0, true, 1, &udp_of(PEER6, US6, 7, &[0; 5]));
    assert_eq!(problem(&bench.answer(&odd)), (0, 4));
    assert_eq!(problem(&bench.answer(&fragment(Protocol::UDP, 8191 * 8, false, 1, &[0; 64]))), (0, 42));
    // Four octets of TCP are not its header, four of an options header are not the chain.
    let cut =
        fragment(Protocol::DESTINATION_OPTIONS, 0, true, 1, &[Protocol::TCP.number(), 4, 1, 4, 0, 0, 0, 0]);
    assert_eq!(problem(&bench.answer(&cut)).0, 3);
    assert_eq!(bench.host.ip.reassembly.held(), 0);
}

/// Covers: RFC 8200 8200-15; RFC 6946 6946-1
#[test]
fn an_atomic_fragment_is_a_packet_by_itself() {
    let mut bench = Bench::ip();
    let whole = echo();
    bench.give(&fragment(Protocol::ICMPV6, 0, true, 5, &whole[..8]));
    assert_eq!(bench.answer(&fragment(Protocol::ICMPV6, 0, false, 5, &whole)).len(), 1);
    assert_eq!(bench.answer(&fragment(Protocol::ICMPV6, 8, false, 5, &whole[8..])).len(), 1);
}

/// Covers: RFC 8200 8200-16
#[test]
fn packets_up_to_the_mtu_are_taken_whole_and_in_pieces() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    for len in [1452, 1400, 4000, 65_000] {
        let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
        if len <= 1452 {
            bench.give(&udp6(7, &data));
            assert_eq!(bench.received(socket), core::slice::from_ref(&data));
        }
        let whole = udp_of(PEER6, US6, 7, &data);
        for (n, chunk) in whole.chunks(1232).enumerate() {
            let more = n * 1232 + chunk.len() < whole.len();
            bench.give(&fragment(Protocol::UDP, n * 1232, more, len as u32, chunk));
        }
        assert_eq!(bench.received(socket), [data]);
    }
}

/// Covers: RFC 8200 8200-17; RFC 8201 8201-1
#[test]
fn without_path_mtu_discovery_no_packet_is_above_1280() {
    let config = HostConfig { path_mtu_discovery: false, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    let datagram = |dont_fragment| Datagram {
        dont_fragment,
        body: Payload::copy_of(&[7; 3000]),
        ..Datagram::new(US6.into(), PEER6.into(), Protocol::new(99))
    };
    assert_eq!(bench.host.ip.send(bench.now, datagram(true)), Err(SendFailure::TooBig { mtu: 1280 }));
    bench.host.ip.send(bench.now, datagram(false)).unwrap();
    let sent = bench.sent();
    assert!(sent.len() == 3 && sent.iter().all(|packet| packet.len() <= 1280));
    let mut bench = Bench::ip();
    bench.host.ip.send(bench.now, Datagram { body: Payload::copy_of(&[7; 1460]), ..datagram(true) }).unwrap();
    assert_eq!(bench.sent()[0].len(), 1500);
}

/// Covers: RFC 8200 8200-18
#[test]
fn a_checksum_counts_the_final_destination() {
    let mut bench = Bench::ip();
    let mut wrong = ping6(PEER6, US6, b"data");
    wrong[42] ^= 0xff;
    bench.refuses(&wrong, Drop::IcmpChecksum);
    // With a routing header that is used up, the address in the IPv6 header is the last one.
    let body = [&[Protocol::UDP.number(), 0, 99, 0, 0, 0, 0, 0][..], &udp_of(PEER6, US6, 7, b"x")].concat();
    let socket = bench.udp();
    bench.give(&v6_from(PEER6, US6, Protocol::ROUTING, &body));
    assert_eq!(bench.received(socket), [b"x"]);
}

/// Covers: RFC 4291 4291-1, 4291-3
#[test]
fn addresses_that_cannot_be_are_refused() {
    let mut bench = Bench::ip();
    let refuse = |bench: &mut Bench, src: &str, dst: &str, why| {
        bench.refuses(&ping6(src.parse().unwrap(), dst.parse().unwrap(), b""), why);
    };
    refuse(&mut bench, "::", "2001:db8::1", Drop::MartianSource);
    refuse(&mut bench, "ff02::1", "2001:db8::1", Drop::MartianSource);
    refuse(&mut bench, "::ffff:1.2.3.4", "2001:db8::1", Drop::MartianSource);
    refuse(&mut bench, "2001:db8::1", "2001:db8::1", Drop::Land);
    refuse(&mut bench, "2001:db8::9", "::", Drop::MartianDestination);
    refuse(&mut bench, "2001:db8::9", "ff01::1", Drop::MartianDestination);
    refuse(&mut bench, "2001:db8::9", "::ffff:192.0.2.1", Drop::MartianDestination);
    refuse(&mut bench, "2001:db8::9", "2001:db8::5", Drop::NotForUs);
    refuse(&mut bench, "2001:db8::9", "ff05::99", Drop::NotJoined);
    let to_none = Datagram::new(US6.into(), Ipv6Addr::UNSPECIFIED.into(), Protocol::new(99));
    assert_eq!(bench.host.ip.send(bench.now, to_none), Err(SendFailure::NoRoute));
    let from_group = Datagram::new("ff02::1".parse().unwrap(), PEER6.into(), Protocol::new(99));
    assert_eq!(bench.host.ip.send(bench.now, from_group), Err(SendFailure::NoSource));
}

#[test]
fn a_delivered_packet_shares_the_buffer_that_it_came_in() {
    // Not a copy: the payload's octets lie inside of the frame's.
    let packet = Bytes::from(udp6(7, &[1; 1000]));
    let range = packet.as_ptr() as usize..packet.as_ptr() as usize + packet.len();
    let mut bench = Bench::ip();
    let socket = bench.udp();
    bench.host.handle_packet(bench.now, (bench.id, Frame::received(packet, 1048, bench.now)));
    let data = bench.host.udp_receive(socket).unwrap().data;
    assert!(range.contains(&(data.chunks()[0].as_ptr() as usize)));
    let _: Option<(Cast, Delivered)> = None;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_on_any_medium_neither_panic_nor_grow_memory(
        frames in proptest::collection::vec((0u8..8, proptest::collection::vec(any::<u8>(), 0..200), 0u64..40), 1..60),
        ethernet: bool,
    ) {
        let mut bench = if ethernet { Bench::ethernet() } else { Bench::ip() };
        bench.host.watch(true);
        let socket = bench.udp();
        bench.host.tcp_listen(bench.now, "0.0.0.0:80".parse().unwrap(), Default::default()).unwrap();
        for (kind, bytes, seconds) in frames {
            // Noise, and noise behind headers that are right, so that it comes further than the first check.
            let packet = match kind {
                0 => bytes.clone(),
                1 => v4_from(PEER, US, Protocol::new(*bytes.first().unwrap_or(&0)), &bytes),
                2 => v6_from(PEER6, US6, Protocol::new(*bytes.first().unwrap_or(&0)), &bytes),
                3 => v4_from(PEER, US, Protocol::TCP, &bytes),
                4 => v6_from(PEER6, US6, Protocol::FRAGMENT, &bytes),
                5 => v4(ipv4::Repr {
                    more_fragments: bytes.len() % 3 > 0,
                    fragment_offset: bytes.len() as u16 / 4,
                    dont_fragment: false,
                    ..ipv4::Repr::new(PEER, US, Protocol::UDP)
                }, &bytes),
                6 => {
                    let mut bytes = bytes.clone();
                    bytes.resize(bytes.len().max(28), 0);
                    let operation = 1 + bytes[7] % 2;
                    bytes[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
                    bytes
                }
                _ => {
                    let mut message = bytes.clone();
                    message.resize(message.len().max(8), 0);
                    message[2..4].fill(0);
                    let len = message.len() as u32;
                    let sum = wire::checksum::pseudo_header_v6(PEER6, US6, Protocol::ICMPV6, len).with(&message);
                    message[2..4].copy_from_slice(&sum.checksum().to_be_bytes());
                    let header = ipv6::Repr { hop_limit: 255, ..ipv6::Repr::new(PEER6, US6, Protocol::ICMPV6) };
                    v6(header, &message)
                }
            };
            let frame = match (ethernet, kind) {
                (false, _) | (true, 0) => packet,
                (true, 6) => framed(MacAddr::BROADCAST, EtherType::ARP, &packet),
                (true, _) if packet[0] >> 4 == 4 => framed(MAC, EtherType::IPV4, &packet),
                (true, _) => framed(MAC, EtherType::IPV6, &packet),
            };
            bench.give(&frame);
            bench.wait(Duration::from_secs(seconds));
            bench.sent();
            while bench.host.poll_event().is_some() {}
            while bench.host.poll_trace().is_some() {}
            prop_assert!(bench.host.budget().held() < 1 << 20);
            prop_assert!(bench.host.ip.out.is_empty() && bench.host.ip.local.is_empty());
        }
        bench.received(socket);
        bench.wait(Duration::from_secs(1000));
        prop_assert_eq!(bench.host.ip.reassembly.held(), 0);
    }
}
