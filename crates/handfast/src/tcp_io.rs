//! Reading and writing a connection other than by tokio's traits: readiness, attempts that never wait, chunks that are
//! never copied.
//!
//! ```text
//!    ready(interest) ─► is anything so? ─► what is
//!                          └ no ─► wait for an event of either side, look again
//!    try_…, poll_…, AsyncRead, AsyncWrite ─► attempt_read / attempt_write, under the lock
//! ```
//!
//! Readiness is not remembered, as tokio has to: it is looked up. So it is never wrong, and what `WouldBlock` has cleared
//! elsewhere is clear here because nothing is there.

use crate::TcpStream;
use crate::shared::{Inner, Side, Socket};
use bytes::{Buf, BufMut, Bytes};
use env::Instant;
use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};
use tcp::{Readiness, ReceiveError, SendFlags};
use tokio::io::{Interest, ReadBuf, Ready};

/// What a user could see change: compared before and after a user's own attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// Levels may come back to what they were; this does not.
    news: u64,
    readiness: Readiness,
    readable: usize,
    room: usize,
}

impl TcpStream {
    /// RECEIVE of at most `room` octets, piece by piece into `sink`.
    ///
    /// No room at all is an attempt, too, as it is for the kernel: it waits until there is something.
    pub(crate) fn attempt_read(
        &self,
        inner: &mut Inner,
        now: Instant,
        room: usize,
        sink: impl FnMut(&[u8]),
    ) -> Poll<io::Result<usize>> {
        if room == 0 {
            return match inner.host().tcp_readiness(self.id) {
                Some(Readiness { error: Some(why), .. }) => {
                    Poll::Ready(self.told.end_of_reading(inner, self.id, why))
                }
                Some(Readiness { readable: false, .. }) => Poll::Pending,
                _ => Poll::Ready(Ok(0)),
            };
        }
        match inner.host().tcp_receive_with(now, self.id, room, sink) {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(why) => self.told.reading(inner, self.id, why),
        }
    }

    fn attempt_peek(&self, inner: &mut Inner, now: Instant, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return self.attempt_read(inner, now, 0, |_| {});
        }
        match inner.host().tcp_peek_into(self.id, buffer) {
            Ok(count) => Poll::Ready(Ok(count)),
            Err(why) => self.told.reading(inner, self.id, why),
        }
    }

    /// SEND of what there is room for of `parts`, one after the other.
    pub(crate) fn attempt_write<'a>(
        &self,
        inner: &mut Inner,
        now: Instant,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        let mut parts = parts.filter(|part| !part.is_empty());
        let (first, second, flags) = (parts.next(), parts.next(), SendFlags::default());
        let host = inner.host();
        let sent = match (first, second) {
            // Copied into memory that the host uses again.
            (Some(only), None) => host.tcp_send_slice(now, self.id, only, flags),
            _ => {
                // One octet though there is no room: the host then says why not, and tells when there is.
                let room = host.tcp_send_room(self.id).max(1);
                let data = copied(first.into_iter().chain(second).chain(parts), room);
                host.tcp_send(now, self.id, data.into(), flags)
            }
        };
        self.told.writing(inner, self.id, sent)
    }

    fn attempt_send(
        &self,
        inner: &mut Inner,
        now: Instant,
        data: Bytes,
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        let sent = inner.host().tcp_send(now, self.id, data.into(), flags);
        self.told.writing(inner, self.id, sent)
    }

    /// Waits for `attempt` to be ready.
    async fn in_time<R>(
        &self,
        side: Side,
        attempt: impl FnMut(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> io::Result<R> {
        self.stack.shared().wait_for(Socket::Stream(self.id), side, attempt).await?
    }

    /// What of `interest` is so.
    fn ready_now(&self, inner: &mut Inner, interest: Interest) -> Ready {
        let Some(is) = inner.host().tcp_readiness(self.id) else { return Ready::EMPTY };
        let error = is.error.is_some() && !self.told.already();
        let all = [
            (Ready::READABLE, is.readable && interest.is_readable()),
            (Ready::READ_CLOSED, is.read_closed && interest.is_readable()),
            (Ready::WRITABLE, is.writable && interest.is_writable()),
            (Ready::WRITE_CLOSED, is.write_closed && interest.is_writable()),
            (Ready::ERROR, error && interest.is_error()),
        ];
        all.into_iter().filter(|(_, so)| *so).fold(Ready::EMPTY, |ready, (one, _)| ready | one)
    }

    /// Waits until something of `interest` is so, and says what. Nothing is taken; what is told may be over when it is
    /// used, so that a `try_` method may still say `WouldBlock`.
    ///
    /// Cancel safe: what is ready stays ready.
    ///
    /// # Errors
    /// The stack is gone.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let attempt = |inner: &mut Inner, _| match self.ready_now(inner, interest) {
            Ready::EMPTY => Poll::Pending,
            ready => Poll::Ready(ready),
        };
        self.stack.shared().wait_for_any(Socket::Stream(self.id), sides(interest), attempt).await
    }

    /// Waits until there is something to read: octets, the end of the stream, or an error.
    ///
    /// Cancel safe: what is ready stays ready.
    ///
    /// # Errors
    /// The stack is gone.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Polls for something to read. Only the task that polled last for reading, by this or another `poll_` method, is
    /// woken.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_for(cx, Side::Read, |inner, _| self.ready_or_pending(inner, Interest::READABLE))
    }

    /// Waits until there is room to write, or writing would fail.
    ///
    /// Cancel safe: what is ready stays ready.
    ///
    /// # Errors
    /// The stack is gone.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Polls for room to write. Only the task that polled last for writing, by this or another `poll_` method, is woken.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_for(cx, Side::Write, |inner, _| self.ready_or_pending(inner, Interest::WRITABLE))
    }

    fn ready_or_pending(&self, inner: &mut Inner, interest: Interest) -> Poll<io::Result<()>> {
        match self.ready_now(inner, interest) {
            Ready::EMPTY => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads what has arrived, without waiting. 0 at the end of the stream, or into a buffer of none.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # use std::io::ErrorKind;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// # let near = TcpStream::connect_on(&stack, "10.0.0.1:7").await?;
    /// # let (far, _) = listener.accept().await?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(near.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// far.try_write(b"now")?;
    /// near.readable().await?;
    /// assert_eq!(near.try_read(&mut buffer)?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `WouldBlock`: nothing has arrived. How the connection was cut.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read_vectored(&mut [IoSliceMut::new(buf)])
    }

    /// Reads what has arrived into several buffers, one after the other, without waiting.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room = bufs.iter().map(|buffer| buffer.len()).sum();
        let mut buffers = bufs.iter_mut().map(|buffer| &mut buffer[..]);
        let mut current: &mut [u8] = &mut [];
        let sink = |mut data: &[u8]| {
            while !data.is_empty() {
                if current.is_empty() {
                    let Some(next) = buffers.next() else { return };
                    current = next;
                }
                let (now, later) = data.split_at(data.len().min(current.len()));
                let (into, rest) = std::mem::take(&mut current).split_at_mut(now.len());
                into.copy_from_slice(now);
                (current, data) = (rest, later);
            }
        };
        self.stack.shared().at_once(|inner, now| self.attempt_read(inner, now, room, sink))
    }

    /// Reads what has arrived into `buf`, which moves on, without waiting. A buffer that can grow does, when it is full.
    ///
    /// # Errors
    /// As [`try_read`](Self::try_read).
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let room = buf.chunk_mut().len();
        self.stack
            .shared()
            .at_once(|inner, now| self.attempt_read(inner, now, room, |data| buf.put_slice(data)))
    }

    /// Writes what there is room for, without waiting, and says how many octets.
    ///
    /// # Errors
    /// `WouldBlock`: there is no room. `BrokenPipe`: nothing can be written any more. How the connection was cut.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.stack.shared().at_once(|inner, now| self.attempt_write(inner, now, std::iter::once(buf)))
    }

    /// Writes what there is room for of several buffers, one after the other, without waiting.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stack
            .shared()
            .at_once(|inner, now| self.attempt_write(inner, now, bufs.iter().map(|part| &part[..])))
    }

    /// Calls `f`, which shall try something on the stream, if it is ready for that.
    ///
    /// # Errors
    /// `WouldBlock`: it is not ready, and `f` was not called. What `f` gives. The stack is gone.
    pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.stack.shared().at_once(|inner, _| self.ready_or_pending(inner, interest))?;
        f()
    }

    /// Calls `f`, which shall try something on the stream, each time that it may be ready for that, until `f` gives
    /// something else than `WouldBlock`.
    ///
    /// # Errors
    /// What `f` gives. The stack is gone.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            // From before the attempt: what comes during it is a change already.
            let before = self.stack.shared().call(|inner, _| self.seen(inner, interest));
            match f() {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            let changed = |inner: &mut Inner, _| match self.seen(inner, interest) == before {
                true => Poll::Pending,
                false => Poll::Ready(()),
            };
            let stream = Socket::Stream(self.id);
            self.stack.shared().wait_for_any(stream, sides(interest), changed).await?;
        }
    }

    fn seen(&self, inner: &mut Inner, interest: Interest) -> Seen {
        let news = inner.news(Socket::Stream(self.id), sides(interest));
        let host = inner.host();
        Seen {
            news,
            readiness: host.tcp_readiness(self.id).unwrap_or_default(),
            readable: host.tcp_status(self.id).map_or(0, |status| status.readable),
            room: host.tcp_send_room(self.id),
        }
    }

    /// Copies what has arrived, as far as `buf` goes, and leaves it to be read; waits until there is something. 0 at the
    /// end of the stream.
    ///
    /// Cancel safe: a peek that was dropped has changed nothing.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.in_time(Side::Read, |inner, now| self.attempt_peek(inner, now, buf)).await
    }

    /// As [`peek`](Self::peek). Only the task that polled last for reading, by this or another `poll_` method, is woken.
    ///
    /// # Errors
    /// As reading.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.poll_for(cx, Side::Read, |inner, now| {
            let there = inner.host().tcp_status(self.id).map_or(0, |status| status.readable);
            let room = buf.remaining().min(there.max(1));
            let outcome = self.attempt_peek(inner, now, buf.initialize_unfilled_to(room));
            outcome.map_ok(|count| {
                buf.advance(count);
                count
            })
        })
    }

    /// What has cut the connection, if the user does not know yet. It counts as told from then on.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stack.shared().call(|inner, _| {
            inner.check()?;
            Ok(self.told.error(inner, self.id))
        })
    }

    /// The next octets as they arrived, at most `max`, without a copy where the stack made none; waits until there are
    /// any. Empty at the end of the stream.
    ///
    /// Cancel safe: nothing is taken by a call that was dropped.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// # let near = TcpStream::connect_on(&stack, "10.0.0.1:7").await?;
    /// # let (far, _) = listener.accept().await?;
    /// near.write_bytes("as it is".into()).await?;
    /// assert_eq!(far.read_chunk(2).await?, "as");
    /// assert_eq!(far.read_chunk(usize::MAX).await?, " it is");
    /// drop(near);
    /// assert!(far.read_chunk(usize::MAX).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As reading.
    pub async fn read_chunk(&self, max: usize) -> io::Result<Bytes> {
        self.in_time(Side::Read, |inner, now| match inner.host().tcp_receive(now, self.id, max) {
            Ok(received) => Poll::Ready(Ok(received.data)),
            Err(ReceiveError::Empty) if max == 0 => Poll::Ready(Ok(Bytes::new())),
            Err(why) => self.told.reading(inner, self.id, why).map_ok(|_| Bytes::new()),
        })
        .await
    }

    /// Writes all of `bytes`, without a copy: they are held until the peer has acknowledged them.
    ///
    /// Not cancel safe, as `write_all` is not: how much was written of `bytes` is not known when the future is dropped.
    /// Where that matters, use [`try_write_bytes`](Self::try_write_bytes).
    ///
    /// # Errors
    /// As writing.
    pub async fn write_bytes(&self, bytes: Bytes) -> io::Result<()> {
        self.write_as(bytes, SendFlags::default()).await
    }

    /// Writes all of `record`, without a copy, and ends a record with it: nothing that is written later goes in the same
    /// segment, nor when it is sent again (MSG_EOR). It is for networks and peers that look at segments; the peer's stream has
    /// no records (RFC 9293 §3.9.1.2), and whoever reads it must find their ends by what they say. Of more than 1,024 ends that
    /// wait to be acknowledged, later ones are not kept.
    ///
    /// Not cancel safe, as [`write_bytes`](Self::write_bytes) is not.
    ///
    /// ```
    /// # use handfast::{Stack, TcpListener, TcpStream, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// # let _listener = TcpListener::bind_on(&stack, "10.0.0.1:7").await?;
    /// let stream = TcpStream::connect_on(&stack, "10.0.0.1:7").await?;
    /// stream.write_record("one segment".into()).await?;
    /// stream.write_record("and another".into()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As writing.
    pub async fn write_record(&self, record: Bytes) -> io::Result<()> {
        // The end is kept with the part that comes to it, however many parts there is room for.
        self.write_as(record, SendFlags { end_of_record: true, ..SendFlags::default() }).await
    }

    async fn write_as(&self, mut bytes: Bytes, flags: SendFlags) -> io::Result<()> {
        while !bytes.is_empty() {
            let attempt = |inner: &mut Inner, now| self.attempt_send(inner, now, bytes.clone(), flags);
            let count = self.in_time(Side::Write, attempt).await?;
            bytes.advance(count);
        }
        Ok(())
    }

    /// Writes what there is room for of `bytes`, without a copy and without waiting; `bytes` moves on.
    ///
    /// # Errors
    /// As [`try_write`](Self::try_write).
    pub fn try_write_bytes(&self, bytes: &mut Bytes) -> io::Result<usize> {
        let attempt =
            |inner: &mut Inner, now| self.attempt_send(inner, now, bytes.clone(), SendFlags::default());
        let count = self.stack.shared().at_once(attempt)?;
        bytes.advance(count);
        Ok(count)
    }
}

/// What to be woken for.
fn sides(interest: Interest) -> &'static [Side] {
    match (interest.is_readable(), interest.is_writable()) {
        (true, false) => Side::Read.alone(),
        (false, true) => Side::Write.alone(),
        _ => Side::BOTH,
    }
}

/// The first `room` octets of `parts`: the one copy of the user's data.
fn copied<'a>(parts: impl Iterator<Item = &'a [u8]>, room: usize) -> Vec<u8> {
    let mut data = Vec::new();
    for part in parts {
        let take = part.len().min(room - data.len());
        data.extend_from_slice(&part[..take]);
        if data.len() == room {
            break;
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::copied;

    #[test]
    fn parts_are_copied_as_far_as_there_is_room() {
        let parts = || [&b"abc"[..], b"", b"defg"].into_iter();
        assert_eq!(copied(parts(), 100), b"abcdefg");
        assert_eq!(copied(parts(), 5), b"abcde");
        assert_eq!(copied(parts(), 3), b"abc");
        assert_eq!(copied([].into_iter(), 3), b"");
    }
}
