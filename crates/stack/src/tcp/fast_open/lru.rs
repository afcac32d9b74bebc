//! A map of bounded size: what was not asked for longest makes room.
//!
//! ```text
//!   key ─► (turn, value)        turn ─► key: the least turn goes first
//! ```

use alloc::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(in crate::tcp) struct Lru<K, V> {
    entries: BTreeMap<K, (u64, V)>,
    turns: BTreeMap<u64, K>,
    turn: u64,
    most: usize,
}

impl<K: Ord + Copy, V: Default> Lru<K, V> {
    /// For at most `most` keys.
    pub(in crate::tcp) const fn new(most: usize) -> Self {
        Self { entries: BTreeMap::new(), turns: BTreeMap::new(), turn: 0, most }
    }

    /// What is remembered.
    pub(in crate::tcp) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// What is remembered, or is from now on, to be changed: its turn is the last again.
    pub(in crate::tcp) fn touch(&mut self, key: K) -> &mut V {
        self.turn += 1;
        if !self.entries.contains_key(&key)
            && self.entries.len() >= self.most
            && let Some((_, oldest)) = self.turns.pop_first()
        {
            self.entries.remove(&oldest);
        }
        let (turn, value) = self.entries.entry(key).or_insert_with(|| (0, V::default()));
        self.turns.remove(turn);
        *turn = self.turn;
        self.turns.insert(self.turn, key);
        value
    }

    pub(in crate::tcp) fn remove(&mut self, key: &K) {
        if let Some((turn, _)) = self.entries.remove(key) {
            self.turns.remove(&turn);
        }
    }

    pub(in crate::tcp) fn clear(&mut self) {
        self.entries.clear();
        self.turns.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_last_that_were_touched(steps in proptest::collection::vec((0u8..3, 0u8..9), 0..80)) {
            let (mut lru, mut model) = (Lru::<u8, u32>::new(4), Vec::<(u8, u32)>::new());
            for (n, (kind, key)) in (1u32..).zip(steps) {
                let at = model.iter().position(|(k, _)| *k == key);
                match kind {
                    0 => {
                        lru.remove(&key);
                        model.retain(|(k, _)| *k != key);
                    }
                    1 => prop_assert_eq!(lru.get(&key).copied(), at.map(|at| model[at].1)),
                    _ => {
                        let was = at.map_or(0, |at| model.remove(at).1);
                        if model.len() == 4 {
                            model.remove(0);
                        }
                        model.push((key, n));
                        let value = lru.touch(key);
                        prop_assert_eq!(*value, was);
                        *value = n;
                    }
                }
                prop_assert!(lru.entries.len() == model.len() && lru.turns.len() == model.len());
            }
            lru.clear();
            prop_assert!(lru.get(&0).is_none() && lru.turns.is_empty());
        }
    }
}
