//! Two connections through one bottleneck, of which either's peer may lie.
//!
//! ```text
//!   a ─► ┐                                                   ┌─► peer of a
//!        ├─► one queue: tail drop, or marks ─► one rate ─► ──┤
//!   b ─► ┘                                                   └─► peer of b
//! ```

use crate::peer::{Data, ISS, Lie, Marks, OFFSET, Peer, SEGMENT};
use env::{Duration, Instant};
use std::collections::{BTreeSet, VecDeque};
use tcp::{Congestion, Connection, Ecn, Path, Segment, SendFlags, Status, TcpConfig};
use wire::Payload;

const DELAY: Duration = Duration::from_millis(20);
/// A segment leaves the bottleneck in every such time: 12 Mbit/s.
const SEGMENT_TIME: Duration = Duration::from_millis(1);
/// Segments that the queue holds: a round trip's worth.
const QUEUE: usize = 40;
/// It marks those that find so many before them, and drops those that can't be marked.
const MARKS_FROM: usize = 12;

/// What is shared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bottleneck {
    pub(crate) algorithm: Congestion,
    pub(crate) sack: bool,
    /// How both peers tell of marks; with any, the queue marks early.
    pub(crate) marks: Marks,
    pub(crate) lasts: Duration,
}

struct Side {
    tcp: Connection,
    peer: Peer,
    back: VecDeque<(Instant, Segment)>,
    lost: BTreeSet<u32>,
    begins: Instant,
    open: bool,
    /// Octets that came out of the bottleneck for the first time.
    through: u64,
    half: u64,
    seen: BTreeSet<u32>,
}

/// What came of one side.
#[derive(Debug)]
pub(crate) struct Share {
    /// Octets that its peer got for the first time in the second half of the time.
    pub(crate) late: u64,
    pub(crate) status: Status,
}

/// The two, with what each makes of the truth; `later` is how much later the second begins.
pub(crate) fn share(of: Bottleneck, lies: [Lie; 2], later: Duration) -> [Share; 2] {
    let start = Instant::from_secs(100);
    let side = |lie: Lie, begins: Instant| {
        let asks = if of.marks == Marks::Accurate { Ecn::Accurate } else { Ecn::Classic };
        let ecn = if of.marks == Marks::None { Ecn::Off } else { asks };
        let config = TcpConfig::default().congestion(of.algorithm).ecn(ecn);
        let path = Path { train_limit: 0, ..Path::ipv4(1500) };
        let tcp = Connection::open(begins, config, path, ISS, OFFSET);
        let peer = Peer::new(lie, of.sack, of.marks);
        let (back, lost, seen) = (VecDeque::new(), BTreeSet::new(), BTreeSet::new());
        Side { tcp, peer, back, lost, begins, open: false, through: 0, half: 0, seen }
    };
    let sides = [side(lies[0], start), side(lies[1], start + later)];
    let queue = VecDeque::new();
    let mut world = World { now: start, of, sides, queue, free: start, there: VecDeque::new() };
    while world.now < start + of.lasts {
        world.step();
        if world.now < start + of.lasts / 2 {
            world.sides.iter_mut().for_each(|side| side.half = side.through);
        }
    }
    world.sides.map(|side| Share { late: side.through - side.half, status: side.tcp.status() })
}

struct World {
    now: Instant,
    of: Bottleneck,
    sides: [Side; 2],
    /// What waits for the bottleneck, and when each comes out.
    queue: VecDeque<Instant>,
    free: Instant,
    there: VecDeque<(Instant, usize, Data)>,
}

impl World {
    /// A segment of side `at` comes to the bottleneck.
    fn enters(&mut self, at: usize, mut data: Data) {
        while self.queue.pop_front_if(|out| *out <= self.now).is_some() {}
        let early = self.of.marks != Marks::None && self.queue.len() >= MARKS_FROM;
        let capable = data.mark != wire::Ecn::NotEct;
        if self.queue.len() >= QUEUE || (early && !capable) {
            self.sides[at].lost.insert(data.start);
            return;
        }
        if early {
            data.mark = wire::Ecn::Ce;
        }
        let time = SEGMENT_TIME * data.octets / SEGMENT;
        self.free = self.free.max(self.now) + time.max(Duration::from_micros(30));
        self.queue.push_back(self.free);
        self.there.push_back((self.free + DELAY, at, data));
    }

    fn flow(&mut self, at: usize) {
        let data = Payload::from(&[7; 64 * 1024]);
        loop {
            while let Some(transmit) = self.sides[at].tcp.poll_transmit(self.now) {
                let side = &mut self.sides[at];
                if !side.open {
                    side.open = true;
                    let syn_ack = side.peer.opens(self.now + DELAY, &transmit.segment);
                    side.back.push_back((self.now + DELAY * 2, syn_ack));
                }
                let Some((data, early)) = side.peer.sees(self.now, transmit) else { continue };
                side.back.extend(early.map(|ack| (self.now + DELAY, ack)));
                self.enters(at, data);
            }
            let side = &mut self.sides[at];
            while side.tcp.poll_event().is_some() {}
            if !matches!(side.tcp.send(self.now, data.clone(), SendFlags::default()), Ok(1..)) {
                return;
            }
        }
    }

    fn step(&mut self) {
        let arrival = self.there.front().map(|(at, ..)| *at);
        let of_side = |side: &Side| {
            let begins = (!side.open).then_some(side.begins);
            let timeout = side.tcp.poll_timeout().filter(|_| side.open);
            [begins, timeout, side.back.front().map(|(at, _)| *at)].into_iter().flatten().min()
        };
        let due = [arrival, of_side(&self.sides[0]), of_side(&self.sides[1])];
        self.now = self.now.max(due.into_iter().flatten().min().expect("something is to happen"));
        while let Some((_, at, data)) = self.there.pop_front_if(|(out, ..)| *out <= self.now) {
            let side = &mut self.sides[at];
            if side.seen.insert(data.start) {
                side.through += u64::from(data.octets);
            }
            let answers = side.peer.takes(self.now, &data);
            side.back.extend(answers.into_iter().map(|answer| (self.now + DELAY, answer)));
        }
        for at in 0..2 {
            let side = &mut self.sides[at];
            if self.now < side.begins {
                continue;
            }
            while let Some((out, mut segment)) = side.back.pop_front_if(|(out, _)| *out <= self.now) {
                segment.arrived = out;
                side.tcp.handle_segment(self.now, segment);
            }
            side.tcp.handle_timeout(self.now);
            self.flow(at);
        }
    }
}
