//! Path MTU discovery, of both versions (RFC 1191, RFC 8201).

use super::*;
use crate::{UdpSend, path_mtu};
use wire::icmpv4::{self, Unreachable};

/// A connected socket, and a packet that it sent.
fn socket(bench: &mut Bench, to: &str) -> (UdpId, Vec<u8>) {
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_connect(id, to.parse().unwrap()).unwrap();
    bench.host.udp_send(bench.now, id, UdpSend::new(alloc::vec![1u8; 1000])).unwrap();
    (id, bench.sent().remove(0))
}

fn mtu(bench: &Bench, dst: IpAddr) -> u16 {
    bench.host.route(dst, None).unwrap().path_mtu
}

fn too_big4(quoted: &[u8], mtu: u16) -> Vec<u8> {
    let code = Unreachable::FragmentationNeeded { mtu };
    v4_from(ROUTER, US, Protocol::ICMP, &icmpv4::Repr::DestinationUnreachable { code, quoted }.emit())
}

fn too_big6(quoted: &[u8], mtu: u32) -> Vec<u8> {
    v6_from(FAR6, US6, Protocol::ICMPV6, &icmpv6::Repr::PacketTooBig { mtu, quoted }.emit(FAR6, US6))
}

/// Covers: RFC 1191 1191-1, 1191-4, 1191-5, 1191-6, 1191-9
#[test]
fn a_router_lowers_a_path_and_ten_minutes_later_the_link_is_tried_again() {
    let mut bench = Bench::ip();
    let (_, ours) = socket(&mut bench, "192.0.2.9:9");
    bench.give(&too_big4(&ours, 1400));
    assert_eq!((mtu(&bench, PEER.into()), mtu(&bench, ROUTER.into())), (1400, 1500));
    bench.give(&too_big4(&ours, 9000));
    assert_eq!(mtu(&bench, PEER.into()), 1400);
    bench.give(&too_big4(&ours, 20));
    assert_eq!(mtu(&bench, PEER.into()), path_mtu::FLOOR_V4);
    bench.wait(Duration::from_secs(599));
    assert_eq!(mtu(&bench, PEER.into()), path_mtu::FLOOR_V4);
    bench.wait(Duration::from_secs(2));
    assert_eq!(mtu(&bench, PEER.into()), 1500);
    assert_eq!(bench.host.counters().ip_path_mtu_updates, 2);
}

/// Covers: RFC 1191 1191-3
#[test]
fn a_router_that_does_not_say_how_much_lowers_the_path_by_a_plateau() {
    let mut bench = Bench::ip();
    let (_, ours) = socket(&mut bench, "192.0.2.9:9");
    bench.give(&too_big4(&ours, 0));
    assert_eq!(mtu(&bench, PEER.into()), 1006); // The packet had 1028 octets.
}

/// Covers: RFC 8201 8201-2, 8201-3, 8201-4, 8201-5, 8201-6, 8201-7; RFC 4443 4443-13
#[test]
fn over_ipv6_only_what_a_link_can_have_and_only_about_what_we_sent_is_believed() {
    let mut bench = Bench::ip();
    let (id, ours) = socket(&mut bench, "[2001:db8::9]:9");
    let other: IpAddr = "2001:db8::10".parse().unwrap();
    for not_one in [0, 68, 1000, 1279, 1500, 9000, u32::MAX] {
        bench.give(&too_big6(&ours, not_one));
        assert_eq!(mtu(&bench, PEER6.into()), 1500, "{not_one}");
    }
    let theirs = v6_from(US6, PEER6, Protocol::UDP, &udp_of(US6, PEER6, 9, &[0; 1400]));
    bench.refuses(&too_big6(&theirs, 1300), Drop::IcmpNoSocket);
    assert_eq!(mtu(&bench, PEER6.into()), 1500);
    bench.give(&too_big6(&ours, 1300));
    assert_eq!((mtu(&bench, PEER6.into()), mtu(&bench, other)), (1300, 1500));
    while bench.host.udp_take_fault(id).is_some() {}
    bench.wait(Duration::from_secs(300));
    assert_eq!(mtu(&bench, PEER6.into()), 1300);
    bench.wait(Duration::from_secs(301));
    assert_eq!(mtu(&bench, PEER6.into()), 1500);
}

/// Covers: RFC 8201 8201-8
#[test]
fn how_long_a_path_is_believed_can_be_set_to_for_ever() {
    let config = HostConfig { path_mtu_timeout: None, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("ip", Medium::Ip));
    let (_, ours) = socket(&mut bench, "192.0.2.9:9");
    bench.give(&too_big4(&ours, 1400));
    bench.wait(Duration::from_secs(1_000_000));
    assert_eq!(mtu(&bench, PEER.into()), 1400);
    let short = HostConfig { path_mtu_timeout: Some(Duration::from_secs(299)), ..HostConfig::default() };
    assert_eq!(short.check(), Err(crate::HostConfigError::PathMtuTimeout));
    let off = HostConfig { path_mtu_discovery: false, ..HostConfig::default() };
    let mut bench = Bench::with(off, InterfaceConfig::new("ip", Medium::Ip));
    let (_, ours) = socket(&mut bench, "192.0.2.9:9");
    bench.give(&too_big4(&ours, 600));
    assert_eq!(mtu(&bench, PEER.into()), 1500);
}
