//! Samples that nobody could have made, in any order: the window and the rate stay above nothing, and nothing panics.

use super::super::Bbr;
use crate::congestion::{
    AckSample, CongestionControl, Departure, LossSample, RateSample, Reduction, Repair, Start,
};
use env::{Duration, Instant};
use proptest::prelude::*;

/// Small numbers, large ones, and the largest.
fn count() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..5_000, any::<u32>(), Just(u32::MAX)]
}

fn total() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..100_000, any::<u64>(), Just(u64::MAX)]
}

fn span() -> impl Strategy<Value = Option<Duration>> {
    proptest::option::of(prop_oneof![
        (0u64..300_000_000).prop_map(Duration::from_nanos),
        any::<u64>().prop_map(Duration::from_nanos),
        Just(Duration::MAX),
    ])
}

fn rate() -> impl Strategy<Value = Option<RateSample>> {
    let sample = (total(), total(), span(), total(), any::<bool>(), count(), count());
    proptest::option::of(sample.prop_map(
        |(rate, delivered, span, prior_delivered, app_limited, in_flight, lost)| {
            let interval = span.unwrap_or_default();
            RateSample { rate, delivered, interval, prior_delivered, app_limited, in_flight, lost }
        },
    ))
}

#[derive(Clone, Debug)]
enum Step {
    Ack(AckSample),
    Lost(LossSample),
    Sent(Departure),
    Reduce(u32, Reduction),
    Recovered(u32),
    Spurious,
    Idle,
    SegmentSize(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let repair = prop_oneof![Just(Repair::None), Just(Repair::Recovery), Just(Repair::Timeout)];
    let counts = (count(), count(), count(), total());
    let ack = (counts, span(), span(), any::<bool>(), repair, rate()).prop_map(
        |(
            (delivered, lost, in_flight, total_delivered),
            round_trip,
            smoothed,
            window_limited,
            repair,
            rate,
        )| {
            Step::Ack(AckSample {
                acked: delivered,
                delivered,
                total_delivered,
                lost,
                prior_in_flight: in_flight.saturating_add(delivered),
                in_flight,
                round_trip,
                min_round_trip: round_trip,
                smoothed,
                window_limited,
                repair,
                rate,
                ..AckSample::default()
            })
        },
    );
    let lost = (count(), count(), count(), total(), any::<bool>()).prop_map(
        |(octets, in_flight, lost, prior_delivered, app_limited)| {
            Step::Lost(LossSample {
                now: Instant::ZERO,
                octets,
                in_flight,
                lost,
                prior_delivered,
                app_limited,
            })
        },
    );
    let sent = (count(), prop_oneof![Just(0), count()], total(), any::<bool>(), any::<bool>()).prop_map(
        |(octets, in_flight, total_delivered, again, app_limited)| {
            Step::Sent(Departure {
                octets,
                in_flight,
                total_delivered,
                again,
                app_limited,
                ..Departure::default()
            })
        },
    );
    let reduction = prop_oneof![
        Just(Reduction::Loss),
        Just(Reduction::Ecn),
        any::<bool>().prop_map(|again| Reduction::Timeout { again }),
    ];
    prop_oneof![
        6 => ack,
        2 => lost,
        2 => sent,
        1 => (count(), reduction).prop_map(|(in_flight, reduction)| Step::Reduce(in_flight, reduction)),
        1 => count().prop_map(Step::Recovered),
        1 => Just(Step::Spurious),
        1 => Just(Step::Idle),
        1 => count().prop_map(Step::SegmentSize),
    ]
}

proptest! {
    #[test]
    fn any_samples_leave_a_window_and_a_rate(
        segment_size in count(),
        initial in count(),
        round_trip in span(),
        sack: bool,
        seed: u64,
        steps in proptest::collection::vec((step(), 0u64..7_000_000_000), 1..200),
    ) {
        let start = Start { now: Instant::ZERO, initial, segment_size, round_trip, sack, in_full: false, habits: crate::CongestionHabits::default(), seed };
        let mut bbr = Bbr::new(&start);
        let (mut now, mut segment) = (Instant::ZERO, segment_size.max(1));
        for (step, wait) in steps {
            now += Duration::from_nanos(wait);
            match step {
                Step::Ack(sample) => bbr.on_ack(&AckSample { now, ..sample }),
                Step::Lost(sample) => bbr.on_lost(&LossSample { now, ..sample }),
                Step::Sent(departure) => bbr.on_sent(&Departure { now, ..departure }),
                Step::Reduce(in_flight, reduction) => bbr.on_congestion(now, in_flight, reduction),
                Step::Recovered(in_flight) => bbr.on_recovered(now, in_flight),
                Step::Spurious => bbr.on_spurious(now),
                Step::Idle => bbr.on_idle(now),
                Step::SegmentSize(octets) => {
                    bbr.set_segment_size(octets);
                    segment = octets.max(1);
                }
            }
            prop_assert!(bbr.window() >= segment);
            prop_assert!(bbr.pacing_rate().is_some_and(|rate| rate > 0));
            prop_assert!(bbr.train_limit().is_some_and(|train| train >= segment));
            prop_assert!(bbr.model.bw <= bbr.model.max_bw());
            prop_assert!(!bbr.phase().is_empty());
        }
    }
}
