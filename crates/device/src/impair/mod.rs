//! What may happen to a packet on its way: a pure model, and a wrapper that puts it around any device.
//!
//! ```text
//!            ┌────────────────────────── Link (one direction) ───────────────────────────┐
//!   offer ──►│ cut trains ─► MTU ─► judge ─► partition ─► queue + rate ─► loss ─► delay  │──► poll
//!            │                                 tail drop,      uniform,   jitter,        │
//!            │                                 ECN mark        bursty     reorder,       │
//!            └────────────────────────────────────────────────────────── duplicate,──────┘
//!                    every fate is told as a LinkEvent                    corrupt
//! ```
//!
//! A [`Link`] knows no clock and takes its chance from a seed: the same seed, packets and instants give the same
//! fates. The simulator, the demonstrations and [`Impaired`] in front of a real device use the same one, so that
//! they tell the same story. What a link is like is a [`Profile`], which has a written form:
//! `delay=40ms,jitter=5ms,loss=1%,rate=20mbit,queue=100,rate=5mbit@3s`.

mod bottleneck;
mod flying;
mod link;
mod mark;
mod parse;
mod profile;
#[cfg(test)]
mod tests;
mod wrap;

pub use link::{Link, LinkCounters, MAX_IN_FLIGHT};
pub use parse::ProfileError;
pub use profile::{Becomes, Burst, Change, Cut, Profile, Queue};
pub use wrap::{Direction, Impaired};

use env::{Duration, Instant};
use std::fmt;

/// Something that happened to one packet on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkEvent {
    /// When. Never earlier than the event before it from the same call.
    pub at: Instant,
    /// The [`id`](wire::Frame::id) of the frame that it is, or is a part of.
    pub id: u64,
    /// Which packet of a train, from 0.
    pub part: u32,
    /// Its octets, link header included.
    pub octets: usize,
    /// What happened.
    pub what: What,
}

/// What happened to a packet. In a packet's life: perhaps `Marked`, `Remarked`, `Corrupted`, `Reordered`, `Duplicated`, then `Queued` (for
/// each copy) and at last `Delivered` (for each copy), or `Lost` at any point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// It will not arrive.
    Lost(Lost),
    /// One bit of it was flipped.
    Corrupted {
        /// Which, counted from the first (most significant) bit of the IP header.
        bit: u32,
    },
    /// It was marked CE: more than [`Profile::mark`] octets wait.
    Marked,
    /// Its ECN field was rewritten: bleached, or mangled.
    Remarked,
    /// A second, unharmed copy of it travels too.
    Duplicated,
    /// It is held back, so that what follows may overtake it.
    Reordered,
    /// It is on its way.
    Queued {
        /// For so long, from now on.
        delay: Duration,
    },
    /// It has arrived.
    Delivered,
}

/// Why a packet was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lost {
    /// By chance ([`Profile::loss`]).
    Chance,
    /// In a burst ([`Profile::burst`]).
    Burst,
    /// The link was cut when it entered or would have left ([`Profile::cuts`]).
    Cut,
    /// The queue before the rate limit was full ([`Profile::queue`]).
    QueueFull,
    /// The IP packet is larger than the link's MTU ([`Profile::mtu`]).
    TooLarge,
    /// It was on the list ([`Profile::drop`]), or the judge said so ([`Link::set_judge`]).
    Judged,
    /// [`MAX_IN_FLIGHT`] packets were on the way already.
    InFlight,
    /// Not a packet: its link header is cut short, or a train that cannot be cut.
    Malformed,
}

impl Lost {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Chance,
        Self::Burst,
        Self::Cut,
        Self::QueueFull,
        Self::TooLarge,
        Self::Judged,
        Self::InFlight,
        Self::Malformed,
    ];
}

/// A short phrase for people.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chance => "lost by chance",
            Self::Burst => "lost in a burst",
            Self::Cut => "lost, the link is cut",
            Self::QueueFull => "dropped, the queue is full",
            Self::TooLarge => "dropped, larger than the link's MTU",
            Self::Judged => "lost",
            Self::InFlight => "dropped, too much on the way",
            Self::Malformed => "dropped, not a packet",
        })
    }
}

/// What a judge decides about a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Let the profile decide.
    #[default]
    Pass,
    /// Lose it.
    Drop,
    /// Flip a bit of it, chosen by the seed.
    Corrupt,
    /// Hold it back for so long on top of the link's delay; what follows may overtake it.
    Delay(Duration),
    /// Send a second copy.
    Duplicate,
}
