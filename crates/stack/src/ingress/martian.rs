//! Addresses that cannot be: sources that no host has, destinations that no wire carries (RFC 1122 §3.2.1.3, RFC 4291).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether no packet from a wire can have this source (RFC 791 791-6, RFC 4291 4291-3). The unspecified address is looked at elsewhere: some packets of
/// hosts without an address have it.
pub(super) fn source(address: IpAddr) -> bool {
    match address {
        // 0/8 is "this network", 240/4 was never given to anybody; 255.255.255.255 is in it.
        IpAddr::V4(a) => {
            a.is_multicast()
                || a.is_loopback()
                || a.octets()[0] >= 240
                || (a.octets()[0] == 0 && a != Ipv4Addr::UNSPECIFIED)
        }
        // An IPv4 address in IPv6's clothes is for programs, not for wires (RFC 4291 §2.5.5.2).
        IpAddr::V6(a) => a.is_multicast() || a == Ipv6Addr::LOCALHOST || a.to_ipv4_mapped().is_some(),
    }
}

/// Whether no packet from a wire can have this destination (RFC 791 791-7, RFC 4291 4291-2).
pub(super) fn destination(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => a.is_loopback() || a.octets()[0] == 0,
        IpAddr::V6(a) => {
            a == Ipv6Addr::LOCALHOST
                || a == Ipv6Addr::UNSPECIFIED
                || a.to_ipv4_mapped().is_some()
                // Scopes 0 and 1 never leave a node (RFC 4291 §2.7).
                || (a.is_multicast() && a.octets()[1] & 0xf <= 1)
        }
    }
}
