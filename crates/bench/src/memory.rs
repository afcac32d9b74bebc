//! Stack to stack in one thread: no system call, nothing but the stacks themselves and one copy from each to the other.

use crate::link;
use crate::ours::Ours;
use crate::report::{Better, Figure, Report, Row};
use crate::stack::Stack;
use crate::theirs::{self, Theirs};
use crate::traffic::{Both, PORT, Pair};
use crate::{BenchError, Ends, Progress, Samples};
use device::{Capabilities, Medium};
use driver::Clock;
use env::Duration;
use std::net::{IpAddr, Ipv4Addr};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// Octets of send and receive buffer for streams, in both stacks.
const BUFFER: usize = 256 << 10;

/// The same where nothing but single octets travel. Ours takes none before there is something to hold; smoltcp takes all
/// of it at once, so it gets little.
const SMALL: usize = 4 << 10;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Only the row of this name, and those measured with it; `None`: all.
    pub only: Option<&'static str>,
    /// Samples of each figure; at least five for a figure worth telling.
    pub samples: usize,
    /// How long each sample of a stream lasts.
    pub lasting: Duration,
    /// Round trips in a sample.
    pub round_trips: u32,
    /// Connections opened and closed in a sample.
    pub connections: u32,
    /// Idle connections.
    pub idle: usize,
}

impl Options {
    /// For figures to be told.
    pub const FULL: Self = Self {
        only: None,
        samples: 7,
        lasting: Duration::from_millis(400),
        round_trips: 50_000,
        connections: 5_000,
        idle: 10_000,
    };
    /// To see that it runs, and roughly where it stands.
    pub const QUICK: Self = Self {
        only: None,
        samples: 5,
        lasting: Duration::from_millis(60),
        round_trips: 5_000,
        connections: 1_000,
        idle: 10_000,
    };
}

/// The names of the rows.
pub const ROWS: &[&str] = &[
    "stream_1500",
    "packet_1500",
    "stream_trains",
    "packet_trains",
    "connections",
    "round_trip",
    "round_trip_idle",
    "idle_octets",
];

/// Which stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Handfast.
    Ours,
    /// smoltcp.
    Theirs,
}

impl Which {
    const BOTH: [Self; 2] = [Self::Ours, Self::Theirs];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "handfast",
            Self::Theirs => "smoltcp",
        }
    }
}

/// What idle connections cost, an end of one each: octets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Idle {
    /// Octets that the process grew by.
    pub resident: f64,
    /// Octets that the stack itself says it holds, if it keeps books.
    pub told: Option<f64>,
}

fn ends() -> (Ends, Ends) {
    (Ends { local: CLIENT, remote: SERVER }, Ends { local: SERVER, remote: CLIENT })
}

pub(crate) fn ours(trains: bool, buffer: usize) -> Result<Pair<Ours<link::End>>, BenchError> {
    let capabilities = Capabilities {
        medium: Medium::Ip,
        mtu: 1500,
        segmentation: trains,
        checksum: trains,
        ..Capabilities::default()
    };
    let (a, b) = link::pair(capabilities);
    let clock = Clock::new();
    let (client, server) = ends();
    Ok(Pair {
        clock,
        client: Ours::new(clock.now(), a, client, buffer)?,
        server: Ours::new(clock.now(), b, server, buffer)?,
    })
}

pub(crate) fn theirs(trains: bool, buffer: usize) -> Result<Pair<Theirs<theirs::link::End>>, BenchError> {
    let (a, b) = theirs::link::pair(1500, trains);
    let clock = Clock::new();
    let (client, server) = ends();
    Ok(Pair {
        clock,
        client: Theirs::new(clock.now(), a, client, buffer)?,
        server: Theirs::new(clock.now(), b, server, buffer)?,
    })
}

/// Does the same with a pair of either stack.
macro_rules! with_pair {
    ($which:expr, $trains:expr, $buffer:expr, |$pair:ident| $body:expr) => {
        match $which {
            Which::Ours => {
                let mut $pair = ours($trains, $buffer)?;
                $body
            }
            Which::Theirs => {
                let mut $pair = theirs($trains, $buffer)?;
                $body
            }
        }
    };
}

/// Opens `count` connections in this process and says what each end costs. To be asked in a process that has done nothing
/// else: memory that was used before and is free again would not be seen to be taken.
///
/// # Errors
/// [`BenchError`].
pub fn idle(which: Which, count: usize) -> Result<Idle, BenchError> {
    let ends = (count.max(1) * 2) as f64;
    let before = resident()?;
    Ok(match which {
        Which::Ours => {
            let mut pair = ours(false, SMALL)?;
            pair.server.listen(pair.clock.now(), PORT, count)?;
            let open = pair.open_idle(count)?;
            let resident = resident()?.saturating_sub(before) as f64 / ends;
            let held = pair.client.host().budget().held() + pair.server.host().budget().held();
            drop(open);
            Idle { resident, told: Some(held as f64 / ends) }
        }
        Which::Theirs => {
            let mut pair = theirs(false, SMALL)?;
            pair.server.listen(pair.clock.now(), PORT, count)?;
            let open = pair.open_idle(count)?;
            let resident = resident()?.saturating_sub(before) as f64 / ends;
            drop(open);
            Idle { resident, told: None }
        }
    })
}

/// Does one kind of work a fixed number of times, untimed: for tools that count instructions, which tell on a busy machine
/// what a clock can't. `work` is the name of a row; `count` is connections, round trips, or megabytes of a stream.
///
/// # Errors
/// [`BenchError`]; [`BenchError::Refused`] when there is no such work.
pub fn work(which: Which, work: &str, count: u32) -> Result<(), BenchError> {
    let (trains, buffer) = match work {
        "stream_1500" => (false, BUFFER),
        "stream_trains" => (true, BUFFER),
        _ => (false, SMALL),
    };
    with_pair!(which, trains, buffer, |pair| {
        pair.server.listen(pair.clock.now(), PORT, 1)?;
        match work {
            "stream_1500" | "stream_trains" => pair.stream_octets(u64::from(count) << 20).map(drop),
            "connections" => pair.connections(count).map(drop),
            "round_trip" => {
                let both = pair.open()?;
                pair.round_trips(both, count).map(drop)
            }
            _ => Err(BenchError::Refused {
                stack: which.name(),
                call: "work",
                why: format!("no such work: {work}"),
            }),
        }
    })
}

/// Octets of this process that are in memory.
fn resident() -> Result<usize, BenchError> {
    let doing = "read how much memory this process has";
    let status = std::fs::read_to_string("/proc/self/status").map_err(BenchError::system(doing))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibi = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|count| count.trim().parse::<usize>().ok());
    kibi.map(|kibi| kibi << 10)
        .ok_or_else(|| BenchError::System { doing, why: std::io::ErrorKind::InvalidData.into() })
}

/// Rows as they fill.
struct Rows<'a, 'p> {
    options: Options,
    progress: Progress<'p>,
    done: usize,
    steps: usize,
    rows: &'a mut Vec<Row>,
}

impl Rows<'_, '_> {
    /// Measures, sample by sample in turn. `sample` gives a figure for each of `heads`.
    fn measure<const N: usize>(
        &mut self,
        heads: [(&'static str, &str, &'static str, Better); N],
        mut sample: impl FnMut(Which) -> Result<[f64; N], BenchError>,
    ) -> Result<(), BenchError> {
        if self.options.only.is_some_and(|only| heads.iter().all(|head| head.0 != only)) {
            self.done += 2 * self.options.samples;
            return Ok(());
        }
        let mut taken: [[Samples; 2]; N] = std::array::from_fn(|_| Default::default());
        for _ in 0..self.options.samples {
            for (place, which) in Which::BOTH.into_iter().enumerate() {
                if !(self.progress)(self.done, self.steps, heads.first().map_or("", |head| head.1)) {
                    return Err(BenchError::Interrupted);
                }
                let figures = sample(which)?;
                for (samples, figure) in taken.iter_mut().zip(figures) {
                    if let Some(samples) = samples.get_mut(place) {
                        samples.push(figure);
                    }
                }
                self.done += 1;
            }
        }
        for ((name, title, unit, better), samples) in heads.into_iter().zip(taken) {
            let figures = Which::BOTH
                .into_iter()
                .zip(samples)
                .map(|(which, samples)| Figure { who: which.name(), samples })
                .collect();
            self.rows.push(Row { name, title: title.to_owned(), unit, better, figures });
        }
        Ok(())
    }
}

/// Runs everything. `idle` is asked for what idle connections cost, as often as there are samples: it is to call
/// [`idle`] in a process of its own.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    options: Options,
    machine: String,
    progress: Progress<'_>,
    mut idle: impl FnMut(Which, usize) -> Result<Idle, BenchError>,
) -> Result<Report, BenchError> {
    const KINDS: usize = 6;
    let mut rows = Vec::new();
    let steps = KINDS * 2 * options.samples;
    let mut table = Rows { options, progress, done: 0, steps, rows: &mut rows };

    for (trains, heads) in [
        (
            false,
            [
                ("stream_1500", "stream, MTU 1500", "Gbit/s", Better::Higher),
                ("packet_1500", "  each packet", "ns", Better::Lower),
            ],
        ),
        (
            true,
            [
                ("stream_trains", "stream, trains to 64 KiB", "Gbit/s", Better::Higher),
                ("packet_trains", "  each 1448 octets", "ns", Better::Lower),
            ],
        ),
    ] {
        table.measure(heads, |which| {
            with_pair!(which, trains, BUFFER, |pair| {
                pair.server.listen(pair.clock.now(), PORT, 1)?;
                let streamed = pair.stream(options.lasting)?;
                let nanos = streamed.time.as_nanos() as f64;
                let packets = if trains { streamed.octets / 1448 } else { streamed.frames };
                Ok([streamed.octets as f64 * 8.0 / nanos, nanos / packets.max(1) as f64])
            })
        })?;
    }

    table.measure([("connections", "open, 1 octet each way, close", "1/s", Better::Higher)], |which| {
        with_pair!(which, false, SMALL, |pair| {
            pair.server.listen(pair.clock.now(), PORT, 1)?;
            let time = pair.connections(options.connections)?;
            Ok([f64::from(options.connections) / time.as_secs_f64()])
        })
    })?;

    table.measure([("round_trip", "round trip of 1 octet", "ns", Better::Lower)], |which| {
        with_pair!(which, false, SMALL, |pair| {
            pair.server.listen(pair.clock.now(), PORT, 1)?;
            let both = pair.open()?;
            let time = pair.round_trips(both, options.round_trips)?;
            Ok([time.as_nanos() as f64 / f64::from(options.round_trips)])
        })
    })?;

    // The idle ones are opened once for each stack, and the one that was opened last is the busy one.
    let title = format!("  beside {} idle connections", options.idle);
    let (mut idle_ours, mut idle_theirs) = (None, None);
    table.measure([("round_trip_idle", &title, "ns", Better::Lower)], |which| {
        let (time, count) = match which {
            Which::Ours => {
                let (pair, both) = opened(&mut idle_ours, || ours(false, SMALL), options.idle)?;
                let count = options.round_trips;
                (pair.round_trips(*both, count)?, count)
            }
            Which::Theirs => {
                let (pair, both) = opened(&mut idle_theirs, || theirs(false, SMALL), options.idle)?;
                // Each costs it a walk over all of its sockets.
                let count = options.round_trips.div_ceil(250);
                (pair.round_trips(*both, count)?, count)
            }
        };
        Ok([time.as_nanos() as f64 / f64::from(count)])
    })?;
    drop((idle_ours, idle_theirs));

    let mut told = None;
    let title = "an idle connection, each end";
    table.measure([("idle_octets", title, "octets", Better::Lower)], |which| {
        let idle = idle(which, options.idle)?;
        told = told.or(idle.told);
        Ok([idle.resident])
    })?;
    let (done, steps) = (table.done, table.steps);
    (table.progress)(done, steps, "done");

    Ok(Report { name: "bench memory", rows, notes: notes(options, told), machine })
}

/// A pair with `idle` connections beside one that was opened last: made when it is first asked for.
fn opened<S: Stack>(
    place: &mut Option<(Pair<S>, Both<S>)>,
    make: impl FnOnce() -> Result<Pair<S>, BenchError>,
    idle: usize,
) -> Result<&mut (Pair<S>, Both<S>), BenchError> {
    let made = match place.take() {
        Some(made) => made,
        None => {
            let mut pair = make()?;
            pair.server.listen(pair.clock.now(), PORT, idle + 1)?;
            pair.open_idle(idle)?;
            let both = pair.open()?;
            (pair, both)
        }
    };
    Ok(place.insert(made))
}

fn notes(options: Options, told: Option<f64>) -> Vec<String> {
    let mut notes = vec![
        format!(
            "medians of {} samples, taken in turn; spread: the extreme farthest from the median; ratio: above 1, handfast is better",
            options.samples
        ),
        format!(
            "smoltcp 0.14.0: same build as ours, no log, only IPv4, IPv6 and TCP; buffers of {} KiB each way as ours; no timestamps \
             and no congestion control (its defaults; ours has both); its segmentation offload for trains, to 65,535 octets a packet",
            BUFFER >> 10
        ),
        "users copy their octets in and out; the link copies once; checksums are computed and verified at MTU 1500, and left out \
         with trains, as a device with offloads has it"
            .to_owned(),
        format!(
            "connections, round trips, idle: smoltcp with buffers of {} KiB each way, spared its TIME-WAIT; ours keeps it",
            SMALL >> 10
        ),
        "idle: growth of the resident memory of a process that opens them, by both of their ends; one octet has gone each way"
            .to_owned(),
    ];
    if let Some(told) = told {
        notes.push(format!("handfast's own budget counts {told:.0} octets for an idle end"));
    }
    notes
}
