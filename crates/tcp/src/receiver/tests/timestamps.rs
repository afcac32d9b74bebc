//! Timestamps: what an ACK echoes, and what is too old to count (RFC 7323 §4, §5).

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn stamped(recent: u32) -> ReceiveHalf {
    ReceiveHalf::new(NOW, IRS, ReceiveSettings { timestamps: Some(recent), ..settings(60_000) })
}

fn stamp(value: u32) -> Option<Timestamps> {
    Some(Timestamps { value, echo: 0 })
}

/// One segment of 100 octets as segment `n`, taken and, if wanted, acknowledged; gives what an ACK echoes.
fn arrives(half: &mut ReceiveHalf, n: usize, value: u32, acked: bool) -> u32 {
    let segment = data(n * 100, 100);
    assert_eq!(half.check_timestamp(NOW, stamp(value), false), TimestampCheck::Fine);
    half.update_timestamp(NOW, segment.header.seq, stamp(value));
    half.take_text(NOW, &segment);
    if acked {
        half.advertise();
    }
    half.timestamp_echo()
}

/// Covers: RFC 7323 7323-20
#[test]
fn the_examples_of_section_4_3_come_out() {
    let mut delayed = stamped(0);
    arrives(&mut delayed, 0, 1, false);
    arrives(&mut delayed, 1, 2, false);
    assert_eq!(arrives(&mut delayed, 2, 3, true), 1);

    let mut holes = stamped(0);
    assert_eq!(arrives(&mut holes, 0, 1, true), 1); // A
    assert_eq!(arrives(&mut holes, 2, 3, true), 1); // C
    assert_eq!(arrives(&mut holes, 1, 2, true), 2); // B
    assert_eq!(arrives(&mut holes, 4, 5, true), 2); // E
    assert_eq!(arrives(&mut holes, 3, 4, true), 4); // D
}

/// Covers: RFC 7323 7323-21
#[test]
fn an_older_timestamp_is_refused_across_the_wrap_of_its_clock() {
    let half = stamped(5);
    assert_eq!(half.check_timestamp(NOW, stamp(5), false), TimestampCheck::Fine);
    assert_eq!(half.check_timestamp(NOW, stamp(4), false), TimestampCheck::Old);
    assert_eq!(half.check_timestamp(NOW, stamp(u32::MAX), false), TimestampCheck::Old);
    assert_eq!(stamped(u32::MAX).check_timestamp(NOW, stamp(0), false), TimestampCheck::Fine);
}

/// A copy overtook it, so that it is older than TS.Recent: dropped, and told all the same (RFC 2883 §4).
#[test]
fn what_is_dropped_for_its_timestamp_is_reported_where_it_is_here_already() {
    let mut half = stamped(5);
    half.take_text(NOW, &data(0, 100));
    half.advertise();
    half.saw_old(&data(200, 100));
    assert!(!half.has_duplicate(), "it is not here");
    half.saw_old(&data(50, 100));
    let told = half.sack_blocks(3);
    assert_eq!(told.as_slice()[0], wire::tcp::SackBlock { start: seq(50), end: seq(100) });
}

/// Covers: RFC 7323 7323-26
#[test]
fn after_twenty_four_idle_days_any_timestamp_is_new() {
    let mut half = stamped(1 << 31);
    assert_eq!(half.check_timestamp(NOW + DAY * 24, stamp(5), false), TimestampCheck::Old);
    let later = NOW + DAY * 25;
    assert_eq!(half.check_timestamp(later, stamp(5), false), TimestampCheck::Fine);
    half.update_timestamp(later, seq(0), stamp(5));
    assert_eq!(half.timestamp_echo(), 5);
    assert_eq!(half.check_timestamp(later, stamp(4), false), TimestampCheck::Old);
}

/// Covers: RFC 7323 7323-20
#[test]
fn ts_recent_never_goes_back() {
    let mut half = stamped(7);
    half.update_timestamp(NOW, seq(0), stamp(6));
    assert_eq!(half.timestamp_echo(), 7);
    half.update_timestamp(NOW, seq(0), stamp(7));
    half.update_timestamp(NOW, seq(0), stamp(9));
    half.update_timestamp(NOW, seq(1), stamp(12));
    assert_eq!(half.timestamp_echo(), 9, "above Last.ACK.sent nothing is taken over");
}

#[test]
fn a_missing_timestamp_counts_only_where_they_were_agreed_on() {
    assert_eq!(stamped(7).check_timestamp(NOW, None, false), TimestampCheck::Missing);
    let mut plain = half(60_000);
    assert_eq!(plain.check_timestamp(NOW, None, false), TimestampCheck::Fine);
    assert_eq!(plain.check_timestamp(NOW, stamp(9), false), TimestampCheck::Fine);
    plain.update_timestamp(NOW, seq(0), stamp(9));
    assert_eq!(plain.timestamp_echo(), 0);
}

/// Covers: RFC 7323 7323-22
#[test]
fn looking_at_a_timestamp_changes_nothing() {
    // A RST is never looked at; this is what lets the caller leave it out.
    let half = stamped(7);
    half.check_timestamp(NOW, stamp(1000), false);
    assert_eq!(half.timestamp_echo(), 7);
}
