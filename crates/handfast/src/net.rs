//! `tokio::net`, by another name: the same types under the same paths, on the [current stack](crate::Stack::current).
//!
//! ```text
//!   use tokio::net::{TcpListener, TcpStream, UdpSocket};       on the kernel's stack
//!   use handfast::net::{TcpListener, TcpStream, UdpSocket};    on ours
//! ```

pub use crate::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, UdpSocket, lookup_host};

/// The halves of a [`TcpStream`].
pub mod tcp {
    pub use crate::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
}
