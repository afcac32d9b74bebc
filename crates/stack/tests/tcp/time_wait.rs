//! TIME-WAIT on a host: its end, its reuse from both sides, and the records' bounds.

use crate::bench::{Bench, Peer, Two, at};
use env::Duration;
use stack::{ConnectError, ConnectOptions, HostEvent, ListenConfig};
use tcp::State;
use wire::tcp::Flags;

/// A listener at port 80, and a connection from 10.0.0.2:9 that we closed first: it is in TIME-WAIT.
fn closed(stamp: Option<u32>) -> (Bench, Peer, stack::ListenerId) {
    let mut bench = Bench::new();
    let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
    let mut peer = Peer { stamp, ..Peer::new("10.0.0.2:9", "10.0.0.1:80") };
    peer.open(&mut bench);
    let (id, _) = bench.host.tcp_accept(listener).expect("open");
    bench.host.tcp_release(bench.now, id);
    let fin = bench.one();
    assert!(fin.flags().contains(Flags::FIN));
    peer.take(&fin);
    peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
    let ack = bench.one();
    assert_eq!(ack.header.ack, peer.seq);
    bench.events();
    let counts = bench.host.tcp_counts();
    assert_eq!((counts.connections, counts.time_wait), (0, 1), "a record is all that is left");
    (bench, peer, listener)
}

mod rfc9293_3_6_1 {
    use super::*;

    /// Covers: RFC 9293 MUST-13, 9293-E23
    #[test]
    fn it_ends_after_two_lifetimes_from_the_last_fin() {
        let (mut bench, peer, _) = closed(None);
        assert!(bench.pass(59_999).is_empty());
        assert_eq!(bench.host.tcp_counts().time_wait, 1);
        let mut again = Peer { seq: peer.seq - 1, ..peer.clone() };
        again.send(&mut bench, Flags::FIN | Flags::ACK, b"");
        assert_eq!(bench.one().header.ack, peer.seq);
        assert!(bench.pass(59_999).is_empty());
        assert_eq!(bench.host.tcp_counts().time_wait, 1);
        bench.pass(1);
        assert_eq!(bench.host.tcp_counts().time_wait, 0);
    }

    /// Covers: RFC 1337 1337-1
    #[test]
    fn neither_reset_nor_old_data_ends_it_early() {
        let (mut bench, mut peer, _) = closed(None);
        peer.send(&mut bench, Flags::RST, b"");
        assert!(bench.sent().is_empty());
        let mut old = Peer { seq: peer.seq - 50, ..peer.clone() };
        old.send(&mut bench, Flags::ACK, b"old");
        let ack = bench.one();
        assert_eq!((ack.flags(), ack.header.ack), (Flags::ACK, peer.seq));
        Peer { seq: peer.seq, ..peer.clone() }.send(&mut bench, Flags::RST, b"");
        assert_eq!(bench.host.tcp_counts().time_wait, 1);
        bench.pass(60_000);
        assert_eq!(bench.host.tcp_counts().time_wait, 0);
    }

    #[test]
    fn a_user_who_still_reads_is_told_when_it_is_over() {
        let mut two = Two::new();
        let (ours, theirs) = two.established("10.0.0.2:80");
        two.hosts[0].tcp_close(two.now, ours).expect("open");
        two.run(20);
        two.send(1, theirs, b"last words");
        two.hosts[1].tcp_release(two.now, theirs);
        two.run(50);
        assert_eq!(two.state(0, ours), State::TimeWait);
        two.take_events(0);
        assert_eq!(two.receive(0, ours), b"last words");
        two.run(61_000);
        assert_eq!(two.take_events(0), [HostEvent::TcpClosed(ours, None)]);
        assert_eq!(two.state(0, ours), State::Closed);
    }
}

mod rfc6191_2 {
    use super::*;

    /// Covers: RFC 9293 MAY-2; RFC 6191 6191-1, 6191-3
    #[test]
    fn a_newer_syn_opens_again_with_a_larger_number() {
        for stamp in [None, Some(1_000)] {
            let (mut bench, old, listener) = closed(stamp);
            let mut new = Peer { stamp: stamp.map(|t| t + 1), seq: old.seq, ..old.clone() };
            let syn_ack = new.open(&mut bench);
            assert!(syn_ack.header.seq.after(old.ack + 65_535), "beyond everything of the old one");
            assert!(bench.host.tcp_accept(listener).is_some());
            let counts = bench.host.tcp_counts();
            assert_eq!((counts.time_wait, counts.connections), (0, 1));
            assert_eq!(bench.host.counters().tcp_time_wait_reused, 1);
        }
    }

    /// Covers: RFC 6191 6191-4
    #[test]
    fn an_older_syn_is_dropped_silently() {
        let (mut bench, old, _) = closed(Some(1_000));
        let mut older = Peer { stamp: Some(999), ..old };
        older.send(&mut bench, Flags::SYN, b"");
        assert!(bench.sent().is_empty());
        bench.pass(60_000);
        assert_eq!(bench.host.tcp_counts().time_wait, 0, "2 MSL were not restarted");
    }

    /// The SYN looked newer, but its sender knows nothing of it: back to TIME-WAIT.
    ///
    /// Covers: RFC 9293 MAY-2
    #[test]
    fn when_the_syn_was_an_old_duplicate_after_all_time_wait_goes_on() {
        let (mut bench, old, listener) = closed(None);
        let mut ghost = Peer { seq: old.seq + 1_000, ..old.clone() };
        ghost.send(&mut bench, Flags::SYN, b"");
        let counts = bench.host.tcp_counts();
        assert_eq!((counts.half_open, counts.time_wait), (1, 0));
        bench.sent();
        ghost.send(&mut bench, Flags::RST, b"");
        let counts = bench.host.tcp_counts();
        assert_eq!((counts.half_open, counts.time_wait), (0, 1));
        assert!(bench.host.tcp_accept(listener).is_none());
        let mut again = Peer { seq: old.seq - 1, ..old.clone() };
        again.send(&mut bench, Flags::FIN | Flags::ACK, b"");
        assert_eq!(bench.one().header.ack, old.seq, "it answers the old FIN as before");
        bench.pass(60_000);
        assert_eq!((bench.host.tcp_counts().time_wait, bench.host.budget().held()), (0, 0));
    }

    #[test]
    fn a_syn_for_a_listener_that_is_gone_is_refused() {
        let (mut bench, old, listener) = closed(None);
        bench.host.tcp_unlisten(bench.now, listener);
        let mut new = Peer { seq: old.seq, ..old };
        new.send(&mut bench, Flags::SYN, b"");
        assert_eq!(bench.one().flags(), Flags::RST | Flags::ACK);
        assert_eq!(bench.host.tcp_counts().time_wait, 1);
    }
}

mod reuse_by_us {
    use super::*;

    /// An active connection from port 4000 that we closed first.
    fn closed_by_us(stamp: Option<u32>) -> (Bench, Peer) {
        let mut bench = Bench::new();
        let options =
            ConnectOptions { local: Some(at("10.0.0.1:4000")), ..ConnectOptions::to(at("10.0.0.2:80")) };
        let id = bench.host.tcp_connect(bench.now, options).expect("free");
        let syn = bench.one();
        let mut peer = Peer { stamp, ..Peer::new("10.0.0.2:80", "10.0.0.1:4000") };
        peer.take(&syn);
        peer.send(&mut bench, Flags::SYN | Flags::ACK, b"");
        bench.sent();
        bench.host.tcp_release(bench.now, id);
        let fin = bench.one();
        peer.take(&fin);
        peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
        bench.one();
        assert_eq!(bench.host.tcp_counts().time_wait, 1);
        (bench, peer)
    }

    fn again(bench: &mut Bench) -> Result<stack::ConnectionId, ConnectError> {
        let options =
            ConnectOptions { local: Some(at("10.0.0.1:4000")), ..ConnectOptions::to(at("10.0.0.2:80")) };
        bench.host.tcp_connect(bench.now, options)
    }

    /// Covers: RFC 6528 6528-6
    #[test]
    fn with_timestamps_a_second_is_enough_and_numbers_go_on() {
        let (mut bench, peer) = closed_by_us(Some(50));
        bench.pass(999);
        assert_eq!(again(&mut bench), Err(ConnectError::AddrInUse));
        bench.pass(1);
        assert!(again(&mut bench).is_ok());
        let syn = bench.one();
        assert!(syn.header.seq.after(peer.ack));
        assert_eq!(bench.host.tcp_counts().time_wait, 0);
    }

    #[test]
    fn without_timestamps_it_takes_two_lifetimes() {
        let (mut bench, _) = closed_by_us(None);
        bench.pass(59_000);
        assert_eq!(again(&mut bench), Err(ConnectError::AddrInUse));
        bench.pass(1_000);
        assert!(again(&mut bench).is_ok());
    }

    /// Covers: RFC 6056 6056-5
    #[test]
    fn a_port_at_rest_is_chosen_when_there_is_no_other() {
        let mut two = Two::new();
        two.hosts[0].tcp_set_port_range(50_000..=50_001).expect("a range");
        let listener = two.listen(1, "10.0.0.2:80", ListenConfig::default());
        for _ in 0..10 {
            let id = two.connect(0, "10.0.0.2:80");
            two.run(50);
            let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("open");
            two.hosts[0].tcp_release(two.now, id);
            two.run(50);
            two.hosts[1].tcp_release(two.now, theirs);
            two.run(1_000);
        }
        assert_eq!(two.hosts[0].tcp_counts().time_wait, 2);
        assert_eq!(two.hosts[0].counters().tcp_time_wait_reused, 8);
    }
}

mod users {
    use super::*;

    #[test]
    fn who_let_go_hear_no_more_not_even_of_what_came_before() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        peer.open(&mut bench);
        let (id, _) = bench.host.tcp_accept(listener).expect("open");
        bench.events();
        peer.send(&mut bench, Flags::ACK, b"news");
        bench.host.tcp_release(bench.now, id);
        assert_eq!(bench.events(), []);
    }

    /// Lets a connection go on into TIME-WAIT while its user holds on to it.
    fn held(bench: &mut Bench, id: stack::ConnectionId, peer: &mut Peer) {
        bench.host.tcp_close(bench.now, id).expect("open");
        let fin = bench.one();
        peer.take(&fin);
        peer.send(bench, Flags::FIN | Flags::ACK, b"");
        bench.one();
        assert_eq!(bench.host.tcp_state(id), State::TimeWait);
        bench.events();
    }

    /// The connection is over for its user, and nothing of it is left once that user has gone too.
    fn told(bench: &mut Bench, old: stack::ConnectionId) {
        bench.pass(61_000);
        let closed = HostEvent::TcpClosed(old, None);
        assert_eq!(bench.events().into_iter().filter(|event| *event == closed).count(), 1);
        assert_eq!(bench.host.tcp_state(old), State::Closed);
        let before = bench.host.tcp_counts().connections;
        bench.host.tcp_release(bench.now, old);
        bench.sent();
        assert_eq!(bench.host.tcp_counts().connections, before - 1);
    }

    #[test]
    fn whose_connection_made_room_for_a_newer_one_of_the_peer_are_told() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        peer.open(&mut bench);
        let (old, _) = bench.host.tcp_accept(listener).expect("open");
        held(&mut bench, old, &mut peer);
        Peer { seq: peer.seq, ..peer.clone() }.open(&mut bench);
        let (new, _) = bench.host.tcp_accept(listener).expect("open");
        told(&mut bench, old);
        assert_eq!(bench.host.tcp_state(new), State::Established);
    }

    #[test]
    fn whose_connection_made_room_for_a_newer_one_of_ours_are_told() {
        let mut bench = Bench::new();
        let connect = |bench: &mut Bench, stamp: u32| {
            let options =
                ConnectOptions { local: Some(at("10.0.0.1:4000")), ..ConnectOptions::to(at("10.0.0.2:80")) };
            let id = bench.host.tcp_connect(bench.now, options).expect("free");
            let syn = bench.one();
            let mut peer = Peer { stamp: Some(stamp), ..Peer::new("10.0.0.2:80", "10.0.0.1:4000") };
            peer.take(&syn);
            peer.send(bench, Flags::SYN | Flags::ACK, b"");
            bench.sent();
            (id, peer)
        };
        let (old, mut peer) = connect(&mut bench, 50);
        held(&mut bench, old, &mut peer);
        bench.pass(1_000);
        let (new, _) = connect(&mut bench, 2_000);
        told(&mut bench, old);
        assert_eq!(bench.host.tcp_state(new), State::Established);
    }
}

mod bounds {
    use super::*;

    /// Sixty thousand short connections a minute are no trouble, and one more than fit ends the oldest early.
    #[test]
    fn the_oldest_record_makes_room() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        for n in 0..65_537 {
            let mut peer = Peer::of_crowd(n, "10.0.0.1:80");
            peer.open(&mut bench);
            let (id, _) = bench.host.tcp_accept(listener).expect("open");
            bench.host.tcp_release(bench.now, id);
            for seen in bench.sent() {
                peer.take(&seen);
            }
            peer.send(&mut bench, Flags::FIN | Flags::ACK, b"");
            bench.sent();
            bench.events();
            bench.now += Duration::from_micros(10);
        }
        assert_eq!(bench.host.tcp_counts().time_wait, 65_536);
        assert_eq!(bench.host.counters().tcp_time_wait_evicted, 1);
        bench.pass(61_000);
        assert_eq!((bench.host.tcp_counts().time_wait, bench.host.budget().held()), (0, 0));
    }
}
