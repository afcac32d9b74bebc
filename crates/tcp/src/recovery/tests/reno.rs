//! Without SACK: RFC 5681 §3.2, 6582 §3.2, 3042.

use super::*;
use crate::Why;

fn plain(segments: u32) -> Sender {
    let mut sender = Sender::new(false);
    sender.send(segments).pass(100);
    sender
}

fn lost(sender: &Sender) -> Option<(u32, u32)> {
    let (start, end) = sender.recovery.next_lost(1 << 16)?;
    Some((start.wrapping_since(sender.first) / MSS, end.wrapping_since(sender.first) / MSS))
}

/// Covers: RFC 5681 5681-18, 5681-22, 5681-23; RFC 9937 9937-2
#[test]
fn the_third_duplicate_marks_one_segment_and_each_one_counts_as_having_left() {
    let mut sender = plain(10);
    assert!(!sender.ack(0, &[]).began);
    assert!(!sender.ack(0, &[]).began);
    let verdict = sender.ack(0, &[]);
    assert!(verdict.began);
    assert_eq!((verdict.resend, lost(&sender)), (Some(Why::FastRetransmit), Some((0, 1))));
    assert_eq!(sender.recovery.in_flight(), 6 * MSS);
    sender.ack(0, &[]);
    assert_eq!(sender.recovery.in_flight(), 5 * MSS);
}

/// Covers: RFC 5681 5681-24; RFC 9937 9937-2
#[test]
fn forged_duplicates_cannot_make_more_leave_than_is_out() {
    let mut sender = plain(4);
    for _ in 0..1000 {
        sender.ack(0, &[]);
    }
    assert_eq!(sender.recovery.in_flight(), 0);
}

/// Covers: RFC 6582 6582-1
#[test]
fn a_partial_ack_marks_the_next_hole_and_a_full_one_ends_recovery() {
    let mut sender = plain(10);
    (0..3).for_each(|_| drop(sender.ack(0, &[])));
    assert_eq!(sender.repair(), [0]);
    sender.pass(100);
    let verdict = sender.ack(4, &[]);
    assert_eq!((verdict.resend, verdict.patient), (Some(Why::NextHole), false));
    assert_eq!(lost(&sender), Some((4, 5)));
    sender.repair();
    assert!(sender.ack(6, &[]).patient, "the timer runs on from the first partial ACK");
    sender.repair();
    assert!(sender.ack(10, &[]).ended);
    assert_eq!((sender.recovery.in_flight(), sender.recovery.phase()), (0, Phase::Open));
}

/// Covers: RFC 6582 6582-1; RFC 5681 5681-30
#[test]
fn duplicates_of_what_was_out_at_a_timeout_start_no_second_recovery() {
    let mut sender = plain(10);
    let losses = sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    assert_eq!(losses.iter().map(|loss| loss.octets).sum::<u32>(), 10 * MSS);
    assert_eq!(sender.recovery.in_flight(), 0);
    assert!((0..5).all(|_| !sender.ack(0, &[]).began));
    assert!(!sender.ack(10, &[]).ended);
    assert_eq!(sender.recovery.phase(), Phase::Open);
}

/// Covers: RFC 6582 6582-1
#[test]
fn after_gigabytes_without_loss_a_loss_is_still_seen() {
    let mut sender = plain(1);
    sender.ack(1, &[]);
    for _ in 0..5 {
        let end = sender.nxt + (1 << 29);
        sender.recovery.on_sent(sender.now, sender.nxt, end);
        (sender.first, sender.una, sender.nxt) = (end, end, end);
        assert_eq!(sender.ack(0, &[]).acked, 1 << 29);
    }
    sender.send(10);
    assert!((0..3).any(|_| sender.ack(0, &[]).began));
}

/// Covers: RFC 3042 3042-1; RFC 5681 5681-19, 5681-20, 5681-21
#[test]
fn the_first_two_duplicates_let_one_segment_out_each_and_flight_size_forgets_them() {
    let mut sender = plain(10);
    assert_eq!(sender.recovery.limited_transmit(MSS), 0);
    sender.ack(0, &[]);
    assert_eq!(sender.recovery.limited_transmit(MSS), MSS);
    sender.send(1).recovery.sent_limited(MSS);
    assert_eq!(sender.recovery.limited_transmit(MSS), 0);
    sender.ack(0, &[]);
    assert_eq!(sender.recovery.limited_transmit(MSS), MSS);
    assert_eq!(sender.recovery.flight_size(), 10 * MSS);
}

/// Covers: RFC 6298 6298-8; RFC 9293 MUST-18
#[test]
fn only_what_was_sent_once_gives_a_round_trip() {
    let mut sender = plain(2);
    sender.pass(300);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    sender.repair();
    sender.pass(80).send(1).pass(20);
    assert_eq!(sender.ack(1, &[]).round_trip, None, "no echo tells which one was answered");
    assert_eq!(
        sender.ack_with(2, &[], Some((crate::timestamp(sender.now, 7) - 90, 7))).round_trip,
        Some(Duration::from_millis(90))
    );
    assert_eq!(sender.ack(3, &[]).round_trip, Some(Duration::from_millis(20)));
}

/// Covers: RFC 5682 5682-1
#[test]
fn after_a_timeout_two_acks_that_move_on_prove_it_a_mistake_and_a_duplicate_proves_nothing() {
    for mistake in [true, false] {
        let mut sender = plain(10);
        sender.pass(300);
        sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
        let head = sender.seq(0);
        sender.recovery.on_resent(sender.now, head, head + MSS);
        sender.pass(10);
        let ack = Arrival { new_data: true, ..Arrival::of(sender.now, sender.seq(1), MSS) };
        assert_eq!(sender.recovery.on_ack(&ack, &mut sender.rtt).undone, None, "one proves nothing");
        assert_eq!(sender.recovery.next_lost(1 << 16), None, "new data goes first");
        sender.send(2).una = ack.ack;
        if mistake {
            let verdict = sender.ack(2, &[]);
            assert_eq!(verdict.undone, Some(crate::Undo::Frto));
            assert_eq!((sender.recovery.phase(), sender.recovery.lost()), (Phase::Open, 0));
        } else {
            assert_eq!(sender.ack(1, &[]).undone, None);
            assert_eq!(sender.ack(2, &[]).undone, None);
            assert_eq!(sender.recovery.phase(), Phase::Timeout);
            assert_eq!(sender.repair(), [2, 3, 4, 5, 6, 7, 8, 9]);
        }
    }
}
