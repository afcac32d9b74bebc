//! Who turns the driver: a task on a tokio runtime, or a thread of its own.
//!
//! ```text
//!   build, on a runtime ──► task ──────── the runtime is shut down ──┐
//!                                                                    ▼
//!   build_on_thread ──────────────────────────────────────────────► thread ──► over: devices let go, whoever waits told
//!
//!   both: turn ─► more? again, after others ─► else sleep until a device, a call or the deadline
//! ```
//!
//! When the runtime of a task is shut down, sockets get an error at once; what they had written is still delivered, by a
//! thread that ends with the last connection.

use crate::shared::{Gone, Inner, Shared};
use crate::sync::Mistake;
use crate::waiters::Wakes;
use driver::Waiter;
use env::Instant;
use stack::InterfaceId;
use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What to wait for.
enum Next {
    /// A device may have more: after others had their turn.
    Now,
    /// Until then, or until a device says so.
    Sleep { now: Instant, until: Option<Instant> },
    /// Nothing is left to do.
    Over,
}

/// What turns: dropping it is the end of the stack.
pub(crate) struct Turner {
    shared: Arc<Shared>,
    /// The interface of each descriptor of the waiter.
    sources: Vec<InterfaceId>,
    /// Whether frames wait for room, for each of them; kept for its room.
    blocked: Vec<bool>,
    /// The loop ended by itself.
    done: bool,
}

impl Turner {
    pub(crate) fn new(shared: Arc<Shared>, sources: Vec<InterfaceId>) -> Self {
        Self { shared, blocked: Vec::with_capacity(sources.len()), sources, done: false }
    }

    /// Turns the driver until nobody needs it any more, on this thread.
    fn run(mut self, mut waiter: Waiter) {
        loop {
            match self.turn(waiter.news()) {
                Next::Over => break,
                // Whoever waits for the lock is not to starve.
                Next::Now => std::thread::yield_now(),
                Next::Sleep { now, until } => {
                    let limit = until.map(|until| until.since(now));
                    if let Err(why) = waiter.wait(&self.blocked, limit) {
                        self.fail(&why);
                        break;
                    }
                }
            }
        }
        self.done = true;
    }

    /// Goes on with it on a thread of its own.
    pub(crate) fn spawn(self, waiter: Waiter) -> io::Result<()> {
        self.shared.move_to_thread();
        std::thread::Builder::new().name("handfast".to_owned()).spawn(move || self.run(waiter)).map(drop)
    }

    /// `links`: the system has news of interfaces.
    fn turn(&mut self, links: bool) -> Next {
        let mut inner = self.shared.lock();
        inner.asleep_until = Instant::ZERO;
        if inner.stop {
            return Next::Over;
        }
        inner.turns += 1;
        let now = inner.clock.now();
        let mut wakes = Wakes::default();
        #[cfg(target_os = "linux")]
        if links {
            // When the system tells no more, interfaces stay as they were last seen.
            let _: io::Result<usize> = inner.driver.follow_links(now);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = links;
        let turned = inner.driver.turn(now);
        let turned = turned.and_then(|turn| inner.autoconfigure(now, &mut wakes).map(|()| turn));
        let more = match turned {
            Ok(turn) => turn.more,
            Err(error) => {
                inner.device_broke(now, &error, &mut wakes);
                true
            }
        };
        inner.spread(&mut wakes);
        if let Some(by) = inner.closing
            && (by <= now || inner.is_quiet())
        {
            inner.finish(now, &mut wakes);
        }
        let due = [inner.driver.deadline(), inner.closing, inner.autoconf.poll_timeout()];
        let due = due.into_iter().flatten().min();
        let next = if inner.stop || (inner.abandoned && inner.is_quiet()) {
            Next::Over
        } else if more || due.is_some_and(|due| due <= now) {
            Next::Now
        } else {
            // An alarm that is set already may go off early: cheaper than to be roused whenever a deadline moves.
            let kept = Some(inner.alarm).filter(|&alarm| alarm > now);
            if Mistake::SleepsUnseen.is_made() {
                drop(inner);
                inner = self.shared.lock();
            }
            let until = [due, kept].into_iter().flatten().min();
            inner.alarm = until.unwrap_or(Instant::ZERO);
            inner.asleep_until = until.unwrap_or(Instant::FAR);
            self.blocked.clear();
            self.blocked.extend(self.sources.iter().map(|&id| inner.driver.is_blocked(id)));
            inner.notice_blocked();
            Next::Sleep { now, until }
        };
        drop(inner);
        wakes.wake();
        next
    }

    fn fail(&self, why: &io::Error) {
        let mut wakes = Wakes::default();
        self.shared.lock().fail(Gone::Device(why.kind(), why.to_string()), &mut wakes);
        wakes.wake();
    }

    /// Tells everybody that the runtime is gone, and whether something is left to be delivered.
    fn outlives_runtime(&self) -> bool {
        let mut wakes = Wakes::default();
        let mut inner = self.shared.lock();
        let now = inner.clock.now();
        inner.fail(Gone::Runtime, &mut wakes);
        inner.abandoned = true;
        inner.let_go_of_all(now);
        let left = inner.driver.flush(now).is_ok() && !inner.is_quiet();
        drop(inner);
        wakes.wake();
        left
    }
}

/// Whoever waits is told when it ends. The devices go with it.
impl Drop for Turner {
    fn drop(&mut self) {
        let mut wakes = Wakes::default();
        let mut inner = self.shared.lock();
        inner.stop = true;
        inner.fail(Gone::Closed, &mut wakes);
        let now = inner.clock.now();
        let Inner { autoconf, driver, .. } = &mut *inner;
        autoconf.release(now, driver.host_mut());
        // A device that takes nothing now is given up.
        let _: Result<usize, driver::DeviceError> = inner.driver.flush(now);
        let devices = inner.driver.detach();
        let belongings = std::mem::take(&mut inner.belongings);
        drop(inner);
        drop(devices);
        drop(belongings);
        self.shared.lock().end(&mut wakes);
        wakes.wake();
    }
}

/// A turner on a task, which can be dropped at any time.
pub(crate) struct OnTask {
    turner: Option<Turner>,
    waiter: Option<AsyncFd<Waiter>>,
}

impl OnTask {
    /// On the runtime that this is called in.
    ///
    /// The call for it is deprecated because a type might give another descriptor each time, or close the one it gave;
    /// [`Waiter`] does neither, and the call that replaces it cannot be made without `unsafe`.
    #[allow(deprecated)]
    pub(crate) fn new(turner: Turner, waiter: Waiter) -> io::Result<Self> {
        let waiter = AsyncFd::with_interest(waiter, Interest::READABLE)?;
        Ok(Self { turner: Some(turner), waiter: Some(waiter) })
    }

    /// Turns the driver until nobody needs it any more.
    pub(crate) async fn run(mut self) {
        let Some((turner, waiter)) = self.parts() else { return };
        loop {
            match turner.turn(waiter.get_mut().news()) {
                Next::Over => break,
                Next::Now => tokio::task::yield_now().await,
                Next::Sleep { now, until } => {
                    let prepared = waiter.get_mut().prepare(now, until, &turner.blocked);
                    let slept = match prepared {
                        Ok(()) => sleep(&turner.shared, waiter).await,
                        Err(why) => Err(why),
                    };
                    if let Err(why) = slept {
                        turner.fail(&why);
                        break;
                    }
                }
            }
        }
        turner.done = true;
    }

    fn parts(&mut self) -> Option<(&mut Turner, &mut AsyncFd<Waiter>)> {
        Some((self.turner.as_mut()?, self.waiter.as_mut()?))
    }
}

impl Drop for OnTask {
    fn drop(&mut self) {
        let (Some(turner), Some(waiter)) = (self.turner.take(), self.waiter.take()) else { return };
        let waiter = waiter.into_inner();
        if !turner.done && !std::thread::panicking() && turner.outlives_runtime() {
            // Without a thread there is nobody to deliver it; the stack ends as the turner goes.
            let _: io::Result<()> = turner.spawn(waiter);
        }
    }
}

/// Until the task is roused, or the waiter has something.
async fn sleep(shared: &Shared, waiter: &mut AsyncFd<Waiter>) -> io::Result<()> {
    let mut roused = pin!(shared.task.notified());
    std::future::poll_fn(|context| {
        if roused.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // Readiness is forgotten before the devices are read: what comes in between is told anew.
        let mut ready = ready!(waiter.poll_read_ready_mut(context))?;
        ready.clear_ready();
        Poll::Ready(ready.get_inner_mut().take())
    })
    .await
}

#[cfg(all(test, handfast_shuttle))]
mod orders;
#[cfg(test)]
mod tests;
