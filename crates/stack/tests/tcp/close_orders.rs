//! However a connection ends, nothing of it is left: by the hundred thousand, in every order of closing.

use crate::bench::{Bench, Peer};
use env::{Duration, Machine as _};
use stack::{Account, ConnectionId, ListenConfig};
use tcp::State;
use wire::tcp::Flags;

const FIN_ACK: Flags = Flags::from_bits(Flags::FIN.bits() | Flags::ACK.bits());

/// Opens and ends connections, `batch` at once, until there were 10^5; then everything must be as before the first.
#[track_caller]
fn hundred_thousand(batch: u32, end: fn(&mut Bench, &mut Peer, ConnectionId)) -> Bench {
    let mut bench = Bench::new();
    let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
    for n in 0..100_000 {
        let mut peer = Peer::of_crowd(n % batch, "10.0.0.1:80");
        peer.open(&mut bench);
        let (id, _) = bench.host.tcp_accept(listener).expect("open");
        end(&mut bench, &mut peer, id);
        bench.sent();
        bench.events();
        bench.now += Duration::from_micros(10);
        if n % batch == batch - 1 {
            bench.pass(900_000);
            bench.events();
            let counts = bench.host.tcp_counts();
            assert_eq!((counts.connections, counts.half_open, counts.time_wait), (0, 0, 0), "after {n}");
        }
    }
    bench.host.tcp_unlisten(bench.now, listener);
    for account in Account::ALL {
        assert_eq!(bench.host.budget().held_for(account), 0, "{account:?}");
    }
    assert_eq!((bench.host.counters().tcp_curr_estab, bench.host.poll_timeout()), (0, None));
    bench
}

/// Takes note of what the host says.
fn listen_to(bench: &mut Bench, peer: &mut Peer) {
    for seen in bench.sent() {
        peer.take(&seen);
    }
}

#[test]
fn we_close_and_then_the_peer_does() {
    let bench = hundred_thousand(50_000, |bench, peer, id| {
        bench.host.tcp_close(bench.now, id).expect("open");
        listen_to(bench, peer);
        peer.send(bench, Flags::ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::FinWait2);
        peer.send(bench, FIN_ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::TimeWait);
        bench.host.tcp_release(bench.now, id);
    });
    assert_eq!(bench.host.counters().tcp_time_wait_evicted, 0);
}

#[test]
fn the_peer_closes_and_then_we_do() {
    hundred_thousand(50_000, |bench, peer, id| {
        peer.send(bench, FIN_ACK, b"");
        listen_to(bench, peer);
        assert_eq!(bench.host.tcp_state(id), State::CloseWait);
        bench.host.tcp_release(bench.now, id);
        listen_to(bench, peer);
        peer.send(bench, Flags::ACK, b"");
        bench.sent();
        assert_eq!(bench.host.tcp_counts().connections + bench.host.tcp_counts().time_wait, 0);
    });
}

#[test]
fn both_close_at_once() {
    hundred_thousand(50_000, |bench, peer, id| {
        bench.host.tcp_close(bench.now, id).expect("open");
        let fin = bench.one();
        peer.send(bench, FIN_ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::Closing);
        peer.take(&fin);
        peer.send(bench, Flags::ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::TimeWait);
        bench.host.tcp_release(bench.now, id);
    });
}

#[test]
fn the_peer_acknowledges_our_fin_with_its_own() {
    hundred_thousand(50_000, |bench, peer, id| {
        bench.host.tcp_release(bench.now, id);
        listen_to(bench, peer);
        peer.send(bench, FIN_ACK, b"");
        bench.sent();
        assert_eq!(bench.host.tcp_counts().connections, 0, "a record is all that is left");
    });
}

#[test]
fn we_abort() {
    hundred_thousand(50_000, |bench, peer, id| {
        bench.host.tcp_abort(bench.now, id);
        bench.host.tcp_release(bench.now, id);
        assert!(bench.one().flags().contains(Flags::RST));
        assert_eq!(bench.host.tcp_counts().connections, 0);
        peer.send(bench, Flags::ACK, b"what for?");
    });
}

#[test]
fn the_peer_resets() {
    hundred_thousand(50_000, |bench, peer, id| {
        peer.send(bench, Flags::RST, b"");
        assert_eq!(bench.host.tcp_state(id), State::Closed);
        bench.host.tcp_release(bench.now, id);
        assert!(bench.sent().is_empty());
        assert_eq!(bench.host.tcp_counts().connections, 0);
    });
}

#[test]
fn we_let_go_of_what_we_never_read() {
    hundred_thousand(50_000, |bench, peer, id| {
        peer.send(bench, Flags::ACK | Flags::PSH, b"nobody reads this");
        bench.host.tcp_release(bench.now, id);
        assert!(bench.sent().iter().any(|seen| seen.flags().contains(Flags::RST)));
        assert_eq!(bench.host.tcp_counts().connections, 0);
    });
}

/// Nobody acknowledges our FIN: it is sent again and again, and given up.
#[test]
fn the_peer_is_gone_before_we_close() {
    hundred_thousand(20_000, |bench, _, id| bench.host.tcp_release(bench.now, id));
}

/// The peer acknowledges our FIN and never sends its own. The records of 50,000 would not fit their share of the budget.
#[test]
fn the_peer_is_gone_before_it_closes() {
    let bench = hundred_thousand(25_000, |bench, peer, id| {
        bench.host.tcp_release(bench.now, id);
        listen_to(bench, peer);
        peer.send(bench, Flags::ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::FinWait2);
    });
    let share = bench.host.budget().share(Account::TcpRecord);
    assert!(bench.host.budget().high_water_for(Account::TcpRecord) <= share);
}
