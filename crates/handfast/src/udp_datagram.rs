//! Beyond tokio: datagrams with all that is known of them, and trains of them, without a copy.
//!
//! ```text
//!    UdpSend { data, to, from, ttl, dscp, ecn, segment_size … } ─► send_datagram      segment_size: a train (GSO)
//!    datagram() / train() ─► UdpDatagram { data, from, to, ttl, dscp, ecn, interface, arrived, segment_size … }
//! ```

use crate::UdpSocket;
use crate::shared::{Inner, Side, Socket};
use env::Instant;
use stack::{UdpCounters, UdpDatagram, UdpPath, UdpSend};
use std::io;
use std::net::IpAddr;

impl UdpSocket {
    /// Waits for the next datagram, whole, with everything that is known of it, and without a copy: the address that it
    /// was sent to, its ECN mark, when it arrived.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn datagram(&self) -> io::Result<UdpDatagram> {
        self.wait_in(|host| self.end.receive(host)).await
    }

    /// The same with those that arrived in one train with it, from the same sender and of one size but for the last:
    /// [`UdpDatagram::segment_size`] says where each ends.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub async fn train(&self) -> io::Result<UdpDatagram> {
        self.wait_in(|host| self.end.receive_train(host)).await
    }

    /// Sends a datagram, or a train of them, with its own TTL, ECN mark, source address … as far as `send` says;
    /// gives the octets of data. All of it or nothing, but for a train that has to be fragmented.
    ///
    /// ```
    /// use handfast::{Ecn, Stack, UdpSend, UdpSocket, device::memory};
    /// use std::num::NonZeroU16;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (left, right) = memory::wired(memory::Config::default())?;
    /// # let a = Stack::builder().device(left).address("10.0.0.1/24".parse()?).build()?;
    /// # let b = Stack::builder().device(right).address("10.0.0.2/24".parse()?).build()?;
    /// let server = UdpSocket::bind_on(&a, "0.0.0.0:443").await?;
    /// let client = UdpSocket::bind_on(&b, "0.0.0.0:0").await?;
    /// let train = UdpSend {
    ///     ecn: Some(Ecn::Ect0),
    ///     segment_size: NonZeroU16::new(1200), // three datagrams: 1200, 1200 and 600 octets
    ///     ..UdpSend::to(vec![7; 3000], "10.0.0.1:443".parse()?)
    /// };
    /// assert_eq!(client.send_datagram(train).await?, 3000);
    ///
    /// let first = server.datagram().await?;
    /// assert_eq!((first.data.len(), first.ecn), (1200, Ecn::Ect0));
    /// assert_eq!(first.to, "10.0.0.1:443".parse()?, "which of our addresses it was sent to");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to); `AddrNotAvailable` when `from` is not an address of ours.
    pub async fn send_datagram(&self, send: UdpSend) -> io::Result<usize> {
        let attempt = |inner: &mut Inner, now: Instant| self.end.put_out(inner, now, send.clone());
        self.end.stack.shared().wait_for(Socket::Udp(self.end.id), Side::Write, attempt).await?
    }

    /// What is known of the way to `destination`: the source address, and how large a datagram may be (RFC 1122 §3.4).
    ///
    /// # Errors
    /// `NetworkUnreachable`: there is none.
    pub fn path(&self, destination: IpAddr) -> io::Result<UdpPath> {
        self.end.path(destination)
    }

    /// What the socket has counted.
    ///
    /// # Errors
    /// The stack is gone.
    pub fn counters(&self) -> io::Result<UdpCounters> {
        self.end.look(|host| host.udp_counters(self.end.id))
    }
}
