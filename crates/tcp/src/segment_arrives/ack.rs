//! Fifth step: the ACK field (RFC 9293 §3.10.7.4).
//!
//! An acceptable ACK retires numbers and feeds round trips, recovery and congestion control.
//!
//! ```text
//!   SEG.ACK ─► in range? ─yes─► retire ─► RTT ─► recovery ─► congestion ─► window ─► our FIN? ─► state
//!                 └────no─────► ACK or challenge, stop
//! ```

use super::syn_sent::scaled;
use super::{Step, Stop, move_to};
use crate::congestion::{AckSample, Reduction, Repair};
use crate::connection::{Open, Shared};
use crate::path_mtu;
use crate::recovery::{Arrival, Phase, Verdict};
use crate::sender::SendHalf;
use crate::state::Edge;
use crate::timeouts::Timer;
use crate::{Cause, ChallengeTo, Discard, Note, Segment, State, Trigger, Why};
use core::ops::ControlFlow;
use env::Instant;
use wire::SeqNum;
use wire::tcp::Flags;

/// How things stood before an ACK or a timer. Counts are octets.
#[derive(Clone, Copy, Debug)]
struct Before {
    in_flight: u32,
    /// FlightSize, of which no more counts than the window has proven.
    flight: u32,
    window_limited: bool,
    repair: Repair,
    /// What the ACK tells to have been marked.
    marked: u32,
    /// Of what it acknowledges, what duplicate ACKs without SACK have told of.
    told: u32,
}

impl Before {
    fn of(snd: &SendHalf) -> Self {
        let in_flight = snd.recovery.in_flight();
        let cwnd = snd.cwnd();
        // Either it held more back, or what was sent just filled it; ACKs that arrive together count alike.
        let filled = in_flight.saturating_add(snd.segment_size) > cwnd;
        Self {
            in_flight,
            flight: snd.recovery.flight_size().min(cwnd.max(in_flight)),
            window_limited: snd.cwnd_limited || filled,
            repair: snd.recovery.repair(),
            marked: 0,
            told: snd.recovery.told(snd.segment_size),
        }
    }
}

impl Open {
    pub(super) fn take_ack(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let ack = seg.header.ack;
        let opens = self.phase == State::SynReceived;
        if self.early {
            self.complete_early(shared, now, seg)?;
        } else if opens {
            self.complete_handshake(shared, now, seg)?;
        }
        if ack.after(self.snd.nxt) || self.snd.recovery.catches(ack, seg.header.options.sack.as_slice()) {
            // Of what was never sent (9293-E16; 5961-12). A budget keeps two confused peers from answering each other
            // for ever.
            let stop = if shared.challenges.take(now) {
                Stop::Ack(Why::AcksUnsent, Discard::UnacceptableAck)
            } else {
                Stop::Discard(Discard::UnacceptableAck)
            };
            return ControlFlow::Break(stop);
        }
        if ack.before(self.snd.una - self.snd.max_window) {
            // Too old to be the peer's (MAY-12; 5961-11, 5961-12).
            return ControlFlow::Break(Stop::Challenge(ChallengeTo::Ack, Discard::UnacceptableAck));
        }
        // It may have been the last for long: what waits to be filled up waits no longer for that alone.
        self.snd.hold.release();
        let (marked, delivered) = self.on_ack(shared, now, seg);
        if opens && shared.client().is_some() {
            self.snd.take_back_syn_data();
        }
        self.answer_marks(shared, now, marked, delivered);
        self.take_window(shared, now, seg);
        self.check_our_fin(shared, now)
    }

    /// SYN-RECEIVED: the ACK of our SYN opens the connection, any other belongs elsewhere (9293-E15).
    fn complete_handshake(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let ack = seg.header.ack;
        if !(ack.after(self.snd.una) && ack.at_or_before(self.snd.nxt)) {
            return ControlFlow::Break(Stop::Reset(ack));
        }
        self.negotiate_window(shared, seg);
        let next = if self.snd.fin_queued() { State::FinWait1 } else { State::Established };
        move_to(self, shared, now, next, Cause::Arrived("ACK"));
        shared.events.established = true;
        // Data that came early may be read now (9293-E45).
        shared.events.readable |= self.rcv.readable() > 0;
        if self.rcv.fin_received() {
            self.after_peer_fin(shared, now);
        }
        ControlFlow::Continue(())
    }

    /// RFC 5681 §2: data is out, and the segment is nothing but the same ACK and window again.
    fn is_duplicate(&self, seg: &Segment) -> bool {
        let window = scaled(seg.header.window, self.snd.scale, seg.has(Flags::SYN));
        self.snd.outstanding()
            && seg.seq_len() == 0
            && seg.header.ack + window == self.snd.edge
            && self.snd.persist.is_none()
    }

    /// The ACK field, SACK blocks and the echo: what was delivered, what is lost, what was a mistake; and how many octets the
    /// network marked, and how many were delivered.
    fn on_ack(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> (u32, u32) {
        let ack = seg.header.ack;
        let overtaken = ack.before(self.snd.una);
        let options = &seg.header.options;
        let (advances, opening) = (ack.after(self.snd.una), !self.snd.syn_acked());
        let duplicate = ack == self.snd.una && self.is_duplicate(seg);
        let blocks = if self.agreed.sack { options.sack.as_slice() } else { &[] };
        if !advances && !duplicate && blocks.is_empty() {
            return (if overtaken { 0 } else { self.take_marks(seg, 0) }, 0);
        }
        let mut before = Before::of(&self.snd);
        let stamps = options.timestamps.filter(|_| self.agreed.timestamps);
        let arrival = Arrival {
            blocks,
            echo: stamps.map(|stamps| (stamps.echo, shared.timestamp_offset)),
            duplicate,
            opening,
            new_data: self.snd.has_whole_segment(),
            doubted: shared.config.doubts_peers,
            probe: path_mtu::probe(&shared.path_mtu),
            ..Arrival::of(seg.arrived, ack, self.snd.segment_size)
        };
        if advances {
            self.snd.advance(ack);
        }
        let verdict = self.snd.recovery.on_ack(&arrival, &mut self.snd.rtt);
        shared.meter.delivered += u64::from(verdict.delivered.div_ceil(self.snd.segment_size));
        let capable = self.marks.as_ref().is_some_and(|marks| !marks.fails());
        before.marked = if overtaken { 0 } else { self.take_marks(seg, verdict.delivered) };
        shared.events.path_found |= capable && self.marks.as_ref().is_some_and(|marks| marks.fails());
        self.note_round_trip(shared, now, &verdict);
        self.conclude(shared, now, &before, &verdict);
        if verdict.acked > 0 {
            shared.acked_size = shared.acked_size.max(verdict.acked.min(self.snd.segment_limit) as u16);
        }
        self.on_path_mtu_verdict(shared, now, &verdict);
        if advances {
            self.snd.probe_at = Instant::FAR;
            self.rearm_after_ack(shared, now, !verdict.patient);
            if self.snd.drained() && !opening {
                shared.events.drained = true;
            }
        }
        // What is SACKed makes room, too.
        if verdict.delivered > 0 {
            shared.events.writable |= self.snd.take_writer(shared);
        }
        (before.marked, verdict.delivered)
    }

    /// The reordering timer has expired (RFC 8985 §6.2, step 5).
    pub(crate) fn on_reordering_timeout(&mut self, shared: &mut Shared, now: Instant) {
        let before = Before::of(&self.snd);
        let probe = path_mtu::probe(&shared.path_mtu);
        let verdict = self.snd.recovery.on_reordering_timeout(now, &self.snd.rtt, probe);
        self.conclude(shared, now, &before, &verdict);
        self.on_path_mtu_verdict(shared, now, &verdict);
    }

    /// Tells congestion control what recovery found.
    fn conclude(&mut self, shared: &mut Shared, now: Instant, before: &Before, verdict: &Verdict) {
        for loss in &verdict.losses {
            self.snd.congestion.on_lost(loss);
        }
        if let Some(undo) = verdict.undone {
            for _ in 0..=verdict.undone_before {
                self.snd.congestion.on_spurious(now);
            }
            if verdict.timeout_undone {
                self.snd.rtt.on_mistaken_timeout();
            }
            self.snd.resend = None;
            self.note_window(shared, now, Trigger::Undone(undo));
        }
        if verdict.ended && verdict.began {
            self.on_recovered(shared, now);
        }
        if verdict.began || verdict.repaired {
            // SACK blocks or not, the first loss of a window costs the same (2018-10). After a mistake that window is the one
            // of before it, which the timeout's said nothing of.
            let restored = self.snd.congestion.window().min(verdict.flight);
            let flight = if verdict.undone.is_some() { restored } else { before.flight };
            self.snd.congestion.on_congestion(now, flight, Reduction::Loss);
            self.confirm_reduction();
            if let Some(marks) = self.marks.as_mut().filter(|_| shared.config.doubts_peers) {
                marks.lost();
            }
            if verdict.began && !self.snd.congestion.governs_recovery() {
                self.snd.recovery.begin_reduction(verdict.flight);
            }
        }
        if verdict.delivered > 0 {
            let sample = self.sample(now, before, verdict);
            self.snd.congestion.on_ack(&sample);
        }
        if verdict.repaired || (verdict.ended && !verdict.began) {
            self.on_recovered(shared, now);
        }
        let target = self.snd.congestion.window();
        self.snd.recovery.reduce(verdict, before.marked > 0, target, self.snd.segment_size);
        self.snd.resend = verdict.resend.or(self.snd.resend);
        if verdict.began {
            self.note_window(shared, now, Trigger::Loss);
        } else if verdict.delivered > 0 && !verdict.ended {
            let reducing = self.snd.recovery.phase() == Phase::Fast;
            self.note_window(shared, now, if reducing { Trigger::Reducing } else { Trigger::Ack });
        }
    }

    fn on_recovered(&mut self, shared: &mut Shared, now: Instant) {
        let in_flight = self.snd.recovery.in_flight();
        self.snd.congestion.on_recovered(now, in_flight); // what was aimed at is the window again (9937-4)
        self.note_window(shared, now, Trigger::Recovered);
    }

    fn sample(&self, now: Instant, before: &Before, verdict: &Verdict) -> AckSample {
        let repair = if verdict.began || verdict.undone.is_some() {
            self.snd.recovery.repair()
        } else {
            before.repair
        };
        let may_grow = !self.snd.recovery.shrinks_for_marks() && !self.marks_forbid_growth(before.marked);
        let duplicate = verdict.acked == 0 && !self.snd.recovery.reordering_seen();
        AckSample {
            now,
            acked: verdict.acked,
            delivered: verdict.delivered.saturating_sub(before.told),
            duplicate,
            total_delivered: self.snd.recovery.delivered(),
            lost: verdict.lost,
            marked: before.marked,
            prior_in_flight: before.in_flight,
            in_flight: self.snd.recovery.in_flight(),
            round_trip: verdict.round_trip,
            min_round_trip: self.snd.rtt.minimum(),
            smoothed: self.snd.rtt.smoothed(),
            window_limited: before.window_limited && may_grow,
            repair,
            rate: verdict.rate,
        }
    }

    fn note_round_trip(&mut self, shared: &mut Shared, at: Instant, verdict: &Verdict) {
        let Some(sample) = verdict.round_trip else { return };
        let rtt = &self.snd.rtt;
        let (srtt, rto) = (rtt.smoothed().unwrap_or_default(), rtt.rto());
        shared.note(|| Note::RoundTrip { at, sample, srtt, rto });
    }

    /// RFC 6298 §5: stop when all is acknowledged, restart on progress (6298-12).
    fn rearm_after_ack(&mut self, shared: &mut Shared, now: Instant, restart: bool) {
        if !self.snd.outstanding() {
            shared.timers.cancel(Timer::Retransmit);
            self.snd.rto_at = Instant::FAR;
            self.snd.resend = None;
            self.snd.stalled_since = None;
            shared.timers.cancel(Timer::User);
            return;
        }
        self.snd.stalled_since = Some(now);
        shared.timers.cancel(Timer::User);
        if restart {
            self.snd.rto_at = now + self.snd.rtt.rto();
        }
    }

    /// SND.WND (9293-E17), and what an opened or still closed window means. An ACK of less than SND.UNA says nothing of
    /// either.
    fn take_window(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) {
        if seg.header.ack.before(self.snd.una) {
            return;
        }
        let window = scaled(seg.header.window, self.snd.scale, seg.has(Flags::SYN));
        self.snd.update_window(seg.header.seq, seg.header.ack, window);
        if self.snd.persist.is_none() {
            return;
        }
        // The peer answers: it lives, and may keep its window closed for as long as it likes (MUST-37).
        self.snd.stalled_since = Some(now);
        shared.timers.cancel(Timer::User);
        if self.snd.window() > 0 {
            self.snd.persist = None;
            shared.timers.cancel(Timer::Persist);
            if self.snd.outstanding() {
                // The probe's octet, and all that was out when the window was pulled back.
                self.snd.recovery.resend_all();
                self.snd.resend = Some(Why::NextHole);
            }
        }
    }

    /// Our FIN was acknowledged: 9293-E18, 9293-E21, 9293-E22.
    fn check_our_fin(&mut self, shared: &mut Shared, now: Instant) -> Step {
        if !self.snd.fin_acked() {
            return ControlFlow::Continue(());
        }
        match self.phase.after(Edge::OurFinAcked) {
            Some(State::TimeWait) => ControlFlow::Break(Stop::TimeWait("ACK of FIN")),
            Some(State::Closed) => ControlFlow::Break(Stop::Closed(None, "ACK of FIN")),
            Some(next) => {
                move_to(self, shared, now, next, Cause::Arrived("ACK of FIN"));
                ControlFlow::Continue(())
            }
            None => ControlFlow::Continue(()),
        }
    }

    pub(crate) fn note_window(&mut self, shared: &mut Shared, at: Instant, trigger: Trigger) {
        let snd = &self.snd;
        shared.note(|| Note::Window {
            at,
            cwnd: snd.cwnd(),
            ssthresh: snd.congestion.threshold(),
            in_flight: snd.recovery.in_flight(),
            trigger,
            phase: snd.congestion.phase(),
        });
    }

    /// Whether recovery after loss is under way.
    pub(crate) fn recovering(&self) -> bool {
        self.snd.recovery.phase() != Phase::Open
    }

    /// Whether `seq` is of something that was sent and is not acknowledged.
    pub(crate) fn is_outstanding(&self, seq: SeqNum) -> bool {
        seq.at_or_after(self.snd.una) && seq.before(self.snd.nxt)
    }
}
