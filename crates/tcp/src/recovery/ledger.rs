//! The ledger of what was sent and is not acknowledged: one record a train, split where an edge falls inside it.
//!
//! ```text
//!    SND.UNA                                             SND.NXT
//!       ├── record ──┼───── record ─────┼──── record ───────┤
//!       │ lost, ×1   │ resent at t, ×2  │ sent at t', ×1    │
//! ```

use alloc::collections::VecDeque;
use env::Instant;
use wire::SeqNum;

/// A run of numbers that were sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    start: SeqNum,
    end: SeqNum,
    /// The last transmission.
    at: Instant,
    transmissions: u8,
    /// Believed to be lost, and not sent again since.
    lost: bool,
}

impl Sent {
    fn len(&self) -> u32 {
        self.end.wrapping_since(self.start)
    }
}

/// What a cumulative ACK retired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retired {
    /// Numbers.
    pub(crate) count: u32,
    /// When the newest of them that was sent only once was sent: an unambiguous round trip ends (6298-8).
    pub(crate) sent_at: Option<Instant>,
    /// Whether any of them was sent more than once.
    pub(crate) resent: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    records: VecDeque<Sent>,
    outstanding: u32,
    lost: u32,
}

impl Ledger {
    /// Numbers sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Of these, numbers believed lost and not sent again since.
    pub(crate) fn lost(&self) -> u32 {
        self.lost
    }

    /// Enters `start..end`, which follows everything before.
    pub(crate) fn push(&mut self, at: Instant, start: SeqNum, end: SeqNum) {
        self.records.push_back(Sent { start, end, at, transmissions: 1, lost: false });
        self.outstanding += end.wrapping_since(start);
    }

    /// Takes out everything before `una`.
    pub(crate) fn retire(&mut self, una: SeqNum) -> Retired {
        let mut retired = Retired::default();
        while let Some(first) = self.records.front_mut() {
            if !first.start.before(una) {
                break;
            }
            let whole = first.end.at_or_before(una);
            let count = if whole { first.len() } else { una.wrapping_since(first.start) };
            retired.count += count;
            self.outstanding = self.outstanding.saturating_sub(count);
            if first.lost {
                self.lost = self.lost.saturating_sub(count);
            }
            if first.transmissions > 1 {
                retired.resent = true;
            } else {
                retired.sent_at = retired.sent_at.max(Some(first.at));
            }
            if whole {
                self.records.pop_front();
            } else {
                first.start = una;
                break;
            }
        }
        if self.records.is_empty() {
            // An idle connection holds no memory.
            self.records = VecDeque::new();
        }
        retired
    }

    /// Splits the record that holds `at` in two, so that one begins there; gives its index.
    fn split(&mut self, at: SeqNum) -> usize {
        let index = self.records.partition_point(|record| record.end.at_or_before(at));
        match self.records.get_mut(index) {
            Some(record) if record.start.before(at) => {
                let tail = Sent { start: at, ..*record };
                record.end = at;
                self.records.insert(index + 1, tail);
                index + 1
            }
            _ => index,
        }
    }

    /// Marks what is out of `start..end` as lost, unless it is marked.
    pub(crate) fn mark_lost(&mut self, start: SeqNum, end: SeqNum) {
        let first = self.split(start);
        let last = self.split(end);
        for record in self.records.range_mut(first..last) {
            if !record.lost {
                record.lost = true;
                self.lost += record.len();
            }
        }
    }

    /// Marks all that is out as lost, whatever SACK blocks said of it: the peer may have thought better of them
    /// (2018-9, 2018-13).
    pub(crate) fn mark_all_lost(&mut self) {
        for record in &mut self.records {
            record.lost = true;
        }
        self.lost = self.outstanding;
    }

    /// The first run that is lost.
    pub(crate) fn next_lost(&self) -> Option<(SeqNum, SeqNum)> {
        if self.lost == 0 {
            return None;
        }
        // What was sent again comes first, and there is one record a train: this walk is short.
        let first = self.records.iter().position(|record| record.lost)?;
        let start = self.records.get(first)?.start;
        let end = self.records.range(first..).take_while(|record| record.lost).last()?.end;
        Some((start, end))
    }

    /// `start..end` was sent again at `now`, as one train.
    pub(crate) fn retransmitted(&mut self, now: Instant, start: SeqNum, end: SeqNum) {
        let first = self.split(start);
        let last = self.split(end);
        for record in self.records.range_mut(first..last) {
            if record.lost {
                self.lost = self.lost.saturating_sub(record.len());
            }
            record.lost = false;
            record.at = now;
            record.transmissions = record.transmissions.saturating_add(1);
        }
    }

    /// How often the first number that is out was sent.
    pub(crate) fn first_transmissions(&self) -> u8 {
        self.records.front().map_or(0, |record| record.transmissions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn at(n: u64) -> Instant {
        Instant::from_millis(n)
    }

    /// Covers: RFC 6298 6298-8; RFC 9293 MUST-18
    #[test]
    fn only_what_was_sent_once_gives_a_round_trip() {
        let base = SeqNum::new(u32::MAX - 500);
        let mut ledger = Ledger::default();
        ledger.push(at(1), base, base + 1000);
        ledger.push(at(2), base + 1000, base + 2000);
        ledger.mark_lost(base, base + 1000);
        ledger.retransmitted(at(9), base, base + 1000);
        assert_eq!(ledger.retire(base + 1000), Retired { count: 1000, sent_at: None, resent: true });
        assert_eq!(ledger.retire(base + 1500), Retired { count: 500, sent_at: Some(at(2)), resent: false });
        assert_eq!((ledger.outstanding(), ledger.lost()), (500, 0));
    }

    proptest! {
        /// The books agree with a plain list of octets, whatever happens in whatever order.
        #[test]
        fn books_balance(start: u32, steps in proptest::collection::vec((0u8..5, 0u32..40, 1u32..40), 1..80)) {
            let base = SeqNum::new(start);
            let mut ledger = Ledger::default();
            let mut model: Vec<bool> = Vec::new(); // lost?
            let (mut una, mut nxt) = (0u32, 0u32);
            for (step, (kind, from, len)) in steps.into_iter().enumerate() {
                let (lo, hi) = (una + from.min(nxt - una), (una + from + len).min(nxt));
                match kind {
                    0 => {
                        ledger.push(at(step as u64), base + nxt, base + nxt + len);
                        nxt += len;
                        model.resize(nxt as usize, false);
                    }
                    1 if lo < hi => {
                        ledger.mark_lost(base + lo, base + hi);
                        model[lo as usize..hi as usize].fill(true);
                    }
                    2 if lo < hi => {
                        ledger.retransmitted(at(step as u64), base + lo, base + hi);
                        model[lo as usize..hi as usize].fill(false);
                    }
                    3 => {
                        prop_assert_eq!(ledger.retire(base + lo).count, lo - una);
                        una = lo;
                    }
                    4 => {
                        ledger.mark_all_lost();
                        model[una as usize..].fill(true);
                    }
                    _ => {}
                }
                let out = &model[una as usize..];
                prop_assert_eq!(ledger.outstanding() as usize, out.len());
                prop_assert_eq!(ledger.lost() as usize, out.iter().filter(|lost| **lost).count());
                let first = out.iter().position(|lost| *lost);
                let run = first.map(|first| {
                    let end = out[first..].iter().position(|lost| !*lost).map_or(out.len(), |n| first + n);
                    (base + una + first as u32, base + una + end as u32)
                });
                prop_assert_eq!(ledger.next_lost(), run);
            }
        }
    }
}
