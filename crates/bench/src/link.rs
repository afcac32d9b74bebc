//! A link for two hosts of ours in one thread: each frame is copied once, into a buffer that goes round.
//!
//! ```text
//!    a ── head, body ──copy──► buffer ──► b        small frames and trains have buffers of their own sizes
//!              lent buffers, oldest first ◄── the last slice is dropped
//! ```

use bytes::BytesMut;
use device::{BATCH, Capabilities, Counters, Device, Frame, Instant, finish};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use wire::{Head, Payload};

/// Frames that wait on each way, at most.
const QUEUE: usize = 1024;
/// Buffers of one size that are remembered, at most.
const REMEMBERED: usize = 1024;
/// Octets of the smaller buffers.
const SMALL: usize = 2048;
/// Octets of the larger ones.
const LARGE: usize = 65_536;

#[derive(Debug, Default)]
struct Wire {
    waiting: [VecDeque<Frame>; 2],
    small: VecDeque<BytesMut>,
    large: VecDeque<BytesMut>,
}

impl Wire {
    /// A frame as it arrives: head and body in one buffer.
    fn land(&mut self, frame: Frame) -> Frame {
        let len = frame.len();
        let (lent, size) = if len <= SMALL { (&mut self.small, SMALL) } else { (&mut self.large, LARGE) };
        let mut buffer = match lent.pop_front() {
            None => BytesMut::with_capacity(size),
            Some(mut buffer) => {
                // All of it is there again when nobody holds a part of it any more.
                if !buffer.try_reclaim(size) {
                    lent.push_back(core::mem::replace(&mut buffer, BytesMut::with_capacity(size)));
                }
                buffer
            }
        };
        buffer.extend_from_slice(frame.head.as_slice());
        frame.body.chunks().iter().for_each(|chunk| buffer.extend_from_slice(chunk));
        let octets = buffer.split().freeze();
        if lent.len() < REMEMBERED {
            lent.push_back(buffer);
        }
        // A buffer's room beyond a small frame is not charged to it: the pool holds it in any case.
        Frame { head: Head::new(), body: Payload::holding(octets, len), ..frame }
    }
}

/// One end of a link.
#[derive(Debug)]
pub(crate) struct End {
    wire: Rc<RefCell<Wire>>,
    /// Which way it receives from; it sends on the other.
    side: usize,
    can: Capabilities,
    counters: Counters,
}

/// Two ends of these capabilities.
pub(crate) fn pair(can: Capabilities) -> (End, End) {
    let wire = Rc::new(RefCell::new(Wire::default()));
    let end = |side| End { wire: Rc::clone(&wire), side, can, counters: Counters::default() };
    (end(0), end(1))
}

impl Device for End {
    fn capabilities(&self) -> Capabilities {
        self.can
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        let waiting = &mut self.wire.borrow_mut().waiting[self.side];
        let count = waiting.len().min(BATCH);
        for mut frame in waiting.drain(..count) {
            self.counters.rx_frames += 1;
            self.counters.rx_octets += frame.len() as u64;
            frame.arrived = now;
            out.push(frame);
        }
        Ok(count)
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        let wire = &mut *self.wire.borrow_mut();
        let mut taken = 0;
        while wire.waiting[1 - self.side].len() < QUEUE {
            let Some(frame) = frames.pop_front() else { break };
            taken += 1;
            let sent = finish(frame, &self.can, &mut |packet| {
                self.counters.tx_frames += 1;
                self.counters.tx_octets += packet.len() as u64;
                let landed = wire.land(packet);
                wire.waiting[1 - self.side].push_back(landed);
            });
            self.counters.tx_malformed += u64::from(!sent);
        }
        Ok(taken)
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
