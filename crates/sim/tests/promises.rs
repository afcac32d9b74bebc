//! What was promised for paths, where it is kept already. The others are rows of `handfast sim paths --only promises`.

use bytes::Bytes;
use handfast_sim::paths::{CONTROLLERS, Scene};
use handfast_sim::{Duration, Instant, PairConfig, Profile, TransferConfig, transfer};
use tcp::{Congestion, TcpConfig};

/// Plays a scene, and fails with what was seen.
fn holds(scene: &str, controllers: &[Congestion]) {
    for &controller in controllers {
        let (_, judgement) = Scene::named(scene).unwrap().play(controller, 1, &mut |_| {});
        let judgement = judgement.expect("something was promised");
        assert!(judgement.kept, "{scene}, {}: {judgement}", controller.name());
    }
}

#[test]
fn after_an_outage_a_flow_goes_on_within_one_and_a_half_timeouts() {
    holds("outage", &CONTROLLERS);
}

#[test]
fn a_gigabit_over_a_tenth_of_a_second_is_filled_with_default_settings() {
    holds("long-fat", &[Congestion::Cubic, Congestion::Bbr]);
}

#[test]
fn reordering_alone_costs_next_to_nothing() {
    holds("reordering", &[Congestion::Cubic, Congestion::Bbr]);
    holds("long-reordering", &[Congestion::Cubic]);
}

/// The octet of a stream at `at`.
fn octet(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

#[test]
fn a_transfer_with_ten_seconds_of_outage_in_the_middle_finishes_whole() {
    const OCTETS: u64 = 4_000_000;
    for controller in CONTROLLERS {
        let mut pair = PairConfig::default();
        let start = pair.start.since(Instant::ZERO);
        let link: Profile = "delay=10ms,rate=10mbit,queue=30,cut=1s-11s".parse().unwrap();
        (pair.there, pair.back) = (link.clone().later(start), link.later(start));
        pair.client.tcp = TcpConfig::default().congestion(controller);
        let (mut given, mut got) = (0, 0);
        let mut source = |most: usize| {
            let end = OCTETS.min(given + most as u64);
            let piece: Bytes = (given..end).map(octet).collect();
            given = end;
            Ok(piece)
        };
        let mut sink = |piece: &[u8]| {
            assert!(piece.iter().zip(got..).all(|(&has, at)| has == octet(at)), "changed after {got}");
            got += piece.len() as u64;
            Ok(())
        };
        let config = TransferConfig { pair, ..TransferConfig::default() };
        let report = transfer(1, config, &mut source, &mut sink, &mut |_, _| {}).unwrap();
        assert_eq!((report.bytes, got), (OCTETS, OCTETS), "{}", controller.name());
        assert!(report.took > Duration::from_secs(11), "it was cut in the middle: {:?}", report.took);
    }
}
