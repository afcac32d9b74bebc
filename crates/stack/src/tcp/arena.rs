//! Records with names that are never mistaken: a slab, and a generation in each name.

use alloc::vec::Vec;
use slab::Slab;

/// Where a record is, and which of the many that were there it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Key {
    pub(crate) index: u32,
    generation: u32,
}

/// What a record in an [`Arena`] costs, beside what it points to: its place there, its timer in the wheel and its entry in
/// the demultiplexer. Each of the three grows by doubling, and may have twice the room that it uses.
pub(crate) const fn cost_of<T>() -> usize {
    const TIMER: usize = 32;
    const ENTRY: usize = 64;
    2 * (size_of::<(u32, T)>() + size_of::<usize>() + TIMER + ENTRY)
}

/// Records by [`Key`]: a key of a record that is gone finds nothing.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    slots: Slab<(u32, T)>,
    next: u32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { slots: Slab::new(), next: 0 }
    }
}

impl<T> Arena<T> {
    /// Adds what `make` makes, which may keep its own key.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        let entry = self.slots.vacant_entry();
        let key = Key { index: entry.key() as u32, generation: self.next };
        self.next = self.next.wrapping_add(1);
        entry.insert((key.generation, make(key)));
        key
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let (generation, value) = self.slots.get(key.index as usize)?;
        (*generation == key.generation).then_some(value)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut(key.index as usize)?;
        (*generation == key.generation).then_some(value)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.slots.remove(key.index as usize).1)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// One more than the index of the last place that may be taken.
    pub(crate) fn places(&self) -> usize {
        self.slots.capacity()
    }

    /// What is at a place, whatever its name.
    pub(crate) fn at(&self, index: usize) -> Option<&T> {
        self.slots.get(index).map(|(_, value)| value)
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let name = |(index, (generation, _)): (usize, &(u32, T))| Key {
            index: index as u32,
            generation: *generation,
        };
        self.slots.iter().map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_what_is_gone_finds_nothing_even_where_something_new_is() {
        let mut arena = Arena::default();
        let one = arena.insert_with(|_| 'a');
        assert_eq!(arena.get(one), Some(&'a'));
        assert_eq!(arena.remove(one), Some('a'));
        assert_eq!(arena.remove(one), None);
        let two = arena.insert_with(|_| 'b');
        assert_eq!(one.index, two.index);
        assert!(arena.get(one).is_none() && arena.get_mut(one).is_none());
        assert_eq!(arena.get(two), Some(&'b'));
        assert_eq!((arena.keys(), arena.len()), (alloc::vec![two], 1));
    }
}
