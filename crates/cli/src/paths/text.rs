//! The table as text: a block for each trouble, a line for each path and controller.

use sim::Duration;
use sim::paths::{Cell, Contest, ContestReport, Job, Outcome, Path, RunReport, Trouble};
use std::fmt::Write as _;

const COLUMNS: &str = "goodput    late   wait p50       p99   resent  needless      stall";

/// What the lines of a block have in common.
#[derive(PartialEq)]
enum Block {
    Trouble(Trouble),
    Fairness,
    Promises,
}

/// The whole table.
pub(super) fn table(rows: &[(Job, Outcome)]) -> String {
    let mut text = String::new();
    let (mut block, mut path) = (None, None);
    for (job, outcome) in rows {
        match (job, outcome) {
            (Job::Cell(cell), Outcome::Cell(report)) => {
                if block.replace(Block::Trouble(cell.path.trouble)) != Some(Block::Trouble(cell.path.trouble))
                {
                    heading(&mut text, &cell.path.trouble.to_string(), 25, COLUMNS);
                }
                let first = path.replace(cell.path) != Some(cell.path);
                line(&mut text, cell, report, first);
            }
            (Job::Contest(contest), Outcome::Contest(report)) => {
                if block.replace(Block::Fairness) != Some(Block::Fairness) {
                    let name = format!("fairness, {}", contest.path);
                    heading(&mut text, &name, 34, &format!("   jain           shares   {COLUMNS}"));
                }
                contest_line(&mut text, contest, report);
            }
            (Job::Scene(scene, controller), Outcome::Scene(_, Some(judgement))) => {
                if block.replace(Block::Promises) != Some(Block::Promises) {
                    heading(&mut text, "promises", 25, "");
                }
                let place = format!("{} ({})", scene.name, place(&scene.path()));
                let _ = writeln!(text, "  {place:<34} {:<8}  {judgement}", controller.name());
            }
            _ => {} // What came of a job is of its kind.
        }
    }
    text
}

fn heading(text: &mut String, name: &str, width: usize, columns: &str) {
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{}", format!("{gap}{name:<width$}  {columns}").trim_end());
}

fn line(text: &mut String, cell: &Cell, report: &RunReport, first: bool) {
    let place = if first { place(&cell.path) } else { String::new() };
    let _ = write!(text, "  {place:<15}{:<8}  {}", cell.controller.name(), figures(report));
    notes(text, cell, report);
    text.push('\n');
}

/// Rate and round trip.
fn place(path: &Path) -> String {
    let whole = path.to_string();
    whole.rsplit_once('/').map_or(whole.clone(), |(place, _)| place.to_owned())
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
