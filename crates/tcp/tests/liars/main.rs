//! What a peer that lies about what it has can gain is bounded: each liar is held against its honest twin, on the same path,
//! at the same times.
//!
//! ```text
//!   sender ─► path: 25 ms, segments drawn by their numbers are lost once ─► peer: takes all, and tells what its Lie makes of it
//!                                                                              │
//!   sent by then, largest window ◄────── ACKs, SACK, D-SACK, echoes ◄──────────┘
//! ```
//!
//! | what the lie is about | never more than |
//! |---|---|
//! | how many ACKs there are, what was never sent, windows | the twin; without SACK, a quarter more |
//! | that losses were none (D-SACK, echoes) | the twin on a path that loses nothing: a mistake undone is no more than what was |
//! | that data came before it did | for each octet acknowledged, the twin: early ACKs make a path look short, and no ACK counts twice |

extern crate handfast_tcp as tcp;

mod path;

use path::{Lie, Run, run, runs};
use tcp::Congestion;

const ALL: [Congestion; 3] = [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr];

/// Holds `liar` against `twin` at each tenth of a second, summed over the paths: one part of `part` and ten segments a path may
/// be more, for which segment is the first of a window, and so which ACK ends a recovery, is not the same. The largest windows differ by at most twice that.
fn gains_nothing(what: &str, liar: &Run, twin: &Run, part: u64) {
    for (tenth, (lied, honest)) in liar.sent.iter().zip(&twin.sent).enumerate() {
        let bound = honest + honest / part + u64::from(50 * path::SEGMENT);
        assert!(*lied <= bound, "{what}: {lied} octets of {honest} after {tenth} tenths of a second");
    }
    assert!(
        liar.cwnd <= twin.cwnd + twin.cwnd * 2 / u32::try_from(part).unwrap_or(1),
        "{what}: {} of {}",
        liar.cwnd,
        twin.cwnd
    );
}

#[test]
fn more_acks_of_the_same_are_worth_no_more() {
    for algorithm in ALL {
        for sack in [true, false] {
            // Without SACK, duplicate ACKs are all that tells what has left: twice as many tell it in half the time.
            let part = if sack { 10 } else { 4 };
            let twin = runs(algorithm, sack, true, Lie::None);
            assert!(twin.sent.last().is_some_and(|sent| *sent > 1_000_000), "the twin gets somewhere");
            for lie in [Lie::Divides(2), Lie::Divides(50), Lie::Repeats(1), Lie::Repeats(9)] {
                let what = format!("{algorithm} sack {sack} {lie:?}");
                gains_nothing(&what, &runs(algorithm, sack, true, lie), &twin, part);
            }
        }
    }
}

#[test]
fn what_was_never_sent_is_worth_nothing() {
    for algorithm in ALL {
        let twin = runs(algorithm, true, true, Lie::None);
        for lie in [Lie::HasUnsent, Lie::AcksUnsent] {
            gains_nothing(&format!("{algorithm} {lie:?}"), &runs(algorithm, true, true, lie), &twin, 10);
        }
    }
}

#[test]
fn a_window_that_shrinks_is_worth_nothing() {
    for algorithm in ALL {
        let twin = runs(algorithm, true, true, Lie::None);
        gains_nothing(&format!("{algorithm}"), &runs(algorithm, true, true, Lie::Shrinks), &twin, 10);
    }
}

/// Forged evidence that a retransmission was needless makes loss unseen, and nothing better than that.
#[test]
fn losses_that_are_lied_away_leave_no_more_than_a_path_without_loss() {
    for algorithm in ALL {
        let lossless = runs(algorithm, true, false, Lie::None);
        for lie in [Lie::CallsNeedless, Lie::EchoesOlder(1), Lie::EchoesOlder(1_000), Lie::EchoesNewer(20)] {
            gains_nothing(&format!("{algorithm} {lie:?}"), &runs(algorithm, true, true, lie), &lossless, 10);
        }
    }
}

/// What comes of an octet acknowledged early is what comes of one acknowledged in time.
#[test]
fn acks_that_come_before_the_data_earn_no_more_for_an_octet() {
    for algorithm in [Congestion::NewReno, Congestion::Cubic] {
        let twin = run(algorithm, true, None, Lie::None);
        let liar = run(algorithm, true, None, Lie::AcksEarly);
        for &(acked, cwnd) in &liar.windows {
            let honest = twin.windows.iter().take_while(|(of, _)| *of <= acked + 2 * path::SEGMENT as u64);
            let most = honest.map(|(_, cwnd)| *cwnd).max().unwrap_or(0);
            assert!(cwnd <= most + 2 * path::SEGMENT, "{algorithm}: {cwnd} of {most} after {acked} octets");
        }
    }
}
