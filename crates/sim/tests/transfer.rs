//! Files over bad links arrive as they were sent.

use bytes::Bytes;
use env::Rng;
use handfast_sim::{PairConfig, TransferConfig, TransferReport, transfer};

/// Sends `octets` of noise by `seed` over the link of the brief's worst case.
fn send(seed: u64, octets: usize, v6: bool) -> TransferReport {
    let mut file = vec![0; octets];
    Rng::seeded(seed).fill(&mut file);
    let file = Bytes::from(file);
    let link: handfast_sim::Profile =
        "delay=5ms,loss=5%,reorder=2%/3ms,duplicate=1%,corrupt=0.1%".parse().unwrap();
    let pair = PairConfig { there: link.clone(), back: link, ..PairConfig::default() };
    let config = TransferConfig { pair, v6, ..TransferConfig::default() };
    let (mut left, mut arrived) = (file.clone(), 0);
    let mut source = |most: usize| Ok(left.split_to(most.min(left.len())));
    let mut sink = |part: &[u8]| {
        assert!(file[arrived..].starts_with(part), "seed {seed}: octet {arrived} and on");
        arrived += part.len();
        Ok(())
    };
    let report = transfer(seed, config, &mut source, &mut sink, &mut |_, _| {}).unwrap();
    assert_eq!((arrived, report.bytes), (octets, octets as u64));
    report
}

/// Covers: RFC 9293 9293-E39, 9293-E40, MUST-3
#[test]
fn a_file_survives_loss_reordering_duplication_and_corruption_on_ten_seeds() {
    for seed in 0..10 {
        let report = send(seed, 1 << 20, seed % 2 == 1);
        assert!(report.lost > 20 && report.reordered > 5 && report.duplicated > 2, "{report:?}");
        assert!(report.retransmissions > 20, "{report:?}");
    }
}

/// Covers: RFC 9293 9293-E39, 9293-E40
#[test]
fn a_hundred_megabytes_survive_on_ten_seeds() {
    for seed in 0..10 {
        let report = send(seed, 100_000_000, seed % 2 == 1);
        println!(
            "seed {seed}: {:.0} s of virtual time, {:.0} kB/s, {} of {} segments sent again",
            report.took.as_secs_f64(),
            report.goodput() / 1e3,
            report.retransmissions,
            report.segments
        );
    }
}
