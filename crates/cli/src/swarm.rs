//! `handfast sim`: the stack on virtual time. Here `swarm`: random worlds, in each of which everything must hold.

use crate::out::Out;
use crate::{Done, args};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use sim::Happened;
use sim::swarm::{Failure, Options, replay, run_many};
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use trace::{Entry, Ladder, Lang, Settings};

/// Try the stack on virtual time: in worlds made by chance, and over every kind of path
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    #[command(subcommand)]
    command: SimCommand,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    Swarm(SwarmArgs),
    Paths(crate::paths::PathsArgs),
    Plot(crate::paths::plot::PlotArgs),
}

/// Random links, faults, settings and users, one world a seed; every rule is checked at every step
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
struct SwarmArgs {
    /// How many worlds
    #[arg(long, value_name = "N", default_value = "1000", allow_negative_numbers = true, value_parser = args::count)]
    seeds: NonZeroU64,
    /// The first one's seed
    #[arg(long, value_name = "S", default_value_t = 0, allow_negative_numbers = true, value_parser = args::seed)]
    seed: u64,
    /// Threads. Default: as many as there are cores
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = args::count)]
    threads: Option<NonZeroU64>,
    /// Draw what happened; only with --seeds 1
    #[arg(long)]
    ladder: bool,
    /// The language of the drawing
    #[arg(long, default_value_t = Lang::En, value_parser = crate::args::language())]
    lang: Lang,
    /// One JSON object at the end instead of words
    #[arg(long, conflicts_with = "ladder")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  handfast sim swarm --seeds 10000
  handfast sim swarm --seeds 1 --seed 4711 --ladder     one world, drawn

A seed that fails is printed at once, with the command that runs it again, bit for bit. \
Ctrl-C ends with what was found.";

pub(crate) fn run(args: SimArgs, out: &mut Out) -> anyhow::Result<Done> {
    match args.command {
        SimCommand::Swarm(args) => swarm(args, out),
        SimCommand::Paths(args) => crate::paths::run(&args, out),
        SimCommand::Plot(args) => crate::paths::plot::run(&args, out),
    }
}

fn swarm(args: SwarmArgs, out: &mut Out) -> anyhow::Result<Done> {
    let Some(end) = args.seed.checked_add(args.seeds.get()) else {
        return Err(crate::Usage(format!("seeds end at {}", u64::MAX)).into());
    };
    if args.ladder {
        if args.seeds.get() != 1 {
            return Err(crate::Usage("--ladder draws one world: --seeds 1".to_owned()).into());
        }
        return draw(&args, out);
    }
    // A panic is a failure like others, and is told with its seed.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map_or(cores, |threads| usize::try_from(threads.get()).unwrap_or(usize::MAX));
    let interrupted = interruptible()?;
    let bar = bar(args.seeds.get());
    let began = Instant::now();
    let telling = Mutex::new(Telling { out, told: 0, result: Ok(()) });
    let summary = run_many(args.seed..end, threads, |summary| {
        bar.set_position(summary.runs);
        let mut telling = telling.lock().unwrap_or_else(PoisonError::into_inner);
        if !args.json {
            bar.suspend(|| telling.tell(&summary.failures));
        }
        if telling.result.is_err() || interrupted.load(Ordering::Relaxed) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    let Telling { out, result, .. } = telling.into_inner().unwrap_or_else(PoisonError::into_inner);
    bar.finish_and_clear();
    std::panic::set_hook(hook);
    result?;
    // The last one may have been over when it was asked to stop.
    let interrupted = summary.runs < args.seeds.get();

    let rate = summary.runs as f64 / began.elapsed().as_secs_f64().max(f64::EPSILON);
    let total = &summary.total;
    if args.json {
        let failures: Vec<_> = (summary.failures.iter())
            .map(|failure| serde_json::json!({ "seed": failure.seed, "what": failure.violation.to_string() }))
            .collect();
        let object = serde_json::json!({
            "event": "swarm", "interrupted": interrupted, "runs": summary.runs, "first": args.seed, "connections": total.connections,
            "octets": total.bytes, "segments": total.segments, "retransmissions": total.retransmissions,
            "datagrams": total.datagrams, "virtual_seconds": total.virtual_time.as_secs(),
            "runs_per_second": rate.round(), "digest": format!("{:016x}", total.digest), "failures": failures,
        });
        out.line(&object.to_string())?;
    } else {
        if interrupted {
            out.line(&format!("interrupted       after {} of {} worlds", summary.runs, args.seeds))?;
        }
        // Seeds are taken in order, also when not all of them are.
        let last = args.seed.saturating_add(summary.runs.saturating_sub(1));
        let failed = summary.failures.len();
        out.line(&format!("seeds             {} to {last} ({failed} failed)", args.seed))?;
        if failed > 0 {
            let seeds: Vec<_> = summary.failures.iter().map(|failure| failure.seed.to_string()).collect();
            out.line(&format!("failed            {}", seeds.join(", ")))?;
        }
        out.line(&format!("connections       {}", total.connections))?;
        out.line(&format!("octets            {}", total.bytes))?;
        out.line(&format!("segments          {}", total.segments))?;
        out.line(&format!("retransmissions   {}", total.retransmissions))?;
        out.line(&format!("datagrams         {}", total.datagrams))?;
        out.line(&format!("virtual time      {}", span(total.virtual_time.as_secs_f64())))?;
        out.line(&format!("digest            {:016x}", total.digest))?;
        out.line(&format!("runs per second   {rate:.0}"))?;
    }
    Ok(match interrupted {
        true => Done::Interrupted,
        false if summary.failures.is_empty() => Done::Well,
        false => Done::DoesNotHold,
    })
}

/// Tells of each failure as it is found: whatever ends a long run, what it found is known.
struct Telling<'a> {
    out: &'a mut Out,
    told: usize,
    result: io::Result<()>,
}

impl Telling<'_> {
    fn tell(&mut self, failures: &[Failure]) {
        for failure in failures.iter().skip(self.told) {
            self.told += 1;
            if self.result.is_ok() {
                self.result = self.out.line(&format!("FAILED: {failure}\n")).and_then(|()| self.out.flush());
            }
        }
    }
}

/// Becomes true at Ctrl-C: worlds that are under way are played to their end. At the second one all ends at once.
pub(crate) fn interruptible() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(interrupted)
}

/// A time in the unit that suits it.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

fn bar(runs: u64) -> ProgressBar {
    // On standard error, and only if that is a terminal.
    let bar = ProgressBar::new(runs);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} worlds  {per_sec}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// One world, drawn between its first two hosts.
fn draw(args: &SwarmArgs, out: &mut Out) -> anyhow::Result<Done> {
    let (result, log) = replay(args.seed, &Options::default());
    let origin = log.first().map_or(env::Instant::ZERO, |logged| logged.at);
    let entries: Vec<Entry> = (log.into_iter())
        .filter_map(|logged| {
            Some(match logged.what {
                Happened::Host(host, what) if host.index() < 2 => Entry::Host { host: host.index(), what },
                // Links count from 0, the two directions of each one after the other.
                Happened::Link(link, event) if link.index() < 2 => Entry::Link { from: link.index(), event },
                Happened::Fault(text) => Entry::Said { at: logged.at, host: None, text },
                _ => return None,
            })
        })
        .collect();
    let settings =
        Settings { lang: args.lang, width: out.columns(), colour: true, origin, ..Settings::default() };
    out.write(&Ladder::new(settings).draw(&entries))?;
    out.line("")?;
    match result {
        Ok(report) => {
            out.line(&format!(
                "everything held: {} connections, {} octets, {} retransmissions",
                report.connections, report.bytes, report.retransmissions
            ))?;
            Ok(Done::Well)
        }
        Err(failure) => {
            out.line(&format!("FAILED: {failure}"))?;
            Ok(Done::DoesNotHold)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_unit_that_suits_it() {
        assert_eq!([7.0, 90.0, 9000.0].map(span), ["7.0 s", "1.5 min", "2.5 h"]);
    }
}
