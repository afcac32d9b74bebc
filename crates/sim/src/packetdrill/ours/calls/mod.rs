//! System calls, by Linux's contracts.
//!
//! ```text
//!   open: socket, bind, listen, accept      close: close, shutdown      wait: poll, epoll
//!   connect                                 control: fcntl, ioctl, names
//!   receive, send                           ../options: getsockopt, setsockopt
//! ```

mod close;
mod connect;
mod control;
mod early;
mod events;
mod open;
mod receive;
mod send;
mod udp;
mod wait;

use super::Kernel;
use super::socket::{Descriptor, Socket};
use crate::packetdrill::linux::{EBADF, ENOTSOCK};
use crate::packetdrill::subject::{Call, Errno, Fd, Recipient, Refusal, Returned};
use env::Instant;

/// Why a call does not return a value now.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed.
    Errno(Errno),
    /// It is none of ours.
    Refused(Refusal),
    /// It blocks, no longer than to this instant of the host's clock.
    Wait(Option<Instant>),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What a call comes to.
pub(super) type Answer = Result<Returned, Stop>;

/// What is known of a call that was made before and had to wait.
#[derive(Debug)]
pub(super) struct Attempt {
    /// When it was made, on the host's clock.
    pub(super) began: Instant,
    /// It is made again.
    pub(super) again: bool,
    /// Octets that it has moved so far.
    pub(super) moved: usize,
    /// It began with a SYN that has data.
    pub(super) early: bool,
    /// Octets that it has read so far.
    pub(super) data: Vec<u8>,
}

impl Attempt {
    pub(super) fn at(began: Instant) -> Self {
        Self { began, again: false, moved: 0, early: false, data: Vec::new() }
    }
}

/// A call that this subject does not know how to make.
pub(super) fn refuse(what: impl Into<String>) -> Stop {
    Stop::Refused(Refusal::because(what))
}

/// That is all: zero.
pub(super) fn done() -> Answer {
    Ok(Returned::value(0))
}

impl Kernel {
    /// Makes a call, or makes it again.
    pub(super) fn attempt(&mut self, call: &Call, attempt: &mut Attempt) -> Answer {
        match call {
            Call::Socket { v6, kind, protocol } => self.socket_call(*v6, *kind, *protocol),
            Call::Bind { fd, address } => self.bind(*fd, *address),
            Call::Listen { fd, backlog } => self.listen(*fd, *backlog),
            Call::Accept { fd, flags } => self.accept(*fd, *flags),
            Call::Connect { fd, address } => self.connect(*fd, *address, attempt),
            Call::Read { fd, buffers } => self.read(*fd, buffers.as_deref(), 0, attempt),
            Call::Receive { fd, length, flags } => {
                let buffers = length.map(|length| vec![length]);
                self.read(*fd, buffers.as_deref(), *flags, attempt)
            }
            Call::ReceiveMessage { fd, buffers, flags } => self.read(*fd, Some(buffers), *flags, attempt),
            Call::Write { fd, buffers } => self.write(*fd, buffers.as_deref(), 0, Recipient::Unsaid, attempt),
            Call::Send { fd, buffers, flags, to, control } => {
                if !control.is_empty() {
                    return Err(refuse("ancillary data is not sent"));
                }
                self.write(*fd, buffers.as_deref(), *flags, *to, attempt)
            }
            Call::Shutdown { fd, how } => self.shutdown(*fd, *how),
            Call::Close { fd } => self.close(*fd),
            Call::Fcntl { fd, command, argument } => self.fcntl(*fd, *command, *argument),
            Call::Ioctl { fd, request } => self.ioctl(*fd, *request),
            Call::SetOption { fd, level, name, value, length } => {
                self.set_option(*fd, i64::from(*level), i64::from(*name), value.as_deref(), *length)
            }
            Call::GetOption { fd, level, name, length } => {
                self.get_option(*fd, i64::from(*level), i64::from(*name), *length)
            }
            Call::LocalAddress { fd } => self.local_address(*fd),
            Call::PeerAddress { fd } => self.peer_address(*fd),
            Call::Poll { fds, timeout } => self.poll(fds, *timeout, attempt),
            Call::EpollCreate => self.epoll_create(),
            Call::EpollControl { epoll, operation, fd, event } => {
                self.epoll_control(*epoll, *operation, *fd, *event)
            }
            Call::EpollWait { epoll, most, timeout } => self.epoll_wait(*epoll, *most, *timeout, attempt),
        }
    }

    pub(super) fn socket(&self, fd: Fd) -> Result<&Socket, Errno> {
        match self.table.get(fd).ok_or(EBADF)? {
            Descriptor::Socket(socket) => Ok(socket),
            Descriptor::Epoll(_) => Err(ENOTSOCK),
        }
    }

    pub(super) fn socket_mut(&mut self, fd: Fd) -> Result<&mut Socket, Errno> {
        match self.table.get_mut(fd).ok_or(EBADF)? {
            Descriptor::Socket(socket) => Ok(socket),
            Descriptor::Epoll(_) => Err(ENOTSOCK),
        }
    }
}
