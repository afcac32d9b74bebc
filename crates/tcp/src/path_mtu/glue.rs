//! The path's MTU in a connection: who sends a test or a probe, and what its acknowledgment changes.

use super::{Probe, SENT_IN_VAIN, SUSPICIOUS, Test, vanished};
use crate::connection::{Connection, Data, Open, Shared};
use crate::recovery::{Phase, Verdict};
use crate::sender::SendHalf;
use crate::{PathFound, Transmit, Trigger, Why};
use env::{Duration, Instant};
use wire::SeqNum;

/// Segments that must follow a probe, so that their SACKs tell of its loss.
const FOLLOWERS: u32 = 3;
/// After a probe is lost, the next waits no longer than this: by then CUBIC's window has lost something by itself.
const LONGEST_HEADWAY: Duration = Duration::from_secs(10);

/// For no longer than this a black hole is to hold a connection up, where round trips allow it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a probe that is due comes to.
pub(crate) enum ProbePlan {
    /// Payload in octets, and the packet's size.
    Send(u32, u16),
    /// The window has no room for it yet: nothing else takes what room there is.
    Wait,
}

impl SendHalf {
    /// The timer has expired: octets of payload that go again. Where full segments have vanished and one that was sent again
    /// is not answered either, a smaller one tells whether their size is to blame, whatever routers say or do not (8899-10); a
    /// still smaller one when that is lost, too.
    ///
    /// A second timeout comes twice the first later, and the answer a round trip after that. Where that is more than
    /// [`PATIENCE`] after the last progress, the first one asks already, if many full segments are out and nothing of them
    /// arrived.
    pub(crate) fn head_after_timeout(&mut self, now: Instant, shared: &mut Shared) -> u32 {
        let headway = self.headway().saturating_mul(5); // RFC 4821 §7.6.3
        let mut in_vain = false;
        if let Some(known) = &mut shared.path_mtu {
            known.search.inconclusive(now, headway);
            in_vain = matches!(core::mem::take(&mut known.test), Test::Small(..) | Test::Out(..));
        }
        let out = self.nxt.wrapping_since(self.una);
        let suspicious = match self.timeouts {
            0 => false,
            1 => {
                let stalled = self.stalled_since.map_or(Duration::ZERO, |since| now.since(since));
                let answer = self.rtt.rto().saturating_mul(2) + self.rtt.smoothed().unwrap_or_default();
                let many = u32::from(SUSPICIOUS).saturating_mul(self.segment_size);
                stalled.saturating_add(answer) > PATIENCE && out >= many && self.recovery.sacked() == 0
            }
            2 => self.vanished >= SUSPICIOUS,
            _ => true,
        };
        if !suspicious || !shared.config.path_mtu_probing {
            return self.segment_size;
        }
        let size = shared.path.mtu_of(self.segment_limit);
        let known = shared.path_mtu.get_or_insert_default();
        let payload_of = |head: u16| self.segment_size.saturating_sub(u32::from(size - head)).max(1);
        let mut payload = payload_of(known.test_below(&shared.path, size, in_vain));
        if out <= payload {
            // All that is out fits into the base: only the least can tell.
            payload = payload_of(known.test_below(&shared.path, size, true));
        }
        if out <= payload {
            known.test = Test::None; // Nothing larger is out: its size is not to blame.
        }
        payload
    }

    /// How long the next probe waits after one was lost, so that losses that nothing is cut for are rarer than others: as
    /// many round trips as the window has segments (RFC 4821 §7.6.2; 8899-6).
    fn headway(&self) -> Duration {
        let round_trip = self.rtt.smoothed().unwrap_or(Duration::from_secs(1));
        let segments = self.congestion.window() / self.segment_size.max(1);
        round_trip.saturating_mul(segments.max(1)).min(LONGEST_HEADWAY)
    }
}

impl Open {
    /// The most octets of payload that the next retransmission may have, where `segment` fit: less in a test.
    pub(crate) fn resend_limit(&mut self, shared: &mut Shared, start: SeqNum, segment: u32) -> u32 {
        if start != self.snd.una {
            return segment;
        }
        let size = shared.path.mtu_of(self.snd.segment_limit);
        let in_vain = self.snd.vanished >= SUSPICIOUS
            && shared.config.path_mtu_probing
            && self.snd.recovery.sacked() > 0
            && self.snd.recovery.first_transmissions() >= SENT_IN_VAIN;
        if in_vain {
            let known = shared.path_mtu.get_or_insert_default();
            if known.test == Test::None {
                known.test_below(&shared.path, size, false);
            }
        }
        match shared.path_mtu.as_ref().map(|known| known.test) {
            Some(Test::Due(small)) => segment.saturating_sub(u32::from(size.saturating_sub(small))).max(1),
            _ => segment,
        }
    }

    /// A retransmission left: a test is followed by a full segment, whatever cwnd says.
    pub(crate) fn on_resent(&mut self, shared: &mut Shared, transmit: &Transmit) {
        let Some(known) = &mut shared.path_mtu else { return };
        match known.test {
            Test::None | Test::Out(..) => {}
            Test::Due(small) => {
                known.test = Test::Small(transmit.segment.header.seq + transmit.segment.seq_len(), small);
                if matches!(transmit.why, Why::RetransmissionTimeout(_)) {
                    self.snd.resend = Some(Why::FullAfterSmall);
                }
            }
            Test::Small(end, small) => known.test = Test::Out(end, small),
        }
    }

    /// An ACK, or the reordering timer, came to `verdict`.
    pub(crate) fn on_path_mtu_verdict(&mut self, shared: &mut Shared, now: Instant, verdict: &Verdict) {
        if verdict.lost > 0 {
            self.snd.vanished = vanished(self.snd.vanished, verdict.lost, self.snd.segment_size);
        }
        if verdict.full {
            self.snd.vanished = 0;
        }
        if shared.path_mtu.as_ref().is_some_and(|known| !known.is_quiet()) {
            self.judge_test(shared, now, verdict);
            self.judge_probe(now, shared, verdict);
        }
    }

    /// Whether the small segment arrived, and the full one before and behind it did not.
    fn judge_test(&mut self, shared: &mut Shared, now: Instant, verdict: &Verdict) {
        let Some(known) = shared.path_mtu.as_mut().filter(|_| verdict.advanced) else { return };
        let (Test::Small(end, small) | Test::Out(end, small)) = core::mem::take(&mut known.test) else {
            return;
        };
        let only_small = self.snd.una.at_or_before(end) && verdict.undone.is_none();
        if only_small && !verdict.full {
            self.fall(shared, now, small);
        }
    }

    /// Full segments vanish and smaller ones pass: from here on none has more than `size` octets (RFC 4821 §7.7).
    fn fall(&mut self, shared: &mut Shared, now: Instant, size: u16) {
        let from = shared.path.mtu_of(self.snd.segment_limit);
        self.use_packets_of(shared, size);
        shared.acked_size = shared.acked_size.min(self.snd.segment_limit as u16);
        let most = shared.path.mtu_of(shared.segment_limit(self.peer_mss));
        self.snd.vanished = 0;
        let search = &mut shared.path_mtu.get_or_insert_default().search;
        search.begin(size, most);
        search.figures.black_holes = search.figures.black_holes.saturating_add(1);
        if self.snd.recovery.phase() == Phase::Timeout {
            // All that was out was too large; it goes again in smaller pieces. Its loss tells nothing of congestion, and the
            // window is what it was before; but nothing is in flight, as after an idle while (RFC 7661 §4.4).
            self.snd.recovery.resend_all();
            self.snd.recovery.forget_episode();
            self.snd.congestion.on_spurious(now);
            self.snd.congestion.on_idle(now);
        }
        self.snd.resend = Some(Why::BlackHole { from, to: size });
        shared.events.path_found = true;
        self.note_window(shared, now, Trigger::PathMtu);
    }

    /// Segments have packets of `size` from here on, and only probes are larger (8899-1); cwnd stays what it is in octets
    /// (8899-8).
    fn use_packets_of(&mut self, shared: &Shared, size: u16) {
        let limit = shared.path.limit_of(size);
        let payload = self.snd.limit_segments(limit, self.agreed.option_octets());
        self.snd.congestion.set_segment_size(payload);
    }

    /// What became of the probe that is out: it arrived, it alone was lost, or nobody can tell.
    fn judge_probe(&mut self, now: Instant, shared: &mut Shared, verdict: &Verdict) {
        let headway = self.snd.headway();
        let Some(search) = shared.path_mtu.as_mut().map(|known| &mut known.search) else { return };
        let Some(Probe { start, end, .. }) = search.out() else { return };
        if verdict.probe_lost {
            search.lost(now, headway);
        } else if self.snd.una.at_or_after(end) || self.snd.recovery.is_sacked(start, end) {
            if let Some(size) = search.passed(now) {
                self.use_packets_of(shared, size);
                shared.events.path_found = true;
            }
        } else if self.snd.recovery.is_marked(start, end) {
            // Without SACK nobody can tell whether others were lost with it: it counts, and so does the loss.
            if self.snd.una == start && !self.agreed.sack {
                search.lost(now, headway);
            } else {
                search.inconclusive(now, headway);
            }
        }
    }

    /// Whether a probe is due, and may leave (RFC 4821 §7.4): enough waits behind it for its loss to show, and nothing is
    /// being repaired.
    pub(crate) fn plan_path_probe(
        &mut self,
        now: Instant,
        shared: &mut Shared,
        segment: u32,
    ) -> Option<ProbePlan> {
        let snd = &self.snd;
        let size = shared.path_mtu.as_mut()?.search.wants(now)?;
        let payload = segment + shared.path.limit_of(size).checked_sub(snd.segment_limit)?;
        let wanted = payload + FOLLOWERS * segment;
        let calm = snd.recovery.phase() == Phase::Open
            && snd.recovery.lost() == 0
            && snd.persist.is_none()
            && snd.rare.urgent().is_none()
            && !snd.rare.has_records()
            && snd.pacer.wait(now).is_none();
        let window = snd.edge.since(snd.nxt).unwrap_or(0);
        if !calm || wanted > snd.unsent().min(window).min(snd.cwnd()) {
            return None;
        }
        let room = snd.cwnd().saturating_sub(snd.recovery.in_flight());
        Some(if room < payload { ProbePlan::Wait } else { ProbePlan::Send(payload, size) })
    }

    /// `payload` octets from SND.NXT on left in a packet of `size`.
    pub(crate) fn on_path_probe(&self, shared: &mut Shared, payload: u32, size: u16) {
        let end = self.snd.nxt;
        if let Some(known) = &mut shared.path_mtu {
            known.search.left(Probe { start: end - payload, end, size });
        }
    }
}

impl Connection {
    /// What it found out about its path. Said anew with each [`Event::PathFound`](crate::Event::PathFound).
    pub fn path_found(&self) -> PathFound {
        let Data::Open(open) = &self.data else { return PathFound::default() };
        let known = self.shared.path_mtu.as_ref().filter(|known| known.figures().black_holes > 0);
        PathFound {
            packets: known.map(|_| self.shared.path.mtu_of(open.snd.segment_limit)),
            marks_fail: open.marks_lost || open.marks.as_ref().is_some_and(|marks| marks.fails()),
        }
    }

    /// Begins with packets of `size` octets, for larger ones were found to vanish on this path, and looks for larger ones; to
    /// be called when it is established. Whether it does: not if it is to send no larger ones, or does not look for sizes.
    pub fn begin_with_packets_of(&mut self, size: u16) -> bool {
        let (shared, Data::Open(open)) = (&mut self.shared, &mut self.data) else { return false };
        let most = shared.path.mtu_of(shared.segment_limit(open.peer_mss));
        let size = size.max(shared.path.least_mtu());
        if size >= most || !shared.config.path_mtu_probing || shared.path_mtu.is_some() {
            return false;
        }
        open.use_packets_of(shared, size);
        shared.path_mtu.get_or_insert_default().search.begin(size, most);
        true
    }
}

impl Shared {
    /// Link, peer and routers allow packets of `most` octets now, and `low` are in use. What is more is looked for; nobody's
    /// word is taken for it (RFC 8899 §4.6; 8899-5).
    pub(crate) fn widen_search(&mut self, low: u16, most: u16) {
        if low < most || self.path_mtu.is_some() {
            self.path_mtu.get_or_insert_default().search.allow(low, most);
        }
    }
}
