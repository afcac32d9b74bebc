//! What the ladder is drawn from.

use device::impair::LinkEvent;
use env::Instant;
use stack::Trace;

/// One thing that happened somewhere, in the order in which it did.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A host tells it.
    Host {
        /// Which one: 0 is drawn on the left, 1 on the right.
        host: usize,
        /// What.
        what: Trace,
    },
    /// A link tells what became of a packet.
    Link {
        /// Whose packet it is.
        from: usize,
        /// What became of it.
        event: LinkEvent,
    },
    /// A user called, or somebody explains: said as it is, in the reader's language.
    Said {
        /// When.
        at: Instant,
        /// At which host; `None` for what concerns both.
        host: Option<usize>,
        /// What.
        text: String,
    },
}

impl Entry {
    /// When it happened.
    pub fn at(&self) -> Instant {
        match self {
            Self::Host { what, .. } => when(what),
            Self::Link { event, .. } => event.at,
            Self::Said { at, .. } => *at,
        }
    }
}

/// When a host's event happened.
pub(crate) fn when(what: &Trace) -> Instant {
    match what {
        Trace::Sent { at, .. }
        | Trace::Received { at, .. }
        | Trace::Dropped { at, .. }
        | Trace::Tcp { at, .. } => *at,
        _ => Instant::ZERO,
    }
}
