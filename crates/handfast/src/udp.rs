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
//! All of them are one of three attempts, made under the lock: take or look at what has come ([`UdpEnd::take_in`]), take
//! the pending error ([`UdpEnd::take_fault`]), hand a datagram out ([`UdpEnd::put_out`]).

use crate::addrs::each_addr;
use crate::shared::{Inner, Side, Socket};
use crate::udp_end::UdpEnd;
use crate::{Stack, ToSocketAddrs};
use bytes::BufMut;
use stack::{Host, UdpSend};
use std::io;
use std::net::SocketAddr;
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
    pub(crate) end: UdpEnd,
}

impl UdpSocket {
    /// Opens a socket at `addr`, on the current stack; an unspecified address is all of its IP version, port 0 is chosen.
    ///
    /// As on Linux, `[::]` is all addresses of both versions, and addresses of IPv4 are then seen, and may be given, as
    /// IPv6: `[::ffff:10.0.0.2]:9` (RFC 3493 §3.7).
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
        UdpEnd::open(stack, local).map(|end| Self { end })
    }

    /// From now on sends to and receives from `addr` only. A socket may be connected again, to another.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (nothing can be sent there).
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        each_addr(&self.end.stack, addr, |peer| std::future::ready(self.end.connect(peer))).await
    }

    /// Our end.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.end.local_addr()
    }

    /// The other end of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.end.peer_addr()
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
        let first = target.addrs(&self.end.stack).await?.into_iter().next();
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
        self.wait_in(|host| self.end.copy_next(host, buf)).await
    }

    /// Waits for the next datagram and says who sent it; it is left to be received.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.wait_in(|host| self.end.next_from(host)).await
    }

    /// Waits until `take` gives something.
    pub(crate) async fn wait_in<R>(&self, mut take: impl FnMut(&mut Host) -> Option<R>) -> io::Result<R> {
        let attempt = |inner: &mut Inner, _| self.end.take_in(inner, &mut take);
        self.end.stack.shared().wait_for(Socket::Udp(self.end.id), Side::Read, attempt).await?
    }
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
