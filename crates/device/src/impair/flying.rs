//! What is on its way.
//!
//! ```text
//!    arrives in order ──► line (a queue, no sorting) ──┐
//!                                                      ├─► the earlier one
//!    overtakes or late ─► heap ────────────────────────┘
//! ```

use env::Instant;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use wire::Frame;

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Flying {
    pub(super) arrives: Instant,
    /// Breaks ties between arrivals.
    serial: u64,
    pub(super) part: u32,
    pub(super) packet: Frame,
}

impl Flying {
    fn key(&self) -> (Instant, u64) {
        (self.arrives, self.serial)
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Flying {}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flying {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Packets on their way, by arrival; those that arrive at once, in the order in which they left.
///
/// Nearly all arrive in order: those stand in line, and only others are sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Air {
    line: VecDeque<Flying>,
    others: BinaryHeap<Reverse<Flying>>,
    serial: u64,
}

impl Air {
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.others.len()
    }

    pub(super) fn add(&mut self, arrives: Instant, part: u32, packet: Frame) {
        self.serial += 1;
        let flying = Flying { arrives, serial: self.serial, part, packet };
        if self.line.back().is_none_or(|last| last.arrives <= arrives) {
            self.line.push_back(flying);
        } else {
            self.others.push(Reverse(flying));
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let other = self.others.peek().map(|Reverse(other)| other.arrives);
        [self.line.front().map(|first| first.arrives), other].into_iter().flatten().min()
    }

    pub(super) fn take(&mut self) -> Option<Flying> {
        match (self.line.front(), self.others.peek()) {
            (Some(first), Some(Reverse(other))) if other < first => {
                self.others.pop().map(|Reverse(other)| other)
            }
            (Some(_), _) => self.line.pop_front(),
            (None, _) => self.others.pop().map(|Reverse(other)| other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_come_out_by_arrival_and_then_by_departure(arrivals in proptest::collection::vec(0u64..20, 0..100)) {
            let mut air = Air::default();
            for (part, &at) in (0..).zip(&arrivals) {
                air.add(Instant::from_millis(at), part, Frame::default());
            }
            prop_assert_eq!(air.len(), arrivals.len());
            let mut want: Vec<_> = (0u32..).zip(&arrivals).map(|(part, &at)| (Instant::from_millis(at), part)).collect();
            want.sort_unstable();
            let got: Vec<_> = std::iter::from_fn(|| {
                let next = air.next();
                let flying = air.take();
                assert_eq!(next, flying.as_ref().map(|flying| flying.arrives));
                flying.map(|flying| (flying.arrives, flying.part))
            })
            .collect();
            prop_assert_eq!(got, want);
        }
    }
}
