//! Path MTU discovery as TCP lives with it (RFC 1191 §6, RFC 8201 §5): who is told, what goes again, and what does not.

use crate::bench::{Bench, Peer, Seen, at, read};
use env::{Duration, Machine as _};
use stack::{ConnectOptions, ConnectionId, HostConfig, ListenConfig, UdpBind, UdpSend};
use tcp::SendFlags;
use wire::tcp::Flags;
use wire::{Head, Payload, Protocol, icmpv4, icmpv6, ipv4, ipv6};

/// Every packet that goes out now, as it is.
fn packets(bench: &mut Bench) -> Vec<Vec<u8>> {
    let frames = core::iter::from_fn(|| bench.host.poll_transmit(bench.now));
    frames.map(|(_, frame)| frame.to_vec()).collect()
}

/// A router on the way says that `packet` has more than `mtu` octets.
pub(crate) fn too_big(bench: &mut Bench, packet: &[u8], mtu: u16) {
    let mut head = Head::new();
    let message = if packet[0] >> 4 == 4 {
        let us = ipv4::View::new(packet).expect("ours").src();
        let code = icmpv4::Unreachable::FragmentationNeeded { mtu };
        let message = icmpv4::Repr::DestinationUnreachable { code, quoted: &packet[..28] }.emit();
        let header = ipv4::Repr::new([10, 0, 0, 254].into(), us, Protocol::ICMP);
        header.prepend_to(&mut head, message.len()).expect("room");
        message
    } else {
        let us = ipv6::View::new(packet).expect("ours").src();
        let router = "fd00::fe".parse().expect("an address");
        let message = icmpv6::Repr::PacketTooBig { mtu: mtu.into(), quoted: packet }.emit(router, us);
        let header = ipv6::Repr::new(router, us, Protocol::ICMPV6);
        header.prepend_to(&mut head, message.len()).expect("room");
        message
    };
    bench.arrive_bytes([head.as_slice(), &message].concat());
}

/// A connection from a peer that takes segments of any size.
fn open(bench: &mut Bench, from: &str, to: &str, mss: u16) -> (ConnectionId, Peer) {
    let listener = bench.listen(to, ListenConfig::default());
    let mut peer = Peer::new(from, to);
    peer.options.mss = Some(mss);
    peer.open(bench);
    let (id, _) = bench.host.tcp_accept(listener).expect("open");
    bench.host.tcp_unlisten(bench.now, listener);
    (id, peer)
}

fn write(bench: &mut Bench, id: ConnectionId, octets: usize) {
    let data = Payload::copy_of(&vec![7; octets]);
    assert_eq!(bench.host.tcp_send(bench.now, id, data, SendFlags::default()), Ok(octets));
}

fn longest(sent: &[Vec<u8>]) -> usize {
    sent.iter().map(Vec::len).max().unwrap_or(0)
}

/// The peer acknowledges everything that it saw.
fn acknowledge(bench: &mut Bench, peer: &mut Peer, sent: &[Vec<u8>]) {
    for seen in sent.iter().filter_map(|packet| read(packet)) {
        let end = seen.header.seq + seen.payload.len() as u32;
        peer.ack = if end.after(peer.ack) { end } else { peer.ack };
    }
    peer.send(bench, Flags::ACK, b"");
}

/// A router that takes 1,000 octets complains about the first flight, and hears nothing too large after that: not of
/// this connection, nor of the next one.
///
/// Covers: RFC 1191 1191-1, 1191-2; RFC 8201 8201-4
#[test]
fn one_complaint_is_enough() {
    for (from, to, mtu) in [("10.0.0.2:9", "10.0.0.1:80", 1_000), ("[fd00::2]:9", "[fd00::1]:80", 1_300)] {
        let mut bench = Bench::new();
        let (id, mut peer) = open(&mut bench, from, to, 1_460);
        write(&mut bench, id, 100_000);
        let first = packets(&mut bench);
        assert_eq!(longest(&first), 1_500);
        for packet in &first {
            too_big(&mut bench, packet, mtu);
        }
        let mut arrived = 0;
        for _ in 0..200 {
            let sent = packets(&mut bench);
            assert!(longest(&sent) <= usize::from(mtu), "{}", longest(&sent));
            arrived +=
                sent.iter().filter_map(|packet| read(packet)).map(|seen| seen.payload.len()).sum::<usize>();
            acknowledge(&mut bench, &mut peer, &sent);
            bench.now += Duration::from_millis(10);
        }
        assert!(arrived >= 100_000 && bench.host.tcp_status(id).is_some_and(|status| status.queued == 0));
        let (other, _) = open(&mut bench, &from.replace(":9", ":10"), to, 1_460);
        write(&mut bench, other, 10_000);
        let sent = packets(&mut bench);
        assert_eq!(longest(&sent), usize::from(mtu));
        assert_eq!(bench.host.counters().ip_path_mtu_updates, 1);
    }
}

/// A datagram of UDP was too large. Every connection to that peer sends smaller segments from then on, and those to
/// others do not.
///
/// Covers: RFC 1191 1191-8; RFC 8201 8201-7, 8201-9
#[test]
fn what_udp_learns_tcp_knows() {
    let mut bench = Bench::new();
    let ids =
        ["10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1"].map(|from| open(&mut bench, from, "10.0.0.1:80", 1_460).0);
    let socket = bench.host.udp_bind(UdpBind::default()).expect("a port");
    bench.host.udp_connect(socket, at("10.0.0.2:7")).expect("a route");
    bench.host.udp_send(bench.now, socket, UdpSend::new(vec![1; 1_472])).expect("room");
    let datagram = packets(&mut bench).remove(0);
    too_big(&mut bench, &datagram, 1_200);
    for (id, expected) in ids.into_iter().zip([1_200, 1_200, 1_500]) {
        write(&mut bench, id, 4_000);
        assert_eq!(longest(&packets(&mut bench)), expected);
    }
}

/// Covers: RFC 1191 1191-7; RFC 8201 8201-9
#[test]
fn no_segment_is_larger_than_the_peer_takes_whatever_the_path_takes() {
    for (from, to, header) in [("10.0.0.2:9", "10.0.0.1:80", 20), ("[fd00::2]:9", "[fd00::1]:80", 40)] {
        let mut bench = Bench::new();
        let (id, mut peer) = open(&mut bench, from, to, 700);
        write(&mut bench, id, 5_000);
        let sent = packets(&mut bench);
        assert_eq!(longest(&sent), header + 20 + 700);
        too_big(&mut bench, &sent[0], 1_400);
        acknowledge(&mut bench, &mut peer, &sent);
        write(&mut bench, id, 5_000);
        assert_eq!(longest(&packets(&mut bench)), header + 20 + 700);
    }
}

/// What is lowered goes again at once, as if lost but without the blame; the same message again moves nothing.
///
/// Covers: RFC 1191 1191-11; RFC 8201 8201-10
#[test]
fn only_a_message_that_lowers_the_estimate_sends_again_and_congestion_it_is_not() {
    let mut bench = Bench::new();
    let (id, _) = open(&mut bench, "10.0.0.2:9", "10.0.0.1:80", 1_460);
    write(&mut bench, id, 4_000);
    let sent = packets(&mut bench);
    let before = bench.host.tcp_status(id).expect("open");
    for useless in [1_500, 9_000] {
        too_big(&mut bench, &sent[0], useless);
        assert!(packets(&mut bench).is_empty(), "{useless}");
    }
    too_big(&mut bench, &sent[0], 1_000);
    let again = packets(&mut bench);
    assert!(!again.is_empty() && longest(&again) == 1_000);
    let after = bench.host.tcp_status(id).expect("open");
    assert_eq!(after.ssthresh, before.ssthresh, "no congestion event");
    // In octets as in segments: ten of the smaller size at least, or what there was.
    assert!(after.cwnd >= before.cwnd.min(10 * after.segment_size), "{} {}", before.cwnd, after.cwnd);
    assert_eq!(after.timeouts, 0);
    for repeated in [&sent[0], &sent[1], &again[0]] {
        too_big(&mut bench, repeated, 1_000);
        too_big(&mut bench, repeated, 1_400);
        assert!(packets(&mut bench).is_empty(), "it lowers nothing");
    }
}

/// The host forgets what a router said, and looks for nothing by itself: only data of a connection ever probes.
///
/// Covers: RFC 1191 1191-6, 1191-10
#[test]
fn when_the_path_grows_again_nothing_goes_again() {
    let mut bench = Bench::new();
    let (id, mut peer) = open(&mut bench, "10.0.0.2:9", "10.0.0.1:80", 1_460);
    write(&mut bench, id, 4_000);
    let sent = packets(&mut bench);
    too_big(&mut bench, &sent[0], 1_000);
    for _ in 0..2 {
        let again = packets(&mut bench);
        acknowledge(&mut bench, &mut peer, &again);
    }
    assert_eq!(bench.host.tcp_status(id).expect("open").queued, 0);
    let retransmitted = bench.host.counters().tcp_retrans_segs;
    assert!(bench.pass(599_990).is_empty());
    write(&mut bench, id, 900);
    let last = packets(&mut bench);
    assert_eq!(last.len(), 1);
    // The estimate ends while this segment is under way: it is not sent again for that.
    let route = |bench: &Bench| bench.host.route(at("10.0.0.2:1").ip(), None).expect("a route").path_mtu;
    assert_eq!(route(&bench), 1_000);
    assert!(bench.pass(20).is_empty());
    assert_eq!(route(&bench), 1_500);
    acknowledge(&mut bench, &mut peer, &last);
    assert!(bench.pass(2_000).is_empty());
    assert_eq!(bench.host.counters().tcp_retrans_segs, retransmitted);
}

/// SYN, SYN-ACK, data, ACK, FIN and RST: none may be cut on its way while paths are discovered, and all may when that
/// is switched off; over IPv6 none ever is.
///
/// Covers: RFC 1191 1191-13; RFC 8201 8201-1; RFC 8899 8899-2
#[test]
fn no_segment_may_be_cut_on_its_way() {
    for discovery in [true, false] {
        let mut bench = Bench::with(HostConfig { path_mtu_discovery: discovery, ..HostConfig::default() });
        let mut seen: Vec<(Flags, bool)> = Vec::new();
        let mut note = |bench: &mut Bench| -> Vec<Seen> {
            let sent = packets(bench);
            for packet in &sent {
                let header = ipv4::View::new(packet).expect("IPv4");
                seen.push((read(packet).expect("TCP").flags(), header.dont_fragment()));
            }
            sent.iter().filter_map(|packet| read(packet)).collect()
        };
        let mut conn =
            bench.host.tcp_connect(bench.now, ConnectOptions::to(at("10.0.0.2:80"))).expect("a route");
        note(&mut bench);
        bench.host.tcp_release(bench.now, conn);
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        peer.send(&mut bench, Flags::SYN, b"");
        peer.take(&note(&mut bench)[0]);
        peer.send(&mut bench, Flags::ACK, b"");
        (conn, _) = bench.host.tcp_accept(listener).expect("open");
        write(&mut bench, conn, 3_000);
        for sent in note(&mut bench) {
            peer.take(&sent);
        }
        peer.send(&mut bench, Flags::ACK | Flags::PSH, b"1");
        peer.send(&mut bench, Flags::ACK | Flags::PSH, b"2");
        note(&mut bench);
        bench.host.tcp_close(bench.now, conn).expect("open");
        note(&mut bench);
        bench.host.tcp_abort(bench.now, conn);
        note(&mut bench);
        for kind in [Flags::SYN, Flags::FIN, Flags::RST] {
            assert!(seen.iter().any(|(flags, _)| flags.contains(kind)), "{kind:?}");
        }
        assert!(seen.iter().all(|(_, held)| *held == discovery), "{seen:?}");

        let mut bench = Bench::with(HostConfig { path_mtu_discovery: discovery, ..HostConfig::default() });
        let (id, _) = open(&mut bench, "[fd00::2]:9", "[fd00::1]:80", 1_440);
        write(&mut bench, id, 5_000);
        let sent = packets(&mut bench);
        assert_eq!(longest(&sent), if discovery { 1_500 } else { 1_280 });
        let whole =
            |packet: &Vec<u8>| ipv6::View::new(packet).is_ok_and(|v| v.next_header() == Protocol::TCP);
        assert!(sent.iter().all(whole));
    }
}

#[test]
fn a_link_whose_mtu_grew_again_carries_larger_segments_again() {
    let mut two = crate::bench::Two::new();
    let (ours, _) = two.established("10.0.0.2:80");
    let size = |two: &crate::bench::Two| two.hosts[0].tcp_status(ours).expect("open").segment_size;
    let whole = size(&two);
    for (mtu, expected) in [(1_300, whole - 200), (1_500, whole)] {
        let id = two.ids[0];
        two.hosts[0].set_mtu(id, mtu).expect("an MTU");
        // Enough that a probe of what the link takes again is followed by what would tell of its loss.
        two.send(0, ours, &[1; 50_000]);
        two.run(1_000);
        assert_eq!(size(&two), expected);
    }
}
