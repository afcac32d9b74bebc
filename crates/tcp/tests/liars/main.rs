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

/// Octets that get through in the second half, summed over several beginnings of the other connection.
fn goodput(of: Bottleneck, lie: Lie) -> u64 {
    (0..3).map(|n| share(of, lie, Duration::from_millis(3 + 177 * n))[0].late).sum()
}

/// Beside an honest connection, `lies` gain no more than one part of `part` over honesty.
fn gains_no_share(of: Bottleneck, lies: &[Lie], part: u64) {
    let honest = goodput(of, Lie::None);
    assert!(honest > 1_000_000, "{of:?}: {honest}");
    for &lie in lies {
        let lied = goodput(of, lie);
        assert!(lied <= honest + honest / part, "{lie:?} {of:?}: {lied} octets of {honest}");
    }
}

const LASTS: Duration = Duration::from_secs(24);

#[test]
fn beside_an_honest_connection_no_lie_gains_a_larger_share() {
    let lies = [
        Lie::Divides(2),
        Lie::Divides(50),
        Lie::Repeats(1),
        Lie::Repeats(9),
        Lie::HasUnsent,
        Lie::AcksUnsent,
        Lie::AcksEarly,
        Lie::HidesHoles,
    ];
    for algorithm in ALL {
        gains_no_share(Bottleneck { algorithm, sack: true, marks: Marks::None, lasts: LASTS }, &lies, 12);
        // Whoever calls losses mistakes is believed a few times before a test fails, and CUBIC grows for long on what those left
        // it; echoes of a tick before can't be told from those of now, and so stand a test now and then.
        let words = [Lie::CallsNeedless, Lie::EchoesOlder(1), Lie::EchoesOlder(1_000)];
        gains_no_share(Bottleneck { algorithm, sack: true, marks: Marks::None, lasts: LASTS }, &words, 4);
    }
    // Without SACK a recovery takes a round trip a loss, and which segments are lost decides more than anything.
    for algorithm in [Congestion::NewReno, Congestion::Cubic] {
        gains_no_share(Bottleneck { algorithm, sack: false, marks: Marks::None, lasts: LASTS }, &lies, 5);
    }
}

#[test]
fn who_keeps_marks_to_itself_is_dropped_where_others_are_marked() {
    for algorithm in ALL {
        for marks in [Marks::Classic, Marks::Accurate] {
            let of = Bottleneck { algorithm, sack: true, marks, lasts: LASTS };
            gains_no_share(of, &[Lie::HidesMarks, Lie::MakesUpMarks], 20);
            let told = |lie| share(of, lie, Duration::from_millis(3))[0].status.marks_kept;
            assert_eq!((told(Lie::None), told(Lie::HidesMarks)), (0, 1), "{of:?}");
        }
    }
}
