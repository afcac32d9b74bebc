//! How much, and when again: RFC 5681, 6298, 6582 as an end sees them.

use crate::lone::{ISS, Lone, Peer, by_the_book, line, ms};
use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{Note, SoftError, TcpConfig, Trigger, Why};
use wire::tcp::{Flags, SackBlock, SackBlocks};

const ACK: Flags = Flags::ACK;

/// An end of segments of 1,000 octets with `octets` written, and the first flight of ten out.
fn flying(octets: usize) -> Lone {
    let mut lone = Lone::plain();
    lone.write(octets);
    assert_eq!(lone.sent().len(), 10);
    lone
}

/// Covers: RFC 5681 5681-3, 5681-4, 5681-5, 5681-10; RFC 6928 6928-1; RFC 9293 MUST-19
#[test]
fn ten_segments_at_first_then_one_more_for_each_that_is_acknowledged() {
    let mut lone = flying(200_000);
    assert_eq!(lone.tcp.status().cwnd, 10_000, "the handshake did not widen it");
    for n in 1..=10 {
        lone.acked(1 + n * 1_000);
        assert_eq!(lone.sent().len(), 2);
    }
    assert_eq!(lone.tcp.status().cwnd, 20_000);
    // Split ACKs earn what one would.
    for n in 1..=10 {
        lone.acked(10_001 + n * 100);
        lone.sent();
    }
    assert_eq!(lone.tcp.status().cwnd, 21_000);
}

/// Covers: RFC 5681 5681-27
#[test]
fn after_idleness_the_first_burst_is_an_initial_window() {
    let mut lone = flying(40_000);
    for n in 1..=40 {
        lone.acked(1 + n * 1_000);
        lone.sent();
    }
    assert!(lone.tcp.status().cwnd >= 20_000);
    lone.pass(Duration::from_secs(10));
    lone.write(40_000);
    assert_eq!(lone.sent().len(), 10);
}

/// Covers: RFC 5681 5681-1, 5681-18, 5681-19, 5681-20, 5681-21, 5681-22, 5681-23, 5681-25, 5681-26; RFC 3042 3042-1
#[test]
fn fast_retransmit_by_the_book() {
    let mut lone = flying(200_000);
    for expected in ["ACK 10001:11001 ack 1", "ACK 11001:12001 ack 1"] {
        lone.acked(1);
        assert_eq!(lone.sent(), [expected], "limited transmit");
        assert_eq!(lone.tcp.status().cwnd, 10_000);
    }
    lone.acked(1);
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1"]);
    assert_eq!((lone.tcp.status().ssthresh, lone.tcp.status().cwnd), (5_000, 5_000));
    // Twelve are out, one was lost, three have left: each further one makes room, from the fifth on for new data.
    let new: Vec<_> = (4..=11)
        .map(|_| {
            lone.acked(1);
            lone.sent().len()
        })
        .collect();
    assert_eq!(new.iter().sum::<usize>(), 4, "{new:?}: as cwnd inflated to 5 + 11 over the 12 that are out");
    lone.acked(12_001);
    let status = lone.tcp.status();
    assert!(!status.recovering && status.cwnd <= 5_000, "{status:?}");
}

/// Covers: RFC 5681 5681-18
#[test]
fn data_and_window_updates_are_no_duplicate_acks() {
    let mut lone = flying(200_000);
    for n in 0..10 {
        lone.arrives(ACK, 1 + n * 10, 1, 65_535, 10);
        lone.arrives(ACK, 1 + n * 10 + 10, 1, 65_000 - n as u16, 0);
    }
    assert_eq!(lone.tcp.status().retransmitted_segments, 0);
    assert!(!lone.tcp.status().recovering);
}

/// Covers: RFC 6582 6582-1; RFC 5681 5681-26, 5681-30
#[test]
fn a_partial_ack_uncovers_the_next_hole_and_the_full_one_ends_it() {
    let mut lone = flying(10_000);
    (0..3).for_each(|_| lone.acked(1));
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1"]);
    lone.acked(4_001); // the fourth segment is missing as well
    assert_eq!(lone.sent(), ["ACK 4001:5001 ack 1"]);
    assert!(lone.tcp.status().recovering);
    assert_eq!(lone.tcp.status().ssthresh, 5_000, "one window, one reduction");
    lone.acked(10_001);
    assert!(!lone.tcp.status().recovering);
}

/// Covers: RFC 5681 5681-9, 5681-14, 5681-15; RFC 6298 6298-11, 6298-13, 6298-14; RFC 9293 MUST-19
#[test]
fn a_timeout_sends_one_segment_doubles_the_timer_and_lowers_the_threshold_once() {
    let mut lone = flying(200_000);
    let begin = lone.now;
    let again = lone.advance(Duration::from_secs(7));
    assert!(again.iter().all(|(_, transmit)| line(transmit) == "ACK 1:1001 ack 1"));
    let at: Vec<_> = again.iter().map(|(at, _)| at.since(begin).as_millis()).collect();
    let rto = at[0]; // one sample of 10 ms: 10 + max(200, 20)
    assert_eq!(at[..4], [rto, 3 * rto, 7 * rto, 15 * rto]);
    let status = lone.tcp.status();
    assert_eq!((status.cwnd, status.ssthresh), (1_000, 5_000));
}

/// Covers: RFC 5681 5681-31
#[test]
fn a_retransmission_that_is_lost_and_a_loss_in_the_next_window_lower_the_window_once_more() {
    let mut lone = flying(10_000);
    (0..3).for_each(|_| lone.acked(1));
    assert_eq!(lone.sent(), ["ACK 1:1001 ack 1"]);
    assert_eq!((lone.tcp.status().cwnd, lone.tcp.status().ssthresh), (5_000, 5_000));
    // Nothing tells that it was lost as well but the timer.
    let again = lone.advance(Duration::from_secs(1));
    assert_eq!(line(&again[0].1), "ACK 1:1001 ack 1");
    assert_eq!(lone.tcp.status().cwnd, 1_000);
    // All arrives, and of the next window nothing does.
    lone.acked(10_001);
    let (cwnd, ssthresh) = (lone.tcp.status().cwnd, lone.tcp.status().ssthresh);
    lone.write(10_000);
    lone.sent();
    lone.advance(Duration::from_secs(30));
    let status = lone.tcp.status();
    assert!(status.cwnd < cwnd && status.ssthresh < ssthresh, "{cwnd} {ssthresh} {status:?}");
}

/// Covers: RFC 6069 6069-1
#[test]
fn a_destination_out_of_reach_takes_one_doubling_of_the_timeout_back_and_what_was_lost_goes_at_once() {
    let mut lone = flying(10_000);
    let rto = lone.tcp.status().rto;
    lone.advance(rto * 3);
    assert_eq!((lone.tcp.status().timeouts, lone.tcp.status().rto), (2, rto * 4));
    let una = lone.tcp.status().snd_una;
    // Of something else that is out: it says nothing of what the timeout sent.
    lone.tcp.handle_disruption(lone.now, una + 1_000);
    // Whatever a user is told of, the codes alone say whether the path is broken.
    for error in [SoftError::PortUnreachable, SoftError::HostUnreachable, SoftError::NetworkUnreachable] {
        assert!(lone.tcp.handle_soft_error(lone.now, error, una));
    }
    assert_eq!(lone.tcp.status().rto, rto * 4);
    lone.pass(rto * 2);
    lone.tcp.handle_disruption(lone.now, una);
    assert_eq!(lone.tcp.status().rto, rto * 2);
    lone.sent();
    let again = lone.advance(ms(1));
    assert_eq!(again.len(), 1, "its time had come already");
    assert_eq!((lone.tcp.status().timeouts, lone.tcp.status().rto), (3, rto * 4));
}

/// Covers: RFC 5681 5681-2, 5681-10; RFC 5682 5682-1
#[test]
fn after_a_timeout_an_ack_of_much_earns_one_segment() {
    let mut lone = flying(200_000);
    lone.advance(ms(300));
    assert_eq!(lone.tcp.status().cwnd, 1_000);
    lone.acked(4_001); // the first was lost alone, and the ACK of what followed as well
    assert_eq!(lone.tcp.status().cwnd, 2_000);
    // Two segments: new ones, which tell whether the timeout was a mistake (RFC 5682); it was none.
    assert_eq!(lone.sent(), ["ACK 10001:11001 ack 1", "PSH,ACK 11001:12001 ack 1"]);
    (0..3).for_each(|_| lone.acked(4_001));
    assert_eq!(lone.sent(), Vec::<String>::new(), "both are in flight still");
    lone.acked(5_001);
    assert_eq!(lone.sent(), ["ACK 5001:6001 ack 1"]);
}

/// Covers: RFC 5681 5681-2, 5681-3, 5681-11, 5681-30; RFC 9293 MUST-19
#[test]
fn no_step_of_cwnd_is_more_than_the_rules_allow() {
    for seed in 0..20 {
        let mut rng = env::Rng::seeded(seed);
        let mut pair = Pair::configured(by_the_book());
        pair.a.tcp().watch(true);
        let loss = [0.0, 0.005, 0.02, 0.1][seed as usize % 4];
        pair.keep = Box::new(move |_, seen| !seen.from_a || !rng.chance(loss));
        let (mut cwnd, mut highest, mut threshold) = (14_480_u32, 14_480_u32, 0);
        let mut written = 0;
        let end = pair.now + Duration::from_secs(600);
        while written < 2_000_000 && pair.now < end {
            written += pair.write(true, &[0; 10_000]);
            assert!(pair.step());
            while let Some(note) = pair.a.tcp().poll_note() {
                let Note::Window { cwnd: new, ssthresh, in_flight, trigger, .. } = note else { continue };
                // A recovery that ends with the ACK that begins the next leaves the threshold as its window.
                let before = cwnd.max(threshold);
                threshold = if trigger == Trigger::Recovered { ssthresh } else { 0 };
                match trigger {
                    Trigger::Ack if cwnd < ssthresh => assert!(new <= cwnd + 2 * 1448, "slow start, L = 2"),
                    Trigger::Ack => {
                        assert!(new <= before + 1448);
                    }
                    Trigger::Loss => {
                        // Half is what is aimed at; the window comes down to it in proportion (RFC 9937).
                        assert!(ssthresh <= (in_flight.max(before) / 2 + 2 * 1448).max(2 * 1448));
                        assert!(new <= before + 1448);
                    }
                    Trigger::Timeout => assert_eq!(new, 1448),
                    Trigger::Undone(_) => assert!(new <= highest, "more than there ever was"),
                    Trigger::Reducing => assert!(new <= ssthresh.max(cwnd + 1448)),
                    _ => assert!(new <= ssthresh.max(cwnd)),
                }
                cwnd = new;
                highest = highest.max(new);
            }
        }
        assert!(written >= 2_000_000, "seed {seed}");
    }
}

/// Covers: RFC 9293 MUST-18; RFC 6298 6298-8, 6298-9
#[test]
fn karns_rule_and_the_echo_that_lifts_it() {
    // Without timestamps what was sent twice gives no sample, and the back-off stays until something does.
    let mut lone = Lone::plain();
    let before = lone.tcp.status();
    lone.write(500);
    assert_eq!(lone.advance(ms(300)).len(), 2);
    lone.acked(501);
    let after = lone.tcp.status();
    assert_eq!((after.srtt, after.rttvar), (before.srtt, before.rttvar));
    assert_eq!(after.rto, before.rto * 2);
    lone.write(500);
    lone.advance(ms(20));
    lone.acked(1_001);
    assert!(lone.tcp.status().rto < before.rto * 2, "a true sample ends the back-off");
    // With timestamps the echo tells which one was answered.
    let mut lone = Lone::established(TcpConfig::default(), &Peer::stamping());
    lone.write(500);
    assert_eq!(lone.advance(ms(300)).len(), 2);
    let before = lone.tcp.status();
    lone.acked(501);
    assert_ne!(lone.tcp.status().srtt, before.srtt);
}

/// Covers: RFC 6298 6298-9, 6298-11, 6298-12; RFC 9293 MUST-18
#[test]
fn every_round_trip_is_measured_and_nothing_is_repeated_before_its_timeout() {
    let mut pair = Pair::established();
    pair.a.tcp().watch(true);
    let mut n = 0;
    pair.keep = Box::new(move |_, seen| {
        n += u64::from(seen.from_a);
        !seen.from_a || n % 50 != 0
    });
    let (mut samples, begin) = (0, pair.now);
    let mut written = 0;
    while written < 1_000_000 {
        written += pair.write(true, &[0; 10_000]);
        assert!(pair.step());
        while let Some(note) = pair.a.tcp().poll_note() {
            samples += u128::from(matches!(note, Note::RoundTrip { .. }));
        }
    }
    pair.settle(Duration::from_secs(5));
    let rounds = pair.now.since(begin).as_millis() / 20;
    assert!(samples * 20 * 10 >= rounds, "{samples} samples in {rounds} round trips, timeouts included");
    let sent: Vec<_> =
        pair.seen.iter().filter(|seen| seen.from_a && !seen.segment.payload.is_empty()).collect();
    for (n, seen) in
        sent.iter().enumerate().filter(|(_, seen)| matches!(seen.why, Why::RetransmissionTimeout(_)))
    {
        let seq = seen.segment.header.seq;
        let last = sent[..n].iter().rfind(|other| other.segment.header.seq == seq).unwrap();
        assert!(seen.at.since(last.at) >= ms(200), "{:?}", seen.at.since(last.at));
    }
}

/// Covers: RFC 6298 6298-12
#[test]
fn the_timer_starts_with_data_starts_over_with_progress_and_stops_when_all_is_acknowledged() {
    let mut lone = Lone::plain();
    assert_eq!(lone.tcp.poll_timeout(), None);
    lone.write(3_000);
    lone.sent();
    let rto = lone.tcp.status().rto;
    assert_eq!(lone.tcp.poll_timeout(), Some(lone.now + rto));
    lone.pass(ms(100));
    lone.acked(1_001);
    lone.sent();
    assert_eq!(lone.tcp.poll_timeout(), Some(lone.now + lone.tcp.status().rto));
    lone.pass(ms(10));
    lone.acked(3_001);
    lone.sent();
    assert_eq!(lone.tcp.poll_timeout(), None);
}

fn sacked(lone: &Lone, ack: u32, from: u32, to: u32) -> handfast_tcp::Segment {
    let mut segment = lone.segment(ACK, 1, ack, 65_535, 0);
    let mut blocks = SackBlocks::NONE;
    blocks.push(SackBlock { start: ISS + from, end: ISS + to });
    segment.header.options.sack = blocks;
    segment
}

/// Covers: RFC 2018 2018-9, 2018-10, 2018-13
#[test]
fn what_was_only_sacked_is_kept_and_sent_again_after_a_timeout() {
    let mut lone = Lone::established(by_the_book(), &Peer { sack: true, ..Peer::plain() });
    lone.write(10_000);
    assert_eq!(lone.sent().len(), 10);
    // The peer has all but the first, says so, and then thinks better of it.
    for n in 2..=10 {
        let segment = sacked(&lone, 1, 1_001, n * 1_000 + 1);
        lone.handle(segment);
        lone.sent();
    }
    assert!(lone.tcp.status().ssthresh <= 5_000, "the loss was answered with half the window");
    assert_eq!(lone.tcp.status().queued, 10_000);
    let mut acked = 1;
    for _ in 0..60 {
        for (_, transmit) in lone.advance(Duration::from_secs(1)) {
            if transmit.segment.header.seq == ISS + acked {
                let octets = transmit.segment.payload.to_vec();
                assert_eq!(octets[0], (acked - 1) as u8);
                acked += octets.len() as u32;
            }
        }
        lone.acked(acked);
    }
    assert_eq!(acked, 10_001);
}

/// Covers: RFC 6691 6691-1; RFC 9293 MUST-16; RFC 2883 2883-1; RFC 2018 2018-5
#[test]
fn options_come_out_of_the_segment_and_not_on_top_of_it() {
    let peer = Peer { sack: true, mss: Some(1_000), ..Peer::stamping() };
    let mut lone = Lone::established(TcpConfig::default(), &peer);
    lone.write(60_000);
    // Three islands, and one of them twice.
    for seq in [2_001, 4_001, 6_001, 6_001] {
        lone.arrives(ACK, seq, 1, 65_535, 100);
    }
    let mut first = None;
    for transmit in lone.transmits() {
        let options = &transmit.segment.header.options;
        let blocks = options.sack.as_slice().len();
        assert!(options.timestamps.is_some() && blocks <= 3);
        let room = 12 + if blocks > 0 { 4 + 8 * blocks } else { 0 };
        assert!(transmit.segment.payload.len() + room <= 1_000, "{blocks} blocks: {}", line(&transmit));
        first.get_or_insert(options.sack.clone());
    }
    let first = first.unwrap();
    let block = first.as_slice()[0];
    assert_eq!(
        (block.start, block.end),
        (crate::lone::IRS + 6_001, crate::lone::IRS + 6_101),
        "the duplicate"
    );
    assert_eq!(first.as_slice().len(), 3);
}

/// Covers: RFC 1191 1191-1; RFC 7323 7323-27; RFC 5927 5927-1
#[test]
fn after_the_path_shrank_nothing_larger_leaves_and_after_it_grew_nothing_larger_than_agreed() {
    let mut pair = Pair::established();
    pair.write(true, &[1; 500_000]);
    pair.settle(ms(25));
    let (now, una) = (pair.now, pair.a.tcp().status().snd_una);
    // Below what was acknowledged: a timeout must confirm it.
    assert!(pair.a.tcp().handle_path_mtu(now, 900, Some(una)));
    assert_eq!(pair.a.tcp().status().segment_size, 1_448);
    // The host's own knowledge needs no proof.
    assert!(pair.a.tcp().handle_path_mtu(now, 700, None));
    let from = pair.seen.len();
    pair.settle(Duration::from_secs(60));
    let large = pair.seen[from..].iter().find(|seen| seen.from_a && seen.segment.payload.len() + 32 > 700);
    assert!(large.is_none(), "{large:?}");
    assert_eq!(pair.b.received.len(), 500_000);
    let now = pair.now;
    assert!(pair.a.tcp().handle_path_mtu(now, 9_000, None));
    pair.write(true, &[1; 50_000]);
    pair.settle(Duration::from_secs(60));
    assert!(pair.seen.iter().all(|seen| seen.segment.payload.len() <= 1_448));
    assert_eq!(pair.b.received.len(), 550_000);
}
