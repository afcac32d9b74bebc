//! Ethernet II, with one 802.1Q tag seen.
//!
//! ```text
//!    │ dst 6 │ src 6 │ EtherType 2 │ payload                        │
//!    │ dst 6 │ src 6 │ 0x8100 │ priority, id │ EtherType 2 │ payload │
//! ```

use crate::{Head, Malformed, NoRoom};
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;
use core::str::FromStr;

/// Octets of a header without a tag.
pub const HEADER_LEN: usize = 14;
/// Octets of a header with a tag.
pub const MAX_HEADER_LEN: usize = 18;

/// A link-layer address of six octets.
///
/// ```
/// use handfast_wire::ethernet::MacAddr;
/// let mac: MacAddr = "02:00:00:00:00:0a".parse().unwrap();
/// assert_eq!(mac, MacAddr::new([2, 0, 0, 0, 0, 10]));
/// assert_eq!(mac.to_string(), "02:00:00:00:00:0a");
/// assert!(mac.is_unicast() && !MacAddr::BROADCAST.is_unicast());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// Everyone on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// No address: what an ARP request has where it asks.
    pub const UNSPECIFIED: Self = Self([0; 6]);

    /// The address `octets`.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether it is everyone's.
    pub const fn is_broadcast(self) -> bool {
        matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// Whether it is a group's, everyone's included.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it is one station's: neither a group's nor unspecified.
    pub const fn is_unicast(self) -> bool {
        !self.is_multicast() && !matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Where an IPv4 multicast packet goes (RFC 1112 §6.4).
    pub const fn multicast_v4(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// Where an IPv6 multicast packet goes (RFC 2464 §7).
    pub const fn multicast_v6(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self([0x33, 0x33, a, b, c, d])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Six pairs of hexadecimal digits with colons or dashes between them.
impl FromStr for MacAddr {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut octets = [0; 6];
        let mut pairs = text.split([':', '-']);
        for octet in &mut octets {
            let pair = pairs.next().ok_or(Malformed::TooShort)?;
            if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(Malformed::BadField);
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|_| Malformed::BadField)?;
        }
        if pairs.next().is_some() { Err(Malformed::BadLength) } else { Ok(Self(octets)) }
    }
}

/// What an Ethernet payload is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EtherType(u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// An 802.1Q tag.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);

    /// EtherType `number`; below 1536 it is an 802.3 length, which no one here understands.
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IPV4 => f.write_str("IPv4"),
            Self::ARP => f.write_str("ARP"),
            Self::VLAN => f.write_str("VLAN"),
            Self::IPV6 => f.write_str("IPv6"),
            Self(number) => write!(f, "{number:#06x}"),
        }
    }
}

/// An Ethernet frame in any bytes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    addresses: &'a [u8; 12],
    tag: Option<u16>,
    ethertype: EtherType,
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at a frame without its check sequence.
    ///
    /// # Errors
    /// `TooShort`.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (addresses, rest) = bytes.split_first_chunk().ok_or(Malformed::TooShort)?;
        let (&ethertype, payload) = rest.split_first_chunk().ok_or(Malformed::TooShort)?;
        let ethertype = EtherType(u16::from_be_bytes(ethertype));
        if ethertype != EtherType::VLAN {
            return Ok(Self { addresses, tag: None, ethertype, payload });
        }
        let (&[a, b, c, d], payload) = payload.split_first_chunk().ok_or(Malformed::TooShort)?;
        let tag = Some(u16::from_be_bytes([a, b]));
        Ok(Self { addresses, tag, ethertype: EtherType(u16::from_be_bytes([c, d])), payload })
    }

    /// Whom it is for.
    pub fn dst(&self) -> MacAddr {
        let [dst @ .., _, _, _, _, _, _] = *self.addresses;
        MacAddr(dst)
    }

    /// Who sent it.
    pub fn src(&self) -> MacAddr {
        let [_, _, _, _, _, _, src @ ..] = *self.addresses;
        MacAddr(src)
    }

    /// What the payload is, behind the tag if there is one. A second tag is left for the payload.
    pub fn ethertype(&self) -> EtherType {
        self.ethertype
    }

    /// The network that an 802.1Q tag names; 0 is a tag that gives a priority only.
    pub fn vlan(&self) -> Option<u16> {
        self.tag.map(|tag| tag & 0xfff)
    }

    /// Octets of the header, tag included.
    pub fn header_len(&self) -> usize {
        if self.tag.is_some() { MAX_HEADER_LEN } else { HEADER_LEN }
    }

    /// What the frame carries, padding of short frames included.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Where the payload lies, counted from the frame's first octet: to slice the buffer that it came in.
    pub fn payload_range(&self) -> Range<usize> {
        self.header_len()..self.header_len() + self.payload.len()
    }

    /// The owned meaning of the header.
    pub fn repr(&self) -> Repr {
        Repr { dst: self.dst(), src: self.src(), ethertype: self.ethertype, vlan: self.vlan() }
    }
}

/// A header that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Whom it is for.
    pub dst: MacAddr,
    /// Who sends it.
    pub src: MacAddr,
    /// What the payload is.
    pub ethertype: EtherType,
    /// The network of an 802.1Q tag, 0 to 4095; without, no tag is written.
    pub vlan: Option<u16>,
}

impl Repr {
    /// Octets of the header.
    pub const fn header_len(&self) -> usize {
        if self.vlan.is_some() { MAX_HEADER_LEN } else { HEADER_LEN }
    }

    /// Writes the header before what `head` holds. Short frames are left to the device to pad.
    ///
    /// # Errors
    /// [`NoRoom`] in the head, which is then as it was.
    pub fn prepend_to(&self, head: &mut Head) -> Result<(), NoRoom> {
        let out = head.prepend(self.header_len()).ok_or(NoRoom)?;
        let (addresses, rest) = out.split_first_chunk_mut::<12>().ok_or(NoRoom)?;
        addresses[..6].copy_from_slice(&self.dst.0);
        addresses[6..].copy_from_slice(&self.src.0);
        let [high, low] = self.ethertype.0.to_be_bytes();
        match self.vlan {
            None => rest.copy_from_slice(&[high, low]),
            Some(vlan) => {
                let [a, b] = (vlan & 0xfff).to_be_bytes();
                rest.copy_from_slice(&[0x81, 0x00, a, b, high, low]);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use std::string::ToString;

    #[test]
    fn a_tag_is_seen_and_stepped_over() {
        let plain = hex("ffffffffffff 020000000001 0806 aabb");
        let tagged = hex("ffffffffffff 020000000001 8100 6fff 0806 aabb");
        let repr = Repr {
            dst: MacAddr::BROADCAST,
            src: MacAddr::new([2, 0, 0, 0, 0, 1]),
            ethertype: EtherType::ARP,
            vlan: None,
        };
        for (bytes, vlan) in [(&plain, None), (&tagged, Some(0xfff))] {
            let view = View::new(bytes).unwrap();
            assert_eq!((view.repr(), view.payload()), (Repr { vlan, ..repr }, &[0xaa, 0xbb][..]));
            assert_eq!(bytes[view.payload_range()], [0xaa, 0xbb]);
            for len in 0..view.header_len() {
                assert_eq!(View::new(&bytes[..len]).err(), Some(Malformed::TooShort), "{len}");
            }
        }
        let mut head = Head::new();
        Repr { vlan: Some(5), ..repr }.prepend_to(&mut head).unwrap();
        assert_eq!(head.as_slice(), hex("ffffffffffff 020000000001 8100 0005 0806"));
    }

    #[test]
    fn addresses_know_what_they_are_and_where_groups_go() {
        assert!(MacAddr::BROADCAST.is_broadcast() && MacAddr::BROADCAST.is_multicast());
        assert!(!MacAddr::UNSPECIFIED.is_unicast() && !MacAddr::UNSPECIFIED.is_multicast());
        let v4 = MacAddr::multicast_v4(Ipv4Addr::new(239, 129, 2, 3));
        assert_eq!(v4.to_string(), "01:00:5e:01:02:03");
        let v6 = MacAddr::multicast_v6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff11, 0x2233));
        assert_eq!(v6.to_string(), "33:33:ff:11:22:33");
        assert!(v4.is_multicast() && v6.is_multicast() && !v4.is_broadcast());
    }

    #[test]
    fn only_six_pairs_of_digits_are_an_address() {
        assert_eq!("FF-ff-FF-ff-FF-ff".parse(), Ok(MacAddr::BROADCAST));
        for (text, why) in [
            ("", Malformed::BadField),
            ("02:00:00:00:00", Malformed::TooShort),
            ("02:00:00:00:00:01:02", Malformed::BadLength),
            ("2:0:0:0:0:1", Malformed::BadField),
            ("02:00:00:00:00:+1", Malformed::BadField),
            ("02:00:00:00:00:0g", Malformed::BadField),
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(why), "{text}");
        }
    }
}
