//! What ACKs cost a sender that sent single octets, of which a peer has every other one.
//!
//! ```text
//!   sent     0 1 2 3 4 5 6 7 8 9 …      an octet a segment, all at once
//!   SACKed     ■   ■   ■   ■   ■ …      a hundred holes, or a hundred thousand
//! ```

use super::{assert_flat, steps};
use crate::{Congestion, Connection, Path, Segment, SendFlags, TcpConfig};
use alloc::vec::Vec;
use env::{Duration, Instant, Rng};
use wire::tcp::{Flags, Header, Options, SackBlock, SackBlocks};
use wire::{Payload, SeqNum, WireWindow};

const ISS: SeqNum = SeqNum::new(u32::MAX - 70_000);
const IRS: SeqNum = SeqNum::new(9_000);
const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];

struct Sender {
    now: Instant,
    tcp: Connection,
    /// The first of the single octets.
    first: SeqNum,
    /// Segments that it sent.
    sent: u64,
    /// Where those began that it sent last, counted from the first octet.
    last: Vec<u32>,
}

impl Sender {
    /// `2 × holes` single octets are out, for 100 ms.
    fn with(holes: u32) -> Self {
        Self::to(true, holes)
    }

    /// The same, to a peer with SACK or without.
    fn to(sack: bool, holes: u32) -> Self {
        let config = TcpConfig::default()
            .congestion(Congestion::NewReno)
            .nagle(false)
            .send_buffer(4 << 20)
            .expect("legal");
        let now = Instant::from_secs(100);
        let path = Path { train_limit: 0, ..Path::ipv4(65_535) };
        let mut sender = Self {
            now,
            tcp: Connection::open(now, config, path, ISS, 0),
            first: ISS + 1,
            sent: 0,
            last: Vec::new(),
        };
        sender.flow();
        sender.pass(100);
        let options =
            Options { mss: Some(65_495), sack_permitted: sack, window_scale: Some(7), ..Options::NONE };
        sender.hears_segment(Flags::SYN | Flags::ACK, ISS + 1, 65_535, options);
        sender.hears(ISS + 1, &[]); // a window that is scaled
        // The window must have been used to hold them all.
        while sender.tcp.status().cwnd < 2 * holes {
            let cwnd = sender.tcp.status().cwnd;
            sender.write(cwnd as usize);
            let status = sender.tcp.status();
            sender.first = status.snd_nxt;
            sender.pass(100);
            sender.hears(status.snd_nxt, &[]);
        }
        for _ in 0..2 * holes {
            sender.write(1);
        }
        let out = sender.tcp.status().in_flight;
        assert_eq!(out, 2 * holes, "all of it is out");
        sender.pass(100);
        sender
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn write(&mut self, octets: usize) {
        let taken = self.tcp.send(self.now, Payload::copy_of(&alloc::vec![7; octets]), SendFlags::default());
        assert_eq!(taken, Ok(octets));
        self.flow();
    }

    fn flow(&mut self) {
        self.last.clear();
        while let Some(transmit) = self.tcp.poll_transmit(self.now) {
            self.sent += 1;
            self.last.push(transmit.segment.header.seq.wrapping_since(self.first));
        }
        while self.tcp.poll_event().is_some() {}
    }

    fn hears_segment(&mut self, flags: Flags, ack: SeqNum, window: u16, options: Options) {
        let seq = IRS + u32::from(!flags.contains(Flags::SYN));
        let header =
            Header { seq, ack, flags, window: WireWindow::new(window), options, ..Header::default() };
        self.tcp.handle_segment(self.now, Segment { header, arrived: self.now, ..Segment::default() });
        self.flow();
    }

    /// An ACK of everything before `ack`, and of islands by their first and last octets, counted from the first.
    fn hears(&mut self, ack: SeqNum, islands: &[(u32, u32)]) {
        self.hears_segment(Flags::ACK, ack, 65_535, self.sack(islands));
    }

    fn sack(&self, islands: &[(u32, u32)]) -> Options {
        let mut sack = SackBlocks::NONE;
        for &(from, to) in islands {
            sack.push(SackBlock { start: self.first + from, end: self.first + to });
        }
        Options { sack, ..Options::NONE }
    }

    /// SACKs the octet after hole `n`, and the two before it, as an honest receiver does.
    fn hears_island(&mut self, ack: SeqNum, n: u32) {
        let island = |n: u32| (2 * n + 1, 2 * n + 2);
        let islands = [island(n), island(n.saturating_sub(1)), island(n.saturating_sub(2))];
        self.hears(ack, islands.get(..n.min(2) as usize + 1).unwrap_or(&[]));
    }

    /// What `acks` ACKs cost, each with what is sent because of it: steps for a segment, in or out.
    fn cost(&mut self, acks: u32, mut ack: impl FnMut(&mut Self, u32)) -> f64 {
        let before = self.sent;
        let steps = steps(|| (0..acks).for_each(|n| ack(self, n)));
        steps as f64 / (u64::from(acks) + self.sent - before) as f64
    }
}

/// What `cost` says at every size.
fn flat(what: &str, mut cost: impl FnMut(u32) -> f64) {
    let costs: Vec<(u32, f64)> = SIZES.iter().map(|&holes| (holes, cost(holes))).collect();
    std::println!("{what}: {costs:.1?}");
    assert_flat(what, &costs);
}

/// A sender whose peer has every other octet.
fn holed(holes: u32) -> Sender {
    let mut sender = Sender::with(holes);
    let first = sender.first;
    for n in 0..holes {
        sender.hears_island(first, n);
    }
    sender
}

fn shuffled(count: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    let mut rng = Rng::from_seed([7; 32]);
    for n in (1..order.len()).rev() {
        order.swap(n, rng.below(n as u64 + 1) as usize);
    }
    order
}

/// Found, judged, chosen and sent again, one after the other.
#[test]
fn islands_cost_the_same_however_many_there_are() {
    flat("ascending", |holes| {
        let mut sender = Sender::with(holes);
        let first = sender.first;
        sender.cost(holes, |sender, n| sender.hears_island(first, n))
    });
}

#[test]
fn islands_in_any_order_cost_the_same_however_many_there_are() {
    flat("any order", |holes| {
        let mut sender = Sender::with(holes);
        let (first, order) = (sender.first, shuffled(holes));
        sender.cost(holes, |sender, n| sender.hears_island(first, order[n as usize]))
    });
}

#[test]
fn holes_that_fill_one_by_one_cost_the_same_however_many_there_are() {
    flat("filled", |holes| {
        let mut sender = holed(holes);
        let first = sender.first;
        sender.cost(holes, |sender, n| sender.hears(first + 2 * n + 2, &[(2 * n + 3, 2 * n + 4)]))
    });
}

/// One ACK may take all of them away, and each was put there by a segment.
#[test]
fn an_ack_of_everything_costs_each_hole_a_few_steps() {
    flat("all at once", |holes| {
        let mut sender = holed(holes);
        let first = sender.first;
        steps(|| sender.hears(first + 2 * holes, &[])) as f64 / f64::from(holes)
    });
}

#[test]
fn duplicates_told_of_every_hole_cost_the_same_however_many_there_are() {
    flat("D-SACK", |holes| {
        let mut sender = holed(holes);
        let first = sender.first;
        sender.cost(holes, |sender, n| {
            let hole = (2 * n, 2 * n + 1);
            sender.hears(first, &[hole, (2 * n, 2 * n + 2)]);
        })
    });
}

/// What was sent again is lost again, all of it, round after round.
#[test]
fn what_is_lost_again_and_again_costs_the_same_however_many_there_are() {
    flat("lost again", |holes| {
        let mut sender = holed(holes);
        let first = sender.first;
        sender.cost(holes, |sender, n| {
            if n % (holes / 3) == 0 {
                sender.pass(130);
                sender.tcp.handle_timeout(sender.now);
                sender.flow();
            }
            sender.hears(first, &[(2 * n, 2 * n + 2)]);
        })
    });
}

/// A timeout looks at everything once.
#[test]
fn a_timeout_costs_each_hole_a_few_steps() {
    flat("timeout", |holes| {
        let mut sender = holed(holes);
        let before = sender.sent;
        let steps = steps(|| {
            while let Some(at) = sender.tcp.poll_timeout().filter(|_| sender.tcp.status().timeouts == 0) {
                sender.now = sender.now.max(at);
                sender.tcp.handle_timeout(sender.now);
                sender.flow();
            }
        });
        steps as f64 / (u64::from(holes) + sender.sent - before) as f64
    });
}

/// A peer that shuts its window and opens it again has everything sent again: what it pays for is a segment.
#[test]
fn a_window_that_shuts_and_opens_costs_the_same_however_many_holes_there_are() {
    flat("window", |holes| {
        let mut sender = holed(holes);
        let first = sender.first;
        sender.cost(10, |sender, _| {
            sender.hears_segment(Flags::ACK, first, 0, Options::NONE);
            sender.pass(1_000);
            sender.tcp.handle_timeout(sender.now);
            sender.flow();
            sender.hears(first, &[]);
        })
    });
}

/// A peer that calls each retransmission needless as soon as it sees it has the repair undone and begun again.
#[test]
fn undoing_again_and_again_costs_the_same_however_many_holes_there_are() {
    flat("undone", |holes| {
        let mut sender = Sender::with(holes);
        let first = sender.first;
        let mut undone = 0;
        let cost = sender.cost(holes, |sender, n| {
            sender.hears_island(first, n);
            let mut told = core::mem::take(&mut sender.last);
            while let Some(hole) = told.pop().filter(|hole| *hole < 2 * holes) {
                sender.pass(1);
                sender.hears(first, &[(hole, hole + 1), (hole, hole + 2)]);
                undone = sender.tcp.status().undone;
            }
        });
        assert!(undone > 0, "nothing was undone");
        cost
    });
}

/// A peer that invents islands finer than any segment is not believed beyond a bound: two pieces a segment.
#[test]
fn islands_within_segments_are_few_whatever_a_peer_says() {
    let mut sender = Sender::with(100);
    let (first, octets) = (sender.tcp.status().snd_nxt, 60_000);
    sender.write(octets as usize);
    sender.pass(100);
    sender.first = first;
    let una = sender.tcp.status().snd_una;
    let cost = sender.cost(octets / 2, |sender, n| sender.hears_island(una, n));
    assert!(cost < 40.0, "{cost}");
    assert!(sender.tcp.status().sacked < 1_000, "{:?}", sender.tcp.status().sacked);
}

/// Every other octet has come, as a peer without SACK tells it: one duplicate each.
fn duplicated(holes: u32) -> Sender {
    let mut sender = Sender::to(false, holes);
    let first = sender.first;
    for _ in 0..holes {
        sender.hears(first, &[]);
    }
    sender
}

/// What duplicates cost is told with the ACK that follows each: alone, none looks anything up.
#[test]
fn without_sack_holes_that_fill_cost_the_same_however_many_there_are() {
    flat("filled, no SACK", |holes| {
        let mut sender = duplicated(holes);
        let first = sender.first;
        sender.cost(holes, |sender, n| sender.hears(first + 2 * n + 2, &[]))
    });
}

#[test]
fn without_sack_duplicates_between_holes_cost_the_same_however_many_there_are() {
    flat("duplicates, no SACK", |holes| {
        let mut sender = Sender::to(false, holes);
        let first = sender.first;
        sender.cost(4 * (holes - 1), |sender, n| sender.hears(first + n / 4 * 2, &[]))
    });
}

/// All that is out counts as lost then, and leaves again.
#[test]
fn without_sack_a_timeout_costs_each_octet_a_few_steps() {
    flat("timeout, no SACK", |holes| {
        let mut sender = duplicated(holes);
        let steps = steps(|| {
            while let Some(at) = sender.tcp.poll_timeout().filter(|_| sender.tcp.status().timeouts == 0) {
                sender.now = sender.now.max(at);
                sender.tcp.handle_timeout(sender.now);
                sender.flow();
            }
            sender.hears(sender.first + 2 * holes, &[]);
        });
        steps as f64 / f64::from(2 * holes)
    });
}
