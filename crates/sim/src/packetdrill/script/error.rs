//! What is wrong with a script, and where: for people.
//!
//! ```text
//!   close.pkt:3:1: expected a time such as +.01, found `foo`
//!     |
//!   3 | foo socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
//!     | ^^^
//! ```

use super::ast::Position;
use std::fmt;
use std::ops::Range;

/// A line of a script that is longer than this is not shown whole.
const SHOWN: usize = 160;

/// Why a script is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where.
    pub at: Position,
    /// What was expected, or what is wrong, without a full stop.
    pub message: String,
    /// The line it is in.
    pub line: String,
    /// How many characters are meant, from `at` on; at least one.
    pub marked: usize,
}

impl ParseError {
    /// An error about the octets `span` of `text`.
    pub(crate) fn new(text: &str, span: Range<usize>, message: String) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let at = Lines::new(text).position(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = text[line_start..rest].trim_end_matches('\r').to_owned();
        let marked = text[start..end.min(rest)].chars().count().max(1);
        Self { at, message, line, marked }
    }

    /// The error as a compiler tells it: file, line, column, the line and a mark under what is meant.
    pub fn in_file<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            writeln!(f, "{file}:{self}")?;
            let number = self.at.line.to_string();
            let gutter = " ".repeat(number.len());
            let shown: String = self.line.chars().take(SHOWN).map(tame).collect();
            writeln!(f, "{gutter} |\n{number} | {shown}")?;
            let column = (self.at.column as usize).saturating_sub(1).min(SHOWN);
            let marks = "^".repeat(self.marked.min(SHOWN.saturating_sub(column)).max(1));
            write!(f, "{gutter} | {}{marks}", " ".repeat(column))
        })
    }
}

/// A mark stands under its character only if each takes one column; and a script is no reason to obey its escapes.
fn tame(char: char) -> char {
    match char {
        '\t' => ' ',
        _ if char.is_control() => '?',
        _ => char,
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl std::error::Error for ParseError {}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let newlines = text.bytes().enumerate().filter(|&(_, octet)| octet == b'\n');
        Self { text, starts: std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect() }
    }

    /// The line and column of an offset in octets.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = floor(self.text, offset);
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        let column = self.text[start..offset].chars().count() + 1;
        Position { line: count(line), column: count(column) }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The start of the character that an offset is in.
fn floor(text: &str, offset: usize) -> usize {
    text.floor_char_boundary(offset.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_under_what_is_meant() {
        let text = "// é\n\tfoo bar\n";
        let at = text.find("bar").unwrap();
        let error = ParseError::new(text, at..at + 3, "no".to_owned());
        assert_eq!(error.in_file("x.pkt").to_string(), "x.pkt:2:6: no\n  |\n2 |  foo bar\n  |      ^^^");
    }

    #[test]
    fn any_offset_is_somewhere() {
        let text = "aé\n";
        for start in 0..9 {
            let error = ParseError::new(text, start..start + 1, String::new());
            assert!(error.marked >= 1 && error.at.line <= 2, "{error:?}");
        }
        assert_eq!(Lines::new(text).position(2), Position { line: 1, column: 2 });
        assert_eq!(Lines::new("").position(7), Position { line: 1, column: 1 });
    }
}
