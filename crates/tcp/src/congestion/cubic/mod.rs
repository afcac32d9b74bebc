//! CUBIC's answer to "how much" (RFC 9438), with HyStart++ for the first slow start (RFC 9406).
//!
//! ```text
//!              slow start (HyStart++)
//!                 │ delay rises: W_max = cwnd          │ loss
//!                 ▼                                    ▼
//!   a stage of congestion avoidance ── loss ──► W_max = cwnd, cwnd · 0.7 ──► the next stage
//!                 ▲                     timeout ─► one segment, slow start ────┘
//! ```
//!
//! `stage` is the growth, or `steps` where it goes by whole segments, and `curve` the arithmetic under both. The window counts octets, and an octet that was delivered
//! counts once, however it was told.

mod curve;
mod stage;
mod steps;
#[cfg(test)]
mod tests;

use super::exit::Exit;
use super::hystart;
use super::pace::Pace;
use super::undo::Undos;
use super::validation::Validation;
use super::{
    AckSample, CongestionControl, CongestionHabits, Departure, Reduction, Repair, SlowStartExit, Start,
};
use alloc::boxed::Box;
use env::{Duration, Instant};
use stage::{Acked, Stage};
use steps::Steps;

/// β_cubic = 0.7 (9438-10).
const BETA: Share = Share(7, 10);
/// β_ecn = 0.85: a mark comes before a queue overflows (RFC 8511 §3.1, 8511-1).
const BETA_ECN: Share = Share(17, 20);
/// (1 + β_cubic) / 2 (9438-14).
const FAST_CONVERGENCE: Share = Share(17, 20);

#[derive(Clone, Copy)]
struct Share(u64, u64);

impl Share {
    fn of(self, octets: u32) -> u32 {
        u32::try_from(u64::from(octets) * self.0 / self.1).unwrap_or(octets)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Cubic {
    cwnd: u32,
    ssthresh: u32,
    segment_size: u32,
    initial: u32,
    /// What is delivered is told octet by octet, and not by how far an ACK jumps.
    sack: bool,
    /// cwnd_prior: the window when the threshold was last set.
    prior: u32,
    /// W_max; zero while it is undefined.
    w_max: u32,
    /// None until the first ACK of a stage.
    stage: Option<Growth>,
    /// Only in the first slow start (9406-5).
    exit: Option<Box<Exit>>,
    habits: CongestionHabits,
    validation: Validation,
    pace: Pace,
    /// What the last reductions for loss or a timeout found.
    undos: Undos<Undo>,
}

/// How a stage of congestion avoidance grows.
#[derive(Clone, Debug)]
enum Growth {
    Octets(Box<Stage>),
    Segments(Box<Steps>),
}

impl Growth {
    /// One that begins with a window of `cwnd` octets, and knew `w_max` before.
    fn new(whole: bool, now: Instant, cwnd: u32, w_max: u32, segment_size: u32) -> Self {
        match whole {
            true => Self::Segments(Box::new(Steps::new(now, cwnd, w_max, segment_size))),
            false => Self::Octets(Box::new(Stage::new(now, cwnd, w_max, segment_size))),
        }
    }

    /// Time has passed, `busy` when something was out; `limited` when the window was what limited.
    fn pass(&mut self, now: Instant, limited: bool, busy: bool) {
        match self {
            Self::Octets(stage) => stage.pass(now, limited),
            Self::Segments(steps) => steps.pass(now, busy),
        }
    }
}

/// All that a reduction changes, for loss or for a timeout (9438-17, 9438-18).
#[derive(Clone, Debug)]
struct Undo {
    at: Instant,
    cwnd: u32,
    ssthresh: u32,
    prior: u32,
    w_max: u32,
    stage: Option<Growth>,
    exit: Option<Box<Exit>>,
}

impl Cubic {
    pub(crate) fn new(start: &Start) -> Self {
        let cwnd = start.initial.max(start.segment_size);
        Self {
            cwnd,
            ssthresh: u32::MAX,
            segment_size: start.segment_size,
            initial: cwnd,
            sack: start.sack,
            prior: cwnd,
            w_max: 0,
            stage: None,
            exit: Exit::new(start.habits.slow_start_exit),
            habits: start.habits,
            validation: Validation::new(start.now),
            pace: Pace::new(cwnd, start.round_trip, start.in_full),
            undos: Undos::default(),
        }
    }

    fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Watches delay; past the last round of CSS slow start is over without any loss (9438-20, 9438-21).
    fn watch_delay(&mut self, sample: &AckSample) {
        let paced = match self.habits.slow_start_exit {
            SlowStartExit::HyStart => self.pace.is_spread(),
            _ => self.pace.is_paced(),
        };
        let (cwnd, segment) = (self.cwnd, self.segment_size);
        if self.exit.as_mut().is_some_and(|exit| exit.on_ack(sample, cwnd, segment, paced)) {
            self.exit = None;
            self.ssthresh = self.cwnd;
            self.prior = self.cwnd;
            if self.habits.whole_segments {
                self.stage = Some(Growth::new(true, sample.now, self.cwnd, self.w_max, self.segment_size));
            }
        }
    }

    /// Slow start up to the threshold (9438-19); the octets that are left for congestion avoidance.
    fn slow_start(&mut self, octets: u32, repair: Repair) -> u32 {
        let paced = self.pace.is_paced();
        let growth = match &self.exit {
            Some(exit) => exit.growth(octets, self.segment_size, paced),
            // After a timeout an ACK without SACK may cover much that left the network long ago (RFC 3465 §2.3, L = 1).
            None if repair == Repair::Timeout && !self.sack => octets.min(self.segment_size),
            None => hystart::most(octets, self.segment_size, paced),
        };
        let growth = growth.min(self.ssthresh - self.cwnd);
        self.cwnd = self.cwnd.saturating_add(growth);
        if self.in_slow_start() { 0 } else { octets.saturating_sub(growth) }
    }

    fn avoid_congestion(&mut self, sample: &AckSample, octets: u32) {
        let (now, cwnd, w_max, segment_size) = (sample.now, self.cwnd, self.w_max, self.segment_size);
        let whole = self.habits.whole_segments;
        let growth = self.stage.get_or_insert_with(|| Growth::new(whole, now, cwnd, w_max, segment_size));
        growth.pass(now, true, true);
        let round_trip = sample.smoothed.unwrap_or(Duration::ZERO);
        let acked = Acked { octets, cwnd, prior: self.prior, segment_size, round_trip };
        self.cwnd = match growth {
            Growth::Octets(stage) => {
                self.w_max = stage.w_max();
                stage.grow(&acked)
            }
            Growth::Segments(steps) => steps.grow(&acked, sample.min_round_trip.unwrap_or(round_trip)),
        };
    }

    /// An ACK lets the window grow by what it says was delivered.
    fn grow(&mut self, sample: &AckSample) {
        self.pace.speed_up();
        let mut octets = sample.delivered;
        if self.in_slow_start() {
            octets = self.slow_start(octets, sample.repair);
        }
        if octets > 0 {
            self.avoid_congestion(sample, octets);
        }
        if self.cwnd >= self.prior && self.undos.all(|undo| self.cwnd >= undo.cwnd) {
            self.undos.clear(); // Later than this there is nothing to restore.
        }
    }

    /// A window that was not used for long is not believed in (RFC 7661 §4.4.3).
    fn let_lapse(&mut self, now: Instant) {
        for _ in 0..self.validation.lapses(now) {
            self.ssthresh = self.ssthresh.max(self.cwnd - self.cwnd / 4);
            self.cwnd = (self.cwnd / 2).max(self.initial).min(self.cwnd).max(self.segment_size);
        }
    }

    fn reduce(&mut self, in_flight: u32, reduction: Reduction) {
        let used = match self.habits.reduce_unused {
            true => self.cwnd,
            false => self.validation.used(self.cwnd, in_flight),
        };
        let segment = self.segment_size;
        // Only in congestion avoidance is a mark better news than a loss (RFC 8511 §4).
        let gently = reduction == Reduction::Ecn && !self.in_slow_start();
        let mut left = if gently { BETA_ECN } else { BETA }.of(used);
        if self.habits.whole_segments {
            left -= left % segment.max(1);
        }
        let floor = segment.saturating_mul(2);
        self.prior = self.cwnd;
        self.w_max = if self.cwnd < self.w_max { FAST_CONVERGENCE.of(used) } else { used };
        self.ssthresh = left.max(floor); // 9438-9, 9438-11
        match reduction {
            Reduction::Loss => self.cwnd = self.ssthresh,
            Reduction::Ecn => {
                if self.cwnd <= segment {
                    self.pace.slow_down(); // 9438-13
                }
                self.cwnd = left.max(segment);
            }
            Reduction::Timeout { .. } => {
                self.cwnd = segment;
                self.w_max = 0; // The stage after slow start begins flat (9438-15).
            }
        }
    }

    fn undo(&self, at: Instant) -> Undo {
        Undo {
            at,
            cwnd: self.cwnd,
            ssthresh: self.ssthresh,
            prior: self.prior,
            w_max: self.w_max,
            stage: self.stage.clone(),
            exit: self.exit.clone(),
        }
    }
}

impl CongestionControl for Cubic {
    fn on_ack(&mut self, sample: &AckSample) {
        let limited = self.validation.on_ack(sample, self.cwnd, self.in_slow_start());
        self.watch_delay(sample);
        // A marked ACK makes nothing grow (RFC 3168 §6.1.2), nor does a duplicate, and in fast recovery the window rests.
        if limited && sample.marked == 0 && !sample.duplicate && sample.repair != Repair::Recovery {
            self.grow(sample);
        } else if let Some(stage) = &mut self.stage {
            stage.pass(sample.now, false, sample.prior_in_flight > 0);
        }
        self.let_lapse(sample.now);
        self.pace.update(self.cwnd, self.ssthresh, sample.smoothed);
    }

    fn on_congestion(&mut self, now: Instant, in_flight: u32, reduction: Reduction) {
        if reduction == (Reduction::Timeout { again: true }) {
            self.cwnd = self.segment_size; // Threshold and what may be undone are the first one's (5681-14).
        } else {
            match reduction {
                Reduction::Ecn => self.undos.clear(),
                _ => self.undos.push(self.undo(now)),
            }
            self.reduce(in_flight, reduction);
        }
        self.stage = None;
        self.exit = None; // 9406-6
        self.validation.reset();
        self.pace.update(self.cwnd, self.ssthresh, None);
    }

    /// The window has been at the threshold since the reduction, or is back where it was; what leaves is paced.
    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.cwnd = self.cwnd.max(self.segment_size);
        self.pace.update(self.cwnd, self.ssthresh, None);
    }

    fn on_sent(&mut self, departure: &Departure) {
        if departure.in_flight == 0
            && let Some(stage) = &mut self.stage
        {
            stage.pass(departure.now, false, false); // 9438-3
        }
        self.pace.on_sent(departure);
    }

    /// The window is kept, for it was proven, and pacing spreads it; but not for long (RFC 7661 §4.4, 7661-1). Where nothing is
    /// spread it would leave as one burst: so it is an initial one again (RFC 5681 §4.1, 5681-27).
    fn on_idle(&mut self, now: Instant) {
        self.validation.on_idle();
        self.let_lapse(now);
        if self.pace.is_in_full() && self.cwnd > self.initial {
            self.ssthresh = self.ssthresh.max(self.cwnd - self.cwnd / 4);
            self.cwnd = self.initial;
            self.stage = None;
        }
        self.pace.update(self.cwnd, self.ssthresh, None);
    }

    fn on_spurious(&mut self, now: Instant) {
        let Some(undo) = self.undos.pop().filter(|undo| self.cwnd < undo.cwnd) else { return };
        self.cwnd = self.cwnd.max(undo.cwnd).max(self.segment_size);
        self.ssthresh = self.ssthresh.max(undo.ssthresh);
        self.prior = undo.prior;
        self.w_max = undo.w_max;
        self.stage = undo.stage;
        self.exit = undo.exit;
        if let Some(stage) = &mut self.stage {
            // As if there had been no reduction: t_epoch is what it was, and t has gone on.
            stage.pass(undo.at, false, false);
            stage.pass(now, true, true);
        }
        self.pace.update(self.cwnd, self.ssthresh, None);
    }

    fn set_segment_size(&mut self, octets: u32) {
        self.segment_size = octets;
        self.cwnd = self.cwnd.max(octets);
        self.stage = None; // The curve counts segments.
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn threshold(&self) -> u32 {
        self.ssthresh
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.pace.rate()
    }

    fn train_limit(&self) -> Option<u32> {
        self.pace.train(self.segment_size)
    }

    fn phase(&self) -> &'static str {
        match &self.exit {
            Some(exit) if self.in_slow_start() => exit.phase(),
            _ if self.in_slow_start() => "slow start",
            _ => "congestion avoidance",
        }
    }

    fn clone_box(&self) -> Box<dyn CongestionControl> {
        Box::new(self.clone())
    }
}
