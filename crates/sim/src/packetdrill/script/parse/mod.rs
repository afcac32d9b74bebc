//! From text to a script, or to an error that shows where and why.
//!
//! ```text
//!   text ──► settings ─► init ─► (time · action)* ─► cleanup ──► Script
//!              │                       ├─ packet, option
//!              └─ defines ────────────►├─ call, structure
//!                                      └─ command, code
//! ```
//!
//! Nothing is guessed: what is neither understood nor known to be beyond us is an error.

mod call;
mod event;
mod lex;
mod option;
mod packet;
mod setting;
mod structure;
#[cfg(test)]
mod tests;

use super::ast::Script;
use super::error::{Lines, ParseError};
pub(super) use lex::of_word;
use lex::{Flaw, Input, Known, Why};
pub use setting::customary;
pub(super) use setting::of_value;
use std::collections::BTreeMap;
use winnow::Parser;
use winnow::error::ErrMode;
use winnow::stream::{LocatingSlice, Stateful};

/// The longest script that is read, in octets.
pub const LONGEST: usize = 1 << 20;

/// Reads a script. Words that are names in `definitions`, or in the script's own `--define=NAME=VALUE`, stand for their
/// values; where both define a name, `definitions` wins.
///
/// # Errors
/// The first thing that is no part of the language, and where it is.
pub fn parse(text: &str, definitions: &BTreeMap<String, String>) -> Result<Script, ParseError> {
    if text.len() > LONGEST {
        let why = format!("a script has at most {LONGEST} octets, this one has {}", text.len());
        return Err(ParseError::new("", 0..0, why));
    }
    let lines = Lines::new(text);
    let nothing = BTreeMap::new();
    let known = Known { defines: &nothing, lines: &lines, depth: 0 };
    let mut input: Input<'_> = Stateful { input: LocatingSlice::new(text), state: known };
    let options = setting::settings.parse_next(&mut input).map_err(|flaw| told(text, flaw))?;
    let mut defines = setting::definitions(&options);
    defines.extend(definitions.iter().map(|(name, value)| (name.clone(), value.clone())));

    let known = Known { defines: &defines, ..input.state };
    let mut input: Input<'_> = Stateful { input: input.input, state: known };
    let (init, events, cleanup) = event::events.parse_next(&mut input).map_err(|flaw| told(text, flaw))?;
    Ok(Script { options, init, events, cleanup })
}

/// A flaw as it is told: with what was found where something else was expected.
fn told(text: &str, flaw: ErrMode<Flaw>) -> ParseError {
    let (ErrMode::Backtrack(flaw) | ErrMode::Cut(flaw)) = flaw else {
        return ParseError::new(text, text.len()..text.len(), "the script ends too early".to_owned());
    };
    let Flaw { span, why } = flaw;
    match why {
        Why::Wrong(why) => ParseError::new(text, span, why),
        Why::Expected(what) => {
            let (span, found) = found(text, span.start);
            let what = if what.is_empty() { "something else" } else { what };
            ParseError::new(text, span, format!("expected {what}, found {found}"))
        }
    }
}

/// A sign as it is told: what can't be seen by its number.
fn shown(sign: &str) -> String {
    let each = |char: char| if char.is_control() { char.escape_debug().to_string() } else { char.into() };
    sign.chars().map(each).collect()
}

/// What stands at an offset: the word there, the sign, or the end. What would be the first thing of a line was looked for
/// at the end of the line before.
fn found(text: &str, at: usize) -> (std::ops::Range<usize>, String) {
    let before = text[..at].trim_end();
    let rest = &text[at..];
    let first = event::begins(rest);
    if rest.is_empty() {
        return (before.len()..before.len(), "the end of the script".to_owned());
    }
    if first && text[before.len()..at].contains('\n') {
        return (before.len()..before.len(), "the end of the line".to_owned());
    }
    let of_word = |char: char| char.is_alphanumeric() || char == '_';
    let word = rest.find(|char| !of_word(char)).unwrap_or(rest.len());
    let len = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
    (at..at + len, format!("`{}`", shown(&rest[..len])))
}
