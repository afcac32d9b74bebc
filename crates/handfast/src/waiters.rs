//! Who waits for what, and whom to wake once the lock is free.

use std::task::Waker;

/// Who waits: each under a key of its own, so that a future that polls twice waits once.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Vec<(u64, Waker)>);

impl Waiters {
    pub(crate) fn add(&mut self, key: u64, waker: &Waker) {
        match self.0.iter_mut().find(|(at, _)| *at == key) {
            Some((_, there)) => there.clone_from(waker),
            None => self.0.push((key, waker.clone())),
        }
    }

    pub(crate) fn remove(&mut self, key: u64) {
        self.0.retain(|(at, _)| *at != key);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody waits any more: each is to be woken, and looks again.
    pub(crate) fn take(&mut self, wakes: &mut Wakes) {
        self.0.drain(..).for_each(|(_, waker)| wakes.add(waker));
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
