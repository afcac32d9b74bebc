//! What a script says, as data: options, commands, and events with their times.
//!
//! ```text
//!   Script ── options      --name=value
//!          ── init         `sysctl …`
//!          ── events ──┬── time    0.1, +.01, +0~+.2, *
//!          │           └── action  a packet, a call, a command, code
//!          └── cleanup     `…`, untimed, at the very end
//! ```
//!
//! Packets are in [`super::packet`], calls in [`super::call`]. All of it is plain data: nothing here knows a host or a clock.

use super::call::Call;
use super::packet::Packet;
use env::Duration;

/// Where something stands in a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// One script, read but not yet run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The `--name=value` lines at its top, in order.
    pub options: Vec<Setting>,
    /// The untimed command before the first event.
    pub init: Option<Command>,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// The untimed command after the last event.
    pub cleanup: Option<Command>,
}

impl Script {
    /// The value of the last option of this name, `""` where it was given without one; `None` where it was not given.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|setting| setting.name == name).map(|setting| setting.value())
    }
}

/// A line `--name=value`, or `--name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Where it stands.
    pub at: Position,
    /// Its name without the dashes.
    pub name: String,
    /// What stands behind the `=`, quotes of a lone string taken off.
    pub value: Option<String>,
}

impl Setting {
    /// The value, `""` where there is none.
    pub fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// A command for a shell, in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it stands.
    pub at: Position,
    /// What stands between the backticks, several lines perhaps.
    pub text: String,
}

/// A snippet between `%{` and `}%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Where the text starts, behind `%{`.
    pub at: Position,
    /// What stands between the braces, unchanged.
    pub text: String,
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Where its time stands, which is where the event begins.
    pub at: Position,
    /// When it happens, or is to have happened.
    pub time: Time,
    /// What happens.
    pub action: Action,
}

/// When an event happens. Absolute times count from the start of the script, relative ones from the event before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// `0.1`
    Absolute(Duration),
    /// `+0.1`
    Relative(Duration),
    /// `0.1~0.2`: for outbound packets only, as the next two are.
    AbsoluteRange(Duration, Duration),
    /// `+0.1~+0.2`: both count from the event before.
    RelativeRange(Duration, Duration),
    /// `*`
    Any,
}

/// What happens in an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet, to the host under test or from it.
    Packet(Packet),
    /// A call of the host's user, and what it must come to.
    Call(Call),
    /// A command in backticks.
    Command(Command),
    /// Assertions over what the host says of itself.
    Code(Code),
}
