//! Numbers that have rules of their own: a value that could only be built by passing its check needs no
//! check later.

mod mss;
mod port;
mod seq;
mod window;

pub use mss::Mss;
pub use port::Port;
pub use seq::SeqNum;
pub use window::{Window, WindowScale, WireWindow};
