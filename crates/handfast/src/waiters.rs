//! Who waits for what, and whom to wake once the lock is free.

use crate::sync::Mistake;
use std::task::Waker;

/// Who waits: each under a key of its own, so that a future that polls twice waits once.
///
/// A waker may be the last that holds its task: dropping it is running the user's code, which may call the stack. So none
/// is dropped here, where the lock is held; those that are of no use any more are handed back.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    places: Vec<(u64, Waker)>,
    /// How often something happened that they wait for.
    news: u64,
}

impl Waiters {
    #[must_use]
    pub(crate) fn add(&mut self, key: u64, waker: &Waker) -> Option<Waker> {
        match self.places.iter_mut().find(|(at, _)| *at == key) {
            Some((_, there)) if there.will_wake(waker) => None,
            Some((_, there)) => Some(std::mem::replace(there, waker.clone())),
            None => {
                self.places.push((key, waker.clone()));
                None
            }
        }
    }

    #[must_use]
    pub(crate) fn remove(&mut self, key: u64) -> Option<Waker> {
        let at = self.places.iter().position(|(at, _)| *at == key)?;
        Some(self.places.remove(at).1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How often something happened: never the same again after it did.
    pub(crate) fn news(&self) -> u64 {
        self.news
    }

    pub(crate) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        self.places.into_iter().map(|(_, waker)| waker)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Nobody waits any more: each is to be woken, and looks again.
    pub(crate) fn take(&mut self, wakes: &mut Wakes) {
        self.news += 1;
        let woken = self.places.len().min(if Mistake::WakesOne.is_made() { 1 } else { usize::MAX });
        self.places.drain(..woken).for_each(|(_, waker)| wakes.add(waker));
    }
}

/// Wakers to be called once the lock is free. One needs no memory.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakes {
    fn add(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.more.push(waker),
        }
    }

    pub(crate) fn wake(self) {
        self.first.into_iter().chain(self.more).for_each(Waker::wake);
    }
}
