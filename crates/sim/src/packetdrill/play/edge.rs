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
            self.ours = scale(tcp);
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
