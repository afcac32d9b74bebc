//! What congestion control does, told where it matters: reductions and what they were for, their undoing, the end of
//! recovery, and each new phase of the controller.
//!
//! ```text
//!   Note::Window, one an ACK ──► what is new in it? ─┬─► a line under what led to it
//!                                                    └─► nothing: the window grew, as it should
//! ```

use crate::Lang;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tcp::{Note, State, Trigger};

/// Connections remembered; beyond this all are forgotten, and begin as if they were seen for the first time.
const MOST: usize = 8192;
/// A line whose like was told so often in a row is told again only when their number has doubled.
const IN_A_ROW: u32 = 3;

/// Whose window it is: the host, its socket, and the peer's.
pub(crate) type Owner = (usize, SocketAddr, SocketAddr);

/// The windows of connections, as they were last told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    known: BTreeMap<Owner, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    cwnd: u32,
    phase: &'static str,
    /// The window that the last reduction found.
    reduced_from: Option<u32>,
    /// What was last told, and how often in a row.
    last: Option<Kind>,
    times: u32,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Trigger(Trigger),
    Phase(&'static str),
}

impl Windows {
    /// The line that `note` is worth, if any; with `all`, every change of the window is.
    pub(crate) fn tell(&mut self, owner: Owner, note: &Note, all: bool, lang: Lang) -> Option<String> {
        let (cwnd, ssthresh, in_flight, trigger, phase) = match note {
            Note::Window { cwnd, ssthresh, in_flight, trigger, phase, .. } => {
                (*cwnd, *ssthresh, *in_flight, *trigger, *phase)
            }
            Note::State { to: State::Closed | State::TimeWait, .. } => {
                self.known.remove(&owner);
                return None;
            }
            _ => return None,
        };
        if self.known.len() >= MOST && !self.known.contains_key(&owner) {
            self.known.clear();
        }
        let fresh = Known { cwnd, phase, reduced_from: None, last: None, times: 0 };
        let before = self.known.get(&owner).cloned();
        let known = self.known.entry(owner).or_insert(fresh);
        (known.cwnd, known.phase) = (cwnd, phase);
        let changed = before.as_ref().is_none_or(|before| before.cwnd != cwnd);
        let entered = before.as_ref().map(|before| before.phase).filter(|before| *before != phase);
        let undone = matches!(trigger, Trigger::Undone(_));
        if matches!(trigger, Trigger::Loss | Trigger::Timeout | Trigger::Marked) {
            known.reduced_from = before.as_ref().map(|before| before.cwnd);
        }
        let restored = undone && known.reduced_from.take() == Some(cwnd);

        let grows = matches!(trigger, Trigger::Ack | Trigger::Reducing);
        // What a reduction or its undoing does to the phase goes without saying.
        let (kind, mut text) = match entered {
            Some(from) if grows => (Kind::Phase(phase), lang.phase(from, phase)),
            _ if undone || (changed && (all || !grows)) => {
                (Kind::Trigger(trigger), lang.trigger(trigger).to_owned())
            }
            _ => return None,
        };
        let times = known.count(kind);
        let repeats = !all && times > IN_A_ROW;
        if repeats && !(times.is_multiple_of(IN_A_ROW) && (times / IN_A_ROW).is_power_of_two()) {
            return None;
        }
        if repeats {
            text.push_str(&match lang {
                Lang::En => format!(" ({times} times in a row)"),
                Lang::Ko => format!(" (잇따라 {times}번째)"),
            });
        }
        let before = before.map(|before| before.cwnd);
        let window = match before.filter(|before| *before != cwnd) {
            Some(before) => format!("{before} → {cwnd}"),
            None if undone && before.is_some() => match lang {
                Lang::En => format!("stays {cwnd}"),
                Lang::Ko => format!("{cwnd} 그대로"),
            },
            None => cwnd.to_string(),
        };
        let as_before = if restored { lang.pick(" as before", "(전과 같다)") } else { "" };
        let ssthresh = if ssthresh >= 1 << 30 { "∞".to_owned() } else { ssthresh.to_string() };
        let flight = lang.pick("in flight", "전송 중");
        Some(format!("{text}: cwnd {window}{as_before}, ssthresh {ssthresh}, {flight} {in_flight}"))
    }
}

impl Known {
    /// How often `kind` was there in a row, this time included.
    fn count(&mut self, kind: Kind) -> u32 {
        self.times = if self.last == Some(kind) { self.times.saturating_add(1) } else { 1 };
        self.last = Some(kind);
        self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Instant;
    use tcp::Undo;

    fn owner(port: u16) -> Owner {
        let end = |host| SocketAddr::from(([10, 0, 0, host], port));
        (0, end(1), end(2))
    }

    fn note(cwnd: u32, trigger: Trigger, phase: &'static str) -> Note {
        Note::Window { at: Instant::ZERO, cwnd, ssthresh: 9_000, in_flight: 3_000, trigger, phase }
    }

    /// What is said of a controller's notes, one after the other.
    fn told(all: bool, lang: Lang, notes: &[(u32, Trigger, &'static str)]) -> Vec<Option<String>> {
        let mut windows = Windows::default();
        let mut tell =
            |&(cwnd, trigger, phase)| windows.tell(owner(1), &note(cwnd, trigger, phase), all, lang);
        notes.iter().map(&mut tell).collect()
    }

    const AVOIDANCE: &str = "congestion avoidance";

    #[test]
    fn growth_says_nothing_and_each_phase_is_told_once() {
        let notes = [
            (10_000, Trigger::Ack, "slow start"),
            (20_000, Trigger::Ack, "slow start"),
            (20_250, Trigger::Ack, "CSS"),
            (20_500, Trigger::Ack, "CSS"),
            (21_500, Trigger::Ack, "slow start"),
            (21_750, Trigger::Ack, "CSS"),
            (22_000, Trigger::Ack, AVOIDANCE),
            (22_001, Trigger::Ack, AVOIDANCE),
        ];
        let said = told(false, Lang::En, &notes);
        let spoken: Vec<_> = said
            .iter()
            .map(|line| line.as_deref().map(|line| line.split(": cwnd").next().unwrap()))
            .collect();
        let css = Some("HyStart++ CSS: delay has grown, slow start goes on at a quarter");
        let back = Some("HyStart++: delay has fallen again, slow start as before CSS");
        let over = Some("HyStart++: slow start is over after CSS");
        assert_eq!(spoken, [None, None, css, None, back, css, over, None]);
        assert!(said[2].as_ref().unwrap().ends_with(": cwnd 20000 → 20250, ssthresh 9000, in flight 3000"));
        let korean = told(false, Lang::Ko, &notes);
        assert!(korean[2].as_ref().unwrap().contains("HyStart++ CSS: 지연이 늘어"));
        // Asked for everything, the same and each step of growth.
        assert_eq!(told(true, Lang::En, &notes).iter().flatten().count(), notes.len());
    }

    #[test]
    fn an_undo_is_told_whatever_it_does_to_the_window() {
        let (undo, loss) = (Trigger::Undone(Undo::DuplicateSack), Trigger::Loss);
        let said = told(
            false,
            Lang::En,
            &[
                (10_000, Trigger::Ack, AVOIDANCE),
                (7_000, loss, AVOIDANCE),
                (7_000, Trigger::Recovered, AVOIDANCE),
                (10_000, undo, AVOIDANCE),
                (10_000, undo, AVOIDANCE),
                (7_000, loss, AVOIDANCE),
                (8_000, undo, AVOIDANCE),
            ],
        );
        let rest = "ssthresh 9000, in flight 3000";
        let lines = [
            None,
            Some(format!("loss was inferred: cwnd 10000 → 7000, {rest}")),
            None,
            Some(format!("undo: D-SACK: cwnd 7000 → 10000 as before, {rest}")),
            Some(format!("undo: D-SACK: cwnd stays 10000, {rest}")),
            Some(format!("loss was inferred: cwnd 10000 → 7000, {rest}")),
            Some(format!("undo: D-SACK: cwnd 7000 → 8000, {rest}")),
        ];
        assert_eq!(said, lines);
    }

    #[test]
    fn what_repeats_is_told_ever_more_rarely() {
        let marks: Vec<_> = (0..50).map(|n| (100_000 - n * 1000, Trigger::Marked, AVOIDANCE)).collect();
        let told: Vec<_> = told(false, Lang::En, &marks)
            .into_iter()
            .enumerate()
            .filter(|(_, said)| said.is_some())
            .collect();
        let when: Vec<_> = told.iter().map(|(n, _)| n + 1).collect();
        assert_eq!(when, [1, 2, 3, 6, 12, 24, 48]);
        let last = told.last().and_then(|(_, said)| said.clone()).unwrap();
        assert!(
            last.starts_with("the network marked what was sent (48 times in a row): cwnd 54000 → 53000"),
            "{last}"
        );
    }

    #[test]
    fn connections_do_not_mix_are_forgotten_at_their_end_and_are_bounded_in_number() {
        let mut windows = Windows::default();
        let tell = |windows: &mut Windows, port, cwnd, trigger| {
            windows.tell(owner(port), &note(cwnd, trigger, AVOIDANCE), false, Lang::En)
        };
        tell(&mut windows, 1, 10_000, Trigger::Ack);
        tell(&mut windows, 2, 50_000, Trigger::Ack);
        assert!(tell(&mut windows, 1, 7_000, Trigger::Loss).unwrap().contains("cwnd 10000 → 7000"));
        let closed = Note::State {
            at: Instant::ZERO,
            from: State::LastAck,
            to: State::Closed,
            cause: tcp::Cause::Arrived("ACK"),
        };
        assert_eq!(windows.tell(owner(1), &closed, false, Lang::En), None);
        assert_eq!(windows.known.len(), 1);
        for port in 0..20_000 {
            tell(&mut windows, port, 10_000, Trigger::Ack);
            assert!(windows.known.len() <= MOST);
        }
    }
}
