//! A congestion control of one's own: TCP Vegas, as a toy, in this one file.
//!
//! ```text
//!   cwnd │      ╭─────────────  where about three segments wait in the queue, and no more
//!        │    ╱                 expected = cwnd / least round trip
//!        │  ╱                   actual   = cwnd / this round's
//!        └──────────► rounds    waiting  = (expected − actual) · least round trip
//! ```
//!
//! A loss says that a queue has overflowed. Vegas looks at round trips instead, and keeps the queue short: it is what one
//! wants alone on a path, and loses against anybody who fills the queue.
//!
//! What it takes: a type that is a `CongestionControl`, a `Controller` that names it, and `Congestion::Custom`. A controller
//! sees values only: what was delivered, what is lost, when. What is lost, and sending it again, is not its business.

use anyhow::{Result, ensure};
use handfast::congestion::{AckSample, CongestionControl, Controller, Instant, Reduction, Repair, Start};
use handfast::{Congestion, Stack, TcpListener, TcpSocket};
use handfast_examples::{SERVER, two};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// To be given to `TcpConfig::congestion`, or to `TcpSocket::set_congestion`, as `Congestion::Custom(&VEGAS)`.
pub(crate) static VEGAS: Controller = Controller { name: "vegas", new: |start| Box::new(Vegas::new(start)) };

/// Fewer segments than this in the queue, and there is room: α.
const FEW: u64 = 2;
/// More than this, and it grows too long: β.
const MANY: u64 = 4;

#[derive(Clone, Debug)]
struct Vegas {
    /// All counts are octets.
    cwnd: u32,
    ssthresh: u32,
    segment: u32,
    initial: u32,
    /// The least round trip ever: the path with nothing in its queue.
    base: Duration,
    /// The least one of this round.
    least: Duration,
    /// What was delivered in all, and what will have been when the round is over.
    delivered: u64,
    round_end: u64,
    /// Window and threshold before the last reduction, which may turn out to have been a mistake.
    before: Option<(u32, u32)>,
}

impl Vegas {
    fn new(start: &Start) -> Self {
        Self {
            cwnd: start.initial,
            ssthresh: u32::MAX,
            segment: start.segment_size,
            initial: start.initial,
            base: start.round_trip.unwrap_or(Duration::MAX),
            least: Duration::MAX,
            delivered: 0,
            round_end: 0,
            before: None,
        }
    }

    /// Octets of ours that wait in the queue: what the window holds beyond what a path with no queue would.
    fn waiting(&self) -> u64 {
        let (base, least) = (self.base.as_nanos().max(1), self.least.as_nanos().max(1));
        let octets = u128::from(self.cwnd) * least.saturating_sub(base) / least;
        u64::try_from(octets).unwrap_or(u64::MAX)
    }

    /// Once a round: a segment more, a segment less, or neither.
    fn end_round(&mut self, window_limited: bool) {
        let (waiting, segment) = (self.waiting(), u64::from(self.segment));
        let slow_start = self.cwnd < self.ssthresh;
        if slow_start && waiting > segment {
            // The path is full. What is too much by now goes at once.
            self.cwnd -= u32::try_from(waiting).unwrap_or(u32::MAX).min(self.cwnd / 2);
            self.ssthresh = self.cwnd;
        } else if waiting > MANY * segment {
            self.cwnd = self.cwnd.saturating_sub(self.segment);
        } else if !slow_start && waiting < FEW * segment && window_limited {
            self.cwnd = self.cwnd.saturating_add(self.segment);
        }
        self.cwnd = self.cwnd.max(2 * self.segment);
        self.least = Duration::MAX;
    }
}

impl CongestionControl for Vegas {
    fn on_ack(&mut self, sample: &AckSample) {
        if let Some(round_trip) = sample.round_trip {
            self.base = self.base.min(round_trip);
            self.least = self.least.min(round_trip);
        }
        self.delivered += u64::from(sample.delivered);
        if sample.repair == Repair::Recovery {
            return; // The window is the recovery's business.
        }
        if self.cwnd < self.ssthresh && sample.window_limited {
            // Half as fast as others do, so that each round can be judged by the round trips of the last.
            self.cwnd = self.cwnd.saturating_add(sample.delivered / 2);
        }
        if self.delivered >= self.round_end && self.least != Duration::MAX {
            self.end_round(sample.window_limited);
            self.round_end = self.delivered + u64::from(sample.in_flight);
        }
    }

    fn on_congestion(&mut self, _now: Instant, _in_flight: u32, reduction: Reduction) {
        let repeated = reduction == (Reduction::Timeout { again: true });
        if !repeated {
            self.before = Some((self.cwnd, self.ssthresh));
            self.ssthresh = (self.cwnd / 4 * 3).max(2 * self.segment);
        }
        self.cwnd = match reduction {
            Reduction::Timeout { .. } => self.segment,
            Reduction::Loss | Reduction::Ecn => self.ssthresh,
        };
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        // The window has been at the threshold since the loss, or is back where it was.
    }

    fn on_spurious(&mut self, _now: Instant) {
        if let Some((cwnd, ssthresh)) = self.before.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    fn on_idle(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.min(self.initial);
    }

    fn set_segment_size(&mut self, octets: u32) {
        self.segment = octets;
        self.cwnd = self.cwnd.max(octets);
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn threshold(&self) -> u32 {
        self.ssthresh
    }

    fn phase(&self) -> &'static str {
        if self.cwnd < self.ssthresh { "slow start" } else { "a few wait" }
    }

    fn clone_box(&self) -> Box<dyn CongestionControl> {
        Box::new(self.clone())
    }
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Octets that the server read.
    pub(crate) read: u64,
    /// What the connection says its congestion control is.
    pub(crate) by: Congestion,
    /// Its window in the end, in octets.
    pub(crate) window: u32,
}

/// Sends so many octets from the client to the server, by Vegas.
pub(crate) async fn run(server: &Stack, client: &Stack, octets: usize) -> Result<Sent> {
    let listener = TcpListener::bind_on(server, (SERVER, 9)).await?;
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let (mut read, mut piece) = (0, vec![0; 1 << 16]);
        loop {
            match stream.read(&mut piece).await? {
                0 => return anyhow::Ok(read),
                some => read += some as u64,
            }
        }
    });
    let socket = TcpSocket::new_v4_on(client)?;
    socket.set_congestion(Congestion::Custom(&VEGAS))?;
    let mut stream = socket.connect(SocketAddr::from((SERVER, 9))).await?;
    stream.write_all(&vec![7; octets]).await?;
    let (by, window) = (stream.congestion()?, stream.info()?.congestion_window);
    stream.shutdown().await?;
    Ok(Sent { read: reading.await??, by, window })
}

#[tokio::main]
async fn main() -> Result<()> {
    let (server, client) = two()?;
    let octets = 64 << 20;
    let sent = run(&server, &client, octets).await?;
    ensure!(sent.read == octets as u64, "{sent:?}");
    println!("{} octets by {}, with a window of {} in the end", sent.read, sent.by, sent.window);
    Ok(())
}
