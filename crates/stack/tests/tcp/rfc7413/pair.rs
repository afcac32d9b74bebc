//! Two hosts, a listener that takes data with a SYN, and a wire that loses and doubles.

use super::{ASKS, SERVES, keys};
use crate::bench::{Two, at};
use env::{Duration, Instant};
use proptest::prelude::*;
use stack::{ConnectOptions, ConnectionId, FastOpenConnect, ListenConfig, ListenerId};
use std::cell::RefCell;
use tcp::State;
use tcp::fast_open::FastOpenState;

const SERVER: &str = "10.0.0.2:80";

/// The second serves, and has given the first a cookie.
fn acquainted() -> (Two, ListenerId) {
    let mut two = Two::new();
    let listener = two.listen(1, SERVER, ListenConfig::default());
    assert!(two.hosts[1].tcp_listener_fast_open(listener, SERVES));
    let (first, taken) = open(&mut two, b"nothing yet");
    assert_eq!(taken, 0);
    two.run(50);
    assert_eq!(two.hosts[0].tcp_fast_open_state(first), Some(FastOpenState::Given));
    close(&mut two, listener, first);
    (two, listener)
}

fn close(two: &mut Two, listener: ListenerId, ours: ConnectionId) {
    let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("it was opened");
    two.hosts[0].tcp_abort(two.now, ours);
    two.hosts[0].tcp_release(two.now, ours);
    two.run(50);
    two.hosts[1].tcp_release(two.now, theirs);
    two.run(50);
}

fn open(two: &mut Two, data: &[u8]) -> (ConnectionId, usize) {
    let options = ConnectOptions::to(at(SERVER));
    two.hosts[0].tcp_connect_with(two.now, options, ASKS, data.to_vec().into()).expect("a connection")
}

/// Covers: RFC 7413 7413-9
#[test]
fn a_question_is_answered_within_one_round_trip() {
    let (mut two, listener) = acquainted();
    let begin = two.now;
    let (ours, taken) = open(&mut two, b"question");
    assert_eq!(taken, 8);
    two.run(5);
    let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("the SYN was enough");
    assert_eq!(two.state(1, theirs), State::SynReceived);
    assert_eq!(two.receive(1, theirs), b"question");
    two.send(1, theirs, b"answer");
    two.run(5);
    assert_eq!(two.receive(0, ours), b"answer");
    assert_eq!(two.now.since(begin), Duration::from_millis(10));
    two.run(50);
    assert_eq!((two.state(0, ours), two.state(1, theirs)), (State::Established, State::Established));
    assert_eq!(two.hosts[0].tcp_fast_open_state(ours), Some(FastOpenState::Accepted));
    assert_eq!(two.hosts[1].tcp_fast_open_state(theirs), Some(FastOpenState::Served));
}

/// Covers: RFC 7413 7413-3, 7413-10
#[test]
fn an_expired_cookie_costs_a_round_trip_and_is_replaced() {
    let (mut two, listener) = acquainted();
    two.hosts[1].tcp_set_fast_open_keys(None, keys(9, None));
    for (state, early) in [(FastOpenState::Refused, false), (FastOpenState::Accepted, true)] {
        let (ours, taken) = open(&mut two, b"question");
        assert_eq!(taken, 8);
        two.run(5);
        assert_eq!(two.hosts[1].tcp_accept(listener).is_some(), early);
        two.run(50);
        assert_eq!(two.hosts[0].tcp_fast_open_state(ours), Some(state));
    }
    let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("the first, after its handshake");
    assert_eq!(two.receive(1, theirs), b"question");
}

/// Keys that a host derives by itself live for twelve to twenty-four hours.
///
/// Covers: RFC 7413 7413-3
#[test]
fn cookies_expire_by_themselves() {
    let (mut two, listener) = acquainted();
    for (hours, state) in [(13, FastOpenState::Accepted), (37, FastOpenState::Refused)] {
        // Of the first cookie and of the second, which replaced it.
        two.run_until(Instant::from_secs(hours * 3600));
        let (ours, _) = open(&mut two, b"question");
        two.run(50);
        assert_eq!(two.hosts[0].tcp_fast_open_state(ours), Some(state), "after {hours} hours");
        close(&mut two, listener, ours);
    }
}

#[test]
fn without_cookies_the_first_connection_carries_data() {
    let mut two = Two::new();
    let listener = two.listen(1, SERVER, ListenConfig::default());
    let bare = stack::FastOpenListen { queue: 4, cookie: false };
    assert!(two.hosts[1].tcp_listener_fast_open(listener, Some(bare)));
    let options = ConnectOptions::to(at(SERVER));
    let how = FastOpenConnect { cookie: false };
    let (ours, taken) =
        two.hosts[0].tcp_connect_with(two.now, options, how, vec![7; 100].into()).expect("a connection");
    assert_eq!(taken, 100);
    two.run(5);
    let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("the SYN was enough");
    assert_eq!(two.receive(1, theirs), [7; 100]);
    two.run(20);
    assert_eq!(two.hosts[0].tcp_fast_open_state(ours), Some(FastOpenState::Accepted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever the way loses, what goes with a SYN is read once, and so is what follows.
    #[test]
    fn data_of_a_syn_is_delivered_exactly_once(
        lose in proptest::collection::btree_set(1u64..14, 0..7), first in 0usize..3_000, more in 0usize..5_000,
        answer in 0usize..20_000, forgets: bool,
    ) {
        let (mut two, listener) = acquainted();
        if forgets {
            two.hosts[1].tcp_set_fast_open_keys(None, keys(3, None));
        }
        let begin = two.sent;
        two.lose = lose.into_iter().map(|n| begin + n).collect();
        let data: Vec<u8> = (0..first + more).map(|n| (n % 251) as u8).collect();
        let (ours, taken) = open(&mut two, &data[..first]);
        prop_assert!(taken <= first.min(1_420));
        let mut written = taken;
        let reply: Vec<u8> = (0..answer).map(|n| (n % 241) as u8).collect();
        let (mut theirs, mut heard, mut said, mut read) = (None, Vec::new(), 0, Vec::new());
        for _ in 0..4_000 {
            if written < data.len() {
                let rest = data[written..].to_vec();
                let now = two.now;
                written += two.hosts[0].tcp_send(now, ours, rest.into(), tcp::SendFlags::default()).unwrap_or(0);
            }
            theirs = theirs.or_else(|| two.hosts[1].tcp_accept(listener).map(|(id, _)| id));
            if let Some(theirs) = theirs {
                heard.extend(two.receive(1, theirs));
                if said < reply.len() {
                    let now = two.now;
                    let rest = reply[said..].to_vec();
                    said += two.hosts[1].tcp_send(now, theirs, rest.into(), tcp::SendFlags::default()).unwrap_or(0);
                }
            }
            read.extend(two.receive(0, ours));
            if heard.len() >= data.len() && read.len() >= reply.len() && theirs.is_some() {
                break;
            }
            two.run(10);
        }
        prop_assert_eq!(heard, data);
        prop_assert_eq!(read, reply);
        two.run(2_000);
        prop_assert_eq!(two.hosts[1].tcp_accept(listener), None, "one connection");
        let theirs = theirs.expect("it was accepted");
        prop_assert_eq!((two.state(0, ours), two.state(1, theirs)), (State::Established, State::Established));
    }
}

/// A doubled SYN that comes while its connection lives opens no other; one that comes when it is forgotten does: that is
/// what an application that asks for Fast Open has to stand (§2.1).
///
/// Covers: RFC 7413 7413-13
#[test]
fn a_copy_of_a_syn_is_a_new_connection_once_the_first_is_forgotten() {
    thread_local!(static SYN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) });
    let (mut two, listener) = acquainted();
    two.harm = |_, bytes| {
        SYN.with_borrow_mut(|syn| {
            syn.get_or_insert_with(|| bytes.clone());
        })
    };
    let (ours, _) = open(&mut two, b"pay");
    two.run(50);
    let copy = SYN.with(|syn| syn.borrow().clone()).expect("a SYN");
    let (theirs, _) = two.hosts[1].tcp_accept(listener).expect("it was opened");
    two.replay(1, copy.clone());
    two.run(50);
    assert_eq!(two.hosts[1].tcp_accept(listener), None);
    assert_eq!(two.receive(1, theirs), b"pay");

    // The client closes, and the server forgets.
    two.hosts[0].tcp_release(two.now, ours);
    two.run(50);
    two.hosts[1].tcp_release(two.now, theirs);
    two.run(50);
    two.replay(1, copy);
    two.run(1);
    let (twice, _) = two.hosts[1].tcp_accept(listener).expect("another connection");
    assert_eq!(two.receive(1, twice), b"pay");
}
