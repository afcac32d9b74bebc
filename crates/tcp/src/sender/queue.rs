//! What the user wrote and the peer has not acknowledged.
//!
//! ```text
//!       una                nxt                 end
//!        ├─ sent ───────────┼─ not sent ────────┤
//!        │ Bytes │ Bytes │ Bytes      │ tail     │   small writes gather in the tail; what is small there is copied out
//! ```

use alloc::collections::VecDeque;
use bytes::{Bytes, BytesMut};
use wire::Payload;

/// A write of fewer octets than this is copied into the tail; larger ones are kept as they came.
const SMALL: usize = 1024;
/// The tail grows by this many octets.
const TAIL: usize = 4096;
/// So few octets of the tail are copied out of it: that costs less than to share its memory, and to keep count of that.
const COPIED: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct SendQueue {
    /// Chunks with the offset of the octet after each, from the connection's first octet on.
    chunks: VecDeque<(u64, Bytes)>,
    tail: BytesMut,
    /// Offset of the first octet kept.
    start: u64,
    /// Offset after the last octet, the tail's included.
    end: u64,
}

impl SendQueue {
    /// Octets kept.
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Octets of memory kept alive: whole chunks, all of the tail's block, and the bookkeeping.
    pub(crate) fn held(&self) -> usize {
        let begins = self.chunks.front().map(|(end, chunk)| end - chunk.len() as u64);
        let gathered = self.tail.len() as u64;
        let octets = self.end - gathered - begins.unwrap_or(self.end - gathered);
        octets as usize + self.tail.capacity() + self.chunks.len() * size_of::<(u64, Bytes)>()
    }

    /// Offset of the first octet kept.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    pub(crate) fn push(&mut self, data: Payload) {
        for chunk in data.into_chunks() {
            let len = chunk.len();
            if len < SMALL {
                self.gather(&chunk);
            } else {
                self.seal();
                self.end += len as u64;
                self.chunks.push_back((self.end, chunk));
            }
        }
    }

    /// Copies a small write.
    pub(crate) fn gather(&mut self, octets: &[u8]) {
        let len = octets.len();
        if self.tail.capacity() - self.tail.len() < len {
            // A write that is alone, as most small ones are, takes what it needs; more than one gather.
            let room = if self.len() == 0 { len } else { TAIL };
            self.seal();
            self.tail = BytesMut::with_capacity(room);
        }
        self.tail.extend_from_slice(octets);
        self.end += len as u64;
    }

    /// Makes a chunk of what gathered in the tail, sharing its memory.
    fn seal(&mut self) {
        if !self.tail.is_empty() {
            let sealed = self.tail.split().freeze();
            self.chunks.push_back((self.end, sealed));
        }
    }

    /// Up to `len` octets from offset `from` on, shared unless they are few.
    pub(crate) fn slice(&mut self, from: u64, len: usize) -> Payload {
        let gathered = self.end - self.tail.len() as u64;
        let tail = from.checked_sub(gathered).and_then(|skip| self.tail.get(skip as usize..));
        if let Some(octets) = tail.map(|tail| tail.get(..len).unwrap_or(tail))
            && octets.len() <= COPIED
        {
            return Payload::copy_of(octets);
        }
        self.seal();
        let mut payload = Payload::EMPTY;
        let mut at = from.max(self.start);
        let to = from.saturating_add(len as u64).min(self.end);
        let first = self.chunks.partition_point(|(end, _)| *end <= at);
        for (end, chunk) in self.chunks.range(first..) {
            if at >= to {
                break;
            }
            let begin = *end - chunk.len() as u64;
            let (lo, hi) = ((at - begin) as usize, (to.min(*end) - begin) as usize);
            payload.push(chunk.slice(lo..hi));
            at = to.min(*end);
        }
        payload
    }

    /// Forgets everything before offset `to`.
    pub(crate) fn release(&mut self, to: u64) {
        self.start = to.clamp(self.start, self.end);
        if self.start == self.end && self.chunks.capacity() == 0 {
            // As below, and as a rule where writes are small.
            self.tail = BytesMut::new();
            return;
        }
        while self.chunks.front().is_some_and(|(end, _)| *end <= self.start) {
            self.chunks.pop_front();
        }
        if self.start == self.end {
            // An idle connection holds no memory.
            *self = Self { start: self.start, end: self.end, ..Self::default() };
        }
    }

    /// Forgets everything from offset `from` on.
    pub(crate) fn truncate(&mut self, from: u64) {
        self.seal();
        let from = from.clamp(self.start, self.end);
        self.end = from;
        while let Some((end, chunk)) = self.chunks.pop_back() {
            let begin = end - chunk.len() as u64;
            if begin < from {
                let keep = (from.min(end) - begin) as usize;
                self.chunks.push_back((begin + keep as u64, chunk.slice(..keep)));
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn an_empty_queue_holds_no_memory() {
        let mut queue = SendQueue::default();
        queue.push(Payload::copy_of(&[1; 100]));
        queue.release(100);
        assert_eq!((queue.tail.capacity(), queue.chunks.capacity(), queue.len()), (0, 0, 0));
    }

    #[test]
    fn what_a_small_write_keeps_alive_is_counted_whole() {
        let mut queue = SendQueue::default();
        for _ in 0..10 {
            queue.push(Payload::copy_of(&[1; 10]));
            queue.slice(queue.start(), 100); // It is sent: whatever gathered is sealed.
        }
        assert!(queue.held() >= TAIL, "{}", queue.held());
        assert!(queue.held() <= TAIL + 10 * 64, "{}", queue.held());
        queue.release(100);
        assert_eq!(queue.held(), 0);
        queue.push(Payload::copy_of(&[1; 100_000]));
        queue.release(100_100 - 1);
        assert!(queue.held() >= 100_000, "the last octet holds all of its chunk");
    }

    proptest! {
        #[test]
        fn a_queue_is_a_byte_vector(
            steps in proptest::collection::vec((0u8..4, 0usize..3000, 0usize..3000), 1..60),
        ) {
            let mut queue = SendQueue::default();
            let (mut model, mut start): (Vec<u8>, usize) = (Vec::new(), 0);
            for (n, (kind, a, b)) in steps.into_iter().enumerate() {
                match kind {
                    0 => {
                        model.extend(vec![n as u8; a]);
                        queue.push(Payload::copy_of(&vec![n as u8; a]));
                    }
                    1 => {
                        let from = (start + a).min(model.len());
                        let to = (from + b).min(model.len());
                        prop_assert_eq!(queue.slice(from as u64, b).to_vec(), &model[from..to]);
                    }
                    2 => {
                        start = (start + a).min(model.len());
                        queue.release(start as u64);
                    }
                    _ if a < 300 => {
                        model.truncate((start + a).max(start));
                        queue.truncate((start + a) as u64);
                    }
                    _ => {}
                }
                prop_assert_eq!(queue.len(), model.len() - start);
            }
            prop_assert_eq!(queue.slice(start as u64, usize::MAX).to_vec(), &model[start..]);
        }
    }
}
