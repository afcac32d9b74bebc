//! A connection's options and figures, by the names that they have as options of sockets.

use crate::error::invalid;
use crate::{TcpInfo, TcpStream};
use env::Instant;
use stack::{ConnectionId, Host, TcpOptions};
use std::io;
use std::time::Duration;
use tcp::{Congestion, Ecn, KeepAlive, TcpConfig};

/// The least and the most that a buffer can hold, in octets.
const BUFFER: std::ops::RangeInclusive<u32> = 2_048..=1 << 30;

/// A buffer's size within its limits: as the kernel, one takes what is nearest.
pub(crate) fn buffer_size(size: u32) -> u32 {
    size.clamp(*BUFFER.start(), *BUFFER.end())
}

/// A TTL or hop limit as it was asked for.
pub(crate) fn hop_limit(ttl: u32) -> io::Result<u8> {
    match u8::try_from(ttl) {
        Ok(0) | Err(_) => Err(invalid("a time to live is at least 1 and at most 255")),
        Ok(ttl) => Ok(ttl),
    }
}

impl TcpStream {
    fn option<R>(&self, get: impl FnOnce(TcpOptions) -> R) -> io::Result<R> {
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().tcp_options(self.id).map(get).ok_or_else(|| io::ErrorKind::NotConnected.into())
        })
    }

    fn change<R>(&self, change: impl FnOnce(&mut Host, Instant, ConnectionId) -> R) -> io::Result<R> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            Ok(change(inner.host(), now, self.id))
        })
    }

    /// What the connection is doing.
    ///
    /// ```
    /// # use handfast::{Stack, State, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let _listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// let stream = TcpStream::connect_on(&stack, "10.0.0.1:7").await?;
    /// let info = stream.info()?;
    /// assert_eq!((info.state, info.unacknowledged, info.timestamps), (State::Established, 0, true));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stack is gone.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            Ok(TcpInfo::of(inner.host().tcp_status(self.id).unwrap_or_default(), self.peer, now))
        })
    }

    /// Whether small segments go out at once: Nagle's algorithm off (TCP_NODELAY).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.option(|options| !options.settings.nagle)
    }

    /// Lets small segments go out at once: Nagle's algorithm off (TCP_NODELAY; RFC 9293 MUST-17). Default no.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_nagle(now, id, !nodelay))
    }

    /// Which congestion control it uses (TCP_CONGESTION). [`TcpSocket::set_congestion`](crate::TcpSocket::set_congestion)
    /// chooses.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn congestion(&self) -> io::Result<Congestion> {
        self.option(|options| options.settings.congestion)
    }

    /// Whether what arrives is acknowledged at once.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn quickack(&self) -> io::Result<bool> {
        self.option(|options| options.settings.ack_delay.is_zero())
    }

    /// Has everything acknowledged at once, instead of with our next data or after a while (TCP_QUICKACK; RFC 9293
    /// §3.8.6.3). It stays so until it is taken back; Linux forgets it at times.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.change(|host, now, id| {
            let usual = host.tcp_config().settings().ack_delay;
            host.tcp_set_ack_delay(now, id, if quickack { Duration::ZERO } else { usual })
        })?
        .map_err(invalid)
    }

    /// What dropping the stream means for what is not acknowledged by then.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.option(|options| options.linger)
    }

    /// What dropping the stream means for what is not acknowledged by then (SO_LINGER). `None`, the default: it is
    /// delivered, however long that takes. Zero: RST at once. Otherwise it is delivered for so long; then RST, and what is
    /// left is lost.
    ///
    /// Dropping never waits: it is the stack that lingers. (A kernel's `close` blocks the thread instead, which is why
    /// tokio has this method deprecated.)
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.change(|host, _, id| host.tcp_set_linger(id, dur))
    }

    /// Dropping the stream aborts it: RST, and what was not acknowledged is lost (RFC 9293 §3.10.5).
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// TTL of what is sent; over IPv6, the hop limit.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn ttl(&self) -> io::Result<u32> {
        self.option(|options| options.ttl.into())
    }

    /// Sets the TTL of what is sent from now on (IP_TTL; over IPv6, the hop limit; RFC 9293 MUST-49).
    ///
    /// # Errors
    /// `InvalidInput`: 0, or above 255. The stack is gone.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        let ttl = hop_limit(ttl)?;
        self.change(|host, _, id| host.tcp_set_marks(id, Some(ttl), None))
    }

    /// Octets that may wait to be sent or acknowledged.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.option(|options| options.settings.send_buffer)
    }

    /// Sets how many octets may wait to be sent or acknowledged (SO_SNDBUF), the nearest from 2 KiB to 1 GiB.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_buffers(now, id, Some(buffer_size(size)), None))?
            .map_err(invalid)
    }

    /// Octets that may wait to be read.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.option(|options| options.settings.receive_buffer)
    }

    /// Sets how many octets may wait to be read (SO_RCVBUF), the nearest from 2 KiB to 1 GiB. A window that was offered
    /// stays offered, and the scale of windows is fixed by the handshake.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_buffers(now, id, None, Some(buffer_size(size))))?
            .map_err(invalid)
    }

    /// Octets that may wait to be sent for the first time, if there is a limit.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn unsent_limit(&self) -> io::Result<Option<u32>> {
        self.option(|options| options.settings.unsent_limit)
    }

    /// Sets how many octets may wait to be sent for the first time, beside what the send buffer has room for
    /// (TCP_NOTSENT_LOWAT); at least 1, and `None` for no limit, which is the default. It may be set at any time. The stream is
    /// ready for writing while fewer wait, so that who writes can decide late what comes next, and what was decided leaves
    /// soon. What waits beyond a new limit stays. (Linux lets a write begin below the limit and go on beyond it; here a write
    /// takes no more than there is room for.)
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let _listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// let stream = TcpStream::connect_on(&stack, "10.0.0.1:7").await?;
    /// stream.set_unsent_limit(Some(16_384))?;
    /// assert_eq!(stream.try_write(&[0; 100_000])?, 16_384);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_unsent_limit(&self, octets: Option<u32>) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_unsent_limit(now, id, octets))
    }

    /// How a silent peer is probed, if it is.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn keep_alive(&self) -> io::Result<Option<KeepAlive>> {
        self.option(|options| options.settings.keep_alive)
    }

    /// Probes a silent peer (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT; RFC 9293 §3.8.4). Default no.
    ///
    /// # Errors
    /// `InvalidInput`: idle under a second, or an interval or number of zero. The stack is gone.
    pub fn set_keep_alive(&self, probing: Option<KeepAlive>) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_keep_alive(now, id, probing))?.map_err(invalid)
    }

    /// How long what was written may stay unacknowledged.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn user_timeout(&self) -> io::Result<Duration> {
        self.option(|options| options.settings.user_timeout)
    }

    /// Sets how long what was written may stay unacknowledged (TCP_USER_TIMEOUT; RFC 9293 MUST-21), within the limits of
    /// [`TcpConfig::user_timeout`].
    ///
    /// # Errors
    /// The stack is gone.
    pub fn set_user_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.change(|host, now, id| host.tcp_set_user_timeout(now, id, timeout))
    }
}

/// What sockets before they are connections change of a host's settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) nodelay: Option<bool>,
    pub(crate) send_buffer: Option<u32>,
    pub(crate) receive_buffer: Option<u32>,
    pub(crate) unsent_limit: Option<Option<u32>>,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) congestion: Option<Congestion>,
    pub(crate) ecn: Option<Ecn>,
}

impl Wishes {
    /// `config` with these in place of what it says.
    pub(crate) fn of(self, config: &TcpConfig) -> Result<TcpConfig, tcp::ConfigError> {
        let mut config = config.clone();
        if let Some(nodelay) = self.nodelay {
            config = config.nagle(!nodelay);
        }
        if let Some(size) = self.send_buffer {
            config = config.send_buffer(size)?;
        }
        if let Some(size) = self.receive_buffer {
            config = config.receive_buffer(size)?;
        }
        if let Some(octets) = self.unsent_limit {
            config = config.unsent_limit(octets);
        }
        if self.keep_alive.is_some() {
            config = config.keep_alive(self.keep_alive)?;
        }
        if let Some(algorithm) = self.congestion {
            config = config.congestion(algorithm);
        }
        if let Some(ecn) = self.ecn {
            config = config.ecn(ecn);
        }
        Ok(config)
    }
}
