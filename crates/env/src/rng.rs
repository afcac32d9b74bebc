//! A seeded generator: the same seed gives the same draws on every machine and in every version.

use crate::tape::{Chance, Drawn, Tape};
use alloc::boxed::Box;
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

/// The only source of chance in Handfast.
///
/// ChaCha with 8 rounds: portable, fast, and strong enough to draw secret keys from when its seed comes
/// from the system's entropy. Debug output never shows its state.
///
/// ```
/// use handfast_env::Rng;
/// let (mut a, mut b) = (Rng::seeded(7), Rng::seeded(7));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert!(a.below(10) < 10);
/// ```
pub struct Rng {
    draws: ChaCha8Rng,
    /// `None` unless outcomes are noted or rehearsed.
    tape: Option<Box<Tape>>,
}

/// A clone goes on with the same draws: a model checker forks whole hosts.
impl Clone for Rng {
    fn clone(&self) -> Self {
        let draws = ChaCha8Rng::deserialize_state(&self.draws.serialize_state());
        Self { draws, tape: self.tape.clone() }
    }
}

impl Rng {
    /// A generator from 32 bytes of seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self { draws: ChaCha8Rng::from_seed(seed), tape: None }
    }

    /// A generator from a small seed, for simulations and tests.
    pub fn seeded(seed: u64) -> Self {
        Self { draws: ChaCha8Rng::seed_from_u64(seed), tape: None }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.number(|draws| draws.next_u64())
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.number(|draws| u64::from(draws.next_u32())) as u32
    }

    /// A number in `0..bound`; zero when `bound` is zero. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        let number = self.number(|draws| ((u128::from(draws.next_u64()) * u128::from(bound)) >> 64) as u64);
        number.min(bound.saturating_sub(1)) // What is rehearsed may have been drawn under another bound.
    }

    /// `true` once in `1 / probability` draws; never for 0 or less, always for 1 or more.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits fill a double's mantissa: the draw is uniform in [0, 1).
        ((self.next_u64() >> 11) as f64) * (1.0 / (1u64 << 53) as f64) < probability
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64) * (1.0 / (1u64 << 53) as f64)
    }

    fn number(&mut self, draw: impl FnOnce(&mut ChaCha8Rng) -> u64) -> u64 {
        let Some(tape) = &mut self.tape else { return draw(&mut self.draws) };
        let value = tape.recall(Chance::Number).unwrap_or_else(|| draw(&mut self.draws));
        tape.note(Chance::Number, value);
        value
    }

    /// What `compute` finds under a secret key, noted as the numbers are: the outcome, never the key.
    pub fn outcome(&mut self, what: Chance, compute: impl FnOnce() -> u64) -> u64 {
        let Some(tape) = &mut self.tape else { return compute() };
        let value = tape.recall(what).unwrap_or_else(compute);
        tape.note(what, value);
        value
    }

    /// From now on each number and outcome is noted, to be taken by [`take_drawn`](Self::take_drawn). What
    /// [`fill`](Self::fill), [`key`](Self::key) and [`fork`](Self::fork) draw is secret, and never is.
    pub fn note_draws(&mut self) {
        self.tape = Some(Box::new(Tape::new(false)));
    }

    /// From now on numbers and outcomes are those that were [`give`](Self::give)n, in their order. Where none is left, or
    /// one of another kind is next, it draws; [`rehearsed`](Self::rehearsed) tells.
    pub fn rehearse(&mut self) {
        self.tape = Some(Box::new(Tape::new(true)));
    }

    /// Notes and rehearses nothing any more.
    pub fn forget_draws(&mut self) {
        self.tape = None;
    }

    /// Takes the oldest that was noted.
    pub fn take_drawn(&mut self) -> Option<Drawn> {
        self.tape.as_mut().filter(|tape| !tape.rehearses)?.drawn.pop_front()
    }

    /// Whether there is something to take.
    #[inline]
    pub fn has_drawn(&self) -> bool {
        self.tape.as_ref().is_some_and(|tape| !tape.rehearses && !tape.drawn.is_empty())
    }

    /// Adds an outcome to be rehearsed.
    pub fn give(&mut self, drawn: Drawn) {
        if let Some(tape) = self.tape.as_mut().filter(|tape| tape.rehearses) {
            tape.drawn.push_back(drawn);
        }
    }

    /// What went otherwise since the last time: what was asked for and not given, and the first that was given and not
    /// asked for. All that was given is forgotten.
    pub fn rehearsed(&mut self) -> (Option<Chance>, Option<Chance>) {
        let Some(tape) = self.tape.as_mut().filter(|tape| tape.rehearses) else { return (None, None) };
        let left = tape.drawn.front().map(|drawn| drawn.what);
        tape.drawn.clear();
        (tape.missed.take(), left)
    }

    /// Fills `out` with draws.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.draws.fill_bytes(out);
    }

    /// 128 bits for a keyed hash.
    pub fn key(&mut self) -> [u8; 16] {
        let mut key = [0; 16];
        self.fill(&mut key);
        key
    }

    /// An independent generator, seeded by draws from this one.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Self::from_seed(seed)
    }
}

impl core::fmt::Debug for Rng {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Rng { .. }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_pinned_so_that_recorded_seeds_replay_for_ever() {
        assert_eq!(Rng::seeded(1).next_u64(), 7_424_550_030_962_593_201);
    }

    #[test]
    fn bounds_hold() {
        let mut rng = Rng::seeded(2);
        assert_eq!(rng.below(0), 0);
        assert!((0..1000).all(|_| rng.below(7) < 7));
        assert!((0..1000).all(|_| !rng.chance(0.0) && rng.chance(1.0)));
        let hits = (0..10_000).filter(|_| rng.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }

    #[test]
    fn forks_differ_from_their_parent() {
        let mut parent = Rng::seeded(3);
        let mut child = parent.fork();
        assert_ne!(parent.next_u64(), child.next_u64());
    }

    #[test]
    fn what_was_noted_comes_again_from_a_generator_with_another_seed() {
        let play = |rng: &mut Rng| {
            let mut seen = alloc::vec![rng.next_u64(), rng.below(10), u64::from(rng.next_u32())];
            seen.push(rng.outcome(Chance::Port, || 50_000));
            seen.push(u64::from(rng.chance(0.5)));
            seen
        };
        let (mut one, mut two) = (Rng::seeded(5), Rng::seeded(6));
        one.note_draws();
        let seen = play(&mut one);
        two.rehearse();
        while let Some(drawn) = one.take_drawn() {
            two.give(drawn);
        }
        assert_eq!(play(&mut two), seen);
        assert_eq!(two.rehearsed(), (None, None));
        // A host that asks for something else is found out, and goes on.
        two.give(Drawn { what: Chance::Port, value: 1 });
        assert!(two.below(3) < 3);
        assert_eq!(two.rehearsed(), (Some(Chance::Number), Some(Chance::Port)));
        assert_eq!(two.rehearsed(), (None, None));
    }

    #[test]
    fn keys_and_forks_are_never_noted() {
        let mut rng = Rng::seeded(7);
        rng.note_draws();
        rng.key();
        rng.fork();
        rng.fill(&mut [0; 9]);
        assert_eq!(rng.take_drawn(), None);
    }

    #[test]
    fn a_clone_goes_on_with_the_same_draws() {
        let mut one = Rng::seeded(4);
        one.next_u32();
        let mut two = one.clone();
        assert!((0..100).all(|_| one.next_u64() == two.next_u64()));
    }
}
