//! Bad paths in real time: Handfast beside this machine's kernel, through one relay, over the same seeds.
//!
//! ```text
//!                        ┌ kernel → kernel ───── what is compared with
//!   controller × path ──►├ handfast → kernel     Cell ─► Outcome ─┐
//!    × round trip        ├ kernel → handfast     several at a time ├─► Table: medians, ratios ─► text, JSON
//!                        └ handfast → handfast                    ─┘
//! ```
//!
//! Both ends of a pair are asked for the same congestion control, and the table says which ran. Every packet goes alone,
//! of 1,500 octets at most, through a relay of ours with the links of `device::impair`, and is counted there: what is said
//! of retransmissions is told by nobody's own counters. A kernel has a network namespace with a TUN for each end; a host
//! of ours is turned by the relay. Either stack does its protocol work on the relay's thread, as packets come in.

mod capture;
mod cell;
mod end;
mod host;
mod kernel;
mod path;
mod ranges;
mod relay;
mod runs;
mod series;
mod stream;
mod table;
mod tally;

pub use cell::{Cell, Outcome};
pub use end::Said;
pub use path::{PATHS, Path};
pub use runs::run;
pub use series::Series;
pub use table::{Line, Measured, Table};
pub use tally::Counts;

use env::Duration;
use std::num::NonZeroU64;
use std::path::PathBuf;
use tcp::Congestion;

/// The port of whoever listens.
const PORT: u16 = 5201;
/// The bottleneck: 100 Mbit/s.
const RATE: NonZeroU64 = NonZeroU64::new(100_000_000).unwrap();

/// A congestion control that both stacks have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// CUBIC (RFC 9438).
    Cubic,
    /// BBR: version 3 of ours, and whichever the kernel has.
    Bbr,
    /// NewReno (RFC 5681, 6582).
    NewReno,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cubic, Self::Bbr, Self::NewReno];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::NewReno => "newreno",
        }
    }

    /// The kernel's name for its own.
    pub const fn kernels(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::NewReno => "reno",
        }
    }

    const fn ours(self) -> Congestion {
        match self {
            Self::Cubic => Congestion::Cubic,
            Self::Bbr => Congestion::Bbr,
            Self::NewReno => Congestion::NewReno,
        }
    }
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The kernel to the kernel: what the others are compared with.
    Kernels,
    /// Handfast to the kernel.
    OursSends,
    /// The kernel to handfast.
    OursReceives,
    /// Handfast to handfast.
    Ours,
}

impl Pair {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Kernels, Self::OursSends, Self::OursReceives, Self::Ours];

    /// A name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernels => "kernel-kernel",
            Self::OursSends => "handfast-kernel",
            Self::OursReceives => "kernel-handfast",
            Self::Ours => "handfast-handfast",
        }
    }

    /// What people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Kernels => "kernel → kernel",
            Self::OursSends => "handfast → kernel",
            Self::OursReceives => "kernel → handfast",
            Self::Ours => "handfast → handfast",
        }
    }

    const fn ours_sends(self) -> bool {
        matches!(self, Self::OursSends | Self::Ours)
    }

    const fn ours_receives(self) -> bool {
        matches!(self, Self::OursReceives | Self::Ours)
    }
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Congestion controls.
    pub controllers: Vec<Controller>,
    /// Paths.
    pub paths: Vec<Path>,
    /// Round trips.
    pub rtts: Vec<Duration>,
    /// Pairs; without [`Pair::Kernels`] there is nothing to compare with.
    pub pairs: Vec<Pair>,
    /// How long each run lasts at least.
    pub lasting: Duration,
    /// Runs of each cell, each with a seed of its own.
    pub runs: usize,
    /// The same where chance decides by a few events.
    pub chancy_runs: usize,
    /// Runs at the same time.
    pub at_once: usize,
    /// The first run's seed; the next has the next.
    pub seed: u64,
    /// Where to write captures of what each sender sees, a file for each run.
    pub captures: Option<PathBuf>,
}

impl Options {
    /// For figures to be told.
    pub fn full() -> Self {
        Self {
            controllers: vec![Controller::Cubic, Controller::Bbr],
            paths: PATHS.into(),
            rtts: vec![Duration::from_millis(20), Duration::from_millis(100)],
            pairs: Pair::ALL.into(),
            lasting: Duration::from_secs(20),
            runs: 1,
            chancy_runs: 3,
            at_once: 12,
            seed: 1,
            captures: None,
        }
    }

    /// To see roughly where it stands.
    pub fn quick() -> Self {
        let pairs = vec![Pair::Kernels, Pair::OursSends, Pair::OursReceives];
        Self { lasting: Duration::from_secs(5), pairs, chancy_runs: 2, ..Self::full() }
    }

    /// Every run, the longest first, so that none is left to be waited for alone at the end; else shuffled, so that those
    /// which keep the machine busy run beside others.
    fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &controller in &self.controllers {
            for &path in &self.paths {
                let runs = if path.is_chancy() { self.chancy_runs } else { self.runs };
                let lasting = self.lasting.max(path.at_least());
                for &rtt in &self.rtts {
                    for &pair in &self.pairs {
                        cells.extend((0..runs as u64).map(|run| Cell {
                            controller,
                            path,
                            rtt,
                            rate: RATE,
                            pair,
                            lasting,
                            seed: self.seed + run,
                        }));
                    }
                }
            }
        }
        let mut rng = env::Rng::seeded(self.seed);
        cells.sort_by_cached_key(|cell| (std::cmp::Reverse(cell.lasting), rng.next_u64()));
        cells
    }
}
