//! One stage of congestion avoidance, from a reduction or the end of slow start to the next reduction (RFC 9438 §4.2–4.5).
//!
//! ```text
//!   an ACK ─► W_est as Reno would have it ─► above the curve? ─yes─► cwnd = W_est          Reno-friendly
//!                                                    └──no──► cwnd += (target − cwnd) / cwnd   concave, convex
//! ```

use super::curve::Curve;
use env::{Duration, Instant};

/// The increase of AIMD(α, 0.7) that is as fast as Reno on average: 3 · (1 − β) / (1 + β) (9438-5).
const ALPHA: (u64, u64) = (9, 17);

#[derive(Clone, Debug)]
pub(super) struct Stage {
    curve: Curve,
    /// t: how long the stage has lasted, without times in which the window did not limit (9438-3).
    elapsed: Duration,
    /// Until when that is counted.
    seen: Instant,
    /// W_est, in octets, and what is not a whole octet yet.
    est: u32,
    est_rest: u64,
    /// What of the window's growth is not a whole octet yet.
    rest: u64,
}

/// What an ACK says to a stage. Windows are octets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    pub(super) octets: u32,
    pub(super) cwnd: u32,
    /// cwnd_prior.
    pub(super) prior: u32,
    pub(super) segment_size: u32,
    /// SRTT.
    pub(super) round_trip: Duration,
}

impl Stage {
    /// A stage that begins with a window of `cwnd` octets, and knew `w_max` before. W_est begins there too (9438-16).
    pub(super) fn new(now: Instant, cwnd: u32, w_max: u32, segment_size: u32) -> Self {
        let curve = Curve::new(cwnd, w_max, segment_size);
        Self { curve, elapsed: Duration::ZERO, seen: now, est: cwnd, est_rest: 0, rest: 0 }
    }

    /// W_max of this stage.
    pub(super) fn w_max(&self) -> u32 {
        self.curve.origin
    }

    /// Time has passed; `counts` when the window was what limited.
    pub(super) fn pass(&mut self, now: Instant, counts: bool) {
        if counts {
            self.elapsed = self.elapsed.saturating_add(now.since(self.seen));
        }
        self.seen = now;
    }

    /// The window after an ACK.
    pub(super) fn grow(&mut self, acked: &Acked) -> u32 {
        let cwnd = acked.cwnd.max(1);
        // No more can be acknowledged at once than the window let out: what follows stays within 64 bits.
        let octets = u64::from(acked.octets.min(cwnd));
        let est = self.estimate(octets, cwnd, acked);
        if self.curve.at(self.elapsed) < est {
            self.rest = 0;
            return cwnd.max(est); // 9438-4
        }
        let ahead = self.curve.at(self.elapsed.saturating_add(acked.round_trip));
        let target = ahead.clamp(cwnd, cwnd.saturating_add(cwnd / 2)); // 9438-2
        // Both regions alike (9438-7, 9438-8), for each segment's worth of octets.
        self.rest = self.rest.saturating_add(u64::from(target - cwnd) * octets);
        let whole = self.rest / u64::from(cwnd);
        self.rest %= u64::from(cwnd);
        cwnd.saturating_add(u32::try_from(whole).unwrap_or(u32::MAX))
    }

    /// W_est after an ACK (9438-5), as fast as Reno once it is where the window was (9438-6).
    fn estimate(&mut self, octets: u64, cwnd: u32, acked: &Acked) -> u32 {
        let (times, parts) = if self.est >= acked.prior { (1, 1) } else { ALPHA };
        let whole = u64::from(cwnd) * parts;
        self.est_rest =
            self.est_rest.saturating_add(octets * u64::from(acked.segment_size.min(1 << 16)) * times);
        let more = self.est_rest / whole;
        self.est_rest %= whole;
        self.est = self.est.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.est
    }
}

#[cfg(test)]
mod rfc9438_4_3 {
    use super::*;
    use proptest::prelude::*;

    const MSS: u32 = 1_000;
    const RTT: Duration = Duration::from_millis(100);

    fn acked(octets: u32, cwnd: u32, prior: u32) -> Acked {
        Acked { octets, cwnd, prior, segment_size: MSS, round_trip: RTT }
    }

    /// Covers: RFC 9438 9438-2
    #[test]
    fn the_target_lies_between_the_window_and_half_as_much_again() {
        // A whole window acknowledged adds all that is missing to the target.
        let grown = |seconds, cwnd: u32| {
            let mut stage = Stage::new(Instant::ZERO, 70 * MSS, 100 * MSS, MSS);
            stage.pass(Instant::ZERO + Duration::from_secs_f64(seconds), true);
            stage.grow(&acked(cwnd, cwnd, 100 * MSS))
        };
        assert_eq!(grown(4.2, 120 * MSS), 120 * MSS, "the curve is below");
        let inside = grown(6.0, 100 * MSS);
        let exact = 100_000.0 + 400.0 * (6.1f64 - 4.217_163_3).powi(3);
        assert!((f64::from(inside) - exact).abs() < 2.0, "{inside} {exact}");
        assert_eq!(grown(20.0, 100 * MSS), 150 * MSS, "the curve is above");
    }

    /// Covers: RFC 9438 9438-7, 9438-8
    #[test]
    fn a_segment_adds_its_share_of_what_is_missing_below_w_max_and_above() {
        for (seconds, cwnd) in [(2.0, 80 * MSS), (7.0, 101 * MSS)] {
            let mut stage = Stage::new(Instant::ZERO, 70 * MSS, 100 * MSS, MSS);
            stage.pass(Instant::ZERO + Duration::from_secs_f64(seconds), true);
            let target = f64::from(stage.curve.at(Duration::from_secs_f64(seconds) + RTT));
            let cwnd_f = f64::from(cwnd);
            let share = (target.clamp(cwnd_f, 1.5 * cwnd_f) - cwnd_f) / cwnd_f * f64::from(MSS);
            let grown = f64::from(stage.grow(&acked(MSS, cwnd, 100 * MSS)) - cwnd);
            assert!(share > 1.0 && (grown - share).abs() <= 1.0, "{grown} {share}");
        }
    }

    /// Covers: RFC 9438 9438-4, 9438-5
    #[test]
    fn a_window_of_acks_adds_nine_seventeenths_of_a_segment_where_the_curve_is_lower() {
        let mut stage = Stage::new(Instant::ZERO, 17 * MSS, 17 * MSS, MSS);
        let mut cwnd = 17 * MSS;
        for _ in 0..17 {
            cwnd = stage.grow(&acked(MSS, 17 * MSS, 100 * MSS));
        }
        assert_eq!(cwnd, 17 * MSS + 9 * MSS / 17);
    }

    /// Covers: RFC 9438 9438-6
    #[test]
    fn once_it_is_where_the_window_was_it_grows_as_reno_does() {
        let mut stage = Stage::new(Instant::ZERO, 17 * MSS, 17 * MSS, MSS);
        let mut cwnd = 17 * MSS;
        for _ in 0..17 {
            cwnd = stage.grow(&acked(MSS, 17 * MSS, 17 * MSS));
        }
        assert_eq!(cwnd, 18 * MSS);
    }

    proptest! {
        #[test]
        fn any_numbers_leave_a_window_that_is_no_smaller_and_no_more_than_twice_as_large(
            cwnd in 1u32.., w_max: u32, prior: u32, octets: u32, segment_size: u32, millis: u64, trip: u64,
        ) {
            let mut stage = Stage::new(Instant::ZERO, cwnd, w_max, segment_size);
            stage.pass(Instant::from_millis(millis), true);
            let round_trip = Duration::from_millis(trip);
            let grown = stage.grow(&Acked { octets, cwnd, prior, segment_size, round_trip });
            prop_assert!(grown >= cwnd);
            let most = u64::from(cwnd) * 3 / 2 + u64::from(segment_size.min(1 << 16));
            prop_assert!(u64::from(grown) <= most, "{grown} {most}");
        }
    }
}
