//! With SACK: RFC 8985 §6, 2018, 6675.

use super::super::rack::Told;
use super::*;
use crate::Why;

fn flying(segments: u32) -> Sender {
    let mut sender = Sender::new(true);
    sender.send(segments);
    sender
}

/// Covers: RFC 8985 8985-1, 8985-2; RFC 2018 2018-7
#[test]
fn only_holes_are_sent_again_in_their_order() {
    let mut sender = flying(10);
    sender.pass(100);
    assert!(!sender.ack(1, &[(2, 3)]).began);
    assert!(!sender.ack(1, &[(2, 3), (4, 5)]).began);
    let verdict = sender.ack(1, &[(6, 10), (4, 5), (2, 3)]);
    assert!(verdict.began && verdict.resend == Some(Why::Rack { later: 6 }));
    assert_eq!((sender.recovery.lost(), sender.recovery.sacked()), (3 * MSS, 6 * MSS));
    assert_eq!(sender.recovery.in_flight(), 0);
    assert_eq!(sender.repair(), [1, 3, 5]);
    assert_eq!((sender.recovery.lost(), sender.recovery.in_flight()), (0, 3 * MSS));
    sender.pass(100);
    assert!(sender.ack(10, &[]).ended);
    assert_eq!((sender.recovery.sacked(), sender.recovery.in_flight()), (0, 0));
    // Without SACK there is none of it.
    let mut plain = Sender::new(false);
    plain.send(10).pass(100);
    assert_eq!(plain.ack(0, &[(3, 10)]).delivered, 0);
}

/// Covers: RFC 8985 8985-6, 8985-7, 8985-8
#[test]
fn what_is_late_by_less_than_the_reordering_window_is_not_sent_again() {
    let mut sender = flying(2);
    sender.pass(100);
    let verdict = sender.ack(0, &[(1, 2)]);
    assert_eq!((verdict.lost, sender.recovery.lost()), (0, 0));
    // A quarter of the least round trip.
    assert_eq!(sender.recovery.reorder_at(), Some(sender.now + Duration::from_millis(25)));
    sender.pass(3);
    assert!(!sender.ack(2, &[]).began);
    assert_eq!(sender.recovery.reorder_at(), None);
    // The next one does not come.
    sender.send(2).pass(100);
    sender.ack(2, &[(3, 4)]);
    let at = sender.recovery.reorder_at().expect("it may only be late");
    assert!(at > sender.now && at <= sender.now + Duration::from_millis(100));
    sender.now = at;
    let verdict = sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None);
    assert!(verdict.began && verdict.lost == MSS);
    assert_eq!(sender.repair(), [2]);
}

/// Covers: RFC 8985 8985-5, 8985-6
#[test]
fn three_later_segments_are_enough_until_reordering_was_seen() {
    let mut sender = flying(10);
    sender.pass(100);
    assert_eq!(sender.ack(0, &[(1, 4)]).lost, MSS, "no reordering was seen: no patience");
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(2, &[(3, 4)]);
    assert!(!sender.recovery.reordering_seen());
    sender.ack(4, &[]);
    assert!(sender.recovery.reordering_seen(), "a segment that was sent once came after a later one");
    assert_eq!(sender.ack(4, &[(5, 9)]).lost, 0, "it may only be late");
}

/// Of two holes the older one has had its time. Above both there are more SACKed segments than RFC 6675 asks for, and it would
/// send both again; nor is it asked for more once recovery goes on.
///
/// Covers: RFC 8985 8985-17; RFC 9331 9331-8
#[test]
fn in_recovery_too_it_is_time_that_tells_and_not_how_many_came_later() {
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(2, &[(3, 4)]);
    sender.ack(4, &[]);
    assert!(sender.recovery.reordering_seen());
    sender.send(8).pass(100);
    let verdict = sender.ack(4, &[(5, 10), (11, 15)]);
    assert_eq!((verdict.began, verdict.lost), (true, MSS));
    assert_eq!(sender.repair(), [4]);
    sender.pass(1).ack(4, &[(5, 10), (11, 17)]);
    assert_eq!(sender.repair(), []);
    sender.now = sender.recovery.reorder_at().expect("the other may only be late");
    sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None);
    assert_eq!(sender.repair(), [10]);
}

/// Covers: RFC 8985 8985-6
#[test]
fn a_round_with_a_dsack_widens_the_window_and_sixteen_recoveries_narrow_it() {
    let mut sender = flying(4);
    let quarter = Duration::from_millis(25);
    sender.pass(100);
    for round in 1..=6u32 {
        let una = sender.una.wrapping_since(sender.first) / MSS;
        sender.send(4);
        sender.ack(una, &[(una + 1, una + 4)]);
        assert_eq!(sender.repair(), [una], "round {round}");
        sender.ack(una + 4, &[]);
        // It had not been lost: the peer has it twice.
        let verdict = sender.ack(una + 4, &[(una, una + 1)]);
        assert_eq!(verdict.undone, Some(crate::Undo::DuplicateSack), "round {round}");
        let wide = quarter * (round + 1);
        let smoothed = sender.rtt.smoothed().expect("sampled");
        assert_eq!(sender.recovery.reordering_window(&sender.rtt), wide.min(smoothed));
        sender.pass(100);
    }
    sender.ack(28, &[]);
    for _ in 0..16 {
        assert!(sender.recovery.reordering_window(&sender.rtt) > quarter);
        let una = sender.una.wrapping_since(sender.first) / MSS;
        sender.send(4).pass(100);
        sender.ack(una, &[(una + 1, una + 4)]);
        sender.repair();
        sender.pass(100);
        sender.ack(una + 4, &[]);
    }
    assert_eq!(sender.recovery.reordering_window(&sender.rtt), quarter);
}

/// Covers: RFC 8985 8985-4
#[test]
fn an_answer_that_may_be_the_originals_moves_nothing() {
    let told = |older| Told { arrived: Instant::from_millis(1_200), fresh: true, older };
    let run = |times, at| ledger::Run {
        start: 5,
        end: 6,
        at: Instant::from_millis(at),
        stamp: Instant::from_millis(at),
        first_at: Instant::from_millis(1_000),
        together: 1,
        snapshot: rate::Snapshot::default(),
        original: (Instant::from_millis(1_000), rate::Snapshot::default()),
        times,
        lost: false,
    };
    let mut rtt = RoundTrip::new(&TcpConfig::default());
    rtt.sample(Instant::ZERO, Duration::from_millis(50), 1);
    let mut rack = Rack::default();
    rack.on_delivered(&run(2, 1_180), &told(false), &rtt);
    assert_eq!(rack.newest(), (Instant::ZERO, 0), "faster than any round trip");
    rack.on_delivered(&run(2, 1_120), &told(true), &rtt);
    assert_eq!(rack.newest(), (Instant::ZERO, 0), "the echo is of the original");
    rack.on_delivered(&run(2, 1_120), &told(false), &rtt);
    assert_eq!(rack.newest(), (Instant::from_millis(1_120), 6));
    rack.on_delivered(&run(1, 1_110), &told(false), &rtt);
    assert_eq!(rack.newest(), (Instant::from_millis(1_120), 6), "an older one arrived later");
}

/// Covers: RFC 9937 9937-1
#[test]
fn what_was_sacked_before_recovery_began_is_not_delivered_in_it() {
    let mut sender = flying(10);
    sender.pass(100);
    assert!(!sender.ack(0, &[(5, 6)]).began);
    assert!(!sender.ack(0, &[(5, 6), (7, 8)]).began);
    // Two were SACKed before; the one that is now is of the episode.
    let verdict = sender.ack(0, &[(5, 6), (7, 8), (9, 10)]);
    assert_eq!((verdict.began, verdict.flight), (true, 8 * MSS));
    // Nor when the timer finds the loss.
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(0, &[(5, 6)]);
    sender.ack(0, &[(5, 6), (7, 8)]);
    sender.now = sender.recovery.reorder_at().expect("they may only be late");
    let verdict = sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None);
    assert_eq!((verdict.began, verdict.flight), (true, 8 * MSS));
}

/// Jitter of 30 ms around a round trip of 10: SRTT is too short a window.
#[test]
fn lateness_that_was_measured_counts_beyond_a_round_trip_where_round_trips_vary() {
    let (mut steady, mut shaky) =
        (RoundTrip::new(&TcpConfig::default()), RoundTrip::new(&TcpConfig::default()));
    for n in 0..200 {
        steady.sample(Instant::ZERO, Duration::from_millis(20), 1);
        shaky.sample(Instant::ZERO, Duration::from_millis(10 + n * 7 % 31), 1);
    }
    let told = Told { arrived: Instant::from_millis(1_000), fresh: true, older: false };
    let run = |start, at| {
        let at = Instant::from_millis(at);
        let snapshot = rate::Snapshot::default();
        let (end, first_at, stamp, original) = (start + 1, at, at, (at, snapshot));
        ledger::Run {
            start,
            end,
            at,
            stamp,
            first_at,
            together: 1,
            snapshot,
            original,
            times: 1,
            lost: false,
        }
    };
    let mut rack = Rack::default();
    rack.on_delivered(&run(8, 980), &told, &shaky);
    // It was sent 30 ms before, and comes with the one that overtook it.
    rack.on_delivered(&run(1, 950), &told, &shaky);
    let late = Duration::from_micros(33_750);
    assert_eq!(rack.window(&shaky, true), late, "what was seen, and an eighth");
    let (average, variation) = (steady.smoothed().unwrap(), steady.variation());
    assert_eq!(rack.window(&steady, true), average + variation * 4);
    assert!(rack.window(&steady, true) < Duration::from_millis(21));
}

/// Covers: RFC 8985 8985-7
#[test]
fn a_retransmission_that_is_lost_is_sent_once_more() {
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(0, &[(3, 10)]);
    assert_eq!(sender.repair(), [0, 1, 2]);
    sender.pass(5).send(5).pass(100);
    // What was sent after the three arrived, and only the second of them.
    let verdict = sender.ack(0, &[(10, 15), (1, 2), (3, 10)]);
    assert_eq!((verdict.lost, verdict.began), (2 * MSS, false), "the same recovery goes on");
    assert_eq!(sender.repair(), [0, 2]);
}

/// Covers: RFC 2018 2018-14; RFC 2883 2883-2
#[test]
fn blocks_that_mean_nothing_change_nothing() {
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(4, &[]);
    for blocks in [[(9, 11)], [(6, 5)], [(7, 7)], [(1, 3)], [(1, 6)], [(20, 30)]] {
        let verdict = sender.ack(4, &blocks);
        assert_eq!((verdict.delivered, sender.recovery.sacked()), (0, 0), "{blocks:?}");
    }
    assert_eq!(sender.recovery.figures().dsacks, 1, "{:?} arrived twice", (1, 3));
    // An old ACK: what it names first lies behind SND.UNA, and is no duplicate for that.
    let verdict = sender.ack(2, &[(3, 6)]);
    assert_eq!((verdict.delivered, sender.recovery.figures().dsacks), (2 * MSS, 1));
    // Within the second block it is one.
    sender.ack(4, &[(5, 6), (5, 8)]);
    assert_eq!(sender.recovery.figures().dsacks, 2);
}

/// Covers: RFC 8985 8985-9; RFC 2018 2018-8, 2018-13; RFC 6675 6675-1, 6675-3
#[test]
fn a_timeout_marks_the_first_and_the_old_and_never_what_was_sacked() {
    let mut sender = flying(6);
    sender.pass(100);
    sender.ack(0, &[(2, 3)]);
    sender.pass(190).send(4);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    assert_eq!(sender.recovery.phase(), Phase::Timeout);
    assert_eq!((sender.recovery.lost(), sender.recovery.in_flight()), (5 * MSS, 4 * MSS));
    assert_eq!(sender.repair(), [0, 1, 3, 4, 5]);
    sender.pass(100);
    // Loss below what was out at the timeout is no second recovery.
    let verdict = sender.ack(3, &[(6, 10)]);
    assert!(!verdict.began && sender.recovery.phase() == Phase::Timeout);
    sender.ack(10, &[]);
    assert_eq!(sender.recovery.phase(), Phase::Open);
}

/// Covers: RFC 2018 2018-8, 2018-9
#[test]
fn a_peer_that_thinks_better_of_what_it_had_is_sent_all_of_it_again() {
    let mut sender = flying(10);
    sender.pass(100);
    sender.ack(0, &[(1, 10)]);
    assert_eq!(sender.repair(), [0]);
    sender.pass(100);
    // It acknowledges the first, and not the second, which it had.
    assert!(!sender.ack(1, &[]).ended);
    assert_eq!(sender.repair(), Vec::<u32>::new());
    sender.pass(300);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    assert_eq!((sender.recovery.sacked(), sender.recovery.lost()), (0, 9 * MSS));
    assert_eq!(sender.repair(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    sender.pass(100);
    sender.ack(10, &[]);
    assert_eq!((sender.recovery.in_flight(), sender.recovery.phase()), (0, Phase::Open));
}

/// A segment of one octet each, and every other one SACKed: what an ACK costs does not grow with the number of holes.
#[test]
fn holes_of_one_octet_are_found_at_once_however_many_there_are() {
    let mut sender = Sender::new(true);
    for _ in 0..200_000 {
        let end = sender.nxt + 1;
        sender.recovery.on_sent(sender.now, sender.nxt, end);
        sender.nxt = end;
    }
    sender.pass(100);
    for hole in 0..100_000u32 {
        let start = sender.first + 2 * hole + 1;
        let blocks = [SackBlock { start, end: start + 1 }];
        let arrival = Arrival { blocks: &blocks, ..Arrival::of(sender.now, sender.first, MSS) };
        let verdict = sender.recovery.on_ack(&arrival, &mut sender.rtt);
        assert_eq!(verdict.delivered, 1);
        assert!(verdict.losses.len() <= 8, "at most what lies before it: {}", verdict.losses.len());
    }
    assert_eq!(sender.recovery.sacked(), 100_000);
    assert_eq!(sender.recovery.lost(), 100_000 - 1 + 1);
    sender.ack(200, &[]);
    assert_eq!(sender.recovery.in_flight(), 0);
}

/// A peer may cut what was sent into octets; the books do not grow with that.
#[test]
fn islands_of_one_octet_in_whole_segments_are_not_all_believed() {
    let mut sender = flying(100);
    sender.pass(100);
    for octet in 0..50_000u32 {
        let start = sender.first + 2 * octet;
        let blocks = [SackBlock { start, end: start + 1 }];
        let arrival = Arrival { blocks: &blocks, ..Arrival::of(sender.now, sender.first, MSS) };
        sender.recovery.on_ack(&arrival, &mut sender.rtt);
    }
    assert!(sender.recovery.ledger.entries() <= 2 * 218 + 2, "{}", sender.recovery.ledger.entries());
    sender.repair();
    sender.pass(100);
    sender.ack(100, &[]);
    assert_eq!((sender.recovery.in_flight(), sender.recovery.lost()), (0, 0));
}
