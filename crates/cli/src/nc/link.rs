//! One connection, or the datagrams of one peer, and the two streams beside it.

use super::Nc;
use crate::net::{Exit, Failure};
use handfast::{TcpStream, UdpSocket};
use std::cell::Cell;
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// Octets read at once.
const CHUNK: usize = 256 << 10;
/// Octets of input in one datagram.
const DATAGRAM: usize = 16 << 10;

/// What passed, and when the last of it did.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) sent: Cell<u64>,
    pub(super) received: Cell<u64>,
    last: Cell<Instant>,
}

impl Default for Totals {
    fn default() -> Self {
        Self { sent: Cell::new(0), received: Cell::new(0), last: Cell::new(Instant::now()) }
    }
}

impl Totals {
    fn sent(&self, octets: usize) {
        self.sent.set(self.sent.get() + octets as u64);
        self.last.set(Instant::now());
    }

    fn received(&self, octets: usize) {
        self.received.set(self.received.get() + octets as u64);
        self.last.set(Instant::now());
    }

    /// Returns when nothing has passed for `limit`.
    async fn idle(&self, limit: Duration) {
        loop {
            let Some(until) = self.last.get().checked_add(limit) else { return std::future::pending().await };
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

impl Nc<'_> {
    /// Carries a connection to its end.
    pub(super) async fn stream(&mut self, mut stream: TcpStream, totals: &Totals) -> anyhow::Result<()> {
        stream.set_nodelay(true).map_err(|why| Failure::broken("cannot send", &why))?;
        totals.last.set(Instant::now());
        let limit = self.limit();
        let (input, output, half_close) = (&mut self.input, &self.output, self.args.half_close);
        let (mut read, mut write) = stream.split();
        let peer_closed = Cell::new(false);
        let sending = async {
            while let Some(chunk) = input.recv().await {
                let chunk = chunk.map_err(|why| anyhow::anyhow!("cannot read standard input: {why}"))?;
                write.write_all(&chunk).await.map_err(|why| Failure::broken("the connection broke", &why))?;
                totals.sent(chunk.len());
            }
            if half_close {
                write.shutdown().await.map_err(|why| Failure::broken("the connection broke", &why))?;
            }
            anyhow::Ok(())
        };
        let receiving = async {
            let mut buffer = vec![0; CHUNK];
            loop {
                let count = read.read(&mut buffer).await;
                match count.map_err(|why| Failure::broken("the connection broke", &why))? {
                    0 => {
                        peer_closed.set(true);
                        return anyhow::Ok(true);
                    }
                    count => {
                        totals.received(count);
                        if !output.put(buffer[..count].to_vec().into()).await {
                            return Ok(false);
                        }
                    }
                }
            }
        };
        let (mut sending, mut receiving) = (std::pin::pin!(sending), std::pin::pin!(receiving));
        let mut all_sent = false;
        loop {
            tokio::select! {
                sent = &mut sending, if !all_sent => {
                    sent?;
                    all_sent = true;
                }
                received = &mut receiving => {
                    if received? && !all_sent && !io::stdin().is_terminal() {
                        // It has closed its half. Ours is still wanted, as far as anybody can know.
                        tokio::select! {
                            sent = &mut sending => sent?,
                            () = totals.idle(limit) => {}
                        }
                    }
                    break;
                }
                () = totals.idle(limit) => {
                    let seconds = limit.as_secs();
                    return Err(Failure::error(Exit::TimedOut, format!("nothing passed for {seconds} s")));
                }
            }
        }
        Ok(())
    }

    /// The same for the datagrams of one peer, of which the `first` has come already.
    pub(super) async fn datagrams(
        &mut self,
        socket: &UdpSocket,
        first: Option<Vec<u8>>,
        totals: &Totals,
    ) -> anyhow::Result<()> {
        totals.last.set(Instant::now());
        let limit = self.limit();
        let (input, output, half_close) = (&mut self.input, &self.output, self.args.half_close);
        if let Some(first) = first {
            totals.received(first.len());
            output.put(first.into()).await;
        }
        let cannot = |why| Failure::broken("cannot send", &why);
        let sending = async {
            while let Some(chunk) = input.recv().await {
                let chunk = chunk.map_err(|why| anyhow::anyhow!("cannot read standard input: {why}"))?;
                for part in chunk.chunks(DATAGRAM) {
                    socket.send(part).await.map_err(cannot)?;
                    totals.sent(part.len());
                }
            }
            if half_close {
                return Ok(());
            }
            std::future::pending::<anyhow::Result<()>>().await
        };
        let receiving = async {
            loop {
                let datagram =
                    socket.datagram().await.map_err(|why| Failure::broken("cannot receive", &why))?;
                totals.received(datagram.data.len());
                if !output.put(datagram.data.contiguous().to_vec().into()).await {
                    return anyhow::Ok(());
                }
            }
        };
        tokio::select! {
            sent = sending => sent?,
            received = receiving => received?,
            // That is how datagrams end.
            () = totals.idle(limit) => {}
        }
        Ok(())
    }
}
