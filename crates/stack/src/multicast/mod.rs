//! Groups that the host is in, and the reports about them.

use crate::{Delivered, HostConfig, InterfaceId, Ip};
use core::net::IpAddr;
use env::{Instant, Rng};

/// Groups that the host is in, and the reports about them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Multicast;

impl Multicast {
    pub(crate) fn new(_config: &HostConfig, _rng: &mut Rng) -> Self {
        Self
    }

    /// Whether a packet from `source` to `group` is wanted on `interface`. All-hosts, all-nodes and solicited-node
    /// groups are the caller's business.
    pub(crate) fn accepts(&self, _interface: InterfaceId, _group: IpAddr, _source: IpAddr) -> bool {
        false
    }

    /// Takes an IGMP or MLD message.
    pub(crate) fn handle_packet(&mut self, _ip: &mut Ip, _now: Instant, _packet: Delivered) {}

    /// An IPv6 address of ours wants its solicited-node group reported.
    pub(crate) fn address_added(
        &mut self,
        _ip: &mut Ip,
        _now: Instant,
        _interface: InterfaceId,
        _address: IpAddr,
    ) {
    }

    /// The address is gone.
    pub(crate) fn address_removed(
        &mut self,
        _ip: &mut Ip,
        _now: Instant,
        _interface: InterfaceId,
        _address: IpAddr,
    ) {
    }

    pub(crate) fn handle_timeout(&mut self, _ip: &mut Ip, _now: Instant) {}

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
