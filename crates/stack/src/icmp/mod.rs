//! ICMP of both versions: echo, errors received, errors sent (RFC 792, RFC 1122 §3.2.2, RFC 4443).
//!
//! ```text
//!   receive ─► checksum ─► echo request ─► reply
//!                     ├──► echo reply ───► echo sockets
//!                     ├──► error ─► quoted packet ours? ─► its transport says so too? ─► path MTU, soft error
//!                     └──► neighbour discovery, listener discovery
//!   send_error ─► never about …? ─► tokens left? ─► out
//! ```

mod limit;
mod receive;
mod send;

pub(crate) use limit::Limiter;
