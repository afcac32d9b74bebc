//! A port where connections arrive.

use super::{Patience, TcpStream};
use crate::addrs::each_addr;
use crate::mapped::{Mapped, meant};
use crate::park::block_on;
use crate::shared::{Side, Socket};
use crate::tcp_listener::BACKLOG;
use crate::{ListenConfig, Stack, ToSocketAddrs, error};
use stack::ListenerId;
use std::future::ready;
use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

/// Takes connections at a local address, as that of `std::net`. When the last clone goes, the port is closed, and
/// connections that nobody has accepted are reset.
#[derive(Clone, Debug)]
pub struct TcpListener(Arc<Core>);

#[derive(Debug)]
struct Core {
    stack: Stack,
    id: ListenerId,
    local: SocketAddr,
    patience: Patience,
}

impl TcpListener {
    /// Listens on the [current](Stack::current) stack: at the first of the addresses that can be had. An unspecified one
    /// is all of its IP version, port 0 is chosen.
    ///
    /// # Errors
    /// Of the last address: `AddrInUse`, `AddrNotAvailable` (no address of this stack).
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&Stack::current()?, addr)
    }

    /// The same on a stack of one's choice.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        let config = ListenConfig { backlog: BACKLOG, dual_stack: true, ..ListenConfig::default() };
        let bind = |local| ready(Self::bind_with(stack, local, config.clone()));
        block_on(each_addr(stack, addr, bind))
    }

    /// The same with other settings: backlog, SYN queue, cookies, both IP versions at once.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with(stack: &Stack, local: SocketAddr, config: ListenConfig) -> io::Result<Self> {
        let (id, local) = stack.shared().call(|inner, now| {
            inner.check()?;
            let mapped = Mapped::as_in(local);
            let id = inner.host().tcp_listen(now, meant(local), config).map_err(error::listen)?;
            Ok::<_, io::Error>((
                id,
                inner.host().tcp_listener_addr(id).map_or(local, |local| mapped.seen(local)),
            ))
        })?;
        Ok(Self(Arc::new(Core { stack: stack.clone(), id, local, patience: Patience::default() })))
    }

    /// Which listener of which stack it is.
    pub(crate) fn place(&self) -> (&Stack, ListenerId) {
        (&self.0.stack, self.0.id)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local)
    }

    /// Another handle on the same listener.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// Waits for the next connection; with its peer's address. Several threads may wait at once.
    ///
    /// # Errors
    /// The stack is gone; `WouldBlock` when it does not wait.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let core = &*self.0;
        let (shared, listener) = (core.stack.shared(), Socket::Listener(core.id));
        let (id, local, peer) = core.patience.wait(shared, listener, Side::Read, |inner, _| {
            let Some((id, peer)) = inner.host().tcp_accept(core.id) else { return Poll::Pending };
            let mapped = Mapped::as_in(core.local);
            let local = inner.host().tcp_addrs(id).map_or(core.local, |(local, _)| mapped.seen(local));
            Poll::Ready((id, local, mapped.seen(peer)))
        })?;
        Ok((TcpStream::new(core.stack.clone(), id, local, peer), peer))
    }

    /// The connections as they come, without an end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The same, and it owns the listener.
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming { listener: self }
    }

    /// Whether [`accept`](Self::accept) gives `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.patience.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Errors of a listener are told by its calls only: always `None`.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Listener(self.id));
            inner.host().tcp_unlisten(now, self.id);
        });
    }
}

/// Connections of a listener. Made by [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

/// Connections of a listener. Made by [`TcpListener::into_incoming`].
#[derive(Debug)]
pub struct IntoIncoming {
    listener: TcpListener,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for IntoIncoming {}
