//! The routing table: longest prefix first.

use crate::interface::Interface;
use crate::neighbour::Routers;
use crate::{Cidr, InterfaceId};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::IpAddr;

/// A route that was configured, or learned from a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RouteEntry {
    /// Where it leads: a network, or [`Cidr::ALL_V4`] / [`Cidr::ALL_V6`] for everywhere else.
    pub destination: Cidr,
    /// Through which router; `None` when the destinations are neighbours.
    pub gateway: Option<IpAddr>,
    /// Through which interface.
    pub interface: InterfaceId,
    /// The smaller is preferred among routes to the same network.
    pub metric: u32,
}

/// Routes beyond the networks that the interfaces' own addresses name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    entries: Vec<RouteEntry>,
}

impl Table {
    /// Adds a route, or replaces the one to the same network by the same way.
    pub(crate) fn add(&mut self, entry: RouteEntry) {
        self.remove(entry.destination, entry.gateway, entry.interface);
        self.entries.push(entry);
    }

    /// Takes a route away, and says whether it was there.
    pub(crate) fn remove(&mut self, to: Cidr, gateway: Option<IpAddr>, interface: InterfaceId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|e| {
            !(e.destination.network() == to.network()
                && e.destination.prefix() == to.prefix()
                && e.gateway == gateway
                && e.interface == interface)
        });
        self.entries.len() != before
    }

    pub(crate) fn entries(&self) -> &[RouteEntry] {
        &self.entries
    }

    /// The interface and the neighbour on the way to `dst` (RFC 791 791-19, 791-26, 791-30): longest prefix; then an interface that has `src`; then an
    /// interface that is up; then a network of our own before a configured one; then the metric.
    pub(crate) fn find(
        &self,
        interfaces: &[Interface],
        routers: &Routers,
        dst: IpAddr,
        src: Option<IpAddr>,
        via: Option<InterfaceId>,
    ) -> Option<(InterfaceId, IpAddr)> {
        let own = interfaces.iter().filter(|i| !i.is_loopback()).flat_map(|i| {
            let usable = i.addresses.iter().filter(|a| a.usable() && a.cidr.contains(dst));
            usable.map(move |a| (a.cidr.prefix(), i, dst, 0))
        });
        let configured = self.entries.iter().filter(|e| e.destination.contains(dst)).filter_map(|e| {
            let interface = interfaces.iter().find(|i| i.id == e.interface)?;
            Some((e.destination.prefix(), interface, e.gateway.unwrap_or(dst), e.metric.saturating_add(1)))
        });
        own.chain(configured)
            .filter(|(_, interface, _, _)| via.is_none_or(|id| interface.id == id))
            .min_by_key(|&(prefix, interface, next_hop, metric)| {
                let has_source = src.is_some_and(|s| interface.has(s));
                // RFC 4861 4861-17, RFC 791 791-29: a router that answers before one that did not.
                let failed = next_hop != dst && routers.has_failed(next_hop);
                (Reverse(interface.up), Reverse(prefix), failed, Reverse(has_source), metric)
            })
            .map(|(_, interface, next_hop, _)| (interface.id, next_hop))
    }
}
