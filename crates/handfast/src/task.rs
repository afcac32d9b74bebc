//! The task that turns the driver: it waits for the device, for time, and for calls that make something due sooner.

use crate::shared::{Gone, Shared, Wakes};
use env::Instant;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What to wait for.
enum Next {
    /// A device may have more: after others had their turn.
    Now,
    /// Until then, or until the device says so.
    Sleep { until: Instant, writable: bool },
    /// Nothing is left to do.
    Over,
}

/// Turns the driver until nobody needs it any more.
pub(crate) async fn run(shared: Arc<Shared>, device: AsyncFd<OwnedFd>) {
    let gone = Departure(&shared);
    loop {
        let (until, writable) = match turn(&shared) {
            Next::Over => break,
            Next::Now => {
                tokio::task::yield_now().await;
                continue;
            }
            Next::Sleep { until, writable } => (until, writable),
        };
        let deadline = (until != Instant::FAR).then(|| shared.lock().clock.to_std(until)).flatten();
        // A device that goes away tells nothing but an error.
        let interest = Interest::READABLE | Interest::ERROR;
        let interest = if writable { interest | Interest::WRITABLE } else { interest };
        tokio::select! {
            () = shared.task.notified() => {}
            () = sleep(deadline) => {}
            ready = device.ready(interest) => match ready {
                // Readiness is forgotten before the device is read: what comes in between is told anew.
                Ok(mut ready) => ready.clear_ready(),
                Err(why) => {
                    fail(&shared, &why);
                    break;
                }
            },
        }
    }
    drop(gone);
}

async fn sleep(until: Option<std::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

fn turn(shared: &Shared) -> Next {
    let mut inner = shared.lock();
    inner.asleep_until = Instant::ZERO;
    if inner.gone.is_some() {
        return Next::Over;
    }
    let now = inner.clock.now();
    let mut wakes = Wakes::default();
    let more = match inner.driver.turn(now) {
        Ok(turn) => turn.more,
        Err(error) => {
            inner.fail(Gone::Device(error.why.kind(), error.why.to_string()), &mut wakes);
            false
        }
    };
    inner.spread(&mut wakes);
    let due = inner.driver.deadline().unwrap_or(Instant::FAR);
    let next = if inner.gone.is_some() || (inner.abandoned && inner.is_quiet()) {
        Next::Over
    } else if more || due <= now {
        Next::Now
    } else {
        inner.asleep_until = due;
        let writable = inner.driver.devices().any(|(id, _)| inner.driver.is_blocked(id));
        Next::Sleep { until: due, writable }
    };
    drop(inner);
    wakes.wake();
    next
}

fn fail(shared: &Shared, why: &io::Error) {
    let mut wakes = Wakes::default();
    shared.lock().fail(Gone::Device(why.kind(), why.to_string()), &mut wakes);
    wakes.wake();
}

/// Whoever waits is told when the task ends, and be it that its runtime is shut down. The devices go with it.
struct Departure<'a>(&'a Shared);

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        let mut wakes = Wakes::default();
        let mut inner = self.0.lock();
        let devices = inner.driver.detach();
        inner.fail(Gone::Closed, &mut wakes);
        drop(inner);
        drop(devices);
        wakes.wake();
    }
}
