//! Timestamps at the receiver: what to echo, and which segments are too old (RFC 7323 §4.3, §5).
//!
//! ```text
//!    TSval ─► missing though agreed on? ─► drop silently (§3.2)
//!          ─► before TS.Recent?         ─► ACK, drop (§5.3, R1), unless TS.Recent is 24 days old (§5.5)
//!               but into a hole: before what TS.Recent was 2^30 octets ago?
//!          ─► SEG.SEQ ≤ Last.ACK.sent?  ─► this is TS.Recent from now on (§4.3)
//! ```
//!
//! A segment that the network held back, and that overlaps with a retransmission that was not needed, comes with a
//! timestamp of just before it: dropped, it is lost after all, and the sender believes in loss the more. What the check
//! is for are segments of 2^32 numbers ago (RFC 7323 §5.1). So text, while something is missing and the rest waits, is
//! held against what TS.Recent was 2^30 octets ago, which tells these as well; everything else against TS.Recent.

use super::{Place, ReceiveHalf};
use env::Instant;
use wire::SeqNum;
use wire::tcp::Timestamps;

/// A TS.Recent older than so many seconds says nothing any more: the peer's clock may have gone half round (RFC 7323 §5.5).
const OUTDATED: u32 = 24 * 24 * 60 * 60;

/// A stretch of the stream: 2^28 octets.
const STRETCH: u32 = 28;
/// Stretches after which a timestamp is out of the question even for what was held back.
const HELD_BACK: u32 = 4;

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

/// TS.Recent, when it was set, and what it was before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    value: u32,
    /// When; whole seconds, for every connection has room for this.
    at: u32,
    /// What it was 2^30 octets ago, or earlier; and what it was in the stretch `marked`, which becomes that in time.
    floor: u32,
    mark: u32,
    marked: u32,
}

impl Recent {
    /// The value that the peer's SYN carried.
    pub(super) fn new(now: Instant, value: u32) -> Self {
        Self { value, at: seconds(now), floor: value, mark: value, marked: stretch(super::ORIGIN) }
    }

    /// The value to echo.
    pub(super) const fn value(&self) -> u32 {
        self.value
    }

    /// RFC 7323 §5.3, R1, with the exception of §5.5. `fills`: there is text in it, and something is missing.
    pub(super) fn check(&self, now: Instant, timestamps: Option<Timestamps>, fills: bool) -> TimestampCheck {
        match timestamps {
            None => TimestampCheck::Missing,
            Some(Timestamps { value, .. })
                if self.is_old(now, value) && (!fills || is_before(value, self.floor)) =>
            {
                TimestampCheck::Old
            }
            Some(_) => TimestampCheck::Fine,
        }
    }

    /// Takes over a timestamp from a segment that begins at or before Last.ACK.sent (RFC 7323 §4.3, 7323-20).
    ///
    /// So the earliest segment of a delayed ACK is echoed, and not one that came out of order.
    pub(super) fn update(&mut self, now: Instant, value: u32, nxt: Place) {
        if self.is_old(now, value) {
            return;
        }
        let at = stretch(nxt);
        if at.wrapping_sub(self.marked) >= HELD_BACK {
            (self.floor, self.mark, self.marked) = (self.mark, value, at);
        }
        if is_before(value, self.value) {
            (self.floor, self.mark) = (value, value); // The clock went half round.
        }
        (self.value, self.at) = (value, seconds(now));
    }

    fn is_old(&self, now: Instant, value: u32) -> bool {
        is_before(value, self.value) && seconds(now).saturating_sub(self.at) <= OUTDATED // RFC 7323 7323-26
    }
}

/// Timestamps.
impl ReceiveHalf {
    /// Whether a segment's timestamp speaks against it (RFC 7323 §5.3, 7323-21). Not for RST (7323-22), and once for
    /// each segment, when it arrives (7323-24).
    pub(crate) fn check_timestamp(
        &self,
        now: Instant,
        timestamps: Option<Timestamps>,
        has_text: bool,
    ) -> TimestampCheck {
        let fills = has_text && self.queue.is_some();
        self.recent.map_or(TimestampCheck::Fine, |recent| recent.check(now, timestamps, fills))
    }

    /// Remembers the timestamp of a segment that was acceptable and begins at `seq` (RFC 7323 §4.3, 7323-20).
    pub(crate) fn update_timestamp(&mut self, now: Instant, seq: SeqNum, timestamps: Option<Timestamps>) {
        let counts = self.place(seq) <= self.acked;
        if let (Some(recent), Some(timestamps), true) = (&mut self.recent, timestamps, counts) {
            recent.update(now, timestamps.value, self.nxt);
        }
    }

    /// What our segments echo: TS.Recent, or zero where no timestamps were agreed on.
    pub(crate) fn timestamp_echo(&self) -> u32 {
        self.recent.map_or(0, |recent| recent.value())
    }
}

fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn seconds(now: Instant) -> u32 {
    u32::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}

fn stretch(place: Place) -> u32 {
    (place >> STRETCH) as u32
}

#[cfg(test)]
mod rfc7323_5 {
    use super::*;

    const NOW: Instant = Instant::from_secs(1);

    fn stamp(value: u32) -> Option<Timestamps> {
        Some(Timestamps { value, echo: 0 })
    }

    /// Covers: RFC 7323 7323-21
    #[test]
    fn what_was_held_back_fills_a_hole_and_what_is_of_another_turn_does_not() {
        let origin = super::super::ORIGIN;
        let mut recent = Recent::new(NOW, 1_000);
        recent.update(NOW, 1_100, origin + 5_000);
        assert_eq!(recent.check(NOW, stamp(1_099), false), TimestampCheck::Old);
        assert_eq!(recent.check(NOW, stamp(1_099), true), TimestampCheck::Fine);
        assert_eq!(recent.check(NOW, stamp(999), true), TimestampCheck::Old);
        // A gigabyte later nothing of the beginning fits any more, long before numbers come round.
        for stretch in 1..=9u32 {
            recent.update(NOW, 1_100 + stretch * 100, origin + (u64::from(stretch) << STRETCH));
        }
        assert_eq!(recent.value(), 2_000);
        assert_eq!(recent.check(NOW, stamp(1_499), true), TimestampCheck::Old);
        assert_eq!(recent.check(NOW, stamp(1_900), true), TimestampCheck::Fine);
        assert_eq!(recent.check(NOW, None, true), TimestampCheck::Missing);
    }
}
