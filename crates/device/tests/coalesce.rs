//! What was coalesced can be had back, whatever came in.

#[path = "exercise/coalesce.rs"]
mod exercise;
#[path = "exercise/coalesce_seeds.rs"]
mod seeds;

use proptest::prelude::*;

#[test]
fn each_seed_has_a_train_in_it() {
    for (number, seed) in seeds::all().iter().enumerate() {
        assert!(exercise::coalesce(seed) > 0, "seed {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_octets_hurt(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        exercise::coalesce(&octets);
    }

    #[test]
    fn what_is_almost_a_train_is_cut_as_it_was(
        seed in 0usize..seeds::COUNT,
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        follows in proptest::collection::vec((0u16..200, any::<u8>(), 0u8..30, 0u8..4), 0..12),
        from in 0u8..3,
    ) {
        let mut octets = seeds::all()[seed].clone();
        for (at, flip) in flips {
            let at = at.index(octets.len());
            octets[at] ^= flip;
        }
        for (at, flip, cut, pad) in follows {
            // Mostly what follows as it should.
            let (flip, cut, pad) = if from > 0 { (0, cut / 29, pad / 3) } else { (flip, cut, pad) };
            let [high, low] = at.to_be_bytes();
            octets.extend([3, high, low, flip, cut, pad]);
        }
        exercise::coalesce(&octets);
    }
}
