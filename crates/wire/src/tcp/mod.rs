//! The TCP header (RFC 9293 §3.1).

mod emit;
mod flags;
mod header;
mod options;
#[cfg(test)]
mod tests;
mod view;
mod walk;

pub use emit::{fill_checksum, fill_partial_checksum};
pub use flags::Flags;
pub use header::Header;
pub use options::{AccurateEcn, FastOpenCookie, Options, SackBlock, SackBlocks, Timestamps};
pub use view::{CHECKSUM_OFFSET, HEADER_LEN, MAX_HEADER_LEN, View};
