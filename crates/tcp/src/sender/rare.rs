//! What few connections have, and all have room for in one pointer: urgent data, ends of records, a SYN's data that goes
//! again.
//!
//! ```text
//!       una          nxt                       end
//!        ├────────────┼─────────│──────│────────┤
//!                               end    end of a record (MSG_EOR of other systems): a segment ends there, and is pushed
//! ```

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use wire::SeqNum;

/// Ends that are kept: where more wait, what follows may share a segment after all.
const MOST: usize = 1024;

/// Nothing for most connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare(Option<Box<Kept>>);

#[derive(Clone, Debug, Default)]
struct Kept {
    /// SND.UP: after the last urgent octet.
    urgent: Option<SeqNum>,
    /// Where that ends which went with our SYN and goes again.
    taken_back: Option<SeqNum>,
    /// Where records end that are not acknowledged yet, in order.
    ends: VecDeque<SeqNum>,
}

impl Rare {
    /// SND.UP.
    pub(crate) fn urgent(&self) -> Option<SeqNum> {
        self.0.as_deref()?.urgent
    }

    /// What was written is urgent up to `end`.
    pub(crate) fn set_urgent(&mut self, end: SeqNum) {
        self.0.get_or_insert_default().urgent = Some(end);
    }

    /// Where that ends which went with our SYN and goes again.
    pub(crate) fn taken_back(&self) -> Option<SeqNum> {
        self.0.as_deref()?.taken_back
    }

    /// What went with our SYN, up to `end`, goes again, and as it went: what follows is no part of that segment.
    pub(crate) fn take_back(&mut self, end: SeqNum) {
        let kept = self.0.get_or_insert_default();
        kept.taken_back = Some(end);
        if kept.ends.front().is_none_or(|first| first.after(end)) {
            kept.ends.push_front(end);
        }
    }

    /// A record ends before `end`.
    pub(crate) fn end_record(&mut self, end: SeqNum) {
        let ends = &mut self.0.get_or_insert_default().ends;
        if ends.len() < MOST && ends.back() != Some(&end) {
            ends.push_back(end);
        }
    }

    /// Forgets what is acknowledged.
    pub(crate) fn release(&mut self, una: SeqNum) {
        let Some(kept) = &mut self.0 else { return };
        kept.urgent = kept.urgent.filter(|up| up.after(una));
        kept.taken_back = kept.taken_back.filter(|end| end.after(una));
        while kept.ends.front().is_some_and(|end| end.at_or_before(una)) {
            kept.ends.pop_front();
        }
        if kept.ends.is_empty() && kept.urgent.is_none() && kept.taken_back.is_none() {
            self.0 = None;
        }
    }

    /// Forgets what was never sent: everything behind `end`.
    pub(crate) fn truncate(&mut self, end: SeqNum) {
        let Some(kept) = &mut self.0 else { return };
        kept.urgent = kept.urgent.filter(|up| up.at_or_before(end));
        while kept.ends.back().is_some_and(|last| last.after(end)) {
            kept.ends.pop_back();
        }
    }

    /// Whether the end of any record is kept.
    pub(crate) fn has_records(&self) -> bool {
        self.0.as_deref().is_some_and(|kept| !kept.ends.is_empty())
    }

    /// Whether a record ends before `seq`.
    pub(crate) fn record_ends_at(&self, seq: SeqNum) -> bool {
        self.record_before(seq + 1) == Some(seq)
    }

    /// The first end of a record after `seq`.
    pub(crate) fn record_after(&self, seq: SeqNum) -> Option<SeqNum> {
        let ends = &self.0.as_deref()?.ends;
        ends.get(ends.partition_point(|end| end.at_or_before(seq))).copied()
    }

    /// The last end of a record before `seq`.
    pub(crate) fn record_before(&self, seq: SeqNum) -> Option<SeqNum> {
        let ends = &self.0.as_deref()?.ends;
        let first = ends.partition_point(|end| end.before(seq));
        ends.get(first.checked_sub(1)?).copied()
    }

    /// Octets of memory held.
    pub(crate) fn held(&self) -> usize {
        let of = |kept: &Kept| size_of::<Kept>() + kept.ends.capacity() * size_of::<SeqNum>();
        self.0.as_deref().map_or(0, of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_found_on_both_sides_wherever_numbers_wrap() {
        let at = |octets: u32| SeqNum::new(u32::MAX - 10) + octets;
        let mut rare = Rare::default();
        assert_eq!((rare.record_after(at(0)), rare.record_before(at(9))), (None, None));
        for octets in [5, 5, 20, 30] {
            rare.end_record(at(octets));
        }
        assert_eq!((rare.record_after(at(0)), rare.record_after(at(5))), (Some(at(5)), Some(at(20))));
        assert_eq!((rare.record_before(at(20)), rare.record_before(at(21))), (Some(at(5)), Some(at(20))));
        assert!(rare.record_ends_at(at(20)) && !rare.record_ends_at(at(19)));
        rare.release(at(20));
        assert_eq!(rare.record_before(at(40)), Some(at(30)));
        rare.truncate(at(29));
        assert!(!rare.has_records());
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for_and_none_when_all_is_acknowledged() {
        let mut rare = Rare::default();
        for n in 1..=5_000 {
            rare.end_record(SeqNum::new(n));
        }
        rare.set_urgent(SeqNum::new(6_000));
        rare.take_back(SeqNum::new(10));
        assert_eq!(rare.record_before(SeqNum::new(9_000)), Some(SeqNum::new(MOST as u32)));
        assert!(rare.held() <= 3 * MOST * size_of::<SeqNum>(), "{}", rare.held());
        rare.release(SeqNum::new(5_999));
        assert_eq!((rare.urgent(), rare.taken_back()), (Some(SeqNum::new(6_000)), None));
        rare.release(SeqNum::new(6_000));
        assert_eq!((rare.urgent(), rare.held()), (None, 0));
    }
}
