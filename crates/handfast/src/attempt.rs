//! Attempts of sockets: made at once, or until one succeeds.
//!
//! ```text
//!   attempt ─► under the lock: done?  ─ yes ─► what it gave
//!                 ▲                   ─ no ──► a place among those who wait for this side of the socket, under the same
//!                 └──────── woken ◄───────────┘                                               lock: nothing comes between
//! ```

use crate::shared::{Inner, Shared, Side, Socket};
use env::Instant;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};
use tokio::task::coop;

impl Shared {
    /// Makes an attempt that does not wait: what is not ready would block.
    pub(crate) fn at_once<R>(
        &self,
        attempt: impl FnOnce(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> io::Result<R> {
        let done = self.call(|inner, now| {
            inner.check()?;
            attempt(inner, now)
        });
        match done {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Tries until `attempt` is ready. Whoever drops the future has taken nothing.
    pub(crate) async fn wait_for<R>(
        &self,
        socket: Socket,
        side: Side,
        attempt: impl FnMut(&mut Inner, Instant) -> Poll<R>,
    ) -> io::Result<R> {
        self.wait_for_any(socket, side.alone(), attempt).await
    }

    /// The same, tried again whenever something happens on any of `sides`.
    pub(crate) async fn wait_for_any<R>(
        &self,
        socket: Socket,
        sides: &'static [Side],
        mut attempt: impl FnMut(&mut Inner, Instant) -> Poll<R>,
    ) -> io::Result<R> {
        let mut waiting = Waiting { shared: self, socket, sides, key: None };
        poll_fn(|context| {
            // A socket that always has something must not keep its task from letting others run.
            let turn = ready!(coop::poll_proceed(context));
            self.call(|inner, now| {
                inner.check()?;
                if let Poll::Ready(done) = attempt(inner, now) {
                    turn.made_progress();
                    return Poll::Ready(Ok(done));
                }
                let key = *waiting.key.get_or_insert_with(|| inner.new_key());
                sides.iter().for_each(|&side| inner.wait(socket, side, key, context.waker()));
                Poll::Pending
            })
        })
        .await
    }
}

/// A place among those who wait, given up when its future is dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    socket: Socket,
    sides: &'static [Side],
    key: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut inner = self.shared.lock();
            self.sides.iter().for_each(|&side| inner.forget(self.socket, side, key));
        }
    }
}
