//! A reduction that was a mistake leaves nothing behind: RFC 2883, 3522, 4015, 5682, 9438 §4.9.

use crate::pair::{Pair, Seen};
use env::{Duration, Instant};
use handfast_tcp::{Congestion, Note, TcpConfig, Trigger, Undo};

/// Octets of a full segment of [`Pair`]'s.
const SEGMENT: u32 = 1448;

/// Which of the full segments that A sends for the first time this is, from 0.
fn index(seen: &Seen) -> Option<u32> {
    let data = seen.from_a && !seen.segment.payload.is_empty();
    data.then(|| seen.segment.header.seq.raw().wrapping_sub(100_001) / SEGMENT)
}

fn transfer(pair: &mut Pair, len: usize) {
    let (mut written, begin) = (0, pair.now);
    while pair.b.received.len() < len {
        written += pair.write(true, &vec![7; (len - written).min(100_000)]);
        assert!(pair.step() && pair.now.since(begin) < Duration::from_secs(60), "stuck");
    }
    pair.settle(Duration::from_millis(300));
}

/// Every window that was noted, with its threshold.
fn windows(pair: &mut Pair) -> Vec<(Trigger, u32, u32)> {
    let notes = std::iter::from_fn(|| pair.a.tcp().poll_note());
    notes
        .filter_map(|note| match note {
            Note::Window { cwnd, ssthresh, trigger, .. } => Some((trigger, cwnd, ssthresh)),
            _ => None,
        })
        .collect()
}

/// The first of a window's segments comes 40 ms after the others.
fn late_segment(pair: &mut Pair) {
    pair.delay = Duration::from_millis(25);
    let mut first = true;
    pair.late = Box::new(move |seen| {
        let late = index(seen) == Some(60) && std::mem::take(&mut first);
        if late { Duration::from_millis(40) } else { Duration::ZERO }
    });
}

/// Nothing arrives for 2 s, then all of it, one by one.
fn standstill(pair: &mut Pair) {
    pair.delay = Duration::from_millis(25);
    let begins = pair.now + Duration::from_millis(200);
    let mut free = Instant::ZERO;
    pair.late = Box::new(move |seen| {
        if !seen.from_a || seen.at < begins {
            return Duration::ZERO;
        }
        free = free.max(begins + Duration::from_secs(2)).max(seen.at) + Duration::from_micros(100);
        free.since(seen.at)
    });
}

/// What the window was before it was cut first, and when that was undone, and by what.
fn undone(controller: Congestion, timestamps: bool, trouble: fn(&mut Pair)) -> (Undo, [(u32, u32); 2]) {
    let mut pair = Pair::configured(TcpConfig::default().congestion(controller).timestamps(timestamps));
    trouble(&mut pair);
    pair.a.tcp().watch(true);
    transfer(&mut pair, 1_500_000);
    let windows = windows(&mut pair);
    let cut = windows.iter().position(|(trigger, ..)| matches!(trigger, Trigger::Loss | Trigger::Timeout));
    let cut = cut.expect("a reduction");
    let found = windows[cut..].iter().find_map(|&(trigger, cwnd, ssthresh)| match trigger {
        Trigger::Undone(undo) => Some((undo, (cwnd, ssthresh))),
        _ => None,
    });
    let (undo, after) = found.expect("an undo");
    assert_eq!(pair.a.tcp().status().undone, 1, "{controller:?}");
    (undo, [(windows[cut - 1].1, windows[cut - 1].2), after])
}

/// Covers: RFC 9438 9438-17, 9438-18; RFC 5682 5682-1
#[test]
fn window_and_threshold_are_what_they_were_whatever_proves_the_mistake_and_whoever_controls() {
    type Proof = (Undo, bool, fn(&mut Pair));
    let proofs: [Proof; 3] = [
        (Undo::DuplicateSack, false, late_segment),
        (Undo::Eifel, true, late_segment),
        (Undo::Frto, false, standstill),
    ];
    for (proof, timestamps, trouble) in proofs {
        for controller in [Congestion::NewReno, Congestion::Cubic, Congestion::Dctcp] {
            let (undo, [before, after]) = undone(controller, timestamps, trouble);
            assert_eq!((undo, after), (proof, before), "{controller:?}");
        }
        // BBR's window follows its model, which learned more meanwhile; it is no smaller for the mistake.
        let (undo, [before, after]) = undone(Congestion::Bbr, timestamps, trouble);
        assert!(undo == proof && after.0 >= before.0, "{undo:?} {before:?} {after:?}");
    }
}

/// The way becomes longer by 450 ms for good, beyond the timeout: how often that expires, and how often it was undone.
fn longer(config: TcpConfig) -> (usize, u32) {
    let mut pair = Pair::configured(config);
    pair.delay = Duration::from_millis(25);
    let longer_from = pair.now + Duration::from_millis(200);
    pair.late = Box::new(move |seen| {
        let late = seen.from_a && seen.at >= longer_from;
        Duration::from_millis(if late { 450 } else { 0 })
    });
    pair.a.tcp().watch(true);
    transfer(&mut pair, 3_000_000);
    let windows = windows(&mut pair);
    let timeouts = windows.iter().filter(|(trigger, ..)| *trigger == Trigger::Timeout).count();
    (timeouts, pair.a.tcp().status().undone)
}

/// RFC 4015 §3.1, step 11: whether timestamps tell of the mistake, or F-RTO does.
#[test]
fn a_way_that_became_longer_than_the_timeout_makes_it_expire_once_and_not_again() {
    for controller in [Congestion::NewReno, Congestion::Cubic] {
        let outcomes = [true, false]
            .map(|timestamps| longer(TcpConfig::default().congestion(controller).timestamps(timestamps)));
        assert_eq!(outcomes, [(1, 1), (1, 1)], "{controller:?}");
    }
}
