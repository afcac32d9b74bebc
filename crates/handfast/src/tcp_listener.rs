//! A port where connections arrive.

use crate::addrs::each_addr;
use crate::error;
use crate::shared::{Side, Socket};
use crate::{ListenConfig, Stack, TcpStream, ToSocketAddrs};
use stack::ListenerId;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

/// Takes connections at a local address. Dropping it closes the port; connections that nobody has accepted are reset.
#[derive(Debug)]
pub struct TcpListener {
    stack: Stack,
    id: ListenerId,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens at `addr`, on the current stack; an unspecified address is all of its IP version, port 0 is chosen.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` (no address of this stack), `NotConnected` (there is no current stack).
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::bind_on(&Stack::current()?, addr).await
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_on<A: ToSocketAddrs>(stack: &Stack, addr: A) -> io::Result<Self> {
        each_addr(stack, addr, |local| Self::bind_with(stack, local, ListenConfig::default())).await
    }

    /// The same with other settings: backlog, SYN queue, cookies, both IP versions at once.
    ///
    /// ```
    /// # use handfast::{ListenConfig, Stack, TcpListener, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let both = ListenConfig { dual_stack: true, backlog: 1024, ..ListenConfig::default() };
    /// let listener = TcpListener::bind_with(&stack, "[::]:80".parse()?, both).await?;
    /// assert_eq!(listener.local_addr()?.port(), 80);
    /// let again = TcpListener::bind_on(&stack, "0.0.0.0:80").await;
    /// assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_with(stack: &Stack, local: SocketAddr, config: ListenConfig) -> io::Result<Self> {
        let (id, local) = stack.shared().call(|inner, now| {
            inner.check()?;
            let id = inner.host().tcp_listen(now, local, config).map_err(error::listen)?;
            Ok::<_, io::Error>((id, inner.host().tcp_listener_addr(id).unwrap_or(local)))
        })?;
        Ok(Self { stack: stack.clone(), id, local })
    }

    /// Waits for the next connection; with its peer's address. May be called by several tasks at once, and dropped at
    /// any time: no connection is lost for it.
    ///
    /// # Errors
    /// The stack is gone. What happens to one connection is told by that connection.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (id, local, peer) = self
            .stack
            .shared()
            .wait_for(Socket::Listener(self.id), Side::Read, |inner, _| {
                match inner.host().tcp_accept(self.id) {
                    Some((id, peer)) => {
                        let local = inner.host().tcp_addrs(id).map_or(self.local, |(local, _)| local);
                        Poll::Ready((id, local, peer))
                    }
                    None => Poll::Pending,
                }
            })
            .await?;
        Ok((TcpStream::new(self.stack.clone(), id, local, peer), peer))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None; the result is tokio's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, now| {
            inner.forget_all(Socket::Listener(self.id));
            inner.host().tcp_unlisten(now, self.id);
        });
    }
}
