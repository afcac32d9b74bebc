//! Recovery without a connection: segments of 1,000 octets, of which the first is number 0.

mod marks;
mod rack;
mod reno;
mod undo;
mod withheld;

use super::*;
use crate::TcpConfig;
use alloc::vec::Vec;
use wire::tcp::SackBlock;

const MSS: u32 = 1000;

/// A sender whose numbers begin shortly before they wrap.
struct Sender {
    recovery: Recovery,
    rtt: RoundTrip,
    now: Instant,
    first: SeqNum,
    una: SeqNum,
    nxt: SeqNum,
}

impl Sender {
    /// Established, 100 ms from the peer; with SACK or without.
    fn new(sack: bool) -> Self {
        let iss = SeqNum::new(u32::MAX - 4_500);
        let mut recovery = Recovery::new(iss);
        let mut rtt = RoundTrip::new(&TcpConfig::default());
        let now = Instant::from_secs(100);
        recovery.on_sent(now, iss, iss + 1);
        let at = now + Duration::from_millis(100);
        recovery.on_ack(&Arrival { opening: true, ..Arrival::of(at, iss + 1, MSS) }, &mut rtt);
        recovery.negotiated(sack, true);
        Self { recovery, rtt, now: at, first: iss + 1, una: iss + 1, nxt: iss + 1 }
    }

    fn pass(&mut self, millis: u64) -> &mut Self {
        self.now += Duration::from_millis(millis);
        self
    }

    /// Sends `segments` new ones together.
    fn send(&mut self, segments: u32) -> &mut Self {
        let end = self.nxt + segments * MSS;
        self.recovery.on_sent(self.now, self.nxt, end);
        self.nxt = end;
        self
    }

    /// Sends again what is lost, a segment at a time, as long as there is any; which.
    fn repair(&mut self) -> Vec<u32> {
        let mut sent = Vec::new();
        while let Some((start, end)) = self.recovery.next_lost(1 << 16) {
            let end = end.earlier(start + MSS);
            self.recovery.on_resent(self.now, start, end);
            sent.push(start.wrapping_since(self.first) / MSS);
        }
        sent
    }

    fn seq(&self, segment: u32) -> SeqNum {
        self.first + segment * MSS
    }

    /// An ACK of everything before `segment`, and of islands of segments.
    fn ack(&mut self, segment: u32, islands: &[(u32, u32)]) -> Verdict {
        self.ack_with(segment, islands, None)
    }

    fn ack_with(&mut self, segment: u32, islands: &[(u32, u32)], echo: Option<(u32, u32)>) -> Verdict {
        let ack = self.seq(segment);
        let block = |&(from, to): &(u32, u32)| SackBlock { start: self.seq(from), end: self.seq(to) };
        let blocks: Vec<_> = islands.iter().map(block).collect();
        let arrival = Arrival {
            blocks: &blocks,
            echo,
            duplicate: ack == self.una && blocks.is_empty(),
            ..Arrival::of(self.now, ack, MSS)
        };
        let verdict = self.recovery.on_ack(&arrival, &mut self.rtt);
        self.una = ack.later(self.una);
        verdict
    }
}
