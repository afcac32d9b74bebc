//! Reports of what is above a hole that wait for those after them.

use super::*;

const LONGEST: Duration = Duration::from_millis(1);
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// Three segments above a hole were answered, each at once; what comes next is to be at 4016.
fn told_of_three(sack: bool, most: u8) -> ReceiveHalf {
    let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { sack, ..settings(1_000_000) });
    for n in 0..16 {
        half.take_text(NOW, &data(n, 1));
    }
    half.advertise();
    for n in 1..4 {
        half.take_text(NOW, &data(16 + n * 1000, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder), "{n}");
        half.advertise();
        half.set_patience(LONGEST, most, Some(ROUND_TRIP));
    }
    half
}

/// Four more come above a hole: three are answered at once again, and the fourth waits.
fn three_more_are_told_at_once(half: &mut ReceiveHalf) {
    for n in 0..4 {
        half.take_text(NOW, &data(5016 + n * 1000, 1000));
        assert_eq!(half.ack_due(NOW), (n < 3).then_some(Why::OutOfOrder), "{n}");
        half.advertise();
    }
}

/// Nothing is due; the ACK that waits goes after so many microseconds.
fn waits(half: &ReceiveHalf, now: Instant) -> Option<u128> {
    assert_eq!(half.ack_due(now), None);
    half.ack_deadline().map(|deadline| deadline.since(NOW).as_micros())
}

/// Covers: RFC 5681 5681-16, 5681-29; RFC 2018 2018-4
#[test]
fn from_the_fourth_on_they_wait_and_one_ack_tells_of_all() {
    let mut half = told_of_three(true, 44);
    for n in 4..10 {
        let now = NOW + Duration::from_micros(100) * (n as u32 - 4);
        half.take_text(now, &data(16 + n * 1000, 1000));
        assert_eq!(waits(&half, now), Some(1_000), "the first of them decides");
    }
    half.on_timeout(NOW + LONGEST);
    assert_eq!(half.ack_due(NOW + LONGEST), Some(Why::DelayedReport(6)));
    assert_eq!(blocks(&mut half, 3), [(1016, 10_016)]);
    half.advertise();
    assert_eq!((half.ack_due(NOW + FORTY), half.ack_deadline()), (None, None));
}

#[test]
fn they_wait_for_a_twentieth_of_the_round_trip_and_not_where_none_is_known() {
    for (round_trip, wait) in
        [(Some(400), Some(20)), (Some(10_000), Some(500)), (Some(90_000), Some(1_000)), (None, None)]
    {
        let mut half = told_of_three(true, 44);
        half.set_patience(LONGEST, 44, round_trip.map(Duration::from_micros));
        half.take_text(NOW, &data(4016, 1000));
        match wait {
            Some(_) => assert_eq!(waits(&half, NOW), wait),
            None => assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder)),
        }
    }
}

#[test]
fn so_many_wait_and_no_more() {
    for most in [0, 1, 44] {
        let mut half = told_of_three(true, most);
        for n in 0..usize::from(most) {
            half.take_text(NOW, &data(4016 + n * 1000, 1000));
            assert_eq!(waits(&half, NOW), Some(1_000), "{n} of {most}");
        }
        half.take_text(NOW, &data(4016 + usize::from(most) * 1000, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder), "{most}");
        half.advertise();
        assert_eq!(half.ack_deadline(), None);
    }
}

/// What waited for a fourth hole would be told by no ACK, and be sent again for nothing.
///
/// Covers: RFC 2018 2018-3, 2018-5
#[test]
fn no_more_holes_wait_than_one_ack_can_tell_of() {
    let mut half = told_of_three(true, 44);
    assert_eq!(blocks(&mut half, 3), [(1016, 4016)]);
    for round in 0..5 {
        let start = |n: usize| 5016 + (3 * round + n) * 2000;
        for n in 0..2 {
            half.take_text(NOW, &data(start(n), 1000));
            assert_eq!(half.ack_due(NOW), None, "{n}");
        }
        half.take_text(NOW, &data(start(2), 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder));
        let block = |n| (start(n), start(n) + 1000);
        assert_eq!(blocks(&mut half, 3), [block(2), block(1), block(0)]);
        half.advertise();
    }
}

/// Covers: RFC 5681 5681-16, 5681-29
#[test]
fn without_sack_none_waits() {
    let mut half = told_of_three(false, 44);
    half.take_text(NOW, &data(4016, 1000));
    assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder));
}

/// Covers: RFC 5681 5681-17; RFC 2883 2883-1
#[test]
fn a_filled_hole_a_fin_a_duplicate_and_marks_do_not_wait() {
    type Comes = fn(&mut ReceiveHalf);
    let cases: [(Comes, Why); 6] = [
        (|half| _ = half.take_text(NOW, &data(16, 1000)), Why::FillsHole),
        (|half| _ = half.take_text(NOW, &with(Flags::FIN, data(7016, 1000))), Why::OutOfOrder),
        (|half| _ = half.take_text(NOW, &data(2016, 1000)), Why::Duplicate),
        (|half| _ = half.take_text(NOW, &data(3016, 2000)), Why::OutOfOrder),
        (|half| _ = half.take_text(NOW, &data(10, 500)), Why::FillsHole),
        (|half| half.demand_ack(Why::Marked), Why::Marked),
    ];
    for (number, (comes, why)) in cases.into_iter().enumerate() {
        let mut half = told_of_three(true, 44);
        half.take_text(NOW, &data(5016, 1000));
        assert_eq!(waits(&half, NOW), Some(1_000));
        comes(&mut half);
        assert_eq!(half.ack_due(NOW), Some(why), "{number}");
    }
}

/// Covers: RFC 5681 5681-17
#[test]
fn what_fills_a_part_of_a_hole_is_told_at_once_and_so_are_the_next_three() {
    let mut half = told_of_three(true, 44);
    half.take_text(NOW, &data(16, 500));
    assert_eq!((half.nxt(), half.ack_due(NOW)), (seq(516), Some(Why::FillsHole)));
    half.advertise();
    three_more_are_told_at_once(&mut half);
}

/// Covers: RFC 5681 5681-16, 5681-29
#[test]
fn the_next_hole_is_told_three_times_at_once_again() {
    let mut half = told_of_three(true, 44);
    half.take_text(NOW, &data(16, 1000));
    half.advertise();
    three_more_are_told_at_once(&mut half);
}

#[test]
fn the_first_segments_of_a_connection_are_answered_at_once_here_too() {
    let mut half = half(1_000_000);
    half.set_patience(LONGEST, 44, Some(ROUND_TRIP));
    for n in 1..=3 + 16 {
        half.take_text(NOW, &data(n * 1000, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder), "{n}");
        half.advertise();
    }
    half.take_text(NOW, &data(20_000, 1000));
    assert_eq!(waits(&half, NOW), Some(1_000));
}

#[test]
fn a_segment_of_ours_carries_the_report() {
    let mut half = told_of_three(true, 44);
    half.take_text(NOW, &data(4016, 1000));
    assert_eq!(blocks(&mut half, 3), [(1016, 5016)]);
    half.advertise();
    assert_eq!((half.ack_due(NOW + FORTY), half.ack_deadline()), (None, None));
}
