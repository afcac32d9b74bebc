//! Scripts as packetdrill writes them: one spelling of each, which reads back as what it was.
//!
//! ```text
//!   Packet { … } ──► > P. 1:1001(1000) ack 1 <nop,nop,TS val 1 ecr 2>       for expected and actual side by side
//! ```

mod call;
mod packet;

use super::ast::{Action, Code, Command, Event, Script, Setting, Time};
use super::parse::{of_value, of_word};
use env::Duration;
use std::fmt::{Display, Formatter, Result, Write};

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.options.iter().try_for_each(|setting| writeln!(f, "{setting}"))?;
        self.init.iter().try_for_each(|command| writeln!(f, "{command}"))?;
        self.events.iter().try_for_each(|event| writeln!(f, "{event}"))?;
        self.cleanup.iter().try_for_each(|command| writeln!(f, "{command}"))
    }
}

impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Some(value) = &self.value else { return write!(f, "--{}", self.name) };
        let bare = !value.is_empty() && value.chars().all(of_value);
        // Of a definition the quotes are part of the value.
        let parts = value.split_once('=');
        let definition =
            parts.is_some_and(|(name, text)| !name.is_empty() && name.chars().all(of_word) && enclosed(text));
        if bare || definition {
            write!(f, "--{}={value}", self.name)
        } else {
            write!(f, "--{}=\"{value}\"", self.name)
        }
    }
}

/// Whether a text begins with a quote or a backtick and ends with the next one that isn't behind a `\\`.
fn enclosed(text: &str) -> bool {
    let mut escaped = false;
    let mut chars = text.char_indices();
    let Some((_, mark @ ('"' | '`'))) = chars.next() else { return false };
    let end = chars.find(|&(_, char)| {
        let ends = char == mark && !escaped;
        escaped = char == '\\' && !escaped;
        ends
    });
    end.is_some_and(|(at, _)| at + 1 == text.len())
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "`{}`", self.text)
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "%{{{}}}%", self.text)
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.time)?;
        if let Action::Call(call) = &self.action
            && let Some(until) = call.until
        {
            write!(f, "...{}", Seconds(until))?;
        }
        write!(f, " {}", self.action)
    }
}

/// The time when a blocking call returns is part of the event's, and not of the call's.
impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Packet(packet) => packet.fmt(f),
            Self::Call(call) => call.fmt(f),
            Self::Command(command) => command.fmt(f),
            Self::Code(code) => code.fmt(f),
        }
    }
}

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            Self::Absolute(at) => Seconds(at).fmt(f),
            Self::Relative(at) => write!(f, "+{}", Seconds(at)),
            Self::AbsoluteRange(from, to) => write!(f, "{}~{}", Seconds(from), Seconds(to)),
            Self::RelativeRange(from, to) => write!(f, "+{}~+{}", Seconds(from), Seconds(to)),
            Self::Any => f.write_char('*'),
        }
    }
}

/// Seconds with as many digits as they need.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let nanos = format!("{:09}", self.0.subsec_nanos());
        match nanos.trim_end_matches('0') {
            "" => write!(f, "{}", self.0.as_secs()),
            digits => write!(f, "{}.{digits}", self.0.as_secs()),
        }
    }
}

/// Octets as a string in quotes.
struct Quoted<'o>(&'o [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('"')?;
        for &octet in self.0 {
            match octet {
                b'"' => f.write_str("\\\"")?,
                b'\\' => f.write_str("\\\\")?,
                b'\n' => f.write_str("\\n")?,
                b'\r' => f.write_str("\\r")?,
                b'\t' => f.write_str("\\t")?,
                b' '..=b'~' => f.write_char(octet.into())?,
                _ => write!(f, "\\x{octet:02x}")?,
            }
        }
        f.write_char('"')
    }
}

/// Things with a separator between them.
fn listed<T: Display>(f: &mut Formatter<'_>, list: impl IntoIterator<Item = T>, between: &str) -> Result {
    list.into_iter().enumerate().try_for_each(|(index, item)| {
        if index > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)
    })
}
