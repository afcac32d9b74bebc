//! The receive half: what the peer sends, from its window to the user (RFC 9293 §3.4, §3.8, §3.10.7.4).
//!
//! ```text
//!   segment ─► check ─► check_timestamp ─► take_text ─┬─ in order ────► rope ─► receive   user
//!              first    RFC 7323 §5        7th, 8th   └─ above a hole ► reassembly
//!              step                                            │
//!   ACK ◄── advertise ◄── window: the edge that may be told    │
//!       ◄── sack_blocks ◄──────────────────────────────────────┘
//!       ◄── ack_due ◄── ack_policy: now, or in 40 ms
//! ```
//!
//! Inside, sequence numbers are unwrapped to [`Place`]s of 64 bits, which have an order; see [`ReceiveHalf::place`]. What
//! belongs together has a file: [`numbers`], timestamps in [`paws`], [`text`], the user's side in [`reader`], and in [`told`]
//! what the peer hears.

mod accounting;
mod ack_policy;
mod numbers;
mod paws;
mod reader;
mod reassembly;
mod rope;
mod text;
mod told;
mod tuning;
mod window;

pub use accounting::ReceiveAccounting;
pub(crate) use numbers::Acceptability;
pub(crate) use paws::TimestampCheck;

use crate::Discard;
use accounting::Account;
use ack_policy::AckPolicy;
use alloc::boxed::Box;
use core::num::NonZeroU64;
use core::ops::Range;
use env::{Duration, Instant};
use paws::Recent;
use reassembly::Reassembly;
use rope::Rope;
use tuning::Tuning;
use window::Offer;
use wire::{Payload, SeqNum, WindowScale};

/// A sequence number that never wraps: IRS is at 2^32, so that what comes before it has a place too.
type Place = u64;

/// Where IRS is.
const ORIGIN: Place = 1 << 32;

/// What a receive half is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveSettings {
    /// How much may wait to be read, in what `accounting` counts.
    pub(crate) buffer: u32,
    /// How much the buffer may grow to.
    pub(crate) buffer_limit: u32,
    /// What the buffer counts.
    pub(crate) accounting: ReceiveAccounting,
    /// Whether segments that reach beyond the window are taken whole, or not at all.
    pub(crate) whole: bool,
    /// Whether the peer's FIN makes a duplicate forgotten.
    pub(crate) fin_ends_reports: bool,
    /// Octets that our SYN or SYN-ACK offered; such a window is never scaled (RFC 7323 7323-4).
    pub(crate) offered: u32,
    /// The largest segment to expect: what we announced.
    pub(crate) mss: u32,
    /// The shift of our windows; zero unless both sides agreed.
    pub(crate) scale: WindowScale,
    /// Whether the peer understands SACK.
    pub(crate) sack: bool,
    /// How long an ACK may wait.
    pub(crate) ack_delay: Duration,
    /// Whether ACKs wait for answers.
    pub(crate) answers: bool,
    /// TS.Recent from the peer's SYN, when both sides agreed on timestamps.
    pub(crate) timestamps: Option<u32>,
}

/// What the seventh and eighth step made of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Octets that are in order now and were not before.
    pub(crate) delivered: u32,
    /// The peer's FIN is in order now.
    pub(crate) fin: bool,
    /// Why some of it, or all, was not used.
    pub(crate) discard: Option<Discard>,
}

/// A run of octets that came twice; no place is zero.
#[derive(Clone, Copy, Debug)]
struct Twice {
    start: NonZeroU64,
    end: Place,
}

/// Everything about the direction from the peer to us.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveHalf {
    irs: SeqNum,
    nxt: Place,
    /// RCV.NXT as of the last ACK that went out (Last.ACK.sent of RFC 7323 §4.3).
    acked: Place,
    offer: Offer,
    /// In octets, or in memory where there are books of it.
    buffer: u32,
    account: Option<Account>,
    tuning: Tuning,
    mss: u32,
    policy: AckPolicy,
    recent: Option<Recent>,
    sack: bool,
    /// No segment is cut at the window.
    whole: bool,
    /// After the peer's FIN no duplicate is reported.
    fin_ends_reports: bool,
    /// The duplicate to report, once (RFC 2883 §4).
    duplicate: Option<Twice>,
    /// In order, not read yet.
    ready: Rope,
    /// Made with the first hole, dropped with the last.
    queue: Option<Box<Reassembly>>,
    /// The user made room since the peer heard of the window.
    made_room: bool,
    /// The number of the peer's FIN, which may be above a hole.
    fin: Option<Place>,
    /// The place after the urgent data, RCV.UP (RFC 9293 MUST-62).
    urgent: Place,
    /// The end of the last segment in order that had PSH set.
    push: Place,
}

impl ReceiveHalf {
    /// The half of a connection whose peer began at `irs`.
    pub(crate) fn new(now: Instant, irs: SeqNum, settings: ReceiveSettings) -> Self {
        let nxt = ORIGIN + 1;
        let mss = settings.mss.max(1);
        Self {
            irs,
            nxt,
            acked: nxt,
            offer: Offer::new(nxt + u64::from(settings.offered), settings.scale),
            buffer: settings.buffer.max(1),
            account: Account::new(settings.accounting, settings.offered),
            tuning: Tuning::new(now, settings.buffer_limit, nxt),
            mss,
            policy: AckPolicy::new(settings.ack_delay, mss, settings.answers),
            recent: settings.timestamps.map(|value| Recent::new(now, value)),
            sack: settings.sack,
            whole: settings.whole,
            fin_ends_reports: settings.fin_ends_reports,
            duplicate: None,
            ready: Rope::default(),
            queue: None,
            made_room: false,
            fin: None,
            urgent: nxt,
            push: nxt,
        }
    }
}

/// The octets at `places` of a payload that begins at `start`.
fn part(payload: &Payload, start: Place, places: Range<Place>) -> Payload {
    let index = |place: Place| usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX);
    let range = index(places.start)..index(places.end);
    if range.is_empty() { Payload::EMPTY } else { payload.slice(range) }
}

/// A distance that is known to be less than 2^32.
fn narrow(distance: u64) -> u32 {
    u32::try_from(distance).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
