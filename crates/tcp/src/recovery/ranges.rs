//! A set of ranges of places, without overlaps.

use super::Place;
use crate::cost::step;
use alloc::collections::BTreeMap;

/// Half-open ranges by their first place; those that touch are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges(BTreeMap<Place, Place>);

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes `start..end` out; how much of it was in.
    pub(super) fn remove(&mut self, start: Place, end: Place) -> u64 {
        let mut removed = 0;
        if start >= end {
            return removed;
        }
        while let Some((&from, &to)) = self.0.range(..end).next_back() {
            step();
            if to <= start {
                break;
            }
            self.0.remove(&from);
            removed += to.min(end) - from.max(start);
            if to > end {
                self.0.insert(end, to);
            }
            if from < start {
                self.0.insert(from, start);
                break;
            }
        }
        removed
    }

    /// Puts `start..end` in; how much of it was in already.
    pub(super) fn insert(&mut self, start: Place, end: Place) -> u64 {
        if start >= end {
            return 0;
        }
        step();
        let known = self.remove(start, end);
        let (mut from, mut to) = (start, end);
        if let Some((&before, &until)) = self.0.range(..start).next_back()
            && until == start
        {
            from = before;
        }
        if let Some(until) = self.0.remove(&end) {
            to = until;
        }
        self.0.insert(from, to);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_a_set(steps in proptest::collection::vec((any::<bool>(), 0usize..60, 0usize..30), 1..60)) {
            let (mut ranges, mut model) = (Ranges::default(), [false; 100]);
            for (put, start, len) in steps {
                let part = &mut model[start..start + len];
                let known = part.iter().filter(|&&set| set).count() as u64;
                part.fill(put);
                let (start, end) = (start as u64, (start + len) as u64);
                let told = if put { ranges.insert(start, end) } else { ranges.remove(start, end) };
                prop_assert_eq!(told, known);
                let mut set = [false; 100];
                let mut last = None;
                for (&from, &to) in &ranges.0 {
                    prop_assert!(from < to && last.is_none_or(|last| last < from), "they touch");
                    set[from as usize..to as usize].fill(true);
                    last = Some(to);
                }
                prop_assert!(set == model);
            }
        }
    }
}
