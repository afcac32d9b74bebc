//! Where what arrives goes: a file or standard output, written by a thread of its own, so that the stack never waits for a
//! disk or a reader.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, Write};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

/// Chunks that wait to be written.
const AHEAD: usize = 16;

pub(crate) struct Sink {
    chunks: Sender<Bytes>,
    writing: JoinHandle<io::Result<()>>,
}

impl Sink {
    /// Writes to the end of `file`.
    pub(crate) fn file(file: File) -> Self {
        Self::to(file)
    }

    pub(crate) fn stdout() -> Self {
        Self::to(io::stdout())
    }

    fn to(output: impl Write + Send + 'static) -> Self {
        let (chunks, waiting) = channel(AHEAD);
        Self { chunks, writing: tokio::task::spawn_blocking(move || write(output, waiting)) }
    }

    /// Hands over a chunk; `false` when it cannot be written: [`end`](Self::end) says why.
    pub(crate) async fn put(&self, chunk: Bytes) -> bool {
        self.chunks.send(chunk).await.is_ok()
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn end(self) -> io::Result<()> {
        drop(self.chunks);
        self.writing.await.map_err(io::Error::other)?
    }
}

fn write(mut output: impl Write, mut waiting: Receiver<Bytes>) -> io::Result<()> {
    while let Some(chunk) = waiting.blocking_recv() {
        output.write_all(&chunk)?;
        // Whoever reads along sees it as it comes.
        if waiting.is_empty() {
            output.flush()?;
        }
    }
    output.flush()
}
