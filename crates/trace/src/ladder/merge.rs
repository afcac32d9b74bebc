//! One order for both sides: what goes into a row.
//!
//! ```text
//!   left:   send A ─ receive B            A and B cross: no row can hold both ends of both,
//!   right:  send B ─ receive A            so each is drawn where it leaves and where it arrives
//!
//!   left:   send A ─ send C               A is overtaken: C is one row, A is two
//!   right:  receive C ─ receive A
//! ```

use super::story::{Act, Packet, Remark, Step, Story};
use env::Instant;
use tcp::State;

/// A row of the ladder.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) cells: [Cell; 2],
    pub(crate) arrow: Option<Arrow>,
    /// It belongs to both sides.
    pub(crate) across: bool,
    /// It is no business of either host: drawn faintly, whatever is said of it.
    pub(crate) faint: bool,
    /// Lines under it (or, where nothing travels, in it): on which side, and what.
    pub(crate) under: Vec<(usize, Remark)>,
}

/// One side of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) at: Option<Instant>,
    pub(crate) state: Option<State>,
}

/// What travels in a row.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    /// The side that it comes from.
    pub(crate) from: usize,
    pub(crate) packet: Packet,
    pub(crate) shape: Shape,
}

/// How much of a packet's way a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All of it.
    Whole,
    /// It leaves, and will arrive in another row, or was on its way when the story ended.
    Leaves,
    /// It left in another row.
    Arrives,
    /// A second copy arrives.
    Copy,
    /// It leaves and never arrives.
    Lost,
    /// It was sent by nobody that we know.
    Forged,
}

pub(crate) fn merge(story: &Story) -> Vec<Row> {
    let mut merge = Merge { story, next: [0, 0], left: vec![false; story.packets.len()], rows: Vec::new() };
    while merge.turn() {}
    merge.rows
}

struct Merge<'a> {
    story: &'a Story,
    next: [usize; 2],
    /// Packets whose leaving has been drawn.
    left: Vec<bool>,
    rows: Vec<Row>,
}

impl<'a> Merge<'a> {
    fn head(&self, side: usize) -> Option<&'a Step> {
        self.story.steps[side].get(self.next[side])
    }

    fn packet(&self, number: usize) -> &'a Packet {
        &self.story.packets[number]
    }

    /// Draws what comes next, and says whether there was anything.
    fn turn(&mut self) -> bool {
        for side in [0, 1] {
            let (Some(one), Some(other)) = (self.head(side), self.head(1 - side)) else { continue };
            if let (Act::Send(a), Act::Receive(b, 0)) = (one.act, other.act)
                && a == b
                && !self.packet(a).slow
            {
                self.whole(side, a, one, other);
                return true;
            }
        }
        if let [Some(one), Some(other)] = [self.head(0), self.head(1)]
            && (one.act, other.act) == (Act::Across, Act::Across)
        {
            let under = one.notes.iter().map(|note| (0, note.clone())).collect();
            self.rows.push(Row {
                cells: [Cell::default(); 2],
                arrow: None,
                across: true,
                faint: false,
                under,
            });
            self.next = self.next.map(|next| next + 1);
            return true;
        }
        let free = [0, 1].map(|side| self.head(side).filter(|step| self.is_free(step)));
        let when = |step: &Step| (step.at, step.order);
        let side = match free {
            [Some(a), Some(b)] => usize::from(when(b) < when(a)),
            [Some(_), None] => 0,
            [None, Some(_)] => 1,
            [None, None] => return self.cross(),
        };
        let Some(step) = free[side] else { return false };
        self.single(side, step);
        true
    }

    /// Whether a step needs no row that holds the other side's as well.
    fn is_free(&self, step: &Step) -> bool {
        match step.act {
            Act::Across => false,
            Act::Local | Act::Receive(_, 1..) => true,
            Act::Send(number) => self.packet(number).arrivals == 0 || self.packet(number).slow,
            Act::Receive(number, 0) => self.packet(number).left.is_none() || self.left[number],
        }
    }

    /// Both sides wait for the other: what was sent is drawn as leaving now and arriving later.
    fn cross(&mut self) -> bool {
        let mut any = false;
        for side in [0, 1] {
            let Some(step) = self.head(side) else { continue };
            if matches!(step.act, Act::Send(_)) {
                self.single(side, step);
                any = true;
            }
        }
        any
    }

    fn whole(&mut self, from: usize, number: usize, sent: &Step, received: &Step) {
        self.left[number] = true;
        let mut cells = [Cell::default(); 2];
        cells[from] = Cell { at: Some(sent.at), state: sent.state };
        cells[1 - from] = Cell { at: Some(received.at), state: received.state };
        let packet = self.packet(number).clone();
        let mut under: Vec<_> = sent.notes.iter().map(|n| (from, n.clone())).collect();
        under.extend(received.notes.iter().map(|n| (1 - from, n.clone())));
        self.rows.push(Row {
            cells,
            arrow: Some(Arrow { from, packet, shape: Shape::Whole }),
            across: false,
            faint: false,
            under,
        });
        self.next[0] += 1;
        self.next[1] += 1;
    }

    fn single(&mut self, side: usize, step: &Step) {
        self.next[side] += 1;
        let mut cells = [Cell::default(); 2];
        cells[side] = Cell { at: Some(step.at), state: step.state };
        let under = step.notes.iter().map(|n| (side, n.clone())).collect();
        let arrow = |from, number: usize, shape| {
            Some(Arrow { from, packet: self.story.packets[number].clone(), shape })
        };
        let arrow = match step.act {
            Act::Local | Act::Across => None,
            Act::Send(number) => {
                self.left[number] = true;
                let packet = self.packet(number);
                let lost = packet.arrivals == 0 && packet.lost.is_some();
                arrow(side, number, if lost { Shape::Lost } else { Shape::Leaves })
            }
            Act::Receive(number, copy) => {
                let shape = match copy {
                    _ if self.packet(number).left.is_none() => Shape::Forged,
                    0 => Shape::Arrives,
                    _ => Shape::Copy,
                };
                arrow(1 - side, number, shape)
            }
        };
        self.rows.push(Row { cells, arrow, across: false, faint: false, under });
    }
}
