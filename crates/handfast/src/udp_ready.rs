//! Now or not at all, and when it is worth trying.

use crate::UdpSocket;
use crate::shared::{Inner, Side, Socket};
use crate::udp::put;
use bytes::BufMut;
use stack::{Host, UdpDatagram, UdpSend};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::io::{Interest, Ready};
use wire::Payload;

impl UdpSocket {
    /// Waits until the socket is ready for any of `interest`, and says for what. That may be out of date when one acts
    /// on it: be prepared for `WouldBlock`. Dropping the future loses nothing.
    ///
    /// ```
    /// # use handfast::{Stack, UdpSocket, device::memory};
    /// # use tokio::io::Interest;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, _right) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// let socket = UdpSocket::bind_on(&stack, "127.0.0.1:7").await?;
    /// let ready = socket.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable() && !ready.is_readable());
    /// assert_eq!(socket.try_send_to(b"hello", socket.local_addr()?)?, 5);
    /// socket.readable().await?;
    /// let mut buffer = [0; 16];
    /// assert_eq!(socket.try_recv(&mut buffer)?, 5);
    /// let empty = socket.try_recv(&mut buffer).unwrap_err();
    /// assert_eq!(empty.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stack is gone.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let mut waiting = Waiting { socket: self, key: None };
        poll_fn(|context| self.poll_ready(interest, &mut waiting.key, context)).await
    }

    fn poll_ready(
        &self,
        interest: Interest,
        key: &mut Option<u64>,
        context: &Context<'_>,
    ) -> Poll<io::Result<Ready>> {
        self.end.stack.shared().call(|inner, _| {
            inner.check()?;
            let ready = self.ready_now(inner.host(), interest);
            if !ready.is_empty() {
                return Poll::Ready(Ok(ready));
            }
            let key = *key.get_or_insert_with(|| inner.new_key());
            for &side in sides(interest) {
                inner.wait(Socket::Udp(self.end.id), side, key, context.waker());
            }
            Poll::Pending
        })
    }

    /// [`ready`](Self::ready) to receive.
    ///
    /// # Errors
    /// As there.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(|_| ())
    }

    /// [`ready`](Self::ready) to send.
    ///
    /// # Errors
    /// As there.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(|_| ())
    }

    /// [`send`](Self::send) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when the device is behind.
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_send_datagram(UdpSend::new(Payload::copy_of(buf)))
    }

    /// [`send_to`](Self::send_to) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when the device is behind.
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.try_send_datagram(UdpSend::to(Payload::copy_of(buf), target))
    }

    /// [`recv`](Self::recv) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.try_recv_from(buf)?.0)
    }

    /// [`recv_from`](Self::recv_from) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.try_datagram()?;
        Ok((datagram.data.copy_to(buf), datagram.from))
    }

    /// [`recv_buf`](Self::recv_buf) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        Ok(self.try_recv_buf_from(buf)?.0)
    }

    /// [`recv_buf_from`](Self::recv_buf_from) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let datagram = self.try_datagram()?;
        Ok((put(buf, &datagram.data), datagram.from))
    }

    /// [`peek`](Self::peek) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(self.try_peek_from(buf)?.0)
    }

    /// [`peek_from`](Self::peek_from) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.try_in(|host| self.end.copy_next(host, buf))
    }

    /// [`peek_sender`](Self::peek_sender) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.try_in(|host| self.end.next_from(host))
    }

    /// [`datagram`](Self::datagram) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_datagram(&self) -> io::Result<UdpDatagram> {
        self.try_in(|host| self.end.receive(host))
    }

    /// [`train`](Self::train) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when there is nothing.
    pub fn try_train(&self) -> io::Result<UdpDatagram> {
        self.try_in(|host| self.end.receive_train(host))
    }

    /// [`send_datagram`](Self::send_datagram) now.
    ///
    /// # Errors
    /// As there; `WouldBlock` when the device is behind.
    pub fn try_send_datagram(&self, send: UdpSend) -> io::Result<usize> {
        self.end.stack.shared().at_once(|inner, now| self.end.put_out(inner, now, send))
    }

    /// Calls `f`, which acts on this socket, if the socket is ready for `interest`.
    ///
    /// # Errors
    /// `WouldBlock` when it is not ready, and what `f` says.
    pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        let ready = self
            .end
            .stack
            .shared()
            .at_once(|inner, _| Poll::Ready(Ok(self.ready_now(inner.host(), interest))))?;
        if ready.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { f() }
    }

    /// Calls `f`, which acts on this socket, as often as it takes: when the socket is ready for `interest`, until it does
    /// not say `WouldBlock`.
    ///
    /// # Errors
    /// What `f` says.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            // From before the attempt: what comes during it is news already.
            let before = self.news(interest);
            match f() {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            // It may want more than there is, or others may have been quicker: until something happens.
            let changed = |inner: &mut Inner, _| match inner.news(Socket::Udp(self.end.id), sides(interest))
                == before
            {
                true => Poll::Pending,
                false => Poll::Ready(()),
            };
            self.end.stack.shared().wait_for_any(Socket::Udp(self.end.id), sides(interest), changed).await?;
        }
    }

    fn news(&self, interest: Interest) -> u64 {
        self.end.stack.shared().call(|inner, _| inner.news(Socket::Udp(self.end.id), sides(interest)))
    }

    fn try_in<R>(&self, take: impl FnOnce(&mut Host) -> Option<R>) -> io::Result<R> {
        self.end.stack.shared().at_once(|inner, _| self.end.take_in(inner, take))
    }

    /// Whether receiving would give a datagram or an error.
    pub(crate) fn readable_now(&self, host: &Host) -> bool {
        host.udp_peek(self.end.id).is_some() || self.end.has_fault(host)
    }

    fn ready_now(&self, host: &Host, interest: Interest) -> Ready {
        let mut ready = Ready::EMPTY;
        if interest.is_readable() && self.readable_now(host) {
            ready |= Ready::READABLE;
        }
        if interest.is_writable() && host.udp_has_room(self.end.id) {
            ready |= Ready::WRITABLE;
        }
        if interest.is_error() && self.end.has_fault(host) {
            ready |= Ready::ERROR;
        }
        ready
    }
}

/// Whose news concern one who is interested so.
fn sides(interest: Interest) -> &'static [Side] {
    match (interest.is_readable() || interest.is_error(), interest.is_writable()) {
        (true, true) => &[Side::Read, Side::Write],
        (true, false) => &[Side::Read],
        (false, true) => &[Side::Write],
        (false, false) => &[],
    }
}

/// A place among those who wait for either side, given up when its future is dropped.
struct Waiting<'a> {
    socket: &'a UdpSocket,
    key: Option<u64>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut inner = self.socket.end.stack.shared().lock();
            for side in [Side::Read, Side::Write] {
                inner.forget(Socket::Udp(self.socket.end.id), side, key);
            }
        }
    }
}
