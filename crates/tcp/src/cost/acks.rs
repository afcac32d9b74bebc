//! Whatever a peer acknowledges, SACKs, marks or tells twice, the sender's books balance, its work is bounded, and an honest
//! peer gets everything.

use super::exercise;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn whatever_a_peer_says_it_has_the_sender_stays_sound(bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
        exercise::acks(&bytes, || super::STEPS.with(core::cell::Cell::get));
    }
}
