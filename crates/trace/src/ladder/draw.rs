//! Rows as text.

use super::story::Remark;
use super::{Cell, Row, Settings, arrow};
use crate::Lang;
use crate::text::{Line, Tone, width, wrap};
use env::{Duration, Instant};
use std::net::SocketAddr;
use tcp::State;

/// Columns of a state: SYN-RECEIVED is the longest.
const STATE: usize = 12;
/// Columns that text beside a lifeline keeps free: its mark, between spaces.
const MARK: usize = 3;

/// Draws rows, one after the other.
#[derive(Debug)]
pub(crate) struct Draw<'a> {
    settings: &'a Settings,
    out: String,
    /// The latest instant drawn so far.
    latest: Option<Instant>,
    /// Nothing is known of the left end but what it sends: it has no columns of its own.
    one_sided: bool,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Self {
        Self { settings, out: String::new(), latest: None, one_sided: false }
    }

    /// Goes on after a row of this instant.
    pub(crate) fn after(settings: &'a Settings, latest: Option<Instant>) -> Self {
        Self { latest, ..Self::new(settings) }
    }

    /// The left end's times and states are nobody's to tell: their columns go to what travels.
    pub(crate) fn one_sided(self) -> Self {
        Self { one_sided: true, ..self }
    }

    pub(crate) fn latest(&self) -> Option<Instant> {
        self.latest
    }

    pub(crate) fn into_text(self) -> String {
        self.out
    }

    /// Columns of a time: up to 999 seconds in line.
    fn time(&self) -> usize {
        4 + self.settings.decimals.clamp(1, 9)
    }

    /// Columns after the right lifeline, and before the left one if there is anything to stand there.
    fn margin(&self) -> usize {
        self.time() + 2 + STATE + 1
    }

    /// Columns before the left lifeline.
    fn left_margin(&self) -> usize {
        if self.one_sided { 0 } else { self.margin() }
    }

    /// Columns between the lifelines.
    fn between(&self) -> usize {
        self.settings.width.saturating_sub(self.left_margin() + self.margin() + 2)
    }

    /// Names, addresses, and the states before anything happened.
    pub(crate) fn heading(&mut self, ends: Option<[SocketAddr; 2]>, before: [Option<State>; 2]) {
        let lang = self.settings.lang;
        let [left, right] = &self.settings.hosts;
        let seconds = lang.pick("time/s", "시각/초");
        self.heading_line(Tone::State, [seconds, seconds], [left, right]);
        if let Some([left, right]) = ends {
            self.heading_line(Tone::Plain, ["", ""], [&left.to_string(), &right.to_string()]);
        }
        let cells = before.map(|state| Cell { at: None, state });
        let mut line = self.left(cells[0]);
        self.middle(&mut line, "│", Vec::new());
        self.right(line, cells[1]);
    }

    fn heading_line(&mut self, tone: Tone, times: [&str; 2], names: [&str; 2]) {
        let mut line = Line::new(self.settings.colour);
        line.pad_to(self.time().saturating_sub(width(times[0])));
        line.push(Tone::Faint, times[0]);
        line.pad_to(self.time() + 2);
        line.push(tone, names[0]);
        let end = self.settings.width.saturating_sub(self.time() + 2);
        line.pad_to(end.saturating_sub(width(names[1])));
        line.push(tone, names[1]);
        line.pad_to(self.settings.width.saturating_sub(width(times[1])));
        line.push(Tone::Faint, times[1]);
        line.finish(&mut self.out);
    }

    /// Many rows; those that only repeat what is before them are counted.
    pub(crate) fn rows(&mut self, rows: &[Row]) {
        let keys: Vec<_> = rows.iter().map(key).collect();
        let show = self.settings.repeat.max(1);
        let mut at = 0;
        while let Some(row) = rows.get(at) {
            let Some((period, times)) = repetition(&keys[at..], show) else {
                self.row(row);
                at += 1;
                continue;
            };
            rows[at..at + period * show].iter().for_each(|row| self.row(row));
            let end = at + period * times;
            let more = period * (times - show);
            let text = match self.settings.lang {
                Lang::En => format!("⋮ {more} more like {}", if period == 1 { "this" } else { "these" }),
                Lang::Ko => format!("⋮ 이런 것 {more}개 더"),
            };
            self.across("│", &text);
            self.latest =
                rows[..end].iter().flat_map(|r| r.cells).filter_map(|c| c.at).max().max(self.latest);
            at = end;
        }
    }

    /// One row.
    pub(crate) fn row(&mut self, row: &Row) {
        let times = row.cells.iter().filter_map(|cell| cell.at);
        if let (Some(latest), Some(next)) = (self.latest, times.clone().min())
            && next.since(latest) >= self.settings.pause
        {
            self.pause(next.since(latest));
        }
        self.latest = times.max().max(self.latest);
        if row.across {
            for (_, remark) in &row.under {
                for text in wrap(&remark.text, self.between().saturating_sub(6)) {
                    self.across("│", &format!("── {text} ──"));
                }
            }
            return;
        }

        let columns = self.between();
        let mut under = row.under.clone();
        let mut line = self.left(row.cells[0]);
        let mut extra = Vec::new();
        if let Some(arrow) = &row.arrow {
            let (mut pieces, over) = arrow::pieces(arrow, columns, self.settings.lang);
            if row.faint {
                pieces.iter_mut().for_each(|(tone, _)| *tone = Tone::Faint);
            }
            extra.extend(over.window);
            // A packet that arrives in a row of its own has told its options where it left.
            if !matches!(arrow.shape, super::Shape::Arrives | super::Shape::Copy) {
                extra.extend(arrow.packet.label.options.clone());
            }
            self.middle(&mut line, "│", pieces);
            if !extra.is_empty() {
                let text = extra.join(", ");
                let first = under.iter_mut().find(|(side, remark)| *side == arrow.from && !remark.bad);
                match first {
                    Some((_, remark)) => remark.text = format!("{}; {text}", remark.text),
                    None => under.insert(0, (arrow.from, Remark { bad: false, text })),
                }
            }
            // The way comes after why it was sent, and before what its receiver made of it.
            let at = under.iter().take_while(|(side, _)| *side == arrow.from).count();
            for fate in over.fates.into_iter().rev() {
                under.insert(at, (arrow.from, fate));
            }
        } else {
            let first = (!under.is_empty()).then(|| under.remove(0));
            let (side, remark) = first.unwrap_or((0, Remark { bad: false, text: String::new() }));
            let mut lines = wrap(&remark.text, columns.saturating_sub(MARK + 1)).into_iter();
            let text = lines.next().unwrap_or_default();
            let rest = lines.collect::<Vec<_>>().join(" ");
            if !rest.is_empty() {
                under.insert(0, (side, Remark { text: rest, ..remark }));
            }
            let tone = tone(row, &remark);
            self.middle(&mut line, "│", beside(side, columns, tone, &text, "•"));
        }
        self.right(line, row.cells[1]);

        for (side, remark) in under {
            let tone = tone(row, &remark);
            for text in wrap(&remark.text, columns.saturating_sub(MARK + 1)) {
                let mut line = self.left(Cell::default());
                self.middle(&mut line, "│", beside(side, columns, tone, &text, " "));
                self.right(line, Cell::default());
            }
        }
    }

    fn pause(&mut self, span: Duration) {
        let span = self.settings.lang.span(span);
        let text = match self.settings.lang {
            Lang::En => format!("{span} later"),
            Lang::Ko => format!("{span} 뒤"),
        };
        self.across("┊", &text);
    }

    /// A line that belongs to both sides.
    fn across(&mut self, bar: &str, text: &str) {
        let columns = self.between();
        let before = columns.saturating_sub(width(text)) / 2;
        let after = columns.saturating_sub(width(text) + before);
        let pieces = vec![
            (Tone::Plain, " ".repeat(before)),
            (Tone::Faint, text.to_owned()),
            (Tone::Plain, " ".repeat(after)),
        ];
        let mut line = self.left(Cell::default());
        self.middle(&mut line, bar, pieces);
        self.right(line, Cell::default());
    }

    fn left(&self, cell: Cell) -> Line {
        let mut line = Line::new(self.settings.colour);
        if let Some(at) = cell.at {
            let time = Lang::clock(at.since(self.settings.origin), self.settings.decimals);
            line.pad_to(self.time().saturating_sub(width(&time)));
            line.push(Tone::Faint, &time);
        }
        if let Some(state) = cell.state {
            line.pad_to(self.time() + 2);
            line.push(Tone::State, state.name());
        }
        line.pad_to(self.left_margin());
        line
    }

    fn middle(&self, line: &mut Line, bar: &str, pieces: Vec<(Tone, String)>) {
        line.push(Tone::Faint, bar);
        for (tone, text) in pieces {
            line.push(tone, &text);
        }
        line.pad_to(self.left_margin() + 1 + self.between());
        line.push(Tone::Faint, bar);
    }

    fn right(&mut self, mut line: Line, cell: Cell) {
        let start = self.left_margin() + 2 + self.between();
        if let Some(state) = cell.state {
            line.pad_to(start + 1);
            line.push(Tone::State, state.name());
        }
        if let Some(at) = cell.at {
            let time = Lang::clock(at.since(self.settings.origin), self.settings.decimals);
            line.pad_to(self.settings.width.saturating_sub(width(&time)));
            line.push(Tone::Faint, &time);
        }
        line.finish(&mut self.out);
    }
}

/// The colour of what is said of a row.
fn tone(row: &Row, remark: &Remark) -> Tone {
    match remark.bad {
        _ if row.faint => Tone::Faint,
        true => Tone::Wrong,
        false => Tone::Reason,
    }
}

/// Text that stands at one side's lifeline.
fn beside(side: usize, columns: usize, tone: Tone, text: &str, mark: &str) -> Vec<(Tone, String)> {
    let mark = (tone, mark.to_owned());
    if side == 0 {
        return vec![(Tone::Plain, " ".to_owned()), mark, (tone, format!(" {text}"))];
    }
    let before = columns.saturating_sub(width(text) + MARK);
    vec![(Tone::Plain, " ".repeat(before)), (tone, format!("{text} ")), mark]
}

/// What makes two rows alike: everything but numbers and times. `None` for what is said only once.
fn key(row: &Row) -> Option<String> {
    let arrow = row.arrow.as_ref()?;
    let states = row.cells.map(|cell| cell.state);
    let said =
        row.under.iter().map(|(_, remark)| &remark.text).chain(arrow.packet.fate.iter().map(|f| &f.text));
    let words: String = said.flat_map(|text| text.chars()).filter(|c| !c.is_ascii_digit()).collect();
    Some(format!("{} {:?} {states:?} {} {words}", arrow.from, arrow.shape, arrow.packet.label.name))
}

/// The shortest pattern of up to four rows that begins here and repeats more often than is shown, and how often.
fn repetition(keys: &[Option<String>], show: usize) -> Option<(usize, usize)> {
    (1..=4).find_map(|period| {
        let pattern = keys.get(..period)?;
        if pattern.iter().any(Option::is_none) {
            return None;
        }
        let times = keys.chunks(period).take_while(|rows| *rows == pattern).count();
        (times > show + 1).then_some((period, times))
    })
}
