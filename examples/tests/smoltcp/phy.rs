//! One of our devices as one of smoltcp's.

use device::{Device, Frame, memory::Memory};
use env::Instant;
use smoltcp::phy::{DeviceCapabilities, Medium, RxToken, TxToken};
use std::collections::VecDeque;

/// The device, what came from it, and what it is to send.
#[derive(Debug)]
pub(crate) struct Phy {
    device: Memory,
    arrived: VecDeque<Frame>,
    left: VecDeque<Frame>,
}

impl Phy {
    pub(crate) fn new(device: Memory) -> Self {
        Self { device, arrived: VecDeque::new(), left: VecDeque::new() }
    }

    /// Hands over what was left to send, and takes what has come. Whether anything has.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        self.device.transmit(now, &mut self.left).unwrap();
        let mut frames = Vec::new();
        self.device.receive(now, &mut frames).unwrap();
        self.arrived.extend(frames);
        !self.arrived.is_empty()
    }
}

impl smoltcp::phy::Device for Phy {
    type RxToken<'a> = Received;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, ToSend<'_>)> {
        let frame = self.arrived.pop_front()?;
        Some((Received(frame), ToSend(&mut self.left)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<ToSend<'_>> {
        Some(ToSend(&mut self.left))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut can = DeviceCapabilities::default();
        can.medium = Medium::Ip;
        can.max_transmission_unit = self.device.capabilities().mtu;
        can
    }
}

#[derive(Debug)]
pub(crate) struct Received(Frame);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0.to_vec())
    }
}

#[derive(Debug)]
pub(crate) struct ToSend<'a>(&'a mut VecDeque<Frame>);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push_back(Frame { body: packet.into(), ..Frame::default() });
        result
    }
}
