//! What is lost by its time (RFC 8985 §6.2 step 5, §6.3).
//!
//! ```text
//!   trains       ── t1 ── t2 ── t3 ──►  the first that is too young ends the walk: all later ones are younger
//!   sent again   ── t4 ── t5 ──►        likewise
//! ```
//!
//! What the walk passes is decided for good, so that its cost is that of what it marks.

use super::super::Place;
use super::super::pieces::{Piece, What};
use super::super::rate::Snapshot;
use super::lost::first_lost;
use super::{Holes, Ledger, Resent};
use crate::cost::step;
use env::{Duration, Instant};

/// What RACK knows when it judges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    pub(crate) now: Instant,
    /// When the newest thing that was delivered was sent, and where that ended (RACK.xmit_ts, RACK.end_seq).
    pub(crate) newest: (Instant, Place),
    /// A round trip and the reordering window.
    pub(crate) patience: Duration,
}

/// What becomes of something that flies.
pub(crate) enum Fate {
    /// Nothing that was sent later was delivered.
    Unknown,
    /// Its time is over at this instant.
    Until(Instant),
    Lost,
}

impl Judge {
    pub(crate) fn fate(&self, at: Instant, end: Place) -> Fate {
        if (at, end) >= self.newest {
            return Fate::Unknown;
        }
        match at + self.patience {
            until if until > self.now => Fate::Until(until),
            _ => Fate::Lost,
        }
    }
}

impl Ledger {
    /// Marks what is lost by `judge` and tells of it; the first instant at which more would be.
    pub(crate) fn detect(&mut self, judge: &Judge, tell: &mut dyn FnMut(u32, &Snapshot)) -> Option<Instant> {
        let mut holes = self.holes.take()?;
        let first = self.detect_first(&mut holes, judge, tell);
        let again = detect_again(&mut holes, judge, tell);
        self.holes = Some(holes);
        match (first, again) {
            (Some(first), Some(again)) => Some(first.min(again)),
            (first, again) => first.or(again),
        }
    }

    /// Of what flies as it was first sent.
    fn detect_first(
        &self,
        holes: &mut Holes,
        judge: &Judge,
        tell: &mut dyn FnMut(u32, &Snapshot),
    ) -> Option<Instant> {
        let mut at = holes.decided.max(self.una);
        let mut index = self.trains.partition_point(|train| train.end <= at);
        let until = loop {
            let Some((end, piece)) = holes.pieces.run(at, self.nxt) else { break None };
            if piece.is_some() {
                at = end;
                continue;
            }
            while self.trains.get(index).is_some_and(|train| train.end <= at) {
                step();
                index += 1;
            }
            let Some(train) = self.trains.get(index) else { break None };
            let mut to = train.end.min(end);
            if train.at == judge.newest.0 {
                // Of what left at the same instant, what comes before the newest.
                to = to.min(judge.newest.1.saturating_sub(1));
            }
            if to <= at {
                break None;
            }
            match judge.fate(train.at, to) {
                Fate::Unknown => break None,
                Fate::Until(until) => break Some(until),
                Fate::Lost => {
                    tell((to - at) as u32, &train.snapshot);
                    holes.pieces.insert(at, first_lost(to));
                    holes.pieces.join(to);
                    at = to;
                }
            }
        };
        holes.decided = at;
        until
    }

    /// RFC 8985 §6.3 (8985-9): of what is out, what left a `patience` ago or earlier, whatever was delivered since.
    pub(crate) fn mark_old(&mut self, judge: &Judge, tell: &mut dyn FnMut(u32, &Snapshot)) {
        let all = Judge { newest: (Instant::FAR, Place::MAX), ..*judge };
        let _later = self.detect(&all, tell);
    }
}

/// Of what was sent again.
fn detect_again(holes: &mut Holes, judge: &Judge, tell: &mut dyn FnMut(u32, &Snapshot)) -> Option<Instant> {
    while let Some(&Resent { at, start, end }) = holes.resent.front() {
        step();
        let Some((from, piece)) = holes.pieces.first_again(start, end, at) else {
            holes.resent.pop_front();
            continue;
        };
        if let Some(front) = holes.resent.front_mut() {
            front.start = from; // what lies before it is decided
        }
        match judge.fate(at, piece.end) {
            Fate::Unknown => return None,
            Fate::Until(until) => return Some(until),
            Fate::Lost => {
                tell((piece.end - from) as u32, &piece.snapshot);
                holes.pieces.remove(from);
                holes.pieces.insert(from, Piece { what: What::Lost, ..piece });
                holes.pieces.join(piece.end);
            }
        }
    }
    None
}
