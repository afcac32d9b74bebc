//! The way in: link, IP, reassembly, and whose it is.

use crate::{Drop, Host, InterfaceId};
use env::Instant;
use wire::Frame;

impl Host {
    /// Takes a frame from `interface`.
    pub(crate) fn receive(&mut self, now: Instant, interface: InterfaceId, frame: Frame) {
        self.ip.drop_frame(now, Drop::InterfaceDown, interface, frame.id);
    }
}
