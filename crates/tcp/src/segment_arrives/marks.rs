//! Fifth step, continued: what an ACK tells of marks (RFC 3168 §6.1.2, 9768 §3.2).

use crate::congestion::Reduction;
use crate::connection::{Open, Shared};
use crate::{EcnMode, Segment, Trigger};
use env::Instant;

impl Open {
    /// Octets of what was sent that an ACK with `acked` octets of news tells to have been marked. To be asked once for every
    /// acceptable ACK that is not older than the last.
    pub(super) fn take_marks(&mut self, seg: &Segment, acked: u32) -> u32 {
        let segment_size = self.snd.segment_size;
        self.marks.as_mut().map_or(0, |marks| marks.told(seg, acked, segment_size))
    }

    /// Whether the window may not grow for an ACK that tells of `marked` octets: the classic echo goes on until we confirm
    /// it (3168-11).
    pub(super) fn marks_forbid_growth(&self, marked: u32) -> bool {
        marked > 0 && self.marks.as_ref().is_some_and(|marks| marks.mode == EcnMode::Classic)
    }

    /// Marks are congestion, once for a window of data, and not in one in which a loss was that already (3168-10).
    pub(super) fn answer_marks(&mut self, shared: &mut Shared, now: Instant, marked: u32) {
        let recovering = self.recovering();
        let Some(marks) = &mut self.marks else { return };
        marks.progressed(self.snd.una);
        if marked == 0 {
            return;
        }
        let smallest = self.snd.congestion.window() < 2 * self.snd.segment_size;
        if smallest && marks.mode == EcnMode::Classic {
            // There is one segment in flight at most. The window can be no smaller, and the rate can: nothing more before a timeout has passed (3168-12).
            self.snd.pacer.hold(now + self.snd.rtt.rto());
        }
        if recovering || !marks.answers(self.snd.una, self.snd.nxt) {
            return;
        }
        let flight = self.snd.recovery.flight_size();
        self.snd.congestion.on_congestion(now, flight, Reduction::Ecn);
        self.note_window(shared, now, Trigger::Marked);
    }

    /// A loss made the window smaller: the peer hears of it, and marks of the same window say nothing new.
    pub(crate) fn confirm_reduction(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.reduced(self.snd.nxt);
        }
    }
}
