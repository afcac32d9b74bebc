//! A seeded generator: the same seed gives the same draws on every machine and in every version.

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
pub struct Rng(ChaCha8Rng);

/// A clone goes on with the same draws: a model checker forks whole hosts.
impl Clone for Rng {
    fn clone(&self) -> Self {
        Self(ChaCha8Rng::deserialize_state(&self.0.serialize_state()))
    }
}

impl Rng {
    /// A generator from 32 bytes of seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// A generator from a small seed, for simulations and tests.
    pub fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number in `0..bound`; zero when `bound` is zero. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
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

    /// Fills `out` with draws.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
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
    fn a_clone_goes_on_with_the_same_draws() {
        let mut one = Rng::seeded(4);
        one.next_u32();
        let mut two = one.clone();
        assert!((0..100).all(|_| one.next_u64() == two.next_u64()));
    }
}
