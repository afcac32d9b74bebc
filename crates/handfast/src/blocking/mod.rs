//! Sockets for programs without a runtime, by the names and contracts of `std::net`.
//!
//! ```text
//!   call ─► lock ─► Host ─► ready? ─ yes ─► done
//!                             └ no ─► non-blocking: WouldBlock; else the thread parks until its waker unparks it
//! ```
//!
//! They are the same sockets as the asynchronous ones, on the same stacks: one end of a program may be asynchronous and
//! another not. A stack for them is built outside of a runtime, or by
//! [`build_on_thread`](crate::StackBuilder::build_on_thread). A program changes `use std::net::…` into
//! `use handfast::blocking::…`, and makes a stack the current one:
//!
//! ```
//! use handfast::blocking::{TcpListener, TcpStream};
//! use std::io::{Read, Write};
//! # use handfast::{Stack, device::memory};
//! # let (device, _other_end) = memory::wired(memory::Config::default())?;
//! let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build_on_thread()?;
//! stack.install();
//! let listener = TcpListener::bind("10.0.0.1:80")?;
//! let server = std::thread::spawn(move || {
//!     let (mut stream, _peer) = listener.accept()?;
//!     let mut question = String::new();
//!     stream.read_to_string(&mut question)?; // until the client's FIN
//!     stream.write_all(format!("you said: {question}").as_bytes())
//! });
//! let mut stream = TcpStream::connect("10.0.0.1:80")?;
//! stream.write_all(b"hello")?;
//! stream.shutdown(std::net::Shutdown::Write)?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert_eq!(answer, "you said: hello");
//! server.join().unwrap()?;
//! # Stack::uninstall();
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! What differs from the system's sockets: names are looked up by the stack's [resolver](crate::Stack::set_resolver);
//! there is no descriptor, so there is no `AsFd`; a time-out that ends a call is `WouldBlock`, as on Linux.

mod tcp_listener;
mod tcp_stream;
mod udp;

pub use tcp_listener::{Incoming, IntoIncoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;

use crate::park::block_on_until;
use crate::shared::{Inner, Shared, Side, Socket};
use env::Instant;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

/// How the calls of a socket, and of all that were cloned from it, wait.
#[derive(Debug, Default)]
struct Patience {
    nonblocking: AtomicBool,
    /// Nanoseconds; 0 is for as long as it takes.
    read: AtomicU64,
    write: AtomicU64,
}

impl Patience {
    fn set_nonblocking(&self, on: bool) {
        self.nonblocking.store(on, Ordering::Relaxed);
    }

    fn of(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Read => &self.read,
            Side::Write => &self.write,
        }
    }

    /// # Errors
    /// `InvalidInput`: no time at all, as the standard library has it.
    fn set(&self, side: Side, limit: Option<Duration>) -> io::Result<()> {
        if limit == Some(Duration::ZERO) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        let nanos = limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.of(side).store(nanos, Ordering::Relaxed);
        Ok(())
    }

    fn get(&self, side: Side) -> Option<Duration> {
        let nanos = self.of(side).load(Ordering::Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }

    /// Tries until `attempt` is ready, for as long as there is patience.
    fn wait<R>(
        &self,
        shared: &Shared,
        socket: Socket,
        side: Side,
        mut attempt: impl FnMut(&mut Inner, Instant) -> Poll<R>,
    ) -> io::Result<R> {
        let first = shared.call(|inner, now| {
            inner.check()?;
            Ok::<_, io::Error>(attempt(inner, now))
        })?;
        if let Poll::Ready(done) = first {
            return Ok(done);
        }
        if self.nonblocking.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // A time beyond what the clock can tell is for ever.
        let deadline = self.get(side).and_then(|limit| std::time::Instant::now().checked_add(limit));
        block_on_until(shared.wait_for(socket, side, attempt), deadline)
            .unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }
}

#[cfg(test)]
mod tests;
