//! A sender, a path, and a peer that may lie.

use crate::peer::{Data, ISS, Lie, Marks, OFFSET, Peer, SEGMENT, SHIFT, WINDOW};
use env::{Duration, Instant};
use std::collections::{BTreeSet, VecDeque};
use tcp::{Congestion, Connection, Path, Segment, SendFlags, TcpConfig};
use wire::Payload;

const DELAY: Duration = Duration::from_millis(25);
const TENTH: Duration = Duration::from_millis(100);
const TENTHS: usize = 16;
/// Of so many segments one is lost, the first time.
const LOSES: u32 = 150;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Octets sent for the first time by each tenth of a second.
    pub(crate) sent: Vec<u64>,
    /// The largest congestion window, as far as the peer's window lets it be used.
    pub(crate) cwnd: u32,
    /// Octets acknowledged, and the window then.
    pub(crate) windows: Vec<(u64, u32)>,
    /// How often a segment was held back to see whether the peer tells of holes, and how often it claimed to have it.
    pub(crate) asked: (u32, u8),
}

struct World {
    now: Instant,
    tcp: Connection,
    peer: Peer,
    loses: Option<u32>,
    /// On the way, and when each arrives.
    there: VecDeque<(Instant, Data)>,
    back: VecDeque<(Instant, Segment)>,
    /// Numbers that were lost once.
    lost: BTreeSet<u32>,
}

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
        run.asked = (status.withheld, status.lies);
        if run.windows.last().is_none_or(|(last, _)| *last < acked) {
            run.windows.push((acked, status.cwnd));
        }
        let due = begin + TENTH * (run.sent.len() as u32 + 1);
        if world.now >= due {
            run.sent.push(u64::from(world.peer.highest));
        }
        let out = status.snd_nxt.wrapping_since(status.snd_una);
        assert!(status.in_flight <= out, "{status:?}");
        assert!(!sack || status.in_flight + status.sacked + status.lost == out, "{status:?}");
        assert!(u64::from(world.peer.highest) >= status.octets_acknowledged, "{status:?}");
    }
    run
}

impl World {
    fn established(algorithm: Congestion, sack: bool, loses: Option<u32>, lie: Lie) -> Self {
        let now = Instant::from_secs(100);
        let config = TcpConfig::default().congestion(algorithm);
        let path = Path { train_limit: 0, ..Path::ipv4(1500) };
        let mut tcp = Connection::open(now, config, path, ISS, OFFSET);
        let mut peer = Peer::new(lie, sack, Marks::None);
        let syn = tcp.poll_transmit(now).expect("a SYN");
        let syn_ack = peer.opens(now + DELAY, &syn.segment);
        let now = now + DELAY * 2;
        tcp.handle_segment(now, syn_ack);
        let (there, back, lost) = (VecDeque::new(), VecDeque::new(), BTreeSet::new());
        let mut world = Self { now, tcp, peer, loses, there, back, lost };
        world.flow();
        world
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
            let Some((data, early)) = self.peer.sees(self.now, transmit) else { continue };
            let drawn = |path: u32| (data.start / SEGMENT + 7_919 * path).wrapping_mul(0x9e37_79b9) >> 8;
            let hit = self.loses.is_some_and(|path| drawn(path).is_multiple_of(LOSES));
            if hit && !data.again && self.lost.insert(data.start) {
                continue;
            }
            self.there.push_back((self.now + DELAY, data));
            self.back.extend(early.map(|ack| (self.now + DELAY, ack)));
        }
        while self.tcp.poll_event().is_some() {}
    }

    /// On to the next thing that happens.
    fn step(&mut self) {
        let due = [
            self.there.front().map(|(at, _)| *at),
            self.back.front().map(|(at, _)| *at),
            self.tcp.poll_timeout(),
        ];
        let next = due.into_iter().flatten().min().expect("something is to happen");
        self.now = self.now.max(next);
        while let Some((_, data)) = self.there.pop_front_if(|(at, _)| *at <= self.now) {
            let answers = self.peer.takes(self.now, &data);
            self.back.extend(answers.into_iter().map(|answer| (self.now + DELAY, answer)));
        }
        while let Some((at, mut segment)) = self.back.pop_front_if(|(at, _)| *at <= self.now) {
            segment.arrived = at;
            self.tcp.handle_segment(self.now, segment);
            self.transmit();
        }
        self.tcp.handle_timeout(self.now);
        self.flow();
    }
}
