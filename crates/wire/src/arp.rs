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

#[cfg(test)]
mod rfc826 {
    use super::*;
    use crate::testing::hex;

    #[test]
    fn a_request_known_from_elsewhere_is_written_and_read() {
        let known = hex("0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202");
        let repr = Repr {
            operation: Operation::Request,
            sender_mac: MacAddr::new([2, 0, 0, 0, 0, 1]),
            sender_ip: Ipv4Addr::new(192, 0, 2, 1),
            target_mac: MacAddr::UNSPECIFIED,
            target_ip: Ipv4Addr::new(192, 0, 2, 2),
        };
        assert_eq!(repr.emit()[..], known);
        let padded = [&known[..], &[0; 18]].concat();
        assert_eq!(View::new(&padded).unwrap().repr(), repr);
        let reply = Repr { operation: Operation::Reply, ..repr };
        assert_eq!(View::new(&reply.emit()).unwrap().repr(), reply);
    }

    #[test]
    fn other_hardware_protocols_and_operations_are_not_spoken() {
        let known = hex("0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202");
        for at in 0..8 {
            let mut other = known.clone();
            other[at] ^= 8;
            assert_eq!(View::new(&other).err(), Some(Malformed::Unsupported), "{at}");
        }
        assert_eq!(View::new(&known[..27]).err(), Some(Malformed::TooShort));
    }
}
