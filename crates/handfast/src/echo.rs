//! Ping: echo requests and what comes of them.

use crate::shared::{Inner, Side, Socket};
use crate::{EchoFault, EchoReply, EchoSend, Stack};
use env::Instant;
use stack::{EchoError, EchoId, SendFailure};
use std::io;
use std::task::Poll;

/// Asks other hosts whether they are there (RFC 792, RFC 4443 §4). tokio has nothing like it.
///
/// ```
/// # use handfast::{Echo, Echoed, EchoSend, Stack, device::memory};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (left, right) = memory::wired(memory::Config::default())?;
/// # let _there = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
/// # let here = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
/// let echo = Echo::open_on(&here)?;
/// let sent = echo.send(EchoSend::new("10.0.0.1".parse()?, 1, b"hello".to_vec()))?;
/// let Echoed::Reply(reply) = echo.recv().await? else { panic!("nobody is there") };
/// assert_eq!((reply.sequence, &*reply.data.contiguous()), (1, &b"hello"[..]));
/// println!("{:?}", reply.arrived.since(sent));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Echo {
    stack: Stack,
    id: EchoId,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echoed {
    /// Somebody answered. It is not checked against the requests: a late one, a second one and one that carries other
    /// data are for the user to see.
    Reply(EchoReply),
    /// A host on the way, or the one at its end, says that it did not arrive.
    Fault(EchoFault),
}

impl Echo {
    /// Opens a socket with an identifier of its own, on the current stack.
    ///
    /// # Errors
    /// `NotConnected` (there is no current stack), `OutOfMemory`, `AddrInUse` (65,536 sockets are open).
    pub fn open() -> io::Result<Self> {
        Self::open_on(&Stack::current()?)
    }

    /// The same on `stack`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(stack: &Stack) -> io::Result<Self> {
        let id = stack.shared().call(|inner, _| {
            inner.check()?;
            inner.host().echo_open().map_err(failed)
        })?;
        Ok(Self { stack: stack.clone(), id })
    }

    /// Sends a request; gives the instant from which its round trip is counted, to [`EchoReply::arrived`].
    ///
    /// # Errors
    /// `NetworkUnreachable`, `AddrNotAvailable` (no address of ours fits), `InvalidInput` (too long, or longer than the
    /// path takes in one piece), `WouldBlock` (the device is behind). Nothing was sent then.
    pub fn send(&self, send: EchoSend) -> io::Result<Instant> {
        self.stack.shared().call(|inner, now| {
            inner.check()?;
            inner.host().echo_send(now, self.id, send).map_err(failed)?;
            Ok(now)
        })
    }

    /// Waits for the next reply or error. To drop the future loses nothing.
    ///
    /// # Errors
    /// The stack is gone.
    pub async fn recv(&self) -> io::Result<Echoed> {
        let attempt = |inner: &mut Inner, _| {
            let host = inner.host();
            let fault = host.echo_take_fault(self.id).map(Echoed::Fault);
            fault.or_else(|| host.echo_receive(self.id).map(Echoed::Reply)).map_or(Poll::Pending, Poll::Ready)
        };
        self.stack.shared().wait_for(Socket::Echo(self.id), Side::Read, attempt).await
    }

    /// The identifier in the socket's requests.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn identifier(&self) -> io::Result<u16> {
        let known = self.stack.shared().look(|host| host.echo_identifier(self.id));
        known.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

fn failed(why: EchoError) -> io::Error {
    let kind = match why {
        EchoError::NoSocket => io::ErrorKind::NotConnected,
        EchoError::NoIdentifier => io::ErrorKind::AddrInUse,
        EchoError::NoMemory => io::ErrorKind::OutOfMemory,
        EchoError::Send(SendFailure::NoRoute | SendFailure::Down) => io::ErrorKind::NetworkUnreachable,
        EchoError::Send(SendFailure::NoSource) => io::ErrorKind::AddrNotAvailable,
        EchoError::Send(SendFailure::QueueFull) => io::ErrorKind::WouldBlock,
        EchoError::Send(_) => io::ErrorKind::InvalidInput,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, why)
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stack.shared().call(|inner, _| {
            inner.forget_all(Socket::Echo(self.id));
            inner.host().echo_close(self.id);
        });
    }
}
