//! Sockets, as a kernel keeps them over a stack: what a descriptor stands for, and where it is in its life.
//!
//! ```text
//!   socket ─► Fresh ─ bind ─► Fresh, bound ─ listen ─► Listening
//!               │                  │
//!               └──── connect ─────┴─► Open (SYN-SENT …) ─► Over, what ended it in `error`
//!   Datagram: UDP, from the first to the last
//! ```

use super::memory::SendMemory;
use super::options::Options;
use crate::packetdrill::subject::{EpollEvent, Errno, Fd};
use stack::{ConnectionId, ListenerId, TcpBound, UdpId};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Descriptors that one script may have.
const MOST: usize = 1_024;
/// The first that a process gets: the three before it are the terminal's.
const FIRST: i32 = 3;

/// What a descriptor stands for.
pub(super) enum Descriptor {
    Socket(Box<Socket>),
    Epoll(Epoll),
}

/// A socket.
pub(super) struct Socket {
    /// Of the IPv6 family: IPv4 peers show mapped (RFC 4291 §2.5.5.2).
    pub(super) v6: bool,
    pub(super) nonblocking: bool,
    pub(super) stage: Stage,
    pub(super) options: Options,
    /// How many may wait to be accepted.
    pub(super) backlog: usize,
    /// To be connected with the first octets that are written (TCP_FASTOPEN_CONNECT).
    pub(super) deferred: Option<SocketAddr>,
    /// SO_ERROR: what went wrong and nobody was told of yet.
    pub(super) error: Option<Errno>,
    /// The handshake is complete, and `connect` said so or `accept` gave the socket.
    pub(super) connected: bool,
    pub(super) shut_read: bool,
    pub(super) shut_write: bool,
    /// The peer has closed; an end that the reader has seen.
    pub(super) peer_closed: bool,
    pub(super) memory: SendMemory,
    /// How often there was news: edge-triggered waiters look whether it grew.
    pub(super) news: u64,
}

/// Where a socket is in its life.
pub(super) enum Stage {
    Fresh(Option<TcpBound>),
    Listening(ListenerId),
    Open(ConnectionId),
    /// It was open, and its connection is gone or was refused.
    Over(Option<TcpBound>),
    Datagram(UdpId),
}

impl Socket {
    pub(super) fn new(v6: bool, stage: Stage, options: Options) -> Self {
        Self {
            v6,
            nonblocking: false,
            stage,
            options,
            backlog: 0,
            deferred: None,
            error: None,
            connected: false,
            shut_read: false,
            shut_write: false,
            peer_closed: false,
            memory: SendMemory::default(),
            news: 0,
        }
    }

    /// SO_ERROR, which is told once.
    pub(super) fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.stage {
            Stage::Open(id) => Some(id),
            _ => None,
        }
    }

    pub(super) fn udp(&self) -> Option<UdpId> {
        match self.stage {
            Stage::Datagram(id) => Some(id),
            _ => None,
        }
    }

    /// As programs with this socket see an address.
    pub(super) fn shown(&self, address: SocketAddr) -> SocketAddr {
        match address.ip() {
            IpAddr::V4(v4) if self.v6 => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
            _ => address,
        }
    }
}

/// An address as packets carry it, whatever family it was given in.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// An epoll set.
#[derive(Default)]
pub(super) struct Epoll {
    pub(super) watched: Vec<Watched>,
}

/// One descriptor in an epoll set.
pub(super) struct Watched {
    pub(super) fd: Fd,
    pub(super) event: EpollEvent,
    /// The socket's news that were reported already; `None` while nothing was.
    pub(super) reported: Option<u64>,
    /// One-shot, and it has shot.
    pub(super) spent: bool,
}

/// Descriptors by number.
#[derive(Default)]
pub(super) struct Table(BTreeMap<i32, Descriptor>);

impl Table {
    /// Gives the lowest free number; `None` when there are too many.
    pub(super) fn open(&mut self, descriptor: Descriptor) -> Option<Fd> {
        if self.0.len() >= MOST {
            return None;
        }
        let fd = (FIRST..).find(|fd| !self.0.contains_key(fd))?;
        self.0.insert(fd, descriptor);
        Some(Fd(fd))
    }

    pub(super) fn close(&mut self, fd: Fd) -> Option<Descriptor> {
        let closed = self.0.remove(&fd.0)?;
        for other in self.0.values_mut() {
            if let Descriptor::Epoll(epoll) = other {
                epoll.watched.retain(|watched| watched.fd != fd);
            }
        }
        Some(closed)
    }

    pub(super) fn get(&self, fd: Fd) -> Option<&Descriptor> {
        self.0.get(&fd.0)
    }

    pub(super) fn get_mut(&mut self, fd: Fd) -> Option<&mut Descriptor> {
        self.0.get_mut(&fd.0)
    }

    /// The socket that `which` is true of.
    pub(super) fn find(&mut self, which: impl Fn(&Socket) -> bool) -> Option<&mut Socket> {
        self.0.values_mut().find_map(|descriptor| match descriptor {
            Descriptor::Socket(socket) if which(socket) => Some(&mut **socket),
            _ => None,
        })
    }

    /// The descriptors that listen.
    pub(super) fn listening(&self) -> Vec<Fd> {
        let listens = |descriptor: &Descriptor| matches!(descriptor, Descriptor::Socket(socket) if matches!(socket.stage, Stage::Listening(_)));
        self.0.iter().filter(|(_, descriptor)| listens(descriptor)).map(|(fd, _)| Fd(*fd)).collect()
    }

    /// The connections that sockets stand for.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let connection = |descriptor: &Descriptor| match descriptor {
            Descriptor::Socket(socket) => socket.connection(),
            _ => None,
        };
        self.0.values().filter_map(connection).collect()
    }

    /// The descriptors of those who wait for room in a send buffer.
    pub(super) fn waiting_for_room(&self) -> Vec<Fd> {
        let waits =
            |descriptor: &Descriptor| matches!(descriptor, Descriptor::Socket(socket) if socket.memory.full);
        self.0.iter().filter(|(_, descriptor)| waits(descriptor)).map(|(fd, _)| Fd(*fd)).collect()
    }
}
