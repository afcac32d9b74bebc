//! Drain: half the rate, until what Startup queued has left (draft §5.3.2).
//!
//! ```text
//!   in flight ≤ BDP, or three rounds have passed ─► ProbeBW_DOWN
//! ```

use super::ambient::Ambient;
use super::{Bbr, Sample, State};

impl Bbr {
    /// EnterDrain.
    pub(super) fn enter_drain(&mut self) {
        self.state = State::Drain;
        // What growth survived, others may have paid for: rest will tell what the path itself loses.
        self.ambient = Ambient::default();
        self.drain_since = self.model.rounds.count;
    }

    /// CheckDrainDone. Where the bandwidth was overrated the queue does not drain: the next cycle will know better.
    pub(super) fn check_drain_done(&mut self, sample: &Sample) {
        if self.state != State::Drain {
            return;
        }
        let drained = sample.in_flight <= self.inflight_for(self.model.bw, 100);
        if drained || self.model.rounds.count > self.drain_since.saturating_add(3) {
            self.start_down(sample.now);
        }
    }
}
