//! Any stream of ACKs, SACK blocks and D-SACKs against a sender; then an honest peer takes over.
//!
//! ```text
//!   bytes ─► what the peer says: acknowledgments, islands, duplicates, echoes, windows, silence
//!   sender ─► books balance, work is bounded, a timer runs ─► an honest peer ─► all that was written arrives
//! ```
//!
//! The body of a property test and of a fuzz target.

use env::{Duration, Instant};
use std::collections::BTreeMap;
use tcp::{Congestion, Connection, Path, Segment, SendFlags, State, Status, TcpConfig, timestamp};
use wire::tcp::{Flags, Header, Options, SackBlock, SackBlocks, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

const ISS: SeqNum = SeqNum::new(u32::MAX - 20_000);
const IRS: SeqNum = SeqNum::new(9_000);
const OFFSET: u32 = 31;
/// Octets that are written in all.
const WRITTEN: u32 = 60_000;

struct Sender {
    now: Instant,
    tcp: Connection,
    stamps: bool,
    /// What arrived at the honest peer, by numbers from ISS.
    arrived: BTreeMap<u32, u32>,
    echo: u32,
}

impl Sender {
    fn established(choices: u8) -> Self {
        let (sack, stamps) = (choices & 1 > 0, choices & 2 > 0);
        let controller =
            [Congestion::NewReno, Congestion::Cubic, Congestion::Bbr][usize::from(choices >> 2) % 3];
        let config = TcpConfig::default().congestion(controller).user_timeout(Duration::from_secs(1_000_000));
        let now = Instant::from_secs(100);
        let tcp = Connection::open(now, config, Path::ipv4(1040), ISS, OFFSET);
        let mut sender = Self { now, tcp, stamps, arrived: BTreeMap::new(), echo: 0 };
        sender.transmit();
        sender.now += Duration::from_millis(20);
        let options = Options { mss: Some(1_000), sack_permitted: sack, ..Options::NONE };
        sender.hears(Flags::SYN | Flags::ACK, ISS + 1, 65_535, options, 0);
        let data = vec![7; WRITTEN as usize];
        let taken = sender.tcp.send(sender.now, Payload::copy_of(&data), SendFlags::default());
        assert_eq!(taken, Ok(data.len()));
        sender.transmit();
        sender
    }

    fn hears(&mut self, flags: Flags, ack: SeqNum, window: u16, mut options: Options, older: u32) {
        let value = self.now.as_millis() as u32;
        let echo = self.echo.wrapping_sub(older);
        options.timestamps = self.stamps.then_some(Timestamps { value, echo });
        let seq = IRS + u32::from(!flags.contains(Flags::SYN));
        let header =
            Header { seq, ack, flags, window: WireWindow::new(window), options, ..Header::default() };
        self.tcp.handle_segment(self.now, Segment { header, arrived: self.now, ..Segment::default() });
    }

    /// Takes what it sends; it arrives.
    fn transmit(&mut self) {
        let mut octets = 0;
        while let Some(transmit) = self.tcp.poll_transmit(self.now) {
            let segment = transmit.segment;
            if let Some(stamps) = segment.header.options.timestamps {
                self.echo = stamps.value;
            }
            octets += segment.payload.len();
            assert!(octets <= 2 * WRITTEN as usize, "no end of sending");
            if !segment.payload.is_empty() {
                let start = segment.header.seq.wrapping_since(ISS);
                self.arrived.insert(start, start + segment.payload.len() as u32);
            }
        }
        while self.tcp.poll_event().is_some() {}
        self.check();
    }

    fn check(&self) {
        let status = self.tcp.status();
        if status.state == Some(State::Closed) {
            return;
        }
        let out = status.snd_nxt.wrapping_since(status.snd_una);
        assert!(status.in_flight <= out, "{status:?}");
        assert!(u64::from(out) >= u64::from(status.sacked) + u64::from(status.lost), "{status:?}");
        assert!(!status.sack || status.in_flight + status.sacked + status.lost == out, "{status:?}");
        assert!(out == 0 || self.tcp.poll_timeout().is_some_and(|at| at > self.now), "{status:?}");
        assert!(status.delivered <= 64 * u64::from(WRITTEN), "each octet once, and again after each timeout");
    }

    /// One thing that the peer does, honest or not.
    fn step(&mut self, step: [u8; 4]) {
        let status = self.tcp.status();
        let [kind, a, b, c] = step;
        // Numbers near the edges, in octets and in segments.
        let number = |base: SeqNum, by: u8| match by {
            0..=99 => base + u32::from(by) * 988,
            100..=179 => base + u32::from(by - 100),
            _ => base - u32::from(by - 179) * 247,
        };
        match kind % 8 {
            0 => {
                self.now += Duration::from_micros(u64::from(a) * u64::from(b) * 64);
                self.tcp.handle_timeout(self.now);
            }
            1 => self.hears(Flags::ACK, number(status.snd_una, a), 65_535, Options::NONE, u32::from(c)),
            2 => {
                self.hears(Flags::ACK, number(status.snd_nxt, a), u16::from(b) << 8 | 0xff, Options::NONE, 0)
            }
            kind => {
                let mut options = Options::NONE;
                let mut blocks = SackBlocks::NONE;
                let start = number(status.snd_una, a);
                blocks.push(SackBlock { start, end: start + u32::from(b) * 137 });
                if kind > 4 {
                    let start = number(status.snd_una, c);
                    blocks.push(SackBlock { start, end: start + u32::from(b) });
                    blocks.push(SackBlock { start: status.snd_una - 5_000, end: number(status.snd_nxt, b) });
                }
                options.sack = blocks;
                let ack = if kind == 7 { number(status.snd_una, c) } else { status.snd_una };
                self.hears(Flags::ACK, ack, 65_535, options, u32::from(c & 3) * 40);
            }
        }
    }

    /// The next octet that the honest peer has not, when it has everything before `una`; and its islands.
    fn honest(&self, una: u32) -> (u32, SackBlocks) {
        let (mut next, mut blocks) = (una, SackBlocks::NONE);
        for (&start, &end) in &self.arrived {
            if start <= next {
                next = next.max(end);
            } else {
                blocks.push(SackBlock { start: ISS + start, end: ISS + end });
            }
        }
        (next, blocks)
    }

    /// From here on all that is sent arrives, and the peer says so; it has nothing beyond what was acknowledged.
    fn finish(&mut self) {
        self.arrived.clear();
        for _ in 0..2_000 {
            let Status { queued, snd_una, sack, .. } = self.tcp.status();
            if queued == 0 || self.tcp.state() == State::Closed {
                return;
            }
            self.now += Duration::from_millis(20);
            self.tcp.handle_timeout(self.now);
            let (next, sack_blocks) = self.honest(snd_una.wrapping_since(ISS));
            let sack = if sack { sack_blocks } else { SackBlocks::NONE };
            self.hears(Flags::ACK, ISS + next, 65_535, Options { sack, ..Options::NONE }, 0);
            self.transmit();
            let due = self.tcp.poll_timeout();
            if self.honest(self.tcp.status().snd_una.wrapping_since(ISS)).0 == next
                && let Some(at) = due
            {
                self.now = self.now.max(at);
            }
            self.tcp.handle_timeout(self.now);
            self.transmit();
        }
        panic!("what was written has not arrived: {:?}", self.tcp.status());
    }
}

/// Plays `bytes` against a sender.
pub(crate) fn acks(bytes: &[u8]) {
    let Some((&choices, steps)) = bytes.split_first() else { return };
    let mut sender = Sender::established(choices);
    // The clock of our stamps is known, as it is to a peer that sees them.
    sender.echo = timestamp(sender.now, OFFSET);
    for step in steps.chunks_exact(4).take(200) {
        sender.step([step[0], step[1], step[2], step[3]]);
        sender.transmit();
    }
    sender.finish();
}
