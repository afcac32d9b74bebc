//! Peers that do not keep to the rules: what they cost us, and what they cannot do to others.

use crate::bench::{Bench, Peer, Two, at};
use env::{Duration, Machine as _};
use stack::{Account, ConnectError, ConnectOptions, ConnectionId, Drop, HostConfig, HostEvent, ListenConfig};
use std::sync::Arc;
use tcp::{ConnectionError, SendFlags, State, TcpConfig};
use wire::tcp::{Flags, Header};
use wire::{Checksum, Frame, Offload, Payload, WireWindow};

/// A listener's connection and its peer.
fn open(bench: &mut Bench, peer: &mut Peer) -> ConnectionId {
    let listener = bench.listen(&peer.to.to_string(), ListenConfig::default());
    peer.open(bench);
    let (id, _) = bench.host.tcp_accept(listener).expect("open");
    bench.host.tcp_unlisten(bench.now, listener);
    bench.events();
    id
}

/// A segment with a window of its own.
fn with_window(bench: &mut Bench, peer: &Peer, window: u16) {
    let header = Header { window: WireWindow::new(window), ..peer.header(Flags::ACK) };
    bench.arrive(peer.at, peer.to, &header, b"");
}

/// Every third frame has one bit turned, wherever: sums and checks find all of them, and the stream is the same.
#[test]
fn a_wire_that_turns_bits_changes_nothing_but_the_time() {
    for remote in ["10.0.0.2:80", "[fd00::2]:80"] {
        let mut two = Two::new();
        let (ours, theirs) = two.established(remote);
        two.harm = |n, bytes| {
            if n % 3 == 0 {
                let bit = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 8;
                let place = bit / 8 % bytes.len();
                bytes[place] ^= 1 << (bit % 8);
            }
        };
        let all: Vec<u8> = (0..100_000u32).map(|n| (n ^ n >> 8) as u8).collect();
        let (mut sent, mut arrived) = ([0; 2], [Vec::new(), Vec::new()]);
        for _ in 0..5_000 {
            for (n, id) in [(0, ours), (1, theirs)] {
                if sent[n] < all.len() && two.hosts[n].tcp_send_room(id) > 0 {
                    sent[n] += two.send(n, id, &all[sent[n]..]);
                }
                arrived[1 - n].extend(two.receive(n, id));
            }
            if arrived.iter().all(|octets| octets.len() == all.len()) {
                break;
            }
            two.run(1_000);
        }
        assert!(arrived.iter().all(|octets| *octets == all), "{} {}", arrived[0].len(), arrived[1].len());
        let broken = |n: usize| two.hosts[n].counters().drops().map(|(_, count)| count).sum::<u64>();
        assert!(broken(0) > 10 && broken(1) > 10);
    }
}

/// A sum that is wrong drops the segment and is counted, unless the device says that it has looked (RFC 9293 MUST-3).
///
/// Covers: RFC 9293 MUST-3
#[test]
fn only_a_device_may_say_that_a_sum_is_right() {
    for (from, to) in [("10.0.0.2:9", "10.0.0.1:80"), ("[fd00::2]:9", "[fd00::1]:80")] {
        let mut bench = Bench::new();
        bench.listen(to, ListenConfig::default());
        let mut head = wire::Head::new();
        let peer = Peer::new(from, to);
        let header = peer.header(Flags::SYN);
        header.prepend_to(&mut head, peer.at.port(), peer.to.port()).expect("room");
        let sum = [0x12, 0x34];
        head.as_mut_slice()[16..18].copy_from_slice(&sum);
        match (peer.at.ip(), peer.to.ip()) {
            (std::net::IpAddr::V4(src), std::net::IpAddr::V4(dst)) => {
                wire::ipv4::Repr::new(src, dst, wire::Protocol::TCP).prepend_to(&mut head, 0).expect("room");
            }
            (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) => {
                wire::ipv6::Repr::new(src, dst, wire::Protocol::TCP).prepend_to(&mut head, 0).expect("room");
            }
            _ => panic!("two versions of IP"),
        }
        let bytes = head.as_slice().to_vec();
        let mut give = |checksum: Checksum| {
            let frame = Frame::received(bytes.clone().into(), bytes.len(), bench.now);
            let offload = Offload { checksum, ..Offload::default() };
            bench.host.handle_packet(bench.now, (bench.id, Frame { offload, ..frame }));
            bench.sent().len()
        };
        assert_eq!(give(Checksum::InPacket), 0);
        assert_eq!(give(Checksum::Verified), 1);
        let counters = bench.host.counters();
        assert_eq!((counters.dropped(Drop::TcpChecksum), counters.tcp_in_errs), (1, 1));
    }
}

/// Octets one by one, with a hole after each, as many as a window has room for: they are held at their true size, and
/// within what the connection may hold. The stream goes on when the holes are filled.
#[test]
fn a_stream_of_holes_is_bounded() {
    let mut bench = Bench::new();
    let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
    let id = open(&mut bench, &mut peer);
    let start = peer.seq;
    let mut most = 0;
    for n in 0..100_000u32 {
        let at = Peer { seq: start + 1 + n % 32_000 * 2, ..peer.clone() };
        bench.arrive(at.at, at.to, &at.header(Flags::ACK), b"x");
        bench.sent();
        most = most.max(bench.host.budget().held_for(Account::TcpReceive));
    }
    // No more than a window of the largest size that is offered without scaling, and its records.
    assert!(most <= 1 << 20, "{most}");
    assert_eq!(bench.host.tcp_state(id), State::Established);
    // All of it once more, without holes.
    for _ in 0..64 {
        peer.send(&mut bench, Flags::ACK | Flags::PSH, &[b'x'; 1_000]);
        bench.sent();
    }
    let mut read = 0;
    while let Ok(received) = bench.host.tcp_receive(bench.now, id, 1 << 20) {
        assert!(received.data.iter().all(|octet| *octet == b'x'));
        read += received.data.len();
    }
    assert!(read >= 64_000, "{read}");
    assert_eq!(bench.host.budget().held_for(Account::TcpReceive), 0);
}

/// Sockstress: peers that take a connection, shut their window, and stay. They cost what their queues hold, are probed
/// ever more rarely, and end when the user said so.
#[test]
fn a_crowd_that_shuts_its_windows_is_bounded_and_ends() {
    let limit = Duration::from_secs(120);
    let config = TcpConfig::default().persist_limit(Some(limit));
    let mut bench = Bench::new();
    let config = ListenConfig { tcp: Some(Arc::new(config)), ..ListenConfig::default() };
    let listener = bench.listen("0.0.0.0:80", config);
    let mut crowd = Vec::new();
    for n in 0..2_000 {
        let mut peer = Peer::of_crowd(n, "10.0.0.1:80");
        peer.open(&mut bench);
        let (id, _) = bench.host.tcp_accept(listener).expect("open");
        with_window(&mut bench, &peer, 0);
        let data = Payload::copy_of(&[1; 1_000]);
        bench.host.tcp_send(bench.now, id, data, SendFlags::default()).expect("room");
        assert!(bench.sent().is_empty(), "there is no room");
        crowd.push((id, peer));
    }
    let budget = bench.host.budget();
    assert!(budget.held() <= 2_000 * (2_048 + 2_000), "{}", budget.held());
    // The peers answer every probe: alive, and full.
    let end = bench.now + limit + Duration::from_secs(60);
    let mut probes = 0;
    while bench.now < end {
        let sent = bench.pass(1_000).into_iter().filter(|(_, seen)| !seen.flags().contains(Flags::RST));
        for (_, probe) in sent {
            probes += 1;
            let (_, peer) = crowd.iter().find(|(_, peer)| peer.at == probe.dst).expect("of the crowd");
            with_window(&mut bench, peer, 0);
        }
    }
    assert!(probes <= 2_000 * 10, "{probes}");
    bench.events();
    for (id, _) in &crowd {
        assert_eq!(bench.host.tcp_state(*id), State::Closed);
        bench.host.tcp_release(bench.now, *id);
    }
    bench.sent();
    bench.host.tcp_unlisten(bench.now, listener);
    assert_eq!((bench.host.tcp_counts().connections, bench.host.budget().held()), (0, 0));
}

/// A blind attacker who hits the window with RSTs, SYNs and old data draws few answers, and closes nothing.
///
/// Covers: RFC 5961 5961-2, 5961-6, 5961-8
#[test]
fn ten_thousand_resets_in_the_window_draw_a_few_challenges_a_second() {
    let mut bench = Bench::new();
    let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
    let id = open(&mut bench, &mut peer);
    let mut answers = 0;
    for n in 0..10_000 {
        let forged = Peer { seq: peer.seq + 1 + n * 6, ..peer.clone() };
        forged.clone().send(&mut bench, if n % 2 == 0 { Flags::RST } else { Flags::SYN }, b"");
        for seen in bench.sent() {
            assert_eq!((seen.flags(), seen.header.ack), (Flags::ACK, peer.seq), "a challenge");
            answers += 1;
        }
    }
    assert!((1..=20).contains(&answers), "{answers}");
    assert_eq!(bench.host.tcp_state(id), State::Established);
    peer.send(&mut bench, Flags::ACK | Flags::PSH, b"still here");
    let received = bench.host.tcp_receive(bench.now, id, 100).expect("data");
    assert_eq!(&received.data[..], b"still here");
}

/// Somebody puts octets into both directions, so that each side acknowledges what the other never sent. Their ACKs about
/// that do not go to and fro for ever at the speed of the wire.
#[test]
fn two_sides_that_disagree_do_not_storm() {
    // With timestamps, whoever forges has to know those too.
    let tcp = TcpConfig::default().timestamps(false);
    let mut two = Two::with(HostConfig { tcp, ..HostConfig::default() });
    let (ours, theirs) = two.established("10.0.0.2:80");
    let status = [(0, ours), (1, theirs)].map(|(n, id)| two.hosts[n].tcp_status(id).expect("open"));
    let addrs = two.hosts[0].tcp_addrs(ours).expect("open");
    for (n, (from, to)) in [(1, addrs), (0, (addrs.1, addrs.0))] {
        let forged = Header {
            seq: status[n].rcv_nxt,
            ack: status[n].snd_nxt,
            flags: Flags::ACK | Flags::PSH,
            window: WireWindow::new(1_000),
            ..Header::default()
        };
        two.inject(n, from, to, &forged, b"forged octets");
    }
    let before = two.sent;
    two.run(60_000);
    let storm = two.sent - before;
    assert!((2..=40).contains(&storm), "{storm} frames in a minute");
}

/// A server that answers a SYN with a bare ACK, and then with a SYN of its own, makes the client look like a server to
/// whoever watches. It is what RFC 9293 calls a simultaneous open, unless the user will have none of it.
#[test]
fn a_split_handshake_is_a_simultaneous_open_or_nothing() {
    for allowed in [true, false] {
        let mut bench = Bench::new();
        let config = TcpConfig::default().simultaneous_open(allowed);
        let options = ConnectOptions { tcp: Some(Arc::new(config)), ..ConnectOptions::to(at("10.0.0.2:80")) };
        let id = bench.host.tcp_connect(bench.now, options).expect("free");
        let syn = bench.one();
        let mut peer = Peer::new("10.0.0.2:80", &syn.src.to_string());
        peer.take(&syn);
        peer.send(&mut bench, Flags::ACK, b"");
        assert!(bench.sent().is_empty());
        assert_eq!(bench.host.tcp_state(id), State::SynSent);
        peer.send(&mut bench, Flags::SYN, b"");
        if allowed {
            let answer = bench.one();
            assert_eq!((answer.flags(), answer.header.seq), (Flags::SYN | Flags::ACK, syn.header.seq));
            peer.send(&mut bench, Flags::ACK, b"");
            assert_eq!(bench.host.tcp_state(id), State::Established);
        } else {
            assert!(bench.sent().iter().all(|seen| !seen.flags().contains(Flags::ACK)));
            assert_ne!(bench.host.tcp_state(id), State::SynReceived);
            peer.send(&mut bench, Flags::ACK, b"");
            assert_ne!(bench.host.tcp_state(id), State::Established);
        }
    }
}

/// Every dynamic port to one server at once, and one more: an error, and nothing is lost of the ports by that; when they
/// rest in TIME-WAIT with timestamps they serve again after a second.
#[test]
fn all_ports_to_one_server_can_be_used_up_and_all_come_back() {
    const ALL: usize = 16_384;
    let mut bench = Bench::with(HostConfig::default());
    for _ in 0..2 {
        let mut ids = Vec::new();
        let server = ConnectOptions::to(at("10.0.0.2:80"));
        for _ in 0..ALL {
            ids.push(bench.host.tcp_connect(bench.now, server.clone()).expect("a port is left"));
        }
        assert_eq!(bench.host.tcp_connect(bench.now, server.clone()), Err(ConnectError::AddrNotAvailable));
        let elsewhere = bench.host.tcp_connect(bench.now, ConnectOptions::to(at("10.0.0.3:80")));
        ids.push(elsewhere.expect("the same ports serve another server"));
        // Half are refused by the server, half complete and are closed by us.
        let syns = bench.sent();
        assert_eq!(syns.len(), ALL + 1);
        for (n, syn) in syns.iter().enumerate() {
            let mut peer = Peer { stamp: Some(1), ..Peer::new(&syn.dst.to_string(), &syn.src.to_string()) };
            peer.take(syn);
            if n % 2 == 0 {
                peer.send(&mut bench, Flags::RST | Flags::ACK, b"");
            } else {
                peer.send(&mut bench, Flags::SYN | Flags::ACK, b"");
                peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
            }
            bench.sent();
        }
        let refused = HostEvent::TcpClosed(ids[0], Some(ConnectionError::Refused));
        assert!(bench.events().contains(&refused));
        for id in &ids {
            bench.host.tcp_release(bench.now, *id);
        }
        for seen in bench.sent() {
            let mut peer = Peer::new(&seen.dst.to_string(), &seen.src.to_string());
            peer.seq = seen.header.ack;
            peer.stamp = Some(2);
            peer.take(&seen);
            peer.send(&mut bench, Flags::ACK, b"");
        }
        bench.sent();
        bench.events();
        assert_eq!(bench.host.tcp_counts().connections, 0);
    }
    bench.pass(120_000);
    assert_eq!((bench.host.tcp_counts().time_wait, bench.host.budget().held()), (0, 0));
}

/// Data that a full host cannot take is as good as lost on the way. It is no duplicate ACK, from which three would start
/// a retransmission.
///
/// Covers: RFC 5681 5681-18
#[test]
fn data_that_there_is_no_memory_for_is_no_duplicate_ack() {
    let mut bench = Bench::with(HostConfig { memory: 1 << 20, ..HostConfig::default() });
    let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
    let id = open(&mut bench, &mut peer);
    for n in 0.. {
        let mut other = Peer::of_crowd(n, "10.0.0.1:80");
        open(&mut bench, &mut other);
        for _ in 0..60 {
            other.send(&mut bench, Flags::ACK, &[1; 1_000]);
            bench.sent();
        }
        if bench.host.counters().dropped(Drop::TcpNoMemory) > 0 {
            break;
        }
    }
    let data = Payload::copy_of(&[2; 5_840]);
    assert_eq!(bench.host.tcp_send(bench.now, id, data, SendFlags::default()), Ok(5_840));
    let out: usize = bench.sent().iter().map(|seen| seen.payload.len()).sum();
    assert_eq!(out, 5_840);
    for _ in 0..5 {
        peer.send(&mut bench, Flags::ACK, &[1; 1_000]);
        assert!(bench.sent().iter().all(|seen| seen.payload.is_empty()), "nothing is lost");
    }
    // What the header says of our data still counts.
    peer.ack += 5_840;
    peer.send(&mut bench, Flags::ACK, &[1; 1_000]);
    assert_eq!(bench.host.tcp_status(id).expect("open").queued, 0);
}
