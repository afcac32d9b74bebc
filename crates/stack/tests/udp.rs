//! Two hosts on one link, and what UDP does between them.

use bytes::Bytes;
use env::{Duration, Instant, Machine};
use handfast_stack::{
    Account, Cidr, ConnectOptions, Drop, EchoError, EchoSend, ErrorKind, Host, HostConfig, HostEvent,
    InterfaceConfig, InterfaceId, ListenConfig, MacAddr, Medium, SendFailure, UdpBind, UdpError, UdpId,
    UdpOptions, UdpSend,
};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use wire::{Ecn, Frame, Head, Payload, Protocol, igmp, ipv4, ipv6, mld, udp};

const A: [&str; 2] = ["10.0.0.1", "fd00::1"];
const B: [&str; 2] = ["10.0.0.2", "fd00::2"];

/// Two hosts, what happens to what is between them, and what was.
struct Net {
    now: Instant,
    a: Host,
    b: Host,
    link: InterfaceId,
    /// Every packet, in the order of sending.
    log: Vec<Vec<u8>>,
    /// How often the `n`th packet arrives.
    copies: fn(usize) -> usize,
}

const MAC: [MacAddr; 2] = [MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2])];

fn host(seed: u8, medium: Medium, addresses: &[&str]) -> (Host, InterfaceId) {
    let mut host = Host::new(HostConfig::default(), [seed; 32]).unwrap();
    let config = addresses.iter().fold(InterfaceConfig::new("net", medium), |config, address| {
        config.address(address.parse::<Cidr>().unwrap())
    });
    let link = host.add_interface(Instant::ZERO, config).unwrap();
    (host, link)
}

impl Net {
    fn new() -> Self {
        Self::on([Medium::Ip; 2])
    }

    fn on(media: [Medium; 2]) -> Self {
        let (a, link) = host(1, media[0], &["10.0.0.1/24", "10.0.0.5/24", "fd00::1/64", "fe80::1/64"]);
        let (b, other) = host(2, media[1], &["10.0.0.2/24", "fd00::2/64", "fe80::2/64"]);
        assert_eq!(link, other);
        Self { now: Instant::from_secs(1), a, b, link, log: Vec::new(), copies: |_| 1 }
    }

    /// Carries packets until there are none.
    fn run(&mut self) {
        loop {
            let (to_b, from) = match self.a.poll_transmit(self.now) {
                Some(sent) => (true, sent),
                None => match self.b.poll_transmit(self.now) {
                    Some(sent) => (false, sent),
                    None => return,
                },
            };
            let octets = from.1.to_vec();
            for _ in 0..(self.copies)(self.log.len()) {
                let bytes = Bytes::copy_from_slice(&octets);
                let held = bytes.len();
                let frame = Frame::received(bytes, held, self.now);
                if to_b { &mut self.b } else { &mut self.a }.handle_packet(self.now, (self.link, frame));
            }
            self.log.push(octets);
        }
    }

    /// Lets time pass.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.run();
            let due = [self.a.poll_timeout(), self.b.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.a.handle_timeout(self.now);
            self.b.handle_timeout(self.now);
        }
        self.now = end;
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn to(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(address), port)
}

fn any(port: u16) -> UdpBind {
    UdpBind { port, ..UdpBind::default() }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8 ^ (n / 251) as u8).collect()
}

fn drain(host: &mut Host, id: UdpId) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| host.udp_receive(id)).map(|datagram| datagram.data.to_vec()).collect()
}

fn events(host: &mut Host) -> Vec<HostEvent> {
    std::iter::from_fn(|| host.poll_event()).collect()
}

/// Source and destination of a packet, what it carries, and that.
fn open(packet: &[u8]) -> (IpAddr, IpAddr, Protocol, &[u8]) {
    if packet[0] >> 4 == 4 {
        let view = ipv4::View::new(packet).unwrap();
        assert!(view.checksum_ok());
        (view.src().into(), view.dst().into(), view.protocol(), view.payload())
    } else {
        let view = ipv6::View::new(packet).unwrap();
        (view.src().into(), view.dst().into(), view.next_header(), view.payload())
    }
}

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

#[test]
fn a_group_s_datagram_goes_to_those_who_joined_here_and_there() {
    for group in ["239.1.2.3", "ff15::9"] {
        let mut net = Net::new();
        let link = Some(net.link);
        let (sender, near, far) = (
            net.a.udp_bind(any(0)).unwrap(),
            net.a.udp_bind(any(7)).unwrap(),
            net.b.udp_bind(any(7)).unwrap(),
        );
        let send = UdpSend { interface: link, ..UdpSend::to(b"all", to(group, 7)) };
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        assert_eq!((net.a.udp_receive(near), net.b.udp_receive(far)), (None, None));
        assert_eq!(net.b.counters().dropped(Drop::NotJoined), 1);
        net.a.udp_join(net.now, near, ip(group), link).unwrap();
        net.b.udp_join(net.now, far, ip(group), link).unwrap();
        net.wait(Duration::from_secs(5));
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        let (here, there) = (net.a.udp_receive(near).unwrap(), net.b.udp_receive(far).unwrap());
        assert_eq!((here.data.to_vec(), here.to, here.interface), (b"all".to_vec(), to(group, 7), net.link));
        assert_eq!((there.data.to_vec(), there.to, there.ttl), (b"all".to_vec(), to(group, 7), 1));
        net.a.udp_options_mut(sender).unwrap().multicast_loop = false;
        net.a.udp_options_mut(sender).unwrap().multicast_ttl = 5;
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        assert_eq!((net.a.udp_receive(near), net.b.udp_receive(far).unwrap().ttl), (None, 5));
        assert!(net.b.udp_close(net.now, far));
        net.wait(Duration::from_secs(5));
        let before = net.b.counters().dropped(Drop::NotJoined); // Reports of others are for routers.
        net.a.udp_send(net.now, sender, send).unwrap();
        net.run();
        assert_eq!(net.b.counters().dropped(Drop::NotJoined), before + 1);
        // Each join and each leave was said twice.
        assert_eq!((net.a.counters().multicast_out_reports, net.b.counters().multicast_out_reports), (2, 4));
    }
}

#[test]
fn membership_reports_have_what_routers_ask_of_them() {
    let mut net = Net::new();
    let id = net.a.udp_bind(any(7)).unwrap();
    for group in ["239.1.2.3", "ff15::9"] {
        net.a.udp_join(net.now, id, ip(group), Some(net.link)).unwrap();
    }
    net.run();
    let v4 = ipv4::View::new(&net.log[0]).unwrap();
    assert_eq!((v4.dst(), v4.ttl(), v4.protocol()), (igmp::ALL_V3_ROUTERS, 1, Protocol::IGMP));
    assert!(v4.check_options().unwrap().router_alert);
    let message = igmp::View::new(v4.payload()).unwrap();
    assert!(message.checksum_ok());
    let record = |kind, group| igmp::Record { kind, group, sources: Vec::new() };
    let joined = igmp::RecordKind::ChangeToExclude;
    let records = vec![record(joined, "239.1.2.3".parse().unwrap())];
    assert_eq!(message.repr(), Ok(igmp::Repr::ReportV3 { records }));
    let v6 = ipv6::View::new(&net.log[1]).unwrap();
    assert_eq!((v6.dst(), v6.hop_limit()), (mld::ALL_V2_ROUTERS, 1));
    assert!(v6.src().is_unicast_link_local());
    assert_eq!(v6.next_header(), Protocol::HOP_BY_HOP);
    let message = mld::View::new(&v6.payload()[8..]).unwrap();
    assert!(message.checksum_ok(v6.src(), v6.dst()));
    assert!(matches!(message.repr(), Ok(mld::Repr::ReportV2 { records }) if records[0].kind == joined));
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

/// Covers: RFC 792 792-1, 792-10; RFC 4443 4443-16
#[test]
fn ping_comes_back_with_its_data_its_ttl_and_when_it_came() {
    for destination in B {
        let mut net = Net::new();
        let (one, two) = (net.a.echo_open().unwrap(), net.a.echo_open().unwrap());
        assert_ne!(net.a.echo_identifier(one), net.a.echo_identifier(two));
        for (sequence, size) in [(1, 0), (2, 56), (3, 1_472), (u16::MAX, 20_000)] {
            net.a.echo_send(net.now, one, EchoSend::new(ip(destination), sequence, pattern(size))).unwrap();
            net.run();
            assert_eq!(events(&mut net.a), [HostEvent::EchoReadable(one)]);
            let reply = net.a.echo_receive(one).unwrap();
            assert_eq!((reply.from, reply.sequence, reply.ttl), (ip(destination), sequence, 64));
            assert_eq!((reply.data.to_vec(), reply.arrived), (pattern(size), net.now));
        }
        assert_eq!((net.a.echo_receive(one), net.a.echo_receive(two)), (None, None));
        assert!(net.a.echo_close(one) && !net.a.echo_close(one));
        let late = EchoSend::new(ip(destination), 5, b"late");
        assert_eq!(net.a.echo_send(net.now, one, late.clone()), Err(EchoError::NoSocket));
        net.a.echo_send(net.now, two, late).unwrap();
        assert!(net.a.echo_close(two));
        net.run();
        assert_eq!(net.a.counters().dropped(Drop::EchoNoSocket), 1);
        assert_eq!(net.a.budget().held_for(Account::Echo), 0);
        let three = net.a.echo_open().unwrap();
        let nowhere = EchoSend::new(ip("192.0.2.1"), 1, Payload::EMPTY);
        assert_eq!(net.a.echo_send(net.now, three, nowhere), Err(EchoError::Send(SendFailure::NoRoute)));
    }
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

#[test]
fn a_router_s_query_is_answered_once_within_its_time() {
    let mut net = Net::new();
    let id = net.b.udp_bind(any(7)).unwrap();
    for group in ["239.1.2.3", "239.1.2.4", "ff15::9"] {
        net.b.udp_join(net.now, id, ip(group), Some(net.link)).unwrap();
    }
    net.wait(Duration::from_secs(5));
    let (most, interval) = (Duration::from_secs(2), Duration::from_secs(125));
    let v4 = {
        let version =
            igmp::QueryVersion::V3 { suppress: false, robustness: 2, interval, sources: Vec::new() };
        let query = igmp::Query { version, max_response: most, group: [0; 4].into() };
        let body = Payload::from(igmp::Repr::Query(query).emit());
        let header = ipv4::Repr {
            ttl: 1,
            options: ipv4::Options::ROUTER_ALERT,
            ..ipv4::Repr::new([10, 0, 0, 99].into(), igmp::ALL_SYSTEMS, Protocol::IGMP)
        };
        let mut head = Head::new();
        header.prepend_to(&mut head, body.len()).unwrap();
        Frame { head, body, ..Frame::default() }
    };
    let v6 = {
        let (src, dst) = ("fe80::99".parse().unwrap(), "ff02::1".parse().unwrap());
        let version = mld::QueryVersion::V2 { suppress: false, robustness: 2, interval, sources: Vec::new() };
        let query = mld::Query { version, max_response: most, group: [0; 16].into() };
        let body = Payload::from(mld::Repr::Query(query).emit(src, dst));
        let mut head = Head::new();
        ipv6::HopByHop { next_header: Protocol::ICMPV6, router_alert: 0 }.prepend_to(&mut head).unwrap();
        let header = ipv6::Repr { hop_limit: 1, ..ipv6::Repr::new(src, dst, Protocol::HOP_BY_HOP) };
        header.prepend_to(&mut head, body.len()).unwrap();
        Frame { head, body, ..Frame::default() }
    };
    for (query, groups) in [(v4, 2), (v6, 1)] {
        let before = net.log.len();
        for _ in 0..3 {
            net.b.handle_packet(net.now, (net.link, query.clone()));
        }
        net.wait(most);
        assert_eq!(net.log.len(), before + 1);
        let (_, _, protocol, payload) = open(&net.log[before]);
        let listening = igmp::RecordKind::ModeIsExclude;
        let told = if protocol == Protocol::IGMP {
            let Ok(igmp::Repr::ReportV3 { records }) = igmp::View::new(payload).unwrap().repr() else {
                panic!()
            };
            records.iter().filter(|record| record.kind == listening).count()
        } else {
            let Ok(mld::Repr::ReportV2 { records }) = mld::View::new(&payload[8..]).unwrap().repr() else {
                panic!()
            };
            records.iter().filter(|record| record.kind == listening).count()
        };
        assert_eq!(told, groups);
    }
    assert_eq!(net.b.counters().multicast_in_queries, 6);
}
