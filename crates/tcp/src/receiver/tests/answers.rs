//! Which ACK goes when, what it echoes, and which blocks it carries.

use super::*;

const FORTY: Duration = Duration::from_millis(40);

/// When a lone or a repeated segment is acknowledged.
mod rfc9293_3_8_6_3 {
    use super::*;

    #[test]
    fn the_first_sixteen_segments_are_acknowledged_at_once() {
        let mut half = half(100_000);
        for n in 0..16 {
            half.take_text(NOW, &data(n * 1000, 1000));
            assert_eq!(half.ack_due(NOW), Some(Why::QuickAck));
            half.advertise();
        }
        half.take_text(NOW, &data(16_000, 1000));
        assert_eq!(half.ack_due(NOW), None);
    }

    /// Covers: RFC 9293 SHLD-18, MUST-40; RFC 5681 5681-28
    #[test]
    fn a_single_segment_is_acknowledged_by_the_timer() {
        let mut half = settled(100_000);
        half.take_text(NOW, &data(16, 1000));
        assert_eq!((half.ack_due(NOW), half.ack_deadline()), (None, Some(NOW + FORTY)));
        half.take_text(NOW + FORTY / 2, &data(1016, 10));
        assert_eq!(half.ack_deadline(), Some(NOW + FORTY));
        half.on_timeout(NOW + FORTY / 2);
        assert_eq!(half.ack_due(NOW + FORTY / 2), None);
        assert_eq!(half.ack_due(NOW + FORTY), Some(Why::DelayedAck(FORTY)));
        half.on_timeout(NOW + FORTY);
        assert_eq!((half.ack_due(NOW), half.ack_deadline()), (Some(Why::DelayedAck(FORTY)), None));
        half.advertise();
        assert_eq!((half.ack_due(NOW + FORTY), half.ack_deadline()), (None, None));
    }

    /// Covers: RFC 9293 MUST-40; RFC 5681 5681-28
    #[test]
    fn no_setting_delays_an_ack_by_half_a_second() {
        let slow = ReceiveSettings { ack_delay: Duration::from_secs(3), ..settings(100_000) };
        let mut half = ReceiveHalf::new(NOW, IRS, slow);
        for n in 0..17 {
            half.advertise();
            half.take_text(NOW, &data(n * 10, 10));
        }
        assert!(half.ack_deadline().unwrap().since(NOW) < Duration::from_millis(500));
    }

    /// Covers: RFC 9293 SHLD-19; RFC 5681 5681-28
    #[test]
    fn four_full_segments_draw_two_acks() {
        let mut half = settled(100_000);
        let mut acks = Vec::new();
        for n in 0..4 {
            half.take_text(NOW, &data(16 + n * 1000, 1000));
            if let Some(why) = half.ack_due(NOW) {
                half.advertise();
                acks.push((half.nxt(), why));
            }
        }
        assert_eq!(acks, [(seq(2016), Why::SecondSegment), (seq(4016), Why::SecondSegment)]);
    }

    #[test]
    fn a_train_counts_as_its_segments() {
        let mut half = settled(100_000);
        half.take_text(NOW, &train(16, 900, 1000));
        assert_eq!(half.ack_due(NOW), None);
        half.advertise();
        half.take_text(NOW, &train(916, 2000, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::SecondSegment));
        let mut fresh = super::half(100_000);
        fresh.take_text(NOW, &train(0, 16_000, 1000));
        fresh.advertise();
        fresh.take_text(NOW, &data(16_000, 1000));
        assert_eq!(fresh.ack_due(NOW), None, "sixteen quick ACKs are used up by sixteen segments");
    }

    #[test]
    fn no_segment_counts_as_larger_than_what_we_announced() {
        let mut half = settled(200_000);
        half.take_text(NOW, &data(16, 50_000));
        half.advertise();
        half.take_text(NOW, &data(50_016, 2 * MSS as usize));
        assert_eq!(half.ack_due(NOW), Some(Why::SecondSegment));
    }

    #[test]
    fn half_a_small_buffer_is_worth_an_ack() {
        let mut half = settled(1600);
        half.take_text(NOW, &data(16, 800));
        assert_eq!(half.ack_due(NOW), Some(Why::SecondSegment));
    }

    /// Covers: RFC 9293 MUST-58, MUST-59
    #[test]
    fn segments_that_arrive_together_share_one_ack() {
        for mut half in [half(100_000), settled(100_000)] {
            let begin = half.nxt().wrapping_since(seq(0)) as usize;
            for n in 0..8 {
                half.take_text(NOW, &data(begin + n * 1000, 1000));
            }
            assert!(half.ack_due(NOW).is_some());
            half.advertise();
            assert_eq!((half.ack_due(NOW), half.ack_deadline()), (None, None));
            assert_eq!(half.nxt(), seq(begin + 8000));
        }
    }

    #[test]
    fn a_segment_of_ours_carries_the_waiting_ack() {
        let mut half = settled(100_000);
        half.take_text(NOW, &data(16, 10));
        half.advertise();
        assert_eq!((half.ack_due(NOW + FORTY), half.ack_deadline()), (None, None));
    }
}

/// What is acknowledged at once.
mod rfc5681_4_2 {
    use super::*;

    /// Covers: RFC 5681 5681-16, 5681-17, 5681-29; RFC 9293 MAY-13
    #[test]
    fn above_a_hole_and_into_a_hole_are_acknowledged_at_once_at_every_depth() {
        let mut half = settled(100_000);
        for n in (1..10).rev() {
            half.take_text(NOW, &data(16 + n * 2000, 1000));
            assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder));
            half.advertise();
        }
        for n in 0..18 {
            let fills = half.buffered_out_of_order() > 0;
            assert_eq!(
                half.take_text(NOW, &data(16 + n * 1000, 1000)).discard.is_some(),
                n >= 2 && n % 2 == 0
            );
            if n % 2 == 0 && n >= 2 {
                half.advertise();
                continue; // That one was there.
            }
            assert_eq!(half.ack_due(NOW), fills.then_some(Why::FillsHole), "{n}");
            half.advertise();
        }
        assert_eq!(half.nxt(), seq(16 + 19_000));
    }

    /// Who has SACK counts octets, and hears of all in one ACK.
    #[test]
    fn each_segment_of_a_train_above_a_hole_draws_a_duplicate_ack_where_these_are_counted() {
        for (sack, acks) in [(false, 9), (true, 1)] {
            let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { sack, ..settings(100_000) });
            half.take_text(NOW, &train(1000, 9000, 1000));
            for _ in 0..acks {
                assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder));
                assert_eq!(blocks(&mut half, 3), if sack { Vec::from([(1000, 10_000)]) } else { Vec::new() });
                half.advertise();
            }
            assert_eq!(half.ack_due(NOW), None);
        }
    }

    #[test]
    fn what_happened_outweighs_routine_as_the_reason() {
        let mut half = settled(100_000);
        half.take_text(NOW, &data(1016, 1000));
        half.take_text(NOW, &data(16, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::FillsHole));
        half.take_text(NOW, &with(Flags::FIN, data(2016, 1000)));
        assert_eq!(half.ack_due(NOW), Some(Why::AcknowledgesFin));
        half.demand_ack(Why::Duplicate);
        assert_eq!(half.ack_due(NOW), Some(Why::AcknowledgesFin));
    }
}

/// Reports of what is above a hole that wait for those after them.
mod delayed_reports {
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
        for n in 0..4 {
            half.take_text(NOW, &data(5016 + n * 1000, 1000));
            assert_eq!(half.ack_due(NOW), (n < 3).then_some(Why::OutOfOrder), "{n}");
            half.advertise();
        }
    }

    /// Covers: RFC 5681 5681-16, 5681-29
    #[test]
    fn the_next_hole_is_told_three_times_at_once_again() {
        let mut half = told_of_three(true, 44);
        half.take_text(NOW, &data(16, 1000));
        half.advertise();
        for n in 0..4 {
            half.take_text(NOW, &data(5016 + n * 1000, 1000));
            assert_eq!(half.ack_due(NOW), (n < 3).then_some(Why::OutOfOrder), "{n}");
            half.advertise();
        }
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
}

proptest! {
    /// Covers: RFC 5681 5681-16, 5681-17, 5681-29; RFC 9293 MAY-13
    #[test]
    fn whatever_is_not_simply_next_is_acknowledged_at_once(
        sack: bool, segments in proptest::collection::vec((0usize..4000, 1usize..500), 1..80),
    ) {
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { sack, ..settings(100_000) });
        for (n, len) in segments {
            let (next, hole) = (half.nxt(), half.buffered_out_of_order() > 0);
            let segment = data(n, len);
            match half.check(segment.header.seq, segment.seq_len()) {
                Acceptability::Acceptable => {
                    half.take_text(NOW, &segment);
                }
                refused => {
                    half.refuse(refused, &segment);
                }
            }
            if segment.header.seq != next || hole {
                prop_assert!(half.ack_due(NOW).is_some());
            }
            prop_assert!(half.ack_due(NOW).is_some() || half.ack_deadline().is_some());
            // However many are owed, they come to an end.
            for _ in 0..3 {
                half.advertise();
            }
            prop_assert_eq!((half.ack_due(NOW), half.ack_deadline()), (None, None));
        }
    }
}

/// Blocks.
mod rfc2018_4 {
    use super::*;

    /// Eight segments of 500 octets from 5000 on, as in the examples of RFC 2018 §7.
    fn transcript(arrive: &[usize]) -> Vec<Vec<(usize, usize)>> {
        let mut half = half(60_000);
        half.take_text(NOW, &data(0, 5000));
        half.advertise();
        arrive
            .iter()
            .map(|&n| {
                half.take_text(NOW, &data(5000 + n * 500, 500));
                half.advertise();
                blocks(&mut half, 4)
            })
            .collect()
    }

    /// Covers: RFC 2018 2018-5
    #[test]
    fn the_examples_of_section_7_come_out() {
        assert_eq!(transcript(&[0, 1, 2, 3]), [[]; 4]);
        assert_eq!(
            transcript(&[1, 2, 3, 4]),
            [[(5500, 6000)], [(5500, 6500)], [(5500, 7000)], [(5500, 7500)]]
        );
        let third = transcript(&[0, 2, 4, 6, 3, 1]);
        assert_eq!(third[0], []);
        assert_eq!(third[1], [(6000, 6500)]);
        assert_eq!(third[2], [(7000, 7500), (6000, 6500)]);
        assert_eq!(third[3], [(8000, 8500), (7000, 7500), (6000, 6500)]);
        assert_eq!(third[4], [(6000, 7500), (8000, 8500)]);
        assert_eq!(third[5], [(8000, 8500)]);
    }

    /// Covers: RFC 2018 2018-3, 2018-4
    #[test]
    fn every_ack_carries_blocks_while_there_is_a_hole() {
        let mut half = half(100_000);
        for n in 1..6 {
            half.take_text(NOW, &data(n * 1000, 1000));
            assert_eq!(half.ack_due(NOW), Some(Why::OutOfOrder));
            half.advertise();
            assert_eq!(blocks(&mut half, 3), [(1000, (n + 1) * 1000)]);
        }
        assert_eq!(blocks(&mut half, 3), [(1000, 6000)], "again, in whatever goes out next");
        half.take_text(NOW, &data(0, 1000));
        assert_eq!(blocks(&mut half, 3), []);
    }

    /// Covers: RFC 2018 2018-6
    #[test]
    fn as_many_blocks_as_fit_the_latest_first() {
        let mut half = half(100_000);
        for n in [5, 1, 9, 3, 7] {
            half.take_text(NOW, &data(n * 1000, 1000));
            half.advertise();
        }
        let all = [(7000, 8000), (3000, 4000), (9000, 10_000), (1000, 2000), (5000, 6000)];
        assert_eq!(blocks(&mut half, 4), all[..4]);
        assert_eq!(blocks(&mut half, 3), all[..3]);
        assert_eq!(blocks(&mut half, 0), []);
    }

    /// Covers: RFC 2018 2018-3, 2018-6
    #[test]
    fn segments_that_arrive_together_are_each_told_by_the_ack_that_they_draw() {
        let mut half = half(100_000);
        let places = [1000, 3000, 5000, 7000, 9000];
        for at in places.into_iter().chain([9500]) {
            half.take_text(NOW, &data(at, 500));
        }
        let mut first = Vec::new();
        while half.ack_due(NOW).is_some() {
            first.push(blocks(&mut half, 3)[0]);
            half.advertise();
        }
        let told = |at| (at, if at == 9000 { at + 1000 } else { at + 500 });
        assert_eq!(first, [1000, 3000, 5000, 7000, 9000, 9000].map(told), "as if each had been alone");
    }

    #[test]
    fn an_island_that_grows_and_grows_pushes_no_other_out_of_the_order() {
        let mut half = half(100_000);
        for n in [2, 8, 4, 6] {
            half.take_text(NOW, &data(n * 5000, 100));
            half.advertise();
        }
        for n in 1..20 {
            half.take_text(NOW, &data(20_000 + n * 100, 100));
            half.advertise();
        }
        let all = [(20_000, 22_000), (30_000, 30_100), (40_000, 40_100), (10_000, 10_100)];
        assert_eq!(blocks(&mut half, 4), all);
    }

    #[test]
    fn islands_that_grew_long_ago_fill_what_room_is_left() {
        let mut half = half(100_000);
        for n in 1..20 {
            half.take_text(NOW, &data(n * 1000, 100));
        }
        // The last eight become one.
        half.take_text(NOW, &data(12_000, 7100));
        assert_eq!(blocks(&mut half, 4).len(), 4);
    }

    /// Covers: RFC 2018 2018-2
    #[test]
    fn there_are_no_blocks_unless_agreed_on() {
        let plain = ReceiveSettings { sack: false, ..settings(100_000) };
        let mut half = ReceiveHalf::new(NOW, IRS, plain);
        half.take_text(NOW, &data(1000, 1000));
        half.take_text(NOW, &data(1000, 1000));
        assert!(half.sack_blocks(4).is_empty());
    }
}

/// Duplicates.
mod rfc2883_4 {
    use super::*;

    /// Covers: RFC 2883 2883-1
    #[test]
    fn a_duplicate_below_rcv_nxt_is_told_first_and_once() {
        let mut half = half(60_000);
        half.take_text(NOW, &data(0, 4000));
        half.take_text(NOW, &data(5000, 500));
        half.advertise();
        let old = data(3000, 500);
        assert_eq!(half.refuse(half.check(old.header.seq, 500), &old), Some(Discard::Duplicate));
        assert_eq!(blocks(&mut half, 4), [(3000, 3500), (5000, 5500)]);
        assert_eq!(blocks(&mut half, 4), [(5000, 5500)]);
    }

    /// Covers: RFC 2883 2883-1
    #[test]
    fn a_duplicate_inside_an_island_is_told_with_the_island_after_it() {
        let mut half = half(60_000);
        half.take_text(NOW, &data(5000, 1500));
        half.take_text(NOW, &data(8000, 500));
        assert_eq!(half.take_text(NOW, &data(5500, 500)).discard, Some(Discard::Duplicate));
        assert_eq!(half.ack_due(NOW), Some(Why::Duplicate));
        assert_eq!(blocks(&mut half, 4), [(5500, 6000), (5000, 6500), (8000, 8500)]);
    }

    #[test]
    fn a_duplicate_is_told_though_new_text_came_before_its_ack_went_out() {
        let mut half = half(60_000);
        half.take_text(NOW, &data(0, 1000));
        half.take_text(NOW, &data(0, 1000));
        half.take_text(NOW, &data(1000, 1000));
        assert_eq!(half.ack_due(NOW), Some(Why::Duplicate));
        assert_eq!(blocks(&mut half, 4), [(0, 1000)]);
        half.take_text(NOW, &data(0, 1000));
        half.take_text(NOW, &data(1500, 600));
        assert_eq!(blocks(&mut half, 4), [(1500, 2000)], "the latest");
        for n in [300, 200] {
            let old = data(n, 50);
            half.refuse(Acceptability::Duplicate, &old);
        }
        half.take_text(NOW, &data(59_990 + 2100, 50));
        assert_eq!(blocks(&mut half, 4), [(200, 250)], "the latest, whatever else was refused since");
    }

    #[test]
    fn a_duplicate_at_the_end_of_a_segment_above_a_hole_is_told() {
        let mut half = half(60_000);
        half.take_text(NOW, &data(3000, 500));
        half.take_text(NOW, &data(2500, 700));
        assert_eq!(blocks(&mut half, 4), [(3000, 3200), (2500, 3500)]);
    }

    /// Covers: RFC 2883 2883-1
    #[test]
    fn of_a_partial_duplicate_the_first_run_is_told() {
        let mut half = half(60_000);
        half.take_text(NOW, &data(0, 1000));
        half.take_text(NOW, &data(1500, 500));
        assert_eq!(half.take_text(NOW, &data(500, 1500)).delivered, 1000);
        assert_eq!(blocks(&mut half, 4), [(500, 1000)]);
        half.take_text(NOW, &data(3000, 500));
        half.take_text(NOW, &data(4000, 500));
        half.take_text(NOW, &data(3000, 2000));
        assert_eq!(blocks(&mut half, 4), [(3000, 3500), (3000, 5000)]);
        half.take_text(NOW, &data(2000, 1500));
        assert_eq!(blocks(&mut half, 4), [(3000, 3500)]);
    }
}

/// Timestamps.
mod rfc7323_4_and_5 {
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
}
