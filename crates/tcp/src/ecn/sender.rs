//! What the peer tells of marks on what we sent, and what follows from it.

use super::{EcnMode, Marks, ace};
use crate::Segment;
use wire::tcp::Flags;
use wire::{Ecn, SeqNum};

/// Where the peer's counter of packets begins (RFC 9768 §3.2.1).
pub(super) const FIRST: u64 = 5;
const MASK: u32 = 0x00ff_ffff;

/// The peer's counters as told last (s.cep, s.ceb), and what we did about them.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) packets: u64,
    /// All octets that were marked, as far as could be told.
    pub(super) marked: u64,
    octets: u32,
    /// The option came at least once: its silence then means that nothing moved.
    options: bool,
    /// Marks on what was sent before this are answered already.
    pub(super) answered: SeqNum,
    /// The next new data says CWR (3168-13).
    confirm: bool,
}

impl Told {
    pub(super) const fn new(iss: SeqNum) -> Self {
        Self { packets: FIRST, marked: 0, octets: 0, options: false, answered: iss, confirm: false }
    }
}

impl Marks {
    /// What an acceptable ACK says, when it brings `acked` octets of news in segments of `segment_size`: octets that were
    /// marked, as near as can be told.
    pub(crate) fn told(&mut self, segment: &Segment, acked: u32, segment_size: u32) -> u32 {
        if core::mem::take(&mut self.awaits_handshake) || segment.has(Flags::SYN) || !self.heeded {
            return 0;
        }
        let marked = match self.mode {
            EcnMode::Classic if segment.has(Flags::ECE) => acked.max(segment_size),
            EcnMode::Classic => 0,
            EcnMode::Accurate => {
                let octets = self.octets_told(segment);
                let packets =
                    self.packets_told(ace(segment.header.flags), acked.div_ceil(segment_size), octets);
                let marked =
                    octets.filter(|octets| *octets > 0).unwrap_or(packets.saturating_mul(segment_size));
                marked.min(acked.max(segment_size))
            }
        };
        self.told.marked += u64::from(marked);
        marked
    }

    /// How far the peer's counter of octets moved, if it is there.
    fn octets_told(&mut self, segment: &Segment) -> Option<u32> {
        let counter = segment.header.options.accurate_ecn.as_ref().and_then(|option| option.ce())?;
        self.told.options = true;
        let moved = counter.wrapping_sub(self.told.octets) & MASK;
        if moved > MASK / 2 {
            return Some(0); // Half a turn back: an ACK that was overtaken.
        }
        self.told.octets = counter;
        Some(moved)
    }

    /// How far the peer's counter of packets moved: by its three bits, and by as many whole turns as `acked` packets and the
    /// counter of octets make likely (RFC 9768 §3.2.2.5.2).
    fn packets_told(&mut self, ace: u8, acked: u32, octets: Option<u32>) -> u32 {
        let moved = u32::from(ace.wrapping_sub((self.told.packets & 0b111) as u8) & 0b111);
        let likely = match octets {
            // The octets say that nothing was marked, or something: no turn is hidden.
            Some(_) => moved,
            None if self.told.options || moved == 0 => moved,
            // The safest number that ends in these bits.
            None if acked > 7 => acked - (acked.wrapping_sub(moved) & 0b111),
            None => moved,
        };
        self.told.packets += u64::from(likely);
        likely
    }

    /// Whether marks told now, with SND.UNA at `una`, are of a window of data that was not answered yet (3168-10); then it is,
    /// up to `nxt`.
    pub(crate) fn answers(&mut self, una: SeqNum, nxt: SeqNum) -> bool {
        if una.before(self.told.answered) {
            return false;
        }
        self.told.answered = nxt;
        self.told.confirm = self.mode == EcnMode::Classic;
        true
    }

    /// Something else made the window smaller: marks on what was sent before `nxt` say nothing new (3168-10), and the peer
    /// hears of it (3168-13).
    pub(crate) fn reduced(&mut self, nxt: SeqNum) {
        self.told.answered = nxt;
        self.told.confirm = self.mode == EcnMode::Classic;
    }

    /// Keeps the mark of answering close behind SND.UNA: left alone for 2 GiB it would seem to lie ahead.
    pub(crate) fn progressed(&mut self, una: SeqNum) {
        if self.told.answered.before(una) {
            self.told.answered = una;
        }
    }

    /// Whether the next new data says CWR: it goes alone then, for a train would say it in every segment.
    pub(crate) const fn confirms(&self) -> bool {
        self.told.confirm
    }

    /// New data leaves, and nothing else comes by here, no probe and nothing that was sent before (3168-16, 3168-17): what it
    /// says, and what its IP header says (3168-3, 3168-6, 3168-9, 3168-13; RFC 9331
    /// §4.1).
    pub(crate) fn departs(&mut self, scalable: bool) -> (Flags, Ecn) {
        let flags = if core::mem::take(&mut self.told.confirm) { Flags::CWR } else { Flags::NONE };
        let mark = match (self.capable, scalable && self.mode == EcnMode::Accurate) {
            (false, _) => Ecn::NotEct,
            (true, false) => Ecn::Ect0,
            (true, true) => Ecn::Ect1,
        };
        (flags, mark)
    }
}
