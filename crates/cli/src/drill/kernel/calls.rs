//! System calls of scripts, made.
//!
//! ```text
//!   Call { fd: Fd(4), … } ─► Table: Fd ─► socket ─► the kernel ─► Returned { result, out }
//! ```
//!
//! A script's descriptors are numbers of a table, so that what it does to one that is closed, or was never open, is told
//! (EBADF) and touches no descriptor of this program.

use device::kernel_socket::{self, Control, Name};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{Shutdown, SocketFlags};
use sim::packetdrill::linux;
use sim::packetdrill::subject::{
    Call, ControlMessage, EpollEvent, Errno, Fd, Out, Recipient, Refusal, Returned,
};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The script's descriptors.
#[derive(Default)]
pub(super) struct Table(Mutex<BTreeMap<i32, Arc<OwnedFd>>>);

impl Table {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<i32, Arc<OwnedFd>>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters a descriptor under the least number that is free, from 3 on.
    pub(super) fn put(&self, fd: OwnedFd) -> Fd {
        self.with(|table| {
            let number = (3..).find(|number| !table.contains_key(number)).unwrap_or(i32::MAX);
            table.insert(number, Arc::new(fd));
            Fd(number)
        })
    }

    pub(super) fn get(&self, fd: Fd) -> Option<Arc<OwnedFd>> {
        self.with(|table| table.get(&fd.0).cloned())
    }

    fn take(&self, fd: Fd) -> Option<Arc<OwnedFd>> {
        self.with(|table| table.remove(&fd.0))
    }

    /// Closes all; calls that block in them return.
    pub(super) fn close_all(&self) {
        for fd in self.with(std::mem::take).into_values() {
            // What is no connected socket has nobody waiting.
            let _ = rustix::net::shutdown(&fd, Shutdown::Both);
        }
    }
}

/// The number of an error; what has none is an I/O error.
pub(super) fn errno_of(why: &io::Error) -> Errno {
    why.raw_os_error().map_or(linux::EIO, Errno)
}

/// Whether the kernel can be asked this.
pub(super) fn known(call: &Call) -> Result<(), Refusal> {
    match call {
        Call::Fcntl { command, .. } if ![linux::F_GETFL as i32, linux::F_SETFL as i32].contains(command) => {
            Err(Refusal::because(format!("fcntl command {command} is not known")))
        }
        _ => Ok(()),
    }
}

/// Makes a call and waits until it returns.
pub(super) fn perform(table: &Table, call: &Call) -> Returned {
    outcome(table, call).unwrap_or_else(|why| Returned::error(errno_of(&why)))
}

fn bad() -> io::Error {
    io::Error::from_raw_os_error(linux::EBADF.0)
}

fn value(value: usize) -> Returned {
    Returned::value(i64::try_from(value).unwrap_or(i64::MAX))
}

fn outcome(table: &Table, call: &Call) -> io::Result<Returned> {
    let open = |fd: &Fd| table.get(*fd).ok_or_else(bad);
    let done = |()| Returned::value(0);
    match call {
        // Made in the namespace, and not here.
        Call::Socket { .. } => Err(io::ErrorKind::Unsupported.into()),
        Call::Bind { fd, address } => Ok(rustix::net::bind(open(fd)?, address).map(done)?),
        Call::Listen { fd, backlog } => Ok(rustix::net::listen(open(fd)?, *backlog).map(done)?),
        Call::Accept { fd, flags } => accept(table, open(fd)?.as_fd(), *flags),
        Call::Connect { fd, address: Some(address) } => {
            Ok(rustix::net::connect(open(fd)?, address).map(done)?)
        }
        Call::Connect { fd, address: None } => Ok(rustix::net::connect_unspec(open(fd)?).map(done)?),
        Call::Read { fd, buffers } => {
            let data = kernel_socket::read(open(fd)?.as_fd(), buffers.as_deref())?;
            Ok(Returned { out: Out { data: data.clone(), ..Out::default() }, ..value(data.len()) })
        }
        Call::Receive { fd, length, flags } => {
            let lengths = length.map(|length| [length]);
            receive(open(fd)?.as_fd(), lengths.as_ref().map(<[usize; 1]>::as_slice), *flags)
        }
        Call::ReceiveMessage { fd, buffers, flags } => receive(open(fd)?.as_fd(), Some(buffers), *flags),
        Call::Write { fd, buffers } => kernel_socket::write(open(fd)?.as_fd(), buffers.as_deref()).map(value),
        Call::Send { fd, buffers, flags, to, control } => {
            let control: Vec<_> = control.iter().map(outgoing).collect();
            let to = match to {
                Recipient::Unsaid => None,
                Recipient::Unspecified => Some(Name::Unspecified),
                Recipient::Other(address) | Recipient::Address(address) => Some(Name::Address(*address)),
            };
            kernel_socket::send(open(fd)?.as_fd(), buffers.as_deref(), *flags, to, &control).map(value)
        }
        Call::Shutdown { fd, how } => {
            let how = match how {
                0 => Shutdown::Read,
                1 => Shutdown::Write,
                2 => Shutdown::Both,
                _ => return Err(io::Error::from_raw_os_error(linux::EINVAL.0)),
            };
            Ok(rustix::net::shutdown(open(fd)?, how).map(done)?)
        }
        Call::Close { fd } => {
            drop(table.take(*fd).ok_or_else(bad)?);
            Ok(Returned::value(0))
        }
        Call::Fcntl { fd, command, argument } => {
            let fd = open(fd)?;
            if *command == linux::F_SETFL as i32 {
                kernel_socket::set_flags(fd.as_fd(), *argument as i32)?;
                return Ok(Returned::value(0));
            }
            kernel_socket::flags(fd.as_fd()).map(|flags| Returned::value(flags.into()))
        }
        Call::Ioctl { fd, request } => {
            let queued = kernel_socket::queued(open(fd)?.as_fd(), *request)?;
            Ok(Returned { out: with_value(queued.to_ne_bytes().to_vec()), ..Returned::value(0) })
        }
        Call::SetOption { fd, level, name, value, length } => {
            kernel_socket::set_option(open(fd)?.as_fd(), *level, *name, value.as_deref(), *length).map(done)
        }
        Call::GetOption { fd, level, name, length } => {
            let value = kernel_socket::option(open(fd)?.as_fd(), *level, *name, *length)?;
            Ok(Returned { out: with_value(value), ..Returned::value(0) })
        }
        Call::LocalAddress { fd } => {
            Ok(with_address(0, rustix::net::getsockname(open(fd)?)?.try_into().ok()))
        }
        Call::PeerAddress { fd } => {
            let peer = rustix::net::getpeername(open(fd)?)?;
            Ok(with_address(0, peer.and_then(|peer| peer.try_into().ok())))
        }
        Call::Poll { fds, timeout } => polled(table, fds, *timeout),
        Call::EpollCreate => {
            let fd = epoll::create(epoll::CreateFlags::CLOEXEC)?;
            Ok(Returned::value(table.put(fd).0.into()))
        }
        Call::EpollControl { epoll, operation, fd, event } => {
            watch(open(epoll)?.as_fd(), *operation, open(fd)?.as_fd(), *event).map(done)
        }
        Call::EpollWait { epoll, most, timeout } => ready(open(epoll)?.as_fd(), *most, *timeout),
    }
}

fn with_value(value: Vec<u8>) -> Out {
    Out { value, ..Out::default() }
}

fn with_address(value: i64, address: Option<SocketAddr>) -> Returned {
    Returned { out: Out { address, ..Out::default() }, ..Returned::value(value) }
}

fn outgoing(message: &ControlMessage) -> Control {
    Control { level: message.level, kind: message.kind, data: message.data.clone() }
}

fn accept(table: &Table, listener: BorrowedFd<'_>, flags: i32) -> io::Result<Returned> {
    let flags = SocketFlags::from_bits_retain(flags as u32) | SocketFlags::CLOEXEC;
    let (fd, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    let number = table.put(fd).0;
    Ok(with_address(number.into(), peer.and_then(|peer| peer.try_into().ok())))
}

fn receive(fd: BorrowedFd<'_>, lengths: Option<&[usize]>, flags: i32) -> io::Result<Returned> {
    let got = kernel_socket::receive(fd, lengths, flags)?;
    let incoming =
        |control: Control| ControlMessage { level: control.level, kind: control.kind, data: control.data };
    let control = got.control.into_iter().map(incoming).collect();
    let count = value(got.count);
    let out = Out { data: got.data, address: got.from, control, flags: got.flags, ..Out::default() };
    Ok(Returned { out, ..count })
}

/// A time to wait for; `None` is for ever.
fn timespec(timeout: Option<std::time::Duration>) -> Option<Timespec> {
    timeout.and_then(|timeout| timeout.try_into().ok())
}

fn polled(table: &Table, fds: &[(Fd, i16)], timeout: Option<std::time::Duration>) -> io::Result<Returned> {
    let open: Vec<_> = fds.iter().map(|(fd, _)| table.get(*fd)).collect();
    let asked = open.iter().zip(fds).filter_map(|(open, (_, events))| {
        let events = PollFlags::from_bits_retain(*events as u16);
        open.as_ref().map(|open| PollFd::new(open, events))
    });
    let mut asked: Vec<_> = asked.collect();
    let invalid = open.iter().filter(|open| open.is_none()).count();
    // A descriptor that is not open is an event, so nobody waits.
    let timeout = if invalid > 0 { Some(std::time::Duration::ZERO) } else { timeout };
    let count = poll(&mut asked, timespec(timeout).as_ref())?;
    let mut told = asked.iter().map(|asked| asked.revents().bits() as i16);
    let result = open.iter().map(|open| match open {
        Some(_) => told.next().unwrap_or_default(),
        None => PollFlags::NVAL.bits() as i16,
    });
    let out = Out { polled: result.collect(), ..Out::default() };
    Ok(Returned { out, ..value(count + invalid) })
}

fn watch(epoll: BorrowedFd<'_>, operation: i32, fd: BorrowedFd<'_>, event: EpollEvent) -> io::Result<()> {
    let data = epoll::EventData::new_u64(event.data);
    let flags = epoll::EventFlags::from_bits_retain(event.events);
    match operation {
        1 => Ok(epoll::add(epoll, fd, data, flags)?),
        2 => Ok(epoll::delete(epoll, fd)?),
        3 => Ok(epoll::modify(epoll, fd, data, flags)?),
        _ => Err(io::Error::from_raw_os_error(linux::EINVAL.0)),
    }
}

fn ready(epoll: BorrowedFd<'_>, most: usize, timeout: Option<std::time::Duration>) -> io::Result<Returned> {
    if most == 0 {
        return Err(io::Error::from_raw_os_error(linux::EINVAL.0));
    }
    let mut events = Vec::with_capacity(most.min(1_024));
    let count = epoll::wait(epoll, rustix::buffer::spare_capacity(&mut events), timespec(timeout).as_ref())?;
    // Copied first: they lie packed.
    let told = events
        .iter()
        .map(|&epoll::Event { flags, data }| EpollEvent { events: flags.bits(), data: data.u64() });
    let out = Out { ready: told.collect(), ..Out::default() };
    Ok(Returned { out, ..value(count) })
}
