//! A sender, a path, and a peer that may lie.

use env::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use tcp::{Congestion, Connection, Path, Segment, SendFlags, TcpConfig, timestamp};
use wire::tcp::{Flags, Header, Options, SackBlock, SackBlocks, Timestamps};
use wire::{Payload, SeqNum, WireWindow};

/// Octets of a full segment.
pub(crate) const SEGMENT: u32 = 1_448;
const DELAY: Duration = Duration::from_millis(25);
const TENTH: Duration = Duration::from_millis(100);
const TENTHS: usize = 16;
const ISS: SeqNum = SeqNum::new(u32::MAX - 50_000);
const IRS: SeqNum = SeqNum::new(9_000);
const OFFSET: u32 = 31;
/// Of so many segments one is lost, the first time.
const LOSES: u32 = 150;
/// A window of a MiB, and its shift.
const WINDOW: u16 = 1 << 14;
const SHIFT: u8 = 6;

/// What the peer makes of the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// So many ACKs, each of a part, in place of one.
    Divides(u32),
    /// Every ACK so many times more.
    Repeats(u32),
    /// SACK blocks beyond what was ever sent.
    HasUnsent,
    /// ACKs of what was never sent, besides the right ones.
    AcksUnsent,
    /// Every other ACK's window is half of what was offered.
    Shrinks,
    /// Whatever arrives again is told to have come twice.
    CallsNeedless,
    /// Echoes of so many milliseconds before what is to be echoed.
    EchoesOlder(u32),
    /// Echoes of what is still to be sent.
    EchoesNewer(u32),
    /// The ACK of a segment comes when it has left.
    AcksEarly,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Octets sent for the first time by each tenth of a second.
    pub(crate) sent: Vec<u64>,
    /// The largest congestion window, as far as the peer's window lets it be used.
    pub(crate) cwnd: u32,
    /// Octets acknowledged, and the window then.
    pub(crate) windows: Vec<(u64, u32)>,
}

struct World {
    now: Instant,
    tcp: Connection,
    lie: Lie,
    loses: Option<u32>,
    sack: bool,
    /// On the way there: when each arrives, its number from ISS, octets, and stamp.
    there: VecDeque<(Instant, u32, u32, u32)>,
    back: VecDeque<(Instant, Segment)>,
    /// The peer's: all before it has come, and islands.
    next: u32,
    islands: BTreeMap<u32, u32>,
    newest: u32,
    echo: u32,
    acks: u32,
    /// The highest number sent, and those that were lost once.
    highest: u32,
    lost: BTreeMap<u32, ()>,
}

/// So far beyond what was sent that it will not be sent before the lie arrives.
const BEYOND: u32 = 4 << 20;
/// Paths that lose other segments.
const PATHS: u32 = 5;

/// Sending with `algorithm` for a second and a half, over several paths: sums over all.
pub(crate) fn runs(algorithm: Congestion, sack: bool, loses: bool, lie: Lie) -> Run {
    let mut sum = Run { sent: vec![0; TENTHS], ..Run::default() };
    for path in 0..PATHS {
        let one = run(algorithm, sack, loses.then_some(path), lie);
        sum.cwnd += one.cwnd;
        sum.sent.iter_mut().zip(one.sent).for_each(|(sum, sent)| *sum += sent);
    }
    sum
}

/// The same over one path, which loses nothing if it has no number.
pub(crate) fn run(algorithm: Congestion, sack: bool, loses: Option<u32>, lie: Lie) -> Run {
    let mut world = World::established(algorithm, sack, loses, lie);
    let (mut run, begin) = (Run::default(), world.now);
    while run.sent.len() < TENTHS {
        world.step();
        let status = world.tcp.status();
        run.cwnd = run.cwnd.max(status.cwnd.min(u32::from(WINDOW) << SHIFT));
        let acked = status.octets_acknowledged;
        if run.windows.last().is_none_or(|(last, _)| *last < acked) {
            run.windows.push((acked, status.cwnd));
        }
        let due = begin + TENTH * (run.sent.len() as u32 + 1);
        if world.now >= due {
            run.sent.push(u64::from(world.highest));
        }
        let out = status.snd_nxt.wrapping_since(status.snd_una);
        assert!(status.in_flight <= out, "{status:?}");
        assert!(!sack || status.in_flight + status.sacked + status.lost == out, "{status:?}");
        assert!(u64::from(world.highest) >= status.octets_acknowledged, "{status:?}");
    }
    run
}

impl World {
    fn established(algorithm: Congestion, sack: bool, loses: Option<u32>, lie: Lie) -> Self {
        let now = Instant::from_secs(100);
        let config = TcpConfig::default().congestion(algorithm);
        let path = Path { train_limit: 0, ..Path::ipv4(1500) };
        let mut world = Self {
            now,
            tcp: Connection::open(now, config, path, ISS, OFFSET),
            lie,
            loses,
            sack,
            there: VecDeque::new(),
            back: VecDeque::new(),
            next: 1,
            islands: BTreeMap::new(),
            newest: 0,
            echo: 0,
            acks: 0,
            highest: 0,
            lost: BTreeMap::new(),
        };
        world.flow();
        world.echo = timestamp(now, OFFSET);
        world.now += DELAY * 2;
        let options =
            Options { mss: Some(1_460), sack_permitted: sack, window_scale: Some(SHIFT), ..Options::NONE };
        let syn_ack = world.answer(Flags::SYN | Flags::ACK, 1, u16::MAX, options);
        world.tcp.handle_segment(world.now, syn_ack);
        world.flow();
        world
    }

    fn answer(&self, flags: Flags, ack: u32, window: u16, mut options: Options) -> Segment {
        let value = self.now.as_millis() as u32;
        let echo = match self.lie {
            // A SYN,ACK that echoes another clock than ours is of no connection of ours.
            _ if flags.contains(Flags::SYN) => self.echo,
            Lie::EchoesOlder(by) => self.echo.wrapping_sub(by),
            Lie::EchoesNewer(by) => self.echo.wrapping_add(by),
            _ => self.echo,
        };
        options.timestamps = Some(Timestamps { value, echo });
        let seq = IRS + u32::from(!flags.contains(Flags::SYN));
        let window = WireWindow::new(window);
        let header = Header { seq, ack: ISS + ack, flags, window, options, ..Header::default() };
        Segment { header, ..Segment::default() }
    }

    /// Writes what there is room for, and takes what leaves.
    fn flow(&mut self) {
        let data = Payload::from(&[7; 64 * 1024]);
        while let Ok(1..) = self.tcp.send(self.now, data.clone(), SendFlags::default()) {
            self.transmit();
        }
        self.transmit();
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.tcp.poll_transmit(self.now) {
            let Segment { header, payload, .. } = transmit.segment;
            let (start, octets) = (header.seq.wrapping_since(ISS), payload.len() as u32);
            if octets == 0 {
                continue;
            }
            let stamp = header.options.timestamps.map_or(0, |stamps| stamps.value);
            let first = start + octets - 1 > self.highest;
            self.highest = self.highest.max(start + octets - 1);
            let drawn = |path: u32| (start / SEGMENT + 7_919 * path).wrapping_mul(0x9e37_79b9) >> 8;
            let hit = self.loses.is_some_and(|path| drawn(path) % LOSES == 0);
            if hit && first && self.lost.insert(start, ()).is_none() {
                continue;
            }
            self.there.push_back((self.now + DELAY, start, octets, stamp));
            if self.lie == Lie::AcksEarly {
                self.next = self.next.max(start + octets);
                self.echo = stamp;
                let ack = self.answer(Flags::ACK, self.next, WINDOW, Options::NONE);
                self.back.push_back((self.now + DELAY, ack));
            }
        }
        while self.tcp.poll_event().is_some() {}
    }

    /// On to the next thing that happens.
    fn step(&mut self) {
        let due = [
            self.there.front().map(|(at, ..)| *at),
            self.back.front().map(|(at, _)| *at),
            self.tcp.poll_timeout(),
        ];
        let next = due.into_iter().flatten().min().expect("something is to happen");
        self.now = self.now.max(next);
        while let Some((_, start, octets, stamp)) = self.there.pop_front_if(|(at, ..)| *at <= self.now) {
            self.takes(start, octets, stamp);
        }
        while let Some((at, mut segment)) = self.back.pop_front_if(|(at, _)| *at <= self.now) {
            segment.arrived = at;
            self.tcp.handle_segment(self.now, segment);
            self.transmit();
        }
        self.tcp.handle_timeout(self.now);
        self.flow();
    }

    /// A segment has come to the peer.
    fn takes(&mut self, start: u32, octets: u32, stamp: u32) {
        if self.lie == Lie::AcksEarly {
            return; // It said so long ago.
        }
        let (end, before) = (start + octets, self.next);
        if start <= self.next {
            self.echo = stamp;
            self.next = self.next.max(end);
            while let Some((&from, &to)) =
                self.islands.first_key_value().filter(|(from, _)| **from <= self.next)
            {
                self.next = self.next.max(to);
                self.islands.remove(&from);
            }
        } else {
            self.islands.insert(start, end);
            self.newest = start;
        }
        let again = self.lost.contains_key(&start).then_some((start, end));
        self.tells(before, again);
    }

    fn blocks(&self, again: Option<(u32, u32)>) -> Options {
        let mut sack = SackBlocks::NONE;
        let block = |from: u32, to: u32| SackBlock { start: ISS + from, end: ISS + to };
        match (self.lie, again) {
            (Lie::CallsNeedless, Some((from, to))) => _ = sack.push(block(from, to)),
            (Lie::HasUnsent, _) => {
                _ = sack.push(block(self.highest + BEYOND, self.highest + BEYOND + 100_000))
            }
            _ => {}
        }
        // Islands that touch are one; the newest is told first.
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (&from, &to) in &self.islands {
            match joined.last_mut() {
                Some(last) if last.1 >= from => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined.sort_by_key(|(from, to)| !(*from..*to).contains(&self.newest));
        joined.into_iter().take(2).for_each(|(from, to)| _ = sack.push(block(from, to)));
        Options { sack: if self.sack { sack } else { SackBlocks::NONE }, ..Options::NONE }
    }

    fn tells(&mut self, before: u32, again: Option<(u32, u32)>) {
        self.acks += 1;
        let at = self.now + DELAY;
        let options = self.blocks(again);
        let window =
            if self.lie == Lie::Shrinks && self.acks.is_multiple_of(2) { WINDOW / 2 } else { WINDOW };
        let parts = if let Lie::Divides(parts) = self.lie { parts } else { 1 };
        for part in 1..=parts {
            let ack = before + ((self.next - before) as u64 * u64::from(part) / u64::from(parts)) as u32;
            let segment = self.answer(Flags::ACK, ack, window, options.clone());
            self.back.push_back((at, segment));
        }
        let segment = self.answer(Flags::ACK, self.next, window, options);
        if let Lie::Repeats(times) = self.lie {
            (0..times).for_each(|_| self.back.push_back((at, segment.clone())));
        }
        if self.lie == Lie::AcksUnsent {
            let ack = self.answer(Flags::ACK, self.highest + BEYOND, WINDOW, Options::NONE);
            self.back.push_back((at, ack));
        }
    }
}
