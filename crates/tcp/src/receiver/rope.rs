//! Octets in order that wait to be taken: shared where that pays, gathered where it does not.
//!
//! ```text
//!    chunks: shared slices of device buffers, or full blocks       tail: small payloads, gathered
//!    ┌──────────────┬──────────────┬────────────────┐              ┌─────────────┐
//!    │ 1460 of 2048 │ 1460 of 2048 │ block of 16 Ki │              │ growing … ──┼──►
//!    └──────────────┴──────────────┴────────────────┘              └─────────────┘
//! ```
//!
//! A payload that keeps more than twice its size alive, bookkeeping included, is copied. So whatever sizes a peer
//! chooses to send, a rope holds little more than twice its octets, and one-octet segments cost a copy of one octet.

use crate::cost::step;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::Payload;

/// What the bookkeeping of one chunk is charged with: its slot in the queue, and the count it shares.
const CHUNK: usize = 64;
/// Payloads shorter than this are always copied: it costs less than keeping a slice.
const SMALL: usize = 256;
/// Small payloads are gathered in blocks of about this size.
const BLOCK: usize = 16 * 1024;
/// An empty queue keeps room for as many chunks, not for more.
const IDLE_CHUNKS: usize = 16;

/// A queue of octets.
#[derive(Clone, Default)]
pub(super) struct Rope {
    chunks: VecDeque<Chunk>,
    tail: Vec<u8>,
    len: usize,
    /// Memory of `chunks`, with their bookkeeping.
    held: usize,
}

#[derive(Clone)]
struct Chunk {
    bytes: Bytes,
    /// Octets of memory that `bytes` keeps alive.
    held: usize,
}

impl Chunk {
    fn is_worth_sharing(&self) -> bool {
        is_worth_sharing(self.bytes.len(), self.held, 1)
    }
}

fn is_worth_sharing(len: usize, held: usize, chunks: usize) -> bool {
    len >= SMALL.saturating_mul(chunks)
        && held.saturating_add(CHUNK.saturating_mul(chunks)) <= len.saturating_mul(2)
}

impl Rope {
    /// How many octets.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets of memory that this keeps alive.
    pub(super) fn held(&self) -> usize {
        self.held.saturating_add(self.tail.capacity())
    }

    /// Adds `payload` at the end.
    pub(super) fn push(&mut self, payload: Payload) {
        let (len, held, chunks) = (payload.len(), payload.held(), payload.chunks().len());
        if len == 0 {
            return;
        }
        if is_worth_sharing(len, held, chunks) {
            self.seal();
            // What several chunks hold beyond their octets is charged to the first of them.
            let mut beyond = held.saturating_sub(len);
            for bytes in payload.into_chunks() {
                let held = bytes.len().saturating_add(core::mem::take(&mut beyond));
                self.push_back(Chunk { bytes, held });
            }
        } else {
            self.make_room(len);
            payload.chunks().iter().for_each(|chunk| self.tail.extend_from_slice(chunk));
        }
        self.len += len;
    }

    /// Adds `payload` at the end, which stays where it is: another handle is made only for what is worth sharing.
    pub(super) fn push_from(&mut self, payload: &Payload) {
        if is_worth_sharing(payload.len(), payload.held(), payload.chunks().len()) {
            return self.push(payload.clone());
        }
        self.make_room(payload.len());
        payload.chunks().iter().for_each(|chunk| self.tail.extend_from_slice(chunk));
        self.len += payload.len();
    }

    /// Adds all of `other` at the end; small chunks are gathered on the way.
    pub(super) fn append(&mut self, other: Self) {
        let Self { chunks, tail, len, .. } = other;
        for chunk in chunks {
            step();
            if chunk.is_worth_sharing() {
                self.seal();
                self.push_back(chunk);
            } else {
                self.gather(&chunk.bytes);
            }
        }
        if self.tail.is_empty() || tail.len() >= SMALL {
            self.seal();
            self.tail = tail;
        } else {
            self.gather(&tail);
        }
        self.len += len;
    }

    /// Joins two ropes; the work is in the number of chunks of the one that has fewer.
    pub(super) fn join(mut left: Self, mut right: Self) -> Self {
        if right.chunks.len() <= left.chunks.len() {
            left.append(right);
            return left;
        }
        left.seal();
        right.len += left.len;
        right.held += left.held;
        for chunk in left.chunks.into_iter().rev() {
            step();
            right.chunks.push_front(chunk);
        }
        right
    }

    /// Takes the next chunk, of at most `max` octets.
    pub(super) fn take(&mut self, max: usize) -> Option<Bytes> {
        if max == 0 {
            return None;
        }
        if self.chunks.is_empty() {
            self.seal();
        }
        let front = self.chunks.front_mut()?;
        let bytes = if front.bytes.len() > max {
            front.bytes.split_to(max)
        } else {
            let chunk = self.chunks.pop_front()?;
            self.held -= chunk.held + CHUNK;
            self.rest_if_empty();
            chunk.bytes
        };
        self.len -= bytes.len();
        Some(bytes)
    }

    /// Moves as many octets as fit into `out`, and says how many.
    pub(super) fn take_into(&mut self, out: &mut [u8]) -> usize {
        let mut at = 0;
        while let Some(room) = out.get_mut(at..)
            && !room.is_empty()
        {
            let taken = if self.chunks.is_empty() && self.tail.len() <= room.len() {
                // Everything that is left, without turning it into a chunk first.
                let tail = core::mem::take(&mut self.tail);
                self.len -= tail.len();
                copy(&tail, room)
            } else {
                self.take(room.len()).map_or(0, |bytes| copy(&bytes, room))
            };
            if taken == 0 {
                break;
            }
            at += taken;
        }
        at
    }

    /// Copies as many octets as fit into `out`, takes none, and says how many.
    pub(super) fn peek_into(&self, out: &mut [u8]) -> usize {
        let mut at = 0;
        let parts = self.chunks.iter().map(|chunk| &chunk.bytes[..]).chain([&self.tail[..]]);
        for part in parts {
            let Some(room) = out.get_mut(at..) else { break };
            at += copy(part, room);
        }
        at
    }

    /// Drops all octets after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len {
            return;
        }
        self.seal();
        let mut surplus = self.len - len;
        self.len = len;
        while let Some(last) = self.chunks.back_mut()
            && surplus > 0
        {
            if last.bytes.len() > surplus {
                last.bytes.truncate(last.bytes.len() - surplus);
                return;
            }
            surplus -= last.bytes.len();
            self.held -= last.held + CHUNK;
            self.chunks.pop_back();
        }
    }

    /// Copies `octets` to the tail.
    fn gather(&mut self, octets: &[u8]) {
        self.make_room(octets.len());
        self.tail.extend_from_slice(octets);
    }

    /// Begins a new block when this one would grow too large, and takes exactly the memory that a first payload needs:
    /// most small payloads are read before the next one comes.
    fn make_room(&mut self, more: usize) {
        if self.tail.len().saturating_add(more) > BLOCK {
            self.seal();
        }
        if self.tail.capacity() == 0 {
            self.tail = Vec::with_capacity(more);
        } else if self.tail.is_empty() {
            self.tail.reserve_exact(more);
        }
    }

    /// Turns the tail into a chunk.
    fn seal(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let tail = core::mem::take(&mut self.tail);
        let held = tail.capacity();
        self.push_back(Chunk { bytes: tail.into(), held });
    }

    fn push_back(&mut self, chunk: Chunk) {
        self.held += chunk.held + CHUNK;
        self.chunks.push_back(chunk);
    }

    fn rest_if_empty(&mut self) {
        if self.chunks.is_empty() && self.chunks.capacity() > IDLE_CHUNKS {
            self.chunks = VecDeque::new();
        }
    }
}

/// Copies what fits.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    count
}

impl core::fmt::Debug for Rope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Rope({} octets in {} chunks", self.len, self.chunks.len())?;
        write!(f, ", {} in the tail, {} held)", self.tail.len(), self.held())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(len: usize, held: usize) -> Payload {
        Payload::holding(alloc::vec![7; len].into(), held)
    }

    #[test]
    fn small_payloads_are_gathered_and_full_ones_shared() {
        let mut rope = Rope::default();
        for _ in 0..100 {
            rope.push(payload(100, 100));
        }
        assert!(rope.chunks.is_empty() && rope.tail.len() == 10_000);
        for _ in 0..100 {
            rope.push(payload(1000, 1500));
        }
        assert_eq!(rope.chunks.len(), 101);
        rope.push(payload(1000, 60_000));
        assert_eq!((rope.chunks.len(), rope.tail.len()), (101, 1000));
    }

    #[test]
    fn an_empty_rope_keeps_no_large_queue() {
        let mut rope = Rope::default();
        for _ in 0..1000 {
            rope.push(payload(1000, 1000));
        }
        while rope.take(usize::MAX).is_some() {}
        assert!(rope.chunks.capacity() <= IDLE_CHUNKS);
        assert_eq!((rope.len(), rope.held()), (0, 0));
    }

    fn built(sizes: &[(usize, usize)], from: usize) -> (Rope, Vec<u8>) {
        let (mut rope, mut flat) = (Rope::default(), Vec::new());
        for &(len, more) in sizes {
            let octets: Vec<u8> = (0..len).map(|n| (from + flat.len() + n) as u8).collect();
            flat.extend_from_slice(&octets);
            rope.push(Payload::holding(octets.into(), len + more));
        }
        (rope, flat)
    }

    proptest! {
        #[test]
        fn joining_and_cutting_keeps_octets_and_sums(
            left in proptest::collection::vec((0usize..900, 0usize..2000), 0..30),
            right in proptest::collection::vec((0usize..900, 0usize..2000), 0..30),
            cut in 0usize..20_000, max in 1usize..3000, whole: bool,
        ) {
            let (a, mut flat) = built(&left, 0);
            let (b, more) = built(&right, flat.len());
            flat.extend_from_slice(&more);
            let mut rope = if whole {
                Rope::join(a, b)
            } else {
                let mut all = a;
                all.append(b);
                all
            };
            prop_assert_eq!(rope.len(), flat.len());
            prop_assert!(rope.held() <= flat.len() * 5 / 2 + 1024, "{} of {}", rope.held(), flat.len());
            let sum: usize = rope.chunks.iter().map(|chunk| chunk.held + CHUNK).sum();
            prop_assert_eq!(rope.held(), sum + rope.tail.capacity());
            rope.truncate(cut);
            flat.truncate(cut);
            let mut out = alloc::vec![0; flat.len() + 1];
            prop_assert_eq!(rope.peek_into(&mut out), flat.len());
            prop_assert_eq!(&out[..flat.len()], &flat[..]);
            let mut taken = Vec::new();
            while let Some(bytes) = rope.take(max) {
                prop_assert!(!bytes.is_empty() && bytes.len() <= max);
                taken.extend_from_slice(&bytes);
            }
            prop_assert_eq!(taken, flat);
            prop_assert!(rope.is_empty() && rope.held() == 0);
        }
    }
}
