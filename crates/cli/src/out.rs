//! Where output goes: colours for a terminal, none for a file, and silence once nobody reads any more.

use crate::clean;
use anstream::AutoStream;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write};

/// Standard output, buffered.
pub(crate) struct Out {
    stream: BufWriter<AutoStream<Stdout>>,
    columns: usize,
}

impl Out {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let columns = match terminal_size::terminal_size() {
            Some((terminal_size::Width(columns), _)) if stdout.is_terminal() => usize::from(columns),
            _ => WIDTH,
        };
        Self { stream: BufWriter::new(AutoStream::auto(stdout)), columns: columns.clamp(80, WIDTH) }
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

/// Says on standard error what went wrong; it may hold what others wrote.
pub(crate) fn complain(text: &str) {
    anstream::eprintln!("handfast: {}", clean::text(text));
}

/// Columns when nobody says how many there are.
pub(crate) const WIDTH: usize = 100;

/// Whether an error only says that whoever read has gone, as `head` does.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
