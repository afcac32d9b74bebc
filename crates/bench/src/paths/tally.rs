//! What passes the relay on the data's way, counted the same for everybody: sent again, and come twice.
//!
//! ```text
//!   offered ─► any octet before the furthest one?  sent again     ─► link ─► delivered ─► all of it was before?  spurious
//! ```
//!
//! A segment sent again was needless if its octets had all reached the receiver before it: that is what the receiver tells
//! by D-SACK (RFC 2883), here seen by who carries the packets.

use super::ranges::Ranges;
use wire::{Protocol, SeqNum, ipv4, tcp};

/// Counts of payload octets, and of segments that have any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Octets that the sender gave to the link.
    pub sent: u64,
    /// Those among them that it had sent before.
    pub again: u64,
    /// Segments that the sender gave to the link.
    pub segments: u64,
    /// Segments that arrived, and had nothing that had not arrived before.
    pub spurious: u64,
}

/// Watches one direction of one connection.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Counts,
    /// The number of the first segment seen, which is counted from.
    first: Option<SeqNum>,
    /// The end of what was sent, from there on.
    furthest: u64,
    arrived: Ranges,
}

impl Tally {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// A packet is given to the link.
    pub(super) fn offered(&mut self, packet: &[u8]) {
        let Some((from, until)) = self.place(packet) else { return };
        self.counts.sent += until - from;
        self.counts.again += self.furthest.clamp(from, until) - from;
        self.counts.segments += 1;
        self.furthest = self.furthest.max(until);
    }

    /// A packet has come out of it.
    pub(super) fn delivered(&mut self, packet: &[u8]) {
        let Some((from, until)) = self.place(packet) else { return };
        if self.arrived.insert(from, until) == 0 {
            self.counts.spurious += 1;
        }
    }

    /// Where a TCP segment's payload lies in the stream; `None` when it is something else, or has none.
    fn place(&mut self, packet: &[u8]) -> Option<(u64, u64)> {
        let ip = ipv4::View::new(packet).ok()?;
        if ip.protocol() != Protocol::TCP {
            return None;
        }
        let segment = tcp::View::new(ip.payload()).ok()?;
        let first = *self.first.get_or_insert(segment.seq());
        let len = segment.payload().len() as u64;
        if len == 0 {
            return None;
        }
        // The stream goes round the numbers more than once: the nearest place to what was sent last is meant.
        let near = first + self.furthest as u32;
        let from = match segment.seq().since(near) {
            Some(ahead) => self.furthest + u64::from(ahead),
            None => self.furthest.checked_sub(u64::from(near.wrapping_since(segment.seq())))?,
        };
        Some((from, from + len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use wire::tcp::Flags;

    /// A packet with a segment of `len` octets at `seq`.
    fn packet(seq: u32, len: usize, flags: Flags) -> Vec<u8> {
        let mut octets = vec![0; 40 + len];
        octets[20 + 4..20 + 8].copy_from_slice(&seq.to_be_bytes());
        octets[20 + 12..20 + 14].copy_from_slice(&(0x5000 | flags.bits()).to_be_bytes());
        let header = ipv4::Repr::new(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST, Protocol::TCP);
        header.emit(&mut octets, 20 + len).unwrap();
        octets
    }

    #[test]
    fn what_is_sent_again_and_needlessly_is_told_apart() {
        let mut tally = Tally::default();
        let syn = u32::MAX - 1000;
        tally.offered(&packet(syn, 0, Flags::SYN));
        let segment = |index: u32| packet(syn.wrapping_add(1 + index * 1000), 1000, Flags::ACK);
        for index in 0..4 {
            tally.offered(&segment(index));
            if index != 1 {
                tally.delivered(&segment(index));
            }
        }
        let counts = Counts { sent: 4000, segments: 4, ..Counts::default() };
        assert_eq!(tally.counts(), counts);
        // The lost one was needed, the last was not.
        for index in [1, 3] {
            tally.offered(&segment(index));
            tally.delivered(&segment(index));
        }
        assert_eq!(tally.counts(), Counts { sent: 6000, again: 2000, segments: 6, spurious: 1 });
    }

    #[test]
    fn numbers_that_go_round_are_no_retransmissions() {
        let mut tally = Tally::default();
        let step = 1 << 15;
        for index in 0..300_000u32 {
            tally.offered(&packet(index.wrapping_mul(step), step as usize - 1000, Flags::ACK));
        }
        assert_eq!((tally.counts().segments, tally.counts().again), (300_000, 0));
    }

    #[test]
    fn what_is_no_segment_is_not_counted() {
        let mut tally = Tally::default();
        tally.offered(b"\x60 not IPv4");
        tally.delivered(&[]);
        tally.offered(&packet(5, 0, Flags::ACK));
        assert_eq!(tally.counts(), Counts::default());
    }
}
