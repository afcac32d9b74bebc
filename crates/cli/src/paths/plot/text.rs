//! The drawing as text: each curve as blocks, a column for each part of the time.

use super::Drawn;
use super::curves::{Curve, curves};
use std::fmt::Write as _;

/// Columns of a curve.
const COLUMNS: usize = 80;
/// Lines of a curve.
const LINES: usize = 5;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// All curves of all flows of a run, and the promise, if there is one.
pub(super) fn draw(drawn: &Drawn) -> String {
    let mut text = format!("{}\n", drawn.title);
    if let Some(judgement) = &drawn.judgement {
        let _ = writeln!(text, "{judgement}");
    }
    let flows = drawn.report.flows.len();
    for flow in 0..flows {
        let mut all = curves(drawn, flow, COLUMNS);
        // The queue is everybody's: once is enough.
        all.truncate(if flow + 1 < flows { all.len() - 1 } else { all.len() });
        for curve in &all {
            let of = if flows > 1 && curve.name != "waiting" {
                format!(", flow {}", flow + 1)
            } else {
                String::new()
            };
            draw_curve(&mut text, curve, &of);
        }
    }
    let seconds = drawn.path.span().as_secs_f64();
    let ticks: Vec<_> = (0..4)
        .map(|n| format!("{:<w$}", format!("{:.1}", seconds * n as f64 / 4.0), w = COLUMNS / 4))
        .collect();
    let _ = writeln!(text, "{:>9}  {}{seconds:.1} s", "", ticks.concat());
    text
}

fn draw_curve(text: &mut String, curve: &Curve, of: &str) {
    let top = curve.values.iter().copied().fold(0.0, f64::max);
    let _ = writeln!(text, "\n{:>11}{}{of}, {}", "", curve.name, curve.unit);
    for line in (0..LINES).rev() {
        let label = match line {
            _ if top == 0.0 && line > 0 => continue,
            _ if line + 1 == LINES => figure(top),
            0 => "0".to_owned(),
            _ => String::new(),
        };
        let row: String = curve.values.iter().map(|&value| block(value, top, line)).collect();
        let _ = writeln!(text, "{label:>9} │{}", row.trim_end());
    }
}

/// What of a value shows in a line: eighths of a line, at least one for what is not nothing.
fn block(value: f64, top: f64, line: usize) -> char {
    let eighths = if value > 0.0 { (value / top * (8 * LINES) as f64).round().max(1.0) as usize } else { 0 };
    BLOCKS[eighths.saturating_sub(8 * line).min(8)]
}

/// Three digits.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
