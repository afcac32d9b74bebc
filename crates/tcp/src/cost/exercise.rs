//! Any stream of ACKs, SACK blocks and D-SACKs against a sender; then an honest peer takes over.
//!
//! ```text
//!   bytes ─► what the peer says: acknowledgments, islands, duplicates, echoes, marks, windows, silence
//!   sender ─► books balance, work is bounded, a timer runs, no more is out than cwnd and the peer's edge allow
//!                                             └─► an honest peer ─► all that was written arrives
//! ```
//!
//! The body of a property test, which counts steps of work, and of a fuzz target, which doesn't.

use env::{Duration, Instant};
use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec;
use tcp::{
    Congestion, Connection, Ecn, Path, Segment, SendFlags, State, Status, TcpConfig, Transmit, Why, timestamp,
};
use wire::tcp::{AccurateEcn, Flags, Header, Options, SackBlock, SackBlocks, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

const ISS: SeqNum = SeqNum::new(u32::MAX - 20_000);
const IRS: SeqNum = SeqNum::new(9_000);
const OFFSET: u32 = 31;
/// Octets that are written in all.
const WRITTEN: u32 = 300_000;

/// Steps for each segment that comes or leaves, taken over all that a peer says until it turns honest. Of a hundred thousand
/// peers none had more than 14 done.
const STEPS_EACH: u64 = 25;
/// Steps for one ACK with all that leaves because of it, and more for each segment that is out or leaves: it may change what is
/// known of all of them. None took more than half of this.
const STEPS_AT_ONCE: (u64, u64) = (200, 20);

struct Sender {
    now: Instant,
    tcp: Connection,
    stamps: bool,
    /// How the peer tells of marks, if it does.
    ecn: Ecn,
    scale: u8,
    /// Where the window ends that the peer offered last, and the furthest of them.
    edge: SeqNum,
    furthest: SeqNum,
    /// Steps of work, as far as somebody counts them.
    steps: fn() -> u64,
    /// Segments that came and that left, and what they cost.
    segments: u64,
    cost: u64,
    /// What arrived at the honest peer, by numbers from ISS.
    arrived: BTreeMap<u32, u32>,
    echo: u32,
}

impl Sender {
    fn established(choices: u8, steps: fn() -> u64) -> Self {
        let (sack, stamps) = (choices & 1 > 0, choices & 2 > 0);
        let choices = usize::from(choices >> 2);
        let controller = Congestion::ALL[choices % 4];
        let ecn = [Ecn::Off, Ecn::Classic, Ecn::Accurate][choices / 4 % 3];
        let scale = [3, 0][choices / 12 % 2];
        let config = TcpConfig::default()
            .congestion(controller)
            .ecn(ecn)
            .user_timeout(Duration::from_secs(1_000_000))
            .send_buffer(WRITTEN)
            .expect("legal");
        let now = Instant::from_secs(100);
        let tcp = Connection::open(now, config, Path::ipv4(1040), ISS, OFFSET);
        let mut sender = Self {
            now,
            tcp,
            stamps,
            ecn,
            scale,
            edge: ISS + 1,
            furthest: ISS + 1,
            steps,
            segments: 0,
            cost: 0,
            arrived: BTreeMap::new(),
            echo: 0,
        };
        sender.transmit();
        sender.now += Duration::from_millis(20);
        let window_scale = (scale > 0).then_some(scale);
        let options = Options { mss: Some(1_000), sack_permitted: sack, window_scale, ..Options::NONE };
        let answer = match ecn {
            Ecn::Classic => Flags::ECE,
            Ecn::Accurate => Flags::CWR,
            _ => Flags::from_bits(0),
        };
        sender.hears(Flags::SYN | Flags::ACK | answer, ISS + 1, 65_535, options, 0);
        let data = vec![7; WRITTEN as usize];
        let taken = sender.tcp.send(sender.now, Payload::copy_of(&data), SendFlags::default());
        assert_eq!(taken, Ok(data.len()));
        sender.transmit();
        // A long flight to begin with, or a short one.
        for _ in 0..[0, 3][choices / 24 % 2] {
            sender.hears(Flags::ACK, sender.tcp.status().snd_nxt, 65_535, Options::NONE, 0);
            for _ in 0..20 {
                sender.now += Duration::from_millis(1);
                sender.times_out();
            }
        }
        sender
    }

    fn hears(&mut self, flags: Flags, ack: SeqNum, window: u16, mut options: Options, older: u32) {
        let value = self.now.as_millis() as u32;
        let echo = self.echo.wrapping_sub(older);
        options.timestamps = self.stamps.then_some(Timestamps { value, echo });
        let seq = IRS + u32::from(!flags.contains(Flags::SYN));
        let header =
            Header { seq, ack, flags, window: WireWindow::new(window), options, ..Header::default() };
        let segment = Segment { header, arrived: self.now, ..Segment::default() };
        self.works(|sender| {
            let before = sender.tcp.status();
            sender.tcp.handle_segment(sender.now, segment);
            let acceptable = !ack.before(before.snd_una) && !before.snd_nxt.before(ack);
            // What is as new as the last counts (RFC 9293 §3.10.7.4, fifth step), and all of it has the same number; but not
            // what acknowledges a segment that was held back.
            if acceptable && sender.tcp.status().lies == before.lies {
                let scale = if flags.contains(Flags::SYN) { 0 } else { sender.scale };
                sender.edge = ack + (u32::from(window) << scale);
                sender.furthest = sender.furthest.later(sender.edge);
            }
        });
    }

    /// Something comes, or a timer expires: what it and all that leaves because of it costs.
    fn works(&mut self, happens: impl FnOnce(&mut Self)) {
        let (out, before) = (self.out(), (self.steps)());
        let sent = self.segments;
        happens(self);
        self.transmit();
        let steps = (self.steps)() - before;
        self.segments += 1;
        self.cost += steps;
        let touched = out + self.segments - sent;
        let most = STEPS_AT_ONCE.0 + STEPS_AT_ONCE.1 * touched;
        assert!(steps <= most, "{steps} steps, {touched} segments: {:?}", self.tcp.status());
    }

    /// Segments that are out.
    fn out(&self) -> u64 {
        let Status { snd_una, snd_nxt, segment_size, .. } = self.tcp.status();
        u64::from(snd_nxt.wrapping_since(snd_una) / segment_size.max(1))
    }

    fn times_out(&mut self) {
        self.works(|sender| sender.tcp.handle_timeout(sender.now));
    }

    /// Takes what it sends; it arrives.
    fn transmit(&mut self) {
        let mut octets = 0;
        loop {
            let before = self.tcp.status();
            let Some(transmit) = self.tcp.poll_transmit(self.now) else { break };
            self.leaves(&before, &transmit);
            let segment = transmit.segment;
            self.segments += u64::from(segment.count());
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

    /// New data keeps within cwnd, or what limited transmit and probes may add to it, and within the peer's edge, but for the
    /// octet that asks whether a shut window still is. What leaves again may be beyond an edge that was pulled back.
    fn leaves(&self, before: &Status, transmit: &Transmit) {
        let (segment, after) = (&transmit.segment, self.tcp.status());
        let told = || std::format!("{:?} {:?}: {after:?}", transmit.why, segment.header);
        if before.state != Some(State::Established) || segment.payload.is_empty() {
            return;
        }
        let probed = u32::from(matches!(transmit.why, Why::WindowProbe(_)));
        assert!(!(self.furthest + probed).before(segment.end()), "beyond {:?}: {}", self.furthest, told());
        if before.snd_nxt == after.snd_nxt {
            return;
        }
        assert!(!(self.edge + probed).before(segment.end()), "beyond the edge {:?}: {}", self.edge, told());
        let segments = |count| after.segment_size * count;
        let most = match transmit.why {
            Why::LimitedTransmit => after.cwnd + segments(2),
            // Whatever is out, and one segment (RFC 8985 §7.3).
            Why::LossProbe { .. } => before.in_flight + segments(1),
            Why::WindowProbe(_) => before.in_flight + 1,
            _ => after.cwnd,
        };
        assert!(after.in_flight <= most, "{most} may be in flight: {}", told());
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
        let (marks, counters) = self.marks(kind >> 3, b, c);
        let ack_flags = Flags::ACK | marks;
        let plain = Options { accurate_ecn: counters, ..Options::NONE };
        // Numbers near the edges, in octets and in segments.
        let (out, segment) = (status.snd_nxt.wrapping_since(status.snd_una), status.segment_size);
        let number = |base: SeqNum, by: u8| match by {
            0..=79 => base + u32::from(by) * segment,
            80..=99 => base + out / 20 * u32::from(by - 80),
            100..=179 => base + u32::from(by - 100),
            _ => base - u32::from(by - 179) * 247,
        };
        match kind % 8 {
            0 => {
                self.now += Duration::from_micros(u64::from(a) * u64::from(b) * 64);
                self.times_out();
            }
            1 => self.hears(ack_flags, number(status.snd_una, a), 65_535, plain, u32::from(c)),
            2 => {
                let base = if c & 1 > 0 { status.snd_una } else { status.snd_nxt };
                // An octet less than so many segments, where windows are not scaled.
                let window =
                    if b < 128 { u16::from(b % 32 + 1) * segment as u16 - 1 } else { u16::from(b) << 8 };
                self.hears(ack_flags, number(base, a), window, plain, 0);
            }
            kind => {
                let mut options = plain;
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
                self.hears(ack_flags, ack, 65_535, options, u32::from(c & 3) * 40);
            }
        }
    }

    /// What an ACK says of marks, true or not: `what` are five bits, `b` and `c` more of them.
    fn marks(&self, what: u8, b: u8, c: u8) -> (Flags, Option<Box<AccurateEcn>>) {
        let none = Flags::from_bits(0);
        match self.ecn {
            Ecn::Classic if what & 3 == 3 => (Flags::ECE, None),
            Ecn::Accurate => {
                let flag = |bit: u8, flag| if what & bit > 0 { flag } else { none };
                let flags = flag(1, Flags::ECE) | flag(2, Flags::CWR) | flag(4, Flags::AE);
                let fields = [u32::from(b) << 10, u32::from(c) * 500, u32::from(what) << 12];
                let counters = AccurateEcn::new(what & 8 > 0, fields, usize::from(c & 3));
                (flags, (what & 16 > 0).then(|| Box::new(counters)))
            }
            _ => (none, None),
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
            self.times_out();
            let (next, sack_blocks) = self.honest(snd_una.wrapping_since(ISS));
            let sack = if sack { sack_blocks } else { SackBlocks::NONE };
            self.hears(Flags::ACK, ISS + next, 65_535, Options { sack, ..Options::NONE }, 0);
            let due = self.tcp.poll_timeout();
            if self.honest(self.tcp.status().snd_una.wrapping_since(ISS)).0 == next
                && let Some(at) = due
            {
                self.now = self.now.max(at);
            }
            self.times_out();
        }
        panic!("what was written has not arrived: {:?}", self.tcp.status());
    }
}

/// Plays `bytes` against a sender, whose work `steps` counts.
pub(crate) fn acks(bytes: &[u8], steps: fn() -> u64) {
    let Some((&choices, bytes)) = bytes.split_first() else { return };
    let mut sender = Sender::established(choices, steps);
    // The clock of our stamps is known, as it is to a peer that sees them.
    sender.echo = timestamp(sender.now, OFFSET);
    for step in bytes.chunks_exact(4).take(200) {
        sender.step([step[0], step[1], step[2], step[3]]);
    }
    let Sender { cost, segments, .. } = sender;
    assert!(cost <= STEPS_EACH * segments, "{cost} steps, {segments} segments");
    sender.finish();
}
