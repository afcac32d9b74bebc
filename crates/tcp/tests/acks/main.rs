//! Whatever a peer acknowledges, SACKs or tells twice, the sender's books balance, and an honest peer gets everything.

extern crate handfast_tcp as tcp;

mod exercise;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_a_peer_says_it_has_the_sender_stays_sound(bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
        exercise::acks(&bytes);
    }
}
