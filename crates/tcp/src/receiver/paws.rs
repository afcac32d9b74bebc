//! Timestamps at the receiver: what to echo, and which segments are too old (RFC 7323 §4.3, §5).
//!
//! ```text
//!    TSval ─► missing though agreed on? ─► drop silently (§3.2)
//!          ─► before TS.Recent?         ─► ACK, drop (§5.3, R1), unless TS.Recent is 24 days old (§5.5)
//!          ─► SEG.SEQ ≤ Last.ACK.sent?  ─► this is TS.Recent from now on (§4.3)
//! ```

use env::{Duration, Instant};
use wire::tcp::Timestamps;

/// A TS.Recent older than this says nothing any more: the peer's clock may have gone half round (RFC 7323 §5.5).
const OUTDATED: Duration = Duration::from_secs(24 * 24 * 60 * 60);

/// What a segment's timestamp, or its absence, says about the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampCheck {
    /// Nothing against it.
    Fine,
    /// It is older than what was seen already (RFC 7323 §5.3, R1): acknowledge and drop.
    Old,
    /// Timestamps were agreed on and it has none (RFC 7323 §3.2): drop silently.
    Missing,
}

/// TS.Recent, and when it was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    value: u32,
    at: Instant,
}

impl Recent {
    /// The value that the peer's SYN carried.
    pub(super) const fn new(now: Instant, value: u32) -> Self {
        Self { value, at: now }
    }

    /// The value to echo.
    pub(super) const fn value(&self) -> u32 {
        self.value
    }

    /// RFC 7323 §5.3, R1, with the exception of §5.5.
    pub(super) fn check(&self, now: Instant, timestamps: Option<Timestamps>) -> TimestampCheck {
        match timestamps {
            None => TimestampCheck::Missing,
            Some(timestamps) if self.is_old(now, timestamps.value) => TimestampCheck::Old,
            Some(_) => TimestampCheck::Fine,
        }
    }

    /// Takes over a timestamp from a segment that begins at or before Last.ACK.sent (RFC 7323 §4.3, 7323-20).
    ///
    /// So the earliest segment of a delayed ACK is echoed, and not one that came out of order.
    pub(super) fn update(&mut self, now: Instant, value: u32) {
        if !self.is_old(now, value) {
            *self = Self::new(now, value);
        }
    }

    fn is_old(&self, now: Instant, value: u32) -> bool {
        let before = (value.wrapping_sub(self.value) as i32) < 0;
        before && now.since(self.at) <= OUTDATED // RFC 7323 7323-26
    }
}
