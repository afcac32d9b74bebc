//! UDP between two hosts: what goes over the wire, and what must not.

use super::net::{A, B, Net, any, drain, events, ip, open, pattern, to};
use env::{Duration, Machine};
use handfast_stack::{
    Account, ConnectOptions, Drop, ErrorKind, HostEvent, ListenConfig, UdpBind, UdpError, UdpSend,
};
use std::net::IpAddr;
use wire::{Frame, Head, Payload, Protocol, ipv4, ipv6, udp};

/// Covers: RFC 768 768-7; RFC 1122 1122U-11, 1122U-12
#[test]
fn datagrams_of_every_size_go_both_ways_whole() {
    for (version, sizes) in
        [[0, 1, 1_472, 1_473, 65_507], [0, 1, 1_452, 1_453, 65_527]].into_iter().enumerate()
    {
        let mut net = Net::new();
        let server = net.b.udp_bind(any(7)).unwrap();
        let client = net.a.udp_open().unwrap();
        net.a.udp_connect(client, to(B[version], 7)).unwrap();
        assert_eq!(net.a.udp_local(client).unwrap().ip(), ip(A[version]));
        for size in sizes {
            let data = pattern(size);
            net.a.udp_send(net.now, client, UdpSend::new(data.clone())).unwrap();
            net.run();
            let datagram = net.b.udp_receive(server).expect("it arrives");
            assert_eq!(datagram.data.to_vec(), data);
            assert_eq!((datagram.from, datagram.to), (net.a.udp_local(client).unwrap(), to(B[version], 7)));
            let reply = UdpSend { from: Some(datagram.to.ip()), ..UdpSend::to(data.clone(), datagram.from) };
            net.b.udp_send(net.now, server, reply).unwrap();
            net.run();
            assert_eq!(drain(&mut net.a, client), [data]);
        }
        let most = sizes[4];
        let too_long = UdpSend::new(pattern(most + 1));
        assert_eq!(net.a.udp_send(net.now, client, too_long), Err(UdpError::TooLong));
        let path = net.a.udp_path(ip(B[version]), None).unwrap();
        assert_eq!((usize::from(path.most), usize::from(path.unfragmented)), (most, sizes[2]));
        assert_eq!(net.a.counters().drops().map(|(_, count)| count).sum::<u64>(), 0);
        assert_eq!(net.b.counters().drops().map(|(_, count)| count).sum::<u64>(), 0);
        assert_eq!(net.b.budget().held_for(Account::Reassembly), 0);
    }
}

/// Covers: RFC 768 768-1, 768-5, 768-6; RFC 1122 1122U-5, 1122U-6, 1122U-7; RFC 6935 6935-1; RFC 8085 8085-5
#[test]
fn every_datagram_has_a_checksum_that_is_never_zero_unless_that_was_asked_for_over_ipv4() {
    let mut net = Net::new();
    let id = net.a.udp_bind(any(50_000)).unwrap();
    // Two octets go through every value, so the sum goes through zero too.
    let mut all_ones = 0;
    for destination in B {
        for n in (0..=u16::MAX).step_by(7).chain(0xf000..0xf010) {
            let send = UdpSend::to(n.to_be_bytes().to_vec(), to(destination, 9));
            net.a.udp_send(net.now, id, send).unwrap();
            let (_, frame) = net.a.poll_transmit(net.now).unwrap();
            let packet = frame.to_vec();
            let (src, dst, protocol, payload) = open(&packet);
            assert_eq!(protocol, Protocol::UDP);
            let view = udp::View::new(payload).unwrap();
            assert_eq!((view.src_port(), view.dst_port(), view.length()), (50_000, 9, 10));
            assert!(view.has_checksum() && view.checksum_ok(src, dst));
            if view.checksum() == 0xffff {
                continue;
            }
            // What has to follow for the sum to come out as zero: what is there, plus the checksum.
            let sum = u32::from(n) + u32::from(view.checksum());
            let zero = ((sum & 0xffff) + (sum >> 16)) as u16;
            let send = UdpSend::to(zero.to_be_bytes().to_vec(), to(destination, 9));
            net.a.udp_send(net.now, id, send).unwrap();
            let packet = net.a.poll_transmit(net.now).unwrap().1.to_vec();
            let (src, dst, _, payload) = open(&packet);
            let view = udp::View::new(payload).unwrap();
            assert_eq!(view.checksum(), 0xffff);
            assert!(view.checksum_ok(src, dst));
            all_ones += 1;
            if n > 100 {
                break;
            }
        }
    }
    assert!(all_ones > 10);
    net.a.udp_options_mut(id).unwrap().checksum = false;
    for (version, destination) in B.into_iter().enumerate() {
        net.a.udp_send(net.now, id, UdpSend::to(b"x", to(destination, 9))).unwrap();
        let packet = net.a.poll_transmit(net.now).unwrap().1.to_vec();
        assert_eq!(udp::View::new(open(&packet).3).unwrap().has_checksum(), version == 1);
    }
}

/// Covers: RFC 1122 1122U-1, 1122U-4; RFC 4443 4443-10, 4443-11
#[test]
fn a_port_without_a_socket_is_refused_and_the_sender_told() {
    for (version, destination) in B.into_iter().enumerate() {
        let mut net = Net::new();
        let connected = net.a.udp_open().unwrap();
        net.a.udp_connect(connected, to(destination, 9)).unwrap();
        let free = net.a.udp_bind(any(5_000)).unwrap();
        net.a.udp_send(net.now, connected, UdpSend::new(b"anybody?")).unwrap();
        net.a.udp_send(net.now, free, UdpSend::to(b"anybody?", to(destination, 10))).unwrap();
        net.run();
        assert_eq!(events(&mut net.a), [HostEvent::UdpFailed(connected), HostEvent::UdpFailed(free)]);
        for (id, port) in [(connected, 9), (free, 10)] {
            let fault = net.a.udp_take_fault(id).unwrap();
            assert_eq!((fault.kind, fault.to), (ErrorKind::PortUnreachable, to(destination, port)));
            assert_eq!(fault.from, ip(destination));
            assert_eq!(net.a.udp_take_fault(id), None);
        }
        let quoted = net.log.iter().filter(|packet| open(packet).2 != Protocol::UDP).count();
        assert_eq!(quoted, 2, "version {version}");
        assert_eq!((net.b.counters().udp_no_ports, net.b.counters().dropped(Drop::UdpNoListener)), (2, 2));
    }
}

/// Covers: RFC 1122 1122U-1; RFC 4443 4443-9
#[test]
fn refusals_are_limited_and_a_broadcast_is_never_refused() {
    let mut net = Net::new();
    let id = net.a.udp_bind(any(5_000)).unwrap();
    assert_eq!(net.a.udp_send(net.now, id, UdpSend::to(b"x", to("10.0.0.255", 9))), Err(UdpError::Broadcast));
    net.a.udp_options_mut(id).unwrap().broadcast = true;
    for address in ["10.0.0.255", "255.255.255.255", "224.0.0.1"] {
        net.a.udp_send(net.now, id, UdpSend::to(b"x", to(address, 9))).unwrap();
    }
    net.run();
    assert_eq!((net.log.len(), net.b.counters().udp_no_ports), (3, 3));
    for _ in 0..500 {
        net.a.udp_send(net.now, id, UdpSend::to(b"x", to(B[0], 9))).unwrap();
        net.run();
    }
    let refusals = net.log.iter().filter(|packet| open(packet).2 == Protocol::ICMP).count() as u64;
    assert!((1..100).contains(&refusals), "{refusals}");
    assert_eq!(net.b.counters().dropped(Drop::RateLimited), 500 - refusals);
}

/// Covers: RFC 768 768-10
#[test]
fn what_is_lost_or_doubled_on_the_way_stays_lost_or_doubled() {
    let mut net = Net::new();
    net.copies = |n| [1, 0, 2, 1, 3][n % 5];
    let (sender, receiver) = (net.a.udp_bind(any(0)).unwrap(), net.b.udp_bind(any(7)).unwrap());
    for n in 0..100u8 {
        net.a.udp_send(net.now, sender, UdpSend::to(vec![n; 3], to(B[0], 7))).unwrap();
    }
    net.wait(Duration::from_secs(60));
    let expected: Vec<_> =
        (0..100u8).flat_map(|n| std::iter::repeat_n(vec![n; 3], (net.copies)(n.into()))).collect();
    assert_eq!(drain(&mut net.b, receiver), expected);
    assert_eq!(net.log.len(), 100);
}

#[test]
fn a_host_talks_to_itself() {
    let mut net = Net::new();
    for address in ["127.0.0.1", "::1", A[0], A[1]] {
        let server = net.a.udp_bind(UdpBind { address: Some(ip(address)), port: 7, reuse: false }).unwrap();
        let client = net.a.udp_open().unwrap();
        net.a.udp_connect(client, to(address, 7)).unwrap();
        for size in [0, 1, 65_507] {
            net.a.udp_send(net.now, client, UdpSend::new(pattern(size))).unwrap();
            net.run();
            let datagram = net.a.udp_receive(server).expect("it comes round");
            assert_eq!(
                (datagram.data.to_vec(), datagram.from),
                (pattern(size), net.a.udp_local(client).unwrap())
            );
        }
        net.a.udp_send(net.now, server, UdpSend::to(b"x", to(address, 8))).unwrap();
        net.run();
        assert_eq!(net.a.udp_take_fault(server).unwrap().kind, ErrorKind::PortUnreachable);
    }
    assert!(net.log.is_empty(), "nothing of it was on the wire");
}

/// Covers: RFC 1122 1122U-13
#[test]
fn from_a_source_that_nobody_has_nothing_is_delivered_and_nothing_answered() {
    let mut net = Net::new();
    let id = net.a.udp_bind(any(7)).unwrap();
    net.run();
    let sources =
        ["255.255.255.255", "224.0.0.1", "10.0.0.255", "10.0.0.5", "127.0.0.1", "ff02::1", "::1", "fd00::1"];
    for source in sources {
        for port in [7, 8] {
            let (src, dst) = (ip(source), if source.contains(':') { ip(A[1]) } else { ip(A[0]) });
            let body = Payload::from(b"x");
            let mut head = Head::new();
            udp::Repr { src_port: 9, dst_port: port }.prepend_to(&mut head, 1).unwrap();
            udp::fill_checksum(&mut head, &body, src, dst).unwrap();
            match (src, dst) {
                (IpAddr::V4(src), IpAddr::V4(dst)) => {
                    ipv4::Repr::new(src, dst, Protocol::UDP).prepend_to(&mut head, 1).unwrap();
                }
                (IpAddr::V6(src), IpAddr::V6(dst)) => {
                    ipv6::Repr::new(src, dst, Protocol::UDP).prepend_to(&mut head, 1).unwrap();
                }
                _ => unreachable!(),
            }
            net.a.handle_packet(net.now, (net.link, Frame { head, body, ..Frame::default() }));
        }
    }
    assert_eq!(net.a.udp_receive(id), None);
    assert!(net.a.poll_transmit(net.now).is_none());
    let counters = net.a.counters();
    assert_eq!(
        counters.dropped(Drop::MartianSource) + counters.dropped(Drop::Land),
        2 * sources.len() as u64
    );
}

/// Covers: RFC 768 768-9
#[test]
fn tcp_and_udp_on_one_number_do_not_cross() {
    let mut net = Net::new();
    let at = to(B[0], 7);
    let socket = net.b.udp_bind(UdpBind { address: Some(at.ip()), port: 7, reuse: false }).unwrap();
    // Only UDP is there: TCP is refused.
    let early = net.a.tcp_connect(net.now, ConnectOptions::to(at)).unwrap();
    net.wait(Duration::from_millis(100));
    let refused = Some(tcp::ConnectionError::Refused);
    assert!(events(&mut net.a).contains(&HostEvent::TcpClosed(early, refused)));
    let listener = net.b.tcp_listen(net.now, at, ListenConfig::default()).unwrap();
    net.a.tcp_connect(net.now, ConnectOptions::to(at)).unwrap();
    let client = net.a.udp_open().unwrap();
    net.a.udp_connect(client, at).unwrap();
    net.a.udp_send(net.now, client, UdpSend::new(b"datagram")).unwrap();
    net.wait(Duration::from_millis(100));
    assert!(net.b.tcp_accept(listener).is_some());
    assert_eq!(drain(&mut net.b, socket), [b"datagram"]);
    // Only TCP is there: UDP is refused.
    assert!(net.b.udp_close(net.now, socket));
    net.a.udp_send(net.now, client, UdpSend::new(b"datagram")).unwrap();
    net.wait(Duration::from_millis(100));
    assert_eq!(net.a.udp_take_fault(client).unwrap().kind, ErrorKind::PortUnreachable);
}
