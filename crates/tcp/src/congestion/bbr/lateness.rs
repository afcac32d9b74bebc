//! How late those come that others overtake: time under way that is no queue.
//!
//! ```text
//!   sent      a ── b ── c                 a queue keeps its order: whoever waits in it, nobody comes
//!   arrived             c ── b ── a       before what was sent earlier. a is late by c − a, b by c − b
//! ```
//!
//! This is beyond the draft. There, what is in flight follows from the shortest round trip. Where each packet takes a time of
//! its own, few are that fast: twice that much in flight may be less than the path holds, and then the flow never sees how
//! fast it could be. What is late takes room beside the BDP; a queue of whatever length does not look late.

use env::{Duration, Instant};

/// The mean lateness, by rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Lateness {
    /// When the newest left of all that is known to have arrived.
    newest: Instant,
    /// The sum over this round, in microseconds, and of how many.
    sum: u64,
    count: u32,
    /// Over the last rounds; `None` before any.
    mean: Option<Duration>,
}

impl Lateness {
    /// Something arrived that took so long.
    pub(super) fn observe(&mut self, now: Instant, round_trip: Duration) {
        let sent = now - round_trip;
        self.newest = self.newest.max(sent);
        self.sum = self.sum.saturating_add(self.newest.since(sent).as_micros() as u64);
        self.count = self.count.saturating_add(1);
    }

    /// A round is over: it counts for a quarter.
    pub(super) fn end_round(&mut self) {
        let Some(mean) = self.sum.checked_div(u64::from(self.count)).map(Duration::from_micros) else {
            return;
        };
        self.mean = Some(self.mean.map_or(mean, |before| before / 4 * 3 + mean / 4));
        (self.sum, self.count) = (0, 0);
    }

    /// How late something is in the mean.
    pub(super) fn mean(&self) -> Duration {
        self.mean.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Sends one each millisecond that take so long, and has them arrive in their order in time.
    fn after(took: impl Fn(u64) -> u64) -> Lateness {
        let mut lateness = Lateness::default();
        let mut arrivals: alloc::vec::Vec<_> =
            (0..1_000).map(|sent| (sent + took(sent), took(sent))).collect();
        arrivals.sort_by_key(|&(at, _)| at);
        for (n, &(at, took)) in arrivals.iter().enumerate() {
            lateness.observe(Instant::from_secs(1) + ms(at), ms(took));
            if n % 20 == 19 {
                lateness.end_round();
            }
        }
        lateness
    }

    #[test]
    fn a_queue_that_grows_and_drains_is_not_late() {
        // 100 ms more within 100 ms, and less again.
        assert_eq!(
            after(|sent| 10 + if sent % 200 < 100 { sent % 200 } else { 200 - sent % 200 }).mean(),
            ms(0)
        );
    }

    #[test]
    fn every_fourth_that_is_held_back_for_40_ms_makes_10_in_the_mean() {
        let mean = after(|sent| if sent % 4 == 0 { 50 } else { 10 }).mean();
        assert!((ms(9)..=ms(11)).contains(&mean), "{mean:?}");
    }

    #[test]
    fn rounds_without_a_round_trip_change_nothing_and_old_ones_fade() {
        let mut lateness = after(|sent| if sent % 4 == 0 { 50 } else { 10 });
        let before = lateness.mean();
        lateness.end_round();
        assert_eq!(lateness.mean(), before);
        for n in 0..20 {
            lateness.observe(Instant::from_secs(9) + ms(n), ms(10));
            lateness.end_round();
        }
        assert!(lateness.mean() < ms(1));
    }
}
