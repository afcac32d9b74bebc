//! What a shell command asks of the host.

use super::shell::{self, Simple};
use super::{Effect, Settings, baseline};
use crate::packetdrill::subject::Refusal;

/// A command that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::packetdrill) enum Command {
    /// Nothing that a host without a kernel has: counters are read, a cleanup.
    Nothing,
    /// The settings that Google's and the kernel's scripts begin with.
    Baseline,
    /// `sysctl`: a name with dots, a value.
    Sysctl(String, String),
    /// What is known of peers (their Fast Open cookies) is forgotten.
    Forget,
    /// The link's MTU.
    Mtu(u16),
    /// Somebody must listen at this port.
    Listens(u16),
}

/// The commands of a text.
///
/// # Errors
/// The first that is not known.
pub(in crate::packetdrill) fn commands(text: &str) -> Result<Vec<Command>, Refusal> {
    let unknown = |what: &str| Refusal::because(format!("the command `{}` is not known", what.trim()));
    let simple = shell::parse(text).ok_or_else(|| unknown(text))?;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(command) = simple.get(at) {
        let piped = simple.get(at + 1).filter(|next| next.piped);
        at += if piped.is_some() { 2 } else { 1 };
        // What begins with what is known succeeds, and its alternative is not run.
        if command.or_else {
            continue;
        }
        found.extend(one(command, piped).ok_or_else(|| unknown(&command.words.join(" ")))?);
    }
    Ok(found)
}

fn one(command: &Simple, piped: Option<&Simple>) -> Option<Vec<Command>> {
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let (program, arguments) = words.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Some(filter) = piped {
        return listens(name, arguments, filter);
    }
    let nothing = Some(vec![Command::Nothing]);
    match name {
        "defaults.sh" => Some(vec![Command::Baseline]),
        "set_sysctls.py" => arguments.iter().map(|argument| setting(argument)).collect(),
        "sysctl" => {
            arguments.iter().filter(|word| !word.starts_with('-')).map(|word| setting(word)).collect()
        }
        "true" | ":" | "sleep" | "nstat" | "ethtool" => nothing,
        _ if name.starts_with("sysctl_restore") => nothing,
        "ip" if arguments.starts_with(&["tcp_metrics", "flush"]) => Some(vec![Command::Forget]),
        // A queue that holds nothing would lose what is sent.
        "tc" if arguments.starts_with(&["qdisc"]) && !arguments.contains(&"limit") => nothing,
        "ip" => link(arguments),
        "ifconfig" => arguments.split_first().and_then(|(_, rest)| mtu(rest)),
        _ => None,
    }
}

/// `name=value`, the name with dots or as a file below `/proc/sys`.
fn setting(word: &str) -> Option<Command> {
    let (name, value) = word.split_once('=')?;
    let name = name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".");
    Some(Command::Sysctl(name, value.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `ip link set … mtu N`.
fn link(arguments: &[&str]) -> Option<Vec<Command>> {
    arguments.strip_prefix(&["link", "set"]).and_then(mtu)
}

fn mtu(words: &[&str]) -> Option<Vec<Command>> {
    let at = words.iter().position(|word| *word == "mtu")?;
    Some(vec![Command::Mtu(words.get(at + 1)?.parse().ok()?)])
}

/// `grep " 0A " /proc/net/tcp … | grep ":1F90"`: whether there is a listener.
fn listens(name: &str, arguments: &[&str], filter: &Simple) -> Option<Vec<Command>> {
    let listeners = name == "grep" && arguments.first() == Some(&" 0A ");
    let [grep, port] = filter.words.as_slice() else { return None };
    let port = u16::from_str_radix(port.strip_prefix(':')?, 16).ok()?;
    (listeners && grep == "grep").then(|| vec![Command::Listens(port)])
}

impl Settings {
    /// Does what a command asks; what it does beside settings.
    pub(in crate::packetdrill) fn apply(&mut self, command: &Command) -> Result<Effect, Refusal> {
        match command {
            Command::Nothing => {}
            Command::Forget => return Ok(Effect::Forget),
            Command::Baseline => baseline::apply(self),
            Command::Sysctl(name, value) => self.sysctl(name, value)?,
            Command::Mtu(mtu) => return Ok(Effect::Mtu(*mtu)),
            Command::Listens(port) => return Ok(Effect::Listens(*port)),
        }
        Ok(Effect::None)
    }
}
