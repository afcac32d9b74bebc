//! One line of the table: a controller over a path at a round trip, and what each pair came to there.

use super::cell::Outcome;
use super::path::Path;
use super::tally::Counts;
use super::{Controller, Pair};
use crate::Samples;
use env::Duration;
use std::collections::BTreeSet;

/// One pair's runs over one path.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Each run, with its seed, in the order of seeds.
    pub runs: Vec<(u64, Outcome)>,
}

impl Measured {
    /// Adds a run.
    pub(super) fn take(&mut self, seed: u64, came: Outcome) {
        let place = self.runs.partition_point(|(before, _)| *before < seed);
        self.runs.insert(place, (seed, came));
    }

    fn samples(&self, figure: impl Fn(&Outcome) -> Option<f64>) -> Samples {
        self.runs.iter().filter_map(|(_, came)| figure(came)).collect()
    }

    /// What reached the receiver's user, in Mbit/s.
    pub fn goodput(&self) -> Samples {
        self.samples(|came| Some(came.goodput))
    }

    /// Octets sent again, as a share of all sent.
    pub fn again(&self) -> Samples {
        let share = |counts: Counts| share(counts.again, counts.sent);
        self.samples(|came| Some(share(came.counts)))
    }

    /// Segments that came though all of them had come before, as a share of all sent.
    pub fn spurious(&self) -> Samples {
        let share = |counts: Counts| share(counts.spurious, counts.segments);
        self.samples(|came| Some(share(came.counts)))
    }

    /// Seconds of silence after the trouble, on paths where there is one.
    pub fn silence(&self) -> Samples {
        self.samples(|came| came.silence.map(|silence| silence.as_secs_f64()))
    }

    /// How late the relay was, in milliseconds: the 99th percentile of each run.
    pub fn late(&self) -> Samples {
        self.samples(|came| Some(came.late.as_secs_f64() * 1e3))
    }
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// The senders' congestion control.
    pub controller: Controller,
    /// The path.
    pub path: Path,
    /// Round trip.
    pub rtt: Duration,
    /// For each pair.
    pub pairs: Vec<(Pair, Measured)>,
}

impl Line {
    /// What a pair came to, if it was measured.
    pub fn measured(&self, pair: Pair) -> Option<&Measured> {
        self.pairs.iter().find(|(which, _)| *which == pair).map(|(_, measured)| measured)
    }

    /// Keeps the runs of which every pair has had the seed.
    pub(super) fn keep_common(&mut self) {
        let of = |measured: &Measured| measured.runs.iter().map(|(seed, _)| *seed).collect::<BTreeSet<u64>>();
        let seeds = self.pairs.iter().map(|(_, measured)| of(measured));
        let common = seeds.reduce(|one, other| &one & &other).unwrap_or_default();
        for (_, measured) in &mut self.pairs {
            measured.runs.retain(|(seed, _)| common.contains(seed));
        }
    }

    /// A pair's goodput as a multiple of the kernels'.
    ///
    /// Means both: where a flow does either well or badly, and which is chance, a median of few runs is one or the other.
    pub fn ratio(&self, pair: Pair) -> Option<f64> {
        let mean = |pair| self.measured(pair)?.goodput().mean();
        let kernels: f64 = mean(Pair::Kernels)?;
        (kernels > 0.0).then_some(mean(pair)? / kernels)
    }

    /// By how much that is uncertain: its standard error.
    pub fn error(&self, pair: Pair) -> Option<f64> {
        let runs = self.measured(pair)?.runs.len() as f64;
        Some(self.ratio(pair)? * (self.variance()? * 2.0 / runs).sqrt())
    }

    /// How much two runs differ that should be alike: the variance of goodput relative to its pair's mean, beyond what all
    /// pairs of a seed have in common, which no ratio shows (the length of an outage, an early loss). Of all pairs together, for
    /// of two runs of one alone it is badly known. `None` while there are no two seeds that two pairs have had.
    pub(super) fn variance(&self) -> Option<f64> {
        let (_, first) = self.pairs.first()?;
        let had = |measured: &Measured, seed: u64| {
            measured.runs.iter().find(|(of, _)| *of == seed).map(|(_, came)| came.goodput)
        };
        let by_seed = first.runs.iter().filter_map(|(seed, _)| {
            self.pairs.iter().map(|(_, measured)| had(measured, *seed)).collect::<Option<Vec<f64>>>()
        });
        let mut by_seed: Vec<Vec<f64>> = by_seed.collect();
        let (seeds, pairs) = (by_seed.len(), self.pairs.len());
        if seeds < 2 || pairs < 2 {
            return None;
        }
        for pair in 0..pairs {
            let mean = by_seed.iter().filter_map(|runs| runs.get(pair)).sum::<f64>() / seeds as f64;
            by_seed
                .iter_mut()
                .filter_map(|runs| runs.get_mut(pair))
                .for_each(|run| *run /= mean.max(f64::MIN_POSITIVE));
        }
        let squares = by_seed.iter().map(|runs| {
            let mean = runs.iter().sum::<f64>() / pairs as f64;
            runs.iter().map(|run| (run - mean).powi(2)).sum::<f64>()
        });
        Some(squares.sum::<f64>() / ((seeds - 1) * (pairs - 1)) as f64)
    }
}

/// For people: which one.
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} ms", self.path.title, self.rtt.as_millis())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::paths::{PATHS, Said, Series};

    /// A run of so many Mbit/s, and so many needless segments of a thousand.
    pub(in crate::paths) fn outcome(goodput: f64, spurious: u64) -> Outcome {
        Outcome {
            series: Series::default(),
            goodput,
            counts: Counts { sent: 1_000_000, again: 0, segments: 1000, spurious },
            silence: None,
            sender: Said::Nothing,
            late: Duration::ZERO,
            overflowed: 0,
        }
    }

    /// A line of such runs for each pair.
    pub(in crate::paths) fn line(path: Path, pairs: &[(Pair, &[(f64, u64)])]) -> Line {
        let pairs = pairs.iter().map(|(pair, runs)| {
            let mut measured = Measured::default();
            for (seed, (goodput, spurious)) in runs.iter().enumerate() {
                measured.take(seed as u64, outcome(*goodput, *spurious));
            }
            (*pair, measured)
        });
        let rtt = Duration::from_millis(20);
        Line { controller: Controller::Cubic, path, rtt, pairs: pairs.collect() }
    }

    #[test]
    fn a_ratio_is_one_of_means_and_knows_how_sure_it_is() {
        let kernels = (Pair::Kernels, &[(10.0, 0), (50.0, 0)][..]);
        let both = line(PATHS[0], &[kernels, (Pair::OursSends, &[(30.0, 0), (30.0, 0)])]);
        assert_eq!(both.ratio(Pair::OursSends), Some(1.0));
        // Of means, 1/3 and 5/3 beside 1 and 1: each is 1/3 from the middle of its seed; one degree of freedom.
        let variance = 4.0 / 9.0;
        assert!((both.variance().unwrap() - variance).abs() < 1e-9);
        assert!((both.error(Pair::OursSends).unwrap() - variance.sqrt()).abs() < 1e-9);
        // What a seed does to both is no doubt about how they compare.
        let alike = line(PATHS[0], &[kernels, (Pair::OursSends, &[(5.0, 0), (25.0, 0)])]);
        assert!(alike.variance().unwrap() < 1e-9);
        let once = line(PATHS[0], &[(Pair::Kernels, &[(10.0, 0)])]);
        assert_eq!((once.variance(), once.ratio(Pair::Ours)), (None, None));
    }

    #[test]
    fn runs_stand_in_the_order_of_their_seeds() {
        let mut measured = Measured::default();
        for seed in [3, 1, 2] {
            measured.take(seed, outcome(seed as f64, 0));
        }
        assert_eq!(measured.goodput().all(), [1.0, 2.0, 3.0]);
    }
}
