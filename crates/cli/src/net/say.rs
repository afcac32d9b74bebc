//! Where a command says what it does: in words or in JSON, beside what it carries.

use std::io::{self, IsTerminal as _, Write as _};

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

    /// Says it in the form that was asked for: a JSON object, or a line of words.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) fn line(self, json: impl FnOnce() -> serde_json::Value, words: &str) -> io::Result<()> {
        if self.json { self.write(&format!("{}\n", json())) } else { self.write(&format!("{words}\n")) }
    }

    /// The same, for those who go on when nobody reads.
    pub(crate) fn line_or_not(self, json: impl FnOnce() -> serde_json::Value, words: &str) {
        let _ = self.line(json, words);
    }

    /// Whether people read it.
    pub(crate) fn is_terminal(self) -> bool {
        if self.aside { io::stderr().is_terminal() } else { io::stdout().is_terminal() }
    }
}
