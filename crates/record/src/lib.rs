//! Record and replay: all that goes into a host, in a file, and a host that is given it again.
//!
//! ```text
//!   Host ─ each note ─► Encoder ─ pieces, a turn's ─► thread ─ blocks ─► file      the run never waits for the disk
//!   file ─► Recording ─ entries ─► Replay ─► Host                  on virtual time, with another seed
//!                          └ digests of the frames that went out ──► the same? else the first Difference, in words
//! ```
//!
//! What a host does follows from its settings, what goes into it, and what chance decided ([`stack::journal`]). A file has
//! all of them and no secret: the host that replays has a seed of its own, and takes outcomes of chance from the file.
//! Payload is left out unless it is asked for.
//!
//! ```
//! use handfast_record::{Options, Recorder, Replay};
//! use env::{Instant, Machine as _};
//! use stack::{Host, HostConfig, InterfaceConfig, Medium, UdpSend};
//!
//! # let dir = std::env::temp_dir().join(format!("handfast-record-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! let file = dir.join("run.hfr");
//! let mut host = Host::new(HostConfig::default(), [7; 32])?;
//! let mut recorder = Recorder::create(&file, Options::default())?;
//! recorder.begin(&mut host)?;
//!
//! let now = Instant::from_secs(1);
//! let tun = InterfaceConfig::new("tun0", Medium::Ip).address("10.0.0.1/24".parse()?);
//! host.add_interface(now, tun)?;
//! let socket = host.udp_open()?;
//! host.udp_send(now, socket, UdpSend::to(b"secret words", "10.0.0.2:7".parse()?))?;
//! while host.poll_transmit(now).is_some() {}
//! recorder.take(&mut host);
//! drop(recorder);
//!
//! let mut replay = Replay::open(std::fs::File::open(&file)?)?;
//! while replay.step()?.is_some() {}
//! assert_eq!((replay.done().inputs, replay.done().frames), (5, 1));
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod decode;
mod entry;
mod file;
mod flows;
mod headers;
mod memory;
mod octets;
mod recorder;
mod replay;
mod spool;
mod words;

pub use entry::{Entry, Sent};
pub use file::{End, FORMAT, Head, Recording, Unreadable};
pub use memory::of_host;
pub use recorder::{Options, Recorder};
pub use replay::{Difference, Done, Replay, ReplayError, Stepped};
pub use spool::{Failure, Progress, Watch};
