//! When: departures as deadlines, not threads.
//!
//! A controller that names a rate has its trains spaced by it; one that does not sends as its window allows.

use env::{Duration, Instant};

/// When the next train may leave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pacer {
    next: Instant,
}

impl Pacer {
    /// The instant before which nothing may leave, if it has not come yet.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        (self.next > now).then_some(self.next)
    }

    /// `octets` leave at `now` under `rate` octets a second.
    pub(crate) fn on_sent(&mut self, now: Instant, octets: u32, rate: Option<u64>) {
        if let Some(rate) = rate {
            let nanos = u64::from(octets).saturating_mul(1_000_000_000) / rate.max(1);
            self.next = self.next.max(now) + Duration::from_nanos(nanos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_spaces_trains_and_no_rate_does_not() {
        let now = Instant::from_secs(1);
        let mut pacer = Pacer::default();
        pacer.on_sent(now, 1_000, None);
        assert_eq!(pacer.wait(now), None);
        pacer.on_sent(now, 1_000, Some(1_000_000));
        assert_eq!(pacer.wait(now), Some(now + Duration::from_millis(1)));
        assert_eq!(pacer.wait(now + Duration::from_millis(1)), None);
    }
}
