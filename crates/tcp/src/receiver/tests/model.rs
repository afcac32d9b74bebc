//! The receive half against the plainest model there is: an array that says which octets have come.

use super::*;
use alloc::collections::BTreeSet;

/// Octets in the peer's stream; its FIN comes after them.
const STREAM: usize = 6000;

#[derive(Clone, Copy, Debug)]
enum Act {
    /// A segment: where, how long, and how much memory it holds beyond its octets.
    Arrive(usize, usize, usize),
    Receive(usize),
    ReceiveInto(usize),
    Ack,
}

fn act() -> impl Strategy<Value = Act> {
    let sizes = prop_oneof![3 => 0usize..40, 2 => 0usize..600, 1 => 0usize..3000];
    prop_oneof![
        8 => (0usize..STREAM + 1, sizes, 0usize..3000).prop_map(|(n, len, more)| Act::Arrive(n, len, more)),
        2 => (1usize..1500).prop_map(Act::Receive),
        1 => (1usize..1500).prop_map(Act::ReceiveInto),
        3 => Just(Act::Ack),
    ]
}

struct Model {
    come: Vec<bool>,
    fin: bool,
    edge: usize,
    read: usize,
}

impl Model {
    fn next(&self) -> usize {
        self.come.iter().position(|&come| !come).unwrap_or(STREAM)
    }

    fn finished(&self) -> bool {
        self.fin && self.next() == STREAM
    }

    fn waiting(&self) -> usize {
        self.come.iter().skip(self.next()).filter(|&&come| come).count()
    }

    /// Every run of octets above the first hole.
    fn runs(&self) -> BTreeSet<(usize, usize)> {
        let mut runs = BTreeSet::new();
        let mut at = self.next();
        while at < STREAM {
            let end = (at..STREAM).find(|&n| !self.come[n]).unwrap_or(STREAM);
            if end > at {
                runs.insert((at, end));
            }
            at = (end..STREAM).find(|&n| self.come[n]).unwrap_or(STREAM);
        }
        runs
    }
}

/// A segment of the stream as a peer that never contradicts itself sends it.
fn arrive(irs: SeqNum, n: usize, len: usize, more: usize) -> Segment {
    let end = (n + len).min(STREAM);
    let octets: Vec<u8> = (n..end).map(octet).collect();
    let held = octets.len() + more;
    let mut segment = Segment { payload: Payload::holding(octets.into(), held), ..Segment::default() };
    segment.header.seq = irs + 1 + n as u32;
    segment.header.flags = if n + len > STREAM { Flags::FIN | Flags::ACK } else { Flags::ACK };
    segment
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What was taken in is never given up again, so every block of SACK stays true.
    ///
    /// Covers: RFC 9293 SHLD-31, 9293-E10; RFC 2018 2018-6, 2018-11, 2018-12; RFC 2883 2883-1
    #[test]
    fn the_user_gets_the_stream_once_and_in_order(
        irs: u32, near_wrap: bool, buffer in 1024u32..8000,
        acts in proptest::collection::vec(act(), 1..150),
    ) {
        let irs = SeqNum::new(if near_wrap { u32::MAX - irs % STREAM as u32 } else { irs });
        let mut half = ReceiveHalf::new(NOW, irs, settings(buffer));
        let mut model = Model { come: alloc::vec![false; STREAM], fin: false, edge: buffer as usize, read: 0 };
        for act in acts.into_iter().chain([Act::Receive(usize::MAX); 40]) {
            match act {
                Act::Arrive(n, len, more) => {
                    let segment = arrive(irs, n, len, more);
                    let (before, ended) = (model.next(), model.finished());
                    let taken = half.take_text(NOW, &segment);
                    let refused = matches!(taken.discard, Some(Discard::TooManyHoles | Discard::NoMemory));
                    let end = (n + segment.payload.len()).min(model.edge);
                    if refused {
                        prop_assert!(n > before, "what is in order is never refused");
                    } else {
                        (n..end).for_each(|n| model.come[n] = true);
                    }
                    // The FIN takes the number after the last octet, and must lie in the window like any other.
                    model.fin |= n + len > STREAM && STREAM < model.edge;
                    prop_assert_eq!(taken.delivered as usize, model.next() - before);
                    prop_assert_eq!(taken.fin, model.finished() && !ended);
                }
                Act::Receive(max) => {
                    let got = half.receive(max).unwrap_or_default();
                    prop_assert!(got.len() <= max && (got.is_empty() == (model.read == model.next())));
                    prop_assert!(got.iter().enumerate().all(|(n, &got)| got == octet(model.read + n)));
                    model.read += got.len();
                }
                Act::ReceiveInto(count) => {
                    let mut peeked = alloc::vec![0; count];
                    let mut out = alloc::vec![0; count];
                    let there = half.peek_into(&mut peeked);
                    let got = half.receive_into(&mut out);
                    prop_assert_eq!((there, &peeked), (got, &out));
                    prop_assert_eq!(got, count.min(model.next() - model.read));
                    prop_assert!(out[..got].iter().enumerate().all(|(n, &got)| got == octet(model.read + n)));
                    model.read += got;
                }
                Act::Ack => {
                    let window = half.advertise().scaled(half.offer_scale()).octets() as usize;
                    model.edge = model.edge.max(model.next() + usize::from(model.finished()) + window);
                    let told = half.sack_blocks(4);
                    let place = |at: SeqNum| at.wrapping_since(irs + 1) as usize;
                    let mut told: Vec<_> =
                        told.as_slice().iter().map(|block| (place(block.start), place(block.end))).collect();
                    let runs = model.runs();
                    if told.first().is_some_and(|block| !runs.contains(block)) || told.iter().skip(1).any(|block| Some(block) == told.first()) {
                        let duplicate = told.remove(0);
                        prop_assert!((duplicate.0..duplicate.1).all(|n| model.come[n]));
                    }
                    prop_assert!(told.iter().all(|block| runs.contains(block)), "{:?} {:?}", told, runs);
                    prop_assert!(told.len() >= runs.len().min(3), "{:?} {:?}", told, runs);
                    prop_assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
                }
            }
            prop_assert_eq!(half.nxt(), irs + 1 + model.next() as u32 + u32::from(model.finished()));
            prop_assert_eq!(half.readable(), model.next() - model.read);
            prop_assert_eq!(half.buffered_out_of_order(), if model.finished() { 0 } else { model.waiting() });
            prop_assert_eq!(half.fin_received(), model.finished());
            prop_assert_eq!(half.finished(), model.finished() && model.read == STREAM);
            prop_assert!(half.readable() + half.buffered_out_of_order() <= buffer as usize);
            prop_assert!(half.held() <= attacks::most(buffer), "{} of {}", half.held(), buffer);
        }
    }

    /// A peer that contradicts itself, with other octets in each copy, FINs anywhere and any length.
    #[test]
    fn nothing_that_arrives_breaks_the_half(
        buffer in 1u32..5000, scale in 0u8..15,
        segments in proptest::collection::vec((any::<i16>(), 0usize..3000, any::<u16>(), any::<u8>(), any::<u16>()), 1..80),
    ) {
        let scale = WindowScale::new(scale);
        let mut half = ReceiveHalf::new(NOW, IRS, ReceiveSettings { scale, ..settings(buffer) });
        let mut ended = false;
        for (n, len, flags, fill, extra) in segments {
            let octets = alloc::vec![fill; len];
            let held = len + usize::from(extra);
            let mut segment = Segment {
                payload: Payload::holding(octets.into(), held),
                segment_size: NonZeroU16::new(extra),
                ..Segment::default()
            };
            segment.header.seq = IRS + i32::from(n / 4) as u32;
            segment.header.urgent = extra;
            segment.header.flags = Flags::from_bits(flags);
            half.check(segment.header.seq, segment.seq_len());
            half.take_urgent(&segment);
            let (nxt, edge) = (half.nxt(), half.right_edge());
            let taken = half.take_text(NOW, &segment);
            prop_assert_eq!(half.nxt(), nxt + taken.delivered + u32::from(taken.fin));
            prop_assert!(half.nxt().at_or_before(edge));
            prop_assert!(!(ended && (taken.fin || taken.delivered > 0)), "nothing follows the FIN");
            ended |= taken.fin;
            if flags % 3 == 0 {
                half.receive(len);
            }
            if flags % 2 == 0 {
                half.advertise();
                half.sack_blocks(3);
            }
            prop_assert!(half.held() <= attacks::most(buffer.max(1 << scale.shift())));
        }
    }

    /// Where copies differ, the first one counts.
    #[test]
    fn the_first_copy_of_an_octet_stays(
        segments in proptest::collection::vec((0usize..400, 1usize..100), 1..40),
    ) {
        let mut half = half(5000);
        let mut first: Vec<Option<u8>> = alloc::vec![None; 500];
        for (fill, &(n, len)) in segments.iter().enumerate() {
            let mut segment = data(n, len);
            segment.payload = alloc::vec![fill as u8; len].into();
            if half.take_text(NOW, &segment).discard != Some(Discard::TooManyHoles) {
                (n..n + len).for_each(|n| { first[n].get_or_insert(fill as u8); });
            }
        }
        let mut out = [0; 500];
        let got = half.receive_into(&mut out);
        let expected: Vec<u8> = first.iter().map_while(|&octet| octet).collect();
        prop_assert_eq!(&out[..got], &expected[..]);
    }
}
