//! NewReno's inferences without SACK: duplicate ACKs, partial ACKs, limited transmit (RFC 5681, 6582, 3042).
//!
//! Each duplicate ACK says that one segment left the network: that credit is what RFC 5681 §3.2 adds to cwnd (5681-22,
//! 5681-23), kept on this side of the seam.

/// What NewReno counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reno {
    pub(super) duplicates: u32,
    /// Octets that duplicate ACKs say have left the network.
    pub(super) credit: u32,
    /// Octets that further duplicate ACKs of this recovery may say so of: what was out as it began. More of them are forged, or
    /// of what was sent since (5681-24).
    pub(super) allowance: u32,
    /// Octets of limited transmit, which FlightSize excludes (5681-21).
    pub(super) limited: u32,
    pub(super) partial_seen: bool,
}

impl Reno {
    /// A partial ACK took `acked` octets away: what was acknowledged includes what duplicates had told of; one more segment
    /// has left (6582-1).
    pub(super) fn on_partial(&mut self, acked: u32, segment_size: u32) {
        self.credit = self.credit.saturating_sub(acked);
        if acked >= segment_size {
            self.credit = self.credit.saturating_add(segment_size);
        }
    }

    /// A duplicate ACK says that one segment left the network.
    pub(super) fn on_duplicate(&mut self, segment_size: u32) {
        let left = segment_size.min(self.allowance);
        self.allowance -= left;
        self.credit = self.credit.saturating_add(left);
    }

    /// No more segments can have left than are out: forged duplicates earn nothing (5681-24).
    pub(super) fn clamp(&mut self, flying: u32) {
        self.credit = self.credit.min(flying);
    }
}
