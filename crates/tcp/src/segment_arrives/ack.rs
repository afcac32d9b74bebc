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
use crate::congestion::{AckSample, Reduction};
use crate::connection::{Open, Shared};
use crate::recovery::{Phase, Progress, Retired};
use crate::state::Edge;
use crate::timeouts::Timer;
use crate::{Cause, ChallengeTo, Discard, Note, Segment, State, Trigger, Why, timestamp};
use core::ops::ControlFlow;
use env::{Duration, Instant};
use wire::SeqNum;
use wire::tcp::Flags;

impl Open {
    pub(super) fn take_ack(&mut self, shared: &mut Shared, now: Instant, seg: &Segment) -> Step {
        let ack = seg.header.ack;
        if self.phase == State::SynReceived {
            self.complete_handshake(shared, now, seg)?;
        }
        if ack.after(self.snd.nxt) {
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
        let in_flight = self.snd.recovery.in_flight();
        if ack.after(self.snd.una) {
            self.on_new_ack(shared, now, seg, in_flight);
        } else if ack == self.snd.una && self.is_duplicate(seg) {
            self.on_duplicate_ack(shared, now);
        }
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

    fn on_duplicate_ack(&mut self, shared: &mut Shared, now: Instant) {
        let snd = &mut self.snd;
        let segment = snd.segment_size;
        let flight = snd.recovery.flight_size();
        if snd.recovery.on_duplicate_ack(snd.una, snd.nxt, segment) {
            snd.congestion.on_congestion(now, flight, Reduction::Loss);
            snd.resend = Some(Why::FastRetransmit);
            self.note_window(shared, now, Trigger::Loss);
        }
    }

    fn on_new_ack(&mut self, shared: &mut Shared, now: Instant, seg: &Segment, in_flight: u32) {
        let ack = seg.header.ack;
        let opening = !self.snd.syn_acked();
        // Either it held more back, or what was sent just filled it; ACKs that arrive together count alike.
        let filled = in_flight.saturating_add(self.snd.segment_size) > self.snd.congestion.window();
        let was_limited = self.snd.cwnd_limited || filled;
        let retired = self.snd.retire(ack);
        let round_trip = self.measure(shared, now, seg, &retired);
        // The SYN's number is no data (5681-5).
        let acked = retired.count.saturating_sub(u32::from(opening));
        if acked > 0 {
            shared.acked_size = shared.acked_size.max(acked.min(self.snd.segment_limit) as u16);
        }
        let segment = self.snd.segment_size;
        let progress = self.snd.recovery.on_progress(ack, acked, segment);
        let sample = AckSample {
            now,
            acked,
            delivered: acked,
            prior_in_flight: in_flight,
            in_flight: self.snd.recovery.in_flight(),
            round_trip,
            min_round_trip: self.snd.rtt.minimum(),
            smoothed: self.snd.rtt.smoothed(),
            window_limited: was_limited,
            ..AckSample::default()
        };
        let mut restart = true;
        match progress {
            Progress::Normal | Progress::SlowStart if acked > 0 => {
                self.snd.congestion.on_ack(&sample);
                self.note_window(shared, now, Trigger::Ack);
            }
            Progress::Normal | Progress::SlowStart => {}
            Progress::Partial { first } => {
                self.snd.resend = Some(Why::NextHole);
                restart = first; // RFC 6582 §4: an impatient sender
            }
            Progress::Recovered => {
                let in_flight = self.snd.recovery.in_flight();
                self.snd.congestion.on_recovered(now, in_flight);
                self.note_window(shared, now, Trigger::Recovered);
            }
        }
        self.rearm_after_ack(shared, now, restart);
        if self.snd.drained() && !opening {
            shared.events.drained = true;
        }
        shared.events.writable |= self.snd.take_writer(shared);
    }

    /// RFC 6298 §5: stop when all is acknowledged, restart on progress (6298-12).
    fn rearm_after_ack(&mut self, shared: &mut Shared, now: Instant, restart: bool) {
        if !self.snd.outstanding() {
            shared.timers.cancel(Timer::Retransmit);
            self.snd.resend = None;
            self.snd.stalled_since = None;
            shared.timers.cancel(Timer::User);
            return;
        }
        self.snd.stalled_since = Some(now);
        shared.timers.cancel(Timer::User);
        if restart {
            shared.timers.set(Timer::Retransmit, now + self.snd.rtt.rto());
        }
    }

    /// A round trip, if the ACK measures one without doubt (MUST-18; 6298-8, 6298-9; RFC 7323 §4.1).
    fn measure(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        seg: &Segment,
        retired: &Retired,
    ) -> Option<Duration> {
        let sample = match retired.sent_at {
            Some(sent_at) if !retired.resent => seg.arrived.since(sent_at),
            // Sent more than once: only the echo tells which one was answered (7323-18).
            _ => {
                let echo = seg.header.options.timestamps.filter(|_| self.agreed.timestamps)?.echo;
                let age = timestamp(seg.arrived, shared.timestamp_offset).wrapping_sub(echo);
                // An echo from the future, or of a long time ago, measures nothing.
                (age < 120_000).then(|| Duration::from_millis(u64::from(age.max(1))))?
            }
        };
        let segments = self.snd.recovery.flight_size().div_ceil(self.snd.segment_size);
        self.snd.rtt.sample(sample, segments);
        let rtt = &self.snd.rtt;
        let (srtt, rto) = (rtt.smoothed().unwrap_or_default(), rtt.rto());
        shared.note(|| Note::RoundTrip { at: now, sample, srtt, rto });
        Some(sample)
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
        let (cwnd, ssthresh) = (self.snd.congestion.window(), self.snd.congestion.threshold());
        let in_flight = self.snd.recovery.in_flight();
        shared.note(|| Note::Window { at, cwnd, ssthresh, in_flight, trigger });
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
