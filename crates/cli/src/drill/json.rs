//! What became of scripts, for programs: an object a line.

use super::{Counts, Ending, Played};
use crate::clean;
use serde_json::{Value, json};
use sim::packetdrill::report::Failure;

/// One script.
pub(super) fn script(played: &Played) -> String {
    let outcome = &played.told.outcome;
    let mut object = json!({
        "script": played.job.path.to_string_lossy(),
        "ip": played.job.version.name(),
        "ended": outcome.ended.as_nanos(),
        "packets": outcome.exchange.len(),
    });
    let more = match played.ending() {
        Ending::Passed => json!({ "verdict": "ok" }),
        Ending::Skipped { at, because } => json!({
            "verdict": "skip",
            "because": because,
            "line": at.map(|at| at.line),
            "column": at.map(|at| at.column),
        }),
        Ending::Differs(failure, because) => {
            let mut object = failed("differs", failure);
            add(&mut object, json!({ "because": because }));
            object
        }
        Ending::Failed(failure) => failed("fail", failure),
    };
    add(&mut object, more);
    let stale = played.stale();
    if !stale.is_empty() {
        add(&mut object, json!({ "stale": stale }));
    }
    if let Some(why) = played.loosely() {
        add(&mut object, json!({ "loose": why }));
    }
    if !outcome.printed.is_empty() {
        add(&mut object, json!({ "printed": outcome.printed }));
    }
    clean::json(&object)
}

fn add(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

/// Where, when, and what differs.
fn failed(verdict: &str, failure: &Failure) -> Value {
    let differences = failure.differences.iter().map(|difference| {
        json!({
            "field": difference.field,
            "expected": difference.expected,
            "actual": difference.actual,
        })
    });
    json!({
        "verdict": verdict,
        "line": failure.at.line,
        "column": failure.at.column,
        "at": failure.when.as_nanos(),
        "what": failure.what,
        "expected": failure.expected,
        "actual": failure.actual,
        "differences": differences.collect::<Vec<_>>(),
    })
}

/// How many of each.
pub(super) fn counts(counts: Counts, interrupted: bool) -> String {
    let Counts { passed, failed, skipped, differing, stale, missing: _ } = counts;
    let mut object = json!({
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "differing": differing,
        "stale": stale,
    });
    if interrupted {
        add(&mut object, json!({ "interrupted": true }));
    }
    clean::json(&object)
}
