//! What a user hands over to be sent, and what a user receives.

use crate::InterfaceId;
use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use env::Instant;
use wire::{Ecn, Payload, ipv4};

/// A datagram to send, or a train of datagrams of one size. What is `None` is as the socket's options say.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UdpSend {
    /// The data: 0 to 65,507 octets over IPv4, 65,527 over IPv6.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub data: Payload,
    /// To whom; `None` on a connected socket is its peer. A scope id in an IPv6 address is the number of the interface.
    pub to: Option<SocketAddr>,
    /// From which of our addresses (RFC 1122 §4.1.3.5). 0.0.0.0 to 255.255.255.255 through a named interface: from
    /// nobody, for who asks for an address (RFC 2131 §4.1).
    pub from: Option<IpAddr>,
    /// Through which interface.
    pub interface: Option<InterfaceId>,
    /// TTL or hop limit, at least 1.
    pub ttl: Option<u8>,
    /// Differentiated services code point, six bits.
    pub dscp: Option<u8>,
    /// Congestion notification.
    pub ecn: Option<Ecn>,
    /// IPv4 options (RFC 1122 §4.1.3.2); the largest datagram is smaller by as much.
    pub ip_options: Option<ipv4::Options>,
    /// Set on a train: octets of data in each of its datagrams but the last, which may have fewer.
    pub segment_size: Option<NonZeroU16>,
}

impl UdpSend {
    /// `data` to the peer of a connected socket.
    pub fn new(data: impl Into<Payload>) -> Self {
        Self { data: data.into(), ..Self::default() }
    }

    /// `data` to `destination`.
    pub fn to(data: impl Into<Payload>, destination: SocketAddr) -> Self {
        Self { data: data.into(), to: Some(destination), ..Self::default() }
    }
}

/// A datagram that was received, or a train of them that arrived together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpDatagram {
    /// Who sent it. Port 0 says that no reply is wanted (RFC 768); see [`reply_to`](Self::reply_to). The scope id of a
    /// link-local address is the number of the interface.
    pub from: SocketAddr,
    /// The address it was sent to, one of ours, a group or a broadcast address, and the port (RFC 1122 §4.1.3.5).
    pub to: SocketAddr,
    /// TTL or hop limit that was left.
    pub ttl: u8,
    /// Differentiated services code point.
    pub dscp: u8,
    /// Congestion notification; CE says that the path is congested (RFC 8085 §3.1.7).
    pub ecn: Ecn,
    /// Where it came in.
    pub interface: InterfaceId,
    /// When it was read from its device.
    pub arrived: Instant,
    /// IPv4 options, unchanged, when there were any (RFC 1122 §4.1.3.2).
    pub ip_options: Option<Box<ipv4::Options>>,
    /// The data.
    pub data: Payload,
    /// Set on a train: octets of data in each of its datagrams but the last.
    pub segment_size: Option<NonZeroU16>,
}

impl UdpDatagram {
    /// Where a reply goes, if one is wanted (RFC 768, 768-2).
    pub fn reply_to(&self) -> Option<SocketAddr> {
        (self.from.port() != 0).then_some(self.from)
    }
}
