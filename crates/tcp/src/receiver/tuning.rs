//! How large the receive buffer should be: right-sized to what the user reads in a round trip.
//!
//! ```text
//!      ├──── a round trip ────┤
//!   ───┼──────────────────────┼──► time        read here: r octets, after r' in the one before
//!                                              buffer = 2·r + 2·(r − r'), at most the limit, and never less than it was
//! ```
//!
//! A sender that fills a path has one round trip's worth in flight, and one more while it repairs a loss: twice what is
//! read in a round trip. While it speeds up the next round trip will bring more than this one did, so that what was
//! gained is added again. A user that does not read makes nothing grow. (The idea is Dynamic Right-Sizing; what a
//! round trip is, the echo of our own timestamp tells, at the receiver's end, too: RFC 7323 §4.)

use super::Place;
use super::accounting::WHOLE;
use env::{Duration, Instant};

/// What a round trip is taken for when nothing measured one.
const UNKNOWN: Duration = Duration::from_millis(200);
/// Round trips below this are beyond the grain of timestamps.
const GRAIN: Duration = Duration::from_millis(2);

#[derive(Clone, Debug)]
pub(super) struct Tuning {
    /// The buffer never grows beyond this.
    limit: u32,
    /// Averaged from echoes; microseconds, for every connection has room for this.
    round_trip: Option<u32>,
    /// The last echo that was measured by: each counts once.
    echo: u32,
    /// When this round trip began, and what had been read then.
    since: Instant,
    from: Place,
    /// What was read in the best round trip so far.
    best: u64,
}

impl Tuning {
    /// For a buffer that may grow to `limit` octets.
    pub(super) const fn new(now: Instant, limit: u32, read: Place) -> Self {
        Self { limit, round_trip: None, echo: 0, since: now, from: read, best: 0 }
    }

    /// As much of `octets` as the buffer may have.
    pub(super) fn limited(&self, octets: u32) -> u32 {
        octets.min(self.limit)
    }

    /// Sets the limit anew.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Data arrived that echoes `echo`, which we sent `age` ago.
    pub(super) fn measure(&mut self, echo: u32, age: Duration) {
        if echo == self.echo && self.round_trip.is_some() {
            return;
        }
        self.echo = echo;
        let age = u32::try_from(age.as_micros()).unwrap_or(u32::MAX);
        self.round_trip = Some(match self.round_trip {
            Some(average) => (average - average / 8).saturating_add(age / 8),
            None => age,
        });
    }

    /// The round trip as echoes tell it, averaged.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.map(|micros| Duration::from_micros(u64::from(micros)))
    }

    /// The buffer to have, when `buffer` is the one there is and `read` what was read so far; `least` is the shortest round
    /// trip that the send half measured, and `share` of 256 parts of the buffer are for what is read.
    pub(super) fn size(
        &mut self,
        now: Instant,
        buffer: u32,
        read: Place,
        least: Option<Duration>,
        share: u32,
    ) -> u32 {
        if buffer >= self.limit {
            return buffer;
        }
        let average = self.round_trip();
        let round_trip = match (average, least) {
            (Some(average), _) if average >= GRAIN => average,
            (_, Some(least)) => least,
            (average, None) => average.unwrap_or(UNKNOWN),
        };
        if now.since(self.since) < round_trip {
            return buffer;
        }
        let count = read.saturating_sub(self.from);
        let gained = count.saturating_sub(self.best);
        self.since = now;
        self.from = read;
        self.best = self.best.max(count);
        let wish = count.saturating_add(gained).saturating_mul(2).saturating_mul(u64::from(WHOLE));
        let wish = wish / u64::from(share.max(1));
        buffer.max(u32::try_from(wish).unwrap_or(u32::MAX).min(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u32 = 1 << 20;

    fn ms(n: u64) -> Instant {
        Instant::from_millis(n)
    }

    #[test]
    fn a_sender_in_slow_start_never_meets_the_window() {
        let mut tuning = Tuning::new(ms(0), 32 * MIB, 0);
        tuning.measure(1, Duration::from_millis(100));
        let (mut buffer, mut read, mut flight) = (MIB, 0, u64::from(MIB / 2));
        for round in 1..=5 {
            assert!(u64::from(buffer) >= flight, "round {round}: {buffer} < {flight}");
            read += flight;
            buffer = tuning.size(ms(round * 100), buffer, read, None, WHOLE);
            flight *= 2;
        }
        assert!((16 * MIB..=32 * MIB).contains(&buffer));
    }

    #[test]
    fn a_steady_stream_has_two_round_trips_of_room_and_no_more() {
        let mut tuning = Tuning::new(ms(0), 32 * MIB, 0);
        tuning.measure(1, Duration::from_millis(100));
        let mut buffer = MIB;
        for round in 1..=100u64 {
            buffer = tuning.size(ms(round * 100), buffer, round * u64::from(3 * MIB), None, WHOLE);
        }
        // The first round trip's gain was all of it: 2·(3 + 3); nothing is gained after that.
        assert_eq!(buffer, 12 * MIB);
    }

    #[test]
    fn a_user_that_does_not_read_makes_nothing_grow_and_the_limit_holds() {
        let mut tuning = Tuning::new(ms(0), 4 * MIB, 0);
        tuning.measure(1, Duration::from_millis(10));
        assert_eq!((1..100).map(|n| tuning.size(ms(n * 10), MIB, 0, None, WHOLE)).max(), Some(MIB));
        assert_eq!(tuning.size(ms(2000), MIB, 1 << 40, None, WHOLE), 4 * MIB);
    }

    #[test]
    fn within_the_grain_of_timestamps_the_send_half_knows_better() {
        let mut tuning = Tuning::new(ms(0), 32 * MIB, 0);
        tuning.measure(1, Duration::from_millis(1));
        // 1 MiB read in 1 ms, but only 100 KiB of it in a round trip of 100 µs.
        let now = ms(0) + Duration::from_micros(100);
        assert_eq!(tuning.size(now, MIB, 100 << 10, Some(Duration::from_micros(100)), WHOLE), MIB);
        // The same echo again says nothing new.
        tuning.measure(1, Duration::from_secs(5));
        assert_eq!(tuning.round_trip, Some(1_000));
    }
}
