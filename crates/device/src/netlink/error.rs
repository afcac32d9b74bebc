//! What the kernel did not do, and why.

use rustix::io::Errno;
use std::fmt;

/// What was asked and why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetlinkError {
    /// What was asked for, as in `set hf0 up`.
    pub asked: String,
    /// Why not.
    pub why: Why,
}

/// Why the kernel did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It takes CAP_NET_ADMIN in this network namespace.
    NoPrivilege,
    /// There is no such interface, address or route.
    NotFound,
    /// It is there already.
    Exists,
    /// A value is out of range, or does not suit the interface.
    Invalid,
    /// The network cannot be reached: the interface is down, or the gateway is on none of its networks.
    Unreachable,
    /// The answer was not understood.
    Garbled,
    /// Another error of the system, by number.
    System(i32),
}

impl From<Errno> for Why {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PERM | Errno::ACCESS => Self::NoPrivilege,
            Errno::NODEV | Errno::NXIO | Errno::NOENT | Errno::SRCH | Errno::ADDRNOTAVAIL => Self::NotFound,
            Errno::EXIST => Self::Exists,
            Errno::INVAL | Errno::RANGE => Self::Invalid,
            Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTUNREACH => Self::Unreachable,
            errno => Self::System(errno.raw_os_error()),
        }
    }
}

impl fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: ", self.asked)?;
        match self.why {
            Why::NoPrivilege => f.write_str(
                "it takes the privilege CAP_NET_ADMIN (run as root, or in a namespace of your own)",
            ),
            Why::NotFound => f.write_str("there is no such interface, address or route"),
            Why::Exists => f.write_str("it is there already"),
            Why::Invalid => f.write_str("the kernel finds a value out of range, or not for this interface"),
            Why::Unreachable => {
                f.write_str("the network is unreachable (is the interface up and addressed?)")
            }
            Why::Garbled => f.write_str("the kernel's answer was not understood"),
            Why::System(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(errno)),
        }
    }
}

impl std::error::Error for NetlinkError {}

impl From<NetlinkError> for std::io::Error {
    fn from(error: NetlinkError) -> Self {
        use std::io::ErrorKind;
        let kind = match error.why {
            Why::NoPrivilege => ErrorKind::PermissionDenied,
            Why::NotFound => ErrorKind::NotFound,
            Why::Exists => ErrorKind::AlreadyExists,
            Why::Invalid => ErrorKind::InvalidInput,
            Why::Unreachable => ErrorKind::NetworkUnreachable,
            Why::Garbled => ErrorKind::InvalidData,
            Why::System(errno) => std::io::Error::from_raw_os_error(errno).kind(),
        };
        Self::new(kind, error)
    }
}
