//! TCP Fast Open: data with the SYN, and delivered before the handshake ends (RFC 7413).
//!
//! ```text
//!   client                                    server
//!   SYN, asks ──────────────────────────────►  keys: a cookie of both addresses
//!      cookie ◄────────────────────── SYN-ACK
//!   …another connection, later:
//!   SYN, cookie, data ──────────────────────►  cookie good, and few wait: Early ─► user has the data
//!      retired ◄──────── SYN-ACK of SYN + data        │ sends, up to the initial window
//!   ACK ────────────────────────────────────►  ESTABLISHED
//!
//!   cookie bad, SYN lost, option lost: a plain handshake, and the data goes after it
//! ```
//!
//! It is off unless an application asks for it, because what came with a SYN may come twice: a copy of the SYN that
//! arrives when its connection is forgotten opens another (§2.1, §6.1; 7413-1, 7413-13).
//!
//! Which peers have given which cookies, whose SYNs were lost, and how many early connections a listener has is for
//! whoever holds the tables. A SYN cookie (RFC 4987) leaves no record, and so it never takes data.

mod client;
mod early;
mod keys;

pub(crate) use client::Client;
pub use client::{Answer, FastOpenState, Opening};
pub use keys::{Judgement, Key, Keys, UnreadableKey, cookie_of};

use crate::listener::HalfOpen;
use wire::tcp::FastOpenCookie;

/// What a connection remembers of it; most have none.
#[derive(Clone, Debug)]
pub(crate) enum FastOpen {
    /// We opened it.
    Client(Client),
    /// The peer did, and our SYN-ACK is not acknowledged yet: the record that a plain handshake would have, and whether
    /// data came with the SYN; and a cookie that the SYN-ACK is to give.
    Early { record: HalfOpen, data: bool, cookie: Option<FastOpenCookie> },
    /// The peer did, and the handshake is complete; whether data came with its SYN.
    Served { data: bool },
}
