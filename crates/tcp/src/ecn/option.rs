//! The option that counts octets: when it is due, which counters it has, and what gives way to what (RFC 9768 §3.2.3.3).
//!
//! ```text
//!   40 octets ─ timestamps ─ SACK blocks (two at least) ─ the counters that moved since they were told ─ all others
//!                                 ▲ a third or fourth block gives way to those
//! ```

use super::receiver::FIRST_OCTETS;
use super::{EcnMode, EcnOption, Marks};
use env::Instant;
use wire::SeqNum;
use wire::tcp::AccurateEcn;

/// What a header has for options.
const ROOM: usize = 40;
/// SACK blocks that give way to nothing.
const BLOCKS_KEPT: usize = 2;

/// How the options of a segment share its room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// SACK blocks.
    pub(crate) blocks: usize,
    /// Counters of marks.
    pub(crate) counters: Option<AccurateEcn>,
    /// Octets of all options.
    pub(crate) octets: usize,
}

impl Layout {
    /// `others` octets, and `blocks` SACK blocks.
    pub(crate) fn plain(others: usize, blocks: usize) -> Self {
        Self { blocks, counters: None, octets: octets(others, 0, blocks) }
    }
}

/// Octets of options when `counters` octets follow on `others`, and SACK blocks on these: those fill their word from its
/// third octet on, so that the edges of blocks fall on words.
fn octets(others: usize, counters: usize, blocks: usize) -> usize {
    let end = others + counters;
    if blocks == 0 { end.next_multiple_of(4) } else { end + (6 - end % 4) % 4 + 2 + 8 * blocks }
}

/// Counters in the order that they would travel in.
struct Wanted {
    ect1_first: bool,
    fields: [u32; 3],
    /// So many from the front if there is room; up to so many have moved since the last, and none of those is left out.
    most: usize,
    moved: usize,
}

impl Marks {
    /// How the next segment's options share their room, when `others` octets are of other options and there is something to
    /// say in `blocks` SACK blocks.
    pub(crate) fn layout(&self, others: usize, blocks: usize) -> Layout {
        let plain = Layout::plain(others, blocks);
        if !self.is_due() {
            return plain;
        }
        let wanted = self.wanted();
        let fewest = if wanted.moved > 0 { blocks.min(BLOCKS_KEPT) } else { blocks };
        for blocks in (fewest..=blocks).rev() {
            for count in (wanted.moved.max(1)..=wanted.most).rev() {
                let counters = AccurateEcn::new(wanted.ect1_first, wanted.fields, count);
                let octets = octets(others, counters.len(), blocks);
                if octets <= ROOM {
                    return Layout { blocks, counters: Some(counters), octets };
                }
            }
        }
        plain
    }

    /// Whether the next segment should have the option.
    fn is_due(&self) -> bool {
        let received = &self.received;
        let answers = self.told.options || !self.habits.only_in_return;
        self.mode == EcnMode::Accurate
            && answers
            && match self.habits.option {
                EcnOption::Never => false,
                EcnOption::Persistently => true,
                _ if received.blocked => false,
                EcnOption::Sparingly => received.trials > 0 || received.demand > 0,
                EcnOption::Changes => received.trials > 0 || received.octets() != received.told,
                EcnOption::Always => true,
            }
    }

    fn wanted(&self) -> Wanted {
        let (now, told) = (self.received.octets(), self.received.told);
        let ect1_first = self.habits.all_counters || now[2] != FIRST_OCTETS;
        let ordered =
            |[ect0, ce, ect1]: [u32; 3]| if ect1_first { [ect1, ce, ect0] } else { [ect0, ce, ect1] };
        let (fields, before) = (ordered(now), ordered(told));
        let last_moved = fields.iter().zip(before).rposition(|(now, before)| *now != before);
        let both = now[0] != FIRST_OCTETS && now[2] != FIRST_OCTETS;
        let most = if self.habits.all_counters || both { 3 } else { 2 };
        Wanted { ect1_first, fields, most, moved: last_moved.map_or(0, |index| index + 1) }
    }

    /// The option went out, with a report of a duplicate that begins at `duplicate`.
    pub(crate) fn told_octets(&mut self, now: Instant, duplicate: Option<SeqNum>) {
        let received = &mut self.received;
        received.trials = received.trials.saturating_sub(1);
        received.demand = received.demand.saturating_sub(1);
        received.told = received.octets();
        received.told_at = now;
        received.told_duplicate = duplicate;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EcnHabits, Heard};
    use super::*;
    use crate::Segment;
    use alloc::boxed::Box;
    use proptest::prelude::*;
    use wire::tcp::{Header, Options, SackBlock, Timestamps};
    use wire::{Ecn, Payload};

    fn marks(habits: EcnHabits) -> Marks {
        let mut marks = Marks::new(EcnMode::Accurate, true, SeqNum::new(0), habits);
        marks.told.options = true;
        marks
    }

    fn arrives(marks: &mut Marks, ecn: Ecn, octets: usize) {
        let payload = Payload::copy_of(&alloc::vec![0; octets]);
        let segment = Segment { ecn, payload, ..Segment::default() };
        let heard = Heard { now: Instant::from_secs(9), round_trip: None, rcv_nxt: SeqNum::new(0) };
        marks.arrived(&segment, &heard);
    }

    /// Octets of options in a header with such a layout.
    fn encoded(others: usize, layout: &Layout) -> usize {
        let stamps = (others > 0).then(Timestamps::default);
        let mut options = Options { timestamps: stamps, ..Options::NONE };
        (0..layout.blocks).for_each(|_| assert!(options.sack.push(SackBlock::default())));
        options.accurate_ecn = layout.counters.map(Box::new);
        Header { options, ..Header::default() }.encoded_len() - 20
    }

    #[test]
    fn counters_that_moved_are_worth_a_third_block_and_others_are_not() {
        let mut marks = marks(EcnHabits::LINUX);
        let still = marks.layout(12, 3);
        assert_eq!((still.blocks, still.counters), (3, None), "nothing moved: nothing gives way");
        arrives(&mut marks, Ecn::Ce, 100);
        let moved = marks.layout(12, 3);
        assert_eq!((moved.blocks, moved.counters.map(|counters| counters.len())), (2, Some(8)));
        arrives(&mut marks, Ecn::Ect0, 100);
        assert_eq!(marks.layout(12, 3).counters, None, "the last counter has no room beside two blocks");
    }

    #[test]
    fn a_sparing_host_tells_a_change_twice_and_then_by_the_round_trip() {
        let mut marks = marks(EcnHabits { option: EcnOption::Sparingly, ..EcnHabits::default() });
        arrives(&mut marks, Ecn::Ect0, 100);
        for due in [true, true, false] {
            assert_eq!(marks.layout(0, 0).counters.is_some(), due);
            if due {
                marks.told_octets(Instant::from_secs(9), None);
            }
        }
        let payload = Payload::copy_of(&[0; 10]);
        let segment = Segment { ecn: Ecn::Ect0, payload, ..Segment::default() };
        let round_trip = Some(env::Duration::from_millis(90));
        for (millis, due) in [(29, false), (30, true)] {
            let now = Instant::from_secs(9) + env::Duration::from_millis(millis);
            marks.arrived(&segment, &Heard { now, round_trip, rcv_nxt: SeqNum::new(0) });
            assert_eq!(
                marks.layout(0, 0).counters.is_some(),
                due,
                "{millis} ms of 90, three in a round trip"
            );
        }
    }

    proptest! {
        /// Whatever came, options fit their header as laid out, two SACK blocks stay, and no counter that moved is left out.
        #[test]
        fn a_layout_is_what_is_written(
            came in proptest::collection::vec((0u8..4, 0usize..3_000), 0..6),
            told in any::<bool>(), stamps in any::<bool>(), blocks in 0usize..4, linux in any::<bool>(),
        ) {
            let mut marks = marks(if linux { EcnHabits::LINUX } else { EcnHabits::default() });
            for (at, (mark, octets)) in came.into_iter().enumerate() {
                arrives(&mut marks, Ecn::from_bits(mark), octets);
                if told && at == 2 {
                    marks.told_octets(Instant::from_secs(9), None);
                }
            }
            let others = if stamps { 12 } else { 0 };
            let layout = marks.layout(others, blocks);
            prop_assert!(layout.octets <= ROOM && layout.blocks >= blocks.min(BLOCKS_KEPT));
            prop_assert_eq!(layout.octets, encoded(others, &layout));
            if let Some(counters) = layout.counters {
                let (now, before) = (marks.received.octets(), marks.received.told);
                let there = [counters.ect0(), counters.ce(), counters.ect1()];
                for (field, (now, before)) in there.into_iter().zip(now.into_iter().zip(before)) {
                    prop_assert!(field == Some(now & 0xff_ffff) || (field.is_none() && now == before));
                }
            }
        }
    }
}
