//! Waiting on a thread for what wakes by a waker.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// Unparks its thread.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn unparks() -> Waker {
    Waker::from(Arc::new(Parked(thread::current())))
}

thread_local! {
    /// One waker does for all that a thread ever waits for.
    static OWN: Waker = unparks();
}

/// Polls `future` on this thread until it is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // Without a deadline it ends with an output only.
        if let Some(output) = block_on_until(future.as_mut(), None) {
            return output;
        }
    }
}

/// The same, at most until `deadline`.
pub(crate) fn block_on_until<F: Future>(future: F, deadline: Option<Instant>) -> Option<F::Output> {
    // A budget is a runtime's: what it puts off is woken by its scheduler, on the very thread that waits here.
    let mut future = pin!(tokio::task::coop::unconstrained(future));
    let waker = OWN.try_with(Waker::clone).unwrap_or_else(|_| unparks());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        // A wake-up that came since the poll ends the parking at once: none is lost.
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(left) if left.is_zero() => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}
