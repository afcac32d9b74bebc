//! Time, randomness and the machine contract: all that a protocol of Handfast may know of the world.
//!
//! ```text
//!   a clock, a device, a seed          (driver, sim, fuzzer, model checker)
//!        │ Instant, Packet, Rng
//!        ▼
//!   ┌──────────┐  handle_packet / handle_timeout
//!   │ Machine  │
//!   └──────────┘  poll_transmit / poll_timeout / poll_event
//! ```
//!
//! Nothing here reads a clock or the system's entropy: both are arguments of whoever turns the machine.
#![no_std]

extern crate alloc;

mod instant;
mod machine;
mod rng;
mod tape;

pub use core::time::Duration;
pub use instant::Instant;
pub use machine::Machine;
pub use rng::Rng;
pub use tape::{Chance, Drawn};
