//! Loss that is there however little is sent: radio, dirt in a connector. Sending less does not cure it, so it says nothing
//! of how much is too much.
//!
//! ```text
//!   rounds without a queue: of DOWN and CRUISE, behind the probe;
//!   of Startup, if growth followed ─► lost ÷ sent, over two cycles, 15 % at most
//!                                                  │
//!   too high: lost > in flight × (2 % + that, and twice its spread) + accidents: 3 segments where no queue stands, else one
//! ```
//!
//! This is beyond the draft. There, any loss in a round lowers the short-term bounds, and 2 % of it, from whatever cause,
//! the long-term one: a path that loses 1 % by chance is filled to three quarters, and one that loses 3 % to a tenth.
//! What a flow loses at rest is taken off before it is asked whether it lost too much. A queue that overflows does so
//! when the flow speeds up, and is noticed as before.
//!
//! Where others keep a queue full, a new flow takes it for the path, and its overflow for the path's loss. So what Startup
//! taught ends with it, and a ProbeRTT that finds a shorter way forgets everything.

/// No more than this is taken for ambient, in hundredths.
const MOST: u64 = 15;
/// No more of one round is counted: chance has its lumps, a queue that overflows has larger ones.
const MOST_OF_ROUND: u64 = 30;

/// Octets that were lost, and all that came to an end, one way or the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    lost: u64,
    all: u64,
}

impl Tally {
    /// What one round lost and delivered; a burst of loss counts in part.
    pub(super) fn of_round(lost: u64, delivered: u64) -> Self {
        let all = lost.saturating_add(delivered);
        Self { lost: lost.min(all / 100 * MOST_OF_ROUND), all }
    }

    /// Whether more than so many hundredths were lost.
    pub(super) fn exceeds(self, hundredths: u64) -> bool {
        self.lost > self.all / 100 * hundredths
    }

    fn add(&mut self, other: Self) {
        self.lost = self.lost.saturating_add(other.lost);
        self.all = self.all.saturating_add(other.all);
    }
}

/// The share that is lost at rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Ambient {
    /// In this cycle, and in the last.
    cycles: [Tally; 2],
    /// Of the last round of Startup, until the next one shows that the pipe had room.
    pending: Tally,
}

impl Ambient {
    /// A round of rest is over.
    pub(super) fn at_rest(&mut self, round: Tally) {
        self.cycles[0].add(round);
    }

    /// A round of Startup is over; `grew` when it was faster than the last.
    pub(super) fn in_startup(&mut self, round: Tally, grew: bool) {
        let last = core::mem::replace(&mut self.pending, round);
        if grew {
            self.cycles[0].add(last);
        }
    }

    /// A cycle is over.
    pub(super) fn next_cycle(&mut self) {
        self.cycles = [Tally::default(), self.cycles[0]];
    }

    /// How much of `octets` is lost in any case.
    pub(super) fn of(&self, octets: u64) -> u64 {
        let mut both = self.cycles[0];
        both.add(self.cycles[1]);
        let lost = both.lost.min(both.all / 100 * MOST);
        let share = u128::from(octets) * u128::from(lost) / u128::from(both.all.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_two_cycles_and_no_more_than_the_cap() {
        let mut ambient = Ambient::default();
        assert_eq!(ambient.of(1_000_000), 0);
        ambient.at_rest(Tally::of_round(1_000, 99_000));
        assert_eq!(ambient.of(1_000_000), 10_000);
        ambient.next_cycle();
        ambient.at_rest(Tally::of_round(3_000, 97_000));
        assert_eq!(ambient.of(1_000_000), 20_000, "1,000 and 3,000 of 200,000");
        ambient.at_rest(Tally::of_round(90_000, 10_000));
        assert_eq!(ambient.of(3_000_000), 340_000, "and 30,000 of 100,000");
        ambient.at_rest(Tally::of_round(90_000, 10_000));
        assert_eq!(ambient.of(1_000_000), 150_000);
        ambient.next_cycle();
        ambient.next_cycle();
        assert_eq!(ambient.of(u64::MAX), 0);
    }

    #[test]
    fn loss_in_startup_counts_when_growth_follows() {
        let mut ambient = Ambient::default();
        ambient.in_startup(Tally::of_round(300, 9_700), true);
        assert_eq!(ambient.of(100), 0);
        ambient.in_startup(Tally::of_round(5_000, 5_000), true);
        assert_eq!(ambient.of(100), 3);
        ambient.in_startup(Tally::default(), false);
        assert_eq!(ambient.of(100), 3);
    }
}
