//! What reached the user at the far end, and when.

use env::{Duration, Instant};

/// How long a bucket lasts.
pub(super) const BUCKET: Duration = Duration::from_millis(10);

/// Octets by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series(Vec<u64>);

impl Series {
    /// Notes octets at `now` of a run that began at `began`.
    pub(super) fn add(&mut self, began: Instant, now: Instant, octets: usize) {
        let index = (now.since(began).as_nanos() / BUCKET.as_nanos()) as usize;
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        if let Some(bucket) = self.0.get_mut(index) {
            *bucket += octets as u64;
        }
    }

    /// All of it.
    pub fn octets(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Octets of each tenth of a second from the beginning on.
    pub fn tenths(&self) -> impl Iterator<Item = u64> {
        self.0.chunks(10).map(|buckets| buckets.iter().sum())
    }

    /// The longest time without an octet from `from` until `until`, to ten milliseconds.
    pub(super) fn longest_silence(&self, from: Duration, until: Duration) -> Duration {
        let index = |at: Duration| (at.as_nanos() / BUCKET.as_nanos()) as usize;
        let (mut longest, mut silent) = (0u32, 0u32);
        for place in index(from)..index(until) {
            silent = if self.0.get(place).is_some_and(|octets| *octets > 0) { 0 } else { silent + 1 };
            longest = longest.max(silent);
        }
        BUCKET * longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_as_long_as_it_was_and_lasts_to_the_end_if_nothing_comes() {
        let mut series = Series::default();
        let began = Instant::from_secs(1);
        for millis in [5, 15, 400, 1000] {
            series.add(began, began + Duration::from_millis(millis), 100);
        }
        let ms = Duration::from_millis;
        assert_eq!(series.longest_silence(ms(0), ms(1000)), ms(590));
        assert_eq!(series.longest_silence(ms(0), ms(400)), ms(380));
        assert_eq!(series.longest_silence(ms(2000), ms(5000)), ms(3000));
        assert_eq!(series.octets(), 400);
        assert_eq!(series.tenths().collect::<Vec<_>>(), [200, 0, 0, 0, 100, 0, 0, 0, 0, 0, 100]);
    }
}
