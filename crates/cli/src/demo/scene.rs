//! What a scene is, and how its texts are set.

use super::stage::Stage;
use trace::Lang;
use unicode_width::UnicodeWidthStr as _;

/// A story that can be told.
pub(super) struct Scene {
    /// What it is asked for by.
    pub(super) name: &'static str,
    pub(super) title: Text,
    /// What a learner should know before looking. Paragraphs are parted by an empty line.
    pub(super) about: Text,
    /// The stage before anything happens, from the language and the seed.
    pub(super) set: fn(Lang, u64) -> Stage,
    /// What happens.
    pub(super) play: fn(&mut Stage),
}

/// The same in each language.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) en: &'static str,
    pub(super) ko: &'static str,
}

impl Text {
    pub(super) fn get(self, lang: Lang) -> &'static str {
        lang.pick(self.en, self.ko)
    }
}

/// Columns of `text`.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Appends `text` as lines of at most `columns`; `mark` stands before the first, and as much room before the others.
pub(super) fn paragraph(out: &mut String, mark: &str, text: &str, columns: usize) {
    let columns = columns.min(88);
    let mut line = mark.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && width(&line) + 1 + width(word) > columns {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(width(mark));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

/// How many single letters lie between two names.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.chars().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
