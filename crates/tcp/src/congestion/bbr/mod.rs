//! BBR, version 3: a model of the path instead of a reaction to loss (draft-ietf-ccwg-bbr).
//!
//! ```text
//!            full pipe, or loss              in flight ≤ BDP
//!   Startup ────────────────────► Drain ─────────────────────► ProbeBW: DOWN ─► CRUISE ─► REFILL ─► UP ─┐
//!      ▲                                                                ▲                               │
//!      └── pipe never full ── ProbeRTT ◄── no shorter round trip ──┐    └───────────────────────────────┘
//!                                 └──── for 5 s, from any state ───┘──► ProbeBW
//!
//!   on_ack:  samples ─► model (bandwidth, round trip, aggregation, bounds) ─► state ─► rate, train, window
//! ```
//!
//! A flow asks two things of its path: how fast it delivers, and how long the way takes when no queue stands in it. Their
//! product is what should be in flight; the states take turns in sending a little more and a little less than that, to
//! see whether the answers still hold. Loss bounds the model, it does not steer it.
//!
//! | file | draft | what |
//! |---|---|---|
//! | [`model`] | §5.5 | rounds, bandwidth, round trip, aggregation |
//! | [`bounds`] | §5.5.10 | what loss and marks teach: the short and the long term |
//! | [`ambient`] | beyond it | loss that teaches nothing |
//! | [`lateness`] | beyond it | time under way that is no queue |
//! | [`startup`], [`drain`], [`probe_bw`], [`probe_rtt`] | §5.3 | the states |
//! | [`control`] | §5.6 | rate, train, window |
//! | [`undo`] | §5.5.11, §5.6.4.4 | episodes of loss, and taking them back |

mod ambient;
mod bounds;
mod control;
mod drain;
mod lateness;
mod model;
mod probe_bw;
mod probe_rtt;
mod startup;
mod undo;

#[cfg(test)]
mod tests;

use super::{AckSample, CongestionControl, Departure, LossSample, Reduction, Repair, Start};
use alloc::boxed::Box;
use ambient::Ambient;
use bounds::Bounds;
use env::{Duration, Instant};
use model::Model;
use probe_bw::Cycle;
use probe_rtt::LowDelay;
use startup::FullPipe;
use undo::Undo;

/// No bound.
const UNBOUNDED: u32 = u32::MAX;

/// Where the flow stands (BBR.state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Doubles its rate each round until the pipe is full.
    Startup,
    /// Lets the queue drain that Startup made.
    Drain,
    /// Sends a little slower than the path delivers.
    Down,
    /// Sends as fast as the path delivers.
    Cruise,
    /// Fills the pipe for a round, before it asks for more.
    Refill,
    /// Sends faster than the path delivered so far.
    Up,
    /// Sends little, to see the path without a queue.
    ProbeRtt,
}

impl State {
    /// BBR.pacing_gain, in hundredths (draft §5.6.1).
    const fn pacing_gain(self) -> u32 {
        match self {
            Self::Startup => 277, // 4 ln 2: the rate doubles each round
            Self::Drain => 50,
            Self::Down => 90,
            Self::Cruise | Self::Refill | Self::ProbeRtt => 100,
            Self::Up => 125,
        }
    }

    /// BBR.cwnd_gain, in hundredths (draft §5.6.1).
    const fn window_gain(self) -> u32 {
        match self {
            Self::Startup | Self::Drain | Self::Down | Self::Cruise | Self::Refill => 200,
            Self::Up => 225,
            Self::ProbeRtt => 50,
        }
    }

    /// Whether it is one of ProbeBW's four.
    const fn probes_bandwidth(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    /// Whether it tries to put more in flight than is known to be safe (IsProbingBW).
    const fn accelerates(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }
}

/// What an ACK tells, with the delivery sample laid open (RS of the draft). Counts are octets.
#[derive(Clone, Copy, Debug)]
struct Sample {
    now: Instant,
    /// Newly delivered.
    newly_delivered: u32,
    /// In flight before it.
    prior_in_flight: u32,
    /// In flight after it.
    in_flight: u32,
    round_trip: Option<Duration>,
    /// Octets a second, 0 for unknown.
    rate: u64,
    /// Delivered over the flight that the rate was measured of.
    delivered: u64,
    /// All that had been delivered when its last piece left; `None` when nothing was.
    prior_delivered: Option<u64>,
    /// Whether want of data held the rate down.
    app_limited: bool,
    /// In flight when its last piece had left.
    sent_in_flight: u32,
    /// Lost since then.
    lost: u32,
}

/// BBRv3 for one connection. Windows are octets, rates octets a second.
#[derive(Clone, Debug)]
pub(crate) struct Bbr {
    state: State,
    segment_size: u32,
    /// The window to begin with (C.InitialCwnd).
    initial: u32,
    cwnd: u32,
    /// The last window that neither loss nor ProbeRTT had cut.
    prior_cwnd: u32,
    pacing_rate: u64,
    send_quantum: u32,
    /// Whether a round trip has been seen: until then the pace is a guess.
    timed: bool,
    model: Model,
    full_pipe: FullPipe,
    bounds: Bounds,
    ambient: Ambient,
    cycle: Cycle,
    low_delay: LowDelay,
    undo: Undo,
    /// BBR.drain_start_round.
    drain_since: u64,
    /// The flow starts again after it had nothing to send (BBR.idle_restart).
    idle_restart: bool,
    /// What the last ACK said of repair.
    repair: Repair,
    /// The window held the flow back in this round, and in the one before (C.is_cwnd_limited).
    window_limited: [bool; 2],
}

impl Bbr {
    /// BBR.OnInit (draft §5.2.1).
    pub(crate) fn new(start: &Start) -> Self {
        let segment_size = start.segment_size.max(1);
        let initial = start.initial.max(segment_size);
        let mut bbr = Self {
            state: State::Startup,
            segment_size,
            initial,
            cwnd: initial,
            prior_cwnd: 0,
            pacing_rate: 0,
            send_quantum: segment_size.saturating_mul(2),
            timed: start.round_trip.is_some_and(|rtt| !rtt.is_zero()),
            model: Model::new(start),
            full_pipe: FullPipe::default(),
            bounds: Bounds::default(),
            ambient: Ambient::default(),
            cycle: Cycle::new(start),
            low_delay: LowDelay::new(start),
            undo: Undo::default(),
            drain_since: 0,
            idle_restart: false,
            repair: Repair::None,
            window_limited: [false; 2],
        };
        bbr.guess_pacing_rate(start.round_trip);
        bbr
    }

    /// BBR.MinPipeCwnd: two segments out and ACKs of two on their way back (draft §5.6.4.3).
    fn min_pipe(&self) -> u32 {
        self.segment_size.saturating_mul(4)
    }

    /// RS, from what recovery saw.
    fn sample(&self, ack: &AckSample) -> Sample {
        let rate = ack.rate.unwrap_or_default();
        let own_gap = self.low_delay.held_back(rate.prior_delivered);
        Sample {
            now: ack.now,
            newly_delivered: ack.delivered,
            prior_in_flight: ack.prior_in_flight,
            in_flight: ack.in_flight,
            round_trip: ack.round_trip,
            rate: rate.rate,
            delivered: rate.delivered,
            prior_delivered: ack.rate.map(|rate| rate.prior_delivered),
            app_limited: rate.app_limited || own_gap,
            sent_in_flight: rate.in_flight,
            lost: rate.lost,
        }
    }

    /// UpdateModelAndState (draft §5.2.3).
    fn update_model_and_state(&mut self, sample: &Sample) {
        self.bounds.update_latest(sample, self.model.delivered);
        self.update_congestion_signals(sample);
        self.model.update_aggregation(sample, self.cwnd, self.full_pipe.reached);
        self.full_pipe.check(sample, self.model.rounds.start);
        self.check_startup_done(sample);
        self.check_drain_done(sample);
        self.update_probe_bw(sample);
        self.update_min_rtt(sample);
        self.check_probe_rtt(sample);
        self.bounds.advance_latest(sample, self.model.delivered);
        self.model.bound(self.bounds.bw_shortterm);
    }

    /// Whether the window was full at some time in the last round trip.
    fn is_window_limited(&self) -> bool {
        self.window_limited != [false; 2]
    }
}

impl CongestionControl for Bbr {
    /// UpdateOnACK (draft §5.2.3).
    fn on_ack(&mut self, ack: &AckSample) {
        self.model.delivered = ack.total_delivered;
        self.model.in_flight = ack.in_flight;
        self.window_limited[0] |= ack.window_limited;
        self.follow_repair(ack);
        let sample = self.sample(ack);
        self.update_model_and_state(&sample);
        if self.model.rounds.start {
            self.window_limited = [ack.window_limited, self.window_limited[0]];
        }
        self.update_control(&sample, ack.smoothed);
    }

    fn on_congestion(&mut self, now: Instant, in_flight: u32, reduction: Reduction) {
        match reduction {
            Reduction::Loss => self.enter_episode(now),
            Reduction::Ecn => self.on_marked(now, in_flight),
            Reduction::Timeout { .. } => self.on_timeout(now),
        }
    }

    fn on_lost(&mut self, sample: &LossSample) {
        self.model.lost = self.model.lost.saturating_add(u64::from(sample.octets));
        self.note_loss(sample.now, sample.octets);
        self.on_lost_piece(sample);
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.leave_episode();
    }

    /// OnTransmit: HandleRestartFromIdle (draft §5.4.1).
    fn on_sent(&mut self, departure: &Departure) {
        self.finish_timeout(departure);
        if departure.in_flight == 0 && departure.app_limited {
            self.idle_restart = true;
            self.model.restart_aggregation(departure.now);
            if self.state.probes_bandwidth() {
                self.set_pacing_rate(100);
            } else if self.state == State::ProbeRtt {
                self.check_probe_rtt_done(departure.now);
            }
        }
    }

    /// The window stands: what leaves after idleness is paced at the known bandwidth, and so is no burst (draft §5.4.2).
    fn on_idle(&mut self, _now: Instant) {}

    fn on_spurious(&mut self, _now: Instant) {
        self.undo_episode();
    }

    fn set_segment_size(&mut self, octets: u32) {
        self.segment_size = octets.max(1);
        self.cwnd = self.cwnd.max(self.segment_size);
    }

    fn window(&self) -> u32 {
        self.cwnd.max(self.segment_size)
    }

    /// There is none: BBR's slow start ends by what it measures.
    fn threshold(&self) -> u32 {
        UNBOUNDED
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.pacing_rate.max(1))
    }

    fn train_limit(&self) -> Option<u32> {
        Some(self.send_quantum.max(self.segment_size))
    }

    fn governs_recovery(&self) -> bool {
        true
    }

    fn phase(&self) -> &'static str {
        match self.state {
            State::Startup => "Startup",
            State::Drain => "Drain",
            State::Down => "ProbeBW_DOWN",
            State::Cruise => "ProbeBW_CRUISE",
            State::Refill => "ProbeBW_REFILL",
            State::Up => "ProbeBW_UP",
            State::ProbeRtt => "ProbeRTT",
        }
    }

    fn clone_box(&self) -> Box<dyn CongestionControl> {
        Box::new(self.clone())
    }
}

/// `value` × `hundredths` / 100.
fn scaled(value: u64, hundredths: u32) -> u64 {
    match value.checked_mul(u64::from(hundredths)) {
        Some(product) => product / 100,
        None => (value / 100).saturating_mul(u64::from(hundredths)),
    }
}

/// As many of `value` as a window can be.
fn octets(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
