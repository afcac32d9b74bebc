//! How fast data is delivered (draft-ietf-ccwg-bbr §4.1): each departure takes a snapshot along, each delivery holds it
//! against what was delivered since.
//!
//! ```text
//!   departure ─► Snapshot (delivered, lost, in flight …) ── kept beside the record of what was sent
//!                                     │
//!   ACK, SACK ─► on_delivered ◄───────┘ ─► sample: octets ÷ the longer of sending and acknowledging them
//! ```
//!
//! A flight cannot arrive faster than it was sent: of the two times, the longer counts, so ACKs that were held and came
//! together do not look like a fast path. A gap for want of data marks every sample until it has passed through.

use crate::congestion::{LossSample, RateSample};
use env::{Duration, Instant};
use wire::SeqNum;

/// What was known when something was sent; it stays beside the record, and both halves of a split record have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// All that had been delivered (P.delivered).
    delivered: u64,
    /// When the last of it was (P.delivered_time).
    delivered_at: Instant,
    /// When the flight began that this ends (P.first_send_time).
    first_sent_at: Instant,
    /// All that had been lost, modulo 2^32: a flight is smaller (P.lost).
    lost: u32,
    /// In flight after it left, itself included (P.tx_in_flight).
    in_flight: u32,
    /// Whether there was a gap for want of data ahead of it (P.is_app_limited).
    app_limited: bool,
}

/// The newest thing that the ACK in hand delivered.
#[derive(Clone, Copy, Debug)]
struct Newest {
    snapshot: Snapshot,
    sent_at: Instant,
    end: SeqNum,
}

/// A connection's side of delivery rate sampling (draft §4.1.2.1).
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampler {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    /// Samples are limited by the sender until more than this was delivered; `None` when they are not.
    limited_until: Option<u64>,
    newest: Option<Newest>,
}

impl Sampler {
    /// All octets that were ever delivered, acknowledged or SACKed, each once.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// All octets that were ever believed lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether samples are limited for want of data.
    pub(crate) fn is_app_limited(&self) -> bool {
        self.limited_until.is_some()
    }

    /// `octets` leave at `now`, for the first time or again, while `in_flight` others are out (draft §4.1.2.2). What it
    /// gives stays with their record in place of what was there.
    pub(crate) fn on_sent(&mut self, now: Instant, in_flight: u32, octets: u32) -> Snapshot {
        if in_flight == 0 {
            // Nothing was under way: the time to deliver begins here.
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost as u32,
            in_flight: in_flight.saturating_add(octets),
            app_limited: self.limited_until.is_some(),
        }
    }

    /// `octets` before `end`, sent last at `sent_at`, were delivered: acknowledged or SACKed for the first time. To be
    /// called for each piece of an ACK, in any order, and then [`sample`](Self::sample) once.
    pub(crate) fn on_delivered(
        &mut self,
        now: Instant,
        octets: u32,
        snapshot: &Snapshot,
        sent_at: Instant,
        end: SeqNum,
    ) {
        self.delivered = self.delivered.saturating_add(u64::from(octets));
        self.delivered_at = now;
        let newer = self
            .newest
            .is_none_or(|seen| sent_at > seen.sent_at || (sent_at == seen.sent_at && end.after(seen.end)));
        if newer {
            self.newest = Some(Newest { snapshot: *snapshot, sent_at, end });
            self.first_sent_at = sent_at;
        }
    }

    /// What the pieces of this ACK come to (draft §4.1.2.3); nothing when it delivered nothing. The rate is 0 when no
    /// rate could be told: what was sent again and acknowledged in less than `min_round_trip` was not lost at all.
    pub(crate) fn sample(&mut self, min_round_trip: Option<Duration>) -> Option<RateSample> {
        if self.limited_until.is_some_and(|until| self.delivered > until) {
            self.limited_until = None; // the gap has left the path
        }
        let Newest { snapshot, sent_at, .. } = self.newest.take()?;
        let sending = sent_at.since(snapshot.first_sent_at);
        let acknowledging = self.delivered_at.since(snapshot.delivered_at);
        let interval = sending.max(acknowledging);
        let delivered = self.delivered.saturating_sub(snapshot.delivered);
        let plausible = min_round_trip.is_none_or(|least| interval >= least);
        Some(RateSample {
            rate: if plausible { per_second(delivered, interval) } else { 0 },
            delivered,
            interval,
            prior_delivered: snapshot.delivered,
            app_limited: snapshot.app_limited,
            in_flight: snapshot.in_flight,
            lost: self.lost_since(&snapshot),
        })
    }

    /// `octets` that left with `snapshot` are believed lost: what a controller is to know of it.
    pub(crate) fn on_lost(&mut self, now: Instant, octets: u32, snapshot: &Snapshot) -> LossSample {
        self.lost = self.lost.saturating_add(u64::from(octets));
        LossSample {
            now,
            octets,
            in_flight: snapshot.in_flight,
            lost: self.lost_since(snapshot),
            prior_delivered: snapshot.delivered,
            app_limited: snapshot.app_limited,
        }
    }

    /// `octets` that were believed lost are not held against the path: they were a probe, larger than it takes.
    pub(crate) fn excuse(&mut self, octets: u32) {
        self.lost = self.lost.saturating_sub(u64::from(octets));
    }

    /// The window and the pace would have let something out with `in_flight` octets under way, and there was nothing to
    /// send (draft §4.1.2.4): asked before a write, an ACK or a timer can change that.
    pub(crate) fn on_app_limited(&mut self, in_flight: u32) {
        self.limited_until = Some(self.delivered.saturating_add(u64::from(in_flight)));
    }

    fn lost_since(&self, snapshot: &Snapshot) -> u32 {
        (self.lost as u32).wrapping_sub(snapshot.lost)
    }
}

/// `octets` in `interval`, a second; 0 for no time at all.
fn per_second(octets: u64, interval: Duration) -> u64 {
    const NANOS: u64 = 1_000_000_000;
    let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 {
        return 0;
    }
    match octets.checked_mul(NANOS) {
        Some(product) => product / nanos,
        None => u64::try_from(u128::from(octets) * u128::from(NANOS) / u128::from(nanos)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MSS: u32 = 1_000;

    fn ms(n: u64) -> Instant {
        Instant::from_millis(n)
    }

    fn seq(segments: u32) -> SeqNum {
        SeqNum::new(u32::MAX - 5 * MSS) + segments * MSS
    }

    /// A segment a millisecond through a path of 10 ms: a million octets a second, whatever the first samples say.
    #[test]
    fn a_steady_flow_is_measured_at_its_rate_once_the_path_is_full() {
        let mut sampler = Sampler::default();
        let mut sent = alloc::vec::Vec::new();
        let mut last = None;
        for n in 0..40u32 {
            let now = ms(u64::from(n) + 1);
            if n >= 10 {
                let of = n - 10;
                let (snapshot, at) = sent[of as usize];
                sampler.on_delivered(now, MSS, &snapshot, at, seq(of + 1));
                last = sampler.sample(Some(Duration::from_millis(10)));
            }
            sent.push((sampler.on_sent(now, n.min(10) * MSS, MSS), now));
        }
        let last = last.expect("something was delivered");
        assert_eq!((last.rate, last.interval), (1_000_000, Duration::from_millis(10)));
        assert_eq!((last.delivered, last.in_flight, last.lost), (10_000, 11_000, 0));
        assert_eq!(sampler.delivered(), 30_000);
    }

    #[test]
    fn acks_that_come_together_are_no_faster_than_what_they_acknowledge_was_sent() {
        let mut sampler = Sampler::default();
        // A segment every 2 ms; the path holds the ACKs of the first eleven, and then those of all others.
        let mut sent = alloc::vec::Vec::new();
        for n in 0..22 {
            let now = ms(100 + 2 * u64::from(n));
            sent.push((sampler.on_sent(now, n * MSS, MSS), now));
        }
        for (n, (snapshot, at)) in (1..).zip(&sent[..11]) {
            sampler.on_delivered(ms(200), MSS, snapshot, *at, seq(n));
        }
        assert_eq!(sampler.sample(None).map(|sample| sample.interval), Some(Duration::from_millis(100)));
        sent.push((sampler.on_sent(ms(201), 11 * MSS, MSS), ms(201)));
        for (n, (snapshot, at)) in (12..).zip(&sent[11..]) {
            sampler.on_delivered(ms(206), MSS, snapshot, *at, seq(n));
        }
        // Twelve came within 6 ms, and took from 120 to 201 ms to leave.
        let sample = sampler.sample(None).expect("a sample");
        assert_eq!((sample.delivered, sample.interval), (12_000, Duration::from_millis(81)));
        assert_eq!(sample.rate, 148_148);
    }

    #[test]
    fn one_sample_an_ack_from_the_newest_that_it_delivered_whatever_the_order() {
        for reversed in [false, true] {
            let mut sampler = Sampler::default();
            let first = sampler.on_sent(ms(10), 0, MSS);
            let second = sampler.on_sent(ms(10), MSS, MSS);
            let third = sampler.on_sent(ms(12), 2 * MSS, MSS);
            let mut pieces = [(first, ms(10), seq(6)), (second, ms(10), seq(7)), (third, ms(12), seq(4))];
            if reversed {
                pieces.reverse();
            }
            for (snapshot, at, end) in pieces {
                sampler.on_delivered(ms(30), MSS, &snapshot, at, end);
            }
            let sample = sampler.sample(None).expect("a sample");
            assert_eq!((sample.in_flight, sample.delivered), (3 * MSS, u64::from(3 * MSS)));
            assert_eq!((sample.rate, sample.interval), (150_000, Duration::from_millis(20)));
            assert_eq!(sampler.sample(None), None);
        }
    }

    #[test]
    fn of_what_left_at_the_same_instant_the_later_numbers_are_the_newer() {
        for reversed in [false, true] {
            let mut sampler = Sampler::default();
            let first = sampler.on_sent(ms(10), 0, MSS);
            let second = sampler.on_sent(ms(10), MSS, MSS);
            let mut pieces = [(first, seq(5)), (second, seq(6))]; // 2^32 lies between them
            if reversed {
                pieces.reverse();
            }
            for (snapshot, end) in pieces {
                sampler.on_delivered(ms(30), MSS, &snapshot, ms(10), end);
            }
            assert_eq!(sampler.sample(None).map(|sample| sample.in_flight), Some(2 * MSS));
        }
    }

    #[test]
    fn what_was_sent_again_in_vain_tells_no_rate_but_still_ends_a_round() {
        let mut sampler = Sampler::default();
        sampler.on_sent(ms(10), 0, MSS);
        // Sent again at 40 ms; the ACK of the first transmission comes a millisecond later.
        let again = sampler.on_sent(ms(40), 0, MSS);
        sampler.on_delivered(ms(41), MSS, &again, ms(40), seq(1));
        let sample = sampler.sample(Some(Duration::from_millis(30))).expect("a sample");
        assert_eq!((sample.rate, sample.delivered, sample.prior_delivered), (0, 1_000, 0));
    }

    #[test]
    fn a_gap_marks_samples_until_what_was_out_then_has_been_delivered() {
        let mut sampler = Sampler::default();
        let before = sampler.on_sent(ms(1), 0, MSS);
        sampler.on_app_limited(MSS);
        let behind = sampler.on_sent(ms(5), MSS, MSS);
        sampler.on_delivered(ms(11), MSS, &before, ms(1), seq(1));
        assert_eq!(sampler.sample(None).map(|sample| sample.app_limited), Some(false));
        assert!(sampler.is_app_limited());
        sampler.on_delivered(ms(15), MSS, &behind, ms(5), seq(2));
        assert_eq!(sampler.sample(None).map(|sample| sample.app_limited), Some(true));
        assert!(!sampler.is_app_limited());
        let after = sampler.on_sent(ms(16), 0, MSS);
        sampler.on_delivered(ms(26), MSS, &after, ms(16), seq(3));
        assert_eq!(sampler.sample(None).map(|sample| sample.app_limited), Some(false));
    }

    #[test]
    fn losses_are_counted_from_the_departure_of_what_tells_of_them() {
        let mut sampler = Sampler { lost: u64::from(u32::MAX) - 500, ..Sampler::default() };
        let first = sampler.on_sent(ms(1), 0, MSS);
        let second = sampler.on_sent(ms(2), MSS, MSS);
        let lost = sampler.on_lost(ms(20), MSS, &first);
        assert_eq!((lost.lost, lost.octets, lost.in_flight), (MSS, MSS, MSS));
        let third = sampler.on_sent(ms(20), MSS, MSS);
        sampler.on_delivered(ms(21), MSS, &second, ms(2), seq(2));
        assert_eq!(sampler.sample(None).map(|sample| sample.lost), Some(MSS));
        sampler.on_delivered(ms(40), MSS, &third, ms(20), seq(3));
        assert_eq!(sampler.sample(None).map(|sample| sample.lost), Some(0));
        assert_eq!(sampler.lost(), u64::from(u32::MAX) + 500);
    }

    #[test]
    fn rates_beyond_64_bits_in_between_are_right_and_no_time_is_no_rate() {
        assert_eq!(per_second(u64::MAX, Duration::from_secs(2)), u64::MAX / 2);
        assert_eq!(per_second(u64::MAX, Duration::from_nanos(1)), u64::MAX);
        assert_eq!(per_second(1, Duration::ZERO), 0);
        assert_eq!(per_second(3, Duration::MAX), 0);
    }

    proptest! {
        /// Any departures, deliveries and losses, in any order: the counts add up, and no sample is faster than all
        /// that was delivered since in the time since.
        #[test]
        fn no_sample_is_faster_than_what_arrived(
            steps in proptest::collection::vec((0u8..4, 0u64..50, 1u32..100_000, any::<u16>()), 1..100)
        ) {
            let mut sampler = Sampler::default();
            let mut out: alloc::vec::Vec<(Snapshot, Instant, u32, SeqNum)> = alloc::vec::Vec::new();
            let (mut now, mut in_flight, mut end, mut total, mut gone) = (ms(1), 0u32, seq(0), 0u64, 0u64);
            for (kind, wait, octets, pick) in steps {
                now += Duration::from_millis(wait);
                match kind {
                    0 => {
                        let snapshot = sampler.on_sent(now, in_flight, octets);
                        end += octets;
                        in_flight += octets;
                        out.push((snapshot, now, octets, end));
                    }
                    1 if !out.is_empty() => {
                        let (snapshot, at, octets, end) = out.remove(usize::from(pick) % out.len());
                        sampler.on_delivered(now, octets, &snapshot, at, end);
                        in_flight -= octets;
                        total += u64::from(octets);
                        let sample = sampler.sample(None).expect("something was delivered");
                        prop_assert!(sample.delivered <= total && sample.delivered >= u64::from(octets));
                        prop_assert!(u128::from(sample.rate) * sample.interval.as_nanos()
                            <= u128::from(sample.delivered) * 1_000_000_000);
                    }
                    2 if !out.is_empty() => {
                        let (snapshot, _, octets, _) = out.remove(usize::from(pick) % out.len());
                        let lost = sampler.on_lost(now, octets, &snapshot);
                        in_flight -= octets;
                        gone += u64::from(octets);
                        prop_assert!(lost.lost >= octets && u64::from(lost.lost) <= gone);
                    }
                    _ => sampler.on_app_limited(in_flight),
                }
                prop_assert_eq!((sampler.delivered(), sampler.lost()), (total, gone));
            }
        }
    }
}
