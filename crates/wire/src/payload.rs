//! What travels: reference-counted slices, never copied on the way.
//!
//! ```text
//!    device buffer (2 KiB … 64 KiB)          user's Bytes     user's Bytes
//!    ┌────┬───────────────────────┐          ┌─────────┐      ┌──────────────┐
//!    │hdr │ payload ◄── one slice │          │  ◄──────┼──────┼───► slices    │
//!    └────┴───────────────────────┘          └─────────┘      └──────────────┘
//!         received: one chunk                 sent: as many chunks as the user wrote
//! ```

use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::Range;

/// Octets in zero or more reference-counted chunks.
///
/// `held` is what the octets keep in memory: a small slice of a large receive buffer holds all of it. Memory
/// budgets charge `held`, not `len`.
#[derive(Clone, Default)]
pub struct Payload {
    chunks: Chunks,
    // Half a word each: payloads are handed on many times.
    len: u32,
    held: u32,
}

#[derive(Clone)]
enum Chunks {
    /// An empty one when there is none.
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Default for Chunks {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

/// Four gigabytes are more than anything that travels has.
const fn narrow(octets: usize) -> u32 {
    if octets > u32::MAX as usize { u32::MAX } else { octets as u32 }
}

impl Payload {
    /// No octets.
    pub const EMPTY: Self = Self { chunks: Chunks::One(Bytes::new()), len: 0, held: 0 };

    /// One chunk that keeps `held` octets of memory alive; at least its own length.
    pub fn holding(bytes: Bytes, held: usize) -> Self {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        let len = narrow(bytes.len());
        Self { len, held: narrow(held).max(len), chunks: Chunks::One(bytes) }
    }

    /// A fresh copy of `octets`.
    pub fn copy_of(octets: &[u8]) -> Self {
        Bytes::copy_from_slice(octets).into()
    }

    /// How many octets.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets of memory that are kept alive.
    pub const fn held(&self) -> usize {
        self.held as usize
    }

    /// The same octets, known to keep `held` octets of memory alive; at least their own length.
    pub(crate) fn with_held(mut self, held: usize) -> Self {
        self.held = if self.len == 0 { 0 } else { narrow(held).max(self.len) };
        self
    }

    /// The chunks, in order; none is empty.
    pub fn chunks(&self) -> &[Bytes] {
        match &self.chunks {
            Chunks::One(_) if self.len == 0 => &[],
            Chunks::One(chunk) => core::slice::from_ref(chunk),
            Chunks::Many(chunks) => chunks,
        }
    }

    /// Takes the chunks out, in order.
    pub fn into_chunks(self) -> impl Iterator<Item = Bytes> {
        let (one, many) = match self.chunks {
            Chunks::One(chunk) => (Some(chunk).filter(|chunk| !chunk.is_empty()), Vec::new()),
            Chunks::Many(chunks) => (None, chunks),
        };
        one.into_iter().chain(many)
    }

    /// Adds a chunk at the end; an empty one is forgotten.
    pub fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        let empty = self.len == 0;
        self.len = self.len.saturating_add(narrow(chunk.len()));
        self.held = self.held.saturating_add(narrow(chunk.len()));
        if empty {
            self.chunks = Chunks::One(chunk);
            return;
        }
        self.chunks = match core::mem::take(&mut self.chunks) {
            Chunks::One(first) => Chunks::Many(Vec::from([first, chunk])),
            Chunks::Many(mut chunks) => {
                chunks.push(chunk);
                Chunks::Many(chunks)
            }
        };
    }

    /// The octets of `range`, clipped to what there is; shares memory, so it holds as much as `self`.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len());
        let mut skip = range.start.min(end);
        let mut want = end - skip;
        if want == self.len() {
            return self.clone();
        }
        let mut part = Self::EMPTY;
        for chunk in self.chunks() {
            if want == 0 {
                break;
            }
            if skip >= chunk.len() {
                skip -= chunk.len();
                continue;
            }
            let take = want.min(chunk.len() - skip);
            part.push(chunk.slice(skip..skip + take));
            skip = 0;
            want -= take;
        }
        part.held = if part.len == 0 { 0 } else { self.held.max(part.len) };
        part
    }

    /// Drops the first `count` octets.
    pub fn advance(&mut self, count: usize) {
        if let Chunks::One(chunk) = &mut self.chunks
            && count < self.len as usize
        {
            // In place: another handle would be counted, and one less again.
            bytes::Buf::advance(chunk, count);
            self.len -= narrow(count);
            return;
        }
        *self = self.slice(count.min(self.len())..self.len());
    }

    /// Drops all octets after the first `len`.
    pub fn truncate(&mut self, len: usize) {
        if let Chunks::One(chunk) = &mut self.chunks
            && len > 0
            && len < self.len as usize
        {
            chunk.truncate(len);
            self.len = narrow(len);
            return;
        }
        if len < self.len() {
            *self = self.slice(0..len);
        }
    }

    /// Copies as many octets as fit into `out`, and says how many.
    pub fn copy_to(&self, out: &mut [u8]) -> usize {
        let mut at = 0;
        for chunk in self.chunks() {
            let Some(room) = out.get_mut(at..) else { break };
            let take = room.len().min(chunk.len());
            room[..take].copy_from_slice(&chunk[..take]);
            at += take;
        }
        at
    }

    /// All octets as one slice: shares when there is one chunk, else copies once.
    pub fn contiguous(&self) -> Bytes {
        match &self.chunks {
            Chunks::One(chunk) => chunk.clone(),
            Chunks::Many(_) => self.to_vec().into(),
        }
    }

    /// The same of a payload that nobody needs any more: no handle is counted for it.
    pub fn into_contiguous(self) -> Bytes {
        match self.chunks {
            Chunks::One(chunk) => chunk,
            _ => self.contiguous(),
        }
    }

    /// A copy of all octets.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        for chunk in self.chunks() {
            all.extend_from_slice(chunk);
        }
        all
    }

    /// The same octets, copied into memory of their own size when they hold more than twice that.
    #[must_use]
    pub fn compact(self) -> Self {
        if self.held <= self.len.saturating_mul(2) { self } else { Self::copy_of(&self.to_vec()) }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let held = bytes.len();
        Self::holding(bytes, held)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(octets: Vec<u8>) -> Self {
        let held = octets.capacity();
        Self::holding(octets.into(), held)
    }
}

impl From<&'static [u8]> for Payload {
    fn from(octets: &'static [u8]) -> Self {
        Bytes::from_static(octets).into()
    }
}

impl<const N: usize> From<&'static [u8; N]> for Payload {
    fn from(octets: &'static [u8; N]) -> Self {
        Bytes::from_static(octets).into()
    }
}

/// Equal when the octets are, however they are cut.
impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        let octets = |payload: &Self| payload.chunks().iter().flatten().copied().collect::<Vec<u8>>();
        self.len == other.len
            && match (self.chunks(), other.chunks()) {
                ([one], [two]) => one == two,
                _ => octets(self) == octets(other),
            }
    }
}

impl Eq for Payload {}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Payload({} octets", self.len)?;
        for chunk in self.chunks().iter().take(1) {
            write!(f, ", {:?}", chunk.slice(..chunk.len().min(16)))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_slice_of_a_large_buffer_is_copied_when_compacted() {
        let buffer = Bytes::from(alloc::vec![7; 4096]);
        let small = Payload::holding(buffer.slice(0..100), 4096);
        assert_eq!((small.len(), small.held()), (100, 4096));
        let small = small.compact();
        assert_eq!((small.len(), small.held()), (100, 100));
        let large = Payload::holding(buffer.slice(0..3000), 4096).compact();
        assert_eq!(large.held(), 4096);
    }

    proptest! {
        #[test]
        fn slicing_a_rope_is_slicing_its_octets(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..6),
            a in 0usize..130, b in 0usize..130,
        ) {
            let mut rope = Payload::EMPTY;
            parts.iter().for_each(|part| rope.push(part.clone().into()));
            let flat: Vec<u8> = parts.concat();
            let (start, end) = (a.min(b), a.max(b));
            let expected = &flat[start.min(flat.len())..end.min(flat.len())];
            let part = rope.slice(start..end);
            prop_assert_eq!(part.to_vec(), expected);
            prop_assert_eq!(part.len(), expected.len());
            prop_assert!(part.held() >= part.len());
            prop_assert!(part.chunks().iter().all(|chunk| !chunk.is_empty()));
            let mut copy = std::vec![0; expected.len()];
            prop_assert_eq!(part.copy_to(&mut copy), expected.len());
            prop_assert_eq!(&copy, expected);
            let mut shorter = rope.clone();
            shorter.truncate(end);
            shorter.advance(start);
            prop_assert_eq!(shorter, part);
        }
    }
}
