//! What sockets and whoever turns the driver share: the driver behind a lock, and who waits for what.
//!
//! ```text
//!    call or turn ─► lock ─► Host … ─► flush ─► events ─► wakers of those concerned ─► unlock ─► wake
//!                                                                      └ a deadline sooner than the turner's sleep: it, too
//! ```
//!
//! A future that finds nothing leaves its waker under the same lock under which it looked: no wake-up is lost. An event
//! wakes everybody who waits for it, and each looks again: a future that is dropped takes nothing away from the others.

use crate::autoconf::Autoconf;
use crate::sync::{AtomicBool, Bell, Mutex, MutexGuard};
use crate::waiters::{Waiters, Wakes};
use device::Device;
use driver::{Clock, DeviceError, Driver};
use env::Instant;
use stack::{ConnectionId, EchoId, Host, HostEvent, InterfaceId, ListenerId, UdpId};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Waker;
use tokio::sync::Notify;

/// A socket of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Socket {
    Stream(ConnectionId),
    Listener(ListenerId),
    Udp(UdpId),
    Echo(EchoId),
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// Something to read, accept or receive; a connection that opens.
    Read,
    /// Room to write or send.
    Write,
}

impl Side {
    /// Only this one.
    pub(crate) const fn alone(self) -> &'static [Self] {
        match self {
            Self::Read => &[Self::Read],
            Self::Write => &[Self::Write],
        }
    }

    /// Both.
    pub(crate) const BOTH: &'static [Self] = &[Self::Read, Self::Write];
}

/// Why the stack works no more.
#[derive(Clone, Debug)]
pub(crate) enum Gone {
    /// [`crate::Stack::close`] was called.
    Closed,
    /// The runtime that turned it was shut down. What was written is still delivered, by a thread.
    Runtime,
    /// Its device broke.
    Device(io::ErrorKind, String),
}

impl Gone {
    pub(crate) fn error(&self) -> io::Error {
        match self {
            Self::Closed => io::Error::new(io::ErrorKind::NotConnected, "the stack is closed"),
            Self::Runtime => {
                let what = "the runtime that the stack ran on was shut down";
                io::Error::new(io::ErrorKind::NotConnected, what)
            }
            Self::Device(kind, text) => io::Error::new(*kind, text.clone()),
        }
    }
}

/// Behind the lock.
pub(crate) struct Inner {
    pub(crate) driver: Driver<Box<dyn Device + Send>>,
    pub(crate) clock: Clock,
    /// What sockets are told.
    pub(crate) gone: Option<Gone>,
    /// Nothing is turned any more.
    pub(crate) stop: bool,
    /// No handle is left.
    pub(crate) abandoned: bool,
    /// When what is not over by then is reset: [`crate::Stack::close`].
    pub(crate) closing: Option<Instant>,
    /// Connections that were reset then.
    pub(crate) aborted: usize,
    /// The devices are gone, and whatever else was held for them.
    pub(crate) over: bool,
    /// Until when whoever turns sleeps; [`Instant::ZERO`] while awake.
    pub(crate) asleep_until: Instant,
    /// The last such instant: a sleep may end early, but not late, so a deadline that is put off rouses nobody.
    pub(crate) alarm: Instant,
    /// The devices whose room is waited for.
    blocked: Vec<InterfaceId>,
    /// How often the driver was turned, ever.
    pub(crate) turns: u64,
    /// Dropped after the devices: it takes back what was done to somebody's interfaces.
    pub(crate) belongings: Vec<Box<dyn Send>>,
    /// Interfaces that configure themselves.
    pub(crate) autoconf: Autoconf,
    /// Who waits for an address.
    configured: Waiters,
    /// Whom to ask for names.
    pub(crate) name_servers: Vec<IpAddr>,
    waiters: HashMap<(Socket, Side), Waiters>,
    /// Wakers of no use any more: dropped once the lock is free, see [`Waiters`].
    fallen: Vec<Waker>,
    /// Who waits until all connections are over.
    quiet: Waiters,
    /// Who waits until the devices are gone.
    ended: Waiters,
    next_key: u64,
}

/// The lock, held. What must not be dropped meanwhile is dropped after it.
pub(crate) struct Locked<'a>(Option<MutexGuard<'a, Inner>>);

impl Deref for Locked<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        match &self.0 {
            Some(inner) => inner,
            // Taken in `drop` only.
            None => unreachable!(),
        }
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        match &mut self.0 {
            Some(inner) => inner,
            None => unreachable!(),
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let fallen = self.0.as_mut().map(|inner| std::mem::take(&mut inner.fallen));
        self.0 = None;
        drop(fallen);
    }
}

/// What sockets and whoever turns the driver share.
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    /// Rouses the task.
    pub(crate) task: Notify,
    /// Rouses the thread, when it is a thread that turns.
    bell: Bell,
    on_thread: AtomicBool,
}

impl Shared {
    pub(crate) fn new(driver: Driver<Box<dyn Device + Send>>, clock: Clock, bell: Bell) -> Self {
        let inner = Inner {
            driver,
            clock,
            gone: None,
            stop: false,
            abandoned: false,
            closing: None,
            aborted: 0,
            over: false,
            asleep_until: Instant::ZERO,
            alarm: Instant::ZERO,
            blocked: Vec::new(),
            turns: 0,
            belongings: Vec::new(),
            autoconf: Autoconf::default(),
            configured: Waiters::default(),
            name_servers: Vec::new(),
            waiters: HashMap::new(),
            fallen: Vec::new(),
            quiet: Waiters::default(),
            ended: Waiters::default(),
            next_key: KEYS_OF_A_STREAM,
        };
        Self { inner: Mutex::new(inner), task: Notify::new(), bell, on_thread: AtomicBool::new(false) }
    }

    /// From now on a thread turns.
    pub(crate) fn move_to_thread(&self) {
        self.on_thread.store(true, Ordering::Release);
        // Who roused the task just before has roused the thread.
        self.bell.ring();
    }

    #[cfg(all(test, handfast_shuttle))]
    pub(crate) fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Has whoever turns look again.
    pub(crate) fn rouse(&self) {
        if self.on_thread.load(Ordering::Acquire) {
            self.bell.ring();
        } else {
            self.task.notify_one();
        }
    }

    /// The lock. A thread that panicked while it held it was in the midst of one call; the host itself does not panic.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked(Some(self.inner.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Makes a call, sends what follows from it, and wakes whom it concerns.
    pub(crate) fn call<R>(&self, call: impl FnOnce(&mut Inner, Instant) -> R) -> R {
        let mut inner = self.lock();
        let now = inner.clock.now();
        let result = call(&mut inner, now);
        let mut wakes = Wakes::default();
        if !inner.stop
            && let Err(error) = inner.driver.flush(now)
        {
            inner.device_broke(now, &error, &mut wakes);
        }
        inner.spread(&mut wakes);
        let rouse = inner.must_rouse();
        drop(inner);
        if rouse {
            self.rouse();
        }
        wakes.wake();
        result
    }

    /// Looks without changing anything.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Host) -> R) -> R {
        look(self.lock().driver.host())
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
        let old = self.waiters.entry((socket, side)).or_default().add(key, waker);
        self.fallen.extend(old);
    }

    pub(crate) fn forget(&mut self, socket: Socket, side: Side, key: u64) {
        if let Some(waiters) = self.waiters.get_mut(&(socket, side)) {
            self.fallen.extend(waiters.remove(key));
        }
    }

    /// The socket is gone.
    pub(crate) fn forget_all(&mut self, socket: Socket) {
        for side in [Side::Read, Side::Write] {
            let gone = self.waiters.remove(&(socket, side)).unwrap_or_default();
            self.fallen.extend(gone.into_wakers());
        }
    }

    /// How often something happened on these sides of a socket, since this was first asked: it is never the same again
    /// after something did, whatever the levels are then.
    pub(crate) fn news(&mut self, socket: Socket, sides: &[Side]) -> u64 {
        sides.iter().map(|&side| self.waiters.entry((socket, side)).or_default().news()).sum()
    }

    /// Whoever waits there is to look again.
    pub(crate) fn wake(&mut self, socket: Socket, side: Side, wakes: &mut Wakes) {
        if let Some(waiters) = self.waiters.get_mut(&(socket, side)) {
            waiters.take(wakes);
        }
    }

    pub(crate) fn wait_for_address(&mut self, key: u64, waker: &Waker) {
        self.fallen.extend(self.configured.add(key, waker));
    }

    /// Turns those who configure interfaces, and sends what they have to say.
    pub(crate) fn autoconfigure(&mut self, now: Instant, wakes: &mut Wakes) -> Result<(), DeviceError> {
        if self.autoconf.is_empty() {
            return Ok(());
        }
        if self.autoconf.turn(now, &mut self.driver) {
            self.configured.take(wakes);
        }
        self.driver.flush(now).map(drop)
    }

    pub(crate) fn wait_for_quiet(&mut self, key: u64, waker: &Waker) {
        self.fallen.extend(self.quiet.add(key, waker));
    }

    pub(crate) fn wait_for_end(&mut self, key: u64, waker: &Waker) {
        self.fallen.extend(self.ended.add(key, waker));
    }

    /// The stack works no more: everybody is told.
    pub(crate) fn fail(&mut self, gone: Gone, wakes: &mut Wakes) {
        self.gone.get_or_insert(gone);
        self.waiters.values_mut().for_each(|waiters| waiters.take(wakes));
        self.configured.take(wakes);
        self.quiet.take(wakes);
    }

    /// The devices are gone.
    pub(crate) fn end(&mut self, wakes: &mut Wakes) {
        self.stop = true;
        self.over = true;
        self.ended.take(wakes);
    }

    /// A device is broken or gone: the others go on without it; without any, so does nobody.
    pub(crate) fn device_broke(&mut self, now: Instant, error: &DeviceError, wakes: &mut Wakes) {
        if self.driver.devices().count() > 1 && self.driver.detach_one(now, error.interface).is_some() {
            return;
        }
        self.stop = true;
        self.fail(Gone::Device(error.why.kind(), error.why.to_string()), wakes);
    }

    /// Nobody waits under this key for the end of connections or of the stack.
    pub(crate) fn forget_end(&mut self, key: u64) {
        self.fallen.extend(self.quiet.remove(key));
        self.fallen.extend(self.configured.remove(key));
        self.fallen.extend(self.ended.remove(key));
    }

    /// Their room is waited for from now on.
    pub(crate) fn notice_blocked(&mut self) {
        self.blocked.clear();
        self.blocked.extend(self.driver.blocked());
    }

    /// As when every user drops every socket: what was written is delivered, what waits to be accepted is reset.
    pub(crate) fn let_go_of_all(&mut self, now: Instant) {
        let listeners: Vec<_> = self.host().tcp_listeners().collect();
        listeners.iter().for_each(|&id| self.host().tcp_unlisten(now, id));
        let streams: Vec<_> = self.host().tcp_connections().collect();
        streams.iter().for_each(|&id| self.host().tcp_release(now, id));
    }

    /// Resets every connection, and says how many there were.
    pub(crate) fn abort_all(&mut self, now: Instant) -> usize {
        let left: Vec<_> = self.host().tcp_connections().collect();
        left.iter().for_each(|&id| self.host().tcp_abort(now, id));
        left.len()
    }

    /// The end of [`crate::Stack::close`]: what is left is reset.
    pub(crate) fn finish(&mut self, now: Instant, wakes: &mut Wakes) {
        self.aborted = self.abort_all(now);
        // The last chance for those RSTs; a device that takes none now is given up.
        let _: Result<usize, DeviceError> = self.driver.flush(now);
        self.stop = true;
        self.fail(Gone::Closed, wakes);
    }

    /// How many wakers are left with the stack.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiters.values().map(Waiters::len).sum::<usize>()
            + self.quiet.len()
            + self.ended.len()
            + self.configured.len()
    }

    /// Collects the wakers of those whom the host's events concern.
    pub(crate) fn spread(&mut self, wakes: &mut Wakes) {
        use Side::{Read, Write};
        while let Some(event) = self.driver.poll_event() {
            let (socket, sides): (_, &[Side]) = match event {
                HostEvent::TcpConnected(id)
                | HostEvent::TcpClosed(id, _)
                | HostEvent::TcpSoftError(id, _) => (Socket::Stream(id), &[Read, Write]),
                HostEvent::TcpReadable(id) | HostEvent::TcpPeerClosed(id) => (Socket::Stream(id), &[Read]),
                HostEvent::TcpWritable(id) => (Socket::Stream(id), &[Write]),
                HostEvent::TcpAcceptable(id) => (Socket::Listener(id), &[Read]),
                HostEvent::UdpReadable(id) | HostEvent::UdpFailed(id) => (Socket::Udp(id), &[Read]),
                HostEvent::UdpWritable(id) => (Socket::Udp(id), &[Write]),
                HostEvent::EchoReadable(id) | HostEvent::EchoFailed(id) => (Socket::Echo(id), &[Read]),
                HostEvent::AddressReady(..) => {
                    self.configured.take(wakes);
                    continue;
                }
                _ => continue,
            };
            for &side in sides {
                if let Some(waiters) = self.waiters.get_mut(&(socket, side)) {
                    waiters.take(wakes);
                }
            }
        }
        if !self.quiet.is_empty() && self.is_quiet() {
            self.quiet.take(wakes);
        }
    }

    /// Whether every connection is over; TIME-WAIT does not count.
    pub(crate) fn is_quiet(&self) -> bool {
        let counts = self.driver.host().tcp_counts();
        counts.connections == 0 && counts.half_open == 0
    }

    /// Whether whoever turns has to look again: something is due before it would wake, or a device holds something back.
    fn must_rouse(&mut self) -> bool {
        if self.asleep_until == Instant::ZERO {
            return false;
        }
        let sooner = self.driver.deadline().is_some_and(|due| due < self.asleep_until);
        let rouse = sooner
            || self.stop
            || ((self.closing.is_some() || self.abandoned) && self.is_quiet())
            || self.driver.blocked().any(|id| !self.blocked.contains(&id));
        if rouse {
            self.asleep_until = Instant::ZERO;
        }
        rouse
    }
}
