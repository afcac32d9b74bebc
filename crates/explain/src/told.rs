//! What is told of one packet.

use crate::finding::Findings;
use crate::remark::{Remark, Said};
use crate::table::Key;
use crate::words;
use env::Instant;
use stack::trace::Packet;
use tcp::State;
use trace::{Lang, Sighting};

/// A packet of a flow, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Which packet of the file, from 1.
    pub number: u64,
    /// When it was captured.
    pub at: Instant,
    /// Which flow, from 1.
    pub flow: u64,
    /// The end that it came from: 0 or 1.
    pub from: usize,
    /// The packet.
    pub packet: Packet,
    /// What Wireshark remarks too.
    pub findings: Findings,
    /// The states that the ends are in from here on, where those are others.
    pub states: [Option<State>; 2],
    /// What is said of it.
    pub said: Vec<Said>,
    /// The sockets of its flow.
    pub(crate) key: Key,
}

impl Told {
    /// As a row of a ladder.
    pub fn sighting(&self, lang: Lang) -> Sighting {
        let note = |said: &Said| (said.side, said.remark.is_bad(), words::remark(lang, said.remark));
        Sighting {
            at: self.at,
            from: self.from,
            packet: self.packet.clone(),
            states: self.states,
            notes: self.said.iter().map(note).collect(),
        }
    }

    /// Whether something is to be said of it, or an end changes its state.
    pub fn is_notable(&self) -> bool {
        let small = |said: &Said| matches!(said.remark, Remark::Train(..) | Remark::DuplicateAck(_));
        self.states != [None; 2] || !self.said.iter().all(small)
    }
}
