//! The pair for several threads: a lock around the queues, and an eventfd for each end to wait on.

use super::{Config, End, Lane};
use crate::{Capabilities, Counters, Device, Instant};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::Frame;

#[derive(Debug)]
struct Shared {
    lanes: Mutex<[Lane; 2]>,
    /// Readable while something waits for that side, or while room was made for what it could not send.
    wake: [OwnedFd; 2],
}

impl Shared {
    /// A thread that died while it held the lock leaves whole frames behind: the queue is still sound.
    fn lanes(&self) -> MutexGuard<'_, [Lane; 2]> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, side: usize) -> io::Result<()> {
        match rustix::io::write(&self.wake[side], &1u64.to_ne_bytes()) {
            // The counter is at its limit: it is as readable as can be.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }
}

/// One end of a pair that may be sent to another thread, made by [`wired`].
#[derive(Debug)]
pub struct Wired {
    end: End,
    shared: Arc<Shared>,
    /// Which lane it receives from; it sends on the other.
    side: usize,
}

/// Two devices, each the other's peer, with a descriptor each that becomes readable when there is something to
/// receive, or room again for what could not be sent.
///
/// # Errors
/// The system has no more descriptors.
pub fn wired(config: Config) -> io::Result<(Wired, Wired)> {
    let wake = || eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
    let shared = Arc::new(Shared { lanes: Mutex::default(), wake: [wake()?, wake()?] });
    let end = |side| Wired { end: End::new(config), shared: Arc::clone(&shared), side };
    Ok((end(0), end(1)))
}

impl Device for Wired {
    fn capabilities(&self) -> Capabilities {
        self.end.config.capabilities
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        // Calm the descriptor first: a wake-up that comes while we drain must not be lost.
        match rustix::io::read(&self.shared.wake[self.side], &mut [0; 8]) {
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(why) => return Err(why.into()),
        }
        let mut lanes = self.shared.lanes();
        let lane = &mut lanes[self.side];
        let count = self.end.receive(lane, now, out);
        let (more, stuck) = (!lane.waiting.is_empty(), std::mem::take(&mut lane.stuck));
        drop(lanes);
        if more {
            self.shared.wake(self.side)?;
        }
        if stuck {
            self.shared.wake(1 - self.side)?;
        }
        Ok(count)
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let taken = self.end.transmit(&mut self.shared.lanes()[1 - self.side], frames);
        if taken > 0 {
            self.shared.wake(1 - self.side)?;
        }
        Ok(taken)
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.shared.wake[self.side].as_fd())
    }

    fn counters(&self) -> Counters {
        self.end.counters
    }
}

impl Drop for Wired {
    fn drop(&mut self) {
        let mut lanes = self.shared.lanes();
        let lane = &mut lanes[self.side];
        lane.closed = true;
        lane.waiting = VecDeque::new();
        drop(lanes);
        // Whoever waits for room learns that there is nobody to wait for. Nothing more can be done if that fails.
        let _ = self.shared.wake(1 - self.side);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::frame;
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn readable(device: &Wired) -> bool {
        let fd = device.fd().unwrap();
        poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn its_descriptor_says_when_there_is_something_to_receive() {
        let (mut a, mut b) = wired(Config::default()).unwrap();
        assert!(!readable(&b));
        a.transmit(Instant::ZERO, &mut (0..100).map(|n| frame(n, 20)).collect()).unwrap();
        let mut got = Vec::new();
        while readable(&b) {
            assert!(b.receive(Instant::ZERO, &mut got).unwrap() > 0);
        }
        assert_eq!(got.len(), 100);
        assert!(!readable(&a));
    }

    #[test]
    fn its_descriptor_says_when_there_is_room_again() {
        let (mut a, mut b) = wired(Config { queue: 1, ..Config::default() }).unwrap();
        let mut sent: VecDeque<_> = [frame(1, 20), frame(2, 20)].into();
        a.transmit(Instant::ZERO, &mut sent).unwrap();
        assert!(!readable(&a));
        b.receive(Instant::ZERO, &mut Vec::new()).unwrap();
        assert!(readable(&a));
        a.receive(Instant::ZERO, &mut Vec::new()).unwrap();
        assert!(!readable(&a));
        a.transmit(Instant::ZERO, &mut sent).unwrap();
        assert!(sent.is_empty() && readable(&b));
        drop(b);
        assert!(readable(&a));
    }

    #[test]
    fn an_end_moves_to_another_thread_and_ten_thousand_frames_cross_in_order() {
        let (mut a, mut b) = wired(Config { queue: 16, ..Config::default() }).unwrap();
        let wait = |device: &Wired| {
            let fd = device.fd().unwrap();
            poll(&mut [PollFd::new(&fd, PollFlags::IN)], None).unwrap();
        };
        let sender = std::thread::spawn(move || {
            let mut frames: VecDeque<_> = (0..10_000).map(|id| Frame { id, ..frame(1, 20) }).collect();
            while !frames.is_empty() {
                if a.transmit(Instant::ZERO, &mut frames).unwrap() == 0 {
                    wait(&a);
                    a.receive(Instant::ZERO, &mut Vec::new()).unwrap();
                }
            }
            a
        });
        let mut got = Vec::new();
        while got.len() < 10_000 {
            wait(&b);
            b.receive(Instant::ZERO, &mut got).unwrap();
        }
        assert!(got.iter().map(|frame| frame.id).eq(0..10_000));
        assert_eq!(sender.join().unwrap().counters().tx_frames, 10_000);
    }
}
