//! From the host's thread to the file: a bounded buffer, and a thread that empties it.
//!
//! ```text
//!   host's thread ─ a turn's pieces ─► buffer ─┬─ full, or old enough ─► thread ─► block ─► file
//!                                              └─ beyond its bound, or the file fails: the recording ends, the run goes on
//! ```

use crate::file::{END, PIECES, block};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A block is written when it has so many octets, which stay in a processor's own cache until then,
const BLOCK: usize = 1 << 18;
/// or when its first has waited so long: what a crash may cost.
const WAIT: Duration = Duration::from_millis(100);

/// Why a recording ended before its host did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The file could not be written: the disk is full, as a rule.
    Io(io::ErrorKind),
    /// The disk is slower than the host: so many octets waited for it.
    TooSlow(usize),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(io::ErrorKind::StorageFull) => f.write_str("the disk is full"),
            Self::Io(kind) => write!(f, "the file cannot be written: {kind}"),
            Self::TooSlow(octets) => {
                write!(f, "the disk is too slow: {} MiB wait for it", octets >> 20)
            }
        }
    }
}

impl std::error::Error for Failure {}

/// How far a recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Inputs that were noted.
    pub inputs: u64,
    /// Frames that went out meanwhile.
    pub frames: u64,
    /// Octets in the file so far.
    pub octets: u64,
    /// Why it has ended early, if it has.
    pub failure: Option<Failure>,
}

/// Looks at a recording from anywhere, also when its recorder is gone.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Shared>);

impl Watch {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.0.lock().progress
    }

    /// Waits until it is over, whole or not, but no longer than `patience`; says whether it is. It is over when its
    /// recorder is gone and the file is written, or when it has failed.
    pub fn wait(&self, patience: Duration) -> bool {
        let going = |state: &mut State| !state.over && state.progress.failure.is_none();
        let waited = self.0.over.wait_timeout_while(self.0.lock(), patience, going);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !going(&mut state)
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    over: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    pieces: Vec<u8>,
    progress: Progress,
    closed: bool,
    over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds `pieces`, and empties them. So many inputs and frames there were until now. `false` when the recording has
    /// ended.
    pub(crate) fn add(&self, pieces: &mut Vec<u8>, inputs: u64, frames: u64) -> bool {
        let mut state = self.lock();
        if state.closed || state.progress.failure.is_some() {
            return false;
        }
        let before = state.pieces.len();
        state.pieces.extend_from_slice(pieces);
        pieces.clear();
        (state.progress.inputs, state.progress.frames) = (inputs, frames);
        let after = state.pieces.len();
        if after > self.most {
            state.progress.failure = Some(Failure::TooSlow(after));
            state.pieces = Vec::new();
        }
        let going = state.progress.failure.is_none();
        drop(state);
        if !going || (before == 0 && after > 0) || (before < BLOCK && after >= BLOCK) {
            self.wake.notify_one();
        }
        going
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), wake: Condvar::new(), over: Condvar::new(), most })
    }

    pub(crate) fn watch(self: &Arc<Self>) -> Watch {
        Watch(Arc::clone(self))
    }

    /// Writes what is added until it is closed, or ends with a failure; says which.
    pub(crate) fn write(&self, file: impl Write, beginning: &[u8]) -> Option<Failure> {
        let failure = self.write_on(file, beginning);
        self.lock().over = true;
        self.over.notify_all();
        failure
    }

    fn write_on(&self, mut file: impl Write, beginning: &[u8]) -> Option<Failure> {
        let mut spare = Vec::new();
        let mut begun = self.put(&mut file, &[beginning]);
        loop {
            let mut state = self.lock();
            if let Err(why) = &begun {
                state.progress.failure.get_or_insert(Failure::Io(why.kind()));
            }
            if let Some(failure) = state.progress.failure {
                state.pieces = Vec::new();
                return Some(failure);
            }
            while state.pieces.is_empty() && !state.closed && state.progress.failure.is_none() {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let young = |state: &mut State| {
                state.pieces.len() < BLOCK && !state.closed && state.progress.failure.is_none()
            };
            state = match self.wake.wait_timeout_while(state, WAIT, young) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
            if state.progress.failure.is_some() {
                continue;
            }
            std::mem::swap(&mut state.pieces, &mut spare);
            let last = state.closed;
            drop(state);
            begun = match &spare[..] {
                [] => Ok(()),
                pieces => self.put(&mut file, &[&block(PIECES, pieces), pieces]),
            };
            spare.clear();
            if last && begun.is_ok() {
                begun = self.put(&mut file, &[&block(END, &[])]);
                if begun.is_ok() {
                    return None;
                }
            }
        }
    }

    fn put(&self, file: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
        for part in parts {
            file.write_all(part)?;
        }
        file.flush()?;
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        self.lock().progress.octets += octets as u64;
        Ok(())
    }
}
