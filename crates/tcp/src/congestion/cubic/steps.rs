//! A stage of congestion avoidance that grows by whole segments, as Linux counts them: an ACK is a coin, and the curve says
//! how many a segment costs.
//!
//! ```text
//!   window changed, or 1/32 s has passed ─► price = cwnd / (curve a round trip ahead − cwnd)     in segments
//!                                            at most Reno's, and twenty while no W_max is known; at least two
//!   an ACK ─► purse + what it delivered ─► price reached ─► one segment more
//! ```

use super::curve::Curve;
use super::stage::Acked;
use env::{Duration, Instant};

/// A price holds so long, unless the window changes: what a curve rises in that time is little, and reading it costs a cube.
const HOLDS: Duration = Duration::from_nanos(1_000_000_000 / 32);
/// Segments acknowledged for one more while nothing is known of where the window overflows: a twentieth a round trip.
const UNKNOWN: u32 = 20;
/// Nothing grows faster than by half a window in a round trip (9438-2).
const LEAST: u32 = 2;
/// Where the curve says nothing: a hundredth of a segment in a round trip.
const HARDLY: u32 = 100;
/// A window of Reno's, AIMD(α, 0.7), grows by a segment for so many eighths of it: 3 · (1 − β) / (1 + β), in eighths and whole
/// numbers (9438-5).
const RENO_EIGHTHS: u32 = 15;

#[derive(Clone, Debug)]
pub(super) struct Steps {
    curve: Curve,
    /// No loss has told of a W_max.
    unknown: bool,
    /// How long the stage has lasted, without times in which nothing was out.
    elapsed: Duration,
    seen: Instant,
    /// What the window was when the price was made, and when.
    priced: Option<(u32, Instant)>,
    /// Segments that must be acknowledged for one more.
    price: u32,
    /// Octets that were acknowledged for the next.
    purse: u32,
    /// Reno's window, in segments, and octets acknowledged for its next.
    reno: u32,
    reno_purse: u32,
}

impl Steps {
    /// A stage that begins with a window of `cwnd` octets, and knew `w_max` before, or zero.
    pub(super) fn new(now: Instant, cwnd: u32, w_max: u32, segment_size: u32) -> Self {
        let segment = segment_size.max(1);
        Self {
            curve: Curve::new(cwnd, w_max, segment_size),
            unknown: w_max == 0,
            elapsed: Duration::ZERO,
            seen: now,
            priced: None,
            price: HARDLY,
            purse: 0,
            reno: cwnd / segment,
            reno_purse: 0,
        }
    }

    /// Time has passed; `counts` when something was out.
    pub(super) fn pass(&mut self, now: Instant, counts: bool) {
        if counts {
            self.elapsed = self.elapsed.saturating_add(now.since(self.seen));
        }
        self.seen = now;
    }

    /// The window after an ACK, where `shortest` is the shortest round trip.
    pub(super) fn grow(&mut self, acked: &Acked, shortest: Duration) -> u32 {
        let segment = acked.segment_size.max(1);
        let octets = acked.octets.min(acked.cwnd);
        self.reno_purse = self.reno_purse.saturating_add(octets);
        let holds = self.priced.is_some_and(|(cwnd, at)| cwnd == acked.cwnd && self.seen.since(at) <= HOLDS);
        if !holds {
            self.price = self.make_price(acked.cwnd / segment, segment, shortest);
            self.priced = Some((acked.cwnd, self.seen));
        }
        let price = self.price.saturating_mul(segment);
        let mut cwnd = acked.cwnd;
        if self.purse >= price {
            // It was saved for a higher price, and buys no more than one.
            self.purse = 0;
            cwnd = cwnd.saturating_add(segment);
        }
        self.purse = self.purse.saturating_add(octets);
        let more = self.purse / price;
        self.purse -= more * price;
        cwnd.saturating_add(more.saturating_mul(segment))
    }

    fn make_price(&mut self, cwnd: u32, segment: u32, shortest: Duration) -> u32 {
        let target = self.curve.at(self.elapsed.saturating_add(shortest)) / segment;
        let mut price = match target.checked_sub(cwnd) {
            Some(missing @ 1..) => cwnd / missing,
            _ => cwnd.saturating_mul(HARDLY),
        };
        if self.unknown {
            price = price.min(UNKNOWN);
        }
        let window = (cwnd.saturating_mul(RENO_EIGHTHS) / 8).saturating_mul(segment).max(1);
        let more = self.reno_purse.saturating_sub(1) / window;
        self.reno_purse -= more * window;
        self.reno = self.reno.saturating_add(more);
        if let Some(ahead @ 1..) = self.reno.checked_sub(cwnd) {
            price = price.min(cwnd / ahead);
        }
        price.max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const MSS: u32 = 1_000;
    const TRIP: Duration = Duration::from_millis(100);

    fn acked(octets: u32, cwnd: u32) -> Acked {
        Acked { octets, cwnd, prior: cwnd, segment_size: MSS, round_trip: TRIP }
    }

    /// The window after each of `count` ACKs of a segment, `gap` apart.
    fn grown(steps: &mut Steps, mut cwnd: u32, count: u32, gap: Duration) -> Vec<u32> {
        let mut now = steps.seen;
        let each = (0..count).map(|_| {
            now += gap;
            steps.pass(now, true);
            cwnd = steps.grow(&acked(MSS, cwnd), TRIP);
            cwnd / MSS
        });
        each.collect()
    }

    /// Covers: RFC 9438 9438-15, 9438-21
    #[test]
    fn where_no_loss_has_told_of_a_w_max_a_segment_costs_twenty() {
        let mut steps = Steps::new(Instant::ZERO, 100 * MSS, 0, MSS);
        let windows = grown(&mut steps, 100 * MSS, 60, Duration::from_millis(1));
        assert_eq!(
            (windows[18], windows[19], windows[38], windows[39], windows[59]),
            (100, 101, 101, 102, 103)
        );
        let mut steps = Steps::new(Instant::ZERO, 100 * MSS, 100 * MSS, MSS);
        let windows = grown(&mut steps, 100 * MSS, 60, Duration::from_millis(1));
        assert_eq!(windows[59], 100, "near the W_max that is known it hardly grows");
    }

    /// Covers: RFC 9438 9438-2, 9438-8
    #[test]
    fn far_from_the_curve_a_segment_costs_two() {
        let mut steps = Steps::new(Instant::ZERO, 20 * MSS, 20 * MSS, MSS);
        steps.pass(Instant::from_secs(30), true);
        let windows = grown(&mut steps, 20 * MSS, 8, Duration::from_millis(50));
        assert_eq!(windows, [20, 21, 21, 22, 22, 23, 23, 24]);
    }

    /// Covers: RFC 9438 9438-4, 9438-5
    #[test]
    fn a_window_below_renos_follows_it() {
        let mut steps = Steps::new(Instant::ZERO, 7 * MSS, 0, MSS);
        // Reno has one more after 13 ACKs, which the price of the fourteenth says.
        let windows = grown(&mut steps, 7 * MSS, 15, Duration::from_millis(50));
        assert_eq!((windows[12], windows[13]), (7, 8));
    }

    #[test]
    fn a_price_holds_for_a_while_unless_the_window_changes() {
        let mut steps = Steps::new(Instant::ZERO, 7 * MSS, 0, MSS);
        let mut rare = steps.clone();
        let early = grown(&mut steps, 7 * MSS, 15, Duration::from_millis(2));
        assert_eq!(early[14], 7, "30 ms after the first");
        let late = grown(&mut rare, 7 * MSS, 17, Duration::from_millis(2));
        assert_eq!((late[15], late[16]), (7, 8), "more than 31.25 ms after it");
    }

    proptest! {
        #[test]
        fn any_numbers_leave_a_window_that_is_no_smaller_and_not_much_larger(
            cwnd in 1u32.., w_max: u32, octets: u32, segment_size: u32, millis: u64, trip: u64,
        ) {
            let mut steps = Steps::new(Instant::ZERO, cwnd, w_max, segment_size);
            let mut window = cwnd;
            for n in 0..4 {
                steps.pass(Instant::from_millis(millis.saturating_mul(n)), true);
                let acked = Acked { octets, cwnd: window, prior: cwnd, segment_size, round_trip: TRIP };
                let grown = steps.grow(&acked, Duration::from_millis(trip));
                let most = u64::from(window) * 3 / 2 + 2 * u64::from(segment_size);
                prop_assert!(grown >= window && u64::from(grown) <= most, "{window} {grown}");
                window = grown;
            }
        }
    }
}
