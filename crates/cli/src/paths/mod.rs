//! `handfast sim paths`: the table of paths and controllers, in virtual time.
//!
//! ```text
//!   args ─► jobs: cells, contests, promises ─► sim::paths::play, on all cores ─► text, or JSON
//!   plot: one run, as text or SVG
//! ```

mod json;
pub(crate) mod plot;
#[cfg(test)]
mod tests;
mod text;

use crate::out::Out;
use crate::{Done, Usage, args};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sim::paths::{
    CONTROLLERS, EVERY_CONTROLLER, Job, Outcome, SCENES, all_cells, contests, play, quick_cells,
};
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use tcp::Congestion;

/// How well each congestion controller does over paths that are long, lossy or shaky, in virtual time
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct PathsArgs {
    /// A fixed part of the table, in seconds
    #[arg(long)]
    quick: bool,
    /// Only this controller, or several with commas between; `all` for all but dctcp, which is for paths that mark (`marks`)
    #[arg(long, value_name = "NAME", default_value = "all", value_delimiter = ',')]
    controller: Vec<String>,
    /// Only rows whose path has this in its name, as `outage` or `100mbit/20ms` have; `fairness` and `promises` are names, too
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// What everything is drawn from
    #[arg(long, value_name = "S", default_value_t = 1, allow_negative_numbers = true, value_parser = args::seed)]
    seed: u64,
    /// Threads. Default: as many as there are cores
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = args::count)]
    threads: Option<NonZeroU64>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  handfast sim paths --quick
  handfast sim paths --only 100mbit/100ms --controller cubic,bbr

goodput is payload that arrived, as a share of what the bottleneck could have carried since the first SYN, headers \
included: 96.5 % is all. late is the same for the second half of the time. wait is what a packet would have waited before \
the bottleneck. resent is payload sent again, needless what had arrived already, as shares of all that was sent. The same \
seed gives the same table, digit for digit; docs/paths.md says what each path is.";

pub(crate) fn run(args: &PathsArgs, out: &mut Out) -> anyhow::Result<Done> {
    let controllers = controllers(&args.controller)?;
    let jobs = jobs(args.quick, &controllers, args.only.as_deref());
    if jobs.is_empty() {
        return Err(Usage("no path has that in its name: see docs/paths.md".to_owned()).into());
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map_or(cores, |threads| usize::try_from(threads.get()).unwrap_or(usize::MAX));
    let interrupted = crate::swarm::interruptible()?;
    let bar = bar(jobs.len());
    let outcomes = play(&jobs, args.seed, threads.min(jobs.len()), &|over| {
        bar.set_position(over as u64);
        if interrupted.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    let whole = outcomes.iter().all(Option::is_some);
    let rows: Vec<(Job, Outcome)> =
        jobs.into_iter().zip(outcomes).filter_map(|(job, outcome)| Some((job, outcome?))).collect();
    if args.json {
        out.line(&json::object(&rows, args.seed, !whole).to_string())?;
    } else {
        out.write(&text::table(&rows))?;
        if !whole {
            out.line("interrupted: not all rows are there")?;
        }
    }
    Ok(if whole { Done::Well } else { Done::Interrupted })
}

/// The controllers that were named.
pub(super) fn controllers(names: &[String]) -> Result<Vec<Congestion>, Usage> {
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        if name == "all" {
            chosen.extend(CONTROLLERS);
        }
        chosen.extend(EVERY_CONTROLLER.iter().filter(|known| known.name() == name));
        if chosen.len() == before {
            let known: Vec<_> = EVERY_CONTROLLER.iter().map(|known| known.name()).collect();
            return Err(Usage(format!("there is no controller `{name}`; there are {}", known.join(", "))));
        }
    }
    Ok(chosen)
}

/// What is to be played, in the order of the table.
fn jobs(quick: bool, controllers: &[Congestion], only: Option<&str>) -> Vec<Job> {
    let cells = if quick { quick_cells(controllers) } else { all_cells(controllers) };
    let wanted = |name: String| only.is_none_or(|only| name.contains(only));
    let cells = cells.into_iter().filter(|cell| wanted(cell.path.to_string())).map(Job::Cell);
    let contests = contests(controllers, quick).into_iter();
    let contests = contests.filter(|_| wanted("fairness".to_owned())).map(Job::Contest);
    let promised = SCENES.iter().filter(|scene| !quick && scene.promises() && wanted("promises".to_owned()));
    let promises = promised.flat_map(|scene| controllers.iter().map(move |&who| Job::Scene(scene, who)));
    cells.chain(contests).chain(promises).collect()
}

fn bar(jobs: usize) -> ProgressBar {
    // On standard error, and only if that is a terminal.
    let bar = ProgressBar::new(jobs as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} runs  {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
