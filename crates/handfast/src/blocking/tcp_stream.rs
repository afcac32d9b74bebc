//! A connection.

use super::Patience;
use crate::addrs::each_addr;
use crate::fast_open::{self, FastOpenConnect};
use crate::mapped::{Mapped, meant};
use crate::park::{block_on, block_on_until};
use crate::shared::{Inner, Side, Socket};
use crate::told::{self, Told};
use crate::{Stack, Status, TcpInfo, ToSocketAddrs, error};
use env::Instant;
use stack::{ConnectOptions, ConnectionId};
use std::future::ready;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::Poll;
use std::time::Duration;
use tcp::SendFlags;

/// A TCP connection, read and written as that of `std::net`; from several threads at once by reference, or by
/// [`try_clone`](Self::try_clone). The last one to go lets go of the connection: what was written is still delivered.
#[derive(Clone, Debug)]
pub struct TcpStream(Arc<Core>);

#[derive(Debug)]
struct Core {
    stack: Stack,
    id: ConnectionId,
    local: SocketAddr,
    peer: SocketAddr,
    patience: Patience,
    /// `shutdown(Read)` was called.
    deaf: AtomicBool,
    /// Why it ended was told.
    told: Told,
    nodelay: AtomicBool,
    /// 0: the host's.
    ttl: AtomicU8,
}

impl TcpStream {
    /// Opens a connection on the [current](Stack::current) stack: to the first of the addresses that answers.
    ///
    /// # Errors
    /// Of the last address: `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable`, `AddrNotAvailable`
    /// (no port or address of ours fits), `InvalidInput` (nobody can be there), and others.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::connect_on(&Stack::current()?, addr)
    }

    /// The same on a stack of one's choice.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        block_on(each_addr(stack, addr, |peer| ready(Self::open(stack, peer, None))))
    }

    /// Opens a connection on the current stack, and gives up after `timeout`.
    ///
    /// # Errors
    /// `InvalidInput` for no time at all, `TimedOut`, and as [`connect`](Self::connect).
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        Self::connect_timeout_on(&Stack::current()?, addr, timeout)
    }

    /// The same on a stack of one's choice.
    ///
    /// # Errors
    /// As [`connect_timeout`](Self::connect_timeout).
    pub fn connect_timeout_on(stack: &Stack, addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        Self::open(stack, *addr, std::time::Instant::now().checked_add(timeout))
    }

    /// Opens a connection and sends `data`, with the SYN as far as possible, as
    /// [`TcpSocket::connect_with`](crate::TcpSocket::connect_with): the peer's application may get that part **more than
    /// once**. Done when the handshake is, and all of `data` is queued.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_with(
        stack: &Stack,
        peer: SocketAddr,
        data: &[u8],
        how: FastOpenConnect,
    ) -> io::Result<Self> {
        let mut taken = 0;
        let stream = Self::open_as(stack, peer, None, |inner, now| {
            let (id, count) = fast_open::open(inner, now, ConnectOptions::to(meant(peer)), how, data)?;
            taken = count;
            Ok(id)
        })?;
        let (id, told) = (stream.0.id, &stream.0.told);
        block_on(fast_open::write_all(stack, id, data.get(taken..).unwrap_or(&[]), told))?;
        Ok(stream)
    }

    fn open(stack: &Stack, peer: SocketAddr, deadline: Option<std::time::Instant>) -> io::Result<Self> {
        Self::open_as(stack, peer, deadline, |inner, now| {
            let opened = inner.host().tcp_connect(now, ConnectOptions::to(meant(peer)));
            opened.map_err(|why| error::connect(why, meant(peer)))
        })
    }

    fn open_as(
        stack: &Stack,
        peer: SocketAddr,
        deadline: Option<std::time::Instant>,
        open: impl FnOnce(&mut Inner, Instant) -> io::Result<ConnectionId>,
    ) -> io::Result<Self> {
        let (id, local) = stack.shared().call(|inner, now| {
            inner.check()?;
            let id = open(inner, now)?;
            let local = inner.host().tcp_addrs(id).map_or(peer, |(local, _)| local);
            Ok::<_, io::Error>((id, Mapped::as_in(peer).seen(local)))
        })?;
        // From here on it is let go of when this returns without it.
        let stream = Self::new(stack.clone(), id, local, peer);
        let connected = stack
            .shared()
            .wait_for(Socket::Stream(id), Side::Write, |inner, now| told::opened(inner, now, id));
        match block_on_until(connected, deadline) {
            Some(connected) => connected??,
            None => return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out")),
        }
        Ok(stream)
    }

    pub(super) fn new(stack: Stack, id: ConnectionId, local: SocketAddr, peer: SocketAddr) -> Self {
        Self(Arc::new(Core {
            stack,
            id,
            local,
            peer,
            patience: Patience::default(),
            deaf: AtomicBool::new(false),
            told: Told::default(),
            nodelay: AtomicBool::new(false),
            ttl: AtomicU8::new(0),
        }))
    }

    /// The other end.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.peer)
    }

    /// Our end.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local)
    }

    /// Ends one direction or both: after `Write` the peer gets FIN when it has all that was written; after `Read`, reads
    /// give what is there and then 0, on every clone and in every thread that waits.
    ///
    /// # Errors
    /// `NotConnected`: the connection is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let (read, write) = (how != Shutdown::Write, how != Shutdown::Read);
        let mut wakes = crate::waiters::Wakes::default();
        let done = self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            if read {
                self.0.deaf.store(true, Ordering::Release);
                inner.wake(Socket::Stream(self.0.id), Side::Read, &mut wakes);
            }
            if !write {
                return Ok(());
            }
            match inner.host().tcp_close(now, self.0.id) {
                Ok(()) | Err(tcp::SendError::Closing | tcp::SendError::Closed(None)) => Ok(()),
                Err(_) => Err(io::ErrorKind::NotConnected.into()),
            }
        });
        wakes.wake();
        done
    }

    /// Another handle on the same connection; settings are shared.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(self.clone())
    }

    /// How long a read may wait; `None`: for as long as it takes.
    ///
    /// # Errors
    /// `InvalidInput`: no time at all.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.0.patience.set(Side::Read, limit)
    }

    /// How long a write may wait; `None`: for as long as it takes.
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

    /// Copies what has arrived, as far as `buffer` goes, and leaves it to be read. 0 at the end of the stream.
    ///
    /// # Errors
    /// As reading.
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let id = self.0.id;
        self.receive(|inner, _| inner.host().tcp_peek_into(id, buffer))
    }

    /// Whether small segments go out at once: Nagle's algorithm off (RFC 9293 MUST-17).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().tcp_set_nagle(now, self.0.id, !nodelay);
            Ok::<_, io::Error>(())
        })?;
        self.0.nodelay.store(nodelay, Ordering::Relaxed);
        Ok(())
    }

    /// How many octets may wait to be sent for the first time, as the tokio-like
    /// [`TcpStream::set_unsent_limit`](crate::TcpStream::set_unsent_limit) has it.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_unsent_limit(&self, octets: Option<u32>) -> io::Result<()> {
        self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().tcp_set_unsent_limit(now, self.0.id, octets);
            Ok(())
        })
    }

    /// What the stack knows of the connection: as the tokio-like
    /// [`TcpStream::info`](crate::TcpStream::info) has it.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.0.stack.shared().call(|inner, now| {
            inner.check()?;
            Ok(TcpInfo::of(inner.host().tcp_status(self.0.id).unwrap_or_default(), self.0.peer, now))
        })
    }

    /// What [`set_nodelay`](Self::set_nodelay) was given.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.0.nodelay.load(Ordering::Relaxed))
    }

    /// TTL or hop limit of what is sent from now on, 1 to 255 (RFC 9293 MUST-49).
    ///
    /// # Errors
    /// `InvalidInput`, or the stack is gone.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let Some(ttl) = u8::try_from(ttl).ok().filter(|&ttl| ttl > 0) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a TTL is from 1 to 255"));
        };
        self.0.stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().tcp_set_marks(self.0.id, Some(ttl), None);
            Ok::<_, io::Error>(())
        })?;
        self.0.ttl.store(ttl, Ordering::Relaxed);
        Ok(())
    }

    /// TTL or hop limit of what is sent.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn ttl(&self) -> io::Result<u32> {
        match self.0.ttl.load(Ordering::Relaxed) {
            0 => Ok(self.0.stack.shared().look(|host| host.hop_limit()).into()),
            ttl => Ok(ttl.into()),
        }
    }

    /// Takes why the connection ended, if it did for a reason and no call has told it yet.
    ///
    /// # Errors
    /// None; the result is the standard library's.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.0.stack.shared().call(|inner, _| self.0.told.error(inner, self.0.id)))
    }

    /// STATUS (RFC 9293 §3.10.6): the state and every figure of the connection.
    pub fn status(&self) -> Status {
        self.0.stack.shared().look(|host| host.tcp_status(self.0.id)).unwrap_or_default()
    }

    /// What arrived, by `take`; 0 at the end, or once this side listens no more.
    fn receive(
        &self,
        mut take: impl FnMut(&mut Inner, Instant) -> Result<usize, tcp::ReceiveError>,
    ) -> io::Result<usize> {
        let core = &*self.0;
        let attempt = |inner: &mut Inner, now| match take(inner, now) {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(why) => match core.told.reading(inner, core.id, why) {
                Poll::Pending if core.deaf.load(Ordering::Acquire) => Poll::Ready(Ok(0)),
                outcome => outcome,
            },
        };
        core.patience.wait(core.stack.shared(), Socket::Stream(core.id), Side::Read, attempt)?
    }

    /// Writes what there is room for of `data`.
    fn send(&self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let core = &*self.0;
        let attempt = |inner: &mut Inner, now| {
            let sent = inner.host().tcp_send_slice(now, core.id, data, SendFlags::default());
            core.told.writing(inner, core.id, sent)
        };
        core.patience.wait(core.stack.shared(), Socket::Stream(core.id), Side::Write, attempt)?
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Stream(self.id));
            inner.host().tcp_release(now, self.id);
        });
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let id = self.0.id;
        self.receive(|inner, now| inner.host().tcp_receive_into(now, id, buffer))
    }

    /// Waits for the first, and fills the others as far as there is something.
    fn read_vectored(&mut self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let id = self.0.id;
        if parts.iter().all(|part| part.is_empty()) {
            return Ok(0);
        }
        self.receive(|inner, now| {
            let mut total = 0;
            for part in parts.iter_mut().filter(|part| !part.is_empty()) {
                match inner.host().tcp_receive_into(now, id, part) {
                    Ok(count) if count == part.len() => total += count,
                    Ok(count) => return Ok(total + count),
                    Err(_) if total > 0 => return Ok(total),
                    Err(why) => return Err(why),
                }
            }
            Ok(total)
        })
    }
}

impl Write for &TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.send(data)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match parts {
            [one] => self.send(one),
            parts => self.send(&parts.iter().flat_map(|part| part.iter().copied()).collect::<Vec<_>>()),
        }
    }

    /// Nothing to do: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, parts: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(parts)
    }
}

impl Write for TcpStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
