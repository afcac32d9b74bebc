//! The relay: carries packets between two hosts, through the links of `device::impair`.
//!
//! ```text
//!   port ─► offer ─► Link, data ─► due ─► port          one thread, which looks every [`LOOK`]
//!   port ◄─ due ◄── Link, acks ◄─ offer ◄─ port
//! ```
//!
//! A port is a TUN in a kernel's network namespace, without offloads, or a host of ours. Either way it is one packet of at most 1,500 octets at a time, its checksum complete. Only IPv4 is carried: what a kernel tells
//! everybody over IPv6 when an interface comes up would move the chances of what comes after it.
//!
//! While packets come and go it isn't woken by each of them, which costs several times what it costs to carry one: a dozen
//! flows filled two cores, packets were late by tens of milliseconds, and whose were was chance. To look every so often is
//! late by no more than that, and by the same for everybody. Only once it has looked for nothing, it waits to be woken.

use super::capture::Capture;
use super::end::{Ended, Run};
use super::host::Host;
use super::path::Links;
use super::tally::{Counts, Tally};
use crate::BenchError;
use bytes::{Bytes, BytesMut};
use device::impair::{Link, LinkCounters};
use device::tun::Tun;
use device::{Device, Frame, Medium};
use driver::{Clock, Waiter};
use env::{Duration, Instant};
use rustix::io::Errno;
use std::{io, thread};

/// Packets that are taken from one side before the other has its turn.
const TURN: usize = 32;
/// How often it looks: two packets of 1,500 octets at 100 Mbit/s, an eightieth of a round trip of 20 ms.
const LOOK: Duration = Duration::from_micros(250);
/// How long it waits at most to be woken before it sees whether the run is over.
const WAIT: Duration = Duration::from_millis(50);
/// The largest packet there is, and one octet more.
const LARGEST: usize = 1501;

/// Who is at one side of the relay.
pub(super) enum Port<'a> {
    /// A kernel.
    Kernel(Box<Tun>),
    /// A host of ours.
    Ours(Box<Host<'a>>),
}

impl Port<'_> {
    /// Appends what has come, about [`TURN`] packets; whether there may be more.
    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> Result<bool, BenchError> {
        match self {
            Self::Ours(host) => host.turn(now, out),
            Self::Kernel(tun) => {
                for _ in 0..TURN {
                    let Some(packet) = read(tun).map_err(BenchError::system("read from a TUN"))? else {
                        return Ok(false);
                    };
                    let held = packet.len();
                    out.push(Frame::received(packet, held, now));
                }
                Ok(true)
            }
        }
    }

    fn send(&mut self, now: Instant, frame: Frame) -> io::Result<()> {
        match self {
            Self::Ours(host) => host.give(now, frame),
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

    /// When it wants to be asked though nothing has come for it.
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Ours(host) => host.deadline(),
            Self::Kernel(_) => None,
        }
    }

    fn end(self) -> Option<Ended> {
        match self {
            Self::Ours(host) => Some(host.end()),
            Self::Kernel(_) => None,
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
    /// What the hosts of ours came to: the sender, the receiver.
    pub(super) ours: [Option<Ended>; 2],
}

/// A relay between a sender and a receiver.
pub(super) struct Relay<'a> {
    ports: [Port<'a>; 2],
    /// By whose packets they carry.
    links: [Link; 2],
    tally: Tally,
    capture: Option<Capture>,
    /// In microseconds, of the data's packets.
    late: Vec<u32>,
    waiter: Waiter,
    clock: Clock,
}

impl<'a> Relay<'a> {
    /// A relay whose links draw their chances from `seed`.
    pub(super) fn new(ports: [Port<'a>; 2], links: Links, seed: u64, clock: Clock) -> io::Result<Self> {
        let mut fds = Vec::new();
        for port in &ports {
            if let Port::Kernel(tun) = port {
                fds.push(tun.fd().ok_or(Errno::BADF)?.try_clone_to_owned()?);
            }
        }
        let mut rng = env::Rng::seeded(seed);
        let mut link = |profile| Link::with_rng(Medium::Ip, profile, rng.fork());
        Ok(Self {
            ports,
            links: [link(links.data), link(links.acks)],
            tally: Tally::default(),
            capture: None,
            late: Vec::new(),
            waiter: Waiter::new(fds)?,
            clock,
        })
    }

    /// Writes down what the sender sees, from now on.
    pub(super) fn capture(&mut self, capture: Capture) {
        self.capture = Some(capture);
    }

    /// Carries packets while `run` lasts.
    pub(super) fn run(&mut self, run: &Run<'_>) -> Result<(), BenchError> {
        let (mut fresh, system) = (Vec::new(), BenchError::system);
        while !run.is_over() {
            let mut any = false;
            // Whoever was handed something may have answered at once.
            while !run.is_over() && self.turn(&mut fresh)? {
                any = true;
            }
            let now = self.clock.now();
            let looks = now.since(run.began).as_nanos() / LOOK.as_nanos() + 1;
            let next = run.began + LOOK * u32::try_from(looks).unwrap_or(u32::MAX);
            if any {
                thread::sleep(next.min(run.end()).since(now));
                continue;
            }
            let links = self.links.iter().filter_map(Link::poll_timeout);
            let due = links.chain(self.ports.iter().filter_map(Port::deadline)).min();
            let due = due.map_or(run.end(), |due| due.max(next).min(run.end()));
            self.waiter
                .prepare(now, Some(due), &[])
                .and_then(|()| self.waiter.wait(&[], Some(WAIT)))
                .map_err(system("wait"))?;
        }
        Ok(())
    }

    /// Takes and hands over what there is, either way, up to a limit; whether there was something.
    fn turn(&mut self, fresh: &mut Vec<Frame>) -> Result<bool, BenchError> {
        let mut any = false;
        for side in 0..2 {
            any |= self.take(side, fresh)?;
            any |= self.deliver().map_err(BenchError::system("hand packets over"))?;
        }
        Ok(any)
    }

    /// Ends it, and with it the interfaces of the kernels.
    pub(super) fn end(mut self) -> io::Result<Relayed> {
        if let Some(capture) = self.capture.take() {
            capture.end()?;
        }
        Ok(Relayed {
            counts: self.tally.counts(),
            link: self.links[0].counters(),
            late: percentile(&mut self.late),
            ours: self.ports.map(Port::end),
        })
    }

    /// Takes what a side has sent; whether there was something.
    fn take(&mut self, side: usize, fresh: &mut Vec<Frame>) -> Result<bool, BenchError> {
        let now = self.clock.now();
        let more = self.ports[side].receive(now, fresh)?;
        let any = more || !fresh.is_empty();
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
                capture.sent(now, &packet, &fate).map_err(BenchError::system("write a capture"))?;
            }
        }
        Ok(any)
    }

    /// Hands over what has arrived by now, either way; whether there was something, which may have been answered at once.
    fn deliver(&mut self) -> io::Result<bool> {
        let mut any = false;
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
                any = true;
                self.ports[1 - side].send(now, frame)?;
            }
        }
        Ok(any)
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
