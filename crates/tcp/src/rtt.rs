//! Round trips and the retransmission timeout (RFC 6298).

use crate::TcpConfig;
use alloc::boxed::Box;
use env::{Duration, Instant};

/// The least round trip is that of the last such stretch of time at least, and of two at most.
const REMEMBERED: Duration = Duration::from_secs(150);

/// SRTT, RTTVAR and RTO, with back-off. All in nanoseconds, which 64 bits count for 584 years: every ACK comes by here.
#[derive(Clone, Debug)]
pub(crate) struct RoundTrip {
    srtt: Option<u64>,
    rttvar: u64,
    /// The least of this stretch of time and of the one before.
    minimum: [u64; 2],
    /// When this stretch began.
    since: Instant,
    /// The timeout before any back-off.
    base: u64,
    floor: u64,
    ceiling: u64,
    /// What a peer may delay the ACK of a lone segment by, in milliseconds.
    peer_delay: u16,
    backoff: u8,
    /// Samples weigh less where there are many in a round trip.
    scaled: bool,
    /// The last timeout that was no second one in a row.
    timeout: Option<Box<BeforeTimeout>>,
}

/// What was known as a timeout came (RFC 4015 §3.1, step 0).
#[derive(Clone, Debug)]
struct BeforeTimeout {
    at: Instant,
    srtt: u64,
    rttvar: u64,
    /// It was a mistake, and what is sent since then has not measured a round trip yet.
    mistaken: bool,
}

/// Twice the granularity of the clock that timestamps carry.
const TWO_TICKS: Duration = Duration::from_millis(2);

fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(duration.subsec_nanos()))
}

impl RoundTrip {
    pub(crate) fn new(config: &TcpConfig) -> Self {
        Self {
            srtt: None,
            rttvar: 0,
            minimum: [u64::MAX; 2],
            since: Instant::ZERO,
            base: nanos(config.rto_initial), // 6298-1
            floor: nanos(config.rto_min),
            ceiling: nanos(config.rto_max),
            peer_delay: u16::try_from(config.peer_ack_delay.as_millis()).unwrap_or(u16::MAX),
            backoff: 0,
            scaled: config.scaled_rtt_gains,
            timeout: None,
        }
    }

    /// Takes a sample of an unambiguous round trip (Karn's rule is the caller's: 6298-8); `in_flight` segments
    /// were out, each pair of which would bring a sample, and so each weighs less (RFC 7323 §4.2, 7323-19).
    ///
    /// A sample of what left before a timeout leaves the back-off as it is: only what was sent afterwards tells whether the
    /// timer still is too short (RFC 6298 §5, RFC 4015 §3.6).
    pub(crate) fn sample(&mut self, now: Instant, rtt: Duration, in_flight: u32) {
        let departed = Instant::ZERO + now.since(Instant::ZERO).saturating_sub(rtt);
        let rtt = nanos(rtt);
        self.take_minimum(now, rtt);
        match self.srtt {
            None => {
                self.srtt = Some(rtt); // 6298-2
                self.rttvar = rtt / 2;
            }
            Some(srtt) => {
                let expected = if self.scaled { u64::from(in_flight.div_ceil(2).max(1)) } else { 1 };
                let (alpha, beta) = (expected * 8, expected * 4); // 6298-4
                let off = srtt.abs_diff(rtt);
                // RTTVAR first, with the old SRTT (6298-3).
                self.rttvar = (self.rttvar - self.rttvar / beta).saturating_add(off / beta);
                self.srtt = Some((srtt - srtt / alpha).saturating_add(rtt / alpha));
            }
        }
        self.adapt(departed, rtt);
        self.base = self.fresh();
        if self.timeout.as_ref().is_none_or(|before| departed + TWO_TICKS >= before.at) {
            self.backoff = 0;
        }
    }

    /// The first round trip of what was sent after a timeout that was a mistake: the path may have become as long as that for
    /// good, and the estimate begins anew with it, unless what was known before was more (RFC 4015 §3.1, step 11).
    fn adapt(&mut self, departed: Instant, rtt: u64) {
        let Some(before) = self.timeout.as_mut().filter(|before| before.mistaken && departed > before.at)
        else {
            return;
        };
        before.mistaken = false;
        self.srtt = Some(rtt.max(before.srtt.saturating_add(nanos(TWO_TICKS))));
        self.rttvar = before.rttvar.max(rtt / 2);
    }

    /// The least of the last minutes: a path that has become longer for good is believed then, one that has become shorter
    /// at once (RFC 8985 §6.2 step 1, 8985-3).
    fn take_minimum(&mut self, now: Instant, rtt: u64) {
        if now.since(self.since) > REMEMBERED {
            self.minimum = [u64::MAX, self.minimum[0]];
            self.since = now;
        }
        self.minimum[0] = self.minimum[0].min(rtt);
    }

    /// SRTT + max(G, 4·RTTVAR) (6298-5, 6298-10), between floor and ceiling.
    ///
    /// G is taken as large as the floor: a peer may delay an ACK by that much without a change of the path, and a
    /// timer of less would fire for nothing.
    fn fresh(&self) -> u64 {
        match self.srtt {
            None => self.base,
            Some(srtt) => srtt
                .saturating_add(self.rttvar.saturating_mul(4).max(self.floor))
                .clamp(self.floor, self.ceiling),
        }
    }

    /// The timeout now, back-off included.
    pub(crate) fn rto(&self) -> Duration {
        let factor = 1u64 << self.backoff.min(31);
        Duration::from_nanos(self.base.saturating_mul(factor).min(self.ceiling))
    }

    /// Doubles the timeout, which has passed `now` (6298-13).
    pub(crate) fn back_off(&mut self, now: Instant) {
        if let Some(srtt) = self.srtt.filter(|_| self.backoff == 0) {
            let before = BeforeTimeout { at: now, srtt, rttvar: self.rttvar, mistaken: false };
            self.timeout = Some(Box::new(before));
        }
        self.backoff = self.backoff.saturating_add(1).min(31);
    }

    /// Takes one doubling back; whether there was one (RFC 6069 §4).
    pub(crate) fn revert_back_off(&mut self) -> bool {
        let was = self.backoff;
        self.backoff = was.saturating_sub(1);
        was > 0
    }

    /// The timeouts were mistakes: the timer was too short, and stays doubled until a round trip was measured that began
    /// afterwards (RFC 4015 §3.6).
    pub(crate) fn on_mistaken_timeout(&mut self) {
        if let Some(before) = &mut self.timeout {
            before.mistaken = true;
        }
    }

    /// The handshake's SYN timed out while the estimate was below three seconds (6298-15).
    pub(crate) fn distrust_handshake(&mut self) {
        if self.srtt.is_none() {
            self.base = self.base.max(nanos(Duration::from_secs(3))).min(self.ceiling);
        }
        self.backoff = 0;
    }

    /// What a peer may delay the ACK of a lone segment by (TLP.max_ack_delay of RFC 8985 §7.2).
    pub(crate) fn peer_ack_delay(&self) -> Duration {
        Duration::from_millis(self.peer_delay.into())
    }

    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.srtt.map(Duration::from_nanos)
    }

    pub(crate) fn variation(&self) -> Duration {
        Duration::from_nanos(self.rttvar)
    }

    /// Nothing that is sent now is answered sooner than this, as far as can be told: the least, or what SRTT and its variation
    /// make of it where that is more, for a queue does not vanish at once.
    pub(crate) fn soonest(&self) -> Duration {
        let Some(srtt) = self.srtt else { return Duration::ZERO };
        let usual = srtt.saturating_sub(self.rttvar.saturating_mul(4));
        Duration::from_nanos(usual.max(self.minimum[0].min(self.minimum[1])))
    }

    pub(crate) fn minimum(&self) -> Option<Duration> {
        self.srtt.map(|_| Duration::from_nanos(self.minimum[0].min(self.minimum[1])))
    }
}

#[cfg(test)]
mod rfc6298 {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn fresh() -> RoundTrip {
        RoundTrip::new(&TcpConfig::default())
    }

    /// Covers: RFC 6298 6298-1, 6298-2, 6298-5
    #[test]
    fn one_second_before_any_sample_then_srtt_and_four_rttvar() {
        let mut rtt = fresh();
        assert_eq!(rtt.rto(), ms(1000));
        rtt.sample(Instant::ZERO, ms(400), 1);
        assert_eq!((rtt.smoothed(), rtt.variation(), rtt.rto()), (Some(ms(400)), ms(200), ms(1200)));
    }

    /// Covers: RFC 6298 6298-3, 6298-4
    #[test]
    fn the_variation_is_updated_with_the_old_average() {
        let mut rtt = fresh();
        rtt.sample(Instant::ZERO, ms(400), 1);
        rtt.sample(Instant::ZERO, ms(800), 1);
        // RTTVAR = 3/4·200 + 1/4·|400 − 800|, SRTT = 7/8·400 + 1/8·800.
        assert_eq!((rtt.variation(), rtt.smoothed()), (ms(250), Some(ms(450))));
    }

    /// Covers: RFC 6298 6298-6, 6298-10, 6298-7
    #[test]
    fn a_steady_path_keeps_a_floor_above_its_average_and_back_off_stops_at_a_minute() {
        let mut rtt = fresh();
        (0..200).for_each(|_| rtt.sample(Instant::ZERO, ms(10), 1));
        assert_eq!(rtt.rto().as_millis(), 210);
        (0..40).for_each(|_| rtt.back_off(Instant::ZERO));
        assert_eq!(rtt.rto(), Duration::from_secs(60));
    }

    /// Covers: RFC 6298 6298-13, 6298-15
    #[test]
    fn back_off_doubles_and_a_lost_syn_costs_three_seconds() {
        let mut rtt = fresh();
        rtt.back_off(Instant::ZERO);
        assert_eq!(rtt.rto(), ms(2000));
        rtt.distrust_handshake();
        assert_eq!(rtt.rto(), ms(3000));
        rtt.sample(Instant::ZERO, ms(100), 1);
        assert_eq!(rtt.rto(), ms(300));
    }

    /// RFC 4015 §3.1, step 11: SRTT is the larger of the sample and the old one and two ticks, RTTVAR of half of it and the old.
    #[test]
    fn after_a_timeout_that_was_a_mistake_the_first_round_trip_of_what_was_sent_since_begins_the_estimate() {
        let at = |n| Instant::ZERO + ms(n);
        let mistaken = || {
            let mut rtt = fresh();
            (0..200).for_each(|_| rtt.sample(at(1_000), ms(100), 1));
            rtt.back_off(at(2_000));
            // Of what left before it: the timer stays doubled.
            rtt.sample(at(2_400), ms(600), 100);
            assert!(rtt.rto() > ms(600) && rtt.rto() < ms(700), "{:?}", rtt.rto());
            rtt.on_mistaken_timeout();
            rtt
        };
        let mut rtt = mistaken();
        rtt.sample(at(3_000), ms(700), 100);
        assert_eq!((rtt.smoothed(), rtt.variation(), rtt.rto()), (Some(ms(700)), ms(350), ms(2_100)));
        // Once: the next is one of many.
        rtt.sample(at(3_100), ms(100), 100);
        assert!(rtt.smoothed() > Some(ms(650)));
        // A path as short as before: no less than was known then.
        let mut rtt = mistaken();
        rtt.sample(at(2_600), ms(50), 100);
        assert_eq!((rtt.smoothed(), rtt.variation()), (Some(ms(102)), ms(25)));
        // What was no mistake changes nothing.
        let mut rtt = fresh();
        rtt.sample(at(1_000), ms(100), 1);
        rtt.back_off(at(2_000));
        rtt.sample(at(3_000), ms(700), 100);
        assert!(rtt.smoothed() < Some(ms(120)));
    }

    /// Covers: RFC 8985 8985-3
    #[test]
    fn the_least_round_trip_follows_a_longer_path_in_minutes_and_a_shorter_one_at_once() {
        let mut rtt = fresh();
        let mut now = Instant::from_secs(1_000);
        rtt.sample(now, ms(10), 1);
        for _ in 0..6 {
            now += Duration::from_secs(60);
            rtt.sample(now, ms(100), 1);
        }
        assert_eq!(rtt.minimum(), Some(ms(100)));
        rtt.sample(now, ms(8), 1);
        assert_eq!(rtt.minimum(), Some(ms(8)));
        now += Duration::from_secs(100);
        rtt.sample(now, ms(100), 1);
        assert_eq!(rtt.minimum(), Some(ms(8)), "not yet");
    }

    /// Covers: RFC 7323 7323-19
    #[test]
    fn many_samples_in_flight_weigh_less_each() {
        let (mut few, mut many) = (fresh(), fresh());
        few.sample(Instant::ZERO, ms(100), 1);
        many.sample(Instant::ZERO, ms(100), 1);
        few.sample(Instant::ZERO, ms(200), 1);
        many.sample(Instant::ZERO, ms(200), 64);
        assert!(many.smoothed() < few.smoothed());
    }
}
