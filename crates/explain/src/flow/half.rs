//! What the segments of one direction have told.

use crate::finding::Findings;
use env::Instant;
use std::collections::VecDeque;
use wire::SeqNum;
use wire::tcp::{Flags, Header};

/// A TCP segment of a flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) at: Instant,
    pub(crate) header: &'a Header,
    /// Octets of data.
    pub(crate) len: u32,
}

impl Segment<'_> {
    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.header.flags.intersects(flags)
    }

    pub(crate) fn seq(&self) -> SeqNum {
        self.header.seq
    }

    pub(crate) fn ack(&self) -> SeqNum {
        self.header.ack
    }

    /// The number after its data, without SYN and FIN.
    pub(crate) fn data_end(&self) -> SeqNum {
        self.seq() + self.len
    }

    /// The number after it: a SYN and a FIN count one each, and both together are one here, as nobody sends them so.
    pub(crate) fn end(&self) -> SeqNum {
        self.data_end() + u32::from(self.has(Flags::SYN | Flags::FIN))
    }

    /// Whether it takes any numbers.
    pub(crate) fn takes_numbers(&self) -> bool {
        self.len > 0 || self.has(Flags::SYN | Flags::FIN)
    }
}

/// A segment that is not acknowledged yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outstanding {
    pub(crate) start: SeqNum,
    pub(crate) end: SeqNum,
    /// When it was seen last.
    pub(crate) at: Instant,
    /// How often it was seen again.
    pub(crate) again: u32,
}

/// What is known of the scale of a direction's windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Its SYN was not seen.
    #[default]
    Unknown,
    /// None was agreed on.
    None,
    /// So many bits.
    Bits(u8),
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Half {
    /// Its first number: that of its SYN, or the one before what was seen first.
    pub(crate) first: Option<SeqNum>,
    /// A SYN of it was seen.
    pub(crate) opened: bool,
    /// The number after the highest seen, and when that was seen.
    pub(crate) next: Option<SeqNum>,
    pub(crate) next_at: Instant,
    /// The number after all that was seen without a gap, or was acknowledged.
    pub(crate) seen: Option<SeqNum>,
    /// What was seen and not acknowledged yet, oldest first.
    pub(crate) outstanding: VecDeque<Outstanding>,
    /// The acknowledgment field that it sent last, and when.
    pub(crate) last_ack: Option<SeqNum>,
    pub(crate) last_ack_at: Instant,
    /// The window field that it sent last.
    pub(crate) window: u16,
    pub(crate) scale: Scale,
    /// Its window has not been scaled yet: only its SYN was seen.
    pub(crate) unscaled: bool,
    /// How often its last ACK was repeated.
    pub(crate) duplicates: u32,
    /// What was found of its last segment.
    pub(crate) last: Findings,
    /// The number of its FIN.
    pub(crate) fin: Option<SeqNum>,
    /// The segment size that it asked for.
    pub(crate) mss: Option<u16>,
    /// The TTL or hop limit of its packets, and whether it was the same in all of them.
    pub(crate) ttl: Option<u8>,
}

impl Half {
    /// The window that it told last, in octets, where that can be known.
    pub(crate) fn window_octets(&self) -> Option<u32> {
        let window = u32::from(self.window);
        match self.scale {
            Scale::Unknown => None,
            Scale::None => Some(window),
            Scale::Bits(_) if self.unscaled => Some(window),
            Scale::Bits(bits) => Some(window << bits.min(14)),
        }
    }

    /// The outstanding segment that holds all of these numbers, if one does.
    pub(crate) fn holding(&mut self, start: SeqNum, end: SeqNum) -> Option<&mut Outstanding> {
        self.outstanding.iter_mut().rev().find(|o| o.start.at_or_before(start) && end.at_or_before(o.end))
    }

    /// Forgets what `ack` acknowledges.
    pub(crate) fn acknowledge(&mut self, ack: SeqNum) {
        self.outstanding.retain(|o| o.end.after(ack));
    }
}
