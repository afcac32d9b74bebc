//! The one place that reads a clock.

use env::{Duration, Instant};
use std::time::{self, SystemTime};

/// What a clock shows when it is made: above zero, which some records take for "unknown".
const START: Instant = Instant::from_secs(1);

/// A clock that never goes back, in nanoseconds since a start of its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn new() -> Self {
        Self { start: time::Instant::now() }
    }

    /// What it shows.
    pub fn now(&self) -> Instant {
        START + self.start.elapsed()
    }

    /// The same instant on the standard library's clock; `None` when that cannot tell it.
    pub fn to_std(&self, at: Instant) -> Option<time::Instant> {
        self.start.checked_add(at.since(START))
    }

    /// When [`Instant::ZERO`] was, since 1970: what a capture needs to show times of day. As the system's clock has it
    /// now; zero if that stands before 1970.
    pub fn epoch(&self) -> Duration {
        let today = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        today.saturating_sub(self.now().since(Instant::ZERO))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_above_zero_and_never_goes_back() {
        let clock = Clock::new();
        let mut last = Instant::ZERO;
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= START && now >= last);
            last = now;
        }
    }

    #[test]
    fn it_translates_to_the_standard_librarys_clock() {
        let clock = Clock::new();
        let at = START + Duration::from_secs(5);
        assert_eq!(clock.to_std(at), clock.start.checked_add(Duration::from_secs(5)));
        assert_eq!(clock.to_std(Instant::ZERO), Some(clock.start), "what was before it is its start");
    }

    #[test]
    fn its_epoch_is_when_it_showed_zero() {
        let clock = Clock::new();
        let before = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let told = clock.epoch() + clock.now().since(Instant::ZERO);
        assert!(told >= before);
    }
}
