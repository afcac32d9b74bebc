//! What the peer tells of marks on what we sent, and what follows from it.

use super::receiver::FIRST_OCTETS;
use super::{EcnCounts, EcnMode, Marks, ace};
use crate::Segment;
use wire::tcp::Flags;
use wire::{Ecn, SeqNum};

/// Where the peer's counter of packets begins (RFC 9768 §3.2.1).
pub(super) const FIRST: u64 = 5;
const MASK: u32 = 0x00ff_ffff;
/// Segments that one ACK brings news of, on average: where it is more, ACKs are thinned out, and a long one says nothing of
/// others that were lost (RFC 9768 appendix A.2.1).
const THIN: u32 = 4;
/// The average counts in these, and so much of it is the past.
const AVERAGE_ONE: u32 = 64;
const AVERAGE_PAST: u32 = 63;

/// A counter of octets at the peer, of which options tell 24 bits.
#[derive(Clone, Copy, Debug, Default)]
struct Octets {
    last: u32,
    total: u64,
}

impl Octets {
    /// How far it moved, by an option of an ACK that no later one has overtaken.
    fn told(&mut self, counter: u32) -> u32 {
        let moved = counter.wrapping_sub(self.last) & MASK;
        if moved > MASK / 2 {
            return 0; // Half a turn back: an ACK that was overtaken all the same.
        }
        self.last = counter;
        self.total += u64::from(moved);
        moved
    }
}

/// The peer's counters as told last (s.cep, s.ceb, s.e0b, s.e1b), and what we did about them.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) packets: u64,
    /// All octets that were marked, as far as could be told.
    pub(super) marked: u64,
    ce: Octets,
    ect0: Octets,
    ect1: Octets,
    /// The option came at least once: its silence then means that nothing moved.
    pub(super) options: bool,
    /// It came with counters wiped: they count for nothing (RFC 9768 §3.2.3.2.4).
    wiped: bool,
    /// The peer's clock when it was last heard of marks.
    pub(super) stamp: Option<u32>,
    /// Segments that one ACK brings news of, in 1/64.
    news: u32,
    /// Marks on what was sent before this are answered already.
    pub(super) answered: SeqNum,
    /// The next new data says CWR (3168-13).
    pub(super) confirm: bool,
}

impl Told {
    pub(super) fn new(iss: SeqNum) -> Self {
        let first = Octets { last: FIRST_OCTETS, total: 0 };
        Self {
            packets: FIRST,
            marked: 0,
            ce: Octets::default(),
            ect0: first,
            ect1: first,
            options: false,
            wiped: false,
            stamp: None,
            news: 0,
            answered: iss,
            confirm: false,
        }
    }

    pub(super) const fn counts(&self) -> EcnCounts {
        let packets = self.packets - FIRST;
        EcnCounts { packets, ce: self.ce.total, ect0: self.ect0.total, ect1: self.ect1.total }
    }

    /// Notes whether `segment` has the option, and with wiped counters if it is the first: what begins at one can't be
    /// nothing.
    pub(super) fn options_in(&mut self, segment: &Segment) {
        let Some(option) = segment.header.options.accurate_ecn.as_deref() else { return };
        if !core::mem::replace(&mut self.options, true) {
            self.wiped = option.ect0() == Some(0) || option.ect1() == Some(0);
        }
    }

    /// How far the peer's counter of marked octets moved, if it is there.
    fn octets_told(&mut self, segment: &Segment) -> Option<u32> {
        let option = segment.header.options.accurate_ecn.as_deref().filter(|_| !self.wiped)?;
        if let Some(counter) = option.ect0() {
            self.ect0.told(counter);
        }
        if let Some(counter) = option.ect1() {
            self.ect1.told(counter);
        }
        Some(self.ce.told(option.ce()?))
    }

    /// How far the peer's counter of packets moved: by its three bits, and by as many whole turns as `acked` packets and the
    /// counter of octets make likely (RFC 9768 §3.2.2.5.2, appendix A.2).
    fn packets_told(&mut self, ace: u8, news: &News, octets: Option<u32>) -> u32 {
        let moved = u32::from(ace.wrapping_sub((self.packets & 0b111) as u8) & 0b111);
        let acked = news.octets.div_ceil(news.segment_size);
        if acked > 0 {
            let share = acked.min(u32::from(u16::MAX)) * AVERAGE_ONE;
            self.news = if self.news == 0 { share } else { (self.news * AVERAGE_PAST + share) / AVERAGE_ONE };
        }
        let likely = if acked > 7 { self.safest(moved, acked, news, octets) } else { moved };
        self.packets += u64::from(likely);
        likely
    }

    /// Of the numbers that end in these three bits and that `acked` segments allow.
    fn safest(&self, moved: u32, acked: u32, news: &News, octets: Option<u32>) -> u32 {
        let safe = acked - (acked.wrapping_sub(moved) & 0b111);
        let size = u64::from(news.segment_size);
        match octets.map(u64::from) {
            Some(0) => moved,
            // Of many, as large a share as of the octets.
            Some(marked) if acked > 15 => {
                let whole = u64::from(news.octets.max(1));
                let share = (marked.min(whole) * u64::from(acked)).div_ceil(whole) as u32;
                safe.min(moved + (share & !0b111))
            }
            Some(marked) if marked > u64::from(moved) * size => safe,
            // Half a segment each would be small for so many.
            Some(marked) if marked < u64::from(safe) * size / 2 => moved,
            Some(_) => safe,
            None if self.options && !self.wiped => moved,
            None if self.news > THIN * AVERAGE_ONE => moved,
            None => safe,
        }
    }
}

/// What an ACK brings beside what it tells of marks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News {
    /// Octets that it says to have arrived, by number or by SACK blocks, and that no other said before.
    pub(crate) octets: u32,
    /// The size of a segment.
    pub(crate) segment_size: u32,
    /// The peer's clock, where it is told.
    pub(crate) stamp: Option<u32>,
}

impl Marks {
    /// What an acceptable ACK says, with what other news it brings: octets that were marked, as near as can be told. An ACK
    /// without any, not even of time, was overtaken by a later one, as far as we know (RFC 9768 appendix A.1).
    pub(crate) fn told(&mut self, segment: &Segment, news: &News) -> u32 {
        if self.mode == EcnMode::Accurate && !segment.has(Flags::SYN) {
            self.told.options_in(segment);
        }
        let later =
            news.stamp.is_some() && news.stamp != core::mem::replace(&mut self.told.stamp, news.stamp);
        if core::mem::take(&mut self.awaits_handshake) || segment.has(Flags::SYN) || !self.heeded {
            return 0;
        }
        let most = news.octets.max(news.segment_size);
        let marked = match self.mode {
            EcnMode::Classic if segment.has(Flags::ECE) => most,
            EcnMode::Classic => 0,
            EcnMode::Accurate if news.octets == 0 && !later => 0,
            EcnMode::Accurate => {
                let octets = self.told.octets_told(segment);
                let packets = self.told.packets_told(ace(segment.header.flags), news, octets);
                let marked =
                    octets.filter(|octets| *octets > 0).unwrap_or(packets.saturating_mul(news.segment_size));
                marked.min(most)
            }
        };
        let marked = self.answered_by(segment.header.ack, marked, news.segment_size);
        self.told.marked += u64::from(marked);
        marked
    }

    /// Whether marks told now, with SND.UNA at `una`, are of a window of data that was not answered yet (3168-10); then it is,
    /// up to `nxt`. The ACK that ends such a window says nothing of the next; but whoever has `own_rounds` hears it as the last
    /// of its round, and answers once a round by itself.
    pub(crate) fn answers(&mut self, una: SeqNum, nxt: SeqNum, own_rounds: bool) -> bool {
        if una.before(self.told.answered) || (una == self.told.answered && !own_rounds) {
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
            self.told.answered = una - 1;
        }
    }

    /// Whether the next new data says CWR: it goes alone then, for a train would say it in every segment.
    pub(crate) const fn confirms(&self) -> bool {
        self.told.confirm
    }

    /// New data leaves, and nothing else comes by here, no probe and nothing that was sent before (3168-16, 3168-17): what it
    /// says, and what its IP header says (3168-3, 3168-6, 3168-9, 3168-13; 9331-1).
    pub(crate) fn departs(&mut self, start: SeqNum, end: SeqNum, scalable: bool) -> (Flags, Ecn) {
        let flags = if core::mem::take(&mut self.told.confirm) { Flags::CWR } else { Flags::NONE };
        (flags, if self.asks_with(start, end) { Ecn::Ce } else { self.mark(scalable) })
    }

    /// What the IP header says of an ACK, or of what is sent again: nothing, unless habits have it otherwise (RFC 8311 §4.3).
    pub(crate) const fn control(&self, scalable: bool) -> Ecn {
        match (self.mode, self.habits.control) {
            (EcnMode::Accurate, true) => self.mark(scalable),
            _ => Ecn::NotEct,
        }
    }

    /// ECT(1) is for controllers that answer in proportion, and are told how much was marked (9331-2, 9331-3).
    const fn mark(&self, scalable: bool) -> Ecn {
        match (self.capable, self.mode, scalable) {
            (false, ..) => Ecn::NotEct,
            (true, EcnMode::Accurate, true) => Ecn::Ect1,
            (true, ..) => Ecn::Ect0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(segments: u32) -> News {
        News { octets: segments * 1000, segment_size: 1000, stamp: None }
    }

    /// What is made of three bits that moved by `moved` when an ACK brings news of `segments`.
    fn moves(told: &mut Told, moved: u8, segments: u32, octets: Option<u32>) -> u32 {
        let ace = (told.packets as u8).wrapping_add(moved) & 0b111;
        told.packets_told(ace, &news(segments), octets)
    }

    #[test]
    fn a_turn_is_hidden_where_acks_were_lost_and_not_where_they_are_thin() {
        let mut dense = Told::new(SeqNum::new(0));
        assert_eq!(moves(&mut dense, 0, 1, None), 0);
        assert_eq!(moves(&mut dense, 1, 9, None), 9);
        let mut thin = Told::new(SeqNum::new(0));
        assert_eq!(moves(&mut thin, 0, 10, None), 0);
        assert_eq!(moves(&mut thin, 1, 9, None), 1);
    }

    /// The three examples of RFC 9768 appendix A.2.2, and a share of many.
    #[test]
    fn octets_tell_whether_a_turn_is_hidden() {
        let mut told = Told::new(SeqNum::new(0));
        moves(&mut told, 0, 1, None);
        assert_eq!(moves(&mut told, 0, 8, Some(1_001)), 8, "more octets than no segment holds");
        assert_eq!(moves(&mut told, 2, 10, Some(1_000)), 2, "ten would be of a hundred octets each");
        assert_eq!(moves(&mut told, 7, 15, Some(6_990)), 7);
        assert_eq!(moves(&mut told, 4, 40, Some(20_000)), 20, "half of forty");
        assert_eq!(moves(&mut told, 3, 40, Some(0)), 3, "marks of packets without data");
    }

    #[test]
    fn a_counter_that_starts_at_nothing_was_wiped() {
        let option = |fields| {
            let mut segment = Segment::default();
            let counters = wire::tcp::AccurateEcn::new(true, fields, 3);
            segment.header.options.accurate_ecn = Some(alloc::boxed::Box::new(counters));
            segment
        };
        for (first, counts) in [([1, 0, 1], Some(500)), ([0, 0, 1], None), ([1, 0, 0], None)] {
            let mut told = Told::new(SeqNum::new(0));
            told.options_in(&option(first));
            assert_eq!(told.octets_told(&option([1, 500, 1])), counts, "{first:?}");
        }
    }
}
