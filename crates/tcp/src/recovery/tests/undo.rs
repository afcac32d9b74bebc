//! What was a mistake: RFC 2883, 3522, 4015, 5682, and RFC 8985 §7.4.

use super::*;
use crate::{Undo, timestamp};

/// The offset of our timestamp clock.
const OFFSET: u32 = 77;

fn echo(at: Instant) -> Option<(u32, u32)> {
    Some((timestamp(at, OFFSET), OFFSET))
}

/// Four of ten seem lost, and were only late.
fn mistaken() -> Sender {
    let mut sender = Sender::new(true);
    sender.send(10).pass(100);
    assert!(sender.ack(0, &[(4, 10)]).began);
    assert_eq!(sender.repair(), [0, 1, 2, 3]);
    sender
}

/// What arrives 30 ms after it was sent again left 130 ms ago: no round trip of the copy is over.
#[test]
fn what_was_sent_again_needlessly_is_a_sample_of_its_first_flight() {
    let needless = |pass, echo: Option<(u32, u32)>| {
        let mut sender = mistaken();
        let first = sender.recovery.delivered() - u64::from(6 * MSS);
        sender.pass(pass);
        let rate = sender.ack_with(4, &[(4, 10)], echo).rate.expect("four were delivered");
        (rate.prior_delivered - first, rate.delivered, rate.interval.as_millis())
    };
    let original = (0, u64::from(10 * MSS), 130);
    assert_eq!(needless(30, None), original, "sooner than any round trip");
    let sent = Sender::new(true).now;
    let original = (0, u64::from(10 * MSS), 210);
    assert_eq!(needless(110, echo(sent)), original, "the echo is of the original");
    let copy = needless(110, echo(sent + Duration::from_millis(100)));
    assert_eq!(copy, (u64::from(6 * MSS), u64::from(4 * MSS), 110), "nothing speaks against the copy");
}

#[test]
fn dsacks_of_all_that_was_sent_again_undo_it_even_when_recovery_is_over() {
    let mut sender = mistaken();
    sender.pass(30);
    assert!(sender.ack(10, &[]).ended);
    sender.send(5).pass(70);
    for segment in 0..3 {
        assert_eq!(sender.ack(10, &[(segment, segment + 1)]).undone, None, "{segment}");
        // The same again proves nothing of the others.
        assert_eq!(sender.ack(10, &[(segment, segment + 1)]).undone, None);
    }
    assert_eq!(sender.ack(10, &[(3, 4)]).undone, Some(Undo::DuplicateSack));
    assert_eq!(sender.recovery.figures().undone, 1);
}

/// What is late by more than a round trip makes the next episode begin before the last one is known to be a mistake.
#[test]
fn an_episode_in_doubt_is_undone_after_the_next_one_was() {
    // Of the first, all but one are proven; another begins.
    let second = || {
        let mut sender = mistaken();
        sender.pass(30);
        assert!(sender.ack(10, &[]).ended);
        sender.send(10);
        for segment in 0..3 {
            sender.ack(10, &[(segment, segment + 1)]);
        }
        sender.pass(150);
        let verdict = sender.ack(10, &[(14, 20)]);
        assert!(verdict.began && verdict.undone.is_none());
        assert_eq!(sender.repair(), [10, 11, 12, 13]);
        sender.pass(30);
        sender
    };
    // Its last proof comes first: both are undone at once.
    let mut sender = second();
    assert_eq!(sender.ack(10, &[(3, 4), (14, 20)]).undone, None);
    assert!(sender.ack(20, &[]).ended);
    for segment in 10..13 {
        assert_eq!(sender.ack(20, &[(segment, segment + 1)]).undone, None);
    }
    let verdict = sender.ack(20, &[(13, 14)]);
    assert_eq!((verdict.undone, verdict.undone_before), (Some(Undo::DuplicateSack), 1));
    assert_eq!(sender.recovery.figures().undone, 2);
    // It comes last: one after the other.
    let mut sender = second();
    assert!(sender.ack(20, &[]).ended);
    for segment in 10..13 {
        sender.ack(20, &[(segment, segment + 1)]);
    }
    let verdict = sender.ack(20, &[(13, 14)]);
    assert_eq!((verdict.undone, verdict.undone_before), (Some(Undo::DuplicateSack), 0));
    let verdict = sender.ack(20, &[(3, 4)]);
    assert_eq!((verdict.undone, verdict.undone_before), (Some(Undo::DuplicateSack), 0));
    // What was truly lost in the second keeps both: the window of the first is not to be had without the second's.
    let mut sender = second();
    sender.ack(10, &[(3, 4), (14, 20)]);
    assert!(sender.ack(20, &[]).ended);
    sender.send(2).pass(100);
    assert_eq!(sender.ack(22, &[]).undone, None);
    assert_eq!(sender.recovery.figures().undone, 0);
}

/// Where something was seen to come 20 ms late, copies and originals may as well: what is told meanwhile still counts.
#[test]
fn a_dsack_that_is_as_late_as_segments_are_undoes_what_ended_a_round_trip_ago() {
    for (late, undone) in [(10, Some(Undo::DuplicateSack)), (30, None)] {
        let mut sender = Sender::new(true);
        sender.send(3).pass(100);
        assert!(!sender.ack(0, &[(1, 3)]).began);
        sender.pass(20).ack(3, &[]);
        sender.send(10).pass(100);
        sender.ack(3, &[(7, 13)]);
        sender.pass(30);
        assert!(sender.ack(3, &[(7, 13)]).began);
        assert_eq!(sender.repair(), [3, 4, 5, 6]);
        sender.pass(10);
        assert!(sender.ack(13, &[]).ended);
        sender.send(5).pass(100);
        assert_eq!(sender.ack(18, &[]).undone, None);
        // Another ACK looks whether it is time to forget.
        sender.send(1).pass(late).ack(18, &[(18, 19)]);
        for segment in 3..6 {
            assert_eq!(sender.ack(18, &[(segment, segment + 1)]).undone, None);
        }
        assert_eq!(sender.ack(18, &[(6, 7)]).undone, undone, "{late} ms");
    }
}

#[test]
fn one_that_was_truly_lost_keeps_the_reduction() {
    let mut sender = mistaken();
    sender.pass(30);
    sender.ack(3, &[(4, 10)]);
    sender.pass(70);
    for segment in 0..3 {
        sender.ack(3, &[(segment, segment + 1), (4, 10)]);
    }
    assert!(sender.ack(10, &[]).ended);
    assert_eq!(sender.recovery.figures().undone, 0);
    // What comes later than what was sent afterwards is about something else.
    sender.send(2).pass(100);
    sender.ack(11, &[]);
    assert_eq!(sender.ack(11, &[(3, 4)]).undone, None);
}

#[test]
fn an_echo_of_the_original_undoes_it_at_once_and_teaches_how_late_it_was() {
    let mut sender = Sender::new(true);
    let sent = sender.now;
    sender.send(10).pass(100);
    sender.ack(0, &[(1, 10)]);
    assert_eq!(sender.repair(), [0]);
    sender.pass(40);
    assert_eq!(sender.ack_with(10, &[], echo(sent)).undone, Some(Undo::Eifel));
    assert_eq!(sender.recovery.phase(), Phase::Open);
    // It came 40 ms after the others: nothing that is as late is sent again.
    assert!(sender.recovery.reordering_window(&sender.rtt) >= Duration::from_millis(40));
    // An echo of what was sent again undoes nothing, nor does one of the same millisecond.
    for late in [0, 1] {
        let mut sender = Sender::new(true);
        sender.send(10).pass(100);
        sender.ack(0, &[(1, 10)]);
        sender.repair();
        let again = sender.now + Duration::from_millis(late);
        sender.pass(100);
        assert_eq!(sender.ack_with(10, &[], echo(again)).undone, None);
    }
}

#[test]
fn what_arrives_before_it_was_sent_again_was_never_lost() {
    let mut sender = Sender::new(true);
    sender.send(10).pass(100);
    assert!(sender.ack(0, &[(1, 10)]).began);
    sender.pass(1);
    assert_eq!(sender.ack(10, &[]).undone, Some(Undo::Arrived));
}

/// Covers: RFC 5682 5682-1
#[test]
fn after_a_timeout_a_sack_of_what_was_never_sent_again_proves_it_a_mistake() {
    let mut sender = Sender::new(true);
    sender.send(10).pass(400);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    let head = sender.seq(0);
    sender.recovery.on_resent(sender.now, head, head + MSS);
    sender.pass(20);
    let verdict = sender.ack(0, &[(1, 2)]);
    assert_eq!((verdict.undone, sender.recovery.lost()), (Some(Undo::Frto), 0));
    // Nothing else is sent again for it.
    assert_eq!(sender.recovery.next_lost(1 << 16), None);
    assert_eq!(sender.recovery.in_flight(), 9 * MSS);
}

/// Covers: RFC 5682 5682-1
#[test]
fn a_timeout_in_recovery_is_believed() {
    let mut sender = mistaken();
    sender.pass(400);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    let head = sender.seq(0);
    sender.recovery.on_resent(sender.now, head, head + MSS);
    sender.send(1).pass(100);
    assert_eq!(sender.ack(1, &[(2, 3), (4, 11)]).undone, None);
    assert_eq!(sender.recovery.phase(), Phase::Timeout);
}

/// Of three that recovery believes lost, only the first was sent again as the timer expires: a SACK of the second would prove a
/// timeout that nothing had preceded a mistake.
///
/// Covers: RFC 5682 5682-1
#[test]
fn a_timeout_in_fast_recovery_is_no_mistake_whatever_arrives() {
    let outcome = |recovering: bool| {
        let mut sender = Sender::new(true);
        sender.send(10).pass(100);
        let head = sender.seq(0);
        if recovering {
            assert!(sender.ack(0, &[(3, 10)]).began);
            sender.recovery.on_resent(sender.now, head, head + MSS);
        }
        sender.pass(300);
        sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
        sender.recovery.on_resent(sender.now, head, head + MSS);
        sender.pass(20).ack(0, &[(1, 2), (3, 10)]).undone
    };
    assert_eq!([false, true].map(outcome), [Some(Undo::Frto), None]);
}

/// Step 3b of RFC 5682 §2.1 asks for an ACK of what was sent before the timeout: one that covers new data too may answer what was
/// sent again.
///
/// Covers: RFC 5682 5682-1
#[test]
fn an_ack_that_reaches_what_was_sent_after_a_timeout_proves_nothing() {
    let outcome = |ack| {
        let mut sender = Sender::new(false);
        sender.send(4).pass(400);
        sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
        let head = sender.seq(0);
        sender.recovery.on_resent(sender.now, head, head + MSS);
        sender.pass(20);
        let first = Arrival { new_data: true, ..Arrival::of(sender.now, sender.seq(1), MSS) };
        assert_eq!(sender.recovery.on_ack(&first, &mut sender.rtt).undone, None);
        sender.una = sender.seq(1);
        assert_eq!(sender.recovery.next_lost(1 << 16), None, "new data goes first");
        sender.send(2).pass(100).ack(ack, &[]).undone
    };
    assert_eq!(
        [2, 3, 4, 5, 6].map(outcome),
        [Some(Undo::Frto), Some(Undo::Frto), Some(Undo::Frto), None, None]
    );
}

#[test]
fn dsacks_beyond_what_was_ever_sent_again_teach_nothing() {
    let mut sender = Sender::new(true);
    sender.send(10).pass(100);
    sender.ack(10, &[]);
    let before = sender.recovery.reordering_window(&sender.rtt);
    for n in 0..50 {
        sender.send(1).pass(100);
        sender.ack(11 + n, &[(n, n + 1)]);
    }
    assert_eq!(sender.recovery.reordering_window(&sender.rtt), before);
    assert_eq!(sender.recovery.figures().dsacks, 50);
}

/// Covers: RFC 8985 8985-10, 8985-12
#[test]
fn a_probe_waits_for_silence_and_not_for_what_sack_tells() {
    let mut sender = Sender::new(true);
    let may = |sender: &Sender| sender.recovery.probe_interval(&sender.rtt, MSS).is_some();
    assert!(!may(&sender), "nothing is out");
    sender.send(4);
    assert!(may(&sender));
    sender.pass(100);
    sender.ack(1, &[]);
    assert!(may(&sender));
    sender.ack(1, &[(2, 3)]);
    assert!(!may(&sender), "SACK tells more");
    sender.ack(4, &[]);
    sender.send(2);
    sender.recovery.on_probe(false);
    assert!(!may(&sender), "one at a time");
    sender.pass(100);
    sender.ack(6, &[]);
    sender.send(4);
    assert!(may(&sender));
    sender.pass(300);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    assert!(!may(&sender), "loss is being repaired");
    let mut plain = Sender::new(false);
    plain.send(4);
    assert!(!may(&plain), "without SACK its answer would tell nothing");
}

/// The first of sixteen was sent again, needlessly, and so were those that follow the tenth held back, up to `arrived`.
fn with_victims(arrived: u32) -> Sender {
    let mut sender = Sender::new(true);
    let sent = sender.now;
    sender.send(10).pass(50).send(6).pass(50);
    assert!(sender.ack(0, &[(1, 10)]).began);
    assert_eq!(sender.repair(), [0]);
    assert_eq!(sender.pass(40).ack_with(10, &[], echo(sent)).undone, Some(Undo::Eifel));
    assert!(!sender.pass(10).ack(10, &[(arrived, 16)]).began, "they may be late");
    sender.pass(400);
    sender
}

#[test]
fn what_a_needless_copy_made_the_receiver_drop_is_sent_again_and_no_recovery_begins() {
    let mut sender = with_victims(12);
    let verdict = sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None);
    assert!(!verdict.began && verdict.lost == 0 && verdict.losses.is_empty());
    assert_eq!((sender.recovery.phase(), sender.repair().as_slice()), (Phase::Open, [10, 11].as_slice()));
    assert!(sender.pass(100).ack(16, &[]).advanced);
    // What is sent afterwards is no victim of it.
    sender.send(4).pass(100);
    assert!(!sender.ack(16, &[(17, 20)]).began);
    sender.pass(400);
    assert!(sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None).began);
}

#[test]
fn more_than_an_eighth_of_what_was_out_is_congestion_after_a_mistake_too() {
    let mut sender = with_victims(13);
    let verdict = sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None);
    assert!(verdict.began);
    assert_eq!(verdict.lost, 3 * MSS);
}

/// Covers: RFC 7323 7323-17, 7323-25
#[test]
fn where_segments_come_late_copies_carry_the_time_of_what_they_overtake_and_an_echo_of_the_original_still_tells()
 {
    let mut sender = Sender::new(true);
    assert_eq!(sender.recovery.stamp(sender.now), sender.now);
    let sent = sender.now;
    sender.send(10).pass(100);
    sender.ack(0, &[(1, 10)]);
    assert_eq!(sender.repair(), [0]);
    assert_eq!(sender.pass(40).ack_with(10, &[], echo(sent)).undone, Some(Undo::Eifel));
    // It was 40 ms late: what leaves in some hundred milliseconds carries the same time.
    let shown = sender.recovery.stamp(sender.now);
    let before = sender.pass(10).now;
    assert_eq!(sender.recovery.stamp(before), shown);
    sender.send(10).pass(100).ack(10, &[(11, 20)]);
    sender.pass(100);
    assert!(sender.recovery.on_reordering_timeout(sender.now, &sender.rtt, None).began);
    let again = sender.recovery.stamp(sender.now);
    assert_eq!(again, shown, "the clock rests while loss is repaired");
    assert_eq!(sender.repair(), [10]);
    // The copy's echo is no proof that the original came, and measures nothing.
    let verdict = sender.pass(100).ack_with(20, &[], echo(again));
    assert_eq!((verdict.undone, verdict.round_trip), (None, None));
}
