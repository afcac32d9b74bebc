//! One line of the README: how much is there to hold the project to its word.
//!
//! ```text
//!   <!-- conformance -->N scripts, N of N RFC rules covered by tests, N seeds …<!-- /conformance -->
//! ```

use crate::report::Report;

/// Its file, from the workspace's root.
pub const FILE: &str = "README.md";
/// What every change must pass, from the workspace's root: it says how many seeds are played.
pub const GATE: &str = ".ci/run";

const BEGIN: &str = "<!-- conformance -->";
const END: &str = "<!-- /conformance -->";

/// The README `text` with the line as it must be now; `gate` is the text of [`GATE`].
///
/// # Errors
/// The place for the line, or the number of seeds, is not there.
pub fn renewed(text: &str, report: &Report, gate: &str) -> Result<String, String> {
    let missing = |what: &str| format!("{FILE}: {what} is missing");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(|| missing(BEGIN))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| missing(END))?;
    let seeds = seeds(gate).ok_or_else(|| format!("{GATE}: no `sim swarm --seeds N`"))?;
    let line = line(report, seeds);
    Ok(format!("{before}{BEGIN}{line}{END}{after}"))
}

fn line(report: &Report, seeds: usize) -> String {
    let (all, tested) = report.covered();
    let scripts = report.scripts;
    format!(
        "{scripts} scripts, {tested} of {all} RFC rules covered by tests, {seeds} seeds of the swarm with every change"
    )
}

fn seeds(gate: &str) -> Option<usize> {
    let (_, rest) = gate.split_once("sim swarm --seeds ")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirements::Requirements;
    use std::collections::BTreeMap;

    #[test]
    fn the_line_is_renewed_and_the_rest_stays() {
        let rows = "id\trfc\tsection\tlevel\tsummary\tstatus\treason\n\
                    MUST-1\t9293\t3.1\tMUST\tone\tapplies\t\n";
        let report = Report::new(Requirements::parse(rows).unwrap(), BTreeMap::new(), &[]);
        let gate = "step x cargo run -- sim swarm --seeds 200 --seed 1\n";
        let text = "a\n- <!-- conformance -->old<!-- /conformance -->.\nb\n";
        let new = renewed(text, &report, gate).unwrap();
        assert!(
            new.starts_with("a\n- <!-- conformance -->0 scripts, 0 of 1 RFC rules")
                && new.ends_with("-->.\nb\n")
        );
        assert!(new.contains("200 seeds"));
        assert_eq!(renewed(&new, &report, gate).as_ref(), Ok(&new));
        assert!(renewed("nothing", &report, gate).is_err() && renewed(text, &report, "").is_err());
    }
}
