//! One host on frames: IPv4, IPv6, ICMP, UDP, TCP.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod budget;
mod counters;
mod ports;

pub use budget::{Account, Budget, Pressure, Refused};
pub use counters::{Counters, Drop};
pub use ports::{Claimed, Hold, PortError, Ports};
