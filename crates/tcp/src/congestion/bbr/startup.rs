//! Startup: the rate doubles each round until the pipe is full (draft §5.3.1).
//!
//! ```text
//!   rate grows by less than a quarter, three rounds running ─┐
//!   more than 2 % lost of a round, in six pieces ────────────┼─► full: Drain
//!   marked in two rounds running ────────────────────────────┘
//! ```

use super::{Bbr, Repair, Sample, State};

/// Pieces lost in a round that say it was no accident (BBRStartupFullLossCnt).
const FULL_LOSS_PIECES: u32 = 6;

/// Whether more speed brings nothing more (draft §5.3.1.2).
#[derive(Clone, Debug, Default)]
pub(super) struct FullPipe {
    /// The rate to outdo (BBR.full_bw).
    bw: u64,
    /// Rounds in which it was not outdone by a quarter.
    rounds: u8,
    /// The pipe is full, as far as this search can tell (BBR.full_bw_now).
    pub(super) now: bool,
    /// It has been so once (BBR.full_bw_reached).
    pub(super) reached: bool,
    /// The round in which marks were last seen, in Startup.
    marked: Option<u64>,
}

impl FullPipe {
    /// ResetFullBW, with a rate to outdo.
    pub(super) fn reset(&mut self, bw: u64) {
        self.bw = bw;
        self.rounds = 0;
        self.now = false;
    }

    /// Whether the last round was faster by a quarter than the one before, or none has been measured yet.
    pub(super) fn grows(&self) -> bool {
        self.rounds == 0
    }

    /// CheckFullBWReached. Any sample may show growth, and a round without any counts when the next one begins: the
    /// sample that happens to begin it may well be a poor one.
    pub(super) fn check(&mut self, sample: &Sample, round_start: bool) {
        if self.now || sample.app_limited || sample.rate == 0 {
            return;
        }
        if sample.rate >= self.bw.saturating_add(self.bw / 4) {
            self.reset(sample.rate);
            return;
        }
        if round_start {
            self.rounds += 1;
            self.now = self.rounds >= 3;
            self.reached |= self.now;
        }
    }
}

impl Bbr {
    /// EnterStartup.
    pub(super) fn enter_startup(&mut self) {
        self.state = State::Startup;
    }

    /// CheckStartupDone.
    pub(super) fn check_startup_done(&mut self, sample: &Sample) {
        if self.state != State::Startup {
            return;
        }
        self.check_startup_high_loss(sample);
        if self.full_pipe.reached {
            self.enter_drain();
        }
    }

    /// CheckStartupHighLoss (draft §5.3.1.3). Without SACK one loss a round trip is all that can be seen.
    fn check_startup_high_loss(&mut self, sample: &Sample) {
        if self.repair != Repair::Recovery {
            return;
        }
        let lost = self.is_too_high(sample.lost, sample.sent_in_flight);
        let round = self.bounds.loss_round_start && self.bounds.pieces_lost >= FULL_LOSS_PIECES;
        if lost && (round || !self.model.sack) {
            self.leave_startup();
            self.undo.state = Some(State::Startup);
        }
    }

    /// The first marks may be another flow's doing; when the next round is marked as well, this one's queue stands.
    pub(super) fn on_marked_in_startup(&mut self) {
        let round = self.model.rounds.count;
        let before = self.full_pipe.marked.replace(round);
        if before.is_some_and(|before| before + 1 == round) {
            self.leave_startup();
        }
    }

    /// The pipe is full, and so much was seen to fit in it.
    fn leave_startup(&mut self) {
        self.full_pipe.reached = true;
        let bdp = u64::from(self.bdp_multiple(self.model.bw, 100));
        self.bounds.inflight_longterm =
            super::octets(bdp.max(self.bounds.inflight_latest)).max(self.min_pipe());
    }
}
