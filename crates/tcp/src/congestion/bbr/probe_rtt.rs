//! ProbeRTT: now and then little is in flight, so that the path shows how long it is without a queue (draft §5.3.4).
//!
//! ```text
//!   no shorter round trip for 5 s ─► half a BDP in flight ── 200 ms and a round ──► ProbeBW_CRUISE, or Startup
//!   idle meanwhile: the queue has drained by itself, and no probe is needed
//! ```

use super::ambient::Ambient;
use super::probe_bw::AckPhase;
use super::{Bbr, Sample, Start, State};
use env::{Duration, Instant};

/// BBR.ProbeRTTInterval.
const INTERVAL: Duration = Duration::from_secs(5);
/// BBR.ProbeRTTDuration.
const DURATION: Duration = Duration::from_millis(200);
/// At most this long without a probe, though round trips show no queue.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// BBR.MinRTTFilterLen.
const FILTER: Duration = Duration::from_secs(10);

/// When to probe, and how far a probe has come.
#[derive(Clone, Debug)]
pub(super) struct LowDelay {
    /// BBR.probe_rtt_min_delay; `None` before any.
    delay: Option<Duration>,
    /// BBR.probe_rtt_min_stamp.
    at: Instant,
    /// BBR.probe_rtt_expired.
    expired: bool,
    /// When the probe may end, once little is in flight (BBR.probe_rtt_done_stamp).
    until: Option<Instant>,
    round_done: bool,
    /// Whether the shortest round trip is taken to be without a queue: the first ones were, and the last probe found
    /// none shorter.
    pub(super) trusted: bool,
    /// Whether the path has shown that it can be longer, by an eighth of the way or more, or a probe that it is not shorter.
    /// Who comes late to a queue that others keep full sees neither, and what overflows from it looks like the path's loss.
    pub(super) proven: bool,
    /// Whether that is asked for: more was lost at rest than an accident.
    pub(super) doubted: bool,
    /// When that was.
    probed_at: Instant,
    /// Whether a queue was seen, of a sixteenth of the way or more, since the shortest round trip was seen last. A queue
    /// that comes and goes is this flow's own; one that others keep full hardly moves, and its least looks like no queue.
    stretched: bool,
    /// BBR.min_rtt when the probe began.
    before: Option<Duration>,
    /// Whether the last round trip showed a queue, or nobody can tell.
    pub(super) queued: bool,
    /// What leaves before more than this is delivered was held back by the probe: its rate says nothing.
    gap: Option<u64>,
}

impl LowDelay {
    pub(super) fn new(start: &Start) -> Self {
        Self {
            delay: start.round_trip,
            at: start.now,
            expired: false,
            until: None,
            round_done: false,
            trusted: true,
            proven: false,
            doubted: false,
            probed_at: start.now,
            stretched: false,
            before: None,
            queued: false,
            gap: None,
        }
    }

    /// Whether what left when `prior_delivered` had been delivered was held back by a probe.
    pub(super) fn held_back(&self, prior_delivered: u64) -> bool {
        self.gap.is_some_and(|gap| prior_delivered <= gap)
    }
}

/// Whether a round trip shows no queue, as far as anybody can tell: within a 64th of the shortest.
///
/// The draft (§5.3.4.3) takes a shorter one only for news, and slows down every 5 s to get it. A flow alone on its path
/// empties its queue each time it cruises: what it sees then is as good, as long as the shortest itself is: a queue that
/// never drained is part of it.
pub(super) fn without_queue(rtt: Duration, shortest: Duration) -> bool {
    rtt <= shortest.saturating_add(shortest / 64)
}

impl Bbr {
    /// UpdateMinRTT.
    pub(super) fn update_min_rtt(&mut self, sample: &Sample) {
        let low = &mut self.low_delay;
        low.expired = sample.now > low.at + INTERVAL;
        if let Some(rtt) = sample.round_trip {
            if low.expired || low.delay.is_none_or(|delay| rtt < delay) {
                low.delay = Some(rtt);
                low.at = sample.now;
            }
            low.queued = !low.trusted || !low.delay.is_some_and(|delay| without_queue(rtt, delay));
            low.stretched |= low.delay.is_some_and(|delay| rtt > delay.saturating_add(delay / 16));
            low.proven |= low.delay.is_some_and(|delay| rtt > delay.saturating_add(delay / 8));
            let own = (low.stretched || sample.app_limited) && (low.proven || !low.doubted);
            if !low.queued && own && sample.now < low.probed_at + TRUSTED_FOR {
                low.at = sample.now; // seen again, and no probe is needed to see it
                low.stretched = false;
            }
        }
        let expired = sample.now > self.model.min_rtt_at + FILTER;
        if let Some(delay) = low.delay
            && (expired || self.model.min_rtt.is_none_or(|least| delay < least))
        {
            low.trusted &= self.model.min_rtt.is_none_or(|least| without_queue(delay, least));
            self.model.min_rtt = Some(delay);
            self.model.min_rtt_at = low.at;
        }
    }

    /// CheckProbeRTT.
    pub(super) fn check_probe_rtt(&mut self, sample: &Sample) {
        if self.state != State::ProbeRtt && self.low_delay.expired && !self.idle_restart {
            self.save_window();
            self.state = State::ProbeRtt;
            self.low_delay.until = None;
            self.low_delay.before = self.model.min_rtt;
            self.cycle.ack_phase = AckPhase::Stopping;
            self.model.start_round();
        }
        if self.state == State::ProbeRtt {
            self.hold_low(sample);
        }
        if sample.delivered > 0 {
            self.idle_restart = false;
        }
    }

    /// HandleProbeRTT.
    fn hold_low(&mut self, sample: &Sample) {
        self.low_delay.gap = Some(self.model.delivered.saturating_add(u64::from(sample.in_flight)));
        if self.low_delay.until.is_none() {
            if sample.in_flight <= self.probe_rtt_window() {
                self.low_delay.until = Some(sample.now + DURATION);
                self.low_delay.round_done = false;
                self.model.start_round();
            }
            return;
        }
        self.low_delay.round_done |= self.model.rounds.start;
        if self.low_delay.round_done {
            self.check_probe_rtt_done(sample.now);
        }
    }

    /// CheckProbeRTTDone, ExitProbeRTT.
    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        if self.low_delay.until.is_none_or(|until| now <= until) {
            return;
        }
        // What half a BDP left standing was no queue if less of it made nothing shorter.
        let (before, after) = (self.low_delay.before, self.model.min_rtt);
        self.low_delay.trusted =
            before.zip(after).is_some_and(|(before, after)| without_queue(before, after));
        if !self.low_delay.trusted {
            // A queue was taken for the path, and what overflowed from it for the path's own loss.
            self.ambient = Ambient::default();
        }
        self.low_delay.proven |= self.low_delay.trusted;
        self.low_delay.probed_at = now;
        self.low_delay.at = now; // the next one is due an interval from now
        self.restore_window();
        self.bounds.reset_shortterm();
        if self.full_pipe.reached {
            self.start_down(now);
            self.start_cruise();
        } else {
            self.enter_startup();
        }
    }
}
