//! A buffer that counts memory, segments that are taken whole, and FINs that need no room.

use super::*;

/// A half whose buffer is so much memory, with windows of that scale.
fn of_memory(buffer: u32, scale: u8) -> ReceiveHalf {
    let accounting = ReceiveAccounting::Memory;
    let offered = accounting.first_window(buffer, MSS).min(0xffff);
    let scale = WindowScale::new(scale);
    let given = ReceiveSettings { accounting, offered, scale, whole: true, ..settings(buffer) };
    ReceiveHalf::new(NOW, IRS, given)
}

/// `len` octets from `n` on in segments of [`MSS`], which came in so much memory.
fn costing(n: usize, len: usize, held: usize) -> Segment {
    let octets: Vec<u8> = (n..n + len).map(octet).collect();
    let payload = wire::Payload::holding(octets.into(), held);
    Segment { payload, ..train(n, len, MSS as u16) }
}

fn told(half: &mut ReceiveHalf) -> u32 {
    let scale = half.offer_scale();
    half.advertise().scaled(scale).octets()
}

mod accounts {
    use super::*;

    #[test]
    fn half_of_a_memory_is_for_payload_until_segments_say_what_they_cost() {
        assert_eq!(ReceiveAccounting::Memory.first_window(41_000, MSS), 20_000);
        assert_eq!(ReceiveAccounting::Memory.first_window(1_500, MSS), 750);
        assert_eq!(ReceiveAccounting::Octets.first_window(20_500, MSS), 20_500);
        let mut half = of_memory(20_000, 0);
        assert_eq!(half.window(), 10_000);
        // 4,000 of 8,000: what is left is 6,000. The same size again teaches nothing.
        half.take_text(NOW, &costing(0, 4_000, 8_000));
        assert_eq!(told(&mut half), 6_000);
        half.take_text(NOW, &costing(4_000, 1_000, 9_000));
        assert_eq!(told(&mut half), 5_000);
    }

    #[test]
    fn what_costs_more_narrows_the_window_and_takes_nothing_back() {
        let mut half = of_memory(40_000, 0);
        assert_eq!(half.window(), 20_000);
        half.take_text(NOW, &costing(0, 1_000, 4_000)); // A quarter: 10,000 octets in all.
        assert_eq!(told(&mut half), 19_000);
        read(&mut half, 1_000);
        assert_eq!(told(&mut half), 19_000);
        half.take_text(NOW, &costing(1_000, 19_000, 76_000));
        read(&mut half, 19_000);
        assert_eq!(told(&mut half), 10_000);
    }

    #[test]
    fn a_window_opens_by_twice_what_comes_and_small_pieces_earn_nothing() {
        let mut half = of_memory(400_000, 2);
        assert_eq!(half.window(), 0xffff);
        half.take_text(NOW, &costing(0, 100, 200));
        read(&mut half, 100);
        assert_eq!(told(&mut half), 65_536);
        half.take_text(NOW, &costing(100, 5_000, 5_500));
        read(&mut half, 5_000);
        let after = 0xffff + 10_000;
        assert!((after..after + 4).contains(&told(&mut half)));
    }

    #[test]
    fn what_waits_above_a_hole_counts_and_makes_the_memory_grow() {
        let accounting = ReceiveAccounting::Memory;
        let given = ReceiveSettings { accounting, buffer_limit: 1 << 20, ..settings(20_000) };
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { offered: 10_000, ..given });
        half.take_text(NOW, &costing(1_000, 8_000, 9_000));
        let alone = told(&mut half);
        assert!(alone <= 10_000, "{alone}");
        half.grow_for_holes();
        assert_eq!(half.buffer(), 20_000, "16,000 octets find room");
        half.take_text(NOW, &costing(9_000, 1_000, 1_200));
        half.grow_for_holes();
        assert!((20_001..21_000).contains(&half.buffer()), "{}", half.buffer());
        let mut octets = of_memory(20_000, 0);
        octets.account = None;
        octets.take_text(NOW, &data(1_000, 9_000));
        octets.grow_for_holes();
        assert_eq!(octets.buffer(), 20_000);
    }

    #[test]
    fn where_less_than_half_is_free_the_reader_brings_the_ack() {
        let mut half = of_memory(40_000, 0);
        half.take_text(NOW, &costing(0, 12_000, 24_000));
        assert_eq!((half.ack_due(NOW), half.ack_deadline()), (None, Some(NOW + Duration::from_millis(40))));
        read(&mut half, 12_000);
        assert_eq!(half.ack_due(NOW), Some(Why::SecondSegment));
        let mut roomy = of_memory(40_000, 0);
        roomy.take_text(NOW, &costing(0, 2_000, 4_000));
        assert_eq!(roomy.ack_due(NOW), Some(Why::QuickAck));
    }

    /// Covers: RFC 7323 7323-9, 7323-10
    #[test]
    fn a_memory_that_was_made_smaller_shuts_the_window_and_numbers_stay_good() {
        let mut half = of_memory(200_000, 2);
        half.take_text(NOW, &costing(0, 50_000, 51_000));
        assert!(told(&mut half) > 60_000);
        let edge = half.right_edge();
        half.set_buffer(16_000);
        let taken = half.take_text(NOW, &costing(50_000, 1_000, 1_200));
        assert_eq!((taken.delivered, taken.discard), (0, Some(Discard::NoMemory)));
        assert_eq!((told(&mut half), half.right_edge()), (0, edge));
        let shut = half.take_text(NOW, &costing(50_000, 1_000, 1_200));
        assert_eq!((shut.delivered, shut.discard), (0, Some(Discard::WindowShut)));
        let above = half.take_text(NOW, &costing(60_000, 1_000, 1_200));
        assert_eq!((above.discard, half.buffered_out_of_order()), (Some(Discard::OutsideWindow), 0));
        // An ACK from there counts: the peer had sent as far as it might.
        assert_eq!(half.check(seq(70_000), 0), Acceptability::Acceptable);
        assert!(half.take_text(NOW, &with(Flags::FIN, data(50_000, 0))).fin);
        let mut again = of_memory(200_000, 2);
        again.take_text(NOW, &costing(0, 50_000, 51_000));
        again.advertise();
        again.set_buffer(16_000);
        again.take_text(NOW, &costing(50_000, 1_000, 1_200));
        assert_eq!(told(&mut again), 0);
        read(&mut again, 50_000);
        assert!(again.window_update_due());
        assert!((15_000..=16_000).contains(&told(&mut again)));
        assert_eq!(again.take_text(NOW, &costing(50_000, 1_000, 1_200)).delivered, 1_000);
    }

    proptest! {
        /// Whatever comes, in whatever it comes: what is held is the memory, what was offered before, and a segment.
        #[test]
        fn no_costs_make_a_connection_hold_more_than_was_offered_and_a_segment(
            buffer in 4_096u32..300_000,
            acts in proptest::collection::vec((0usize..60_000, 1usize..20_000, 0usize..30_000, 0usize..3), 1..100),
        ) {
            let mut half = of_memory(buffer, 3);
            let most = (buffer.max(0xffff) + 8) as usize + 20_000;
            let mut nxt = 0;
            for (ahead, len, more, act) in acts {
                let start = nxt + if act == 0 { ahead } else { 0 };
                let segment = costing(start, len, len + more);
                if half.check(segment.header.seq, len as u32) == Acceptability::Acceptable && !half.overshoots(&segment) {
                    half.take_text(NOW, &segment);
                }
                nxt = half.nxt().wrapping_since(seq(0)) as usize;
                if act == 2 {
                    read(&mut half, ahead);
                }
                half.advertise();
                prop_assert!(half.readable() + half.buffered_out_of_order() <= 2 * most, "{:?}", half.buffer());
            }
        }
    }
}

/// Segments that reach beyond the window.
mod whole {
    use super::*;

    fn whole(buffer: u32) -> ReceiveHalf {
        ReceiveHalf::new(NOW, IRS, ReceiveSettings { whole: true, ..settings(buffer) })
    }

    #[test]
    fn a_segment_is_taken_whole_where_nothing_waits_and_not_at_all_where_something_does() {
        let mut half = whole(5_000);
        let large = data(0, 20_000);
        assert!(!half.overshoots(&large));
        assert_eq!(half.take_text(NOW, &large).delivered, 20_000);
        assert_eq!((half.window(), told(&mut half), half.nxt()), (0, 0, seq(20_000)));
        assert_eq!(half.right_edge(), seq(20_000));
        // Shut: the ACK of what comes now counts, and its text doesn't.
        let next = data(20_000, 100);
        assert_eq!(half.check(next.header.seq, 100), Acceptability::Acceptable);
        assert_eq!((half.overshoots(&next), half.take_text(NOW, &next).delivered), (false, 0));
        read(&mut half, 19_000);
        assert_eq!(told(&mut half), 4_000);
        assert!(half.overshoots(&data(20_000, 4_001)) && !half.overshoots(&data(20_000, 4_000)));
        assert!(!half.overshoots(&with(Flags::FIN, data(20_000, 4_000))), "a FIN needs no room");
    }

    #[test]
    fn others_are_cut_at_the_window() {
        let mut half = half(5_000);
        let large = data(0, 20_000);
        assert!(!half.overshoots(&large));
        let taken = half.take_text(NOW, &large);
        assert_eq!((taken.delivered, taken.discard), (5_000, Some(Discard::OutsideWindow)));
    }
}

/// FINs at the edge.
mod fins {
    use super::*;

    #[test]
    fn a_fin_is_taken_though_the_window_is_shut_and_acknowledged_at_once() {
        let mut half =
            ReceiveHalf::new(NOW, IRS, ReceiveSettings { answers: true, whole: true, ..settings(3_000) });
        half.take_text(NOW, &data(0, 3_000));
        assert_eq!(told(&mut half), 0);
        let taken = half.take_text(NOW, &with(Flags::FIN, data(3_000, 0)));
        assert_eq!((taken.fin, taken.discard), (true, None));
        assert_eq!(half.ack_due(NOW), Some(Why::AcknowledgesFin));
        assert_eq!((half.nxt(), half.window(), told(&mut half)), (seq(3_001), 0, 0));
        // Both the FIN again and an ACK behind it are looked at.
        assert_eq!(half.check(seq(3_000), 1), Acceptability::Duplicate);
        assert_eq!(half.check(seq(3_001), 0), Acceptability::Acceptable);
        assert_eq!(read(&mut half, 3_000), 3_000);
        assert!(half.finished());
    }

    #[test]
    fn a_fin_behind_text_that_does_not_fit_is_not() {
        let mut cut = half(3_000);
        assert!(!cut.take_text(NOW, &with(Flags::FIN, data(0, 3_000))).fin);
        let mut half = half(3_000);
        let taken = half.take_text(NOW, &with(Flags::FIN, data(0, 3_001)));
        assert_eq!((taken.fin, taken.delivered, taken.discard), (false, 3_000, Some(Discard::OutsideWindow)));
    }

    /// Covers: RFC 2883 2883-1
    #[test]
    fn a_fin_reports_what_came_twice_with_it_unless_told_otherwise() {
        for ends in [false, true] {
            let mut half =
                ReceiveHalf::new(NOW, IRS, ReceiveSettings { fin_ends_reports: ends, ..settings(10_000) });
            half.take_text(NOW, &data(0, 1_000));
            half.advertise();
            assert!(half.take_text(NOW, &with(Flags::FIN, data(0, 1_000))).fin);
            assert_eq!(blocks(&mut half, 4).len(), usize::from(!ends));
        }
    }
}
