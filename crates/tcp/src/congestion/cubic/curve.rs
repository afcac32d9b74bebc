//! The cubic curve in whole numbers: a window as a function of time (RFC 9438 §4.2).
//!
//! ```text
//!    W │                          ╱       W(t) = C·(t − K)³ + W_max
//!      │                        ╱
//! W_max├ ─ ─ ─ ─ ─ ─▁▂▃▃▃▃▄▅▆▇         K: when W is back at W_max
//!      │       ╱▔
//!      │     ╱
//!  W(0)├───┼────────────┼────────► t
//!          0            K
//! ```
//!
//! Time is counted in ticks of 2⁻²⁰ s, so that what a cube is divided by is a shift, and every machine that replays a
//! connection comes to the same octet.

use env::Duration;

/// C = 0.4 segments a second³ (RFC 9438 §5.1, 9438-22), in 2⁻³⁰.
const C: u128 = 429_496_730;
/// Ticks of a second, as a shift.
const TICKS: u32 = 20;
/// No curve is followed for longer than this: 4,096 s, after which any window is full. Its cube fits 96 bits.
const HORIZON: u64 = (1 << 32) - 1;

/// Where a stage of congestion avoidance is bound for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Curve {
    /// W_max: octets where the curve is flat.
    pub(super) origin: u32,
    /// K, in ticks.
    k: u64,
    /// Octets of a full segment: the unit of C.
    segment_size: u32,
}

impl Curve {
    /// The curve that is at `epoch` octets now, and flat at `w_max`; flat from the start when that is no more
    /// (9438-1, 9438-15, 9438-21).
    pub(super) fn new(epoch: u32, w_max: u32, segment_size: u32) -> Self {
        let segment_size = segment_size.clamp(1, 1 << 16);
        let below = w_max.saturating_sub(epoch);
        // below / (0.4 · segment), in ticks³: 2^60 · 5 / 2.
        let cube = ((u128::from(below) * 5) << 59) / u128::from(segment_size);
        Self { origin: w_max.max(epoch), k: cube_root(cube), segment_size }
    }

    /// W_cubic at `t` after the start of the stage, in octets.
    pub(super) fn at(&self, t: Duration) -> u32 {
        let t = ticks(t);
        let distance = u128::from(t.abs_diff(self.k));
        let segments = distance * distance * distance; // at most 96 bits, and what follows at most 121
        let octets = ((segments >> 20) * (u128::from(self.segment_size) * C)) >> (3 * TICKS - 20 + 30);
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        if t < self.k { self.origin.saturating_sub(octets) } else { self.origin.saturating_add(octets) }
    }

    /// K: how long until the curve is flat.
    #[cfg(test)]
    pub(super) fn k(&self) -> f64 {
        self.k as f64 / f64::from(1 << TICKS)
    }
}

fn ticks(t: Duration) -> u64 {
    let whole = t.as_secs().saturating_mul(1 << TICKS);
    whole.saturating_add((u64::from(t.subsec_nanos()) << TICKS) / 1_000_000_000).min(HORIZON)
}

/// The whole part of the cube root of `n`, which has at most 126 bits; a digit at a time, once a stage.
fn cube_root(n: u128) -> u64 {
    let mut root: u128 = 0;
    for bit in (0..42).rev() {
        let larger = root | 1 << bit;
        if larger * larger * larger <= n {
            root = larger;
        }
    }
    u64::try_from(root).unwrap_or(u64::MAX).min(HORIZON)
}

#[cfg(test)]
mod rfc9438_4_2 {
    use super::*;
    use proptest::prelude::*;

    /// The curve as the RFC writes it, in segments and seconds.
    fn reference(epoch: f64, w_max: f64, t: f64) -> f64 {
        let k = ((w_max - epoch).max(0.0) / 0.4).cbrt();
        0.4 * (t - k).powi(3) + w_max.max(epoch)
    }

    /// Covers: RFC 9438 9438-1, 9438-22
    #[test]
    fn a_window_of_seventy_is_back_at_a_hundred_after_4217_milliseconds() {
        let curve = Curve::new(70_000, 100_000, 1_000);
        assert!((curve.k() - 4.217).abs() < 0.001, "{}", curve.k());
        assert!(curve.at(Duration::ZERO).abs_diff(70_000) <= 1);
        assert_eq!(curve.at(Duration::from_nanos(4_217_163_327)), 100_000);
        assert!(curve.at(Duration::from_nanos(14_217_163_327)).abs_diff(500_000) <= 1);
    }

    #[test]
    fn roots_are_whole_and_never_too_large() {
        assert_eq!([0, 1, 7, 8, 26, 27, 63, 64].map(cube_root), [0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(cube_root(u128::MAX), HORIZON);
    }

    proptest! {
        /// Covers: RFC 9438 9438-1
        #[test]
        fn it_is_the_rfcs_curve_within_a_segment(
            epoch in 2u32..100_000, above in 0u32..100_000, segment in 500u32..9_000, millis in 0u64..60_000,
        ) {
            let w_max = epoch + above;
            let curve = Curve::new(epoch * segment, w_max.saturating_mul(segment), segment);
            let w_max = f64::from(curve.origin) / f64::from(segment);
            let exact = reference(f64::from(epoch), w_max, millis as f64 / 1000.0);
            let most = f64::from(u32::MAX) / f64::from(segment);
            let ours = f64::from(curve.at(Duration::from_millis(millis))) / f64::from(segment);
            prop_assert!((ours - exact.clamp(0.0, most)).abs() < 1.0, "{ours} {exact}");
        }

        #[test]
        fn any_numbers_give_one_that_never_falls(
            epoch: u32, w_max: u32, segment: u32, a in any::<u64>(), b in any::<u64>(),
        ) {
            let curve = Curve::new(epoch, w_max, segment);
            let (early, late) = (a.min(b), a.max(b));
            prop_assert!(curve.at(Duration::from_nanos(early)) <= curve.at(Duration::from_nanos(late)));
        }
    }
}
