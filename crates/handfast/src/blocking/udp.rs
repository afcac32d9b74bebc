//! Datagrams.

use super::Patience;
use crate::addrs::each_addr;
use crate::park::block_on;
use crate::shared::{Inner, Side, Socket};
use crate::udp_end::{Link, UdpEnd};
use crate::{Stack, ToSocketAddrs, UdpOptions};
use stack::{Host, UdpDatagram, UdpSend};
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use wire::Payload;

/// A UDP socket, as that of `std::net`. Several threads may send and receive at once.
///
/// ```
/// # use handfast::{Stack, device::memory};
/// use handfast::blocking::UdpSocket;
/// # let (device, _other_end) = memory::wired(memory::Config::default())?;
/// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build_on_thread()?;
/// let echo = UdpSocket::bind_on(&stack, "10.0.0.1:7")?;
/// let mine = UdpSocket::bind_on(&stack, "10.0.0.1:0")?;
/// mine.send_to(b"ping", "10.0.0.1:7")?;
/// let mut buffer = [0; 1500];
/// let (count, from) = echo.recv_from(&mut buffer)?;
/// assert_eq!((&buffer[..count], from), (&b"ping"[..], mine.local_addr()?));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct UdpSocket(Arc<Core>);

#[derive(Debug)]
struct Core {
    end: UdpEnd,
    patience: Patience,
}

impl UdpSocket {
    /// Opens a socket on the [current](Stack::current) stack: at the first of the addresses that can be had. An
    /// unspecified one is all of its IP version, port 0 is chosen. As on Linux, `[::]` is all of both versions: addresses
    /// of IPv4 are then seen, and may be given, as IPv6 (RFC 3493 §3.7).
    ///
    /// # Errors
    /// Of the last address: `AddrInUse`, `AddrNotAvailable` (no address of this stack, or no free port).
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&Stack::current()?, addr)
    }

    /// The same on a stack of one's choice.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        let end = block_on(each_addr(stack, addr, |local| ready(UdpEnd::open(stack, local))))?;
        Ok(Self(Arc::new(Core { end, patience: Patience::default() })))
    }

    /// From now on sends to and receives from one peer only: the first of the addresses that will do.
    ///
    /// # Errors
    /// Of the last address: `NetworkUnreachable`, `InvalidInput` (nothing can be sent there).
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        block_on(each_addr(&self.0.end.stack, addr, |peer| ready(self.0.end.connect(peer))))
    }

    /// Sends one datagram to the first of the addresses; waits while the device is behind.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (too long, or nothing can be sent there), `PermissionDenied` (a broadcast
    /// address without leave), `WouldBlock`.
    pub fn send_to<A: ToSocketAddrs>(&self, data: &[u8], addr: A) -> io::Result<usize> {
        let mut all = block_on(crate::lookup_host_on(&self.0.end.stack, addr))?;
        let Some(to) = all.next() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to"));
        };
        self.send_with(UdpSend::to(Payload::copy_of(data), to))
    }

    /// Sends one datagram to the peer of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`, and as [`send_to`](Self::send_to).
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.send_with(UdpSend::new(Payload::copy_of(data)))
    }

    fn send_with(&self, send: UdpSend) -> io::Result<usize> {
        let attempt = |inner: &mut Inner, now| self.0.end.put_out(inner, now, send.clone());
        self.wait(Side::Write, attempt)?
    }

    /// Waits for the next datagram, and says who sent it. What does not fit is lost.
    ///
    /// # Errors
    /// On a connected socket what ICMP said of what it sent: `ConnectionRefused` (nobody is at the port),
    /// `HostUnreachable`, `NetworkUnreachable`, `PermissionDenied`; `WouldBlock`.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.datagram()?;
        Ok((datagram.data.copy_to(buffer), datagram.from))
    }

    /// The same on a connected socket.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.datagram()?.data.copy_to(buffer))
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram to be received.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(|host| self.0.end.copy_next(host, buffer))
    }

    /// The same on a connected socket.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.peek_from(buffer)?.0)
    }

    /// Waits for the next datagram, whole, with everything that is known of it, and without a copy.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn datagram(&self) -> io::Result<UdpDatagram> {
        self.receive(|host| self.0.end.receive(host))
    }

    fn receive<R>(&self, mut take: impl FnMut(&mut Host) -> Option<R>) -> io::Result<R> {
        let attempt = |inner: &mut Inner, _| self.0.end.take_in(inner, &mut take);
        self.wait(Side::Read, attempt)?
    }

    fn wait<R>(&self, side: Side, attempt: impl FnMut(&mut Inner, env::Instant) -> Poll<R>) -> io::Result<R> {
        self.0.patience.wait(self.0.end.stack.shared(), Socket::Udp(self.0.end.id), side, attempt)
    }

    /// Our end.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.end.local_addr()
    }

    /// The other end of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.end.peer_addr()
    }

    /// Another handle on the same socket; settings are shared.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// How long receiving may wait; `None`: for as long as it takes.
    ///
    /// # Errors
    /// `InvalidInput`: no time at all.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.patience.set(Side::Read, limit)
    }

    /// How long sending may wait; `None`: for as long as it takes.
    ///
    /// # Errors
    /// `InvalidInput`: no time at all.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.patience.set(Side::Write, limit)
    }

    /// What [`set_read_timeout`](Self::set_read_timeout) was given.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.patience.get(Side::Read))
    }

    /// What [`set_write_timeout`](Self::set_write_timeout) was given.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.0.patience.get(Side::Write))
    }

    /// Whether calls that would have to wait give `WouldBlock` at once.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.patience.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Takes what ICMP said of what a connected socket sent, if no call has told it yet.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.end.change(|host, _| Ok(self.0.end.take_fault(host)))
    }

    /// Changes settings that the standard library has no name for, and gives what `change` gives.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn options<R>(&self, change: impl FnOnce(&mut UdpOptions) -> R) -> io::Result<R> {
        self.0.end.options(change)
    }

    fn option<R>(&self, read: impl FnOnce(&UdpOptions) -> R) -> io::Result<R> {
        self.0.end.option(read)
    }

    /// Whether datagrams may be sent to broadcast addresses.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.options(|options| options.broadcast = broadcast)
    }

    /// What [`set_broadcast`](Self::set_broadcast) was given.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.option(|options| options.broadcast)
    }

    /// TTL or hop limit of unicast datagrams, 1 to 255.
    ///
    /// # Errors
    /// `InvalidInput`, or the stack is gone.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.end.set_ttl(ttl)
    }

    /// TTL or hop limit of unicast datagrams.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.end.ttl()
    }

    /// TTL of datagrams to IPv4 groups, 1 to 255.
    ///
    /// # Errors
    /// `InvalidInput`, or the stack is gone.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.0.end.set_multicast_ttl(ttl)
    }

    /// TTL of datagrams to IPv4 groups.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.option(|options| options.multicast_ttl.into())
    }

    /// Whether datagrams to groups also go to sockets of this stack that joined them.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.options(|options| options.multicast_loop = on)
    }

    /// What [`set_multicast_loop_v4`](Self::set_multicast_loop_v4) was given.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.option(|options| options.multicast_loop)
    }

    /// As [`set_multicast_loop_v4`](Self::set_multicast_loop_v4): one switch for both.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.set_multicast_loop_v4(on)
    }

    /// What [`set_multicast_loop_v6`](Self::set_multicast_loop_v6) was given.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.multicast_loop_v4()
    }

    /// Receives what is sent to `group`, too, on the interface that has this address; 0.0.0.0: where the routes lead.
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrInUse`: joined already. `NetworkUnreachable`: no such interface.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.end.membership((*group).into(), Link::Address(*interface), true)
    }

    /// Ends [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrNotAvailable`: not joined. `NetworkUnreachable`: no such interface.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.0.end.membership((*group).into(), Link::Address(*interface), false)
    }

    /// Receives what is sent to `group`, too, on the interface of this number; 0: where the routes lead.
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrInUse`: joined already. `NetworkUnreachable`: no such interface.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.end.membership((*group).into(), Link::Number(interface), true)
    }

    /// Ends [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrNotAvailable`: not joined. `NetworkUnreachable`: no such interface.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.0.end.membership((*group).into(), Link::Number(interface), false)
    }
}
