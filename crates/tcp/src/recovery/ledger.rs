//! The ledger of what was sent and is not acknowledged: a record a train, and beside them what is no longer as it was
//! first sent.
//!
//! ```text
//!    SND.UNA                                             SND.NXT
//!       ├── train at t ──┼────── train at t' ──────┼─ train ─┤      never cut; in order of numbers, and so of time
//!          │lost│  │SACKed      │  │again at t"│                   pieces: only where something happened
//! ```
//!
//! Without loss there are only trains: one entry a train goes in at the end and leaves at the front. Times of what was sent
//! first are in the trains, times of what was sent again in a queue of their own: both are in order, which is all that
//! RACK needs (RFC 8985 §6.2).

mod detect;
mod lost;

#[cfg(test)]
mod tests;

pub(super) use detect::{Fate, Judge};

use super::Place;
use super::pieces::{Piece, Pieces, What};
use super::rate::Snapshot;
use crate::cost::step;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use env::Instant;
use wire::SeqNum;

/// What left together for the first time, from the end of the train before on.
#[derive(Clone, Copy, Debug)]
struct Train {
    end: Place,
    at: Instant,
    snapshot: Snapshot,
}

/// What left together, and not for the first time.
#[derive(Clone, Copy, Debug)]
struct Resent {
    at: Instant,
    start: Place,
    end: Place,
}

/// What exists only while something is SACKed, lost or sent again.
#[derive(Clone, Debug, Default)]
struct Holes {
    pieces: Pieces,
    /// What was sent again, in order of time. An entry whose pieces met another fate is passed over.
    resent: VecDeque<Resent>,
    /// Nothing before it flies as it was first sent.
    decided: Place,
    /// Runs that were SACKed since nothing was.
    sacked_runs: u32,
}

/// A run of numbers that was delivered: acknowledged or SACKed for the first time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) start: Place,
    pub(super) end: Place,
    /// When the newest of it was sent last.
    pub(super) at: Instant,
    /// The time that that carries.
    pub(super) stamp: Instant,
    /// When its first number was first sent.
    pub(super) first_at: Instant,
    /// Octets of it that left together with its first number, as they were first sent.
    pub(super) together: u32,
    pub(super) snapshot: Snapshot,
    /// When the newest of it was first sent, and what was known then.
    pub(super) original: (Instant, Snapshot),
    /// How often it was sent.
    pub(super) times: u8,
    /// It was believed lost.
    pub(super) lost: bool,
}

impl Run {
    pub(super) fn len(&self) -> u32 {
        (self.end - self.start) as u32
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    trains: VecDeque<Train>,
    holes: Option<Box<Holes>>,
    /// The number that `una` stands for.
    base: SeqNum,
    una: Place,
    nxt: Place,
    /// Octets of a full segment.
    grain: u32,
}

impl Ledger {
    /// Nothing is sent yet; the first number will be `iss`.
    pub(super) fn new(iss: SeqNum) -> Self {
        Self { trains: VecDeque::new(), holes: None, base: iss, una: 0, nxt: 0, grain: 536 }
    }

    /// Numbers sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> u32 {
        (self.nxt - self.una) as u32
    }

    /// Of these, numbers believed lost and not sent again since.
    pub(crate) fn lost(&self) -> u32 {
        self.holes.as_ref().map_or(0, |holes| holes.pieces.lost())
    }

    /// Of these, numbers SACKed.
    pub(crate) fn sacked(&self) -> u32 {
        self.holes.as_ref().map_or(0, |holes| holes.pieces.sacked())
    }

    /// Of these, numbers that were sent again and fly.
    pub(crate) fn again(&self) -> u32 {
        self.holes.as_ref().map_or(0, |holes| holes.pieces.again())
    }

    /// Everything before it is acknowledged.
    pub(super) fn una(&self) -> Place {
        self.una
    }

    /// After the last number sent.
    pub(super) fn nxt(&self) -> Place {
        self.nxt
    }

    /// Octets that are out and left for the first time at `at` or before.
    pub(super) fn left_by(&self, at: Instant) -> u32 {
        let after = self.trains.partition_point(|train| train.at <= at);
        let last = after.checked_sub(1).and_then(|n| self.trains.get(n));
        last.map_or(0, |train| train.end.saturating_sub(self.una) as u32)
    }

    /// Where `seq` lies, unless it is acknowledged already.
    pub(super) fn place(&self, seq: SeqNum) -> Option<Place> {
        seq.since(self.base).map(|ahead| self.una + u64::from(ahead))
    }

    /// Where `seq` lies if it is close behind what is acknowledged: before `place` there was never anything.
    pub(super) fn place_behind(&self, seq: SeqNum) -> Option<Place> {
        match self.base.since(seq) {
            Some(behind) => self.una.checked_sub(u64::from(behind)),
            None => self.place(seq),
        }
    }

    /// The number of `place`.
    pub(super) fn seq(&self, place: Place) -> SeqNum {
        self.base + (place.wrapping_sub(self.una) as u32)
    }

    /// Enters `start..end`, which follows everything before.
    pub(super) fn push(&mut self, at: Instant, start: SeqNum, end: SeqNum, snapshot: Snapshot) {
        if self.una == self.nxt {
            // A SYN that a listener answered for us is not in the books.
            self.una += u64::from(start.wrapping_since(self.base));
            self.nxt = self.una;
            self.base = start;
        }
        self.nxt += u64::from(end.wrapping_since(start));
        self.trains.push_back(Train { end: self.nxt, at, snapshot });
    }

    /// Where the last segment of what was sent last begins, where segments have `size` octets.
    pub(super) fn last_segment(&self, size: u32) -> Place {
        let before = self.trains.len().checked_sub(2).and_then(|n| self.trains.get(n));
        let start = before.map_or(self.una, |train| train.end.max(self.una));
        let whole = (self.nxt - start).saturating_sub(1) / u64::from(size.max(1)) * u64::from(size.max(1));
        start + whole
    }

    /// The train that holds `place`; the last when none does.
    fn train(&self, place: Place) -> Option<&Train> {
        step();
        match self.trains.front() {
            Some(first) if first.end > place => Some(first),
            _ => self.trains.get(self.trains.partition_point(|train| train.end <= place)),
        }
    }

    /// The run `start..end`, whose story is `piece`, or which flies as it was first sent.
    fn story(&self, start: Place, end: Place, piece: Option<&Piece>) -> Run {
        let nothing = Train { end, at: Instant::ZERO, snapshot: Snapshot::default() };
        let (first_at, first_end) =
            self.train(start).map_or((Instant::ZERO, end), |train| (train.at, train.end));
        let together = (first_end.min(end) - start) as u32;
        let last = self.train(end - 1).unwrap_or(&nothing);
        let (at, stamp, snapshot, times) = match piece {
            Some(piece) if piece.times > 1 => (piece.at, piece.stamp, piece.snapshot, piece.times),
            _ => (last.at, last.at, last.snapshot, 1),
        };
        let lost = piece.is_some_and(|piece| piece.what == What::Lost);
        let original = (last.at, last.snapshot);
        Run { start, end, at, stamp, first_at, together, snapshot, original, times, lost }
    }

    /// Takes out everything before `una`, and tells of each run that was not SACKed before.
    pub(super) fn retire(&mut self, una: SeqNum, tell: &mut dyn FnMut(&Run)) {
        let to = self.place(una).map_or(self.una, |to| to.min(self.nxt));
        if to == self.una {
            return;
        }
        match self.holes.take() {
            None => tell(&self.story(self.una, to, None)),
            Some(mut holes) => {
                self.retire_pieces(&mut holes, to, tell);
                if !holes.pieces.is_empty() {
                    self.holes = Some(holes);
                }
            }
        }
        self.base = self.seq(to);
        self.una = to;
        while self.trains.front().is_some_and(|train| train.end <= to) {
            step();
            self.trains.pop_front();
        }
        if self.trains.is_empty() {
            // An idle connection holds no memory.
            self.trains = VecDeque::new();
        }
    }

    fn retire_pieces(&self, holes: &mut Holes, to: Place, tell: &mut dyn FnMut(&Run)) {
        holes.pieces.cut(to);
        let mut at = self.una;
        while let Some((end, piece)) = holes.pieces.run(at, to) {
            if piece.is_none_or(|piece| piece.what != What::Sacked) {
                tell(&self.story(at, end, piece.as_ref()));
            }
            holes.pieces.remove(at);
            at = end;
        }
        while holes.resent.front().is_some_and(|resent| resent.end <= to) {
            step();
            holes.resent.pop_front();
        }
    }

    /// Octets of a full segment.
    pub(super) fn grain(&self) -> u32 {
        self.grain
    }

    /// How large full segments are.
    pub(super) fn set_grain(&mut self, octets: u32) {
        self.grain = octets.max(1);
    }

    /// Segments SACKed, as far as they can be counted: small ones by the blocks that told of them.
    pub(super) fn sacked_segments(&self) -> u32 {
        let Some(holes) = &self.holes else { return 0 };
        match holes.pieces.sacked() {
            0 => 0,
            octets => (octets / self.grain).max(holes.sacked_runs.min(3)),
        }
    }

    /// How many pieces may exist: two a segment, for more no honest peer can make. A peer that cuts finer is not believed.
    fn pieces_allowed(&self) -> usize {
        16 + 2 * self.trains.len() + 2 * (self.outstanding() / self.grain) as usize
    }

    /// `start..end` lies within what is out and was SACKed: tells of each run that was not before.
    pub(super) fn sack(&mut self, start: Place, end: Place, tell: &mut dyn FnMut(&Run)) {
        let (start, end) = (start.max(self.una), end.min(self.nxt));
        if start >= end {
            return;
        }
        let mut holes = self.holes.take().unwrap_or_default();
        let known = holes
            .pieces
            .holding(start)
            .is_some_and(|(_, piece)| piece.what == What::Sacked && piece.end >= end);
        if !known && holes.pieces.len() < self.pieces_allowed() {
            if holes.pieces.sacked() == 0 {
                holes.sacked_runs = 0;
            }
            holes.sacked_runs = holes.sacked_runs.saturating_add(1);
            holes.pieces.cut(start);
            holes.pieces.cut(end);
            let (mut at, mut times, mut last, mut stamp) = (start, 1, Instant::ZERO, Instant::ZERO);
            while let Some((to, piece)) = holes.pieces.run(at, end) {
                if piece.is_none_or(|piece| piece.what != What::Sacked) {
                    tell(&self.story(at, to, piece.as_ref()));
                }
                times = piece.map_or(times, |piece| piece.times.max(times));
                last = piece.map_or(last, |piece| piece.at.max(last));
                stamp = piece.map_or(stamp, |piece| piece.stamp.max(stamp));
                holes.pieces.remove(at);
                at = to;
            }
            let snapshot = Snapshot::default();
            holes.pieces.insert(start, Piece { end, what: What::Sacked, times, at: last, stamp, snapshot });
            holes.pieces.join(end);
        }
        self.holes = (!holes.pieces.is_empty()).then_some(holes);
    }

    /// `start..end` was sent again at `now`, as one train that carries the time `stamp`; the run.
    pub(super) fn resent(
        &mut self,
        now: Instant,
        stamp: Instant,
        start: SeqNum,
        end: SeqNum,
        snapshot: Snapshot,
    ) -> (Place, Place) {
        let from = self.place(start).unwrap_or(self.una).min(self.nxt);
        let to = self.place(end).unwrap_or(self.una).min(self.nxt);
        let mut holes = self.holes.take().unwrap_or_default();
        holes.pieces.cut(from);
        holes.pieces.cut(to);
        let mut at = from;
        while let Some((next, piece)) = holes.pieces.run(at, to) {
            if piece.is_none_or(|piece| piece.what != What::Sacked) {
                let times = piece.map_or(1, |piece| piece.times).saturating_add(1);
                holes.pieces.remove(at);
                holes
                    .pieces
                    .insert(at, Piece { end: next, what: What::Again, times, at: now, stamp, snapshot });
            }
            at = next;
        }
        holes.pieces.join(to);
        holes.resent.push_back(Resent { at: now, start: from, end: to });
        self.holes = (!holes.pieces.is_empty()).then_some(holes);
        (from, to)
    }

    /// When the oldest of what is out was first sent.
    pub(crate) fn oldest_sent(&self) -> Option<Instant> {
        self.trains.front().map(|train| train.at)
    }

    /// How often the first number that is out was sent.
    pub(crate) fn first_transmissions(&self) -> u8 {
        if self.una == self.nxt {
            return 0;
        }
        let holding = self.holes.as_ref().and_then(|holes| holes.pieces.holding(self.una));
        holding.map_or(1, |(_, piece)| piece.times)
    }

    /// Entries that it keeps: trains and pieces.
    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.trains.len() + self.holes.as_ref().map_or(0, |holes| holes.pieces.len() + holes.resent.len())
    }
}
