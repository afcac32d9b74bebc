//! Deadlines by the million: a hierarchical timer wheel on virtual time.
//!
//! ```text
//!   level 8   ████████████████  64 slots of 9 years          a deadline sits at the level of the highest digit
//!     …                                                      (base 64) in which it differs from `elapsed`
//!   level 1   ████████████████  64 slots of 65.5 µs
//!   level 0   ████████████████  64 slots of 1.024 µs         when `elapsed` enters a slot of a higher level, what
//!             ▲                                              is in there moves down
//!             elapsed
//! ```
//!
//! Arming, moving and cancelling are O(1). A timer that is left alone moves down once a level at most: eight times for
//! one that waits for years, twice for a retransmission timeout, and most of those are moved before.
//!
//! A tick is 2^10 ns, and only says which slot a deadline belongs to: deadlines are kept and compared in nanoseconds,
//! so that nothing fires early, nor later than it was asked for. 54 bits of ticks are nine digits: the wheel spans all
//! that an [`Instant`] can say, and a jump of the clock, however far, is no special case.

use alloc::boxed::Box;
use alloc::vec::Vec;
use env::Instant;

const LEVELS: usize = 9;
const SLOTS: usize = 64;
const DIGIT: u32 = 6;
const TICK: u32 = 10;
const NONE: u32 = u32::MAX;
/// Where a timer is that is due and waits to be popped.
const DUE: u16 = (LEVELS * SLOTS) as u16;
/// Where a timer is that is not armed.
const IDLE: u16 = DUE + 1;
/// So many neighbours are looked at when a slot loses its earliest timer: a short slot stays exact, a long one keeps a
/// bound that is early, and the wheel finds the truth when that time has come.
const SHORT: usize = 8;

/// Names a timer of one wheel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerId(u32);

/// Timers, each with a key that says whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Wheel<K> {
    timers: Vec<Timer<K>>,
    free: u32,
    elapsed: u64,
    occupied: [u64; LEVELS],
    /// The slots of all levels, and the list of what is due.
    lists: Box<[List]>,
    armed: usize,
}

#[derive(Clone, Copy, Debug)]
struct Timer<K> {
    key: K,
    deadline: Instant,
    prev: u32,
    next: u32,
    place: u16,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
    /// No timer of the list is earlier.
    earliest: Instant,
}

impl List {
    const EMPTY: Self = Self { first: NONE, last: NONE, earliest: Instant::FAR };
}

impl<K: Copy> Wheel<K> {
    pub(crate) fn new() -> Self {
        Self {
            timers: Vec::new(),
            free: NONE,
            elapsed: 0,
            occupied: [0; LEVELS],
            lists: alloc::vec![List::EMPTY; LEVELS * SLOTS + 1].into(),
            armed: 0,
        }
    }

    /// A new timer, not armed.
    pub(crate) fn add(&mut self, key: K) -> TimerId {
        let fresh = Timer { key, deadline: Instant::FAR, prev: NONE, next: NONE, place: IDLE };
        match self.timers.get_mut(self.free as usize) {
            Some(timer) => {
                let id = self.free;
                self.free = timer.next;
                *timer = fresh;
                TimerId(id)
            }
            None => {
                self.timers.push(fresh);
                TimerId((self.timers.len() - 1) as u32)
            }
        }
    }

    /// Takes a timer away. Its id may name another one after that.
    pub(crate) fn remove(&mut self, id: TimerId) {
        self.unlink(id.0);
        if let Some(timer) = self.timers.get_mut(id.0 as usize) {
            timer.next = self.free;
            self.free = id.0;
        }
    }

    /// Arms the timer for `deadline`, or moves it there; `None` cancels it.
    pub(crate) fn set(&mut self, id: TimerId, deadline: Option<Instant>) {
        let Some(timer) = self.timers.get_mut(id.0 as usize) else { return };
        match deadline {
            Some(deadline) if timer.place != IDLE && timer.deadline == deadline => {}
            Some(deadline) => {
                self.unlink(id.0);
                if let Some(timer) = self.timers.get_mut(id.0 as usize) {
                    timer.deadline = deadline;
                }
                self.armed += 1;
                self.place(id.0);
            }
            None => self.unlink(id.0),
        }
    }

    /// When to call [`pop`](Self::pop) next: not after the earliest deadline, and exactly then as a rule (see `SHORT`).
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.armed == 0 {
            return None;
        }
        let due = self.lists.get(usize::from(DUE))?;
        if due.first != NONE {
            return Some(due.earliest);
        }
        let (level, slot) = self.first_slot()?;
        self.lists.get(level * SLOTS + slot).map(|list| list.earliest)
    }

    /// How many timers are armed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.armed
    }

    /// Takes one timer whose deadline is at or before `now`: it is no longer armed. Call until `None`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(TimerId, K)> {
        let now_tick = tick(now);
        while self.lists.get(usize::from(DUE))?.first == NONE {
            let Some((level, slot)) = self.first_slot() else {
                self.elapsed = self.elapsed.max(now_tick);
                return None;
            };
            let earliest = self.lists.get(level * SLOTS + slot)?.earliest;
            let shift = DIGIT * level as u32;
            let start = ((self.elapsed >> shift) & !(SLOTS as u64 - 1) | slot as u64) << shift;
            if start > now_tick || (level == 0 && earliest > now) {
                // Nothing lies between: whatever is at a level stays there.
                self.elapsed = self.elapsed.max(now_tick.min(start));
                return None;
            }
            self.elapsed = self.elapsed.max(start);
            self.spread(level, slot, now);
        }
        let id = self.lists.get(usize::from(DUE))?.first;
        self.unlink(id);
        self.timers.get(id as usize).map(|timer| (TimerId(id), timer.key))
    }

    /// Moves what is in a slot down; from level 0, to the due list what is due.
    fn spread(&mut self, level: usize, slot: usize, now: Instant) {
        let at = level * SLOTS + slot;
        let Some(list) = self.lists.get_mut(at) else { return };
        let mut id = core::mem::replace(list, List::EMPTY).first;
        if let Some(bits) = self.occupied.get_mut(level) {
            *bits &= !(1 << slot);
        }
        while let Some(timer) = self.timers.get(id as usize) {
            let (next, due) = (timer.next, timer.deadline <= now);
            if due {
                self.link(id, DUE);
            } else if level == 0 {
                self.link(id, at as u16);
            } else {
                self.place(id);
            }
            id = next;
        }
    }

    /// The first slot that holds anything: the lowest level first, for what differs from `elapsed` in a low digit only
    /// comes before what differs in a higher one.
    fn first_slot(&self) -> Option<(usize, usize)> {
        self.occupied.iter().enumerate().find_map(|(level, bits)| {
            // Slots behind `elapsed` are empty: no need to rotate.
            (*bits != 0).then(|| (level, bits.trailing_zeros() as usize))
        })
    }

    fn place(&mut self, id: u32) {
        let Some(timer) = self.timers.get(id as usize) else { return };
        // What is late already belongs to the present tick.
        let tick = tick(timer.deadline).max(self.elapsed);
        let differs = tick ^ self.elapsed;
        let level = (u64::BITS - 1).saturating_sub((differs | 1).leading_zeros()) / DIGIT;
        let slot = (tick >> (DIGIT * level)) & (SLOTS as u64 - 1);
        self.link(id, (u64::from(level) * SLOTS as u64 + slot) as u16);
    }

    /// Puts a timer that is in no list at the end of one.
    fn link(&mut self, id: u32, place: u16) {
        let Some(list) = self.lists.get_mut(usize::from(place)) else { return };
        let Some(timer) = self.timers.get_mut(id as usize) else { return };
        (timer.prev, timer.next, timer.place) = (list.last, NONE, place);
        list.earliest = list.earliest.min(timer.deadline);
        let before = core::mem::replace(&mut list.last, id);
        if list.first == NONE {
            list.first = id;
        }
        if let Some(before) = self.timers.get_mut(before as usize) {
            before.next = id;
        }
        if let Some(bits) = self.occupied.get_mut(usize::from(place) / SLOTS) {
            *bits |= 1 << (usize::from(place) % SLOTS);
        }
    }

    /// Takes a timer out of its list, if it is in one.
    fn unlink(&mut self, id: u32) {
        let Some(timer) = self.timers.get_mut(id as usize) else { return };
        let (prev, next, place, deadline) = (timer.prev, timer.next, timer.place, timer.deadline);
        let Some(list) = self.lists.get_mut(usize::from(place)) else { return };
        timer.place = IDLE;
        self.armed -= 1;
        match self.timers.get_mut(prev as usize) {
            Some(before) => before.next = next,
            None => list.first = next,
        }
        match self.timers.get_mut(next as usize) {
            Some(after) => after.prev = prev,
            None => list.last = prev,
        }
        if list.first == NONE {
            list.earliest = Instant::FAR;
            if let Some(bits) = self.occupied.get_mut(usize::from(place) / SLOTS) {
                *bits &= !(1 << (usize::from(place) % SLOTS));
            }
        } else if list.earliest == deadline
            && let Some(earliest) = self.earliest_of_few(usize::from(place))
            && let Some(list) = self.lists.get_mut(usize::from(place))
        {
            list.earliest = earliest;
        }
    }

    fn earliest_of_few(&self, place: usize) -> Option<Instant> {
        let mut id = self.lists.get(place)?.first;
        let mut earliest = Instant::FAR;
        for _ in 0..SHORT {
            let Some(timer) = self.timers.get(id as usize) else { return Some(earliest) };
            earliest = earliest.min(timer.deadline);
            id = timer.next;
        }
        (id == NONE).then_some(earliest)
    }
}

fn tick(at: Instant) -> u64 {
    at.as_nanos() >> TICK
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use env::Duration;
    use proptest::prelude::*;

    fn drain(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        core::iter::from_fn(|| wheel.pop(now)).map(|(_, key)| key).collect()
    }

    #[test]
    fn a_timer_fires_at_its_nanosecond_and_not_before() {
        let mut wheel = Wheel::new();
        let id = wheel.add(1);
        for deadline in [0, 1, 1_023, 1_024, 1_025, 65_535, 65_536, 200_000_000, 86_400_000_000_000] {
            let deadline = wheel.next().unwrap_or(Instant::ZERO) + Duration::from_nanos(deadline);
            wheel.set(id, Some(deadline));
            assert_eq!(wheel.next(), Some(deadline));
            if deadline > Instant::ZERO {
                assert_eq!(drain(&mut wheel, deadline - Duration::from_nanos(1)), []);
                assert_eq!(wheel.next(), Some(deadline));
            }
            assert_eq!(drain(&mut wheel, deadline), [1]);
            assert_eq!((wheel.next(), wheel.len()), (None, 0));
        }
    }

    /// Where 32-bit millisecond clocks wrap (24.8 and 49.7 days), and where signed nanoseconds do (292 years).
    #[test]
    fn the_clock_may_jump_over_every_edge() {
        let edges =
            [1u64 << 31, 1 << 32].map(|ms| ms * 1_000_000).into_iter().chain([1 << 63, u64::MAX - 5_000_000]);
        for edge in edges {
            let at = Instant::from_nanos(edge);
            let mut wheel = Wheel::new();
            for (key, back) in [(1, 3_000), (2, 0), (3, 1)] {
                let id = wheel.add(key);
                wheel.set(id, Some(at - Duration::from_nanos(back)));
            }
            let later = wheel.add(4);
            wheel.set(later, Some(at + Duration::from_millis(3)));
            assert_eq!(drain(&mut wheel, at - Duration::from_nanos(2)), [1]);
            assert_eq!(wheel.next(), Some(at - Duration::from_nanos(1)));
            let mut both = drain(&mut wheel, at);
            both.sort_unstable();
            assert_eq!(both, [2, 3]);
            assert_eq!(wheel.next(), Some(at + Duration::from_millis(3)));
            // One jump over everything.
            assert_eq!(drain(&mut wheel, Instant::FAR), [4]);
        }
    }

    #[test]
    fn a_timer_that_is_popped_and_not_handled_yet_can_still_be_cancelled() {
        let mut wheel = Wheel::new();
        let ids = [1, 2, 3].map(|key| wheel.add(key));
        for id in ids {
            wheel.set(id, Some(Instant::from_millis(1)));
        }
        let now = Instant::from_millis(2);
        assert_eq!(wheel.pop(now).map(|(_, key)| key), Some(1));
        wheel.set(ids[1], None);
        wheel.set(ids[0], Some(Instant::from_millis(1))); // late already: due at once
        assert_eq!(wheel.next(), Some(Instant::from_millis(1)));
        assert_eq!(drain(&mut wheel, now), [3, 1]);
    }

    #[test]
    fn an_id_is_used_again_after_its_timer_is_gone() {
        let mut wheel = Wheel::new();
        let (one, two) = (wheel.add(1), wheel.add(2));
        wheel.set(one, Some(Instant::from_millis(1)));
        wheel.remove(one);
        assert_eq!(wheel.next(), None);
        assert_eq!(wheel.add(3), one);
        assert_ne!(wheel.add(4), two);
        assert_eq!(drain(&mut wheel, Instant::FAR), []);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(usize, u64),
        Cancel(usize),
        Pass(u64),
        Next,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Exponents spread the spans over all levels.
        let span = (0u32..55, any::<u64>()).prop_map(|(bits, raw)| raw & ((1 << bits) - 1));
        prop_oneof![
            4 => (0usize..40, span.clone()).prop_map(|(id, span)| Step::Set(id, span)),
            1 => (0usize..40).prop_map(Step::Cancel),
            1 => span.prop_map(Step::Pass),
            2 => Just(Step::Next),
        ]
    }

    proptest! {
        #[test]
        fn it_does_what_a_sorted_list_does(
            start in prop_oneof![Just(0u64), Just((1 << 63) - 500_000), any::<u32>().prop_map(u64::from)],
            steps in proptest::collection::vec(step(), 1..300),
        ) {
            let mut wheel = Wheel::new();
            let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
            let ids: Vec<_> = (0..40).map(|key| wheel.add(key)).collect();
            let mut now = Instant::from_nanos(start);
            for step in steps {
                match step {
                    Step::Set(id, span) => {
                        let deadline = now + Duration::from_nanos(span);
                        wheel.set(ids[id], Some(deadline));
                        model.insert(id as u32, deadline);
                    }
                    Step::Cancel(id) => {
                        wheel.set(ids[id], None);
                        model.remove(&(id as u32));
                    }
                    Step::Pass(span) => now += Duration::from_nanos(span),
                    Step::Next => now = wheel.next().unwrap_or(now).max(now),
                }
                let mut fired = drain(&mut wheel, now);
                fired.sort_unstable();
                let due: Vec<u32> = model.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
                prop_assert_eq!(fired, &due[..]);
                model.retain(|_, at| *at > now);
                prop_assert_eq!(wheel.len(), model.len());
                let earliest = model.values().min().copied();
                prop_assert_eq!(wheel.next().is_some(), earliest.is_some());
                if let (Some(next), Some(earliest)) = (wheel.next(), earliest) {
                    prop_assert!(now < next && next <= earliest);
                }
            }
        }
    }
}
