//! What is kept of a flow to be drawn: its beginning, its end, and what is worth a word between them.

use crate::told::Told;
use std::collections::VecDeque;

/// Packets kept from the beginning.
const HEAD: usize = 60;
/// Packets worth a word kept after them.
const NOTABLE: usize = 140;
/// Packets kept from the end.
const TAIL: usize = 24;

/// Packets of a flow, and how many are left out before each.
#[derive(Debug, Default)]
pub struct Log {
    kept: Vec<(u64, Told)>,
    tail: VecDeque<Told>,
    left_out: u64,
    missed: u64,
}

/// How much room there is for what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// Only for what is worth a word, and few of them.
    Little,
    None,
}

impl Log {
    /// Takes a packet.
    pub(crate) fn push(&mut self, told: Told, room: Room) {
        let (head, notable, tail) = match room {
            Room::Enough => (HEAD, NOTABLE, TAIL),
            Room::Little => (4, 12, 4),
            Room::None => {
                self.missed += 1;
                return;
            }
        };
        if self.tail.is_empty() && self.left_out == 0 && self.kept.len() < head {
            self.kept.push((0, told));
            return;
        }
        self.tail.push_back(told);
        while self.tail.len() > tail {
            let Some(old) = self.tail.pop_front() else { break };
            if old.is_notable() && self.kept.len() < head + notable {
                self.kept.push((std::mem::take(&mut self.left_out), old));
            } else {
                self.left_out += 1;
            }
        }
    }

    /// Packets at the end that it has no room for.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Packets that it holds.
    pub fn len(&self) -> usize {
        self.kept.len() + self.tail.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each packet kept, and how many are left out before it.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Told)> {
        let mut left_out = Some(self.left_out);
        let kept = self.kept.iter().map(|(before, told)| (*before, told));
        kept.chain(self.tail.iter().map(move |told| (left_out.take().unwrap_or(0), told)))
    }
}
