//! A device behind two links.

use super::flying::Air;
use super::{Link, LinkEvent, Profile};
use crate::{BATCH, Capabilities, Counters, Device, Instant};
use env::{Duration, Rng};
use std::collections::VecDeque;
use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::BorrowedFd;
use wire::Frame;

/// Which of a device's two links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the device sends.
    Out,
    /// What the device receives.
    In,
}

/// Frames that may have left the link while the device behind it takes none; more wait with their sender.
const READY: usize = 1024;

/// How soon a device that took nothing is tried again, when nobody else would wake it.
const RETRY: Duration = Duration::from_millis(1);

type Tell = Box<dyn FnMut(Direction, LinkEvent) + Send>;

/// How far ahead of its time a frame is taken.
const AHEAD: Duration = Duration::from_millis(1);

/// Any device with a [`Link`] in each direction. It takes frames up to a millisecond ahead of their time: each enters the
/// link at the instant at which it is to leave, however late this is turned.
///
/// ```
/// use handfast_device::{Device, Frame, Instant, impair::Impaired, memory};
/// let (a, mut b) = memory::pair(memory::Config::default());
/// let slow: handfast_device::impair::Profile = "delay=20ms".parse().unwrap();
/// let mut a = Impaired::new(a, slow.clone(), slow, 1);
/// a.transmit(Instant::ZERO, &mut [Frame { body: b"packet".into(), ..Frame::default() }].into())?;
/// assert_eq!(b.receive(Instant::ZERO, &mut Vec::new())?, 0);
/// let due = a.poll_timeout().unwrap();
/// a.receive(due, &mut Vec::new())?;
/// assert_eq!(b.receive(due, &mut Vec::new())?, 1);
/// # Ok::<_, std::io::Error>(())
/// ```
pub struct Impaired<D> {
    inner: D,
    /// Ahead of their time.
    early: Air,
    out: Link,
    into: Link,
    /// Out of the link, not yet taken by the device.
    ready: VecDeque<Frame>,
    retry: Option<Instant>,
    /// From the device, not yet on the link; kept for its room.
    fresh: Vec<Frame>,
    tell: Option<Tell>,
}

impl<D: Device> Impaired<D> {
    /// Puts links in front of `inner`: one for what it sends, one for what it receives.
    pub fn new(inner: D, out: Profile, into: Profile, seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let medium = inner.capabilities().medium;
        Self {
            inner,
            early: Air::default(),
            out: Link::with_rng(medium, out, rng.fork()),
            into: Link::with_rng(medium, into, rng.fork()),
            ready: VecDeque::new(),
            retry: None,
            fresh: Vec::new(),
            tell: None,
        }
    }

    /// Tells `tell` what happens to each packet from now on.
    pub fn on_event(&mut self, tell: impl FnMut(Direction, LinkEvent) + Send + 'static) {
        self.tell = Some(Box::new(tell));
    }

    /// One of the two links.
    pub fn link(&self, direction: Direction) -> &Link {
        match direction {
            Direction::Out => &self.out,
            Direction::In => &self.into,
        }
    }

    /// One of the two links, to change it.
    pub fn link_mut(&mut self, direction: Direction) -> &mut Link {
        match direction {
            Direction::Out => &mut self.out,
            Direction::In => &mut self.into,
        }
    }

    /// The device behind the links.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The device behind the links, to change it.
    pub fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// Takes what has come out of the outward link, as long as there is room.
    fn collect(&mut self, now: Instant) {
        let tell = &mut told(&mut self.tell, Direction::Out);
        while self.ready.len() < READY
            && let Some(frame) = self.out.poll(now, tell)
        {
            self.ready.push_back(frame);
        }
    }

    /// Frames that are in time now enter the outward link, each at its instant.
    fn release(&mut self, now: Instant) {
        while self.early.next().is_some_and(|at| at <= now)
            && let Some(due) = self.early.take()
        {
            self.out.offer(due.arrives, due.packet, &mut told(&mut self.tell, Direction::Out));
        }
    }

    /// Sends what has come out of the outward link.
    fn flush(&mut self, now: Instant) -> io::Result<()> {
        self.release(now);
        self.collect(now);
        // Even with nothing to send: the device may have frames of its own that are due.
        self.inner.transmit(now, &mut self.ready)?;
        self.retry = (!self.ready.is_empty()).then_some(now + RETRY);
        Ok(())
    }
}

fn told(tell: &mut Option<Tell>, direction: Direction) -> impl FnMut(LinkEvent) {
    move |event| {
        if let Some(tell) = tell {
            tell(direction, event);
        }
    }
}

impl<D: Device> Device for Impaired<D> {
    fn capabilities(&self) -> Capabilities {
        Capabilities { ahead: AHEAD, ..self.inner.capabilities() }
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        self.flush(now)?;
        let received = self.inner.receive(now, &mut self.fresh);
        let tell = &mut told(&mut self.tell, Direction::In);
        for frame in self.fresh.drain(..) {
            self.into.offer(frame.arrived, frame, tell);
        }
        received?;
        let before = out.len();
        while out.len() - before < BATCH
            && let Some(frame) = self.into.poll(now, tell)
        {
            out.push(frame);
        }
        Ok(out.len() - before)
    }

    fn transmit(&mut self, now: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let mut taken = 0;
        self.release(now);
        while self.ready.len() + self.early.len() < READY
            && let Some(frame) = frames.pop_front()
        {
            if frame.leaves > now {
                self.early.add(frame.leaves, 0, frame);
            } else {
                self.out.offer(now, frame, &mut told(&mut self.tell, Direction::Out));
                self.collect(now);
            }
            taken += 1;
        }
        self.flush(now)?;
        Ok(taken)
    }

    fn has_more(&self) -> bool {
        self.inner.has_more()
    }

    fn interface_index(&self) -> Option<u32> {
        self.inner.interface_index()
    }

    fn mtu_changed(&mut self, mtu: usize) {
        self.inner.mtu_changed(mtu);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        // While the device takes nothing, what else comes out of the link can only wait behind it.
        let out = self.retry.or_else(|| self.out.poll_timeout());
        let (early, into) = (self.early.next(), self.into.poll_timeout());
        [early, out, into, self.inner.poll_timeout()].into_iter().flatten().min()
    }

    #[cfg(unix)]
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.fd()
    }

    fn counters(&self) -> Counters {
        let mut counters = self.inner.counters();
        counters.impaired += self.out.counters().lost() + self.into.counters().lost();
        counters
    }
}

impl<D: fmt::Debug> fmt::Debug for Impaired<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Impaired")
            .field("inner", &self.inner)
            .field("early", &self.early.len())
            .field("out", &self.out)
            .field("into", &self.into)
            .field("ready", &self.ready.len())
            .finish_non_exhaustive()
    }
}
