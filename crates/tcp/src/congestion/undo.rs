//! What reductions found that may turn out to be mistakes (RFC 4015 §3.2).
//!
//! ```text
//!   loss: 100 ─► 70     loss: 90 ─► 63        both were mistakes: 90 again, then 100
//!              [100]             [100, 90]
//! ```
//!
//! Where segments overtake each other by more than a round trip, the next reduction comes before it is known that the last
//! one was a mistake. So what each found is kept until it is asked for, the last first.

use alloc::vec::Vec;

/// So many reductions one after the other can be taken back.
pub(crate) const MOST: usize = 4;

/// A few states, the last on top.
#[derive(Clone, Debug)]
pub(super) struct Undos<T>(Vec<T>);

impl<T> Default for Undos<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Undos<T> {
    /// A reduction found this.
    pub(super) fn push(&mut self, found: T) {
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(found);
    }

    /// The last reduction was a mistake: what it found.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Whether what each of them found is `over`.
    pub(super) fn all(&self, over: impl FnMut(&T) -> bool) -> bool {
        self.0.iter().all(over)
    }

    /// Nothing can be taken back any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_is_taken_back_first_and_no_more_are_kept_than_a_few() {
        let mut undos = Undos::default();
        (0..10).for_each(|n| undos.push(n));
        let taken: Vec<_> = core::iter::from_fn(|| undos.pop()).collect();
        assert_eq!(taken, [9, 8, 7, 6]);
        undos.push(1);
        assert!(undos.all(|&n| n == 1) && !undos.all(|&n| n == 2));
        undos.clear();
        assert_eq!(undos.pop(), None);
    }
}
