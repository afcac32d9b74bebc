//! Memory for what users write, used again once the peer has acknowledged it.
//!
//! ```text
//!    user's slice ──copy──► block │ block │ rest         send queue, segments: shared slices
//!                             ▲                                  │ the last one is dropped
//!                             └────────── lent, oldest first ◄───┘
//! ```
//!
//! A stream asks for hundreds of kilobytes again and again. An allocator gives such pieces back to the system as soon as
//! they are free, and the next copy pays for a page fault every 4 KiB: more than for the copy itself.

use alloc::collections::VecDeque;
use bytes::{Bytes, BytesMut};
use wire::Payload;

/// Octets in a block. What does not fill one is copied into memory of its own size, so that what is held is what is charged.
const BLOCK: usize = 16 << 10;

/// Blocks that are remembered, at most: a megabyte in all.
const REMEMBERED: usize = 64;

/// Blocks, the longest lent first. One is free when ours is the only handle.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    lent: VecDeque<Bytes>,
}

impl Blocks {
    /// A copy of `octets`.
    pub(super) fn copy_of(&mut self, octets: &[u8]) -> Payload {
        if octets.len() < BLOCK {
            return Payload::copy_of(octets);
        }
        let mut copy = Payload::EMPTY;
        for part in octets.chunks(BLOCK) {
            copy.push(if part.len() == BLOCK { self.fill(part) } else { Bytes::copy_from_slice(part) });
        }
        copy
    }

    fn fill(&mut self, octets: &[u8]) -> Bytes {
        let filled = match self.free() {
            Some(mut block) => {
                block.copy_from_slice(octets);
                block.freeze()
            }
            None => Bytes::copy_from_slice(octets),
        };
        if self.lent.len() < REMEMBERED {
            self.lent.push_back(filled.clone());
        }
        filled
    }

    /// The longest lent block if it has come back. Only that one is looked at: finding a free one is never a search.
    fn free(&mut self) -> Option<BytesMut> {
        match self.lent.pop_front()?.try_into_mut() {
            Ok(block) => Some(block),
            // Still held, perhaps for long: it goes to the end, so that it does not hide the others.
            Err(held) => {
                self.lent.push_back(held);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn a_copy_is_the_same_octets_whatever_its_length() {
        let mut blocks = Blocks::default();
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7] {
            let octets: Vec<u8> = (0..len).map(|at| (at * 31 % 251) as u8).collect();
            let copy = blocks.copy_of(&octets);
            assert_eq!((copy.len(), copy.held()), (len, len));
            assert!(copy.to_vec() == octets, "{len} octets differ");
        }
    }

    #[test]
    fn a_block_is_used_again_when_all_its_slices_are_gone_and_not_before() {
        let mut blocks = Blocks::default();
        let first = blocks.copy_of(&vec![1; BLOCK]);
        let place = first.chunks()[0].as_ptr();
        let second = blocks.copy_of(&vec![2; BLOCK]);
        assert_ne!(second.chunks()[0].as_ptr(), place);
        drop(first);
        let third = blocks.copy_of(&vec![3; 2 * BLOCK]);
        assert!(third.chunks().iter().any(|chunk| chunk.as_ptr() == place), "the first came back");
        assert!(second.to_vec() == vec![2; BLOCK], "what is still held is as it was");
        assert!(third.to_vec() == vec![3; 2 * BLOCK]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut blocks = Blocks::default();
        let held: Vec<Payload> = (0..2 * REMEMBERED).map(|n| blocks.copy_of(&vec![n as u8; BLOCK])).collect();
        assert_eq!(blocks.lent.len(), REMEMBERED);
        assert!(held.iter().enumerate().all(|(n, copy)| copy.chunks()[0][0] == n as u8));
    }
}
