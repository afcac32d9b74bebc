//! A peer that may lie: it takes segments, and tells what its [`Lie`] makes of them.

use env::Instant;
use std::collections::BTreeMap;
use tcp::{Segment, Transmit};
use wire::tcp::{Flags, Header, Options, SackBlock, SackBlocks, Timestamps};
use wire::{Ecn, SeqNum, WireWindow};

/// Octets of a full segment.
pub(crate) const SEGMENT: u32 = 1_448;
pub(crate) const ISS: SeqNum = SeqNum::new(u32::MAX - 50_000);
pub(crate) const OFFSET: u32 = 31;
/// A window of a MiB, and its shift.
pub(crate) const WINDOW: u16 = 1 << 14;
pub(crate) const SHIFT: u8 = 6;
const IRS: SeqNum = SeqNum::new(9_000);
/// So far beyond what was sent that it will not be sent before the lie arrives.
const BEYOND: u32 = 4 << 20;

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
    /// Whatever fills a hole is told to have come twice: a receiver knows that its sender sent it late, not why.
    CallsNeedless,
    /// Echoes of so many milliseconds before what is to be echoed.
    EchoesOlder(u32),
    /// Echoes of what is still to be sent.
    EchoesNewer(u32),
    /// The ACK of a segment comes when it has left.
    AcksEarly,
    /// Whatever is missing is acknowledged.
    HidesHoles,
    /// What is missing is told of, and acknowledged when so many segments beyond it have come: as if it had been late.
    FillsHoles(usize),
    /// No mark is told of.
    HidesMarks,
    /// The counter of marks says anything.
    MakesUpMarks,
}

/// How the peer tells of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    None,
    Classic,
    Accurate,
}

/// A data segment on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    /// Its number from ISS.
    pub(crate) start: u32,
    pub(crate) octets: u32,
    pub(crate) stamp: u32,
    pub(crate) mark: Ecn,
    /// The sender has slowed down for marks.
    pub(crate) confirms: bool,
    /// It, or some of it, left before.
    pub(crate) again: bool,
}

pub(crate) struct Peer {
    lie: Lie,
    sack: bool,
    marks: Marks,
    /// All before it has come, or so the peer says; and islands.
    next: u32,
    islands: BTreeMap<u32, u32>,
    newest: u32,
    echo: u32,
    acks: u32,
    /// Packets with CE, as counted; whether an echo is due.
    marked: u32,
    owes_echo: bool,
    /// The highest number sent.
    pub(crate) highest: u32,
}

impl Peer {
    pub(crate) fn new(lie: Lie, sack: bool, marks: Marks) -> Self {
        let (islands, owes_echo) = (BTreeMap::new(), false);
        let (next, newest, echo, acks, marked, highest) = (1, 0, 0, 0, 5, 0);
        Self { lie, sack, marks, next, islands, newest, echo, acks, marked, owes_echo, highest }
    }

    /// The answer to a SYN.
    pub(crate) fn opens(&mut self, now: Instant, syn: &Segment) -> Segment {
        self.echo = syn.header.options.timestamps.map_or(0, |stamps| stamps.value);
        let asked = syn.header.flags;
        let agrees = match self.marks {
            Marks::Classic if asked.contains(Flags::ECE | Flags::CWR) => Flags::ECE,
            Marks::Accurate if asked.contains(Flags::AE) => Flags::CWR, // the SYN came without a mark
            _ => Flags::NONE,
        };
        let options = Options {
            mss: Some(1_460),
            sack_permitted: self.sack,
            window_scale: Some(SHIFT),
            ..Options::NONE
        };
        self.answer(now, Flags::SYN | Flags::ACK | agrees, 1, u16::MAX, options)
    }

    fn answer(&self, now: Instant, flags: Flags, ack: u32, window: u16, mut options: Options) -> Segment {
        let value = now.as_millis() as u32;
        let echo = match self.lie {
            // A SYN,ACK that echoes another clock than ours is of no connection of ours.
            _ if flags.contains(Flags::SYN) => self.echo,
            Lie::EchoesOlder(by) => self.echo.wrapping_sub(by),
            Lie::EchoesNewer(by) => self.echo.wrapping_add(by),
            _ => self.echo,
        };
        options.timestamps = Some(Timestamps { value, echo });
        let seq = IRS + u32::from(!flags.contains(Flags::SYN));
        let tells = match self.marks {
            _ if flags.contains(Flags::SYN) => Flags::NONE,
            Marks::Classic if self.owes_echo => Flags::ECE,
            Marks::Accurate => Flags::from_bits(((self.marked & 0b111) << 6) as u16),
            _ => Flags::NONE,
        };
        let flags = flags | tells;
        let window = WireWindow::new(window);
        let header = Header { seq, ack: ISS + ack, flags, window, options, ..Header::default() };
        Segment { header, ..Segment::default() }
    }

    /// What the sender sends: data that it carries, if any; and what a peer that knows of it without having it says.
    pub(crate) fn sees(&mut self, now: Instant, transmit: Transmit) -> Option<(Data, Option<Segment>)> {
        let Segment { header, payload, ecn, .. } = transmit.segment;
        let (start, octets) = (header.seq.wrapping_since(ISS), payload.len() as u32);
        if octets == 0 {
            return None;
        }
        let stamp = header.options.timestamps.map_or(0, |stamps| stamps.value);
        let again = start + octets - 1 <= self.highest;
        self.highest = self.highest.max(start + octets - 1);
        let confirms = header.flags.contains(Flags::CWR);
        let data = Data { start, octets, stamp, mark: ecn, confirms, again };
        let early = (self.lie == Lie::AcksEarly).then(|| {
            self.next = self.next.max(start + octets);
            self.echo = stamp;
            self.answer(now, Flags::ACK, self.next, WINDOW, Options::NONE)
        });
        Some((data, early))
    }

    /// A segment has come: the answers.
    pub(crate) fn takes(&mut self, now: Instant, data: &Data) -> Vec<Segment> {
        if self.lie == Lie::AcksEarly {
            return Vec::new(); // It said so long ago.
        }
        self.counts(data);
        let (end, before) = (data.start + data.octets, self.next);
        if data.start <= self.next || self.lie == Lie::HidesHoles {
            self.echo = data.stamp;
            self.next = self.next.max(end);
            while let Some((&from, &to)) =
                self.islands.first_key_value().filter(|(from, _)| **from <= self.next)
            {
                self.next = self.next.max(to);
                self.islands.remove(&from);
            }
        } else {
            self.islands.insert(data.start, end);
            self.newest = data.start;
            if let Lie::FillsHoles(beyond) = self.lie {
                self.fills(beyond);
            }
        }
        self.tells(now, before, data.again.then_some((data.start, end)))
    }

    /// Holes with `beyond` segments after them are none.
    fn fills(&mut self, beyond: usize) {
        while self.islands.len() >= beyond
            && let Some((_, end)) = self.islands.pop_first()
        {
            self.next = self.next.max(end);
            while let Some(next) = self.islands.first_entry().filter(|next| *next.key() <= self.next) {
                self.next = self.next.max(next.remove());
            }
        }
    }

    fn counts(&mut self, data: &Data) {
        self.owes_echo &= !data.confirms;
        match self.lie {
            Lie::HidesMarks => {}
            Lie::MakesUpMarks => self.marked = self.marked.wrapping_mul(5).wrapping_add(data.start),
            _ if data.mark == Ecn::Ce => {
                self.marked += 1;
                self.owes_echo = true;
            }
            _ => {}
        }
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

    fn tells(&mut self, now: Instant, before: u32, again: Option<(u32, u32)>) -> Vec<Segment> {
        self.acks += 1;
        let options = self.blocks(again);
        let window =
            if self.lie == Lie::Shrinks && self.acks.is_multiple_of(2) { WINDOW / 2 } else { WINDOW };
        let parts = if let Lie::Divides(parts) = self.lie { parts } else { 1 };
        let mut told = Vec::new();
        for part in 1..=parts {
            let ack = before + ((self.next - before) as u64 * u64::from(part) / u64::from(parts)) as u32;
            told.push(self.answer(now, Flags::ACK, ack, window, options.clone()));
        }
        if let Lie::Repeats(times) = self.lie {
            let segment = self.answer(now, Flags::ACK, self.next, window, options);
            told.extend((0..times).map(|_| segment.clone()));
        }
        if self.lie == Lie::AcksUnsent {
            told.push(self.answer(now, Flags::ACK, self.highest + BEYOND, WINDOW, Options::NONE));
        }
        told
    }
}
