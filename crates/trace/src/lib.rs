//! What happened, for people: the ladder, with the reason for every segment, and the same for programs.
//!
//! ```text
//!   stack::Trace (a host) ─┐                        ┌─► Ladder   two columns of states, arrows, reasons
//!   LinkEvent (a link) ────┼─► Entry, in order ─────┼─► json     one object a line
//!   a user's call ─────────┘                        └─► comment  what a capture says about a packet
//!   stack::Trace (one host, live) ────────────────────► Live     the same rows, as they happen
//!   Sighting (a capture: nobody tells anything) ──────► Passing  the same rows, with what is inferred
//! ```
//!
//! Nothing here looks into a connection: it reads only what hosts and links tell. Every word exists in English and
//! in Korean ([`Lang`]); states, flags and calls keep their RFC names in both.

mod comment;
mod entry;
mod flow;
pub mod json;
mod ladder;
mod lang;
mod live;
mod passing;
#[cfg(test)]
mod sample;
mod text;
mod windows;

pub use comment::{Comments, comment};
pub use entry::Entry;
pub use ladder::{Ladder, Settings};
pub use lang::{Lang, UnknownLang};
pub use live::Live;
pub use passing::{Passing, Sighting};
pub use text::width as columns;
