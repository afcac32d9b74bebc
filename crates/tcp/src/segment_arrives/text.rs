//! Sixth and seventh step: urgent data and text (RFC 9293 §3.10.7.4).

use super::{Stop, discarded};
use crate::connection::{Open, Shared};
use crate::{ConnectionError, Discard, ResetWhy, Segment, timestamp};
use core::ops::ControlFlow;
use env::{Duration, Instant};

impl Open {
    /// Urgent data is read in line; the user is told where it ends (6093-2, 6093-3; MUST-30, MUST-31, MUST-32).
    pub(super) fn take_urgent(&mut self, shared: &mut Shared, seg: &Segment) {
        if self.phase.may_receive() && self.rcv.take_urgent(seg) {
            shared.events.urgent = true;
        }
    }

    /// The buffer follows what the user reads in a round trip.
    fn right_size(&mut self, shared: &Shared, now: Instant, seg: &Segment) {
        if seg.payload.is_empty() || !shared.roomy {
            return;
        }
        if let Some(stamps) = seg.header.options.timestamps.filter(|_| self.agreed.timestamps) {
            let age = timestamp(seg.arrived, shared.timestamp_offset).wrapping_sub(stamps.echo);
            // An echo from the future, or of a long time ago, measures nothing.
            if age < 10_000 && self.snd.recovery.stamps_tell_time() {
                self.rcv.saw_echo(stamps.echo, Duration::from_millis(u64::from(age)));
            }
        }
        self.rcv.grow_buffer(now, self.snd.rtt.minimum());
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
        if !seg.payload.is_empty() {
            shared.meter.last_data_in = now;
        }
        self.right_size(shared, now, seg);
        if self.rcv.buffered_out_of_order() > 0 {
            let config = &shared.config;
            self.rcv.set_patience(config.report_delay, config.report_limit, self.snd.rtt.smoothed());
        }
        let taken = self.rcv.take_text(now, seg);
        if shared.roomy && self.rcv.buffered_out_of_order() > 0 {
            self.rcv.grow_for_holes();
        }
        if let Some(why) = taken.discard {
            discarded(shared, now, seg, why);
        }
        if taken.delivered > 0 {
            if shared.released.is_some() {
                // Nobody will read it, and the peer shall know (SHLD-3).
                return ControlFlow::Break(Stop::Abort(ConnectionError::Aborted, ResetWhy::DataUnread));
            }
            shared.events.readable |= self.is_usable();
        }
        ControlFlow::Continue(taken.fin)
    }
}
