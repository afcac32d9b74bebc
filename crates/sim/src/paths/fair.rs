//! Many flows over one path: does each get its share?

use super::{EVERY_CONTROLLER, FlowConfig, FlowReport, Path, RunReport, Trouble, jain, run};
use env::Duration;
use std::num::NonZeroU64;
use tcp::Congestion;

/// Flows of one or two kinds over one clean path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contest {
    /// The path.
    pub path: Path,
    /// Who controls, and how many flows.
    pub sides: [(Congestion, usize); 2],
}

/// What came of a contest, in the second half of its span. Shares are of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContestReport {
    /// Jain's index over all flows.
    pub jain: f64,
    /// What each side got of all that was delivered.
    pub shares: [f64; 2],
    /// The run.
    pub run: RunReport,
}

impl Contest {
    /// Runs it: the flows open one after the other, those of both sides in turn, within a second.
    pub fn run(&self, seed: u64) -> ContestReport {
        let sides = self.sides();
        let gap = Duration::from_secs(1) / u32::try_from(sides.len()).unwrap_or(u32::MAX).max(1);
        let flows: Vec<_> = (0u32..)
            .zip(&sides)
            .map(|(n, &side)| FlowConfig::new(self.sides[side].0).starting(gap * n))
            .collect();
        let run = run(&self.path, &flows, seed, &mut |_| {});
        let got = |flow: &FlowReport| flow.delivered_late as f64;
        let all: f64 = run.flows.iter().map(got).sum();
        let of = |side| {
            let flows = run.flows.iter().zip(&sides).filter(|(_, at)| **at == side);
            flows.map(|(flow, _)| got(flow)).sum::<f64>() / all.max(1.0)
        };
        let shares = [of(0), of(1)];
        ContestReport { jain: jain(&run.flows.iter().map(got).collect::<Vec<_>>()), shares, run }
    }

    /// The side of each flow, in turn as long as both have some.
    fn sides(&self) -> Vec<usize> {
        let [(_, first), (_, second)] = self.sides;
        (0..first.max(second))
            .flat_map(|n| [(n < first).then_some(0), (n < second).then_some(1)])
            .flatten()
            .collect()
    }
}

/// The contests of the table: 2 and 8 flows of each controller, and each pair of controllers two against two.
///
/// Over 100 Mbit/s with a round trip of 40 ms; for the quick table 20 Mbit/s.
pub fn contests(controllers: &[Congestion], quick: bool) -> Vec<Contest> {
    let rate = NonZeroU64::new(if quick { 20_000_000 } else { 100_000_000 }).unwrap_or(NonZeroU64::MIN);
    let path = Path { rate, rtt: Duration::from_millis(40), trouble: Trouble::Clean };
    let mut contests = Vec::new();
    for &one in EVERY_CONTROLLER.iter().filter(|one| controllers.contains(one)) {
        for count in [2, 8] {
            contests.push(Contest { path, sides: [(one, count), (one, 0)] });
        }
    }
    for (n, &one) in controllers.iter().enumerate() {
        for &other in &controllers[n + 1..] {
            contests.push(Contest { path, sides: [(one, 2), (other, 2)] });
        }
    }
    contests
}
