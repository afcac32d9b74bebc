//! `poll_…`: for futures that are written by hand. As with tokio's, of several tasks that poll for the same direction
//! only the last is woken.

use crate::UdpSocket;
use crate::shared::{Inner, STREAM, Side, Socket};
use env::Instant;
use stack::{Host, UdpDatagram, UdpSend};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;
use wire::Payload;

impl UdpSocket {
    /// Waits until [`try_send`](Self::try_send) and its like may succeed.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(cx, |inner, _| match inner.host().udp_has_room(self.end.id) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        })
    }

    /// [`send`](Self::send).
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_out(cx, |inner, now| self.end.put_out(inner, now, UdpSend::new(Payload::copy_of(buf))))
    }

    /// [`send_to`](Self::send_to).
    ///
    /// # Errors
    /// As there.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.poll_out(cx, |inner, now| {
            self.end.put_out(inner, now, UdpSend::to(Payload::copy_of(buf), target))
        })
    }

    /// Waits until [`try_recv`](Self::try_recv) and its like may succeed, or fail.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in(cx, |inner, _| match self.readable_now(inner.host()) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        })
    }

    /// [`recv`](Self::recv).
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_from(cx, buf).map_ok(|_| ())
    }

    /// [`recv_from`](Self::recv_from).
    ///
    /// # Errors
    /// As there.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.poll_datagram(cx).map_ok(|datagram| {
            // Only what will be filled is made ready.
            let room = buf.remaining().min(datagram.data.len());
            let count = datagram.data.copy_to(buf.initialize_unfilled_to(room));
            buf.advance(count);
            datagram.from
        })
    }

    /// [`peek`](Self::peek).
    ///
    /// # Errors
    /// As there.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_peek_from(cx, buf).map_ok(|_| ())
    }

    /// [`peek_from`](Self::peek_from).
    ///
    /// # Errors
    /// As there.
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let peek = |host: &mut Host| {
            let room = buf.remaining().min(host.udp_peek(self.end.id)?.data.len());
            let (count, from) = self.end.copy_next(host, buf.initialize_unfilled_to(room))?;
            buf.advance(count);
            Some(from)
        };
        self.poll_in(cx, |inner, _| self.end.take_in(inner, peek))
    }

    /// [`peek_sender`](Self::peek_sender).
    ///
    /// # Errors
    /// As there.
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_in(cx, |inner, _| self.end.take_in(inner, |host| self.end.next_from(host)))
    }

    /// [`datagram`](Self::datagram).
    ///
    /// # Errors
    /// As there.
    pub fn poll_datagram(&self, cx: &mut Context<'_>) -> Poll<io::Result<UdpDatagram>> {
        self.poll_in(cx, |inner, _| self.end.take_in(inner, |host| self.end.receive(host)))
    }

    /// [`train`](Self::train).
    ///
    /// # Errors
    /// As there.
    pub fn poll_train(&self, cx: &mut Context<'_>) -> Poll<io::Result<UdpDatagram>> {
        self.poll_in(cx, |inner, _| self.end.take_in(inner, |host| self.end.receive_train(host)))
    }

    /// Polls for what arrives.
    pub(crate) fn poll_in<R>(
        &self,
        cx: &Context<'_>,
        attempt: impl FnOnce(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.poll_side(Side::Read, cx, attempt)
    }

    /// Polls for room to send.
    pub(crate) fn poll_out<R>(
        &self,
        cx: &Context<'_>,
        attempt: impl FnOnce(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.poll_side(Side::Write, cx, attempt)
    }

    fn poll_side<R>(
        &self,
        side: Side,
        cx: &Context<'_>,
        attempt: impl FnOnce(&mut Inner, Instant) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.end.stack.shared().call(|inner, now| {
            inner.check()?;
            let done = attempt(inner, now);
            if done.is_pending() {
                inner.wait(Socket::Udp(self.end.id), side, STREAM, cx.waker());
            }
            done
        })
    }
}
