//! Tail loss probes (RFC 8985 §7): when silence follows the last segment, one more asks whether it arrived.
//!
//! ```text
//!   data ── 2·SRTT of silence ──► probe: new data, else the last segment again ──► an ACK: RACK knows what is lost
//!                                        └── no ACK ──► RTO
//! ```

use super::Place;
use crate::rtt::RoundTrip;
use core::num::NonZero;
use env::Duration;

/// A probe waits for so long at least: a round trip may be shorter than a peer's next turn.
const LEAST: Duration = Duration::from_millis(5);

/// RFC 8985 §7.1's state.
#[derive(Clone, Debug, Default)]
pub(super) struct Probe {
    /// After what the probe that is out sent (TLP.end_seq).
    end: Option<NonZero<Place>>,
    /// It was sent before (TLP.is_retrans).
    again: bool,
    /// Octets in flight as it had left.
    flight: u32,
    /// A round trip was measured since the last probe.
    sampled: bool,
}

/// What an ACK says of a probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// What it acknowledges.
    pub(super) ack: Place,
    /// After the duplicate that it reports.
    pub(super) duplicate: Option<Place>,
    /// It is a duplicate ACK without SACK blocks.
    pub(super) plain: bool,
}

impl Probe {
    /// Whether a probe may be sent: none is out, and a round trip was measured since the last (8985-12).
    pub(super) fn may_go(&self) -> bool {
        self.end.is_none() && self.sampled
    }

    /// Whether a probe that is out, and was sent before, ends at `end`.
    pub(super) fn is_of(&self, end: Place) -> bool {
        self.again && self.end.is_some_and(|of| of.get() == end)
    }

    pub(super) fn on_sample(&mut self) {
        self.sampled = true;
    }

    /// It left; `again` when it was sent before.
    pub(super) fn on_sent(&mut self, end: Place, again: bool, flight: u32) {
        *self = Self { end: NonZero::new(end), again, flight, sampled: false };
    }

    /// Octets that were in flight as the probe had left that is out.
    pub(super) fn flight(&self) -> u32 {
        if self.end.is_some() { self.flight } else { 0 }
    }

    /// Recovery begins: what the probe asked is answered (§7.1).
    pub(super) fn reset(&mut self) {
        self.end = None;
        self.again = false;
    }

    /// RFC 8985 §7.4.2 (8985-15): `true` when the probe repaired a loss that nothing else tells of.
    pub(super) fn on_ack(&mut self, answer: &Answer) -> bool {
        let Some(end) = self.end.map(NonZero::get).filter(|&end| answer.ack >= end) else { return false };
        if self.again && answer.duplicate != Some(end) {
            if answer.ack > end {
                self.reset();
                return true;
            }
            if !answer.plain {
                return false;
            }
        }
        self.reset();
        false
    }
}

/// The interval after which a probe is sent (8985-11), `alone` when one segment is out. It is never after the RTO.
pub(super) fn interval(rtt: &RoundTrip, alone: bool) -> Duration {
    let Some(smoothed) = rtt.smoothed() else { return Duration::from_secs(1) };
    let delay = if alone { rtt.peer_ack_delay() } else { Duration::ZERO };
    (smoothed * 2).max(LEAST) + delay
}

#[cfg(test)]
mod rfc8985_7 {
    use super::*;
    use crate::TcpConfig;
    use env::Instant;

    /// Covers: RFC 8985 8985-11
    #[test]
    fn two_round_trips_more_when_alone_and_a_second_before_any_sample() {
        let mut rtt = RoundTrip::new(&TcpConfig::default());
        assert_eq!(interval(&rtt, true), Duration::from_secs(1));
        rtt.sample(Instant::ZERO, Duration::from_millis(30), 1);
        assert_eq!(interval(&rtt, false), Duration::from_millis(60));
        assert_eq!(interval(&rtt, true), Duration::from_millis(110));
    }

    fn ack(ack: Place) -> Answer {
        Answer { ack, duplicate: None, plain: false }
    }

    /// Covers: RFC 8985 8985-12
    #[test]
    fn one_probe_at_a_time_and_a_sample_between_two() {
        let mut probe = Probe::default();
        assert!(!probe.may_go());
        probe.on_sample();
        assert!(probe.may_go());
        probe.on_sent(100, false, 0);
        assert!(!probe.may_go());
        assert!(!probe.on_ack(&ack(100)));
        assert!(!probe.may_go(), "no round trip was measured since");
        probe.on_sample();
        assert!(probe.may_go());
    }

    /// Covers: RFC 8985 8985-15
    #[test]
    fn a_probe_that_repaired_is_told_from_one_that_was_not_needed() {
        let sent = || {
            let mut probe = Probe::default();
            probe.on_sent(100, true, 0);
            probe
        };
        let mut probe = sent();
        assert!(!probe.on_ack(&ack(99)) && !probe.on_ack(&ack(100)));
        assert!(probe.on_ack(&ack(101)), "neither duplicate was told of");
        assert!(!sent().on_ack(&Answer { duplicate: Some(100), ..ack(100) }), "both arrived");
        let mut probe = sent();
        assert!(!probe.on_ack(&Answer { plain: true, ..ack(100) }), "both arrived, and no SACK tells it");
        assert!(!probe.on_ack(&ack(101)));
    }
}
