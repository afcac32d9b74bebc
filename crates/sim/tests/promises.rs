//! What was promised for paths, where it is kept already. The others are rows of `handfast sim paths --only promises`.

use bytes::Bytes;
use handfast_sim::paths::{CONTROLLERS, FlowConfig, Path, Scene, Trouble, run};
use handfast_sim::{Duration, Instant, PairConfig, Profile, TransferConfig, transfer};
use tcp::{Congestion, TcpConfig};

/// Plays a scene from so many seeds, and fails with what was seen.
fn holds(scene: &str, controllers: &[Congestion], seeds: u64) {
    for &controller in controllers {
        for seed in 1..=seeds {
            let (_, judgement) = Scene::named(scene).unwrap().play(controller, seed, &mut |_| {});
            let judgement = judgement.expect("something was promised");
            assert!(judgement.kept, "{scene}, {}, seed {seed}: {judgement}", controller.name());
        }
    }
}

#[test]
fn after_an_outage_a_flow_goes_on_within_one_and_a_half_timeouts() {
    holds("outage", &CONTROLLERS, 2);
}

#[test]
fn a_gigabit_over_a_tenth_of_a_second_is_filled_with_default_settings_and_in_bounded_memory() {
    holds("long-fat", &[Congestion::Cubic, Congestion::Bbr], 1);
}

#[test]
fn a_path_whose_mtu_falls_in_silence_stalls_a_flow_for_three_seconds_at_most() {
    holds("mtu-falls", &CONTROLLERS, 1);
}

/// What `controller` makes of a scene with reordering, from each of some seeds, as a share of what the clean path gives.
fn of_clean(scene: &str, controller: Congestion) -> Vec<f64> {
    let path = Scene::named(scene).unwrap().path();
    let goodput = |path: &Path, seed| run(path, &[FlowConfig::new(controller)], seed, &mut |_| {}).goodput;
    let clean = goodput(&Path { trouble: Trouble::Clean, ..path }, 1);
    (1..=3).map(|seed| goodput(&path, seed) / clean).collect()
}

#[test]
fn reordering_alone_costs_next_to_nothing() {
    for controller in CONTROLLERS {
        let shares = of_clean("reordering", controller);
        assert!(shares.iter().all(|&share| share >= 0.95), "{controller}: {shares:?}");
    }
}

/// Over 100 ms NewReno takes minutes to grow back after a loss: one that is none, and isn't undone, costs what is looked at here.
#[test]
fn reordering_over_a_long_path_costs_little() {
    for (controller, least) in
        [(Congestion::Cubic, 0.95), (Congestion::Bbr, 0.96), (Congestion::NewReno, 0.95)]
    {
        let shares = of_clean("long-reordering", controller);
        assert!(shares.iter().all(|&share| share >= least), "{controller}: {shares:?}");
    }
}

/// Packets that are late by more than a round trip: the reductions are mistakes, and each of them is undone.
#[test]
fn jitter_of_a_round_trip_leaves_a_gigabit_to_cubic() {
    let path: Path = "1000mbit/20ms/jitter".parse().unwrap();
    for seed in 1..=3 {
        let report = run(&path, &[FlowConfig::new(Congestion::Cubic)], seed, &mut |_| {});
        assert!(report.goodput >= 0.7, "seed {seed}: {}", report.goodput);
    }
}

/// The shortest round trip is half of the mean one there: what is late takes room beside the BDP.
#[test]
fn jitter_of_a_round_trip_leaves_a_gigabit_to_bbr() {
    let path: Path = "1000mbit/20ms/jitter".parse().unwrap();
    for seed in 1..=3 {
        let report = run(&path, &[FlowConfig::new(Congestion::Bbr)], seed, &mut |_| {});
        assert!(report.goodput >= 0.7, "seed {seed}: {}", report.goodput);
    }
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
