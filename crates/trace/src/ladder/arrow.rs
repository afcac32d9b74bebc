//! One arrow between the two lifelines, exactly as wide as there is room.
//!
//! ```text
//!   ─ SYN seq=0 win=65535 ──────────────────►      whole
//!   ─ SYN seq=0 win=65535 ───── ✗ lost             lost
//!   ─ SYN seq=0 win=65535 ─────── ┄ ┄ ┄            leaves, arrives in another row
//!    ┄ ┄ ┄ ──────── SYN seq=0 win=65535 ─►         arrives
//!   ◄────────────── SYN,ACK seq=0 ack=1 ─          the other way, mirrored
//! ```

use super::merge::{Arrow, Shape};
use super::story::Remark;
use crate::Lang;
use crate::text::{Tone, cut, width};

type Piece = (Tone, String);

/// What found no room in the arrow.
#[derive(Debug, Default)]
pub(super) struct Over {
    /// The window.
    pub(super) window: Option<String>,
    /// What happened on the way.
    pub(super) fates: Vec<Remark>,
}

/// The arrow's pieces, left to right.
pub(super) fn pieces(arrow: &Arrow, columns: usize, lang: Lang) -> (Vec<Piece>, Over) {
    let mut over = Over::default();
    let label = &arrow.packet.label;
    let (tail, head) = ends(arrow.shape, &arrow.packet.lost, lang);
    let fixed: usize = tail.iter().chain(&head).map(|(_, text)| width(text)).sum();
    let room = columns.saturating_sub(fixed + 2);

    let mut words = label.ports.clone().unwrap_or_default();
    words.push_str(&label.name);
    words.push_str(&label.numbers);
    match &label.window {
        Some(window) if width(&words) + width(window) <= room => words.push_str(window),
        Some(window) => over.window = Some(window.trim().to_owned()),
        None => {}
    }
    let words = cut(&words, room);

    // What happened on the way stands in the arrow where there is room for it.
    let mut line = columns.saturating_sub(fixed + width(&words) + 2);
    let mut fates = Vec::new();
    for fate in told(arrow) {
        if width(&fate.text) + 6 <= line {
            line -= width(&fate.text) + 2;
            fates.push((if fate.bad { Tone::Wrong } else { Tone::Reason }, fate.text));
        } else {
            over.fates.push(fate);
        }
    }

    let mut pieces = tail;
    let (ports, rest) = label
        .ports
        .as_ref()
        .and_then(|p| words.strip_prefix(p.as_str()))
        .map_or((String::new(), words.as_str()), |rest| (label.ports.clone().unwrap_or_default(), rest));
    let (name, numbers) = rest.strip_prefix(label.name.as_str()).map_or((rest, ""), |n| (&label.name, n));
    let mut written: Vec<Piece> = vec![
        (Tone::Faint, " ".to_owned()),
        (Tone::Faint, ports),
        (label.tone, name.to_owned()),
        (Tone::Plain, numbers.to_owned()),
        (Tone::Faint, " ".to_owned()),
    ];
    let backwards = arrow.from == 1;
    if backwards {
        written.reverse(); // Turned round again with everything else below.
    }
    let arriving = matches!(arrow.shape, Shape::Arrives | Shape::Copy | Shape::Forged);
    let dashes = |count: usize| (Tone::Faint, "─".repeat(count));
    if arriving {
        pieces.push(dashes(line));
        pieces.extend(written);
    } else {
        pieces.extend(written);
        let mut left = line;
        let share = line / (fates.len() + 1);
        for (tone, text) in fates {
            pieces.push(dashes(share));
            pieces.push((tone, format!(" {text} ")));
            left -= share;
        }
        pieces.push(dashes(left));
    }
    pieces.extend(head);
    if backwards {
        pieces.reverse();
        for (_, text) in pieces.iter_mut().filter(|(_, text)| text == "►") {
            *text = "◄".to_owned();
        }
    }
    (pieces, over)
}

/// What stands before and behind the words.
fn ends(shape: Shape, lost: &Option<String>, lang: Lang) -> (Vec<Piece>, Vec<Piece>) {
    let faint = |text: &str| (Tone::Faint, text.to_owned());
    let far = |text: &str| vec![(Tone::Plain, text.to_owned())];
    match shape {
        Shape::Whole => (vec![faint("─")], far("►")),
        Shape::Leaves => (vec![faint("─")], vec![faint(" ┄ ┄ ┄ ")]),
        Shape::Lost => {
            let why = lost.as_deref().unwrap_or(lang.pick("lost", "사라짐"));
            (vec![faint("─")], vec![(Tone::Wrong, format!(" ✗ {why} ")), faint(" ")])
        }
        Shape::Arrives => (vec![faint(" ┄ ┄ ┄ ")], [vec![faint("─")], far("►")].concat()),
        Shape::Copy => {
            let what = lang.pick(" (copy) ", " (복제) ");
            (vec![faint(what)], [vec![faint("─")], far("►")].concat())
        }
        Shape::Forged => {
            let what = lang.pick(" from elsewhere ", " 다른 곳에서 ");
            (vec![(Tone::Wrong, what.to_owned())], [vec![faint("─")], far("►")].concat())
        }
    }
}

/// What is told of the way: once, where the packet leaves.
fn told(arrow: &Arrow) -> Vec<Remark> {
    match arrow.shape {
        Shape::Whole | Shape::Leaves => arrow.packet.fate.clone(),
        _ => Vec::new(),
    }
}
