//! Our sockets behind other people's traits, each a feature of its own.
//!
//! ```text
//!    axum       axum::serve::Listener                    for TcpListener
//!    quinn      quinn::{Runtime, AsyncUdpSocket}         QuinnRuntime, QuinnSocket over UdpSocket
//!    hickory    hickory_net::runtime::RuntimeProvider    HickoryRuntime; HickoryResolver asks name servers
//! ```
//!
//! What takes tokio's `AsyncRead` and `AsyncWrite` (hyper, rustls, tungstenite, Redis and Postgres clients) needs none.

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "hickory")]
mod hickory;
#[cfg(feature = "quinn")]
mod quinn;

#[cfg(feature = "hickory")]
pub use hickory::{HickoryResolver, HickoryRuntime};
#[cfg(feature = "quinn")]
pub use quinn::{QuinnRuntime, QuinnSocket};
