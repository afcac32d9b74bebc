//! Scripts as they are written, and the way from text to meaning and back.
//!
//! ```text
//!   text ── parse ──► ast       options, commands, events
//!                      ├─ packet    TCP, UDP and ICMP lines
//!                      ├─ icmp      names of types and codes, and what is quoted
//!                      └─ call      calls, their arguments and results
//!                      └─ check     names that nobody has, and other mistakes that the grammar allows
//!        ◄── print
//! ```

pub mod ast;
pub mod call;
mod check;
mod error;
pub mod icmp;
pub mod packet;
mod parse;
mod print;

pub use ast::{Action, Code, Command, Event, Position, Script, Setting, Time};
pub use call::{Call, Cmsg, EpollEvent, EpollMember, Errno, Expression, ExtendedError, Msghdr, Pollfd};
pub use check::check;
pub use error::ParseError;
pub use icmp::{Icmp, Quoted};
pub use packet::{
    Body, Direction, Ecn, Flags, Fragment, Ip, Options, Outer, Packet, Tcp, TcpOption, Tos, Udp,
};
pub use parse::{LONGEST, customary, parse};
