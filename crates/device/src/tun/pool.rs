//! Buffers to read into, used again once nobody holds a slice of them.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// How many buffers are remembered: enough for what is in the stack's hands during a turn or two.
const REMEMBERED: usize = 128;

#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    /// Whole buffers, the longest lent first. One is free when ours is the only handle.
    lent: VecDeque<Bytes>,
}

impl Default for Pool {
    fn default() -> Self {
        Self { size: 2048, lent: VecDeque::new() }
    }
}

impl Pool {
    /// Octets of each buffer.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn set_size(&mut self, size: usize) {
        if self.size != size {
            self.size = size;
            self.lent.clear();
        }
    }

    /// Lets `read` fill a buffer, and gives the part that it filled. When it fails, the buffer is free again.
    pub(super) fn fill<E>(&mut self, read: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Bytes, E> {
        let mut buffer = self.free().unwrap_or_else(|| BytesMut::zeroed(self.size));
        let result = read(&mut buffer);
        let whole = buffer.freeze();
        let filled = match &result {
            Ok(count) => whole.slice(..whole.len().min(*count)),
            Err(_) => Bytes::new(),
        };
        if result.is_ok() {
            self.lent.push_back(whole);
        } else {
            self.lent.push_front(whole);
        }
        if self.lent.len() > REMEMBERED {
            self.lent.pop_front();
        }
        result.map(|_| filled)
    }

    /// The longest lent buffer if it has come back. Only that one is looked at: finding a free one is never a search.
    fn free(&mut self) -> Option<BytesMut> {
        match self.lent.pop_front()?.try_into_mut() {
            Ok(buffer) => Some(buffer),
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

    fn read(octet: u8) -> impl Fn(&mut [u8]) -> Result<usize, ()> {
        move |buffer| {
            buffer[..3].fill(octet);
            Ok(3)
        }
    }

    #[test]
    fn a_buffer_is_used_again_when_its_slices_are_gone_and_not_before() {
        let mut pool = Pool::default();
        let first = pool.fill(read(1)).unwrap();
        let place = first.as_ptr();
        let second = pool.fill(read(2)).unwrap();
        assert_eq!((&first[..], &second[..]), (&[1, 1, 1][..], &[2, 2, 2][..]));
        assert_ne!(second.as_ptr(), place);
        drop(first);
        let mut seen = Vec::new();
        for octet in 3..9 {
            let next = pool.fill(read(octet)).unwrap();
            assert_eq!(next, vec![octet; 3]);
            seen.push(next.as_ptr());
        }
        assert!(seen.contains(&place));
        assert_eq!(second, vec![2; 3]);
    }

    #[test]
    fn a_failed_read_keeps_its_buffer_and_what_is_remembered_is_bounded() {
        let mut pool = Pool::default();
        let mut place = None;
        for _ in 0..5 {
            let failed = pool.fill(|buffer| {
                assert!(place.is_none_or(|place| place == buffer.as_ptr() as usize));
                place = Some(buffer.as_ptr() as usize);
                Err::<usize, _>("not now")
            });
            assert_eq!(failed, Err("not now"));
        }
        let held: Vec<_> = (0..3 * REMEMBERED).map(|n| pool.fill(read(n as u8)).unwrap()).collect();
        assert_eq!(pool.lent.len(), REMEMBERED);
        assert!(held.iter().enumerate().all(|(n, bytes)| bytes[0] == n as u8));
        pool.set_size(4096);
        assert_eq!(pool.fill(|buffer| Ok::<_, ()>(buffer.len())).unwrap().len(), 4096);
    }
}
