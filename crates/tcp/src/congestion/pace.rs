//! How fast a window that counts octets is to be sent: spread over a round trip, as controllers without a rate of their
//! own do it.
//!
//! ```text
//!   slow start    2 · cwnd / SRTT      twice as fast as ACKs come, for the window doubles
//!   later       1.2 · cwnd / SRTT      a little faster than ACKs come: it is the window that limits
//! ```
//!
//! What a fresh or idle sender may send at once anyway, an initial window, is not spread: a short answer is not to wait.
//! Nor is anything spread where the path is too short or too fast for a queue to suffer.

use super::Departure;
use env::Duration;

/// Round trips shorter than this are within a machine.
const SHORTEST: Duration = Duration::from_micros(50);
/// Round trips shorter than this are within a building, where a gigabit a second is nothing to be careful with.
const SHORT: Duration = Duration::from_millis(1);
const GIGABIT: u64 = 125_000_000;
/// Octets a second from which on deadlines would cost more than bursts do, whatever the path: 4 Gbit/s.
const FASTEST: u64 = 4 * GIGABIT;
/// A train lasts so long at most, as a part of a second.
const TRAINS_A_SECOND: u64 = 1_000;

/// A pacing rate that follows a window.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Octets a second, if the path is known and worth it.
    rate: Option<u64>,
    round_trip: Option<Duration>,
    /// The initial window, in octets, and what of it may still leave at once.
    initial: u32,
    at_once: u32,
    /// The rate is halved so often (9438-13).
    slowed: u8,
    /// It is as if departures were spread, though somebody saw to it that they are not.
    in_full: bool,
}

impl Pace {
    pub(super) fn new(initial: u32, round_trip: Option<Duration>, in_full: bool) -> Self {
        Self { rate: None, round_trip, initial, at_once: initial, slowed: 0, in_full }
    }

    /// The window is `cwnd`, and double that, unless it is near `ssthresh`, in a round trip.
    pub(super) fn update(&mut self, cwnd: u32, ssthresh: u32, round_trip: Option<Duration>) {
        self.round_trip = round_trip.or(self.round_trip);
        let Some(round_trip) = self.round_trip.filter(|time| !time.is_zero()) else { return };
        let tenths = if cwnd < ssthresh / 2 { 20 } else { 12 };
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        // cwnd has 32 bits, and this 31 more.
        let rate = (u64::from(cwnd) * (tenths * 100_000_000) / nanos) >> self.slowed;
        let spared = round_trip < SHORTEST || rate >= FASTEST || (round_trip < SHORT && rate >= GIGABIT);
        self.rate = (!spared || self.slowed > 0).then_some(rate.max(1));
    }

    /// One segment a round trip is still too much.
    pub(super) fn slow_down(&mut self) {
        self.slowed = (self.slowed + 1).min(6);
    }

    /// It no longer is.
    pub(super) fn speed_up(&mut self) {
        self.slowed = 0;
    }

    /// Something leaves. After a pause of the user's it is as at the beginning.
    pub(super) fn on_sent(&mut self, departure: &Departure) {
        if departure.in_flight == 0 && departure.app_limited && !departure.again {
            self.at_once = self.initial;
        }
        self.at_once = self.at_once.saturating_sub(departure.octets);
    }

    /// Whether departures are spread at all, or taken to be.
    pub(super) fn is_paced(&self) -> bool {
        self.in_full || self.rate.is_some()
    }

    /// Whether departures are spread indeed.
    pub(super) fn is_spread(&self) -> bool {
        !self.in_full && self.rate.is_some()
    }

    /// Whether windows leave at once, as wide as they are.
    pub(super) fn is_in_full(&self) -> bool {
        self.in_full
    }

    /// Octets a second.
    pub(super) fn rate(&self) -> Option<u64> {
        self.rate.filter(|_| self.at_once == 0 || self.slowed > 0)
    }

    /// Octets of a train: what may leave at once, or a millisecond's worth, and two segments at least.
    pub(super) fn train(&self, segment_size: u32) -> Option<u32> {
        let worth = u32::try_from(self.rate? / TRAINS_A_SECOND).unwrap_or(u32::MAX);
        Some(worth.max(self.at_once).max(segment_size.saturating_mul(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1_000;

    fn sent(octets: u32, in_flight: u32) -> Departure {
        Departure { octets, in_flight, app_limited: true, ..Departure::default() }
    }

    fn pace(cwnd: u32, ssthresh: u32, round_trip: Duration) -> Pace {
        let mut pace = Pace::new(10 * MSS, None, false);
        pace.on_sent(&sent(10 * MSS, 0));
        pace.update(cwnd, ssthresh, Some(round_trip));
        pace
    }

    #[test]
    fn twice_a_window_a_round_trip_in_slow_start_and_a_fifth_more_than_one_later() {
        let tenth = Duration::from_millis(100);
        assert_eq!(pace(100 * MSS, u32::MAX, tenth).rate(), Some(2_000_000));
        assert_eq!(pace(100 * MSS, 150 * MSS, tenth).rate(), Some(1_200_000));
        assert_eq!(pace(100 * MSS, 100 * MSS, tenth).rate(), Some(1_200_000));
    }

    #[test]
    fn trains_last_a_millisecond_or_are_two_segments() {
        assert_eq!(pace(100 * MSS, u32::MAX, Duration::from_millis(100)).train(MSS), Some(2 * MSS));
        assert_eq!(pace(1_000 * MSS, u32::MAX, Duration::from_millis(100)).train(MSS), Some(20 * MSS));
    }

    #[test]
    fn an_initial_window_leaves_at_once_when_nothing_is_out() {
        let mut pace = Pace::new(10 * MSS, Some(Duration::from_millis(100)), false);
        pace.update(10 * MSS, u32::MAX, None);
        assert_eq!((pace.rate(), pace.train(MSS), pace.is_paced()), (None, Some(10 * MSS), true));
        pace.on_sent(&sent(4 * MSS, 0));
        assert_eq!(pace.rate(), None);
        pace.on_sent(&sent(6 * MSS, 4 * MSS));
        assert_eq!(pace.rate(), Some(200_000));
        pace.on_sent(&Departure { again: true, ..sent(MSS, 0) });
        assert_eq!(pace.rate(), Some(200_000), "what is sent again is no new beginning");
        pace.on_sent(&Departure { app_limited: false, ..sent(MSS, 0) });
        assert_eq!(pace.rate(), Some(200_000), "nor is a window that was acknowledged at once");
        pace.on_sent(&sent(MSS, 0));
        assert_eq!(pace.rate(), None);
    }

    #[test]
    fn short_and_fast_paths_are_spared() {
        assert_eq!(pace(100 * MSS, 0, Duration::from_micros(49)).rate(), None);
        assert_eq!(pace(100 * MSS, 0, Duration::from_micros(900)).rate(), None, "133 MB/s within a building");
        assert!(pace(100 * MSS, 0, Duration::from_millis(1)).rate().is_some());
        assert!(pace(10 * MSS, 0, Duration::from_micros(900)).rate().is_some());
        assert_eq!(pace(u32::MAX, 0, Duration::from_secs(1)).rate(), None);
    }

    /// Covers: RFC 9438 9438-13
    #[test]
    fn a_segment_a_round_trip_can_be_too_much() {
        let mut pace = pace(MSS, 2 * MSS, Duration::from_millis(100));
        pace.slow_down();
        pace.update(MSS, 2 * MSS, None);
        assert_eq!(pace.rate(), Some(6_000));
        (0..100).for_each(|_| pace.slow_down());
        pace.update(MSS, 2 * MSS, None);
        assert_eq!(pace.rate(), Some(12_000 / 64));
        pace.speed_up();
        pace.update(MSS, 2 * MSS, None);
        assert_eq!(pace.rate(), Some(12_000));
    }
}
