//! Where output goes: colours for a terminal, none for a file, and silence once nobody reads any more.

use crate::clean;
use anstream::AutoStream;
use serde_json::json;
use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;

/// Standard output, buffered.
pub(crate) struct Out {
    stream: BufWriter<AutoStream<Stdout>>,
    columns: usize,
}

impl Out {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let columns = columns_of(&stdout).clamp(80, WIDTH);
        Self { stream: BufWriter::new(AutoStream::auto(stdout)), columns }
    }

    /// Columns to write in.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Writes text, which may have colours: they are left out where they do not belong.
    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(text)?;
        self.write("\n")
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Whether what is said on standard error are JSON objects, too: known once the command line is read.
static AS_JSON: OnceLock<bool> = OnceLock::new();

/// Says whether `--json` was asked for: the first word on that counts.
pub(crate) fn speak_json(json: bool) {
    AS_JSON.get_or_init(|| json);
}

/// Whether `--json` was asked for.
pub(crate) fn speaks_json() -> bool {
    AS_JSON.get().copied().unwrap_or(false)
}

/// Says on standard error what went wrong, or what is waited for, while the rest goes on; it may hold what others wrote.
pub(crate) fn complain(text: &str) {
    aside(|| json!({ "event": "note", "text": text }), &format!("handfast: {text}"));
}

/// Says on standard error what the command failed by, and the exit code that it ends with.
pub(crate) fn fail(text: &str, exit: u8) {
    aside(|| json!({ "event": "failed", "exit": exit, "text": text }), &format!("handfast: {text}"));
}

/// A line on standard error, in the form that was asked for. Nobody may be there to read it any more: a terminal that was
/// closed is no reason to end otherwise than in good order.
pub(crate) fn aside(json: impl FnOnce() -> serde_json::Value, words: &str) {
    let text = if speaks_json() { clean::json(&json()) } else { clean::text(words) };
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Columns of the terminal that `stream` is: what it says itself, else what the environment says of it, else the 80 that
/// each has. [`WIDTH`] when it is none.
pub(crate) fn columns_of(stream: &(impl AsFd + io::IsTerminal)) -> usize {
    let size = terminal_size::terminal_size_of(stream).map(|(columns, _)| usize::from(columns.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    columns(stream.is_terminal(), size, told)
}

fn columns(terminal: bool, size: Option<usize>, told: impl FnOnce() -> Option<usize>) -> usize {
    if !terminal {
        return WIDTH;
    }
    size.filter(|&columns| columns > 0).or_else(told).filter(|&columns| columns > 0).unwrap_or(80)
}

/// Columns when nobody says how many there are.
pub(crate) const WIDTH: usize = 100;

/// Whether an error only says that whoever read has gone, as `head` does.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_as_wide_as_it_says_and_what_is_none_has_a_width_of_its_own() {
        assert_eq!(columns(true, Some(80), || Some(200)), 80);
        assert_eq!(columns(true, None, || Some(132)), 132);
        assert_eq!(columns(true, Some(0), || None), 80);
        assert_eq!(columns(true, None, || Some(0)), 80);
        assert_eq!(columns(false, Some(80), || Some(80)), WIDTH);
    }
}
