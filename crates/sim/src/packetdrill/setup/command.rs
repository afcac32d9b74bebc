//! What a shell command asks of the host, and how it ends.

use super::baseline::{self, Suite};
use super::shell::{self, Joint, Simple};
use super::{COUNTERS, CountOn, Effect, Settings};
use crate::packetdrill::subject::{Ran, Refusal};
use env::Duration;

/// The link, as scripts call it.
const LINK: &str = "tun0";
/// Seconds that a command may sleep: a script that waits for longer has times to say so.
const LONGEST_SLEEP: f64 = 600.0;

/// A command that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::packetdrill) enum Command {
    /// Nothing that a host without a kernel has: a cleanup, files that nobody reads.
    Nothing,
    /// It fails, and that is all.
    Fails,
    /// The settings that the scripts of a public suite begin with.
    Baseline(Suite),
    /// `sysctl`: a name with dots, a value.
    Sysctl(String, String),
    /// What is known of peers (their Fast Open cookies) is forgotten.
    Forget,
    /// Whether the queue of the link spreads departures (`fq`).
    Spread(bool),
    /// The link's MTU.
    Mtu(u16),
    /// Time goes on.
    Sleep(Duration),
    /// Somebody must listen at this port.
    Listens(u16),
    /// Counters begin at zero.
    CountAnew,
    /// A counter must have grown since: by this, if it is said. Then counting goes on, or begins anew.
    Counted(String, Option<u64>, CountOn),
}

/// A command of a text, and when it is run.
struct Step {
    joint: Joint,
    commands: Vec<Command>,
    unknown: Option<Refusal>,
}

/// Runs the commands of a text, as a shell would: the status is that of the last one that was run.
///
/// # Errors
/// The first that is not known, or that `each` refuses; unless it has an alternative, which is run instead.
pub(in crate::packetdrill) fn run(
    text: &str,
    mut each: impl FnMut(&Command) -> Result<Ran, Refusal>,
) -> Result<Ran, Refusal> {
    let steps = steps(text)?;
    let mut last = Ran::Well;
    for (at, step) in steps.iter().enumerate() {
        let skipped = match step.joint {
            Joint::Always => false,
            Joint::AndThen => last != Ran::Well,
            Joint::OrElse => last == Ran::Well,
        };
        if skipped {
            continue;
        }
        let alternative = steps.get(at + 1).is_some_and(|next| next.joint == Joint::OrElse);
        last = match step.run(&mut each) {
            Err(Refusal(why)) if alternative => Ran::Badly(why),
            other => other?,
        };
    }
    Ok(last)
}

impl Step {
    fn run(&self, each: &mut impl FnMut(&Command) -> Result<Ran, Refusal>) -> Result<Ran, Refusal> {
        if let Some(unknown) = &self.unknown {
            return Err(unknown.clone());
        }
        let mut all = Ran::Well;
        for command in &self.commands {
            let ran = each(command)?;
            all = if all == Ran::Well { ran } else { all };
        }
        Ok(all)
    }
}

fn steps(text: &str) -> Result<Vec<Step>, Refusal> {
    let unknown = |what: &str| Refusal::because(format!("the command `{}` is not known", what.trim()));
    let simple = shell::parse(text).ok_or_else(|| unknown(text))?;
    let mut found = Vec::new();
    let mut rest = simple.as_slice();
    while let Some((command, after)) = rest.split_first() {
        let piped = after.iter().take_while(|next| next.piped).count();
        let (filters, after) = after.split_at(piped);
        rest = after;
        let commands = one(command, filters);
        let unknown = if commands.is_none() { Some(unknown(&command.words.join(" "))) } else { None };
        found.push(Step { joint: command.joint, commands: commands.unwrap_or_default(), unknown });
    }
    Ok(found)
}

fn one(command: &Simple, filters: &[Simple]) -> Option<Vec<Command>> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let (path, arguments) = words.split_first()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some(file) = &command.file {
        let written = name == "echo" && filters.is_empty();
        return written.then(|| arguments.join(" ")).and_then(|text| write(file, &text));
    }
    if !filters.is_empty() {
        return piped(name, arguments, filters);
    }
    let nothing = Some(vec![Command::Nothing]);
    match name {
        "defaults.sh" => Some(vec![Command::Baseline(Suite::of(path))]),
        "set_sysctls.py" => arguments.iter().map(|argument| setting(argument)).collect(),
        "sysctl" => {
            arguments.iter().filter(|word| !word.starts_with('-')).map(|word| setting(word)).collect()
        }
        "true" | ":" => nothing,
        "sleep" => sleep(arguments),
        "ethtool" => offloads(arguments),
        "false" => Some(vec![Command::Fails]),
        "nstat" => Some(vec![Command::CountAnew]),
        // No call of a script reads files.
        "rm" if arguments.first() == Some(&"-f") => nothing,
        _ if name.starts_with("sysctl_restore") => nothing,
        "ip" if arguments.starts_with(&["tcp_metrics", "flush"]) => Some(vec![Command::Forget]),
        "tc" => queue(arguments),
        "ip" => arguments.strip_prefix(&["link", "set"]).and_then(link),
        "ifconfig" => link(arguments),
        _ => None,
    }
}

/// `name=value`, the name with dots or as a file below `/proc/sys`.
fn setting(word: &str) -> Option<Command> {
    let (name, value) = word.split_once('=')?;
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
    Some(Command::Sysctl(name, value.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `echo VALUE > FILE`, where the file is a setting of the kernel or of one of its modules.
fn write(file: &str, value: &str) -> Option<Vec<Command>> {
    let name = match file.strip_prefix("/proc/sys/") {
        Some(name) => name,
        None => file.strip_prefix("/sys/module/")?,
    };
    Some(vec![Command::Sysctl(name.replace('/', "."), value.to_owned())])
}

/// `ip link set [dev] tun0 [up] mtu N [up]`, and the same of `ifconfig`.
fn link(words: &[&str]) -> Option<Vec<Command>> {
    let mut words = words.strip_prefix(&["dev"]).unwrap_or(words).strip_prefix(&[LINK])?;
    let mut found = Vec::new();
    while let Some((word, rest)) = words.split_first() {
        words = match *word {
            "up" => rest,
            "mtu" => {
                let (mtu, rest) = rest.split_first()?;
                found.push(Command::Mtu(mtu.parse().ok()?));
                rest
            }
            _ => return None,
        };
    }
    (!found.is_empty()).then_some(found)
}

/// `tc qdisc … dev tun0 root`: queues that hand packets on as soon as the link takes them, or `fq`, which spreads departures. What
/// delays, loses, limits or paces by words of its own is none of these.
fn queue(arguments: &[&str]) -> Option<Vec<Command>> {
    let (what, rest) = arguments.strip_prefix(&["qdisc"])?.split_first()?;
    let spreads = match (*what, rest.strip_prefix(&["dev", LINK, "root"])?) {
        ("add" | "replace" | "change", ["fq"]) => true,
        ("add" | "replace" | "change", ["fq_codel" | "pfifo" | "pfifo_fast" | "noqueue"]) => false,
        ("del" | "delete", []) => false,
        _ => return None,
    };
    Some(vec![Command::Spread(spreads)])
}

/// `ethtool -K tun0 tso off …`: whether the link cuts and joins segments, which no packet on the wire shows.
fn offloads(arguments: &[&str]) -> Option<Vec<Command>> {
    const FEATURES: [&str; 9] = [
        "tso",
        "gso",
        "gro",
        "lro",
        "ufo",
        "tcp-segmentation-offload",
        "generic-segmentation-offload",
        "generic-receive-offload",
        "large-receive-offload",
    ];
    let pairs = arguments.strip_prefix(&["-K", LINK])?;
    let known = |pair: &[&str]| matches!(pair, [feature, "on" | "off"] if FEATURES.contains(feature));
    (!pairs.is_empty() && pairs.chunks(2).all(known)).then(|| vec![Command::Nothing])
}

/// `sleep 0.2`: seconds, with an `s` if one likes.
fn sleep(arguments: &[&str]) -> Option<Vec<Command>> {
    let [word] = arguments else { return None };
    let digits = word.strip_suffix('s').unwrap_or(word);
    let plain = digits.starts_with(|first: char| first.is_ascii_digit());
    let seconds: f64 = digits.parse().ok().filter(|seconds| plain && *seconds <= LONGEST_SLEEP)?;
    Some(vec![Command::Sleep(Duration::from_secs_f64(seconds))])
}

/// A command whose output `grep` looks through: what the pipe's status says.
fn piped(name: &str, arguments: &[&str], filters: &[Simple]) -> Option<Vec<Command>> {
    let patterns: Option<Vec<&str>> = filters.iter().map(pattern).collect();
    let command = match (name, patterns?.as_slice()) {
        // `grep " 0A " /proc/net/tcp … | grep ":1F90"`: whether there is a listener.
        ("grep", [port]) if arguments.first() == Some(&" 0A ") => {
            Command::Listens(u16::from_str_radix(port.strip_prefix(':')?, 16).ok()?)
        }
        ("nstat", [counter]) => Command::Counted((*counter).to_owned(), None, count_on(arguments)),
        ("nstat", [counter, count]) => {
            Command::Counted((*counter).to_owned(), Some(count.trim().parse().ok()?), count_on(arguments))
        }
        _ => return None,
    };
    Some(vec![command])
}

/// `nstat -s` looks and leaves the zero where it was.
fn count_on(arguments: &[&str]) -> CountOn {
    CountOn(arguments.contains(&"-s"))
}

/// What `grep` looks for.
fn pattern(filter: &Simple) -> Option<&str> {
    let words: Vec<&str> = filter.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["grep", pattern] | ["grep", "-q", pattern] if filter.file.is_none() => Some(pattern),
        _ => None,
    }
}

impl Settings {
    /// Does what a command asks; what it does beside settings.
    pub(in crate::packetdrill) fn apply(&mut self, command: &Command) -> Result<Effect, Refusal> {
        Ok(match command {
            Command::Nothing => Effect::None,
            Command::Fails => Effect::Fails,
            Command::Forget => Effect::Forget,
            Command::Baseline(suite) => {
                baseline::apply(self, *suite);
                Effect::None
            }
            Command::Sysctl(name, value) => {
                self.sysctl(name, value)?;
                Effect::None
            }
            Command::Spread(spread) => {
                self.spread = *spread;
                Effect::None
            }
            Command::Mtu(mtu) => Effect::Mtu(*mtu),
            Command::Sleep(time) => Effect::Sleep(*time),
            Command::Listens(port) => Effect::Listens(*port),
            Command::CountAnew => Effect::CountAnew,
            Command::Counted(name, count, on) => {
                let counter = COUNTERS.iter().find(|counter| counter.name == name);
                let unknown = || Refusal::because(format!("the counter {name} is not known"));
                Effect::Counted(counter.ok_or_else(unknown)?, *count, *on)
            }
        })
    }
}
