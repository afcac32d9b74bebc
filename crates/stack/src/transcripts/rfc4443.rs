//! ICMPv6.

use super::*;
use crate::{Datagram, ErrorKind, UdpSend};
use wire::icmpv4::TimeExceeded;
use wire::icmpv6::{Repr, Unreachable};

/// Covers: RFC 4443 4443-1, 4443-2, 4443-3, 4443-16
#[test]
fn an_echo_request_gets_its_data_back_from_the_address_it_was_sent_to() {
    let mut bench = Bench::ip();
    let second: Ipv6Addr = "2001:db8::77".parse().unwrap();
    bench.host.add_address(bench.now, bench.id, "2001:db8::77/64".parse().unwrap()).unwrap();
    for dst in [US6, second] {
        for len in [0usize, 1, 1400] {
            let data: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let sent = bench.answer(&ping6(PEER6, dst, &data));
            let (src, to, message) = one6(&sent);
            assert_eq!((src, to), (dst, PEER6));
            assert_eq!((message[0], &message[4..8], &message[8..]), (129, &[0, 1, 0, 2][..], &data[..]));
        }
    }
}

/// Covers: RFC 4443 4443-17
#[test]
fn an_echo_request_to_a_group_is_answered_from_an_address_of_ours() {
    let mut bench = Bench::ip();
    let (src, dst, message) = {
        let sent = bench.answer(&ping6(PEER6, ndp::ALL_NODES, b"all"));
        let (src, dst, message) = one6(&sent);
        (src, dst, message.to_vec())
    };
    assert_eq!((src, dst, message[0]), (US6, PEER6, 129));
}

/// Covers: RFC 4443 4443-4, 4443-5
#[test]
fn an_unknown_error_goes_up_and_unknown_information_ends_here() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    bench.host.udp_connect(socket, "[2001:db8::9]:9".parse().unwrap()).unwrap();
    bench.host.udp_send(bench.now, socket, UdpSend::new(&b"hello"[..])).unwrap();
    let ours = bench.sent().remove(0);
    let message = Repr::Unknown { kind: 100, code: 0, rest: [0; 4], data: &ours }.emit(PEER6, US6);
    assert!(bench.answer(&v6_from(PEER6, US6, Protocol::ICMPV6, &message)).is_empty());
    assert_eq!(bench.host.udp_take_fault(socket).unwrap().kind, ErrorKind::Unknown(100));
    let message = Repr::Unknown { kind: 200, code: 0, rest: [0; 4], data: &ours }.emit(PEER6, US6);
    bench.refuses(&v6_from(PEER6, US6, Protocol::ICMPV6, &message), Drop::IcmpUnknown);
}

/// Covers: RFC 4443 4443-6, 4443-10
#[test]
fn an_error_quotes_as_much_as_fits_into_1280_octets() {
    let mut bench = Bench::ip();
    let packet = udp6(99, &[5; 1452]);
    let sent = bench.answer(&packet);
    assert_eq!(sent[0].len(), 1280);
    let (src, dst, message) = one6(&sent);
    assert_eq!((src, dst, message[0], message[1]), (US6, PEER6, 1, 4));
    assert_eq!(message[8..], packet[..1232]);
}

/// Covers: RFC 4443 4443-7, 4443-11, 4443-14
#[test]
fn an_error_reaches_the_socket_that_sent_what_it_quotes() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    bench.host.udp_connect(socket, "[2001:db8::9]:9".parse().unwrap()).unwrap();
    bench.host.udp_send(bench.now, socket, UdpSend::new(&b"hello"[..])).unwrap();
    let ours = bench.sent().remove(0);
    let unreachable = |code| Repr::DestinationUnreachable { code, quoted: &ours };
    for (message, kind) in [
        (unreachable(Unreachable::NoRoute), ErrorKind::NetworkUnreachable),
        (unreachable(Unreachable::Prohibited), ErrorKind::Prohibited),
        (unreachable(Unreachable::Address), ErrorKind::HostUnreachable),
        (unreachable(Unreachable::Port), ErrorKind::PortUnreachable),
        (Repr::TimeExceeded { code: TimeExceeded::Transit, quoted: &ours }, ErrorKind::HopLimitExceeded),
        (Repr::ParameterProblem { code: 1, pointer: 6, quoted: &ours }, ErrorKind::ProtocolUnreachable),
    ] {
        bench.give(&v6_from(FAR6, US6, Protocol::ICMPV6, &message.emit(FAR6, US6)));
        assert_eq!(bench.host.udp_take_fault(socket).unwrap().kind, kind);
    }
    let cut = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &ours[..47] }.emit(FAR6, US6);
    bench.refuses(&v6_from(FAR6, US6, Protocol::ICMPV6, &cut), Drop::IcmpQuote);
}

/// Covers: RFC 4443 4443-8
#[test]
fn no_error_is_sent_about_errors_redirects_groups_or_nobody() {
    let mut bench = Bench::ip();
    let quoted = v6_from(US6, PEER6, Protocol::UDP, &udp_of(US6, PEER6, 9, b"12345678"));
    let bad_option = [Protocol::ICMPV6.number(), 0, 0x9e, 4, 0, 0, 0, 0];
    let error = Repr::DestinationUnreachable { code: Unreachable::Port, quoted: &quoted }.emit(PEER6, US6);
    let redirect = ndp::Repr::Redirect { target: PEER6, destination: FAR6, target_link: None };
    for message in [error, redirect.emit(PEER6, US6)] {
        let body = [&bad_option[..], &message].concat();
        assert!(bench.answer(&v6_from(PEER6, US6, Protocol::DESTINATION_OPTIONS, &body)).is_empty());
    }
    let all = ndp::ALL_NODES;
    assert!(bench.answer(&v6_from(PEER6, all, Protocol::new(253), b"x")).is_empty());
    assert!(bench.answer(&v6_from(PEER6, all, Protocol::UDP, &udp_of(PEER6, all, 99, b"x"))).is_empty());
    let none = Ipv6Addr::UNSPECIFIED;
    let message = Repr::EchoRequest { identifier: 0, sequence: 0, data: b"" }.emit(none, all);
    let body = [&bad_option[..], &message].concat();
    assert!(bench.answer(&v6_from(none, all, Protocol::DESTINATION_OPTIONS, &body)).is_empty());
    // The same option with an echo request: that is told.
    let body =
        [&bad_option[..], &Repr::EchoRequest { identifier: 0, sequence: 0, data: b"" }.emit(PEER6, US6)]
            .concat();
    assert_eq!(bench.answer(&v6_from(PEER6, US6, Protocol::DESTINATION_OPTIONS, &body)).len(), 1);
}

/// Covers: RFC 4443 4443-9, 4443-12
#[test]
fn errors_are_limited_and_can_be_switched_off_per_interface() {
    let mut bench = Bench::ip();
    let sent: usize = (0..100).map(|_| bench.answer(&udp6(99, b"x")).len()).sum();
    assert!((10..=20).contains(&sent), "{sent}");
    let mut quiet = InterfaceConfig::new("quiet", Medium::Ip);
    quiet.errors = false;
    let mut bench = Bench::with(HostConfig::default(), quiet);
    assert!(bench.answer(&udp6(99, b"x")).is_empty());
    let config = HostConfig { errors_per_second: 0, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    assert!(bench.answer(&udp6(99, b"x")).is_empty());
    let _ = Datagram::new(US6.into(), PEER6.into(), Protocol::UDP);
}
