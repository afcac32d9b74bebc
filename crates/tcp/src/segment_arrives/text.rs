//! Sixth and seventh step: urgent data and text (RFC 9293 §3.10.7.4).

use super::{Stop, discarded};
use crate::connection::{Open, Shared};
use crate::{ConnectionError, Discard, ResetWhy, Segment, State};
use core::ops::ControlFlow;
use env::Instant;

impl Open {
    /// Urgent data is read in line; the user is told where it ends (6093-2, 6093-3; MUST-30, MUST-31, MUST-32).
    pub(super) fn take_urgent(&mut self, shared: &mut Shared, seg: &Segment) {
        if self.phase.may_receive() && self.rcv.take_urgent(seg) {
            shared.events.urgent = true;
        }
    }

    /// Text; `true` when the peer's FIN has been reached.
    pub(super) fn take_text(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        seg: &Segment,
    ) -> ControlFlow<Stop, bool> {
        if !self.phase.may_receive() {
            // The peer's FIN has come: what is beyond it is not its stream's (9293-E25).
            if !seg.payload.is_empty() && seg.end().after(self.rcv.nxt()) {
                discarded(shared, now, seg, Discard::AfterFin);
            }
            return ControlFlow::Continue(false);
        }
        let taken = self.rcv.take_text(now, seg);
        if let Some(why) = taken.discard {
            discarded(shared, now, seg, why);
        }
        if taken.delivered > 0 {
            if shared.released.is_some() {
                // Nobody will read it, and the peer shall know (SHLD-3).
                return ControlFlow::Break(Stop::Abort(ConnectionError::Aborted, ResetWhy::DataUnread));
            }
            shared.events.readable |= self.phase != State::SynReceived;
        }
        ControlFlow::Continue(taken.fin)
    }
}
