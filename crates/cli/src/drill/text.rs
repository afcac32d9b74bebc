//! What became of scripts, in words.
//!
//! ```text
//!   ok    close/close-local.pkt
//!   FAIL  close/close-remote.pkt:23:4  a packet is another than the script expects
//!           expected  0.300000 > P. 1:1001(1000) ack 1
//!           actual    0.300000 > . 1:1001(1000) ack 1
//!           PSH       set, but was not set
//!         the packets so far, as a ladder
//!   skip  gro/gro-mss-option.pkt:3:1  because …
//! ```

use super::{Counts, Ending, Exchange, Played, shown};
use crate::clean;
use explain::{Captured, Explainer, Limits};
use sim::packetdrill::report::{Difference, Failure};
use sim::packetdrill::script::Position;
use std::fmt::Write as _;
use trace::Settings;

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Columns before what is said below a script's line.
const INDENT: usize = 8;

/// Columns that a ladder has at the least.
const NARROWEST: usize = 80;

/// Raw IP, among the types of link that captures have.
const RAW_IP: u32 = 101;

/// One script. Colours are left out by the output where they don't belong.
pub(super) fn script(played: &Played, ladder: bool, columns: usize) -> String {
    let name = shown(&played.job.path);
    let version = played.job.version.name();
    let mut text = String::new();
    let mut drawn = ladder;
    match played.ending() {
        Ending::Differs(failure, because) => {
            let (place, because) = (place(failure.at), clean::line(because));
            say(&mut text, YELLOW, "differs", format_args!("{name}{place}  {version}  {because}"));
            text.push_str(&indented(&clean::line(&failure.what)));
            text.push_str(&why(failure));
        }
        Ending::Passed => {
            let loosely = played.loosely().map(|why| format!("  loosely: {}", clean::line(why)));
            let loosely = loosely.unwrap_or_default();
            say(&mut text, GREEN, "ok  ", format_args!("{name}  {version}{loosely}"));
        }
        Ending::Skipped { at, because } => {
            let place = at.map(place).unwrap_or_default();
            let because = clean::line(because);
            say(&mut text, YELLOW, "skip", format_args!("{name}{place}  {version}  because {because}"));
        }
        Ending::Failed(failure) => {
            drawn = true;
            let place = if failure.at == Position::default() { String::new() } else { place(failure.at) };
            let what = clean::line(&failure.what);
            say(&mut text, RED, "FAIL", format_args!("{name}{place}  {version}  {what}"));
            text.push_str(&why(failure));
            if let Some(shown) = &played.told.shown {
                text.push_str(&indented(&clean::text(shown)));
            }
        }
    }
    for line in played.stale() {
        text.push_str(&indented(&format!("line {line} says that the kernel differs, and it doesn't")));
    }
    for printed in played.told.outcome.printed.lines() {
        text.push_str(&indented(&format!("print: {}", clean::line(printed))));
    }
    if drawn && !played.told.outcome.exchange.is_empty() {
        text.push_str(&draw(&played.told.outcome.exchange, columns));
    }
    text
}

fn say(text: &mut String, colour: &str, word: &str, rest: std::fmt::Arguments<'_>) {
    // Writing to a string doesn't fail.
    let _ = writeln!(text, "{colour}{word}{PLAIN}  {rest}");
}

fn place(at: Position) -> String {
    format!(":{}:{}", at.line, at.column)
}

/// Expected and actual, one under the other, and the fields in which they differ.
fn why(failure: &Failure) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let (Some(expected), Some(actual)) = (&failure.expected, &failure.actual) {
        rows.push(("expected", expected.clone()));
        rows.push(("actual", actual.clone()));
    } else if let Some(actual) = &failure.actual {
        rows.push(("actual", actual.clone()));
    }
    let differs = |Difference { expected, actual, .. }: &Difference| {
        format!("expected {BOLD}{}{PLAIN}, was {BOLD}{}{PLAIN}", clean::line(expected), clean::line(actual))
    };
    let cleaned = rows.into_iter().map(|(name, value)| (name, clean::line(&value)));
    let fields = failure.differences.iter().map(|difference| (difference.field, differs(difference)));
    let rows: Vec<_> = cleaned.chain(fields).collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.into_iter().map(|(name, value)| format!("        {name:width$}  {value}\n")).collect()
}

fn indented(text: &str) -> String {
    moved(text, INDENT)
}

fn moved(text: &str, indent: usize) -> String {
    text.lines().map(|line| format!("{:indent$}{line}\n", "")).collect()
}

/// The packets as ladders, one for each flow.
fn draw(exchange: &Exchange, columns: usize) -> String {
    let mut explainer = Explainer::new(Limits::default());
    for (number, packet) in (1..).zip(exchange) {
        let captured = Captured {
            number,
            at: packet.at,
            link: RAW_IP,
            interface: 0,
            octets: &packet.packet,
            original: packet.packet.len(),
        };
        if let Some(told) = explainer.push(&captured) {
            explainer.keep(told);
        }
    }
    let mut flows: Vec<_> = std::iter::from_fn(|| explainer.poll_ended()).collect();
    flows.extend(explainer.finish());
    flows.sort_by_key(explain::Flow::number);
    let first = |flow: &explain::Flow| {
        exchange.iter().find(|packet| packet.at == flow.began()).is_some_and(|p| p.outbound)
    };
    let mut text = String::new();
    // Where there is no room for the indent, there is none.
    let indent = columns.saturating_sub(NARROWEST).min(INDENT);
    for flow in &flows {
        let (host, script) = ("host".to_owned(), "script".to_owned());
        let hosts = if first(flow) { [host, script] } else { [script, host] };
        let settings = Settings { hosts, width: columns - indent, colour: true, ..Settings::default() };
        text.push_str(&moved(&explain::ladder(flow, &settings), indent));
    }
    text
}

/// How many of each.
pub(super) fn counts(counts: Counts) -> String {
    let Counts { passed, failed, skipped, differing, stale, missing: _ } = counts;
    let differing = if differing > 0 { format!(", {differing} differ as they say") } else { String::new() };
    let stale = if stale > 0 { format!(", {stale} say that they differ and don't") } else { String::new() };
    format!("{passed} passed, {failed} failed, {skipped} skipped{differing}{stale}")
}
