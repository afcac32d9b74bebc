//! What both faces of a UDP socket have in common: the socket in the stack, and the addresses that its user sees.
//!
//! ```text
//!    UdpSocket, blocking::UdpSocket ─► UdpEnd ─► Host::udp_…
//!                                        │
//!         bound to [::]: both IP versions, IPv4 seen as IPv6:   10.0.0.2:9 ◄─► [::ffff:10.0.0.2]:9   (RFC 3493 §3.7)
//! ```

use crate::error;
use crate::mapped::{Mapped, meant};
use crate::shared::{Inner, Socket};
use crate::{Stack, UdpOptions};
use env::Instant;
use stack::{Host, InterfaceId, UdpBind, UdpDatagram, UdpError, UdpId, UdpPath, UdpSend};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::Poll;

/// A socket in the stack. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct UdpEnd {
    pub(crate) stack: Stack,
    pub(crate) id: UdpId,
    /// It was bound to `[::]`: to both versions.
    both: bool,
    /// To the user all addresses are of IPv6.
    mapped: Mapped,
}

impl UdpEnd {
    pub(crate) fn open(stack: &Stack, local: SocketAddr) -> io::Result<Self> {
        let both = local.ip() == Ipv6Addr::UNSPECIFIED;
        let mapped = if both { Mapped(true) } else { Mapped::as_in(local) };
        let bind =
            UdpBind { address: (!both).then_some(meant(local).ip()), port: local.port(), reuse: false };
        let id = stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().udp_bind(bind).map_err(failed)
        })?;
        Ok(Self { stack: stack.clone(), id, both, mapped })
    }

    pub(crate) fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let peer = self.meant(peer);
        self.change(|host, _| host.udp_connect(self.id, peer).map_err(failed))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        let local = self.look(|host| host.udp_local(self.id))?;
        match local.ip() {
            // Nothing was chosen yet.
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) if self.both => {
                Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, local.port())))
            }
            _ => Ok(self.seen(local)),
        }
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.look(|host| host.udp_peer(self.id)).map(|peer| self.seen(peer))
    }

    /// An address of the stack's as the user is to see it.
    fn seen(&self, address: SocketAddr) -> SocketAddr {
        self.mapped.seen(address)
    }

    fn seen_ip(&self, address: IpAddr) -> IpAddr {
        self.seen(SocketAddr::new(address, 0)).ip()
    }

    /// What the user means by an address.
    fn meant(&self, address: SocketAddr) -> SocketAddr {
        if self.mapped.0 { meant(address) } else { address }
    }

    fn meant_ip(&self, address: IpAddr) -> IpAddr {
        self.meant(SocketAddr::new(address, 0)).ip()
    }

    /// Takes the next datagram.
    pub(crate) fn receive(&self, host: &mut Host) -> Option<UdpDatagram> {
        host.udp_receive(self.id).map(|datagram| self.seen_datagram(datagram))
    }

    /// Takes the next datagram, and those of its train with it.
    pub(crate) fn receive_train(&self, host: &mut Host) -> Option<UdpDatagram> {
        host.udp_receive_train(self.id).map(|datagram| self.seen_datagram(datagram))
    }

    fn seen_datagram(&self, datagram: UdpDatagram) -> UdpDatagram {
        UdpDatagram { from: self.seen(datagram.from), to: self.seen(datagram.to), ..datagram }
    }

    /// Copies as much of the next datagram as there is room for, of a train the first of its datagrams; and says from
    /// whom it is.
    pub(crate) fn copy_next(&self, host: &Host, buf: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let datagram = host.udp_peek(self.id)?;
        let most = datagram.segment_size.map_or(buf.len(), |size| buf.len().min(size.get().into()));
        Some((datagram.data.copy_to(&mut buf[..most]), self.seen(datagram.from)))
    }

    /// From whom the next datagram is.
    pub(crate) fn next_from(&self, host: &Host) -> Option<SocketAddr> {
        host.udp_peek(self.id).map(|datagram| self.seen(datagram.from))
    }

    /// Hands a datagram, or a train, to the host.
    pub(crate) fn hand_over(&self, host: &mut Host, now: Instant, send: UdpSend) -> Result<(), UdpError> {
        let (to, from) = (send.to.map(|to| self.meant(to)), send.from.map(|from| self.meant_ip(from)));
        host.udp_send(now, self.id, UdpSend { to, from, ..send })
    }

    /// The newest of the pending errors about the peer, all of which are taken.
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

    /// Whether there is one.
    pub(crate) fn has_fault(&self, host: &Host) -> bool {
        let peer = host.udp_peer(self.id);
        host.udp_faults(self.id).any(|fault| Some(fault.to) == peer && error::fault(fault.kind).is_some())
    }

    /// Takes, or looks at, what has come, after the pending error.
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

    /// Hands a datagram out, after the pending error.
    pub(crate) fn put_out(&self, inner: &mut Inner, now: Instant, send: UdpSend) -> Poll<io::Result<usize>> {
        let host = inner.host();
        if let Some(why) = self.take_fault(host) {
            return Poll::Ready(Err(why));
        }
        let count = send.data.len();
        match self.hand_over(host, now, send) {
            Ok(()) => Poll::Ready(Ok(count)),
            Err(why) => error::udp(why).map_or(Poll::Pending, |why| Poll::Ready(Err(why))),
        }
    }

    pub(crate) fn path(&self, destination: IpAddr) -> io::Result<UdpPath> {
        let destination = self.meant_ip(destination);
        let path = self.stack.shared().look(|host| host.udp_path(destination, None)).map_err(failed)?;
        Ok(UdpPath { source: self.seen_ip(path.source), ..path })
    }

    /// Looks at the host, without changing anything.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Host) -> Option<R>) -> io::Result<R> {
        self.stack.shared().look(look).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Changes something of the host.
    pub(crate) fn change<R>(
        &self,
        change: impl FnOnce(&mut Host, Instant) -> io::Result<R>,
    ) -> io::Result<R> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            change(inner.host(), now)
        })
    }

    pub(crate) fn options<R>(&self, change: impl FnOnce(&mut UdpOptions) -> R) -> io::Result<R> {
        self.change(|host, _| {
            let options = host.udp_options_mut(self.id).ok_or(io::ErrorKind::NotConnected)?;
            Ok(change(options))
        })
    }

    pub(crate) fn option<R>(&self, read: impl FnOnce(&UdpOptions) -> R) -> io::Result<R> {
        self.look(|host| host.udp_options(self.id).map(read))
    }

    pub(crate) fn ttl(&self) -> io::Result<u32> {
        self.look(|host| Some(host.udp_options(self.id)?.ttl.unwrap_or(host.hop_limit()).into()))
    }

    pub(crate) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let fits = u8::try_from(ttl).ok().filter(|&ttl| ttl > 0);
        let ttl =
            fits.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a TTL is from 1 to 255"))?;
        self.options(|options| options.ttl = Some(ttl))
    }

    /// 0 keeps what is sent to groups on this host, 1 on the link (RFC 1112 §6.1).
    pub(crate) fn set_multicast_ttl(&self, ttl: u32) -> io::Result<()> {
        let fits = u8::try_from(ttl);
        let ttl = fits.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a TTL is at most 255"))?;
        self.options(|options| options.multicast_ttl = ttl)
    }

    /// Joins a group, or leaves it.
    pub(crate) fn membership(&self, group: IpAddr, link: Link, join: bool) -> io::Result<()> {
        if !group.is_multicast() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.change(|host, now| {
            let interface = link.find(host)?;
            let done = match join {
                true => host.udp_join(now, self.id, group, interface),
                false => host.udp_leave(now, self.id, group, interface),
            };
            done.map_err(|why| match (why, join) {
                (UdpError::Group, true) => io::Error::new(io::ErrorKind::AddrInUse, "joined already"),
                (UdpError::Group, false) => io::Error::new(io::ErrorKind::AddrNotAvailable, "not joined"),
                (why, _) => failed(why),
            })
        })
    }
}

impl Drop for UdpEnd {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Udp(self.id));
            inner.host().udp_close(now, self.id);
        });
    }
}

/// How a caller names an interface.
#[derive(Clone, Copy)]
pub(crate) enum Link {
    /// By an address of ours on it.
    Address(Ipv4Addr),
    /// By its number.
    Number(u32),
}

impl Link {
    /// The interface; `None` leaves it to the routes.
    fn find(self, host: &Host) -> io::Result<Option<InterfaceId>> {
        let named = |&id: &InterfaceId| match self {
            Self::Number(number) => id.index() == number,
            Self::Address(address) => {
                host.addresses(id).iter().any(|(cidr, _)| cidr.address() == IpAddr::V4(address))
            }
        };
        match self {
            Self::Address(Ipv4Addr::UNSPECIFIED) | Self::Number(0) => Ok(None),
            _ => host
                .interfaces()
                .into_iter()
                .find(named)
                .map(Some)
                .ok_or_else(|| failed(UdpError::Unreachable)),
        }
    }
}

/// The error of a call that does not wait.
pub(crate) fn failed(why: UdpError) -> io::Error {
    error::udp(why).unwrap_or_else(|| io::ErrorKind::WouldBlock.into())
}
