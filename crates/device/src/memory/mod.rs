//! Two devices joined back to back: what one sends, the other receives.
//!
//! ```text
//!    Memory ──► queue (bounded) ──► Memory          pair():  one thread, no lock, nothing to wait on
//!           ◄── queue (bounded) ◄──                 wired(): any threads, each end an fd to wait on
//! ```
//!
//! Nothing is lost here unless [`Overflow::Drop`] is asked for: a full queue makes its sender wait. Loss and delay
//! are [`crate::impair`]'s.

use crate::{BATCH, Capabilities, Counters, Device, Instant, finish, ip_offset};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use wire::{Frame, Head};

#[cfg(target_os = "linux")]
mod wired;
#[cfg(target_os = "linux")]
pub use wired::{Wired, wired};

/// What a full queue does to its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It waits: frames stay in the queue that it offered.
    #[default]
    Wait,
    /// Its frames are dropped and counted in [`Counters::tx_queue_full`].
    Drop,
}

/// What a pair is like; the same at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Medium, MTU and offloads. With segmentation, trains travel whole; with checksum, a partial one stays so, and
    /// the receiver may take it as verified.
    pub capabilities: Capabilities,
    /// Frames that may wait in each direction (a train that is cut may overshoot). Default 1,024.
    pub queue: usize,
    /// What happens to the next one.
    pub overflow: Overflow,
}

impl Default for Config {
    fn default() -> Self {
        Self { capabilities: Capabilities::default(), queue: 1024, overflow: Overflow::Wait }
    }
}

/// One direction of a pair.
#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Frame>,
    /// Its receiver is gone.
    closed: bool,
    /// Its sender had to leave frames behind, and waits for room.
    stuck: bool,
}

/// What an end keeps for itself.
#[derive(Debug)]
struct End {
    config: Config,
    counters: Counters,
}

impl End {
    fn new(config: Config) -> Self {
        Self { config, counters: Counters::default() }
    }

    fn receive(&mut self, lane: &mut Lane, now: Instant, out: &mut Vec<Frame>) -> usize {
        let count = lane.waiting.len().min(BATCH);
        for frame in lane.waiting.drain(..count) {
            self.counters.received(frame.len());
            out.push(Frame { arrived: now, leaves: Instant::ZERO, ..frame });
        }
        count
    }

    fn transmit(&mut self, lane: &mut Lane, frames: &mut VecDeque<Frame>) -> usize {
        let Config { capabilities, queue, overflow } = self.config;
        let mut taken = 0;
        while overflow == Overflow::Drop || lane.closed || lane.waiting.len() < queue {
            let Some(frame) = frames.pop_front() else { break };
            taken += 1;
            let counters = &mut self.counters;
            let whole = finish(frame, &capabilities, &mut |packet: Frame| {
                let Some(ip) = ip_offset(capabilities.medium, packet_start(&packet)) else {
                    counters.tx_malformed += 1;
                    return;
                };
                if packet.offload.segment_size.is_none()
                    && packet.len() - ip.min(packet.len()) > capabilities.mtu
                {
                    counters.tx_too_large += 1;
                } else if lane.closed {
                    counters.tx_no_peer += 1;
                } else if overflow == Overflow::Drop && lane.waiting.len() >= queue {
                    counters.tx_queue_full += 1;
                } else {
                    counters.sent(packet.len());
                    lane.waiting.push_back(landed(packet));
                }
            });
            if !whole {
                self.counters.tx_malformed += 1;
            }
        }
        lane.stuck = !frames.is_empty();
        taken
    }
}

/// Enough of a frame's beginning to find its IP header.
pub(crate) fn packet_start(frame: &Frame) -> &[u8] {
    match frame.head.as_slice() {
        [] => frame.body.chunks().first().map_or(&[], |chunk| chunk),
        head => head,
    }
}

/// A sent frame as a received one: head and body in one slice. A body that is one chunk without a head is shared.
pub(crate) fn landed(frame: Frame) -> Frame {
    if frame.head.as_slice().is_empty() && frame.body.chunks().len() <= 1 {
        return frame;
    }
    Frame { head: Head::new(), body: frame.to_vec().into(), ..frame }
}

/// One end of a pair for one thread, made by [`pair`].
#[derive(Debug)]
pub struct Memory {
    end: End,
    lanes: Rc<RefCell<[Lane; 2]>>,
    /// Which lane it receives from; it sends on the other.
    side: usize,
}

/// Two devices, each the other's peer. They must be turned by one thread; see [`wired`] for several.
///
/// ```
/// use handfast_device::{Device, Frame, Instant, memory};
/// let (mut a, mut b) = memory::pair(memory::Config::default());
/// let packet = Frame { body: b"\x45 and more".into(), ..Frame::default() };
/// a.transmit(Instant::ZERO, &mut [packet].into())?;
/// let mut got = Vec::new();
/// assert_eq!(b.receive(Instant::from_millis(3), &mut got)?, 1);
/// assert_eq!(got[0].arrived, Instant::from_millis(3));
/// # Ok::<_, std::io::Error>(())
/// ```
pub fn pair(config: Config) -> (Memory, Memory) {
    let lanes = Rc::new(RefCell::new([Lane::default(), Lane::default()]));
    let end = |side| Memory { end: End::new(config), lanes: Rc::clone(&lanes), side };
    (end(0), end(1))
}

impl Memory {
    /// Frames that wait to be received at this end.
    pub fn waiting(&self) -> usize {
        self.lanes.borrow()[self.side].waiting.len()
    }

    /// Changes the MTU of what this end sends.
    pub fn set_mtu(&mut self, mtu: usize) {
        self.end.config.capabilities.mtu = mtu;
    }
}

impl Device for Memory {
    fn capabilities(&self) -> Capabilities {
        self.end.config.capabilities
    }

    fn receive(&mut self, now: Instant, out: &mut Vec<Frame>) -> io::Result<usize> {
        Ok(self.end.receive(&mut self.lanes.borrow_mut()[self.side], now, out))
    }

    fn transmit(&mut self, _: Instant, frames: &mut VecDeque<Frame>) -> io::Result<usize> {
        Ok(self.end.transmit(&mut self.lanes.borrow_mut()[1 - self.side], frames))
    }

    fn counters(&self) -> Counters {
        self.end.counters
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let lane = &mut self.lanes.borrow_mut()[self.side];
        lane.closed = true;
        lane.waiting = VecDeque::new();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A frame of `len` octets that are all `fill`.
    pub(crate) fn frame(fill: u8, len: usize) -> Frame {
        Frame { body: vec![fill; len].into(), id: fill.into(), ..Frame::default() }
    }

    #[test]
    fn what_one_end_sends_the_other_receives_in_order_and_stamped() {
        let (mut a, mut b) = pair(Config::default());
        let mut sent: VecDeque<_> = (1..=3).map(|n| frame(n, 20)).collect();
        sent[1].head.prepend(2).unwrap().copy_from_slice(&[7, 7]);
        assert_eq!(a.transmit(Instant::ZERO, &mut sent).unwrap(), 3);
        let mut got = Vec::new();
        assert_eq!(a.receive(Instant::ZERO, &mut got).unwrap(), 0);
        assert_eq!(b.receive(Instant::from_secs(1), &mut got).unwrap(), 3);
        assert_eq!(got.iter().map(|f| f.id).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(got.iter().all(|f| f.arrived == Instant::from_secs(1) && f.head.as_slice().is_empty()));
        assert_eq!(got[1].body.chunks().len(), 1);
        assert_eq!(got[1].body.to_vec()[..3], [7, 7, 2]);
        assert_eq!((a.counters().tx_frames, b.counters().rx_octets), (3, 62));
    }

    #[test]
    fn a_full_queue_leaves_frames_with_their_sender() {
        let (mut a, mut b) = pair(Config { queue: 2, ..Config::default() });
        let mut sent: VecDeque<_> = (1..=5).map(|n| frame(n, 20)).collect();
        assert_eq!(a.transmit(Instant::ZERO, &mut sent).unwrap(), 2);
        assert_eq!(a.transmit(Instant::ZERO, &mut sent).unwrap(), 0);
        assert_eq!((sent.len(), b.waiting()), (3, 2));
        let mut got = Vec::new();
        b.receive(Instant::ZERO, &mut got).unwrap();
        a.transmit(Instant::ZERO, &mut sent).unwrap();
        assert_eq!((sent.len(), sent[0].id), (1, 5));
    }

    #[test]
    fn a_full_queue_that_drops_counts_what_it_drops() {
        let (mut a, mut b) = pair(Config { queue: 2, overflow: Overflow::Drop, ..Config::default() });
        let mut sent: VecDeque<_> = (1..=5).map(|n| frame(n, 20)).collect();
        assert_eq!(a.transmit(Instant::ZERO, &mut sent).unwrap(), 5);
        assert_eq!((a.counters().tx_frames, a.counters().tx_queue_full), (2, 3));
        let mut got = Vec::new();
        assert_eq!(b.receive(Instant::ZERO, &mut got).unwrap(), 2);
    }

    #[test]
    fn a_batch_is_bounded() {
        let (mut a, mut b) = pair(Config::default());
        a.transmit(Instant::ZERO, &mut (0..100).map(|n| frame(n, 20)).collect()).unwrap();
        let mut got = Vec::new();
        assert_eq!(b.receive(Instant::ZERO, &mut got).unwrap(), BATCH);
        assert_eq!(b.receive(Instant::ZERO, &mut got).unwrap(), 100 - BATCH);
    }

    #[test]
    fn larger_than_the_mtu_is_dropped_and_counted() {
        let (mut a, b) = pair(Config::default());
        a.transmit(Instant::ZERO, &mut [frame(1, 1500), frame(2, 1501)].into()).unwrap();
        assert_eq!((a.counters().tx_frames, a.counters().tx_too_large, b.waiting()), (1, 1, 1));
        a.set_mtu(1280);
        a.transmit(Instant::ZERO, &mut [frame(1, 1500)].into()).unwrap();
        assert_eq!(a.counters().tx_too_large, 2);
        let ethernet = Capabilities { medium: crate::Medium::Ethernet, ..Capabilities::default() };
        let (mut a, _b) = pair(Config { capabilities: ethernet, ..Config::default() });
        a.transmit(Instant::ZERO, &mut [frame(1, 1514), frame(2, 1515), frame(3, 9)].into()).unwrap();
        assert_eq!((a.counters().tx_frames, a.counters().tx_too_large, a.counters().tx_malformed), (1, 1, 1));
    }

    #[test]
    fn a_peer_that_is_gone_is_counted_not_waited_for() {
        let (mut a, b) = pair(Config { queue: 1, ..Config::default() });
        drop(b);
        assert_eq!(a.transmit(Instant::ZERO, &mut [frame(1, 20), frame(2, 20)].into()).unwrap(), 2);
        assert_eq!(a.counters().tx_no_peer, 2);
    }
}
