//! The draft's numbers, where one more or one less would show nowhere else.

use super::super::bounds::Bounds;
use super::super::startup::FullPipe;
use super::super::{Repair, Sample, State, UNBOUNDED};
use super::path::{MSS, Path, mbit, ms};
use env::{Duration, Instant};

/// Of a flow that has its window out, at `rate`.
fn sample(now: Instant, rate: u64) -> Sample {
    Sample {
        now,
        newly_delivered: MSS,
        prior_in_flight: 20 * MSS,
        in_flight: 19 * MSS,
        round_trip: None,
        rate,
        delivered: u64::from(20 * MSS),
        prior_delivered: None,
        app_limited: false,
        sent_in_flight: 20 * MSS,
        lost: 0,
    }
}

/// Draft §5.3.1.2.
#[test]
fn the_pipe_is_full_after_three_rounds_without_a_quarter_more() {
    let mut pipe = FullPipe::default();
    let mut round = |rate| {
        pipe.check(&sample(Instant::ZERO, rate), true);
        (pipe.now, pipe.reached)
    };
    let (not_yet, full) = ((false, false), (true, true));
    assert_eq!([1_000, 1_249, 1_249, 1_250].map(&mut round), [not_yet; 4], "a quarter more begins anew");
    assert_eq!([1_300, 1_000, 1_561].map(round), [not_yet, not_yet, full]);
}

/// Draft §5.3.1.3.
#[test]
fn startup_bears_five_lost_pieces_in_a_round_and_not_six() {
    for (pieces, state) in [(5, State::Startup), (6, State::Drain)] {
        let mut path = Path::new(mbit(50), ms(40));
        path.run(ms(60));
        let bbr = &mut path.bbr;
        assert_eq!(bbr.state, State::Startup);
        bbr.repair = Repair::Recovery;
        bbr.bounds.loss_round_start = true;
        bbr.bounds.pieces_lost = pieces;
        bbr.check_startup_done(&Sample { lost: 10 * MSS, ..sample(path.now, 1_000) });
        assert_eq!(bbr.state, state, "{pieces} pieces");
    }
}

/// Draft §5.3.3.2 and §5.3.3.7.
#[test]
fn what_is_too_much_is_kept_away_from_by_fifteen_hundredths() {
    let mut bounds = Bounds::default();
    let mut kept = |octets| {
        bounds.inflight_longterm = octets;
        bounds.with_headroom(1_000, 4_000)
    };
    assert_eq!(kept(100_000), 85_000);
    assert_eq!(kept(5_500), 4_500, "a segment at least");
    assert_eq!(kept(4_500), 4_000, "four segments may always be out");
    assert_eq!(kept(UNBOUNDED), UNBOUNDED);
}

/// Draft §5.3.3.5: on a path that holds more segments, as soon as a Reno flow would have had its turn.
#[test]
fn the_next_probe_is_no_more_than_sixty_three_rounds_away() {
    let mut path = Path::new(mbit(50), ms(40));
    path.run_into(State::Cruise, Duration::from_secs(5)).expect("steady");
    let now = path.now;
    let bbr = &mut path.bbr;
    assert!(bbr.target_inflight() > 100 * MSS);
    bbr.model.rounds.start = false;
    let rate = bbr.model.bw;
    for (rounds, state) in [(62, State::Cruise), (63, State::Refill)] {
        bbr.cycle.rounds_since_up = rounds;
        bbr.update_probe_bw(&sample(now, rate));
        assert_eq!(bbr.state, state, "{rounds} rounds");
    }
}
