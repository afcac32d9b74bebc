//! What is not the path's doing: an application with little to say.

use super::super::State;
use super::path::{Path, mbit, ms};
use env::Duration;

#[test]
fn an_application_that_writes_little_lowers_no_bandwidth() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run(Duration::from_secs(4));
    let bw = path.bbr.model.max_bw();
    path.write(Some(mbit(5)));
    path.run(Duration::from_secs(20));
    assert!(path.bbr.model.max_bw() >= bw * 95 / 100, "{} of {bw}", path.bbr.model.max_bw());
    path.write(None);
    path.run(ms(200));
    let share = path.share(Duration::from_secs(1));
    assert!(share >= 0.95, "{share}");
}

/// Draft, appendix: never exiting Startup when limited by the application, without loss.
#[test]
fn startup_waits_for_an_application_to_show_what_the_path_can_do() {
    let mut path = Path::new(mbit(50), ms(40));
    path.write(Some(mbit(2)));
    path.run(Duration::from_secs(4));
    assert_eq!((path.bbr.state, path.bbr.full_pipe.reached), (State::Startup, false));
    path.write(None);
    path.run_into(State::Drain, Duration::from_secs(2)).expect("the pipe is full");
}

/// Draft, appendix: application-limited in REFILL.
#[test]
fn a_silent_application_in_refill_leaves_the_bandwidth_and_the_next_probe_alone() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Refill, Duration::from_secs(10)).expect("a probe");
    let bw = path.bbr.model.max_bw();
    path.write(Some(mbit(1)));
    path.run_into(State::Up, Duration::from_secs(1)).expect("one round later");
    assert_eq!(path.bbr.model.max_bw(), bw);
    path.write(None);
    path.run_into(State::Cruise, Duration::from_secs(3)).expect("and round it goes");
    assert!(path.bbr.model.max_bw() >= bw * 98 / 100);
}

#[test]
fn flows_of_different_seeds_do_not_probe_in_step() {
    let waits: alloc::vec::Vec<_> = (0..8)
        .map(|seed| {
            let mut path = Path::seeded(mbit(20), ms(100), seed);
            path.run_into(State::Refill, Duration::from_secs(10)).expect("a probe");
            path.now
        })
        .collect();
    let mut distinct = waits.clone();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() >= 6, "{waits:?}");
}
