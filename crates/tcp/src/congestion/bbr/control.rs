//! Rate, train and window, from the model (draft §5.6).
//!
//! ```text
//!   rate   = gain × bw, × 99 % while a queue stands
//!   train  = a millisecond of it: 2 segments … 64 KiB
//!   window → gain × BDP + what is late + extra_acked, at least 3 trains and 4 segments; by what is delivered; under the bounds
//! ```

use super::{Bbr, Sample, State, UNBOUNDED, model, octets, scaled};
use env::Duration;

/// What is left when BBR.PacingMarginPercent is taken off: a little less than the path carries, so that queues drain.
/// Where a round trip shows that none stands there is nothing to drain, and the percent is sent.
const WITHOUT_MARGIN: u32 = 99;
/// The longest train.
const MOST: u32 = 64 * 1024;

impl Bbr {
    /// UpdateControlParameters.
    pub(super) fn update_control(&mut self, sample: &Sample, smoothed: Option<Duration>) {
        if !self.timed && smoothed.is_some_and(|rtt| !rtt.is_zero()) {
            self.timed = true;
            self.guess_pacing_rate(smoothed);
        }
        self.set_pacing_rate(self.state.pacing_gain());
        self.set_send_quantum();
        self.set_window(sample);
    }

    /// InitPacingRate: the initial window each round trip, or each millisecond while none is known.
    pub(super) fn guess_pacing_rate(&mut self, round_trip: Option<Duration>) {
        let rtt = round_trip.filter(|rtt| !rtt.is_zero()).unwrap_or(Duration::from_millis(1));
        let nanos = u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX);
        let nominal = u64::from(self.initial).saturating_mul(1_000_000_000) / nanos;
        self.pacing_rate = scaled(nominal, State::Startup.pacing_gain());
        self.set_send_quantum();
    }

    /// SetPacingRateWithGain, in hundredths: until the pipe has been full once, only upwards.
    pub(super) fn set_pacing_rate(&mut self, gain: u32) {
        let rate = scaled(self.model.bw, gain);
        let rate = if self.low_delay.queued { scaled(rate, WITHOUT_MARGIN) } else { rate };
        if self.full_pipe.reached || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    /// SetSendQuantum.
    fn set_send_quantum(&mut self) {
        let millisecond = octets(model::carried(self.pacing_rate, Duration::from_millis(1)));
        self.send_quantum = millisecond.min(MOST).max(self.segment_size.saturating_mul(2));
    }

    /// BDPMultiple, and what is late beside it. That is there once whatever the gain, but for the first search for the
    /// bandwidth: a window that is to double the rate must hold twice of all that the path does.
    pub(super) fn bdp_multiple(&self, bw: u64, gain: u32) -> u32 {
        let of_late = if self.full_pipe.reached { 100 } else { gain.max(100) };
        let late = scaled(self.model.late(bw), of_late);
        self.model.bdp(bw).map_or(self.initial, |bdp| octets(scaled(bdp, gain).saturating_add(late)))
    }

    /// QuantizationBudget: hosts work in trains, and three of them are under way somewhere inside.
    pub(super) fn quantized(&self, inflight: u32) -> u32 {
        let trains = self.send_quantum.saturating_mul(3);
        let inflight = inflight.max(trains).max(self.min_pipe());
        if self.state == State::Up {
            inflight.saturating_add(self.segment_size.saturating_mul(2))
        } else {
            inflight
        }
    }

    /// Inflight: what `bw` needs in flight, × `gain` hundredths.
    pub(super) fn inflight_for(&self, bw: u64, gain: u32) -> u32 {
        self.quantized(self.bdp_multiple(bw, gain))
    }

    /// TargetInflight.
    pub(super) fn target_inflight(&self) -> u32 {
        self.bdp_multiple(self.model.bw, 100).min(self.cwnd)
    }

    /// ProbeRTTCwnd.
    pub(super) fn probe_rtt_window(&self) -> u32 {
        self.bdp_multiple(self.model.bw, State::ProbeRtt.window_gain()).max(self.min_pipe())
    }

    /// SetCwnd: up by what was delivered at most, down at once.
    fn set_window(&mut self, sample: &Sample) {
        let multiple = self.bdp_multiple(self.model.bw, self.state.window_gain());
        let most = self.quantized(multiple.saturating_add(self.model.extra_acked));
        let grown = self.cwnd.saturating_add(sample.newly_delivered);
        if self.full_pipe.reached {
            self.cwnd = grown.min(most);
        } else if self.cwnd < most || self.model.delivered < u64::from(self.initial) {
            self.cwnd = grown;
        }
        self.cwnd = self.cwnd.max(self.min_pipe());
        self.bound_window();
    }

    /// BoundCwndForProbeRTT, BoundCwndForModel.
    pub(super) fn bound_window(&mut self) {
        let headroom = self.bounds.with_headroom(self.segment_size, self.min_pipe());
        let cap = match self.state {
            State::Startup | State::Drain => UNBOUNDED,
            State::Down | State::Refill | State::Up => self.bounds.inflight_longterm,
            State::Cruise => headroom,
            State::ProbeRtt => headroom.min(self.probe_rtt_window()),
        };
        let cap = cap.min(self.bounds.inflight_shortterm).max(self.min_pipe());
        self.cwnd = self.cwnd.min(cap);
    }
}
