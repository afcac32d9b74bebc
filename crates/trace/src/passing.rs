//! The ladder of a capture: packets that somebody saw pass between two ends, with what is inferred of both.
//!
//! A capture has one time for each packet, which stands beside the end that sent it. What an end becomes is inferred by
//! whoever reads the capture; here it is drawn.

use crate::flow::Flows;
use crate::ladder::story::{Packet, Remark, describe, segment};
use crate::ladder::{Arrow, Cell, Draw, Row, Settings, Shape};
use crate::text::printable;
use env::Instant;
use std::net::SocketAddr;
use tcp::State;

/// A packet that was seen between two ends.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// When it was seen.
    pub at: Instant,
    /// The end that it came from: 0 is drawn on the left, 1 on the right.
    pub from: usize,
    /// What it is.
    pub packet: stack::trace::Packet,
    /// The state that each end is in from here on, where that is another.
    pub states: [Option<State>; 2],
    /// What is to be said of it: at which end, whether something is wrong, and what.
    pub notes: Vec<(usize, bool, String)>,
}

/// Draws packets of one flow in the order in which they were seen.
#[derive(Debug)]
pub struct Passing {
    settings: Settings,
    flows: Flows,
    rows: Vec<Row>,
    latest: Option<Instant>,
}

impl Passing {
    /// Nothing yet.
    pub fn new(settings: Settings) -> Self {
        let width = settings.width.clamp(80, 160);
        let settings = Settings { width, ..settings };
        Self { settings, flows: Flows::default(), rows: Vec::new(), latest: None }
    }

    /// The names of both ends, their sockets, and their states before the first packet.
    pub fn heading(&self, ends: Option<[SocketAddr; 2]>, before: [Option<State>; 2]) -> String {
        let mut draw = Draw::new(&self.settings);
        draw.heading(ends, before);
        draw.into_text()
    }

    /// Takes a packet.
    pub fn packet(&mut self, sighting: &Sighting) {
        let Sighting { at, packet, states, notes, .. } = sighting;
        let from = sighting.from.min(1);
        if let Some((src, dst, header)) = segment(packet) {
            self.flows.learn(src, dst, header);
        }
        let label = describe(packet, &self.flows, self.settings.lang, false);
        let mut cells = states.map(|state| Cell { at: None, state });
        if let Some(cell) = cells.get_mut(from) {
            cell.at = Some(*at);
        }
        let packet = Packet { label, left: None, fate: Vec::new(), lost: None, arrivals: 1, slow: false };
        let said = |side| {
            let of = notes.iter().filter(move |(at, _, _)| (*at).min(1) == side);
            of.map(move |(_, bad, text)| (side, Remark { bad: *bad, text: printable(text) }))
        };
        // Who sends speaks first.
        let under = said(from).chain(said(1 - from)).collect();
        let arrow = Some(Arrow { from, packet, shape: Shape::Whole });
        self.rows.push(Row { cells, arrow, across: false, faint: false, under });
    }

    /// Says something of one end, or of both, between two packets.
    pub fn say(&mut self, host: Option<usize>, bad: bool, text: &str) {
        let remark = Remark { bad, text: printable(text) };
        let under = vec![(host.unwrap_or(0).min(1), remark)];
        let cells = [Cell::default(); 2];
        self.rows.push(Row { cells, arrow: None, across: host.is_none(), faint: false, under });
    }

    /// An end comes into another state with nothing to be seen of it.
    pub fn becomes(&mut self, host: usize, state: State, text: &str) {
        let mut cells = [Cell::default(); 2];
        if let Some(cell) = cells.get_mut(host.min(1)) {
            cell.state = Some(state);
        }
        let under = vec![(host.min(1), Remark { bad: false, text: printable(text) })];
        self.rows.push(Row { cells, arrow: None, across: false, faint: false, under });
    }

    /// Rows that wait to be drawn.
    pub fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Draws what came since the last time; rows that only repeat others are counted.
    pub fn draw(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        let mut draw = Draw::after(&self.settings, self.latest);
        draw.rows(&rows);
        self.latest = draw.latest();
        draw.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Log, syn_options};
    use wire::tcp::{Flags, Options};

    #[test]
    fn a_capture_is_drawn_as_any_ladder_with_one_time_for_each_packet() {
        let mut passing = Passing::new(Settings::default());
        let ends = [crate::sample::CLIENT, crate::sample::SERVER].map(|end| end.parse().unwrap());
        let mut text = passing.heading(Some(ends), [Some(State::Closed), Some(State::Listen)]);
        let see = |at, from, packet, states, notes| Sighting {
            at: Instant::from_millis(at),
            from,
            packet,
            states,
            notes,
        };
        let syn = Log::packet(0, Flags::SYN, 0, 0, 0, syn_options());
        passing.packet(&see(0, 0, syn, [Some(State::SynSent), None], vec![]));
        let answer = Log::packet(1, Flags::SYN | Flags::ACK, 0, 1, 0, syn_options());
        passing.packet(&see(20, 1, answer, [None, Some(State::SynReceived)], vec![]));
        let last = Log::packet(0, Flags::ACK, 1, 1, 0, Options::NONE);
        let states = [Some(State::Established); 2];
        let notes = vec![(1, true, "✗ ignored".to_owned()), (0, false, "completes\u{1b} it".to_owned())];
        passing.packet(&see(1020, 0, last, states, notes));
        passing.say(None, false, "7 packets are left out");
        passing.becomes(1, State::Closed, "gone");
        assert_eq!(passing.waiting(), 5);
        text.push_str(&passing.draw());
        insta::assert_snapshot!(text);
        assert_eq!(passing.draw(), "");
    }
}
