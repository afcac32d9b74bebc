//! In which pieces what was written goes: records, halves of the largest window, a millisecond's worth.
//!
//! ```text
//!   └── record ──┴─────────── record ───────────┘
//!   └─ piece ─┴─ piece ─┴─ piece ─┴─ piece ─┴─       trains end where either ends
//! ```

use super::SendHalf;
use crate::TcpConfig;
use wire::SeqNum;

impl SendHalf {
    /// At most `octets` from `start` on, and none of another record.
    pub(crate) fn of_one_record(&self, start: SeqNum, octets: u32) -> u32 {
        let end = self.rare.record_after(start);
        end.and_then(|end| end.since(start)).map_or(octets, |record| record.min(octets))
    }

    /// Something is about to be written. A piece that is being sent is filled up again by what follows: so, until sending stops,
    /// pieces are not counted yet.
    pub(super) fn cut(&mut self, config: &TcpConfig) {
        if config.half_window_pieces && self.end.at_or_before(self.piece_end.later(self.nxt)) {
            self.hold.set_cuts(true);
        }
    }

    /// Octets of a piece: half the largest window, in whole segments.
    fn piece(&self) -> u32 {
        let segment = self.segment_size.max(1);
        (self.max_window / 2 / segment).max(1).saturating_mul(segment)
    }

    /// Octets from SND.NXT to the end of its piece: a train is no longer.
    pub(crate) fn piece_left(&mut self, config: &TcpConfig) -> u32 {
        if !config.half_window_pieces {
            return u32::MAX;
        }
        let piece = self.piece();
        if self.hold.cuts() {
            return piece;
        }
        // What is behind is passed at once: however long that took, this is one step of arithmetic.
        if let Some(behind) = self.nxt.since(self.piece_end) {
            self.piece_end = self.nxt + (piece - behind % piece);
        }
        self.piece_end.wrapping_since(self.nxt)
    }

    /// Sending stops, though more waits: the piece that is being sent begins here.
    pub(crate) fn stop_cutting(&mut self) {
        if self.hold.cuts() {
            self.hold.set_cuts(false);
            self.piece_end = self.nxt + self.piece();
        }
    }

    /// What waits because it fills no segment goes now.
    pub(crate) fn release_small(&mut self) {
        self.hold.release();
        if self.unsent() > 0 {
            self.hold.set_override(true);
        }
    }

    /// Octets that twice the window in a round trip is in a millisecond: `least` segments at least, and half the window at
    /// most.
    pub(crate) fn millisecond(&self, least: u32) -> u32 {
        let nanos = self.rtt.smoothed().map_or(0, |time| time.as_nanos());
        let doubled = u128::from(self.cwnd()) * 2_000_000;
        let worth =
            doubled.checked_div(nanos).and_then(|octets| u32::try_from(octets).ok()).unwrap_or(u32::MAX);
        let segment = self.segment_size.max(1);
        let half = (self.cwnd() / segment / 2).max(1).saturating_mul(segment);
        worth.max(segment.saturating_mul(least)).min(half)
    }
}
