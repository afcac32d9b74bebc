//! The packet that an ICMP error quotes: cut anywhere, and written by who knows whom (RFC 5927).

use crate::{Malformed, Protocol, SeqNum, ipv4, ipv6};
use core::net::IpAddr;

/// As much of a quoted packet as says which socket sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted<'a> {
    /// Who sent it: one of our addresses, if the error is for us.
    pub src: IpAddr,
    /// Whom it was for.
    pub dst: IpAddr,
    /// What it carried.
    pub protocol: Protocol,
    /// Octets of the whole packet as its header counts them.
    pub packet_len: usize,
    /// The beginning of the transport header; empty when it was not quoted, or in a fragment after the first.
    pub transport: &'a [u8],
}

impl<'a> Quoted<'a> {
    /// Reads what an ICMPv4 error quotes.
    ///
    /// # Errors
    /// As [`ipv4::View::quoted`].
    pub fn v4(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let view = ipv4::View::quoted(bytes)?;
        let transport = if view.fragment_offset() == 0 { view.payload() } else { &[] };
        Ok(Self {
            src: view.src().into(),
            dst: view.dst().into(),
            protocol: view.protocol(),
            packet_len: usize::from(view.total_len()),
            transport,
        })
    }

    /// Reads what an ICMPv6 error quotes, past extension headers.
    ///
    /// # Errors
    /// As [`ipv6::View::quoted`].
    pub fn v6(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let view = ipv6::View::quoted(bytes)?;
        let packet_len = ipv6::HEADER_LEN + usize::from(view.payload_len());
        let (protocol, at) = ipv6::walk_quoted(view.next_header(), view.payload());
        let transport = view.payload().get(at..).unwrap_or(&[]);
        Ok(Self { src: view.src().into(), dst: view.dst().into(), protocol, packet_len, transport })
    }

    /// Source and destination port, of TCP and UDP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        if !matches!(self.protocol, Protocol::TCP | Protocol::UDP) {
            return None;
        }
        let &[a, b, c, d] = self.transport.first_chunk()?;
        Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }

    /// The sequence number of a TCP segment: an error that does not quote one in flight is forged or stale
    /// (RFC 5927 §4).
    pub fn tcp_seq(&self) -> Option<SeqNum> {
        if self.protocol != Protocol::TCP {
            return None;
        }
        let &[_, _, _, _, a, b, c, d] = self.transport.first_chunk()?;
        Some(SeqNum::new(u32::from_be_bytes([a, b, c, d])))
    }

    /// Identifier and sequence of an echo request that we sent.
    pub fn echo(&self) -> Option<(u16, u16)> {
        let &[kind, _, _, _, a, b, c, d] = self.transport.first_chunk()?;
        match (self.protocol, kind) {
            (Protocol::ICMP, 8) | (Protocol::ICMPV6, 128) => {
                Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use std::vec::Vec;

    #[test]
    fn eight_octets_of_a_segment_name_its_connection_and_number() {
        let bytes = hex("4500003c 00004000 4006b6b8 c0000201 c0000202 0401 0050 0000002a");
        let quoted = Quoted::v4(&bytes).unwrap();
        assert_eq!((quoted.src, quoted.dst), ([192, 0, 2, 1].into(), [192, 0, 2, 2].into()));
        assert_eq!((quoted.packet_len, quoted.ports()), (60, Some((1025, 80))));
        assert_eq!((quoted.tcp_seq(), quoted.echo()), (Some(SeqNum::new(42)), None));
        let cut = Quoted::v4(&bytes[..27]).unwrap();
        assert_eq!((cut.ports(), cut.tcp_seq()), (Some((1025, 80)), None));
        assert_eq!(Quoted::v4(&bytes[..23]).unwrap().ports(), None);
        assert_eq!(Quoted::v4(&bytes[..19]), Err(Malformed::TooShort));
    }

    #[test]
    fn a_fragment_after_the_first_names_no_socket() {
        let mut bytes = hex("4500003c 00000001 4006b6b8 c0000201 c0000202 0401 0050 0000002a");
        assert_eq!(Quoted::v4(&bytes).unwrap().ports(), None);
        bytes[7] = 0;
        assert!(Quoted::v4(&bytes).unwrap().ports().is_some());
    }

    fn v6(next: u8, payload: &str) -> Vec<u8> {
        let mut bytes =
            hex("60000000 05dc 00 40 fe800000000000000000000000000001 fe800000000000000000000000000002");
        bytes[6] = next;
        bytes.extend(hex(payload));
        bytes
    }

    #[test]
    fn extension_headers_of_a_quoted_packet_are_stepped_over() {
        // Destination options, an atomic fragment, UDP.
        let bytes = v6(60, "2c00010400000000 1100000000000001 0035 0fa0 0008 0000");
        let quoted = Quoted::v6(&bytes).unwrap();
        assert_eq!((quoted.protocol, quoted.ports()), (Protocol::UDP, Some((53, 4000))));
        assert_eq!(quoted.packet_len, 1540);
        let later = v6(44, "1100 0008 00000001 0035 0fa0 0008 0000");
        assert_eq!(Quoted::v6(&later).unwrap().ports(), None);
        let echo = v6(58, "8000 0000 0007 0009");
        assert_eq!(Quoted::v6(&echo).unwrap().echo(), Some((7, 9)));
        let cut = v6(60, "2c02 0104");
        assert_eq!(Quoted::v6(&cut).unwrap().transport, []);
    }
}
