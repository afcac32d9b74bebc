//! ARP for IPv4 on Ethernet (RFC 826).

use crate::Malformed;
use crate::ethernet::MacAddr;
use core::net::Ipv4Addr;

/// Octets of a packet.
pub const LEN: usize = 28;

/// Hardware type Ethernet, protocol IPv4, addresses of six and four octets.
const ETHERNET_AND_IPV4: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// A packet in any bytes, checked once: Ethernet and IPv4 addresses, a request or a reply.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    packet: &'a [u8; LEN],
    operation: Operation,
}

/// What an ARP packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Asks for the target's link-layer address.
    Request,
    /// Tells the sender's.
    Reply,
}

impl<'a> View<'a> {
    /// Looks at an Ethernet payload; what follows the packet is padding.
    ///
    /// # Errors
    /// `TooShort`, or `Unsupported` (another hardware, protocol or operation).
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let packet = bytes.first_chunk::<LEN>().ok_or(Malformed::TooShort)?;
        if !packet.starts_with(&ETHERNET_AND_IPV4) {
            return Err(Malformed::Unsupported);
        }
        let operation = match [packet[6], packet[7]] {
            [0, 1] => Operation::Request,
            [0, 2] => Operation::Reply,
            _ => return Err(Malformed::Unsupported),
        };
        Ok(Self { packet, operation })
    }

    /// The owned meaning.
    pub fn repr(&self) -> Repr {
        let at = |at: usize| self.packet.get(at).copied().unwrap_or(0);
        let mac = |from: usize| MacAddr::new(core::array::from_fn(|i| at(from + i)));
        let ip = |from: usize| Ipv4Addr::from(core::array::from_fn::<u8, 4, _>(|i| at(from + i)));
        Repr {
            operation: self.operation,
            sender_mac: mac(8),
            sender_ip: ip(14),
            target_mac: mac(18),
            target_ip: ip(24),
        }
    }
}

/// A packet that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// What it does.
    pub operation: Operation,
    /// The sender's link-layer address.
    pub sender_mac: MacAddr,
    /// The sender's address; unspecified in a probe for duplicates (RFC 5227 §1.1).
    pub sender_ip: Ipv4Addr,
    /// The target's link-layer address; unspecified in a request.
    pub target_mac: MacAddr,
    /// The target's address.
    pub target_ip: Ipv4Addr,
}

impl Repr {
    /// The packet.
    pub fn emit(&self) -> [u8; LEN] {
        let mut out = [0; LEN];
        out[0..6].copy_from_slice(&ETHERNET_AND_IPV4);
        out[7] = match self.operation {
            Operation::Request => 1,
            Operation::Reply => 2,
        };
        out[8..14].copy_from_slice(&self.sender_mac.octets());
        out[14..18].copy_from_slice(&self.sender_ip.octets());
        out[18..24].copy_from_slice(&self.target_mac.octets());
        out[24..28].copy_from_slice(&self.target_ip.octets());
        out
    }
}
