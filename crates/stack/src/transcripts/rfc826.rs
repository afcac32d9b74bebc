//! ARP, with RFC 1122 §2.3.2.

use super::*;
use crate::{Account, HostEvent, UdpSend};
use wire::arp::{self, Operation, Repr};

fn arp(
    operation: Operation,
    sender: (MacAddr, Ipv4Addr),
    target: (MacAddr, Ipv4Addr),
    to: MacAddr,
) -> Vec<u8> {
    let repr = Repr {
        operation,
        sender_mac: sender.0,
        sender_ip: sender.1,
        target_mac: target.0,
        target_ip: target.1,
    };
    let mut frame = framed(to, EtherType::ARP, &repr.emit());
    frame[6..12].copy_from_slice(&sender.0.octets());
    frame
}

fn request(sender: (MacAddr, Ipv4Addr), target: Ipv4Addr) -> Vec<u8> {
    arp(Operation::Request, sender, (MacAddr::UNSPECIFIED, target), MacAddr::BROADCAST)
}

fn reply(sender: (MacAddr, Ipv4Addr)) -> Vec<u8> {
    arp(Operation::Reply, sender, (MAC, US), MAC)
}

fn read(frame: &[u8]) -> Option<Repr> {
    let view = ethernet::View::new(frame).unwrap();
    (view.ethertype() == EtherType::ARP).then(|| arp::View::new(view.payload()).unwrap().repr())
}

fn send(bench: &mut Bench, to: Ipv4Addr, data: &'static [u8]) {
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_send(bench.now, id, UdpSend::to(data, (to, 9).into())).unwrap();
}

fn known(bench: &Bench, of: Ipv4Addr) -> Option<MacAddr> {
    bench.host.ip.interface(bench.id).unwrap().neighbours.get(of.into()).map(|(_, mac, _)| mac)
}

/// Covers: RFC 826 826-1
#[test]
fn a_question_for_us_is_answered_and_its_asker_remembered_and_others_are_only_kept_up_to_date() {
    let mut bench = Bench::ethernet();
    let sent = bench.answer(&request((PEER_MAC, PEER), US));
    let answer = read(&sent[0]).unwrap();
    assert_eq!(answer.operation, Operation::Reply);
    assert_eq!((answer.sender_mac, answer.sender_ip), (MAC, US));
    assert_eq!((answer.target_mac, answer.target_ip), (PEER_MAC, PEER));
    assert_eq!(ethernet::View::new(&sent[0]).unwrap().dst(), PEER_MAC);
    assert_eq!(known(&bench, PEER), Some(PEER_MAC));
    // Somebody asks for somebody else: nobody new is remembered, but a known one that moved is.
    let (moved, stranger) = (MacAddr::new([2, 0, 0, 0, 0, 7]), Ipv4Addr::new(192, 0, 2, 50));
    assert!(bench.answer(&request((moved, stranger), ROUTER)).is_empty());
    assert_eq!(known(&bench, stranger), None);
    assert!(bench.answer(&request((moved, PEER), ROUTER)).is_empty());
    assert_eq!(known(&bench, PEER), Some(moved));
    // Gratuitous, and an answer that nobody asked for.
    assert!(bench.answer(&request((PEER_MAC, PEER), PEER)).is_empty());
    assert_eq!(known(&bench, PEER), Some(PEER_MAC));
    assert!(bench.answer(&reply((moved, stranger))).is_empty());
    assert_eq!(known(&bench, stranger), None);
    // A probe from nobody (RFC 5227) is answered.
    assert_eq!(bench.answer(&request((moved, Ipv4Addr::UNSPECIFIED), US)).len(), 1);
}

/// Covers: RFC 826 826-2, 826-3; RFC 791 791-28
#[test]
fn questions_go_out_once_a_second_while_packets_wait() {
    let mut bench = Bench::ethernet();
    send(&mut bench, PEER, b"first");
    let sent = bench.sent();
    let question = read(&sent[0]).unwrap();
    assert_eq!((question.target_ip, question.sender_ip, sent.len()), (PEER, US, 1));
    assert_eq!(ethernet::View::new(&sent[0]).unwrap().dst(), MacAddr::BROADCAST);
    for _ in 0..100 {
        send(&mut bench, PEER, b"more");
    }
    assert!(bench.sent().is_empty(), "one question a second, however much waits");
    let asked = bench.wait(Duration::from_millis(2500));
    let times: Vec<u64> = asked.iter().map(|(at, _)| at.as_millis() as u64).collect();
    assert_eq!(times, [1000, 2000]);
    assert!(bench.host.ip.budget.held_for(Account::Neighbour) > 0);
    send(&mut bench, PEER, b"last");
    bench.give(&reply((PEER_MAC, PEER)));
    let sent = bench.sent();
    assert_eq!(sent.len(), 16, "the newest wait, the oldest made room");
    assert!(sent.last().unwrap().ends_with(b"last"));
    assert!(sent.iter().all(|frame| ethernet::View::new(frame).unwrap().dst() == PEER_MAC));
    assert_eq!(bench.host.ip.budget.held_for(Account::Neighbour), 0);
    assert_eq!(bench.dropped(Drop::NeighbourQueueFull), 86);
}

/// Covers: RFC 826 826-2; RFC 791 791-27
#[test]
fn an_entry_is_checked_while_it_is_used_and_goes_when_nobody_answers() {
    let mut bench = Bench::ethernet();
    bench.give(&request((PEER_MAC, PEER), US));
    bench.sent();
    send(&mut bench, PEER, b"x");
    assert_eq!(bench.sent().len(), 1);
    let asked = bench.wait(Duration::from_secs(10));
    let times: Vec<u64> = asked.iter().map(|(at, _)| at.as_millis() as u64).collect();
    assert_eq!(times, [5000, 6000, 7000]);
    for (_, frame) in &asked {
        assert_eq!(
            ethernet::View::new(frame).unwrap().dst(),
            PEER_MAC,
            "only the station that had it is asked"
        );
    }
    assert_eq!(known(&bench, PEER), None);
}

/// Covers: RFC 826 826-3
#[test]
fn only_after_three_questions_is_a_neighbour_unreachable_and_its_sender_told() {
    let mut bench = Bench::ethernet();
    let id = bench.host.udp_bind(UdpBind::default()).unwrap();
    bench.host.udp_connect(id, (PEER, 9).into()).unwrap();
    bench.host.udp_send(bench.now, id, UdpSend::new(&b"x"[..])).unwrap();
    assert_eq!(bench.sent().len(), 1);
    bench.wait(Duration::from_millis(2900));
    assert!(bench.host.udp_take_fault(id).is_none());
    bench.wait(Duration::from_millis(200));
    assert_eq!(bench.host.udp_take_fault(id).unwrap().kind, crate::ErrorKind::HostUnreachable);
    assert_eq!(bench.dropped(Drop::NeighbourUnreachable), 1);
    assert_eq!(bench.host.ip.budget.held_for(Account::Neighbour), 0);
}

#[test]
fn lies_about_link_addresses_are_dropped_and_a_conflict_is_told() {
    let mut bench = Bench::ethernet();
    let mut lie = request((PEER_MAC, PEER), US);
    lie[11] = 0x55; // The frame is from another station than the packet says.
    bench.refuses(&lie, Drop::ArpMalformed);
    bench.refuses(&request((MacAddr::BROADCAST, PEER), US), Drop::LinkMalformed);
    bench.refuses(&request((PEER_MAC, PEER), US)[..40], Drop::ArpMalformed);
    let other = MacAddr::new([2, 0, 0, 0, 0, 8]);
    bench.refuses(&request((other, US), US), Drop::ArpMalformed);
    let told = core::iter::from_fn(|| bench.host.poll_event());
    assert_eq!(told.collect::<Vec<_>>(), [HostEvent::AddressConflict(InterfaceId::new(1), US.into())]);
    assert_eq!(known(&bench, US), None);
}

#[test]
fn a_scanner_cannot_make_the_table_grow_nor_push_out_who_is_talked_to() {
    let config = HostConfig { neighbours: 64, ..HostConfig::default() };
    let mut interface = InterfaceConfig::new("eth", Medium::Ethernet(MAC));
    interface.duplicate_detection = false;
    let mut bench = Bench::with(config, interface);
    send(&mut bench, PEER, b"x");
    bench.give(&reply((PEER_MAC, PEER)));
    bench.sent();
    bench.host.add_address(bench.now, bench.id, "10.0.0.1/8".parse().unwrap()).unwrap();
    for n in 0..5000u32 {
        let from = Ipv4Addr::from_bits(0x0a01_0000 + n);
        let mac = MacAddr::new([2, 1, 0, 0, (n >> 8) as u8, n as u8]);
        bench.give(&request((mac, from), Ipv4Addr::new(10, 0, 0, 1)));
        bench.sent();
        assert!(bench.host.ip.interface(bench.id).unwrap().neighbours.len() <= 64);
    }
    // And when it is us who are made to ask for thousands that are not there.
    for n in 0..5000u32 {
        send(&mut bench, Ipv4Addr::from_bits(0x0a02_0000 + n), b"x");
        bench.sent();
    }
    assert!(bench.host.ip.interface(bench.id).unwrap().neighbours.len() <= 64);
    assert_eq!(known(&bench, PEER), Some(PEER_MAC));
    assert!(bench.dropped(Drop::NeighbourTableFull) > 4000);
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.host.ip.budget.held_for(Account::Neighbour), 0);
}
