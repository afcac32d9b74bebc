//! Sixth to eighth step of SEGMENT ARRIVES: urgent data, text, FIN (RFC 9293 §3.10.7.4).
//!
//! ```text
//!                RCV.NXT                      FIN or right edge
//!    ┌──────────────┼──────────────────────────────┼───────────┐
//!    │ came before: │ begins here: in order, with  │ cut off   │  segment
//!    │ D-SACK       │ the islands that it reaches; │           │
//!    │              │ begins later: reassembly     │           │
//!    └──────────────┴──────────────────────────────┴───────────┘
//! ```

use super::{Place, ReceiveHalf, Taken, Twice, narrow, part};
use crate::{Discard, Segment, Why};
use core::num::NonZeroU64;
use core::ops::Range;
use env::Instant;
use wire::tcp::Flags;

/// Islands that one ACK tells of whatever other options it has. What waited for more than these would never be told.
const TOLD_AT_ONCE: usize = 3;

impl ReceiveHalf {
    /// Takes the text and the FIN of an acceptable segment (RFC 9293 §3.10.7.4, seventh and eighth step).
    ///
    /// Trims what lies outside the window (9293-E10) or after the FIN (9293-E25), queues what comes above a hole
    /// (SHLD-31), and decides on the ACK. A train counts as its segments.
    pub(crate) fn take_text(&mut self, now: Instant, segment: &Segment) -> Taken {
        let start = self.place(segment.payload_seq());
        let end = start + segment.payload.len() as u64;
        let fin = segment.has(Flags::FIN);
        if end == start && !fin {
            return Taken::default();
        }
        let size = segment.segment_size.map_or(segment.payload.len(), |size| usize::from(size.get()));
        let new_size = self.policy.saw(u32::try_from(size).unwrap_or(u32::MAX), self.mss);
        if let (Some(account), true) = (&mut self.account, new_size) {
            account.learn(segment.payload.len(), segment.payload.held());
        }

        let (edge, mut discard) = self.reach(start, end);
        if discard.is_some() {
            self.policy.demand(Why::OutsideWindow);
        }
        let last = match self.fin {
            Some(fin) if end > fin => {
                discard = Some(Discard::AfterFin);
                fin.min(edge)
            }
            _ => {
                let numbers = end + u64::from(fin && !self.whole);
                if numbers > edge && discard.is_none() {
                    discard = Some(Discard::OutsideWindow);
                    self.policy.demand(Why::OutsideWindow);
                }
                edge
            }
        };
        let kept = start.max(self.nxt)..end.min(last);
        let reported = self.duplicate.take();
        if start < self.nxt {
            self.saw_duplicate(start..end.min(self.nxt));
        }
        // A FIN inside the window ends the stream, unless the stream is known to end, or to go on, elsewhere; and so does one
        // at its edge, for it needs no room, where segments are not cut.
        let fits = end < edge || self.whole && end == edge;
        let fin_is_new = fin && self.fin.is_none() && fits && end >= self.nxt;
        if fin_is_new {
            self.fin = Some(end);
            if let Some(mut queue) = self.queue.take() {
                queue.cut(end);
                self.queue = Some(queue).filter(|queue| !queue.is_empty());
            }
        }
        if kept.is_empty() && !fin_is_new {
            if discard.is_none() {
                discard = Some(Discard::Duplicate);
            }
            if discard == Some(Discard::Duplicate) {
                self.policy.demand(Why::Duplicate);
            }
            self.duplicate = self.duplicate.take().or(reported);
            return Taken { discard, ..Taken::default() };
        }

        let before = self.nxt;
        if kept.start == self.nxt {
            self.take_in_order(now, segment, start, kept);
        } else {
            discard = self.take_out_of_order(now, segment, start, kept).or(discard);
        }
        let delivered = narrow(self.nxt - before);
        let fin = self.take_fin(now);
        self.duplicate = self.duplicate.take().or(reported);
        Taken { delivered, fin, discard }
    }

    /// How far text from `start` to `end` may reach, and why it counts for nothing if it does.
    ///
    /// To the furthest edge ever offered, or to its own end if it is not to be cut. Where memory is counted there may be none: a
    /// buffer that was made smaller is fuller than it may be, and the window shuts until somebody reads. Then the numbers up
    /// to the edge are good, for what was on its way (RFC 7323 §2.4, 7323-9), and text is not.
    fn reach(&mut self, start: Place, end: Place) -> (Place, Option<Discard>) {
        let edge = self.edge();
        if self.account.is_some() && end > start {
            let (told, nxt) = (self.offer.told().max(self.nxt), self.nxt);
            if start > nxt && start >= told {
                return (nxt, Some(Discard::OutsideWindow));
            }
            if end > nxt && told == nxt {
                return (nxt, Some(Discard::WindowShut));
            }
            if end > nxt && self.waiting() > self.octets() && !self.ready.is_empty() {
                self.offer.retract(nxt);
                return (nxt, Some(Discard::NoMemory));
            }
        }
        let whole = self.whole && edge > self.nxt;
        (if whole { edge.max(end) } else { edge }, None)
    }

    /// So many octets are new: where memory is counted they widen the window.
    fn earn(&mut self, octets: u64) {
        if self.account.is_some() {
            let free = self.octets().saturating_sub(self.waiting());
            let mss = self.mss;
            if let Some(account) = &mut self.account {
                account.earn(narrow(octets), mss, free);
            }
        }
    }

    /// Text that begins at RCV.NXT, and the islands that it reaches.
    fn take_in_order(&mut self, now: Instant, segment: &Segment, start: Place, kept: Range<Place>) {
        if !segment.has(Flags::SYN) {
            self.earn(kept.end.saturating_sub(self.nxt.max(kept.start)));
        }
        let fills = self.queue.is_some() && !kept.is_empty();
        let repeats = start < self.nxt;
        if segment.has(Flags::PSH) {
            self.push = self.push.max(kept.end);
        }
        if let Some(mut queue) = self.queue.take() {
            while let Some(first) = queue.first().filter(|&first| first <= kept.end) {
                self.ready.push(part(&segment.payload, start, self.nxt..first));
                let Some((island, rope)) = queue.pop_first() else { break };
                self.saw_duplicate(island.start..island.end.min(kept.end));
                self.ready.append(rope);
                self.nxt = island.end;
            }
            if queue.push <= self.nxt.max(kept.end) {
                self.push = self.push.max(queue.push);
            }
            self.queue = Some(queue).filter(|queue| !queue.is_empty());
        }
        if self.nxt < kept.end {
            if self.nxt == start && kept.end - start == segment.payload.len() as u64 {
                self.ready.push_from(&segment.payload); // All of it, as a rule.
            } else {
                self.ready.push(part(&segment.payload, start, self.nxt..kept.end));
            }
            self.nxt = kept.end;
        }
        if fills {
            self.policy.new_hole();
            self.policy.demand(Why::FillsHole); // RFC 5681 §4.2, 5681-17
        } else if repeats {
            self.policy.demand(Why::Duplicate); // It reports the duplicate (RFC 2883 §4).
        } else if !kept.is_empty() && self.is_short() {
            self.policy.in_order_and_short(now);
        } else if !kept.is_empty() {
            // Half a buffer is all that some peers can send before they wait for us.
            let enough = u64::from(self.policy.rmss()).saturating_mul(2).min(u64::from(self.octets() / 2));
            self.policy.in_order(now, segment.count(), self.nxt - self.acked, enough);
        }
        if !kept.is_empty() && !segment.has(Flags::SYN) {
            self.policy.heard(now);
        }
    }

    /// Text, or a FIN, above a hole.
    fn take_out_of_order(
        &mut self,
        now: Instant,
        segment: &Segment,
        start: Place,
        kept: Range<Place>,
    ) -> Option<Discard> {
        if self.queue.is_none() {
            self.policy.new_hole();
        }
        let discard = self.put_above_a_hole(segment, start, kept);
        let untold = self.queue.as_ref().map_or(0, |queue| queue.untold());
        let may_wait = self.sack
            && discard.is_none()
            && self.duplicate.is_none()
            && untold < TOLD_AT_ONCE
            && !segment.has(Flags::FIN);
        if may_wait && self.policy.report(now) {
            return None;
        }
        // With SACK a sender counts octets, and all of them are told by one ACK; without, duplicate ACKs.
        let answers = if self.sack { 1 } else { segment.count() };
        self.policy.out_of_order(answers); // RFC 5681 §4.2, 5681-16; RFC 9293 MAY-13
        if discard == Some(Discard::Duplicate) {
            self.policy.demand(Why::Duplicate);
        }
        discard
    }

    /// Keeps text that came above a hole, and says why if not.
    fn put_above_a_hole(&mut self, segment: &Segment, start: Place, kept: Range<Place>) -> Option<Discard> {
        if kept.is_empty() {
            return None; // A FIN alone.
        }
        let mut queue = self.queue.take().unwrap_or_default();
        let text = part(&segment.payload, start, kept.clone());
        let queued = queue.insert(kept.start, &text, self.buffer);
        if segment.has(Flags::PSH) && queued.is_ok() {
            queue.push = queue.push.max(kept.end);
        }
        self.queue = Some(queue).filter(|queue| !queue.is_empty());
        match queued {
            Err(discard) => Some(discard),
            Ok(queued) => {
                let nothing_new = queued.new == 0;
                self.earn(queued.new as u64);
                if let Some(duplicate) = queued.duplicate {
                    self.saw_duplicate(duplicate);
                }
                nothing_new.then_some(Discard::Duplicate)
            }
        }
    }

    /// Eighth step: moves RCV.NXT over a FIN that is in order now.
    fn take_fin(&mut self, now: Instant) -> bool {
        if self.fin != Some(self.nxt) {
            return false;
        }
        self.nxt += 1;
        if self.fin_ends_reports {
            self.duplicate = None;
        }
        self.policy.fin(now, self.nxt - self.acked);
        if self.window() == 0 {
            // Who sends it against a shut window sends it again and again.
            self.policy.demand(Why::AcknowledgesFin);
        }
        true
    }

    /// Sixth step: takes the urgent pointer, and says whether the user is to be told: urgent data begins, or its end
    /// moved on (RFC 9293 MUST-32).
    ///
    /// The pointer is to the octet after the urgent data (MUST-62, 6093-4), however long that is (MUST-31, 6093-5). Its
    /// octets stay in the stream (RFC 6093 §6).
    pub(crate) fn take_urgent(&mut self, segment: &Segment) -> bool {
        if !segment.has(Flags::URG) || self.fin_received() {
            return false;
        }
        let pointer = self.place(segment.header.seq) + u64::from(segment.header.urgent);
        let advances = pointer > self.urgent.max(self.read());
        if advances {
            self.urgent = pointer;
        }
        advances
    }

    /// A segment was dropped for its timestamp. What of it is here already is told like any duplicate (RFC 2883 §4): it was
    /// held back while a copy of it overtook it, and its sender learns only from this that the copy was not needed.
    pub(crate) fn saw_old(&mut self, segment: &Segment) {
        let start = self.place(segment.payload_seq());
        let end = start + segment.payload.len() as u64;
        self.saw_duplicate(start..end.min(self.nxt));
    }

    /// Remembers a run of octets that came twice; the first of a segment counts (RFC 2883 §4).
    pub(super) fn saw_duplicate(&mut self, octets: Range<Place>) {
        if self.sack && self.duplicate.is_none() && !octets.is_empty() {
            self.duplicate = NonZeroU64::new(octets.start).map(|start| Twice { start, end: octets.end });
        }
    }
}
