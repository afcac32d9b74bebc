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
mod remarks;
mod text;

use crate::out::Out;
use crate::{Done, args};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use crew::Ended;
use indicatif::{ProgressBar, ProgressStyle};
use remarks::Remarks;
use sim::packetdrill::Ours;
use sim::packetdrill::meant::Meant;
use sim::packetdrill::play::{Rules, play};
use sim::packetdrill::report::{Exchanged, Failure, Outcome, Verdict};
use sim::packetdrill::script::{ParseError, Position, Script, Setting, check, customary, parse};
use sim::packetdrill::subject::IpVersion;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Fail if a script is skipped, too, unless it is for other addresses than --ip says
    #[arg(long)]
    no_skip: bool,
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

/// How often a script that came late is played again, with nothing else beside it.
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
    told: Told,
}

/// How a job ended, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending<'a> {
    Passed,
    Failed(&'a Failure),
    /// Failed where the script says itself that this host does otherwise, and why.
    Differs(&'a Failure, &'a str),
    Skipped {
        at: Option<Position>,
        because: &'a str,
    },
}

impl Played {
    fn ending(&self) -> Ending<'_> {
        match &self.told.outcome.verdict {
            Verdict::Passed => Ending::Passed,
            Verdict::Failed(failure) => match self.told.differs(failure) {
                Some(because) => Ending::Differs(failure, because),
                None => Ending::Failed(failure),
            },
            Verdict::Skipped { at, because, .. } => Ending::Skipped { at: *at, because },
        }
    }

    /// Lines that say the kernel differs, and it doesn't.
    fn stale(&self) -> Vec<u32> {
        let told = &self.told;
        let passed = told.judged && told.outcome.verdict == Verdict::Passed;
        told.remarks.differs.iter().filter(|_| passed).map(|differs| differs.line).collect()
    }

    /// Why it was played loosely where strictness was asked for.
    fn loosely(&self) -> Option<&str> {
        self.told.remarks.loose.as_deref().filter(|_| self.told.loosely)
    }

    /// Whether nothing is wrong but that the machine was late.
    fn is_late(&self) -> bool {
        self.told.judged && matches!(self.ending(), Ending::Failed(failure) if failure.late)
    }
}

/// How many of each there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    /// Failed, and the script says itself that this host does otherwise.
    differing: usize,
    /// Passed, though the script says that this host does otherwise.
    stale: usize,
    /// Skipped, and not for being about another kind of address.
    missing: usize,
}

impl Counts {
    fn add(&mut self, played: &Played) {
        *match played.ending() {
            Ending::Passed => &mut self.passed,
            Ending::Differs(..) => &mut self.differing,
            Ending::Failed(_) => &mut self.failed,
            Ending::Skipped { .. } => &mut self.skipped,
        } += 1;
        self.stale += usize::from(!played.stale().is_empty());
        let missing = matches!(played.told.outcome.verdict, Verdict::Skipped { elsewhere: false, .. });
        self.missing += usize::from(missing);
    }

    fn told(&self) -> usize {
        self.passed + self.failed + self.skipped + self.differing
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
    let interrupted = crate::swarm::interruptible()?;
    let bar = bar(jobs.len());
    let total = jobs.len();
    let mut desk = Desk { args, out, bar, counts: Counts::default(), late: Vec::new(), result: Ok(()) };
    let how = How { rules, against, options: args.options.clone() };
    let late_how = how.clone();
    desk.play(jobs, threads, longest, &interrupted, move |job| one(job, &how), true);
    // What came late may have been crowded out by the others: it is played again, alone.
    let late = std::mem::take(&mut desk.late);
    desk.play(late, 1, longest, &interrupted, move |job| again(job, &late_how), false);
    let Desk { bar, counts, result, out, .. } = desk;
    bar.finish_and_clear();
    result?;
    let stopped = interrupted.load(Ordering::Relaxed) && counts.told() < total;
    if args.json {
        out.line(&json::counts(counts, stopped))?;
    } else {
        if stopped {
            out.line(&format!("interrupted after {} of {total}", counts.told()))?;
        }
        out.line(&text::counts(counts))?;
    }
    Ok(match counts {
        _ if stopped => Done::Interrupted,
        Counts { failed: 1.., .. } => Done::Badly,
        Counts { missing: 1.., .. } if args.no_skip => Done::Badly,
        _ => Done::Well,
    })
}

/// How scripts are played.
#[derive(Clone)]
struct How {
    rules: Rules,
    against: Option<Against>,
    /// Option lines of the command line.
    options: Vec<Setting>,
}

/// Where results are told and counted.
struct Desk<'a> {
    args: &'a DrillArgs,
    out: &'a mut Out,
    bar: ProgressBar,
    counts: Counts,
    /// What came late, and is to be played again.
    late: Vec<Job>,
    result: anyhow::Result<()>,
}

impl Desk<'_> {
    fn play(
        &mut self,
        jobs: Vec<Job>,
        threads: usize,
        longest: Duration,
        interrupted: &AtomicBool,
        work: impl Fn(&Job) -> Told + Send + Sync + 'static,
        once_more: bool,
    ) {
        let stop = || interrupted.load(Ordering::Relaxed);
        crew::work(jobs.clone(), threads, longest, stop, work, |index, ended| {
            let Some(job) = jobs.get(index) else { return };
            let played = played(job.clone(), ended, longest);
            if once_more && played.is_late() {
                self.late.push(played.job);
                return;
            }
            self.counts.add(&played);
            self.bar.inc(1);
            if self.result.is_ok() {
                self.result = self.bar.suspend(|| tell(&played, self.args, self.out));
            }
        });
    }
}

/// All scripts, each for every kind of address that is asked for.
fn jobs(args: &DrillArgs) -> anyhow::Result<Vec<Job>> {
    let scripts = find::scripts(&args.paths)?;
    let each =
        |path: PathBuf| args.ip.versions().iter().map(move |&version| Job { path: path.clone(), version });
    Ok(scripts.into_iter().flat_map(each).collect())
}

/// What became of a script, and what it says of itself.
struct Told {
    outcome: Outcome,
    /// The line of a mistake, and a mark under it.
    shown: Option<String>,
    remarks: Remarks,
    /// It was the kernel that played.
    judged: bool,
    /// It was played loosely, as it says of itself, where strictness was asked for.
    loosely: bool,
}

impl Told {
    /// An outcome, and no more.
    fn plain(outcome: Outcome) -> Self {
        Self { outcome, shown: None, remarks: Remarks::default(), judged: false, loosely: false }
    }

    /// A mistake in the script, before anything was played.
    fn mistake(error: &ParseError, path: &Path) -> Self {
        let mut outcome = failed(error.message.clone());
        if let Verdict::Failed(failure) = &mut outcome.verdict {
            failure.at = error.at;
        }
        let shown = error.in_file(&path.display().to_string()).to_string();
        Self { shown: Some(shown), ..Self::plain(outcome) }
    }

    /// Why the kernel does otherwise, if the script says so of what failed.
    fn differs(&self, failure: &Failure) -> Option<&str> {
        let differs = self.remarks.of(failure.at).filter(|_| self.judged);
        differs.map(|differs| differs.because.as_str())
    }
}

/// Plays one script against a host of its own.
fn one(job: &Job, how: &How) -> Told {
    let How { rules, against, options } = how;
    let text = match find::read(&job.path) {
        Ok(text) => text,
        Err(why) => return Told::plain(failed(why)),
    };
    let mut definitions = customary(job.version == IpVersion::V6, job.version != IpVersion::V4);
    let (defines, others): (Vec<_>, Vec<_>) = options.iter().partition(|option| option.name == "define");
    let defined = defines.iter().filter_map(|option| option.value().split_once('='));
    definitions.extend(defined.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let script = parse(&text, &definitions);
    let script = script.and_then(|script| check(&text, &script).map(|()| script));
    let read = script.and_then(|script| Remarks::read(&text, &script).map(|remarks| (script, remarks)));
    let (mut script, remarks) = match read {
        Ok(read) => read,
        Err(error) => return Told::mistake(&error, &job.path),
    };
    // Where an option is said twice, the later one counts.
    script.options.extend(others.into_iter().cloned());
    let loosely = rules.strict && remarks.loose.is_some();
    let rules = Rules { version: job.version, strict: rules.strict && !loosely, ..*rules };
    let outcome = match against {
        None => play(&script, &mut Ours::new(0), &rules),
        Some(Against::Kernel) => judged(job, &script, &remarks, &rules),
    };
    let outcome = match Meant::of(&text) {
        Some(meant) => meant.judged(&script, outcome),
        None => outcome,
    };
    // What is wrong with a script that moved no packet is wrong with its words.
    let shown = match &outcome.verdict {
        Verdict::Failed(failure) if outcome.exchange.is_empty() && failure.at != Position::default() => {
            let error = ParseError::at(&text, failure.at, 0, failure.what.clone());
            Some(error.in_file(&job.path.display().to_string()).to_string())
        }
        _ => None,
    };
    Told { outcome, shown, remarks, judged: against.is_some(), loosely }
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

/// Plays a script once more, until it isn't late.
fn again(job: &Job, how: &How) -> Told {
    let mut told = one(job, how);
    for _ in 1..TRIES {
        if !matches!(&told.outcome.verdict, Verdict::Failed(failure) if failure.late) {
            break;
        }
        told = one(job, how);
    }
    told
}

#[cfg(target_os = "linux")]
fn there_is_a_kernel() -> anyhow::Result<()> {
    kernel::possible().map_err(|why| anyhow::anyhow!("--against kernel: {why}"))
}

#[cfg(not(target_os = "linux"))]
fn there_is_a_kernel() -> anyhow::Result<()> {
    Err(crate::Usage("--against kernel: this system's kernel is not Linux".to_owned()).into())
}

/// Plays a script against the kernel.
#[cfg(target_os = "linux")]
fn judged(job: &Job, script: &Script, remarks: &Remarks, rules: &Rules) -> Outcome {
    for need in &remarks.needs {
        match kernel::takes(&need.name, &need.value) {
            Ok(true) => {}
            Ok(false) => {
                let because = format!("this kernel can't have {}={}", need.name, need.value);
                let verdict = Verdict::Skipped { at: Some(need.at), because, elsewhere: false };
                return Outcome { verdict, ..failed(String::new()) };
            }
            Err(why) => return failed(format!("the kernel cannot be driven: {why}")),
        }
    }
    let directory = job.path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    match kernel::Kernel::new(directory.to_path_buf()) {
        Ok(mut kernel) => play(script, &mut kernel, rules),
        Err(why) => failed(format!("the kernel cannot be driven: {why}")),
    }
}

#[cfg(not(target_os = "linux"))]
fn judged(_: &Job, _: &Script, _: &Remarks, _: &Rules) -> Outcome {
    failed("this system's kernel is not Linux".to_owned())
}

fn played(job: Job, ended: Ended<Told>, longest: Duration) -> Played {
    let told = match ended {
        Ended::Well(told) => told,
        Ended::Panicked(why) => Told::plain(failed(format!("it panicked: {why}"))),
        Ended::Stuck => Told::plain(failed(format!("it didn't end within {} s", longest.as_secs()))),
    };
    Played { job, told }
}

fn failed(what: String) -> Outcome {
    let zero = env::Instant::ZERO;
    let failure = sim::packetdrill::report::Failure::told(Default::default(), zero, what);
    Outcome {
        verdict: Verdict::Failed(Box::new(failure)),
        exchange: Vec::new(),
        ended: zero,
        printed: String::new(),
    }
}

fn tell(played: &Played, args: &DrillArgs, out: &mut Out) -> anyhow::Result<()> {
    if let Some(dir) = &args.pcap {
        let file = dir.join(capture::name(&played.job));
        let written = capture::write(&file, &played.told.outcome.exchange);
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
