//! One cell of the table: a sender, a relay, a receiver, for a fixed time.
//!
//! ```text
//!   namespace A          this process, one thread            namespace B
//!   sockets ── TUN ──►  ┌──────────── relay ────────────┐  ◄── TUN ── sockets       kernel: users on threads
//!              or host ─┤ links; counts                 ├─ or host                  handfast
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
use device::tun::Tun;
use driver::Clock;
use env::Duration;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::num::NonZeroU64;
use std::sync::atomic::AtomicBool;
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

/// A kernel's end, where there is one: the kernel, its port, and its listener if it reads.
type KernelEnd = Option<(Kernel, Tun, Option<TcpListener>)>;

fn kernel_end(cell: &Cell, ends: Ends, sends: bool) -> Result<KernelEnd, BenchError> {
    if if sends { cell.pair.ours_sends() } else { cell.pair.ours_receives() } {
        return Ok(None);
    }
    let (kernel, tun) = Kernel::new(ends.local, cell.controller, cell.path.wants_probing())?;
    let listener = if sends { None } else { Some(kernel.listen(ends.local)?) };
    Ok(Some((kernel, tun, listener)))
}

/// Runs it, with a capture in `captures` if that is asked for.
pub(super) fn run(
    cell: &Cell,
    stop: &AtomicBool,
    captures: Option<&std::path::Path>,
) -> Result<Outcome, BenchError> {
    let system = BenchError::system;
    let here = [Ends { local: SENDER, remote: RECEIVER }, Ends { local: RECEIVER, remote: SENDER }];
    let sender = kernel_end(cell, here[0], true)?;
    let receiver = kernel_end(cell, here[1], false)?;
    let clock = Clock::new();
    let run = Run { clock, began: clock.now(), lasting: cell.lasting, stop };
    let links = cell.path.links(cell.rate, cell.rtt, run.began, cell.seed);
    thread::scope(|scope| {
        let mut kernels = [None, None];
        let mut port = |end: KernelEnd, sends: bool| {
            let Some((kernel, tun, listener)) = end else {
                let host = Host::new(here[usize::from(!sends)], cell.controller, sends, run)?;
                return Ok(Port::Ours(Box::new(host)));
            };
            kernels[usize::from(!sends)] = Some(scope.spawn(move || match listener {
                Some(listener) => kernel.receive(&listener, &run),
                None => kernel.send(RECEIVER, &run),
            }));
            Ok::<_, BenchError>(Port::Kernel(Box::new(tun)))
        };
        let ports = [port(sender, true)?, port(receiver, false)?];
        let mut relay = Relay::new(ports, links, cell.seed, clock).map_err(system("make a relay"))?;
        if let Some(directory) = captures {
            let file = directory.join(cell.file_name());
            relay.capture(Capture::create(&file, clock.epoch()).map_err(system("write a capture"))?);
        }
        // On this thread; whatever comes of it, the kernels' are waited for.
        let relayed = relay.run(&run);
        let kernels = kernels.map(|thread| thread.map(joined).transpose());
        relayed?;
        let mut relayed = relay.end().map_err(system("write a capture"))?;
        let [sender, receiver] = kernels;
        let [ours_sent, ours_received] = relayed.ours.each_mut().map(Option::take);
        let sender = sender?.or(ours_sent).unwrap_or_default();
        let receiver = receiver?.or(ours_received).unwrap_or_default();
        outcome(cell, sender, receiver, &relayed)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn outcome(cell: &Cell, sender: Ended, receiver: Ended, relayed: &Relayed) -> Result<Outcome, BenchError> {
    for said in [&sender.said, &receiver.said] {
        if let Said::Kernel { dropped: dropped @ 1.., .. } = said {
            return Err(BenchError::Leaked { packets: *dropped });
        }
    }
    // Both have looked.
    drop([sender.open, receiver.open]);
    let series = receiver.series;
    Ok(Outcome {
        goodput: series.octets() as f64 * 8e-6 / cell.lasting.as_secs_f64(),
        silence: cell.path.silent_from(cell.seed).map(|from| series.longest_silence(from, cell.lasting)),
        series,
        counts: relayed.counts,
        sender: sender.said,
        late: relayed.late,
        overflowed: relayed.link.lost_by(device::impair::Lost::QueueFull),
    })
}
