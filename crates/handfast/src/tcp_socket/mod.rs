//! A socket that is neither a connection nor a listener yet.

mod options;

use crate::mapped::{Mapped, meant};
use crate::shared::Inner;
use crate::tcp_options::Wishes;
use crate::{KeepAlive, ListenConfig, Stack, TcpListener, TcpStream};
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

impl Drop for TcpSocket {
    fn drop(&mut self) {
        let bound = self.set.get_mut().unwrap_or_else(PoisonError::into_inner).bound.take();
        if let Some(bound) = bound {
            self.stack.shared().call(|inner, _| inner.host().tcp_unbind(bound));
        }
    }
}
