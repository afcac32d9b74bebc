//! What UDP's users can ask for, seen on the wire and at the other end.

use super::net::{B, MAC, Net, any, drain, events, ip, pattern, to};
use env::Duration;
use handfast_stack::{ErrorKind, Host, HostEvent, Medium, UdpBind, UdpError, UdpOptions, UdpSend};
use std::num::NonZeroU16;
use wire::{Ecn, ipv4};

/// Covers: RFC 1122 1122U-16; RFC 1122 1122U-17
#[test]
fn ttl_and_type_of_service_are_set_for_one_datagram_or_for_all() {
    let mut net = Net::new();
    let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
    for destination in B {
        let plain = UdpSend::to(b"x", to(destination, 7));
        let special = UdpSend { ttl: Some(3), dscp: Some(4), ecn: Some(Ecn::Ect0), ..plain.clone() };
        *net.a.udp_options_mut(sender).unwrap() = UdpOptions::default();
        for send in [special, plain.clone()] {
            net.a.udp_send(net.now, sender, send).unwrap();
        }
        *net.a.udp_options_mut(sender).unwrap() =
            UdpOptions { ttl: Some(9), dscp: 46, ecn: Ecn::Ect1, ..UdpOptions::default() };
        net.a.udp_send(net.now, sender, plain).unwrap();
        net.run();
        let mut seen = Vec::new();
        while let Some(datagram) = net.b.udp_receive(receiver) {
            seen.push((datagram.ttl, datagram.dscp, datagram.ecn));
        }
        assert_eq!(seen, [(3, 4, Ecn::Ect0), (64, 0, Ecn::NotEct), (9, 46, Ecn::Ect1)]);
    }
}

/// Covers: RFC 1122 1122U-2, 1122U-3, 1122U-16
#[test]
fn ip_options_are_set_for_one_datagram_or_for_all_and_take_their_room() {
    let mut net = Net::new();
    let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
    let stamp = ipv4::Options::new(&[68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let alert = Some(ipv4::Options::ROUTER_ALERT);
    let plain = UdpSend::to(b"x", to(B[0], 7));
    net.a.udp_send(net.now, sender, UdpSend { ip_options: stamp, ..plain.clone() }).unwrap();
    net.a.udp_send(net.now, sender, plain.clone()).unwrap();
    net.a.udp_options_mut(sender).unwrap().ip_options = alert;
    net.a.udp_send(net.now, sender, plain.clone()).unwrap();
    net.a.udp_send(net.now, sender, UdpSend { ip_options: stamp, ..plain }).unwrap();
    net.a.udp_send(net.now, sender, UdpSend::to(b"six", to(B[1], 7))).unwrap();
    for (data, fits) in [(pattern(65_503), true), (pattern(65_504), false)] {
        assert_eq!(net.a.udp_send(net.now, sender, UdpSend::to(data, to(B[0], 7))).is_ok(), fits);
    }
    net.run();
    let seen: Vec<_> = std::iter::from_fn(|| net.b.udp_receive(receiver))
        .map(|datagram| datagram.ip_options.map(|o| *o))
        .collect();
    assert_eq!(seen, [stamp, None, alert, stamp, None, alert]);
}

/// Covers: RFC 1122 1122U-11, 1122U-14; RFC 768 768-2
#[test]
fn the_source_is_one_of_ours_chosen_or_left_open_and_its_port_is_never_zero() {
    let mut net = Net::new();
    let (sender, receiver) = (net.a.udp_open().unwrap(), net.b.udp_bind(any(7)).unwrap());
    let plain = UdpSend::to(b"x", to(B[0], 7));
    assert_eq!(net.a.udp_local(sender).unwrap().port(), 0);
    for from in [None, Some(ip("10.0.0.5")), Some(ip("10.0.0.1"))] {
        net.a.udp_send(net.now, sender, UdpSend { from, ..plain.clone() }).unwrap();
        net.run();
        let datagram = net.b.udp_receive(receiver).unwrap();
        assert_eq!(datagram.from.ip(), from.unwrap_or(net.a.udp_path(ip(B[0]), None).unwrap().source));
        assert_eq!(datagram.from.port(), net.a.udp_local(sender).unwrap().port());
        assert!((49_152..=65_535).contains(&datagram.from.port()));
    }
    for from in ["10.0.0.9", "8.8.8.8", "224.0.0.1", "10.0.0.255", "fd00::1"] {
        let foreign = UdpSend { from: Some(ip(from)), ..plain.clone() };
        assert_eq!(net.a.udp_send(net.now, sender, foreign), Err(UdpError::NotOurs), "{from}");
    }
    for (bad, why) in [
        (UdpSend::to(b"x", to(B[0], 0)), UdpError::BadDestination),
        (UdpSend::to(b"x", to("0.0.0.0", 7)), UdpError::BadDestination),
        (UdpSend::new(b"x"), UdpError::NoDestination),
        (UdpSend::to(b"x", to("192.0.2.1", 7)), UdpError::Unreachable),
    ] {
        assert_eq!(net.a.udp_send(net.now, sender, bad), Err(why));
    }
    let v4 = net.a.udp_bind(UdpBind { address: Some(ip("0.0.0.0")), port: 0, reuse: false }).unwrap();
    assert_eq!(net.a.udp_send(net.now, v4, UdpSend::to(b"x", to(B[1], 7))), Err(UdpError::BadDestination));
}

/// Covers: RFC 8085 8085-3
#[test]
fn what_may_not_be_fragmented_is_refused_with_the_mtu_of_the_path() {
    let mut net = Net::new();
    let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
    net.a.udp_options_mut(sender).unwrap().dont_fragment = true;
    for destination in B {
        let path = net.a.udp_path(ip(destination), None).unwrap();
        assert_eq!(path.mtu, 1_500);
        let send = |len: u16| UdpSend::to(pattern(len.into()), to(destination, 7));
        let too_big = net.a.udp_send(net.now, sender, send(path.unfragmented + 1));
        assert_eq!(too_big, Err(UdpError::TooBig { mtu: 1_500 }));
        net.a.udp_send(net.now, sender, send(path.unfragmented)).unwrap();
        net.run();
        assert_eq!(drain(&mut net.b, receiver), [pattern(path.unfragmented.into())]);
    }
    assert!(ipv4::View::new(&net.log[0]).unwrap().dont_fragment());
    net.a.udp_options_mut(sender).unwrap().dont_fragment = false;
    net.a.udp_send(net.now, sender, UdpSend::to(b"x", to(B[0], 7))).unwrap();
    net.run();
    assert!(!ipv4::View::new(net.log.last().unwrap()).unwrap().dont_fragment());
}

#[test]
fn a_train_arrives_as_its_datagrams_however_large_they_are() {
    for destination in B {
        for (size, len) in [(1_000, 2_500), (1_000, 1_000), (1_000, 999), (2_000, 5_000), (1, 40)] {
            let mut net = Net::new();
            let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
            let data = pattern(len);
            let train = UdpSend {
                segment_size: NonZeroU16::new(size),
                ..UdpSend::to(data.clone(), to(destination, 7))
            };
            net.a.udp_send(net.now, sender, train).unwrap();
            net.run();
            let expected: Vec<_> = data.chunks(size.into()).map(<[u8]>::to_vec).collect();
            assert_eq!(net.a.counters().udp_out_datagrams, expected.len() as u64);
            assert_eq!(net.b.counters().udp_in_datagrams, expected.len() as u64);
            assert_eq!(drain(&mut net.b, receiver), expected);
        }
    }
}

#[test]
fn a_full_queue_makes_the_sender_wait_and_tells_when_there_is_room() {
    let mut net = Net::new();
    let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
    let mut sent = 0;
    let full = loop {
        match net.a.udp_send(net.now, sender, UdpSend::to(b"x", to(B[0], 7))) {
            Ok(()) => sent += 1,
            Err(why) => break why,
        }
        assert!(sent < 100_000);
    };
    assert_eq!(full, UdpError::Full);
    assert_eq!(events(&mut net.a), []);
    net.run();
    assert_eq!(events(&mut net.a), [HostEvent::UdpWritable(sender)]);
    assert_eq!(drain(&mut net.b, receiver).len(), sent);
    assert_eq!(net.a.udp_counters(sender).unwrap().sent, sent as u64);
}

/// Covers: RFC 1122 1122U-15
#[test]
fn a_doubtful_delivery_has_the_next_hop_probed_and_a_silent_one_is_told_of() {
    for (version, destination) in B.into_iter().enumerate() {
        let mut net = Net::on(MAC.map(Medium::Ethernet));
        net.wait(Duration::from_secs(5));
        let (client, server) = (net.a.udp_open().unwrap(), net.b.udp_bind(any(7)).unwrap());
        net.a.udp_connect(client, to(destination, 7)).unwrap();
        net.a.udp_send(net.now, client, UdpSend::new(b"x")).unwrap();
        net.wait(Duration::from_millis(10));
        assert!(net.b.udp_receive(server).is_some());
        let asked =
            |host: &Host| [host.counters().arp_out_requests, host.counters().nd_out_solicits][version];
        let before = asked(&net.a);
        net.a.udp_delivery_problem(net.now, ip(destination));
        net.wait(Duration::from_millis(10));
        assert_eq!(asked(&net.a), before + 1);
        // Nobody is at this address.
        let nobody = ["10.0.0.77", "fd00::77"][version];
        net.a.udp_connect(client, to(nobody, 7)).unwrap();
        net.a.udp_send(net.now, client, UdpSend::new(b"x")).unwrap();
        net.wait(Duration::from_secs(10));
        let fault = net.a.udp_take_fault(client).unwrap();
        assert_eq!((fault.kind, fault.to), (ErrorKind::HostUnreachable, to(nobody, 7)));
        let path = net.a.udp_path(ip(destination), None).unwrap();
        assert_eq!((path.mtu, path.source.is_ipv4()), (1_500, version == 0));
    }
}
