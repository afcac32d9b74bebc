//! Loss, marks and timeouts; what follows of them, and what is taken back.

use super::super::ambient::{Ambient, Tally};
use super::super::{Bbr, State, UNBOUNDED};
use super::path::{MSS, Path, mbit, ms};
use crate::congestion::{CongestionControl, Departure, LossSample, Reduction};
use env::Duration;

/// A piece that was lost now, as one of `lost` octets of what was in flight.
fn lost(path: &Path, octets: u32, lost: u32) -> LossSample {
    LossSample {
        now: path.now,
        octets,
        in_flight: path.in_flight,
        lost,
        prior_delivered: path.sampler.delivered().saturating_sub(u64::from(path.in_flight)),
        app_limited: false,
    }
}

/// A fifth of what is in flight is lost at once.
fn lose_a_fifth(path: &mut Path) {
    let fifth = path.in_flight / 5;
    let piece = lost(path, fifth, fifth);
    path.bbr.on_lost(&piece);
    path.bbr.on_congestion(path.now, path.in_flight, Reduction::Loss);
}

fn cruising() -> Path {
    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Cruise, Duration::from_secs(5)).expect("steady");
    path.run(ms(500));
    path
}

/// Draft §5.3.1.3.
#[test]
fn startup_ends_when_the_queue_overflows_even_if_the_application_limits_the_rate() {
    let mut path = Path::new(mbit(20), ms(100));
    path.queue = path.bdp() / 20;
    path.write(Some(mbit(22)));
    path.run_into(State::Drain, Duration::from_secs(6)).expect("lost too much");
    assert!(path.lost > 6);
    assert!(path.bbr.full_pipe.reached);
}

/// Draft, appendix: loss during ProbeBW_UP.
#[test]
fn too_much_loss_in_up_bounds_the_long_term_and_turns_down() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Up, Duration::from_secs(10)).expect("a probe");
    path.run(ms(60));
    assert_eq!((path.bbr.state, path.bbr.bounds.inflight_longterm), (State::Up, UNBOUNDED));
    let target = path.bbr.target_inflight();
    lose_a_fifth(&mut path);
    assert_eq!(path.bbr.state, State::Down);
    let bound = path.bbr.bounds.inflight_longterm;
    assert!(bound >= target * 7 / 10 && bound < path.in_flight, "{bound} of {}", path.in_flight);
    path.run(Duration::from_secs(10));
    assert!(path.bbr.bounds.inflight_longterm > bound, "it rises with what passes unharmed");
}

/// Draft §5.3.3.4: the probe after one that lost too much stops where that one did; no harm done, it asks again at once.
#[test]
fn after_too_much_loss_a_probe_is_cautious_first_and_bold_when_that_was_safe() {
    let mut path = cruising();
    path.bbr.bounds.inflight_longterm = path.bdp() as u32;
    path.bbr.cycle.prev_too_high = true;
    path.run_into(State::Up, Duration::from_secs(5)).expect("a probe");
    let began = path.now;
    path.run_into(State::Down, ms(40)).expect("cautious");
    path.run_into(State::Refill, ms(120)).expect("no harm done");
    path.run_into(State::Up, ms(120)).expect("bold");
    path.run_into(State::Down, Duration::from_secs(2)).expect("the pipe is full");
    let bold = path.now;
    assert!(bold.since(began) > ms(200), "it goes on for rounds");
    path.run_into(State::Cruise, ms(500)).expect("at rest");
    assert!(u64::from(path.bbr.bounds.inflight_longterm) > path.bdp() * 5 / 4);
}

/// Draft §5.5.10.3.
#[test]
fn loss_at_rest_lowers_the_short_term_until_the_next_probe() {
    let mut path = cruising();
    path.bbr.bounds.reset_shortterm(); // the queue that Startup made may have overflowed
    let bw = path.bbr.model.max_bw();
    lose_a_fifth(&mut path);
    assert_eq!(path.bbr.bounds.bw_shortterm, u64::MAX, "not before the round is over");
    path.run(ms(100));
    let bounds = &path.bbr.bounds;
    assert!(bounds.bw_shortterm <= bw && bounds.bw_shortterm >= bw * 7 / 10, "{}", bounds.bw_shortterm);
    assert!(bounds.inflight_shortterm < UNBOUNDED);
    path.run_into(State::Refill, Duration::from_secs(5)).expect("a probe");
    assert_eq!(path.bbr.bounds.bw_shortterm, u64::MAX);
}

/// Draft §5.5.10.3: one segment is enough where a queue stands, and none too many where there is none.
#[test]
fn one_loss_at_rest_counts_only_while_a_queue_stands() {
    for queued in [false, true] {
        let mut path = cruising();
        path.bbr.bounds.reset_shortterm();
        path.bbr.ambient = Ambient::default();
        path.run(ms(100));
        if queued {
            path.rtt = path.rtt * 5 / 4; // as others' queue would make it
            path.run(ms(150));
        }
        let piece = lost(&path, MSS, MSS);
        path.bbr.on_lost(&piece);
        path.bbr.on_congestion(path.now, path.in_flight, Reduction::Loss);
        path.run(ms(120));
        assert_eq!(path.bbr.state, State::Cruise);
        assert_eq!(path.bbr.bounds.calm, !queued);
        assert_eq!(path.bbr.bounds.bw_shortterm != u64::MAX, queued);
    }
}

/// The queue that stands in DOWN is the flow's own: little that is lost of a round says nothing of others.
#[test]
fn little_loss_behind_a_probe_lowers_nothing_though_a_queue_stands() {
    for (state, segments, lowered) in
        [(State::Down, 2, false), (State::Down, 4, true), (State::Cruise, 2, true)]
    {
        let mut path = Path::new(mbit(100), ms(40));
        path.run_into(State::Cruise, Duration::from_secs(5)).expect("steady");
        path.run(ms(500));
        path.bbr.bounds.reset_shortterm();
        path.bbr.ambient = Ambient::default();
        path.rtt = path.rtt * 5 / 4;
        path.run(ms(150));
        path.bbr.state = state;
        let piece = lost(&path, segments * MSS, segments * MSS);
        path.bbr.on_lost(&piece);
        path.bbr.on_congestion(path.now, path.in_flight, Reduction::Loss);
        path.run(ms(120));
        assert_eq!((path.bbr.state, path.bbr.bounds.calm), (state, false));
        assert_eq!(path.bbr.bounds.bw_shortterm != u64::MAX, lowered, "{state:?}, {segments}");
    }
}

/// What overflowed while a queue was taken for the path is no loss of the path's.
#[test]
fn a_probe_that_finds_a_shorter_way_forgets_what_was_lost_on_the_longer_one() {
    for shorter in [false, true] {
        let mut path = cruising();
        path.run_into(State::ProbeRtt, Duration::from_secs(40)).expect("in time");
        path.bbr.ambient.at_rest(Tally::of_round(100_000, 900_000));
        let before = path.bbr.ambient.of(1_000_000);
        assert!(before > 0);
        if shorter {
            path.rtt /= 2;
        }
        path.run_into(State::Cruise, Duration::from_secs(2)).expect("the probe ends");
        assert_eq!(path.bbr.ambient.of(1_000_000), if shorter { 0 } else { before });
        assert_eq!(path.bbr.low_delay.trusted, !shorter);
    }
}

/// Draft, appendix: spurious fast recovery.
#[test]
fn a_mistake_in_up_or_startup_is_taken_back_whole() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Up, Duration::from_secs(10)).expect("a probe");
    path.run(ms(60));
    let window = path.bbr.window();
    lose_a_fifth(&mut path);
    assert_eq!(path.bbr.state, State::Down);
    path.bbr.on_spurious(path.now);
    assert!(path.bbr.window() >= window);
    assert_eq!((path.bbr.state, path.bbr.bounds.inflight_longterm), (State::Refill, UNBOUNDED));

    let mut path = Path::new(mbit(50), ms(40));
    path.run(ms(150));
    assert_eq!(path.bbr.state, State::Startup);
    let (window, now) = (path.bbr.window(), path.now);
    path.bbr.on_congestion(now, path.in_flight, Reduction::Loss);
    path.bbr.full_pipe.reached = true;
    path.bbr.enter_drain();
    path.bbr.undo.state = Some(State::Startup);
    path.bbr.on_spurious(now);
    assert_eq!((path.bbr.state, path.bbr.full_pipe.reached), (State::Startup, false));
    assert!(path.bbr.window() >= window);
    path.run_into(State::Drain, Duration::from_secs(2)).expect("and finds the bandwidth");
    assert!(path.bbr.model.max_bw() >= mbit(49));
}

/// The next begins before the last is known to have been none: each gives back what it took.
#[test]
fn mistakes_one_after_the_other_are_taken_back_from_the_last_to_the_first() {
    for apart in [1, 8] {
        let mut path = Path::new(mbit(50), ms(40));
        path.run_into(State::Up, Duration::from_secs(10)).expect("a probe");
        path.run(ms(60));
        lose_a_fifth(&mut path);
        assert_eq!(path.bbr.state, State::Down);
        let bound = path.bbr.bounds.inflight_longterm;
        path.bbr.on_recovered(path.now, path.in_flight);
        let round = path.bbr.model.rounds.count;
        while path.bbr.model.rounds.count < round + apart {
            path.run(ms(1));
        }
        lose_a_fifth(&mut path);
        path.bbr.on_spurious(path.now);
        assert!(path.bbr.bounds.inflight_longterm < UNBOUNDED && path.bbr.state != State::Refill);
        assert!(path.bbr.bounds.inflight_longterm >= bound);
        path.bbr.on_spurious(path.now);
        let whole = (path.bbr.state, path.bbr.bounds.inflight_longterm) == (State::Refill, UNBOUNDED);
        assert_eq!(whole, apart == 1, "after {apart} rounds nobody asks for it any more");
    }
}

/// Draft, appendix: spurious timeouts.
#[test]
fn a_timeout_lets_out_one_segment_and_a_mistaken_one_costs_nothing() {
    let mut path = cruising();
    let (window, now) = (path.bbr.window(), path.now);
    path.bbr.on_congestion(now, path.in_flight, Reduction::Timeout { again: false });
    assert_eq!(path.bbr.window(), MSS);
    let departure = Departure { now, octets: MSS, in_flight: 3 * MSS, again: true, ..Departure::default() };
    path.bbr.on_sent(&departure);
    assert_eq!(path.bbr.window(), 4 * MSS, "what is in flight still, and one more");
    path.bbr.on_spurious(now);
    assert!(path.bbr.window() >= window);
    path.bbr.on_spurious(now); // once is enough
    assert!(path.bbr.window() >= window);
}

#[test]
fn after_an_outage_the_flow_is_back_at_its_rate_within_some_rounds() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run(Duration::from_secs(3));
    path.loss = 1.0;
    path.run(Duration::from_secs(5));
    assert!(path.timeouts > 0);
    path.loss = 0.0;
    path.run(ms(200 + 20 * 40));
    let share = path.share(Duration::from_secs(3));
    assert!(share >= 0.9, "{share}");
}

#[test]
fn recovery_over_the_window_is_what_it_was_as_far_as_the_model_goes_along() {
    let mut path = cruising();
    let window = path.bbr.window();
    path.bbr.on_congestion(path.now, path.in_flight, Reduction::Loss);
    path.bbr.cwnd = 4 * MSS;
    path.bbr.on_recovered(path.now, 4 * MSS);
    assert_eq!(path.bbr.window(), window);
}

/// Draft §3.5: marks are congestion.
#[test]
fn marks_end_startup_in_their_second_round_and_bound_a_probe_and_a_cruise() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run(ms(150));
    for left in [false, true] {
        path.bbr.on_congestion(path.now, path.in_flight, Reduction::Ecn);
        assert_eq!(path.bbr.full_pipe.reached, left);
        let round = path.bbr.model.rounds.count;
        while path.bbr.model.rounds.count == round {
            path.run(ms(1));
        }
    }
    assert!(path.bbr.bounds.inflight_longterm < UNBOUNDED);

    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Up, Duration::from_secs(10)).expect("a probe");
    path.bbr.on_congestion(path.now, path.in_flight, Reduction::Ecn);
    assert_eq!(path.bbr.state, State::Down);
    assert!(path.bbr.bounds.inflight_longterm < UNBOUNDED);

    let mut path = cruising();
    path.bbr.on_congestion(path.now, path.in_flight, Reduction::Ecn);
    path.run(ms(100));
    assert!(path.bbr.bounds.inflight_shortterm < UNBOUNDED);
}

#[test]
fn without_sack_any_loss_is_too_much() {
    let mut bbr: Bbr = cruising().bbr;
    assert!(!bbr.is_too_high(MSS, 100 * MSS));
    bbr.model.sack = false;
    assert!(bbr.is_too_high(1, 100 * MSS) && !bbr.is_too_high(0, 100 * MSS));
}
