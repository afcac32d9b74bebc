//! UDP sockets.

use crate::{Delivered, HostConfig, HostEvent, IcmpError, Ip};
use core::net::IpAddr;
use env::{Instant, Rng};

/// UDP sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Udp;

impl Udp {
    pub(crate) fn new(_config: &HostConfig, _rng: &mut Rng) -> Self {
        Self
    }

    pub(crate) fn handle_packet(&mut self, _ip: &mut Ip, _now: Instant, _packet: Delivered) {}

    /// Takes an ICMP error; `true` when the packet that it quotes is really ours.
    pub(crate) fn handle_icmp(&mut self, _ip: &mut Ip, _now: Instant, _error: &IcmpError) -> bool {
        false
    }

    /// The path MTU to `dst` changed.
    pub(crate) fn handle_path_mtu(&mut self, _ip: &mut Ip, _now: Instant, _dst: IpAddr) {}

    /// The neighbour on the way to `dst` did not answer.
    pub(crate) fn handle_unreachable(&mut self, _ip: &mut Ip, _now: Instant, _dst: IpAddr) {}

    pub(crate) fn handle_timeout(&mut self, _ip: &mut Ip, _now: Instant) {}

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Sends one train, and says whether it did.
    pub(crate) fn poll_transmit(&mut self, _ip: &mut Ip, _now: Instant) -> bool {
        false
    }

    pub(crate) fn poll_event(&mut self) -> Option<HostEvent> {
        None
    }
}
