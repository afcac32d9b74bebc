//! A DHCPv4 client on a [`stack::Host`], without I/O (RFC 2131, 2132).
//!
//! ```text
//!   INIT ─ DISCOVER ─► SELECTING ─ OFFER, REQUEST ─► REQUESTING ─ ACK ─► BOUND: address, route, name servers
//!    ▲                     (again after 4, 8 … 64 s)      │ NAK           │ half the lease is over
//!    │                                                    ▼               ▼
//!    ├──────────────────────────────────────────────────◄─┴─ NAK ── RENEWING ─ ACK ─► BOUND
//!    └── the lease is over: the address is given up ─── REBINDING ◄───────┘ seven eighths are over
//! ```
//!
//! The client is a user of the host like any other: it has a UDP socket, sets the address and the route of one interface,
//! and takes them away again. Time and chance are arguments, so it runs on a device and on a virtual clock alike. Messages
//! are read and written by the crate `dhcproto`.
//!
//! ```
//! use handfast_dhcp::Client;
//! use env::{Instant, Machine, Rng};
//! use stack::{Host, HostConfig, InterfaceConfig, Medium};
//! use wire::ethernet::MacAddr;
//!
//! let (now, mac) = (Instant::from_secs(1), MacAddr::new([2, 0, 0, 0, 0, 1]));
//! let mut host = Host::new(HostConfig::default(), [7; 32])?;
//! let interface = host.add_interface(now, InterfaceConfig::new("eth", Medium::Ethernet(mac)))?;
//! let mut client = Client::new(&mut host, interface, mac, Rng::seeded(1))?;
//!
//! client.turn(now, &mut host); // whenever its socket is readable, or …
//! assert!(client.poll_timeout().is_some()); // … this has come
//! assert!(host.poll_transmit(now).is_some(), "DISCOVER");
//! assert_eq!(client.lease(), None);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod client;
mod message;

pub use client::{Client, DhcpError, Event};
pub use message::Lease;

#[cfg(test)]
mod tests;
