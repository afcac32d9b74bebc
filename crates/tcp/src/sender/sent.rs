//! The books of what leaves: SND.NXT, the ledger, the congestion control and the pacer hear of each departure.

use super::SendHalf;
use crate::congestion::Departure;
use crate::recovery::Recovery;
use env::Instant;
use wire::SeqNum;

impl SendHalf {
    /// Enters a first transmission of `count` numbers.
    pub(crate) fn sent(&mut self, now: Instant, count: u32) {
        self.sent_in(now, count, self.segment_size);
    }

    /// The same in segments of so many octets, for options differ from one to the next.
    pub(crate) fn sent_in(&mut self, now: Instant, count: u32, segment: u32) {
        // What went with our SYN was as large as it could be.
        let again = self.rare.taken_back().is_some_and(|end| self.nxt.before(end));
        if !count.is_multiple_of(segment.max(1)) && !again {
            self.hold.small_sent();
        }
        let in_flight = self.recovery.in_flight();
        self.recovery.on_sent(now, self.nxt, self.nxt + count);
        self.nxt += count;
        self.probe_at = Instant::FAR;
        self.on_departure(now, count, in_flight, false);
    }

    /// Enters a transmission of `start..end` again.
    pub(crate) fn sent_again(&mut self, now: Instant, start: SeqNum, end: SeqNum, segments: u32) {
        let in_flight = self.recovery.in_flight();
        if self.recovery.on_resent(now, start, end) {
            // Its time to be acknowledged begins anew (6298-11).
            self.rto_at = now + self.rtt.rto();
        }
        let count = end.wrapping_since(start);
        self.resent_segments += u64::from(segments);
        self.resent_octets += u64::from(count);
        self.on_departure(now, count, in_flight, true);
    }

    fn on_departure(&mut self, now: Instant, octets: u32, in_flight: u32, again: bool) {
        self.congestion.on_sent(&Departure {
            now,
            octets,
            in_flight,
            total_delivered: self.recovery.delivered(),
            again,
            app_limited: in_flight == 0 && self.recovery.is_app_limited(),
        });
        self.last_sent = now;
        self.stalled_since.get_or_insert(now);
        self.pacer.on_sent(now, octets, self.congestion.pacing_rate());
    }

    /// What of the SYN's data was not acknowledged with it is as if it were never sent.
    pub(crate) fn take_back(&mut self) {
        self.rare.take_back(self.nxt);
        self.nxt = self.una;
        self.recovery = Recovery::new(self.una);
        self.resend = None;
        // It was one segment, and need not wait for its own first part to be acknowledged; nor need what follows wait for it.
        self.hold.small_acked();
        self.hold.set_override(true);
    }

    /// Octets that went with our SYN, went again, and are not acknowledged.
    pub(crate) fn out_after_syn(&self) -> u32 {
        let end = self.rare.taken_back().map(|end| end.earlier(self.nxt));
        end.and_then(|end| end.since(self.una)).unwrap_or(0)
    }
}
