//! What the stack's own errors are to those who know `std::io`.

use stack::{ConnectError, ErrorKind, ListenError, UdpError};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tcp::{ConnectionError, SoftError};

/// Why a connection ended.
pub(crate) fn ended(why: ConnectionError) -> io::Error {
    let kind = match why {
        ConnectionError::Refused => io::ErrorKind::ConnectionRefused,
        ConnectionError::Reset => io::ErrorKind::ConnectionReset,
        ConnectionError::TimedOut => io::ErrorKind::TimedOut,
        ConnectionError::Aborted => io::ErrorKind::ConnectionAborted,
        ConnectionError::Unreachable => io::ErrorKind::HostUnreachable,
        ConnectionError::OutOfMemory => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why)
}

/// Why an active OPEN to `remote` failed at once.
pub(crate) fn connect(why: ConnectError, remote: SocketAddr) -> io::Error {
    let many = match remote.ip() {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    let kind = match why {
        // The kernel's word for it.
        ConnectError::InvalidRemote if many => io::ErrorKind::NetworkUnreachable,
        ConnectError::InvalidRemote => io::ErrorKind::InvalidInput,
        ConnectError::AddrInUse => io::ErrorKind::AddrInUse,
        ConnectError::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
        ConnectError::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
        ConnectError::OutOfMemory => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why)
}

/// What an ICMP error says to whoever waits for a connection to open.
pub(crate) fn soft(why: SoftError) -> io::Error {
    let (kind, text) = match why {
        SoftError::NetworkUnreachable => (io::ErrorKind::NetworkUnreachable, "the network is unreachable"),
        SoftError::HostUnreachable => (io::ErrorKind::HostUnreachable, "the host is unreachable"),
        SoftError::Prohibited => (io::ErrorKind::HostUnreachable, "a filter on the way forbids it"),
        SoftError::TimeExceeded => (io::ErrorKind::HostUnreachable, "the way is longer than the TTL"),
        SoftError::ProtocolUnreachable => (io::ErrorKind::ConnectionRefused, "the host has no TCP"),
        SoftError::PortUnreachable => (io::ErrorKind::ConnectionRefused, "nobody is at the port"),
        SoftError::ParameterProblem => {
            (io::ErrorKind::Other, "a host on the way did not understand the packet")
        }
    };
    io::Error::new(kind, text)
}

/// A setting or argument that cannot be.
pub(crate) fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Why a passive OPEN failed.
pub(crate) fn listen(why: ListenError) -> io::Error {
    let kind = match why {
        ListenError::AddrInUse => io::ErrorKind::AddrInUse,
        ListenError::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why)
}

/// Why a call to a UDP socket failed; `None` when it only has to wait.
pub(crate) fn udp(why: UdpError) -> Option<io::Error> {
    let kind = match why {
        UdpError::Full => return None,
        UdpError::NoSocket | UdpError::NoDestination => io::ErrorKind::NotConnected,
        UdpError::InUse => io::ErrorKind::AddrInUse,
        UdpError::NoPort | UdpError::NotOurs => io::ErrorKind::AddrNotAvailable,
        UdpError::BadDestination | UdpError::TooLong | UdpError::TooBig { .. } | UdpError::Group => {
            io::ErrorKind::InvalidInput
        }
        UdpError::Broadcast => io::ErrorKind::PermissionDenied,
        UdpError::Unreachable => io::ErrorKind::NetworkUnreachable,
        UdpError::NoMemory => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    };
    Some(io::Error::new(kind, why))
}

/// What an ICMP error says to a connected UDP socket; `None` for what is no news to its user.
pub(crate) fn fault(kind: ErrorKind) -> Option<io::Error> {
    let (kind, text) = match kind {
        ErrorKind::PortUnreachable => (io::ErrorKind::ConnectionRefused, "nobody is at the port"),
        ErrorKind::ProtocolUnreachable => (io::ErrorKind::ConnectionRefused, "the host has no UDP"),
        ErrorKind::NetworkUnreachable => (io::ErrorKind::NetworkUnreachable, "the network is unreachable"),
        ErrorKind::HostUnreachable | ErrorKind::SourceRouteFailed | ErrorKind::Unreachable(_) => {
            (io::ErrorKind::HostUnreachable, "the host is unreachable")
        }
        ErrorKind::Prohibited => (io::ErrorKind::PermissionDenied, "a filter on the way forbids it"),
        // Signs of a path that changes or of a bug elsewhere: they pass (RFC 1122 §4.1.3.3 leaves it to us).
        _ => return None,
    };
    Some(io::Error::new(kind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_has_to_wait_is_no_error() {
        assert!(udp(UdpError::Full).is_none());
    }

    #[test]
    fn an_error_keeps_its_cause() {
        let error = ended(ConnectionError::Reset);
        assert_eq!(
            (error.kind(), error.to_string()),
            (io::ErrorKind::ConnectionReset, "connection reset by peer".into())
        );
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<ConnectionError>());
        assert_eq!(cause, Some(&ConnectionError::Reset));
    }
}
