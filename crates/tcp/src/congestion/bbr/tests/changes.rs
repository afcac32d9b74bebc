//! Paths that change, and ProbeRTT, which looks for that.

use super::super::State;
use super::path::{Path, mbit, ms};
use env::Duration;

/// Draft, appendix: increasing bandwidth tenfold.
#[test]
fn ten_times_the_bandwidth_is_found_within_a_few_probes() {
    for rtt in [20, 100] {
        let mut path = Path::new(mbit(10), ms(rtt));
        path.run(Duration::from_secs(10));
        path.rate = mbit(100);
        path.queue = path.bdp();
        path.run(Duration::from_secs(15));
        let share = path.share(Duration::from_secs(5));
        assert!(share >= 0.95, "{rtt} ms: {share}");
    }
}

/// Draft, appendix: decreasing bandwidth tenfold. Loss lowers the short term within some rounds, and two cycles later
/// the maximum has forgotten what was.
#[test]
fn a_tenth_of_the_bandwidth_is_followed_down_and_the_queue_drains() {
    for rtt in [20, 100] {
        let mut path = Path::new(mbit(100), ms(rtt));
        path.run(Duration::from_secs(10));
        path.rate = mbit(10);
        // Rounds are long now: the queue that fitted the path once takes ten round trips to pass.
        let lowest = (0..100)
            .map(|_| {
                path.run(ms(50));
                path.bbr.model.bw
            })
            .min();
        assert!(lowest.is_some_and(|bw| bw <= mbit(50)), "{rtt} ms: {lowest:?}");
        path.run(Duration::from_secs(30)); // probes halve a queue that was taken for the path
        let best = path.bbr.model.max_bw() as f64 / path.rate as f64;
        assert!(best <= 1.05, "{rtt} ms: {best}");
        path.longest = 0;
        let share = path.share(Duration::from_secs(10));
        assert!(share >= 0.95, "{rtt} ms: {share}");
        assert!(path.longest <= 2 * path.bdp(), "{rtt} ms: {} octets queue", path.longest);
    }
}

/// Draft, appendix: entering and exiting ProbeRTT.
#[test]
fn a_path_that_grew_longer_is_probed_with_half_a_bdp_in_flight_and_believed() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run(Duration::from_secs(3));
    path.rtt = ms(80);
    path.run_into(State::ProbeRtt, Duration::from_secs(6)).expect("a probe after 5 s");
    let began = path.now;
    path.run_into(State::Cruise, Duration::from_secs(2)).expect("it ends");
    assert!(path.now.since(began) >= ms(200));
    // The shortest round trip is remembered for ten seconds: then the path is what it is now.
    path.run(Duration::from_secs(11));
    let least = path.bbr.model.min_rtt.expect("measured");
    assert!(least >= ms(80) && least <= ms(85), "{least:?}");
    let share = path.share(Duration::from_secs(10));
    assert!(share >= 0.95, "{share}");
}

#[test]
fn a_flow_that_sees_its_path_without_a_queue_needs_no_probe_of_it() {
    let mut path = Path::new(mbit(100), ms(50));
    path.run(Duration::from_secs(30));
    assert!(path.states.iter().all(|(_, state)| *state != State::ProbeRtt), "{:?}", path.states);
}

/// Draft, appendix: skipping ProbeRTT after idleness, in which the queue drained by itself.
#[test]
fn after_idleness_no_probe_is_needed_and_the_known_bandwidth_is_the_pace() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run(Duration::from_secs(4));
    let bw = path.bbr.model.max_bw();
    path.write(Some(0));
    path.run(Duration::from_secs(7));
    assert_eq!(path.in_flight, 0);
    path.write(None);
    path.run(ms(30));
    assert!(path.bbr.idle_restart);
    assert_eq!(path.bbr.model.max_bw(), bw);
    assert!(path.bbr.pacing_rate <= bw && path.bbr.pacing_rate >= bw * 9 / 10);
    path.longest = 0;
    path.run(ms(50));
    assert!(path.longest <= path.bdp() / 4, "{}", path.longest);
    path.run(ms(400));
    assert!(path.states.iter().all(|(_, state)| *state != State::ProbeRtt), "{:?}", path.states);
}

/// Draft, appendix: ProbeRTT during Startup.
#[test]
fn a_probe_during_startup_leads_back_to_it() {
    let mut path = Path::new(mbit(50), ms(40));
    path.write(Some(mbit(2)));
    path.run(ms(200));
    path.rtt = ms(60);
    path.run_into(State::ProbeRtt, Duration::from_secs(6)).expect("a probe after 5 s");
    path.run_into(State::Startup, Duration::from_secs(2)).expect("Startup again");
    assert!(!path.bbr.full_pipe.reached);
}
