//! BBR over a path of one bottleneck, and under samples that nobody could have made.
//!
//! ```text
//!   Path: sender ─ window, pace ─► queue ─ rate ─► round trip ─ ACKs, in lumps if need be ─► samples ─► Bbr
//! ```

mod arbitrary;
mod changes;
mod episodes;
mod limits;
mod numbers;
mod path;
mod steady;
