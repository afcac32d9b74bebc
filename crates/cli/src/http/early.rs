//! A connection whose answer may come before all of the request has left.
//!
//! ```text
//!   hyper ─ write ─► TcpStream: broken ─► kept, and hyper waits      a server that refuses an upload answers, closes, and
//!         ◄─ read ── what came before ◄───┘                          resets the rest: the answer is what matters
//!         ◄─ read ── nothing more: what was kept is said now
//! ```
//!
//! HTTP asks clients to look for an answer when a write fails (RFC 9112 §9.5); hyper gives up at the first failed write.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose failed writes are told by reads, behind all that came.
pub(super) struct AnswersFirst<S> {
    stream: S,
    failed: Option<io::Error>,
}

impl<S> AnswersFirst<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, failed: None }
    }

    /// Keeps the error of a write, which then waits until a read has told it.
    fn keep<T>(&mut self, context: &Context<'_>, done: io::Result<T>) -> Poll<io::Result<T>> {
        match done {
            Ok(done) => Poll::Ready(Ok(done)),
            Err(why) => {
                self.failed = Some(why);
                // Whoever writes has looked for something to read before, and must look again.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AnswersFirst<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match (&read, self.failed.is_some()) {
            (Poll::Ready(Ok(())), true) if buffer.filled().len() > before => read,
            // How the write failed came first, and says more than an end.
            (Poll::Ready(_), true) => Poll::Ready(self.failed.take().map_or(Ok(()), Err)),
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AnswersFirst<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let done = ready!(Pin::new(&mut self.stream).poll_write(context, octets));
        self.keep(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let done = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, slices));
        self.keep(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return Poll::Pending;
        }
        let done = ready!(Pin::new(&mut self.stream).poll_flush(context));
        self.keep(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Takes some octets, then no more; what is read is there from the beginning.
    struct Refusing {
        takes: usize,
        answer: VecDeque<io::Result<Vec<u8>>>,
    }

    impl AsyncRead for Refusing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(
                self.answer.pop_front().unwrap_or(Ok(Vec::new())).map(|octets| buffer.put_slice(&octets)),
            )
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = octets.len().min(self.takes);
            self.takes -= count;
            Poll::Ready(if count > 0 { Ok(count) } else { Err(io::ErrorKind::ConnectionReset.into()) })
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// What is read after a write that fails.
    fn read_after(answer: Vec<io::Result<Vec<u8>>>) -> (Vec<u8>, io::Result<usize>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut stream = AnswersFirst::new(Refusing { takes: 3, answer: answer.into() });
            stream.write_all(b"req").await.unwrap();
            let mut woken = 0;
            poll_fn(|context| {
                woken += 1;
                assert!(Pin::new(&mut stream).poll_write(context, b"more").is_pending());
                if woken == 2 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let mut octets = Vec::new();
            let end = stream.read_to_end(&mut octets).await;
            (octets, end)
        })
    }

    #[test]
    fn what_was_answered_is_read_before_it_is_told_that_a_write_failed() {
        let (octets, end) = read_after(vec![Ok(b"HTTP/1.1 413".to_vec()), Ok(b" no".to_vec())]);
        assert_eq!(
            (&octets[..], end.unwrap_err().kind()),
            (&b"HTTP/1.1 413 no"[..], io::ErrorKind::ConnectionReset)
        );
    }

    #[test]
    fn without_an_answer_the_write_says_why() {
        let broken = Err(io::ErrorKind::BrokenPipe.into());
        for answer in [vec![], vec![broken]] {
            let (octets, end) = read_after(answer);
            assert_eq!((octets.len(), end.unwrap_err().kind()), (0, io::ErrorKind::ConnectionReset));
        }
    }
}
