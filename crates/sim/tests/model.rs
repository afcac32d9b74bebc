//! Every state that two connections can reach together, for small parameters, over the real code.

use handfast_sim::model::{Explored, Limits, Opening, explore};
use std::io::Write as _;
use tcp::State;

fn explored(name: &str, limits: Limits) -> Explored {
    match explore(&limits) {
        Ok(found) => {
            // Written past the test runner's capture: how much was explored is a figure that people want to see.
            let told = writeln!(
                std::io::stderr(),
                "{name}: {} states explored, {} transitions, {} pairs of the ends' states; \
                 {} after both users had let go, {} with nothing left",
                found.states,
                found.transitions,
                found.pairs.len(),
                found.abandoned,
                found.over
            );
            told.expect("stderr takes a line");
            found
        }
        Err(failure) => panic!("{name}: {failure}"),
    }
}

fn met(found: &Explored, a: State, b: State) -> bool {
    found.pairs.contains_key(&(a, b)) || found.pairs.contains_key(&(b, a))
}

const QUIET: Limits = Limits {
    openings: [Opening::Active, Opening::Passive],
    sends: [0, 0],
    piece: 1,
    aborts: false,
    early_release: false,
    losses: 1,
    duplicates: 0,
    hasty_timers: 0,
    sack: false,
    most: 1_000_000,
};

/// Covers: RFC 9293 9293-E35, MUST-13
#[test]
fn opening_and_closing_over_a_link_that_loses_and_duplicates_always_ends() {
    let found = explored("a loss and a duplicate", Limits { duplicates: 1, ..QUIET });
    for (a, b) in [
        (State::SynSent, State::SynReceived),
        (State::FinWait1, State::FinWait1),
        (State::Closing, State::Closing),
        (State::FinWait2, State::CloseWait),
        (State::TimeWait, State::LastAck),
        (State::TimeWait, State::TimeWait),
    ] {
        assert!(met(&found, a, b), "{a} beside {b} was never reached");
    }
}

#[test]
fn timers_that_fire_too_early_harm_nothing() {
    explored("a loss and a hasty timer", Limits { hasty_timers: 1, ..QUIET });
}

/// Covers: RFC 9293 9293-E39, 9293-E40
#[test]
fn what_was_sent_before_close_is_read_before_the_end_of_the_stream() {
    explored("an octet and a loss", Limits { sends: [1, 0], ..QUIET });
}

/// Covers: RFC 9293 MUST-10
#[test]
fn ends_that_open_at_once_meet_in_one_connection() {
    let found = explored("simultaneous open", Limits { openings: [Opening::Active; 2], ..QUIET });
    for (a, b) in [
        (State::SynSent, State::SynSent),
        (State::SynReceived, State::SynReceived),
        (State::SynReceived, State::Established),
        (State::Established, State::Established),
    ] {
        assert!(met(&found, a, b), "{a} beside {b} was never reached");
    }
}

#[test]
fn aborts_and_users_who_let_go_at_any_time_leave_nothing_behind() {
    explored("aborts", Limits { aborts: true, ..QUIET });
    explored("early release", Limits { early_release: true, sends: [1, 0], losses: 0, ..QUIET });
}
