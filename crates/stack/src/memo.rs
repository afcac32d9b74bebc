//! What was found once and is asked for again and again: kept for as long as nothing it depends on has changed.
//!
//! ```text
//!    interfaces, routes, routers, path MTUs ── each counts how often somebody could have changed it ─► epoch
//!                                                                                                      │
//!    pair of addresses ─► one of 64 places ─► what was found there, and in which epoch ─── the same? ──┘─► taken
//! ```
//!
//! Whoever can change a [`Watched`] counts as having changed it: a memory that is too short costs a search, one that is too
//! long would be wrong.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::{Deref, DerefMut};

/// Pairs of addresses that are remembered, at most.
const PLACES: usize = 64;

/// A value, and how often somebody was given it to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched<T> {
    value: T,
    changes: u64,
}

impl<T> Watched<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value, changes: 0 }
    }

    /// How often it may have changed.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    /// The value, to change what nothing that is remembered depends on.
    pub(crate) const fn quietly(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Deref for Watched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Watched<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changes = self.changes.wrapping_add(1);
        &mut self.value
    }
}

/// What was found for pairs of addresses, each in one place only: pairs that share one push each other out, and are
/// searched for again, as everything was without this.
#[derive(Clone, Debug)]
pub(crate) struct Memo<V> {
    places: Box<[Option<Found<V>>]>,
}

#[derive(Clone, Debug)]
struct Found<V> {
    epoch: u64,
    ours: IpAddr,
    theirs: IpAddr,
    value: V,
}

impl<V: Copy> Memo<V> {
    pub(crate) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| None).collect::<Vec<_>>().into() }
    }

    /// What was found for this pair, if that was in this epoch.
    pub(crate) fn get(&self, epoch: u64, ours: IpAddr, theirs: IpAddr) -> Option<V> {
        let found = self.places.get(place(ours, theirs))?.as_ref()?;
        let same = found.epoch == epoch && found.theirs == theirs && found.ours == ours;
        same.then_some(found.value)
    }

    /// Remembers what was found.
    pub(crate) fn put(&mut self, epoch: u64, ours: IpAddr, theirs: IpAddr, value: V) {
        if let Some(place) = self.places.get_mut(place(ours, theirs)) {
            *place = Some(Found { epoch, ours, theirs, value });
        }
    }
}

/// Any number that differs for neighbours: who makes pairs meet gains nothing.
fn place(ours: IpAddr, theirs: IpAddr) -> usize {
    let bits = |address| match address {
        IpAddr::V4(a) => a.to_bits(),
        IpAddr::V6(a) => {
            let bits = a.to_bits();
            (bits ^ bits >> 32 ^ bits >> 64) as u32
        }
    };
    let mixed = (bits(theirs) ^ bits(ours).rotate_left(16)).wrapping_mul(0x9e37_79b1);
    mixed as usize >> 16 & (PLACES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

    fn peer(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    #[test]
    fn what_is_remembered_is_what_was_found_last_for_this_pair_in_this_epoch() {
        let mut memo = Memo::new();
        for n in 0..10_000 {
            memo.put(1, OURS, peer(n), n);
            assert_eq!(memo.get(1, OURS, peer(n)), Some(n));
        }
        let known = (0..10_000).filter_map(|n| Some((n, memo.get(1, OURS, peer(n))?)));
        let known: Vec<(u32, u32)> = known.collect();
        assert_eq!(known.len(), PLACES, "neighbours spread over all places");
        assert!(known.iter().all(|(asked, found)| asked == found));
        let (last, _) = known[PLACES - 1];
        assert_eq!(memo.get(2, OURS, peer(last)), None, "in another epoch it may be otherwise");
        assert_eq!(memo.get(1, peer(last), OURS), None, "the other way is another pair");
    }

    #[test]
    fn whoever_can_change_it_counts_as_having_changed_it() {
        let mut watched = Watched::new(7);
        assert_eq!((*watched, watched.changes()), (7, 0));
        *watched.quietly() = 8;
        assert_eq!((*watched, watched.changes()), (8, 0));
        *watched = 9;
        assert_eq!((*watched, watched.changes()), (9, 1));
    }
}
