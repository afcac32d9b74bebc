//! ProbeBW: a little slower, as fast, full, a little faster (draft §5.3.3).
//!
//! ```text
//!           in flight ≤ BDP, with headroom      2 to 3 s, or as many rounds as
//!   DOWN ───────────────────────────────► CRUISE ── segments in flight (≤ 63) ──► REFILL ── a round ──► UP
//!     ▲                                                                             ▲                   │
//!     ├──── full pipe, or lost > 2 %, or back at what was too much the last time ───┼───────────────────┘
//!     └── that last time only by caution, and no harm came of it: ask again ────────┘
//! ```

use super::{Bbr, Sample, Start, State, UNBOUNDED};
use env::{Duration, Instant};

/// Rounds between probes at most, so that Reno and CUBIC have time to grow (draft §5.3.3.5).
const MOST_ROUNDS: u32 = 63;

/// What the ACKs that arrive tell of the probe for bandwidth (BBR.ack_phase).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckPhase {
    /// Nothing.
    Init,
    /// The pipe is being filled.
    Refilling,
    /// The probe has begun, its ACKs are to come.
    Starting,
    /// They come.
    Feedback,
    /// The probe is over, they still come.
    Stopping,
}

/// The cycle of probing.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    pub(super) ack_phase: AckPhase,
    /// Whether what arrives was sent while probing (BBR.is_bw_probe_sample).
    pub(super) probe_sample: bool,
    /// The last probe lost too much.
    pub(super) prev_too_high: bool,
    /// The last probe stopped early, where the one before had lost too much.
    prev_precautionary: bool,
    /// Octets delivered since inflight_longterm grew.
    up_acked: u64,
    /// Octets to deliver before it grows by a segment; all ones when it may not.
    acked_per_segment: u32,
    /// Rounds for which it has grown.
    up_rounds: u32,
    /// Rounds since the last probe.
    pub(super) rounds_since_up: u32,
    /// How long to wait for the next, at most.
    wait: Duration,
    /// When this cycle began.
    since: Instant,
    chance: Chance,
}

impl Cycle {
    pub(super) fn new(start: &Start) -> Self {
        Self {
            ack_phase: AckPhase::Init,
            probe_sample: false,
            prev_too_high: false,
            prev_precautionary: false,
            up_acked: 0,
            acked_per_segment: UNBOUNDED,
            up_rounds: 0,
            rounds_since_up: 0,
            wait: Duration::ZERO,
            since: start.now,
            chance: Chance(start.seed),
        }
    }
}

/// Numbers without a pattern that flows could fall into step by (the generator splitmix64).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Bbr {
    /// UpdateProbeBWCyclePhase.
    pub(super) fn update_probe_bw(&mut self, sample: &Sample) {
        if !self.full_pipe.reached || self.adapt_longterm(sample) {
            return;
        }
        match self.state {
            State::Down | State::Cruise if self.is_time_to_probe(sample.now) => self.start_refill(),
            State::Down if self.is_time_to_cruise(sample) => self.start_cruise(),
            State::Refill if self.model.rounds.start => {
                self.cycle.probe_sample = true;
                self.start_up(sample);
            }
            State::Up => self.check_up_done(sample),
            _ => {}
        }
    }

    /// StartProbeBW_DOWN, and EnterProbeBW.
    pub(super) fn start_down(&mut self, now: Instant) {
        self.bounds.reset_signals();
        let cycle = &mut self.cycle;
        cycle.acked_per_segment = UNBOUNDED;
        cycle.since = now;
        cycle.ack_phase = AckPhase::Stopping;
        // PickProbeWait: none or one of the rounds, and 2 to 3 s.
        cycle.rounds_since_up = (cycle.chance.next() & 1) as u32;
        cycle.wait = Duration::from_secs(2) + Duration::from_nanos(cycle.chance.next() % 1_000_000_000);
        self.model.start_round();
        self.state = State::Down;
    }

    pub(super) fn start_cruise(&mut self) {
        self.state = State::Cruise;
    }

    pub(super) fn start_refill(&mut self) {
        self.bounds.reset_shortterm();
        self.ambient.next_cycle();
        self.cycle.up_rounds = 0;
        self.cycle.up_acked = 0;
        self.cycle.prev_precautionary = false;
        self.cycle.ack_phase = AckPhase::Refilling;
        self.model.start_round();
        self.state = State::Refill;
    }

    fn start_up(&mut self, sample: &Sample) {
        self.cycle.ack_phase = AckPhase::Starting;
        self.model.start_round();
        self.full_pipe.reset(sample.rate);
        self.state = State::Up;
        self.raise_longterm_slope();
    }

    /// IsTimeToProbeBW.
    fn is_time_to_probe(&self, now: Instant) -> bool {
        let segments = self.target_inflight().max(self.min_pipe()) / self.segment_size;
        now > self.cycle.since + self.cycle.wait || self.cycle.rounds_since_up >= segments.min(MOST_ROUNDS)
    }

    /// IsTimeToCruise.
    fn is_time_to_cruise(&self, sample: &Sample) -> bool {
        sample.in_flight <= self.bounds.with_headroom(self.segment_size, self.min_pipe())
            && sample.in_flight <= self.inflight_for(self.model.max_bw(), 100)
    }

    fn check_up_done(&mut self, sample: &Sample) {
        if self.is_time_to_go_down(sample) {
            self.cycle.prev_too_high = false; // so far
            self.start_down(sample.now);
        }
    }

    /// IsTimeToGoDown.
    fn is_time_to_go_down(&mut self, sample: &Sample) -> bool {
        // As much in flight as that bound lets out: whole segments, before the ACK took some away.
        let reached =
            sample.prior_in_flight.saturating_add(self.segment_size) > self.bounds.inflight_longterm;
        if self.cycle.prev_too_high && reached {
            self.cycle.prev_precautionary = true;
            return true;
        }
        if self.is_at_longterm() {
            self.full_pipe.reset(sample.rate); // the bound limits the rate, not the path
            return false;
        }
        self.full_pipe.now
    }

    /// Whether inflight_longterm is what holds the flow back.
    fn is_at_longterm(&self) -> bool {
        self.is_window_limited() && self.cwnd >= self.bounds.inflight_longterm
    }

    /// RaiseInflightLongtermSlope: twice as steep each round.
    fn raise_longterm_slope(&mut self) {
        let growth = 1u32 << self.cycle.up_rounds.min(30);
        self.cycle.up_rounds = (self.cycle.up_rounds + 1).min(30);
        self.cycle.acked_per_segment = (self.cwnd / growth).max(self.segment_size);
    }

    /// ProbeInflightLongtermUpward.
    fn raise_longterm(&mut self, sample: &Sample) {
        if !self.is_at_longterm() {
            return;
        }
        let cycle = &mut self.cycle;
        cycle.up_acked = cycle.up_acked.saturating_add(u64::from(sample.newly_delivered));
        let per = u64::from(cycle.acked_per_segment.max(1));
        let segments = cycle.up_acked / per;
        cycle.up_acked %= per;
        let grown = segments.saturating_mul(u64::from(self.segment_size));
        let grown = u64::from(self.bounds.inflight_longterm).saturating_add(grown);
        self.bounds.inflight_longterm = super::octets(grown).min(UNBOUNDED - 1);
        if self.model.rounds.start {
            self.raise_longterm_slope();
        }
    }

    /// AdaptLongTermModel; `true` when it has changed the state.
    fn adapt_longterm(&mut self, sample: &Sample) -> bool {
        let round = self.model.rounds.start;
        if self.cycle.ack_phase == AckPhase::Starting && round {
            self.cycle.ack_phase = AckPhase::Feedback;
        }
        if self.cycle.ack_phase == AckPhase::Stopping && round {
            self.cycle.probe_sample = false;
            self.cycle.ack_phase = AckPhase::Init;
            if self.state.probes_bandwidth() {
                if !sample.app_limited {
                    self.model.advance_max_bw();
                }
                if self.cycle.prev_precautionary && !self.cycle.prev_too_high {
                    self.start_refill();
                    return true;
                }
            }
        }
        let bounded = self.bounds.inflight_longterm != UNBOUNDED;
        if bounded && !self.is_too_high(sample.lost, sample.sent_in_flight) {
            self.bounds.inflight_longterm = self.bounds.inflight_longterm.max(sample.sent_in_flight);
            if self.state == State::Up {
                self.raise_longterm(sample);
            }
        }
        false
    }
}
