//! ICMP for IPv4, with the host rules of RFC 1122 §3.2.2.

use super::*;
use crate::{Cast, Delivered, ErrorKind, UdpSend};
use wire::icmpv4::{Repr, TimeExceeded, Unreachable};
use wire::{Checksum, Ecn};

/// A packet to us as a transport sees it.
pub(super) fn delivered(packet: &[u8]) -> Delivered {
    let view = ipv4::View::new(packet).unwrap();
    Delivered {
        interface: InterfaceId::new(1),
        src: view.src().into(),
        dst: view.dst().into(),
        protocol: view.protocol(),
        ttl: 64,
        dscp: 0,
        ecn: Ecn::NotEct,
        cast: Cast::Unicast,
        link_group: false,
        quote: Bytes::copy_from_slice(packet),
        named_at: 9,
        payload: Payload::copy_of(view.payload()),
        checksum: Checksum::InPacket,
        segment_size: None,
        arrived: Instant::ZERO,
        frame: 0,
    }
}

/// Covers: RFC 792 792-1, 792-9, 792-14
#[test]
fn an_echo_request_gets_its_data_back_from_the_address_it_was_sent_to() {
    let mut bench = Bench::ip();
    for len in [0usize, 1, 56, 1472] {
        let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let sent = bench.answer(&ping4(PEER, US, &data));
        let (src, dst, message) = one4(&sent);
        assert_eq!((src, dst), (US, PEER));
        assert_eq!(message[..2], [0, 0]);
        assert_eq!(message[4..8], [0, 1, 0, 2]);
        assert_eq!(message[8..], data[..]);
    }
    // One that came in fragments goes back in fragments.
    let data = alloc::vec![7u8; 4000];
    let message = Repr::EchoRequest { identifier: 1, sequence: 2, data: &data }.emit();
    for (n, chunk) in message.chunks(1480).enumerate() {
        let repr = ipv4::Repr {
            dont_fragment: false,
            more_fragments: (n + 1) * 1480 < message.len(),
            fragment_offset: (n * 185) as u16,
            ..ipv4::Repr::new(PEER, US, Protocol::ICMP)
        };
        bench.give(&v4(repr, chunk));
    }
    let sent = bench.sent();
    let whole: Vec<u8> = sent.iter().flat_map(|p| ipv4::View::new(p).unwrap().payload().to_vec()).collect();
    assert_eq!((sent.len(), whole.len()), (3, 4008));
    assert!(wire::checksum::sum(&whole).verifies());
    assert_eq!(whole[8..], data[..]);
}

#[test]
fn echo_to_everybody_is_answered_only_if_the_host_is_told_to() {
    let all = Ipv4Addr::new(192, 0, 2, 255);
    let mut bench = Bench::ip();
    bench.refuses(&ping4(PEER, all, b""), Drop::NeverAnswered);
    bench.refuses(&ping4(PEER, Ipv4Addr::new(224, 0, 0, 1), b""), Drop::NeverAnswered);
    let config = HostConfig { echo_groups: true, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    assert_eq!(one4(&bench.answer(&ping4(PEER, all, b""))).0, US);
    let config = HostConfig { echo: false, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    bench.refuses(&ping4(PEER, US, b""), Drop::NeverAnswered);
}

/// Covers: RFC 792 792-1, 792-11, 792-12; RFC 6633 6633-2; RFC 9293 MUST-55
#[test]
fn what_is_broken_or_unknown_or_obsolete_is_dropped_in_silence() {
    let mut bench = Bench::ip();
    let good = ping4(PEER, US, b"data");
    let mut broken = good.clone();
    broken[28] ^= 1;
    bench.refuses(&broken, Drop::IcmpChecksum);
    bench.refuses(&v4_from(PEER, US, Protocol::ICMP, &[8, 0, 0]), Drop::IcmpMalformed);
    for kind in [1, 2, 7, 10, 13, 15, 17, 37, 200] {
        let message = Repr::Unknown { kind, code: 0, rest: [0; 4], data: &[0; 8] }.emit();
        bench.refuses(&v4_from(PEER, US, Protocol::ICMP, &message), Drop::IcmpUnknown);
    }
    let socket = bench.udp();
    bench.host.udp_send(bench.now, socket, UdpSend::to(&b"x"[..], "192.0.2.9:9".parse().unwrap())).unwrap();
    let ours = bench.sent().remove(0);
    let quench = Repr::SourceQuench { quoted: &ours }.emit();
    bench.refuses(&v4_from(PEER, US, Protocol::ICMP, &quench), Drop::SourceQuench);
    assert!(bench.host.udp_take_fault(socket).is_none());
}

/// Covers: RFC 792 792-2, 792-16
#[test]
fn an_error_quotes_the_packet_unchanged() {
    let mut bench = Bench::ip();
    let packet = udp4(99, &[5; 100]);
    let sent = bench.answer(&packet);
    let (src, dst, error) = one4(&sent);
    assert_eq!((src, dst, error[0], error[1]), (US, PEER, 3, 3));
    assert_eq!(error[8..], packet[..]);
    let long = udp4(99, &[5; 1400]);
    let sent = bench.answer(&long);
    assert_eq!(sent[0].len(), 576);
    assert_eq!(one4(&sent).2[8..], long[..548]);
}

/// Covers: RFC 792 792-1; RFC 6633 6633-1
#[test]
fn no_error_is_sent_about_errors_groups_later_fragments_or_nobody() {
    let mut bench = Bench::ip();
    let about = udp_of(US, PEER, 99, b"12345678");
    let quoted = v4_from(US, PEER, Protocol::UDP, &about);
    let kinds = [
        Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &quoted },
        Repr::TimeExceeded { code: TimeExceeded::Transit, quoted: &quoted },
        Repr::ParameterProblem { code: 0, pointer: 0, quoted: &quoted },
    ];
    for error in kinds {
        // An error with an option that cannot be: a problem that no error may tell of.
        let options = ipv4::Options::new(&[0x5e, 1, 0, 0]).unwrap();
        let repr = ipv4::Repr { options, ..ipv4::Repr::new(PEER, US, Protocol::ICMP) };
        assert!(bench.answer(&v4(repr, &error.emit())).is_empty());
    }
    let all = Ipv4Addr::new(192, 0, 2, 255);
    assert!(bench.answer(&v4_from(PEER, all, Protocol::UDP, &udp_of(PEER, all, 99, b"x"))).is_empty());
    assert!(bench.answer(&v4_from(PEER, all, Protocol::new(253), b"x")).is_empty());
    // From nobody, to everybody.
    let none = Ipv4Addr::UNSPECIFIED;
    assert!(bench.answer(&v4_from(none, all, Protocol::UDP, &udp_of(none, all, 99, b"x"))).is_empty());
    // A later fragment alone draws nothing, not even in the end.
    let repr =
        ipv4::Repr { fragment_offset: 8, dont_fragment: false, ..ipv4::Repr::new(PEER, US, Protocol::UDP) };
    assert!(bench.answer(&v4(repr, &[0; 64])).is_empty());
    assert!(bench.wait(Duration::from_secs(120)).is_empty());
    assert_eq!(bench.host.counters().icmp_out_msgs, 0);
    assert!(bench.dropped(Drop::NeverAnswered) >= 4);
}

/// Covers: RFC 792 792-3, 792-4, 792-7, 792-8
#[test]
fn an_error_reaches_the_socket_that_sent_what_it_quotes() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    bench.host.udp_connect(socket, "192.0.2.9:9".parse().unwrap()).unwrap();
    bench.host.udp_send(bench.now, socket, UdpSend::new(&b"hello"[..])).unwrap();
    let ours = bench.sent().remove(0);
    let unreachable = |code| Repr::DestinationUnreachable { code, quoted: &ours[..28] };
    let problem = ErrorKind::ParameterProblem { code: 0, pointer: 20 };
    for (message, kind) in [
        (unreachable(Unreachable::Port), ErrorKind::PortUnreachable),
        (unreachable(Unreachable::Net), ErrorKind::NetworkUnreachable),
        (unreachable(Unreachable::Host), ErrorKind::HostUnreachable),
        (unreachable(Unreachable::Protocol), ErrorKind::ProtocolUnreachable),
        (unreachable(Unreachable::Prohibited), ErrorKind::Prohibited),
        (Repr::TimeExceeded { code: TimeExceeded::Transit, quoted: &ours }, ErrorKind::HopLimitExceeded),
        (
            Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted: &ours },
            ErrorKind::ReassemblyTimeExceeded,
        ),
        (Repr::ParameterProblem { code: 0, pointer: 20, quoted: &ours }, problem),
    ] {
        assert!(bench.answer(&v4_from(ROUTER, US, Protocol::ICMP, &message.emit())).is_empty());
        let fault = bench.host.udp_take_fault(socket).unwrap();
        assert_eq!((fault.kind, fault.from), (kind, ROUTER.into()));
    }
    // What quotes too little, or somebody else's packet, goes nowhere.
    let cut = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &ours[..27] }.emit();
    bench.refuses(&v4_from(ROUTER, US, Protocol::ICMP, &cut), Drop::IcmpQuote);
    let theirs = v4_from(PEER, FAR, Protocol::UDP, &udp_of(PEER, FAR, 7, b"x"));
    let foreign = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &theirs }.emit();
    bench.refuses(&v4_from(ROUTER, US, Protocol::ICMP, &foreign), Drop::IcmpQuote);
    let other = v4_from(US, FAR, Protocol::UDP, &udp_of(US, FAR, 7, b"x"));
    let unsent = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &other }.emit();
    bench.refuses(&v4_from(ROUTER, US, Protocol::ICMP, &unsent), Drop::IcmpNoSocket);
    assert!(bench.host.udp_take_fault(socket).is_none());
}

#[test]
fn errors_are_sent_under_a_limit() {
    let mut bench = Bench::ip();
    let sent: usize = (0..200).map(|_| bench.answer(&udp4(99, b"x")).len()).sum();
    assert!((10..=20).contains(&sent), "{sent}");
    assert_eq!(bench.dropped(Drop::RateLimited), 200 - sent as u64);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.answer(&udp4(99, b"x")).len(), 1);
    // Echo is not an error.
    assert_eq!((0..200).map(|_| bench.answer(&ping4(PEER, US, b"x")).len()).sum::<usize>(), 200);
}

/// Covers: RFC 792 792-5, 792-6, 792-13
#[test]
fn a_redirect_counts_from_the_router_in_use_and_to_a_neighbour_only() {
    let mut bench = Bench::ip();
    let route = crate::RouteEntry {
        destination: crate::Cidr::ALL_V4,
        gateway: Some(ROUTER.into()),
        interface: bench.id,
        metric: 0,
    };
    bench.host.add_route(route).unwrap();
    let better = Ipv4Addr::new(192, 0, 2, 253);
    let quoted = v4_from(US, FAR, Protocol::UDP, &udp_of(US, FAR, 9, b"12345678"));
    let redirect = |from: Ipv4Addr, gateway| {
        v4_from(from, US, Protocol::ICMP, &Repr::Redirect { code: 1, gateway, quoted: &quoted }.emit())
    };
    let hop = |bench: &Bench| bench.host.route(FAR.into(), None).unwrap().next_hop;
    bench.refuses(&redirect(PEER, better), Drop::IcmpRedirect);
    bench.refuses(&redirect(ROUTER, FAR), Drop::IcmpRedirect);
    bench.refuses(&redirect(ROUTER, US), Drop::IcmpRedirect);
    bench.refuses(&redirect(ROUTER, Ipv4Addr::new(192, 0, 2, 255)), Drop::IcmpRedirect);
    assert_eq!(hop(&bench), ROUTER);
    assert!(bench.answer(&redirect(ROUTER, better)).is_empty());
    assert_eq!(hop(&bench), better);
    let elsewhere = bench.host.route("203.0.113.5".parse().unwrap(), None).unwrap();
    assert_eq!(elsewhere.next_hop, ROUTER);
    bench.wait(Duration::from_secs(601));
    assert_eq!(hop(&bench), ROUTER);
}

/// Covers: RFC 792 792-10
#[test]
fn an_echo_reply_reaches_whoever_asked() {
    let mut bench = Bench::ip();
    let socket = bench.host.echo_open().unwrap();
    bench.host.echo_send(bench.now, socket, crate::EchoSend::new(PEER.into(), 3, &b"ping"[..])).unwrap();
    let sent = bench.sent();
    let (_, _, message) = one4(&sent);
    let identifier = u16::from_be_bytes([message[4], message[5]]);
    let reply = Repr::EchoReply { identifier, sequence: 3, data: b"ping" }.emit();
    bench.give(&v4_from(PEER, US, Protocol::ICMP, &reply));
    assert_eq!(bench.host.echo_receive(socket).unwrap().data.to_vec(), b"ping");
}
