//! Datagrams.

use crate::addrs::each_addr;
use crate::error;
use crate::shared::{Inner, Side, Socket};
use crate::{Stack, ToSocketAddrs, UdpOptions};
use env::Instant;
use stack::{UdpBind, UdpDatagram, UdpId, UdpSend};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use wire::Payload;

/// A UDP socket. Several tasks may send and receive at once; a call that is dropped loses no datagram.
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
    stack: Stack,
    id: UdpId,
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

    /// From now on sends to and receives from `addr` only.
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

    /// Sends one datagram to `target`; waits while the device is behind. Of 0 to 65,507 octets over IPv4, 65,527
    /// over IPv6; IP fragments what does not fit the path.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (too long, or nothing can be sent there), `PermissionDenied` (a broadcast
    /// address without leave).
    pub async fn send_to<A: ToSocketAddrs>(&self, data: &[u8], target: A) -> io::Result<usize> {
        let first = target.addrs(&self.stack).await?.into_iter().next();
        let destination = first.ok_or(io::ErrorKind::InvalidInput)?;
        self.send_with(UdpSend::to(Payload::copy_of(data), destination)).await
    }

    /// The same to the peer of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`, and as [`send_to`](Self::send_to).
    pub async fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.send_with(UdpSend::new(Payload::copy_of(data))).await
    }

    async fn send_with(&self, send: UdpSend) -> io::Result<usize> {
        let attempt =
            |inner: &mut Inner, now: Instant| match inner.host().udp_send(now, self.id, send.clone()) {
                Ok(()) => Poll::Ready(Ok(send.data.len())),
                Err(why) => error::udp(why).map_or(Poll::Pending, |why| Poll::Ready(Err(why))),
            };
        self.stack.shared().wait_for(Socket::Udp(self.id), Side::Write, attempt).await?
    }

    /// Waits for the next datagram, with its sender's address. What does not fit into `buffer` is lost.
    ///
    /// # Errors
    /// On a connected socket, what ICMP said of a datagram that was sent: `ConnectionRefused` (nobody is at the port),
    /// `HostUnreachable`, `NetworkUnreachable`, `PermissionDenied`.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.datagram().await?;
        Ok((datagram.data.copy_to(buffer), datagram.from))
    }

    /// The same on a connected socket.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.datagram().await?.data.copy_to(buffer))
    }

    /// Waits for the next datagram, whole, with everything that is known of it, and without a copy.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub async fn datagram(&self) -> io::Result<UdpDatagram> {
        let attempt = |inner: &mut Inner, _| {
            let host = inner.host();
            // Errors about strangers are no news to a socket that talks to many.
            while let Some(fault) = host.udp_take_fault(self.id) {
                if host.udp_peer(self.id).is_some()
                    && let Some(why) = error::fault(fault.kind)
                {
                    return Poll::Ready(Err(why));
                }
            }
            host.udp_receive(self.id).map_or(Poll::Pending, |datagram| Poll::Ready(Ok(datagram)))
        };
        self.stack.shared().wait_for(Socket::Udp(self.id), Side::Read, attempt).await?
    }

    /// Changes the socket's settings, and gives what `change` gives.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn options<R>(&self, change: impl FnOnce(&mut UdpOptions) -> R) -> io::Result<R> {
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            let options = inner.host().udp_options_mut(self.id).ok_or(io::ErrorKind::NotConnected)?;
            Ok(change(options))
        })
    }

    /// Receives what is sent to `group`, too.
    ///
    /// # Errors
    /// `InvalidInput`: no group, or joined already.
    pub fn join_multicast(&self, group: IpAddr) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().udp_join(now, self.id, group, None).map_err(failed)
        })
    }

    /// Ends [`join_multicast`](Self::join_multicast).
    ///
    /// # Errors
    /// `InvalidInput`: not joined.
    pub fn leave_multicast(&self, group: IpAddr) -> io::Result<()> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().udp_leave(now, self.id, group, None).map_err(failed)
        })
    }

    /// Our end.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stack
            .shared()
            .look(|host| host.udp_local(self.id))
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The other end of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stack
            .shared()
            .look(|host| host.udp_peer(self.id))
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

/// For calls that never wait.
fn failed(why: stack::UdpError) -> io::Error {
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
