//! The ladder of one host, as it happens: the other side of each row is whatever answers from the network.

use crate::entry::when;
use crate::flow::Flows;
use crate::ladder::story::{Label, Packet, Remark, describe};
use crate::ladder::{Arrow, Cell, Draw, Row, Settings, Shape};
use crate::windows::Windows;
use env::Instant;
use stack::Trace;
use std::net::SocketAddr;
use tcp::Note;

/// Draws one host's events while they happen. The host is on the right, as a server.
///
/// A row is drawn when the next event shows that nothing more belongs to it, or on [`flush`](Self::flush).
#[derive(Debug)]
pub struct Live {
    settings: Settings,
    flows: Flows,
    windows: Windows,
    row: Option<Row>,
    latest: Option<Instant>,
}

/// The side that the host is drawn on.
const HOST: usize = 1;
/// Columns that a row needs at least, so that there is room between the lifelines.
const NARROWEST: usize = 48;

impl Live {
    /// Nothing yet. Of the two names, the second is the host's. Of the columns at least 48 are used: the other end, of which
    /// nothing but its packets is known, takes none.
    pub fn new(settings: Settings) -> Self {
        let width = settings.width.clamp(NARROWEST, 160);
        let settings = Settings { width, ..settings };
        Self { settings, flows: Flows::default(), windows: Windows::default(), row: None, latest: None }
    }

    /// Takes an event, and gives the rows that it completes.
    pub fn push(&mut self, what: &Trace) -> String {
        let lang = self.settings.lang;
        match what {
            Trace::Sent { at, packet, why, .. } => {
                let label = self.label(packet);
                let mut text = self.after(*at);
                // A change of state that a call caused belongs to what the call sends.
                let waiting = self.row.take_if(|row| {
                    let [_, cell] = &row.cells;
                    row.arrow.is_none() && cell.state.is_some() && cell.at == Some(*at)
                });
                text.push_str(&self.flush());
                let state = waiting.and_then(|row| row.cells[HOST].state);
                let under = why.map(|why| (HOST, Remark { bad: false, text: lang.why(why) }));
                self.row = Some(row(*at, HOST, label, under));
                if let Some(row) = &mut self.row {
                    row.cells[HOST].state = state;
                }
                text
            }
            Trace::Received { at, packet, .. } => {
                let label = self.label(packet);
                let text = self.flush();
                self.row = Some(row(*at, 1 - HOST, label, None));
                text
            }
            // What passes by is no alarm; where it could not even be read it is nothing to draw.
            Trace::Dropped { at, why, .. } if is_for_others(*why) => {
                let said = Remark { bad: false, text: lang.drop(*why) };
                if let Some(row) = self.open(*at) {
                    row.faint = true;
                    row.under.push((HOST, said));
                }
                String::new()
            }
            Trace::Dropped { at, why, .. } => {
                let text = format!("✗ {}", lang.drop(*why));
                self.aside(*at, true, text)
            }
            Trace::Tcp { at, local, remote, note } => self.note(*at, *local, *remote, note),
            _ => self.after(when(what)),
        }
    }

    fn note(&mut self, at: Instant, local: SocketAddr, remote: SocketAddr, note: &Note) -> String {
        let (lang, all) = (self.settings.lang, self.settings.estimates);
        if let Some(mut text) = self.windows.tell((HOST, local, remote), note, all, lang) {
            if self.open(at).is_none() {
                text = format!("{text} ({remote})");
            }
            return self.aside(at, false, text);
        }
        match note {
            Note::State { to, cause, .. } => {
                let mut text = String::new();
                if self.open(at).is_none() {
                    text = self.aside(at, false, lang.cause(*cause));
                }
                if let Some(row) = &mut self.row {
                    row.cells[HOST].state = Some(*to);
                }
                text
            }
            Note::Discarded { why, .. } => {
                let text = format!("✗ {}", lang.discard(*why));
                let open = self.open(at).and_then(|row| row.under.iter_mut().find(|(_, said)| said.bad));
                match open {
                    Some((_, said)) => {
                        said.text = text;
                        String::new()
                    }
                    None => self.aside(at, true, text),
                }
            }
            Note::Remark { what, .. } => self.aside(at, false, lang.remark(what).to_owned()),
            _ => String::new(),
        }
    }

    /// The row that waits for more, if any.
    pub fn flush(&mut self) -> String {
        let Some(row) = self.row.take() else { return String::new() };
        let mut draw = Draw::after(&self.settings, self.latest).one_sided();
        draw.row(&row);
        self.latest = draw.latest();
        draw.into_text()
    }

    fn label(&mut self, packet: &stack::trace::Packet) -> Label {
        if let Some((src, dst, header)) = crate::ladder::story::segment(packet) {
            self.flows.learn(src, dst, header);
        }
        describe(packet, &self.flows, self.settings.lang, true)
    }

    /// The row that is still open at this instant, for what belongs to an arrival.
    fn open(&mut self, at: Instant) -> Option<&mut Row> {
        self.row.as_mut().filter(|row| {
            let arrived = row.arrow.as_ref().is_some_and(|arrow| arrow.from != HOST);
            arrived && row.cells[HOST].at == Some(at)
        })
    }

    fn aside(&mut self, at: Instant, bad: bool, text: String) -> String {
        let remark = (HOST, Remark { bad, text });
        if let Some(row) = self.open(at) {
            // TCP's own note says it better than the counter's name, whichever comes first.
            if !(bad && row.under.iter().any(|(_, said)| said.bad)) {
                row.under.push(remark);
            }
            return String::new();
        }
        let text = self.flush();
        let mut cells = [Cell::default(); 2];
        cells[HOST].at = Some(at);
        self.row = Some(Row { cells, arrow: None, across: false, faint: false, under: vec![remark] });
        text
    }

    /// What is complete once it is `at`.
    fn after(&mut self, at: Instant) -> String {
        if self.row.as_ref().is_some_and(|row| row.cells[HOST].at != Some(at)) {
            self.flush()
        } else {
            String::new()
        }
    }
}

/// Whether what was dropped was never meant for us: what a link with other hosts on it, or the kernel's own discovery, brings
/// along.
fn is_for_others(why: stack::Drop) -> bool {
    use stack::Drop;
    matches!(
        why,
        Drop::LinkNotForUs | Drop::LinkUnknownProtocol | Drop::ArpNotForUs | Drop::NotForUs | Drop::NotJoined
    )
}

fn row(at: Instant, from: usize, label: Label, under: Option<(usize, Remark)>) -> Row {
    let mut cells = [Cell::default(); 2];
    cells[HOST].at = Some(at);
    let packet = Packet { label, left: None, fate: Vec::new(), lost: None, arrivals: 1, slow: false };
    Row {
        cells,
        across: false,
        faint: false,
        arrow: Some(Arrow { from, packet, shape: Shape::Whole }),
        under: under.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::sample::{Log, handshake};
    use tcp::{Trigger, Undo, Why};
    use wire::tcp::{Flags, Options};

    fn live(log: &Log) -> (String, String) {
        let mut live = Live::new(Settings::default());
        let mut text = String::new();
        for entry in &log.entries {
            if let Entry::Host { host: 1, what } = entry {
                text.push_str(&live.push(what));
            }
        }
        (text, live.flush())
    }

    #[test]
    fn a_server_sees_its_side_of_the_handshake_as_it_happens() {
        let (before, last) = live(&handshake());
        insta::assert_snapshot!(format!("{before}…\n{last}"));
    }

    /// A loss that was none, as the side sees it that sends the data.
    #[test]
    fn a_window_is_told_where_loss_made_it_smaller_and_where_that_is_undone() {
        let mut log = handshake();
        let data = |seq| Log::packet(1, Flags::ACK, seq, 1, 1000, Options::NONE);
        let ack = |ack, options| Log::packet(0, Flags::ACK, 1, ack, 0, options);
        log.carried(40, 0, ack(1, Options::NONE), Why::Duplicate);
        log.window(50, 1, [10_000, 1 << 31], Trigger::Ack, "slow start");
        log.carried(50, 0, ack(1, Options::NONE), Why::OutOfOrder);
        log.window(60, 1, [7_000, 7_000], Trigger::Loss, "congestion avoidance");
        log.sent(60, 1, &data(1), Why::Rack { later: 3 });
        log.carried(60, 0, ack(4001, Options::NONE), Why::FillsHole);
        log.window(70, 1, [10_000, 1 << 31], Trigger::Undone(Undo::Eifel), "slow start");
        log.window(70, 1, [11_000, 1 << 31], Trigger::Ack, "slow start");
        log.carried(70, 0, ack(5001, Options::NONE), Why::SecondSegment);
        log.window(80, 1, [12_000, 1 << 31], Trigger::Ack, "CSS");
        log.window(90, 1, [1_000, 6_000], Trigger::Timeout, "slow start");
        log.sent(90, 1, &data(5001), Why::RetransmissionTimeout(1));
        log.window(100, 1, [1_000, 6_000], Trigger::Undone(Undo::DuplicateSack), "slow start");
        let (mut text, last) = live(&log);
        text.push_str(&last);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_is_meant_for_others_is_no_alarm() {
        let mut log = handshake();
        let data = Log::packet(0, Flags::PSH | Flags::ACK, 1, 1, 5, Options::NONE);
        log.carried(30, 0, data, Why::Data);
        log.dropped(40, 1, log.frames, stack::Drop::NotJoined);
        let mut coloured = Live::new(Settings { colour: true, ..Settings::default() });
        for entry in &log.entries {
            if let Entry::Host { host: 1, what } = entry {
                coloured.push(what);
            }
        }
        let last = coloured.flush();
        let plain = anstyle_free(&last);
        assert!(plain.contains("not for us: a group that nobody here has joined"), "{plain}");
        assert!(!plain.contains('✗') && last.contains("PSH"), "{plain}");
        // Nothing in it but faint text.
        let styles = last.split('\u{1b}').skip(1).map(|rest| rest.split('m').next().unwrap());
        assert!(styles.clone().count() > 0 && styles.clone().all(|s| matches!(s, "[2" | "[0")), "{last:?}");
        // What could not be read, and is somebody else's, is nothing to draw.
        let what = stack::Trace::Dropped {
            at: Instant::from_millis(90),
            frame: 0,
            interface: stack::InterfaceId::LOOPBACK,
            why: stack::Drop::LinkNotForUs,
        };
        assert_eq!(coloured.push(&what) + &coloured.flush(), "");
    }

    /// The text without its colours.
    fn anstyle_free(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| all + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        for width in [48, 60, 80, 100, 160] {
            let mut live = Live::new(Settings { width, ..Settings::default() });
            let mut text = String::new();
            for entry in &handshake().entries {
                if let Entry::Host { host: 1, what } = entry {
                    text.push_str(&live.push(what));
                }
            }
            text.push_str(&live.flush());
            let widest = text.lines().map(crate::text::width).max();
            assert_eq!(widest, Some(width), "{text}");
        }
    }

    #[test]
    fn what_is_not_used_is_said_under_its_arrival_once() {
        let mut log = handshake();
        let data = Log::packet(0, Flags::PSH | Flags::ACK, 1, 1, 5, Options::NONE);
        log.carried(30, 0, data, Why::Data);
        log.dropped(40, 1, log.frames, stack::Drop::TcpChecksum);
        let (_, last) = live(&log);
        assert_eq!(last.matches('✗').count(), 1, "{last}");
        assert!(last.contains("wrong TCP checksum"), "{last}");
    }
}
