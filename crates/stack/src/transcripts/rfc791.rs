//! IPv4, and the host rules of RFC 1122 §3.2.1 and §3.3.

use super::*;
use crate::{Datagram, ErrorKind, InterfaceError, RouteEntry, SendFailure, UdpSend};
use proptest::prelude::*;
use wire::Ecn;

/// Covers: RFC 791 791-1
#[test]
fn a_header_that_cannot_be_is_dropped_and_counted() {
    let mut bench = Bench::ip();
    let good = ping4(PEER, US, b"data");
    let changed = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet
    };
    bench.refuses(&changed(0, 0x55), Drop::LinkUnknownProtocol); // version 5
    bench.refuses(&changed(0, 0x44), Drop::Ipv4Malformed); // IHL 4
    bench.refuses(&changed(0, 0x4f), Drop::Ipv4Malformed); // IHL past the end
    bench.refuses(&changed(3, 200), Drop::Ipv4Malformed); // total length past the frame
    bench.refuses(&changed(3, 19), Drop::Ipv4Malformed); // total length below the header
    bench.refuses(&changed(8, 63), Drop::Ipv4Checksum);
    bench.refuses(&good[..19], Drop::Ipv4Malformed);
    bench.refuses(&[], Drop::LinkUnknownProtocol);
    // Padding of the link is no part of it.
    assert_eq!(bench.answer(&[&good[..], &[0xaa; 18]].concat())[0].len(), good.len());
}

/// Covers: RFC 791 791-6, 791-7; RFC 9293 MUST-63
#[test]
fn sources_that_no_host_can_have_are_dropped_in_silence() {
    let mut bench = Bench::ip();
    bench.host.tcp_listen(bench.now, "0.0.0.0:80".parse().unwrap(), Default::default()).unwrap();
    for src in [
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.255",
        "192.0.2.0",
        "127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "240.0.0.1",
    ] {
        let src: Ipv4Addr = src.parse().unwrap();
        bench.refuses(&ping4(src, US, b""), Drop::MartianSource);
        let syn = tcp_syn(src, US);
        bench.refuses(&v4_from(src, US, Protocol::TCP, &syn), Drop::MartianSource);
    }
    assert_eq!(
        bench.host.ip.budget.held_for(crate::Account::TcpRecord),
        Bench::ip().host.ip.budget.held_for(crate::Account::TcpRecord)
    );
    bench.refuses(&ping4(US, US, b""), Drop::Land);
    bench.refuses(&ping4(PEER, Ipv4Addr::LOCALHOST, b""), Drop::MartianDestination);
    bench.refuses(&ping4(PEER, Ipv4Addr::UNSPECIFIED, b""), Drop::MartianDestination);
    // The same segment from somebody who can be is answered.
    assert_eq!(bench.answer(&v4_from(PEER, US, Protocol::TCP, &tcp_syn(PEER, US))).len(), 1);
}

fn tcp_syn(src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
    let header = wire::tcp::Header { flags: wire::tcp::Flags::SYN, ..wire::tcp::Header::default() };
    let mut head = Head::new();
    header.prepend_to(&mut head, 4000, 80).unwrap();
    wire::tcp::fill_checksum(&mut head, &Payload::EMPTY, src.into(), dst.into()).unwrap();
    head.as_slice().to_vec()
}

/// Covers: RFC 9293 MUST-57
#[test]
fn a_syn_to_everybody_or_to_a_group_draws_nothing() {
    let mut bench = Bench::ip();
    bench.host.tcp_listen(bench.now, "0.0.0.0:80".parse().unwrap(), Default::default()).unwrap();
    for dst in ["255.255.255.255", "192.0.2.255", "224.0.0.1"] {
        let dst: Ipv4Addr = dst.parse().unwrap();
        bench.refuses(&v4_from(PEER, dst, Protocol::TCP, &tcp_syn(PEER, dst)), Drop::TcpMulticast);
    }
}

/// Covers: RFC 791 791-5, 791-18, 791-21
#[test]
fn what_is_for_somebody_else_is_neither_taken_nor_sent_on() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    for dst in [PEER, FAR, Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(198, 51, 100, 255)] {
        bench.refuses(&v4_from(ROUTER, dst, Protocol::UDP, &udp_of(ROUTER, dst, 7, b"x")), Drop::NotForUs);
    }
    let group = Ipv4Addr::new(239, 1, 2, 3);
    bench.refuses(&v4_from(PEER, group, Protocol::UDP, &udp_of(PEER, group, 7, b"x")), Drop::NotJoined);
    assert_eq!(bench.received(socket), Vec::<Vec<u8>>::new());
    bench.host.udp_options_mut(socket).unwrap().broadcast = true;
    for dst in [Ipv4Addr::BROADCAST, Ipv4Addr::new(192, 0, 2, 255), Ipv4Addr::new(192, 0, 2, 0)] {
        bench.give(&v4_from(PEER, dst, Protocol::UDP, &udp_of(PEER, dst, 7, b"all")));
        assert_eq!(bench.received(socket), [b"all"], "{dst}");
    }
}

/// Covers: RFC 791 791-9
#[test]
fn a_packet_for_us_is_taken_however_low_its_ttl() {
    let mut bench = Bench::ip();
    for ttl in [0, 1] {
        let message = icmpv4::Repr::EchoRequest { identifier: 1, sequence: 2, data: b"" }.emit();
        let repr = ipv4::Repr { ttl, ..ipv4::Repr::new(PEER, US, Protocol::ICMP) };
        assert_eq!(bench.answer(&v4(repr, &message)).len(), 1);
    }
}

/// Covers: RFC 9293 MUST-50; RFC 791 791-11, 791-23
#[test]
fn unknown_options_are_passed_by_and_up_and_illegal_ones_end_the_packet() {
    let mut bench = Bench::ip();
    let message = icmpv4::Repr::EchoRequest { identifier: 1, sequence: 2, data: b"" }.emit();
    let with = |options: &[u8]| {
        let options = ipv4::Options::new(options).unwrap();
        v4(ipv4::Repr { options, ..ipv4::Repr::new(PEER, US, Protocol::ICMP) }, &message)
    };
    // An unknown number, record route, timestamp, router alert, security: each is answered as if it were not there.
    for options in [
        &[0x5e, 4, 1, 2][..],
        &[7, 7, 4, 0, 0, 0, 0],
        &[68, 8, 5, 0, 0, 0, 0, 0],
        &[148, 4, 0, 0],
        &[1, 1, 1, 0],
    ] {
        assert_eq!(bench.answer(&with(options)).len(), 1, "{options:?}");
    }
    let about = super::rfc792::delivered(&with(&[0x5e, 4, 1, 2]));
    assert_eq!(about.options(), [0x5e, 4, 1, 2]);
    // An illegal length is a problem at its octet (RFC 792); nothing is read past it.
    for (options, pointer) in
        [(&[0x5e, 0, 0, 0][..], 20), (&[1, 0x5e, 1, 0], 21), (&[0x5e, 9, 0, 0], 20), (&[1, 1, 1, 0x5e], 23)]
    {
        let sent = bench.answer(&with(options));
        let (_, dst, error) = one4(&sent);
        assert_eq!((dst, error[0], error[1], error[4]), (PEER, 12, 0, pointer));
    }
    // Source routes are refused.
    bench.refuses(&with(&[131, 7, 4, 192, 0, 2, 1]), Drop::Ipv4Options);
    bench.refuses(&with(&[137, 7, 8, 192, 0, 2, 1]), Drop::Ipv4Options);
}

fn fragment(id: u16, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        identification: id,
        dont_fragment: false,
        more_fragments: more,
        fragment_offset: (offset / 8) as u16,
        ..ipv4::Repr::new(PEER, US, Protocol::UDP)
    };
    v4(repr, data)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Covers: RFC 791 791-2
    #[test]
    fn fragments_in_any_order_and_twice_make_the_datagram(
        len in 1usize..3000,
        size in 1usize..100,
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
    ) {
        let mut bench = Bench::ip();
        let socket = bench.udp();
        let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let whole = udp_of(PEER, US, 7, &data);
        let size = (size * 8).max(whole.len().div_ceil(200).next_multiple_of(8));
        let mut pieces: Vec<Vec<u8>> = whole.chunks(size).enumerate()
            .map(|(n, chunk)| fragment(5, n * size, n * size + chunk.len() < whole.len(), chunk))
            .collect();
        for (n, index) in order.iter().enumerate() {
            let other = index.index(pieces.len());
            let n = n % pieces.len();
            pieces.swap(n, other);
        }
        if pieces.len() > 1 {
            let again = pieces[0].clone();
            pieces.insert(1, again);
        }
        for piece in &pieces {
            bench.give(piece);
        }
        prop_assert_eq!(bench.received(socket), [data]);
        prop_assert_eq!(bench.host.ip.reassembly.held(), 0);
        prop_assert_eq!(bench.host.ip.budget.held_for(crate::Account::Reassembly), 0);
    }
}

/// Covers: RFC 791 791-2
#[test]
fn a_datagram_whose_fragments_do_not_come_is_given_up_after_a_minute_and_its_sender_told() {
    let mut bench = Bench::ip();
    let whole = udp_of(PEER, US, 7, &[1; 100]);
    bench.give(&fragment(1, 0, true, &whole[..48]));
    bench.give(&fragment(2, 48, false, &whole[48..]));
    assert!(bench.wait(Duration::from_secs(59)).is_empty());
    let sent = bench.wait(Duration::from_secs(2));
    // Only whoever sent the first fragment is told (RFC 792).
    let packets: Vec<Vec<u8>> = sent.into_iter().map(|(_, packet)| packet).collect();
    let (src, dst, error) = one4(&packets);
    assert_eq!((src, dst, error[0], error[1]), (US, PEER, 11, 1));
    assert_eq!(error[8..], fragment(1, 0, true, &whole[..48])[..]);
    assert_eq!(bench.dropped(Drop::FragmentTimeout), 2);
    assert_eq!(bench.host.ip.reassembly.held(), 0);
}

/// Covers: RFC 791 791-15
#[test]
fn fragments_belong_together_only_if_all_four_fields_agree() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    let whole = udp_of(PEER, US, 7, &[1; 100]);
    bench.give(&fragment(1, 0, true, &whole[..48]));
    let tail = |repr: ipv4::Repr| {
        v4(ipv4::Repr { identification: 1, dont_fragment: false, fragment_offset: 6, ..repr }, &whole[48..])
    };
    bench.give(&fragment(2, 48, false, &whole[48..]));
    bench.give(&tail(ipv4::Repr::new(ROUTER, US, Protocol::UDP)));
    bench.give(&tail(ipv4::Repr::new(PEER, US, Protocol::TCP)));
    assert!(bench.received(socket).is_empty());
    bench.give(&tail(ipv4::Repr::new(PEER, US, Protocol::UDP)));
    assert_eq!(bench.received(socket), [[1; 100]]);
}

/// Covers: RFC 3168 3168-18
#[test]
fn a_mark_on_one_fragment_is_a_mark_on_the_datagram_unless_another_is_not_capable() {
    use Ecn::{Ce, Ect0, NotEct};
    for (first, second, whole) in
        [(Ect0, Ce, Some(Ce)), (Ce, Ect0, Some(Ce)), (Ect0, Ect0, Some(Ect0)), (NotEct, Ce, None)]
    {
        let mut bench = Bench::ip();
        let socket = bench.udp();
        let datagram = udp_of(PEER, US, 7, &[1; 100]);
        for (ecn, offset, more, part) in
            [(first, 0, true, &datagram[..48]), (second, 6, false, &datagram[48..])]
        {
            let repr = ipv4::Repr {
                identification: 1,
                dont_fragment: false,
                more_fragments: more,
                fragment_offset: offset,
                ecn,
                ..ipv4::Repr::new(PEER, US, Protocol::UDP)
            };
            bench.give(&v4(repr, part));
        }
        let got = bench.host.udp_receive(socket).map(|datagram| datagram.ecn);
        assert_eq!(got, whole, "{first:?} and {second:?}");
    }
}

#[test]
fn an_overlap_ends_the_whole_datagram_and_the_same_fragment_again_does_not() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    let whole = udp_of(PEER, US, 7, &[1; 104]);
    bench.give(&fragment(1, 16, true, &whole[16..64]));
    bench.give(&fragment(1, 72, true, &whole[72..80]));
    // Teardrop, from both sides: nobody can say which octets are the true ones.
    bench.refuses(&fragment(1, 0, true, &whole[..40]), Drop::FragmentOverlap);
    bench.refuses(&fragment(1, 56, false, &whole[56..]), Drop::FragmentOverlap);
    bench.refuses(&fragment(1, 0, true, &whole[..16]), Drop::FragmentOverlap);
    assert!(bench.received(socket).is_empty());
    for _ in 0..2 {
        bench.give(&fragment(5, 0, true, &whole[..64]));
    }
    bench.give(&fragment(5, 64, false, &whole[64..]));
    assert_eq!(bench.received(socket), [[1; 104]]);
    // What contradicts the end, or lies beyond 65,535 octets, cannot be.
    bench.give(&fragment(2, 48, false, &whole[48..]));
    bench.refuses(&fragment(2, 80, true, &[0; 80]), Drop::FragmentMalformed);
    bench.refuses(&fragment(3, 65_528, false, &[0; 16]), Drop::FragmentMalformed);
    bench.refuses(&fragment(4, 0, true, &[0; 13]), Drop::FragmentMalformed);
}

#[test]
fn fragments_hold_no_more_memory_than_they_may() {
    let config = HostConfig {
        reassembly_memory: 1 << 20,
        reassembly_memory_per_source: 128 << 10,
        ..HostConfig::default()
    };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    let most = |bench: &Bench| bench.host.ip.budget.held_for(crate::Account::Reassembly);
    for id in 0..5000u16 {
        bench.give(&fragment(id, 8 * (usize::from(id) % 7), true, &[0; 8]));
        assert!(most(&bench) <= 128 << 10);
    }
    for n in 0..20_000u32 {
        let src = Ipv4Addr::from_bits(0x0a00_0000 + n);
        let repr = ipv4::Repr {
            dont_fragment: false,
            more_fragments: true,
            ..ipv4::Repr::new(src, US, Protocol::UDP)
        };
        bench.give(&v4(repr, &[0; 256]));
        assert!(most(&bench) <= 1 << 20);
    }
    assert!(bench.dropped(Drop::FragmentLimit) > 10_000);
    // Pieces of one datagram are bounded too.
    let mut bench = Bench::ip();
    for n in 0..400 {
        bench.give(&fragment(1, n * 16, true, &[0; 8]));
    }
    assert_eq!(bench.dropped(Drop::FragmentTooMany), 1);
    assert!(most(&bench) < 2048);
}

/// Covers: RFC 791 791-8, 791-10, 791-12, 791-13, 791-22, 791-25
#[test]
fn the_transport_chooses_ttl_tos_and_options_and_a_ttl_of_zero_is_never_sent() {
    let mut bench = Bench::ip();
    for (ttl, sent) in [(64, 64), (7, 7), (0, 1)] {
        let datagram = Datagram {
            ttl,
            dscp: 46,
            ecn: Ecn::Ect0,
            options: ipv4::Options::new(&[0x5e, 4, 1, 2]),
            body: Payload::copy_of(b"12345678"),
            ..Datagram::new(US.into(), PEER.into(), Protocol::new(99))
        };
        bench.host.ip.send(bench.now, datagram).unwrap();
        let packets = bench.sent();
        let view = ipv4::View::new(&packets[0]).unwrap();
        assert_eq!((view.ttl(), view.dscp(), view.ecn()), (sent, 46, Ecn::Ect0));
        assert_eq!(view.option_bytes(), [0x5e, 4, 1, 2]);
    }
    let routed = Datagram {
        options: ipv4::Options::new(&[131, 7, 4, 192, 0, 2, 1]),
        ..Datagram::new(US.into(), PEER.into(), Protocol::new(99))
    };
    assert_eq!(bench.host.ip.send(bench.now, routed), Err(SendFailure::Options));
    let config = HostConfig { hop_limit: 200, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    let sent = bench.answer(&ping4(PEER, US, b""));
    assert_eq!(ipv4::View::new(&sent[0]).unwrap().ttl(), 200);
}

/// Covers: RFC 791 791-14, 791-31
#[test]
fn what_is_too_large_is_cut_or_refused() {
    let mut bench = Bench::ip();
    let datagram = |dont_fragment| Datagram {
        dont_fragment,
        body: Payload::copy_of(&[7; 4000]),
        ..Datagram::new(US.into(), PEER.into(), Protocol::new(99))
    };
    let refused = bench.host.ip.send(bench.now, datagram(true));
    assert_eq!(refused, Err(SendFailure::TooBig { mtu: 1500 }));
    assert!(bench.sent().is_empty());
    bench.host.ip.send(bench.now, datagram(false)).unwrap();
    let sent = bench.sent();
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [1500, 1500, 1060]);
    let too_long = Datagram { body: Payload::copy_of(&[0; 65_516]), ..datagram(false) };
    assert_eq!(bench.host.ip.send(bench.now, too_long), Err(SendFailure::TooLong));
}

/// Covers: RFC 791 791-4, 791-32, 791-33
#[test]
fn only_addresses_of_ours_are_sources_and_the_user_may_choose_among_them() {
    let mut bench = Bench::ip();
    bench.host.add_address(bench.now, bench.id, "192.0.2.77/24".parse().unwrap()).unwrap();
    let second = Ipv4Addr::new(192, 0, 2, 77);
    assert_eq!(one4(&bench.answer(&ping4(PEER, second, b""))).0, second);
    let now = bench.now;
    let mut send = |src: IpAddr| {
        bench.host.ip.send(now, Datagram::new(src, PEER.into(), Protocol::new(99))).map(|()| {
            let sent = bench.sent();
            one4(&sent).0
        })
    };
    assert_eq!(send(second.into()), Ok(second));
    assert_eq!(send(Ipv4Addr::UNSPECIFIED.into()), Ok(US));
    for foreign in [PEER, FAR, Ipv4Addr::LOCALHOST, Ipv4Addr::new(192, 0, 2, 255)] {
        assert_eq!(send(foreign.into()), Err(SendFailure::NoSource));
    }
    // Without any address, only groups and everybody can be spoken to.
    let mut host = Host::new(HostConfig::default(), [1; 32]).unwrap();
    let id = host.add_interface(now, InterfaceConfig::new("bare", Medium::Ip)).unwrap();
    let from_nobody = |dst: Ipv4Addr| Datagram {
        interface: Some(id),
        ..Datagram::new(Ipv4Addr::UNSPECIFIED.into(), dst.into(), Protocol::new(99))
    };
    assert_eq!(host.ip.send(now, from_nobody(Ipv4Addr::BROADCAST)), Ok(()));
    assert_eq!(host.ip.send(now, from_nobody(PEER)), Err(SendFailure::NoSource));
}

/// Covers: RFC 791 791-7; RFC 4291 4291-2
#[test]
fn loopback_stays_inside() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    for to in ["127.0.0.1:7", "127.3.2.1:7", "[::1]:7", "192.0.2.1:7", "[2001:db8::1]:7"] {
        let out = bench.host.udp_bind(UdpBind::default()).unwrap();
        bench.host.udp_send(bench.now, out, UdpSend::to(&b"me"[..], to.parse().unwrap())).unwrap();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.received(socket), [b"me"], "{to}");
    }
    // The largest datagrams too, whole.
    for (to, most) in [("127.0.0.1:7", 65_507), ("[::1]:7", 65_507)] {
        let out = bench.host.udp_bind(UdpBind::default()).unwrap();
        let data = alloc::vec![5u8; most];
        bench.host.udp_send(bench.now, out, UdpSend::to(data.clone(), to.parse().unwrap())).unwrap();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.received(socket), [data], "{to}");
    }
    let escape = Datagram {
        interface: Some(bench.id),
        ..Datagram::new(Ipv4Addr::LOCALHOST.into(), PEER.into(), Protocol::new(99))
    };
    assert_eq!(bench.host.ip.send(bench.now, escape), Err(SendFailure::NoSource));
    bench.refuses(&ping6(Ipv6Addr::LOCALHOST, US6, b""), Drop::MartianSource);
    bench.refuses(&ping6(PEER6, Ipv6Addr::LOCALHOST, b""), Drop::MartianDestination);
}

/// Covers: RFC 791 791-16, 791-17, 791-19, 791-26, 791-30
#[test]
fn networks_are_neighbours_and_all_else_goes_to_a_router() {
    let mut bench = Bench::ip();
    let other = InterfaceConfig::new("other", Medium::Ip)
        .mtu(1400)
        .address("10.0.0.1/8".parse().unwrap())
        .address("fd00::1/64".parse().unwrap());
    let other = bench.host.add_interface(bench.now, other).unwrap();
    let route = |bench: &Bench, to: &str| bench.host.route(to.parse().unwrap(), None);
    assert_eq!(route(&bench, "198.51.100.7"), Err(SendFailure::NoRoute));
    let direct = route(&bench, "10.9.9.9").unwrap();
    assert_eq!((direct.interface, direct.next_hop), (other, "10.9.9.9".parse::<IpAddr>().unwrap()));
    assert_eq!((direct.src, direct.link_mtu), ("10.0.0.1".parse::<IpAddr>().unwrap(), 1400));
    let id = bench.id;
    let mut add = |to: &str, gateway: &str, interface, metric| {
        bench.host.add_route(RouteEntry {
            destination: to.parse().unwrap(),
            gateway: Some(gateway.parse().unwrap()),
            interface,
            metric,
        })
    };
    add("0.0.0.0/0", "192.0.2.254", id, 10).unwrap();
    add("0.0.0.0/0", "10.0.0.254", other, 20).unwrap();
    add("198.51.100.0/24", "10.0.0.253", other, 50).unwrap();
    assert_eq!(add("0.0.0.0/0", "fd00::2", other, 1), Err(InterfaceError::Gateway));
    assert_eq!(add("0.0.0.0/0", "192.0.2.1", id, 1), Err(InterfaceError::Gateway));
    let hop = |bench: &Bench, to: &str| route(bench, to).unwrap().next_hop.to_string();
    use alloc::string::ToString;
    assert_eq!(hop(&bench, "203.0.113.1"), "192.0.2.254");
    assert_eq!(hop(&bench, "198.51.100.7"), "10.0.0.253");
    assert_eq!(hop(&bench, "192.0.2.3"), "192.0.2.3");
    // A user at an address of the second interface goes out by it, where both ways are as good.
    let from = bench.host.route("203.0.113.1".parse().unwrap(), Some("10.0.0.1".parse().unwrap()));
    assert_eq!(from.unwrap().next_hop.to_string(), "10.0.0.254");
    bench.host.set_up(bench.now, id, false).unwrap();
    assert_eq!(hop(&bench, "203.0.113.1"), "10.0.0.254");
}

/// Covers: RFC 791 791-20, 791-34, 791-35, 791-36
#[test]
fn what_the_link_gave_to_everybody_is_not_for_one_address() {
    let mut bench = Bench::ethernet();
    let socket = bench.udp();
    bench.refuses(&framed(MacAddr::BROADCAST, EtherType::IPV4, &udp4(7, b"x")), Drop::LinkBroadcastOfUnicast);
    bench.host.udp_options_mut(socket).unwrap().broadcast = true;
    let all = v4_from(PEER, Ipv4Addr::BROADCAST, Protocol::UDP, &udp_of(PEER, Ipv4Addr::BROADCAST, 7, b"x"));
    bench.give(&framed(MacAddr::BROADCAST, EtherType::IPV4, &all));
    let datagram = bench.host.udp_receive(socket).unwrap();
    assert_eq!(datagram.interface, bench.id);
    for (to, mac) in [
        ("255.255.255.255:9", MacAddr::BROADCAST),
        ("192.0.2.255:9", MacAddr::BROADCAST),
        ("224.1.2.3:9", MacAddr::new([1, 0, 0x5e, 1, 2, 3])),
    ] {
        bench.host.udp_send(bench.now, socket, UdpSend::to(&b"x"[..], to.parse().unwrap())).unwrap();
        let sent = bench.sent();
        let view = ethernet::View::new(&sent[0]).unwrap();
        assert_eq!((view.dst(), view.src(), sent.len()), (mac, MAC, 1), "{to}");
    }
}

#[test]
fn frames_for_other_stations_and_other_networks_are_dropped() {
    let mut bench = Bench::ethernet();
    let packet = ping4(PEER, US, b"");
    bench.refuses(&framed(PEER_MAC, EtherType::IPV4, &packet), Drop::LinkNotForUs);
    bench.refuses(&framed(MAC, EtherType::new(0x88cc), &packet), Drop::LinkUnknownProtocol);
    bench.refuses(&framed(MAC, EtherType::IPV4, &packet)[..13], Drop::LinkMalformed);
    let tagged = |tag: u16| {
        let mut head = Head::new();
        let header = ethernet::Repr { dst: MAC, src: PEER_MAC, ethertype: EtherType::IPV4, vlan: Some(tag) };
        header.prepend_to(&mut head).unwrap();
        [head.as_slice(), &packet].concat()
    };
    bench.refuses(&tagged(5), Drop::LinkNotForUs);
    bench.give(&tagged(0));
    assert_eq!(bench.host.counters().icmp_in_echos, 1);
    bench.host.set_up(bench.now, bench.id, false).unwrap();
    bench.sent();
    bench.refuses(&framed(MAC, EtherType::IPV4, &packet), Drop::InterfaceDown);
}

#[test]
fn a_queue_that_no_device_empties_stays_bounded() {
    let mut bench = Bench::ip();
    for _ in 0..10_000 {
        bench.give(&ping4(PEER, US, &[0; 1000]));
    }
    assert_eq!(bench.host.ip.out.len(), 1024);
    assert_eq!(bench.dropped(Drop::EgressQueueFull), 10_000 - 1024);
    assert_eq!(bench.sent().len(), 1024);
    assert_eq!(bench.host.ip.out_octets, 0);
}

/// Covers: RFC 791 791-18
#[test]
fn an_error_is_sent_for_what_nobody_speaks() {
    let mut bench = Bench::ip();
    let packet = v4_from(PEER, US, Protocol::new(253), &[1, 2, 3, 4, 5, 6, 7, 8]);
    let sent = bench.answer(&packet);
    let (_, dst, error) = one4(&sent);
    assert_eq!((dst, error[0], error[1]), (PEER, 3, 2));
    assert_eq!(error[8..], packet[..]);
    let _ = ErrorKind::ProtocolUnreachable;
}
