//! Where a packet goes, and from which address: routes and source selection.
//!
//! ```text
//!    destination ─► ours? ──yes──► loopback
//!                    │ no
//!                    ▼
//!                 group, broadcast, link-local ─► the interface asked for, or the source's, or the default's
//!                    │ none of these
//!                    ▼
//!                 longest prefix; then: the interface that has the source; then: the metric ─► gateway or on-link
//!                                                     │
//!                                                     ▼
//!                                             source.rs: RFC 6724 §5
//! ```

mod source;
mod table;

pub use table::RouteEntry;
pub(crate) use table::Table;

use crate::interface::Interface;
use crate::path_mtu;
use crate::{InterfaceId, Ip, Route, SendFailure};
use core::net::IpAddr;
use env::Duration;

impl Ip {
    /// How to reach `dst`; from `src` if that is given, through `via` if that is given (RFC 791 791-4, 791-16, 791-17,
    /// 791-32; RFC 4291 4291-1).
    pub(crate) fn route(
        &self,
        dst: IpAddr,
        src: Option<IpAddr>,
        via: Option<InterfaceId>,
    ) -> Result<Route, SendFailure> {
        let src = src.filter(|s| !s.is_unspecified());
        if src.is_some_and(|s| !self.is_local(s) || s.is_ipv4() != dst.is_ipv4()) {
            return Err(SendFailure::NoSource);
        }
        if dst.is_unspecified() {
            return Err(SendFailure::NoRoute);
        }
        if self.is_local(dst) {
            let mtu = self.loopback().mtu;
            return Ok(Route {
                interface: InterfaceId::LOOPBACK,
                src: src.unwrap_or(dst),
                next_hop: dst,
                link_mtu: mtu,
                path_mtu: mtu,
                local: true,
                ahead: Duration::ZERO,
            });
        }
        let (interface, next_hop) = self.next_hop(dst, src, via)?;
        if !interface.up {
            return Err(SendFailure::Down);
        }
        if interface.is_loopback() || dst.is_loopback() {
            return Err(SendFailure::NoRoute); // RFC 791 791-7, RFC 4291 4291-2: never on a wire.
        }
        let src = match src {
            Some(src) => src,
            None => source::select(&self.interfaces, interface, dst).ok_or(SendFailure::NoSource)?,
        };
        if src.is_loopback() {
            return Err(SendFailure::NoSource);
        }
        Ok(Route {
            interface: interface.id,
            src,
            next_hop,
            link_mtu: interface.mtu,
            path_mtu: self.path_mtu(interface, dst),
            local: false,
            ahead: interface.ahead,
        })
    }

    /// The interface and neighbour for a destination that is not ours.
    fn next_hop(
        &self,
        dst: IpAddr,
        src: Option<IpAddr>,
        via: Option<InterfaceId>,
    ) -> Result<(&Interface, IpAddr), SendFailure> {
        let asked = match via {
            Some(id) => Some(self.interface(id).ok_or(SendFailure::Down)?),
            None => None,
        };
        let of_source = || src.and_then(|s| self.interfaces.iter().find(|i| i.has(s)));
        if on_link_only(dst) {
            let found = asked
                .or_else(of_source)
                .or_else(|| {
                    let default = if dst.is_ipv4() { any_v4() } else { any_v6() };
                    self.find_route(default, None, None).and_then(|(id, _)| self.interface(id))
                })
                .or_else(|| self.interfaces.iter().find(|i| i.up && !i.is_loopback()));
            return found.map(|interface| (interface, dst)).ok_or(SendFailure::NoRoute);
        }
        let redirected = self.routers.redirect(dst).filter(|(id, _)| via.is_none_or(|via| via == *id));
        let found = redirected.or_else(|| self.find_route(dst, src, via));
        match (found, asked) {
            (Some((id, next_hop)), _) => {
                self.interface(id).map(|interface| (interface, next_hop)).ok_or(SendFailure::NoRoute)
            }
            // Asked for an interface without a route: the destination is taken to be its neighbour.
            (None, Some(interface)) => Ok((interface, dst)),
            (None, None) => Err(SendFailure::NoRoute),
        }
    }

    fn find_route(
        &self,
        dst: IpAddr,
        src: Option<IpAddr>,
        via: Option<InterfaceId>,
    ) -> Option<(InterfaceId, IpAddr)> {
        self.routes.find(&self.interfaces, &self.routers, dst, src, via)
    }

    /// Which of our addresses a packet through `out` comes from.
    pub(crate) fn source_for(&self, out: &Interface, dst: IpAddr) -> Option<IpAddr> {
        source::select(&self.interfaces, out, dst)
    }

    /// What is known of the path to `dst` through `interface`.
    pub(crate) fn path_mtu(&self, interface: &Interface, dst: IpAddr) -> u16 {
        if !self.config.path_mtu_discovery {
            // RFC 8200 8200-17, RFC 8201 8201-1: without discovery an IPv6 packet has at most 1280 octets. An IPv4 one may be
            // cut on its way.
            return if dst.is_ipv6() { interface.mtu.min(path_mtu::FLOOR_V6) } else { interface.mtu };
        }
        interface.mtu.min(self.path_mtus.get(dst).unwrap_or(u16::MAX))
    }
}

/// Destinations that no gateway leads to.
fn on_link_only(dst: IpAddr) -> bool {
    match dst {
        IpAddr::V4(a) => a.is_multicast() || a.is_broadcast() || a.is_link_local(),
        IpAddr::V6(a) => a.is_multicast() || a.is_unicast_link_local(),
    }
}

/// An address that only a default route leads to.
fn any_v4() -> IpAddr {
    core::net::Ipv4Addr::UNSPECIFIED.into()
}

fn any_v6() -> IpAddr {
    core::net::Ipv6Addr::UNSPECIFIED.into()
}
