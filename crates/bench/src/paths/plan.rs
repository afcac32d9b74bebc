//! Which run comes next.
//!
//! ```text
//!   every line, so many seeds ─► shuffled ─► one after the other        all pairs of a line and a seed stand together
//!   then, while there is time: the line whose ratios are least sure ─► its next seed
//! ```
//!
//! What is asked next depends on how much runs of a line differ, never on who is ahead; and it is asked of every pair alike.

use super::cell::Cell;
use super::{Controller, Options, Pair, Path, Table};
use env::{Duration, Rng};
use std::collections::VecDeque;

/// Ratios that are this sure need no more runs.
const SURE: f64 = 0.005;

/// A line, and how many runs of each of its pairs were asked for.
#[derive(Debug)]
struct Asked {
    controller: Controller,
    path: Path,
    rtt: Duration,
    lasting: Duration,
    runs: u64,
}

/// All that is still to be run.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    options: &'a Options,
    /// In the order of the table's lines.
    lines: Vec<Asked>,
    waiting: VecDeque<Cell>,
    rng: Rng,
}

impl<'a> Plan<'a> {
    /// A plan that has given out nothing yet.
    pub(super) fn new(options: &'a Options) -> Self {
        let mut lines = Vec::new();
        for (controller, path, rtt) in options.lines() {
            let runs = if path.is_chancy() { options.chancy_runs } else { options.runs };
            let lasting = options.lasting.max(path.at_least());
            lines.push(Asked { controller, path, rtt, lasting, runs: runs as u64 });
        }
        let rng = Rng::seeded(options.seed);
        let mut plan = Self { options, lines, waiting: VecDeque::new(), rng };
        let every = plan.lines.iter().enumerate();
        let mut groups: Vec<_> =
            every.flat_map(|(line, asked)| (0..asked.runs).map(move |run| (line, run))).collect();
        groups.sort_by_cached_key(|_| plan.rng.next_u64());
        for (line, run) in groups {
            plan.ask(line, run);
        }
        plan
    }

    /// Puts a run of each pair of a line in the queue, in an order that chance decides.
    fn ask(&mut self, line: usize, run: u64) {
        let Some(asked) = self.lines.get(line) else { return };
        let cell = |pair: Pair| Cell {
            controller: asked.controller,
            path: asked.path,
            rtt: asked.rtt,
            rate: self.options.rate,
            pair,
            lasting: asked.lasting,
            seed: self.options.seed + run,
        };
        let mut cells: Vec<Cell> = self.options.pairs.iter().map(|pair| cell(*pair)).collect();
        cells.sort_by_cached_key(|_| self.rng.next_u64());
        self.waiting.extend(cells);
    }

    /// The next run. `elapsed` is how long all this has taken.
    pub(super) fn next(&mut self, table: &Table, elapsed: Duration) -> Option<Cell> {
        if self.waiting.is_empty()
            && let Some(line) = self.least_sure(table, elapsed)
        {
            let run = self.lines.get(line)?.runs;
            self.ask(line, run);
            self.lines.get_mut(line)?.runs += 1;
        }
        self.waiting.pop_front()
    }

    /// How many runs are known to follow.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The line that will be least sure once all that runs has ended, of those for which there is time.
    fn least_sure(&self, table: &Table, elapsed: Duration) -> Option<usize> {
        let within = self.options.within?;
        let lines = self.lines.iter().zip(&table.lines).enumerate();
        lines
            .filter(|(_, (asked, _))| elapsed + asked.lasting <= within)
            .filter_map(|(at, (asked, line))| Some((at, (line.variance()? * 2.0 / asked.runs as f64).sqrt())))
            .filter(|(_, error)| *error > SURE)
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::outcome;
    use super::*;
    use std::collections::BTreeMap;

    fn options(within: Option<Duration>) -> Options {
        let paths = ["clean", "jitter"].map(|name| Path::named(name).unwrap()).into();
        Options { paths, rtts: vec![Duration::from_millis(20)], within, ..Options::quick() }
    }

    /// Runs a plan to its end, each run in a second; how many there were of each path and pair.
    fn played(
        options: &Options,
        goodput: impl Fn(&Cell) -> f64,
    ) -> BTreeMap<(&'static str, &'static str), u64> {
        let mut table = Table::new(options, String::new());
        let (mut plan, mut came) = (Plan::new(options), BTreeMap::new());
        let mut elapsed = Duration::ZERO;
        while let Some(cell) = plan.next(&table, elapsed) {
            *came.entry((cell.path.name, cell.pair.name())).or_default() += 1;
            table.take(&cell, outcome(goodput(&cell), 0));
            elapsed += Duration::from_secs(1);
        }
        came
    }

    #[test]
    fn each_pair_has_the_same_runs_and_chance_has_more_of_them() {
        let came = played(&options(None), |_| 1.0);
        assert_eq!(came.len(), 6);
        for ((path, _), runs) in came {
            let options = options(None);
            let each = if path == "jitter" { options.chancy_runs } else { options.runs };
            assert_eq!(runs, (options.controllers.len() * each) as u64, "{path}");
        }
    }

    #[test]
    fn the_time_that_is_left_goes_where_runs_differ_for_every_pair_alike() {
        // Only one of the pairs is shaky, and it is the one that is behind.
        let shaky = |cell: &Cell| match (cell.path.name, cell.pair) {
            ("jitter", Pair::OursReceives) => [1.0, 2.0][(cell.seed % 2) as usize],
            _ => 3.0,
        };
        let limited = options(Some(Duration::from_secs(100)));
        let came = played(&limited, shaky);
        let steady = 2 * limited.runs as u64;
        for pair in &limited.pairs {
            assert_eq!(came[&("clean", pair.name())], steady);
            assert_eq!(came[&("jitter", pair.name())], came[&("jitter", "kernel-kernel")]);
        }
        let all: u64 = came.values().sum();
        assert!(
            came[&("jitter", "kernel-kernel")] > 4 * limited.chancy_runs as u64 && all <= 100,
            "{came:?}"
        );
    }

    #[test]
    fn what_is_sure_needs_no_more() {
        assert_eq!(
            played(&options(Some(Duration::from_secs(10_000))), |_| 1.0),
            played(&options(None), |_| 1.0)
        );
    }
}
