//! Which ACK goes when.

use super::*;

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
