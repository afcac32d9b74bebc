//! `handfast bench`: how fast it is, beside smoltcp and the kernel.

#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod tun;

use crate::out::Out;
use crate::{Done, Usage};
use anyhow::Context as _;
use bench::memory::{self, Idle, Which};
use bench::{BenchError, Report};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Measure the stack, beside smoltcp and the kernel
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommand,
}

const EXAMPLES: &str = "\
Examples:
  handfast bench memory
  handfast bench memory --quick --json
  sudo handfast bench tun
  sudo handfast bench paths --quick

Figures are worth something from an optimised build, on a machine that does nothing else.";

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Stack to stack in one thread, beside smoltcp in the same run
    Memory(Measured),
    /// Over a TUN to the kernel and back, beside smoltcp and kernel to kernel in the same run; needs root
    #[cfg(target_os = "linux")]
    Tun(TunArgs),
    /// Lossy, reordering, long and broken paths in real time, beside the kernel in the same run; needs root
    #[cfg(target_os = "linux")]
    Paths(paths::PathsArgs),
    /// The stack's end of a stream, for `tun`
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    End(tun::TaskArgs),
    /// The other end
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Peer(tun::TaskArgs),
    /// Says as JSON what an idle connection costs in a process of its own
    #[command(hide = true)]
    Idle { stack: Kind, count: usize },
}

#[derive(Debug, Args)]
struct Measured {
    /// Shorter samples, and five of each
    #[arg(long)]
    quick: bool,
    /// Only this row, by its name in the JSON, and what is measured with it
    #[arg(long, value_name = "ROW")]
    only: Option<String>,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[cfg(target_os = "linux")]
#[derive(Debug, Args)]
struct TunArgs {
    /// Shorter samples, and five of each
    #[arg(long)]
    quick: bool,
    /// Without offloads on the TUN: one packet a system call
    #[arg(long)]
    plain: bool,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Ours,
    Theirs,
    Kernel,
}

pub(crate) fn run(args: BenchArgs, out: &mut Out) -> anyhow::Result<Done> {
    match args.command {
        BenchCommand::Memory(measured) => {
            let options = if measured.quick { memory::Options::QUICK } else { memory::Options::FULL };
            let options = memory::Options { only: only(measured.only.as_deref(), memory::ROWS)?, ..options };
            let measure =
                |progress: bench::Progress<'_>| memory::run(options, machine(), progress, idle_apart);
            table(measured.json, out, measure)
        }
        #[cfg(target_os = "linux")]
        BenchCommand::Tun(args) => {
            tun::enter_namespace()?;
            let options = if args.quick { bench::tun::Options::QUICK } else { bench::tun::Options::FULL };
            let options = bench::tun::Options { offloads: !args.plain, ..options };
            table(args.json, out, |progress| bench::tun::run(options, machine(), progress, tun::sample))
        }
        #[cfg(target_os = "linux")]
        BenchCommand::Paths(args) => {
            let options = args.options()?;
            let check = args.check;
            table(args.json, out, |progress| {
                let table = bench::paths::run(&options, machine(), progress)?;
                Ok(Paths { table, check })
            })
        }
        #[cfg(target_os = "linux")]
        BenchCommand::End(task) => tun::end(&task).map(|()| Done::Well),
        #[cfg(target_os = "linux")]
        BenchCommand::Peer(task) => tun::peer(&task).map(|()| Done::Well),
        BenchCommand::Idle { stack, count } => {
            let which = if stack == Kind::Ours { Which::Ours } else { Which::Theirs };
            let Idle { resident, told } = memory::idle(which, count)?;
            out.line(&serde_json::json!({ "resident": resident, "told": told }).to_string())?;
            Ok(Done::Well)
        }
    }
}

/// The row of that name.
fn only(name: Option<&str>, rows: &[&'static str]) -> Result<Option<&'static str>, Usage> {
    let Some(name) = name else { return Ok(None) };
    match rows.iter().find(|row| **row == name) {
        Some(row) => Ok(Some(row)),
        None => Err(Usage(format!("no row is named {name}; there are {}", rows.join(", ")))),
    }
}

/// What a bench comes to.
trait Told {
    fn to_text(&self) -> String;
    fn to_json(&self) -> serde_json::Value;
    /// Whether somebody stopped it, so that it is only what there was by then.
    fn interrupted(&self) -> bool {
        false
    }
    /// Whether it is as it has to be, if that was asked.
    fn holds(&self) -> bool {
        true
    }
}

impl Told for Report {
    fn to_text(&self) -> String {
        self.to_text()
    }
    fn to_json(&self) -> serde_json::Value {
        self.to_json()
    }
}

/// What bad paths come to, and whether somebody wants to know if that is good enough.
#[cfg(target_os = "linux")]
struct Paths {
    table: bench::paths::Table,
    check: bool,
}

#[cfg(target_os = "linux")]
impl Told for Paths {
    fn to_text(&self) -> String {
        self.table.to_text()
    }
    fn to_json(&self) -> serde_json::Value {
        self.table.to_json()
    }
    fn interrupted(&self) -> bool {
        self.table.interrupted
    }
    fn holds(&self) -> bool {
        !self.check || self.table.verdicts().iter().all(bench::paths::Verdict::holds)
    }
}

/// Runs a bench with a bar on a terminal, and prints what came of it.
fn table<T: Told>(
    json: bool,
    out: &mut Out,
    measure: impl FnOnce(bench::Progress<'_>) -> Result<T, BenchError>,
) -> anyhow::Result<Done> {
    if cfg!(debug_assertions) {
        crate::out::complain("this is not an optimised build; the figures say little");
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("cannot watch for Ctrl-C")?;
    // On standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    let bar = match ProgressStyle::with_template("{bar:40} {pos}/{len}  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    let report = measure(&mut |done, steps, next| {
        bar.set_length(steps as u64);
        bar.set_position(done as u64);
        bar.set_message(next.trim().to_owned());
        !interrupted.load(Ordering::Relaxed)
    });
    bar.finish_and_clear();
    let report = match report {
        Ok(report) => report,
        Err(BenchError::Interrupted) => {
            crate::out::complain("interrupted: nothing was measured to the end");
            return Ok(Done::Interrupted);
        }
        Err(error) => return Err(error.into()),
    };
    if json {
        out.line(&report.to_json().to_string())?;
    } else {
        out.write(&report.to_text())?;
    }
    Ok(match report.holds() {
        _ if report.interrupted() => Done::Interrupted,
        true => Done::Well,
        false => Done::DoesNotHold,
    })
}

/// What idle connections cost, measured in a process that does nothing else.
fn idle_apart(which: Which, count: usize) -> Result<Idle, BenchError> {
    let doing = "measure in a process of its own";
    let system = |why| BenchError::System { doing, why };
    let stack = if which == Which::Ours { "ours" } else { "theirs" };
    let mut command = Command::new(std::env::current_exe().map_err(system)?);
    let output = command.args(["bench", "idle", stack, &count.to_string()]).output().map_err(system)?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match said["resident"].as_f64() {
        Some(resident) if output.status.success() => Ok(Idle { resident, told: said["told"].as_f64() }),
        _ => Err(system(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))),
    }
}

/// The machine, as far as it says what it is.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: String = kernel.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!(
        "{}, {cores} cores, {} {kernel}",
        model.map_or("a processor that does not say what it is", str::trim),
        std::env::consts::OS
    )
}
