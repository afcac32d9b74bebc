//! The TCP header (RFC 9293 §3.1).

mod flags;
mod header;
mod options;

pub use flags::Flags;
pub use header::Header;
pub use options::{FastOpenCookie, Options, SackBlock, SackBlocks, Timestamps};
