//! What sockets ask beyond the calls of RFC 9293: lingering, ports held and shared, readiness, options.

use crate::bench::{Bench, Peer, Two, at};
use env::{Duration, Machine as _};
use stack::{ConnectOptions, HostEvent, ListenConfig, ListenError, Sharing};
use std::collections::BTreeSet;
use tcp::{ConnectionError, SendFlags, State};
use wire::Payload;
use wire::tcp::Flags;

const SECONDS: fn(u64) -> Option<Duration> = |n| Some(Duration::from_secs(n));

mod linger {
    use super::*;

    /// A connection that is let go of with data that its peer does not acknowledge, and when it was reset, in ms.
    fn released(linger: Option<Duration>, millis: u64) -> (Bench, Vec<u64>) {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::of_crowd(1, "10.0.0.1:80");
        peer.open(&mut bench);
        let (id, _) = bench.host.tcp_accept(listener).expect("open");
        bench.host.tcp_set_linger(id, linger);
        let data = Payload::copy_of(b"nobody acknowledges this");
        bench.host.tcp_send(bench.now, id, data, SendFlags::default()).expect("room");
        bench.host.tcp_release(bench.now, id);
        let sent = bench.pass(millis);
        let resets = sent.iter().filter(|(_, seen)| seen.flags().contains(Flags::RST));
        let resets = resets.map(|(after, _)| *after).collect();
        (bench, resets)
    }

    #[test]
    fn what_is_left_when_the_time_is_over_is_reset_then_and_not_before() {
        assert_eq!(released(SECONDS(3), 2_999).1, []);
        let (bench, resets) = released(SECONDS(3), 3_000);
        assert_eq!(resets, [3_000]);
        assert_eq!(bench.host.tcp_counts().connections, 0);
    }

    #[test]
    fn no_time_at_all_is_a_reset_at_once() {
        let (bench, resets) = released(SECONDS(0), 0);
        assert_eq!((resets.as_slice(), bench.host.tcp_counts().connections), (&[0][..], 0));
    }

    #[test]
    fn without_it_delivery_goes_on() {
        let (bench, resets) = released(None, 60_000);
        assert_eq!((resets.len(), bench.host.tcp_counts().connections), (0, 1));
    }

    #[test]
    fn what_was_delivered_in_time_ends_as_ever() {
        let mut two = Two::new();
        let (ours, theirs) = two.established("10.0.0.2:80");
        two.hosts[0].tcp_set_linger(ours, SECONDS(3));
        two.send(0, ours, b"in time");
        two.hosts[0].tcp_release(two.now, ours);
        two.run(10_000);
        // Our FIN was acknowledged: the peer may take longer than that to close its own direction.
        assert_eq!(
            (two.receive(1, theirs).as_slice(), two.state(1, theirs)),
            (&b"in time"[..], State::CloseWait)
        );
        two.hosts[1].tcp_release(two.now, theirs);
        two.run(100);
        assert!(!two.take_events(1).contains(&HostEvent::TcpClosed(theirs, Some(ConnectionError::Reset))));
        assert_eq!(two.hosts[1].tcp_counts().connections, 0);
    }
}

mod ports {
    use super::*;

    const ADDRESS: Sharing = Sharing { address: true, port: false };
    const PORT: Sharing = Sharing { address: false, port: true };

    #[test]
    fn a_port_that_is_held_is_nobody_elses_until_it_is_given_back() {
        let mut bench = Bench::new();
        let held = bench.host.tcp_bind(at("10.0.0.1:0"), false, Sharing::default()).expect("a port");
        let local = held.local();
        assert!(local.port() >= 49_152, "{local}");
        let again = bench.host.tcp_bind(local, false, Sharing::default());
        assert_eq!(again, Err(ListenError::AddrInUse));
        let listening = bench.host.tcp_listen(bench.now, local, ListenConfig::default());
        assert_eq!(listening, Err(ListenError::AddrInUse));
        let foreign = bench.host.tcp_bind(at("10.0.0.9:80"), false, Sharing::default());
        assert_eq!(foreign, Err(ListenError::AddrNotAvailable));
        bench.host.tcp_unbind(held);
        assert!(bench.host.tcp_listen(bench.now, local, ListenConfig::default()).is_ok());
    }

    #[test]
    fn both_ip_versions_are_held_by_one() {
        let mut bench = Bench::new();
        let both = bench.host.tcp_bind(at("[::]:80"), true, Sharing::default()).expect("a port");
        let other = bench.host.tcp_bind(at("10.0.0.1:80"), false, Sharing::default());
        assert_eq!(other, Err(ListenError::AddrInUse));
        bench.host.tcp_unbind(both);
        let one = bench.host.tcp_bind(at("[::]:80"), false, Sharing::default()).expect("a port");
        let other =
            bench.host.tcp_bind(at("10.0.0.1:80"), false, Sharing::default()).expect("the other version's");
        bench.host.tcp_unbind(one);
        bench.host.tcp_unbind(other);
    }

    #[test]
    fn an_address_may_be_shared_by_those_who_say_so_until_one_listens() {
        let mut bench = Bench::new();
        let one = bench.host.tcp_bind(at("10.0.0.1:80"), false, ADDRESS).expect("a port");
        let two = bench.host.tcp_bind(at("10.0.0.1:80"), false, ADDRESS).expect("the same");
        let three = bench.host.tcp_bind(at("10.0.0.1:80"), false, Sharing::default());
        assert_eq!(three, Err(ListenError::AddrInUse), "it did not say so");
        bench.host.tcp_unbind(one);
        let listener = bench.host.tcp_listen(bench.now, at("10.0.0.1:80"), ListenConfig::default());
        assert!(listener.is_ok());
        assert_eq!(bench.host.tcp_bind(at("10.0.0.1:80"), false, ADDRESS), Err(ListenError::AddrInUse));
        bench.host.tcp_unbind(two);
    }

    #[test]
    fn listeners_that_share_a_port_share_its_peers_and_each_peer_meets_one() {
        let mut bench = Bench::new();
        let config = || ListenConfig { reuse_port: true, ..ListenConfig::default() };
        let listeners: Vec<_> = (0..3).map(|_| bench.listen("10.0.0.1:80", config())).collect();
        let alone = bench.host.tcp_listen(bench.now, at("10.0.0.1:80"), ListenConfig::default());
        assert_eq!(alone, Err(ListenError::AddrInUse), "it does not share");
        assert!(
            bench.host.tcp_bind(at("10.0.0.1:80"), false, PORT).map(|b| bench.host.tcp_unbind(b)).is_ok()
        );
        for n in 0..96 {
            Peer::of_crowd(n, "10.0.0.1:80").open(&mut bench);
        }
        let mut peers = BTreeSet::new();
        for &listener in &listeners {
            let mut met = 0;
            while let Some((_, peer)) = bench.host.tcp_accept(listener) {
                met += 1;
                assert!(peers.insert(peer), "{peer} twice");
            }
            assert!(met > 10, "{met} of 96 met it");
        }
        assert_eq!(peers.len(), 96);
        bench.host.tcp_unlisten(bench.now, listeners[0]);
        bench.host.tcp_unlisten(bench.now, listeners[1]);
        for n in 100..110 {
            Peer::of_crowd(n, "10.0.0.1:80").open(&mut bench);
        }
        let left = std::iter::from_fn(|| bench.host.tcp_accept(listeners[2])).count();
        assert_eq!(left, 10, "the one that is left meets all");
    }

    #[test]
    fn a_connection_may_come_from_a_port_that_shares_itself() {
        let mut bench = Bench::new();
        let bound = bench.host.tcp_bind(at("10.0.0.1:5000"), false, ADDRESS).expect("a port");
        let from = |reuse| {
            let to = ConnectOptions::to(at("10.0.0.2:80"));
            ConnectOptions { local: Some(at("10.0.0.1:5000")), reuse, ..to }
        };
        assert!(bench.host.tcp_connect(bench.now, from(false)).is_err());
        let id = bench.host.tcp_connect(bench.now, from(true)).expect("shared");
        assert_eq!(bench.host.tcp_addrs(id).map(|(local, _)| local), Some(at("10.0.0.1:5000")));
        bench.host.tcp_unbind(bound);
    }
}

mod readiness {
    use super::*;

    #[test]
    fn what_could_be_done_is_what_can_be_done() {
        let mut two = Two::new();
        let (ours, theirs) = two.established("10.0.0.2:80");
        let ready = |two: &mut Two, n: usize, id| {
            let is = two.hosts[n].tcp_readiness(id).expect("a connection");
            (is.readable, is.read_closed, is.writable, is.write_closed)
        };
        assert_eq!(ready(&mut two, 0, ours), (false, false, true, false));
        two.send(1, theirs, b"x");
        two.run(50);
        assert_eq!(ready(&mut two, 0, ours), (true, false, true, false));
        two.receive(0, ours);
        two.hosts[1].tcp_close(two.now, theirs).expect("open");
        two.run(50);
        assert_eq!(ready(&mut two, 0, ours), (true, true, true, false));
        two.hosts[0].tcp_close(two.now, ours).expect("open");
        assert_eq!(ready(&mut two, 0, ours), (true, true, true, true));
    }

    #[test]
    fn who_looks_for_room_in_vain_is_told_when_there_is() {
        let mut two = Two::new();
        let (ours, theirs) = two.established("10.0.0.2:80");
        two.hosts[0].tcp_set_buffers(two.now, ours, Some(4_096), None).expect("sound");
        two.take_events(0);
        // Exactly full: no write was refused, so nobody but the look itself asks to be told.
        assert_eq!(two.send(0, ours, &[1; 4_096]), 4_096);
        assert!(!two.hosts[0].tcp_readiness(ours).expect("a connection").writable);
        two.run(50);
        assert!(two.take_events(0).contains(&HostEvent::TcpWritable(ours)));
        assert!(two.hosts[0].tcp_readiness(ours).expect("a connection").writable);
        assert_eq!(two.receive(1, theirs).len(), 4_096);
    }

    #[test]
    fn a_cut_after_the_end_was_read_has_lost_nothing_and_says_so() {
        for (read, lost) in [(true, false), (false, true)] {
            let mut two = Two::new();
            let (ours, theirs) = two.established("10.0.0.2:80");
            two.send(1, theirs, b"last");
            two.hosts[1].tcp_release(two.now, theirs);
            two.run(50);
            if read {
                two.receive(0, ours);
            }
            two.send(0, ours, b"too late"); // answered with RST, for nobody reads it
            two.run(50);
            let is = two.hosts[0].tcp_readiness(ours).expect("a connection");
            assert_eq!((is.error, is.finished), (Some(ConnectionError::Reset), !lost));
        }
    }
}

mod options {
    use super::*;

    #[test]
    fn options_are_as_they_were_set_and_gone_with_their_connection() {
        let mut two = Two::new();
        let (ours, _) = two.established("10.0.0.2:80");
        let (host, now) = (&mut two.hosts[0], two.now);
        host.tcp_set_nagle(now, ours, false);
        host.tcp_set_linger(ours, SECONDS(7));
        host.tcp_set_marks(ours, Some(9), Some(46));
        host.tcp_set_ack_delay(now, ours, Duration::ZERO).expect("sound");
        host.tcp_set_buffers(now, ours, Some(10_000), Some(20_000)).expect("sound");
        let is = host.tcp_options(ours).expect("a connection");
        assert_eq!((is.settings.nagle, is.linger, is.ttl, is.dscp), (false, SECONDS(7), 9, 46));
        assert_eq!((is.settings.send_buffer, is.settings.receive_buffer), (10_000, 20_000));
        assert!(is.settings.ack_delay.is_zero());
        assert!(host.tcp_set_ack_delay(now, ours, Duration::from_millis(500)).is_err());
        host.tcp_abort(now, ours);
        host.tcp_release(now, ours);
        while host.poll_transmit(now).is_some() {}
        assert_eq!(host.tcp_options(ours), None);
    }

    /// Covers: RFC 9293 MUST-40
    #[test]
    fn without_a_delay_every_segment_is_acknowledged_at_once() {
        for (delay, waits) in [(40, true), (0, false)] {
            let mut bench = Bench::new();
            let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
            let mut peer = Peer::of_crowd(1, "10.0.0.1:80");
            peer.open(&mut bench);
            let (id, _) = bench.host.tcp_accept(listener).expect("open");
            bench.host.tcp_set_ack_delay(bench.now, id, Duration::from_millis(delay)).expect("sound");
            // The first segments are acknowledged at once anyhow.
            for _ in 0..20 {
                peer.send(&mut bench, Flags::ACK, b"x");
                bench.pass(100);
            }
            peer.send(&mut bench, Flags::ACK, b"x");
            let sent = bench.pass(1_000);
            let (after, ack) = sent.first().expect("an ACK");
            assert_eq!((*after, ack.flags()), (if waits { 40 } else { 0 }, Flags::ACK));
        }
    }
}
