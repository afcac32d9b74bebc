//! §3.6: closing, and §3.5.2, §3.5.3: resets.

use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{ConnectionError, Event, ReceiveError, Segment, SendError, State};
use wire::Payload;
use wire::tcp::{Flags, Header};

/// Covers: RFC 9293 9293-E18, 9293-E20, 9293-E22, 9293-E24, 9293-E26, MUST-13, MUST-12
#[test]
fn figure_12_the_normal_close() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    assert_eq!(pair.a.state(), State::FinWait1);
    pair.settle(Duration::from_millis(100));
    assert_eq!((pair.a.state(), pair.b.state()), (State::FinWait2, State::CloseWait));
    assert!(pair.b.has(Event::PeerClosed));
    let now = pair.now;
    assert_eq!(pair.b.tcp().receive(now, 10), Err(ReceiveError::Finished));
    pair.b.tcp().close(now).unwrap();
    assert_eq!(pair.b.state(), State::LastAck);
    pair.settle(Duration::from_millis(100));
    assert_eq!((pair.a.state(), pair.b.state()), (State::TimeWait, State::Closed));
    assert_eq!(
        pair.transcript(),
        [
            "a FIN,ACK seq=1 len=0 closes",
            "b ACK seq=1 len=0 acknowledges FIN",
            "b FIN,ACK seq=1 len=0 closes",
            "a ACK seq=2 len=0 acknowledges FIN",
        ]
    );
    let entered = pair.seen[3].at;
    while pair.step() {}
    assert_eq!(pair.a.state(), State::Closed);
    assert_eq!(pair.now.since(entered), Duration::from_secs(60));
    assert!(pair.a.has(Event::Closed(None)) && pair.b.has(Event::Closed(None)));
}

/// Covers: RFC 9293 9293-E19, 9293-E21
#[test]
fn figure_13_both_close_at_once() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    pair.b.tcp().close(now).unwrap();
    pair.step();
    assert_eq!((pair.a.state(), pair.b.state()), (State::Closing, State::Closing));
    pair.settle(Duration::from_millis(100));
    assert_eq!((pair.a.state(), pair.b.state()), (State::TimeWait, State::TimeWait));
    assert_eq!(pair.seen.len(), 4);
}

/// Covers: RFC 9293 9293-E48, 9293-E19
#[test]
fn three_segments_are_enough_when_the_peer_closes_with_its_ack() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    // The peer's user closes before the peer's ACK is polled.
    let fin = pair.a.tcp().poll_transmit(now).unwrap();
    pair.b.tcp().handle_segment(now, fin.segment);
    pair.b.tcp().close(now).unwrap();
    pair.settle(Duration::from_millis(100));
    assert_eq!(pair.transcript(), ["b FIN,ACK seq=1 len=0 closes", "a ACK seq=2 len=0 acknowledges FIN"]);
    assert_eq!((pair.a.state(), pair.b.state()), (State::TimeWait, State::Closed));
}

/// Covers: RFC 9293 9293-E28, 9293-E26, 9293-E39
#[test]
fn half_closed_the_other_direction_flows_for_an_hour() {
    let mut pair = Pair::established();
    pair.write(true, b"request");
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    assert_eq!(pair.a.tcp().close(now), Err(SendError::Closing));
    pair.settle(Duration::from_millis(100));
    for _ in 0..60 {
        pair.write(false, &[7; 3000]);
        pair.settle(Duration::from_secs(60));
    }
    assert_eq!((pair.a.state(), pair.b.state()), (State::FinWait2, State::CloseWait));
    assert_eq!(pair.a.received.len(), 180_000);
    assert_eq!(pair.b.received, b"request");
    let now = pair.now;
    pair.b.tcp().close(now).unwrap();
    pair.settle(Duration::from_millis(100));
    assert_eq!((pair.a.state(), pair.b.state()), (State::TimeWait, State::Closed));
}

/// Covers: RFC 9293 9293-E23, MUST-13
#[test]
fn a_lost_last_ack_is_sent_again_and_time_wait_starts_over() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    pair.settle(Duration::from_millis(100));
    let mut lost = false;
    pair.keep = Box::new(move |_, seen| !seen.from_a || std::mem::replace(&mut lost, true));
    let now = pair.now;
    pair.b.tcp().close(now).unwrap();
    pair.settle(Duration::from_secs(5));
    assert_eq!(pair.b.state(), State::Closed);
    let again = pair.seen.iter().rfind(|seen| seen.from_a).unwrap().at;
    while pair.step() {}
    assert_eq!(pair.now.since(again), Duration::from_secs(60));
}

/// Covers: RFC 9293 9293-E29, 9293-E12, MUST-12, 9293-E46
#[test]
fn abort_resets_and_the_peer_is_told() {
    let mut pair = Pair::established();
    pair.write(true, b"never mind");
    let now = pair.now;
    pair.a.tcp().abort(now);
    assert_eq!(pair.a.state(), State::Closed);
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.transcript(), ["a RST,ACK seq=1 len=0 reset: the user aborted"]);
    assert!(pair.b.has(Event::Closed(Some(ConnectionError::Reset))));
    let now = pair.now;
    assert_eq!(pair.b.tcp().receive(now, 1), Err(ReceiveError::Closed(ConnectionError::Reset)));
    assert_eq!(
        pair.b.tcp().send(now, Payload::from(b"x"), Default::default()),
        Err(SendError::Closed(Some(ConnectionError::Reset)))
    );
}

/// A peer that closes with data unread sends a RST behind its last words (SHLD-3): they are read before it is told.
///
/// Covers: RFC 9293 9293-E12
#[test]
fn what_was_acknowledged_before_a_reset_is_still_read() {
    let mut pair = Pair::established();
    pair.b.reads = false;
    pair.write(true, b"last words");
    pair.settle(Duration::from_secs(1));
    let now = pair.now;
    pair.a.tcp().abort(now);
    pair.settle(Duration::from_secs(1));
    assert!(pair.b.has(Event::Closed(Some(ConnectionError::Reset))));
    let now = pair.now;
    assert_eq!(pair.b.tcp().readable(), 10);
    assert_eq!(pair.b.tcp().receive(now, 100).unwrap().data[..], b"last words"[..]);
    assert_eq!(pair.b.tcp().receive(now, 1), Err(ReceiveError::Closed(ConnectionError::Reset)));
    // Who has let go reads no more, and nothing is kept for nobody.
    let mut pair = Pair::established();
    pair.b.reads = false;
    pair.write(true, b"for nobody");
    pair.settle(Duration::from_secs(1));
    let now = pair.now;
    pair.b.tcp().abort(now);
    assert_eq!(pair.b.tcp().readable(), 0);
}

/// Covers: RFC 9293 SHLD-3, MAY-1
#[test]
fn letting_go_with_data_unread_resets() {
    let mut pair = Pair::established();
    pair.b.reads = false;
    pair.write(true, b"unread");
    pair.settle(Duration::from_secs(1));
    let now = pair.now;
    pair.b.tcp().release(now);
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.transcript().last().unwrap(), "b RST,ACK seq=1 len=0 reset: data was left unread");
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::Reset))));
}

/// Covers: RFC 9293 SHLD-3
#[test]
fn data_that_arrives_after_letting_go_is_reset() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.b.tcp().release(now);
    pair.settle(Duration::from_millis(100));
    assert_eq!((pair.a.state(), pair.b.state()), (State::CloseWait, State::FinWait2));
    pair.write(true, b"too late");
    pair.settle(Duration::from_secs(1));
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::Reset))));
    assert_eq!(pair.b.state(), State::Closed);
}

#[test]
fn an_orphan_does_not_wait_for_a_fin_for_ever() {
    let mut pair = Pair::established();
    let now = pair.now;
    pair.a.tcp().release(now);
    pair.settle(Duration::from_millis(100));
    assert_eq!(pair.a.state(), State::FinWait2);
    pair.settle(Duration::from_secs(61));
    assert_eq!(pair.a.state(), State::Closed);
}

fn rst(pair: &Pair, offset: u32) -> Segment {
    let seq = pair.a.connection.as_ref().unwrap().status().snd_nxt + offset;
    Segment { header: Header { seq, flags: Flags::RST, ..Header::default() }, ..Segment::default() }
}

/// Covers: RFC 5961 5961-1, 5961-2, 5961-3, 5961-5; RFC 9293 SHLD-2, 9293-E47
#[test]
fn a_reset_counts_only_at_exactly_rcv_nxt() {
    let mut pair = Pair::established();
    pair.inject(true, rst(&pair, 1));
    pair.inject(true, rst(&pair, 10_000_000));
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.transcript(), ["b ACK seq=1 len=0 challenge ACK: RST not at RCV.NXT"]);
    assert_eq!(pair.b.state(), State::Established);
    let mut with_words = rst(&pair, 0);
    with_words.payload = Payload::from(b"because");
    pair.inject(true, with_words);
    pair.settle(Duration::from_secs(1));
    assert!(pair.b.has(Event::Closed(Some(ConnectionError::Reset))));
}

/// Covers: RFC 5961 5961-6, 5961-8, 5961-10
#[test]
fn a_syn_is_challenged_and_challenges_are_counted_per_connection() {
    let mut pair = Pair::established();
    for n in 0..100 {
        let mut syn = rst(&pair, n);
        syn.header.flags = Flags::SYN;
        pair.inject(true, syn);
        pair.settle(Duration::from_millis(1));
    }
    pair.settle(Duration::from_millis(500));
    let challenges = pair.transcript();
    assert!(challenges.iter().all(|line| line.starts_with("b ACK seq=1 len=0 challenge ACK: SYN")));
    // Ten a second, and the second may turn in between.
    assert!((10..=20).contains(&challenges.len()), "{challenges:#?}");
    assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
}

/// Covers: RFC 9293 9293-E34; RFC 5961 5961-7
#[test]
fn a_peer_that_restarted_is_reset_by_its_own_answer_to_the_challenge() {
    let mut pair = Pair::established();
    // `a` forgets everything and opens anew from the same port.
    pair.a.iss += 777_777;
    pair.a.events.clear();
    pair.open();
    pair.settle(Duration::from_millis(500));
    assert!(pair.b.has(Event::Closed(Some(ConnectionError::Reset))));
    assert!(pair.transcript().iter().any(|line| line.contains("challenge ACK: SYN on an open connection")));
    // The old one is gone; the next SYN finds the listener.
    pair.b.connection = None;
    pair.settle(Duration::from_secs(10));
    assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
}
