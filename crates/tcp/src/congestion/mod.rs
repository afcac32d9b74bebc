//! How much may be in flight: congestion control behind a small trait that sees values only.
//!
//! ```text
//!   recovery (what is lost) ──AckSample, Congestion──► CongestionControl ──window, rate──► sender
//! ```
//!
//! A controller never sees the connection: it can be tested, read and replaced alone.

mod new_reno;

pub(crate) use new_reno::NewReno;

use alloc::boxed::Box;
use core::fmt::Debug;
use env::{Duration, Instant};

/// An ACK of new data, as a controller sees it. All counts are octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckSample {
    /// When it arrived.
    pub now: Instant,
    /// Newly acknowledged.
    pub acked: u32,
    /// In flight before it arrived.
    pub in_flight: u32,
    /// The round trip that it measured, if it did.
    pub round_trip: Option<Duration>,
    /// Whether the window was what held the sender back. When it was not, the window proves nothing and must not
    /// grow (RFC 7661's reason).
    pub window_limited: bool,
}

/// What a controller must answer by sending less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Loss inferred from ACKs, for the first time in this window of data (RFC 5681 §3.2).
    Loss,
    /// A retransmission timeout; `again` when it is not the first of the same segment (RFC 5681 §3.1).
    Timeout {
        /// Whether this segment has timed out before.
        again: bool,
    },
}

/// A congestion controller. Windows and thresholds are octets, rates octets a second.
pub trait CongestionControl: Debug + Send + Sync {
    /// New data was acknowledged outside fast recovery.
    fn on_ack(&mut self, sample: &AckSample);

    /// There was congestion while `in_flight` octets were out.
    fn on_congestion(&mut self, now: Instant, in_flight: u32, reduction: Reduction);

    /// Fast recovery is over, with `in_flight` octets out (RFC 6582 §3.2, step 3).
    fn on_recovered(&mut self, now: Instant, in_flight: u32);

    /// Nothing was sent for longer than a retransmission timeout (RFC 5681 §4.1).
    fn on_idle(&mut self, now: Instant);

    /// The last reduction was a mistake: put the window back (RFC 4015).
    fn on_spurious(&mut self, _now: Instant) {}

    /// The sender's segment size changed.
    fn set_segment_size(&mut self, octets: u32);

    /// Octets that may be in flight: a segment at least, or nothing would ever be acknowledged.
    fn window(&self) -> u32;

    /// The slow-start threshold.
    fn threshold(&self) -> u32;

    /// How fast to send; `None` sends as the window allows.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// A copy.
    fn clone_box(&self) -> Box<dyn CongestionControl>;
}

impl Clone for Box<dyn CongestionControl> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}

/// RFC 6928 §2: `segments` segments, but no more than the larger of two segments and 14,600 octets (5681-4, 6928-1).
pub(crate) fn initial_window(segments: u8, segment_size: u32) -> u32 {
    u32::from(segments).saturating_mul(segment_size).min(segment_size.saturating_mul(2).max(14_600))
}

#[cfg(test)]
mod rfc6928_2 {
    use super::*;

    /// Covers: RFC 6928 6928-1; RFC 5681 5681-4
    #[test]
    fn ten_segments_but_no_more_than_14600_octets() {
        assert_eq!(initial_window(10, 1460), 14_600);
        assert_eq!(initial_window(10, 536), 5_360);
        assert_eq!(initial_window(10, 8_960), 17_920);
        assert_eq!(initial_window(1, 1460), 1_460);
    }
}
