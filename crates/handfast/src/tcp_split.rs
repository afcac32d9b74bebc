//! The two directions of a connection, apart: both are the same stream, and each has the methods of its side.

use crate::TcpStream;
use bytes::{BufMut, Bytes};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

/// Reads from a stream; made by [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// Writes to a stream; made by [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

/// Reads from a stream that it owns with its other half; made by [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// Writes to a stream that it owns with its other half; made by [`TcpStream::into_split`]. Dropping it sends FIN.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    /// Dropping it sends FIN.
    closes: bool,
}

/// The halves are not of one stream; here they are again.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of one stream")
    }
}

impl std::error::Error for ReuniteError {}

impl<'a> ReadHalf<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self(stream)
    }
}

impl<'a> WriteHalf<'a> {
    pub(crate) fn new(stream: &'a TcpStream) -> Self {
        Self(stream)
    }
}

impl OwnedReadHalf {
    pub(crate) fn new(stream: Arc<TcpStream>) -> Self {
        Self(stream)
    }

    /// The whole stream again.
    ///
    /// # Errors
    /// [`ReuniteError`] when they are halves of two.
    pub fn reunite(self, mut other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.0, &other.stream) {
            return Err(ReuniteError(self, other));
        }
        other.closes = false;
        drop(other);
        // There are two owners, and one is gone.
        Arc::try_unwrap(self.0).map_err(|stream| {
            let write = OwnedWriteHalf::new(Arc::clone(&stream));
            ReuniteError(Self(stream), write)
        })
    }
}

impl OwnedWriteHalf {
    pub(crate) fn new(stream: Arc<TcpStream>) -> Self {
        Self { stream, closes: true }
    }

    /// The whole stream again.
    ///
    /// # Errors
    /// [`ReuniteError`] when they are halves of two.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        other.reunite(self)
    }

    /// Drops it without FIN: our direction stays open until the read half goes, too.
    pub fn forget(mut self) {
        self.closes = false;
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.closes {
            // A stack that is gone sends no FIN, and needs none.
            let _: io::Result<()> = self.stream.shutdown_write();
        }
    }
}

/// What both kinds of half have.
macro_rules! half {
    ($half:ty, $stream:tt) => {
        impl $half {
            /// As [`TcpStream::ready`].
            ///
            /// # Errors
            /// As there.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.$stream.ready(interest).await
            }

            /// Our end.
            ///
            /// # Errors
            /// None; the result is tokio's.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                self.$stream.local_addr()
            }

            /// The other end.
            ///
            /// # Errors
            /// None; the result is tokio's.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                self.$stream.peer_addr()
            }
        }

        impl AsRef<TcpStream> for $half {
            fn as_ref(&self) -> &TcpStream {
                &self.$stream
            }
        }
    };
}

/// What the halves that read have.
macro_rules! read {
    ($half:ty, $stream:tt) => {
        impl $half {
            /// As [`TcpStream::peek`].
            ///
            /// # Errors
            /// As there.
            pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.$stream.peek(buf).await
            }

            /// As [`TcpStream::poll_peek`].
            ///
            /// # Errors
            /// As there.
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.$stream.poll_peek(cx, buf)
            }

            /// As [`TcpStream::readable`].
            ///
            /// # Errors
            /// As there.
            pub async fn readable(&self) -> io::Result<()> {
                self.$stream.readable().await
            }

            /// As [`TcpStream::try_read`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.$stream.try_read(buf)
            }

            /// As [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.$stream.try_read_vectored(bufs)
            }

            /// As [`TcpStream::try_read_buf`].
            ///
            /// # Errors
            /// As there.
            pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
                self.$stream.try_read_buf(buf)
            }

            /// As [`TcpStream::read_chunk`].
            ///
            /// # Errors
            /// As there.
            pub async fn read_chunk(&mut self, max: usize) -> io::Result<Bytes> {
                self.$stream.read_chunk(max).await
            }
        }

        impl AsyncRead for $half {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.$stream.poll_read_shared(context, buffer)
            }
        }
    };
}

/// What the halves that write have.
macro_rules! write {
    ($half:ty, $stream:tt) => {
        impl $half {
            /// As [`TcpStream::writable`].
            ///
            /// # Errors
            /// As there.
            pub async fn writable(&self) -> io::Result<()> {
                self.$stream.writable().await
            }

            /// As [`TcpStream::try_write`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.$stream.try_write(buf)
            }

            /// As [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            /// As there.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.$stream.try_write_vectored(bufs)
            }

            /// As [`TcpStream::write_bytes`].
            ///
            /// # Errors
            /// As there.
            pub async fn write_bytes(&mut self, bytes: Bytes) -> io::Result<()> {
                self.$stream.write_bytes(bytes).await
            }

            /// As [`TcpStream::write_record`].
            ///
            /// # Errors
            /// As there.
            pub async fn write_record(&mut self, record: Bytes) -> io::Result<()> {
                self.$stream.write_record(record).await
            }
        }

        impl AsyncWrite for $half {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                data: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.$stream.poll_write_shared(context, std::iter::once(data))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                parts: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.$stream.poll_write_shared(context, parts.iter().map(|part| &part[..]))
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.$stream.shutdown_write())
            }
        }
    };
}

half!(ReadHalf<'_>, 0);
half!(WriteHalf<'_>, 0);
half!(OwnedReadHalf, 0);
half!(OwnedWriteHalf, stream);
read!(ReadHalf<'_>, 0);
read!(OwnedReadHalf, 0);
write!(WriteHalf<'_>, 0);
write!(OwnedWriteHalf, stream);
