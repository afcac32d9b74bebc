//! Datagrams.

use super::Patience;
use crate::addrs::each_addr;
use crate::park::block_on;
use crate::shared::{Inner, Side, Socket};
use crate::{Stack, ToSocketAddrs, UdpOptions, error};
use stack::{Host, InterfaceId, UdpBind, UdpDatagram, UdpId, UdpSend};
use std::future::ready;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    stack: Stack,
    id: UdpId,
    patience: Patience,
}

impl UdpSocket {
    /// Opens a socket on the [current](Stack::current) stack: at the first of the addresses that can be had. An
    /// unspecified one is all of its IP version, port 0 is chosen.
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
        let bind = |local: SocketAddr| {
            let bind = UdpBind { address: Some(local.ip()), port: local.port(), reuse: false };
            ready(stack.shared().call(|inner, _| {
                inner.check()?;
                inner.host().udp_bind(bind).map_err(failed)
            }))
        };
        let id = block_on(each_addr(stack, addr, bind))?;
        Ok(Self(Arc::new(Core { stack: stack.clone(), id, patience: Patience::default() })))
    }

    /// From now on sends to and receives from one peer only: the first of the addresses that will do.
    ///
    /// # Errors
    /// Of the last address: `NetworkUnreachable`, `InvalidInput` (nothing can be sent there).
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let connect = |peer| ready(self.change(|host| host.udp_connect(self.0.id, peer)));
        block_on(each_addr(&self.0.stack, addr, connect))
    }

    /// Sends one datagram to the first of the addresses; waits while the device is behind.
    ///
    /// # Errors
    /// `NetworkUnreachable`, `InvalidInput` (too long, or nothing can be sent there), `PermissionDenied` (a broadcast
    /// address without leave), `WouldBlock`.
    pub fn send_to<A: ToSocketAddrs>(&self, data: &[u8], addr: A) -> io::Result<usize> {
        let mut all = block_on(crate::lookup_host_on(&self.0.stack, addr))?;
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
        let attempt = |inner: &mut Inner, now| match inner.host().udp_send(now, self.0.id, send.clone()) {
            Ok(()) => Poll::Ready(Ok(send.data.len())),
            Err(why) => error::udp(why).map_or(Poll::Pending, |why| Poll::Ready(Err(why))),
        };
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
        let look = |host: &mut Host| {
            let datagram = host.udp_peek(self.0.id)?;
            let size = datagram.segment_size.map_or(usize::MAX, |size| usize::from(size.get()));
            let size = size.min(datagram.data.len());
            Some((datagram.data.slice(0..size).copy_to(buffer), datagram.from))
        };
        self.receive(look)
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
        self.receive(|host| host.udp_receive(self.0.id))
    }

    fn receive<R>(&self, mut take: impl FnMut(&mut Host) -> Option<R>) -> io::Result<R> {
        let attempt = |inner: &mut Inner, _| match fault(inner.host(), self.0.id) {
            Some(why) => Poll::Ready(Err(why)),
            None => take(inner.host()).map_or(Poll::Pending, |taken| Poll::Ready(Ok(taken))),
        };
        self.wait(Side::Read, attempt)?
    }

    fn wait<R>(&self, side: Side, attempt: impl FnMut(&mut Inner, env::Instant) -> Poll<R>) -> io::Result<R> {
        self.0.patience.wait(self.0.stack.shared(), Socket::Udp(self.0.id), side, attempt)
    }

    /// Our end.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let local = self.0.stack.shared().look(|host| host.udp_local(self.0.id));
        local.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The other end of a connected socket.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        let peer = self.0.stack.shared().look(|host| host.udp_peer(self.0.id));
        peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
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
        Ok(self.0.stack.shared().call(|inner, _| fault(inner.host(), self.0.id)))
    }

    /// Changes settings that the standard library has no name for, and gives what `change` gives.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn options<R>(&self, change: impl FnOnce(&mut UdpOptions) -> R) -> io::Result<R> {
        self.0.stack.shared().call(|inner, _| {
            inner.check()?;
            let options = inner.host().udp_options_mut(self.0.id).ok_or(io::ErrorKind::NotConnected)?;
            Ok(change(options))
        })
    }

    fn option<R>(&self, get: impl FnOnce(&UdpOptions) -> R) -> io::Result<R> {
        let found = self.0.stack.shared().look(|host| host.udp_options(self.0.id).map(get));
        found.ok_or_else(|| io::ErrorKind::NotConnected.into())
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
        let ttl = hops(ttl)?;
        self.options(|options| options.ttl = Some(ttl))
    }

    /// TTL or hop limit of unicast datagrams.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        let host = self.0.stack.shared().look(Host::hop_limit);
        self.option(|options| options.ttl.unwrap_or(host).into())
    }

    /// TTL of datagrams to IPv4 groups, 1 to 255.
    ///
    /// # Errors
    /// `InvalidInput`, or the stack is gone.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        let ttl = hops(ttl)?;
        self.options(|options| options.multicast_ttl = ttl)
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
    /// `InvalidInput`: no group, or joined already; `AddrNotAvailable`: no such interface.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        let on = self.interface_of(*interface)?;
        self.join((*group).into(), on)
    }

    /// Ends [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    /// `InvalidInput`: not joined; `AddrNotAvailable`: no such interface.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        let on = self.interface_of(*interface)?;
        self.leave((*group).into(), on)
    }

    /// Receives what is sent to `group`, too, on the interface of this number; 0: where the routes lead.
    ///
    /// # Errors
    /// `InvalidInput`: no group, or joined already; `AddrNotAvailable`: no such interface.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let on = self.interface_at(interface)?;
        self.join((*group).into(), on)
    }

    /// Ends [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    /// `InvalidInput`: not joined; `AddrNotAvailable`: no such interface.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        let on = self.interface_at(interface)?;
        self.leave((*group).into(), on)
    }

    fn join(&self, group: IpAddr, on: Option<InterfaceId>) -> io::Result<()> {
        self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().udp_join(now, self.0.id, group, on).map_err(failed)
        })
    }

    fn leave(&self, group: IpAddr, on: Option<InterfaceId>) -> io::Result<()> {
        self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().udp_leave(now, self.0.id, group, on).map_err(failed)
        })
    }

    fn interface_of(&self, address: Ipv4Addr) -> io::Result<Option<InterfaceId>> {
        if address.is_unspecified() {
            return Ok(None);
        }
        self.interface(|host, id| {
            host.addresses(id).iter().any(|(cidr, _)| cidr.address() == IpAddr::V4(address))
        })
    }

    fn interface_at(&self, number: u32) -> io::Result<Option<InterfaceId>> {
        if number == 0 {
            return Ok(None);
        }
        self.interface(|_, id| id.index() == number)
    }

    fn interface(&self, is: impl Fn(&Host, InterfaceId) -> bool) -> io::Result<Option<InterfaceId>> {
        let find = |host: &Host| host.interfaces().into_iter().find(|&id| is(host, id));
        match self.0.stack.shared().look(find) {
            None => Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no such interface")),
            found => Ok(found),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Host) -> Result<(), stack::UdpError>) -> io::Result<()> {
        self.0.stack.shared().call(|inner, _| {
            inner.check()?;
            change(inner.host()).map_err(failed)
        })
    }
}

fn hops(ttl: u32) -> io::Result<u8> {
    let fits = u8::try_from(ttl).ok().filter(|&ttl| ttl > 0);
    fits.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a TTL is from 1 to 255"))
}

/// What ICMP said of what a connected socket sent; errors about strangers are no news to one that talks to many.
fn fault(host: &mut Host, id: UdpId) -> Option<io::Error> {
    while let Some(fault) = host.udp_take_fault(id) {
        if host.udp_peer(id).is_some()
            && let Some(why) = error::fault(fault.kind)
        {
            return Some(why);
        }
    }
    None
}

/// For calls that never wait.
fn failed(why: stack::UdpError) -> io::Error {
    error::udp(why).unwrap_or_else(|| io::ErrorKind::WouldBlock.into())
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Udp(self.id));
            inner.host().udp_close(now, self.id);
        });
    }
}
