//! A device of ours as one of smoltcp, for IPv4: trains, partial checksums and all.

use device::{Device, Frame};
use env::Instant;
use smoltcp::phy::{self, DeviceCapabilities, PacketMeta};
use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU16;
use wire::ipv4::View;
use wire::{Checksum, Offload, Payload, Protocol, SegmentKind, checksum};

/// Where the checksum is in a TCP header.
const CHECKSUM_AT: usize = 16;

/// A device, what came from it, and what it has not taken yet.
#[derive(Debug)]
pub(crate) struct Phy<D> {
    device: D,
    arrived: Vec<Frame>,
    taken: VecDeque<Frame>,
    left: VecDeque<Frame>,
    /// Kept for its room.
    buffer: Vec<u8>,
    broken: Option<io::Error>,
}

impl<D: Device> Phy<D> {
    pub(crate) fn new(device: D) -> Self {
        let (arrived, buffer) = (Vec::new(), Vec::new());
        Self { device, arrived, taken: VecDeque::new(), left: VecDeque::new(), buffer, broken: None }
    }

    /// The device.
    pub(crate) fn device(&self) -> &D {
        &self.device
    }

    /// Whether the device has left frames.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.left.is_empty()
    }

    /// What broke it, if anything did.
    pub(crate) fn take_error(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    fn send_left(&mut self) {
        if let Err(why) = self.device.transmit(Instant::ZERO, &mut self.left) {
            self.broken = Some(why);
        }
    }
}

impl<D: Device> super::Counted for Phy<D> {
    fn frames(&self) -> u64 {
        self.device.counters().tx_frames
    }
}

impl<D: Device> phy::Device for Phy<D> {
    type RxToken<'a>
        = Received
    where
        Self: 'a;
    type TxToken<'a>
        = ToSend<'a, D>
    where
        Self: 'a;

    fn receive(&mut self, now: smoltcp::time::Instant) -> Option<(Received, ToSend<'_, D>)> {
        if self.taken.is_empty() {
            let now =
                Instant::from_nanos(u64::try_from(now.total_micros()).unwrap_or(0).saturating_mul(1000));
            if let Err(why) = self.device.receive(now, &mut self.arrived) {
                self.broken = Some(why);
            }
            self.taken.extend(self.arrived.drain(..));
        }
        let frame = self.taken.pop_front()?;
        Some((Received(frame), ToSend { phy: self, segment_size: None }))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<ToSend<'_, D>> {
        if self.is_blocked() {
            self.send_left();
        }
        if self.is_blocked() { None } else { Some(ToSend { phy: self, segment_size: None }) }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let can = self.device.capabilities();
        super::link::capabilities(can.mtu, can.segmentation && can.checksum)
    }
}

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Received(Frame);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        // One chunk: shared, not copied.
        f(&self.0.contiguous())
    }
}

/// Room for a frame.
#[derive(Debug)]
pub(crate) struct ToSend<'a, D> {
    phy: &'a mut Phy<D>,
    segment_size: Option<NonZeroU16>,
}

impl<D: Device> phy::TxToken for ToSend<'_, D> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut buffer = std::mem::take(&mut self.phy.buffer);
        buffer.resize(len, 0);
        let result = f(&mut buffer);
        let offload = if self.phy.device.capabilities().checksum {
            complete(&mut buffer, self.segment_size)
        } else {
            Offload::default()
        };
        let body = bytes::Bytes::from(buffer);
        self.phy.left.push_back(Frame {
            body: Payload::holding(body.clone(), len),
            offload,
            ..Frame::default()
        });
        self.phy.send_left();
        // The device has written it: the buffer is ours again.
        self.phy.buffer = body.try_into_mut().map(Vec::from).unwrap_or_default();
        result
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        self.segment_size = meta.segmentation_offload_size;
    }
}

/// Fills in what smoltcp leaves to a device that takes trains: the pseudo-header's share of the checksum. Says what is
/// left for the device.
fn complete(packet: &mut [u8], segment_size: Option<NonZeroU16>) -> Offload {
    let Ok(view) = View::new(packet) else { return Offload::default() };
    let range = view.payload_range();
    if view.protocol() != Protocol::TCP {
        return Offload::default();
    }
    let sum = checksum::pseudo_header_v4(view.src(), view.dst(), Protocol::TCP, range.len() as u32).fold();
    let at = range.start + CHECKSUM_AT;
    if let Some(field) = packet.get_mut(at..at + 2) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    Offload {
        checksum: Checksum::Partial { start: range.start as u16, offset: CHECKSUM_AT as u16 },
        segment_size,
        segment_kind: segment_size.map(|_| SegmentKind::Tcp4),
    }
}
