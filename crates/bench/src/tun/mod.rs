//! Over a TUN to this machine's kernel, both ways, beside kernel to kernel over a veth pair.
//!
//! ```text
//!    one network namespace                                     and for the kernel's own sockets
//!    ┌──────────────────────────────────────────┐              ┌──────────────┐   ┌──────────────┐
//!    │ peer: kernel sockets ── TUN ── end: stack│              │ peer ── veth ┼───┼ veth ── end  │
//!    └──────────────────────────────────────────┘              └──────────────┘   └──────────────┘
//!         a process                     a process                  a process          a process
//! ```
//!
//! The end listens, the peer connects; one of them sends for a while and closes, the other reads to the end. Each says how
//! much processor time it took, its share of the kernel's work included. Who starts the processes is the caller's business
//! ([`Task`]).

mod end;
mod kernel;

use crate::ours::Ours;
use crate::report::{Better, Figure, Report, Row};
use crate::theirs::Theirs;
use crate::theirs::phy::Phy;
use crate::{BenchError, Ends, Progress, Samples};
use device::netlink::Netlink;
use device::tun;
use driver::Clock;
use env::Duration;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The port of whatever listens.
const PORT: u16 = 5201;
/// The peer's address.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 111, 0, 1));
/// The end's.
const END: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 111, 0, 2));
/// The TUN.
const TUN: &str = "hfbench";
/// The peer's end of the veth pair.
pub const VETH_PEER: &str = "hfveth0";
/// The other end's.
pub const VETH_END: &str = "hfveth1";

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Samples of each figure; at least five for a figure worth telling.
    pub samples: usize,
    /// How long each sample sends.
    pub lasting: Duration,
    /// Octets of send and receive buffer in both stacks.
    pub buffer: usize,
    /// Whether trains and partial checksums pass whole.
    pub offloads: bool,
}

impl Options {
    /// For figures to be told.
    pub const FULL: Self =
        Self { samples: 7, lasting: Duration::from_millis(1500), buffer: 512 << 10, offloads: true };
    /// To see that it runs, and roughly where it stands.
    pub const QUICK: Self = Self { samples: 5, lasting: Duration::from_millis(300), ..Self::FULL };
}

/// Who is at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Handfast, on a TUN.
    Ours,
    /// smoltcp, on a TUN.
    Theirs,
    /// The kernel, on a veth pair.
    Kernel,
}

impl Who {
    const ALL: [Self; 3] = [Self::Ours, Self::Theirs, Self::Kernel];

    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "handfast",
            Self::Theirs => "smoltcp",
            Self::Kernel => "kernel, veth",
        }
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The end: the stack that is measured.
    FromStack,
    /// The peer: kernel sockets.
    FromKernel,
}

/// What one process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Who is at the end.
    pub who: Who,
    /// Who sends.
    pub direction: Direction,
    /// How long it sends.
    pub lasting: Duration,
    /// Octets of send and receive buffer of a stack.
    pub buffer: usize,
    /// Whether trains and partial checksums pass whole.
    pub offloads: bool,
}

/// What a process says at its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    /// Octets that it read.
    pub octets: u64,
    /// From its connection on.
    pub time: Duration,
    /// Processor time that it took, in user and in kernel mode.
    pub cpu: Duration,
    /// The kernel's congestion control on its connection.
    pub congestion: Option<String>,
}

/// What both processes of a sample said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The stack's.
    pub end: Ended,
    /// The peer's.
    pub peer: Ended,
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or(0), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

/// Is the end: makes its interface, calls `ready` when a peer may connect, and streams.
///
/// The kernel's end waits until somebody has put [`VETH_END`] into its network namespace.
///
/// # Errors
/// [`BenchError`].
pub fn end(task: Task, ready: impl FnOnce()) -> Result<Ended, BenchError> {
    if task.who == Who::Kernel {
        configure(VETH_END, END)?;
        return kernel::serve(END, task.direction, task.lasting, ready);
    }
    let refused = |why: &dyn std::fmt::Display| BenchError::Refused {
        stack: "the kernel",
        call: "make a TUN",
        why: why.to_string(),
    };
    let mut tun = tun::Options { offloads: task.offloads, ..tun::Options::new(TUN) }
        .open()
        .map_err(|why| refused(&why))?;
    tun.configure(Some(1500), &[(PEER, 24)], &[]).map_err(|why| refused(&why))?;
    let clock = Clock::new();
    let (now, ends) = (clock.now(), Ends { local: END, remote: PEER });
    if task.who == Who::Ours {
        let stack = Ours::new(now, tun, ends, task.buffer)?;
        end::run(stack, clock, task.direction, task.lasting, ready)
    } else {
        let stack = Theirs::new(now, Phy::new(tun), ends, task.buffer)?;
        end::run(stack, clock, task.direction, task.lasting, ready)
    }
}

/// Is the peer, with the kernel's sockets.
///
/// # Errors
/// [`BenchError`].
pub fn peer(task: Task) -> Result<Ended, BenchError> {
    if task.who == Who::Kernel {
        configure(VETH_PEER, PEER)?;
    }
    kernel::connect(END, task.direction, task.lasting)
}

/// Sets an interface up once it is there.
fn configure(name: &str, address: IpAddr) -> Result<(), BenchError> {
    let doing = "set up an interface";
    let other =
        |why: device::netlink::NetlinkError| BenchError::System { doing, why: std::io::Error::other(why) };
    let mut netlink = Netlink::open().map_err(other)?;
    let began = std::time::Instant::now();
    while netlink.link(name).is_err() && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    netlink.add_address(name, address, 24).map_err(other)?;
    netlink.set_up(name).map_err(other)?;
    netlink.wait_until_local(address).map_err(other)
}

/// Runs everything. `sample` is to run [`end`] and [`peer`] for a task, each in a process of its own, and to give what both
/// said.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    options: Options,
    machine: String,
    progress: Progress<'_>,
    mut sample: impl FnMut(Task) -> Result<Sample, BenchError>,
) -> Result<Report, BenchError> {
    let Options { samples, lasting, buffer, offloads } = options;
    let steps = 2 * Who::ALL.len() * samples;
    let (mut done, mut rows, mut controls) = (0, Vec::new(), BTreeSet::new());
    for direction in [Direction::FromStack, Direction::FromKernel] {
        let title = if direction == Direction::FromStack { "to the kernel" } else { "from the kernel" };
        let mut taken: [[Samples; 3]; 3] = Default::default();
        for _ in 0..samples {
            for (who, taken) in Who::ALL.into_iter().zip(&mut taken) {
                if !progress(done, steps, &format!("{title}: {}", who.name())) {
                    return Err(BenchError::Interrupted);
                }
                let got = sample(Task { who, direction, lasting, buffer, offloads })?;
                let reader = if direction == Direction::FromStack { &got.peer } else { &got.end };
                let (octets, seconds) = (reader.octets as f64, reader.time.as_secs_f64());
                let [rate, own, peer] = taken;
                rate.push(octets * 8e-9 / seconds);
                own.push(got.end.cpu.as_secs_f64() / octets * 1e9);
                peer.push(got.peer.cpu.as_secs_f64() / octets * 1e9);
                controls.extend(got.peer.congestion);
                done += 1;
            }
        }
        let names = match direction {
            Direction::FromStack => ["to_kernel", "to_kernel_cpu", "to_kernel_peer_cpu"],
            Direction::FromKernel => ["from_kernel", "from_kernel_cpu", "from_kernel_peer_cpu"],
        };
        let heads = [
            (title, "Gbit/s", Better::Higher),
            ("  processor, its own", "s/GB", Better::Lower),
            ("  processor, kernel peer", "s/GB", Better::Lower),
        ];
        for (index, (name, (title, unit, better))) in names.into_iter().zip(heads).enumerate() {
            let figures = Who::ALL
                .into_iter()
                .zip(&taken)
                .filter_map(|(who, taken)| {
                    Some(Figure { who: who.name(), samples: taken.get(index)?.clone() })
                })
                .collect();
            rows.push(Row { name, title: title.to_owned(), unit, better, figures });
        }
    }
    progress(done, steps, "done");
    let controls: Vec<String> = controls.into_iter().collect();
    Ok(Report { name: "bench tun", rows, notes: notes(options, &controls.join(", ")), machine })
}

fn notes(options: Options, controls: &str) -> Vec<String> {
    vec![
        format!(
            "medians of {} samples, taken in turn; spread: the extreme farthest from the median; ratio: above 1, handfast is better",
            options.samples
        ),
        format!(
            "one connection over IPv4, MTU 1500, {}; the kernel's congestion control was {controls}",
            if options.offloads {
                "trains and partial checksums whole (virtio-net header) for both stacks, as veth has them"
            } else {
                "no offloads on the TUN; veth has them"
            }
        ),
        format!(
            "each stack in one thread, buffers of {} KiB each way; the kernel's buffers as it tunes them",
            options.buffer >> 10
        ),
        "processor: user and system time of each process, with the share of the kernel's work that was done in its name".to_owned(),
    ]
}
