//! A connection: how it is opened and closed, and tokio's traits. What is read and written in other ways is in
//! [`tcp_io`](crate::tcp_io), options are in [`tcp_options`](crate::tcp_options).

use crate::addrs::each_addr;
use crate::error;
use crate::fast_open::{self, FastOpenConnect};
use crate::mapped::{Mapped, meant};
use crate::shared::{Inner, STREAM, Side, Socket};
use crate::tcp_split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::told::{self, Told};
use crate::{Stack, Status, ToSocketAddrs};
use env::Instant;
use stack::{ConnectOptions, ConnectionId};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

/// A TCP connection, by the names and contracts of `tokio::net::TcpStream`.
///
/// `shutdown` (of [`tokio::io::AsyncWriteExt`]) sends FIN and leaves the other direction open for as long as the peer
/// likes: a half-close. Dropping the stream lets go of it: what was written is still delivered, then FIN; but if
/// anything is left unread, or comes later, the peer gets RST, so that it knows that it was lost (RFC 9293 SHLD-3).
/// [`abort`](Self::abort) drops everything and sends RST at once.
///
/// # Errors
///
/// How a connection was cut is told once, as the kernel does: to the first call that reads, peeks, writes or asks
/// [`take_error`](Self::take_error). From then on reading gives 0 and writing gives `BrokenPipe`. Where all that the peer
/// sent, its FIN included, had been read before, reading goes on to give 0, for nothing was lost. What had arrived and was
/// not read when a RST came is gone (RFC 9293 §3.10.7.4 flushes it; Linux still gives it).
///
/// # Cancel safety
///
/// Every `async` method can be dropped before it is ready, and has then taken nothing and sent nothing, but for
/// [`write_bytes`](Self::write_bytes) and [`write_record`](Self::write_record), which say how they differ.
#[derive(Debug)]
pub struct TcpStream {
    pub(crate) stack: Stack,
    pub(crate) id: ConnectionId,
    local: SocketAddr,
    pub(crate) peer: SocketAddr,
    /// The user knows how it was cut.
    pub(crate) told: Told,
}

impl TcpStream {
    /// Opens a connection to `addr`, on the current stack; of several addresses, to the first that answers.
    ///
    /// To drop the future is to give up: the peer gets RST if it had answered.
    ///
    /// # Errors
    /// `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`, `AddrNotAvailable` (no port or address
    /// of ours fits), `InvalidInput` (nobody can be there), `NotConnected` (there is no current stack), and others.
    ///
    /// ```
    /// # use handfast::{Stack, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, right) = memory::wired(memory::Config::default())?;
    /// # let server = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// # let client = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
    /// let nobody = TcpStream::connect_on(&client, "10.0.0.1:80").await;
    /// assert_eq!(nobody.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::connect_on(&Stack::current()?, addr).await
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        each_addr(stack, addr, |peer| Self::open(stack, ConnectOptions::to(peer))).await
    }

    /// The same from a local address and port of the caller's choice; an unspecified address or port 0 is chosen.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); `AddrInUse` when this pair of addresses and ports is open.
    pub async fn connect_from(stack: &Stack, local: SocketAddr, peer: SocketAddr) -> io::Result<Self> {
        let local = (local.port() != 0 || !local.ip().is_unspecified()).then_some(local);
        Self::open(stack, ConnectOptions { local, ..ConnectOptions::to(peer) }).await
    }

    pub(crate) async fn open(stack: &Stack, options: ConnectOptions) -> io::Result<Self> {
        let opening = stack.shared().call(|inner, now| Self::begin(stack, inner, now, options))?;
        opening.opened().await
    }

    /// Sends SYN, under a lock that is held already.
    pub(crate) fn begin(
        stack: &Stack,
        inner: &mut Inner,
        now: Instant,
        options: ConnectOptions,
    ) -> io::Result<Self> {
        inner.check()?;
        let (options, mapped) = as_meant(options);
        let peer = options.remote;
        let id = inner.host().tcp_connect(now, options).map_err(|why| error::connect(why, peer))?;
        let local = inner.host().tcp_addrs(id).map_or(peer, |(local, _)| local);
        Ok(Self::new(stack.clone(), id, mapped.seen(local), mapped.seen(peer)))
    }

    /// OPEN with data, under a lock that is held already; how much goes with the SYN.
    pub(crate) fn begin_with(
        stack: &Stack,
        inner: &mut Inner,
        now: Instant,
        options: ConnectOptions,
        how: FastOpenConnect,
        data: &[u8],
    ) -> io::Result<(Self, usize)> {
        inner.check()?;
        let (options, mapped) = as_meant(options);
        let peer = options.remote;
        let (id, taken) = fast_open::open(inner, now, options, how, data)?;
        let local = inner.host().tcp_addrs(id).map_or(peer, |(local, _)| local);
        Ok((Self::new(stack.clone(), id, mapped.seen(local), mapped.seen(peer)), taken))
    }

    /// Waits for the handshake. The connection is let go of when the future is dropped.
    pub(crate) async fn opened(self) -> io::Result<Self> {
        poll_fn(|context| self.poll_connected(context)).await?;
        Ok(self)
    }

    pub(crate) fn new(stack: Stack, id: ConnectionId, local: SocketAddr, peer: SocketAddr) -> Self {
        Self { stack, id, local, peer, told: Told::default() }
    }

    fn poll_connected(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            let opened = told::opened(inner, now, self.id);
            if opened.is_pending() {
                inner.wait(Socket::Stream(self.id), Side::Write, STREAM, context.waker());
            }
            opened
        })
    }

    /// Makes an attempt for a `poll_` method: the last to poll for `side` is woken.
    pub(crate) fn poll_for<R>(
        &self,
        context: &mut Context<'_>,
        side: Side,
        attempt: impl FnOnce(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let turn = ready!(coop::poll_proceed(context));
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            let outcome = attempt(inner, now);
            if outcome.is_pending() {
                inner.wait(Socket::Stream(self.id), side, STREAM, context.waker());
            } else {
                turn.made_progress();
            }
            outcome
        })
    }

    pub(crate) fn poll_read_shared(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        self.poll_for(context, Side::Read, |inner, now| {
            self.attempt_read(inner, now, room, |data| buffer.put_slice(data)).map_ok(drop)
        })
    }

    /// Writes what there is room for of `parts`, one after the other.
    pub(crate) fn poll_write_shared<'a>(
        &self,
        context: &mut Context<'_>,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        self.poll_for(context, Side::Write, |inner, now| self.attempt_write(inner, now, parts))
    }

    /// CLOSE: FIN after what was written. Once is enough; a second time is no error, nor is it one when the connection
    /// is gone.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            // What it could fail for is that nothing can be written any more: that is what was asked for.
            let _: Result<(), tcp::SendError> = inner.host().tcp_close(now, self.id);
            Ok(())
        })
    }

    /// Our end.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// The other end. That of a connection over IPv4 is an IPv4 address, on a listener for both versions, too, unless
    /// whoever connected or listened wrote its own as `::ffff:a.b.c.d`.
    ///
    /// # Errors
    /// None; the result is tokio's. (The kernel has `NotConnected` once the connection is over.)
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    /// ABORT (RFC 9293 §3.10.5): RST to the peer, everything queued is lost.
    pub fn abort(self) {
        self.stack.shared().call(|inner, _| inner.host().tcp_set_linger(self.id, Some(Duration::ZERO)));
    }

    /// STATUS (RFC 9293 §3.10.6): the state and every figure of the connection.
    pub fn status(&self) -> Status {
        self.stack.shared().look(|host| host.tcp_status(self.id)).unwrap_or_default()
    }

    /// Reading and writing apart, borrowed.
    pub fn split<'a>(&'a mut self) -> (ReadHalf<'a>, WriteHalf<'a>) {
        (ReadHalf::new(self), WriteHalf::new(self))
    }

    /// Reading and writing apart, each to go its own way. Dropping the write half sends FIN.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, right) = memory::wired(memory::Config::default())?;
    /// # let server = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// # let client = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
    /// # let listener = TcpListener::bind_on(&server, "10.0.0.1:7").await?;
    /// # let mut near = TcpStream::connect_on(&client, "10.0.0.1:7").await?;
    /// let (stream, _) = listener.accept().await?;
    /// let (mut read, mut write) = stream.into_split();
    /// let echo = tokio::spawn(async move { tokio::io::copy(&mut read, &mut write).await });
    /// near.write_all(b"there and back").await?;
    /// near.shutdown().await?;
    /// let mut back = String::new();
    /// near.read_to_string(&mut back).await?;
    /// assert_eq!((back.as_str(), echo.await??), ("there and back", 14));
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let stream = Arc::new(self);
        (OwnedReadHalf::new(Arc::clone(&stream)), OwnedWriteHalf::new(stream))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Stream(self.id));
            inner.host().tcp_release(now, self.id);
        });
    }
}

impl AsRef<Self> for TcpStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_shared(context, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_shared(context, std::iter::once(data))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_shared(context, parts.iter().map(|part| &part[..]))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Nothing to do: what was written is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_write())
    }
}

/// Ends as the stack knows them, and how the user writes them.
fn as_meant(options: ConnectOptions) -> (ConnectOptions, Mapped) {
    let mapped = Mapped::as_in(options.remote);
    let local = options.local.map(|local| mapped.bound(local));
    (ConnectOptions { remote: meant(options.remote), local, ..options }, mapped)
}
