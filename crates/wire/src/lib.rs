//! Bytes and meaning: every format that Handfast puts on a wire or reads from one.
//!
//! ```text
//!    any bytes ──► view ──► repr ──► the stack        A view reads any bytes and never panics.
//!                                      │              A repr holds only what may be sent.
//!        device ◄── Frame ◄── emit ◄───┘              A frame is a train: headers, payload, segment size.
//! ```
//!
//! Each format is a module with a *view* (borrowed bytes, checked once) and a *repr* (owned meaning). `num` holds
//! the numbers that have rules of their own, [`Payload`] the reference-counted bytes that travel, and [`Frame`]
//! what a device hands over.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod arp;
pub mod checksum;
mod ecn;
pub mod ethernet;
mod frame;
mod group;
pub mod icmpv4;
pub mod icmpv6;
pub mod igmp;
pub mod ipv4;
pub mod ipv6;
mod malformed;
pub mod mld;
pub mod ndp;
mod num;
mod payload;
mod protocol;
mod quoted;
pub mod segmentation;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod udp;

pub use ecn::Ecn;
pub use frame::{Checksum, Frame, Head, Medium, Offload, SegmentKind};
pub use malformed::{Malformed, NoRoom};
pub use num::{Mss, Port, SeqNum, Window, WindowScale, WireWindow};
pub use payload::Payload;
pub use protocol::Protocol;
pub use quoted::Quoted;
