//! Datagrams, by `tokio::net`'s names.
//!
//! ```text
//!    udp.rs            bind, connect, send, recv, peek: wait until it can be done
//!    udp_poll.rs       poll_…, for futures written by hand
//!    udp_ready.rs      try_… now or not at all; ready, readable, writable; try_io, async_io
//!    udp_options.rs    broadcast, groups, ttl, tos, pending errors
//!    udp_datagram.rs   beyond tokio: everything that is known of a datagram, trains, without a copy
//! ```
//!
//! All of them are one of three attempts, made under the lock: take or look at what has come ([`UdpSocket::take_in`]),
//! take the pending error ([`UdpSocket::take_fault`]), hand a datagram out ([`UdpSocket::put_out`]).

use crate::addrs::each_addr;
use crate::error;
use crate::shared::{Inner, Side, Socket};
use crate::{Stack, ToSocketAddrs};
use bytes::BufMut;
use env::Instant;
use stack::{Host, UdpBind, UdpDatagram, UdpId, UdpSend};
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use wire::Payload;

/// A UDP socket. Several tasks may send and receive at once; a call that is dropped loses no datagram.
///
/// A datagram is taken out of the queue when a call gives it, and not before: `recv` in a `select!` loses none. An ICMP
/// error about what a connected socket sent is reported once, to whichever call comes first: the next to receive, to
/// send, or [`take_error`](Self::take_error); of several the newest. A socket that is not connected is told of none.
///
/// ```
/// # use handfast::{Stack, UdpSocket, device::memory};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (left, right) = memory::wired(memory::Config::default())?;
/// # let a = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
/// # let b = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
/// let echo = UdpSocket::bind_on(&a, "10.0.0.1:7").await?;
/// let mine = UdpSocket::bind_on(&b, "0.0.0.0:0").await?;
/// mine.send_to(b"ping", "10.0.0.1:7").await?;
///
/// let mut buffer = [0; 1500];
/// let (count, from) = echo.recv_from(&mut buffer).await?;
/// assert_eq!(&buffer[..count], b"ping");
/// echo.send_to(&buffer[..count], from).await?;
/// assert_eq!(mine.recv_from(&mut buffer).await?, (4, "10.0.0.1:7".parse()?));
///
/// mine.connect("10.0.0.1:9").await?;
/// mine.send(b"is anybody there?").await?;
/// let nobody = mine.recv(&mut buffer).await.unwrap_err();
/// assert_eq!(nobody.kind(), std::io::ErrorKind::ConnectionRefused);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    pub(crate) stack: Stack,
    pub(crate) id: UdpId,
}

impl UdpSocket {
    /// Opens a socket at `addr`, on the current stack; an unspecified address is all of its IP version, port 0 is chosen.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` (no address of this stack, or no free port), `NotConnected` (there is no current
    /// stack).
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&Stack::current()?, addr).await
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        each_addr(stack, addr, |local| std::future::ready(Self::open(stack, local))).await
    }

    fn open(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        let bind = UdpBind { address: Some(local.ip()), port: local.port(), reuse: false };
        let id = stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().udp_bind(bind).map_err(failed)
        })?;
        Ok(Self { stack: stack.clone(), id })
    }

    /// From now on sends to and receives from `addr` only. A socket may be connected again, to another.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (nothing can be sent there).
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let connect = |peer| {
            std::future::ready(self.stack.shared().call(|inner, _| {
                inner.check()?;
                inner.host().udp_connect(self.id, peer).map_err(failed)
            }))
        };
        each_addr(&self.stack, addr, connect).await
    }

    /// Our end.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.look(|host| host.udp_local(self.id))
    }

    /// The other end of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.look(|host| host.udp_peer(self.id))
    }

    /// Sends one datagram to the peer of a connected socket; waits while the device is behind. Of 0 to 65,507 octets
    /// over IPv4, 65,527 over IPv6; IP fragments what does not fit the path.
    ///
    /// # Errors
    /// `NotConnected`, `NetworkUnreachable`, `InvalidInput` (too long), and what ICMP said of an earlier datagram, as
    /// [`recv`](Self::recv): nothing is sent then.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.send_datagram(UdpSend::new(Payload::copy_of(buf))).await
    }

    /// The same to `target`; of several addresses, to the first.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (too long, or nothing can be sent there), `PermissionDenied` (a broadcast
    /// address without [leave](Self::set_broadcast)), and as [`send`](Self::send).
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let first = target.addrs(&self.stack).await?.into_iter().next();
        let destination = first.ok_or(io::ErrorKind::InvalidInput)?;
        self.send_datagram(UdpSend::to(Payload::copy_of(buf), destination)).await
    }

    /// Waits for the next datagram. What does not fit into `buf` is lost.
    ///
    /// # Errors
    /// On a connected socket, what ICMP said of a datagram that was sent, once: `ConnectionRefused` (nobody is at the
    /// port), `HostUnreachable`, `NetworkUnreachable`, `PermissionDenied`.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.datagram().await?.data.copy_to(buf))
    }

    /// The same, with the sender's address.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.datagram().await?;
        Ok((datagram.data.copy_to(buf), datagram.from))
    }

    /// The same into the spare capacity of `buf`; what does not fit there is lost.
    ///
    /// ```
    /// # use handfast::{Stack, UdpSocket, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, _right) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// let socket = UdpSocket::bind_on(&stack, "127.0.0.1:7").await?;
    /// socket.send_to(b"to myself", socket.local_addr()?).await?;
    /// let mut buffer = Vec::with_capacity(1500);
    /// assert_eq!(socket.recv_buf_from(&mut buffer).await?, (9, socket.local_addr()?));
    /// assert_eq!(buffer, b"to myself");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.datagram().await?;
        Ok((put(buf, &datagram.data), datagram.from))
    }

    /// The same without the address.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        Ok(self.recv_buf_from(buf).await?.0)
    }

    /// Waits for the next datagram, copies what fits, and leaves it to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.peek_from(buf).await?.0)
    }

    /// The same, with the sender's address.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.wait_in(|host| host.udp_peek(self.id).map(|datagram| copy_first(datagram, buf))).await
    }

    /// Waits for the next datagram and says who sent it; it is left to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.wait_in(|host| Some(host.udp_peek(self.id)?.from)).await
    }

    /// Looks; `NotConnected` when there is nothing of the kind.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Host) -> Option<R>) -> io::Result<R> {
        self.stack.shared().look(look).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The pending error, if it is one (RFC 1122 §4.1.3.3): all are taken, and the newest about the peer is reported.
    pub(crate) fn take_fault(&self, host: &mut Host) -> Option<io::Error> {
        let peer = host.udp_peer(self.id);
        let mut newest = None;
        while let Some(fault) = host.udp_take_fault(self.id) {
            // Errors about strangers are no news to a socket that talks to many.
            if Some(fault.to) == peer {
                newest = error::fault(fault.kind).or(newest);
            }
        }
        newest
    }

    /// An attempt to take, or to look at, what has come.
    pub(crate) fn take_in<R>(
        &self,
        inner: &mut Inner,
        take: impl FnOnce(&mut Host) -> Option<R>,
    ) -> Poll<io::Result<R>> {
        let host = inner.host();
        match self.take_fault(host) {
            Some(why) => Poll::Ready(Err(why)),
            None => take(host).map_or(Poll::Pending, |taken| Poll::Ready(Ok(taken))),
        }
    }

    /// An attempt to send; gives the octets of data.
    pub(crate) fn put_out(&self, inner: &mut Inner, now: Instant, send: UdpSend) -> Poll<io::Result<usize>> {
        let host = inner.host();
        if let Some(why) = self.take_fault(host) {
            return Poll::Ready(Err(why));
        }
        let count = send.data.len();
        match host.udp_send(now, self.id, send) {
            Ok(()) => Poll::Ready(Ok(count)),
            Err(why) => error::udp(why).map_or(Poll::Pending, |why| Poll::Ready(Err(why))),
        }
    }

    /// Waits until `take` gives something.
    pub(crate) async fn wait_in<R>(&self, mut take: impl FnMut(&mut Host) -> Option<R>) -> io::Result<R> {
        let attempt = |inner: &mut Inner, _| self.take_in(inner, &mut take);
        self.stack.shared().wait_for(Socket::Udp(self.id), Side::Read, attempt).await?
    }
}

/// Copies the first datagram of what may be a train.
pub(crate) fn copy_first(datagram: &UdpDatagram, buf: &mut [u8]) -> (usize, SocketAddr) {
    let most = datagram.segment_size.map_or(buf.len(), |size| buf.len().min(size.get().into()));
    (datagram.data.copy_to(&mut buf[..most]), datagram.from)
}

/// Fills the spare capacity of `buf`, as one call of the kernel's would.
pub(crate) fn put<B: BufMut>(buf: &mut B, data: &Payload) -> usize {
    let room = buf.chunk_mut().len();
    let mut left = room.min(data.len());
    for chunk in data.chunks() {
        let take = chunk.len().min(left);
        buf.put_slice(&chunk[..take]);
        left -= take;
    }
    room.min(data.len())
}

/// For calls that never wait.
pub(crate) fn failed(why: stack::UdpError) -> io::Error {
    error::udp(why).unwrap_or_else(|| io::ErrorKind::WouldBlock.into())
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Udp(self.id));
            inner.host().udp_close(now, self.id);
        });
    }
}
