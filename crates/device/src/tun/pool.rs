//! Buffers to read into. The one that came back last goes out first: it is the one that the caches still know.
//!
//! ```text
//!    spare ◄── pop ── home ◄── push ── the last slice of a lent buffer is dropped, on any thread
//!      │ read                                ▲
//!      ├─ fills at least half of it ──► lent ┘    the packet is a slice of the buffer
//!      └─ less ──► copied out, and the buffer is the spare one again: no small packet holds a large buffer
//! ```

use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};

/// The most octets that wait at home: what many connections held for a while is given back.
const KEPT: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    spare: Option<Box<[u8]>>,
    home: Arc<Home>,
}

/// Where buffers come back to.
#[derive(Debug, Default)]
struct Home {
    free: Mutex<Vec<Box<[u8]>>>,
}

/// A buffer that is out.
struct Lent {
    buffer: Box<[u8]>,
    filled: usize,
    home: Arc<Home>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or(&[])
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.home.free.lock().unwrap_or_else(PoisonError::into_inner);
        if (free.len() + 1) * self.buffer.len() <= KEPT {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// A packet, and how many octets of memory it holds.
pub(super) struct Filled {
    pub(super) bytes: Bytes,
    pub(super) held: usize,
}

impl Pool {
    /// Of buffers of `size` octets.
    pub(super) fn new(size: usize) -> Self {
        Self { size, spare: None, home: Arc::default() }
    }

    /// Octets of each buffer.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn set_size(&mut self, size: usize) {
        if self.size != size {
            *self = Self::new(size);
        }
    }

    /// Lets `read` fill a buffer, and gives what it filled: `read` says how many octets that is, and anything else.
    /// When it fails, the buffer is free again.
    pub(super) fn fill<T, E>(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Result<(usize, T), E>,
    ) -> Result<(Filled, T), E> {
        let mut buffer = self.take();
        let (filled, told) = match read(&mut buffer) {
            Ok((filled, told)) => (filled.min(buffer.len()), told),
            Err(why) => {
                self.spare = Some(buffer);
                return Err(why);
            }
        };
        if filled * 2 < buffer.len() {
            let bytes = Bytes::copy_from_slice(buffer.get(..filled).unwrap_or(&[]));
            self.spare = Some(buffer);
            return Ok((Filled { bytes, held: filled }, told));
        }
        let held = buffer.len();
        let bytes = Bytes::from_owner(Lent { buffer, filled, home: Arc::clone(&self.home) });
        Ok((Filled { bytes, held }, told))
    }

    fn take(&mut self) -> Box<[u8]> {
        let home = || self.home.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.spare.take().or_else(home).unwrap_or_else(|| vec![0; self.size].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octet: u8, count: usize) -> impl Fn(&mut [u8]) -> Result<(usize, ()), ()> {
        move |buffer| {
            buffer[..count].fill(octet);
            Ok((count, ()))
        }
    }

    fn fill(pool: &mut Pool, octet: u8, count: usize) -> Filled {
        pool.fill(read(octet, count)).unwrap().0
    }

    #[test]
    fn a_buffer_is_used_again_when_its_slices_are_gone_the_last_one_first() {
        let mut pool = Pool::new(2048);
        let [first, second] = [1, 2].map(|octet| fill(&mut pool, octet, 1500));
        assert_eq!((first.held, first.bytes.len(), &first.bytes[1499..]), (2048, 1500, &[1][..]));
        let (place, slice) = (first.bytes.as_ptr(), first.bytes.slice(7..9));
        drop(first);
        let third = fill(&mut pool, 3, 1500);
        assert_ne!(third.bytes.as_ptr(), place);
        let late = second.bytes.as_ptr();
        drop(slice);
        drop(second);
        let [fourth, fifth] = [4, 5].map(|octet| fill(&mut pool, octet, 2048));
        assert_eq!((fourth.bytes.as_ptr(), fifth.bytes.as_ptr()), (late, place));
        assert_eq!(third.bytes, vec![3; 1500]);
    }

    #[test]
    fn a_small_packet_holds_no_more_than_itself_and_leaves_the_buffer() {
        let mut pool = Pool::new(65_536);
        let mut places = Vec::new();
        let mut kept = Vec::new();
        for octet in 0..9 {
            let read = |buffer: &mut [u8]| {
                places.push(buffer.as_ptr());
                buffer[..60].fill(octet);
                Ok::<_, ()>((60, ()))
            };
            kept.push(pool.fill(read).unwrap().0);
        }
        assert!(places.iter().all(|&place| place == places[0]));
        assert!(
            kept.iter().enumerate().all(|(n, packet)| packet.held == 60 && packet.bytes == vec![n as u8; 60])
        );
    }

    #[test]
    fn a_failed_read_keeps_its_buffer_and_what_waits_is_bounded() {
        let mut pool = Pool::new(65_536);
        let mut place = None;
        for _ in 0..5 {
            let failed = pool.fill(|buffer| {
                assert!(place.is_none_or(|place| place == buffer.as_ptr() as usize));
                place = Some(buffer.as_ptr() as usize);
                Err::<(usize, ()), _>("not now")
            });
            assert_eq!(failed.err(), Some("not now"));
        }
        let held: Vec<_> = (0..200).map(|n| fill(&mut pool, n as u8, 65_000)).collect();
        assert!(held.iter().enumerate().all(|(n, packet)| packet.bytes[64_999] == n as u8));
        drop(held);
        assert_eq!(pool.home.free.lock().unwrap().len() * 65_536, KEPT);
        pool.set_size(4096);
        assert_eq!(fill(&mut pool, 1, 4096).bytes.len(), 4096);
    }

    #[test]
    fn buffers_come_back_from_other_threads_and_after_the_pool_is_gone() {
        let mut pool = Pool::new(2048);
        let packet = fill(&mut pool, 1, 2000);
        let place = packet.bytes.as_ptr() as usize;
        std::thread::spawn(move || drop(packet)).join().unwrap();
        let again = fill(&mut pool, 2, 2000);
        assert_eq!(again.bytes.as_ptr() as usize, place);
        drop(pool);
        assert_eq!(again.bytes, vec![2; 2000]);
    }
}
