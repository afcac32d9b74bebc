//! The table as JSON: times in nanoseconds, shares of one.

use serde_json::{Value, json};
use sim::Duration;
use sim::paths::{FlowReport, Job, Outcome, Resumed, RunReport};

/// One object for all of it.
pub(super) fn object(rows: &[(Job, Outcome)], seed: u64, interrupted: bool) -> Value {
    let (mut cells, mut contests, mut promises) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row {
            (Job::Cell(cell), Outcome::Cell(report)) => cells.push(json!({
                "path": cell.path.to_string(), "rate_bits": cell.path.rate, "rtt_ns": nanos(cell.path.rtt),
                "trouble": cell.path.trouble.to_string(), "controller": cell.controller.name(),
                "queue_octets": cell.path.queue(), "span_ns": nanos(cell.path.span()), "result": run(report),
            })),
            (Job::Contest(contest), Outcome::Contest(report)) => contests.push(json!({
                "path": contest.path.to_string(),
                "sides": contest.sides.map(|(who, count)| json!({ "controller": who.name(), "flows": count })),
                "jain": report.jain, "shares": report.shares, "result": run(&report.run),
            })),
            (Job::Scene(scene, controller), Outcome::Scene(report, Some(judgement))) => promises.push(json!({
                "scene": scene.name, "path": scene.path().to_string(), "controller": controller.name(),
                "kept": judgement.kept, "words": judgement.words, "result": run(report),
            })),
            _ => {} // What came of a job is of its kind.
        }
    }
    json!({
        "event": "paths", "seed": seed, "interrupted": interrupted, "cells": cells, "fairness": contests,
        "promises": promises,
    })
}

fn run(report: &RunReport) -> Value {
    json!({
        "goodput": report.goodput, "goodput_late": report.goodput_late,
        "wait_p50_ns": nanos(report.wait_p50), "wait_p99_ns": nanos(report.wait_p99),
        "resent": report.resent, "needless": report.needless, "marked": report.marked,
        "memory_octets": report.memory, "flows": report.flows.iter().map(flow).collect::<Vec<_>>(),
    })
}

fn flow(flow: &FlowReport) -> Value {
    json!({
        "delivered": flow.delivered, "delivered_late": flow.delivered_late, "sent": flow.sent, "resent": flow.resent,
        "stall_ns": nanos(flow.stall), "resumed": flow.resumed.map(resumed),
        "died": flow.died.map(|why| why.to_string()),
    })
}

/// `after_ns` is null when it did not go on.
fn resumed(resumed: Resumed) -> Value {
    json!({ "after_ns": resumed.after.map(nanos), "rto_ns": nanos(resumed.rto) })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
