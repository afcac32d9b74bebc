//! The table as text: a block for each trouble, a line for each path and controller.

use sim::Duration;
use sim::paths::{Cell, Contest, ContestReport, Job, Outcome, RunReport, TROUBLE_AT, Trouble};
use std::fmt::Write as _;

const COLUMNS: &str = "goodput    late   wait p50       p99   resent  needless      stall";

/// The whole table.
pub(super) fn table(rows: &[(Job, Outcome)]) -> String {
    let mut text = String::new();
    let mut block = None;
    let mut path = None;
    for (job, outcome) in rows {
        match (job, outcome) {
            (Job::Cell(cell), Outcome::Cell(report)) => {
                if block != Some(Some(cell.path.trouble)) {
                    heading(&mut text, &cell.path.trouble.to_string(), 24, COLUMNS);
                    block = Some(Some(cell.path.trouble));
                }
                let first = path.replace(cell.path) != Some(cell.path);
                line(&mut text, cell, report, first);
            }
            (Job::Contest(contest), Outcome::Contest(report)) => {
                if block != Some(None) {
                    let name = format!("fairness, {}", contest.path);
                    heading(&mut text, &name, 34, &format!("   jain           shares   {COLUMNS}"));
                    block = Some(None);
                }
                contest_line(&mut text, contest, report);
            }
            _ => {} // What came of a job is of its kind.
        }
    }
    text
}

fn heading(text: &mut String, name: &str, width: usize, columns: &str) {
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{gap}{name:<width$}  {columns}");
}

fn line(text: &mut String, cell: &Cell, report: &RunReport, first: bool) {
    let whole = cell.path.to_string();
    let place = whole.rsplit_once('/').map_or(whole.as_str(), |(place, _)| place);
    let place = if first { place } else { "" };
    let _ = write!(text, "  {place:<14}{:<8}  {}", cell.controller.name(), figures(report));
    notes(text, cell, report);
    text.push('\n');
}

fn figures(report: &RunReport) -> String {
    let stall = report.flows.iter().map(|flow| flow.stall).max().unwrap_or_default();
    format!(
        "{} {}   {} {}  {}   {} {}",
        percent(report.goodput, 1),
        percent(report.goodput_late, 1),
        time(report.wait_p50),
        time(report.wait_p99),
        percent(report.resent, 2),
        percent(report.needless, 2),
        time(stall),
    )
}

/// What else there is to say of a row.
fn notes(text: &mut String, cell: &Cell, report: &RunReport) {
    for flow in &report.flows {
        if let Some(resumed) = flow.resumed {
            let after = match resumed.after {
                None => "did not go on".to_owned(),
                Some(after) => format!("went on after {}", time(after).trim_start()),
            };
            let _ = write!(text, "  {after}, RTO {}", time(resumed.rto).trim_start());
        }
        if let Some(why) = flow.died {
            let _ = write!(text, "  died: {why}");
        }
    }
    if cell.path.trouble == Trouble::Marks {
        let _ = write!(text, "  {} marked", report.marked);
    }
    debug_assert!(cell.path.span() > TROUBLE_AT, "what happens on the way is seen");
}

fn contest_line(text: &mut String, contest: &Contest, report: &ContestReport) {
    let [(one, ours), (other, theirs)] = contest.sides;
    let (name, shares) = match theirs {
        0 => (format!("{ours} × {}", one.name()), String::new()),
        _ => (
            format!("{ours} × {} : {theirs} × {}", one.name(), other.name()),
            format!("{} :{}", percent(report.shares[0], 1), percent(report.shares[1], 1)),
        ),
    };
    let _ = writeln!(text, "  {name:<32}  {:7.3} {shares:>16}   {}", report.jain, figures(&report.run));
}

/// A share of one in percent, seven columns wide.
fn percent(share: f64, digits: usize) -> String {
    format!("{:>6.digits$}%", share * 100.0)
}

/// A time in milliseconds or seconds, nine columns wide.
fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:>6.1} ms", seconds * 1e3),
        seconds => format!("{seconds:>7.2} s"),
    }
}
