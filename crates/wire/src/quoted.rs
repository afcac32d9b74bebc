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
