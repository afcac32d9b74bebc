//! A port where connections arrive.

use crate::addrs::each_addr;
use crate::error;
use crate::mapped::{Mapped, meant};
use crate::shared::{Inner, STREAM, Side, Socket};
use crate::tcp_options::hop_limit;
use crate::{ListenConfig, Stack, TcpStream, ToSocketAddrs};
use env::Instant;
use stack::ListenerId;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::coop;

/// Connections that may wait to be accepted, unless one says otherwise: tokio's number.
pub(crate) const BACKLOG: usize = 1_024;

/// Takes connections at a local address, by the names and contracts of `tokio::net::TcpListener`. Dropping it closes the
/// port; connections that nobody has accepted are reset.
#[derive(Debug)]
pub struct TcpListener {
    stack: Stack,
    id: ListenerId,
    local: SocketAddr,
    /// What each connection lingers for.
    linger: Option<Duration>,
}

impl TcpListener {
    /// Listens at `addr`, on the current stack; of several addresses, at the first that can be had. An unspecified address
    /// is all of its IP version, `[::]` of both; port 0 is chosen. Up to 1,024 connections wait to be accepted.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` (no address of this stack), `NotConnected` (there is no current stack).
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&Stack::current()?, addr).await
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        let config = ListenConfig { backlog: BACKLOG, dual_stack: true, ..ListenConfig::default() };
        each_addr(stack, addr, |local| Self::bind_with(stack, local, config.clone())).await
    }

    /// The same with settings of one's own: backlog, SYN queue, cookies, one IP version only.
    ///
    /// ```
    /// # use handfast::{ListenConfig, Stack, TcpListener, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let both = ListenConfig { dual_stack: true, backlog: 16, ..ListenConfig::default() };
    /// let listener = TcpListener::bind_with(&stack, "[::]:80".parse()?, both).await?;
    /// assert_eq!(listener.local_addr()?.port(), 80);
    /// let again = TcpListener::bind_on(&stack, "0.0.0.0:80").await;
    /// assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_with(stack: &Stack, local: SocketAddr, config: ListenConfig) -> io::Result<Self> {
        stack.shared().call(|inner, now| Self::begin(stack, inner, now, local, config, None))
    }

    /// LISTEN, under a lock that is held already.
    pub(crate) fn begin(
        stack: &Stack,
        inner: &mut Inner,
        now: Instant,
        local: SocketAddr,
        config: ListenConfig,
        linger: Option<Duration>,
    ) -> io::Result<Self> {
        inner.check()?;
        let mapped = Mapped::as_in(local);
        let id = inner.host().tcp_listen(now, meant(local), config).map_err(error::listen)?;
        let local = inner.host().tcp_listener_addr(id).map_or(local, |local| mapped.seen(local));
        Ok(Self { stack: stack.clone(), id, local, linger })
    }

    /// Waits for the next connection; with its peer's address. Connections come in the order in which they were
    /// established. One that was cut meanwhile comes, too, and tells so itself.
    ///
    /// Cancel safe: no connection is lost when the future is dropped. Several tasks may accept at once.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let listener = TcpListener::bind_on(&stack, "10.0.0.1:0").await?;
    /// let near = TcpStream::connect_on(&stack, listener.local_addr()?).await?;
    /// let (far, peer) = listener.accept().await?;
    /// assert_eq!((peer, far.local_addr()?), (near.local_addr()?, listener.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stack is gone. What happens to one connection is told by that connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let attempt = |inner: &mut Inner, _| self.attempt_accept(inner);
        self.stack.shared().wait_for(Socket::Listener(self.id), Side::Read, attempt).await
    }

    /// Polls for the next connection. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let turn = ready!(coop::poll_proceed(cx));
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            let outcome = self.attempt_accept(inner);
            if outcome.is_pending() {
                inner.wait(Socket::Listener(self.id), Side::Read, STREAM, cx.waker());
            } else {
                turn.made_progress();
            }
            outcome.map(Ok)
        })
    }

    fn attempt_accept(&self, inner: &mut Inner) -> Poll<(TcpStream, SocketAddr)> {
        let Some((id, peer)) = inner.host().tcp_accept(self.id) else { return Poll::Pending };
        let mapped = Mapped::as_in(self.local);
        let local = inner.host().tcp_addrs(id).map_or(self.local, |(local, _)| mapped.seen(local));
        let peer = mapped.seen(peer);
        inner.host().tcp_set_linger(id, self.linger);
        Poll::Ready((TcpStream::new(self.stack.clone(), id, local, peer), peer))
    }

    /// Which listener of which stack it is.
    pub(crate) fn place(&self) -> (&Stack, ListenerId) {
        (&self.stack, self.id)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// TTL of what its connections send; over IPv6, the hop limit.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        self.change_ttl(None)
    }

    /// Sets the TTL of what connections send that open from now on (IP_TTL; over IPv6, the hop limit; RFC 9293 MUST-49).
    ///
    /// # Errors
    /// `InvalidInput`: 0, or above 255. The stack is gone.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.change_ttl(Some(hop_limit(ttl)?)).map(drop)
    }

    fn change_ttl(&self, ttl: Option<u8>) -> io::Result<u32> {
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            let ttl = inner.host().tcp_listener_ttl(self.id, ttl);
            ttl.map(u32::from).ok_or_else(|| io::ErrorKind::NotConnected.into())
        })
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Listener(self.id));
            inner.host().tcp_unlisten(now, self.id);
        });
    }
}
