//! Work, counted: a step wherever a structure is searched or walked, in tests and nowhere else.
//!
//! ```text
//!   search of a tree, turn of a loop ─► step        tests: steps for a segment, at a hundred holes and at a hundred thousand
//! ```
//!
//! A search takes one step here and logarithmic time in truth. What the tests forbid is work that grows with what waits:
//! that a peer could make as much of as it likes.

#[cfg(test)]
mod acks;
#[cfg(test)]
mod exercise;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod sender;

/// A step of work is done.
#[inline]
pub(crate) fn step() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

#[cfg(test)]
std::thread_local! {
    static STEPS: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// Steps that `work` takes.
#[cfg(test)]
fn steps(work: impl FnOnce()) -> u64 {
    let before = STEPS.with(core::cell::Cell::get);
    work();
    STEPS.with(core::cell::Cell::get) - before
}

/// Holds that work is flat: at no size is it more than twice what it is at the first, which is the smallest, nor less than
/// half of it, for then something else was measured.
#[cfg(test)]
fn assert_flat(what: &str, costs: &[(u32, f64)]) {
    let few = costs.first().map_or(0.0, |(_, cost)| *cost);
    assert!(few >= 1.0, "{what}: nothing was done, {costs:.1?}");
    for (holes, cost) in costs {
        assert!(
            (0.5 * few..=2.0 * few).contains(cost),
            "{what}: {cost:.1} steps at {holes} holes, of {costs:.1?}"
        );
    }
}
