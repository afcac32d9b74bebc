//! A set of octets as ranges: what has arrived of a stream.

use std::collections::BTreeMap;

/// Ranges that neither overlap nor touch: where each begins, and the first after it.
#[derive(Debug, Default)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds `from..until`; says how many of these were not there.
    pub(super) fn insert(&mut self, from: u64, until: u64) -> u64 {
        let (mut start, mut end, mut known) = (from, until, 0);
        while let Some((&at, &to)) = self.0.range(..=end).next_back().filter(|(_, to)| **to >= start) {
            known += to.min(until).saturating_sub(at.max(from));
            (start, end) = (start.min(at), end.max(to));
            self.0.remove(&at);
        }
        self.0.insert(start, end);
        (until - from) - known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_octet_is_new_once() {
        let mut ranges = Ranges::default();
        assert_eq!(ranges.insert(10, 20), 10);
        assert_eq!(ranges.insert(30, 40), 10);
        assert_eq!(ranges.insert(10, 20), 0);
        assert_eq!(ranges.insert(15, 35), 10);
        assert_eq!(ranges.0.len(), 1);
        assert_eq!(ranges.insert(0, 50), 20);
        assert_eq!(ranges.insert(50, 60), 10);
        assert_eq!(ranges.0.iter().next(), Some((&0, &60)));
    }

    #[test]
    fn it_agrees_with_a_plain_set() {
        let mut rng = env::Rng::seeded(1);
        let (mut ranges, mut plain) = (Ranges::default(), std::collections::BTreeSet::new());
        for _ in 0..2000 {
            let from = rng.below(500);
            let until = from + 1 + rng.below(9);
            let fresh = (from..until).filter(|octet| plain.insert(*octet)).count() as u64;
            assert_eq!(ranges.insert(from, until), fresh);
        }
    }
}
