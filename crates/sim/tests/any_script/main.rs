//! Whatever a script holds: nothing panics, what is wrong is shown where it stands, and what is printed reads back as it was.

extern crate handfast_sim as sim;

mod arbitrary;
mod exercise;
mod played;
mod seeds;

use env::Rng;
use exercise::{Came, placeless};
use proptest::prelude::*;
use sim::packetdrill::script::parse;
use std::collections::BTreeMap;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_back(script in arbitrary::script()) {
        let printed = script.to_string();
        let read = parse(&printed, &BTreeMap::new());
        let read = read.unwrap_or_else(|error| panic!("{}\n{printed}", error.in_file("printed")));
        prop_assert_eq!(placeless(read), script, "{}", printed);
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        exercise::drill(&octets);
    }
}

/// Changes a few octets, cuts, copies or moves pieces.
fn mutate(octets: &mut Vec<u8>, rng: &mut Rng) {
    const SIGNS: &[u8] = b"()[]{}<>\"'`%,.:;=|+-*~#/\\ \n09aS";
    for _ in 0..=rng.below(4) {
        if octets.is_empty() {
            return;
        }
        let len = octets.len() as u64;
        let at = rng.below(len) as usize;
        let end = (at + 1 + rng.below(24) as usize).min(octets.len());
        match rng.below(6) {
            0 => octets.truncate(at),
            1 => octets[at] = SIGNS[rng.below(SIGNS.len() as u64) as usize],
            2 => octets.insert(at, SIGNS[rng.below(SIGNS.len() as u64) as usize]),
            3 => octets[at] = rng.next_u32() as u8,
            4 => {
                let piece = octets[at..end].to_vec();
                let to = rng.below(len) as usize;
                octets.splice(to..to, piece);
            }
            _ => drop(octets.drain(at..end)),
        }
    }
}

#[test]
fn good_scripts_are_read_and_broken_ones_break_nothing() {
    let mut rng = Rng::seeded(5);
    let (mut read, mut refused) = (0, 0);
    for seed in seeds::all() {
        let came = exercise::drill(&seed);
        assert!(matches!(came, Came::Read(events) if events > 1), "{}", String::from_utf8_lossy(&seed));
        for _ in 0..3_000 {
            let mut octets = seed.clone();
            mutate(&mut octets, &mut rng);
            match exercise::drill(&octets) {
                Came::Read(_) => read += 1,
                Came::Refused => refused += 1,
            }
        }
    }
    // Both ways are gone often, or little is shown.
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}
