//! A host, its devices and a clock: together, a running stack. No runtime is needed.
//!
//! ```text
//!            ┌──────────────────────────── turn(now) ─────────────────────────────┐
//!   device ──► receive, stamped ─► Host ─► poll_transmit ─► queue ─► transmit ─► device
//!                                   │                         └ what it leaves stays; nothing more is asked for
//!                                   ├─► poll_trace ─► observer, before the frames leave
//!                                   └─► poll_event ─► whoever turns it
//!   deadline()  when to turn again though nothing arrives; None: never, and an idle stack is never woken
//! ```
//!
//! [`Driver`] turns, [`Clock`] is the one place that reads a clock, and [`seed`] the one that asks the system for chance.
//! Whoever has no runtime waits with [`Driver::wait`], or with a [`Waiter`], which holds no driver meanwhile:
//!
//! ```
//! use handfast_driver::{Clock, Driver, seed};
//! use device::memory;
//! use stack::{Host, HostConfig, InterfaceConfig, Medium, UdpBind, UdpSend};
//!
//! let clock = Clock::new();
//! let (left, right) = memory::pair(memory::Config::default());
//! let mut drivers = Vec::new();
//! for (device, address) in [(left, "10.0.0.1/24"), (right, "10.0.0.2/24")] {
//!     let mut driver = Driver::new(Host::new(HostConfig::default(), seed()?)?);
//!     let config = InterfaceConfig::new("wire", Medium::Ip).address(address.parse()?);
//!     driver.attach(clock.now(), device, config)?;
//!     drivers.push(driver);
//! }
//! let [a, b] = &mut drivers[..] else { unreachable!() };
//!
//! let bound = b.host_mut().udp_bind(UdpBind { port: 7, ..UdpBind::default() })?;
//! let free = a.host_mut().udp_open()?;
//! a.host_mut().udp_send(clock.now(), free, UdpSend::to(b"hello", "10.0.0.2:7".parse()?))?;
//! a.turn(clock.now())?;
//! b.turn(clock.now())?;
//! assert_eq!(b.host_mut().udp_receive(bound).expect("it has arrived").data.to_vec(), b"hello");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod clock;
mod drive;
#[cfg(target_os = "linux")]
mod links;
mod seed;
mod snapshot;
mod wait;

pub use clock::Clock;
pub use drive::{DeviceError, Driver, Observer, Turn};
pub use seed::seed;
pub use snapshot::{DeviceSnapshot, Snapshot};
pub use wait::{Bell, Waiter};
