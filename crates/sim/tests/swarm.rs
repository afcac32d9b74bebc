//! A fixed set of random worlds.

use handfast_sim::swarm::{run, run_many};

/// Covers: RFC 9293 9293-E40, 9293-E39, 9293-E43, 9293-E49, MUST-2, MUST-3
#[test]
fn a_fixed_set_of_random_worlds_holds() {
    let summary = run_many(0..600, 2, |_| std::ops::ControlFlow::Continue(()));
    for failure in &summary.failures {
        println!("{failure}");
    }
    assert!(summary.failures.is_empty(), "{} of {} runs failed", summary.failures.len(), summary.runs);
    let total = summary.total;
    println!("{} runs: {total:?}", summary.runs);
    assert!(total.connections > 600 && total.retransmissions > 1_000 && total.datagrams > 100);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 0..40 {
        let (one, two) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(one, two, "seed {seed}");
    }
    assert_ne!(run(1).unwrap().digest, run(2).unwrap().digest);
}
