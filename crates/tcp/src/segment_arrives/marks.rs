//! Fifth step, continued: what an ACK tells of marks (RFC 3168 §6.1.2, 9768 §3.2).

use crate::congestion::Reduction;
use crate::connection::{Open, Shared};
use crate::ecn::{Heard, News};
use crate::{EcnMode, Segment, Trigger, Why};
use env::Instant;
use wire::Ecn;
use wire::tcp::Flags;

impl Open {
    /// How an acceptable segment came. What the network marked may have to be told at once.
    pub(super) fn note_marks(&mut self, now: Instant, seg: &Segment) {
        let Some(marks) = &mut self.marks else { return };
        let heard = Heard { now, round_trip: self.snd.rtt.smoothed(), rcv_nxt: self.rcv.nxt() };
        if marks.arrived(seg, &heard) {
            self.rcv.demand_ack(Why::Marked);
        }
        if marks.mode == EcnMode::Classic && seg.has(Flags::CWR) {
            self.rcv.hurry();
        }
    }

    /// The peer's SYN,ACK came once more: the ACK that it draws says how (RFC 9768 §3.2.2.1, §3.1.5).
    pub(super) fn note_syn_ack(&mut self, seg: &Segment) {
        if let Some(marks) = &mut self.marks
            && seg.has(Flags::SYN)
            && seg.has(Flags::ACK)
            && seg.header.seq == self.irs
        {
            marks.syn_ack_came(seg.ecn);
        }
    }

    /// Octets of what was sent that an ACK with `octets` of news tells to have been marked. To be asked once for every
    /// acceptable ACK that is not older than the last.
    pub(super) fn take_marks(&mut self, seg: &Segment, octets: u32) -> u32 {
        let Some(marks) = &mut self.marks else { return 0 };
        let stamps = seg.header.options.timestamps.filter(|_| self.agreed.timestamps);
        let stamp = stamps.map(|stamps| stamps.value);
        marks.told(seg, &News { octets, segment_size: self.snd.segment_size, stamp })
    }

    /// Whether the window may not grow for an ACK that tells of `marked` octets: the classic echo goes on until we confirm
    /// it (3168-11).
    pub(super) fn marks_forbid_growth(&self, marked: u32) -> bool {
        marked > 0 && self.marks.as_ref().is_some_and(|marks| marks.mode == EcnMode::Classic)
    }

    /// Marks are congestion, once for a window of data, and not in one in which a loss was that already (3168-10).
    /// The ACK delivered `delivered` octets.
    pub(super) fn answer_marks(&mut self, shared: &mut Shared, now: Instant, marked: u32, delivered: u32) {
        let recovering = self.recovering();
        let Some(marks) = &mut self.marks else { return };
        marks.progressed(self.snd.una);
        if marked == 0 {
            return;
        }
        let smallest = self.snd.congestion.window() < 2 * self.snd.segment_size;
        if smallest && marks.mode == EcnMode::Classic && self.snd.pacer.wait(now).is_none() {
            // There is one segment in flight at most. The window can be no smaller, and the rate can: nothing more before a
            // timeout has passed (3168-12). Who waits already does not begin anew: the echo goes on until we send what
            // confirms it, and ACKs of probes may come more often than that.
            self.snd.pacer.hold(now + self.snd.rtt.rto());
        }
        let own_rounds = self.snd.congestion.governs_recovery();
        if recovering || !marks.answers(self.snd.una, self.snd.nxt, own_rounds) {
            return;
        }
        let flight = self.snd.recovery.flight_size();
        self.snd.congestion.on_congestion(now, flight, Reduction::Ecn);
        if shared.config.congestion_habits.proportional_marks && !own_rounds {
            let target = self.snd.congestion.window();
            self.snd.recovery.begin_marked_reduction(delivered, target, self.snd.segment_size);
        }
        self.note_window(shared, now, Trigger::Marked);
    }

    /// What ACKs say of marks when the halves are gone: the counter as it is, and whether they are capable.
    pub(super) fn last_marks(&self) -> (Flags, Ecn) {
        let exact = self.marks.as_ref().filter(|marks| marks.mode == EcnMode::Accurate);
        exact.map_or((Flags::NONE, Ecn::NotEct), |marks| {
            (marks.ace(), marks.control(self.snd.congestion.is_scalable()))
        })
    }

    /// Whether what was counted is forgotten with the last of its users.
    pub(super) fn forgets_marks(&self) -> bool {
        self.marks.as_ref().is_some_and(|marks| marks.forgotten_at_the_end())
    }

    /// A loss made the window smaller: the peer hears of it, and marks of the same window say nothing new.
    pub(crate) fn confirm_reduction(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.reduced(self.snd.nxt);
        }
    }
}
