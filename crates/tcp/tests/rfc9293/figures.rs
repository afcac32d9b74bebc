//! What STATUS tells (RFC 9293 §3.10.6; RFC 4898), held against what was seen on the way.

use crate::pair::{Pair, Seen};
use env::Duration;
use handfast_tcp::{Congestion, Standing, TcpConfig};
use wire::tcp::Flags;

const SEGMENT: u32 = 1448;

fn config() -> TcpConfig {
    TcpConfig::default().congestion(Congestion::NewReno)
}

/// Segments, those of them with data, and octets of data that one end sent, SYN and all.
fn sent(seen: &[Seen], from_a: bool) -> (u64, u64, u64) {
    let ours = || seen.iter().filter(|seen| seen.from_a == from_a);
    let data = || ours().filter(|seen| !seen.segment.payload.is_empty());
    (ours().count() as u64, data().count() as u64, data().map(|seen| seen.segment.payload.len() as u64).sum())
}

fn is_first_copy_of(seen: &Seen, index: u32) -> bool {
    seen.from_a
        && !seen.segment.payload.is_empty()
        && seen.segment.header.seq.raw() == 100_001 + index * SEGMENT
}

#[test]
fn sums_are_those_of_the_wire_and_a_loss_shows_at_both_ends() {
    let mut pair = Pair::new(config(), config());
    pair.open();
    let mut lost = false;
    pair.keep = Box::new(move |_, seen| {
        let hit = !lost && is_first_copy_of(seen, 40);
        lost |= hit;
        !hit
    });
    let written = 200 * SEGMENT as usize;
    let (mut left, mut standings) = (written, Vec::new());
    while pair.b.received.len() < written {
        if pair.a.connection.is_some() {
            left -= pair.write(true, &vec![7; left.min(60_000)]);
            let standing = pair.a.tcp().status().standing;
            if standings.last() != Some(&standing) {
                standings.push(standing);
            }
        }
        assert!(pair.step(), "stuck");
    }
    pair.settle(Duration::from_secs(1));
    assert_eq!(standings, [Standing::Open, Standing::Recovery, Standing::Open]);

    let (a, b) = (pair.a.tcp().status(), pair.b.tcp().status());
    let (segments, with_data, octets) = sent(&pair.seen, true);
    assert_eq!((a.segments_sent, a.data_segments_sent, a.octets_sent), (segments, with_data, octets));
    assert_eq!(octets, written as u64 + u64::from(SEGMENT), "one was sent again");
    assert_eq!((a.retransmitted_segments, a.again, a.timeouts_ever), (1, 0, 0));
    assert_eq!((a.octets_acknowledged, b.octets_received), (written as u64, written as u64));
    assert_eq!(a.delivered_segments, 201, "and the SYN");
    let (answers, ..) = sent(&pair.seen, false);
    assert_eq!((a.segments_received, a.data_segments_received), (answers, 0));
    // A listener's handshake is not in a connection's books: neither the SYN nor the SYN,ACK, and one was lost.
    assert_eq!((b.segments_sent, b.segments_received), (answers - 1, segments - 2));
    assert_eq!(b.data_segments_received, with_data - 1);
    assert_eq!((a.path_limit, a.announced_mss, b.received_mss), (1480, 1460, SEGMENT));
    assert_eq!(b.delivered_segments, 1);
    assert!(!a.phase.is_empty());
    let last = |data: bool| {
        let mut ours = pair.seen.iter().rev().filter(|seen| seen.from_a);
        ours.find(|seen| !data || !seen.segment.payload.is_empty()).map(|seen| seen.at)
    };
    assert_eq!(a.last_data_sent, last(true));
    assert_eq!(Some(b.last_data_received), last(true).map(|at| at + pair.delay));
    assert_eq!(Some(b.last_heard), last(false).map(|at| at + pair.delay));
}

#[test]
fn what_flies_again_is_told_while_it_flies_and_timeouts_are_counted() {
    // Else a second timeout asks whether smaller segments come through, and a full one follows.
    let mut pair = Pair::configured(config().path_mtu_probing(false));
    pair.keep = Box::new(|_, seen| !seen.from_a);
    pair.write(true, &[7; 5 * SEGMENT as usize]);
    while pair.a.tcp().status().timeouts_ever < 2 {
        assert!(pair.step());
    }
    pair.settle(Duration::ZERO); // it leaves
    let status = pair.a.tcp().status();
    assert_eq!((status.standing, status.timeouts, status.timeouts_ever), (Standing::Loss, 2, 2));
    assert_eq!(status.again, SEGMENT, "the first, and the rest counts as lost");
    assert_eq!(status.in_flight + status.lost, 5 * SEGMENT);
}

#[test]
fn time_is_told_by_what_held_data_back() {
    // The path alone: five segments, and a round trip of 20 ms.
    let mut pair = Pair::configured(config());
    let begin = pair.now;
    pair.write(true, &[7; 5 * SEGMENT as usize]);
    pair.settle(Duration::from_secs(1));
    let busy = pair.a.tcp().status().busy.until(pair.now);
    let last = pair.seen.iter().rfind(|seen| !seen.from_a).map(|seen| seen.at + pair.delay);
    assert_eq!(Some(busy.busy), last.map(|at| at.since(begin)));
    assert_eq!((busy.window_limited, busy.buffer_limited), (Duration::ZERO, Duration::ZERO));

    // A peer that does not read: from when its window is full until it reads.
    let window = 64 * 1024;
    let peer = config().receive_buffer(window).expect("legal");
    let mut pair = Pair::new(config(), peer);
    pair.open();
    pair.settle(Duration::from_secs(1));
    pair.b.reads = false;
    pair.write(true, &vec![7; 2 * window as usize]);
    pair.settle(Duration::from_secs(1));
    let full = pair.a.tcp().status().busy.until(pair.now);
    assert!(full.window_limited > Duration::from_millis(800), "{full:?}");
    pair.settle(Duration::from_secs(10));
    let later = pair.a.tcp().status().busy.until(pair.now);
    assert_eq!(later.window_limited - full.window_limited, Duration::from_secs(10));
    assert_eq!(later.busy - full.busy, Duration::from_secs(10), "it is busy all the while");
    pair.b.reads = true;
    pair.settle(Duration::from_secs(60));
    assert_eq!(pair.a.tcp().status().queued, 0);
    let done = pair.a.tcp().status().busy;
    pair.settle(Duration::from_secs(60));
    assert_eq!(pair.a.tcp().status().busy.until(pair.now), pair.a.tcp().status().busy.until(pair.now));
    assert_eq!(pair.a.tcp().status().busy.until(pair.now).busy, done.busy, "idle time is nobody's");
}

#[test]
fn a_send_buffer_that_is_all_under_way_is_what_limits() {
    let small = config().send_buffer(2 * SEGMENT).expect("legal");
    let mut pair = Pair::configured(small);
    let begin = pair.now;
    let mut left = 50 * SEGMENT as usize;
    while left > 0 {
        left -= pair.write(true, &vec![7; left]);
        assert!(pair.step());
    }
    let busy = pair.a.tcp().status().busy.until(pair.now);
    let took = pair.now.since(begin);
    assert!(busy.buffer_limited * 10 > took * 8, "{busy:?} of {took:?}");
    assert!(busy.buffer_limited <= busy.busy && busy.busy <= took);
    assert_eq!(busy.window_limited, Duration::ZERO);
}

#[test]
fn a_segment_that_comes_late_is_seen_to_and_by_how_much() {
    let mut pair = Pair::configured(config());
    let mut done = false;
    pair.late = Box::new(move |seen| {
        let hit = !done && is_first_copy_of(seen, 2);
        done |= hit;
        Duration::from_millis(if hit { 2 } else { 0 })
    });
    pair.write(true, &[7; 5 * SEGMENT as usize]);
    pair.settle(Duration::from_millis(21));
    assert_eq!(pair.a.tcp().status().standing, Standing::Disorder);
    pair.settle(Duration::from_secs(1));
    let status = pair.a.tcp().status();
    assert_eq!(status.standing, Standing::Open);
    assert_eq!((status.reordered, status.reordered_by), (1, 3 * SEGMENT), "from the third to the fifth");
    assert_eq!((status.reordering, status.retransmitted_segments), (true, 0));
    assert!(pair.seen.iter().all(|seen| !seen.segment.has(Flags::RST)));
}
