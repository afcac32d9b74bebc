//! `handfast drill`: packetdrill scripts, played against our stack in virtual time.
//!
//! ```text
//!   PATH… ─► find: scripts ─► jobs: a script, an IP version ─► crew: threads, each with hosts of its own
//!                                                                  │ Played: a verdict, the packets
//!                                                                  ▼
//!                               text, or json ◄── in the order of the jobs ──► capture (--pcap)
//! ```
//!
//! A script that panics is a failure like others; so is one that goes on for longer than anybody waits.

mod capture;
mod crew;
mod find;
mod json;
#[cfg(target_os = "linux")]
mod kernel;
mod text;

use crate::out::Out;
use crate::{Done, Usage, args};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use crew::Ended;
use indicatif::{ProgressBar, ProgressStyle};
use sim::packetdrill::Ours;
use sim::packetdrill::meant::Meant;
use sim::packetdrill::play::{Rules, play};
use sim::packetdrill::report::{Exchanged, Outcome, Verdict};
use sim::packetdrill::script::{Position, Script, Setting, customary, parse};
use sim::packetdrill::subject::IpVersion;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Play packetdrill scripts against the stack, in virtual time: no root, no Linux, no waiting
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", crate::args::CODES))]
pub(crate) struct DrillArgs {
    /// Scripts (*.pkt), or directories of them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Stronger than packetdrill: a packet that the script doesn't expect fails it, and checksums and echoed timestamps count
    #[arg(long)]
    strict: bool,
    /// Times are kept to the nanosecond instead of within 4 ms or an eighth
    #[arg(long)]
    exact: bool,
    /// Which addresses: v4, v6, mapped (IPv6 sockets, IPv4 packets), or all three in turn
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = Ip::V4)]
    ip: Ip,
    /// An option line for every script, as packetdrill's own command line has them: mtu=1500, tolerance_usecs=20000,
    /// define=NAME=VALUE. It wins over what a script says itself. Again and again
    #[arg(long = "option", value_name = "NAME[=VALUE]", value_parser = option)]
    options: Vec<Setting>,
    /// Draw the packets of scripts that pass, too
    #[arg(long, conflicts_with = "json")]
    ladder: bool,
    /// One JSON object a line: each script, then the counts
    #[arg(long)]
    json: bool,
    /// Write the packets of each script to a capture in DIR
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,
    /// Play against another host: `kernel` is the Linux kernel, in real time, in a network namespace of its own. Takes root,
    /// and runs the scripts' shell commands
    #[arg(long, value_name = "HOST", value_enum)]
    against: Option<Against>,
    /// Threads. Default: as many as there are cores
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = args::count)]
    threads: Option<NonZeroU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ip {
    V4,
    V6,
    Mapped,
    All,
}

impl Ip {
    fn versions(self) -> &'static [IpVersion] {
        match self {
            Self::V4 => &[IpVersion::V4],
            Self::V6 => &[IpVersion::V6],
            Self::Mapped => &[IpVersion::Mapped],
            Self::All => &IpVersion::ALL,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Against {
    Kernel,
}

const EXAMPLES: &str = "\
Each script is told in a line: ok; FAIL, with what the script expects, what was, and the packets so far; or skip, with \
what it needs that this host doesn't have. docs/drill.md says what of packetdrill's language is spoken.

Examples:
  handfast drill crates/sim/scripts                  ours
  handfast drill --ip all --strict close.pkt
  handfast drill --ip v6 --option mtu=1500 --ladder close.pkt
  sudo handfast drill crates/sim/scripts --against kernel
  handfast drill gtests/net/tcp --json | jq -c 'select(.verdict == \"fail\") | [.script, .line, .what]'";

/// How long one script may take by the clock on the wall: on virtual time it takes a few milliseconds.
const LONGEST: Duration = Duration::from_secs(60);

/// The same against a host in real time: what a script waits for is waited for.
const LONGEST_REAL: Duration = Duration::from_secs(900);

/// How often a script is played in real time that fails for being late.
#[cfg(target_os = "linux")]
const TRIES: usize = 3;

/// One script for one kind of address.
#[derive(Clone, Debug)]
struct Job {
    path: PathBuf,
    version: IpVersion,
}

/// A job that is over.
struct Played {
    job: Job,
    outcome: Outcome,
    /// What to print instead of a failure's own words: an error of syntax shows its line.
    shown: Option<String>,
    /// Why the host does otherwise, where the script says that it does.
    differs: Option<String>,
}

/// How many of each there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Failed, and the script says itself that this host does otherwise.
    differing: usize,
}

impl Counts {
    fn add(&mut self, played: &Played) {
        *match (&played.outcome.verdict, &played.differs) {
            (Verdict::Passed, _) => &mut self.passed,
            (Verdict::Failed(_), Some(_)) => &mut self.differing,
            (Verdict::Failed(_), None) => &mut self.failed,
            (Verdict::Skipped { .. }, _) => &mut self.skipped,
        } += 1;
    }
}

pub(crate) fn run(args: &DrillArgs, out: &mut Out) -> anyhow::Result<Done> {
    let against = args.against;
    if against.is_some() {
        there_is_a_kernel()?;
    }
    let jobs = jobs(args)?;
    if let Some(dir) = &args.pcap {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let rules = Rules { strict: args.strict, exact: args.exact, ..Rules::default() };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    // Scripts that are played in real time mostly wait.
    let (cores, longest) = if against.is_some() { (cores.max(4), LONGEST_REAL) } else { (cores, LONGEST) };
    let threads = args.threads.map_or(cores, |threads| usize::try_from(threads.get()).unwrap_or(usize::MAX));
    let bar = bar(jobs.len());
    let mut counts = Counts::default();
    let mut result = Ok(());
    let options = args.options.clone();
    crew::work(
        jobs.clone(),
        threads,
        longest,
        move |job| one(job, rules, against, &options),
        |index, ended| {
            let Some(job) = jobs.get(index) else { return };
            let played = played(job.clone(), ended, longest);
            counts.add(&played);
            bar.inc(1);
            if result.is_ok() {
                result = bar.suspend(|| tell(&played, args, out));
            }
        },
    );
    bar.finish_and_clear();
    result?;
    if args.json {
        out.line(&json::counts(counts))?;
    } else {
        out.line(&text::counts(counts))?;
    }
    Ok(if counts.failed > 0 { Done::Badly } else { Done::Well })
}

/// All scripts, each for every kind of address that is asked for.
fn jobs(args: &DrillArgs) -> anyhow::Result<Vec<Job>> {
    let scripts = find::scripts(&args.paths)?;
    let each =
        |path: PathBuf| args.ip.versions().iter().map(move |&version| Job { path: path.clone(), version });
    Ok(scripts.into_iter().flat_map(each).collect())
}

/// A script that was read, or what is wrong with it.
struct Told {
    outcome: Outcome,
    shown: Option<String>,
    differs: Option<String>,
}

/// Plays one script against a host of its own.
fn one(job: &Job, rules: Rules, against: Option<Against>, options: &[Setting]) -> Told {
    let told = |outcome, differs| Told { outcome, shown: None, differs };
    let octets = match std::fs::read(&job.path) {
        Ok(octets) => octets,
        Err(error) => return told(failed(format!("cannot read it: {error}")), None),
    };
    let text = String::from_utf8_lossy(&octets);
    let mut definitions = customary(job.version == IpVersion::V6, job.version != IpVersion::V4);
    let (defines, others): (Vec<_>, Vec<_>) = options.iter().partition(|option| option.name == "define");
    let defined = defines.iter().filter_map(|option| option.value().split_once('='));
    definitions.extend(defined.map(|(name, value)| (name.to_owned(), value.to_owned())));
    match parse(&text, &definitions) {
        Ok(mut script) => {
            // Where an option is said twice, the later one counts.
            script.options.extend(others.into_iter().cloned());
            let rules = Rules { version: job.version, ..rules };
            let meant = Meant::of(&text);
            let judged_as_meant = |outcome| match meant {
                Some(meant) => meant.judged(&script, outcome),
                None => outcome,
            };
            match against {
                None => told(judged_as_meant(play(&script, &mut Ours::new(0), &rules)), None),
                Some(Against::Kernel) => {
                    told(judged_as_meant(judged(job, &script, &rules)), difference(&text))
                }
            }
        }
        Err(error) => {
            let mut outcome = failed(error.message.clone());
            if let Verdict::Failed(failure) = &mut outcome.verdict {
                failure.at = error.at;
            }
            let shown = error.in_file(&job.path.display().to_string()).to_string();
            Told { outcome, shown: Some(shown), differs: None }
        }
    }
}

/// `NAME` or `NAME=VALUE`, with or without the dashes that a script has before it.
fn option(text: &str) -> Result<Setting, String> {
    let text = text.strip_prefix("--").unwrap_or(text);
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let word = |name: &str| name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    if name.is_empty() || !word(name) {
        return Err("it wants NAME=VALUE, such as mtu=1500".to_owned());
    }
    let defines =
        || value.as_deref().and_then(|value| value.split_once('=')).is_some_and(|(name, _)| word(name));
    if name == "define" && !defines() {
        return Err("it wants define=NAME=VALUE".to_owned());
    }
    Ok(Setting { at: Position::default(), name: name.to_owned(), value })
}

/// What a script says of a host that does otherwise, behind `// differs: kernel`.
fn difference(text: &str) -> Option<String> {
    let said = text.lines().find_map(|line| line.trim().strip_prefix("// differs: kernel"))?;
    Some(said.trim().to_owned())
}

#[cfg(target_os = "linux")]
fn there_is_a_kernel() -> anyhow::Result<()> {
    kernel::possible().map_err(|why| Usage(format!("--against kernel: {why}")).into())
}

#[cfg(not(target_os = "linux"))]
fn there_is_a_kernel() -> anyhow::Result<()> {
    Err(Usage("--against kernel: this system's kernel is not Linux".to_owned()).into())
}

/// Plays a script against the kernel; again where nothing is wrong but the time, which a busy machine may be to blame for.
#[cfg(target_os = "linux")]
fn judged(job: &Job, script: &Script, rules: &Rules) -> Outcome {
    let directory = job.path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let once = || match kernel::Kernel::new(directory.to_path_buf()) {
        Ok(mut kernel) => play(script, &mut kernel, rules),
        Err(why) => failed(format!("the kernel cannot be driven: {why}")),
    };
    let mut outcome = once();
    for _ in 1..TRIES {
        if !matches!(&outcome.verdict, Verdict::Failed(failure) if failure.late) {
            break;
        }
        outcome = once();
    }
    outcome
}

#[cfg(not(target_os = "linux"))]
fn judged(_: &Job, _: &Script, _: &Rules) -> Outcome {
    failed("this system's kernel is not Linux".to_owned())
}

fn played(job: Job, ended: Ended<Told>, longest: Duration) -> Played {
    let lost = |outcome| Told { outcome, shown: None, differs: None };
    let Told { outcome, shown, differs } = match ended {
        Ended::Well(told) => told,
        Ended::Panicked(why) => lost(failed(format!("it panicked: {why}"))),
        Ended::Stuck => lost(failed(format!("it didn't end within {} s", longest.as_secs()))),
    };
    Played { job, outcome, shown, differs }
}

fn failed(what: String) -> Outcome {
    let zero = env::Instant::ZERO;
    let failure = sim::packetdrill::report::Failure::told(Default::default(), zero, what);
    Outcome { verdict: Verdict::Failed(Box::new(failure)), exchange: Vec::new(), ended: zero }
}

fn tell(played: &Played, args: &DrillArgs, out: &mut Out) -> anyhow::Result<()> {
    if let Some(dir) = &args.pcap {
        let file = dir.join(capture::name(&played.job));
        let written = capture::write(&file, &played.outcome.exchange);
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.json {
        out.line(&json::script(played))?;
    } else {
        out.write(&text::script(played, args.ladder, out.columns()))?;
    }
    Ok(())
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    crate::clean::line(&path.display().to_string())
}

fn bar(jobs: usize) -> ProgressBar {
    // On standard error, and only if that is a terminal.
    let bar = ProgressBar::new(jobs as u64);
    match ProgressStyle::with_template("{bar:40} {pos}/{len} scripts") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The packets of a script, for whoever draws or writes them.
type Exchange = [Exchanged];
