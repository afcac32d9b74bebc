//! Timeouts (RFC 9293 §3.10.8), and when each timer runs.
//!
//! ```text
//!   something is out ───────────────► Retransmit ─► resend, back off          RFC 6298
//!                                        ├────────► or a probe of the tail    RFC 8985 §7
//!                                        └────────► or lost by its time       RFC 8985 §6.2
//!   the window is shut, data waits ─► Persist ────► probe, back off           §3.8.6.1
//!   nothing moves for R2 ───────────► User ───────► aborted                   §3.8.3
//!   silence, and nothing is out ────► KeepAlive ──► probe, then give up       §3.8.4
//!   an orphan waits for a FIN ──────► FinWait2 ───► forgotten
//!   it is not its time to leave ────► Pacing ─────► sent
//! ```

mod timers;

pub(crate) use timers::{Timer, Timers};

use crate::congestion::Reduction;
use crate::connection::{Connection, Data, Open, Shared};
use crate::meter::Held;
use crate::path_mtu;
use crate::sabotage::Sabotage;
use crate::sender::{Blocked, Persist, SendHalf};
use crate::{Cause, ConnectionError, ResetWhy, State, Trigger, Why};
use env::{Duration, Instant};

/// A round trip may be shorter than what a host needs to answer.
const LEAST_GRACE: Duration = Duration::from_millis(10);

impl Connection {
    /// Runs every timer that is due. Early calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Data::Over(over) = &self.data
            && over.time_wait.as_ref().is_some_and(|record| record.expires() <= now)
        {
            return self.leave_time_wait(now);
        }
        if let Data::Open(open) = &mut self.data {
            open.rcv.on_timeout(now);
        }
        while let Some(timer) = self.shared.timers.take_expired(now) {
            match timer {
                Timer::User => self.on_user_timeout(now),
                Timer::Retransmit => self.on_retransmission_timeout(now),
                Timer::Persist => self.on_persist_timeout(now),
                Timer::KeepAlive => self.on_keep_alive_timeout(now),
                Timer::FinWait2 => self.end(now, None, Cause::Timeout("FIN-WAIT-2")),
                Timer::Pacing => {} // What waited is sent when polled.
            }
        }
    }

    /// TIME-WAIT is over: CLOSED.
    fn leave_time_wait(&mut self, now: Instant) {
        self.end(now, None, Cause::Timeout("2MSL"));
    }

    /// R2, or the user timeout (RFC 9293 §3.8.3, §3.10.8; 9293-E31).
    fn on_user_timeout(&mut self, now: Instant) {
        match &self.data {
            Data::SynSent(_) => {
                self.end(now, Some(ConnectionError::TimedOut), Cause::Timeout("user timeout"))
            }
            Data::Open(_) => self.fail(now, ConnectionError::TimedOut, ResetWhy::TimedOut),
            Data::Over(_) => {}
        }
    }

    /// RFC 6298 §5.4 to §5.7 (6298-11, 6298-13, 6298-14); 9293-E32.
    fn on_retransmission_timeout(&mut self, now: Instant) {
        let shared = &mut self.shared;
        match &mut self.data {
            Data::SynSent(snd) => snd.on_retransmission_timeout(now, shared), // as any other (MUST-22)
            Data::Open(open) if open.early => {
                if open.on_early_timeout(shared, now) {
                    self.end(now, Some(ConnectionError::TimedOut), Cause::Timeout("retransmission"));
                }
            }
            Data::Open(open) => {
                let shut = open.snd.window() == 0 && open.snd.syn_acked();
                if shut && open.snd.recovery.first_transmissions() > 1 {
                    // The window was pulled back to nothing: probing takes over (MUST-35; SHLD-17).
                    open.snd.persist = Some(Persist { since: now, probes: 0, due: true });
                    return;
                }
                if open.take_loss_timer(now, shared) {
                    open.snd.on_retransmission_timeout(now, shared);
                    open.confirm_reduction();
                    open.note_window(shared, now, Trigger::Timeout);
                    open.believe_claimed_mtu(shared);
                }
            }
            Data::Over(_) => {}
        }
    }

    /// The window has been shut for a timeout: probe it; or it is open by too little, and waiting has not helped: use it.
    fn on_persist_timeout(&mut self, now: Instant) {
        let Data::Open(open) = &mut self.data else { return };
        if open.snd.window() > 0 {
            open.snd.hold.follows(false);
            open.snd.hold.set_override(true); // RFC 9293 §3.8.6.2.1, case 4
            return;
        }
        let persist = open.snd.persist.get_or_insert(Persist { since: now, probes: 0, due: true });
        persist.due = true;
    }

    /// RFC 9293 §3.8.4: one lost probe proves nothing (MUST-29), all of them do.
    fn on_keep_alive_timeout(&mut self, now: Instant) {
        let Some(probing) = self.shared.config.keep_alive else { return };
        if self.shared.keep_alive_probes >= probing.probes {
            return self.fail(now, ConnectionError::TimedOut, ResetWhy::TimedOut);
        }
        self.shared.keep_alive_probes += 1;
        self.shared.keep_alive_due = true;
    }

    /// Sets each timer that must run and stops each that must not: called when there is nothing more to send, so that
    /// no state is ever left without the deadline that gets it out again.
    pub(crate) fn arm_timers(&mut self, now: Instant) {
        let shared = &mut self.shared;
        match &mut self.data {
            Data::SynSent(snd) => {
                shared.timers.set_if_idle(Timer::Retransmit, now + snd.rtt.rto());
                let since = *snd.stalled_since.get_or_insert(now);
                shared.timers.set_if_idle(Timer::User, since + shared.config.syn_timeout);
            }
            Data::Open(open) => open.arm_timers(now, shared),
            Data::Over(_) => {}
        }
    }
}

impl SendHalf {
    pub(crate) fn on_retransmission_timeout(&mut self, now: Instant, shared: &mut Shared) {
        if !self.outstanding() {
            return;
        }
        self.timeouts = self.timeouts.saturating_add(1);
        shared.meter.timeouts = shared.meter.timeouts.saturating_add(1);
        if self.timeouts == shared.config.r1 {
            shared.events.negative_advice = true; // R1 (MUST-20, SHLD-9)
        }
        if self.syn_acked() {
            // What was SACKed is no flight that a larger window was proven by.
            let flight = self.recovery.flight_size().min(self.cwnd().max(self.segment_size));
            let mut lost = 0u32;
            let head = self.head_after_timeout(now, shared);
            for loss in self.recovery.on_timeout(now, &self.rtt, head) {
                self.congestion.on_lost(&loss);
                lost = lost.saturating_add(loss.octets);
            }
            self.vanished = path_mtu::vanished(self.vanished, lost, self.segment_size);
            self.congestion.on_congestion(now, flight, Reduction::Timeout { again: self.timeouts > 1 });
        } else {
            self.recovery.on_timeout(now, &self.rtt, self.segment_size);
        }
        let linear = !self.syn_acked() && self.timeouts <= shared.config.syn_linear_timeouts;
        if !linear && !self.fault.has(Sabotage::NoBackOff) {
            self.rtt.back_off(now);
        }
        self.rto_at = now + self.rtt.rto();
        self.probe_due = false;
        self.resend = Some(Why::RetransmissionTimeout(self.timeouts));
    }
}

impl Open {
    fn arm_timers(&mut self, now: Instant, shared: &mut Shared) {
        self.arm_sending(now, shared);
        self.arm_keep_alive(now, shared);
        if self.phase == State::FinWait2 && shared.released.is_some() {
            shared.timers.set_if_idle(Timer::FinWait2, now + shared.config.fin_wait_2_timeout);
        } else {
            shared.timers.cancel(Timer::FinWait2);
        }
    }

    /// Retransmit, Persist and User: something is out, or waits for the peer's window.
    fn arm_sending(&mut self, now: Instant, shared: &mut Shared) {
        let blocked = if self.is_usable() { self.blocked(now, shared) } else { None };
        shared.meter.turn(now, self.held_by(blocked));
        self.snd.cwnd_limited = blocked == Some(Blocked::Congestion);
        self.snd.stop_cutting();
        self.snd.pacer.set_awaited(matches!(blocked, Some(Blocked::Pacing(_))));
        if matches!(blocked, None | Some(Blocked::Nagle | Blocked::Held)) {
            self.snd.recovery.on_app_limited(self.snd.cwnd());
        }
        match blocked {
            Some(Blocked::Pacing(at)) => shared.timers.set(Timer::Pacing, at),
            _ => shared.timers.cancel(Timer::Pacing),
        }
        if let Some(deadline) = shared.early_deadline() {
            // Nothing but the SYN-ACK is sent again, and nothing else is given up on, before it is answered.
            return shared.timers.set(Timer::Retransmit, deadline);
        }
        let waits = !self.snd.outstanding() && matches!(blocked, Some(Blocked::Window | Blocked::Held));
        let persisting = self.snd.persist.is_some() || waits;
        if persisting {
            self.snd.rto_at = Instant::FAR;
            shared.timers.cancel(Timer::Retransmit);
            if self.snd.fault.has(Sabotage::NoPersistTimer) {
                return;
            }
            shared.timers.set_if_idle(Timer::Persist, now + self.snd.probe_interval(shared));
        } else {
            shared.timers.cancel(Timer::Persist);
            if self.snd.outstanding() {
                let at = self.loss_timer(now, shared.config.loss_probe);
                shared.timers.set(Timer::Retransmit, at);
            } else {
                self.snd.rto_at = Instant::FAR;
                shared.timers.cancel(Timer::Retransmit);
            }
        }
        if !persisting && !self.snd.outstanding() {
            self.snd.stalled_since = None;
            shared.timers.cancel(Timer::User);
            return;
        }
        let since = *self.snd.stalled_since.get_or_insert(now);
        let patience = match self.phase {
            State::SynReceived => shared.config.syn_timeout,
            _ => shared.config.user_timeout,
        };
        let mut deadline = since + patience;
        if let Some(persist) = &self.snd.persist {
            // A peer that answers may keep its window shut for ever (MUST-37, MAY-8), unless a policy bounds it, or
            // nobody is left here who could lose patience.
            let limit = match shared.released {
                Some(released) => Some(released.max(persist.since) + patience),
                None => shared.config.persist_limit.map(|limit| persist.since + limit),
            };
            deadline = limit.map_or(deadline, |limit| deadline.min(limit));
        }
        shared.timers.set(Timer::User, deadline);
    }

    /// What holds back what is to be delivered, when `blocked` is what stands in the way of sending more.
    fn held_by(&self, blocked: Option<Blocked>) -> Held {
        match blocked {
            // Where cwnd is full as well, a wider window would change nothing.
            Some(Blocked::Window) if self.snd.recovery.in_flight() < self.snd.cwnd() => Held::Window,
            _ if !self.snd.outstanding() && !self.snd.pending() => Held::Idle,
            _ if self.snd.lacks_room() => Held::Buffer,
            _ => Held::Path,
        }
    }

    /// The one timer of loss (RFC 8985 §8; 8985-16): while something may only be reordered, what ends the wait; else a probe of
    /// the tail where one may go, and no later than the retransmission timeout; else that.
    fn loss_timer(&mut self, now: Instant, probes: bool) -> Instant {
        if self.snd.rto_at == Instant::FAR {
            self.snd.rto_at = now + self.snd.rtt.rto();
        }
        if let Some(at) = self.snd.recovery.reorder_at() {
            // What it finds lost is sent again then, and has a round trip to be acknowledged.
            self.snd.rto_at = self.snd.rto_at.max(at + self.snd.grace());
            return at;
        }
        match self.probe_interval().filter(|_| probes) {
            Some(interval) if self.snd.probe_at == Instant::FAR => {
                self.snd.probe_at = (now + interval).min(self.snd.rto_at);
            }
            Some(_) => {}
            None => self.snd.probe_at = Instant::FAR,
        }
        self.snd.probe_at.min(self.snd.rto_at)
    }

    /// After how much silence a tail loss probe is to be sent, if one may: not where the peer would not look at it.
    fn probe_interval(&self) -> Option<Duration> {
        if self.phase == State::SynReceived || self.snd.edge.before(self.snd.nxt) {
            return None;
        }
        self.snd.recovery.probe_interval(&self.snd.rtt, self.snd.segment_size)
    }

    /// The timer of loss has expired: `true` when it was the retransmission timeout.
    fn take_loss_timer(&mut self, now: Instant, shared: &mut Shared) -> bool {
        if let Some(at) = self.snd.recovery.reorder_at() {
            if at <= now {
                self.snd.rto_at = self.snd.rto_at.max(now + self.snd.grace());
                self.on_reordering_timeout(shared, now);
            }
            return false;
        }
        if self.snd.probe_at <= now && self.probe_interval().is_some() {
            self.snd.probe_at = Instant::FAR;
            self.snd.probe_due = true;
            self.snd.rto_at = now + self.snd.rtt.rto(); // 8985-14
            return false;
        }
        self.snd.rto_at <= now
    }

    /// Only while nothing is out, and from the last sign of life on (MUST-26).
    fn arm_keep_alive(&mut self, now: Instant, shared: &mut Shared) {
        let Some(probing) = shared.config.keep_alive.filter(|_| self.phase.is_synchronized()) else {
            return shared.timers.cancel(Timer::KeepAlive);
        };
        if self.snd.outstanding() || self.snd.persist.is_some() {
            return shared.timers.cancel(Timer::KeepAlive);
        }
        if shared.keep_alive_probes == 0 {
            shared.timers.set(Timer::KeepAlive, shared.last_heard + probing.idle);
        } else {
            // From the last probe on, however late that was: each has its time to be answered.
            shared.timers.set_if_idle(Timer::KeepAlive, now + probing.interval);
        }
    }
}

impl SendHalf {
    /// What is sent again because of its time has this long to be acknowledged.
    fn grace(&self) -> Duration {
        self.rtt.smoothed().unwrap_or_default().max(LEAST_GRACE)
    }

    /// One timeout before the first probe, then twice as long each time (SHLD-29, SHLD-30), up to the longest timeout.
    fn probe_interval(&self, shared: &Shared) -> Duration {
        let probes = self.persist.as_ref().map_or(0, |persist| u32::from(persist.probes));
        let factor = 1u32.checked_shl(probes).unwrap_or(u32::MAX);
        // A peer that answers keeps its connection (MUST-37): so it is asked before patience with it is at an end.
        let patience = shared.config.user_timeout / 2;
        self.rtt.rto().saturating_mul(factor).min(shared.config.rto_max).min(patience)
    }
}
