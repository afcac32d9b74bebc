//! §3.5: opening.

use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{ConnectionError, Event, State, TcpConfig, Why};
use wire::tcp::Flags;

/// Covers: RFC 9293 9293-E4, 9293-E7, 9293-E15, MUST-14, SHLD-5, MAY-3
#[test]
fn figure_6_the_basic_handshake() {
    let mut pair = Pair::default();
    pair.open();
    pair.settle(Duration::from_secs(1));
    assert_eq!(
        pair.transcript(),
        [
            "a SYN seq=0 len=0 opens the connection",
            "b SYN,ACK seq=0 len=0 answers SYN",
            "a ACK seq=1 len=0 completes the handshake",
        ]
    );
    assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
    assert!(pair.a.has(Event::Established) && pair.b.has(Event::Established));
    assert_eq!(pair.seen[0].segment.header.options.mss, Some(1460));
    assert_eq!(pair.seen[1].segment.header.options.mss, Some(1460));
}

/// Covers: RFC 9293 9293-E7
#[test]
fn what_was_written_before_goes_with_the_third_segment() {
    let mut pair = Pair::default();
    pair.open();
    pair.write(true, b"hello");
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.transcript()[2], "a PSH,ACK seq=1 len=5 completes the handshake");
    assert_eq!(pair.b.received, b"hello");
}

/// Covers: RFC 9293 MUST-10, 9293-E8, 9293-E49
#[test]
fn figure_7_syns_that_cross_make_one_connection() {
    let mut pair = Pair::default();
    pair.open_both();
    pair.step();
    assert_eq!((pair.a.state(), pair.b.state()), (State::SynReceived, State::SynReceived));
    pair.settle(Duration::from_millis(100));
    assert_eq!(
        pair.transcript(),
        [
            "a SYN seq=0 len=0 opens the connection",
            "b SYN seq=0 len=0 opens the connection",
            "a SYN,ACK seq=0 len=0 answers SYN",
            "b SYN,ACK seq=0 len=0 answers SYN",
        ]
    );
    assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
    pair.write(true, b"left");
    pair.write(false, b"right");
    pair.settle(Duration::from_secs(1));
    assert_eq!((&pair.b.received[..], &pair.a.received[..]), (&b"left"[..], &b"right"[..]));
}

/// Covers: RFC 9293 MUST-22, MUST-23, 9293-E31; RFC 6298 6298-13
#[test]
fn an_unanswered_syn_is_sent_for_more_than_three_minutes_and_then_given_up() {
    let mut pair = Pair::default();
    pair.keep = Box::new(|_, _| false);
    pair.open();
    let start = pair.now;
    while pair.step() {}
    let gaps: Vec<_> = pair.seen.windows(2).map(|two| two[1].at.since(two[0].at).as_secs()).collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 60, 60]);
    let last = pair.seen.last().unwrap().at;
    assert!(last.since(start) >= Duration::from_secs(180));
    assert!(pair.a.has(Event::NegativeAdvice));
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::TimedOut))));
    assert_eq!(pair.now.since(start), Duration::from_secs(240));
}

/// Covers: RFC 9293 9293-E1, 9293-E6
#[test]
fn nobody_listening_says_refused() {
    let mut pair = Pair::default();
    pair.b.listener = None;
    pair.open();
    pair.settle(Duration::from_secs(1));
    assert_eq!(pair.transcript()[1], "b RST,ACK seq=4294467296 len=0 reset: nothing is open here");
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::Refused))));
}

/// Covers: RFC 9293 9293-E5, 9293-E35
#[test]
fn figure_8_an_old_duplicate_syn_is_reset_by_the_one_who_never_sent_it() {
    let mut pair = Pair::default();
    pair.open();
    let mut first = true;
    pair.keep = Box::new(move |_, _| !std::mem::take(&mut first));
    pair.step(); // The true SYN is lost; an old one arrives instead.
    let mut old = pair.seen[0].segment.clone();
    old.header.seq = old.header.seq - 5_000;
    pair.inject(true, old);
    pair.settle(Duration::from_millis(200));
    assert_eq!(pair.seen.last().unwrap().segment.header.flags, Flags::RST);
    assert_eq!((pair.a.state(), pair.b.state()), (State::SynSent, State::Listen));
    pair.settle(Duration::from_secs(5));
    assert_eq!((pair.a.state(), pair.b.state()), (State::Established, State::Established));
}

/// Covers: RFC 9293 MUST-15, MUST-16, SHLD-28; RFC 7323 7323-1, 7323-12, 7323-15
#[test]
fn without_options_segments_are_of_536_octets_and_windows_are_not_scaled() {
    let plain = TcpConfig::default().timestamps(false).sack(false).window_scaling(false);
    let mut pair = Pair::new(TcpConfig::default(), plain);
    pair.open();
    pair.keep = Box::new(|_, _| true);
    pair.settle(Duration::from_secs(1));
    let status = pair.a.tcp().status();
    assert_eq!((status.timestamps, status.sack, status.scales), (false, false, None));
    assert_eq!(status.segment_size, 1460);
    let with = Pair::established().a.tcp().status();
    assert_eq!((with.timestamps, with.sack, with.segment_size), (true, true, 1448));
}

/// Covers: RFC 9293 9293-E27
#[test]
fn close_in_syn_sent_deletes_the_connection() {
    let mut pair = Pair::default();
    pair.open();
    let now = pair.now;
    pair.a.tcp().close(now).unwrap();
    assert_eq!(pair.a.state(), State::Closed);
    assert!(pair.a.tcp().poll_transmit(now).is_none());
}

/// Covers: RFC 9293 9293-E11, MUST-11
#[test]
fn a_reset_after_syns_crossed_says_refused() {
    let mut pair = Pair::default();
    pair.open_both();
    pair.step();
    let mut rst = pair.seen[1].segment.clone();
    rst.header.flags = Flags::RST | Flags::ACK;
    rst.header.seq = pair.b.iss + 1;
    rst.header.ack = pair.a.iss + 1;
    let now = pair.now;
    pair.a.tcp().handle_segment(now, rst);
    assert_eq!(pair.a.state(), State::Closed);
    pair.step();
    assert!(pair.a.has(Event::Closed(Some(ConnectionError::Refused))));
}

/// Covers: RFC 9293 9293-E49
#[test]
fn a_connection_to_itself_opens_carries_data_and_closes() {
    let mut pair = Pair::default();
    pair.open();
    // What `a` sends comes back to `a`.
    let reflect = |pair: &mut Pair| {
        while let Some(transmit) = pair.a.tcp().poll_transmit(pair.now) {
            for segment in crate::pair::cut(transmit.segment) {
                let now = pair.now;
                pair.a.tcp().handle_segment(now, segment);
            }
        }
    };
    reflect(&mut pair);
    assert_eq!(pair.a.state(), State::Established);
    pair.write(true, b"to myself");
    reflect(&mut pair);
    let now = pair.now;
    assert_eq!(&pair.a.tcp().receive(now, 100).unwrap().data[..], b"to myself");
    pair.a.tcp().close(now).unwrap();
    reflect(&mut pair);
    assert_eq!(pair.a.state(), State::TimeWait);
}

/// Covers: RFC 5681 5681-6; RFC 6928 6928-2; RFC 6298 6298-15
#[test]
fn a_lost_syn_costs_the_initial_window() {
    let mut pair = Pair::default();
    pair.keep = Box::new(|n, _| n != 1);
    pair.open();
    pair.settle(Duration::from_secs(5));
    let status = pair.a.tcp().status();
    assert_eq!(status.cwnd, status.segment_size);
    assert_eq!(Pair::established().a.tcp().status().cwnd, 14_480);
    assert_eq!(pair.seen[1].why, Why::RetransmissionTimeout(1));
}
