//! Settings of a UDP socket.

use crate::udp_end::Link;
use crate::{UdpOptions, UdpSocket};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use wire::Ecn;

impl UdpSocket {
    /// Changes the socket's settings, and gives what `change` gives: all that the calls below change, and more.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn options<R>(&self, change: impl FnOnce(&mut UdpOptions) -> R) -> io::Result<R> {
        self.end.options(change)
    }

    fn option<R>(&self, read: impl FnOnce(&UdpOptions) -> R) -> io::Result<R> {
        self.end.option(read)
    }

    /// Whether datagrams may be sent to broadcast addresses.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.option(|options| options.broadcast)
    }

    /// Allows, or forbids, datagrams to broadcast addresses. At first they are not.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.options(|options| options.broadcast = on)
    }

    /// Whether what is sent to an IPv4 group also goes to this host's sockets in it.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.option(|options| options.multicast_loop)
    }

    /// Sets [`multicast_loop_v4`](Self::multicast_loop_v4). It is one setting for both IP versions: a socket that is
    /// bound to an address has but one.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.options(|options| options.multicast_loop = on)
    }

    /// Whether what is sent to an IPv6 group also goes to this host's sockets in it.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.multicast_loop_v4()
    }

    /// Sets [`multicast_loop_v6`](Self::multicast_loop_v6).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.set_multicast_loop_v4(on)
    }

    /// TTL of what is sent to groups; 1 at first.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.option(|options| options.multicast_ttl.into())
    }

    /// Sets it: 0 keeps it on this host, 1 on the link (RFC 1112 §6.1).
    ///
    /// # Errors
    /// `InvalidInput`: above 255.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.end.set_multicast_ttl(ttl)
    }

    /// TTL, or hop limit, of unicast datagrams.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        self.end.ttl()
    }

    /// Sets it.
    ///
    /// # Errors
    /// `InvalidInput`: 0, or above 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.end.set_ttl(ttl)
    }

    /// The TOS octet of IPv4 datagrams: code point (RFC 2474) and, in the low two bits, ECN (RFC 3168 §5).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.option(|options| u32::from(options.dscp << 2 | options.ecn.bits()))
    }

    /// Sets it; of both IP versions, as [`set_multicast_loop_v4`](Self::set_multicast_loop_v4).
    ///
    /// # Errors
    /// The stack is gone. Bits above the octet are ignored, as Linux does.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        let [tos, ..] = tos.to_le_bytes();
        self.options(|options| {
            options.dscp = tos >> 2;
            options.ecn = Ecn::from_bits(tos);
        })
    }

    /// The traffic class of IPv6 datagrams, as [`tos_v4`](Self::tos_v4).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets it.
    ///
    /// # Errors
    /// `InvalidInput`: above 255.
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        if tclass > 255 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.set_tos_v4(tclass)
    }

    /// tokio's older name of [`tos_v4`](Self::tos_v4).
    ///
    /// # Errors
    /// As there.
    #[deprecated = "`tos` related methods have been renamed `tos_v4` since they are IPv4-specific."]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// tokio's older name of [`set_tos_v4`](Self::set_tos_v4).
    ///
    /// # Errors
    /// As there.
    #[deprecated = "`tos` related methods have been renamed `tos_v4` since they are IPv4-specific."]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// Receives what is sent to `multiaddr`, too, on the interface that has the address `interface`; with an unspecified
    /// one, on that of the route to the group.
    ///
    /// ```
    /// # use handfast::{Stack, UdpSocket, device::memory};
    /// # use std::net::Ipv4Addr;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, right) = memory::wired(memory::Config::default())?;
    /// # let a = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// # let b = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
    /// let group = Ipv4Addr::new(239, 1, 2, 3);
    /// let listener = UdpSocket::bind_on(&a, "0.0.0.0:5353").await?;
    /// listener.join_multicast_v4(group, Ipv4Addr::UNSPECIFIED)?;
    /// let speaker = UdpSocket::bind_on(&b, "0.0.0.0:0").await?;
    /// speaker.send_to(b"to whom it may concern", (group, 5353)).await?;
    /// assert_eq!(listener.datagram().await?.to, (group, 5353).into());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrInUse`: joined already. `NetworkUnreachable`: no interface.
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.end.membership(multiaddr.into(), Link::Address(interface), true)
    }

    /// The same of IPv6; the interface by its number, 0 for that of the route.
    ///
    /// # Errors
    /// As [`join_multicast_v4`](Self::join_multicast_v4).
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.end.membership((*multiaddr).into(), Link::Number(interface), true)
    }

    /// Ends [`join_multicast_v4`](Self::join_multicast_v4).
    ///
    /// # Errors
    /// `InvalidInput`: no group. `AddrNotAvailable`: not joined. `NetworkUnreachable`: no interface.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.end.membership(multiaddr.into(), Link::Address(interface), false)
    }

    /// Ends [`join_multicast_v6`](Self::join_multicast_v6).
    ///
    /// # Errors
    /// As [`leave_multicast_v4`](Self::leave_multicast_v4).
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.end.membership((*multiaddr).into(), Link::Number(interface), false)
    }

    /// Takes the pending error: what ICMP said of a datagram that a connected socket sent.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.end.change(|host, _| Ok(self.end.take_fault(host)))
    }
}
