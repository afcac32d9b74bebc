//! Numbers as people read them: counted from each side's first one, windows scaled.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use wire::SeqNum;
use wire::tcp::{Flags, Header};

/// Directions remembered; a live view of a busy server forgets beyond this and counts anew.
const MOST: usize = 8192;
/// First numbers remembered for one direction: a pair of sockets may live through several connections.
const LIVES: usize = 4;
/// A number so far beyond a first number is not of its connection.
const FAR: u32 = 1 << 30;

/// What is known of each direction of each connection seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flows {
    directions: BTreeMap<(SocketAddr, SocketAddr), Direction>,
}

#[derive(Clone, Debug, Default)]
struct Direction {
    /// First numbers (ISS), newest last.
    firsts: Vec<SeqNum>,
    /// The scale that this side's SYN offered.
    scale: Option<u8>,
    /// A SYN was seen: `scale` is known, even if there is none.
    opened: bool,
    /// How far beyond the newest first number it has come: more than 32 bits count, once it has gone round.
    reached: u64,
}

/// Of the counts that end in these 32 bits, the one nearest to `reached`.
fn near(reached: u64, low: u32) -> u64 {
    let ahead = u64::from(low.wrapping_sub(reached as u32));
    match reached.checked_sub((1 << 32) - ahead) {
        Some(behind) if ahead > 1 << 31 => behind,
        _ => reached.saturating_add(ahead),
    }
}

/// A number counted from a first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relative {
    /// From this connection's.
    Of(i64),
    /// From that of an earlier connection between the same sockets.
    Old(u32),
}

impl fmt::Display for Relative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(n) => write!(f, "{n}"),
            Self::Old(n) => write!(f, "old+{n}"),
        }
    }
}

impl Flows {
    /// Takes note of a segment that really was sent by `src`.
    pub(crate) fn learn(&mut self, src: SocketAddr, dst: SocketAddr, header: &Header) {
        if self.directions.len() > MOST {
            self.directions.clear();
        }
        let direction = self.directions.entry((src, dst)).or_default();
        if header.flags.contains(Flags::SYN) {
            direction.opened = true;
            direction.scale = header.options.window_scale;
            if !direction.firsts.contains(&header.seq) {
                direction.firsts.push(header.seq);
                direction.reached = 0;
                if direction.firsts.len() > LIVES {
                    direction.firsts.remove(0);
                }
            }
        } else if direction.firsts.is_empty() {
            // We came in late: what is seen first counts as 1.
            direction.firsts.push(header.seq - 1);
        }
        if let Some(first) = direction.firsts.last() {
            let at = near(direction.reached, header.seq.wrapping_since(*first));
            if at > direction.reached && at - direction.reached < u64::from(FAR) {
                direction.reached = at;
            }
        }
        if header.flags.contains(Flags::ACK) {
            let back = self.directions.entry((dst, src)).or_default();
            if back.firsts.is_empty() {
                back.firsts.push(header.ack - 1);
            }
        }
    }

    /// Whether `src` has a first number towards `dst`.
    pub(crate) fn knows(&self, src: SocketAddr, dst: SocketAddr) -> bool {
        self.directions.get(&(src, dst)).is_some_and(|d| !d.firsts.is_empty())
    }

    /// A number of `src`'s towards `dst`.
    pub(crate) fn relative(&self, src: SocketAddr, dst: SocketAddr, number: SeqNum) -> Relative {
        let Some(direction) = self.directions.get(&(src, dst)) else {
            return Relative::Of(i64::from(number.raw()));
        };
        let mut firsts = direction.firsts.iter().rev().map(|first| number.wrapping_since(*first));
        let Some(newest) = firsts.next() else { return Relative::Of(i64::from(number.raw())) };
        if newest < FAR && direction.reached < u64::from(FAR) {
            return Relative::Of(i64::from(newest));
        }
        if direction.reached >= u64::from(FAR) / 2 {
            return Relative::Of(near(direction.reached, newest).cast_signed());
        }
        match firsts.find(|old| *old < FAR) {
            Some(old) => Relative::Old(old),
            None => Relative::Of(i64::from(newest as i32)),
        }
    }

    /// The window that `src` tells `dst`, in octets: scaled once both sides have offered to (RFC 7323 §2.2).
    pub(crate) fn window(&self, src: SocketAddr, dst: SocketAddr, header: &Header) -> u32 {
        let raw = u32::from(header.window.raw());
        if header.flags.contains(Flags::SYN) {
            return raw; // Never scaled.
        }
        let scale = |from, to| self.directions.get(&(from, to)).and_then(|d: &Direction| d.scale);
        match (scale(src, dst), scale(dst, src)) {
            (Some(ours), Some(_)) => raw << ours.min(14),
            _ => raw,
        }
    }

    /// Whether a window from `src` is known to be in octets, and not in units that were agreed on unseen.
    pub(crate) fn saw_opening(&self, src: SocketAddr, dst: SocketAddr) -> bool {
        self.directions.get(&(src, dst)).is_some_and(|d| d.opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::WireWindow;
    use wire::tcp::Options;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn header(flags: Flags, seq: u32, ack: u32) -> Header {
        Header { seq: SeqNum::new(seq), ack: SeqNum::new(ack), flags, ..Header::default() }
    }

    #[test]
    fn numbers_count_from_the_newest_syn_and_an_earlier_connection_is_called_old() {
        let (a, b) = (at("10.0.0.1:5"), at("10.0.0.2:6"));
        let mut flows = Flows::default();
        flows.learn(a, b, &header(Flags::SYN, u32::MAX, 0));
        assert_eq!(flows.relative(a, b, SeqNum::new(4)).to_string(), "5");
        flows.learn(a, b, &header(Flags::SYN, 0x8000_0000, 0));
        assert_eq!(flows.relative(a, b, SeqNum::new(4)).to_string(), "old+5");
        assert_eq!(flows.relative(a, b, SeqNum::new(0x8000_0000 - 7)).to_string(), "-7");
    }

    #[test]
    fn a_connection_met_in_its_middle_counts_from_what_was_seen_first() {
        let (a, b) = (at("[fd00::1]:5"), at("[fd00::2]:6"));
        let mut flows = Flows::default();
        flows.learn(a, b, &header(Flags::ACK, 1000, 2000));
        assert_eq!(flows.relative(a, b, SeqNum::new(1010)).to_string(), "11");
        assert_eq!(flows.relative(b, a, SeqNum::new(2000)).to_string(), "1");
        assert!(!flows.saw_opening(a, b));
    }

    #[test]
    fn numbers_go_on_counting_when_they_have_gone_round() {
        let (a, b) = (at("10.0.0.1:5"), at("10.0.0.2:6"));
        let (mut flows, first, step) = (Flows::default(), u32::MAX - 9, 1u32 << 29);
        flows.learn(a, b, &header(Flags::SYN, first, 0));
        for n in 1..=40u64 {
            let count = n * u64::from(step);
            let seq = first.wrapping_add(count as u32);
            assert_eq!(flows.relative(a, b, SeqNum::new(seq)).to_string(), count.to_string());
            flows.learn(a, b, &header(Flags::ACK, seq, 0));
            let before = seq.wrapping_sub(1000);
            assert_eq!(flows.relative(a, b, SeqNum::new(before)).to_string(), (count - 1000).to_string());
        }
    }

    #[test]
    fn windows_are_scaled_when_both_sides_offered_and_never_on_a_syn() {
        let (a, b) = (at("10.0.0.1:5"), at("10.0.0.2:6"));
        let syn = |flags, scale| Header {
            window: WireWindow::new(100),
            options: Options { window_scale: Some(scale), ..Options::NONE },
            ..header(flags, 1, 2)
        };
        let plain = Header { window: WireWindow::new(100), ..header(Flags::ACK, 1, 2) };
        let mut flows = Flows::default();
        flows.learn(a, b, &syn(Flags::SYN, 3));
        assert_eq!(flows.window(a, b, &plain), 100);
        flows.learn(b, a, &syn(Flags::SYN | Flags::ACK, 1));
        assert_eq!(flows.window(a, b, &plain), 800);
        assert_eq!(flows.window(b, a, &plain), 200);
        assert_eq!(flows.window(a, b, &syn(Flags::SYN, 3)), 100);
    }
}
