//! Stacks that configure themselves: DHCPv4 by clients of our own, IPv6 by what routers advertise (RFC 2131, 4862).
//!
//! ```text
//!   whoever turns ─► Autoconf::turn ─► each dhcp::Client, when its socket has something or its time has come
//!                          └ an address came or went ─► whoever waits for one (Stack::configured)
//! ```
//!
//! Without feature `dhcp` there are no clients: what is left is the host's own part, routers that are listened to.

#[cfg(feature = "dhcp")]
mod clients;
#[cfg(not(feature = "dhcp"))]
mod nobody;

#[cfg(feature = "dhcp")]
pub(crate) use clients::Autoconf;
#[cfg(not(feature = "dhcp"))]
pub(crate) use nobody::Autoconf;

use stack::{AddressState, Cidr, Host, InterfaceId};
use std::net::IpAddr;

/// The addresses of all interfaces but loopback that can be used beyond the link, and now.
pub(crate) fn addresses(host: &Host) -> Vec<Cidr> {
    let devices = host.interfaces().into_iter().filter(|&id| id != InterfaceId::LOOPBACK);
    let beyond = |cidr: &Cidr| match cidr.address() {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    devices
        .flat_map(|id| host.addresses(id))
        .filter(|(cidr, state)| *state == AddressState::Preferred && beyond(cidr))
        .map(|(cidr, _)| cidr)
        .collect()
}
