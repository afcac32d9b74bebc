//! Fast Open for sockets: data with the SYN (RFC 7413). Off until one of these calls is made.
//!
//! ```text
//!   first:  connect_with ─► SYN, asks for a cookie      later:  connect_with ─► SYN, cookie, data ─► accept, read
//!                            data after the handshake                           answer comes within a round trip
//! ```
//!
//! What goes with a SYN may be delivered to the peer's application **more than once** (§2.1, §6.1): who calls these says
//! that it does no harm to do it twice.

use crate::shared::{Inner, Side, Socket};
use crate::{Stack, TcpListener, TcpSocket, TcpStream, blocking};
use bytes::Bytes;
use env::Instant;
use stack::{ConnectOptions, ListenerId};
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use tcp::SendFlags;

pub use stack::{FastOpenConnect, FastOpenListen};
pub use tcp::fast_open::{FastOpenState, Key, Keys, UnreadableKey};

impl TcpSocket {
    /// Opens a connection to `addr` and sends `data`: with the SYN, as much of it as fits and the peer has given a cookie
    /// for, and the rest after the handshake. Done when the handshake is, and all of `data` is queued; an answer may be
    /// there by then. [`TcpStream::status`] tells in `fast_open` how far it came.
    ///
    /// **The peer's application may get what goes with the SYN more than once**, in a connection of its own: when the
    /// network doubles the SYN, or somebody plays it again (RFC 7413 §2.1, §6.1). Send only what may be done twice: a
    /// request that reads, the first message of a TLS handshake; no payment.
    ///
    /// To drop the future is to give up, and the socket with it.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpSocket, device::memory};
    /// # use handfast::fast_open::{FastOpenConnect, FastOpenListen, FastOpenState};
    /// # use tokio::io::AsyncReadExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let listener = TcpListener::bind_on(&stack, "10.0.0.1:80").await?;
    /// listener.set_fast_open(Some(FastOpenListen { queue: 16, cookie: true }))?;
    /// for state in [FastOpenState::Given, FastOpenState::Accepted] {
    ///     let socket = TcpSocket::new_v4_on(&stack)?;
    ///     let how = FastOpenConnect::default();
    ///     let near = socket.connect_with(listener.local_addr()?, b"GET /\r\n", how).await?;
    ///     assert_eq!(near.status().fast_open, Some(state));
    ///     let (mut far, _) = listener.accept().await?;
    ///     let mut asked = [0; 7];
    ///     far.read_exact(&mut asked).await?;
    ///     assert_eq!(&asked, b"GET /\r\n");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect_with(
        self,
        addr: SocketAddr,
        data: &[u8],
        how: FastOpenConnect,
    ) -> io::Result<TcpStream> {
        let (stream, taken) = self.start_with(addr, data, how)?;
        let stream = stream.opened().await?;
        stream.write_bytes(Bytes::copy_from_slice(data.get(taken..).unwrap_or(&[]))).await?;
        Ok(stream)
    }

    /// The same without waiting: the connection as it opens, and how many octets of `data` went with the SYN. The rest was
    /// not taken, and is to be written when the stream is writable. None went while the peer has given no cookie (the SYN
    /// asks for one), and where such SYNs were lost.
    ///
    /// # Errors
    /// Of what is known at once: `AddrInUse`, `AddrNotAvailable`, `NetworkUnreachable`, `InvalidInput`.
    pub fn start_with(
        self,
        addr: SocketAddr,
        data: &[u8],
        how: FastOpenConnect,
    ) -> io::Result<(TcpStream, usize)> {
        self.begin(addr, |stack, inner, now, options| {
            TcpStream::begin_with(stack, inner, now, options, how, data)
        })
    }
}

impl TcpListener {
    /// Takes data with a SYN, and gives it to the application before the handshake is complete (TCP_FASTOPEN); `None`, as
    /// from the beginning: does not.
    ///
    /// **The application may get the same data more than once**, in connections of their own (RFC 7413 §2.1, §6.1), and a
    /// connection from a peer that has not shown yet that it is there.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_fast_open(&self, fast_open: Option<FastOpenListen>) -> io::Result<()> {
        let (stack, id) = self.place();
        set_fast_open(stack, id, fast_open)
    }

    /// The keys of the cookies of this listener, which is to take data with a SYN (TCP_FASTOPEN_KEY); `None`: the stack's.
    ///
    /// # Errors
    /// `InvalidInput`: [`set_fast_open`](Self::set_fast_open) was not called before. The stack is gone.
    pub fn set_fast_open_keys(&self, keys: Option<Keys>) -> io::Result<()> {
        let (stack, id) = self.place();
        set_keys(stack, Some(id), keys)
    }
}

impl blocking::TcpListener {
    /// As [`TcpListener::set_fast_open`].
    ///
    /// # Errors
    /// As there.
    pub fn set_fast_open(&self, fast_open: Option<FastOpenListen>) -> io::Result<()> {
        let (stack, id) = self.place();
        set_fast_open(stack, id, fast_open)
    }

    /// As [`TcpListener::set_fast_open_keys`].
    ///
    /// # Errors
    /// As there.
    pub fn set_fast_open_keys(&self, keys: Option<Keys>) -> io::Result<()> {
        let (stack, id) = self.place();
        set_keys(stack, Some(id), keys)
    }
}

impl Stack {
    /// The keys of the cookies of all listeners that have none of their own; `None`: keys that the stack makes, and changes,
    /// by itself. Stacks and kernels that serve one address need the same (RFC 7413 §6.3.4).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_fast_open_keys(&self, keys: Option<Keys>) -> io::Result<()> {
        set_keys(self, None, keys)
    }

    /// Forgets the cookies that peers gave, and where SYNs with data were lost.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn forget_fast_open(&self) -> io::Result<()> {
        self.shared().call(|inner, _| {
            inner.check()?;
            inner.host().tcp_forget_fast_open();
            Ok(())
        })
    }
}

/// OPEN with data, under a lock that is held already, and of all there is room for: what the SYN does not take waits for the
/// handshake. How much goes with the SYN is told.
pub(crate) fn open(
    inner: &mut Inner,
    now: Instant,
    options: ConnectOptions,
    how: FastOpenConnect,
    data: &[u8],
) -> io::Result<(stack::ConnectionId, usize)> {
    let peer = options.remote;
    let data = Bytes::copy_from_slice(data);
    let opened = inner.host().tcp_connect_with(now, options, how, data.into());
    opened.map_err(|why| crate::error::connect(why, peer))
}

/// Waits, on this thread, until all of `data` is queued.
pub(crate) async fn write_all(
    stack: &Stack,
    id: stack::ConnectionId,
    mut data: &[u8],
    told: &crate::told::Told,
) -> io::Result<()> {
    while !data.is_empty() {
        let attempt = |inner: &mut Inner, now| {
            let sent = inner.host().tcp_send_slice(now, id, data, SendFlags::default());
            let attempt: Poll<io::Result<usize>> = told.writing(inner, id, sent);
            attempt
        };
        let taken = stack.shared().wait_for(Socket::Stream(id), Side::Write, attempt).await??;
        data = data.get(taken..).unwrap_or(&[]);
    }
    Ok(())
}

fn set_fast_open(stack: &Stack, id: ListenerId, fast_open: Option<FastOpenListen>) -> io::Result<()> {
    stack.shared().call(|inner, _| {
        inner.check()?;
        let there = inner.host().tcp_listener_fast_open(id, fast_open);
        if there { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    })
}

fn set_keys(stack: &Stack, listener: Option<ListenerId>, keys: Option<Keys>) -> io::Result<()> {
    stack.shared().call(|inner, _| {
        inner.check()?;
        if inner.host().tcp_set_fast_open_keys(listener, keys) {
            return Ok(());
        }
        Err(crate::error::invalid("the listener takes no data with a SYN"))
    })
}
