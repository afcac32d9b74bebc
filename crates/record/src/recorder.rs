//! Takes a host's notes, and has them written.

use crate::entry::Encoder;
use crate::file::{Head, beginning};
use crate::spool::{Failure, Shared, Watch};
use stack::Host;
use stack::journal::{Keeper, NotNew, Noted};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

/// What to do when a recording has ended early.
type OnFailure = Box<dyn FnOnce(Failure) + Send>;

/// How to record.
pub struct Options {
    /// Whether payload is recorded: what users and peers say. Default no: then headers and lengths are.
    pub payload: bool,
    /// What the head says that it is about: the command, as a rule.
    pub about: String,
    /// Octets that may wait for the disk. Default 64 MiB; beyond that the recording ends.
    pub memory: usize,
    /// Called once, on a thread of its own, if the recording ends before its host does.
    pub on_failure: Option<OnFailure>,
}

impl Default for Options {
    fn default() -> Self {
        Self { payload: false, about: String::new(), memory: 64 << 20, on_failure: None }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("payload", &self.payload)
            .field("about", &self.about)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// Records a host into a file.
///
/// A thread of its own writes: the host never waits for the disk. When the file cannot be written, or not as fast as the
/// host goes, the recording ends and says so; the host goes on. Dropping the recorder writes what is left.
#[derive(Debug)]
pub struct Recorder {
    payload: bool,
    shared: Arc<Shared>,
    /// Until it has begun: where to.
    prepared: Option<Prepared>,
    thread: Option<JoinHandle<()>>,
}

struct Prepared {
    file: Box<dyn Write + Send>,
    about: String,
    on_failure: Option<OnFailure>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("about", &self.about).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Into a new file at `path`; one that is there is emptied.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(path: impl AsRef<Path>, options: Options) -> io::Result<Self> {
        Ok(Self::new(File::create(path)?, options))
    }

    /// Into `file`, in large pieces.
    pub fn new(file: impl Write + Send + 'static, options: Options) -> Self {
        let Options { payload, about, memory, on_failure } = options;
        Self {
            payload,
            shared: Shared::new(memory),
            prepared: Some(Prepared { file: Box::new(file), about, on_failure }),
            thread: None,
        }
    }

    /// Looks at it from elsewhere.
    pub fn watch(&self) -> Watch {
        self.shared.watch()
    }

    /// Begins with `host`, which must be new.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] with [`NotNew`] in it; or no thread could be had.
    pub fn begin(&mut self, host: &mut Host) -> io::Result<()> {
        let not_new = |why: NotNew| io::Error::new(io::ErrorKind::InvalidInput, why);
        let prepared = self.prepared.take().ok_or_else(|| not_new(NotNew))?;
        let scribe = Scribe {
            encoder: Encoder::new(self.payload),
            pieces: Vec::new(),
            shared: Arc::clone(&self.shared),
        };
        host.journal_to(self.payload, Box::new(scribe)).map_err(not_new)?;
        let head = Head {
            program: env!("CARGO_PKG_VERSION").into(),
            payload: self.payload,
            about: prepared.about,
            began: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            config: host.config().clone(),
        };
        let beginning = beginning(&head)?;
        let shared = Arc::clone(&self.shared);
        let (file, on_failure) = (prepared.file, prepared.on_failure);
        let write = move || {
            if let (Some(failure), Some(tell)) = (shared.write(file, &beginning), on_failure) {
                tell(failure);
            }
        };
        self.thread = Some(thread::Builder::new().name("handfast-record".into()).spawn(write)?);
        Ok(())
    }

    /// Has written what `host` has noted. To be called after each turn, and before the end. `false`, and no more notes are
    /// made, when the recording has ended early.
    pub fn take(&mut self, host: &mut Host) -> bool {
        host.pass_notes()
    }
}

/// Sees each note where it is made, and writes it down there: no lock and no copy between.
#[derive(Debug)]
struct Scribe {
    encoder: Encoder,
    /// Those of this turn.
    pieces: Vec<u8>,
    shared: Arc<Shared>,
}

impl Keeper for Scribe {
    fn keep(&mut self, noted: Noted<'_>) {
        self.encoder.put(&mut self.pieces, noted);
    }

    fn pass(&mut self) -> bool {
        self.encoder.settle(&mut self.pieces);
        self.shared.add(&mut self.pieces, self.encoder.inputs, self.encoder.frames)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.shared.close();
        // A file that failed may hang, and nobody waits for it.
        let failed = self.shared.watch().progress().failure.is_some();
        if let Some(thread) = self.thread.take().filter(|_| !failed) {
            // A panic in it was shown already.
            let _ = thread.join();
        }
    }
}
