//! Scripts as they are written, and the way from text to meaning and back.
//!
//! ```text
//!   text ──► ast       options, commands, events
//!             ├─ packet    TCP, UDP and ICMP lines
//!             ├─ icmp      names of types and codes, and what is quoted
//!             └─ call      calls, their arguments and results
//! ```

pub mod ast;
pub mod call;
pub mod icmp;
pub mod packet;

pub use ast::{Action, Code, Command, Event, Position, Script, Setting, Time};
pub use call::{Call, Errno, Expression};
pub use icmp::{Icmp, Quoted};
pub use packet::{Body, Direction, Ecn, Flags, Ip, Options, Outer, Packet, Tcp, TcpOption, Tos, Udp};
