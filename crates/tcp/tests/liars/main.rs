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
//! | how many ACKs there are, what was never sent, windows | the twin |
//! | that losses were none (D-SACK, echoes) | the twin on a path that loses nothing: a mistake undone is no more than what was |
//! | that data came before it did | the twin; and for each octet acknowledged, too |
//!
//! Where two share a bottleneck, the liar's goodput is held against its twin's, whatever it lies about: in the second half of
//! the time, for the first few times it is believed.

extern crate handfast_tcp as tcp;

mod path;
mod peer;
mod shared;

use env::Duration;
use path::{Run, run, runs};
use peer::{Lie, Marks, SEGMENT};
use shared::{Bottleneck, share};
use tcp::Congestion;

const ALL: [Congestion; 3] = [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr];

/// Holds `liar` against `twin` at each tenth of a second, summed over the paths: one part of `part` and ten segments a path may
/// be more, for which segment is the first of a window, and so which ACK ends a recovery, is not the same. The largest windows
/// differ by half at most, and are not what arrives.
fn gains_nothing(what: &str, liar: &Run, twin: &Run, part: u64) {
    for (tenth, (lied, honest)) in liar.sent.iter().zip(&twin.sent).enumerate() {
        let bound = honest + honest / part + u64::from(50 * SEGMENT);
        assert!(*lied <= bound, "{what}: {lied} octets of {honest} after {tenth} tenths of a second");
    }
    assert!(liar.cwnd <= twin.cwnd + twin.cwnd / 2, "{what}: {} of {}", liar.cwnd, twin.cwnd);
}

#[test]
fn more_acks_of_the_same_are_worth_no_more() {
    for algorithm in ALL {
        for sack in [true, false] {
            let part = if sack { 20 } else { 10 };
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
            let honest = twin.windows.iter().take_while(|(of, _)| *of <= acked + 2 * SEGMENT as u64);
            let most = honest.map(|(_, cwnd)| *cwnd).max().unwrap_or(0);
            assert!(cwnd <= most + 2 * SEGMENT, "{algorithm}: {cwnd} of {most} after {acked} octets");
        }
    }
}

/// Early ACKs make the path look a quarter of what its handshake was, and a peer that has what was never sent is found out.
#[test]
fn acks_that_come_before_the_data_let_no_more_data_leave() {
    for algorithm in ALL {
        for sack in [true, false] {
            let twin = runs(algorithm, sack, true, Lie::None);
            let liar = runs(algorithm, sack, true, Lie::AcksEarly);
            let (lied, honest) = (liar.sent.last(), twin.sent.last());
            assert!(lied < honest, "{algorithm} sack {sack}: {lied:?} octets of {honest:?}");
        }
    }
}

/// After 16 MiB without a hole an honest peer is asked, once, with SACK or without: it costs a segment that comes later.
#[test]
fn an_honest_peer_is_seldom_asked_and_tells() {
    for sack in [true, false] {
        let run = run(Congestion::Cubic, sack, None, Lie::None);
        assert!(run.sent.last().is_some_and(|sent| (1 << 24..1 << 26).contains(sent)), "{:?}", run.sent);
        assert_eq!(run.asked, (1, 0), "sack {sack}");
        let lossy = runs(Congestion::Cubic, sack, true, Lie::None);
        assert_eq!(lossy.asked, (0, 0), "it has told of holes already");
    }
}

/// Octets that get through in the second half, of one that begins before an honest other and of one that begins after it,
/// summed over several distances.
fn goodput(of: Bottleneck, lie: Lie) -> u64 {
    let both = |n: u32| {
        let later = Duration::from_millis(3) + Duration::from_millis(177) * n;
        let [first, second] = share(of, [lie, Lie::None], later);
        if lie == Lie::None {
            return first.late + second.late;
        }
        first.late + share(of, [Lie::None, lie], later)[1].late
    };
    (0..STARTS).map(both).sum()
}

/// Distances of two beginnings.
const STARTS: u32 = 4;
const LASTS: Duration = Duration::from_secs(24);

/// Beside an honest connection, `lies` gain no more than one part of `part` over honesty; or over a half of the bottleneck, where
/// two that are honest leave some of it unused.
fn gains_no_share(of: Bottleneck, lies: &[Lie], part: u64) {
    let half = 2 * u64::from(STARTS) * HALF;
    let honest = goodput(of, Lie::None);
    assert!(honest > half / 2, "{of:?}: {honest}");
    let most = honest.max(half) + honest.max(half) / part;
    for &lie in lies {
        let lied = goodput(of, lie);
        let shares = (lied as f64 / honest as f64, lied as f64 / half as f64);
        println!("{of:?} {lie:?}: {:.3} of honest, {:.3} of half", shares.0, shares.1);
        assert!(lied <= most, "{lie:?} {of:?}: {lied} octets of {honest}, and of {half}");
    }
}

/// A half of what the bottleneck lets through in the second half of the time.
const HALF: u64 = LASTS.as_millis() as u64 / 4 * SEGMENT as u64;

/// Those that make sense with SACK and without.
const LIES: [Lie; 13] = [
    Lie::Divides(2),
    Lie::Divides(50),
    Lie::Repeats(1),
    Lie::Repeats(9),
    Lie::AcksUnsent,
    Lie::AcksEarly,
    Lie::HidesHoles,
    Lie::FillsHoles(2),
    Lie::FillsHoles(20),
    Lie::FillsHoles(40),
    Lie::EchoesOlder(1),
    Lie::EchoesOlder(1_000),
    Lie::EchoesNewer(20),
];

fn no_lie_gains_a_larger_share(algorithm: Congestion, with_sack: u64, without: Option<u64>) {
    let of = Bottleneck { algorithm, sack: true, marks: Marks::None, lasts: LASTS };
    gains_no_share(of, &LIES, with_sack);
    gains_no_share(of, &[Lie::HasUnsent, Lie::CallsNeedless, Lie::Shrinks], with_sack);
    // Without SACK a recovery takes a round trip a loss, and which segments are lost decides more than anything.
    if let Some(part) = without {
        gains_no_share(Bottleneck { sack: false, ..of }, &LIES, part);
    }
}

#[test]
fn beside_an_honest_connection_no_lie_gains_a_larger_share_of_newreno() {
    no_lie_gains_a_larger_share(Congestion::NewReno, 20, Some(20));
}

#[test]
fn beside_an_honest_connection_no_lie_gains_a_larger_share_of_cubic() {
    no_lie_gains_a_larger_share(Congestion::Cubic, 12, Some(10));
}

/// Without SACK two that are honest leave most of the bottleneck unused, and their shares say nothing.
#[test]
fn beside_an_honest_connection_no_lie_gains_a_larger_share_of_bbr() {
    no_lie_gains_a_larger_share(Congestion::Bbr, 12, None);
}

#[test]
fn who_keeps_marks_to_itself_is_dropped_where_others_are_marked() {
    for algorithm in ALL {
        for marks in [Marks::Classic, Marks::Accurate] {
            let of = Bottleneck { algorithm, sack: true, marks, lasts: LASTS };
            gains_no_share(of, &[Lie::HidesMarks, Lie::MakesUpMarks], 20);
            let told = |lie| share(of, [lie, Lie::None], Duration::from_millis(3))[0].status.marks_kept;
            assert_eq!((told(Lie::None), told(Lie::HidesMarks)), (0, 1), "{of:?}");
        }
    }
}
