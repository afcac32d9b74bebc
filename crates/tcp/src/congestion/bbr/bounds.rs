//! What loss and marks teach (draft §5.5.10): a short term that follows what is delivered now, and a long term that
//! remembers how much in flight was too much.
//!
//! ```text
//!                while probing for bandwidth (REFILL, UP)            else, once a round
//!   too high ─► inflight_longterm = what was in flight, DOWN       bw_shortterm, inflight_shortterm
//!               (raised again by what passes unharmed)              = what was delivered, at least × 0.7
//!                                                                   (forgotten when REFILL begins)
//! ```
//!
//! Too high is 2 % lost of what was in flight, beyond what is lost in any case ([`super::ambient`]).

use super::ambient::Tally;
use super::probe_bw::AckPhase;
use super::{Bbr, Sample, State, UNBOUNDED, octets, scaled};
use crate::congestion::LossSample;
use env::{Duration, Instant};

/// BBR.LossThresh, in hundredths.
const LOSS_THRESHOLD: u64 = 2;
/// Segments that may be lost in a round by accident, where no queue stands.
const ACCIDENTS: u64 = 3;
/// BBR.Beta, in hundredths: never less than CUBIC would keep.
const BETA: u32 = 70;

/// The bounds on the model, and the signals that they follow.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// The highest rate in this round (BBR.bw_latest).
    bw_latest: u64,
    /// The most delivered over one flight in this round (BBR.inflight_latest).
    pub(super) inflight_latest: u64,
    /// When something that leaves after this much was delivered is delivered itself, a round with loss is over.
    loss_round_delivered: u64,
    /// Whether the ACK in hand ends such a round.
    pub(super) loss_round_start: bool,
    /// Whether something was lost, or marked, in this round (BBR.is_loss_in_round).
    pub(super) loss_in_round: bool,
    /// Pieces that were lost in this round.
    pub(super) pieces_lost: u32,
    /// Octets lost in this round.
    octets_lost: u64,
    /// Whether something was marked in it.
    marked: bool,
    /// All that had been delivered when it began.
    round_delivered: u64,
    /// The shortest round trip in it.
    round_trip: Option<Duration>,
    /// Whether the last round saw the path without much of a queue, if for a moment only.
    pub(super) calm: bool,
    /// When the last piece was found lost.
    lost_at: Option<Instant>,
    /// Octets a second; all ones for no bound.
    pub(super) bw_shortterm: u64,
    /// Octets in flight; all ones for no bound, as below.
    pub(super) inflight_shortterm: u32,
    pub(super) inflight_longterm: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bw_latest: 0,
            inflight_latest: 0,
            loss_round_delivered: 0,
            loss_round_start: false,
            loss_in_round: false,
            pieces_lost: 0,
            octets_lost: 0,
            marked: false,
            round_delivered: 0,
            round_trip: None,
            calm: true,
            lost_at: None,
            bw_shortterm: u64::MAX,
            inflight_shortterm: UNBOUNDED,
            inflight_longterm: UNBOUNDED,
        }
    }
}

impl Bounds {
    /// UpdateLatestDeliverySignals; `delivered` in all.
    pub(super) fn update_latest(&mut self, sample: &Sample, delivered: u64) {
        if self.lost_at == Some(sample.now) {
            // Found by this very ACK, whose delivery comes before it: the round begins behind both.
            self.loss_round_delivered = delivered;
            self.lost_at = None;
        }
        self.loss_round_start = false;
        self.bw_latest = self.bw_latest.max(sample.rate);
        self.inflight_latest = self.inflight_latest.max(sample.delivered);
        let shorter = |rtt: Duration| self.round_trip.map_or(rtt, |least| least.min(rtt));
        self.round_trip = sample.round_trip.map(shorter).or(self.round_trip);
        if sample.prior_delivered.is_some_and(|prior| prior >= self.loss_round_delivered) {
            self.loss_round_delivered = delivered;
            self.loss_round_start = true;
        }
    }

    /// AdvanceLatestDeliverySignals; `delivered` in all.
    pub(super) fn advance_latest(&mut self, sample: &Sample, delivered: u64) {
        if self.loss_round_start {
            self.bw_latest = sample.rate;
            self.inflight_latest = sample.delivered;
            self.pieces_lost = 0;
            self.octets_lost = 0;
            self.marked = false;
            self.round_trip = None;
            self.round_delivered = delivered;
        }
    }

    /// ResetCongestionSignals.
    pub(super) fn reset_signals(&mut self) {
        self.loss_in_round = false;
        self.bw_latest = 0;
        self.inflight_latest = 0;
    }

    /// ResetShortTermModel.
    pub(super) fn reset_shortterm(&mut self) {
        self.bw_shortterm = u64::MAX;
        self.inflight_shortterm = UNBOUNDED;
    }

    /// InflightWithHeadroom: leaves others 15 % of what is known to be too much (draft §5.3.3.7).
    pub(super) fn with_headroom(&self, segment_size: u32, min_pipe: u32) -> u32 {
        if self.inflight_longterm == UNBOUNDED {
            return UNBOUNDED;
        }
        let headroom = octets(scaled(u64::from(self.inflight_longterm), 15)).max(segment_size);
        self.inflight_longterm.saturating_sub(headroom).max(min_pipe)
    }
}

impl Bbr {
    /// UpdateCongestionSignals.
    pub(super) fn update_congestion_signals(&mut self, sample: &Sample) {
        if self.model.update_max_bw(sample) {
            self.cycle.rounds_since_up = self.cycle.rounds_since_up.saturating_add(1);
        }
        if !self.bounds.loss_round_start {
            return;
        }
        self.look_for_queue();
        let lost = self.bounds.octets_lost;
        let delivered = self.model.delivered.saturating_sub(self.bounds.round_delivered);
        let all = lost.saturating_add(delivered);
        let too_high = self.bounds.marked || self.is_too_high(octets(lost), octets(all));
        // Where a queue stood all the while, any loss but that of the path is its overflow, and others share it.
        let crowded = !self.bounds.calm && lost > self.bearable(all) + self.spared(all);
        // DOWN asks for nine tenths. When not even that arrives and something is lost, a queue stands full.
        let slowed = !sample.app_limited && self.bounds.bw_latest < scaled(self.model.bw, 75);
        if self.bounds.loss_in_round && (too_high || crowded || slowed) && !self.state.accelerates() {
            self.lower_shortterm();
        }
        self.bounds.loss_in_round = false;
        self.observe_ambient(Tally::of_round(lost, delivered));
    }

    /// Whether a queue stood all through the round that is over, of a sixteenth of the way or more.
    fn look_for_queue(&mut self) {
        if let Some((rtt, shortest)) = self.bounds.round_trip.zip(self.model.min_rtt) {
            self.bounds.calm = self.low_delay.trusted && rtt <= shortest.saturating_add(shortest / 16);
        }
    }

    /// A round is over that may tell what is lost in any case: not when a queue stood, which may have overflowed.
    fn observe_ambient(&mut self, round: Tally) {
        if !self.bounds.calm {
            return;
        }
        match self.state {
            State::Startup => self.ambient.in_startup(round, self.full_pipe.grows()),
            State::Down | State::Cruise if self.cycle.ack_phase == AckPhase::Init => {
                self.low_delay.doubted |= round.exceeds(LOSS_THRESHOLD);
                if self.low_delay.proven {
                    self.ambient.at_rest(round);
                }
            }
            _ => {}
        }
    }

    /// InitLowerBounds, LossLowerBounds: once a round, towards what was delivered, by 30 % at most.
    fn lower_shortterm(&mut self) {
        let window = if self.in_episode() { self.cwnd.max(self.prior_cwnd) } else { self.cwnd };
        let enough = self.enough_in_flight();
        let bounds = &mut self.bounds;
        if bounds.bw_shortterm == u64::MAX {
            bounds.bw_shortterm = self.model.max_bw();
        }
        if bounds.inflight_shortterm == UNBOUNDED {
            // What a timeout left of the window is no measure of the path.
            bounds.inflight_shortterm = window;
        }
        bounds.bw_shortterm = scaled(bounds.bw_shortterm, BETA).max(bounds.bw_latest);
        let kept = scaled(u64::from(bounds.inflight_shortterm), BETA);
        bounds.inflight_shortterm = octets(kept.max(enough));
    }

    /// How much in flight the last round has shown to be enough: all that was delivered over one flight (draft §5.5.10).
    ///
    /// Beyond the draft: where a queue stood all the while and overflowed, that much holds the flow's part of the queue, and
    /// whoever keeps it leaves nothing to others, who gave way. So much less is enough as the rate needs without a queue.
    fn enough_in_flight(&self) -> u64 {
        let latest = self.bounds.inflight_latest;
        if self.bounds.calm {
            return latest;
        }
        let needed = self.bdp_multiple(self.bounds.bw_latest, 100).saturating_add(self.model.extra_acked);
        u64::from(needed).min(latest)
    }

    /// IsInflightTooHigh: `lost` of `in_flight`, but for accidents and for what is lost in any case.
    pub(super) fn is_too_high(&self, lost: u32, in_flight: u32) -> bool {
        if !self.model.sack {
            return lost > 0; // one is all that would show
        }
        let all = u64::from(in_flight);
        let segment = u64::from(self.segment_size);
        let accidents =
            if self.bounds.calm { (segment * ACCIDENTS).min(all / 4) } else { segment.min(all / 16) };
        u64::from(lost) > all * LOSS_THRESHOLD / 100 + self.bearable(all) + accidents
    }

    /// What may be lost of `all` beside that though a queue stands: in DOWN, which lets the queue out that the probe made, a
    /// quarter of what is too much. Others' overflow takes more, or goes on.
    fn spared(&self, all: u64) -> u64 {
        if self.state == State::Down { all / 400 * LOSS_THRESHOLD } else { 0 }
    }

    /// What is lost of `all` in any case. Chance has no even hand: twice the spread of as many segments is added.
    fn bearable(&self, all: u64) -> u64 {
        let ambient = self.ambient.of(all);
        ambient + ambient.saturating_mul(u64::from(self.segment_size)).isqrt() * 2
    }

    /// NoteLoss.
    pub(super) fn note_loss(&mut self, now: Instant, octets: u32) {
        self.save_upon_loss(now);
        self.bounds.pieces_lost = self.bounds.pieces_lost.saturating_add(1);
        self.bounds.octets_lost = self.bounds.octets_lost.saturating_add(u64::from(octets));
        self.note_congestion(now);
    }

    fn note_congestion(&mut self, now: Instant) {
        if !self.bounds.loss_in_round {
            self.bounds.loss_round_delivered = self.model.delivered;
            self.bounds.lost_at = Some(now);
        }
        self.bounds.loss_in_round = true;
    }

    /// HandleLostPacket, for a piece that may be a whole train.
    pub(super) fn on_lost_piece(&mut self, piece: &LossSample) {
        if !self.cycle.probe_sample || !self.is_too_high(piece.lost, piece.in_flight) {
            return;
        }
        let limited = piece.app_limited || self.low_delay.held_back(piece.prior_delivered);
        self.on_inflight_too_high(piece.now, inflight_at_loss(piece), limited);
    }

    /// HandleInflightTooHigh.
    fn on_inflight_too_high(&mut self, now: Instant, in_flight: u32, app_limited: bool) {
        self.cycle.prev_too_high = true;
        self.cycle.probe_sample = false; // once a probe
        if !app_limited {
            let kept = octets(scaled(u64::from(self.target_inflight()), BETA));
            self.bounds.inflight_longterm = in_flight.max(kept);
        }
        if self.state == State::Up {
            self.undo.state = Some(State::Up);
            self.start_down(now);
        }
    }

    /// Marks count as congestion as loss does; the draft (§3.5) asks for that, and leaves open how. Nothing was lost, so
    /// there is nothing to undo. And no round is waited for: a queue that is marked is drained at once, as a window is that gives
    /// way to a mark (RFC 3168 §6.1.2), but not below what fills the path.
    pub(super) fn on_marked(&mut self, now: Instant, in_flight: u32) {
        self.note_congestion(now);
        self.bounds.marked = true;
        if self.full_pipe.reached {
            let fills = self.inflight_for(self.model.max_bw(), 100).saturating_add(self.model.extra_acked);
            let kept = octets(scaled(u64::from(in_flight), BETA)).max(fills);
            self.bounds.inflight_shortterm = self.bounds.inflight_shortterm.min(kept);
        }
        if self.state == State::Startup {
            self.on_marked_in_startup();
        } else if self.cycle.probe_sample {
            let before = self.undo.state;
            self.on_inflight_too_high(now, in_flight, false);
            self.undo.state = before;
        }
    }
}

/// InflightAtLoss: how much was in flight at the octet of this piece where the loss became too much to bear.
fn inflight_at_loss(piece: &LossSample) -> u32 {
    let before = u64::from(piece.in_flight.saturating_sub(piece.octets));
    let lost_before = u64::from(piece.lost.saturating_sub(piece.octets));
    // (2 % of what was in flight before - lost before) / 98 %
    let prefix = (before * LOSS_THRESHOLD).saturating_sub(lost_before * 100) / (100 - LOSS_THRESHOLD);
    octets(before + prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_a_train_where_loss_crosses_the_threshold() {
        let piece = LossSample { octets: 10_000, in_flight: 110_000, lost: 10_000, ..LossSample::default() };
        // 100,000 before it and none lost: 2,040 octets of it are 2 % of 102,040.
        assert_eq!(inflight_at_loss(&piece), 102_040);
        let late = LossSample { lost: 13_000, ..piece };
        assert_eq!(inflight_at_loss(&late), 100_000, "3 % were lost before it");
        let odd = LossSample { octets: u32::MAX, in_flight: 5, lost: 3, ..piece };
        assert_eq!(inflight_at_loss(&odd), 0);
    }
}
