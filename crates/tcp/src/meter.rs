//! What is counted of a connection, for those who look at it: the figures of RFC 4898 that Linux tells as TCP_INFO.
//!
//! ```text
//!   segment in ──► arrived ──┐
//!   segment out ─► departed ─┼─► sums ─► STATUS
//!   nothing more to send ────┴─► turn: idle │ busy │ held by the peer's window │ held by the send buffer     a clock each
//! ```
//!
//! A few additions a segment, and a look at the clock's last reading only where something changes.

use crate::Segment;
use env::{Duration, Instant};

/// What holds back what is to be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Held {
    /// There is nothing to deliver.
    #[default]
    Idle,
    /// Only the path, and congestion control.
    Path,
    /// The peer's window.
    Window,
    /// The send buffer: all of it is under way, and a writer waits.
    Buffer,
}

/// For how long there was something to deliver, and for how much of that it was not the path that held it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusyTime {
    /// Something was written and not acknowledged; the two below are part of it.
    pub busy: Duration,
    /// The peer's window was full.
    pub window_limited: Duration,
    /// The send buffer was full, and all of it was sent.
    pub buffer_limited: Duration,
    /// Since when it is as it is now.
    since: Instant,
    held: Held,
}

impl BusyTime {
    /// The times as they are at `now`, for what goes on until then.
    #[must_use]
    pub fn until(mut self, now: Instant) -> Self {
        self.turn(now, self.held);
        self
    }

    /// From `now` on it is `held`.
    fn turn(&mut self, now: Instant, held: Held) {
        let spent = now.since(self.since);
        match self.held {
            Held::Idle => {}
            Held::Path => self.busy += spent,
            Held::Window => {
                self.busy += spent;
                self.window_limited += spent;
            }
            Held::Buffer => {
                self.busy += spent;
                self.buffer_limited += spent;
            }
        }
        (self.since, self.held) = (now, held);
    }
}

/// Sums over a connection's life. A train counts as its segments.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) segments_in: u64,
    pub(crate) data_segments_in: u64,
    pub(crate) segments_out: u64,
    pub(crate) data_segments_out: u64,
    /// Octets of payload that left, those that left again included.
    pub(crate) octets_out: u64,
    /// Segments that were delivered, our SYN included.
    pub(crate) delivered: u64,
    /// Retransmission timeouts.
    pub(crate) timeouts: u32,
    pub(crate) last_data_out: Option<Instant>,
    /// The connection's beginning, until data arrives.
    pub(crate) last_data_in: Instant,
    pub(crate) busy: BusyTime,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            segments_in: 0,
            data_segments_in: 0,
            segments_out: 0,
            data_segments_out: 0,
            octets_out: 0,
            delivered: 0,
            timeouts: 0,
            last_data_out: None,
            last_data_in: now,
            busy: BusyTime { since: now, ..BusyTime::default() },
        }
    }

    /// A segment arrived, whatever becomes of it.
    pub(crate) fn arrived(&mut self, segment: &Segment) {
        let count = u64::from(segment.count());
        self.segments_in += count;
        if !segment.payload.is_empty() {
            self.data_segments_in += count;
        }
    }

    /// A segment leaves.
    pub(crate) fn departed(&mut self, now: Instant, segment: &Segment) {
        let count = u64::from(segment.count());
        self.segments_out += count;
        if !segment.payload.is_empty() {
            self.data_segments_out += count;
            self.octets_out += segment.payload.len() as u64;
            self.last_data_out = Some(now);
        }
    }

    /// Nothing more leaves now, and this is why.
    pub(crate) fn turn(&mut self, now: Instant, held: Held) {
        if held != self.busy.held {
            self.busy.turn(now, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_it_back_is_timed_and_what_goes_on_counts_until_one_looks() {
        let at = |millis: u64| Instant::from_millis(1_000 + millis);
        let mut meter = Meter::new(at(0));
        for (millis, held) in
            [(10, Held::Path), (30, Held::Window), (35, Held::Window), (60, Held::Buffer), (65, Held::Idle)]
        {
            meter.turn(at(millis), held);
        }
        let times = |busy: BusyTime| {
            [busy.busy, busy.window_limited, busy.buffer_limited].map(|time| time.as_millis())
        };
        assert_eq!(times(meter.busy.until(at(1_000))), [55, 30, 5]);
        meter.turn(at(2_000), Held::Window);
        assert_eq!(times(meter.busy), [55, 30, 5], "as of the last turn");
        assert_eq!(times(meter.busy.until(at(2_007))), [62, 37, 5]);
    }
}
