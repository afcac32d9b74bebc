//! Columns of text: how wide it is on a terminal, where it breaks, and what colour it has.

use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// What a piece of a row is, which decides its colour. Rows read the same without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    #[default]
    Plain,
    /// Lifelines, times, fillers.
    Faint,
    /// A state.
    State,
    /// Why.
    Reason,
    /// Opens: SYN.
    Opens,
    /// Closes: FIN.
    Closes,
    /// Something went wrong: RST, lost, dropped.
    Wrong,
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Faint => Style::new().dimmed(),
            Self::State => Style::new().bold(),
            Self::Reason => colour(AnsiColor::Cyan),
            Self::Opens => colour(AnsiColor::Green).bold(),
            Self::Closes => colour(AnsiColor::Yellow).bold(),
            Self::Wrong => colour(AnsiColor::Red).bold(),
        }
    }
}

/// A line under construction.
#[derive(Debug, Default)]
pub(crate) struct Line {
    text: String,
    columns: usize,
    colour: bool,
}

impl Line {
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour, ..Self::default() }
    }

    pub(crate) fn push(&mut self, tone: Tone, text: &str) {
        self.columns += width(text);
        let style = tone.style();
        if self.colour && style != Style::new() && !text.trim().is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{style}{text}{style:#}");
        } else {
            self.text.push_str(text);
        }
    }

    /// Spaces up to column `column`, or one if that is behind us and `text` follows.
    pub(crate) fn pad_to(&mut self, column: usize) {
        let missing = column.saturating_sub(self.columns);
        self.text.extend(std::iter::repeat_n(' ', missing));
        self.columns += missing;
    }

    /// The line, ended.
    pub(crate) fn finish(mut self, out: &mut String) {
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        out.push_str(&self.text);
        out.push('\n');
    }
}

/// `text` cut to `columns`, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// Breaks `text` at spaces into lines of at most `columns`; a longer word is cut.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&cut(word, columns));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// What somebody else wrote, safe to print: control characters would move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_takes_two_columns_and_is_cut_and_wrapped_by_them() {
        assert_eq!(width("연결"), 4);
        assert_eq!(cut("연결을 연다", 6), "연결…");
        assert_eq!(wrap("연결을 연다", 6), ["연결을", "연다"]);
        assert_eq!(wrap("", 6), Vec::<String>::new());
    }

    #[test]
    fn what_others_wrote_moves_no_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn a_line_counts_columns_and_not_its_colours() {
        let mut line = Line::new(true);
        line.push(Tone::Wrong, "RST");
        line.pad_to(5);
        line.push(Tone::Plain, "x");
        let mut out = String::new();
        line.finish(&mut out);
        assert!(out.starts_with('\u{1b}') && out.ends_with("  x\n"), "{out:?}");
    }
}
