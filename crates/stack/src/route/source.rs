//! Which of our addresses a packet comes from when its sender did not say (RFC 6724 §5).

use crate::interface::{AddressState, Interface};
use core::cmp::Reverse;
use core::net::{IpAddr, Ipv6Addr};

/// The best source for `dst` through `out`: of all usable addresses, one of `out` unless it has none that fits.
///
/// Rules 1 (same address), 4 (home addresses) and 7 (temporary addresses) have nothing to decide here: packets to
/// ourselves never come this far, and this host has no such addresses. IPv4 addresses are compared by the same rules
/// (RFC 6724 §3.2).
pub(super) fn select(interfaces: &[Interface], out: &Interface, dst: IpAddr) -> Option<IpAddr> {
    let target = mapped(dst);
    interfaces
        .iter()
        .filter(|i| !i.is_loopback())
        .flat_map(|i| i.addresses.iter().map(move |a| (i, a)))
        .filter(|(i, a)| {
            let address = a.cidr.address();
            // A link-local address means something on its own link only (RFC 4291 §2.5.6; RFC 3927 §2.6).
            a.usable()
                && address.is_ipv4() == dst.is_ipv4()
                && (i.id == out.id || scope(mapped(address)) > LINK)
        })
        .min_by_key(|(i, a)| {
            let source = mapped(a.cidr.address());
            (
                scope_penalty(scope(source), scope(target)),             // rule 2
                a.state == AddressState::Deprecated,                     // rule 3
                i.id != out.id,                                          // rule 5
                label(source) != label(target),                          // rule 6
                Reverse(common_prefix(source, target, a.cidr.prefix())), // rule 8
            )
        })
        .map(|(_, a)| a.cidr.address())
}

const LINK: u8 = 2;
const GLOBAL: u8 = 14;

/// Rule 2: the smallest scope that is at least the destination's; else the largest there is.
fn scope_penalty(source: u8, target: u8) -> u8 {
    if source >= target { source - target } else { 0x80 - source }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(a) => a.to_ipv6_mapped(),
        IpAddr::V6(a) => a,
    }
}

/// RFC 6724 §3.1, §3.2; the numbers are those of multicast scopes (RFC 4291 §2.7).
fn scope(address: Ipv6Addr) -> u8 {
    if let Some(v4) = address.to_ipv4_mapped() {
        return if v4.is_link_local() || v4.is_loopback() { LINK } else { GLOBAL };
    }
    if address.is_multicast() {
        return address.octets()[1] & 0xf;
    }
    if address.is_unicast_link_local() || address.is_loopback() { LINK } else { GLOBAL }
}

/// The labels of RFC 6724 §2.1's default policy.
fn label(address: Ipv6Addr) -> u8 {
    let s = address.segments();
    if address.is_loopback() {
        0
    } else if address.to_ipv4_mapped().is_some() {
        4
    } else if s[0] == 0x2002 {
        2
    } else if s[0] == 0x2001 && s[1] == 0 {
        5
    } else if s[0] & 0xfe00 == 0xfc00 {
        13
    } else {
        1
    }
}

/// Leading bits that both have, no more than `prefix` of the source (RFC 6724 §2.2).
fn common_prefix(source: Ipv6Addr, target: Ipv6Addr, prefix: u8) -> u32 {
    let v4 = source.to_ipv4_mapped().is_some();
    let most = u32::from(prefix) + if v4 { 96 } else { 0 };
    (source.to_bits() ^ target.to_bits()).leading_zeros().min(most)
}
