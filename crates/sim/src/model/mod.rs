//! Every state that two connections can reach together, for small parameters: a breadth-first search over the real
//! code.
//!
//! ```text
//!   ┌ end ┐  poll_transmit ─► in flight, a multiset ─► deliver any, lose (bounded), deliver and keep (bounded)
//!   │  A  │                                                                                       ┌ end ┐
//!   └─────┘  timers, the earliest of an end, whenever: the other end may be asleep                │  B  │
//!     users: open, send, receive, close, abort, release, in any order                             └─────┘
//! ```
//!
//! Each end has a clock of its own, which only its timers move: a host may be paused for as long as it takes, and so any
//! order between the ends' timers is one that can happen. Two states are the same when both ends would print the same,
//! with what lies in the past forgotten and deadlines known by their order only.

mod end;
mod explore;
mod fingerprint;
mod pairs;
mod state;

pub use end::Opening;
pub use explore::{Explored, Failure, explore};
pub use pairs::forbidden;

/// What may happen in a model, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How the ends open.
    pub openings: [Opening; 2],
    /// Pieces that each user may send.
    pub sends: [u8; 2],
    /// Octets of a piece.
    pub piece: usize,
    /// Users may ABORT.
    pub aborts: bool,
    /// Users may let go before CLOSE.
    pub early_release: bool,
    /// The link may lose so many segments.
    pub losses: u8,
    /// The link may deliver so many segments a second time.
    pub duplicates: u8,
    /// Timers may fire so often although something is on its way; when nothing is, they may always.
    pub hasty_timers: u8,
    /// Selective acknowledgments.
    pub sack: bool,
    /// States to explore at most: more is a failure.
    pub most: usize,
}

impl Default for Limits {
    /// A client and a listener, one octet from the client, one loss.
    fn default() -> Self {
        Self {
            openings: [Opening::Active, Opening::Passive],
            sends: [1, 0],
            piece: 1,
            aborts: false,
            early_release: false,
            losses: 1,
            duplicates: 0,
            hasty_timers: 0,
            sack: false,
            most: 2_000_000,
        }
    }
}
