//! A socket that is neither a connection nor a listener yet.

use crate::mapped::{Mapped, meant};
use crate::shared::Inner;
use crate::tcp_options::{Wishes, buffer_size, hop_limit};
use crate::{Congestion, KeepAlive, ListenConfig, Stack, TcpEcn, TcpListener, TcpStream};
use crate::{error, error::invalid};
use env::Instant;
use stack::{ConnectOptions, Sharing, TcpBound};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A socket to be set up before it connects or listens, by the names and contracts of `tokio::net::TcpSocket`.
///
/// ```
/// # use handfast::{Stack, TcpSocket, TcpStream, device::memory};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (device, _other_end) = memory::wired(memory::Config::default())?;
/// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
/// let socket = TcpSocket::new_v4_on(&stack)?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("10.0.0.1:8080".parse()?)?;
/// let listener = socket.listen(16)?;
///
/// let socket = TcpSocket::new_v4_on(&stack)?;
/// socket.set_nodelay(true)?;
/// let stream = socket.connect(listener.local_addr()?).await?;
/// assert!(stream.nodelay()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpSocket {
    stack: Stack,
    v6: bool,
    set: Mutex<Set>,
}

/// What was set.
#[derive(Debug, Default)]
struct Set {
    wishes: Wishes,
    /// How to probe, should it be asked for.
    probes: KeepAlive,
    keepalive: bool,
    sharing: Sharing,
    linger: Option<Duration>,
    ttl: Option<u8>,
    dscp: u8,
    bound: Option<TcpBound>,
    /// How the user wrote where it is bound.
    mapped: Mapped,
}

impl TcpSocket {
    /// A socket for IPv4, on the current stack.
    ///
    /// # Errors
    /// `NotConnected`: there is no current stack.
    pub fn new_v4() -> io::Result<Self> {
        Self::new_v4_on(&Stack::current()?)
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn new_v4_on(stack: &Stack) -> io::Result<Self> {
        Self::new(stack, false)
    }

    /// A socket for IPv6, on the current stack; as a listener at `[::]`, for IPv4, too.
    ///
    /// # Errors
    /// `NotConnected`: there is no current stack.
    pub fn new_v6() -> io::Result<Self> {
        Self::new_v6_on(&Stack::current()?)
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn new_v6_on(stack: &Stack) -> io::Result<Self> {
        Self::new(stack, true)
    }

    fn new(stack: &Stack, v6: bool) -> io::Result<Self> {
        stack.shared().call(|inner, _| inner.check())?;
        Ok(Self { stack: stack.clone(), v6, set: Mutex::default() })
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

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

    /// As [`TcpStream::set_linger`], for the connection to come, or each that is accepted.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set().linger = dur;
        Ok(())
    }

    /// As [`TcpStream::set_zero_linger`], for the connection to come, or each that is accepted.
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

    /// As [`TcpStream::set_nodelay`], for the connection to come, or each that is accepted.
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

    /// Our end: what was bound, or the unspecified address and port 0.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let set = self.set();
        Ok(set.bound.as_ref().map_or_else(|| self.anywhere(), |bound| set.mapped.seen(bound.local())))
    }

    fn anywhere(&self) -> SocketAddr {
        match self.v6 {
            false => (Ipv4Addr::UNSPECIFIED, 0).into(),
            true => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// What went wrong since it was last asked: nothing does before there is a connection.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stack.shared().call(|inner, _| inner.check())?;
        Ok(None)
    }

    /// Holds a local address and port, port 0 being chosen. Nobody else gets it until the socket, or what becomes of it,
    /// is dropped.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` (no address of this stack), `InvalidInput` (bound already, or of the other IP
    /// version).
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        let mut set = self.set();
        if set.bound.is_some() {
            return Err(invalid("the socket is bound already"));
        }
        self.of_our_version(addr)?;
        let bound = self.stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().tcp_bind(meant(addr), true, set.sharing).map_err(error::listen)
        })?;
        set.bound = Some(bound);
        set.mapped = Mapped::as_in(addr);
        Ok(())
    }

    fn of_our_version(&self, addr: SocketAddr) -> io::Result<()> {
        if addr.is_ipv6() == self.v6 { Ok(()) } else { Err(invalid("an address of the other IP version")) }
    }

    /// Opens a connection to `addr`, from where the socket is bound, if it is.
    ///
    /// To drop the future is to give up, and the socket with it.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let (opening, ()) = self.begin(addr, |stack, inner, now, options| {
            TcpStream::begin(stack, inner, now, options).map(|stream| (stream, ()))
        })?;
        opening.opened().await
    }

    /// OPEN as `open` does it, with what was set here.
    pub(crate) fn begin<R>(
        self,
        addr: SocketAddr,
        open: impl FnOnce(&Stack, &mut Inner, Instant, ConnectOptions) -> io::Result<(TcpStream, R)>,
    ) -> io::Result<(TcpStream, R)> {
        self.of_our_version(addr)?;
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            let mut set = self.set();
            let options = ConnectOptions {
                local: release(&mut set, inner),
                tcp: Some(config(&set, inner)?),
                ttl: set.ttl,
                dscp: set.dscp,
                reuse: set.sharing.address || set.sharing.port,
                ..ConnectOptions::to(addr)
            };
            let (stream, more) = open(&self.stack, inner, now, options)?;
            inner.host().tcp_set_linger(stream.id, set.linger);
            Ok((stream, more))
        })
    }

    /// Listens where the socket is bound, or at every address and a port that is chosen. At most `backlog` connections
    /// wait to be accepted, and one at least.
    ///
    /// # Errors
    /// `AddrInUse`: another socket that shares the port listens.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            let mut set = self.set();
            let config = ListenConfig {
                backlog: usize::try_from(backlog).unwrap_or(usize::MAX),
                tcp: Some(config(&set, inner)?),
                ttl: set.ttl,
                dscp: set.dscp,
                dual_stack: self.v6,
                reuse_port: set.sharing.port,
                ..ListenConfig::default()
            };
            let local = release(&mut set, inner).unwrap_or_else(|| self.anywhere());
            TcpListener::begin(&self.stack, inner, now, local, config, set.linger)
        })
    }
}

/// Gives the address back that was bound, to what is opened there under the same lock.
fn release(set: &mut Set, inner: &mut Inner) -> Option<SocketAddr> {
    let bound = set.bound.take()?;
    let local = bound.local();
    inner.host().tcp_unbind(bound);
    Some(set.mapped.seen(local))
}

fn config(set: &Set, inner: &mut Inner) -> io::Result<Arc<tcp::TcpConfig>> {
    let keep_alive = set.keepalive.then_some(set.probes);
    let wishes = Wishes { keep_alive, ..set.wishes };
    Ok(Arc::new(wishes.of(inner.host().tcp_config()).map_err(invalid)?))
}

/// The code point of a type of service or traffic class (RFC 2474 §3).
fn code_point(octet: u32) -> u8 {
    (octet >> 2 & 0x3f) as u8
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        let bound = self.set.get_mut().unwrap_or_else(PoisonError::into_inner).bound.take();
        if let Some(bound) = bound {
            self.stack.shared().call(|inner, _| inner.host().tcp_unbind(bound));
        }
    }
}
