//! What the receive half does, section by section. Octet `n` of a test's stream has the place IRS + 1 + n.

use super::*;
use crate::{Segment, Why};
use alloc::vec::Vec;
use core::num::NonZeroU16;
use proptest::prelude::*;
use wire::tcp::{Flags, Timestamps};

mod answers;
mod attacks;
mod blocks;
mod memory;
mod model;
mod reports;
mod timestamps;
mod windows;

pub(super) const IRS: SeqNum = SeqNum::new(u32::MAX - 2_000);
const NOW: Instant = Instant::from_secs(100);
const MSS: u32 = 1000;
/// How long an ACK waits here.
const FORTY: Duration = Duration::from_millis(40);

pub(super) fn settings(buffer: u32) -> ReceiveSettings {
    ReceiveSettings {
        buffer,
        buffer_limit: buffer,
        accounting: ReceiveAccounting::Octets,
        whole: false,
        fin_ends_reports: false,
        offered: buffer.min(0xffff),
        mss: MSS,
        scale: WindowScale::fitting(buffer),
        sack: true,
        ack_delay: FORTY,
        answers: false,
        timestamps: None,
    }
}

pub(super) fn half(buffer: u32) -> ReceiveHalf {
    ReceiveHalf::new(NOW, IRS, settings(buffer))
}

/// A half that is past the segments that are acknowledged at once.
fn settled(buffer: u32) -> ReceiveHalf {
    let mut half = half(buffer);
    for n in 0..16 {
        half.take_text(NOW, &data(n, 1));
    }
    half.receive(16);
    half.advertise();
    half
}

pub(super) fn octet(n: usize) -> u8 {
    (n % 251) as u8
}

pub(super) fn seq(n: usize) -> SeqNum {
    IRS + 1 + n as u32
}

/// `len` octets of the stream from the `n`th on.
pub(super) fn data(n: usize, len: usize) -> Segment {
    let octets: Vec<u8> = (n..n + len).map(octet).collect();
    let mut segment = Segment { payload: octets.into(), ..Segment::default() };
    segment.header.seq = seq(n);
    segment.header.flags = Flags::ACK;
    segment
}

pub(super) fn with(flags: Flags, mut segment: Segment) -> Segment {
    segment.header.flags |= flags;
    segment
}

fn train(n: usize, len: usize, size: u16) -> Segment {
    Segment { segment_size: NonZeroU16::new(size), ..data(n, len) }
}

fn blocks(half: &mut ReceiveHalf, room: usize) -> Vec<(usize, usize)> {
    let blocks = half.sack_blocks(room);
    let place = |at: SeqNum| at.wrapping_since(seq(0)) as i32 as usize;
    blocks.as_slice().iter().map(|block| (place(block.start), place(block.end))).collect()
}

fn read(half: &mut ReceiveHalf, count: usize) -> usize {
    let mut out = alloc::vec![0; count];
    half.receive_into(&mut out)
}

/// Which numbers count.
mod rfc9293_3_10_7_4_first {
    use super::*;

    /// Covers: RFC 9293 9293-E9
    #[test]
    fn the_four_cases_hold_at_every_edge() {
        use Acceptability::{Acceptable, BeyondWindow, Duplicate};
        let open = half(5000);
        for (at, len, verdict) in [
            (-1, 0, Duplicate),
            (0, 0, Acceptable),
            (4999, 0, Acceptable),
            (5001, 0, BeyondWindow),
            (-1, 1, Duplicate),
            (-1, 2, Acceptable),
            (0, 1, Acceptable),
            (4999, 1, Acceptable),
            (4999, 9, Acceptable),
            (5000, 1, BeyondWindow),
            (-1, 9000, Acceptable),
        ] {
            let seq = IRS + 1 + at as u32;
            assert_eq!(open.check(seq, len), verdict, "{at} {len}");
        }
        let mut closed = half(5000);
        closed.take_text(NOW, &data(0, 5000));
        closed.advertise();
        assert_eq!(closed.window(), 0);
        for (at, len, verdict) in [
            (4999, 0, Duplicate),
            (5000, 0, Acceptable),
            (5001, 0, BeyondWindow),
            (4999, 1, Duplicate),
            (4999, 2, Duplicate),
            (5001, 1, BeyondWindow),
        ] {
            assert_eq!(closed.check(seq(at), len), verdict, "{at} {len}");
        }
    }

    /// Covers: RFC 9293 MUST-66
    #[test]
    fn a_closed_window_lets_controls_through_and_no_text() {
        let mut half = half(5000);
        half.take_text(NOW, &data(0, 5000));
        half.advertise();
        let mut probe = with(Flags::URG | Flags::FIN, data(5000, 1));
        probe.header.urgent = 1;
        assert_eq!(half.check(probe.header.seq, probe.seq_len()), Acceptability::Acceptable);
        assert!(half.take_urgent(&probe));
        let taken = half.take_text(NOW, &probe);
        assert_eq!(taken, Taken { delivered: 0, fin: false, discard: Some(Discard::OutsideWindow) });
        assert_eq!(half.ack_due(NOW), Some(Why::OutsideWindow));
        assert_eq!(half.readable(), 5000);
    }

    #[test]
    fn what_lies_outside_draws_an_ack_and_names_its_discard() {
        let mut half = half(5000);
        half.take_text(NOW, &data(0, 100));
        half.advertise();
        let old = data(0, 100);
        let verdict = half.check(old.header.seq, old.seq_len());
        assert_eq!(half.refuse(verdict, &old), Some(Discard::Duplicate));
        assert_eq!(half.ack_due(NOW), Some(Why::Duplicate));
        half.advertise();
        let far = data(9000, 100);
        let verdict = half.check(far.header.seq, far.seq_len());
        assert_eq!(half.refuse(verdict, &far), Some(Discard::OutsideWindow));
        assert_eq!(half.ack_due(NOW), Some(Why::OutsideWindow));
    }
}

/// Text and FIN.
mod rfc9293_3_10_7_4_seventh {
    use super::*;

    #[test]
    fn text_in_order_is_delivered_at_once_and_shared() {
        let mut half = half(5000);
        let segment = data(0, 1000);
        let taken = half.take_text(NOW, &segment);
        assert_eq!(taken, Taken { delivered: 1000, fin: false, discard: None });
        assert_eq!(half.nxt(), seq(1000));
        let chunk = half.receive(usize::MAX).unwrap();
        assert_eq!(chunk.as_ptr(), segment.payload.chunks()[0].as_ptr());
        assert_eq!(half.receive(10), None);
    }

    /// Covers: RFC 9293 SHLD-31
    #[test]
    fn segments_two_and_three_wait_for_the_first_and_one_ack_covers_all() {
        let mut half = half(5000);
        assert_eq!(half.take_text(NOW, &data(1000, 1000)).delivered, 0);
        assert_eq!(half.take_text(NOW, &data(2000, 1000)).delivered, 0);
        assert_eq!((half.readable(), half.buffered_out_of_order()), (0, 2000));
        half.advertise();
        assert_eq!(half.take_text(NOW, &data(0, 1000)).delivered, 3000);
        assert_eq!((half.nxt(), half.buffered_out_of_order()), (seq(3000), 0));
    }

    /// Covers: RFC 9293 9293-E10
    #[test]
    fn both_ends_are_trimmed_to_the_window() {
        let mut half = half(5000);
        half.take_text(NOW, &data(0, 600));
        assert_eq!(half.take_text(NOW, &data(500, 300)).delivered, 200);
        let over = half.take_text(NOW, &with(Flags::FIN, data(800, 5000)));
        assert_eq!(over, Taken { delivered: 4200, fin: false, discard: Some(Discard::OutsideWindow) });
        assert!(!half.fin_received());
        half.take_text(NOW, &with(Flags::FIN, data(5000, 0)));
        assert!(!half.fin_received(), "its number is beyond the window too");
        let mut all = [0; 6000];
        assert_eq!(half.receive_into(&mut all), 5000);
        assert!(all[..5000].iter().enumerate().all(|(n, &got)| got == octet(n)));
    }

    /// Covers: RFC 9293 9293-E25
    #[test]
    fn text_after_the_fin_is_ignored() {
        let mut half = half(5000);
        let taken = half.take_text(NOW, &with(Flags::FIN, data(0, 10)));
        assert!(taken.fin && taken.delivered == 10);
        assert_eq!(half.ack_due(NOW), Some(Why::AcknowledgesFin));
        assert_eq!(half.nxt(), seq(11));
        let mut more = with(Flags::URG, data(11, 5));
        more.header.urgent = 5;
        assert!(!half.take_urgent(&more));
        assert_eq!(half.take_text(NOW, &more).discard, Some(Discard::AfterFin));
        assert!(half.fin_received() && !half.finished());
        assert_eq!(read(&mut half, 100), 10);
        assert!(half.finished());
    }

    #[test]
    fn a_fin_above_a_hole_waits_and_ends_the_stream_where_it_stood_first() {
        let mut half = half(5000);
        half.take_text(NOW, &data(30, 20));
        half.take_text(NOW, &with(Flags::FIN, data(20, 20)));
        assert_eq!(half.buffered_out_of_order(), 20); // The FIN after octet 39 cut ten off.
        half.take_text(NOW, &with(Flags::FIN, data(20, 30)));
        let taken = half.take_text(NOW, &data(0, 20));
        assert_eq!(taken, Taken { delivered: 40, fin: true, discard: None });
        assert_eq!(read(&mut half, 100), 40);
        assert!(half.finished());
    }

    #[test]
    fn a_fin_before_what_was_delivered_is_ignored() {
        let mut half = half(5000);
        half.take_text(NOW, &data(0, 100));
        let taken = half.take_text(NOW, &with(Flags::FIN, data(0, 50)));
        assert_eq!(taken.discard, Some(Discard::Duplicate));
        assert!(!half.fin_received());
    }

    #[test]
    fn text_of_a_syn_begins_after_it() {
        let mut half = half(5000);
        let mut segment = with(Flags::SYN, data(0, 10));
        segment.header.seq = IRS;
        assert_eq!(half.take_text(NOW, &segment).delivered, 10);
        assert_eq!(half.receive(1).unwrap()[0], octet(0));
    }

    /// Covers: RFC 9293 MAY-17
    #[test]
    fn a_push_is_seen_until_its_octets_are_read() {
        let mut half = half(5000);
        half.take_text(NOW, &with(Flags::PSH, data(10, 10)));
        assert!(!half.pushed());
        half.take_text(NOW, &data(0, 10));
        assert!(half.pushed());
        half.take_text(NOW, &data(20, 10));
        read(&mut half, 19);
        assert!(half.pushed());
        read(&mut half, 1);
        assert!(!half.pushed() && half.readable() == 10);
    }

    #[test]
    fn peeking_takes_nothing() {
        let mut half = half(5000);
        half.take_text(NOW, &data(0, 1000));
        half.take_text(NOW, &data(1000, 10));
        let mut out = [0; 2000];
        assert_eq!(half.peek_into(&mut out), 1010);
        assert!(out[..1010].iter().enumerate().all(|(n, &got)| got == octet(n)));
        assert_eq!(half.readable(), 1010);
    }
}

/// Urgent data.
mod rfc9293_3_8_5 {
    use super::*;

    fn urgent(n: usize, len: usize, pointer: u16) -> Segment {
        let mut segment = with(Flags::URG, data(n, len));
        segment.header.urgent = pointer;
        segment
    }

    /// Covers: RFC 9293 MUST-31, MUST-32, MUST-33, MUST-62; RFC 6093 6093-2, 6093-3, 6093-4, 6093-5
    #[test]
    fn urgent_data_of_any_length_is_told_once_counted_down_and_left_in_the_stream() {
        let mut half = half(9000);
        let first = urgent(0, 1000, 3000);
        assert!(half.take_urgent(&first));
        half.take_text(NOW, &first);
        assert_eq!(half.urgent_remaining(), 3000);
        for (n, advances) in [(1000, false), (2000, false)] {
            let next = urgent(n, 1000, 3000 - n as u16);
            assert_eq!(half.take_urgent(&next), advances);
            half.take_text(NOW, &next);
        }
        let further = urgent(3000, 1000, 1);
        assert!(half.take_urgent(&further));
        half.take_text(NOW, &further);
        assert_eq!(read(&mut half, 2500), 2500);
        assert_eq!(half.urgent_remaining(), 501);
        assert_eq!(read(&mut half, 9000), 1500);
        assert_eq!(half.urgent_remaining(), 0);
    }

    #[test]
    fn pointers_behind_the_reader_or_past_the_fin_mean_nothing() {
        let mut half = half(9000);
        half.take_text(NOW, &data(0, 100));
        read(&mut half, 100);
        assert!(!half.take_urgent(&urgent(0, 100, 100)));
        assert!(!half.take_urgent(&urgent(100, 10, 0)));
        assert!(half.take_urgent(&urgent(100, 10, 0xffff)));
        half.take_text(NOW, &with(Flags::FIN, data(100, 10)));
        assert_eq!(half.urgent_remaining(), 10);
        read(&mut half, 10);
        assert_eq!(half.urgent_remaining(), 0);
    }

    proptest! {
        /// Covers: RFC 6093 6093-6
        #[test]
        fn the_stream_is_the_same_without_urg(segments in proptest::collection::vec((0usize..3000, 1usize..800, any::<u16>()), 1..40)) {
            let (mut with_urg, mut without) = (half(9000), half(9000));
            for &(n, len, pointer) in &segments {
                let segment = urgent(n, len, pointer);
                with_urg.take_urgent(&segment);
                prop_assert_eq!(with_urg.take_text(NOW, &segment), without.take_text(NOW, &data(n, len)));
            }
            prop_assert_eq!(with_urg.receive(usize::MAX), without.receive(usize::MAX));
            prop_assert!(with_urg.urgent_remaining() <= 3000 + 0xffff);
        }
    }
}
