//! QUIC over our UDP: quinn's `Runtime` and `AsyncUdpSocket`.
//!
//! ```text
//!    quinn ─ Transmit { contents, segment_size, ecn, src_ip } ─► one train ─► host          (GSO)
//!    quinn ◄─ buffer + RecvMeta { stride, ecn, dst_ip } ◄────── one train ◄─ host          (GRO)
//! ```
//!
//! Datagrams are never fragmented (RFC 9000 §14), so quinn probes for the path MTU: what does not fit is a lost probe.

use crate::shared::{Side, Socket};
use crate::udp_end::UdpEnd;
use crate::{Ecn, Payload, UdpSend, UdpSocket};
use ::quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use ::quinn::{AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Runtime, ServerConfig, UdpPoller};
use stack::{Host, UdpError};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::time::Sleep;

/// Timers and tasks for quinn: tokio's.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuinnRuntime;

impl QuinnRuntime {
    /// An endpoint on `socket`: a server when there is a `server` configuration.
    ///
    /// ```
    /// use handfast::{QuinnRuntime, Stack, UdpSocket, device::memory};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (device, _other_end) = memory::wired(memory::Config::default())?;
    /// # let stack = Stack::builder().device(device).address("10.0.0.1/24".parse()?).build()?;
    /// let socket = UdpSocket::bind_on(&stack, "0.0.0.0:0").await?;
    /// let client = QuinnRuntime::endpoint(socket, quinn::EndpointConfig::default(), None)?;
    /// assert_ne!(client.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The stack is gone.
    pub fn endpoint(
        socket: UdpSocket,
        config: EndpointConfig,
        server: Option<ServerConfig>,
    ) -> io::Result<Endpoint> {
        let socket = Arc::new(QuinnSocket::new(socket)?);
        Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(Self))
    }
}

impl Runtime for QuinnRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        Box::pin(Timer(Box::pin(tokio::time::sleep_until(at.into()))))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(future);
    }

    /// `Unsupported`: a socket of the kernel's is on another network. [`QuinnRuntime::endpoint`] takes one of ours.
    fn wrap_udp_socket(&self, _: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let why = "a socket of the kernel's is on another network than the stack's";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[derive(Debug)]
struct Timer(Pin<Box<Sleep>>);

impl AsyncTimer for Timer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.0.as_mut().reset(at.into());
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

/// A [`UdpSocket`] as quinn wants it.
#[derive(Debug)]
pub struct QuinnSocket(UdpSocket);

impl QuinnSocket {
    /// Takes a socket that is bound and not connected. From now on it does not fragment.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.options(|options| options.dont_fragment = true)?;
        Ok(Self(socket))
    }

    fn send(&self, host: &mut Host, now: env::Instant, send: UdpSend) -> io::Result<()> {
        match self.0.end.hand_over(host, now, send) {
            Ok(()) => Ok(()),
            Err(UdpError::Full) => Err(io::ErrorKind::WouldBlock.into()),
            Err(why @ UdpError::NoSocket) => Err(io::Error::new(io::ErrorKind::NotConnected, why)),
            // Lost before it left, as it might be on the way: a probe that is too large, a path that is down. An error
            // would end the connection, which outlives such things.
            Err(_) => Ok(()),
        }
    }
}

/// The octets of a train that any destination takes: RFC 768 over IPv4.
const TRAIN: usize = 65_507;
/// Datagrams of a train, as Linux has it.
const SEGMENTS: usize = 64;

impl AsyncUdpSocket for QuinnSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Poller { socket: self, key: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let size = transmit.segment_size.and_then(|size| NonZeroU16::new(u16::try_from(size).ok()?));
        let one = size.map_or(TRAIN, |size| size.get().into());
        self.0.end.stack.shared().call(|inner, now| {
            inner.check()?;
            // More than one train only with an MTU near the largest there is.
            for part in transmit.contents.chunks((TRAIN / one).max(1) * one) {
                let send = UdpSend {
                    from: transmit.src_ip,
                    ecn: transmit.ecn.map(|ecn| Ecn::from_bits(ecn as u8)),
                    segment_size: size,
                    ..UdpSend::to(Payload::copy_of(part), transmit.destination)
                };
                self.send(inner.host(), now, send)?;
            }
            Ok(())
        })
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_in(context, |inner, _| {
            let host = inner.host();
            // QUIC finds out by itself whether its peer is there: an ICMP error may be forged (RFC 9000 §21.2), and quinn
            // takes an error for the end of its endpoint.
            while host.udp_take_fault(self.0.end.id).is_some() {}
            let mut filled = 0;
            for (buf, meta) in bufs.iter_mut().zip(meta) {
                let Some(received) = receive(host, &self.0, buf) else { break };
                *meta = received;
                filled += 1;
            }
            if filled == 0 { Poll::Pending } else { Poll::Ready(Ok(filled)) }
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        SEGMENTS
    }

    fn max_receive_segments(&self) -> usize {
        SEGMENTS
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// Takes the next train, or of one that is too large for `buf` its next datagram.
fn receive(host: &mut Host, socket: &UdpSocket, buf: &mut [u8]) -> Option<RecvMeta> {
    let whole = host.udp_peek(socket.end.id)?.data.len() <= buf.len();
    let taken = if whole { socket.end.receive_train(host) } else { socket.end.receive(host) }?;
    let len = taken.data.copy_to(buf);
    Some(RecvMeta {
        addr: taken.from,
        len,
        stride: taken.segment_size.map_or(len, |size| len.min(size.get().into())),
        ecn: EcnCodepoint::from_bits(taken.ecn.bits()),
        dst_ip: Some(taken.to.ip()),
    })
}

/// One of those who wait for room: each connection has its own.
struct Poller {
    socket: Arc<QuinnSocket>,
    key: Option<u64>,
}

impl UdpPoller for Poller {
    fn poll_writable(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { socket, key } = &mut *self;
        let UdpEnd { stack, id, .. } = &socket.0.end;
        stack.shared().call(|inner, _| {
            inner.check()?;
            if inner.host().udp_has_room(*id) {
                return Poll::Ready(Ok(()));
            }
            let key = *key.get_or_insert_with(|| inner.new_key());
            inner.wait(Socket::Udp(*id), Side::Write, key, context.waker());
            Poll::Pending
        })
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let UdpEnd { stack, id, .. } = &self.socket.0.end;
            stack.shared().lock().forget(Socket::Udp(*id), Side::Write, key);
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stack;
    use device::{Capabilities, memory};
    use std::future::poll_fn;

    /// What quinn is given when it reads into buffers of `room` octets.
    async fn read(socket: &QuinnSocket, room: usize) -> Vec<(usize, usize, Option<EcnCodepoint>)> {
        let (mut one, mut two, mut three) = (vec![0; room], vec![0; room], vec![0; room]);
        let mut meta = [RecvMeta::default(); 3];
        let count = poll_fn(|context| {
            let mut bufs = [&mut one[..], &mut two[..], &mut three[..]].map(IoSliceMut::new);
            socket.poll_recv(context, &mut bufs, &mut meta)
        })
        .await
        .unwrap();
        meta[..count].iter().map(|meta| (meta.len, meta.stride, meta.ecn)).collect()
    }

    #[tokio::test]
    async fn trains_go_down_and_come_up_whole_or_in_parts_that_fit() {
        let capabilities = Capabilities { segmentation: true, checksum: true, ..Capabilities::default() };
        let (left, right) =
            memory::wired(memory::Config { capabilities, ..memory::Config::default() }).unwrap();
        let a = Stack::builder().device(left).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
        let b = Stack::builder().device(right).address("10.0.0.2/24".parse().unwrap()).build().unwrap();
        let here = QuinnSocket::new(UdpSocket::bind_on(&a, "10.0.0.1:443").await.unwrap()).unwrap();
        let there = QuinnSocket::new(UdpSocket::bind_on(&b, "10.0.0.2:443").await.unwrap()).unwrap();
        let transmit = Transmit {
            destination: "10.0.0.2:443".parse().unwrap(),
            ecn: Some(EcnCodepoint::Ect0),
            contents: &[7; 3000],
            segment_size: Some(1200),
            src_ip: None,
        };
        here.try_send(&transmit).unwrap();
        assert_eq!(read(&there, 65_535).await, [(3000, 1200, Some(EcnCodepoint::Ect0))]);
        here.try_send(&transmit).unwrap();
        let each = |len| (len, len, Some(EcnCodepoint::Ect0));
        assert_eq!(read(&there, 1500).await, [each(1200), each(1200), each(600)]);
        // What the path does not take is a lost probe, and no error.
        here.try_send(&Transmit { contents: &[7; 1473], segment_size: None, ..transmit }).unwrap();
        here.try_send(&Transmit { contents: &[7; 1472], segment_size: None, ..transmit }).unwrap();
        assert_eq!(read(&there, 65_535).await, [each(1472)]);
    }
}
