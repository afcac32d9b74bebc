//! What marks let the window shrink to, over a round trip.

use super::*;

const TARGET: u32 = 7 * MSS;

/// Ten segments are out, the first is acknowledged with a mark, and what there is room for is sent.
fn marked() -> Sender {
    let mut sender = Sender::new(false);
    sender.send(10).pass(100);
    let verdict = sender.ack(1, &[]);
    sender.recovery.begin_marked_reduction(verdict.delivered, TARGET, MSS);
    sender
}

impl Sender {
    /// Sends as many segments as fit; how many that were.
    fn fill(&mut self) -> u32 {
        let room = self.recovery.window(TARGET).saturating_sub(self.recovery.in_flight()) / MSS;
        self.send(room);
        room
    }

    /// An ACK of everything before `segment`, marked or not, and how many segments follow.
    fn turn(&mut self, segment: u32, marked: bool) -> u32 {
        let verdict = self.ack(segment, &[]);
        self.recovery.reduce(&verdict, marked, TARGET, MSS);
        self.fill()
    }
}

/// Covers: RFC 3168 3168-10
#[test]
fn ten_segments_delivered_let_seven_out_and_none_of_them_waits_for_long() {
    let mut sender = marked();
    let mut sent = alloc::vec![sender.fill()];
    sent.extend((2..=9).map(|segment| sender.turn(segment, true)));
    assert_eq!(sent, [1, 1, 1, 0, 1, 1, 0, 0, 1]);
    assert!(sender.recovery.shrinks_for_marks());
    assert_eq!(sender.turn(10, false), 1);
    assert_eq!(sender.recovery.in_flight(), TARGET);
    assert!(!sender.recovery.shrinks_for_marks(), "all that was out is acknowledged");
    assert_eq!(sender.recovery.window(TARGET), TARGET);
}

#[test]
fn below_the_target_a_marked_ack_lets_out_what_it_delivered_and_another_a_segment_more() {
    let mut sender = Sender::new(false);
    sender.send(4).pass(100);
    let verdict = sender.ack(1, &[]);
    sender.recovery.begin_marked_reduction(verdict.delivered, TARGET, MSS);
    assert_eq!(sender.recovery.window(TARGET), 4 * MSS);
    assert_eq!((sender.fill(), sender.turn(2, true), sender.turn(3, false)), (1, 1, 2));
}

#[test]
fn with_nothing_out_and_after_a_loss_it_holds_nobody_up() {
    let mut sender = Sender::new(false);
    sender.send(1).pass(100);
    let verdict = sender.ack(1, &[]);
    sender.recovery.begin_marked_reduction(verdict.delivered, TARGET, MSS);
    assert!(!sender.recovery.shrinks_for_marks());
    let mut sender = marked();
    sender.pass(1_000);
    sender.recovery.on_timeout(sender.now, &sender.rtt, MSS);
    assert!(!sender.recovery.shrinks_for_marks());
    assert_eq!(sender.recovery.window(MSS), MSS);
}
