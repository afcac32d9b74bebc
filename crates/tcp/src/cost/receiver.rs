//! What segments cost a receiver, of which every other octet is missing.

use super::{assert_flat, steps};
use crate::listener::{HalfOpen, HalfOpenOutcome, Offer};
use crate::{Connection, Path, Segment, TcpConfig};
use alloc::vec::Vec;
use env::Instant;
use wire::tcp::{Flags, Header, Options};
use wire::{Payload, SeqNum, WireWindow};

const NOW: Instant = Instant::from_secs(100);
const IRS: SeqNum = SeqNum::new(u32::MAX - 70_000);
const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];

struct Receiver {
    tcp: Connection,
    /// The number that its segments acknowledge us with.
    ack: SeqNum,
    answers: u64,
}

impl Receiver {
    /// Established with a peer that takes SACK blocks, or does not.
    fn new(sack: bool) -> Self {
        // A quarter of it has room for more islands of an octet than there are in any test.
        let config = TcpConfig::default().receive_buffer(128 << 20).expect("legal");
        let offer = Offer {
            config: &config,
            path: Path::ipv4(1500),
            receive_window: 65_535,
            timestamp_offset: 0,
            retransmissions: 5,
        };
        let options =
            Options { mss: Some(1460), sack_permitted: sack, window_scale: Some(7), ..Options::NONE };
        let window = WireWindow::new(65_535);
        let syn = Header { seq: IRS, flags: Flags::SYN, window, options, ..Header::default() };
        let syn = Segment { header: syn, arrived: NOW, ..Segment::default() };
        let iss = SeqNum::new(5_000);
        let mut half = HalfOpen::answer(NOW, &syn, iss, &offer);
        half.poll_transmit(NOW).expect("a SYN,ACK");
        let ack = Header { seq: IRS + 1, ack: iss + 1, flags: Flags::ACK, window, ..Header::default() };
        let ack = Segment { header: ack, arrived: NOW, ..Segment::default() };
        let HalfOpenOutcome::Established(accepted) = half.handle_segment(NOW, &ack) else {
            panic!("not established")
        };
        let mut tcp = Connection::accepted(NOW, config.clone(), offer.path, accepted);
        tcp.handle_segment(NOW, ack);
        let mut receiver = Self { tcp, ack: iss + 1, answers: 0 };
        // So much in order that the window is offered whole.
        for n in 0..100 {
            receiver.takes(SeqNum::wrapping_since(IRS + n * 1_000, IRS), 1_000);
        }
        receiver
    }

    /// `octets` from `place` on, counted from the first that ever came.
    fn takes(&mut self, place: u32, octets: usize) {
        let header = Header {
            seq: IRS + 1 + place,
            ack: self.ack,
            flags: Flags::ACK,
            window: WireWindow::new(65_535),
            ..Header::default()
        };
        let payload = Payload::copy_of(&alloc::vec![7; octets]);
        self.tcp.handle_segment(NOW, Segment { header, payload, arrived: NOW, ..Segment::default() });
        while self.tcp.poll_transmit(NOW).is_some() {
            self.answers += 1;
        }
        while self.tcp.poll_event().is_some() {}
        while self.tcp.receive(NOW, usize::MAX).is_ok() {}
        while self.tcp.poll_transmit(NOW).is_some() {
            self.answers += 1;
        }
    }

    /// Every other octet from the first on, each an island that is kept.
    fn every_other(&mut self, holes: u32) {
        for n in 0..holes {
            self.takes(BEGIN + 2 * n + 1, 1);
        }
        self.keeps(holes);
    }

    /// So many octets wait above holes: nothing was refused.
    fn keeps(&self, octets: u32) {
        assert_eq!(self.tcp.status().out_of_order, octets as usize);
    }

    /// Steps for a segment, in or out.
    fn cost(&mut self, segments: u32, mut take: impl FnMut(&mut Self, u32)) -> f64 {
        let before = self.answers;
        let steps = steps(|| (0..segments).for_each(|n| take(self, n)));
        steps as f64 / (u64::from(segments) + self.answers - before) as f64
    }
}

const BEGIN: u32 = 100_000;

/// What `cost` says at every size, with SACK and without. Where no blocks are told, less than a step is done for a segment, so it
/// is counted for eight.
fn flat(what: &str, mut cost: impl FnMut(bool, u32) -> f64) {
    for (sack, segments) in [(true, 1.0), (false, 8.0)] {
        let costs: Vec<(u32, f64)> =
            SIZES.iter().map(|&holes| (holes, cost(sack, holes) * segments)).collect();
        std::println!("{what}, SACK {sack}: {costs:.1?}");
        assert_flat(what, &costs);
    }
}

#[test]
fn islands_cost_the_same_however_many_there_are() {
    flat("islands", |sack, holes| {
        let mut receiver = Receiver::new(sack);
        let cost = receiver.cost(holes, |receiver, n| receiver.takes(BEGIN + 2 * n + 1, 1));
        receiver.keeps(holes);
        cost
    });
}

#[test]
fn islands_from_the_far_end_cost_the_same_however_many_there_are() {
    flat("islands, descending", |sack, holes| {
        let mut receiver = Receiver::new(sack);
        let cost = receiver.cost(holes, |receiver, n| receiver.takes(BEGIN + 2 * (holes - n), 1));
        receiver.keeps(holes);
        cost
    });
}

/// From the front on: each delivers itself and its neighbour.
#[test]
fn holes_that_fill_cost_the_same_however_many_there_are() {
    flat("filled", |sack, holes| {
        let mut receiver = Receiver::new(sack);
        receiver.every_other(holes);
        let cost = receiver.cost(holes, |receiver, n| {
            receiver.takes(BEGIN + 2 * n, 1);
            receiver.takes(BEGIN + 2 * n + 1, 1);
        });
        assert_eq!(receiver.tcp.status().octets_received, u64::from(BEGIN + 2 * holes));
        cost
    });
}

/// From the back on: islands grow together before any is delivered, and then all are at once.
#[test]
fn islands_that_join_cost_the_same_however_many_there_are() {
    flat("joined", |sack, holes| {
        let mut receiver = Receiver::new(sack);
        receiver.every_other(holes);
        let cost = receiver.cost(holes, |receiver, n| receiver.takes(BEGIN + 2 * (holes - n - 1), 1));
        assert_eq!(receiver.tcp.status().octets_received, u64::from(BEGIN + 2 * holes));
        cost
    });
}

/// Duplicates of what waits, each reported.
#[test]
fn duplicates_cost_the_same_however_many_islands_there_are() {
    flat("duplicates", |sack, holes| {
        let mut receiver = Receiver::new(sack);
        receiver.every_other(holes);
        receiver.cost(holes, |receiver, n| receiver.takes(BEGIN + 2 * n + 1, 1))
    });
}
