//! What chance decided, noted as it happens, and taken from the notes when it is to happen again.
//!
//! ```text
//!   noting:      draw, or compute under a key ─► outcome ─► noted        rehearsing:   noted ─► outcome
//! ```
//!
//! Outcomes are what others see in any case: a port, a first sequence number, a delay. The seed, the generator's state and
//! the keys never get here: a host that rehearses has others of its own.

use alloc::collections::VecDeque;

/// One outcome of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Drawn {
    /// What it decided.
    pub what: Chance,
    /// How.
    pub value: u64,
}

/// What chance, or a secret key, decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Chance {
    /// A number of the generator: how long to wait, whether to send.
    Number,
    /// A connection's first sequence number (RFC 6528).
    SequenceNumber,
    /// What is added to a timestamp clock (RFC 7323 §5.4).
    TimestampOffset,
    /// Whether a segment brings back a SYN cookie of ours (RFC 4987 §3.6): 1 or 0.
    Cookie,
    /// A dynamic port (RFC 6056); 0 when there was none.
    Port,
    /// The identification of a datagram (RFC 6864).
    Identification,
    /// Whether a destination is remembered (by a table that forgets what meets in one place): 1 or 0.
    Remembered,
    /// Whether a checksum verified, where payload that is left out could not say it again: 1 or 0.
    Checksum,
    /// Which of several that share an address and port.
    Sharer,
    /// What a Fast Open cookie is, or what one that came back is worth (RFC 7413 §4.1.2).
    FastOpen,
}

impl Chance {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "a random number",
            Self::SequenceNumber => "an initial sequence number",
            Self::TimestampOffset => "a timestamp offset",
            Self::Cookie => "the check of a SYN cookie",
            Self::Port => "a dynamic port",
            Self::Identification => "an identification",
            Self::Remembered => "a look into a table under a secret key",
            Self::Checksum => "the check of a checksum",
            Self::Sharer => "a choice between those that share a port",
            Self::FastOpen => "a Fast Open cookie",
        }
    }
}

/// Notes, or what is to be rehearsed.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    pub(crate) rehearses: bool,
    pub(crate) drawn: VecDeque<Drawn>,
    pub(crate) missed: Option<Chance>,
}

impl Tape {
    pub(crate) const fn new(rehearses: bool) -> Self {
        Self { rehearses, drawn: VecDeque::new(), missed: None }
    }

    /// The outcome that is to come again, if the notes have one of this kind next.
    pub(crate) fn recall(&mut self, what: Chance) -> Option<u64> {
        if !self.rehearses {
            return None;
        }
        if self.drawn.front().is_some_and(|drawn| drawn.what == what) {
            return self.drawn.pop_front().map(|drawn| drawn.value);
        }
        self.missed.get_or_insert(what);
        None
    }

    pub(crate) fn note(&mut self, what: Chance, value: u64) {
        if !self.rehearses {
            self.drawn.push_back(Drawn { what, value });
        }
    }
}
