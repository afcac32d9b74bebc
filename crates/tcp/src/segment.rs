//! A typed segment, or a train of them.

use crate::Why;
use core::num::NonZeroU16;
use env::Instant;
use wire::tcp::{Flags, Header};
use wire::{Ecn, Payload, SeqNum};

/// A segment, or a train: one header, and a payload that is cut into segments of `segment_size`.
///
/// A train counts as its segments wherever a rule counts segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The header; a train's first segment carries it as it is.
    pub header: Header,
    /// The octets.
    pub payload: Payload,
    /// Octets in each segment of a train; the last may have fewer. `None`: one segment.
    pub segment_size: Option<NonZeroU16>,
    /// The ECN bits of the IP header.
    pub ecn: Ecn,
    /// When it was read from its device; zero on a segment that is going out.
    pub arrived: Instant,
}

impl Segment {
    /// Numbers that the segment takes up: its octets, one for SYN, one for FIN (SEG.LEN, RFC 9293 §3.4, 9293-E36).
    pub fn seq_len(&self) -> u32 {
        let controls = u32::from(self.has(Flags::SYN)).saturating_add(u32::from(self.has(Flags::FIN)));
        u32::try_from(self.payload.len()).unwrap_or(u32::MAX).saturating_add(controls)
    }

    /// The number after the last.
    pub fn end(&self) -> SeqNum {
        self.header.seq + self.seq_len()
    }

    /// Whether all of `flags` are set.
    pub fn has(&self, flags: Flags) -> bool {
        self.header.flags.contains(flags)
    }

    /// The acknowledgment number, when the ACK bit says that it counts.
    pub fn ack(&self) -> Option<SeqNum> {
        self.has(Flags::ACK).then_some(self.header.ack)
    }

    /// How many segments this is on the wire: at least one.
    pub fn count(&self) -> u32 {
        match self.segment_size {
            Some(size) => (self.payload.len().div_ceil(usize::from(size.get())) as u32).max(1),
            None => 1,
        }
    }

    /// The number of the first octet of payload: after the SYN, when there is one.
    pub fn payload_seq(&self) -> SeqNum {
        self.header.seq + u32::from(self.has(Flags::SYN))
    }
}

/// A segment to send, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// What to send.
    pub segment: Segment,
    /// The reason, for those who watch.
    pub why: Why,
    /// The instant before which it had better not leave, where the path takes what is [ahead](crate::Path::ahead) of its time;
    /// zero: at once.
    pub leaves: Instant,
}

impl Transmit {
    /// A segment that leaves at once.
    pub fn now(segment: Segment, why: Why) -> Self {
        Self { segment, why, leaves: Instant::ZERO }
    }

    /// The same, leaving at `leaves`.
    pub(crate) fn leaving(self, leaves: Instant) -> Self {
        Self { leaves, ..self }
    }
}

/// What is this small is handed on without a call.
const _: () = assert!(size_of::<Transmit>() <= 144);
