//! CUBIC as its rules have it, ACK by ACK.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

const MSS: u32 = 1_000;
const RTT: Duration = Duration::from_millis(100);

fn start() -> Start {
    Start {
        now: Instant::ZERO,
        initial: 10 * MSS,
        segment_size: MSS,
        round_trip: Some(RTT),
        in_full: false,
        habits: CongestionHabits::default(),
        seed: 0,
        sack: true,
    }
}

/// A path that delivers all of the window once a round trip, an ACK a segment.
struct Path {
    cubic: Cubic,
    now: Instant,
    round_trip: Duration,
}

impl Path {
    fn new() -> Self {
        Self { cubic: Cubic::new(&start()), now: Instant::ZERO, round_trip: RTT }
    }

    /// One in congestion avoidance after a loss at `cwnd` segments, when nothing larger was known.
    fn after_loss_at(cwnd: u32) -> Self {
        let mut path = Self::new();
        path.cubic.exit = None;
        path.cubic.cwnd = cwnd * MSS;
        path.lose();
        path
    }

    fn lose(&mut self) {
        let flight = self.cubic.cwnd;
        self.cubic.on_congestion(self.now, flight, Reduction::Loss);
        self.cubic.on_recovered(self.now, self.cubic.cwnd);
    }

    fn time_out(&mut self, again: bool) {
        let flight = self.cubic.cwnd;
        self.cubic.on_congestion(self.now, flight, Reduction::Timeout { again });
    }

    fn ack(&self, octets: u32) -> AckSample {
        let cwnd = self.cubic.cwnd;
        AckSample {
            now: self.now,
            acked: octets,
            delivered: octets,
            prior_in_flight: cwnd,
            in_flight: cwnd.saturating_sub(octets),
            round_trip: Some(self.round_trip),
            smoothed: Some(self.round_trip),
            window_limited: true,
            ..AckSample::default()
        }
    }

    /// A round in which the window is full; the window after it.
    fn round(&mut self) -> u32 {
        self.round_of(true)
    }

    fn round_of(&mut self, window_limited: bool) -> u32 {
        let segments = self.cubic.cwnd / MSS;
        for _ in 0..segments {
            self.now += self.round_trip / segments;
            let flight = if window_limited { self.cubic.cwnd } else { 3 * MSS };
            let sample = AckSample { window_limited, prior_in_flight: flight, ..self.ack(MSS) };
            self.cubic.on_ack(&sample);
        }
        self.cubic.cwnd
    }

    fn rounds(&mut self, count: u32) -> u32 {
        for _ in 0..count {
            self.round();
        }
        self.cubic.cwnd
    }
}

/// Covers: RFC 9438 9438-9, 9438-10, 9438-11
#[test]
fn loss_leaves_seven_tenths_at_once_and_two_segments_at_least() {
    let path = Path::after_loss_at(100);
    assert_eq!((path.cubic.window(), path.cubic.threshold()), (70 * MSS, 70 * MSS));
    let path = Path::after_loss_at(2);
    assert_eq!((path.cubic.window(), path.cubic.threshold()), (2 * MSS, 2 * MSS));
}

/// Covers: RFC 9438 9438-11, 9438-13; RFC 8511 8511-1
#[test]
fn a_mark_leaves_more_in_congestion_avoidance_and_goes_down_to_one_segment_and_on() {
    let mut path = Path::after_loss_at(100);
    path.cubic.on_sent(&Departure { octets: 70 * MSS, ..Departure::default() });
    path.round();
    let before = path.cubic.cwnd;
    path.cubic.on_congestion(path.now, before, Reduction::Ecn);
    assert_eq!(path.cubic.cwnd, before * 17 / 20);
    let mut last = path.cubic.cwnd;
    while path.cubic.cwnd > MSS {
        let marked = AckSample { marked: MSS, ..path.ack(MSS) };
        path.cubic.on_ack(&marked);
        assert_eq!(path.cubic.cwnd, last, "a marked ACK makes nothing grow");
        path.cubic.on_congestion(path.now, last, Reduction::Ecn);
        assert!(path.cubic.cwnd < last);
        last = path.cubic.cwnd;
    }
    assert_eq!((path.cubic.cwnd, path.cubic.threshold()), (MSS, 2 * MSS));
    let rate = path.cubic.pacing_rate().expect("paced");
    path.cubic.on_congestion(path.now, MSS, Reduction::Ecn);
    assert_eq!((path.cubic.cwnd, path.cubic.pacing_rate()), (MSS, Some(rate / 2)));
}

/// Covers: RFC 8511 8511-1
#[test]
fn a_mark_in_slow_start_is_answered_as_a_loss() {
    let mut path = Path::new();
    path.rounds(3);
    let before = path.cubic.cwnd;
    path.cubic.on_congestion(path.now, before, Reduction::Ecn);
    assert_eq!(path.cubic.cwnd, before * 7 / 10);
}

/// Covers: RFC 9438 9438-14
#[test]
fn a_loss_below_the_last_one_aims_lower_still() {
    let mut path = Path::after_loss_at(100);
    assert_eq!(path.cubic.w_max, 100 * MSS);
    path.lose();
    assert_eq!(path.cubic.w_max, 70 * MSS * 17 / 20);
    let mut alone = Path::after_loss_at(100);
    alone.rounds(60);
    assert!(alone.cubic.cwnd > 100 * MSS);
    let at = alone.cubic.cwnd;
    alone.lose();
    assert_eq!(alone.cubic.w_max, at);
}

/// Covers: RFC 9438 9438-1, 9438-7, 9438-8
#[test]
fn growth_slows_down_towards_w_max_and_speeds_up_beyond() {
    // A thousand segments are far out of Reno's reach.
    let mut path = Path::after_loss_at(1_000);
    let steps: Vec<u32> = (0..200)
        .map(|_| {
            let before = path.cubic.cwnd;
            path.round() - before
        })
        .collect();
    let k = (300.0f64 / 0.4).cbrt(); // 9.09 s, 91 rounds
    let flat = (k * 10.0) as usize;
    assert!(steps[2] > 2 * steps[flat / 2], "{steps:?}");
    assert!(steps[flat / 2] > 2 * steps[flat - 5].max(1), "{steps:?}");
    assert!(steps[190] > 2 * steps[flat + 40], "{steps:?}");
    let exact = |t: f64| 400.0 * (t - k).powi(3) + 1_000_000.0;
    let ours = f64::from(path.cubic.cwnd);
    assert!((exact(19.5)..exact(20.3)).contains(&ours), "{ours} {}", exact(20.0));
}

/// Covers: RFC 9438 9438-4
#[test]
fn on_a_short_path_it_is_no_slower_than_reno() {
    let mut path = Path::after_loss_at(40);
    path.round_trip = Duration::from_millis(1);
    for rounds in 1..=200u32 {
        path.round();
        // Nine seventeenths of a segment a round, a segment from where the window was; an ACK short of it by rounding.
        let slow = 28_000 + rounds * 9 * MSS / 17;
        let reno = if slow < 40 * MSS { slow } else { 40 * MSS + (rounds.saturating_sub(23)) * MSS };
        assert!(path.cubic.cwnd + 3 * MSS >= reno, "{rounds} {} {reno}", path.cubic.cwnd);
    }
    assert!(path.cubic.cwnd > 200 * MSS, "{}", path.cubic.cwnd);
}

/// Covers: RFC 9438 9438-3, 9438-12
#[test]
fn time_in_which_the_window_did_not_limit_does_not_count() {
    let mut path = Path::after_loss_at(1_000);
    path.rounds(10);
    let before = path.cubic.cwnd;
    let mut busy = Path::after_loss_at(1_000);
    let after = busy.rounds(11);
    // A little now and then for a minute; the window that was full a round ago may still grow for a round.
    let quiet = (0..600).map(|_| path.round_of(false)).last().expect("rounds");
    assert!(quiet <= after, "{before} {quiet} {after}");
    // And nothing at all for a minute.
    path.now += Duration::from_secs(60);
    let idle = Departure { now: path.now, octets: MSS, ..Departure::default() };
    path.cubic.on_sent(&idle);
    path.round();
    assert!(path.cubic.cwnd <= busy.rounds(2), "{} {after}", path.cubic.cwnd);
}

/// Covers: RFC 9438 9438-15, 9438-16, 9438-19; RFC 5681 5681-14, 5681-15
#[test]
fn after_a_timeout_slow_start_ends_at_seven_tenths_and_the_curve_begins_flat() {
    let mut path = Path::after_loss_at(1_000);
    path.cubic.cwnd = 100 * MSS;
    path.time_out(false);
    assert_eq!((path.cubic.window(), path.cubic.threshold()), (MSS, 70 * MSS));
    path.time_out(true);
    assert_eq!((path.cubic.window(), path.cubic.threshold()), (MSS, 70 * MSS));
    assert_eq!(path.cubic.phase(), "slow start");
    assert_eq!((path.round(), path.round(), path.round()), (2 * MSS, 4 * MSS, 8 * MSS));
    path.rounds(3);
    assert_eq!(path.cubic.cwnd, 64 * MSS);
    path.round();
    assert_eq!(path.cubic.phase(), "congestion avoidance");
    let first = path.cubic.cwnd;
    assert!((70 * MSS..72 * MSS).contains(&first), "{first}");
    assert_eq!(path.cubic.w_max, 70 * MSS, "W_max is where the stage began, not where it was lost before");
    assert!(matches!(&path.cubic.stage, Some(Growth::Octets(stage)) if stage.w_max() == 70 * MSS));
}

/// Covers: RFC 9438 9438-20, 9438-21; RFC 9406 9406-1, 9406-2
#[test]
fn delay_ends_the_first_slow_start_without_a_loss() {
    let mut path = Path::new();
    path.rounds(3);
    assert_eq!((path.cubic.phase(), path.cubic.cwnd), ("slow start", 80 * MSS));
    path.round_trip = Duration::from_millis(120);
    path.round();
    assert_eq!(path.cubic.phase(), "CSS");
    let at = path.cubic.cwnd;
    path.round();
    assert!(path.cubic.cwnd.abs_diff(at + at / 4) <= MSS, "{at} {}", path.cubic.cwnd);
    while path.cubic.phase() == "CSS" {
        path.round();
    }
    assert_eq!(path.cubic.phase(), "congestion avoidance");
    let at = path.cubic.threshold();
    path.round();
    assert_eq!((path.cubic.w_max, path.cubic.prior), (at, at));
    assert!(path.cubic.cwnd - at <= 3 * MSS, "flat at first: {at} {}", path.cubic.cwnd);
}

/// Covers: RFC 9406 9406-5, 9406-6
#[test]
fn a_mark_or_a_loss_ends_it_too_and_no_later_slow_start_watches_delay() {
    let mut path = Path::new();
    path.rounds(3);
    path.round_trip = Duration::from_millis(120);
    path.round();
    assert_eq!(path.cubic.phase(), "CSS");
    // A mark does.
    let mut marked = Path { cubic: path.cubic.clone(), ..path };
    marked.cubic.on_congestion(marked.now, marked.cubic.cwnd, Reduction::Ecn);
    assert_eq!((marked.cubic.phase(), marked.cubic.exit.is_none()), ("congestion avoidance", true));
    assert_eq!(marked.cubic.threshold(), marked.cubic.cwnd);
    // A loss does.
    path.lose();
    assert_eq!(path.cubic.phase(), "congestion avoidance");
    assert_eq!(path.cubic.threshold(), path.cubic.cwnd);
    path.time_out(false);
    for millis in [100, 200, 300, 400] {
        path.round_trip = Duration::from_millis(millis);
        path.round();
        assert_eq!(path.cubic.phase(), "slow start");
    }
    assert_eq!(path.cubic.cwnd, 16 * MSS);
}

/// Covers: RFC 9438 9438-18
#[test]
fn a_spurious_loss_leaves_everything_as_it_was() {
    let mut path = Path::after_loss_at(1_000);
    path.rounds(30);
    let mut undisturbed = path.cubic.clone();
    let before = (path.cubic.cwnd, path.cubic.ssthresh, path.cubic.prior, path.cubic.w_max);
    path.lose();
    path.now += RTT;
    path.cubic.on_spurious(path.now);
    assert_eq!((path.cubic.cwnd, path.cubic.ssthresh, path.cubic.prior, path.cubic.w_max), before);
    // The curve goes on as if nothing had been: t_epoch is what it was.
    let sample = path.ack(MSS);
    path.cubic.on_ack(&sample);
    undisturbed.on_ack(&sample);
    assert_eq!(path.cubic.cwnd, undisturbed.cwnd);
    // Told again, it is about the loss before that; and then there is nothing left.
    for _ in 0..2 {
        path.cubic.on_spurious(path.now);
        assert_eq!(path.cubic.cwnd, 1_000 * MSS);
    }
}

/// Covers: RFC 9438 9438-18
#[test]
fn losses_one_after_the_other_that_were_all_spurious_leave_everything_as_it_was() {
    let mut path = Path::after_loss_at(1_000);
    path.rounds(30);
    let before = (path.cubic.cwnd, path.cubic.ssthresh, path.cubic.prior, path.cubic.w_max);
    for _ in 0..3 {
        path.lose();
        path.now += RTT;
    }
    assert!(path.cubic.cwnd < before.0 / 2);
    for _ in 0..3 {
        path.cubic.on_spurious(path.now);
    }
    assert_eq!((path.cubic.cwnd, path.cubic.ssthresh, path.cubic.prior, path.cubic.w_max), before);
}

/// Covers: RFC 9438 9438-17, 9438-18
#[test]
fn a_spurious_timeout_in_the_first_slow_start_goes_on_with_it() {
    let mut path = Path::new();
    path.rounds(2);
    path.time_out(false);
    path.time_out(true);
    path.round();
    path.cubic.on_spurious(path.now);
    assert_eq!((path.cubic.window(), path.cubic.threshold()), (40 * MSS, u32::MAX));
    assert_eq!(path.round(), 80 * MSS);
}

/// Covers: RFC 9438 9438-18
#[test]
fn a_window_that_is_larger_by_now_stays() {
    let mut path = Path::after_loss_at(20);
    path.rounds(40);
    let grown = path.cubic.cwnd;
    assert!(grown > 20 * MSS);
    path.cubic.on_spurious(path.now);
    assert_eq!(path.cubic.cwnd, grown);
}

/// Covers: RFC 7661 7661-1
#[test]
fn idleness_keeps_the_window_for_five_minutes_and_then_halves_it() {
    let mut path = Path::after_loss_at(1_000);
    path.rounds(3);
    let before = path.cubic.cwnd;
    path.cubic.on_idle(path.now + Duration::from_secs(10));
    assert_eq!(path.cubic.cwnd, before);
    path.cubic.on_idle(path.now + Duration::from_secs(301));
    path.cubic.on_idle(path.now + Duration::from_secs(301));
    assert_eq!((path.cubic.cwnd, path.cubic.ssthresh), (before / 2, 700 * MSS), "and slow start leads back");
    path.cubic.on_idle(path.now + Duration::from_secs(100_000));
    assert_eq!(path.cubic.cwnd, 10 * MSS, "never below the initial window");
    // A loss now is answered from what is used.
    path.cubic.cwnd = 100 * MSS;
    path.cubic.on_idle(path.now + Duration::from_secs(100_001));
    path.cubic.on_congestion(path.now, 20 * MSS, Reduction::Loss);
    assert_eq!(path.cubic.cwnd, 14 * MSS);
}

#[derive(Clone, Debug)]
enum Call {
    Ack(AckSample),
    Congestion(u32, Reduction),
    Recovered,
    Sent(u32, u32, bool),
    Idle,
    Spurious,
    SegmentSize(u32),
}

fn samples() -> impl Strategy<Value = AckSample> {
    let repairs = prop_oneof![Just(Repair::None), Just(Repair::Recovery), Just(Repair::Timeout)];
    (any::<[u32; 4]>(), any::<Option<u64>>(), any::<Option<u64>>(), any::<bool>(), repairs).prop_map(
        |([delivered, marked, prior_in_flight, in_flight], trip, smoothed, window_limited, repair)| {
            AckSample {
                acked: delivered,
                delivered,
                marked: marked & 1,
                prior_in_flight,
                in_flight,
                round_trip: trip.map(Duration::from_nanos),
                smoothed: smoothed.map(Duration::from_nanos),
                window_limited,
                repair,
                ..AckSample::default()
            }
        },
    )
}

fn calls() -> impl Strategy<Value = Call> {
    let reductions = prop_oneof![
        Just(Reduction::Loss),
        Just(Reduction::Ecn),
        any::<bool>().prop_map(|again| Reduction::Timeout { again }),
    ];
    prop_oneof![
        8 => samples().prop_map(Call::Ack),
        2 => (any::<u32>(), reductions).prop_map(|(flight, reduction)| Call::Congestion(flight, reduction)),
        1 => Just(Call::Recovered),
        2 => (any::<u32>(), any::<u32>(), any::<bool>()).prop_map(|(o, f, a)| Call::Sent(o, f, a)),
        1 => Just(Call::Idle),
        1 => Just(Call::Spurious),
        1 => (1u32..70_000).prop_map(Call::SegmentSize),
    ]
}

proptest! {
    /// Covers: RFC 9438 9438-18
    #[test]
    fn whatever_is_told_a_segment_fits_and_undoing_never_lowers(
        told in proptest::collection::vec((calls(), 0u64..1 << 40), 1..200),
    ) {
        let mut cubic = Cubic::new(&start());
        let mut now = Instant::ZERO;
        for (call, nanos) in told {
            now += Duration::from_nanos(nanos);
            let before = cubic.cwnd;
            match call {
                Call::Ack(sample) => {
                    cubic.on_ack(&AckSample { now, ..sample });
                    prop_assert!(sample.repair != Repair::Recovery || cubic.cwnd <= before);
                }
                Call::Congestion(flight, reduction) => {
                    cubic.on_congestion(now, flight, reduction);
                    prop_assert!(cubic.cwnd <= before.max(2 * cubic.segment_size));
                }
                Call::Recovered => cubic.on_recovered(now, before),
                Call::Sent(octets, in_flight, again) => {
                    cubic.on_sent(&Departure { now, octets, in_flight, again, ..Departure::default() });
                }
                Call::Idle => cubic.on_idle(now),
                Call::Spurious => {
                    cubic.on_spurious(now);
                    prop_assert!(cubic.cwnd >= before);
                }
                Call::SegmentSize(octets) => cubic.set_segment_size(octets),
            }
            prop_assert!(cubic.window() >= cubic.segment_size);
            prop_assert!(cubic.pacing_rate() != Some(0));
            prop_assert!(cubic.train_limit().is_none_or(|train| train >= cubic.segment_size));
        }
    }
}

/// A controller with habits of its own, that was told of round trips of 100 ms.
fn with(habits: CongestionHabits) -> Path {
    let mut path = Path::new();
    path.cubic = Cubic::new(&Start { habits, ..start() });
    path
}

/// Covers: RFC 9438 9438-11
#[test]
fn a_reduction_may_begin_at_a_window_that_was_not_used() {
    for (reduce_unused, left) in [(false, 14), (true, 70)] {
        let mut path = with(CongestionHabits { reduce_unused, ..CongestionHabits::default() });
        path.cubic.cwnd = 100 * MSS;
        path.cubic.on_idle(path.now);
        path.cubic.on_congestion(path.now, 20 * MSS, Reduction::Loss);
        assert_eq!(path.cubic.cwnd, left * MSS);
    }
}

#[test]
fn whole_segments_stay_whole() {
    let mut path = with(CongestionHabits::LINUX);
    path.rounds(3);
    for _ in 0..4 {
        path.cubic.on_congestion(path.now, path.cubic.cwnd, Reduction::Loss);
        path.cubic.on_recovered(path.now, 0);
        assert_eq!(path.cubic.cwnd % MSS, 0);
        path.rounds(10);
        assert!(path.cubic.cwnd.is_multiple_of(MSS) && matches!(path.cubic.stage, Some(Growth::Segments(_))));
    }
    assert_eq!(path.cubic.phase(), "congestion avoidance");
}

/// Covers: RFC 9438 9438-20
#[test]
fn with_nobody_to_watch_delay_slow_start_goes_on() {
    let habits = CongestionHabits { slow_start_exit: SlowStartExit::Loss, ..CongestionHabits::default() };
    let grown = |habits| {
        let mut path = with(habits);
        path.rounds(3);
        path.round_trip = Duration::from_millis(150);
        path.rounds(4);
        path.cubic.cwnd
    };
    assert_eq!(grown(habits), 1_280 * MSS);
    assert!(grown(CongestionHabits::default()) < grown(habits) / 4);
}
