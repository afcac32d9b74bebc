//! Where a command says what it does: in words or in JSON, beside what it carries.

use crate::{clean, out};
use anstream::{AutoStream, ColorChoice};
use std::io::{self, Write as _};

/// Where, and in which form. Cheap, and usable from any task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Say {
    /// One JSON object a line.
    pub(crate) json: bool,
    /// On standard error, as standard output carries data.
    pub(crate) aside: bool,
}

impl Say {
    /// Writes text as it is.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn write(self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        if self.aside {
            return io::stderr().lock().write_all(text.as_bytes());
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Says it in the form that was asked for: a JSON object, or words. What steers a terminal is taken out; where others
    /// wrote part of a line, it is for the caller to keep it on its line ([`clean::line`]).
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn line(self, json: impl FnOnce() -> serde_json::Value, words: &str) -> io::Result<()> {
        self.write(&self.text(json, words))
    }

    /// The same, to be written later.
    pub(crate) fn text(self, json: impl FnOnce() -> serde_json::Value, words: &str) -> String {
        let mut text = if self.json { clean::json(&json()) } else { clean::text(words) };
        text.push('\n');
        text
    }

    /// The same, for those who go on when nobody reads.
    pub(crate) fn line_or_not(self, json: impl FnOnce() -> serde_json::Value, words: &str) {
        let _ = self.line(json, words);
    }

    /// Columns of where it is said.
    pub(crate) fn columns(self) -> usize {
        if self.aside { out::columns_of(&io::stderr()) } else { out::columns_of(&io::stdout()) }
    }

    /// Whether it may have colours: a terminal shows them, and nobody said otherwise (`NO_COLOR`, `CLICOLOR_FORCE`).
    pub(crate) fn may_colour(self) -> bool {
        let choice = match self.aside {
            true => AutoStream::choice(&io::stderr()),
            false => AutoStream::choice(&io::stdout()),
        };
        choice != ColorChoice::Never
    }
}
