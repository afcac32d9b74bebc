//! axum serves on our listener: `axum::serve(listener, router)`.

use crate::{TcpListener, TcpStream};
use ::axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What failed may be over after that: axum waits as long on tokio's listener.
const RETRY: Duration = Duration::from_secs(1);

impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    /// The next connection. The trait has no way to say that there will be none; a connection that failed before it was
    /// accepted is passed over, and anything else is tried again each second: a server is ended by its graceful shutdown.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match Self::accept(self).await {
                Ok(accepted) => return accepted,
                Err(why) => match why.kind() {
                    io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionReset => {}
                    _ => tokio::time::sleep(RETRY).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Self::local_addr(self)
    }
}
