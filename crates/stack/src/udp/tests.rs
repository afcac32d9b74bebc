//! What arrives, transcript by transcript: a packet in, the queues, counters and answers out.

use crate::{
    Account, Budget, Cast, Cidr, Delivered, Drop, ErrorKind, Host, HostConfig, HostEvent, IcmpError,
    InterfaceConfig, InterfaceId, Medium, PortError, UdpBind, UdpError, UdpId, UdpOptions, UdpSend,
};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::num::NonZeroU16;
use env::{Instant, Machine};
use proptest::prelude::*;
use wire::{Checksum, Ecn, Head, Payload, Protocol, ipv4, udp};

const NOW: Instant = Instant::from_secs(1);
const OURS: &str = "10.0.0.1";
const OURS6: &str = "fd00::1";
const THEIRS: &str = "10.0.0.2";
const THEIRS6: &str = "fd00::2";
const GROUP: &str = "239.1.2.3";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn host() -> (Host, InterfaceId) {
    let mut host = Host::new(HostConfig::default(), [7; 32]).unwrap();
    let config = InterfaceConfig::new("net", Medium::Ip)
        .address("10.0.0.1/24".parse::<Cidr>().unwrap())
        .address("10.0.0.5/24".parse::<Cidr>().unwrap())
        .address("fd00::1/64".parse::<Cidr>().unwrap());
    let interface = host.add_interface(NOW, config).unwrap();
    (host, interface)
}

fn at(address: &str, port: u16) -> UdpBind {
    UdpBind { address: Some(ip(address)), port, reuse: false }
}

fn every(port: u16) -> UdpBind {
    UdpBind { port, ..UdpBind::default() }
}

/// A sound packet from port 9 of `src` to `port` of `dst`.
fn packet(interface: InterfaceId, src: &str, dst: &str, port: u16, data: &[u8]) -> Delivered {
    let (src, dst) = (ip(src), ip(dst));
    let body = Payload::copy_of(data);
    let mut head = Head::new();
    udp::Repr { src_port: 9, dst_port: port }.prepend_to(&mut head, data.len()).unwrap();
    udp::fill_checksum(&mut head, &body, src, dst).unwrap();
    let cast = match dst {
        IpAddr::V4(v4) if v4.is_broadcast() || v4 == Ipv4Addr::new(10, 0, 0, 255) => Cast::Broadcast,
        _ if dst.is_multicast() => Cast::Multicast,
        _ => Cast::Unicast,
    };
    Delivered {
        interface,
        src,
        dst,
        protocol: Protocol::UDP,
        ttl: 61,
        dscp: 46,
        ecn: Ecn::Ce,
        cast,
        link_group: false,
        quote: Bytes::new(),
        named_at: 9,
        payload: [head.as_slice(), data].concat().into(),
        checksum: Checksum::InPacket,
        segment_size: None,
        arrived: Instant::from_millis(999),
        frame: 0,
    }
}

/// The same with one octet of header or data changed.
fn with_octet(packet: &Delivered, at: usize, value: u8) -> Delivered {
    let mut octets = packet.payload.to_vec();
    octets[at] = value;
    Delivered { payload: octets.into(), ..packet.clone() }
}

fn give(host: &mut Host, packet: Delivered) {
    host.udp.handle_packet(&mut host.ip, NOW, packet);
}

fn received(host: &mut Host, id: UdpId) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| host.udp_receive(id)).map(|datagram| datagram.data.to_vec()).collect()
}

fn dropped(host: &Host) -> Vec<(Drop, u64)> {
    host.counters().drops().filter(|(_, count)| *count > 0).collect()
}

/// Covers: RFC 768 768-1, 768-7, 768-8; RFC 1122 1122U-10, 1122U-17; RFC 8085 8085-6
#[test]
fn a_datagram_comes_with_everything_that_its_headers_said() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    give(&mut host, packet(interface, THEIRS, "10.0.0.5", 7, b"hello"));
    give(&mut host, packet(interface, THEIRS6, OURS6, 7, b""));
    assert_eq!(host.poll_event(), Some(HostEvent::UdpReadable(id)));
    assert_eq!(host.poll_event(), None);
    assert_eq!(host.udp_peek(id).unwrap().data, Payload::from(b"hello"));
    let datagram = host.udp_receive(id).unwrap();
    assert_eq!(datagram.data, Payload::from(b"hello"));
    assert_eq!(datagram.from, SocketAddr::new(ip(THEIRS), 9));
    assert_eq!(datagram.to, SocketAddr::new(ip("10.0.0.5"), 7));
    assert_eq!((datagram.ttl, datagram.dscp, datagram.ecn), (61, 46, Ecn::Ce));
    assert_eq!((datagram.interface, datagram.arrived), (interface, Instant::from_millis(999)));
    let empty = host.udp_receive(id).unwrap();
    assert_eq!((empty.data.len(), empty.to), (0, SocketAddr::new(ip(OURS6), 7)));
    assert_eq!(host.udp_receive(id), None);
    assert_eq!((host.counters().udp_in_datagrams, dropped(&host)), (2, Vec::new()));
}

/// Covers: RFC 768 768-2
#[test]
fn source_port_zero_is_delivered_and_wants_no_reply() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let mut packet = with_octet(&packet(interface, THEIRS, OURS, 7, b"x"), 1, 0);
    packet.checksum = Checksum::Verified;
    give(&mut host, packet);
    let datagram = host.udp_receive(id).unwrap();
    assert_eq!((datagram.from.port(), datagram.reply_to()), (0, None));
}

/// Covers: RFC 768 768-3
#[test]
fn a_length_below_eight_or_beyond_the_packet_is_dropped() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let sound = packet(interface, THEIRS, OURS, 7, b"data");
    for length in (0..8).chain([13, 200]) {
        give(&mut host, with_octet(&sound, 5, length));
    }
    for cut in 0..8 {
        let mut short = sound.clone();
        short.payload.truncate(cut);
        give(&mut host, short);
    }
    assert_eq!(dropped(&host), [(Drop::UdpMalformed, 18)]);
    assert_eq!((host.udp_receive(id), host.counters().udp_in_errors), (None, 18));
}

/// Covers: RFC 768 768-4
#[test]
fn what_follows_the_length_is_not_data() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let mut surplus = packet(interface, THEIRS, OURS, 7, &[1; 20]);
    surplus.payload.push(Bytes::from_static(&[2; 12]));
    give(&mut host, surplus);
    assert_eq!(received(&mut host, id), [[1; 20]]);
}

/// Covers: RFC 768 768-5; RFC 1122 1122U-5, 1122U-8
#[test]
fn one_flipped_bit_anywhere_is_noticed_and_answered_with_silence() {
    for (src, dst, data) in [(THEIRS, OURS, &b"odd"[..]), (THEIRS6, OURS6, b"even")] {
        let (mut host, interface) = host();
        let id = host.udp_bind(every(7)).unwrap();
        let sound = packet(interface, src, dst, 7, data);
        let octets = sound.payload.to_vec();
        for bit in 0..octets.len() * 8 {
            give(&mut host, with_octet(&sound, bit / 8, octets[bit / 8] ^ 1 << (bit % 8)));
        }
        assert_eq!(host.udp_receive(id), None);
        assert!(host.poll_transmit(NOW).is_none());
        let total: u64 = dropped(&host).iter().map(|(_, count)| count).sum();
        assert_eq!(total, octets.len() as u64 * 8);
        assert!(dropped(&host).iter().all(|(why, _)| matches!(why, Drop::UdpChecksum | Drop::UdpMalformed)));
        give(&mut host, sound);
        assert_eq!(received(&mut host, id), [data]);
    }
}

/// Covers: RFC 768 768-6; RFC 1122 1122U-9
#[test]
fn over_ipv4_no_checksum_is_accepted_unless_the_socket_insists() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let unsummed = with_octet(&with_octet(&packet(interface, THEIRS, OURS, 7, b"x"), 6, 0), 7, 0);
    give(&mut host, unsummed.clone());
    assert_eq!(received(&mut host, id), [b"x"]);
    host.udp_options_mut(id).unwrap().require_checksum = true;
    give(&mut host, unsummed);
    assert_eq!(host.udp_receive(id), None);
    assert_eq!(dropped(&host), [(Drop::UdpNoChecksum, 1)]);
    assert_eq!(host.udp_counters(id).unwrap().no_checksum, 1);
}

/// Covers: RFC 6935 6935-2, 6935-3
#[test]
fn over_ipv6_no_checksum_is_dropped_unless_a_tunnel_socket_takes_it() {
    let (mut host, interface) = host();
    let (plain, tunnel) = (host.udp_bind(every(7)).unwrap(), host.udp_bind(every(8)).unwrap());
    host.udp_options_mut(tunnel).unwrap().zero_checksum_v6 = true;
    for port in [7, 8, 99] {
        let sound = packet(interface, THEIRS6, OURS6, port, b"x");
        give(&mut host, with_octet(&with_octet(&sound, 6, 0), 7, 0));
    }
    assert_eq!(host.udp_receive(plain), None);
    assert_eq!(received(&mut host, tunnel), [b"x"]);
    assert_eq!(dropped(&host), [(Drop::UdpNoChecksum, 2)]);
    assert!(host.poll_transmit(NOW).is_none());
}

#[test]
fn the_most_specific_socket_gets_it() {
    let (mut host, interface) = host();
    let shared = |address: Option<&str>| UdpBind { address: address.map(ip), port: 7, reuse: true };
    let all = host.udp_bind(shared(None)).unwrap();
    let v4 = host.udp_bind(shared(Some("0.0.0.0"))).unwrap();
    let one = host.udp_bind(shared(Some(OURS))).unwrap();
    let connected = host.udp_bind(shared(None)).unwrap();
    host.udp_connect(connected, SocketAddr::new(ip(THEIRS), 9)).unwrap();
    assert_eq!(host.udp_local(connected).unwrap().ip(), host.route(ip(THEIRS), None).unwrap().src);
    let local = host.udp_local(connected).unwrap().ip();
    let mut who = |src: &str, dst: &str| {
        give(&mut host, packet(interface, src, dst, 7, b"x"));
        [all, v4, one, connected].map(|id| host.udp_receive(id).is_some())
    };
    assert_eq!(who(THEIRS, &std::string::ToString::to_string(&local)), [false, false, false, true]);
    assert_eq!(who("10.0.0.3", OURS), [false, false, true, false]);
    assert_eq!(who("10.0.0.3", "10.0.0.5"), [false, true, false, false]);
    assert_eq!(who(THEIRS6, OURS6), [true, false, false, false]);
    host.udp_disconnect(connected).unwrap();
    give(&mut host, packet(interface, THEIRS6, OURS6, 7, b"x"));
    assert!(host.udp_receive(connected).is_some(), "of those who share a place, the newest there");
}

#[test]
fn a_group_or_broadcast_reaches_every_socket_at_the_port_and_a_group_only_those_who_joined() {
    let (mut host, interface) = host();
    let shared = |address: Option<&str>, port| UdpBind { address: address.map(ip), port, reuse: true };
    let binds = [None, Some("0.0.0.0"), Some(OURS), Some(GROUP), Some("10.0.0.255")];
    let ids = binds.map(|address| host.udp_bind(shared(address, 7)).unwrap());
    let other = host.udp_bind(every(8)).unwrap();
    let who = |host: &mut Host, dst: &str| {
        give(host, packet(interface, THEIRS, dst, 7, b"x"));
        ids.map(|id| host.udp_receive(id).is_some())
    };
    assert_eq!(who(&mut host, "10.0.0.255"), [true, true, false, false, true]);
    assert_eq!(who(&mut host, "255.255.255.255"), [true, true, false, false, false]);
    assert_eq!(who(&mut host, GROUP), [false; 5]);
    assert_eq!(who(&mut host, "224.0.0.1"), [true, true, false, false, false]);
    for id in [ids[0], ids[3], other] {
        host.udp_join(NOW, id, ip(GROUP), Some(interface)).unwrap();
    }
    assert_eq!(host.udp_join(NOW, ids[0], ip(GROUP), Some(interface)), Err(UdpError::Group));
    assert_eq!(host.udp_join(NOW, ids[0], ip(OURS), Some(interface)), Err(UdpError::Group));
    assert!(host.multicast.accepts(interface, ip(GROUP), ip(THEIRS)));
    assert_eq!(who(&mut host, GROUP), [true, false, false, true, false]);
    host.udp_leave(NOW, ids[0], ip(GROUP), Some(interface)).unwrap();
    assert_eq!(host.udp_leave(NOW, ids[0], ip(GROUP), Some(interface)), Err(UdpError::Group));
    assert_eq!(who(&mut host, GROUP), [false, false, false, true, false]);
    assert!(host.udp_close(NOW, ids[3]) && host.udp_close(NOW, other));
    assert!(!host.multicast.accepts(interface, ip(GROUP), ip(THEIRS)));
    assert_eq!(
        dropped(&host).iter().find(|(why, _)| *why == Drop::UdpNoListener),
        Some(&(Drop::UdpNoListener, 1))
    );
}

#[test]
fn what_goes_to_a_group_with_a_ttl_of_0_stays_on_this_host() {
    let (mut host, interface) = host();
    let listener = host.udp_bind(every(7)).unwrap();
    host.udp_join(NOW, listener, ip(GROUP), Some(interface)).unwrap();
    while host.poll_transmit(NOW).is_some() {} // The membership report.
    let speaker = host.udp_bind(at(OURS, 0)).unwrap();
    let to = SocketAddr::new(ip(GROUP), 7);
    for (ttl, leaves) in [(0, false), (1, true)] {
        host.udp_options_mut(speaker).unwrap().multicast_ttl = ttl;
        host.udp_send(NOW, speaker, UdpSend::to(b"x", to)).unwrap();
        assert_eq!(received(&mut host, listener), [b"x"]);
        assert_eq!(host.poll_transmit(NOW).is_some(), leaves, "TTL {ttl}");
    }
}

fn error(kind: ErrorKind, src: (&str, u16), dst: (&str, u16), from: &str) -> IcmpError {
    let ports = [src.1.to_be_bytes(), dst.1.to_be_bytes(), [0, 9], [0, 0]];
    IcmpError {
        kind,
        disrupted: false,
        from: ip(from),
        interface: InterfaceId::new(1),
        src: ip(src.0),
        dst: ip(dst.0),
        protocol: Protocol::UDP,
        quoted: ports.concat().into(),
        quoted_len: 29,
        arrived: NOW,
    }
}

/// Covers: RFC 1122 1122U-4; RFC 4443 4443-4
#[test]
fn icmp_errors_reach_the_socket_that_sent_and_say_about_what() {
    let (mut host, _) = host();
    let (bound, connected) = (host.udp_bind(at(OURS, 7)).unwrap(), host.udp_bind(at(OURS, 8)).unwrap());
    host.udp_connect(connected, SocketAddr::new(ip(THEIRS), 80)).unwrap();
    let tell = |host: &mut Host, error: &IcmpError| host.udp.handle_icmp(&mut host.ip, NOW, error);
    let refused = ErrorKind::PortUnreachable;
    assert!(tell(&mut host, &error(refused, (OURS, 8), (THEIRS, 80), THEIRS)));
    let fault = host.udp_take_fault(connected).unwrap();
    assert_eq!((fault.kind, fault.to, fault.from), (refused, SocketAddr::new(ip(THEIRS), 80), ip(THEIRS)));
    // Nothing was sent from there lately: the user hears of it, the host believes nothing.
    assert!(!tell(&mut host, &error(ErrorKind::TooBig { mtu: 600 }, (OURS, 7), (THEIRS, 80), "10.0.0.9")));
    assert_eq!(host.udp_take_fault(bound).unwrap().kind, ErrorKind::TooBig { mtu: 600 });
    host.udp.recent.note(7, (ip(THEIRS), 80));
    assert!(tell(&mut host, &error(ErrorKind::Unknown(100), (OURS, 7), (THEIRS, 80), "10.0.0.9")));
    assert_eq!(host.udp_take_fault(bound).unwrap().kind, ErrorKind::Unknown(100));
    // Not ours, or another's.
    assert!(!tell(&mut host, &error(refused, (OURS, 9), (THEIRS, 80), THEIRS)));
    assert!(!tell(&mut host, &error(refused, (OURS, 8), (THEIRS, 81), THEIRS)));
    assert_eq!((host.udp_take_fault(bound), host.udp_take_fault(connected)), (None, None));
    let events: Vec<_> = core::iter::from_fn(|| host.poll_event()).collect();
    assert_eq!(events, [HostEvent::UdpFailed(connected), HostEvent::UdpFailed(bound)]);
    // However many come, few are kept: the newest.
    for port in 1..=40 {
        tell(&mut host, &error(refused, (OURS, 7), (THEIRS, port), THEIRS));
    }
    let kept: Vec<_> =
        core::iter::from_fn(|| host.udp_take_fault(bound)).map(|fault| fault.to.port()).collect();
    assert_eq!(kept, (25..=40).collect::<Vec<_>>());
    assert_eq!(host.udp_counters(bound).unwrap().faults_lost, 24);
}

/// Covers: RFC 1122 1122U-2
#[test]
fn ip_options_are_handed_up_unchanged() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let options = ipv4::Options::new(&[68, 8, 5, 0, 0, 0, 0, 0]).unwrap();
    let header = ipv4::Repr {
        options,
        ..ipv4::Repr::new(Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 1), Protocol::UDP)
    };
    let mut with_options = packet(interface, THEIRS, OURS, 7, b"x");
    let mut quote = std::vec![0; header.header_len()];
    header.emit(&mut quote, 9).unwrap();
    with_options.quote = quote.into();
    give(&mut host, with_options);
    give(&mut host, packet(interface, THEIRS, OURS, 7, b"x"));
    assert_eq!(host.udp_receive(id).unwrap().ip_options.as_deref(), Some(&options));
    assert_eq!(host.udp_receive(id).unwrap().ip_options, None);
}

/// Covers: RFC 1122 1122U-14
#[test]
fn only_addresses_of_ours_can_be_bound() {
    let (mut host, _) = host();
    assert_eq!(host.udp_bind(at(THEIRS, 7)), Err(UdpError::NotOurs));
    assert_eq!(host.udp_bind(at("8.8.8.8", 0)), Err(UdpError::NotOurs));
    for address in [OURS, OURS6, "127.0.0.1", "::1", "0.0.0.0", GROUP, "10.0.0.255"] {
        assert!(host.udp_bind(at(address, 0)).is_ok(), "{address}");
    }
}

/// Covers: RFC 768 768-2; RFC 6056 6056-4, 6056-5, 6056-8; RFC 1122 1122U-12
#[test]
fn connected_sockets_share_dynamic_ports_until_one_destination_has_them_all() {
    let (mut host, _) = host();
    host.udp_set_port_range(50_000..=50_009).unwrap();
    let taken = host.udp_bind(every(50_004)).unwrap();
    let connect = |host: &mut Host, to: &str| {
        let id = host.udp_open().unwrap();
        host.udp_connect(id, SocketAddr::new(ip(to), 80)).map(|()| host.udp_local(id).unwrap())
    };
    let mut ports = Vec::new();
    for _ in 0..9 {
        let local = connect(&mut host, THEIRS).unwrap();
        assert_eq!(local.ip(), host.udp_path(ip(THEIRS), None).unwrap().source);
        ports.push(local.port());
    }
    ports.sort_unstable();
    assert_eq!(ports, (50_000..=50_009).filter(|port| *port != 50_004).collect::<Vec<_>>());
    assert_eq!(connect(&mut host, THEIRS), Err(UdpError::NoPort));
    assert!(connect(&mut host, "10.0.0.3").is_ok());
    assert!(connect(&mut host, THEIRS6).is_ok());
    assert_eq!(host.udp_bind(every(0)), Err(UdpError::NoPort));
    host.udp_close(NOW, taken);
    assert!(connect(&mut host, THEIRS).is_ok());
    assert_eq!(UdpError::from(PortError::InUse), UdpError::InUse);
}

#[test]
fn a_closed_socket_leaves_nothing_behind_and_its_name_is_never_another_s() {
    let (mut host, interface) = host();
    let before: Budget = host.budget().clone();
    let id = host.udp_bind(at(OURS, 7)).unwrap();
    host.udp_join(NOW, id, ip(GROUP), Some(interface)).unwrap();
    for _ in 0..10 {
        give(&mut host, packet(interface, THEIRS, OURS, 7, &[5; 500]));
    }
    assert!(host.budget().held_for(Account::Udp) > 5_000);
    assert_eq!(host.udp_bind(at(OURS, 7)), Err(UdpError::InUse));
    assert!(host.udp_close(NOW, id));
    assert!(!host.udp_close(NOW, id));
    assert_eq!((host.budget().held(), before.held()), (0, 0));
    assert_eq!(host.poll_event(), None);
    let again = host.udp_bind(at(OURS, 7)).unwrap();
    assert_ne!(again, id);
    assert!(host.udp_receive(id).is_none() && host.udp_local(id).is_none());
    assert_eq!(host.udp_connect(id, SocketAddr::new(ip(THEIRS), 9)), Err(UdpError::NoSocket));
    give(&mut host, packet(interface, THEIRS, OURS, 7, b"new"));
    assert_eq!(received(&mut host, again), [b"new"]);
}

#[test]
fn a_flood_to_one_socket_is_bounded_and_counted() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    *host.udp_options_mut(id).unwrap() = UdpOptions { receive_limit: 20_000, ..UdpOptions::default() };
    for _ in 0..1_000 {
        give(&mut host, packet(interface, THEIRS, OURS, 7, &[5; 500]));
    }
    let counters = host.udp_counters(id).unwrap();
    assert!(host.budget().held_for(Account::Udp) < 22_000);
    assert_eq!(counters.received + counters.queue_full, 1_000);
    assert_eq!(dropped(&host), [(Drop::UdpQueueFull, counters.queue_full)]);
    assert_eq!(host.counters().udp_in_datagrams, counters.received);
}

#[test]
fn a_train_is_delivered_whole_and_read_one_by_one() {
    let (mut host, interface) = host();
    let id = host.udp_bind(every(7)).unwrap();
    let mut train = packet(interface, THEIRS, OURS, 7, &[5; 2_500]);
    train.checksum = Checksum::Verified;
    train.segment_size = NonZeroU16::new(1_000);
    give(&mut host, train);
    assert_eq!(host.counters().udp_in_datagrams, 3);
    let lengths: Vec<_> = received(&mut host, id).iter().map(Vec::len).collect();
    assert_eq!(lengths, [1_000, 1_000, 500]);
}

proptest! {
    #[test]
    fn any_octets_are_delivered_or_counted_and_all_memory_comes_back(
        octets in proptest::collection::vec(any::<u8>(), 0..80),
        (v6, protocol, cast, checksum, size) in (any::<bool>(), 0..4, 0usize..3, 0usize..2, 0u16..20),
    ) {
        let (mut host, interface) = host();
        let id = host.udp_bind(UdpBind { reuse: true, ..every(7) }).unwrap();
        let ping = host.echo_open().unwrap();
        host.udp_options_mut(id).unwrap().zero_checksum_v6 = true;
        let (src, dst) = if v6 { (THEIRS6, OURS6) } else { (THEIRS, OURS) };
        let mut packet = packet(interface, src, dst, 7, b"");
        packet.payload = octets.clone().into();
        packet.cast = [Cast::Unicast, Cast::Broadcast, Cast::Multicast][cast];
        packet.checksum = [Checksum::InPacket, Checksum::Verified][checksum];
        packet.segment_size = NonZeroU16::new(size);
        let before = host.budget().held();
        match protocol {
            0 => host.udp.handle_packet(&mut host.ip, NOW, packet),
            1 => host.echo.handle_packet(&mut host.ip, NOW, packet),
            2 => host.multicast.handle_packet(&mut host.ip, NOW, packet),
            _ => {
                let mut about = error(ErrorKind::PortUnreachable, (OURS, 7), (THEIRS, 9), THEIRS);
                about.quoted = octets.clone().into();
                host.udp.handle_icmp(&mut host.ip, NOW, &about);
                host.echo.handle_icmp(&mut host.ip, NOW, &about);
            }
        }
        let counted: u64 = dropped(&host).iter().map(|(_, count)| count).sum();
        let delivered = host.udp_receive_train(id);
        if protocol == 0 {
            prop_assert_eq!(counted + u64::from(delivered.is_some()), 1);
        }
        if let Some(datagram) = delivered {
            prop_assert!(datagram.data.len() + 8 <= octets.len());
        }
        while host.echo_receive(ping).is_some() {}
        prop_assert_eq!(host.budget().held(), before);
    }
}
