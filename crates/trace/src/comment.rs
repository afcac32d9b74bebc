//! What a capture says about a packet, so that an ordinary viewer shows the stack's mind beside the octets.

use crate::Lang;
use crate::ladder::story::segment;
use crate::windows::{Owner, Windows};
use stack::Trace;
use std::collections::BTreeMap;

/// Lines that wait for a connection's next packet at most; older ones go.
const WAITING: usize = 4;
/// Connections with lines that wait at most.
const OWNERS: usize = 1024;

/// The comment on the packet of a [`Trace::Sent`] or [`Trace::Dropped`]: why it was sent, or why it was not used.
pub fn comment(what: &Trace, lang: Lang) -> Option<String> {
    match what {
        Trace::Sent { why, .. } => why.map(|why| lang.why(why)),
        Trace::Dropped { why, .. } => Some(lang.drop(*why)),
        _ => None,
    }
}

/// Comments of a whole capture: beside the reasons, what congestion control did since the connection's last packet (a
/// reduction, its undoing, a new phase), on the next packet that it sends. What arrived has been written by then.
///
/// ```
/// use handfast_trace::{Comments, Entry, Lang};
///
/// fn said(entries: &[Entry]) -> Vec<String> {
///     let mut comments = Comments::default();
///     let of = |entry: &Entry| match entry {
///         Entry::Host { host, what } => comments.take(*host, what, Lang::En),
///         _ => Vec::new(),
///     };
///     entries.iter().flat_map(of).collect()
/// }
/// assert!(said(&[]).is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Comments {
    windows: Windows,
    waiting: BTreeMap<Owner, Vec<String>>,
}

impl Comments {
    /// Takes the next event of a host, and gives the comments on the packet that it tells of, if it tells of one.
    pub fn take(&mut self, host: usize, what: &Trace, lang: Lang) -> Vec<String> {
        match what {
            Trace::Tcp { local, remote, note, .. } => {
                let owner = (host, *local, *remote);
                if let Some(line) = self.windows.tell(owner, note, false, lang) {
                    self.keep(owner, line);
                }
                Vec::new()
            }
            Trace::Sent { packet, .. } => {
                let mut all: Vec<String> = comment(what, lang).into_iter().collect();
                if let Some((src, dst, _)) = segment(packet) {
                    all.extend(self.waiting.remove(&(host, src, dst)).unwrap_or_default());
                }
                all
            }
            _ => comment(what, lang).into_iter().collect(),
        }
    }

    fn keep(&mut self, owner: Owner, line: String) {
        if self.waiting.len() >= OWNERS && !self.waiting.contains_key(&owner) {
            self.waiting.clear();
        }
        let lines = self.waiting.entry(owner).or_default();
        if lines.len() == WAITING {
            lines.remove(0);
        }
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::sample::{Log, handshake};
    use tcp::{Trigger, Undo, Why};
    use wire::tcp::{Flags, Options};

    fn comments(log: &Log) -> Vec<Vec<String>> {
        let mut comments = Comments::default();
        let of = |entry: &Entry| match entry {
            Entry::Host { host, what } => Some((matches!(what, Trace::Sent { .. }), *host, what.clone())),
            _ => None,
        };
        let told = log.entries.iter().filter_map(of);
        told.filter_map(|(sent, host, what)| {
            let said = comments.take(host, &what, Lang::En);
            (sent || !said.is_empty()).then_some(said)
        })
        .collect()
    }

    #[test]
    fn what_was_sent_says_why_and_what_arrived_says_nothing() {
        let log = handshake();
        let comments: Vec<_> = (log.entries.iter())
            .filter_map(|entry| match entry {
                Entry::Host { what, .. } => comment(what, Lang::En),
                _ => None,
            })
            .collect();
        assert_eq!(comments, ["opens the connection", "answers SYN", "completes the handshake"]);
    }

    #[test]
    fn a_reduction_and_its_undoing_are_said_with_the_next_packet_of_that_connection() {
        let mut log = handshake();
        let data = |seq| Log::packet(0, Flags::ACK, seq, 1, 1000, Options::NONE);
        log.window(40, 0, [10_000, 1 << 31], Trigger::Ack, "slow start");
        log.window(50, 0, [7_000, 7_000], Trigger::Loss, "congestion avoidance");
        log.sent(50, 1, &Log::packet(1, Flags::ACK, 1, 1, 0, Options::NONE), Why::QuickAck);
        log.sent(50, 0, &data(1), Why::Rack { later: 3 });
        log.window(60, 0, [10_000, 1 << 31], Trigger::Undone(Undo::Eifel), "slow start");
        log.sent(60, 0, &data(1001), Why::Data);
        log.sent(61, 0, &data(2001), Why::Data);
        let reduced = "loss was inferred: cwnd 10000 → 7000, ssthresh 7000, in flight 5000";
        let undone = "undo: Eifel: cwnd 7000 → 10000 as before, ssthresh ∞, in flight 5000";
        let said = comments(&log);
        assert_eq!(said[3], ["quick ACK"]);
        assert_eq!(said[4], ["RACK: lost, 3 later segments delivered", reduced]);
        assert_eq!(said[5], ["data", undone]);
        assert_eq!(said[6], ["data"]);
    }

    #[test]
    fn lines_that_no_packet_takes_do_not_pile_up() {
        let mut log = handshake();
        for n in 0..100 {
            let trigger = if n % 2 == 0 { Trigger::Loss } else { Trigger::Recovered };
            log.window(40 + n, 0, [1000 * (1 + n as u32), 5_000], trigger, "congestion avoidance");
        }
        log.sent(200, 0, &Log::packet(0, Flags::ACK, 1, 1, 1000, Options::NONE), Why::Data);
        assert_eq!(comments(&log).last().map(Vec::len), Some(1 + WAITING));
    }
}
