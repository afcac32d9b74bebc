//! What sockets and the task share: the driver behind a lock, and who waits for what.
//!
//! ```text
//!    call or turn ─► lock ─► Host … ─► flush ─► events ─► wakers of those concerned ─► unlock ─► wake
//!                                                                      └ a deadline sooner than the task's sleep: it, too
//! ```
//!
//! A future that finds nothing leaves its waker under the same lock under which it looked: no wake-up is lost. An event
//! wakes everybody who waits for it, and each looks again: a future that is dropped takes nothing away from the others.

use device::Device;
use driver::{Clock, Driver};
use env::Instant;
use stack::{ConnectionId, Host, HostEvent, ListenerId, UdpId};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use tokio::sync::Notify;

/// A socket of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Socket {
    Stream(ConnectionId),
    Listener(ListenerId),
    Udp(UdpId),
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// Something to read, accept or receive; a connection that opens.
    Read,
    /// Room to write or send.
    Write,
}

/// Who waits: each under a key of its own, so that a future that polls twice waits once.
#[derive(Debug, Default)]
struct Waiters(Vec<(u64, Waker)>);

impl Waiters {
    fn add(&mut self, key: u64, waker: &Waker) {
        match self.0.iter_mut().find(|(at, _)| *at == key) {
            Some((_, there)) => there.clone_from(waker),
            None => self.0.push((key, waker.clone())),
        }
    }

    fn remove(&mut self, key: u64) {
        self.0.retain(|(at, _)| *at != key);
    }

    fn take(&mut self, wakes: &mut Wakes) {
        wakes.0.extend(self.0.drain(..).map(|(_, waker)| waker));
    }
}

/// Wakers to be called once the lock is free.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakes(Vec<Waker>);

impl Wakes {
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

/// Why the stack works no more.
#[derive(Clone, Debug)]
pub(crate) enum Gone {
    /// [`crate::Stack::close`] was called, or its runtime is gone.
    Closed,
    /// Its device broke.
    Device(io::ErrorKind, String),
}

impl Gone {
    pub(crate) fn error(&self) -> io::Error {
        match self {
            Self::Closed => io::Error::new(io::ErrorKind::NotConnected, "the stack is closed"),
            Self::Device(kind, text) => io::Error::new(*kind, text.clone()),
        }
    }
}

/// Behind the lock.
pub(crate) struct Inner {
    pub(crate) driver: Driver<Box<dyn Device + Send>>,
    pub(crate) clock: Clock,
    pub(crate) gone: Option<Gone>,
    /// No handle is left.
    pub(crate) abandoned: bool,
    /// Until when the task sleeps; [`Instant::ZERO`] while it is awake.
    pub(crate) asleep_until: Instant,
    waiters: HashMap<(Socket, Side), Waiters>,
    /// Who waits until all connections are over.
    quiet: Waiters,
    next_key: u64,
}

/// What sockets and the task share.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// Wakes the task.
    pub(crate) task: Notify,
}

impl Shared {
    pub(crate) fn new(driver: Driver<Box<dyn Device + Send>>, clock: Clock) -> Self {
        let inner = Inner {
            driver,
            clock,
            gone: None,
            abandoned: false,
            asleep_until: Instant::ZERO,
            waiters: HashMap::new(),
            quiet: Waiters::default(),
            next_key: KEYS_OF_A_STREAM,
        };
        Self { inner: Mutex::new(inner), task: Notify::new() }
    }

    /// The lock. A thread that panicked while it held it was in the midst of one call; the host itself does not panic.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call, sends what follows from it, and wakes whom it concerns.
    pub(crate) fn call<R>(&self, call: impl FnOnce(&mut Inner, Instant) -> R) -> R {
        let mut inner = self.lock();
        let now = inner.clock.now();
        let result = call(&mut inner, now);
        let mut wakes = Wakes::default();
        if inner.gone.is_none()
            && let Err(error) = inner.driver.flush(now)
        {
            inner.fail(Gone::Device(error.why.kind(), error.why.to_string()), &mut wakes);
        }
        inner.spread(&mut wakes);
        let rouse = inner.must_rouse();
        drop(inner);
        if rouse {
            self.task.notify_one();
        }
        wakes.wake();
        result
    }

    /// Tries until `attempt` is ready. Whoever drops the future has taken nothing.
    pub(crate) async fn wait_for<R>(
        &self,
        socket: Socket,
        side: Side,
        mut attempt: impl FnMut(&mut Inner, Instant) -> Poll<R>,
    ) -> io::Result<R> {
        let mut waiting = Waiting { shared: self, socket, side, key: None };
        poll_fn(|context| {
            self.call(|inner, now| {
                inner.check()?;
                if let Poll::Ready(done) = attempt(inner, now) {
                    return Poll::Ready(Ok(done));
                }
                let key = *waiting.key.get_or_insert_with(|| inner.new_key());
                inner.wait(socket, side, key, context.waker());
                Poll::Pending
            })
        })
        .await
    }

    /// Looks without changing anything.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Host) -> R) -> R {
        look(self.lock().driver.host())
    }
}

/// A place among those who wait, given up when its future is dropped.
struct Waiting<'a> {
    shared: &'a Shared,
    socket: Socket,
    side: Side,
    key: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.lock().forget(self.socket, self.side, key);
        }
    }
}

/// Keys below this one belong to a stream's own reader and writer.
const KEYS_OF_A_STREAM: u64 = 1;

/// The key of a stream's own reader or writer: each side has but one.
pub(crate) const STREAM: u64 = 0;

impl Inner {
    pub(crate) fn host(&mut self) -> &mut Host {
        self.driver.host_mut()
    }

    /// Why the stack works no more, if it doesn't.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.gone.as_ref().map_or(Ok(()), |gone| Err(gone.error()))
    }

    /// A key that no other future has.
    pub(crate) fn new_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    pub(crate) fn wait(&mut self, socket: Socket, side: Side, key: u64, waker: &Waker) {
        self.waiters.entry((socket, side)).or_default().add(key, waker);
    }

    pub(crate) fn forget(&mut self, socket: Socket, side: Side, key: u64) {
        if let Some(waiters) = self.waiters.get_mut(&(socket, side)) {
            waiters.remove(key);
        }
    }

    /// The socket is gone.
    pub(crate) fn forget_all(&mut self, socket: Socket) {
        self.waiters.remove(&(socket, Side::Read));
        self.waiters.remove(&(socket, Side::Write));
    }

    pub(crate) fn wait_for_quiet(&mut self, key: u64, waker: &Waker) {
        self.quiet.add(key, waker);
    }

    /// The stack works no more: everybody is told.
    pub(crate) fn fail(&mut self, gone: Gone, wakes: &mut Wakes) {
        self.gone.get_or_insert(gone);
        self.waiters.values_mut().for_each(|waiters| waiters.take(wakes));
        self.quiet.take(wakes);
    }

    /// Collects the wakers of those whom the host's events concern.
    pub(crate) fn spread(&mut self, wakes: &mut Wakes) {
        use Side::{Read, Write};
        while let Some(event) = self.driver.poll_event() {
            let (socket, sides): (_, &[Side]) = match event {
                HostEvent::TcpConnected(id) | HostEvent::TcpClosed(id, _) => {
                    (Socket::Stream(id), &[Read, Write])
                }
                HostEvent::TcpReadable(id) | HostEvent::TcpPeerClosed(id) => (Socket::Stream(id), &[Read]),
                HostEvent::TcpWritable(id) => (Socket::Stream(id), &[Write]),
                HostEvent::TcpAcceptable(id) => (Socket::Listener(id), &[Read]),
                HostEvent::UdpReadable(id) | HostEvent::UdpFailed(id) => (Socket::Udp(id), &[Read]),
                HostEvent::UdpWritable(id) => (Socket::Udp(id), &[Write]),
                _ => continue,
            };
            for &side in sides {
                if let Some(waiters) = self.waiters.get_mut(&(socket, side)) {
                    waiters.take(wakes);
                }
            }
        }
        if !self.quiet.0.is_empty() && self.is_quiet() {
            self.quiet.take(wakes);
        }
    }

    /// Whether every connection is over; TIME-WAIT does not count.
    pub(crate) fn is_quiet(&self) -> bool {
        let counts = self.driver.host().tcp_counts();
        counts.connections == 0 && counts.half_open == 0
    }

    /// Whether the task has to look again: something is due before it would wake, or a device holds something back.
    fn must_rouse(&mut self) -> bool {
        if self.asleep_until == Instant::ZERO {
            return false;
        }
        let sooner = self.driver.deadline().is_some_and(|due| due < self.asleep_until);
        let rouse =
            sooner || self.gone.is_some() || self.driver.devices().any(|(id, _)| self.driver.is_blocked(id));
        if rouse {
            self.asleep_until = Instant::ZERO;
        }
        rouse
    }
}
