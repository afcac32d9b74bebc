//! What became of scripts, for programs: an object a line.

use super::{Counts, Played};
use crate::clean;
use serde_json::{Value, json};
use sim::packetdrill::report::Verdict;

/// One script.
pub(super) fn script(played: &Played) -> String {
    let mut object = json!({
        "script": played.job.path.to_string_lossy(),
        "ip": played.job.version.name(),
        "ended": played.outcome.ended.as_nanos(),
        "packets": played.outcome.exchange.len(),
    });
    let more = match &played.outcome.verdict {
        Verdict::Passed => json!({ "verdict": "ok" }),
        Verdict::Skipped { at, because } => json!({
            "verdict": "skip",
            "because": because,
            "line": at.map(|at| at.line),
        }),
        Verdict::Failed(failure) if let Some(because) = &played.differs => json!({
            "verdict": "differs",
            "because": because,
            "line": failure.at.line,
            "what": failure.what,
        }),
        Verdict::Failed(failure) => {
            let differences = failure.differences.iter().map(|difference| {
                json!({
                    "field": difference.field,
                    "expected": difference.expected,
                    "actual": difference.actual,
                })
            });
            json!({
                "verdict": "fail",
                "line": failure.at.line,
                "column": failure.at.column,
                "at": failure.when.as_nanos(),
                "what": failure.what,
                "expected": failure.expected,
                "actual": failure.actual,
                "differences": differences.collect::<Vec<_>>(),
            })
        }
    };
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    clean::json(&object)
}

/// How many of each.
pub(super) fn counts(counts: Counts) -> String {
    let Counts { passed, failed, skipped, differing } = counts;
    clean::json(&json!({ "passed": passed, "failed": failed, "skipped": skipped, "differing": differing }))
}
