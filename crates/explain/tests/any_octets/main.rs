//! Whatever a file holds: nothing panics, nothing is told twice, nothing grows.

extern crate handfast_explain as explain;

mod exercise;
mod seeds;

use env::Rng;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_told_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise::explain(&octets);
    }

    #[test]
    fn any_packets_in_a_good_file_are_told(
        link in prop::sample::select(vec![0u32, 1, 12, 101, 108, 113, 228, 229, 276, 9]),
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 0..20),
    ) {
        let file = seeds::classic(link, &packets);
        let came = exercise::explain(&file);
        prop_assert_eq!(came.packets, packets.len() as u64);
        prop_assert!(!came.broken);
    }
}

/// Changes a few octets, cuts, copies or moves pieces.
fn mutate(octets: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(6) {
        if octets.is_empty() {
            return;
        }
        let len = octets.len() as u64;
        let at = rng.below(len) as usize;
        match rng.below(8) {
            0 => octets.truncate(at),
            1 => octets[at] = rng.next_u32() as u8,
            2 => octets[at] ^= 1 << rng.below(8),
            3 => octets[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize],
            4 => {
                let piece = octets[at..(at + 1 + rng.below(64) as usize).min(octets.len())].to_vec();
                let to = rng.below(len) as usize;
                octets.splice(to..to, piece);
            }
            5 => {
                let end = (at + 1 + rng.below(32) as usize).min(octets.len());
                octets.drain(at..end);
            }
            6 => {
                let end = (at + 4).min(octets.len());
                octets[at..end].fill(rng.next_u32() as u8);
            }
            _ => {
                let other = rng.below(len) as usize;
                octets.swap(at, other);
            }
        }
    }
}

fn mutations(count: u64, seed: u64) -> (u64, u64) {
    let seeds = seeds::all();
    let mut rng = Rng::seeded(seed);
    let (mut told, mut broken) = (0, 0);
    for n in 0..count {
        let mut octets = seeds[(n % seeds.len() as u64) as usize].clone();
        mutate(&mut octets, &mut rng);
        let came = exercise::explain(&octets);
        told += came.told;
        broken += u64::from(came.broken);
    }
    (told, broken)
}

#[test]
fn seeds_are_good_captures() {
    for (n, seed) in seeds::all().iter().enumerate() {
        let came = exercise::explain(seed);
        assert!(came.told >= 8 && !came.broken, "seed {n}: {came:?}");
    }
}

#[test]
fn mutated_captures_are_told_as_far_as_they_go() {
    let count = 4_000;
    let (told, broken) = mutations(count, 1);
    // Mutations that only spoil the first header would test little.
    assert!(told > count && broken > count / 10, "{told} packets told, {broken} files broken");
}

/// By hand: HANDFAST_MUTATIONS=1000000 cargo test --release -p handfast-explain --test any_octets -- --ignored --nocapture
#[test]
#[ignore = "minutes"]
fn a_million_mutations() {
    let count = std::env::var("HANDFAST_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let (told, broken) = mutations(count, 2);
    println!("{count} mutations: {told} packets told, {broken} files broken, no panic");
    assert!(told > count);
}
