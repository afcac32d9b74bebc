//! HyStart++: leaving the first slow start when delay says that a queue builds, before it overflows (RFC 9406).
//!
//! ```text
//!            eight samples in a row, an eighth above the last round's least
//!   slow start ──────────────────────────────────────────► CSS ── five rounds, or an eighth more ──► congestion avoidance
//!        ▲                                                  │
//!        └────── one below what led here ───────────────────┘
//! ```
//!
//! CSS, conservative slow start, grows at a quarter of the pace while it finds out whether the delay was real. A round
//! is over when what was in flight at its start is delivered.
//!
//! The RFC looks at the first eight samples of a round. Where departures are spread over the round, a queue that begins
//! in its middle would be seen a round too late, when the window has doubled once more: there every eight samples are
//! looked at. Without pacing the later ones only tell of the bursts that slow start sends. And CSS, which lasts five rounds
//! at most, ends early when delay has risen by as much again and stays there: then it was real.

use super::AckSample;
use env::Duration;

/// RFC 9406 §4.3.
const MIN_RTT_THRESH: Duration = Duration::from_millis(4);
const MAX_RTT_THRESH: Duration = Duration::from_millis(16);
const MIN_RTT_DIVISOR: u32 = 8;
const N_RTT_SAMPLE: u8 = 8;
const CSS_GROWTH_DIVISOR: u32 = 4;
const CSS_ROUNDS: u8 = 5;
/// Times eight samples in a row that must say that delay has risen again: chance alone does not say so that often.
const SURE: u8 = 4;
/// L, in segments, of a sender that is not paced.
const L: u32 = 8;
/// No sample yet.
const INFINITY: Duration = Duration::MAX;

// At 1 it would be slow start itself (9406-3).
const _: () = assert!(CSS_GROWTH_DIVISOR >= 2);

/// The first slow start's watch over delay.
#[derive(Clone, Debug)]
pub(super) struct HyStart {
    last_round: Duration,
    this_round: Duration,
    /// The least of up to eight samples in a row, and how many there are.
    least: Duration,
    samples: u8,
    /// Eight samples of this round were looked at.
    judged: bool,
    /// What will have been delivered when the round is over.
    round_end: u64,
    delivered: u64,
    css: Option<Css>,
}

#[derive(Clone, Copy, Debug)]
struct Css {
    /// The least RTT that led here.
    baseline: Duration,
    /// Delay that leaves no doubt.
    certain: Duration,
    /// How often in a row eight samples were above that.
    above: u8,
    rounds: u8,
}

/// What counts of `octets` that an ACK tells of: no burst is to follow from it (9406-4).
pub(super) fn most(octets: u32, segment_size: u32, paced: bool) -> u32 {
    if paced { octets } else { octets.min(segment_size.saturating_mul(L)) }
}

impl HyStart {
    pub(super) fn new() -> Self {
        Self {
            last_round: INFINITY,
            this_round: INFINITY,
            least: INFINITY,
            samples: 0,
            judged: false,
            round_end: 0,
            delivered: 0,
            css: None,
        }
    }

    /// Octets that an ACK of `octets` lets the window grow by, of a sender that is paced or not (9406-2, 9406-4).
    pub(super) fn growth(&self, octets: u32, segment_size: u32, paced: bool) -> u32 {
        let octets = most(octets, segment_size, paced);
        if self.css.is_some() { octets / CSS_GROWTH_DIVISOR } else { octets }
    }

    /// Takes an ACK into account, of a sender that is paced or not; `true` when slow start is over (9406-1, 9406-2).
    pub(super) fn on_ack(&mut self, sample: &AckSample, paced: bool) -> bool {
        let certain = sample.round_trip.is_some_and(|round_trip| self.take(round_trip, paced));
        self.delivered = self.delivered.saturating_add(u64::from(sample.delivered));
        let last = self.delivered >= self.round_end && self.next_round(sample.in_flight);
        certain || last
    }

    /// For people.
    pub(super) fn phase(&self) -> &'static str {
        if self.css.is_some() { "CSS" } else { "slow start" }
    }

    /// Takes a round trip into account; `true` when delay has risen for certain.
    fn take(&mut self, round_trip: Duration, paced: bool) -> bool {
        self.this_round = self.this_round.min(round_trip);
        if self.judged && !paced {
            return self.resume_if_below(round_trip);
        }
        self.least = self.least.min(round_trip);
        self.samples += 1;
        if self.samples < N_RTT_SAMPLE {
            return false;
        }
        (self.samples, self.judged) = (0, true);
        let least = core::mem::replace(&mut self.least, INFINITY);
        self.judge(least)
    }

    /// Delay has fallen below what led to CSS: it was not real.
    fn resume_if_below(&mut self, least: Duration) -> bool {
        if self.css.is_some_and(|css| least < css.baseline) {
            self.css = None;
        }
        false
    }

    /// Whether delay has risen, or has fallen again: no one of eight samples was below `least`.
    fn judge(&mut self, least: Duration) -> bool {
        match &mut self.css {
            Some(css) if least < css.baseline => return self.resume_if_below(least),
            Some(css) => {
                css.above = if least >= css.certain { css.above + 1 } else { 0 };
                return css.above >= SURE;
            }
            None if self.last_round == INFINITY => {}
            None => {
                let threshold = (self.last_round / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if least >= self.last_round.saturating_add(threshold) {
                    let certain = least.saturating_add(threshold);
                    self.css = Some(Css { baseline: least, certain, above: 0, rounds: 0 });
                }
            }
        }
        false
    }

    /// A round begins with `in_flight` octets out; `true` when it was the last of CSS.
    fn next_round(&mut self, in_flight: u32) -> bool {
        self.last_round = core::mem::replace(&mut self.this_round, INFINITY);
        (self.least, self.samples, self.judged) = (INFINITY, 0, false);
        self.round_end = self.delivered.saturating_add(u64::from(in_flight.max(1)));
        let Some(css) = &mut self.css else { return false };
        css.rounds += 1;
        css.rounds >= CSS_ROUNDS
    }
}

#[cfg(test)]
mod rfc9406_4_2 {
    use super::*;

    const MSS: u32 = 1_000;

    /// A round of ten ACKs of a segment each, with `millis` as their round trips; whether one ended slow start.
    fn round(hystart: &mut HyStart, millis: [u64; 10]) -> bool {
        millis.into_iter().fold(false, |over, millis| {
            let sample = AckSample {
                delivered: MSS,
                in_flight: 10 * MSS,
                round_trip: Some(Duration::from_millis(millis)),
                ..AckSample::default()
            };
            hystart.on_ack(&sample, true) || over
        })
    }

    /// One that has seen its first ACK, which is a round of its own, and a round of 100 ms.
    fn settled() -> HyStart {
        let mut hystart = HyStart::new();
        let first = AckSample { delivered: MSS, in_flight: 10 * MSS, ..AckSample::default() };
        assert!(!hystart.on_ack(&first, true));
        assert!(!round(&mut hystart, [100; 10]));
        hystart
    }

    /// Covers: RFC 9406 9406-1
    #[test]
    fn a_rise_by_an_eighth_within_limits_in_eight_samples_leads_to_css() {
        let mut hystart = settled();
        round(&mut hystart, [112; 10]);
        assert_eq!(hystart.phase(), "slow start", "12 of 100 ms is less than an eighth");
        // The last round's least is 112 now: 14 more are an eighth. One low sample among the first eight is the least.
        round(&mut hystart, [200, 200, 200, 200, 200, 200, 200, 125, 200, 200]);
        assert_eq!(hystart.phase(), "slow start");
        round(&mut hystart, [141; 10]);
        assert_eq!(hystart.phase(), "CSS", "15.6 of 125 ms");

        let mut short = HyStart::new();
        round(&mut short, [0; 10]);
        round(&mut short, [1; 10]);
        round(&mut short, [4; 10]);
        assert_eq!(short.phase(), "slow start", "no rise of less than 4 ms counts");
        round(&mut short, [8; 10]);
        assert_eq!(short.phase(), "CSS");

        let mut long = HyStart::new();
        round(&mut long, [600; 10]);
        round(&mut long, [600; 10]);
        round(&mut long, [616; 10]);
        assert_eq!(long.phase(), "CSS", "a rise of 16 ms always counts");
    }

    /// Covers: RFC 9406 9406-2, 9406-3
    #[test]
    fn css_grows_by_a_quarter_for_five_rounds_and_then_slow_start_is_over() {
        let mut hystart = settled();
        assert_eq!(hystart.growth(8 * MSS, MSS, true), 8 * MSS);
        assert!(!round(&mut hystart, [120; 10]), "the round that it began in is the first");
        assert_eq!(hystart.growth(8 * MSS, MSS, true), 2 * MSS);
        for _ in 2..5 {
            assert!(!round(&mut hystart, [130; 10]));
        }
        assert!(round(&mut hystart, [130; 10]));
    }

    /// Covers: RFC 9406 9406-2
    #[test]
    fn a_round_trip_below_the_baseline_resumes_slow_start() {
        let mut hystart = settled();
        round(&mut hystart, [120; 10]);
        round(&mut hystart, [125; 10]);
        assert_eq!(hystart.phase(), "CSS");
        round(&mut hystart, [119; 10]);
        assert_eq!(hystart.phase(), "slow start");
        // And the five rounds are counted from nothing the next time.
        round(&mut hystart, [140; 10]);
        assert!(!round(&mut hystart, [150; 10]) && hystart.phase() == "CSS");
    }

    /// One long round of `count` ACKs of a segment each; after how many slow start was over, if it was.
    fn long_round(hystart: &mut HyStart, count: u64, millis: impl Fn(u64) -> u64) -> Option<u64> {
        (0..count).find(|&n| {
            let sample = AckSample {
                delivered: MSS,
                in_flight: 1_000 * MSS,
                round_trip: Some(Duration::from_millis(millis(n))),
                ..AckSample::default()
            };
            hystart.on_ack(&sample, true)
        })
    }

    /// Covers: RFC 9406 9406-1
    #[test]
    fn a_queue_that_begins_in_the_middle_of_a_round_is_seen_there_and_ends_css_once_it_has_doubled() {
        let mut hystart = settled();
        assert_eq!(long_round(&mut hystart, 50, |_| 100), None);
        assert_eq!(long_round(&mut hystart, 20, |n| 100 + n), None);
        assert_eq!(hystart.phase(), "slow start");
        assert_eq!(long_round(&mut hystart, 16, |n| 120 + n), None);
        assert_eq!(hystart.phase(), "CSS", "the round is the same, and its least is 100 ms");
        let over = long_round(&mut hystart, 100, |n| 136 + n);
        assert!(over.is_some_and(|after| (24..32).contains(&after)), "{over:?}");
    }

    #[test]
    fn without_pacing_a_burst_within_a_round_is_no_queue() {
        let mut hystart = settled();
        for n in 0..100 {
            let round_trip = Some(Duration::from_millis(100 + n));
            let sample =
                AckSample { delivered: MSS, in_flight: 100 * MSS, round_trip, ..AckSample::default() };
            assert!(!hystart.on_ack(&sample, false));
        }
        assert_eq!(hystart.phase(), "slow start");
    }

    #[test]
    fn jitter_as_large_as_the_round_trip_does_not_end_slow_start() {
        let mut hystart = HyStart::new();
        let mut rng = env::Rng::seeded(1);
        for _ in 0..20 {
            let drawn: alloc::vec::Vec<u64> = (0..200).map(|_| 10 + rng.next_u64() % 30).collect();
            assert_eq!(long_round(&mut hystart, 200, |n| drawn[n as usize]), None);
        }
    }

    /// Covers: RFC 9406 9406-4
    #[test]
    fn an_ack_of_twenty_segments_adds_eight_unless_pacing_spreads_them() {
        let hystart = HyStart::new();
        assert_eq!(hystart.growth(20 * MSS, MSS, false), 8 * MSS);
        assert_eq!(hystart.growth(20 * MSS, MSS, true), 20 * MSS);
    }

    #[test]
    fn any_numbers_neither_panic_nor_end_it_at_once() {
        let mut hystart = HyStart::new();
        let sample = AckSample {
            delivered: u32::MAX,
            in_flight: u32::MAX,
            round_trip: Some(Duration::MAX),
            ..AckSample::default()
        };
        assert!((0..100).all(|_| !hystart.on_ack(&sample, true)));
    }
}
