//! The stream under hyper, seen from beside it: how much the server has acknowledged, and how the stream is to end.
//!
//! ```text
//!   hyper ─► AnswersFirst ─► Shared ─► TcpStream
//!                                       ▲ Line: acknowledged, cut
//! ```

use handfast::TcpStream;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The stream that is in use, if one is. It doesn't keep it.
#[derive(Debug, Default)]
pub(super) struct Line(RefCell<Weak<RefCell<TcpStream>>>);

impl Line {
    /// From now on this is the stream.
    pub(super) fn over(&self, stream: TcpStream) -> Shared {
        let stream = Rc::new(RefCell::new(stream));
        *self.0.borrow_mut() = Rc::downgrade(&stream);
        Shared(stream)
    }

    /// Octets that the peer has acknowledged; none where there is no stream.
    pub(super) fn acknowledged(&self) -> u64 {
        let stream = self.0.borrow().upgrade();
        stream.and_then(|stream| stream.borrow().info().ok()).map_or(0, |info| info.octets_acknowledged)
    }

    /// The stream is to end by RST: by a FIN the peer would take what it has for the whole (RFC 9293 §3.10.5).
    pub(super) fn cut(&self) {
        if let Some(stream) = self.0.borrow().upgrade() {
            // It fails when the stack is gone, and the connection with it.
            let _ = stream.borrow().set_zero_linger();
        }
    }
}

/// The stream, as hyper has it.
pub(super) struct Shared(Rc<RefCell<TcpStream>>);

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(context, buffer)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(context, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(context)
    }
}
