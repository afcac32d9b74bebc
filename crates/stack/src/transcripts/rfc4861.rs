//! Neighbour discovery.

use super::*;
use crate::neighbour::State;
use crate::{RouteEntry, UdpSend};
use wire::ndp::{Repr, RouterAdvert};

const LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
pub(super) const ROUTER6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe);

pub(super) fn solicit(target: Ipv6Addr) -> Repr {
    Repr::NeighborSolicit { target, source_link: Some(PEER_MAC) }
}

fn advert(solicited: bool, overrides: bool, target_link: Option<MacAddr>) -> Repr {
    Repr::NeighborAdvert { router: false, solicited, overrides, target: PEER6, target_link }
}

pub(super) fn group_mac(target: Ipv6Addr) -> MacAddr {
    MacAddr::multicast_v6(ndp::solicited_node(target))
}

/// What goes out about neighbours: whom it goes to, and what it says.
pub(super) fn read(frame: &[u8]) -> Option<(Ipv6Addr, Ipv6Addr, Repr)> {
    let view = ethernet::View::new(frame).unwrap();
    let packet = ipv6::View::new(view.payload()).ok()?;
    if packet.next_header() != Protocol::ICMPV6 {
        return None;
    }
    let repr = ndp::View::new(packet.payload()).ok()?.repr().unwrap();
    assert!(repr.check(packet.hop_limit(), packet.src(), packet.dst()).is_ok(), "{repr:?}");
    Some((packet.src(), packet.dst(), repr))
}

fn send(bench: &mut Bench, to: Ipv6Addr) {
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_send(bench.now, id, UdpSend::to(&b"x"[..], (to, 9).into())).unwrap();
}

fn state(bench: &Bench) -> Option<(State, MacAddr, bool)> {
    bench.host.ip.interface(bench.id).unwrap().neighbours.get(PEER6.into())
}

/// Covers: RFC 4861 4861-1
#[test]
fn a_solicitation_that_breaks_a_rule_is_dropped() {
    let mut bench = Bench::ethernet();
    let group = ndp::solicited_node(US6);
    let mac = group_mac(US6);
    let good = |hop_limit, src, dst| ndp_frame(mac, src, dst, hop_limit, &solicit(US6));
    bench.refuses(&good(254, PEER6, group), Drop::NdpInvalid);
    bench.refuses(&good(255, Ipv6Addr::UNSPECIFIED, group), Drop::NdpInvalid); // with a link address
    let bare = Repr::NeighborSolicit { target: US6, source_link: None };
    bench.refuses(&ndp_frame(mac, Ipv6Addr::UNSPECIFIED, ndp::ALL_NODES, 255, &bare), Drop::NdpInvalid);
    // Octet by octet: the code, the checksum, a group as target, an option of no length, too short.
    let message = solicit(US6).emit(PEER6, group);
    let remade = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = message.clone();
        change(&mut message);
        message[2..4].fill(0);
        let sum = wire::checksum::pseudo_header_v6(PEER6, group, Protocol::ICMPV6, message.len() as u32);
        let sum = sum.with(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let header = ipv6::Repr { hop_limit: 255, ..ipv6::Repr::new(PEER6, group, Protocol::ICMPV6) };
        framed(mac, EtherType::IPV6, &v6(header, &message))
    };
    bench.refuses(&remade(&|m| m[1] = 1), Drop::NdpInvalid);
    bench.refuses(&remade(&|m| m[8] = 0xff), Drop::NdpInvalid);
    bench.refuses(&remade(&|m| m[25] = 0), Drop::NdpInvalid);
    bench.refuses(&remade(&|m| m.truncate(20)), Drop::NdpInvalid);
    let mut wrong = remade(&|_| {});
    wrong[56] ^= 1;
    bench.refuses(&wrong, Drop::IcmpChecksum);
    assert_eq!(state(&bench), None);
    assert_eq!(bench.answer(&remade(&|_| {})).len(), 1);
}

/// Covers: RFC 6980 6980-2
#[test]
fn discovery_in_fragments_is_dropped() {
    let mut bench = Bench::ethernet();
    let message = solicit(US6).emit(PEER6, US6);
    let mut head = Head::new();
    let atomic =
        ipv6::FragmentHeader { next_header: Protocol::ICMPV6, offset: 0, more: false, identification: 1 };
    atomic.prepend_to(&mut head).unwrap();
    let header = ipv6::Repr { hop_limit: 255, ..ipv6::Repr::new(PEER6, US6, Protocol::FRAGMENT) };
    let packet = v6(header, &[head.as_slice(), &message].concat());
    bench.refuses(&framed(MAC, EtherType::IPV6, &packet), Drop::NdpInvalid);
}

/// Covers: RFC 4861 4861-2, 4861-12, 4861-20
#[test]
fn an_advertisement_that_breaks_a_rule_or_that_nobody_asked_for_changes_nothing() {
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER6);
    bench.sent();
    let before = state(&bench);
    let yes = advert(true, true, Some(PEER_MAC));
    bench.refuses(&ndp_frame(MAC, PEER6, US6, 254, &yes), Drop::NdpInvalid);
    let all = MacAddr::multicast_v6(ndp::ALL_NODES);
    bench.refuses(&ndp_frame(all, PEER6, ndp::ALL_NODES, 255, &yes), Drop::NdpInvalid);
    assert_eq!(state(&bench), before);
    // Unsolicited: an address is learned from it, and no reachability.
    bench.give(&ndp_frame(all, PEER6, ndp::ALL_NODES, 255, &advert(false, true, Some(PEER_MAC))));
    assert_eq!(state(&bench), Some((State::Delay, PEER_MAC, false)).map(|_| (State::Stale, PEER_MAC, false)));
    // An option that nobody knows, before the one that counts.
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER6);
    bench.sent();
    let mut message = yes.emit(PEER6, US6);
    message.splice(24..24, [200, 1, 0, 0, 0, 0, 0, 0]);
    message[2..4].fill(0);
    let sum = wire::checksum::pseudo_header_v6(PEER6, US6, Protocol::ICMPV6, message.len() as u32);
    let sum = sum.with(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let header = ipv6::Repr { hop_limit: 255, ..ipv6::Repr::new(PEER6, US6, Protocol::ICMPV6) };
    bench.give(&framed(MAC, EtherType::IPV6, &v6(header, &message)));
    assert_eq!(bench.sent().len(), 1);
    assert!(matches!(state(&bench), Some((State::Reachable { .. }, PEER_MAC, false))));
}

/// Covers: RFC 4861 4861-4
#[test]
fn all_nodes_and_solicited_node_groups_are_ours() {
    let mut bench = Bench::ethernet();
    assert_eq!(
        bench.answer(&ndp_frame(group_mac(US6), PEER6, ndp::solicited_node(US6), 255, &solicit(US6))).len(),
        1
    );
    let all = MacAddr::multicast_v6(ndp::ALL_NODES);
    let ping = framed(all, EtherType::IPV6, &ping6(PEER6, ndp::ALL_NODES, b""));
    assert_eq!(bench.answer(&ping).len(), 1);
    let other: Ipv6Addr = "2001:db8::5".parse().unwrap();
    bench.refuses(
        &ndp_frame(group_mac(other), PEER6, ndp::solicited_node(other), 255, &solicit(other)),
        Drop::NotJoined,
    );
}

/// Covers: RFC 4861 4861-5
#[test]
fn the_newest_packets_wait_for_a_neighbour_and_the_oldest_make_room() {
    let mut bench = Bench::ethernet();
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_connect(id, (PEER6, 9).into()).unwrap();
    for n in 0..=99u8 {
        bench.host.udp_send(bench.now, id, UdpSend::new(Vec::from([n]))).unwrap();
    }
    assert_eq!(bench.sent().len(), 1, "one question, however much waits");
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    let sent = bench.sent();
    let last: Vec<u8> = sent.iter().filter_map(|frame| frame.last().copied()).collect();
    assert_eq!(last, (84..=99).collect::<Vec<u8>>());
    assert_eq!(bench.dropped(Drop::NeighbourQueueFull), 84);
}

/// Covers: RFC 4861 4861-6, 4861-7
#[test]
fn a_neighbour_is_asked_for_three_times_and_then_its_senders_are_told() {
    let mut bench = Bench::ethernet();
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_connect(id, (PEER6, 9).into()).unwrap();
    bench.host.udp_send(bench.now, id, UdpSend::new(&b"x"[..])).unwrap();
    let first = bench.sent();
    let (src, dst, question) = read(&first[0]).unwrap();
    assert_eq!((src, dst), (US6, ndp::solicited_node(PEER6)));
    assert_eq!(question, Repr::NeighborSolicit { target: PEER6, source_link: Some(MAC) });
    assert_eq!(ethernet::View::new(&first[0]).unwrap().dst(), group_mac(PEER6));
    let again = bench.wait(Duration::from_millis(2900));
    assert_eq!(again.iter().map(|(at, _)| at.as_millis()).collect::<Vec<_>>(), [1000, 2000]);
    assert!(bench.host.udp_take_fault(id).is_none());
    assert!(bench.wait(Duration::from_millis(200)).is_empty());
    assert_eq!(bench.host.udp_take_fault(id).unwrap().kind, crate::ErrorKind::HostUnreachable);
    // Answered in time, the packet goes out.
    bench.host.udp_send(bench.now, id, UdpSend::new(&b"late"[..])).unwrap();
    bench.sent();
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    let sent = bench.sent();
    assert!(sent.len() == 1 && sent[0].ends_with(b"late"));
}

/// Covers: RFC 4861 4861-8
#[test]
fn a_question_makes_its_asker_known_but_nothing_is_confirmed_by_it() {
    let mut bench = Bench::ethernet();
    bench.give(&ndp_frame(group_mac(US6), PEER6, ndp::solicited_node(US6), 255, &solicit(US6)));
    assert_eq!(state(&bench), Some((State::Stale, PEER_MAC, false)));
    bench.host.ip.interface_mut(bench.id).unwrap().neighbours.set_router(PEER6.into(), true);
    let moved = MacAddr::new([2, 0, 0, 0, 0, 7]);
    let question = Repr::NeighborSolicit { target: US6, source_link: Some(moved) };
    bench.give(&ndp_frame(group_mac(US6), PEER6, ndp::solicited_node(US6), 255, &question));
    assert_eq!(state(&bench), Some((State::Stale, moved, true)));
    let probe = Repr::NeighborSolicit { target: US6, source_link: None };
    let before = bench.host.ip.interface(bench.id).unwrap().neighbours.len();
    bench.give(&ndp_frame(group_mac(US6), Ipv6Addr::UNSPECIFIED, ndp::solicited_node(US6), 255, &probe));
    assert_eq!(bench.host.ip.interface(bench.id).unwrap().neighbours.len(), before);
}

/// Covers: RFC 4861 4861-9
#[test]
fn an_advertisement_of_ours_says_what_it_is() {
    let mut bench = Bench::ethernet();
    let ours = |solicited| Repr::NeighborAdvert {
        router: false,
        solicited,
        overrides: true,
        target: US6,
        target_link: Some(MAC),
    };
    let sent = bench.answer(&ndp_frame(group_mac(US6), PEER6, ndp::solicited_node(US6), 255, &solicit(US6)));
    assert_eq!(read(&sent[0]), Some((US6, PEER6, ours(true))));
    assert_eq!(ethernet::View::new(&sent[0]).unwrap().dst(), PEER_MAC);
    let probe = Repr::NeighborSolicit { target: US6, source_link: None };
    let nobody = Ipv6Addr::UNSPECIFIED;
    let sent = bench.answer(&ndp_frame(group_mac(US6), nobody, ndp::solicited_node(US6), 255, &probe));
    assert_eq!(read(&sent[0]), Some((US6, ndp::ALL_NODES, ours(false))));
}

/// Covers: RFC 4861 4861-10
#[test]
fn what_an_advertisement_changes_depends_on_its_flags() {
    let other = MacAddr::new([2, 0, 0, 0, 0, 7]);
    let reachable = |bench: &Bench| matches!(state(bench), Some((State::Reachable { .. }, ..)));
    let begin = |known: bool| {
        let mut bench = Bench::ethernet();
        send(&mut bench, PEER6);
        if known {
            bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
        }
        bench.sent();
        bench
    };
    let mac = |bench: &Bench| state(bench).unwrap().1;
    // RFC 4861, appendix C, row by row.
    for (solicited, overrides) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut bench = begin(false); // INCOMPLETE
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, None)));
        assert!(matches!(state(&bench), Some((State::Incomplete { .. }, ..))), "no link address, no news");
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, Some(PEER_MAC))));
        assert_eq!((reachable(&bench), mac(&bench)), (solicited, PEER_MAC));
        let mut bench = begin(true); // REACHABLE, another address
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, Some(other))));
        let expected = match (solicited, overrides) {
            (_, false) => (false, PEER_MAC), // II (a): doubted, not replaced
            (true, true) => (true, other),
            (false, true) => (false, other),
        };
        assert_eq!((reachable(&bench), mac(&bench)), expected, "{solicited} {overrides}");
        let mut bench = begin(true); // REACHABLE, the same address
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, Some(PEER_MAC))));
        assert_eq!((reachable(&bench), mac(&bench)), (true, PEER_MAC));
        let mut bench = begin(true); // STALE, the same address or none
        bench.wait(Duration::from_secs(60));
        send(&mut bench, PEER6);
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, None)));
        assert_eq!((reachable(&bench), mac(&bench)), (solicited, PEER_MAC));
        let mut bench = begin(true); // STALE, another address
        bench.wait(Duration::from_secs(60));
        send(&mut bench, PEER6);
        bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(solicited, overrides, Some(other))));
        let expected = if overrides { (solicited, other) } else { (false, PEER_MAC) };
        assert_eq!((reachable(&bench), mac(&bench)), expected);
    }
    // Nobody is remembered because of an advertisement alone.
    let mut bench = Bench::ethernet();
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    assert_eq!(state(&bench), None);
}

/// Covers: RFC 4861 4861-11, 4861-13
#[test]
fn a_neighbour_goes_through_five_states_unless_the_upper_layer_vouches_for_it() {
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER6);
    bench.sent();
    assert!(matches!(state(&bench), Some((State::Incomplete { asked: 1 }, ..))));
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    bench.sent();
    let Some((State::Reachable { until }, ..)) = state(&bench) else { panic!() };
    let lasts = until.since(bench.now);
    assert!((15..=45).contains(&lasts.as_secs()), "{lasts:?}");
    bench.wait(lasts - Duration::from_millis(1));
    send(&mut bench, PEER6);
    assert!(matches!(state(&bench), Some((State::Reachable { .. }, ..))));
    bench.sent();
    assert!(bench.wait(Duration::from_secs(60)).is_empty(), "nobody is asked while nothing is sent");
    send(&mut bench, PEER6);
    assert!(matches!(state(&bench), Some((State::Delay, ..))));
    assert_eq!(bench.sent().len(), 1, "sent at once, though not known to arrive");
    // Vouched for within five seconds: no question.
    bench.wait(Duration::from_secs(4));
    bench.host.ip.confirm(bench.now, PEER6.into());
    assert!(bench.wait(Duration::from_secs(60)).is_empty());
    // Not vouched for: three questions, a second apart, to the station alone.
    send(&mut bench, PEER6);
    bench.sent();
    let asked = bench.wait(Duration::from_secs(10));
    assert_eq!(asked.iter().map(|(at, _)| at.as_millis()).collect::<Vec<_>>(), [5000, 6000, 7000]);
    for (_, frame) in &asked {
        assert_eq!(ethernet::View::new(frame).unwrap().dst(), PEER_MAC);
        assert_eq!(read(frame).unwrap().1, PEER6);
    }
    assert_eq!(state(&bench), None);
}

/// Covers: RFC 9293 MUST-20
#[test]
fn doubts_of_the_upper_layer_make_us_ask_at_once() {
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER6);
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    bench.sent();
    bench.host.ip.doubt(bench.now, PEER6.into());
    let asked = bench.wait(Duration::from_millis(1500));
    assert_eq!(asked.iter().map(|(at, _)| at.as_millis()).collect::<Vec<_>>(), [0, 1000]);
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &advert(true, true, Some(PEER_MAC))));
    assert!(matches!(state(&bench), Some((State::Reachable { .. }, ..))));
}

pub(super) fn router_advert(change: impl FnOnce(&mut RouterAdvert)) -> Repr {
    let mut advert = RouterAdvert {
        router_lifetime: 1800,
        source_link: Some(MacAddr::new([2, 0, 0, 0, 0, 0xfe])),
        ..RouterAdvert::default()
    };
    change(&mut advert);
    Repr::RouterAdvert(advert)
}

pub(super) fn listening() -> Bench {
    let mut interface = InterfaceConfig::new("eth", Medium::Ethernet(MAC));
    interface.duplicate_detection = false;
    Bench::with(HostConfig { router_advertisements: true, ..HostConfig::default() }, interface)
}

pub(super) fn advertise(bench: &mut Bench, router: Ipv6Addr, hop_limit: u8, message: &Repr) {
    let all = MacAddr::multicast_v6(ndp::ALL_NODES);
    bench.give(&ndp_frame(all, router, ndp::ALL_NODES, hop_limit, message));
}

/// Covers: RFC 4861 4861-3, 4861-14, 4861-15, 4861-16
#[test]
fn routers_are_heard_when_the_host_is_told_to_listen() {
    let mut bench = listening();
    let far = |bench: &Bench| bench.host.route(FAR6.into(), None).map(|route| route.next_hop);
    advertise(&mut bench, ROUTER6, 254, &router_advert(|_| {}));
    advertise(&mut bench, PEER6, 255, &router_advert(|_| {})); // not link-local
    assert_eq!((far(&bench).is_err(), bench.dropped(Drop::NdpInvalid)), (true, 2));
    advertise(&mut bench, ROUTER6, 255, &router_advert(|a| (a.mtu, a.hop_limit) = (Some(1400), 99)));
    assert_eq!(far(&bench), Ok(ROUTER6.into()));
    assert_eq!(bench.host.route(FAR6.into(), None).unwrap().link_mtu, 1400);
    assert_eq!(bench.host.ip.config.hop_limit, 99);
    // What a later one leaves open stays; what no link can have is not taken.
    for mtu in [None, Some(1200), Some(9000)] {
        advertise(&mut bench, ROUTER6, 255, &router_advert(|a| a.mtu = mtu));
    }
    assert_eq!(bench.host.route(FAR6.into(), None).unwrap().link_mtu, 1400);
    // Nor does it go when the interface changes: the lower of the two counts.
    for (own, counts) in [(9000, 1400), (1300, 1300), (1500, 1400)] {
        bench.host.set_mtu(bench.id, own).unwrap();
        assert_eq!(bench.host.route(FAR6.into(), None).unwrap().link_mtu, counts);
    }
    // Nobody is cut off from what is beyond the link.
    advertise(&mut bench, ROUTER6, 255, &router_advert(|a| a.hop_limit = 1));
    assert_eq!(bench.host.ip.config.hop_limit, 99);
    // Two more; one says that it ends, one is not heard of again.
    let second = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
    advertise(&mut bench, second, 255, &router_advert(|a| a.router_lifetime = 60));
    advertise(&mut bench, ROUTER6, 255, &router_advert(|a| a.router_lifetime = 0));
    assert_eq!(far(&bench), Ok(second.into()));
    bench.wait(Duration::from_secs(61));
    assert!(far(&bench).is_err());
    // Otherwise the plan that was given stands.
    let mut bench = Bench::ethernet();
    advertise(&mut bench, ROUTER6, 255, &router_advert(|_| {}));
    assert!(far(&bench).is_err());
}

/// Covers: RFC 4861 4861-18
#[test]
fn routers_are_asked_for_three_times_or_until_one_is_heard() {
    let asked = |sent: &[(Duration, Vec<u8>)]| -> Vec<(Duration, Ipv6Addr, bool)> {
        let message = |(at, frame): &(Duration, Vec<u8>)| match read(frame)? {
            (src, dst, Repr::RouterSolicit { source_link }) => {
                assert_eq!((dst, source_link), (ndp::ALL_ROUTERS, source_link.and(Some(MAC))));
                Some((*at, src, source_link.is_some()))
            }
            _ => None,
        };
        sent.iter().filter_map(message).collect()
    };
    let begin = || {
        let config = HostConfig { router_advertisements: true, ..HostConfig::default() };
        Bench::with(config, InterfaceConfig::new("eth", Medium::Ethernet(MAC)))
    };
    let times = asked(&begin().wait(Duration::from_secs(60)));
    let [first, second, third] = times[..] else { panic!("{times:?}") };
    assert!(first.0 < Duration::from_secs(1));
    assert_eq!([second.0 - first.0, third.0 - second.0], [Duration::from_secs(4); 2]);
    // From our link-local address, which says where to answer; before there is one, from nobody.
    assert!(times.iter().all(|(_, src, link)| src.is_unicast_link_local() == *link), "{times:?}");
    assert!(times[2].2, "{times:?}");
    let mut bench = begin();
    let before = asked(&bench.wait(Duration::from_secs(2))).len();
    advertise(&mut bench, ROUTER6, 255, &router_advert(|_| {}));
    assert_eq!((before, asked(&bench.wait(Duration::from_secs(60))).len()), (1, 0));
    let mut deaf = Bench::with(HostConfig::default(), InterfaceConfig::new("eth", Medium::Ethernet(MAC)));
    assert!(asked(&deaf.wait(Duration::from_secs(60))).is_empty(), "they would not be heard");
}

/// Covers: RFC 4861 4861-17; RFC 791 791-29
#[test]
fn when_a_router_dies_its_flows_go_by_another() {
    let mut bench = listening();
    let (first, second) = (ROUTER6, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd));
    advertise(&mut bench, first, 255, &router_advert(|_| {}));
    advertise(&mut bench, second, 255, &router_advert(|a| a.source_link = Some(PEER_MAC)));
    bench.sent();
    assert_eq!(bench.host.route(FAR6.into(), None).unwrap().next_hop, IpAddr::from(first));
    send(&mut bench, FAR6);
    bench.wait(Duration::from_secs(9));
    assert_eq!(bench.host.route(FAR6.into(), None).unwrap().next_hop, IpAddr::from(second));
    send(&mut bench, FAR6);
    let sent = bench.sent();
    assert_eq!(ethernet::View::new(&sent[0]).unwrap().dst(), PEER_MAC);
}

/// Covers: RFC 4861 4861-19
#[test]
fn a_redirect_counts_from_the_router_in_use_only() {
    let mut bench = Bench::ethernet();
    let route = RouteEntry {
        destination: crate::Cidr::ALL_V6,
        gateway: Some(ROUTER6.into()),
        interface: bench.id,
        metric: 0,
    };
    bench.host.add_route(route).unwrap();
    let better = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
    let redirect = |target| Repr::Redirect { target, destination: FAR6, target_link: None };
    let hop = |bench: &Bench| bench.host.route(FAR6.into(), None).unwrap().next_hop;
    bench.refuses(&ndp_frame(MAC, ROUTER6, US6, 254, &redirect(better)), Drop::NdpInvalid);
    bench.refuses(&ndp_frame(MAC, LOCAL, US6, 255, &redirect(better)), Drop::IcmpRedirect);
    bench.refuses(&ndp_frame(MAC, PEER6, US6, 255, &redirect(better)), Drop::NdpInvalid);
    assert_eq!(hop(&bench), IpAddr::from(ROUTER6));
    bench.give(&ndp_frame(MAC, ROUTER6, US6, 255, &redirect(better)));
    assert_eq!(hop(&bench), IpAddr::from(better));
    // The destination is a neighbour after all.
    bench.give(&ndp_frame(MAC, better, US6, 255, &redirect(FAR6)));
    assert_eq!(hop(&bench), IpAddr::from(FAR6));
}

/// Covers: RFC 4861 4861-21, 4861-22, 4861-23
#[test]
fn a_host_is_no_router() {
    let mut bench = Bench::ethernet();
    let all = MacAddr::multicast_v6(ndp::ALL_NODES);
    let question = Repr::RouterSolicit { source_link: Some(PEER_MAC) };
    assert!(bench.answer(&ndp_frame(all, LOCAL, ndp::ALL_NODES, 255, &question)).is_empty());
    assert!(bench.answer(&framed(MAC, EtherType::IPV6, &ping6(PEER6, FAR6, b""))).is_empty());
    assert_eq!(bench.dropped(Drop::NotForUs), 1);
}

/// Covers: RFC 6980 6980-1
#[test]
fn discovery_of_ours_is_never_in_fragments() {
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER6);
    let sent = bench.sent();
    let packet = ethernet::View::new(&sent[0]).unwrap().payload().to_vec();
    assert!(packet.len() <= 1280 && ipv6::View::new(&packet).unwrap().next_header() == Protocol::ICMPV6);
}
