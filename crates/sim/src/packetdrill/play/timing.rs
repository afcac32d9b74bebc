//! When an event is due, and whether it came in time.
//!
//! ```text
//!   0.2, 0.2~0.3        from the start of the script
//!   +.1, +.1~+.2, *     from now; between two packets that arrive, from when the first was to
//!
//!   tolerance = the larger of 4 ms and 12.5 % of the time since the event before, as packetdrill has it; or none
//! ```

use crate::packetdrill::script::Time;
use env::{Duration, Instant};

/// When an event is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// At any time.
    pub(super) any: bool,
    /// Not before.
    pub(super) start: Instant,
    /// Not after; `start`, unless it is a range.
    pub(super) end: Instant,
    /// What relative times count from.
    pub(super) base: Instant,
    /// Whether it is one.
    pub(super) relative: bool,
}

impl Due {
    /// An event's time, where relative ones count from `base`.
    pub(super) fn new(time: Time, base: Instant) -> Self {
        let zero = Instant::ZERO;
        let (start, end) = match time {
            Time::Absolute(at) => (zero + at, zero + at),
            Time::Relative(after) => (base + after, base + after),
            Time::AbsoluteRange(start, end) => (zero + start, zero + end),
            Time::RelativeRange(start, end) => (base + start, base + end),
            Time::Any => (base, base),
        };
        let relative = !matches!(time, Time::Absolute(_) | Time::AbsoluteRange(..));
        Self { any: time == Time::Any, start, end, base, relative }
    }
}

/// How exactly times are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tolerance {
    /// At least so much.
    pub(super) least: Duration,
    /// So many thousandths of the time since the event before.
    pub(super) permille: u32,
}

impl Tolerance {
    /// What packetdrill allows.
    pub(super) const DEFAULT: Self = Self { least: Duration::from_millis(4), permille: 125 };

    /// What is allowed `since` the event before.
    pub(super) fn after(self, since: Duration) -> Duration {
        self.least.max(since.saturating_mul(self.permille) / 1000)
    }

    /// Whether `at` is within what is `due`; `before` is when the event before was due.
    pub(super) fn allows(self, due: Due, before: Option<Instant>, at: Instant) -> bool {
        let slack = before.map_or(self.least, |before| self.after(due.start.since(before)));
        due.any || (at + slack >= due.start && at <= due.end + slack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_second_later_is_told_an_eighth_of_a_second_more() {
        let due = Due::new(Time::Relative(Duration::from_secs(1)), ms(500));
        let allows = |at| Tolerance::DEFAULT.allows(due, Some(ms(500)), ms(at));
        assert_eq!([1374, 1375, 1500, 1625, 1626].map(allows), [false, true, true, true, false]);
    }

    #[test]
    fn soon_after_four_milliseconds_count() {
        let due = Due::new(Time::Absolute(Duration::from_millis(10)), ms(0));
        let allows = |at| Tolerance::DEFAULT.allows(due, Some(ms(5)), ms(at));
        assert_eq!([5, 6, 14, 15].map(allows), [false, true, true, false]);
    }

    #[test]
    fn a_range_has_slack_at_both_ends_and_exactness_has_none() {
        let range = Time::RelativeRange(Duration::from_millis(10), Duration::from_millis(20));
        let due = Due::new(range, ms(100));
        let allows = |at| Tolerance::DEFAULT.allows(due, Some(ms(100)), ms(at));
        assert_eq!([105, 106, 124, 125].map(allows), [false, true, true, false]);
        let exact = Tolerance { least: Duration::ZERO, permille: 0 };
        assert_eq!(
            [109, 110, 120, 121].map(|at| exact.allows(due, None, ms(at))),
            [false, true, true, false]
        );
        assert!(exact.allows(Due::new(Time::Any, ms(0)), None, ms(1_000_000)));
    }
}
