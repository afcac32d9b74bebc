//! What became of a script: passed, failed and why, skipped and why; and every packet that passed.
//!
//! ```text
//!   Outcome ── verdict ── Passed
//!           │          ├─ Failed: where, what, expected and actual side by side, the fields that differ
//!           │          └─ Skipped, because …
//!           └─ exchange: packets in their order, for a ladder or a capture
//! ```

use super::script::Position;
use env::Instant;

/// What became of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// The packets up to there, in their order.
    pub exchange: Vec<Exchanged>,
    /// What its code printed, a line each.
    pub printed: String,
    /// When it ended, on the clock of the host under test.
    pub ended: Instant,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All that it says is so.
    Passed,
    /// Something isn't so.
    Failed(Box<Failure>),
    /// It can't be played here.
    Skipped {
        /// The line that can't, if it is one line.
        at: Option<Position>,
        /// Why.
        because: String,
        /// It is for another kind of address than it was to be played with: nothing is missing.
        elsewhere: bool,
    },
}

/// A packet that passed between the host and the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// When.
    pub at: Instant,
    /// Whether the host sent it.
    pub outbound: bool,
    /// From its IP header on.
    pub packet: Vec<u8>,
}

/// What isn't as a script says.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The event's place in the script.
    pub at: Position,
    /// The host's clock.
    pub when: Instant,
    /// What is wrong, as a sentence.
    pub what: String,
    /// What the script has, in its own words, where that is to be set against what was.
    pub expected: Option<String>,
    /// What was, in the same words.
    pub actual: Option<String>,
    /// The single fields in which the two differ.
    pub differences: Vec<Difference>,
    /// Nothing is wrong but that it came late. In real time that may be the machine's fault, and not the host's.
    pub late: bool,
}

impl Failure {
    /// A failure that is told in a sentence.
    pub fn told(at: Position, when: Instant, what: impl Into<String>) -> Self {
        Self {
            at,
            when,
            what: what.into(),
            expected: None,
            actual: None,
            differences: Vec::new(),
            late: false,
        }
    }
}

/// A field that is another than the script has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name, as people call it.
    pub field: &'static str,
    /// What the script has.
    pub expected: String,
    /// What was.
    pub actual: String,
}

impl Difference {
    /// A difference, if there is one.
    pub fn between<T: PartialEq + std::fmt::Display>(
        field: &'static str,
        expected: T,
        actual: T,
    ) -> Option<Self> {
        (expected != actual).then(|| Self {
            field,
            expected: expected.to_string(),
            actual: actual.to_string(),
        })
    }
}
