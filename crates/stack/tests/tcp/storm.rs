//! Anything at all arrives, anything at all is called: nothing panics, and when everybody has let go, nothing is left.

use crate::bench::{Bench, Peer, Two, at};
use env::{Duration, Instant, Machine as _};
use proptest::prelude::*;
use stack::{
    Account, ConnectOptions, ConnectionId, CookieUse, Drop, HostConfig, HostEvent, ListenConfig, Verdict,
};
use tcp::{SendFlags, State};
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

#[derive(Clone, Debug)]
enum Step {
    /// A segment from one of four peers to the listener's port, or another.
    Arrive {
        peer: u8,
        listening: bool,
        near: bool,
        seq: u32,
        ack: u32,
        flags: u16,
        len: usize,
        stamp: Option<u32>,
    },
    /// What a sound peer would say next: acknowledge all, and perhaps FIN.
    Answer {
        peer: u8,
        fin: bool,
    },
    Pass(u64),
    Connect(u8),
    Accept,
    Decide(u8),
    Send(u8, usize),
    Receive(u8),
    Close(u8),
    Abort(u8),
    Release(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let offset = prop_oneof![Just(0u32), Just(1), 0u32..70_000, Just(u32::MAX), any::<u32>()];
    let segment = (
        (0u8..4, prop::bool::weighted(0.9), prop::bool::weighted(0.8)),
        (offset.clone(), offset),
        (0u16..0x200, prop_oneof![Just(0usize), 1usize..1_400]),
        prop::option::of(any::<u32>()),
    );
    let segment = segment.prop_map(|((peer, listening, near), (seq, ack), (flags, len), stamp)| {
        let flags = if flags & 0x80 != 0 { flags & !4 | 16 } else { flags };
        Step::Arrive { peer, listening, near, seq, ack, flags, len, stamp }
    });
    prop_oneof![
        8 => segment,
        8 => (0u8..4, prop::bool::weighted(0.2)).prop_map(|(peer, fin)| Step::Answer { peer, fin }),
        2 => prop_oneof![0u64..300, 0u64..100_000].prop_map(Step::Pass),
        1 => (0u8..4).prop_map(Step::Connect),
        2 => Just(Step::Accept),
        1 => (0u8..4).prop_map(Step::Decide),
        2 => (0u8..8, 1usize..5_000).prop_map(|(n, len)| Step::Send(n, len)),
        2 => (0u8..8).prop_map(Step::Receive),
        1 => (0u8..8).prop_map(Step::Close),
        1 => (0u8..8).prop_map(Step::Abort),
        1 => (0u8..8).prop_map(Step::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_arrives_and_whatever_is_called_all_of_it_ends(
        cookies in prop_oneof![Just(CookieUse::Auto), Just(CookieUse::Off), Just(CookieUse::Always)],
        defer: bool,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut bench = Bench::new();
        let config = ListenConfig { backlog: 2, syn_queue: 2, cookies, defer, ..ListenConfig::default() };
        let listener = bench.listen("10.0.0.1:80", config);
        let mut peers: Vec<Peer> =
            (1..5).map(|n| Peer::new(&format!("10.0.0.2:{n}"), "10.0.0.1:80")).collect();
        let mut ids: Vec<ConnectionId> = Vec::new();
        for step in steps {
            let some = |n: u8| ids.get(usize::from(n)).copied();
            let now = bench.now;
            match step {
                Step::Arrive { peer, listening, near, seq, ack, flags, len, stamp } => {
                    let peer = &peers[usize::from(peer)];
                    let (seq, ack) = if near { (peer.seq + seq, peer.ack + ack) } else { (SeqNum::new(seq), SeqNum::new(ack)) };
                    let timestamps = stamp.map(|value| Timestamps { value, echo: 0 });
                    let options = Options { mss: Some(len as u16), window_scale: Some(seq.raw() as u8), timestamps, ..Options::NONE };
                    let window = WireWindow::new(ack.raw() as u16);
                    let header = Header { seq, ack, flags: Flags::from_bits(flags), window, urgent: len as u16, options };
                    let to = if listening { peer.to } else { at("10.0.0.1:81") };
                    let from = peer.at;
                    bench.arrive(from, to, &header, &vec![1; len]);
                }
                Step::Answer { peer, fin } => {
                    let flags = if fin { Flags::FIN | Flags::ACK } else { Flags::ACK };
                    let mut peer = peers[usize::from(peer)].clone();
                    if peer.ack == SeqNum::new(0) {
                        peer.send(&mut bench, Flags::SYN, b"");
                    } else {
                        peer.send(&mut bench, flags, b"answer");
                    }
                    let n = peers.iter().position(|p| p.at == peer.at).expect("one of four");
                    peers[n].seq = peer.seq;
                }
                Step::Pass(millis) => {
                    bench.pass(millis);
                }
                Step::Connect(n) => {
                    let to = at(&format!("10.0.0.2:{}", n + 1));
                    let options = ConnectOptions { local: Some(at("10.0.0.1:81")), ..ConnectOptions::to(to) };
                    ids.extend(bench.host.tcp_connect(now, options));
                }
                Step::Accept => ids.extend(bench.host.tcp_accept(listener).map(|(id, _)| id)),
                Step::Decide(n) => {
                    let verdict = [Verdict::Accept, Verdict::Reset, Verdict::Unreachable, Verdict::Drop][usize::from(n)];
                    if let Some(pending) = bench.host.tcp_pending(listener) {
                        prop_assert!(bench.host.tcp_decide(now, pending.id, verdict));
                    }
                }
                Step::Send(n, len) => {
                    if let Some(id) = some(n) {
                        let data = Payload::copy_of(&vec![2; len]);
                        let _ = bench.host.tcp_send(now, id, data, SendFlags { urgent: len % 7 == 0, ..SendFlags::default() });
                    }
                }
                Step::Receive(n) => {
                    if let Some(id) = some(n) {
                        let _ = bench.host.tcp_receive(now, id, 1_000);
                    }
                }
                Step::Close(n) => {
                    if let Some(id) = some(n) {
                        let _ = bench.host.tcp_close(now, id);
                    }
                }
                Step::Abort(n) => {
                    if let Some(id) = some(n) {
                        bench.host.tcp_abort(now, id);
                    }
                }
                Step::Release(n) => {
                    if let Some(id) = some(n) {
                        bench.host.tcp_release(now, id);
                    }
                }
            }
            for seen in bench.sent() {
                if let Some(peer) = peers.iter_mut().find(|p| p.at == seen.dst && p.to == seen.src) {
                    peer.take(&seen);
                }
            }
            bench.events();
            prop_assert!(bench.host.budget().held() <= bench.host.budget().limit());
        }
        while let Some((id, _)) = bench.host.tcp_accept(listener) {
            ids.push(id);
        }
        bench.host.tcp_unlisten(bench.now, listener);
        for id in ids {
            bench.host.tcp_release(bench.now, id);
        }
        // The longest of all limits: R2 of five minutes, twice over, and TIME-WAIT.
        bench.pass(900_000);
        bench.events();
        let counts = bench.host.tcp_counts();
        prop_assert_eq!((counts.connections, counts.half_open, counts.pending, counts.time_wait), (0, 0, 0, 0));
        for account in [Account::TcpRecord, Account::TcpReceive, Account::TcpSend] {
            prop_assert_eq!(bench.host.budget().held_for(account), 0);
        }
        prop_assert_eq!(bench.host.counters().tcp_curr_estab, 0);
        prop_assert_eq!(bench.host.poll_timeout(), None);
    }
}

/// Where millisecond clocks of 32 bits wrap, and where signed nanoseconds do: the same story, to its end.
///
/// Covers: RFC 7323 7323-25
#[test]
fn the_clock_may_stand_anywhere() {
    let edges = [1u64 << 31, 1 << 32].map(|millis| millis * 1_000_000).into_iter().chain([1 << 63]);
    for edge in edges {
        for before in [10, 30, 2_000, 30_000] {
            let mut two = Two::new();
            two.now = Instant::from_nanos(edge) - Duration::from_millis(before);
            let (ours, theirs) = two.established("10.0.0.2:80");
            two.lose = vec![two.sent + 2];
            for round in 0..5 {
                two.send(0, ours, &[round; 5_000]);
                two.run(1_000);
                assert_eq!(two.receive(1, theirs), [round; 5_000]);
            }
            two.hosts[0].tcp_close(two.now, ours).expect("open");
            two.run(100);
            two.hosts[1].tcp_release(two.now, theirs);
            two.run(100);
            assert_eq!(two.state(0, ours), State::TimeWait);
            two.run(60_000);
            assert_eq!(two.state(0, ours), State::Closed);
            two.hosts[0].tcp_release(two.now, ours);
            two.run(1);
            assert!(two.hosts.iter().all(|host| host.tcp_counts().connections == 0));
        }
    }
}

/// However much happens between two looks, each thing is told once.
#[test]
fn events_are_a_set_and_not_a_queue() {
    let mut bench = Bench::new();
    let listener = bench.listen("10.0.0.1:80", ListenConfig::default());
    let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
    peer.open(&mut bench);
    let (id, _) = bench.host.tcp_accept(listener).expect("open");
    bench.events();
    for _ in 0..50 {
        peer.send(&mut bench, Flags::ACK | Flags::PSH, b"more");
        bench.sent();
    }
    peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
    bench.sent();
    assert_eq!(bench.events(), [HostEvent::TcpReadable(id), HostEvent::TcpPeerClosed(id)]);
    for n in 10..20 {
        Peer::new(&format!("10.0.0.2:{n}"), "10.0.0.1:80").open(&mut bench);
    }
    assert_eq!(bench.events(), [HostEvent::TcpAcceptable(listener)]);
    assert_eq!(bench.host.tcp_accept(listener).map(|(_, peer)| peer), Some(at("10.0.0.2:10")));
}

/// A host whose memory is full drops what comes, and not what it has; when its users read, all of it arrives.
#[test]
fn full_memory_slows_a_transfer_and_loses_nothing() {
    let mut two = Two::with(HostConfig { memory: 1 << 20, ..HostConfig::default() });
    let pairs = [two.established("10.0.0.2:80"), two.established("10.0.0.2:81")];
    let octets: Vec<u8> = (0..1_500_000u32).map(|n| (n >> 7) as u8).collect();
    let mut sent = [0; 2];
    let mut received = [Vec::new(), Vec::new()];
    for round in 0..4_000 {
        for (n, (ours, theirs)) in pairs.iter().enumerate() {
            let data = Payload::copy_of(&octets[sent[n]..octets.len().min(sent[n] + 200_000)]);
            sent[n] += two.hosts[0].tcp_send(two.now, *ours, data, SendFlags::default()).unwrap_or(0);
            // Nobody reads for the first ten seconds.
            if round > 500 {
                received[n].extend(two.receive(1, *theirs));
            }
        }
        two.run(20);
        let budget = two.hosts[1].budget();
        assert!(budget.held() <= budget.limit() + (1 << 16), "{}", budget.held());
        if received.iter().all(|got| got.len() == octets.len()) {
            break;
        }
    }
    assert!(two.hosts[1].counters().dropped(Drop::TcpNoMemory) > 0, "it was full");
    assert!(received.iter().all(|got| *got == octets), "{:?}", received.map(|got| got.len()));
}
