//! Which blocks an ACK carries: what is above holes, and what came twice.

use super::*;

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
