//! What a capture tells of its connections.
//!
//! ```text
//!   file ─► Reader ─► Captured ─► link ─► packet ─► Explainer ─┬─► Told   a packet, and what is to be said of it
//!           as far as it goes     which header      flows,     └─► Flow   what came of it all: a row, a ladder
//!                                 comes first       bounded
//! ```
//!
//! Everything here reads what strangers wrote: nothing panics, and what is held is bounded whatever a file claims. A
//! capture of any length is read as a stream: [`Limits`] says how many flows are held at once, and a flow that has to
//! go is given away with all that is known of it.
//!
//! [`Finding`]s are the remarks that Wireshark makes too, under the same names; a test compares them packet by packet.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod capture;
mod explainer;
mod finding;
mod flow;
pub mod json;
mod link;
mod packet;
mod remark;
mod report;
mod table;
mod told;
mod words;

pub use capture::{Broken, Captured, MAX_INTERFACES, MAX_PACKET, NotACapture, Reader, Trouble};
pub use explainer::{Counts, Explainer, Limits};
pub use finding::{Finding, Findings};
pub use flow::{Ending, Flow, Log, Sent};
pub use remark::{Again, Ignored, Remark, Reset, Said};
pub use report::{Follow, closing, heading, ladder, row};
pub use told::Told;
