//! The table: which cells there are, and playing many of them at once.

use super::{
    Contest, ContestReport, EVERY_CONTROLLER, FlowConfig, Judgement, Path, RunReport, Scene, Trouble, run,
};
use env::Duration;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tcp::{Congestion, Ecn};

/// One flow, one controller, one path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The path.
    pub path: Path,
    /// The sender's controller.
    pub controller: Congestion,
}

impl Cell {
    /// Its flow: default settings, but that it asks for ECN where there are marks, which by default it would only accept.
    pub fn flow(&self) -> FlowConfig {
        let flow = FlowConfig::new(self.controller);
        match self.path.trouble {
            Trouble::Marks => FlowConfig { tcp: flow.tcp.ecn(Ecn::Accurate), ..flow },
            _ => flow,
        }
    }
}

/// Something to be played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Job {
    /// One flow.
    Cell(Cell),
    /// Several.
    Contest(Contest),
    /// One on whose path something was promised.
    Scene(&'static Scene, Congestion),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// One flow.
    Cell(RunReport),
    /// Several.
    Contest(ContestReport),
    /// Whether the promise was kept; `None` when there is none.
    Scene(RunReport, Option<Judgement>),
}

impl Job {
    /// Plays it; everything is drawn from `seed`.
    pub fn play(&self, seed: u64) -> Outcome {
        match self {
            Self::Cell(cell) => Outcome::Cell(run(&cell.path, &[cell.flow()], seed, &mut |_| {})),
            Self::Contest(contest) => Outcome::Contest(contest.run(seed)),
            Self::Scene(scene, controller) => {
                let (report, judgement) = scene.play(*controller, seed, &mut |_| {});
                Outcome::Scene(report, judgement)
            }
        }
    }
}

const RATES: [u64; 3] = [10_000_000, 100_000_000, 1_000_000_000];
const RTTS: [u64; 4] = [1, 20, 100, 300];

/// Every path, with each of `controllers`: trouble by trouble, then by rate and round trip.
pub fn all_cells(controllers: &[Congestion]) -> Vec<Cell> {
    cells(&RATES, &RTTS, controllers)
}

/// A fixed part of them: 10 Mbit/s with a round trip of 20 and of 100 ms.
pub fn quick_cells(controllers: &[Congestion]) -> Vec<Cell> {
    cells(&RATES[..1], &RTTS[1..3], controllers)
}

fn cells(rates: &[u64], rtts: &[u64], controllers: &[Congestion]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for trouble in Trouble::ALL {
        for rate in rates.iter().filter_map(|&rate| NonZeroU64::new(rate)) {
            for rtt in rtts.iter().map(|&rtt| Duration::from_millis(rtt)) {
                for &controller in EVERY_CONTROLLER.iter().filter(|one| controllers.contains(one)) {
                    cells.push(Cell { path: Path { rate, rtt, trouble }, controller });
                }
            }
        }
    }
    cells
}

/// Plays `jobs` on so many threads, all from `seed`, and gives what came of each in their order, or `None` for those that
/// were not begun. `progress` is told how many are over, after each, and says whether to go on.
pub fn play(
    jobs: &[Job],
    seed: u64,
    threads: usize,
    progress: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Vec<Option<Outcome>> {
    let outcomes = Mutex::new(vec![None; jobs.len()]);
    let (next, over, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(n) else { return };
                    let outcome = job.play(seed);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner)[n] = Some(outcome);
                    if progress(over.fetch_add(1, Ordering::Relaxed) + 1).is_break() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}
