//! Bad paths in real time: Handfast beside this machine's kernel, through one relay, over the same seeds.
//!
//! ```text
//!                        ┌ kernel → kernel ───── what is compared with
//!   controller × path ──►├ handfast → kernel     Cell ─► Outcome ─┐
//!    × round trip, seed  ├ kernel → handfast     several at a time ├─► Table: means, ratios ─► Verdict ─► text, JSON
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
mod line;
mod path;
mod plan;
mod ranges;
mod relay;
mod runs;
mod series;
mod stream;
mod table;
mod tally;
mod verdict;

pub use cell::{Cell, Outcome};
pub use end::Said;
pub use line::{Line, Measured};
pub use path::{PATHS, Path};
pub use runs::run;
pub use series::Series;
pub use table::Table;
pub use tally::Counts;
pub use verdict::Verdict;

use env::Duration;
use std::num::NonZeroU64;
use std::path::PathBuf;
use tcp::Congestion;

/// The port of whoever listens.
const PORT: u16 = 5201;

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
    /// The bottleneck's rate, in bits a second.
    pub rate: NonZeroU64,
    /// How long each run lasts at least.
    pub lasting: Duration,
    /// Runs of each cell at least, each with a seed of its own, the same seeds for all pairs.
    pub runs: usize,
    /// The same where chance decides by a few events.
    pub chancy_runs: usize,
    /// While all this has not taken so long, the line whose ratios are least sure has another run of each of its pairs; `None`
    /// for no more runs than those above.
    pub within: Option<Duration>,
    /// Runs at the same time.
    pub at_once: usize,
    /// The first run's seed; the next has the next.
    pub seed: u64,
    /// Where to write captures of what each sender sees, a file for each run.
    pub captures: Option<PathBuf>,
}

impl Options {
    /// For figures to be told: under fifteen minutes.
    pub fn full() -> Self {
        Self {
            controllers: vec![Controller::Cubic, Controller::Bbr],
            paths: PATHS.into(),
            rtts: vec![Duration::from_millis(20), Duration::from_millis(100)],
            pairs: Pair::ALL.into(),
            rate: NonZeroU64::new(100_000_000).unwrap_or(NonZeroU64::MIN),
            lasting: Duration::from_secs(20),
            runs: 2,
            chancy_runs: 3,
            within: Some(Duration::from_secs(840)),
            at_once: 14,
            seed: 1,
            captures: None,
        }
    }

    /// To see where it stands in under two minutes: shorter runs, and without handfast to handfast.
    pub fn quick() -> Self {
        Self {
            pairs: vec![Pair::Kernels, Pair::OursSends, Pair::OursReceives],
            lasting: Duration::from_secs(5),
            runs: 1,
            chancy_runs: 2,
            within: Some(Duration::from_secs(108)),
            ..Self::full()
        }
    }

    /// The table's lines: every controller over every path at every round trip.
    fn lines(&self) -> impl Iterator<Item = (Controller, Path, Duration)> + '_ {
        self.controllers.iter().flat_map(move |controller| {
            let paths = self.paths.iter();
            paths.flat_map(move |path| self.rtts.iter().map(move |rtt| (*controller, *path, *rtt)))
        })
    }
}
