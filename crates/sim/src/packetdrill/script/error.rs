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
const SHOWN: usize = 100;

/// So much of a long line is shown before the mark.
const BEFORE: usize = 40;

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

    /// An error about `marked` characters from `at` on; none are all that are left of the line.
    pub fn at(text: &str, at: Position, marked: usize, message: String) -> Self {
        let start = offset(text, at);
        let rest = text[start..].lines().next().unwrap_or_default().trim_end();
        let end = match marked {
            0 => rest.len(),
            marked => rest.char_indices().nth(marked).map_or(rest.len(), |(end, _)| end),
        };
        Self::new(text, start..start + end, message)
    }

    /// The error as a compiler tells it: file, line, column, the line and a mark under what is meant.
    pub fn in_file<'a>(&'a self, file: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            writeln!(f, "{file}:{self}")?;
            let number = self.at.line.to_string();
            let gutter = " ".repeat(number.len());
            let column = (self.at.column as usize).saturating_sub(1);
            let length = self.line.chars().count();
            // Of a long line what is around the mark.
            let from = if length > SHOWN { column.saturating_sub(BEFORE) } else { 0 };
            let (before, after) =
                (if from > 0 { "…" } else { "" }, if length > from + SHOWN { "…" } else { "" });
            let shown: String = self.line.chars().skip(from).take(SHOWN).map(tame).collect();
            writeln!(f, "{gutter} |\n{number} | {before}{shown}{after}")?;
            let column = column - from;
            let marks = "^".repeat(self.marked.min(SHOWN.saturating_sub(column)).max(1));
            write!(f, "{gutter} | {}{marks}", " ".repeat(column + before.chars().count()))
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

/// The offset in octets of a place in a text; of one that it doesn't have, the end of its line, or of the text.
pub(crate) fn offset(text: &str, at: Position) -> usize {
    let mut start = 0;
    for _ in 1..at.line.max(1) {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line = text[start..].split('\n').next().unwrap_or_default();
    let column = (at.column as usize).saturating_sub(1);
    start + line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset)
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
    fn of_a_long_line_what_is_around_the_mark_is_shown() {
        let text = format!("{}bar{}", "[".repeat(50_000), "]".repeat(50_000));
        let error = ParseError::new(&text, 50_000..50_003, "no".to_owned()).in_file("x").to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines[2], format!("1 | …{}bar{}…", "[".repeat(40), "]".repeat(57)));
        assert_eq!(lines[3], format!("  | {}^^^", " ".repeat(41)));
    }

    #[test]
    fn a_place_and_its_offset_are_the_same() {
        let text = "é b\nfoo bar  \n";
        for (line, column, found) in [(1, 3, "b"), (2, 5, "bar"), (2, 99, ""), (9, 1, "")] {
            let error = ParseError::at(text, Position { line, column }, 0, String::new());
            assert_eq!(
                text[offset(text, Position { line, column })..].lines().next().unwrap_or("").trim_end(),
                found
            );
            assert_eq!(error.marked, found.len().max(1));
        }
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
