//! What is measured of a run, and how it is summed up.

use env::Duration;

/// When octets reached a receiver's user.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrivals {
    /// All of them.
    pub(super) octets: u64,
    /// The last ones.
    pub(super) last: Option<Duration>,
    /// The longest time between two of them.
    longest: Duration,
}

impl Arrivals {
    pub(super) fn add(&mut self, at: Duration, octets: u64) {
        if let Some(last) = self.last {
            self.longest = self.longest.max(at.saturating_sub(last));
        }
        self.octets += octets;
        self.last = Some(at);
    }

    /// The longest time up to `end` in which nothing came.
    pub(super) fn longest_gap(&self, end: Duration) -> Duration {
        self.longest.max(end.saturating_sub(self.last.unwrap_or_default()))
    }
}

/// The value below or at which a share of all values lies; zero if there are none.
///
/// `share` is of one; the values are sorted on the way.
pub(super) fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Jain's index of fairness: 1 when all have the same, 1 ÷ n when one has all.
pub fn jain(shares: &[f64]) -> f64 {
    let (sum, squares) = shares.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
    if squares == 0.0 { 1.0 } else { sum * sum / (shares.len() as f64 * squares) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let mut values: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        let mut at = |share| percentile(&mut values, share).as_millis();
        assert_eq!([at(0.0), at(0.5), at(0.99), at(1.0)], [1, 50, 99, 100]);
        assert_eq!(percentile(&mut [], 0.5), Duration::ZERO);
        assert_eq!(percentile(&mut [Duration::from_secs(3)], 0.99), Duration::from_secs(3));
    }

    #[test]
    fn jains_index_is_one_for_equals_and_one_in_n_for_a_greedy_one() {
        assert_eq!(jain(&[3.0, 3.0, 3.0]), 1.0);
        assert_eq!(jain(&[8.0, 0.0, 0.0, 0.0]), 0.25);
        assert_eq!(jain(&[]), 1.0);
    }

    #[test]
    fn gaps_count_up_to_the_end() {
        let ms = Duration::from_millis;
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.longest_gap(ms(9)), ms(9));
        [5, 8, 18, 19].into_iter().for_each(|at| arrivals.add(ms(at), 10));
        assert_eq!((arrivals.octets, arrivals.longest_gap(ms(20))), (40, ms(10)));
        assert_eq!(arrivals.longest_gap(ms(60)), ms(41));
    }
}
