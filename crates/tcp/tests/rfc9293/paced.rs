//! When: what a queue on the way sees of a sender that is paced, and of one that is not.

use crate::pair::Pair;
use env::{Duration, Instant};
use handfast_tcp::{Congestion, TcpConfig};

/// A pair 50 ms apart whose sender has moved 4 MB, and then paused for `pause`.
fn after_much(congestion: Congestion, pause: Duration) -> Pair {
    let mut pair = Pair::new(TcpConfig::default().congestion(congestion), TcpConfig::default());
    pair.delay = Duration::from_millis(50);
    pair.open();
    pair.settle(Duration::from_secs(1));
    let mut left: usize = 4_000_000;
    while left > 0 {
        left -= pair.write(true, &vec![7; left.min(100_000)]);
        pair.settle(Duration::from_millis(5));
    }
    while pair.a.tcp().status().queued > 0 {
        pair.settle(Duration::from_millis(5));
    }
    pair.settle(pause);
    pair.seen.clear();
    pair
}

/// The longest queue, in octets, that what `a` sent makes at a link of `rate` octets a second.
fn queue(pair: &Pair, rate: u64) -> u64 {
    let (mut backlog, mut most, mut last) = (0u64, 0, Instant::ZERO);
    for seen in pair.seen.iter().filter(|seen| seen.from_a) {
        let drained = (seen.at.since(last).as_secs_f64() * rate as f64) as u64;
        backlog = backlog.saturating_sub(drained) + seen.segment.payload.len() as u64;
        most = most.max(backlog);
        last = seen.at;
    }
    most
}

/// Writes a window at once, and lets it arrive; what it makes of a queue before a link of two windows a round trip, in
/// segments, and how many segments the window had.
fn burst(pair: &mut Pair) -> (u64, u64) {
    let status = pair.a.tcp().status();
    let (window, segment) = (u64::from(status.cwnd), u64::from(status.segment_size));
    pair.write(true, &vec![8; status.cwnd as usize]);
    pair.settle(Duration::from_secs(1));
    (queue(pair, window * 20) / segment, window / segment)
}

/// Covers: RFC 7661 7661-1
#[test]
fn after_a_pause_a_paced_window_is_kept_and_does_not_fill_a_shallow_queue() {
    let mut pair = after_much(Congestion::Cubic, Duration::from_secs(10));
    let (queue, window) = burst(&mut pair);
    assert!(window > 100, "{window}");
    // The initial window may leave at once, and then trains, none faster than the link.
    assert!(queue <= 64, "{queue} of {window}");
}

#[test]
fn a_window_that_is_not_paced_arrives_at_once() {
    let mut pair = after_much(Congestion::NewReno, Duration::from_millis(150));
    let (queue, window) = burst(&mut pair);
    assert!(window > 100 && queue > window / 2, "{queue} of {window}");
}

/// A million octets from the first flight on; the most segments in any instant but the first, and how long it took.
fn transfer(congestion: Congestion) -> (usize, Duration) {
    let mut pair = Pair::new(TcpConfig::default().congestion(congestion), TcpConfig::default());
    pair.delay = Duration::from_millis(50);
    pair.open();
    pair.settle(Duration::from_secs(1));
    pair.seen.clear();
    let begin = pair.now;
    let mut left: usize = 1_000_000;
    while left > 0 || pair.a.tcp().status().queued > 0 {
        left -= pair.write(true, &vec![7; left]);
        pair.settle(Duration::from_millis(5));
    }
    let sent: Vec<Instant> = pair.seen.iter().filter(|seen| seen.from_a).map(|seen| seen.at).collect();
    let alike = |at: &Instant| sent.iter().filter(|other| *other == at).count();
    (sent[10..].iter().map(alike).max().unwrap_or(0), pair.now.since(begin))
}

#[test]
fn a_paced_slow_start_is_no_slower_and_has_no_bursts() {
    let (paced, unpaced) = (transfer(Congestion::Cubic), transfer(Congestion::NewReno));
    // At the end its rate is that of 6 segments a millisecond.
    assert!(paced.0 <= 8 && unpaced.0 > 40, "{paced:?} {unpaced:?}");
    assert!(paced.1 <= unpaced.1 + Duration::from_millis(100), "{paced:?} {unpaced:?}");
}
