//! Any frames, times and calls, in any order: nothing panics, everything ends, memory stays within its budget.

mod exercise;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_host_survives_anything(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise::host(&bytes);
    }
}
