//! Whether the window was used, and so means something (RFC 7661, 9438 §4.6 and §5.8).
//!
//! ```text
//!   octets │ ──────────────── cwnd
//!          │ ─ ─ ─ ─ ─ ─ ─ ─  cwnd / 2        pipeACK above: validated, a loss is answered from cwnd
//!          │   ▃▅▃   ▂▄       pipeACK         below: a loss is answered from what was used,
//!          └──────────────► rounds            and after five minutes of it the window is halved
//! ```
//!
//! pipeACK is the most that a round delivered lately. A window that did not limit proves nothing, and does not grow.

use super::{AckSample, Repair};
use env::{Duration, Instant};

/// The non-validated period, NVP (RFC 7661 §4.4, §5): the most that is allowed.
const NVP: Duration = Duration::from_secs(300);

/// What was delivered in recent rounds.
#[derive(Clone, Debug)]
pub(super) struct Validation {
    delivered: u64,
    /// What had been delivered when the round began, and what will have been when it is over.
    round: (u64, u64),
    /// The most in flight in this round and the one before.
    peaks: [u32; 2],
    /// Growth is proven until so much is delivered.
    limited_until: u64,
    /// The most of a round in this half of the sampling period and in the one before; none yet, or none since a
    /// recovery: undefined.
    pipe: Option<[u32; 2]>,
    half_since: Instant,
    last_ack: Instant,
    /// Since when the window has not been validated.
    unproven_since: Option<Instant>,
}

impl Validation {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            round: (0, 0),
            peaks: [0; 2],
            limited_until: 0,
            pipe: None,
            half_since: now,
            last_ack: now,
            unproven_since: None,
        }
    }

    /// Takes an ACK into account. Whether the window held the sender back lately, so that it may grow: within a round
    /// it was full, or in slow start half of it was (9438-12).
    pub(super) fn on_ack(&mut self, sample: &AckSample, cwnd: u32, slow_start: bool) -> bool {
        self.last_ack = sample.now;
        self.delivered = self.delivered.saturating_add(u64::from(sample.delivered));
        self.peaks[0] = self.peaks[0].max(sample.prior_in_flight);
        if sample.window_limited {
            self.limited_until = self.delivered.saturating_add(u64::from(sample.in_flight));
        }
        let limited = self.delivered <= self.limited_until
            || (slow_start && cwnd / 2 < self.peaks[0].max(self.peaks[1]));
        if self.delivered >= self.round.1 {
            self.end_round(sample);
        }
        self.judge(sample.now, cwnd);
        limited
    }

    /// What a reduction starts from: the window, if it was used, else what was (RFC 7661 §4.4.1; 9438-11).
    pub(super) fn used(&self, cwnd: u32, in_flight: u32) -> u32 {
        match self.pipe() {
            Some(pipe) if pipe < cwnd / 2 => pipe.max(in_flight).min(cwnd),
            _ => cwnd,
        }
    }

    /// After a reduction nothing is known of the new window.
    pub(super) fn reset(&mut self) {
        self.pipe = None;
        self.unproven_since = None;
    }

    /// The sender was idle until now.
    pub(super) fn on_idle(&mut self) {
        self.pipe = Some([0; 2]);
        self.unproven_since.get_or_insert(self.last_ack);
    }

    /// How often the window must be halved by now for not having been validated (RFC 7661 §4.4.3). Asked once, it
    /// starts over.
    pub(super) fn lapses(&mut self, now: Instant) -> u32 {
        let Some(since) = self.unproven_since else { return 0 };
        let lapses = u32::try_from(now.since(since).as_secs() / NVP.as_secs()).unwrap_or(u32::MAX);
        self.unproven_since = Some(since + NVP.saturating_mul(lapses));
        lapses.min(32)
    }

    fn pipe(&self) -> Option<u32> {
        self.pipe.map(|halves| halves[0].max(halves[1]))
    }

    /// A pipeACK sample, but for rounds of a recovery (RFC 7661 §4.2); the sampling period is 3 RTT, and a second at
    /// least.
    fn end_round(&mut self, sample: &AckSample) {
        let count = u32::try_from(self.delivered.saturating_sub(self.round.0)).unwrap_or(u32::MAX);
        self.round = (self.delivered, self.delivered.saturating_add(u64::from(sample.in_flight)));
        self.peaks = [0, self.peaks[0]];
        if sample.repair != Repair::None {
            return;
        }
        let period = sample.smoothed.unwrap_or_default().saturating_mul(3).max(Duration::from_secs(1));
        let halves = self.pipe.get_or_insert([0; 2]);
        if sample.now.since(self.half_since) >= period / 2 {
            let stale = sample.now.since(self.half_since) >= period;
            *halves = [0, if stale { 0 } else { halves[0] }];
            self.half_since = sample.now;
        }
        halves[0] = halves[0].max(count);
    }

    fn judge(&mut self, now: Instant, cwnd: u32) {
        match self.pipe() {
            Some(pipe) if pipe < cwnd / 2 => {
                self.unproven_since.get_or_insert(now);
            }
            _ => self.unproven_since = None,
        }
    }
}

#[cfg(test)]
mod rfc7661_4 {
    use super::*;

    const MSS: u32 = 1_000;

    /// An ACK of a segment at `millis`, with `in_flight` segments out before it.
    fn ack(millis: u64, in_flight: u32) -> AckSample {
        AckSample {
            now: Instant::from_millis(millis),
            delivered: MSS,
            prior_in_flight: in_flight * MSS,
            in_flight: (in_flight - 1) * MSS,
            smoothed: Some(Duration::from_millis(100)),
            ..AckSample::default()
        }
    }

    /// Covers: RFC 9438 9438-12
    #[test]
    fn a_window_grows_within_a_round_of_being_full_and_in_slow_start_of_being_half_full() {
        let mut validation = Validation::new(Instant::ZERO);
        assert!(!validation.on_ack(&ack(0, 10), 100 * MSS, true));
        assert!(validation.on_ack(&AckSample { window_limited: true, ..ack(0, 10) }, 100 * MSS, false));
        for n in 0..9 {
            assert!(validation.on_ack(&ack(n, 10), 100 * MSS, false), "{n}");
        }
        assert!(!validation.on_ack(&ack(10, 10), 100 * MSS, false));
        assert!(!validation.on_ack(&ack(11, 10), 20 * MSS, true));
        assert!(validation.on_ack(&ack(11, 10), 19 * MSS, true));
    }

    /// Covers: RFC 7661 7661-1
    #[test]
    fn loss_is_answered_from_what_was_used_where_that_is_less_than_half() {
        let mut validation = Validation::new(Instant::ZERO);
        assert_eq!(validation.used(100 * MSS, 5 * MSS), 100 * MSS, "nothing is known yet");
        for n in 0..100 {
            validation.on_ack(&ack(n * 10, 20), 100 * MSS, false);
        }
        assert_eq!(validation.used(100 * MSS, 5 * MSS), 19 * MSS);
        assert_eq!(validation.used(100 * MSS, 30 * MSS), 30 * MSS);
        assert_eq!(validation.used(38 * MSS, 5 * MSS), 38 * MSS, "half of it was used");
        validation.reset();
        assert_eq!(validation.used(100 * MSS, 5 * MSS), 100 * MSS);
    }

    /// Covers: RFC 7661 7661-1
    #[test]
    fn what_a_recovery_delivers_says_nothing_of_the_window() {
        for repair in [Repair::Recovery, Repair::Timeout] {
            let mut validation = Validation::new(Instant::ZERO);
            for n in 0..100 {
                validation.on_ack(&AckSample { repair, ..ack(n * 10, 20) }, 100 * MSS, false);
            }
            assert_eq!(validation.used(100 * MSS, 5 * MSS), 100 * MSS, "{repair:?}: nothing is known");
            // Nor is what was known before it changed.
            for n in 100..200 {
                validation.on_ack(&ack(n * 10, 20), 100 * MSS, false);
            }
            for n in 200..500 {
                validation.on_ack(&AckSample { repair, ..ack(n * 10, 45) }, 100 * MSS, false);
            }
            assert_eq!(validation.used(100 * MSS, 5 * MSS), 19 * MSS, "{repair:?}");
        }
    }

    /// Covers: RFC 7661 7661-1
    #[test]
    fn five_minutes_of_little_use_halve_it_once_and_ten_twice() {
        let mut validation = Validation::new(Instant::ZERO);
        for second in 0..299 {
            validation.on_ack(&ack(second * 1000, 2), 100 * MSS, false);
            assert_eq!(validation.lapses(Instant::from_secs(second)), 0);
        }
        assert_eq!(validation.lapses(Instant::from_secs(301)), 1);
        assert_eq!(validation.lapses(Instant::from_secs(301)), 0);
        validation.on_idle();
        assert_eq!(validation.lapses(Instant::from_secs(901)), 2);
        // What is used again need not be halved.
        validation.reset();
        assert_eq!(validation.lapses(Instant::from_secs(10_000)), 0);
    }

    #[test]
    fn what_was_used_long_ago_is_forgotten() {
        let mut validation = Validation::new(Instant::ZERO);
        for n in 0..100 {
            validation.on_ack(&ack(n, 40), 60 * MSS, false);
        }
        assert_eq!(validation.used(200 * MSS, 0), 39 * MSS);
        for n in 0..100 {
            validation.on_ack(&ack(5_000 + n * 50, 3), 60 * MSS, false);
        }
        assert_eq!(validation.used(200 * MSS, 0), 2 * MSS);
    }
}
