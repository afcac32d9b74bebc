//! Calls between a script's words and a subject's types.
//!
//! ```text
//!   getsockopt(4, SOL_TCP, TCP_MAXSEG, [1100], [4]) = 0
//!      │ lower: names, descriptors, addresses worked out
//!      ├─► subject::Call   what is called
//!      └─► Wanted          what must come of it ─── judge ◄── Returned
//! ```

mod arguments;
mod judge;
mod lower;
mod structures;

pub(super) use judge::judge;
pub(super) use lower::{Lowered, lower};

use crate::packetdrill::script::Expression;
use crate::packetdrill::subject::{ControlMessage, Fd};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Why a call can't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotMade {
    /// Nobody here can.
    Skip(String),
    /// The script contradicts itself.
    Wrong(String),
}

impl NotMade {
    fn skip<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Skip(why.into()))
    }

    fn wrong<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self::Wrong(why.into()))
    }
}

/// What the script calls its descriptors, and what the subject does.
pub(super) type Descriptors = BTreeMap<i64, Fd>;

/// What must come of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    /// The result; `None` is any.
    pub(super) result: Option<i64>,
    /// A result that is no error is a descriptor, whose number is the subject's own.
    pub(super) descriptor: bool,
    /// The name of the error.
    pub(super) errno: Option<String>,
    /// What it writes.
    pub(super) writes: Writes,
    /// The socket address that it writes.
    pub(super) name: Name,
}

/// A socket address that a call must write; what is `None` may be any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// The address, as sockets have it.
    pub(super) address: Option<SocketAddr>,
    /// How long it must be said to be, in octets; 0 is none.
    pub(super) length: Option<i64>,
}

/// What a call must write into its arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Writes {
    /// Nothing that is compared.
    #[default]
    Nothing,
    /// These octets, and perhaps more behind them.
    Data { octets: Vec<u8>, more: bool },
    /// This value, and its length.
    Value { value: Option<Vec<u8>>, length: Option<i64> },
    /// `recvmsg`: flags, and ancillary data where the line speaks of it.
    Message { flags: Option<i64>, control: Option<Vec<ControlMessage>> },
    /// `poll`: `revents` of each; `None` is any.
    Polled(Vec<Option<i64>>),
    /// `epoll_wait`: the first event, and the low bits of its data that count.
    Ready { events: Option<i64>, data: Option<u64>, mask: u64 },
}

/// Whether an expression stands for anything.
const fn is_any(expression: &Expression) -> bool {
    matches!(expression, Expression::Ellipsis | Expression::Anything)
}
