//! What is no longer as it was first sent: runs that were SACKed, are believed lost, or were sent again.
//!
//! ```text
//!    una                                                          nxt
//!     │ lost │ (flies) │ SACKed │ again ×2 │ SACKed │ (flies as first sent) │
//!     ╰── pieces, in order; what lies between them needs no entry ──╯
//! ```
//!
//! Neighbours of the same kind become one, so that a loss costs an entry and not a window. Finding, cutting and joining
//! take logarithmic time, whatever a peer's SACK blocks look like.

use super::Place;
use super::rate::Snapshot;
use crate::cost::step;
use alloc::collections::{BTreeMap, BTreeSet};
use env::Instant;

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Believed lost, and not sent again since.
    Lost,
    /// Sent again, and in flight.
    Again,
    /// SACKed.
    Sacked,
}

/// A run of numbers with the same story.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// After its last number.
    pub(super) end: Place,
    pub(super) what: What,
    /// How often it was sent.
    pub(super) times: u8,
    /// Its last transmission, if that was not its first.
    pub(super) at: Instant,
    /// The time that that carries.
    pub(super) stamp: Instant,
    /// What was known when it was last sent again.
    pub(super) snapshot: Snapshot,
}

impl Piece {
    /// Whether `self` and `next`, which follows it, are one.
    fn joins(&self, next: &Self) -> bool {
        self.what == next.what
            && (self.what == What::Sacked || (self.times == next.times && self.at == next.at))
    }
}

/// All pieces, with the sums over them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    map: BTreeMap<Place, Piece>,
    /// Where lost pieces begin.
    lost_at: BTreeSet<Place>,
    lost_octets: u32,
    sacked_octets: u32,
    again_octets: u32,
}

impl Pieces {
    /// Numbers believed lost and not sent again since.
    pub(super) fn lost(&self) -> u32 {
        self.lost_octets
    }

    /// Numbers SACKed.
    pub(super) fn sacked(&self) -> u32 {
        self.sacked_octets
    }

    /// Numbers sent again that fly.
    pub(super) fn again(&self) -> u32 {
        self.again_octets
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The piece that holds `at`, and where it begins.
    pub(super) fn holding(&self, at: Place) -> Option<(Place, Piece)> {
        step();
        let (&start, &piece) = self.map.range(..=at).next_back()?;
        (piece.end > at).then_some((start, piece))
    }

    /// Where the first piece after `at` begins.
    pub(super) fn next_after(&self, at: Place) -> Option<Place> {
        step();
        self.map.range(at.saturating_add(1)..).next().map(|(&start, _)| start)
    }

    /// The run that begins at `at` and ends at `to` at the latest: a piece, or what lies between two.
    pub(super) fn run(&self, at: Place, to: Place) -> Option<(Place, Option<Piece>)> {
        if at >= to {
            return None;
        }
        Some(match self.holding(at) {
            Some((_, piece)) => (piece.end.min(to), Some(piece)),
            None => (self.next_after(at).map_or(to, |next| next.min(to)), None),
        })
    }

    /// The first lost piece.
    pub(super) fn first_lost(&self) -> Option<(Place, Piece)> {
        step();
        let &start = self.lost_at.first()?;
        self.map.get(&start).map(|&piece| (start, piece))
    }

    /// The first lost piece from `at` on.
    pub(super) fn first_lost_from(&self, at: Place) -> Option<(Place, Piece)> {
        step();
        let &start = self.lost_at.range(at..).next()?;
        self.map.get(&start).map(|&piece| (start, piece))
    }

    /// The first piece that was sent again and flies, in `from..to`.
    pub(super) fn first_again(&self, from: Place, to: Place, at: Instant) -> Option<(Place, Piece)> {
        let of = |piece: &Piece| {
            step();
            piece.what == What::Again && piece.at == at
        };
        self.map.range(from..to).find(|(_, piece)| of(piece)).map(|(&start, &piece)| (start, piece))
    }

    /// Cuts the piece that holds `at` in two there, if one does.
    pub(super) fn cut(&mut self, at: Place) {
        let Some((start, piece)) = self.holding(at).filter(|(start, _)| *start < at) else { return };
        if let Some(head) = self.map.get_mut(&start) {
            head.end = at;
        }
        self.map.insert(at, piece);
        if piece.what == What::Lost {
            self.lost_at.insert(at);
        }
    }

    /// Takes out the piece that begins at `start`.
    pub(super) fn remove(&mut self, start: Place) {
        step();
        let Some(piece) = self.map.remove(&start) else { return };
        let octets = (piece.end - start) as u32;
        match piece.what {
            What::Lost => {
                self.lost_octets -= octets;
                self.lost_at.remove(&start);
            }
            What::Sacked => self.sacked_octets -= octets,
            What::Again => self.again_octets -= octets,
        }
    }

    /// Enters a piece where none is, and joins it to the one before if they are alike.
    pub(super) fn insert(&mut self, start: Place, piece: Piece) {
        step();
        let octets = (piece.end - start) as u32;
        match piece.what {
            What::Lost => {
                self.lost_octets += octets;
                self.lost_at.insert(start);
            }
            What::Sacked => self.sacked_octets += octets,
            What::Again => self.again_octets += octets,
        }
        self.map.insert(start, piece);
        self.join(start);
    }

    /// Joins the piece that begins at `at` to the one that ends there, if they are alike.
    pub(super) fn join(&mut self, at: Place) {
        step();
        let Some(&next) = self.map.get(&at) else { return };
        let Some((_, before)) = self.map.range_mut(..at).next_back() else { return };
        if before.end != at || !before.joins(&next) {
            return;
        }
        before.end = next.end;
        before.times = before.times.max(next.times);
        before.at = before.at.max(next.at);
        self.map.remove(&at);
        self.lost_at.remove(&at);
    }
}
