//! Interfaces: what a host is attached to, and the addresses it has there.
//!
//! ```text
//!    Interface 0   loopback: 127.0.0.1/8, ::1/128, in every host, never on a wire
//!    Interface 1…  one per device: medium, MTU, what the device can do, addresses, neighbours
//! ```

use crate::neighbour;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;
use env::{Duration, Instant};
use wire::ethernet::MacAddr;

/// Names an interface of one host. Never used again after its interface is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterfaceId(u32);

impl InterfaceId {
    /// The interface through which a host talks to itself.
    pub const LOOPBACK: Self = Self(0);

    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number: 0 is loopback, devices count from 1.
    pub const fn index(self) -> u32 {
        self.0
    }
}

/// An address and how many of its leading bits name the network.
///
/// ```
/// use handfast_stack::Cidr;
/// let ours: Cidr = "10.0.0.2/24".parse().unwrap();
/// assert!(ours.contains("10.0.0.99".parse().unwrap()));
/// assert_eq!(ours.network().to_string(), "10.0.0.0");
/// assert!("10.0.0.2/33".parse::<Cidr>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "(IpAddr, u8)", try_from = "(IpAddr, u8)")
)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// `address` in a network of `prefix` leading bits, unless that is more than the address has.
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let most = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        if prefix > most { None } else { Some(Self { address, prefix }) }
    }

    /// The whole of IPv4: 0.0.0.0/0.
    pub const ALL_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix: 0 };
    /// The whole of IPv6: ::/0.
    pub const ALL_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 0 };

    /// The address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits name the network.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The network's first address: all other bits zero.
    pub fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(a) => Ipv4Addr::from_bits(a.to_bits() & mask(self.prefix, 32) as u32).into(),
            IpAddr::V6(a) => Ipv6Addr::from_bits(a.to_bits() & mask(self.prefix, 128)).into(),
        }
    }

    /// The broadcast address of an IPv4 network of at least four addresses (RFC 1122 §3.2.1.3; RFC 3021 for /31).
    pub fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(a) if self.prefix <= 30 => {
                Some(Ipv4Addr::from_bits(a.to_bits() | !(mask(self.prefix, 32) as u32)))
            }
            _ => None,
        }
    }

    /// Whether `other` lies in the network.
    pub fn contains(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()) & mask(self.prefix, 32) as u32 == 0,
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()) & mask(self.prefix, 128) == 0,
            _ => false,
        }
    }
}

#[cfg(feature = "serde")]
impl From<Cidr> for (IpAddr, u8) {
    fn from(cidr: Cidr) -> Self {
        (cidr.address, cidr.prefix)
    }
}

/// What was read may have a prefix longer than its address.
#[cfg(feature = "serde")]
impl TryFrom<(IpAddr, u8)> for Cidr {
    type Error = &'static str;

    fn try_from((address, prefix): (IpAddr, u8)) -> Result<Self, Self::Error> {
        Self::new(address, prefix).ok_or("a prefix longer than its address")
    }
}

/// `prefix` leading ones in the low `width` bits.
fn mask(prefix: u8, width: u8) -> u128 {
    let zeros = u32::from(width.saturating_sub(prefix));
    u128::MAX.checked_shl(zeros).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not `address/prefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACidr;

impl fmt::Display for NotACidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an address and prefix length such as 10.0.0.1/24 or fd00::1/64")
    }
}

impl core::error::Error for NotACidr {}

impl FromStr for Cidr {
    type Err = NotACidr;

    fn from_str(text: &str) -> Result<Self, NotACidr> {
        let (address, prefix) = text.split_once('/').ok_or(NotACidr)?;
        if prefix.is_empty() || prefix.len() > 3 || !prefix.bytes().all(|c| c.is_ascii_digit()) {
            return Err(NotACidr);
        }
        let prefix = prefix.parse().map_err(|_| NotACidr)?;
        Self::new(address.parse().map_err(|_| NotACidr)?, prefix).ok_or(NotACidr)
    }
}

/// What the frames of an interface begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Medium {
    /// The IP header: no link addresses, no neighbours to find.
    Ip,
    /// An Ethernet II header; our address there.
    Ethernet(MacAddr),
}

/// How an interface is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterfaceConfig {
    /// What people call it.
    pub name: String,
    /// What its frames begin with.
    pub medium: Medium,
    /// The largest IP packet, in octets: at least 576; IPv6 works only from 1280 on (RFC 8200 §5).
    pub mtu: u16,
    /// Addresses with their networks.
    pub addresses: Vec<Cidr>,
    /// The device takes trains whole.
    pub segmentation: bool,
    /// The device finishes partial checksums.
    pub checksum: bool,
    /// How far ahead of its time the device takes a frame that is to leave at an instant (`Frame::leaves`), which it then keeps
    /// until that instant; zero when it sends at once what it gets. At most 4 s count.
    pub ahead: Duration,
    /// Probe for each IPv6 address before it is used (RFC 4862 §5.4), on Ethernet.
    pub duplicate_detection: bool,
    /// On Ethernet, have a link-local IPv6 address formed from the MAC address (RFC 4291 §2.8) unless
    /// `addresses` has one.
    pub link_local: bool,
    /// Send ICMP errors about packets that come in here (RFC 4443 §3.1 wants a switch).
    pub errors: bool,
}

impl InterfaceConfig {
    /// An interface `name` on `medium` with an MTU of 1500, no addresses and no offloads.
    pub fn new(name: &str, medium: Medium) -> Self {
        Self {
            name: name.into(),
            medium,
            mtu: 1500,
            addresses: Vec::new(),
            segmentation: false,
            checksum: false,
            ahead: Duration::ZERO,
            duplicate_detection: true,
            link_local: true,
            errors: true,
        }
    }

    /// The same with one more address.
    #[must_use]
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// The same with another MTU, in octets.
    #[must_use]
    pub fn mtu(self, mtu: u16) -> Self {
        Self { mtu, ..self }
    }
}

/// Why an interface or one of its settings was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InterfaceError {
    /// There is no such interface.
    Unknown,
    /// The MTU is below 576, which no IPv4 host may have (RFC 1122 §3.3.2), or an IPv6 address is on an interface
    /// below 1280 (RFC 8200 §5).
    Mtu,
    /// Not an address that one host can have: unspecified, multicast, broadcast, loopback on a wire.
    Address,
    /// The address is there already, or not there to be taken away.
    Duplicate,
    /// The link address is a group's or all zeros.
    LinkAddress,
    /// The route's gateway is of another IP version than its destination, or not an address of one host.
    Gateway,
    /// A limit of [`crate::HostConfig`] was met.
    TooMany,
}

impl fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no such interface",
            Self::Mtu => "the MTU is too small: 576 for IPv4, 1280 for IPv6",
            Self::Address => "not an address that one host can have",
            Self::Duplicate => "the address is there already, or is not there",
            Self::LinkAddress => "not a link address that one host can have",
            Self::Gateway => "not a gateway for this destination",
            Self::TooMany => "too many",
        })
    }
}

impl core::error::Error for InterfaceError {}

/// Where an address of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressState {
    /// Being probed for duplicates: not used yet (RFC 4862 §5.4).
    Tentative,
    /// In use.
    Preferred,
    /// In use for what is open already; not for what is new (RFC 4862 §5.5.4).
    Deprecated,
    /// Somebody else has it: not used.
    Duplicate,
}

/// An address of an interface.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) cidr: Cidr,
    pub(crate) state: AddressState,
    /// While tentative: probes still to send, and when the next step is due.
    pub(crate) probes: u8,
    pub(crate) due: Instant,
}

/// One interface of a host.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) id: InterfaceId,
    pub(crate) name: String,
    pub(crate) medium: Medium,
    pub(crate) mtu: u16,
    /// The MTU before a router had a say.
    pub(crate) mtu_configured: u16,
    /// What a router said last that the link's is (RFC 4861 §4.6.4).
    pub(crate) mtu_advertised: Option<u16>,
    /// ICMP errors may be sent about what comes in here.
    pub(crate) errors: bool,
    pub(crate) up: bool,
    pub(crate) segmentation: bool,
    pub(crate) checksum: bool,
    pub(crate) ahead: Duration,
    pub(crate) duplicate_detection: bool,
    pub(crate) addresses: Vec<Address>,
    pub(crate) neighbours: neighbour::Cache,
}

impl Interface {
    /// Whether `address` is usable and ours here.
    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|a| a.cidr.address() == address && a.usable())
    }

    /// Whether this is the loopback interface.
    pub(crate) fn is_loopback(&self) -> bool {
        self.id == InterfaceId::LOOPBACK
    }

    /// Whether `address` is a broadcast address here: limited, or of one of our networks (RFC 1122 §3.2.1.3).
    pub(crate) fn is_broadcast(&self, address: IpAddr) -> bool {
        let IpAddr::V4(v4) = address else { return false };
        v4.is_broadcast()
            || self.addresses.iter().any(|a| {
                a.cidr.broadcast() == Some(v4)
                    // The network's own number, all host bits zero, is the broadcast address of old systems.
                    || (a.cidr.broadcast().is_some() && a.cidr.network() == address)
            })
    }
}

impl Address {
    /// Whether packets may come from and go to it.
    pub(crate) const fn usable(&self) -> bool {
        matches!(self.state, AddressState::Preferred | AddressState::Deprecated)
    }
}

/// The link-local address formed from a MAC address (RFC 4291 §2.5.1, §2.5.6).
pub(crate) fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.octets();
    let mut octets = [0u8; 16];
    octets[0] = 0xfe;
    octets[1] = 0x80;
    octets[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn prefixes_cut_where_they_say() {
        let c: Cidr = "192.168.7.9/22".parse().unwrap();
        assert_eq!(c.network().to_string(), "192.168.4.0");
        assert_eq!(c.broadcast().unwrap().to_string(), "192.168.7.255");
        assert!(!c.contains("192.168.8.0".parse().unwrap()) && !c.contains("::".parse().unwrap()));
        assert_eq!("10.0.0.0/31".parse::<Cidr>().unwrap().broadcast(), None);
        assert!(Cidr::ALL_V6.contains("ff02::1".parse().unwrap()));
        let one: Cidr = "fd00::1/128".parse().unwrap();
        assert!(one.contains("fd00::1".parse().unwrap()) && !one.contains("fd00::2".parse().unwrap()));
        for bad in ["10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "::/129", "x/8", "10.0.0.1/+8", "10.0.0.1/8/8"] {
            assert_eq!(bad.parse::<Cidr>(), Err(NotACidr), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u128, prefix in 0u8..=128) {
            let c = Cidr::new(Ipv6Addr::from_bits(bits).into(), prefix).unwrap();
            prop_assert_eq!(c.to_string().parse(), Ok(c));
            prop_assert!(c.contains(c.network()) && c.contains(c.address()));
        }
    }
}
