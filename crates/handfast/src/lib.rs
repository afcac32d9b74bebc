//! The transport layer in user space: TCP and UDP over IPv4 and IPv6, with tokio's names.
//!
//! A [`Stack`] is a host of its own: it has addresses, answers pings, and carries sockets, all in this process. What it
//! sends and receives goes through a device: a TUN to this machine's kernel and beyond, or memory to another stack.
//!
//! ```text
//!    TcpStream ─┐                                            ┌─► wakers of the sockets concerned
//!    TcpListener┼─ call ─► lock ─► Host ─► flush ─► device   │
//!    UdpSocket ─┘                   ▲                        │
//!                                   └── one task or thread: waits for the devices and for time, turns the driver
//! ```
//!
//! Two stacks, joined by memory, and a connection between them:
//!
//! ```
//! use handfast::{Stack, TcpListener, TcpStream, device::memory};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (left, right) = memory::wired(memory::Config::default())?;
//! let server = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
//! let client = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
//!
//! let listener = TcpListener::bind_on(&server, "10.0.0.1:80").await?;
//! let served = tokio::spawn(async move {
//!     let (mut stream, _peer) = listener.accept().await?;
//!     let mut question = String::new();
//!     stream.read_to_string(&mut question).await?; // until the client's FIN
//!     stream.write_all(format!("you said: {question}").as_bytes()).await // ours is still open
//! });
//!
//! let mut stream = TcpStream::connect_on(&client, "10.0.0.1:80").await?;
//! stream.write_all(b"hello").await?;
//! stream.shutdown().await?; // half-close: we have said all, and go on listening
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer).await?;
//! assert_eq!(answer, "you said: hello");
//! served.await??;
//! # Ok(())
//! # }
//! ```
//!
//! A stack that this machine's kernel reaches (needs the right to make a TUN):
//!
//! ```no_run
//! use handfast::Stack;
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = Stack::builder()
//!     .tun("hf0")
//!     .host_address("10.111.0.1/24".parse()?) // the kernel's end
//!     .address("10.111.0.2/24".parse()?) //      ours
//!     .build()?;
//! # let _ = stack;
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//!
//! A stack is turned by a task on the runtime that it was built on, or by a thread of its own
//! ([`StackBuilder::build_on_thread`]). Its sockets may be used from any thread and on several runtimes at once. They share
//! one lock around the host with whoever turns it. It is held for one call, or one turn of at most 64 frames a device,
//! with what that sends; never across an await. A call sends by itself; the task or thread is roused only when something
//! becomes due sooner than it would wake. Timers are the system's, with its resolution of some 50 microseconds.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod adapters;
mod addrs;
mod attempt;
mod autoconf;
pub mod blocking;
mod builder;
mod current;
mod echo;
mod error;
mod families;
pub mod fast_open;
mod handle;
mod mapped;
pub mod net;
mod park;
mod port;
mod shared;
mod snapshot;
mod sync;
mod task;
mod tcp_info;
mod tcp_io;
mod tcp_listener;
mod tcp_options;
mod tcp_socket;
mod tcp_split;
mod tcp_stream;
mod told;
mod udp;
mod udp_datagram;
mod udp_end;
mod udp_options;
mod udp_poll;
mod udp_ready;
mod waiters;

#[cfg(feature = "hickory")]
pub use adapters::{HickoryResolver, HickoryRuntime};
#[cfg(feature = "quinn")]
pub use adapters::{QuinnRuntime, QuinnSocket};
pub use addrs::{Resolve, Resolving, ToSocketAddrs, lookup_host, lookup_host_on};
pub use builder::StackBuilder;
pub use current::Entered;
pub use device;
pub use driver::{DeviceSnapshot, Snapshot};
pub use echo::{Echo, Echoed};
pub use families::both_families;
pub use handle::{Closed, Stack};
pub use record::{Options as RecordOptions, Recorder};
pub use snapshot::Connections;
pub use stack::{
    Cidr, ConnectionInfo, EchoFault, EchoReply, EchoSend, HostConfig, InterfaceId, ListenConfig,
    ListenerInfo, MacAddr, NotACidr,
};
pub use stack::{UdpCounters, UdpDatagram, UdpOptions, UdpPath, UdpSend};
pub use tcp::{
    Congestion, CongestionHabits, ConnectionError, Ecn as TcpEcn, EcnCounts, EcnHabits, EcnMode, EcnOption,
    KeepAlive, SlowStartExit, Standing, State, Status, TcpConfig, congestion,
};
pub use tcp_info::TcpInfo;
pub use tcp_listener::TcpListener;
pub use tcp_socket::TcpSocket;
pub use tcp_split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;
pub use wire::{Ecn, Payload};
