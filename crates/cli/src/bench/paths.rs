//! `handfast bench paths`: which cells are measured.

use crate::Usage;
use bench::paths::{Controller, Options, PATHS, Pair, Path};
use clap::Args;
use clap::builder::PossibleValuesParser;
use env::Duration;
use std::num::NonZeroU64;
use std::path::PathBuf;

/// The longest that a run may be asked to last, in seconds.
const LONGEST: u64 = 600;

#[derive(Debug, Args)]
pub(super) struct PathsArgs {
    /// Shorter runs, and without handfast to handfast: under two minutes
    #[arg(long)]
    quick: bool,
    /// Only this congestion control; newreno is not among those of the table unless asked for; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Controller::ALL.map(Controller::name)))]
    controller: Vec<String>,
    /// Only this path, by its name in the JSON; may be given more than once
    #[arg(long, value_name = "PATH", value_parser = PossibleValuesParser::new(PATHS.map(|path| path.name)))]
    only: Vec<String>,
    /// Only this pair, by its name in the JSON (kernel-kernel is what others are compared with)
    #[arg(long, value_name = "PAIR", value_parser = PossibleValuesParser::new(Pair::ALL.map(Pair::name)))]
    pair: Vec<String>,
    /// Only this round trip, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(2..=2000))]
    rtt: Vec<u64>,
    /// How long each run lasts at least, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=LONGEST))]
    time: Option<u64>,
    /// The bottleneck's rate, in Mbit/s
    #[arg(long, value_name = "MBIT", value_parser = clap::value_parser!(u64).range(1..=1000))]
    rate: Option<u64>,
    /// Have no more runs once this has taken so many seconds; until then, lines whose runs differ most have more of them
    #[arg(long, value_name = "SECONDS", conflicts_with = "runs", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    within: Option<u64>,
    /// Runs of each cell, each with the next seed, and no more of any
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=100))]
    runs: Option<u64>,
    /// The first run's seed, of which losses, reordering and jitter come
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Write what each sender sees to this directory, a pcapng file for each run
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Runs at the same time
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=64))]
    at_once: Option<u64>,
    /// One JSON object instead of a table
    #[arg(long)]
    pub(super) json: bool,
    /// End with 8 unless handfast keeps up: for each congestion control the median of ratios is 1.00 at least, none is below
    /// 0.85, and no more than the kernels' is sent without need where packets only come late
    #[arg(long)]
    pub(super) check: bool,
}

impl PathsArgs {
    /// What is asked for.
    pub(super) fn options(&self) -> Result<Options, Usage> {
        let mut options = if self.quick { Options::quick() } else { Options::full() };
        if !self.controller.is_empty() {
            options.controllers =
                picked("congestion control", &self.controller, &Controller::ALL, Controller::name)?;
        }
        if !self.only.is_empty() {
            options.paths = picked("path", &self.only, &PATHS, |path: Path| path.name)?;
        }
        if !self.pair.is_empty() {
            options.pairs = picked("pair", &self.pair, &Pair::ALL, Pair::name)?;
        }
        if !self.rtt.is_empty() {
            options.rtts = self.rtt.iter().map(|millis| Duration::from_millis(*millis)).collect();
        }
        if let Some(seconds) = self.time {
            options.lasting = Duration::from_secs(seconds);
        }
        if let Some(runs) = self.runs {
            // At most a hundred.
            (options.runs, options.chancy_runs, options.within) = (runs as usize, runs as usize, None);
        }
        if let Some(seconds) = self.within {
            options.within = Some(Duration::from_secs(seconds));
        }
        if let Some(rate) = self.rate.and_then(|mbit| NonZeroU64::new(mbit * 1_000_000)) {
            options.rate = rate;
        }
        if let Some(count) = self.at_once {
            options.at_once = count as usize;
        }
        options.seed = self.seed;
        options.captures.clone_from(&self.pcap);
        Ok(options)
    }
}

/// Those of `all` that are named, in the order of the table.
fn picked<T: Copy>(
    what: &str,
    names: &[String],
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, Usage> {
    let known: Vec<&str> = all.iter().map(|one| name(*one)).collect();
    if let Some(unknown) = names.iter().find(|asked| !known.contains(&asked.as_str())) {
        return Err(Usage(format!("no {what} is named {unknown}; there are {}", known.join(", "))));
    }
    Ok(all.iter().copied().filter(|one| names.iter().any(|asked| asked == name(*one))).collect())
}
