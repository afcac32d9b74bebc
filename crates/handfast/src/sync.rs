//! What threads wait on, in one place: so that tests can put a scheduler of their own beneath, which tries the orders in
//! which threads may run (`--cfg handfast_shuttle`, see `task/orders.rs`).

#[cfg(not(handfast_shuttle))]
pub(crate) use driver::Bell;
#[cfg(not(handfast_shuttle))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};

#[cfg(handfast_shuttle)]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic::AtomicBool};

/// A bell without a descriptor, which that scheduler can see.
#[cfg(handfast_shuttle)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(std::sync::Arc<(Mutex<bool>, shuttle::sync::Condvar)>);

#[cfg(handfast_shuttle)]
impl Bell {
    pub(crate) fn ring(&self) {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Until it rings, or has rung since this was called last.
    #[cfg(test)]
    pub(crate) fn wait(&self) {
        let rang = self.0.0.lock().unwrap();
        *self.0.1.wait_while(rang, |rang| !*rang).unwrap() = false;
    }
}

/// What rouses a thread that waits with `waiter`.
#[cfg(not(handfast_shuttle))]
pub(crate) fn bell_of(waiter: &driver::Waiter) -> Bell {
    waiter.bell()
}

/// Nobody rings the real one there.
#[cfg(handfast_shuttle)]
pub(crate) fn bell_of(_: &driver::Waiter) -> Bell {
    Bell::default()
}

/// Mistakes that tests make on purpose: the search for lost wake-ups has to find them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// Of all who wait for something only the first is woken.
    WakesOne,
    /// Whoever turns lets go of the lock between finding nothing to do and saying that it sleeps.
    SleepsUnseen,
}

#[cfg(not(all(test, handfast_shuttle)))]
impl Mistake {
    /// Never, but in tests.
    pub(crate) const fn is_made(self) -> bool {
        false
    }
}

#[cfg(all(test, handfast_shuttle))]
std::thread_local! {
    /// The scheduler has all threads of a test on one of the system's, which is the test's own.
    static MADE: std::cell::Cell<Option<Mistake>> = const { std::cell::Cell::new(None) };
}

#[cfg(all(test, handfast_shuttle))]
impl Mistake {
    pub(crate) fn is_made(self) -> bool {
        MADE.get() == Some(self)
    }

    /// Makes the mistake as long as `body` runs.
    pub(crate) fn during(self, body: impl FnOnce()) {
        struct Once;
        impl Drop for Once {
            fn drop(&mut self) {
                MADE.set(None);
            }
        }
        MADE.set(Some(self));
        let _once = Once;
        body();
    }
}
