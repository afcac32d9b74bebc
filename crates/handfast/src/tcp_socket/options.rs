//! What is set of a socket before it connects or listens, by the names that it has as options of sockets.

use super::TcpSocket;
use crate::error::invalid;
use crate::tcp_options::{Wishes, buffer_size, hop_limit};
use crate::{Congestion, KeepAlive, TcpEcn};
use std::io;
use std::time::Duration;

impl TcpSocket {
    /// What the connection will have, from the host's settings and what was set here.
    fn settings(&self) -> io::Result<tcp::Settings> {
        let wishes = self.set().wishes;
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            Ok(wishes.of(inner.host().tcp_config()).map_err(invalid)?.settings())
        })
    }

    /// Has silent peers probed (SO_KEEPALIVE; RFC 9293 §3.8.4). Default no. The times are those of
    /// [`set_keepalive_times`](Self::set_keepalive_times).
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.set().keepalive = keepalive;
        Ok(())
    }

    /// Whether silent peers are probed.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.set().keepalive)
    }

    /// When silent peers are probed, if they are (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT).
    ///
    /// # Errors
    /// `InvalidInput`: idle under a second, or an interval or number of zero.
    pub fn set_keepalive_times(&self, times: KeepAlive) -> io::Result<()> {
        let wishes = Wishes { keep_alive: Some(times), ..Wishes::default() };
        wishes.of(&tcp::TcpConfig::default()).map_err(invalid)?;
        self.set().probes = times;
        Ok(())
    }

    /// Lets others bind the same address and port that also allow it, as long as none listens (SO_REUSEADDR).
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.set().sharing.address = reuseaddr;
        Ok(())
    }

    /// As [`set_reuseaddr`](Self::set_reuseaddr) has it.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        Ok(self.set().sharing.address)
    }

    /// Lets others listen at the same address and port that also allow it: each peer meets one of them (SO_REUSEPORT).
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.set().sharing.port = reuseport;
        Ok(())
    }

    /// As [`set_reuseport`](Self::set_reuseport) has it.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn reuseport(&self) -> io::Result<bool> {
        Ok(self.set().sharing.port)
    }

    /// Sets how many octets may wait to be sent or acknowledged (SO_SNDBUF), the nearest from 2 KiB to 1 GiB.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.set().wishes.send_buffer = Some(buffer_size(size));
        Ok(())
    }

    /// Octets that may wait to be sent or acknowledged.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(self.settings()?.send_buffer)
    }

    /// Sets how many octets may wait to be read (SO_RCVBUF), the nearest from 2 KiB to 1 GiB. Set before connecting, it is
    /// what the handshake's window scale is chosen for.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.set().wishes.receive_buffer = Some(buffer_size(size));
        Ok(())
    }

    /// Octets that may wait to be read.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(self.settings()?.receive_buffer)
    }

    /// How many octets may wait to be sent for the first time, on the connection to come, or each that is accepted
    /// (TCP_NOTSENT_LOWAT), as [`TcpStream::set_unsent_limit`](crate::TcpStream::set_unsent_limit) has it. Default: the
    /// host's, which is no limit unless [`TcpConfig::unsent_limit`](crate::TcpConfig::unsent_limit) says otherwise.
    ///
    /// # Errors
    /// None; the result is as tokio's others are.
    pub fn set_unsent_limit(&self, octets: Option<u32>) -> io::Result<()> {
        self.set().wishes.unsent_limit = Some(octets);
        Ok(())
    }

    /// Octets that will be let wait to be sent for the first time, if there is a limit.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn unsent_limit(&self) -> io::Result<Option<u32>> {
        Ok(self.settings()?.unsent_limit)
    }

    /// As [`TcpStream::set_linger`](crate::TcpStream::set_linger), for the connection to come, or each that is accepted.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set().linger = dur;
        Ok(())
    }

    /// As [`TcpStream::set_zero_linger`](crate::TcpStream::set_zero_linger), for the connection to come, or each that is accepted.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// As [`set_linger`](Self::set_linger) has it.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.set().linger)
    }

    /// As [`TcpStream::set_nodelay`](crate::TcpStream::set_nodelay), for the connection to come, or each that is accepted.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.set().wishes.nodelay = Some(nodelay);
        Ok(())
    }

    /// Whether small segments will go out at once.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(!self.settings()?.nagle)
    }

    /// Chooses the congestion control of the connection to come, or each that is accepted (TCP_CONGESTION). Default: the
    /// host's, which is CUBIC unless [`TcpConfig::congestion`](crate::TcpConfig::congestion) says otherwise.
    ///
    /// # Errors
    /// None; the result is as tokio's others are.
    pub fn set_congestion(&self, algorithm: Congestion) -> io::Result<()> {
        self.set().wishes.congestion = Some(algorithm);
        Ok(())
    }

    /// Which congestion control there will be.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn congestion(&self) -> io::Result<Congestion> {
        Ok(self.settings()?.congestion)
    }

    /// Says what the connection to come, or each that is accepted, makes of marks (RFC 3168, 9768). Default: the host's, which
    /// is to answer a peer that asks, and not to ask.
    ///
    /// ```
    /// # use handfast::{EcnMode, Stack, TcpEcn, TcpListener, TcpSocket, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let _listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// let socket = TcpSocket::new_v4_on(&stack)?;
    /// socket.set_ecn(TcpEcn::Accurate)?;
    /// let stream = socket.connect("10.0.0.1:7".parse()?).await?;
    /// assert_eq!(stream.info()?.ecn, Some(EcnMode::Accurate));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// None; the result is as tokio's others are.
    pub fn set_ecn(&self, ecn: TcpEcn) -> io::Result<()> {
        self.set().wishes.ecn = Some(ecn);
        Ok(())
    }

    /// What will be made of marks.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ecn(&self) -> io::Result<TcpEcn> {
        Ok(self.settings()?.ecn)
    }

    /// Sets the TTL of what will be sent (IP_TTL; for IPv6, the hop limit; RFC 9293 MUST-49).
    ///
    /// # Errors
    /// `InvalidInput`: 0, or above 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.set().ttl = Some(hop_limit(ttl)?);
        Ok(())
    }

    /// TTL of what will be sent.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        let usual = self.stack.shared().look(stack::Host::hop_limit);
        Ok(self.set().ttl.unwrap_or(usual).into())
    }

    /// The type of service of what will be sent: the differentiated services code point above two bits of 0, which are
    /// ECN's and not the user's (IP_TOS; RFC 2474 §3; RFC 9293 MUST-48).
    ///
    /// # Errors
    /// `Unsupported`: the socket is for IPv6.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.only(false)?;
        Ok(u32::from(self.set().dscp) << 2)
    }

    /// [`tos_v4`](Self::tos_v4) by its old name.
    ///
    /// # Errors
    /// As there.
    #[deprecated = "renamed, in tokio, to tos_v4"]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets the type of service of what will be sent. The two bits of ECN are left alone.
    ///
    /// # Errors
    /// `Unsupported`: the socket is for IPv6.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.only(false)?;
        self.set().dscp = code_point(tos);
        Ok(())
    }

    /// [`set_tos_v4`](Self::set_tos_v4) by its old name.
    ///
    /// # Errors
    /// As there.
    #[deprecated = "renamed, in tokio, to set_tos_v4"]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// The traffic class of what will be sent: as [`tos_v4`](Self::tos_v4), of IPv6 (IPV6_TCLASS; RFC 3542 §6.5).
    ///
    /// # Errors
    /// `Unsupported`: the socket is for IPv4.
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.only(true)?;
        Ok(u32::from(self.set().dscp) << 2)
    }

    /// Sets the traffic class of what will be sent. The two bits of ECN are left alone.
    ///
    /// # Errors
    /// `InvalidInput`: above 255. `Unsupported`: the socket is for IPv4.
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.only(true)?;
        if tclass > 255 {
            return Err(invalid("a traffic class has eight bits"));
        }
        self.set().dscp = code_point(tclass);
        Ok(())
    }

    fn only(&self, v6: bool) -> io::Result<()> {
        if self.v6 == v6 {
            return Ok(());
        }
        let what = if v6 { "the socket is for IPv4" } else { "the socket is for IPv6" };
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }
}

/// The code point of a type of service or traffic class (RFC 2474 §3).
fn code_point(octet: u32) -> u8 {
    (octet >> 2 & 0x3f) as u8
}
