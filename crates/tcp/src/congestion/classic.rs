//! HyStart: leaving the first slow start at once when delay or a train of ACKs says that the pipe is full (Ha and Rhee,
//! "Taming the Elephants", 2011), with the figures and the slack that Linux gives it.
//!
//! ```text
//!   delay   nine samples of a round, none below the shortest round trip and an eighth ──► over
//!   train   ACKs no more than 2 ms apart, from the start of the round on, for half the shortest round trip ──► over
//!                                       (paced: all of it, for departures were spread over half)
//! ```
//!
//! It looks only at windows of sixteen segments and more: rounds are counted from there on, and a round is over when what
//! was sent at its start is acknowledged.

use super::AckSample;
use env::{Duration, Instant};

/// The smallest window that is watched, in segments.
const LEAST_WINDOW: u32 = 16;
/// Samples that a round's least needs before one more lets it count.
const SAMPLES: u8 = 8;
/// A rise counts from an eighth of the shortest round trip on, within these.
const RISE_DIVISOR: u32 = 8;
const LEAST_RISE: Duration = Duration::from_millis(4);
const MOST_RISE: Duration = Duration::from_millis(16);
/// ACKs that are further apart are no train.
const TRAIN_GAP: Duration = Duration::from_millis(2);
/// A train may be longer by what four of the longest departures last, up to a millisecond: receivers answer those at once.
const SLACK_OCTETS: u64 = 4 * 65_536;
const MOST_SLACK: Duration = Duration::from_millis(1);

/// The first slow start's watch over delay and trains.
#[derive(Clone, Debug, Default)]
pub(super) struct Classic {
    /// The shortest round trip that an ACK has measured.
    shortest: Option<Duration>,
    round: Option<Round>,
    delivered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    /// What will have been delivered when it is over.
    end: u64,
    began: Instant,
    /// The last ACK of the train that began with the round.
    train: Instant,
    least: Duration,
    samples: u8,
}

impl Classic {
    /// Takes an ACK into account that finds `cwnd` octets; `true` when slow start is over.
    pub(super) fn on_ack(&mut self, sample: &AckSample, cwnd: u32, segment_size: u32, paced: bool) -> bool {
        self.delivered = self.delivered.saturating_add(u64::from(sample.delivered));
        let Some(round_trip) = sample.round_trip else { return false };
        let shortest = self.shortest.map_or(round_trip, |known| known.min(round_trip));
        self.shortest = Some(shortest);
        if cwnd < segment_size.saturating_mul(LEAST_WINDOW) {
            return false;
        }
        let (delivered, now) = (self.delivered, sample.now);
        let mut round = self.round.filter(|round| delivered <= round.end).unwrap_or_else(|| Round {
            end: delivered.saturating_add(u64::from(sample.in_flight)),
            began: now,
            train: now,
            least: Duration::MAX,
            samples: 0,
        });
        let long = round.is_long(now, shortest, slack(cwnd, sample.smoothed), paced);
        let late = round.is_late(round_trip, shortest);
        self.round = Some(round);
        long || late
    }
}

impl Round {
    /// Whether the train of ACKs that began with the round is as long as the path allows.
    fn is_long(&mut self, now: Instant, shortest: Duration, slack: Duration, paced: bool) -> bool {
        if now.since(self.train) > TRAIN_GAP {
            return false;
        }
        self.train = now;
        let most = shortest.saturating_add(slack);
        now.since(self.began) > if paced { most } else { most / 2 }
    }

    /// Whether no sample of the round was near the shortest.
    fn is_late(&mut self, round_trip: Duration, shortest: Duration) -> bool {
        self.least = self.least.min(round_trip);
        if self.samples < SAMPLES {
            self.samples += 1;
            return false;
        }
        let rise = (shortest / RISE_DIVISOR).clamp(LEAST_RISE, MOST_RISE);
        self.least > shortest.saturating_add(rise)
    }
}

/// How much longer a train may be, where twice the window is sent in a round trip.
fn slack(cwnd: u32, smoothed: Option<Duration>) -> Duration {
    let nanos = smoothed.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let lasts = u128::from(SLACK_OCTETS) * u128::from(nanos) / (2 * u128::from(cwnd.max(1)));
    Duration::from_nanos(u64::try_from(lasts).unwrap_or(u64::MAX)).min(MOST_SLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    /// An ACK of a segment at `at` whose round trip was `millis`, with twenty segments out after it.
    fn ack(at: Duration, millis: u64) -> AckSample {
        AckSample {
            now: Instant::ZERO + at,
            delivered: MSS,
            in_flight: 20 * MSS,
            round_trip: Some(Duration::from_millis(millis)),
            smoothed: Some(Duration::from_millis(millis)),
            ..AckSample::default()
        }
    }

    /// The ACK that ends slow start, of those that come every `gap` with round trips as `millis` says, after one of 100 ms.
    fn ends(cwnd: u32, gap: Duration, paced: bool, millis: impl Fn(u32) -> u64) -> Option<u32> {
        let mut watch = Classic::default();
        assert!(!watch.on_ack(&ack(Duration::ZERO, 100), 10 * MSS, MSS, paced));
        (1..=400).find(|&n| watch.on_ack(&ack(gap * n, millis(n)), cwnd, MSS, paced))
    }

    #[test]
    fn the_ninth_sample_of_a_round_that_rose_by_an_eighth_ends_it() {
        let spread = Duration::from_millis(5);
        assert_eq!(ends(20 * MSS, spread, true, |_| 113), Some(9));
        assert_eq!(ends(20 * MSS, spread, true, |_| 112), None, "12 of 100 ms is less than an eighth");
        assert_eq!(ends(20 * MSS, spread, true, |n| if n == 4 { 105 } else { 130 }), Some(22 + 8));
        assert_eq!(ends(15 * MSS, spread, true, |_| 200), None, "a small window is not watched");
    }

    #[test]
    fn a_train_as_long_as_half_the_path_ends_it_and_all_of_it_where_departures_are_spread() {
        let dense = Duration::from_micros(1_900);
        let window = 1_000 * MSS;
        let watched = |paced| {
            let mut watch = Classic::default();
            let sample = |n: u32| AckSample { in_flight: window, ..ack(dense * n, 100) };
            (0..400).find(|&n| watch.on_ack(&sample(n), window, MSS, paced))
        };
        // A millisecond of slack: 50.5 and 101 ms.
        assert_eq!((watched(false), watched(true)), (Some(27), Some(54)));
    }

    #[test]
    fn acks_that_are_further_apart_are_no_train_and_what_measures_nothing_says_nothing() {
        assert_eq!(ends(1_000 * MSS, Duration::from_micros(2_100), false, |_| 100), None);
        let mut watch = Classic::default();
        for n in 0..1_000u32 {
            let silent = AckSample { round_trip: None, ..ack(Duration::from_micros(500) * n, 100) };
            assert!(!watch.on_ack(&silent, 1_000 * MSS, MSS, false));
        }
    }

    #[test]
    fn any_numbers_do() {
        let mut watch = Classic::default();
        for round_trip in [Duration::ZERO, Duration::MAX, Duration::from_nanos(1)] {
            let sample = AckSample {
                now: Instant::FAR,
                delivered: u32::MAX,
                in_flight: u32::MAX,
                round_trip: Some(round_trip),
                smoothed: Some(round_trip),
                ..AckSample::default()
            };
            for n in 0..20 {
                let _over = watch.on_ack(&sample, u32::MAX >> n, n, n % 2 == 0);
            }
        }
    }
}
