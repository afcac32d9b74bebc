//! A link for two smoltcp interfaces in one thread, made to cost little: buffers go round.

use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium, PacketMeta};
use smoltcp::time::Instant;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::rc::Rc;

/// Packets that wait on each way, at most.
const QUEUE: usize = 1024;

#[derive(Debug, Default)]
struct Wire {
    waiting: [VecDeque<Vec<u8>>; 2],
    free: Vec<Vec<u8>>,
}

/// One end of a link.
#[derive(Debug)]
pub(crate) struct End {
    wire: Rc<RefCell<Wire>>,
    /// Which way it receives from; it sends on the other.
    side: usize,
    mtu: usize,
    trains: bool,
    sent: u64,
}

/// Two ends. With `trains`, checksums are left out and segments are cut by nobody: what one end sends as a train the
/// other receives as one segment.
pub(crate) fn pair(mtu: usize, trains: bool) -> (End, End) {
    let wire = Rc::new(RefCell::new(Wire::default()));
    let end = |side| End { wire: Rc::clone(&wire), side, mtu, trains, sent: 0 };
    (end(0), end(1))
}

impl super::Counted for End {
    fn frames(&self) -> u64 {
        self.sent
    }
}

/// What a device with trains can do for smoltcp: the most that an IPv4 packet can have, and no checksums.
pub(super) fn capabilities(mtu: usize, trains: bool) -> DeviceCapabilities {
    let mut can = DeviceCapabilities::default();
    can.medium = Medium::Ip;
    can.max_transmission_unit = mtu;
    if trains {
        can.checksum = ChecksumCapabilities::ignored();
        // The kernel and the other end read the header themselves; nothing else sums it.
        can.checksum.ipv4 = phy::Checksum::Both;
        can.segmentation.tcpv4 = NonZeroUsize::new(65_535);
        can.segmentation.tcpv6 = NonZeroUsize::new(65_535);
    }
    can
}

impl phy::Device for End {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, ToSend<'_>)> {
        let buffer = self.wire.borrow_mut().waiting[self.side].pop_front()?;
        let to = ToSend { wire: &self.wire, side: 1 - self.side, sent: &mut self.sent };
        Some((Received { wire: &self.wire, buffer }, to))
    }

    fn transmit(&mut self, _: Instant) -> Option<ToSend<'_>> {
        let side = 1 - self.side;
        if self.wire.borrow().waiting[side].len() >= QUEUE {
            return None;
        }
        Some(ToSend { wire: &self.wire, side, sent: &mut self.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        capabilities(self.mtu, self.trains)
    }
}

/// A packet that came.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    wire: &'a RefCell<Wire>,
    buffer: Vec<u8>,
}

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.buffer);
        self.wire.borrow_mut().free.push(self.buffer);
        result
    }
}

/// Room for a packet.
#[derive(Debug)]
pub(crate) struct ToSend<'a> {
    wire: &'a RefCell<Wire>,
    side: usize,
    sent: &'a mut u64,
}

impl phy::TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut buffer = self.wire.borrow_mut().free.pop().unwrap_or_default();
        // What was there before is written over: only growth is filled.
        buffer.resize(len, 0);
        let result = f(&mut buffer);
        *self.sent += 1;
        self.wire.borrow_mut().waiting[self.side].push_back(buffer);
        result
    }

    fn set_meta(&mut self, _: PacketMeta) {}
}
