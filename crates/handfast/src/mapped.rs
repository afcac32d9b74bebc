//! IPv4 addresses as sockets for IPv6 write them: `[::ffff:10.0.0.2]:9` (RFC 4291 §2.5.5.2, RFC 3493 §3.7).
//!
//! ```text
//!    user                          socket                            stack
//!    [::ffff:10.0.0.2]:9 ─ meant ─► Mapped(true)  ─ 10.0.0.2:9 ────► IPv4 on the wire
//!    [::ffff:10.0.0.2]:9 ◄─ seen ──────┘          ◄ 10.0.0.2:9 ──────┘
//! ```
//!
//! Such an address never travels: the stack would refuse it. Whoever named an end so is shown its ends so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether a socket's user writes IPv4 addresses as IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapped(pub(crate) bool);

impl Mapped {
    /// As `address` is written.
    pub(crate) fn as_in(address: SocketAddr) -> Self {
        Self(matches!(address.ip(), IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()))
    }

    /// An address of the stack's as the user is to see it.
    pub(crate) fn seen(self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) if self.0 => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            address => address,
        }
    }

    /// Where a socket is bound that goes to a peer like this: `[::]` is every address of the peer's version, too.
    pub(crate) fn bound(self, local: SocketAddr) -> SocketAddr {
        match local.ip() {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) if self.0 => (Ipv4Addr::UNSPECIFIED, local.port()).into(),
            _ => meant(local),
        }
    }
}

/// What a user means by an address.
pub(crate) fn meant(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        v4 @ IpAddr::V4(_) => SocketAddr::new(v4, address.port()),
        IpAddr::V6(_) => address, // With its scope.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_mapped_addresses_mean_another_and_are_seen_as_they_were_written() {
        for (written, means) in [
            ("[::ffff:10.0.0.2]:9", "10.0.0.2:9"),
            ("[::ffff:0.0.0.0]:9", "0.0.0.0:9"),
            ("10.0.0.2:9", "10.0.0.2:9"),
            ("[::1]:9", "[::1]:9"),
            ("[::10.0.0.2]:9", "[::10.0.0.2]:9"),
            ("[fe80::1%3]:9", "[fe80::1%3]:9"),
        ] {
            let written = address(written);
            assert_eq!(meant(written), address(means));
            assert_eq!(Mapped::as_in(written).seen(meant(written)), written);
        }
    }

    #[test]
    fn a_socket_bound_to_every_address_goes_to_either_version() {
        assert_eq!(Mapped(true).bound(address("[::]:9")), address("0.0.0.0:9"));
        assert_eq!(Mapped(false).bound(address("[::]:9")), address("[::]:9"));
        assert_eq!(Mapped(true).bound(address("[::ffff:10.0.0.2]:9")), address("10.0.0.2:9"));
        assert_eq!(Mapped(true).bound(address("[::1]:9")), address("[::1]:9"), "which has no way there");
    }
}
