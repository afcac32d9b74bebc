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
