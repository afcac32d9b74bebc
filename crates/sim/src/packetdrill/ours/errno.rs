//! Which of Linux's error numbers stands for what went wrong in the stack.
//!
//! ```text
//!   why a connection ended, why a call failed, what ICMP said ─► errno
//! ```

use crate::packetdrill::linux::{
    EACCES, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EBADF, ECONNABORTED, ECONNREFUSED, ECONNRESET, EDESTADDRREQ,
    EHOSTUNREACH, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS, ENOMEM, ENOPROTOOPT, EOPNOTSUPP, EPIPE, EPROTO,
    ETIMEDOUT,
};
use crate::packetdrill::subject::Errno;
use stack::{ConnectError, ErrorKind, ListenError, UdpError};
use tcp::{ConnectionError, SoftError};

/// How a connection was cut. A reset after the peer's FIN is a broken pipe to a writer.
pub(super) fn ended(why: ConnectionError, after_fin: bool) -> Errno {
    match why {
        ConnectionError::Refused => ECONNREFUSED,
        ConnectionError::Reset if after_fin => EPIPE,
        ConnectionError::Reset => ECONNRESET,
        ConnectionError::TimedOut => ETIMEDOUT,
        ConnectionError::Unreachable => EHOSTUNREACH,
        ConnectionError::OutOfMemory => ENOMEM,
        _ => ECONNABORTED,
    }
}

/// What ICMP said of a connection.
pub(super) fn soft(why: SoftError) -> Errno {
    match why {
        SoftError::NetworkUnreachable => ENETUNREACH,
        SoftError::ProtocolUnreachable => ENOPROTOOPT,
        SoftError::PortUnreachable => ECONNREFUSED,
        SoftError::ParameterProblem => EPROTO,
        SoftError::HostUnreachable | SoftError::Prohibited | SoftError::TimeExceeded => EHOSTUNREACH,
    }
}

pub(super) fn connect(why: ConnectError) -> Errno {
    match why {
        ConnectError::InvalidRemote => ENETUNREACH,
        ConnectError::AddrInUse | ConnectError::AddrNotAvailable => EADDRNOTAVAIL,
        ConnectError::NetworkUnreachable => ENETUNREACH,
        _ => ENOMEM,
    }
}

pub(super) fn listen(why: ListenError) -> Errno {
    match why {
        ListenError::AddrNotAvailable => EADDRNOTAVAIL,
        _ => EADDRINUSE,
    }
}

pub(super) fn udp(why: UdpError) -> Errno {
    match why {
        UdpError::InUse => EADDRINUSE,
        UdpError::NoPort | UdpError::NotOurs => EADDRNOTAVAIL,
        UdpError::NoDestination => EDESTADDRREQ,
        UdpError::TooLong | UdpError::TooBig { .. } => EMSGSIZE,
        UdpError::Broadcast => EACCES,
        UdpError::Unreachable => ENETUNREACH,
        UdpError::Full => EAGAIN,
        UdpError::NoMemory => ENOBUFS,
        UdpError::NoSocket => EBADF,
        _ => EINVAL,
    }
}

/// What ICMP said of a datagram; the two versions of ICMP have another word for a filter.
pub(super) fn fault(kind: ErrorKind, v6: bool) -> Errno {
    match kind {
        ErrorKind::PortUnreachable => ECONNREFUSED,
        ErrorKind::ProtocolUnreachable => ENOPROTOOPT,
        ErrorKind::NetworkUnreachable => ENETUNREACH,
        ErrorKind::TooBig { .. } => EMSGSIZE,
        ErrorKind::Prohibited if v6 => EACCES,
        ErrorKind::SourceRouteFailed => EOPNOTSUPP,
        ErrorKind::ParameterProblem { .. } => EPROTO,
        _ => EHOSTUNREACH,
    }
}
