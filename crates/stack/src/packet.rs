//! What passes between the IP layer and the layers above it.
//!
//! ```text
//!    ingress ──► Delivered ──► tcp, udp, echo, multicast        one packet, or one train, reassembled
//!    egress  ◄── Datagram  ◄──                                  one packet, or one train, to be cut
//!    icmp    ──► IcmpError ──►                                  about a datagram of theirs
//! ```

use crate::InterfaceId;
use ::tcp::{SoftError, Why};
use bytes::Bytes;
use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU16;
use env::{Duration, Instant};
use wire::ipv4::Options;
use wire::{Checksum, Ecn, Head, Payload, Protocol};

/// To whom a packet was addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cast {
    /// To one address of ours.
    Unicast,
    /// To everybody on a link or in a network.
    Broadcast,
    /// To a group.
    Multicast,
}

/// A packet for a transport: whole, for us, from a sound source.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    /// Where it came in.
    pub(crate) interface: InterfaceId,
    /// Who sent it.
    pub(crate) src: IpAddr,
    /// Which address of ours, or which group or broadcast address, it was sent to.
    pub(crate) dst: IpAddr,
    /// What the payload is.
    pub(crate) protocol: Protocol,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// Differentiated services code point.
    pub(crate) dscp: u8,
    /// Congestion notification.
    pub(crate) ecn: Ecn,
    /// To whom it was addressed.
    pub(crate) cast: Cast,
    /// It came by link-layer broadcast or multicast: never answered with an ICMP error (RFC 1122 §3.2.2).
    pub(crate) link_group: bool,
    /// The packet from its IP header on, as far as an ICMP error may quote it.
    pub(crate) quote: Bytes,
    /// Where in `quote` the octet is that named `protocol`: 9 in IPv4.
    pub(crate) named_at: u32,
    /// Transport header and data.
    pub(crate) payload: Payload,
    /// Where the transport checksum stands.
    pub(crate) checksum: Checksum,
    /// Set on a train: payload octets in each of its packets.
    pub(crate) segment_size: Option<NonZeroU16>,
    /// When it was read from its device.
    pub(crate) arrived: Instant,
    /// The frame's number, as its sender gave it; 0 when unknown.
    pub(crate) frame: u64,
}

/// A packet, or a train, from a transport.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// Through which interface, where the destination alone does not say.
    pub(crate) interface: Option<InterfaceId>,
    /// From which of our addresses.
    pub(crate) src: IpAddr,
    /// To whom.
    pub(crate) dst: IpAddr,
    /// What the payload is.
    pub(crate) protocol: Protocol,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// Differentiated services code point.
    pub(crate) dscp: u8,
    /// Congestion notification.
    pub(crate) ecn: Ecn,
    /// Nobody may fragment it: DF in IPv4; in IPv6 not even we.
    pub(crate) dont_fragment: bool,
    /// Routers on the way are to look at it (RFC 2113, RFC 2711).
    pub(crate) router_alert: bool,
    /// IPv6 flow label (RFC 6437).
    pub(crate) flow_label: u32,
    /// With an unspecified source: from nobody, as it says, instead of from an address chosen by egress.
    pub(crate) from_nobody: bool,
    /// Further IPv4 options (RFC 1122 §3.2.1.8); router alert has a flag of its own.
    pub(crate) options: Option<Options>,
    /// The transport header.
    pub(crate) head: Head,
    /// What follows it.
    pub(crate) body: Payload,
    /// Set on a train: octets of `body` in each of its packets.
    pub(crate) segment_size: Option<NonZeroU16>,
    /// Where in the transport header its checksum is. The field holds zero: egress sums, or leaves that to the device.
    pub(crate) checksum_at: Option<u16>,
    /// Why it is sent, for those who watch.
    pub(crate) why: Option<Why>,
    /// The instant before which it had better not leave; zero: at once.
    pub(crate) leaves: Instant,
}

impl Datagram {
    /// A datagram without payload: hop limit 64, not to be fragmented.
    pub(crate) fn new(src: IpAddr, dst: IpAddr, protocol: Protocol) -> Self {
        Self {
            interface: None,
            src,
            dst,
            protocol,
            ttl: 64,
            dscp: 0,
            ecn: Ecn::NotEct,
            dont_fragment: true,
            router_alert: false,
            flow_label: 0,
            from_nobody: false,
            options: None,
            head: Head::new(),
            body: Payload::EMPTY,
            segment_size: None,
            checksum_at: None,
            why: None,
            leaves: Instant::ZERO,
        }
    }

    /// The IPv4 options that go out.
    pub(crate) fn options(&self) -> Options {
        match self.options {
            Some(options) => options,
            None if self.router_alert => Options::ROUTER_ALERT,
            None => Options::NONE,
        }
    }
}

impl Delivered {
    /// The IPv4 options that came in, as they are (RFC 1122 §3.2.1.8); those of a reassembled datagram are its first
    /// fragment's.
    pub(crate) fn options(&self) -> &[u8] {
        wire::ipv4::View::quoted(&self.quote).map_or(&[], |view| view.option_bytes())
    }
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendFailure {
    /// No route leads there.
    NoRoute,
    /// No address of ours fits, or the one asked for is not ours.
    NoSource,
    /// It may not be fragmented, and the path takes only packets of `mtu` octets.
    TooBig {
        /// Octets of an IP packet that fit.
        mtu: u16,
    },
    /// More than 65,535 octets, or a header that fits nowhere.
    TooLong,
    /// The queue to the device is full.
    QueueFull,
    /// The interface is down or gone.
    Down,
    /// IPv4 options that are malformed, or name a route.
    Options,
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute => f.write_str("no route to the destination"),
            Self::NoSource => f.write_str("no source address fits"),
            Self::TooBig { mtu } => write!(f, "too big for the path, which takes {mtu} octets"),
            Self::TooLong => f.write_str("too long for an IP packet"),
            Self::QueueFull => f.write_str("the queue to the device is full"),
            Self::Down => f.write_str("the interface is down"),
            Self::Options => f.write_str("IPv4 options that may not be sent"),
        }
    }
}

impl core::error::Error for SendFailure {}

/// How to reach a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Through which interface.
    pub interface: InterfaceId,
    /// From which address, unless another was asked for.
    pub src: IpAddr,
    /// To which neighbour: a gateway, or the destination itself.
    pub next_hop: IpAddr,
    /// The interface's MTU: octets of an IP packet.
    pub link_mtu: u16,
    /// What is known of the path's MTU; at most the interface's.
    pub path_mtu: u16,
    /// The destination is this host.
    pub local: bool,
    /// How far ahead of its time the interface's device takes what is to leave at an instant.
    pub ahead: Duration,
}

/// What an ICMP error says, in either IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No route to the network.
    NetworkUnreachable,
    /// No route to the host, or it does not answer.
    HostUnreachable,
    /// The host has no such protocol.
    ProtocolUnreachable,
    /// Nobody is at the port.
    PortUnreachable,
    /// A filter forbids it.
    Prohibited,
    /// The source route was not possible.
    SourceRouteFailed,
    /// Another reason for which it is unreachable; the code, for those who know it.
    Unreachable(u8),
    /// The packet is larger than a link of `mtu` octets takes; 0 when the router did not say.
    TooBig {
        /// Octets of an IP packet that fit.
        mtu: u32,
    },
    /// TTL or hop limit used up.
    HopLimitExceeded,
    /// Fragments were missing.
    ReassemblyTimeExceeded,
    /// A header field is wrong.
    ParameterProblem {
        /// The ICMP code.
        code: u8,
        /// Octets from the beginning of the IP header to the bad field.
        pointer: u32,
    },
    /// An error type that is not known here, for whoever does (RFC 4443 §2.4 a).
    Unknown(u8),
}

impl ErrorKind {
    /// The class that TCP sees; `None` for what TCP has another call for (path MTU) or ignores.
    pub fn soft_error(self) -> Option<SoftError> {
        Some(match self {
            Self::NetworkUnreachable => SoftError::NetworkUnreachable,
            Self::HostUnreachable | Self::SourceRouteFailed | Self::Unreachable(_) => {
                SoftError::HostUnreachable
            }
            Self::ProtocolUnreachable => SoftError::ProtocolUnreachable,
            Self::PortUnreachable => SoftError::PortUnreachable,
            Self::Prohibited => SoftError::Prohibited,
            Self::HopLimitExceeded | Self::ReassemblyTimeExceeded => SoftError::TimeExceeded,
            Self::ParameterProblem { .. } => SoftError::ParameterProblem,
            Self::TooBig { .. } | Self::Unknown(_) => return None,
        })
    }
}

/// An ICMP error that quotes a packet which may be ours. Whoever sent that packet must check (RFC 5927 §4.1).
#[derive(Clone, Debug)]
pub(crate) struct IcmpError {
    /// What it says.
    pub(crate) kind: ErrorKind,
    /// The path is broken there: no route, or the last link finds nobody.
    pub(crate) disrupted: bool,
    /// Who says so.
    pub(crate) from: IpAddr,
    /// Where it came in.
    pub(crate) interface: InterfaceId,
    /// The quoted packet's source: an address of ours.
    pub(crate) src: IpAddr,
    /// The quoted packet's destination.
    pub(crate) dst: IpAddr,
    /// What the quoted packet carried.
    pub(crate) protocol: Protocol,
    /// The beginning of what it carried: at least eight octets of the transport header.
    pub(crate) quoted: Bytes,
    /// Octets of the whole quoted packet, IP header included, as its header said.
    pub(crate) quoted_len: u16,
    /// When the error was read from its device.
    pub(crate) arrived: Instant,
}
