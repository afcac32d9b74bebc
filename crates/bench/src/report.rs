//! What was measured, as a table and as JSON.

use crate::Samples;
use serde_json::{Value, json};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The more the better.
    Higher,
    /// The less the better.
    Lower,
}

/// The samples of one who was measured.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Who: a stack, or a pair of peers.
    pub who: &'static str,
    /// What was measured.
    pub samples: Samples,
}

/// One thing that was measured, for each of those who do it.
#[derive(Clone, Debug)]
pub struct Row {
    /// A name for programs.
    pub name: &'static str,
    /// What people read.
    pub title: String,
    /// The unit of its figures.
    pub unit: &'static str,
    /// Which way they are good.
    pub better: Better,
    /// Ours first, then those that it is compared with.
    pub figures: Vec<Figure>,
}

/// A table, and what must be said about it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was measured.
    pub name: &'static str,
    /// Rows in the order of measuring.
    pub rows: Vec<Row>,
    /// What a reader must know to judge them.
    pub notes: Vec<String>,
    /// The machine.
    pub machine: String,
}

impl Row {
    /// How many times as good ours is as the one at `index`: above 1, ours is better. `None` without both figures.
    pub fn ratio(&self, index: usize) -> Option<f64> {
        let ours = self.figures.first()?.samples.median()?;
        let theirs = self.figures.get(index)?.samples.median()?;
        let (over, under) = match self.better {
            Better::Higher => (ours, theirs),
            Better::Lower => (theirs, ours),
        };
        (under > 0.0).then(|| over / under)
    }
}

impl Report {
    /// The table, with its notes below, ending in a newline.
    pub fn to_text(&self) -> String {
        let mut who: Vec<&str> = Vec::new();
        for figure in self.rows.iter().flat_map(|row| &row.figures) {
            if !who.contains(&figure.who) {
                who.push(figure.who);
            }
        }
        let mut lines: Vec<Vec<String>> = Vec::new();
        let mut head = vec![self.name.to_owned(), "unit".to_owned()];
        for (index, name) in who.iter().enumerate() {
            head.extend([(*name).to_owned(), "spread".to_owned()]);
            if index > 0 {
                head.push("ratio".to_owned());
            }
        }
        lines.push(head);
        for row in &self.rows {
            let mut line = vec![row.title.clone(), row.unit.to_owned()];
            for (column, name) in who.iter().enumerate() {
                let place = row.figures.iter().position(|figure| figure.who == *name);
                let samples = place.and_then(|place| row.figures.get(place)).map(|figure| &figure.samples);
                line.push(samples.and_then(Samples::median).map_or_else(|| "-".to_owned(), short));
                line.push(samples.and_then(Samples::spread).map_or_else(String::new, percent));
                if column > 0 {
                    let ratio = place.and_then(|place| row.ratio(place));
                    line.push(ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
                }
            }
            lines.push(line);
        }
        let mut text = grid(&lines);
        let _ = writeln!(text);
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        let _ = writeln!(text, "- {}", self.machine);
        text
    }

    /// The same for programs: every sample of every figure.
    pub fn to_json(&self) -> Value {
        let figure = |row: &Row, index: usize, figure: &Figure| {
            json!({
                "who": figure.who,
                "median": figure.samples.median(),
                "least": figure.samples.least(),
                "greatest": figure.samples.greatest(),
                "spread": figure.samples.spread(),
                "samples": figure.samples.all(),
                "ratio": if index > 0 { row.ratio(index) } else { None },
            })
        };
        let row = |row: &Row| {
            let figures: Vec<Value> =
                row.figures.iter().enumerate().map(|(index, one)| figure(row, index, one)).collect();
            json!({
                "name": row.name, "title": row.title, "unit": row.unit,
                "better": if row.better == Better::Higher { "higher" } else { "lower" },
                "figures": figures,
            })
        };
        json!({
            "event": "bench", "bench": self.name, "machine": self.machine, "notes": self.notes,
            "rows": self.rows.iter().map(row).collect::<Vec<Value>>(),
        })
    }
}

/// Three digits that say something, or all there are before the point.
fn short(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    let digits = format!("{value:.decimals$}");
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

fn percent(share: f64) -> String {
    format!("±{:.0}%", share * 100.0)
}

/// Columns of equal width: the first two to the left, figures to the right.
pub(crate) fn grid(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut written = String::new();
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            written += &if column < 2 { format!("{cell}{pad}  ") } else { format!("{pad}{cell}  ") };
        }
        let _ = writeln!(text, "{}", written.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let figure = |who, samples: &[f64]| Figure { who, samples: samples.iter().copied().collect() };
        let row = |name, unit, better, figures| Row { name, title: name.to_owned(), unit, better, figures };
        Report {
            name: "memory",
            rows: vec![
                row(
                    "stream",
                    "Gbit/s",
                    Better::Higher,
                    vec![figure("handfast", &[10.0, 20.0, 30.0]), figure("smoltcp", &[5.0])],
                ),
                row(
                    "round trip",
                    "ns",
                    Better::Lower,
                    vec![figure("handfast", &[1_234.0]), figure("smoltcp", &[617.0])],
                ),
            ],
            notes: vec!["a note".to_owned()],
            machine: "a machine".to_owned(),
        }
    }

    #[test]
    fn a_ratio_above_one_means_that_ours_is_better_whichever_way_is_good() {
        let report = report();
        assert_eq!(report.rows[0].ratio(1), Some(4.0));
        assert_eq!(report.rows[1].ratio(1), Some(0.5));
        assert_eq!(report.rows[1].ratio(2), None);
    }

    #[test]
    fn the_table_lines_up() {
        let expected = "\
memory      unit    handfast  spread  smoltcp  spread  ratio
stream      Gbit/s      20.0    ±50%     5.00     ±0%   4.00
round trip  ns         1,234     ±0%      617     ±0%   0.50

- a note
- a machine
";
        assert_eq!(report().to_text(), expected);
    }

    #[test]
    fn json_has_every_sample() {
        let json = report().to_json();
        assert_eq!(json["rows"][0]["figures"][0]["samples"], json!([10.0, 20.0, 30.0]));
        assert_eq!(json["rows"][1]["figures"][1]["ratio"], json!(0.5));
    }

    #[test]
    fn numbers_have_three_digits_and_thousands_are_set_apart() {
        assert_eq!(
            [0.123, 1.5, 12.34, 123.4, 12345.6, 1e6].map(short),
            ["0.12", "1.50", "12.3", "123", "12,346", "1,000,000"]
        );
    }
}
