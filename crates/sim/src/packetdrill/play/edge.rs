//! The right edge of the host's window, which it must not take back (RFC 9293 §3.8.6, SHLD-14).
//!
//! ```text
//!   both SYNs have a scale? ─► ack + (window << scale) ─► never before the furthest that was, but for what a scale rounds away
//! ```

use crate::packetdrill::script::{Options, Tcp, TcpOption};

/// What the host has offered so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edge {
    /// The scale of the host's SYN.
    ours: Option<u8>,
    /// Whether the other end's SYN had one.
    theirs: bool,
    /// The furthest octet that was offered, beyond the last.
    furthest: Option<u32>,
}

impl Edge {
    /// A segment arrives.
    pub(super) fn arrives(&mut self, tcp: &Tcp) {
        if tcp.flags.syn {
            self.theirs = scale(tcp).is_some();
        }
    }

    /// A segment left: by how many octets it takes back what was offered before, if it does.
    pub(super) fn leaves(&mut self, tcp: &Tcp) -> Option<u32> {
        if tcp.flags.syn {
            // A connection that begins has offered nothing yet, whatever one between the same ends did before it.
            (self.ours, self.furthest) = (scale(tcp), None);
        }
        let (Some(ack), Some(window)) = (tcp.ack, tcp.window) else { return None };
        if !tcp.flags.ack || tcp.flags.rst {
            return None;
        }
        // RFC 7323 §2.2: the window of a SYN is never scaled; §2.3: a shift is 14 at most.
        let scaled = self.theirs && !tcp.flags.syn;
        let shift = self.ours.filter(|_| scaled).unwrap_or(0).min(14);
        let edge = ack.wrapping_add(u32::from(window) << shift);
        let furthest = *self.furthest.get_or_insert(edge);
        let back = furthest.wrapping_sub(edge).cast_signed();
        if back < 0 {
            self.furthest = Some(edge);
        }
        // RFC 7323 §2.4: what doesn't fill a unit of the scale can't be said.
        (back >= 1 << shift).then_some(back.unsigned_abs())
    }
}

fn scale(tcp: &Tcp) -> Option<u8> {
    let Options::Exactly(options) = &tcp.options else { return None };
    options.iter().find_map(|option| match option {
        TcpOption::WindowScale(shift) => Some(*shift),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packetdrill::script::Flags;

    fn segment(syn: bool, ack: u32, window: u16, scale: Option<u8>) -> Tcp {
        let options = scale.map(TcpOption::WindowScale).into_iter().collect();
        Tcp {
            flags: Flags { syn, ack: true, ..Flags::default() },
            ack: Some(ack),
            window: Some(window),
            options: Options::Exactly(options),
            ..Tcp::default()
        }
    }

    #[test]
    fn a_scale_counts_if_both_have_one_and_what_it_rounds_away_is_not_taken_back() {
        let mut edge = Edge::default();
        edge.arrives(&segment(true, 0, 1000, Some(0)));
        let sent = [(true, 1, 65_535), (false, 1, 256), (false, 101, 255), (false, 357, 252)];
        let back = sent.map(|(syn, ack, window)| edge.leaves(&segment(syn, ack, window, syn.then_some(8))));
        assert_eq!(back, [None, None, None, Some(668)]);
        let mut plain = Edge::default();
        plain.arrives(&segment(true, 0, 1000, None));
        assert_eq!(plain.leaves(&segment(true, 1, 1000, Some(8))), None);
        assert_eq!(plain.leaves(&segment(false, 1, 999, None)), Some(1));
    }

    #[test]
    fn a_new_connection_between_the_same_ends_offers_anew() {
        let mut edge = Edge::default();
        assert_eq!(edge.leaves(&segment(true, 50_000, 65_535, None)), None);
        assert_eq!(edge.leaves(&segment(true, 1, 1000, None)), None);
        assert_eq!(edge.leaves(&segment(false, 1, 900, None)), Some(100));
    }
}
