//! What was sent before: what is lost, and the probes that find out.

use super::{Open, Shared, Transmit, Why};
use crate::recovery::Phase;
use env::Instant;
use wire::SeqNum;

impl Open {
    /// What is lost: the forced first piece whatever cwnd and the pacer say, the rest as cwnd has room and in its time
    /// (8985-18, 9937-5).
    pub(super) fn next_resend(&mut self, now: Instant, shared: &mut Shared) -> Option<Transmit> {
        if self.snd.recovery.lost() == 0 {
            self.snd.resend = None;
            return None;
        }
        let whole = self.payload_limit();
        let room = self.snd.cwnd().saturating_sub(self.snd.recovery.in_flight());
        let most = self.train_limit(shared).min(room).max(whole);
        let Some((start, end)) = self.snd.recovery.next_lost(most) else {
            self.snd.resend = None;
            return None;
        };
        if self.snd.persist.is_some() {
            return None; // Probes repeat it.
        }
        // A first retransmission may lie beyond a window that was pulled back, later ones may not (RFC 7323 §2.4,
        // 7323-11; RFC 9293 SHLD-16, MAY-7). Persist takes over then.
        let first = self.snd.recovery.first_transmissions() <= 1;
        let end = self.snd.rare.record_after(start).map_or(end, |record| record.earlier(end));
        let window = match self.snd.edge.since(start) {
            Some(room) if room > 0 => room,
            _ if first => u32::MAX,
            _ => return None,
        };
        let segment = self.resend_limit(shared, start, whole);
        let train = if segment < whole { 0 } else { self.train_limit(shared) };
        let count = end.wrapping_since(start).min(window).min(train.max(segment));
        let (count, why) = match self.snd.resend {
            Some(why) => (count.min(segment), why),
            None if room >= count.min(segment) && self.snd.pacer.wait(now).is_none() => {
                let fits = count.min(room);
                (if fits > segment { fits - fits % segment } else { fits }, self.why_again())
            }
            None => return None,
        };
        self.snd.resend = None;
        let transmit = self.build_again(now, shared, start, count, why);
        self.on_resent(shared, &transmit);
        Some(transmit)
    }

    /// Why what is lost is sent again when it is its turn.
    fn why_again(&self) -> Why {
        match self.snd.recovery.phase() {
            Phase::Fast if self.agreed.sack => self.snd.recovery.rack_why(),
            _ => Why::NextHole,
        }
    }

    /// A tail loss probe (RFC 8985 §7.3; 8985-13): new data if there is any that the peer has room for, whatever cwnd says,
    /// else the last segment again.
    pub(super) fn next_loss_probe(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        if !core::mem::take(&mut self.snd.probe_due) || !self.snd.outstanding() {
            return None;
        }
        let segment = self.payload_limit();
        let window = self.snd.edge.since(self.snd.nxt).unwrap_or(0);
        let octets = self.snd.of_one_record(self.snd.nxt, self.snd.unsent().min(segment).min(window));
        let new = octets > 0;
        let why = Why::LossProbe { new };
        let transmit = if new {
            let start = self.snd.nxt;
            let fin = self.snd.fin_queued() && octets == self.snd.unsent() && window > octets;
            self.snd.sent(now, octets + u32::from(fin));
            self.build(now, shared, start, octets, fin, why)
        } else {
            let count = self.snd.recovery.last_segment(segment).min(segment);
            let start = self.snd.nxt - count;
            let start = self.snd.rare.record_before(self.snd.nxt).map_or(start, |end| end.later(start));
            self.build_again(now, shared, start, self.snd.nxt.wrapping_since(start), why)
        };
        self.snd.recovery.on_probe(!new);
        Some(transmit)
    }

    /// Builds numbers that were sent before: octets, and the FIN if it is among them.
    fn build_again(
        &mut self,
        now: Instant,
        shared: &Shared,
        start: SeqNum,
        count: u32,
        why: Why,
    ) -> Transmit {
        let octets = count.min(self.snd.end().since(start).unwrap_or(0));
        let fin = count > octets;
        if let Some(marks) = &mut self.marks {
            marks.on_resent(start, start + count);
        }
        let transmit = self.build(now, shared, start, octets, fin, why);
        self.snd.sent_again(now, start, start + count, transmit.segment.count());
        transmit
    }

    /// A window probe: one octet, new if none is out (RFC 9293 §3.8.6.1, MUST-35, MUST-36); or none, and a number that was
    /// acknowledged, where that is wished for.
    pub(super) fn next_probe(&mut self, now: Instant, shared: &Shared) -> Option<Transmit> {
        if !self.snd.outstanding() && !self.snd.pending() {
            // The peer took all there was, octet by octet, and never opened its window.
            self.snd.persist = None;
        }
        let persist = self.snd.persist.as_mut()?;
        if !core::mem::take(&mut persist.due) {
            return None;
        }
        persist.probes = persist.probes.saturating_add(1);
        let why = Why::WindowProbe(persist.probes);
        let start = self.snd.una;
        if !shared.config.window_probe_octet {
            return Some(self.build(now, shared, start - 1, 0, false, why));
        }
        if self.snd.outstanding() {
            return Some(self.build_again(now, shared, start, 1, why));
        }
        let fin = self.snd.unsent() == 0;
        self.snd.sent(now, 1);
        Some(self.build(now, shared, start, u32::from(!fin), fin, why))
    }
}
