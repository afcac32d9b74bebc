//! packetdrill: TCP specified by example, on virtual time.
//!
//! ```text
//!   a script ─► script: syntax ─► play: the clock, what is expected ─► report: ok, FAIL and why, skipped and why
//!                                   │ calls, packets      ▲
//!                                   ▼                     │ results, packets, info
//!                                  Subject: the host under test
//! ```
//!
//! The language is that of [packetdrill](https://github.com/google/packetdrill); the interpreter is our own.

pub mod code;
pub mod find;
pub mod linux;
pub mod meant;
mod ours;
pub mod play;
pub mod report;
pub mod script;
mod setup;
pub mod subject;

pub use ours::Ours;
