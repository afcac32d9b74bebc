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
