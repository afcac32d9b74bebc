//! Random worlds by seed: every impairment, every call, and all that must hold.
//!
//! ```text
//!   seed ─► plan (link, faults, settings, users) ─► chaos until it heals ─► everybody closes ─► nothing is left
//!                                                      invariants at each step
//! ```
//!
//! A run is small, so that many can be tried: a few connections, some tens of kilobytes, minutes of virtual time. What
//! fails is named by its seed, and happens again.

mod attack;
mod plan;
mod play;
mod user;
mod verdict;
mod wraps;

use crate::{Logged, Record, Recorded, Violation};
use env::{Duration, Instant};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tcp::TcpConfig;

/// What to change in every run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Changes the settings of every connection: for faults on purpose.
    pub change: fn(TcpConfig) -> TcpConfig,
    /// Record both hosts. Default no.
    pub record: Option<Record>,
}

impl Default for Options {
    fn default() -> Self {
        Self { change: |config| config, record: None }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Connections that were established.
    pub connections: u64,
    /// Octets that arrived with their readers.
    pub bytes: u64,
    /// TCP segments sent again.
    pub retransmissions: u64,
    /// TCP segments sent.
    pub segments: u64,
    /// UDP datagrams that arrived.
    pub datagrams: u64,
    /// Directions of connections in which sequence numbers passed 2^31 or 2^32.
    pub wraps: u64,
    /// How long it took on the world's clock.
    pub virtual_time: Duration,
    /// A hash over every frame sent: the same seed gives the same.
    pub digest: u64,
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, violation } = self;
        write!(f, "{violation}\n  replay: cargo run --release -- sim swarm --seeds 1 --seed {seed} --ladder")
    }
}

impl std::error::Error for Failure {}

/// Runs one seed.
///
/// # Errors
/// [`Failure`]: something that must hold did not, or the code panicked.
pub fn run(seed: u64) -> Result<Report, Failure> {
    run_with(seed, &Options::default())
}

/// Runs one seed with changes.
///
/// # Errors
/// As [`run`].
pub fn run_with(seed: u64, options: &Options) -> Result<Report, Failure> {
    guarded(seed, || play::play(seed, options, &mut None, &mut Vec::new()))
}

/// Runs one seed and keeps a log of everything that happened, packets as octets included.
pub fn replay(seed: u64, options: &Options) -> (Result<Report, Failure>, Vec<Logged>) {
    let mut log = Some(Vec::new());
    let result = guarded(seed, || play::play(seed, options, &mut log, &mut Vec::new()));
    (result, log.unwrap_or_default())
}

/// Runs one seed and records both hosts, from each of their beginnings.
pub fn record(seed: u64, record: Record, options: &Options) -> (Result<Report, Failure>, Vec<Recorded>) {
    let mut recorded = Vec::new();
    let options = Options { record: Some(record), ..*options };
    let result = guarded(seed, || play::play(seed, &options, &mut None, &mut recorded));
    (result, recorded)
}

fn guarded(seed: u64, run: impl FnOnce() -> Result<Report, Violation>) -> Result<Report, Failure> {
    let violation = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(report)) => return Ok(report),
        Ok(Err(violation)) => violation,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            let detail = text.unwrap_or_else(|| "a panic without words".into());
            Violation::new(seed, Instant::ZERO, "nothing panics", detail)
        }
    };
    Err(Failure { seed, violation })
}

/// What many runs did together.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Runs that are over.
    pub runs: u64,
    /// Sums over the runs that held.
    pub total: Report,
    /// Runs that did not hold, by seed.
    pub failures: Vec<Failure>,
}

impl Summary {
    fn add(&mut self, result: Result<Report, Failure>) {
        self.runs += 1;
        match result {
            Ok(report) => {
                let total = &mut self.total;
                total.connections += report.connections;
                total.bytes += report.bytes;
                total.retransmissions += report.retransmissions;
                total.segments += report.segments;
                total.datagrams += report.datagrams;
                total.wraps += report.wraps;
                total.virtual_time += report.virtual_time;
                // Which thread ran which seed must not matter.
                total.digest = total.digest.wrapping_add(report.digest);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}

/// Runs all `seeds` on so many threads. `progress` is told after each run, by the thread that ran it, and says whether to
/// go on. Seeds are begun in order and what is begun is ended: those that ran are always the first ones.
pub fn run_many(
    seeds: Range<u64>,
    threads: usize,
    progress: impl Fn(&Summary) -> ControlFlow<()> + Sync,
) -> Summary {
    run_many_with(seeds, threads, &Options::default(), progress)
}

/// Runs all `seeds` with changes.
pub fn run_many_with(
    seeds: Range<u64>,
    threads: usize,
    options: &Options,
    progress: impl Fn(&Summary) -> ControlFlow<()> + Sync,
) -> Summary {
    let stop = AtomicBool::new(false);
    let next = AtomicU64::new(seeds.start);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let result = run_with(seed, options);
                    let mut summary = summary.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                    summary.add(result);
                    if progress(&summary).is_break() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    summary.failures.sort_by_key(|failure| failure.seed);
    summary
}
