//! Timestamps and PAWS from end to end (RFC 7323 §3 to §5).

use crate::lone::{IRS, Lone, Peer, ms};
use crate::pair::Pair;
use env::Duration;
use handfast_tcp::{Event, State, TcpConfig};
use wire::tcp::{Flags, Timestamps};

const ACK: Flags = Flags::ACK;

fn stamping() -> Lone {
    Lone::established(TcpConfig::default(), &Peer::stamping())
}

fn stamped(lone: &Lone, value: u32, seq: u32, octets: usize) -> handfast_tcp::Segment {
    let mut segment = lone.segment(ACK, seq, 1, 65_535, octets);
    segment.header.options.timestamps = Some(Timestamps { value, echo: lone.echo });
    segment
}

/// Covers: RFC 7323 7323-13, 7323-16; RFC 9293 9293-E43
#[test]
fn every_segment_of_every_kind_has_a_timestamp_and_an_ack_from_syn_to_last_ack() {
    for seed in 0..20 {
        let mut rng = env::Rng::seeded(seed);
        let mut pair = Pair::default();
        pair.keep = Box::new(move |_, _| !rng.chance(0.1));
        pair.open();
        pair.write(true, &[1; 60_000]);
        pair.settle(Duration::from_secs(60));
        pair.write(false, &[2; 60_000]);
        pair.settle(Duration::from_secs(60));
        for from_a in [true, false] {
            let now = pair.now;
            let end = if from_a { &mut pair.a } else { &mut pair.b };
            end.tcp().close(now).unwrap();
            pair.settle(Duration::from_secs(60));
        }
        assert!(pair.seen.len() > 100);
        for (n, seen) in pair.seen.iter().enumerate() {
            let stamps = seen.segment.header.options.timestamps.expect("a timestamp on every segment");
            let first = seen.segment.has(Flags::SYN) && seen.from_a;
            assert_eq!(seen.segment.has(ACK), !first);
            assert_eq!(stamps.echo == 0, first, "without ACK there is no echo");
            // What is echoed was sent by the other side, before.
            let values = || pair.seen[..n].iter().filter(|other| other.from_a != seen.from_a);
            let sent = |other: &&crate::pair::Seen| {
                other.segment.header.options.timestamps.unwrap().value == stamps.echo
            };
            assert!(first || values().any(|other| sent(&other)));
        }
    }
}

/// Covers: RFC 7323 7323-15, 7323-16
#[test]
fn timestamps_that_were_not_agreed_on_are_skipped() {
    let mut lone = Lone::plain();
    for value in [9, 1, u32::MAX] {
        let at = lone.tcp.status().rcv_nxt.wrapping_since(IRS);
        let segment = stamped(&lone, value, at, 10);
        lone.handle(segment);
        assert_eq!(lone.transmits()[0].segment.header.options.timestamps, None);
    }
    assert_eq!(lone.tcp.readable(), 30);
    // On a bare SYN there is no ACK, and so nothing that its echo could mean.
    let mut lone = Lone::opening(TcpConfig::default());
    lone.transmits();
    let mut syn = lone.segment(Flags::SYN, 0, 0, 65_535, 0);
    syn.header.options.timestamps = Some(Timestamps { value: 5, echo: 99 });
    lone.handle(syn);
    let answer = lone.transmits().remove(0).segment.header;
    assert_eq!(answer.options.timestamps.map(|stamps| stamps.echo), Some(5));
    assert_eq!(lone.tcp.status().srtt, None);
}

/// Covers: RFC 7323 7323-20, 7323-21, 7323-22, 7323-24
#[test]
fn an_old_timestamp_is_answered_and_dropped_and_a_queued_segment_is_not_asked_again() {
    let mut lone = stamping();
    lone.now += Duration::from_secs(10);
    let clock = lone.peer_clock();
    // Above a hole with an older, still sound timestamp; then the hole is filled with a newer one.
    let early = stamped(&lone, clock - 50, 11, 10);
    lone.handle(early);
    let filler = stamped(&lone, clock, 1, 10);
    lone.handle(filler);
    assert_eq!(lone.tcp.readable(), 20, "checked once, when it arrived");
    let answer = lone.transmits().pop().unwrap().segment.header;
    assert_eq!(answer.options.timestamps.map(|stamps| stamps.echo), Some(clock));

    let old = stamped(&lone, clock - 1, 21, 10);
    lone.handle(old);
    assert_eq!(lone.sent(), ["ACK 1:1 ack 21"]);
    assert_eq!(lone.tcp.readable(), 20);
    // 24 days of silence make any timestamp good again.
    lone.now += Duration::from_secs(24 * 86_400 + 1);
    let old = stamped(&lone, clock - 1, 21, 10);
    lone.handle(old);
    assert_eq!(lone.tcp.readable(), 30);
    // A RST is heard with an old one or none.
    let mut rst = stamped(&lone, clock - 1_000, 31, 0);
    rst.header.flags = Flags::RST;
    lone.handle(rst);
    lone.sent();
    assert!(matches!(lone.events.last(), Some(Event::Closed(Some(_)))));
}

/// Covers: RFC 7323 7323-14
#[test]
fn a_segment_without_its_timestamp_is_dropped_in_silence() {
    let mut lone = stamping();
    lone.stamps = false;
    lone.arrives(ACK, 1, 1, 65_535, 10);
    assert_eq!((lone.sent(), lone.tcp.readable(), lone.tcp.state()), (vec![], 0, State::Established));
}

/// Covers: RFC 7323 7323-18
#[test]
fn only_an_ack_of_something_new_measures_a_round_trip() {
    let mut lone = stamping();
    let before = lone.tcp.status().srtt;
    lone.write(1_000);
    lone.sent();
    lone.pass(ms(100));
    lone.arrives(ACK, 1, 1, 65_535, 10);
    lone.arrives(ACK, 11, 1, 65_000, 0);
    assert_eq!(lone.tcp.status().srtt, before);
    lone.arrives(ACK, 11, 1_001, 65_000, 0);
    assert!(lone.tcp.status().srtt > before);
}

/// Two ends that both believe the other's clock to have gone back would answer each other's ACKs for ever.
///
/// Covers: RFC 9293 9293-E49
#[test]
fn empty_segments_with_old_timestamps_are_answered_so_many_times_a_second() {
    let mut lone = stamping();
    let now = lone.peer_clock();
    let answers: usize = (0..100)
        .map(|n| {
            let old = stamped(&lone, now - 1_000 - n, 1, 0);
            lone.handle(old);
            lone.sent().len()
        })
        .sum();
    assert!((1..=10).contains(&answers), "{answers}");
    // Data is what a peer sends again until it is answered.
    let old = stamped(&lone, now - 1_000, 1, 100);
    lone.handle(old);
    assert_eq!(lone.sent().len(), 1);
}
