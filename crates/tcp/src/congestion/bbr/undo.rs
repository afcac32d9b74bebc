//! Episodes of loss: what was before one, what a timeout leaves, and taking back what was a mistake (draft §5.5.11,
//! §5.6.4.4).
//!
//! ```text
//!   first loss ─► save ─► (bounds, Startup or UP left) ─┬─ repaired ──► the window as before, under the bounds
//!                                                       └─ a mistake ─► bounds and state as before as well
//! ```
//!
//! Where packets are late by more than a round trip, the next episode begins before the last is known to have been a
//! mistake: what a few found is kept, and taken back from the last to the first.

use super::{Bbr, State};
use crate::congestion::undo::Undos;
use crate::congestion::{AckSample, Departure, Repair};
use env::Instant;

/// Rounds after which an episode is not taken back any more, unless it is the last.
const DOUBTED: u64 = 4;

/// What was before an episode of loss.
#[derive(Clone, Debug)]
struct Found {
    /// The round in which it began.
    round: u64,
    bw_shortterm: u64,
    inflight_shortterm: u32,
    inflight_longterm: u32,
}

/// The last episode of loss, and what was before it and the ones before.
#[derive(Clone, Debug, Default)]
pub(super) struct Undo {
    /// Whether one is under way.
    under_way: bool,
    /// When its latest loss was found.
    lost_at: Instant,
    /// What it found, unless that has been put back.
    found: Option<Found>,
    /// A state that it made the flow leave: Startup or UP.
    pub(super) state: Option<State>,
    /// The same of the ones before it.
    before: Undos<(Found, Option<State>)>,
    /// A timeout left the window to be told by what is in flight when the first piece leaves again.
    timed_out: bool,
}

impl Bbr {
    /// InLossRecovery.
    pub(super) fn in_episode(&self) -> bool {
        self.undo.under_way
    }

    /// SaveCwnd.
    pub(super) fn save_window(&mut self) {
        if self.in_episode() || self.state == State::ProbeRtt {
            self.prior_cwnd = self.prior_cwnd.max(self.cwnd);
        } else {
            self.prior_cwnd = self.cwnd;
        }
    }

    /// RestoreCwnd.
    pub(super) fn restore_window(&mut self) {
        self.cwnd = self.cwnd.max(self.prior_cwnd);
    }

    /// SaveStateUponLoss: once an episode, before anything is changed, for a mistake is told of the whole of it.
    pub(super) fn save_upon_loss(&mut self, now: Instant) {
        self.save_window();
        self.undo.lost_at = now;
        if self.undo.under_way {
            return;
        }
        let round = self.model.rounds.count;
        match self.undo.found.take() {
            Some(found) if round <= found.round + DOUBTED => {
                self.undo.before.push((found, self.undo.state));
            }
            _ => self.undo.before.clear(),
        }
        self.undo.under_way = true;
        self.undo.timed_out = false;
        self.undo.state = None;
        self.undo.found = Some(Found {
            round,
            bw_shortterm: self.bounds.bw_shortterm,
            inflight_shortterm: self.bounds.inflight_shortterm,
            inflight_longterm: self.bounds.inflight_longterm,
        });
    }

    /// OnEnterFastRecovery.
    pub(super) fn enter_episode(&mut self, now: Instant) {
        self.save_upon_loss(now);
    }

    /// OnEnterRTO: room for one segment, besides what is believed to be in flight still.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.save_upon_loss(now);
        self.full_pipe.reset(0); // the path may be another one now
        self.cwnd = self.segment_size;
        self.undo.timed_out = true;
    }

    /// The first piece leaves after a timeout, and with it is known how much is in flight.
    pub(super) fn finish_timeout(&mut self, departure: &Departure) {
        if core::mem::take(&mut self.undo.timed_out) {
            self.cwnd = departure.in_flight.saturating_add(self.segment_size);
        }
    }

    /// Whether repair began or ended; an episode is over when an ACK finds nothing under repair.
    pub(super) fn follow_repair(&mut self, ack: &AckSample) {
        self.repair = ack.repair;
        if ack.repair == Repair::None && self.undo.under_way && self.undo.lost_at != ack.now {
            self.leave_episode();
        }
    }

    /// Loss is repaired: the last window that was good, as far as the model goes along.
    pub(super) fn leave_episode(&mut self) {
        if core::mem::take(&mut self.undo.under_way) {
            self.undo.timed_out = false;
            self.restore_window();
            self.bound_window();
        }
        self.repair = Repair::None;
    }

    /// HandleSpuriousLossDetection.
    pub(super) fn undo_episode(&mut self) {
        let Some(found) = self.undo.found.take() else { return };
        self.undo.under_way = false;
        self.undo.timed_out = false;
        self.repair = Repair::None;
        self.restore_window();
        self.bounds.loss_in_round = false;
        self.full_pipe.reset(0);
        let bounds = &mut self.bounds;
        bounds.bw_shortterm = bounds.bw_shortterm.max(found.bw_shortterm);
        bounds.inflight_shortterm = bounds.inflight_shortterm.max(found.inflight_shortterm);
        bounds.inflight_longterm = bounds.inflight_longterm.max(found.inflight_longterm);
        self.model.bound(self.bounds.bw_shortterm);
        self.return_to_probe();
        if let Some((found, state)) = self.undo.before.pop() {
            (self.undo.found, self.undo.state) = (Some(found), state);
        }
    }

    /// The flow goes on probing where the mistake broke it off.
    fn return_to_probe(&mut self) {
        match self.undo.state.take() {
            Some(State::Startup) if self.state != State::Startup => {
                self.full_pipe.reached = false;
                if self.state != State::ProbeRtt {
                    self.enter_startup();
                }
            }
            Some(State::Up) if !matches!(self.state, State::Up | State::ProbeRtt) => self.start_refill(),
            _ => {}
        }
    }
}
