//! When to acknowledge (RFC 9293 §3.8.6.3; RFC 5681 §4.2).
//!
//! ```text
//!    first segments of a connection, out of order, hole filled, duplicate, FIN ──► at once
//!    two full segments' worth since the last ACK                               ──► at once
//!    less than that                                                            ──► in 40 ms, or with our data
//! ```
//!
//! "At once" is the next time that somebody polls: segments that arrived together are all processed before, and share
//! one ACK (RFC 9293 MUST-58, MUST-59).

use crate::Why;
use env::{Duration, Instant};

/// An ACK waits less than this (RFC 9293 MUST-40, 5681-28).
const LONGEST_DELAY: Duration = Duration::from_millis(499);
/// Segments at the start that are acknowledged at once, so that slow start is not held up.
const QUICK: u8 = 16;
/// What a full segment is taken to be until one was seen.
const USUAL_MSS: u32 = 536;

/// Which ACK is owed, and since when.
#[derive(Clone, Debug)]
pub(super) struct AckPolicy {
    delay: Duration,
    /// What is owed at once.
    due: Option<Why>,
    /// When a waiting ACK goes.
    deadline: Option<Instant>,
    /// The largest segment seen (RMSS of RFC 5681 §2).
    rmss: u32,
    /// Segments that are still acknowledged at once.
    quick: u8,
    /// Duplicate ACKs owed, when each counts by itself.
    owed: u8,
}

impl AckPolicy {
    /// Nothing is owed; `mss` bounds what counts as a full segment.
    pub(super) fn new(delay: Duration, mss: u32) -> Self {
        let delay = delay.min(LONGEST_DELAY);
        Self { delay, due: None, deadline: None, rmss: mss.min(USUAL_MSS), quick: QUICK, owed: 0 }
    }

    /// An ACK waits for so long from now on.
    pub(super) fn set_delay(&mut self, delay: Duration) {
        self.delay = delay.min(LONGEST_DELAY);
    }

    /// The largest segment seen.
    pub(super) const fn rmss(&self) -> u32 {
        self.rmss
    }

    /// Learns the size of full segments.
    pub(super) fn saw(&mut self, size: u32, mss: u32) {
        self.rmss = self.rmss.max(size.min(mss)).max(1);
    }

    /// `segments` came in order; `waiting` octets are now unacknowledged, `enough` are worth an ACK.
    pub(super) fn in_order(&mut self, now: Instant, segments: u32, waiting: u64, enough: u64) {
        if self.quick > 0 {
            self.quick = self.quick.saturating_sub(u8::try_from(segments).unwrap_or(u8::MAX));
            self.demand(Why::QuickAck);
        } else if waiting >= enough {
            self.demand(Why::SecondSegment); // RFC 9293 SHLD-19, 5681-28
        } else if self.deadline.is_none() {
            self.deadline = Some(now + self.delay); // RFC 9293 SHLD-18
        }
    }

    /// `segments` came above a hole: each is answered (RFC 5681 §4.2, 5681-29; RFC 2018 §4), for a sender counts duplicate ACKs
    /// to find what is lost and what has left the network, even when they arrived together.
    pub(super) fn out_of_order(&mut self, segments: u32) {
        self.demand(Why::OutOfOrder);
        self.owed = self.owed.saturating_add(u8::try_from(segments).unwrap_or(u8::MAX));
    }

    /// An ACK is owed at once. The most telling reason is kept.
    pub(super) fn demand(&mut self, why: Why) {
        if self.due.is_none_or(|due| rank(why) >= rank(due)) {
            self.due = Some(why);
        }
        self.deadline = None;
    }

    /// Whether an ACK must go now, and why.
    pub(super) fn due(&self, now: Instant) -> Option<Why> {
        self.due.or_else(|| {
            let expired = self.deadline.is_some_and(|deadline| deadline <= now);
            expired.then_some(Why::DelayedAck(self.delay))
        })
    }

    /// When a waiting ACK goes.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Turns a wait that is over into an ACK owed.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.demand(Why::DelayedAck(self.delay));
        }
    }

    /// Duplicate ACKs that are owed besides the next ACK.
    pub(super) fn owed_after_next(&self) -> usize {
        let alike = self.due == Some(Why::OutOfOrder);
        if alike { usize::from(self.owed.saturating_sub(1)) } else { 0 }
    }

    /// An ACK goes out.
    pub(super) fn sent(&mut self) {
        self.deadline = None;
        self.owed = self.owed.saturating_sub(1);
        let more = self.owed > 0 && self.due == Some(Why::OutOfOrder);
        if !more {
            self.due = None;
            self.owed = 0;
        }
    }
}

/// How much a reason tells: what only routine asks for gives way to what happened.
const fn rank(why: Why) -> u8 {
    match why {
        Why::WindowUpdate | Why::DelayedAck(_) => 0,
        Why::QuickAck | Why::SecondSegment => 1,
        Why::AcknowledgesFin => 3,
        _ => 2,
    }
}
