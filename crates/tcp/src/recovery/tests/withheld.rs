//! Who fills holes of itself is asked, and what its answers come to.

use super::*;
use crate::{Why, timestamp};

impl Sender {
    /// Segments go out, a hundred milliseconds apart, of which the first comes after the second, so many times over.
    fn reordered(&mut self, times: u32) -> &mut Self {
        for _ in 0..times {
            let first = self.nxt.wrapping_since(self.first) / MSS;
            self.send(2).pass(100);
            self.ack(first, &[(first + 1, first + 2)]);
            self.pass(40).ack(first + 2, &[]);
        }
        self
    }

    fn doubts(&mut self) -> bool {
        self.recovery.doubts(self.now, &self.rtt)
    }

    /// One is withheld and four follow it; the number of the first.
    fn withhold(&mut self) -> u32 {
        let held = self.nxt.wrapping_since(self.first) / MSS;
        let end = self.nxt + MSS;
        self.recovery.withhold(self.now, self.nxt, end);
        self.nxt = end;
        self.send(4);
        held
    }

    /// One is withheld, the peer tells of the hole, and it leaves; `millis` later all of it is acknowledged.
    fn asked(&mut self, millis: u64) {
        let held = self.withhold();
        self.pass(100).ack(held, &[(held + 1, held + 5)]);
        // It is due when the reordering window is over.
        let due = self.recovery.reorder_at().unwrap_or(self.now);
        let wait = due.since(self.now).as_millis() as u64;
        self.pass(wait + u64::from(wait > 0));
        let verdict = self.recovery.on_reordering_timeout(self.now, &self.rtt, None);
        assert!(!verdict.began && verdict.losses.is_empty());
        assert_eq!(self.repair(), [held]);
        self.pass(millis).ack(held + 5, &[]);
    }
}

#[test]
fn who_tells_of_eight_holes_that_fill_of_themselves_is_asked() {
    let mut sender = Sender::new(true);
    assert!(!sender.reordered(7).doubts());
    assert!(sender.reordered(1).doubts());
}

#[test]
fn without_sack_duplicates_that_no_copy_ended_count_as_well() {
    let mut sender = Sender::new(false);
    let claim = |sender: &mut Sender| {
        let first = sender.nxt.wrapping_since(sender.first) / MSS;
        sender.send(2).pass(100).ack(first, &[]);
        sender.pass(5).ack(first + 2, &[]);
    };
    (0..7).for_each(|_| claim(&mut sender));
    assert!(!sender.doubts());
    claim(&mut sender);
    assert!(sender.doubts());
}

/// Who offers little is asked all the same, some round trips later.
#[test]
fn a_question_waits_for_room_but_not_for_long() {
    let mut sender = Sender::new(true);
    sender.reordered(8);
    assert!(sender.doubts());
    let smoothed = sender.rtt.smoothed().expect("it was measured");
    for _ in 0..2 {
        let asks = |sender: &mut Sender| !sender.recovery.waits_to_ask(sender.now, &sender.rtt);
        assert!(!asks(&mut sender));
        sender.now += smoothed * 8 - Duration::from_nanos(1);
        assert!(!asks(&mut sender));
        sender.now += Duration::from_nanos(1);
        assert!(asks(&mut sender));
        sender.withhold();
    }
}

/// A hole that is ours looks like any other, for as long.
#[test]
fn what_is_withheld_leaves_when_it_would_were_it_lost() {
    let mut sender = Sender::new(true);
    sender.reordered(8);
    let window = sender.recovery.reordering_window(&sender.rtt);
    assert!(window >= Duration::from_millis(20), "{window:?}");
    let held = sender.withhold();
    let verdict = sender.pass(101).ack(held, &[(held + 1, held + 5)]);
    assert_eq!((verdict.resend, sender.repair()), (None, Vec::new()), "it may be late");
    let due = sender.recovery.reorder_at().expect("a timer runs");
    sender.now = due;
    let verdict = sender.recovery.on_reordering_timeout(due, &sender.rtt, None);
    assert_eq!((verdict.resend, verdict.began), (Some(Why::Withheld), false));
    assert_eq!(sender.repair(), [held]);
}

/// Who stood a test is asked less and less often, for it costs its user a round trip.
#[test]
fn an_honest_answer_makes_the_next_question_come_later() {
    let mut sender = Sender::new(true);
    assert!(sender.reordered(8).doubts());
    sender.asked(100);
    assert!(!sender.reordered(3).doubts(), "too few holes since");
    assert!(sender.reordered(5).doubts());
    sender.asked(100);
    sender.asked(100);
    // Sixteen round trips of a hundred milliseconds and more.
    assert!(!sender.reordered(8).doubts(), "too little time since");
    assert!(sender.reordered(8).doubts());
    assert!(!sender.recovery.is_liar());
}

#[test]
fn who_has_it_twice_before_it_can_have_come_is_found_out() {
    let mut sender = Sender::new(true);
    sender.reordered(8).asked(10);
    assert!(!sender.recovery.is_liar(), "a path may become shorter");
    sender.pass(1_000).asked(10);
    assert!(sender.recovery.is_liar());
}

/// Somewhat sooner than anything else may be chance: three times, and not four.
#[test]
fn who_is_always_somewhat_too_soon_widens_no_window_any_more() {
    let mut sender = Sender::new(true);
    sender.reordered(8);
    let narrow = sender.rtt.minimum().map(|least| least / 4);
    for n in 0..4 {
        let window = sender.recovery.reordering_window(&sender.rtt);
        assert!(Some(window) > narrow, "{n}: {window:?}");
        sender.pass(1_000).asked(80);
    }
    assert_eq!(Some(sender.recovery.reordering_window(&sender.rtt)), narrow);
    assert!(!sender.recovery.is_liar());
}

/// An echo of long before what was sent again would make the path look long.
#[test]
fn no_echo_measures_more_than_the_time_since_it_was_first_sent() {
    let mut sender = Sender::new(true);
    sender.send(10).pass(100);
    assert!(sender.ack(0, &[(4, 10)]).began);
    sender.repair();
    let long_ago = timestamp(sender.now, 0).wrapping_sub(60_000);
    let verdict = sender.pass(110).ack_with(10, &[], Some((long_ago, 0)));
    assert_eq!(verdict.round_trip, Some(Duration::from_millis(211)), "and a tick");
}
