//! RFC 9293 on typed segments: no IP addresses, no sockets, no tables, no clock.
//!
//! ```text
//!             user: send receive close abort status flush          calls/        §3.10.1–6
//!                          │
//!   Segment ─► segment_arrives/ ─► receiver/ ─► readable           §3.10.7, a step a file
//!                  │  ACK
//!                  ▼
//!              recovery/  ──what is lost──►  sender/  ◄─how much── congestion/
//!                                              │      ◄─when────── pacing
//!   Segment ◄──────────── poll_transmit ◄──────┘ timeouts/          §3.10.8
//!
//!   before ESTABLISHED and after the end: small records of their own (listener/, time_wait)
//! ```
//!
//! [`Connection`] is the machine. What comes before it (a listener's half-open peers) and after it (TIME-WAIT) are
//! records of under 128 octets: [`listener::HalfOpen`], [`TimeWait`]. Whoever holds the tables holds those.
#![no_std]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

extern crate alloc;
#[cfg(test)]
extern crate self as tcp; // As bodies of tests name it that fuzz targets have as well.
#[cfg(test)]
extern crate std;

mod calls;
mod challenge;
pub mod closed;
mod config;
pub mod congestion;
mod connection;
mod cost;
mod ecn;
mod error;
mod event;
pub mod fast_open;
pub mod isn;
pub mod listener;
mod meter;
mod pacing;
mod path;
mod path_mtu;
mod receiver;
mod recovery;
mod rtt;
mod sabotage;
mod segment;
mod segment_arrives;
mod sender;
mod state;
mod time_wait;
mod timeouts;
mod timestamp;
mod transmit;
mod withhold;

pub use calls::{Readiness, Received, SendFlags, Settings, Standing, Status};
pub use config::{Congestion, KeepAlive, TcpConfig};
pub use congestion::{CongestionHabits, SlowStartExit};
pub use connection::Connection;
pub use ecn::{Ecn, EcnAgreement, EcnCounts, EcnHabits, EcnMode, EcnOption};
pub use error::{ConfigError, ConnectionError, ReceiveError, SendError};
pub use event::{Cause, ChallengeTo, Discard, Event, Note, ResetWhy, SoftError, Trigger, Undo, Why};
pub use meter::BusyTime;
pub use path::{Path, PathFound};
pub use receiver::ReceiveAccounting;
#[cfg(feature = "sabotage")]
pub use sabotage::Sabotage;
pub use segment::{Segment, Transmit};
pub use state::State;
pub use time_wait::{Ended, TimeWait, TimeWaitOutcome};
pub use timestamp::timestamp;
