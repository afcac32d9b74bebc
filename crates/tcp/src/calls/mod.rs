//! The user's calls (RFC 9293 §3.9.1, §3.10.1 to §3.10.6): OPEN is [`Connection::open`] and the listener's.
//!
//! [`Connection::open`]: crate::Connection::open

mod close;
mod icmp;
mod readiness;
mod receive;
mod send;
mod settings;
mod status;

pub use readiness::{Readiness, Settings};
pub use receive::Received;
pub use send::SendFlags;
pub use status::{Standing, Status};
