//! One cell of the table: a sender, a relay, a receiver, for a fixed time.
//!
//! ```text
//!   namespace A          this process                        namespace B
//!   sockets ── TUN ──►  ┌──────────── relay ────────────┐  ◄── TUN ── sockets       kernel
//!   host ── memory ──►  │ a thread; links; counts       │  ◄── memory ── host       handfast: a thread each
//!                       └───────────────────────────────┘
//! ```

use super::capture::Capture;
use super::end::{Ended, Run, Said};
use super::host::Host;
use super::kernel::Kernel;
use super::path::Path;
use super::relay::{Port, Relay, Relayed};
use super::series::Series;
use super::tally::Counts;
use super::{Controller, Pair};
use crate::{BenchError, Ends};
use driver::Clock;
use env::Duration;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The sender's address.
const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 112, 0, 1));
/// The receiver's.
const RECEIVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 112, 0, 2));

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The sender's congestion control.
    pub controller: Controller,
    /// The path.
    pub path: Path,
    /// Round trip.
    pub rtt: Duration,
    /// Bits a second.
    pub rate: NonZeroU64,
    /// Who sends to whom.
    pub pair: Pair,
    /// How long, from the first SYN on.
    pub lasting: Duration,
    /// Where the links take their chance from.
    pub seed: u64,
}

impl Cell {
    /// What its capture is called.
    fn file_name(&self) -> String {
        let Self { controller, path, rtt, pair, seed, .. } = self;
        let (controller, path, rtt, pair) = (controller.name(), path.name, rtt.as_millis(), pair.name());
        format!("{controller}-{path}-{rtt}ms-{pair}-{seed}.pcapng")
    }
}

/// For people: which one.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { controller, path, rtt, pair, seed, .. } = self;
        write!(
            f,
            "{}, {}, {}, {} ms, seed {seed}",
            pair.title(),
            controller.name(),
            path.title,
            rtt.as_millis()
        )
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the receiver's user read, and when.
    pub series: Series,
    /// Megabits of that in a second, over the whole run.
    pub goodput: f64,
    /// What passed the relay.
    pub counts: Counts,
    /// The longest silence that the path's trouble caused, where it is one that does.
    pub silence: Option<Duration>,
    /// What the sending stack says of it.
    pub sender: Said,
    /// How late the relay was: all but one in a hundred packets were handed over sooner.
    pub late: Duration,
    /// Packets that the queue before the bottleneck had no room for.
    pub overflowed: u64,
}

/// An end, ready to go.
enum End {
    Kernel(Kernel, Option<TcpListener>),
    Ours(Box<Host>),
}

impl End {
    fn new(cell: &Cell, clock: Clock, sends: bool) -> Result<(Self, Port), BenchError> {
        let (local, remote) = if sends { (SENDER, RECEIVER) } else { (RECEIVER, SENDER) };
        let ours = if sends { cell.pair.ours_sends() } else { cell.pair.ours_receives() };
        if ours {
            let now = clock.now();
            let (mut host, port) = Host::new(now, Ends { local, remote }, cell.controller)?;
            if !sends {
                host.listen(now)?;
            }
            return Ok((Self::Ours(Box::new(host)), Port::Ours(port)));
        }
        let (kernel, tun) = Kernel::new(local, cell.controller, cell.path.wants_probing())?;
        let listener = if sends { None } else { Some(kernel.listen(local)?) };
        Ok((Self::Kernel(kernel, listener), Port::Kernel(tun)))
    }

    fn run(self, run: &Run<'_>) -> Result<Ended, BenchError> {
        match self {
            Self::Kernel(kernel, Some(listener)) => kernel.receive(&listener, run),
            Self::Kernel(kernel, None) => kernel.send(RECEIVER, run),
            Self::Ours(host) => host.run(run),
        }
    }
}

/// Runs it, with a capture in `captures` if that is asked for.
pub(super) fn run(
    cell: &Cell,
    stop: &AtomicBool,
    captures: Option<&std::path::Path>,
) -> Result<Outcome, BenchError> {
    let clock = Clock::new();
    let (sender, sender_port) = End::new(cell, clock, true)?;
    let (receiver, receiver_port) = End::new(cell, clock, false)?;
    let run = Run { clock, began: clock.now(), lasting: cell.lasting, stop };
    let links = cell.path.links(cell.rate, cell.rtt, run.began);
    let system = BenchError::system;
    let mut relay =
        Relay::new(sender_port, receiver_port, links, cell.seed, clock).map_err(system("make a relay"))?;
    if let Some(directory) = captures {
        let file = directory.join(cell.file_name());
        relay.capture(Capture::create(&file, clock.epoch()).map_err(system("write a capture"))?);
    }
    let (over, bell) = (AtomicBool::new(false), relay.bell());
    thread::scope(|scope| {
        let relayed = scope.spawn(|| relay.run(&over));
        let received = scope.spawn(|| receiver.run(&run));
        let sent = scope.spawn(|| sender.run(&run));
        let (sent, received) = (joined(sent), joined(received));
        over.store(true, Ordering::Release);
        bell.ring();
        let relayed = joined(relayed).map_err(system("carry packets"));
        let (sent, received) = (sent?, received?);
        // Both have looked.
        drop((sent.open, received.open));
        outcome(cell, [sent.said, received.said], received.series, relayed?)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// `said` by the sender, and by the receiver.
fn outcome(cell: &Cell, said: [Said; 2], series: Series, relayed: Relayed) -> Result<Outcome, BenchError> {
    for said in &said {
        if let Said::Kernel { dropped: dropped @ 1.., .. } = said {
            return Err(BenchError::Leaked { packets: *dropped });
        }
    }
    let [sender, _] = said;
    Ok(Outcome {
        goodput: series.octets() as f64 * 8e-6 / cell.lasting.as_secs_f64(),
        silence: cell.path.silent_from().map(|from| series.longest_silence(from, cell.lasting)),
        series,
        counts: relayed.counts,
        sender,
        late: relayed.late,
        overflowed: relayed.link.lost_by(device::impair::Lost::QueueFull),
    })
}
