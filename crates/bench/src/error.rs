//! Why there is no figure.

use std::{fmt, io};

/// Why a measurement ended without a figure.
#[derive(Debug)]
#[non_exhaustive]
pub enum BenchError {
    /// Nothing moved any more: which stack, doing what.
    Stalled {
        /// The stack.
        stack: &'static str,
        /// What it was doing.
        doing: &'static str,
    },
    /// A stack refused a call that has to work: which stack, which call, its words.
    Refused {
        /// The stack.
        stack: &'static str,
        /// The call.
        call: &'static str,
        /// What it said.
        why: String,
    },
    /// The system refused something: what, and why.
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// What arrived is not what was sent, after so many octets that were.
    Harmed {
        /// How many.
        after: u64,
    },
    /// Packets were lost where none may be, between a kernel and the relay: the machine is too busy.
    Leaked {
        /// How many.
        packets: u64,
    },
    /// One cell of a table has no figure: which, and why.
    Cell {
        /// Which.
        cell: String,
        /// Why.
        why: Box<Self>,
    },
    /// Somebody asked to stop.
    Interrupted,
}

impl BenchError {
    /// For `map_err`: the system refused `doing`.
    pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::System { doing, why }
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled { stack, doing } => write!(f, "{stack} came to a stop while {doing}"),
            Self::Refused { stack, call, why } => write!(f, "{stack} refused to {call}: {why}"),
            Self::System { doing, why } => write!(f, "cannot {doing}: {why}"),
            Self::Harmed { after } => write!(f, "what arrived after {after} octets is not what was sent"),
            Self::Leaked { packets } => {
                write!(
                    f,
                    "{packets} packets were lost before the relay could take them: is the machine too busy?"
                )
            }
            Self::Cell { cell, why } => write!(f, "{cell}: {why}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

// What the system said is in the words above: there is no source to be told a second time.
impl std::error::Error for BenchError {}
