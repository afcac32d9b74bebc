//! `tokio::net`, by another name: the same types under the same paths, on the [current stack](crate::Stack::current).
//!
//! ```text
//!   use tokio::net::{TcpListener, TcpStream, UdpSocket};       on the kernel's stack
//!   use handfast::net::{TcpListener, TcpStream, UdpSocket};    on ours
//! ```
//!
//! Names need [`Stack::set_resolver`](crate::Stack::set_resolver) first: tokio asks the system, but the system's name
//! servers are on another network. Without a resolver a name gives `ErrorKind::Unsupported`; addresses and `localhost` work.

pub use crate::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, lookup_host};

/// The halves of a [`TcpStream`].
pub mod tcp {
    pub use crate::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}
