//! The time that segments carry, where they overtake each other (RFC 7323 §4.1, §5.4).
//!
//! ```text
//!   sent        a ── b ──────── c ─── c is sent again, later than b
//!   every ms    1    2          5     7    b comes after the copy of c, or of a: 2 < 7, dropped (RFC 7323 §5.3, R1)
//!   in order    1 ──────────────────► 1    b says 1, too
//! ```
//!
//! What fills a hole is TS.Recent, and most receivers drop what was sent a tick before it and comes after it, even into
//! another hole. Then it is lost indeed, and sending it again does the same to the next: where packets overtake each
//! other, one loss makes a chain of them, and each link of it reduces the window. So the clock ticks more slowly there, as
//! it may: eight times for each time that the latest was late by, and not at all while loss is being repaired, but once a
//! second at least, and once in 2^30 octets.

use super::Place;
use env::{Duration, Instant};

/// The slowest that a timestamp clock may tick (RFC 7323 §5.4).
const SLOWEST: Duration = Duration::from_secs(1);
/// Of so many segments that are held back, all but one have the time of what overtook them.
const PER_TICK: u32 = 8;
/// Octets after which it ticks in any case: numbers that come round must be told from old ones (RFC 7323 §5.4).
const MOST: u64 = 1 << 30;

/// The connection's timestamp clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    /// What it shows, and what had been sent when it began to.
    shown: Instant,
    since: Place,
    /// It ticks less often than clocks do.
    slow: bool,
}

impl Stamps {
    /// What it shows at `now`, when everything up to `nxt` was sent, where segments come `late` by so much, while loss is
    /// being repaired or not.
    pub(super) fn show(&mut self, now: Instant, nxt: Place, late: Duration, repairing: bool) -> Instant {
        self.slow = !late.is_zero();
        let tick = match repairing && self.slow {
            true => SLOWEST,
            false => late.saturating_mul(PER_TICK).min(SLOWEST),
        };
        if now.since(self.shown) >= tick || nxt.saturating_sub(self.since) >= MOST {
            (self.shown, self.since) = (now, nxt);
        }
        self.shown
    }

    /// What the segment carries that leaves at `now`, and was built last.
    pub(super) fn last(&self, now: Instant) -> Instant {
        if self.slow { self.shown.min(now) } else { now }
    }

    /// Whether an echo tells when something left.
    pub(super) fn tell_time(&self) -> bool {
        !self.slow
    }
}

#[cfg(test)]
mod rfc7323_5_4 {
    use super::*;

    const fn ms(n: u64) -> Instant {
        Instant::from_millis(n)
    }

    /// Covers: RFC 7323 7323-17, 7323-25
    #[test]
    fn the_clock_is_real_time_in_order_and_ticks_slowly_where_segments_come_late() {
        let mut stamps = Stamps::default();
        let mut at = |now, late, repairing| {
            stamps.show(ms(now), 0, Duration::from_millis(late), repairing).as_millis()
        };
        assert_eq!([at(10, 0, false), at(11, 0, true)], [10, 11]);
        assert_eq!(
            [at(12, 5, false), at(50, 5, false), at(51, 5, false), at(90, 5, false)],
            [11, 11, 51, 51]
        );
        assert_eq!([at(95, 5, true), at(1_050, 5, true), at(1_051, 5, true)], [51, 51, 1_051]);
        assert_eq!([at(1_060, 900, false), at(2_051, 900, false)], [1_051, 2_051], "once a second at least");
        assert_eq!(at(2_052, 0, false), 2_052);
        let late = Duration::from_millis(100);
        let mut after = |now, nxt| stamps.show(ms(now), nxt, late, true).as_millis();
        assert_eq!([after(2_053, MOST - 1), after(2_054, MOST)], [2_052, 2_054], "numbers may come round");
    }
}
