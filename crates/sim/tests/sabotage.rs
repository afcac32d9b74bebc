//! Builds that are broken on purpose are found.

use handfast_sim::swarm::{Options, run_with};
use tcp::{Sabotage, TcpConfig};

/// The first seed, of a thousand, in which a fault shows.
fn caught(name: &str, change: fn(TcpConfig) -> TcpConfig) {
    // A fault is looked for by what must hold alone: nothing here knows what it is.
    let options = Options { change, ..Options::default() };
    let found = (0..1_000).find_map(|seed| run_with(seed, &options).err());
    match found {
        Some(failure) => println!("{name} is caught at seed {}: {}", failure.seed, failure.violation.rule),
        None => panic!("{name} goes unnoticed in 1,000 seeds"),
    }
}

#[test]
fn a_sender_that_ignores_cwnd_is_caught() {
    caught("IgnoreCwnd", |config| config.sabotage(Some(Sabotage::IgnoreCwnd)));
}

#[test]
fn a_sender_that_never_probes_a_shut_window_is_caught() {
    caught("NoPersistTimer", |config| config.sabotage(Some(Sabotage::NoPersistTimer)));
}

#[test]
fn a_fin_that_is_lost_with_its_data_is_caught() {
    caught("LoseFinWithData", |config| config.sabotage(Some(Sabotage::LoseFinWithData)));
}

#[test]
fn a_window_edge_off_by_one_is_caught() {
    caught("WindowEdgeOffByOne", |config| config.sabotage(Some(Sabotage::WindowEdgeOffByOne)));
}
