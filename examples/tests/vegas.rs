//! The controller of `examples/vegas.rs` over a path in virtual time, beside one that is built in.

#[allow(dead_code)]
#[path = "../vegas.rs"]
mod vegas;

use handfast::Congestion;
use sim::paths::{FlowConfig, Path, RunReport, Trouble, run};
use std::num::NonZeroU64;
use std::time::Duration;

/// 10 Mbit/s, 20 ms, and a queue of ten times what the path holds.
fn over_a_bloated_queue(controller: Congestion) -> RunReport {
    let rate = NonZeroU64::new(10_000_000).unwrap();
    let path = Path { rate, rtt: Duration::from_millis(20), trouble: Trouble::BloatedQueue };
    run(&path, &[FlowConfig::new(controller)], 1, &mut |_| {})
}

#[test]
fn vegas_fills_the_path_and_not_its_queue() {
    let vegas = over_a_bloated_queue(Congestion::Custom(&vegas::VEGAS));
    let reno = over_a_bloated_queue(Congestion::NewReno);
    assert!(vegas.goodput_late > 0.9 && reno.goodput_late > 0.9, "{vegas:?} {reno:?}");
    // Two to four segments of 1.2 ms each, where the other one has filled the queue.
    assert!(vegas.wait_p50 < Duration::from_millis(6), "{vegas:?}");
    assert!(reno.wait_p50 > 10 * vegas.wait_p50, "{vegas:?} {reno:?}");
    // Nothing was lost. After 16 MiB one segment is held back, and leaves when the peer has told of the hole.
    assert!(vegas.flows[0].resent <= 1_460, "{vegas:?}");
}
