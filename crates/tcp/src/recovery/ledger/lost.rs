//! What is marked as lost, and what of that is sent again first (RFC 6675 §4).
//!
//! ```text
//!   flies ── its time is over, or a timeout ──► lost ── sent again ──► flies again
//!     ▲                                          │
//!     └────────── it was a mistake ◄─────────────┘          SACKed ── the peer thought better of it ──► lost
//! ```

use super::super::Place;
use super::super::pieces::{Piece, What};
use super::super::rate::Snapshot;
use super::Ledger;
use crate::cost::step;
use env::Instant;
use wire::SeqNum;

impl Ledger {
    /// Marks what is out of `start..end` and not SACKed as lost, and tells of what was not marked before.
    pub(crate) fn mark_lost(&mut self, start: Place, end: Place, tell: &mut dyn FnMut(u32, &Snapshot)) {
        let (start, end) = (start.max(self.una), end.min(self.nxt));
        if start >= end {
            return;
        }
        let mut holes = self.holes.take().unwrap_or_default();
        holes.pieces.cut(start);
        holes.pieces.cut(end);
        let mut at = start;
        while let Some((to, piece)) = holes.pieces.run(at, end) {
            match piece {
                None => {
                    self.tell_trains(at, to, tell);
                    holes.pieces.insert(at, first_lost(to));
                }
                Some(piece) if piece.what == What::Again => {
                    tell((to - at) as u32, &piece.snapshot);
                    holes.pieces.remove(at);
                    holes.pieces.insert(at, Piece { what: What::Lost, ..piece });
                }
                Some(_) => {}
            }
            at = to;
        }
        holes.pieces.join(end);
        self.holes = Some(holes);
    }

    /// Tells of `start..end`, which flew as it was first sent, train by train.
    fn tell_trains(&self, start: Place, end: Place, tell: &mut dyn FnMut(u32, &Snapshot)) {
        let first = self.trains.partition_point(|train| train.end <= start);
        let mut at = start;
        for train in self.trains.range(first..) {
            step();
            if at >= end {
                return;
            }
            let to = train.end.min(end);
            tell((to - at) as u32, &train.snapshot);
            at = to;
        }
    }

    /// The peer thought better of what it had SACKed (RFC 2018 §8): all of that counts as lost.
    pub(crate) fn renege(&mut self) {
        let Some(mut holes) = self.holes.take() else { return };
        let mut at = self.una;
        while let Some((to, piece)) = holes.pieces.run(at, self.nxt) {
            if let Some(piece) = piece.filter(|piece| piece.what == What::Sacked) {
                holes.pieces.remove(at);
                holes.pieces.insert(at, Piece { what: What::Lost, ..piece });
            }
            at = to;
        }
        self.holes = Some(holes);
    }

    /// Whether the first number that is out is SACKed: then the peer has thought better of it, for else it would have
    /// acknowledged it.
    pub(crate) fn reneged(&self) -> bool {
        let holes = self.holes.as_ref();
        holes
            .and_then(|holes| holes.pieces.holding(self.una))
            .is_some_and(|(_, piece)| piece.what == What::Sacked)
    }

    /// What was believed lost and was not sent again flies after all.
    pub(crate) fn forgive(&mut self) {
        let Some(mut holes) = self.holes.take() else { return };
        let mut at = self.una;
        let mut first = holes.decided;
        while let Some((start, piece)) = holes.pieces.first_lost_from(at) {
            if piece.times == 1 {
                holes.pieces.remove(start);
                first = first.min(start);
            }
            at = piece.end;
        }
        holes.decided = first;
        self.holes = (!holes.pieces.is_empty()).then_some(holes);
    }

    /// The first run that is lost; of one that was lost in many pieces, not many more than `most` octets.
    pub(crate) fn next_lost(&self, most: u32) -> Option<(SeqNum, SeqNum)> {
        let pieces = &self.holes.as_ref()?.pieces;
        let (start, mut piece) = pieces.first_lost()?;
        let mut end = piece.end;
        // Pieces that were sent at different times are apart, and go together.
        while end < self.nxt {
            match pieces.holding(end) {
                Some((_, next)) if next.what == What::Lost && end - start < u64::from(most) => piece = next,
                _ => break,
            }
            end = piece.end;
        }
        Some((self.seq(start), self.seq(end)))
    }

    /// What became of all of `start..end`, if it is one piece.
    fn what(&self, start: Place, end: Place) -> Option<What> {
        let (_, piece) = self.holes.as_ref()?.pieces.holding(start)?;
        (piece.end >= end).then_some(piece.what)
    }

    /// Whether all of `start..end` is SACKed.
    pub(crate) fn is_sacked(&self, start: Place, end: Place) -> bool {
        self.what(start, end) == Some(What::Sacked)
    }

    /// Whether something of `start..end` is believed lost, or was sent again.
    pub(crate) fn is_marked(&self, start: Place, end: Place) -> bool {
        let Some(holes) = &self.holes else { return false };
        let mut at = start.max(self.una);
        while let Some((to, piece)) = holes.pieces.run(at, end) {
            if piece.is_some_and(|piece| piece.what != What::Sacked) {
                return true;
            }
            at = to;
        }
        false
    }

    /// Whether what is believed lost was all sent before `until`, and once, and is in `most` pieces at most.
    pub(crate) fn lost_once_before(&self, until: Place, most: usize) -> bool {
        let Some(holes) = &self.holes else { return true };
        let mut at = self.una;
        for _ in 0..=most {
            match holes.pieces.first_lost_from(at) {
                None => return true,
                Some((_, piece)) if piece.end <= until && piece.times == 1 => at = piece.end,
                Some(_) => return false,
            }
        }
        false
    }

    /// Whether `start..end` is believed lost, and nothing else is.
    pub(crate) fn only_lost(&self, start: Place, end: Place) -> bool {
        let lost = self.what(start, end) == Some(What::Lost);
        lost && u64::from(self.lost()) == end - start
    }
}

/// A piece up to `end` that is lost as it was first sent.
pub(super) fn first_lost(end: Place) -> Piece {
    let (at, stamp) = (Instant::ZERO, Instant::ZERO);
    Piece { end, what: What::Lost, times: 1, at, stamp, snapshot: Snapshot::default() }
}
