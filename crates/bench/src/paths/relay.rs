//! The relay: carries packets between two hosts, through the links of `device::impair`.
//!
//! ```text
//!   port ─► offer ─► Link, data ─► due ─► port          one thread: epoll and a timer of nanoseconds
//!   port ◄─ due ◄── Link, acks ◄─ offer ◄─ port
//! ```
//!
//! A port is a TUN in a kernel's network namespace, without offloads, or the other end of a host of ours. Either way it is
//! one packet of at most 1,500 octets at a time, its checksum complete. Only IPv4 is carried: what a kernel tells
//! everybody over IPv6 when an interface comes up would move the chances of what comes after it.

use super::capture::Capture;
use super::path::Links;
use super::tally::{Counts, Tally};
use bytes::{Bytes, BytesMut};
use device::impair::{Link, LinkCounters};
use device::memory::Wired;
use device::tun::Tun;
use device::{Device, Frame, Medium};
use driver::{Bell, Clock, Waiter};
use env::{Duration, Instant};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Packets that are taken from one side before the other has its turn.
const TURN: usize = 32;
/// The largest packet there is, and one octet more.
const LARGEST: usize = 1501;

/// Where a host is joined to the relay.
#[derive(Debug)]
pub(super) enum Port {
    /// A kernel.
    Kernel(Tun),
    /// A host of ours.
    Ours(Wired),
}

impl Port {
    fn fd(&self) -> io::Result<std::os::fd::OwnedFd> {
        let fd = match self {
            Self::Kernel(tun) => tun.fd(),
            Self::Ours(wired) => wired.fd(),
        };
        fd.ok_or_else(|| io::Error::other("a port without a descriptor"))?.try_clone_to_owned()
    }

    /// Appends what has come, about [`TURN`] packets; whether there may be more.
    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<bool> {
        match self {
            Self::Ours(wired) => Ok(wired.receive(now, out)? == device::BATCH),
            Self::Kernel(tun) => {
                for _ in 0..TURN {
                    let Some(packet) = read(tun)? else { return Ok(false) };
                    let held = packet.len();
                    out.push(Frame::received(packet, held, now));
                }
                Ok(true)
            }
        }
    }

    fn send(&mut self, now: Instant, frame: Frame) -> io::Result<()> {
        match self {
            Self::Ours(wired) => wired.transmit(now, &mut VecDeque::from([frame])).map(drop),
            Self::Kernel(tun) => {
                let fd = tun.fd().ok_or(Errno::BADF)?;
                loop {
                    match rustix::io::write(fd, &frame.contiguous()) {
                        Err(Errno::INTR) => {}
                        Err(why) => return Err(why.into()),
                        Ok(_) => return Ok(()),
                    }
                }
            }
        }
    }
}

/// A packet from a TUN, if there is one.
fn read(tun: &Tun) -> io::Result<Option<Bytes>> {
    let fd = tun.fd().ok_or(Errno::BADF)?;
    let mut buffer = BytesMut::zeroed(LARGEST);
    loop {
        match rustix::io::read(fd, &mut buffer[..]) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(Some(buffer.freeze()));
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(why) => return Err(why.into()),
        }
    }
}

/// What a relay has to tell at its end.
#[derive(Debug)]
pub(super) struct Relayed {
    /// Of the data's way.
    pub(super) counts: Counts,
    /// What the link did there.
    pub(super) link: LinkCounters,
    /// How late packets were handed over: all but one in a hundred were sooner than this.
    pub(super) late: Duration,
}

/// A relay between a sender and a receiver.
pub(super) struct Relay {
    ports: [Port; 2],
    /// By whose packets they carry.
    links: [Link; 2],
    tally: Tally,
    capture: Option<Capture>,
    /// In microseconds, of the data's packets.
    late: Vec<u32>,
    waiter: Waiter,
    clock: Clock,
}

impl Relay {
    /// A relay whose links draw their chances from `seed`.
    pub(super) fn new(
        sender: Port,
        receiver: Port,
        links: Links,
        seed: u64,
        clock: Clock,
    ) -> io::Result<Self> {
        let waiter = Waiter::new([sender.fd()?, receiver.fd()?])?;
        let mut rng = env::Rng::seeded(seed);
        let mut link = |profile| Link::with_rng(Medium::Ip, profile, rng.fork());
        Ok(Self {
            ports: [sender, receiver],
            links: [link(links.data), link(links.acks)],
            tally: Tally::default(),
            capture: None,
            late: Vec::new(),
            waiter,
            clock,
        })
    }

    /// Writes down what the sender sees, from now on.
    pub(super) fn capture(&mut self, capture: Capture) {
        self.capture = Some(capture);
    }

    /// Ends [`run`](Self::run) together with its flag.
    pub(super) fn bell(&self) -> Bell {
        self.waiter.bell()
    }

    /// Carries packets until `over`.
    pub(super) fn run(mut self, over: &AtomicBool) -> io::Result<Relayed> {
        let mut fresh = Vec::new();
        while !over.load(Ordering::Acquire) {
            let mut more = false;
            for side in 0..2 {
                more |= self.take(side, &mut fresh)?;
                self.deliver()?;
            }
            if more {
                continue;
            }
            let due = self.links.iter().filter_map(Link::poll_timeout).min();
            let now = self.clock.now();
            if due.is_none_or(|due| due > now) {
                self.waiter.prepare(now, due, &[])?;
                self.waiter.wait(&[], None)?;
            }
        }
        if let Some(capture) = self.capture.take() {
            capture.end()?;
        }
        Ok(Relayed {
            counts: self.tally.counts(),
            link: self.links[0].counters(),
            late: percentile(&mut self.late),
        })
    }

    /// Takes what a side has sent.
    fn take(&mut self, side: usize, fresh: &mut Vec<Frame>) -> io::Result<bool> {
        let now = self.clock.now();
        let more = self.ports[side].receive(now, fresh)?;
        for frame in fresh.drain(..) {
            let packet = frame.contiguous();
            if packet.first().is_none_or(|octet| octet >> 4 != 4) {
                continue;
            }
            if side == 1 {
                self.links[side].offer(now, frame, &mut |_| {});
                continue;
            }
            self.tally.offered(&packet);
            let (mut fate, told) = (Vec::new(), self.capture.is_some());
            self.links[side].offer(now, frame, &mut |event| {
                if told {
                    fate.push(event);
                }
            });
            if let Some(capture) = &mut self.capture {
                capture.sent(now, &packet, &fate)?;
            }
        }
        Ok(more)
    }

    /// Hands over what has arrived by now, either way.
    fn deliver(&mut self) -> io::Result<()> {
        for side in 0..2 {
            let now = self.clock.now();
            while let Some(frame) = self.links[side].poll(now, &mut |_| {}) {
                if side == 0 {
                    self.tally.delivered(&frame.contiguous());
                    let late = now.since(frame.arrived).as_micros();
                    self.late.push(u32::try_from(late).unwrap_or(u32::MAX));
                } else if let Some(capture) = &mut self.capture {
                    capture.came(now, &frame.contiguous())?;
                }
                self.ports[1 - side].send(now, frame)?;
            }
        }
        Ok(())
    }
}

/// The least that 99 of a hundred do not exceed.
fn percentile(micros: &mut [u32]) -> Duration {
    let index = micros.len() * 99 / 100;
    if micros.is_empty() {
        return Duration::ZERO;
    }
    let (_, nth, _) = micros.select_nth_unstable(index);
    Duration::from_micros(u64::from(*nth))
}
