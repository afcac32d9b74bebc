//! How fast Handfast is: the figures behind `handfast bench`.
//!
//! ```text
//!             traffic: streams, round trips, connections             written once, against `Stack`
//!                │                                  │
//!              Ours                               Theirs             a host of ours; an interface of smoltcp
//!                │                                  │
//!    memory:  a link in memory                   the same            one thread, no system call
//!    tun:     a TUN to the kernel                the same            beside kernel to kernel over veth
//!    paths:   bad links, through a relay of ours          kernel and handfast, either way
//!    report:  medians, spread, ratio  ─► a table, or JSON
//! ```
//!
//! Both stacks are measured in turn in one run, sample by sample, so that a busy machine is busy for both.

mod error;
mod link;
pub mod memory;
mod ours;
#[cfg(target_os = "linux")]
pub mod paths;
mod report;
mod stack;
mod stats;
mod theirs;
mod traffic;
#[cfg(target_os = "linux")]
pub mod tun;

pub use error::BenchError;
pub use report::{Better, Figure, Report, Row};
pub use stats::Samples;

use std::net::IpAddr;

/// Where a stack is, and where the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
}

/// Is told how far a run has come: steps done, of how many, and what comes next. `false` ends the run.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize, &str) -> bool;
