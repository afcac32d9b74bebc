//! The host under test, as a player of scripts sees it: sockets on one side, packets on the other, one clock.
//!
//! ```text
//!                 begin(Call) ─► Begun::Done(Returned)                    what can't be done: Refusal,
//!                     │              Begun::Blocked(Ticket) ─► finished     and the script is skipped
//!    player           ▼
//!                 ┌─────────┐ ◄── inject(IP packet)
//!                 │ Subject │ ──► take() ─► Sent { at, packet }
//!                 └─────────┘ ◄── run_until(deadline): its clock goes on, virtual or real
//! ```
//!
//! A player knows scripts, a subject knows one host. Numbers are Linux's (flags, levels, options, errno), as scripts
//! write them; a subject that has other numbers translates. File descriptors are the subject's own: that a script calls
//! them otherwise is the player's business.

use std::net::{IpAddr, SocketAddr};

use env::{Duration, Instant};

/// A host under test.
///
/// The clock starts at [`Instant::ZERO`] when [`configure`](Self::configure) returns. It goes on only in
/// [`run_until`](Self::run_until) (virtual time), or by itself (real time); everything else takes no time.
pub trait Subject {
    /// What reports call it: `handfast`, `linux 6.18`.
    fn name(&self) -> String;

    /// Names of calls, flags and options that are interfaces of another system, and no business of a protocol: a script that
    /// has one is skipped before it begins.
    fn lacks(&self) -> &'static [&'static str] {
        &[]
    }

    /// Makes the host: its addresses, what the script's options say of it, and the shell commands it begins with.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for whatever this subject can't do: nothing that a script asks for is passed over in silence.
    fn configure(&mut self, setup: &Setup<'_>) -> Result<Ran, Refusal>;

    /// Does what a shell command in the middle of a script does to the host.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] where this subject doesn't know the command, or can't do it now.
    fn command(&mut self, line: &str) -> Result<Ran, Refusal>;

    /// What its clock says.
    fn now(&self) -> Instant;

    /// Lets time go on to `deadline`, or until something new comes out: a packet that [`take`](Self::take) gives, or a
    /// call that [`finished`](Self::finished) tells. What came out earlier and wasn't fetched does not stop it. It may stop
    /// earlier, as long as time has gone on: one step of it takes a bounded time to work out. A deadline that has passed changes
    /// nothing.
    fn run_until(&mut self, deadline: Instant);

    /// Makes a system call. `may_block` is set for a call that the script lets run beside what follows; any other call
    /// that can't return at once is [`Begun::Blocked`] all the same, and the player lets time go on until it has.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] where this subject has no such call or option. What the host itself refuses is no refusal but an
    /// [`Errno`].
    fn begin(&mut self, call: &Call, may_block: bool) -> Result<Begun, Refusal>;

    /// What a blocked call returned, once; `None` while it is blocked.
    fn finished(&mut self, ticket: Ticket) -> Option<Finished>;

    /// An IP packet arrives, now, without a link header.
    fn inject(&mut self, packet: &[u8]);

    /// The same of a packet that a device joined of several, each of `segment` octets of payload but the last. A subject that knows no
    /// such packets takes it for one.
    fn inject_joined(&mut self, packet: &[u8], segment: u16) {
        let _ = segment;
        self.inject(packet);
    }

    /// The oldest packet that the host sent and that wasn't taken yet.
    fn take(&mut self) -> Option<Sent>;

    /// What `TCP_INFO` (and its like) says of a socket, for blocks of code: `tcpi_rtt`, `tcpi_snd_cwnd` … in Linux's
    /// units. A name that is missing is one that this subject doesn't know: an assertion on it skips the script.
    ///
    /// # Errors
    ///
    /// As `getsockopt` would fail.
    fn tcp_info(&mut self, fd: Fd) -> Result<Vec<(&'static str, i64)>, Errno>;
}

/// Which addresses a script is played with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpVersion {
    /// IPv4 sockets, IPv4 packets.
    #[default]
    V4,
    /// IPv6 sockets, IPv6 packets.
    V6,
    /// IPv6 sockets with addresses mapped from IPv4 (RFC 4291 §2.5.5.2), IPv4 packets.
    Mapped,
}

impl IpVersion {
    /// All three, in the order they are played.
    pub const ALL: [Self; 3] = [Self::V4, Self::V6, Self::Mapped];

    /// As `--ip` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::Mapped => "mapped",
        }
    }
}

/// What a host is made from.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Which sockets and packets.
    pub version: IpVersion,
    /// The host's own address, as packets carry it.
    pub local: IpAddr,
    /// Length of the local network's prefix.
    pub prefix: u8,
    /// The other end's address, as packets carry it; reached through [`gateway`](Self::gateway).
    pub remote: IpAddr,
    /// The router on the local network.
    pub gateway: IpAddr,
    /// Largest packet of the link, octets with the IP header.
    pub mtu: u16,
    /// Options that the player doesn't know itself, in the script's order: name without dashes, value if there is one.
    pub options: Vec<(&'a str, Option<&'a str>)>,
    /// Shell text before the first event, one element for each pair of backticks.
    pub commands: Vec<&'a str>,
}

/// How shell text ended: a command that fails fails the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// With status zero.
    Well,
    /// With another; what is wrong.
    Badly(String),
}

/// What a subject can't do, and so a reason to skip a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Refusal {
    /// A refusal, with the reason that a reader of the report is told.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A packet that the host sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// From its IP header on.
    pub packet: Vec<u8>,
}

/// A file descriptor of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(pub i32);

/// A call that hasn't returned yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// What became of a call right away.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It returned.
    Done(Returned),
    /// It blocks.
    Blocked(Ticket),
}

/// A call that had blocked, and returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// When it returned.
    pub at: Instant,
    /// What.
    pub returned: Returned,
}

/// What a call returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    /// Its value, never negative; or an error number, where C returns −1 and sets `errno`.
    pub result: Result<i64, Errno>,
    /// What it wrote into its arguments.
    pub out: Out,
}

impl Returned {
    /// A value, and nothing written.
    pub fn value(value: i64) -> Self {
        Self { result: Ok(value), out: Out::default() }
    }

    /// A failure.
    pub fn error(errno: Errno) -> Self {
        Self { result: Err(errno), out: Out::default() }
    }
}

/// An error number, as Linux counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(pub i32);

/// What calls write into their arguments; what a call doesn't write is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Out {
    /// What was read, all buffers in their order.
    pub data: Vec<u8>,
    /// The address of an accepted peer, of a datagram's sender, of the socket.
    pub address: Option<SocketAddr>,
    /// An option's value as it lies in memory (`getsockopt`), or an ioctl's integer.
    pub value: Vec<u8>,
    /// `recvmsg`: ancillary data.
    pub control: Vec<ControlMessage>,
    /// `recvmsg`: `msg_flags`.
    pub flags: i32,
    /// `poll`: `revents` of each descriptor, in the call's order.
    pub polled: Vec<i16>,
    /// `epoll_wait`: what is ready.
    pub ready: Vec<EpollEvent>,
}

/// One piece of ancillary data, as `recvmsg` and `sendmsg` carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlMessage {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// What follows the header, as it lies in memory.
    pub data: Vec<u8>,
}

/// What is waited for, and what is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpollEvent {
    /// `EPOLLIN` and its like.
    pub events: u32,
    /// The user's own number.
    pub data: u64,
}

/// To whom a call sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The call doesn't say: a null pointer, or a call without that argument.
    Unsaid,
    /// An address of family `AF_UNSPEC`, which is nobody's.
    Unspecified,
    /// The other end, which is `...` of a script, by its usual address; a socket that is connected knows a better one.
    Other(SocketAddr),
    /// This address.
    Address(SocketAddr),
}

/// A system call, its arguments worked out.
///
/// A pointer that a script gives as `NULL` is a `None`: the host's answer to it (`EFAULT`, mostly) is part of what scripts
/// test. Socket addresses are those of the socket's family: with [`IpVersion::Mapped`] they are mapped IPv6 addresses.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// `socket`.
    Socket {
        /// IPv6 sockets, else IPv4.
        v6: bool,
        /// `SOCK_STREAM` …, with `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
        kind: i32,
        /// `IPPROTO_TCP` …; 0 is the kind's own.
        protocol: i32,
    },
    /// `bind`.
    Bind {
        /// Which.
        fd: Fd,
        /// To what.
        address: SocketAddr,
    },
    /// `listen`.
    Listen {
        /// Which.
        fd: Fd,
        /// How many may wait.
        backlog: i32,
    },
    /// `accept`, `accept4`: the peer goes to [`Out::address`].
    Accept {
        /// The listener.
        fd: Fd,
        /// `SOCK_NONBLOCK` … of `accept4`; 0 for `accept`.
        flags: i32,
    },
    /// `connect`.
    Connect {
        /// Which.
        fd: Fd,
        /// To whom; `None` is an address of family `AF_UNSPEC`.
        address: Option<SocketAddr>,
    },
    /// `read`, `readv`: into [`Out::data`].
    Read {
        /// Which.
        fd: Fd,
        /// The buffers' lengths in octets; `None` is a null pointer with a length above zero.
        buffers: Option<Vec<usize>>,
    },
    /// `recv`, `recvfrom`: into [`Out::data`] and [`Out::address`].
    Receive {
        /// Which.
        fd: Fd,
        /// The buffer's length in octets; `None` is a null pointer.
        length: Option<usize>,
        /// `MSG_PEEK` …
        flags: i32,
    },
    /// `recvmsg`: into [`Out::data`], [`Out::address`], [`Out::control`] and [`Out::flags`].
    ReceiveMessage {
        /// Which.
        fd: Fd,
        /// The buffers' lengths in octets.
        buffers: Vec<usize>,
        /// `MSG_ERRQUEUE` …
        flags: i32,
    },
    /// `write`, `writev`.
    Write {
        /// Which.
        fd: Fd,
        /// The buffers; `None` is a null pointer.
        buffers: Option<Vec<Vec<u8>>>,
    },
    /// `send`, `sendto`, `sendmsg`.
    Send {
        /// Which.
        fd: Fd,
        /// The buffers (one, but for `sendmsg`); `None` is a null pointer with a length above zero.
        buffers: Option<Vec<Vec<u8>>>,
        /// `MSG_DONTWAIT`, `MSG_FASTOPEN` …
        flags: i32,
        /// To whom.
        to: Recipient,
        /// Ancillary data (`sendmsg`).
        control: Vec<ControlMessage>,
    },
    /// `shutdown`.
    Shutdown {
        /// Which.
        fd: Fd,
        /// `SHUT_RD` 0, `SHUT_WR` 1, `SHUT_RDWR` 2.
        how: i32,
    },
    /// `close`.
    Close {
        /// Which.
        fd: Fd,
    },
    /// `fcntl`.
    Fcntl {
        /// Which.
        fd: Fd,
        /// `F_GETFL`, `F_SETFL` …
        command: i32,
        /// Its argument; 0 if the script has none.
        argument: i64,
    },
    /// `ioctl`: the integer at its argument goes to [`Out::value`].
    Ioctl {
        /// Which.
        fd: Fd,
        /// `SIOCINQ`, `SIOCOUTQ` …
        request: u64,
    },
    /// `setsockopt`.
    SetOption {
        /// Which.
        fd: Fd,
        /// `SOL_SOCKET` …
        level: i32,
        /// `SO_REUSEADDR` …
        name: i32,
        /// The value as it lies in memory; `None` is a null pointer.
        value: Option<Vec<u8>>,
        /// The length that the call says, which may be a lie.
        length: i32,
    },
    /// `getsockopt`: into [`Out::value`].
    GetOption {
        /// Which.
        fd: Fd,
        /// `SOL_SOCKET` …
        level: i32,
        /// `SO_ERROR` …
        name: i32,
        /// How much room there is.
        length: i32,
    },
    /// `getsockname`: into [`Out::address`].
    LocalAddress {
        /// Which.
        fd: Fd,
    },
    /// `getpeername`: into [`Out::address`].
    PeerAddress {
        /// Which.
        fd: Fd,
    },
    /// `poll`: into [`Out::polled`].
    Poll {
        /// Descriptors and what each is asked for (`POLLIN` …).
        fds: Vec<(Fd, i16)>,
        /// How long to wait; `None` is for ever.
        timeout: Option<Duration>,
    },
    /// `epoll_create`, `epoll_create1`.
    EpollCreate,
    /// `epoll_ctl`.
    EpollControl {
        /// The epoll descriptor.
        epoll: Fd,
        /// `EPOLL_CTL_ADD` 1, `EPOLL_CTL_DEL` 2, `EPOLL_CTL_MOD` 3.
        operation: i32,
        /// The descriptor watched.
        fd: Fd,
        /// What for.
        event: EpollEvent,
    },
    /// `epoll_wait`: into [`Out::ready`].
    EpollWait {
        /// The epoll descriptor.
        epoll: Fd,
        /// At most so many.
        most: usize,
        /// How long to wait; `None` is for ever.
        timeout: Option<Duration>,
    },
}
