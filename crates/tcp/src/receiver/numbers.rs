//! Where segments lie: places, the window, and the first step of SEGMENT ARRIVES (RFC 9293 §3.4, §3.10.7.4).
//!
//! ```text
//!            IRS = 2^32            RCV.NXT                      right edge
//!    ───────────┼─────────────────────┼─────────────────────────────┼──────────►  places
//!               │      duplicate      │         acceptable          │ beyond
//! ```

use super::{Place, ReceiveHalf, narrow};
use crate::{Discard, Segment, Why};
use wire::SeqNum;

/// The first step's verdict on a segment's numbers (RFC 9293 §3.10.7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptability {
    /// Some of it lies in the window, or it is at RCV.NXT of a closed window and its ACK, URG and RST count.
    Acceptable,
    /// It lies before RCV.NXT.
    Duplicate,
    /// It lies beyond the window.
    BeyondWindow,
}

/// The sequence space.
impl ReceiveHalf {
    /// RCV.NXT.
    pub(crate) fn nxt(&self) -> SeqNum {
        self.number(self.nxt)
    }

    /// RCV.WND: octets from RCV.NXT to the furthest edge ever offered.
    pub(crate) fn window(&self) -> u32 {
        narrow(self.edge() - self.nxt)
    }

    /// The furthest edge ever offered (RFC 7323 7323-10); it never moves back (RFC 9293 SHLD-14).
    pub(crate) fn right_edge(&self) -> SeqNum {
        self.number(self.edge())
    }

    /// The place of [`Self::right_edge`]. What was taken beyond it moves it on: a FIN, or a segment that is taken whole.
    pub(super) fn edge(&self) -> Place {
        self.offer.edge().max(self.nxt)
    }

    /// First step: whether a segment of `len` numbers from `seq` on may be looked at (RFC 9293 §3.10.7.4, 9293-E9).
    ///
    /// The RFC's four cases, with two additions that only add segments. An empty segment at the right edge counts:
    /// it is what a peer sends that has filled our window, and two such peers with a hole each would else answer
    /// each other's ACKs for ever. And a segment that covers the whole window counts, though neither of its ends lies
    /// inside. At RCV.NXT of a closed window anything counts, for the sake of its ACK, URG and RST (MUST-66):
    /// [`Self::take_text`] takes none of its text then.
    pub(crate) fn check(&self, seq: SeqNum, len: u32) -> Acceptability {
        let (start, edge) = (self.place(seq), self.edge());
        let end = start + u64::from(len);
        let covers = if len == 0 || edge == self.nxt {
            (self.nxt..=edge).contains(&start)
        } else {
            start < edge && end > self.nxt
        };
        if covers {
            Acceptability::Acceptable
        } else if start < self.nxt {
            Acceptability::Duplicate
        } else {
            Acceptability::BeyondWindow
        }
    }

    /// Whether a segment that [`check`](Self::check) found acceptable reaches beyond an open window and shall not be cut there:
    /// where something waits to be read already, there is no room for all of it. A FIN needs none.
    pub(crate) fn overshoots(&self, segment: &Segment) -> bool {
        let end = self.place(segment.payload_seq()) + segment.payload.len() as u64;
        self.whole && end > self.edge() && self.window() > 0 && !self.ready.is_empty()
    }

    /// Owes the ACK that an unacceptable segment draws (RFC 9293 §3.10.7.4, first step), remembers a duplicate so
    /// that it is reported (RFC 2883 §4), and names the discard. Not for RST, which draws nothing.
    pub(crate) fn refuse(&mut self, verdict: Acceptability, segment: &Segment) -> Option<Discard> {
        match verdict {
            Acceptability::Acceptable => None,
            Acceptability::Duplicate => {
                let start = self.place(segment.payload_seq());
                let end = start + segment.payload.len() as u64;
                self.duplicate = None;
                self.saw_duplicate(start..end.min(self.nxt));
                self.demand_ack(Why::Duplicate);
                Some(Discard::Duplicate)
            }
            Acceptability::BeyondWindow => {
                self.demand_ack(Why::OutsideWindow);
                Some(Discard::OutsideWindow)
            }
        }
    }

    /// The buffer grows by so many octets, as far as it may at all, and so does a window that the peer was not told of yet.
    pub(crate) fn grow_by(&mut self, octets: u32) {
        if self.account.is_some() {
            return self.offer.extend(octets); // The window is as wide as what came with a SYN has earned: not wider.
        }
        let grown = self.tuning.limited(self.buffer.saturating_add(octets)).max(self.buffer);
        self.offer.extend(grown - self.buffer);
        self.buffer = grown;
    }

    /// The SYN,ACK of a simultaneous Fast Open: its SYN is a number that we have, and drawn an ACK by like any other (RFC
    /// 9293 §3.10.7.4, first step).
    pub(crate) fn saw_syn_again(&mut self) {
        self.duplicate = None;
        self.saw_duplicate(self.nxt - 1..self.nxt);
        self.demand_ack(Why::Duplicate);
    }

    /// The place of `seq`, on the shorter way round from RCV.NXT.
    pub(super) fn place(&self, seq: SeqNum) -> Place {
        let from_nxt = seq.wrapping_since(self.nxt()) as i32;
        self.nxt.saturating_add_signed(i64::from(from_nxt))
    }

    pub(super) fn number(&self, place: Place) -> SeqNum {
        // Dropping the upper half is what makes a place a number again; ORIGIN drops out with it.
        self.irs + place as u32
    }
}
