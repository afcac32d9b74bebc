//! Loss and order as two ends see them: RFC 2018, 2883, 5682, 8985, 9937.

use crate::lone::{Lone, Peer, line, ms};
use crate::pair::{Pair, Seen};
use env::{Duration, Instant, Rng};
use handfast_tcp::{Congestion, Note, TcpConfig, Trigger, Undo, Why};
use wire::tcp::{Flags, SackBlock, SackBlocks};

/// Octets of a full segment of [`Pair`]'s.
const SEGMENT: u32 = 1448;

fn config() -> TcpConfig {
    TcpConfig::default().congestion(Congestion::NewReno).path_mtu_probing(false)
}

/// Writes `len` octets as room comes, until all have arrived; how long that took.
fn transfer(pair: &mut Pair, len: usize) -> Duration {
    let (mut written, begin) = (0, pair.now);
    while pair.b.received.len() < len {
        written += pair.write(true, &vec![7; (len - written).min(100_000)]);
        assert!(
            pair.step() && pair.now.since(begin) < Duration::from_secs(600),
            "stuck: {:?}",
            pair.a.tcp().status()
        );
    }
    pair.now.since(begin)
}

/// Which of the full segments that A sends for the first time this is, from 0.
fn index(seen: &Seen) -> Option<u32> {
    let data = seen.from_a && !seen.segment.payload.is_empty();
    data.then(|| seen.segment.header.seq.raw().wrapping_sub(100_001) / SEGMENT)
}

/// Lets what A sends through one by one, half a millisecond each, and nothing before `opens`.
fn bottleneck(pair: &mut Pair, opens: Instant) {
    let mut free = opens;
    pair.late = Box::new(move |seen| {
        if !seen.from_a {
            return Duration::ZERO;
        }
        free = free.max(seen.at) + Duration::from_micros(500);
        free.since(seen.at)
    });
}

fn reasons(pair: &Pair) -> Vec<Why> {
    let again = |seen: &&Seen| {
        matches!(
            seen.why,
            Why::Rack { .. } | Why::LossProbe { .. } | Why::RetransmissionTimeout(_) | Why::NextHole
        )
    };
    pair.seen.iter().filter(again).map(|seen| seen.why).collect()
}

fn windows(pair: &mut Pair) -> Vec<(Trigger, u32, u32)> {
    let mut all = Vec::new();
    while let Some(note) = pair.a.tcp().poll_note() {
        if let Note::Window { cwnd, ssthresh, trigger, .. } = note {
            all.push((trigger, cwnd, ssthresh));
        }
    }
    all
}

/// Covers: RFC 9937 9937-2, 9937-5; RFC 8985 8985-18
#[test]
fn many_losses_of_a_window_are_repaired_without_a_timeout_and_within_the_window() {
    for seed in 0..8 {
        let mut rng = Rng::seeded(seed);
        let mut pair = Pair::configured(config());
        let mut first = std::collections::BTreeSet::new();
        pair.keep = Box::new(move |_, seen| match index(seen) {
            // Only first transmissions are lost; `Pair` looks at the bounds of each departure.
            Some(n) if first.insert(n) => !(n > 20 && n < 1_000 && rng.chance(0.05)),
            _ => true,
        });
        transfer(&mut pair, 2_000_000);
        let status = pair.a.tcp().status();
        assert!(status.retransmitted_segments > 20, "seed {seed}");
        let timeouts =
            reasons(&pair).iter().filter(|why| matches!(why, Why::RetransmissionTimeout(_))).count();
        assert_eq!(timeouts, 0, "seed {seed}");
        let again = pair.seen.iter().filter(|seen| matches!(seen.why, Why::Rack { .. })).count();
        let lost = pair.seen.iter().filter(|seen| !seen.kept).count();
        assert!(again <= lost + 3, "seed {seed}: {again} sent again for {lost} that were lost");
    }
}

/// Covers: RFC 9937 9937-4; RFC 5681 5681-30; RFC 2018 2018-10
#[test]
fn the_window_comes_down_in_proportion_and_ends_at_what_was_aimed_at() {
    let mut pair = Pair::configured(config());
    pair.a.tcp().watch(true);
    bottleneck(&mut pair, Instant::ZERO);
    let mut lost = false;
    pair.keep = Box::new(move |_, seen| index(seen) != Some(60) || std::mem::replace(&mut lost, true));
    transfer(&mut pair, 1_000_000);
    let windows = windows(&mut pair);
    let at = windows.iter().position(|(trigger, ..)| *trigger == Trigger::Loss).unwrap();
    let end = windows.iter().position(|(trigger, ..)| *trigger == Trigger::Recovered).unwrap();
    let (before, aim) = (windows[at - 1].1, windows[at].2);
    assert!(aim.abs_diff(before / 2) <= SEGMENT);
    let between: Vec<_> = windows[at..end].iter().map(|window| window.1).collect();
    assert!(between.windows(2).all(|two| two[1] <= two[0] + SEGMENT), "{between:?}");
    assert!(between.len() > 10 && between[between.len() / 2] > aim, "not at once: {between:?}");
    assert_eq!(windows[end].1, aim, "{windows:?}");
}

/// Covers: RFC 8985 8985-13, 8985-15
#[test]
fn a_lost_tail_is_repaired_by_a_probe_in_two_round_trips_and_costs_half_the_window() {
    let mut pair = Pair::configured(config());
    let mut lost = false;
    pair.keep = Box::new(move |_, seen| index(seen) != Some(4) || std::mem::replace(&mut lost, true));
    let before = pair.a.tcp().status().cwnd;
    // Five segments, of which the last is lost: PTO, and the way there.
    let took = transfer(&mut pair, 5 * SEGMENT as usize);
    assert_eq!(reasons(&pair), [Why::LossProbe { new: false }]);
    assert!(took < ms(150), "{took:?}: no timeout");
    pair.settle(ms(100));
    pair.write(true, &[1; 100]);
    pair.settle(ms(100));
    let status = pair.a.tcp().status();
    assert!(status.ssthresh < before && status.timeouts == 0, "{status:?}");
    // The same with nothing lost but an ACK that is late: the peer has it twice, and it costs nothing.
    let mut pair = Pair::configured(config());
    let mut held = 0;
    pair.keep = Box::new(move |_, seen| {
        held += u32::from(!seen.from_a);
        seen.from_a || held > 1
    });
    transfer(&mut pair, 5 * SEGMENT as usize);
    pair.settle(ms(300));
    assert!(reasons(&pair).contains(&Why::LossProbe { new: false }));
    pair.write(true, &[1; 100]);
    pair.settle(ms(100));
    let status = pair.a.tcp().status();
    assert_eq!((status.ssthresh, status.duplicate_sacks), (u32::MAX, 1), "{status:?}");
}

/// Covers: RFC 8985 8985-13, 8985-14, 8985-16, 8985-11
#[test]
fn silence_draws_one_probe_with_new_data_and_then_the_timeout() {
    let mut lone = Lone::established(config(), &Peer { sack: true, ..Peer::plain() });
    lone.write(12_000);
    assert_eq!(lone.sent().len(), 10);
    let began = lone.now;
    let sent = lone.advance(Duration::from_secs(1));
    // Two round trips of 10 ms, then 210 ms, doubled.
    let at: Vec<_> = sent.iter().map(|(at, _)| at.since(began).as_millis()).collect();
    assert_eq!(at, [20, 230, 650]);
    let whys: Vec<_> = sent.iter().map(|(_, transmit)| transmit.why).collect();
    let timeouts = [Why::RetransmissionTimeout(1), Why::RetransmissionTimeout(2)];
    assert_eq!(whys, [Why::LossProbe { new: true }, timeouts[0], timeouts[1]]);
    assert_eq!(line(&sent[0].1), "ACK 10001:11001 ack 1");
    assert_eq!(line(&sent[1].1), "ACK 1:1001 ack 1");
}

/// Covers: RFC 8985 8985-8
#[test]
fn without_another_ack_the_reordering_timer_sends_again() {
    let mut lone = Lone::established(config(), &Peer { sack: true, ..Peer::plain() });
    lone.write(2_000);
    assert_eq!(lone.sent().len(), 2);
    lone.now += ms(10);
    let mut segment = lone.segment(Flags::ACK, 1, 1, 65_535, 0);
    let mut blocks = SackBlocks::NONE;
    blocks.push(SackBlock { start: lone.tcp.status().snd_una + 1_000, end: lone.tcp.status().snd_nxt });
    segment.header.options.sack = blocks;
    lone.handle(segment);
    let began = lone.now;
    let sent = lone.advance(ms(100));
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].1.why, sent[0].0.since(began)),
        (Why::Rack { later: 1 }, Duration::from_micros(2_500))
    );
}

/// Three of a hundred come late by up to half a round trip, and none is lost.
#[test]
fn reordering_costs_little_and_is_undone_where_it_was_mistaken() {
    let took = |chance: f64| {
        let mut pair = Pair::configured(config());
        pair.delay = ms(50);
        pair.a.tcp().watch(true);
        let mut rng = Rng::seeded(9);
        pair.late = Box::new(move |seen| match index(seen) {
            Some(_) if rng.chance(chance) => Duration::from_micros(rng.below(50_000)),
            _ => Duration::ZERO,
        });
        let took = transfer(&mut pair, 8_000_000);
        (took, windows(&mut pair), pair.a.tcp().status())
    };
    let (clean, _, _) = took(0.0);
    let (late, windows, status) = took(0.03);
    let (undone, at) =
        windows.iter().zip(0..).find(|((trigger, ..), _)| matches!(trigger, Trigger::Undone(_))).unwrap();
    let cut = windows[..at].iter().rposition(|(trigger, ..)| *trigger == Trigger::Loss).unwrap();
    assert_eq!(undone.0, Trigger::Undone(Undo::Eifel));
    assert!(undone.1 >= windows[cut - 1].1, "the window is what it was, or larger");
    assert!(late <= clean + clean / 10, "{late:?} instead of {clean:?}");
    assert!(status.reordering && status.retransmitted_segments < 20, "{status:?}");
}

/// A path that stops for a while, and delivers everything later: nothing is sent twice but the first, and a probe.
#[test]
fn a_spike_of_delay_is_no_loss() {
    for timestamps in [true, false] {
        let mut pair = Pair::configured(config().timestamps(timestamps));
        pair.a.tcp().watch(true);
        transfer(&mut pair, 200_000);
        let until = pair.now + Duration::from_secs(2);
        bottleneck(&mut pair, until);
        let before = pair.a.tcp().status();
        pair.b.received.clear();
        transfer(&mut pair, 400_000);
        let after = pair.a.tcp().status();
        let triggers: Vec<_> = windows(&mut pair).iter().map(|window| window.0).collect();
        assert!(triggers.contains(&Trigger::Timeout), "{triggers:?}");
        assert!(
            triggers.iter().any(|trigger| matches!(trigger, Trigger::Undone(Undo::Eifel | Undo::Frto))),
            "{triggers:?}"
        );
        assert!(after.retransmitted_segments <= before.retransmitted_segments + 5, "{after:?}");
        assert!(after.cwnd >= before.cwnd);
    }
}

/// A peer that acknowledges octet by octet, or what has not arrived, is sent no more than an honest one would be.
#[test]
fn acks_cut_in_pieces_earn_no_more_than_whole_ones() {
    let grown = |pieces: u32| {
        let mut lone = Lone::established(config(), &Peer { sack: true, ..Peer::plain() });
        lone.write(200_000);
        lone.sent();
        lone.now += ms(10);
        for n in 1..=10 * pieces {
            lone.acked(1 + n * 1_000 / pieces);
            lone.sent();
        }
        lone.tcp.status().cwnd
    };
    assert!(grown(50) <= grown(1));
}
