//! What may go now: windows, Nagle, both halves of silly-window avoidance, and limited transmit.

use super::SendHalf;
use crate::TcpConfig;
use crate::recovery::Phase;
use crate::sabotage::Sabotage;
use env::{Duration, Instant};

/// Sooner than this after something left, what follows still belongs to it.
const BEHIND: Duration = Duration::from_millis(1);
/// A train that waits to become longer is shorter than this part of a window.
const SHORT: u32 = 3;

/// New data to send, or what stands in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// `octets` from SND.NXT on, and the FIN if `fin`. `limited`: beyond cwnd, by RFC 3042.
    Send { octets: u32, fin: bool, limited: bool },
    /// Not now.
    Wait(Blocked),
}

/// What stands in the way of new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// There is none.
    Idle,
    /// The peer's window, or silly-window avoidance.
    Window,
    /// The congestion window.
    Congestion,
    /// Nagle's algorithm: an ACK will release it.
    Nagle,
    /// The user goes on writing.
    Held,
    /// Not before this instant.
    Pacing(Instant),
}

impl SendHalf {
    /// Plans new data: segments of up to `segment` octets, trains of up to `train`; never beyond cwnd or the peer's window
    /// (5681-1), and in recovery as at any time (5681-25).
    pub(crate) fn plan(&self, now: Instant, nagle: bool, segment: u32, train: u32) -> Plan {
        let unsent = self.unsent();
        let fin_waits = self.fin_queued() && !self.fin_sent();
        if unsent == 0 && !fin_waits {
            return Plan::Wait(Blocked::Idle);
        }
        if let Some(at) = self.pacer.wait(now) {
            return Plan::Wait(Blocked::Pacing(at));
        }
        // A window that was pulled back may end before SND.NXT (MUST-34, SHLD-15).
        let window = self.edge.since(self.nxt).unwrap_or(0);
        let in_flight = self.recovery.in_flight();
        let cwnd = if self.fault.has(Sabotage::IgnoreCwnd) { u32::MAX } else { self.cwnd() };
        let room = cwnd.saturating_sub(in_flight);
        if unsent == 0 {
            // A FIN alone is no data, which is what cwnd bounds (5681-1): the peer learns at once that all was said.
            return match window {
                0 => Plan::Wait(Blocked::Window),
                _ => Plan::Send { octets: 0, fin: true, limited: false },
            };
        }
        if window == 0 {
            return Plan::Wait(Blocked::Window);
        }
        // A piece is worth sending when it is a whole segment or all there is. Anything less waits for room in cwnd,
        // so that the window is not cut into crumbs (SHLD-28).
        let all = unsent;
        let unsent = self.of_one_record(self.nxt, unsent);
        let last = unsent == all;
        // What follows the end of a record does not wait, however little that is: it is not the end of what was written.
        let (nagle, fin_waits, held) = (nagle && last, fin_waits && last, self.is_held() && last);
        let piece = unsent.min(segment).min(window);
        if room < piece {
            return self.plan_limited(piece, segment, in_flight);
        }
        let open = unsent.min(window).min(room).min(train.max(segment));
        if open < segment {
            return self.plan_small(unsent, window, open, nagle, last);
        }
        let full = unsent.min(train - train % segment);
        if self.hold.fills_trains() && self.next_ack_fills(now, full, window.min(room)) {
            return Plan::Wait(Blocked::Congestion);
        }
        let whole = open - open % segment;
        // The rest of the data goes along if nothing would hold it back on its own.
        let rest_may_go = open == unsent && (!nagle || fin_waits || self.hold.overridden()) && !held;
        let octets = if rest_may_go { open } else { whole };
        Plan::Send { octets, fin: octets == unsent && fin_waits && window > octets, limited: false }
    }

    /// Whether a train of `full` octets, of which the windows have room for `room`, had better wait: the next ACK is near and lets
    /// more go, and something that has just left keeps ACKs coming. Where losses are repaired nothing waits.
    fn next_ack_fills(&self, now: Instant, full: u32, room: u32) -> bool {
        let near = || {
            let (oldest, round_trip) = (self.recovery.oldest_sent(), self.rtt.smoothed());
            oldest.zip(round_trip).is_some_and(|(at, time)| now.since(at) > time / 2)
        };
        full > room
            && room < self.cwnd().min(self.window()) / SHORT
            && now.since(self.last_sent) < BEHIND
            && self.recovery.phase() == Phase::Open
            && near()
    }

    /// Whether a small piece waits for what is out (RFC 9293 MUST-17 is the switch).
    pub(crate) fn nagles(&self, config: &TcpConfig) -> bool {
        config.nagle && (self.hold.small_out() || !config.small_segments_alone)
    }

    /// Less than a segment: RFC 9293 §3.8.6.2.1 (MUST-38) and Nagle's algorithm (§3.7.4, SHLD-7).
    fn plan_small(&self, unsent: u32, window: u32, open: u32, nagle: bool, last: bool) -> Plan {
        let idle = !self.outstanding();
        if open == unsent && last && self.is_held() {
            return Plan::Wait(Blocked::Held);
        }
        if open == unsent {
            // All there is. It waits only for an ACK of what is out (Nagle; MAY-16), and not when the stream ends or is urgent.
            let go =
                idle || !nagle || self.fin_queued() || self.rare.urgent().is_some() || self.hold.overridden();
            let fin = last && self.fin_queued() && !self.fin_sent() && window > open;
            return if go {
                Plan::Send { octets: open, fin, limited: false }
            } else {
                Plan::Wait(Blocked::Nagle)
            };
        }
        // The peer's window cuts: worth it for half of the largest window ever seen, or when the override has fired.
        let worth = window.saturating_mul(2) >= self.max_window && (idle || !nagle);
        if worth || self.hold.overridden() {
            Plan::Send { octets: open, fin: false, limited: false }
        } else {
            Plan::Wait(Blocked::Window)
        }
    }

    /// Whether the user goes on writing, and nothing says that it is to go all the same.
    fn is_held(&self) -> bool {
        self.hold.holds() && !self.fin_queued() && self.rare.urgent().is_none()
    }

    /// cwnd is full: one segment may still go on each of the first two duplicate ACKs (RFC 3042 §2).
    fn plan_limited(&self, piece: u32, segment: u32, in_flight: u32) -> Plan {
        let bound = self.cwnd().saturating_add(segment.saturating_mul(2));
        let allowed = self.recovery.limited_transmit(segment);
        if allowed >= piece && in_flight.saturating_add(piece) <= bound {
            Plan::Send { octets: piece, fin: false, limited: true }
        } else {
            Plan::Wait(Blocked::Congestion)
        }
    }
}
