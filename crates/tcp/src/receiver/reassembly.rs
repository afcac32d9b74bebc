//! What came out of order (RFC 9293 §3.10.7.4, seventh step, SHLD-31), and how it is told (RFC 2018, 2883).
//!
//! ```text
//!    RCV.NXT     island            island                      right edge
//!       │        ┌───────┐         ┌──────────────┐                 │
//!    ───┼────────┤ rope  ├─────────┤ rope         ├─────────────────┼──►
//!       │  hole  └───────┘  hole   └──────────────┘                 │
//! ```
//!
//! Islands touch neither each other nor RCV.NXT. Where copies overlap, the one that came first stays. Finding a place
//! is O(log islands), and no count limits them: a window of full segments, every other of which was lost, fits. What
//! they hold is limited, bookkeeping included, to twice their octets and a quarter of the buffer (CVE-2018-5390): islands
//! that are smaller than what it costs to keep them live in that quarter.
//! Nothing that was taken in is ever given up again, so the sender may believe every block (RFC 2018 §8, 2018-11).

use super::Place;
use super::rope::Rope;
use crate::Discard;
use crate::cost::step;
use alloc::collections::BTreeMap;
use core::ops::Range;
use wire::Payload;

/// What the bookkeeping of one island is charged with: its place in the tree, whose nodes may be half empty, and a block
/// of memory for its first octets, which is larger than they are.
const ISLAND: usize = 256;
/// So many islands are always room for.
const FEW: usize = 4;
/// The part of the buffer that small islands may take beyond twice their octets.
const SLACK: usize = 4;
/// How many islands are remembered in the order in which they grew: as many as may come before somebody polls, when every
/// other packet of a burst was lost.
const RECENT: usize = 16;

/// The islands above RCV.NXT.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    islands: BTreeMap<Place, Rope>,
    len: usize,
    held: usize,
    /// A place in each of the islands that grew last, the latest first.
    recent: [Place; RECENT],
    recents: usize,
    /// How many of these have grown since they were told of.
    untold: usize,
    /// The end of the last segment here that had PSH set.
    pub(super) push: Place,
    /// Islands that were looked at since the start, for tests that bound work.
    #[cfg(test)]
    pub(super) steps: u64,
}

/// What became of a segment that was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// Octets that are new.
    pub(super) new: usize,
    /// The first run of octets that were here already.
    pub(super) duplicate: Option<Range<Place>>,
}

impl Reassembly {
    /// How many octets wait here.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Octets of memory that are kept alive.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// How many islands there are.
    #[cfg(test)]
    pub(super) fn islands(&self) -> usize {
        self.islands.len()
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.islands.is_empty()
    }

    /// Where the first island begins.
    pub(super) fn first(&self) -> Option<Place> {
        self.islands.first_key_value().map(|(&start, _)| start)
    }

    /// Takes the first island out: the octets before it have come.
    pub(super) fn pop_first(&mut self) -> Option<(Range<Place>, Rope)> {
        step();
        let (start, rope) = self.islands.pop_first()?;
        self.discharge(&rope);
        Some((start..start + rope.len() as u64, rope))
    }

    /// Puts in what of `payload`, which begins at `start`, is not here yet.
    ///
    /// # Errors
    /// [`Discard::TooManyHoles`] when small islands take all the memory that is theirs, and it would make another;
    /// [`Discard::NoMemory`] when small pieces hold too much memory for what they are. Then nothing was put in.
    pub(super) fn insert(&mut self, start: Place, payload: &Payload, buffer: u32) -> Result<Queued, Discard> {
        let end = start + payload.len() as u64;
        let before = self.before(start).filter(|island| island.end >= start);
        if let Some(island) = &before
            && island.end >= end
        {
            self.grew(island.clone(), start);
            return Ok(Queued { new: 0, duplicate: Some(start..end) });
        }
        let joins = before.is_some() || self.next(start, end).is_some();
        self.admit(joins, payload.len(), buffer)?;

        // Grow one island over everything that the segment touches, from the left to the right.
        let mut queued = Queued { new: 0, duplicate: None };
        let mut at = start;
        let (first, mut grown) = match before {
            Some(island) => {
                queued.saw(at..island.end.min(end));
                at = island.end;
                (island.start, self.remove(island.start))
            }
            None => (start, Rope::default()),
        };
        while let Some(next) = self.next(at, end) {
            queued.new += piece(&mut grown, payload, start, at..next);
            let island = self.remove(next);
            at = next + island.len() as u64;
            queued.saw(next..at.min(end));
            grown = Rope::join(grown, island);
        }
        queued.new += piece(&mut grown, payload, start, at..end);
        self.len += grown.len();
        self.held += grown.held() + ISLAND;
        self.grew(first..first + grown.len() as u64, start);
        self.islands.insert(first, grown);
        Ok(queued)
    }

    /// Drops everything from `place` on: the peer's stream ends there.
    pub(super) fn cut(&mut self, place: Place) {
        for (_, rope) in self.islands.split_off(&place) {
            self.discharge(&rope);
        }
        if let Some((start, mut rope)) = self.islands.pop_last() {
            self.discharge(&rope);
            rope.truncate(usize::try_from(place - start).unwrap_or(usize::MAX));
            self.len += rope.len();
            self.held += rope.held() + ISLAND;
            self.islands.insert(start, rope);
        }
    }

    /// An ACK is built, and `more` will follow at once: how many of the islands that grew last it passes over, for they
    /// are told then. So each is told by the ACK that it draws, as if that had left before the next segment came
    /// (RFC 2018 §4), and not one that came between two others by none.
    pub(super) fn tell(&mut self, more: usize) -> usize {
        self.untold = self.untold.saturating_sub(1).min(more);
        self.untold
    }

    /// Islands that have grown since they were told of, as far as they are remembered.
    pub(super) fn untold(&self) -> usize {
        self.untold
    }

    /// The islands as a SACK option tells them, but for the first `passed`: those that grew last first (RFC 2018 §4), each
    /// once.
    pub(super) fn blocks(&self, passed: usize) -> impl Iterator<Item = Range<Place>> {
        let recent = self.recent.iter().take(self.recents).skip(passed).filter_map(|&place| self.at(place));
        // Merging may leave fewer than there is room for; the islands nearest to the edge are the youngest guess.
        let others = self.islands.iter().rev().take(RECENT).map(|(&start, rope)| range(start, rope));
        let mut told: [Place; 2 * RECENT] = [Place::MAX; 2 * RECENT];
        let mut count = 0;
        recent.chain(others).filter(move |island| {
            step();
            let known = told.iter().take(count).any(|&start| start == island.start);
            if let Some(slot) = told.get_mut(count)
                && !known
            {
                *slot = island.start;
                count += 1;
            }
            !known
        })
    }

    /// Remembers which island holds `place`, for a duplicate below or in it is told next to it (RFC 2883 §4).
    fn grew(&mut self, island: Range<Place>, place: Place) {
        let mut kept = [place; RECENT];
        let (mut count, mut untold) = (1, 1);
        for (index, &other) in self.recent.iter().take(self.recents).enumerate() {
            if let Some(slot) = kept.get_mut(count)
                && !island.contains(&other)
            {
                *slot = other;
                count += 1;
                untold += usize::from(index < self.untold);
            }
        }
        (self.recent, self.recents, self.untold) = (kept, count, untold);
    }

    /// Whether there is room for a segment of `octets`, which makes an island of its own unless it `joins` one.
    ///
    /// Full segments pay for themselves: what one holds and its island are less than twice its octets.
    fn admit(&self, joins: bool, octets: usize, buffer: u32) -> Result<(), Discard> {
        let slack = (buffer as usize / SLACK).max(FEW * ISLAND);
        let most = |len: usize| len.saturating_mul(2).saturating_add(slack);
        if joins {
            // Ropes keep to about twice their octets, except where many small pieces were joined from the right.
            if self.held > most(self.len).saturating_add(ISLAND) {
                return Err(Discard::NoMemory);
            }
        } else if self.held.saturating_add(ISLAND) > most(self.len.saturating_add(octets)) {
            return Err(Discard::TooManyHoles);
        }
        Ok(())
    }

    /// The island that begins at or before `place`, which may end before it.
    fn before(&mut self, place: Place) -> Option<Range<Place>> {
        step();
        #[cfg(test)]
        {
            self.steps += 1;
        }
        self.islands.range(..=place).next_back().map(|(&start, rope)| range(start, rope))
    }

    /// Where the first island from `at` to `end` begins, `end` itself included.
    fn next(&self, at: Place, end: Place) -> Option<Place> {
        step();
        // An inverted range would panic.
        (at <= end).then(|| self.islands.range(at..=end).next().map(|(&start, _)| start))?
    }

    /// The island that holds `place`.
    fn at(&self, place: Place) -> Option<Range<Place>> {
        step();
        let (&start, rope) = self.islands.range(..=place).next_back()?;
        Some(range(start, rope)).filter(|island| island.contains(&place))
    }

    fn remove(&mut self, start: Place) -> Rope {
        step();
        #[cfg(test)]
        {
            self.steps += 1;
        }
        let rope = self.islands.remove(&start).unwrap_or_default();
        self.discharge(&rope);
        rope
    }

    fn discharge(&mut self, rope: &Rope) {
        self.len = self.len.saturating_sub(rope.len());
        self.held = self.held.saturating_sub(rope.held() + ISLAND);
    }
}

impl Queued {
    /// Remembers the first run of octets that were here already.
    fn saw(&mut self, octets: Range<Place>) {
        if self.duplicate.is_none() && !octets.is_empty() {
            self.duplicate = Some(octets);
        }
    }
}

/// A tree's node has room for eleven, and may be half empty; its children are few beside it. The first octets of an
/// island are a block of the allocator's, or a queue of shared slices, of which one was charged already.
const _: () = assert!(2 * size_of::<(Place, Rope)>() + 64 <= ISLAND);

fn range(start: Place, rope: &Rope) -> Range<Place> {
    start..start + rope.len() as u64
}

/// Adds the octets of `places` from `payload`, which begins at `start`, and says how many.
fn piece(rope: &mut Rope, payload: &Payload, start: Place, places: Range<Place>) -> usize {
    let part = super::part(payload, start, places);
    let len = part.len();
    rope.push(part);
    len
}
