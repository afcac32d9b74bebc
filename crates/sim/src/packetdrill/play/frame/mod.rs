//! Packets between octets and lines of a script.
//!
//! ```text
//!   line ─► mapped to live numbers ─► build ─► octets ─► the host
//!   octets of the host ─► read ─► Seen: a line with live numbers, and what a line doesn't say
//!                                  options: octets ⇄ a script's options, in their order
//! ```

mod build;
mod options;
mod read;

pub(super) use build::{Ends, build};
pub(super) use read::{Seen, read};
