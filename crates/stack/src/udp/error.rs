//! Why a call to a UDP socket failed, and what ICMP says about what it sent.

use crate::{ErrorKind, PortError, SendFailure};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use env::Instant;

/// Why a call to a UDP socket failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UdpError {
    /// There is no such socket (any more).
    NoSocket,
    /// Another socket has the address and port.
    InUse,
    /// No dynamic port is free.
    NoPort,
    /// The local address is not ours (RFC 1122 §4.1.3.6).
    NotOurs,
    /// No destination was given, and the socket is not connected.
    NoDestination,
    /// Nothing can be sent there: port 0, an unspecified address, or another IP version than the socket's.
    BadDestination,
    /// A broadcast address, and the socket does not allow that ([`crate::UdpOptions::broadcast`]).
    Broadcast,
    /// More octets than a datagram can have: 65,507 over IPv4, 65,527 over IPv6.
    TooLong,
    /// It may not be fragmented, and the path takes only packets of `mtu` octets.
    TooBig {
        /// Octets of an IP packet that fit.
        mtu: u16,
    },
    /// Nothing leads there, or the interface is down.
    Unreachable,
    /// The queue to the device is full; try again when told that there is room.
    Full,
    /// The host's memory budget is used up.
    NoMemory,
    /// Not a group, or no interface for it, or the socket has joined it already, or has not.
    Group,
}

impl fmt::Display for UdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSocket => "no such UDP socket",
            Self::InUse => "the address and port are in use",
            Self::NoPort => "no dynamic port is free",
            Self::NotOurs => "the local address is not one of this host's",
            Self::NoDestination => "no destination: the socket is not connected",
            Self::BadDestination => "nothing can be sent to this destination",
            Self::Broadcast => "the socket does not allow broadcasts",
            Self::TooLong => "longer than a UDP datagram can be",
            Self::TooBig { mtu } => return write!(f, "too big for the path, which takes {mtu} octets"),
            Self::Unreachable => "no route to the destination",
            Self::Full => "the queue to the device is full",
            Self::NoMemory => "the memory budget is used up",
            Self::Group => "not a group that can be joined or left here",
        })
    }
}

impl core::error::Error for UdpError {}

impl From<PortError> for UdpError {
    fn from(why: PortError) -> Self {
        match why {
            PortError::InUse => Self::InUse,
            PortError::NoneFree | PortError::Range => Self::NoPort,
        }
    }
}

impl From<SendFailure> for UdpError {
    fn from(why: SendFailure) -> Self {
        match why {
            SendFailure::NoSource => Self::NotOurs,
            SendFailure::TooBig { mtu } => Self::TooBig { mtu },
            SendFailure::TooLong => Self::TooLong,
            SendFailure::QueueFull => Self::Full,
            _ => Self::Unreachable,
        }
    }
}

/// An ICMP error about a datagram that the socket sent (RFC 1122 §4.1.3.3). On a connected socket
/// [`ErrorKind::PortUnreachable`] is what other systems call "connection refused".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpFault {
    /// What it says.
    pub kind: ErrorKind,
    /// Where the datagram was going.
    pub to: SocketAddr,
    /// Who says so: the destination, a router on the way, or this host itself.
    pub from: IpAddr,
    /// When the error arrived.
    pub at: Instant,
}
