//! `%{ … }%`: assertions over what a host says of itself, in the small part of Python that scripts use.
//!
//! ```text
//!   block ── token ──► parse ──► syntax ──┐
//!   names (tcpi_rtt, TCP_CA_Open …) ──────┼──► run, evaluate ──► nothing, or a Failure and where
//!   variables of the blocks before ───────┘        │
//!                                               printed
//! ```
//!
//! All blocks of a script are one program: what one assigns, the next may read. There are numbers, strings, lists, tuples,
//! dictionaries and ranges, which never change once made; assignments, `assert`, `print`, `if`, `for` and `while`; the operators of
//! Python with its meaning of them; formatting; and the built-in functions of [`BUILTINS`]. Whatever else Python has is refused by name.
//!
//! A script may be anybody's: nesting, steps, and the size of values and of what is printed are bounded.

mod builtin;
mod evaluate;
mod expression;
mod format;
mod operate;
mod parse;
mod run;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod value;

pub use builtin::BUILTINS;

use super::script::{Code, Position};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use value::Value;

/// How many steps a program may take: an operand, an operator, a turn of a loop each are one.
pub const STEPS: u32 = 1_000_000;

/// How many octets a program may print.
pub const PRINTED: usize = 64 << 10;

/// What names stand for that the program did not assign.
///
/// A name that is found here hides a variable of that name, unless the block itself has assigned it: what a host says of itself
/// now is newer than what was assigned in an earlier block.
pub trait Names {
    /// The number that a name stands for, if it is known.
    fn value(&self, name: &str) -> Option<i128>;
}

impl<F: Fn(&str) -> Option<i64>> Names for F {
    fn value(&self, name: &str) -> Option<i128> {
        self(name).map(i128::from)
    }
}

/// Why a block did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where in the script.
    pub at: Position,
    /// Which kind of failure it is.
    pub kind: FailureKind,
    /// What happened, in words.
    pub message: String,
}

/// Which kind of failure it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// An assertion does not hold.
    Assertion,
    /// Nobody knows this name.
    Unknown(String),
    /// The block makes no sense, or takes too long.
    Error,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl std::error::Error for Failure {}

/// The blocks of one script, as far as they were run.
#[derive(Debug)]
pub struct Program {
    /// What was assigned, and in which block.
    variables: BTreeMap<String, (u32, Value)>,
    printed: String,
    block: u32,
    steps: u32,
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}

impl Program {
    /// A program of which nothing was run.
    pub const fn new() -> Self {
        Self { variables: BTreeMap::new(), printed: String::new(), block: 0, steps: STEPS }
    }

    /// Runs the next block.
    ///
    /// # Errors
    /// The first assertion that does not hold, name that nobody knows, or thing that makes no sense. The block ends there.
    pub fn run(&mut self, code: &Code, names: &dyn Names) -> Result<(), Failure> {
        self.block += 1;
        let text = &code.text;
        let done =
            parse::parse(text).and_then(|block| run::Runner { program: self, names, text }.block(&block));
        done.map_err(|flaw| {
            let Flaw { span, kind, message } = *flaw;
            Failure { at: place(code, span.start), kind, message }
        })
    }

    /// All that was printed, each `print` on a line of its own.
    pub fn printed(&self) -> &str {
        &self.printed
    }
}

/// Says whether a block is one, without running it.
///
/// # Errors
/// Where it makes no sense, and why.
pub fn check(code: &Code) -> Result<(), Failure> {
    let refused = |flaw: Box<Flaw>| Failure {
        at: place(code, flaw.span.start),
        kind: flaw.kind,
        message: flaw.message,
    };
    parse::parse(&code.text).map(drop).map_err(refused)
}

/// Where in the script an offset of a block is.
fn place(code: &Code, offset: usize) -> Position {
    let before = &code.text[..code.text.floor_char_boundary(offset)];
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    match before.rsplit_once('\n') {
        None => {
            let column = code.at.column.saturating_add(count(before.chars().count()));
            Position { line: code.at.line, column }
        }
        Some((lines, last)) => {
            let down = count(lines.matches('\n').count() + 1);
            Position { line: code.at.line.saturating_add(down), column: count(last.chars().count() + 1) }
        }
    }
}

/// What went wrong, and which octets of the block are meant.
#[derive(Debug)]
struct Flaw {
    span: Range<usize>,
    kind: FailureKind,
    message: String,
}

/// What something comes to that may go wrong.
type Or<T> = Result<T, Box<Flaw>>;

/// Refuses the octets of `span`.
fn refuse<T>(span: Range<usize>, message: impl Into<String>) -> Or<T> {
    Err(Box::new(Flaw { span, kind: FailureKind::Error, message: message.into() }))
}
