//! What a user is told of how a connection opened or was cut: once, as the kernel does, whichever face it uses.
//!
//! ```text
//!   first to ask, by reading or writing ─► ConnectionReset, TimedOut …
//!   later                               ─► reading: 0 (the end)   writing: BrokenPipe
//!   everything was read, the peer's FIN too, and then it was cut ─► reading: 0, as nothing was lost
//! ```

use crate::error;
use crate::shared::Inner;
use env::Instant;
use stack::ConnectionId;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tcp::{ConnectionError, ReceiveError, SendError, State};

/// Whether the user of a connection knows how it was cut.
#[derive(Debug, Default)]
pub(crate) struct Told(AtomicBool);

impl Told {
    /// Whether it was told.
    pub(crate) fn already(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// It is told now: whether for the first time.
    fn first(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Why RECEIVE gave nothing, as a reader is told.
    pub(crate) fn reading(
        &self,
        inner: &mut Inner,
        id: ConnectionId,
        why: ReceiveError,
    ) -> Poll<io::Result<usize>> {
        match why {
            ReceiveError::Empty => Poll::Pending,
            ReceiveError::Finished => Poll::Ready(Ok(0)),
            ReceiveError::Closed(why) => Poll::Ready(self.end_of_reading(inner, id, why)),
            _ => Poll::Ready(Err(io::Error::other(why))),
        }
    }

    /// The connection was cut: told once, and not at all where nothing was lost for it.
    pub(crate) fn end_of_reading(
        &self,
        inner: &mut Inner,
        id: ConnectionId,
        why: ConnectionError,
    ) -> io::Result<usize> {
        if is_finished(inner, id) || !self.first() { Ok(0) } else { Err(error::ended(why)) }
    }

    /// What SEND came to, as a writer is told.
    pub(crate) fn writing(
        &self,
        inner: &mut Inner,
        id: ConnectionId,
        sent: Result<usize, SendError>,
    ) -> Poll<io::Result<usize>> {
        let cut = match sent {
            Ok(count) => return Poll::Ready(Ok(count)),
            Err(SendError::Full) => return Poll::Pending,
            Err(SendError::Closed(Some(why))) => self.end_of_writing(inner, id, why),
            Err(_) => None,
        };
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, SendError::Closing);
        Poll::Ready(Err(cut.unwrap_or_else(gone)))
    }

    /// How the connection was cut, as a writer is told; once.
    pub(crate) fn end_of_writing(
        &self,
        inner: &mut Inner,
        id: ConnectionId,
        why: ConnectionError,
    ) -> Option<io::Error> {
        if !self.first() {
            return None;
        }
        // The peer had closed both directions, and tells it as best it can.
        let hung_up = why == ConnectionError::Reset && is_finished(inner, id);
        Some(if hung_up { io::ErrorKind::BrokenPipe.into() } else { error::ended(why) })
    }

    /// What has cut the connection, if the user does not know yet.
    pub(crate) fn error(&self, inner: &mut Inner, id: ConnectionId) -> Option<io::Error> {
        let cut = inner.host().tcp_readiness(id).and_then(|readiness| readiness.error)?;
        self.end_of_writing(inner, id, cut)
    }
}

fn is_finished(inner: &mut Inner, id: ConnectionId) -> bool {
    inner.host().tcp_readiness(id).is_some_and(|readiness| readiness.finished)
}

/// Whether the handshake that we began is over, and how.
pub(crate) fn opened(inner: &mut Inner, now: Instant, id: ConnectionId) -> Poll<io::Result<()>> {
    match inner.host().tcp_state(id) {
        // TCP itself goes on asking (RFC 9293 MUST-56). We are the user, whom it tells (SHLD-25), and give up, as users
        // of the kernel do (RFC 5461 §4.1).
        State::SynSent | State::SynReceived => match inner.host().tcp_soft_error(id) {
            Some(told) => Poll::Ready(Err(error::soft(told))),
            None => Poll::Pending,
        },
        State::Closed => {
            let why = inner.host().tcp_receive_into(now, id, &mut []).err();
            let ended = match why {
                Some(ReceiveError::Closed(why)) => error::ended(why),
                _ => io::ErrorKind::NotConnected.into(),
            };
            Poll::Ready(Err(ended))
        }
        _ => Poll::Ready(Ok(())),
    }
}
