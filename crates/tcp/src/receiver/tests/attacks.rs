//! What a hostile peer may cost: memory in proportion to the buffer, work in proportion to the logarithm.

use super::*;

/// The most memory that a buffer of so many octets may come to, bookkeeping included.
pub(super) fn most(buffer: u32) -> usize {
    let buffer = buffer as usize;
    // Twice the octets, a quarter for small pieces, and one segment that may be over.
    buffer * 2 + buffer / 4 + 8192
}

/// A slice of a large device buffer.
fn slice(n: usize, len: usize, of: usize) -> Segment {
    let mut segment = data(n, len);
    segment.payload = Payload::holding(segment.payload.contiguous(), of);
    segment
}

/// CVE-2018-5390, SegmentSmack: islands of an octet pay for what it costs to keep them, and that is a quarter of the buffer.
#[test]
fn a_hundred_thousand_gaps_of_an_octet_are_as_many_as_memory_is_theirs_and_cheap() {
    for buffer in [1 << 20, 8 << 20] {
        let mut half = half(buffer);
        half.advertise();
        let mut refused = 0;
        for n in 0..100_000 {
            let taken = half.take_text(NOW, &slice(2 * n + 1, 1, 65_536));
            refused += usize::from(taken.discard == Some(Discard::TooManyHoles));
            let most = buffer as usize / 4 + 2 * half.buffered_out_of_order();
            assert!(half.held() <= most, "{n}: {} held", half.held());
        }
        let queue = half.queue.as_ref().unwrap();
        assert_eq!(queue.islands() + refused, 100_000);
        // 256 octets are charged for each, and one that it is.
        let each = buffer as usize / 4 / 255;
        assert!((each * 98 / 100..=each).contains(&queue.islands()), "{} of {each}", queue.islands());
        assert!(queue.steps <= 2 * 100_000, "{} steps", queue.steps);
        // What fills the holes is taken all the same.
        assert_eq!(half.take_text(NOW, &data(0, 4096)).delivered, 4096);
        assert!(half.take_text(NOW, &data(4096, 60_000)).delivered >= 60_000);
    }
}

/// An overshoot of slow start, every other segment of which was lost: the network's doing, and nobody's attack.
#[test]
fn every_other_segment_of_a_whole_window_is_kept_whatever_its_size() {
    for (size, held) in [(1460, 1500), (1448, 2048), (536, 576), (1220, 2048)] {
        let buffer = 16 << 20;
        let mut half = half(buffer);
        half.advertise();
        let most = half.window() as usize / size / 2 * 2;
        for n in (1..most).step_by(2) {
            assert_eq!(half.take_text(NOW, &slice(n * size, size, held)).discard, None, "{n} of {size}");
        }
        assert_eq!(half.queue.as_ref().unwrap().islands(), most / 2);
        assert!(half.held() <= super::attacks::most(buffer), "{} held", half.held());
        for n in (0..most).step_by(2) {
            half.take_text(NOW, &slice(n * size, size, held));
        }
        assert_eq!(half.readable(), most * size);
    }
}

#[test]
fn octets_one_by_one_cost_no_more_than_their_number() {
    // In order, backwards, and from both sides of an island that is joined again and again.
    let orders: [fn(usize) -> usize; 4] = [
        |n| n,
        |n| 60_000 - n,
        |n| if n % 2 == 0 { 30_000 + n / 2 } else { 30_000 - n / 2 - 1 },
        |n| if n < 500 { 2 * n + 1 } else { 2 * (n - 500) + 2 },
    ];
    for order in orders {
        let buffer = 61_000;
        let mut half = half(buffer);
        for n in 0..60_000 {
            half.take_text(NOW, &slice(order(n), 1, 2048));
            assert!(half.held() <= most(buffer), "{n}: {}", half.held());
        }
        if let Some(queue) = &half.queue {
            assert!(queue.steps <= 4 * 60_000, "{} steps", queue.steps);
        }
    }
}

#[test]
fn small_slices_of_large_buffers_are_copied_out_of_them() {
    let buffer = 60_000;
    let mut half = half(buffer);
    for n in 0..400 {
        half.take_text(NOW, &slice(n * 100, 100, 65_536));
        half.take_text(NOW, &slice(50_000 + n * 10, 10, 65_536));
    }
    assert!(half.held() <= most(buffer), "{}", half.held());
    assert_eq!(half.readable(), 40_000);
    read(&mut half, 40_000);
    half.take_text(NOW, &data(40_000, 10_000));
    read(&mut half, 20_000);
    assert!(half.held() <= 2048, "{}: nothing is left but an idle queue", half.held());
}

#[test]
fn full_segments_are_shared_and_not_copied() {
    let mut half = half(60_000);
    let segments: Vec<Segment> = (0..20).map(|n| slice(n * 1400, 1400, 2048)).collect();
    for n in (0..20).rev() {
        half.take_text(NOW, &segments[n]);
        let segments = 20 - n;
        assert!((segments * 2048..segments * 2200 + 200).contains(&half.held()), "{}", half.held());
    }
    for segment in &segments {
        let got = half.receive(usize::MAX).unwrap();
        assert_eq!(got.as_ptr(), segment.payload.chunks()[0].as_ptr());
    }
    assert_eq!(half.held(), 0);
}

#[test]
fn an_idle_half_holds_nothing_and_is_small() {
    let half = half(1 << 20);
    assert_eq!(half.held(), 0);
    assert!(half.queue.is_none());
    assert!(size_of::<ReceiveHalf>() <= 352, "{}", size_of::<ReceiveHalf>());
}
