//! One flow on a path that stays as it is.

use super::super::State;
use super::path::{MSS, Path, mbit, ms};
use env::Duration;

/// Rates (Mbit/s) and round trips (ms) from a line to a LAN, as far as the queue does not hold them all.
const PATHS: [(u64, u64); 6] = [(1, 50), (10, 20), (10, 300), (100, 10), (100, 100), (1000, 10)];

/// Draft, appendix: exiting Startup on a plateau, Drain on what is in flight.
#[test]
fn startup_finds_the_bandwidth_drain_empties_the_queue_and_probing_goes_round() {
    for (rate, rtt) in PATHS {
        let mut path = Path::new(mbit(rate), ms(rtt));
        path.run_into(State::Drain, ms(60 * rtt)).expect("Startup ends");
        assert!(path.bbr.full_pipe.reached && path.bbr.full_pipe.now);
        let best = path.bbr.model.max_bw() as f64 / path.rate as f64;
        assert!((0.98..=1.02).contains(&best), "{rate} Mbit/s × {rtt} ms: {best}");
        for state in [State::Cruise, State::Refill, State::Up, State::Down, State::Cruise] {
            let seen = path.run_into(state, Duration::from_secs(8));
            assert!(seen.is_some(), "{rate} Mbit/s × {rtt} ms, {state:?}: {:?}", path.states);
        }
        assert_eq!(path.timeouts, 0);
    }
}

#[test]
fn the_bottleneck_is_full_and_the_queue_is_not() {
    for (rate, rtt) in PATHS {
        let mut path = Path::new(mbit(rate), ms(rtt));
        path.run(Duration::from_secs(3));
        path.longest = 0;
        let share = path.share(Duration::from_secs(20));
        assert!(share >= 0.95, "{rate} Mbit/s × {rtt} ms: {share}");
        let most = path.bdp() * 3 / 2 + 8 * u64::from(MSS);
        assert!(path.longest <= most, "{rate} Mbit/s × {rtt} ms: {} of {most}", path.longest);
    }
}

#[test]
fn loss_by_chance_costs_little_more_than_what_is_lost() {
    for (rate, rtt) in PATHS {
        for (loss, least) in [(0.01, 0.95), (0.05, 0.85)] {
            let mut path = Path::new(mbit(rate), ms(rtt));
            path.loss = loss;
            path.run(Duration::from_secs(3));
            let share = path.share(Duration::from_secs(20));
            assert!(share >= least, "{rate} Mbit/s × {rtt} ms, {loss}: {share}");
        }
    }
}

#[test]
fn a_shallow_queue_is_filled_without_flooding_it() {
    for (rate, rtt) in [(10, 300), (100, 20), (100, 100), (1000, 10)] {
        let mut path = Path::new(mbit(rate), ms(rtt));
        path.queue = path.bdp() / 10;
        path.run(Duration::from_secs(3));
        let lost = path.lost;
        let share = path.share(Duration::from_secs(20));
        assert!(share >= 0.95, "{rate} Mbit/s × {rtt} ms: {share}");
        let lost = (path.lost - lost) as f64 * f64::from(MSS) / (path.rate as f64 * 20.0);
        assert!(lost <= 0.02, "{rate} Mbit/s × {rtt} ms: {lost} lost");
    }
}

/// Draft, appendix: sub-packet BDPs.
#[test]
fn less_than_a_segment_of_bdp_keeps_four_in_flight() {
    let mut path = Path::new(mbit(1), ms(5));
    path.run(Duration::from_secs(3));
    assert!(path.bdp() < u64::from(MSS));
    let share = path.share(Duration::from_secs(10));
    assert!(share >= 0.95, "{share}");
    assert!(path.bbr.cwnd >= 4 * MSS);
}

/// Draft, appendix: bandwidth on a link with aggregation.
#[test]
fn acks_in_lumps_widen_the_window_and_do_not_stall_the_flow() {
    let mut path = Path::new(mbit(50), ms(20));
    path.lumps = Some(ms(25));
    path.run(Duration::from_secs(5));
    assert!(path.bbr.model.extra_acked > path.bdp() as u32 / 2, "{}", path.bbr.model.extra_acked);
    let share = path.share(Duration::from_secs(10));
    assert!(share >= 0.95, "{share}");
}
