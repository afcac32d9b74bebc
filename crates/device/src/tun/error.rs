//! What may be in the way of a TUN, and what to do about it.

use super::Kind;
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Why there is no TUN. Its text says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum TunError {
    /// There is no such device node, or no driver behind it.
    NoNode {
        /// The node.
        node: PathBuf,
    },
    /// We may not open the node.
    NoAccess {
        /// The node.
        node: PathBuf,
    },
    /// We may not create an interface, or may not take this one.
    NoPrivilege {
        /// Its name.
        name: String,
    },
    /// Another process has this interface.
    Busy {
        /// Its name.
        name: String,
    },
    /// The name belongs to an interface of another kind.
    NameTaken {
        /// The name.
        name: String,
        /// What was asked for.
        kind: Kind,
    },
    /// No interface can have this name.
    BadName {
        /// The name.
        name: String,
    },
    /// The descriptor or node is no TUN, or not attached to an interface yet.
    NotATun,
    /// It is neither TUN nor TAP, or packets on it have the packet information header, which we don't read.
    WrongKind {
        /// The interface.
        name: String,
    },
    /// Another error of the system.
    System {
        /// What was tried.
        doing: &'static str,
        /// What came of it.
        why: io::Error,
    },
}

impl TunError {
    pub(super) fn on_open(node: &Path, why: io::Error) -> Self {
        let node = node.to_path_buf();
        match why.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::NODEV | Errno::NXIO) => Self::NoNode { node },
            Some(Errno::ACCESS | Errno::PERM) => Self::NoAccess { node },
            _ => Self::System { doing: "open the TUN device node", why },
        }
    }

    pub(super) fn on_create(kind: Kind, name: &str, errno: Errno) -> Self {
        let name = name.to_owned();
        match errno {
            Errno::PERM | Errno::ACCESS => Self::NoPrivilege { name },
            Errno::BUSY => Self::Busy { name },
            // The name was checked, and the flags are plain: what is left is an interface of another kind.
            Errno::INVAL | Errno::EXIST => Self::NameTaken { name, kind },
            Errno::NOTTY => Self::NotATun,
            errno => Self::system("create the TUN interface", errno),
        }
    }

    pub(super) fn on_adopt(errno: Errno) -> Self {
        match errno {
            Errno::NOTTY | Errno::INVAL | Errno::BADFD => Self::NotATun,
            errno => Self::system("look at the TUN interface", errno),
        }
    }

    pub(super) fn system(doing: &'static str, errno: Errno) -> Self {
        Self::System { doing, why: errno.into() }
    }
}

impl fmt::Display for TunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode { node } => write!(
                f,
                "there is no TUN device at {0}: load the driver (modprobe tun) or, in a container, pass the node in \
                 (--device {0})",
                node.display()
            ),
            Self::NoAccess { node } => write!(
                f,
                "no permission to open {}: run as root, or let your user in (chmod 666, as most systems have it)",
                node.display()
            ),
            Self::NoPrivilege { name } => write!(
                f,
                "no permission to create the interface {name}: run as root, or have it made for you once \
                 (sudo ip tuntap add dev {name} mode tun user $USER)"
            ),
            Self::Busy { name } => {
                write!(
                    f,
                    "the interface {name} is in use by another process: stop that, or choose another name"
                )
            }
            Self::NameTaken { name, kind } => {
                let kind = if *kind == Kind::Tap { "TAP" } else { "TUN" };
                write!(
                    f,
                    "the name {name} belongs to an interface that is no plain {kind}: choose another name"
                )
            }
            Self::BadName { name } => write!(
                f,
                "no interface can be called {name:?}: choose 1 to 15 letters, digits or -_. without spaces, as in hf0"
            ),
            Self::NotATun => {
                f.write_str("that is no TUN: open /dev/net/tun and attach it to an interface first")
            }
            Self::WrongKind { name } => {
                write!(
                    f,
                    "packets of the interface {name} have a header that is not read here: create it with IFF_NO_PI"
                )
            }
            Self::System { doing, why } => write!(f, "cannot {doing}: {why}"),
        }
    }
}

impl std::error::Error for TunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { why, .. } => Some(why),
            _ => None,
        }
    }
}

impl From<TunError> for io::Error {
    fn from(error: TunError) -> Self {
        let kind = match &error {
            TunError::NoNode { .. } => io::ErrorKind::NotFound,
            TunError::NoAccess { .. } | TunError::NoPrivilege { .. } => io::ErrorKind::PermissionDenied,
            TunError::Busy { .. } => io::ErrorKind::ResourceBusy,
            TunError::NameTaken { .. } => io::ErrorKind::AlreadyExists,
            TunError::BadName { .. } | TunError::NotATun | TunError::WrongKind { .. } => {
                io::ErrorKind::InvalidInput
            }
            TunError::System { why, .. } => why.kind(),
        };
        Self::new(kind, error)
    }
}

/// A read or write that failed for good.
pub(super) fn broken(name: &str, errno: Errno) -> io::Error {
    let why = io::Error::from(errno);
    // EBADFD: the interface was deleted under us.
    let text = if errno == Errno::BADFD { "it was deleted".to_owned() } else { why.to_string() };
    io::Error::new(why.kind(), format!("the interface {name} is gone: {text}"))
}
