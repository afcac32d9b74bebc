//! One flow on a path that stays as it is.

use super::super::State;
use super::path::{Path, mbit, ms};
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
