//! A connection.

use crate::addrs::each_addr;
use crate::error;
use crate::shared::{STREAM, Side, Socket};
use crate::tcp_split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::{Stack, State, Status, ToSocketAddrs};
use env::Duration;
use stack::{ConnectOptions, ConnectionId};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tcp::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TCP connection, read and written as tokio's.
///
/// `shutdown` (of [`tokio::io::AsyncWriteExt`]) sends FIN and leaves the other direction open for as long as the peer
/// likes: a half-close. Dropping the stream lets go of it: what was written is still delivered, then FIN; but if
/// anything is left unread, or comes later, the peer gets RST, so that it knows that it was lost (RFC 9293 SHLD-3).
/// [`abort`](Self::abort) drops everything and sends RST at once.
#[derive(Debug)]
pub struct TcpStream {
    stack: Stack,
    id: ConnectionId,
    local: SocketAddr,
    peer: SocketAddr,
    zero_linger: AtomicBool,
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

    async fn open(stack: &Stack, options: ConnectOptions) -> io::Result<Self> {
        let peer = options.remote;
        let (id, local) = stack.shared().call(|inner, now| {
            inner.check()?;
            let id = inner.host().tcp_connect(now, options).map_err(error::connect)?;
            let local = inner.host().tcp_addrs(id).map_or(peer, |(local, _)| local);
            Ok::<_, io::Error>((id, local))
        })?;
        // From here on it is let go of when the future is dropped.
        let stream = Self::new(stack.clone(), id, local, peer);
        poll_fn(|context| stream.poll_connected(context)).await?;
        Ok(stream)
    }

    pub(crate) fn new(stack: Stack, id: ConnectionId, local: SocketAddr, peer: SocketAddr) -> Self {
        Self { stack, id, local, peer, zero_linger: AtomicBool::new(false) }
    }

    fn poll_connected(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            match inner.host().tcp_state(self.id) {
                State::SynSent | State::SynReceived => {
                    inner.wait(Socket::Stream(self.id), Side::Write, STREAM, context.waker());
                    Poll::Pending
                }
                State::Closed => {
                    let why = inner.host().tcp_receive_into(now, self.id, &mut []).err();
                    let ended = why.and_then(error::receive);
                    Poll::Ready(ended.unwrap_or_else(|| Err(io::ErrorKind::NotConnected.into())))
                }
                _ => Poll::Ready(Ok(())),
            }
        })
    }

    pub(crate) fn poll_read_shared(
        &self,
        context: &Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            // Only what will be filled is made ready: callers hand in far larger buffers than there is data for.
            let there = inner.host().tcp_status(self.id).map_or(0, |status| status.readable);
            let room = buffer.remaining().min(there.max(1));
            match inner.host().tcp_receive_into(now, self.id, buffer.initialize_unfilled_to(room)) {
                Ok(count) => {
                    buffer.advance(count);
                    Poll::Ready(Ok(()))
                }
                Err(why) => error::receive(why).map_or_else(
                    || {
                        inner.wait(Socket::Stream(self.id), Side::Read, STREAM, context.waker());
                        Poll::Pending
                    },
                    Poll::Ready,
                ),
            }
        })
    }

    /// Writes what there is room for of `parts`, one after the other.
    pub(crate) fn poll_write_shared<'a>(
        &self,
        context: &Context<'_>,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            // One octet though there is no room: the host then says why not, and tells when there is.
            let room = inner.host().tcp_send_room(self.id).max(1);
            let data = copied(parts, room);
            if data.is_empty() {
                return Poll::Ready(Ok(0));
            }
            match inner.host().tcp_send(now, self.id, data.into(), SendFlags::default()) {
                Ok(count) => Poll::Ready(Ok(count)),
                Err(why) => error::send(why).map_or_else(
                    || {
                        inner.wait(Socket::Stream(self.id), Side::Write, STREAM, context.waker());
                        Poll::Pending
                    },
                    |why| Poll::Ready(Err(why)),
                ),
            }
        })
    }

    /// CLOSE: FIN after what was written. Once is enough; a second time is no error.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            match inner.host().tcp_close(now, self.id) {
                Ok(()) | Err(tcp::SendError::Closing | tcp::SendError::Closed(None)) => Ok(()),
                Err(why) => Err(error::send(why).unwrap_or_else(|| io::ErrorKind::NotConnected.into())),
            }
        })
    }

    /// Copies what has arrived, as far as `buffer` goes, and leaves it to be read; waits until there is something. 0 at
    /// the end of the stream.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let attempt = |inner: &mut crate::shared::Inner, _| match inner.host().tcp_peek_into(self.id, buffer)
        {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(why) => match error::receive(why) {
                None => Poll::Pending,
                Some(end) => Poll::Ready(end.map(|()| 0)),
            },
        };
        self.stack.shared().wait_for(Socket::Stream(self.id), Side::Read, attempt).await?
    }

    /// Our end.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }

    /// The other end.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }

    /// Whether small segments go out at once: Nagle's algorithm off (RFC 9293 MUST-17).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().tcp_set_nagle(now, self.id, !nodelay);
            Ok(())
        })
    }

    /// How long what was written may stay unacknowledged (RFC 9293 MUST-21).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_user_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().tcp_set_user_timeout(now, self.id, timeout);
            Ok(())
        })
    }

    /// Dropping the stream aborts it: RST, and what was not acknowledged is lost (SO_LINGER of 0 elsewhere).
    pub fn set_zero_linger(&self) {
        self.zero_linger.store(true, Ordering::Relaxed);
    }

    /// ABORT (RFC 9293 §3.10.5): RST to the peer, everything queued is lost.
    pub fn abort(self) {
        self.set_zero_linger();
    }

    /// STATUS (RFC 9293 §3.10.6): the state and every figure of the connection.
    pub fn status(&self) -> Status {
        self.stack.shared().look(|host| host.tcp_status(self.id)).unwrap_or_default()
    }

    /// Reading and writing apart, borrowed.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
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

/// The first `room` octets of `parts`: the one copy of the user's data.
fn copied<'a>(parts: impl Iterator<Item = &'a [u8]>, room: usize) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts {
        let take = part.len().min(room - data.len());
        data.extend_from_slice(&part[..take]);
        if data.len() == room {
            break;
        }
    }
    data
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let abort = *self.zero_linger.get_mut();
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Stream(self.id));
            if abort {
                inner.host().tcp_abort(now, self.id);
            }
            inner.host().tcp_release(now, self.id);
        });
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

#[cfg(test)]
mod tests {
    use super::copied;

    #[test]
    fn parts_are_copied_as_far_as_there_is_room() {
        let parts = || [&b"abc"[..], b"", b"defg"].into_iter();
        assert_eq!(copied(parts(), 100), b"abcdefg");
        assert_eq!(copied(parts(), 5), b"abcde");
        assert_eq!(copied(parts(), 3), b"abc");
        assert_eq!(copied([].into_iter(), 3), b"");
    }
}
