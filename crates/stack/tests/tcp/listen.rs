//! Listeners: the handshake's other side, queues, and requests that wait for a verdict.

use crate::bench::{Bench, Peer, Seen, Two, at};
use stack::{Account, CookieUse, Drop, HostEvent, ListenConfig, Verdict};
use tcp::State;
use wire::SeqNum;
use wire::tcp::Flags;

const SYN_ACK: Flags = Flags::from_bits(Flags::SYN.bits() | Flags::ACK.bits());

mod rfc9293_3_10_7_2 {
    use super::*;

    /// Covers: RFC 9293 9293-E3
    #[test]
    fn a_listener_resets_who_acknowledges_and_ignores_who_resets() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer { ack: SeqNum::new(77), ..Peer::new("10.0.0.2:9", "10.0.0.1:80") };
        for flags in [Flags::ACK, SYN_ACK, Flags::FIN | Flags::ACK] {
            peer.send(&mut bench, flags, b"");
            let reset = bench.one();
            assert_eq!((reset.flags(), reset.header.seq), (Flags::RST, SeqNum::new(77)));
        }
        for flags in [Flags::RST, Flags::RST | Flags::ACK] {
            peer.send(&mut bench, flags, b"");
            assert!(bench.sent().is_empty());
        }
        assert_eq!(bench.host.counters().dropped(Drop::TcpResetToNobody), 2);
    }

    /// Covers: RFC 9293 9293-E4, 9293-E45; RFC 4987 4987-7
    #[test]
    fn data_on_the_syn_comes_again_and_is_delivered_once_and_after_the_handshake() {
        for cookies in [CookieUse::Off, CookieUse::Always] {
            let mut bench = Bench::new();
            let listener = bench.listen("0.0.0.0:80", ListenConfig { cookies, ..ListenConfig::default() });
            let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
            peer.send(&mut bench, Flags::SYN, b"early");
            let syn_ack = bench.one();
            assert_eq!(syn_ack.header.ack, SeqNum::new(5_001));
            assert!(bench.host.tcp_accept(listener).is_none());
            peer.take(&syn_ack);
            peer.seq = SeqNum::new(5_001);
            peer.send(&mut bench, Flags::ACK, b"early");
            let (id, from) = bench.host.tcp_accept(listener).expect("ESTABLISHED");
            assert_eq!(from, at("10.0.0.2:9"));
            let received = bench.host.tcp_receive(bench.now, id, 100).expect("data");
            assert_eq!(&received.data[..], b"early");
            assert!(bench.host.tcp_receive(bench.now, id, 100).is_err());
        }
    }

    #[test]
    fn the_most_specific_listener_takes_the_connection() {
        let mut bench = Bench::new();
        let all = bench.listen("[::]:80", ListenConfig { dual_stack: true, ..ListenConfig::default() });
        let accepts = |bench: &mut Bench, from: &str, to: &str| {
            Peer::new(from, to).open(bench);
            bench.host.tcp_accept(all).is_some()
        };
        assert!(accepts(&mut bench, "10.0.0.2:1", "10.0.0.1:80"));
        assert!(accepts(&mut bench, "[fd00::2]:1", "[fd00::1]:80"));
        bench.host.tcp_unlisten(bench.now, all);
        let six = bench.listen("[::]:80", ListenConfig::default());
        let four = bench.listen("10.0.0.1:80", ListenConfig::default());
        Peer::new("10.0.0.2:2", "10.0.0.1:80").open(&mut bench);
        assert!(bench.host.tcp_accept(four).is_some() && bench.host.tcp_accept(six).is_none());
    }
}

mod rfc9293_3_5 {
    use super::*;

    /// Figure 8: an old SYN, a SYN-ACK that nobody wanted, its RST, and then the real one.
    ///
    /// Covers: RFC 9293 MUST-11, 9293-E11, 9293-E35
    #[test]
    fn an_old_duplicate_syn_is_forgotten_silently_and_the_real_one_opens() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut old = Peer { seq: SeqNum::new(90), ..Peer::new("10.0.0.2:9", "10.0.0.1:80") };
        old.send(&mut bench, Flags::SYN, b"");
        let answer = bench.one();
        assert_eq!(answer.header.ack, SeqNum::new(91));
        old.send(&mut bench, Flags::RST, b"");
        assert!(bench.sent().is_empty() && bench.events().is_empty());
        assert_eq!(
            (bench.host.tcp_counts().half_open, bench.host.budget().held_for(Account::TcpRecord)),
            (0, 0)
        );
        assert!(bench.host.tcp_accept(listener).is_none());
        assert!(bench.pass(70_000).is_empty());

        Peer::new("10.0.0.2:9", "10.0.0.1:80").open(&mut bench);
        assert_eq!(bench.events(), [HostEvent::TcpAcceptable(listener)]);
        let (id, _) = bench.host.tcp_accept(listener).expect("the real one");
        assert_eq!(bench.host.tcp_state(id), State::Established);
    }

    /// Covers: RFC 4987 4987-2
    #[test]
    fn a_peer_that_never_answers_is_asked_six_times_and_forgotten() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", ListenConfig::default());
        Peer::new("10.0.0.2:9", "10.0.0.1:80").send(&mut bench, Flags::SYN, b"");
        let times: Vec<u64> = bench.pass(240_000).iter().map(|(after, _)| after / 1_000).collect();
        assert_eq!(times, [0, 1, 3, 7, 15, 31]);
        assert_eq!((bench.host.tcp_counts().half_open, bench.host.counters().tcp_attempt_fails), (0, 1));
    }

    /// Covers: RFC 9293 9293-E15
    #[test]
    fn a_wrong_acknowledgment_is_reset_and_the_handshake_goes_on() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        peer.send(&mut bench, Flags::SYN, b"");
        let syn_ack = bench.one();
        for off in [0, 2] {
            peer.ack = syn_ack.header.seq + off;
            peer.send(&mut bench, Flags::ACK, b"");
            let reset = bench.one();
            assert_eq!((reset.flags(), reset.header.seq), (Flags::RST, peer.ack));
        }
        peer.take(&syn_ack);
        peer.send(&mut bench, Flags::ACK, b"");
        assert!(bench.host.tcp_accept(listener).is_some());
    }

    #[test]
    fn whoever_wants_to_speak_first_can_before_anybody_accepts() {
        let mut two = Two::new();
        let listener = two.listen(1, "10.0.0.2:80", ListenConfig::default());
        let ours = two.connect(0, "10.0.0.2:80");
        two.run(50);
        two.send(0, ours, b"before accept");
        two.hosts[0].tcp_close(two.now, ours).expect("open");
        two.run(50);
        assert_eq!(
            two.take_events(1),
            [HostEvent::TcpAcceptable(listener)],
            "nothing of a stranger's connection"
        );
        let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("it waits");
        let events = two.take_events(1);
        assert!(events.contains(&HostEvent::TcpReadable(theirs)), "{events:?}");
        assert!(events.contains(&HostEvent::TcpPeerClosed(theirs)), "{events:?}");
        assert_eq!(two.receive(1, theirs), b"before accept");
    }
}

mod backlog {
    use super::*;

    #[test]
    fn a_full_accept_queue_drops_and_the_peer_gets_in_later() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig { backlog: 1, ..ListenConfig::default() });
        // Both are half-open before either completes.
        let mut peers = ["10.0.0.2:1", "10.0.0.2:2"].map(|from| Peer::new(from, "10.0.0.1:80"));
        for peer in &mut peers {
            peer.send(&mut bench, Flags::SYN, b"");
            let syn_ack = bench.one();
            peer.take(&syn_ack);
        }
        for peer in &mut peers {
            peer.send(&mut bench, Flags::ACK, b"");
        }
        assert!(bench.sent().is_empty(), "neither RST nor ACK");
        assert_eq!(bench.host.counters().dropped(Drop::TcpAcceptQueueFull), 1);
        Peer::new("10.0.0.2:3", "10.0.0.1:80").send(&mut bench, Flags::SYN, b"");
        assert!(bench.sent().is_empty(), "who cannot be accepted is not answered");
        assert!(bench.host.tcp_accept(listener).is_some());
        // The SYN-ACK comes again, and this time there is room.
        let again = bench.pass(1_100);
        assert_eq!(again.iter().map(|(_, seen)| seen.flags()).collect::<Vec<_>>(), [SYN_ACK]);
        peers[1].send(&mut bench, Flags::ACK, b"");
        assert!(bench.host.tcp_accept(listener).is_some());
    }

    #[test]
    fn closing_a_listener_resets_who_waits_and_refuses_who_comes() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut waiting = Peer::new("10.0.0.2:1", "10.0.0.1:80");
        waiting.open(&mut bench);
        let mut half = Peer::new("10.0.0.2:2", "10.0.0.1:80");
        half.send(&mut bench, Flags::SYN, b"");
        let syn_ack = bench.one();
        half.take(&syn_ack);
        bench.host.tcp_unlisten(bench.now, listener);
        let reset = bench.one();
        assert_eq!((reset.dst, reset.header.seq), (waiting.at, waiting.ack));
        assert!(reset.flags().contains(Flags::RST));
        half.send(&mut bench, Flags::ACK, b"");
        assert_eq!(bench.one().flags(), Flags::RST);
        assert!(bench.pass(5_000).is_empty());
        let counts = bench.host.tcp_counts();
        assert_eq!((counts.connections, counts.half_open, counts.listeners), (0, 0, 0));
        assert_eq!(bench.host.budget().held_for(Account::TcpRecord), 0);
    }
}

mod deferred {
    use super::*;

    fn asked(bench: &mut Bench, from: &str) -> (Peer, stack::Pending) {
        let listener = bench.listen("10.0.0.1:80", ListenConfig { defer: true, ..ListenConfig::default() });
        let mut peer = Peer::new(from, "10.0.0.1:80");
        peer.send(bench, Flags::SYN, b"data is not kept");
        assert!(bench.sent().is_empty(), "no answer before the verdict");
        assert_eq!(bench.events(), [HostEvent::TcpPending(listener)]);
        let pending = bench.host.tcp_pending(listener).expect("a request");
        assert_eq!((pending.peer, pending.local), (peer.at, peer.to));
        assert_eq!(bench.host.tcp_pending(listener), None, "shown once");
        // The peer asks again meanwhile.
        peer.seq = SeqNum::new(5_000);
        peer.send(bench, Flags::SYN, b"");
        assert!(bench.sent().is_empty() && bench.events().is_empty());
        (peer, pending)
    }

    #[test]
    fn the_syn_ack_goes_out_when_the_user_says_so() {
        let mut bench = Bench::new();
        let (mut peer, pending) = asked(&mut bench, "10.0.0.2:1");
        assert!(bench.host.tcp_decide(bench.now, pending.id, Verdict::Accept));
        let syn_ack = bench.one();
        assert_eq!((syn_ack.flags(), syn_ack.header.ack), (SYN_ACK, SeqNum::new(5_001)));
        peer.take(&syn_ack);
        peer.send(&mut bench, Flags::ACK, b"");
        assert!(matches!(bench.events()[..], [HostEvent::TcpAcceptable(_)]));
        assert!(!bench.host.tcp_decide(bench.now, pending.id, Verdict::Reset), "decided");
    }

    #[test]
    fn a_refusal_is_a_rst_or_an_icmp_error_or_silence() {
        for verdict in [Verdict::Reset, Verdict::Unreachable, Verdict::Drop] {
            let mut bench = Bench::new();
            let (mut peer, pending) = asked(&mut bench, "10.0.0.2:1");
            assert!(bench.host.tcp_decide(bench.now, pending.id, verdict));
            let sent: Vec<Seen> = bench.sent();
            let flags: Vec<Flags> = sent.iter().map(Seen::flags).collect();
            match verdict {
                Verdict::Reset => {
                    assert_eq!(flags, [Flags::RST | Flags::ACK]);
                    assert_eq!(sent[0].header.ack, SeqNum::new(5_001), "the SYN; its data was not kept");
                }
                _ => assert_eq!(flags, []),
            }
            // ICMP destination unreachable, code 13: communication prohibited.
            let icmp: Vec<_> = bench.others.iter().map(|packet| (packet[20], packet[21])).collect();
            let expected: &[(u8, u8)] = if verdict == Verdict::Unreachable { &[(3, 13)] } else { &[] };
            assert_eq!(icmp, expected);
            assert_eq!(bench.host.tcp_counts().pending, 0);
            assert_eq!(bench.host.budget().held_for(Account::TcpRecord), 0);
            // The peer asks again: so is the user.
            peer.seq = SeqNum::new(5_000);
            peer.send(&mut bench, Flags::SYN, b"");
            assert!(matches!(bench.events()[..], [HostEvent::TcpPending(_)]));
        }
    }

    #[test]
    fn a_request_ends_with_its_peer_or_in_time() {
        let mut bench = Bench::new();
        let (mut peer, pending) = asked(&mut bench, "10.0.0.2:1");
        peer.seq = SeqNum::new(5_009);
        peer.send(&mut bench, Flags::RST, b"");
        assert_eq!(bench.host.tcp_counts().pending, 1, "not from the peer");
        peer.seq = SeqNum::new(5_001);
        peer.send(&mut bench, Flags::RST, b"");
        assert_eq!(bench.host.tcp_counts().pending, 0);
        assert!(!bench.host.tcp_decide(bench.now, pending.id, Verdict::Accept));

        let mut bench = Bench::new();
        asked(&mut bench, "10.0.0.2:1");
        assert!(bench.pass(181_000).is_empty());
        assert_eq!(bench.host.tcp_counts().pending, 0);
    }
}
