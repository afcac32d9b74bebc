//! Call lines: what the host's user calls, with what, and what must come of it.
//!
//! ```text
//!   +0...0.2 read(4, ..., 1000) = -1 EAGAIN (Resource temporarily unavailable)
//!      │      │       │           │    │                  └── errno's note, for people
//!      until  name    arguments   │    errno
//!                                 result
//! ```
//!
//! Arguments are expressions: numbers, symbols, flags, strings, lists, and the structures of the socket calls.

use env::Duration;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// A call, and what it must come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name: `socket`, `write` and so on.
    pub name: String,
    /// The arguments in order.
    pub arguments: Vec<Expression>,
    /// What it must return. [`Expression::Ellipsis`] is anything.
    pub result: Expression,
    /// The error that it must fail with, where one is named.
    pub errno: Option<Errno>,
    /// A remark in brackets without an errno, such as `(flags O_RDWR)`; means nothing.
    pub note: Option<String>,
    /// For a call that blocks, when it must return, counted from where the event's own time counts from.
    pub until: Option<Duration>,
}

/// An error by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errno {
    /// `EAGAIN`, say.
    pub name: String,
    /// What stands in brackets behind it; means nothing.
    pub note: String,
}

/// A value in a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `...`: whatever suits the call; as a result, anything.
    Ellipsis,
    /// `*` or `?`: anything, where a value is compared.
    Anything,
    /// A number.
    Integer {
        /// Its value.
        value: i64,
        /// Whether the script writes it in hexadecimal.
        hex: bool,
    },
    /// A name: `AF_INET`, `NULL`.
    Symbol(String),
    /// `"abc"`, escapes undone; strings that follow each other are one.
    Text(Vec<u8>),
    /// `"abc"...`: a string, and more behind it.
    TextAnd(Vec<u8>),
    /// `A|B|C`, two or more.
    Or(Vec<Self>),
    /// `name = value`, outside of the structures below.
    Assign(String, Box<Self>),
    /// `[A, B]`
    List(Vec<Self>),
    /// `{A, B}` that is none of the structures below.
    Braces(Vec<Self>),
    /// `inet_addr("192.0.2.1")`
    InAddr(Ipv4Addr),
    /// `inet6_addr("2001:db8::1")`
    In6Addr(Ipv6Addr),
    /// `{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}`
    SockAddr(SocketAddr),
    /// `{..., 1000}`: a buffer of a vector, by its octets.
    Iovec(i64),
    /// `{msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0, msg_control=[…]}`
    Msghdr(Box<Msghdr>),
    /// `{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=…}`
    Cmsg(Box<Cmsg>),
    /// `{fd=4, events=POLLIN, revents=0}`
    Pollfd(Box<Pollfd>),
    /// `{events=EPOLLIN, fd=4}`
    EpollEvent(Box<EpollEvent>),
    /// `{onoff=1, linger=2}`
    Linger {
        /// `l_onoff`
        onoff: i64,
        /// `l_linger`, seconds
        linger: i64,
    },
    /// `{scm_sec=1, scm_nsec=500}`
    Timestamping {
        /// Seconds.
        sec: i64,
        /// Nanoseconds.
        nsec: i64,
    },
    /// `{ee_errno=…, ee_origin=…, ee_type=…, ee_code=…, ee_info=…, ee_data=…}`
    ExtendedError(Box<ExtendedError>),
}

impl Expression {
    /// A number that the script writes in decimal.
    pub const fn integer(value: i64) -> Self {
        Self::Integer { value, hex: false }
    }

    /// A name.
    pub fn symbol(name: &str) -> Self {
        Self::Symbol(name.to_owned())
    }

    /// The number, if it is one that needs no look-up.
    pub const fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// The number, names looked up by `symbol` and `|` worked out; `None` for what is no number, or for an unknown name.
    pub fn evaluate(&self, symbol: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
        match self {
            Self::Integer { value, .. } => Some(*value),
            Self::Symbol(name) => symbol(name),
            Self::Or(parts) => parts.iter().try_fold(0, |all, part| Some(all | part.evaluate(symbol)?)),
            _ => None,
        }
    }
}

/// `struct msghdr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Msghdr {
    /// `msg_name`: for `recvmsg` whom it must be from, for `sendmsg` to whom it goes.
    pub name: Expression,
    /// `msg_namelen`, in the brackets behind it.
    pub name_length: Expression,
    /// The buffers' octets, in order.
    pub iov: Vec<i64>,
    /// `msg_flags`: for `recvmsg` what must come back, for `sendmsg` without meaning.
    pub flags: Expression,
    /// `msg_control`: control messages, where the line speaks of them.
    pub control: Option<Vec<Expression>>,
}

/// A control message.
#[derive(Clone, Debug, PartialEq)]
pub struct Cmsg {
    /// `cmsg_level`
    pub level: Expression,
    /// `cmsg_type`
    pub kind: Expression,
    /// `cmsg_data`
    pub data: Expression,
}

/// `struct pollfd`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pollfd {
    /// The file descriptor.
    pub fd: Expression,
    /// What is waited for.
    pub events: Expression,
    /// What must have happened; zero where it isn't written.
    pub revents: Expression,
}

/// `struct epoll_event`.
#[derive(Clone, Debug, PartialEq)]
pub struct EpollEvent {
    /// The events.
    pub events: Expression,
    /// Which member of the union is written.
    pub member: EpollMember,
    /// What is in it.
    pub data: Expression,
}

/// The members of `union epoll_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpollMember {
    /// `fd`
    Fd,
    /// `ptr`
    Ptr,
    /// `u32`
    U32,
    /// `u64`
    U64,
}

/// `struct sock_extended_err`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtendedError {
    /// `ee_errno`
    pub errno: Expression,
    /// `ee_origin`
    pub origin: Expression,
    /// `ee_type`
    pub kind: Expression,
    /// `ee_code`
    pub code: Expression,
    /// `ee_info`
    pub info: Expression,
    /// `ee_data`
    pub data: Expression,
}
