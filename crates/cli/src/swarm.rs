//! `handfast sim swarm`: random worlds, in each of which everything must hold.

use crate::Done;
use crate::out::Out;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use sim::Happened;
use sim::swarm::{self, Options};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Instant;
use trace::{Entry, Ladder, Lang, Settings};

/// Try the stack in worlds made by chance
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    #[command(subcommand)]
    command: SimCommand,
}

#[derive(Debug, Subcommand)]
enum SimCommand {
    Swarm(SwarmArgs),
}

/// Random links, faults, settings and users, one world a seed; every rule is checked at every step
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct SwarmArgs {
    /// How many worlds
    #[arg(long, value_name = "N", default_value = "1000")]
    seeds: NonZeroU64,
    /// The first one's seed
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Threads. Default: as many as there are cores
    #[arg(long, value_name = "T")]
    threads: Option<NonZeroUsize>,
    /// Draw what happened; only with --seeds 1
    #[arg(long)]
    ladder: bool,
    /// The language of the drawing: en or ko
    #[arg(long, default_value_t = Lang::En)]
    lang: Lang,
    /// One JSON object at the end instead of words
    #[arg(long, conflicts_with = "ladder")]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  handfast sim swarm --seeds 10000
  handfast sim swarm --seeds 1 --seed 4711 --ladder     one world, drawn

A seed that fails is printed with the command that runs it again, bit for bit.";

pub(crate) fn run(args: SimArgs, out: &mut Out) -> anyhow::Result<Done> {
    let SimCommand::Swarm(args) = args.command;
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
    let threads = args.threads.map_or(cores, NonZeroUsize::get);
    let bar = bar(args.seeds.get());
    let began = Instant::now();
    let summary = swarm::run_many(args.seed..end, threads, |summary| bar.set_position(summary.runs));
    bar.finish_and_clear();
    std::panic::set_hook(hook);

    let rate = summary.runs as f64 / began.elapsed().as_secs_f64().max(f64::EPSILON);
    let total = &summary.total;
    if args.json {
        let failures: Vec<_> = (summary.failures.iter())
            .map(|failure| serde_json::json!({ "seed": failure.seed, "what": failure.violation.to_string() }))
            .collect();
        let object = serde_json::json!({
            "event": "swarm", "runs": summary.runs, "first": args.seed, "connections": total.connections,
            "octets": total.bytes, "segments": total.segments, "retransmissions": total.retransmissions,
            "datagrams": total.datagrams, "virtual_seconds": total.virtual_time.as_secs(),
            "runs_per_second": rate.round(), "digest": format!("{:016x}", total.digest), "failures": failures,
        });
        out.line(&object.to_string())?;
    } else {
        for failure in &summary.failures {
            out.line(&format!("FAILED: {failure}\n"))?;
        }
        out.line(&format!(
            "seeds             {} to {} ({} failed)",
            args.seed,
            end - 1,
            summary.failures.len()
        ))?;
        out.line(&format!("connections       {}", total.connections))?;
        out.line(&format!("octets            {}", total.bytes))?;
        out.line(&format!("segments          {}", total.segments))?;
        out.line(&format!("retransmissions   {}", total.retransmissions))?;
        out.line(&format!("datagrams         {}", total.datagrams))?;
        let hours = total.virtual_time.as_secs_f64() / 3600.0;
        out.line(&format!("virtual time      {hours:.1} h"))?;
        out.line(&format!("digest            {:016x}", total.digest))?;
        out.line(&format!("runs per second   {rate:.0}"))?;
    }
    Ok(if summary.failures.is_empty() { Done::Well } else { Done::Badly })
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
    let (result, log) = swarm::replay(args.seed, &Options::default());
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
            Ok(Done::Badly)
        }
    }
}
