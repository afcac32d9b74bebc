//! What the network may do to a command, with an exit code for each.

use std::{fmt, io};

/// Why a command ended that talked to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// A name has no address, or nobody could be asked.
    Name = 3,
    /// There is no way there, or nobody listens.
    Connect = 4,
    /// No answer in time.
    TimedOut = 5,
    /// It began well, and broke.
    Broken = 6,
    /// The server understood, and will not or cannot.
    Status = 7,
}

/// An error that came from the network. It has no source on purpose: a connection that broke must not be taken for a
/// closed standard output.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    text: String,
}

impl Failure {
    pub(crate) fn error(exit: Exit, text: impl Into<String>) -> anyhow::Error {
        Self { exit, text: text.into() }.into()
    }

    /// An error of a socket that was not connected yet, met while `doing` something.
    pub(crate) fn connecting(doing: &str, why: &io::Error) -> anyhow::Error {
        Self::of(doing, why, Exit::Connect)
    }

    /// An error of a connection.
    pub(crate) fn broken(doing: &str, why: &io::Error) -> anyhow::Error {
        Self::of(doing, why, Exit::Broken)
    }

    fn of(doing: &str, why: &io::Error, otherwise: Exit) -> anyhow::Error {
        let exit = match why.kind() {
            io::ErrorKind::TimedOut => Exit::TimedOut,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => Exit::Connect,
            io::ErrorKind::NotFound => Exit::Name,
            _ => otherwise,
        };
        Self::error(exit, format!("{doing}: {why}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_failure_has_its_exit_code_and_no_source() {
        for (kind, exit) in [
            (io::ErrorKind::TimedOut, 5),
            (io::ErrorKind::ConnectionRefused, 4),
            (io::ErrorKind::HostUnreachable, 4),
            (io::ErrorKind::NotFound, 3),
            (io::ErrorKind::BrokenPipe, 6),
            (io::ErrorKind::ConnectionReset, 6),
        ] {
            let why = Failure::broken("cannot", &kind.into());
            assert_eq!(why.downcast_ref::<Failure>().map(|f| f.exit as u8), Some(exit));
            assert!(!crate::out::is_closed_pipe(&why), "{kind:?}");
        }
    }
}
