//! The ladder: two columns of states, and between them what travelled, and why.
//!
//! ```text
//!   entries ──story──► steps of each side, in its own order ──merge──► rows ──draw──► text
//!             what became of each packet               one order for both
//! ```
//!
//! ```text
//!    0.000  SYN-SENT     │─ SYN seq=0 win=65535 ───────────────►│ SYN-RECEIVED   0.010
//!                        │  opens the connection                │
//! ```
//!
//! An arrow is one row when nothing else has to come between its two ends: the time on the left is when it left (or
//! arrived), the time on the right when it arrived (or left). Packets that cross, or overtake one another, are drawn in
//! two rows, so that each side's own order is true to what it saw.

mod arrow;
mod draw;
mod merge;
pub(crate) mod story;
#[cfg(test)]
mod tests;

use crate::{Entry, Lang};
use env::{Duration, Instant};

pub(crate) use draw::Draw;
pub(crate) use merge::{Arrow, Cell, Row, Shape};

/// How a ladder looks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The language.
    pub lang: Lang,
    /// The names of the two hosts.
    pub hosts: [String; 2],
    /// Columns that it may take: 80 to 160, from 48 on where only one side is drawn ([`Live`](crate::Live)). Default 100.
    pub width: usize,
    /// Colours, by ANSI codes. Default none.
    pub colour: bool,
    /// When the story begins: times are told from here on. Default the clock's own start.
    pub origin: Instant,
    /// Decimals of a second in times. Default 3.
    pub decimals: usize,
    /// Arrows in a row that differ in numbers only, of which so many are drawn. Default 3.
    pub repeat: usize,
    /// A silence so long is drawn. Default 500 ms.
    pub pause: Duration,
    /// What the sender's estimates do: each measured round trip, each change of the congestion window. Default no:
    /// only what loss does to the window.
    pub estimates: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lang: Lang::En,
            hosts: ["client".to_owned(), "server".to_owned()],
            width: 100,
            colour: false,
            origin: Instant::ZERO,
            decimals: 3,
            repeat: 3,
            pause: Duration::from_millis(500),
            estimates: false,
        }
    }
}

/// What happened between two hosts, drawn.
///
/// ```
/// use handfast_trace::{Ladder, Settings};
/// let nothing = Ladder::new(Settings::default()).draw(&[]);
/// assert!(nothing.contains("client") && nothing.contains("server"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    settings: Settings,
}

impl Ladder {
    /// A ladder that looks so.
    pub fn new(settings: Settings) -> Self {
        let width = settings.width.clamp(80, 160);
        Self { settings: Settings { width, ..settings } }
    }

    /// Draws what happened, from first to last.
    pub fn draw(&self, entries: &[Entry]) -> String {
        let story = story::Story::read(entries, &self.settings);
        let rows = merge::merge(&story);
        let mut draw = Draw::new(&self.settings);
        draw.heading(story.ends, story.before);
        draw.rows(&rows);
        draw.into_text()
    }
}
