//! The path as it was measured: rounds, bandwidth, round trip, aggregation (draft §5.5.1 to §5.5.9).
//!
//! ```text
//!   rates ───────► max over this cycle and the last ─┐
//!                                                    ├─► bw, the smaller ─┐
//!   bw_shortterm (bounds) ───────────────────────────┘                    ├─► BDP
//!   round trips ─► min over 10 s (probe_rtt) ─────────────────────────────┘
//!   round trips ─► how late packets come that others overtake: what is in flight beside the BDP (lateness)
//!   ACKs beyond what bw promised ─► max over 10 rounds: extra_acked
//! ```

use super::lateness::Lateness;
use super::{Sample, Start};
use env::{Duration, Instant};

/// BBR.ExtraAckedFilterLen, in rounds.
const AGGREGATION_ROUNDS: usize = 10;

/// Round trips as packets see them: one is over when something is delivered that left after the last one was (draft
/// §5.5.1), and as much has come to an end as was in flight then.
///
/// The second is beyond the draft. Where packets keep their order, it is the same. Where they do not, the fastest of a flight
/// is soon there, and tells nothing of what the flight will come to: three rounds of the fastest without growth are no
/// full pipe. Without SACK nobody tells what has come while something is missing, and it is left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    /// BBR.round_count.
    pub(super) count: u64,
    /// Whether the ACK in hand began one.
    pub(super) start: bool,
    next_delivered: u64,
    /// What was in flight as it began is over when so much was delivered or lost in all.
    next_settled: u64,
}

/// The most there was in each of the last rounds; exact, and of a fixed size.
#[derive(Clone, Debug, Default)]
struct RoundMax {
    slots: [u32; AGGREGATION_ROUNDS],
    round: u64,
}

impl RoundMax {
    /// Enters `value` in `round`; the most of the last `window` rounds, this one included.
    fn update(&mut self, round: u64, value: u32, window: usize) -> u32 {
        let len = AGGREGATION_ROUNDS as u64;
        for passed in (self.round + 1..=round).rev().take(AGGREGATION_ROUNDS) {
            self.slots[(passed % len) as usize] = 0;
        }
        self.round = round;
        let slot = &mut self.slots[(round % len) as usize];
        *slot = (*slot).max(value);
        (0..window.min(AGGREGATION_ROUNDS) as u64)
            .filter_map(|ago| round.checked_sub(ago))
            .map(|round| self.slots[(round % len) as usize])
            .max()
            .unwrap_or(value)
    }
}

/// The long-term model of the path, and the bandwidth that follows of it and of the short term.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// C.delivered.
    pub(super) delivered: u64,
    /// C.lost.
    pub(super) lost: u64,
    /// C.inflight.
    pub(super) in_flight: u32,
    /// Whether the peer tells more than one loss a round trip (C.has_selective_acks).
    pub(super) sack: bool,
    pub(super) rounds: Rounds,
    /// The most in the last cycle of probing, and in this one (BBR.max_bw_filter).
    cycles: [u64; 2],
    /// BBR.bw: octets a second that the path is believed to carry now.
    pub(super) bw: u64,
    /// BBR.min_rtt; `None` before any was seen.
    pub(super) min_rtt: Option<Duration>,
    pub(super) min_rtt_at: Instant,
    lateness: Lateness,
    /// BBR.extra_acked.
    pub(super) extra_acked: u32,
    extra: RoundMax,
    extra_since: Instant,
    extra_delivered: u64,
}

impl Model {
    pub(super) fn new(start: &Start) -> Self {
        Self {
            delivered: 0,
            lost: 0,
            in_flight: 0,
            sack: start.sack,
            rounds: Rounds::default(),
            cycles: [0; 2],
            bw: 0,
            min_rtt: start.round_trip,
            min_rtt_at: start.now,
            lateness: Lateness::default(),
            extra_acked: 0,
            extra: RoundMax::default(),
            extra_since: start.now,
            extra_delivered: 0,
        }
    }

    /// BBR.max_bw.
    pub(super) fn max_bw(&self) -> u64 {
        self.cycles[0].max(self.cycles[1])
    }

    /// A round begins with what leaves from now on (StartRound).
    pub(super) fn start_round(&mut self) {
        self.rounds.next_delivered = self.delivered;
        let whole = if self.sack { u64::from(self.in_flight) } else { 0 };
        self.rounds.next_settled = self.settled().saturating_add(whole);
    }

    /// All that came to an end, one way or the other.
    fn settled(&self) -> u64 {
        self.delivered.saturating_add(self.lost)
    }

    /// UpdateRound: `true` when one is over.
    fn update_round(&mut self, sample: &Sample) -> bool {
        let newer = sample.prior_delivered.is_some_and(|prior| prior >= self.rounds.next_delivered);
        let over = newer && self.settled() >= self.rounds.next_settled;
        self.rounds.start = over;
        if let Some(round_trip) = sample.round_trip {
            self.lateness.observe(sample.now, round_trip);
        }
        if over {
            self.lateness.end_round();
            self.start_round();
            self.rounds.count += 1;
        }
        over
    }

    /// UpdateMaxBw (draft §5.5.5): a rate that want of data held down says nothing, unless it is higher than all others.
    /// `true` when a round is over.
    pub(super) fn update_max_bw(&mut self, sample: &Sample) -> bool {
        let over = self.update_round(sample);
        if sample.rate > 0 && (sample.rate >= self.max_bw() || !sample.app_limited) {
            self.cycles[1] = self.cycles[1].max(sample.rate);
        }
        over
    }

    /// AdvanceMaxBwFilter (draft §5.5.6). A cycle that measured nothing does not push out one that did.
    pub(super) fn advance_max_bw(&mut self) {
        if self.cycles[1] > 0 {
            self.cycles = [self.cycles[1], 0];
        }
    }

    /// BoundBWForModel.
    pub(super) fn bound(&mut self, shortterm: u64) {
        self.bw = self.max_bw().min(shortterm);
    }

    /// Octets in flight that `bw` needs; `None` before any round trip was seen.
    pub(super) fn bdp(&self, bw: u64) -> Option<u64> {
        self.min_rtt.map(|rtt| carried(bw, rtt))
    }

    /// Octets that are late while `bw` is delivered: in flight, and in no queue.
    pub(super) fn late(&self, bw: u64) -> u64 {
        carried(bw, self.lateness.mean())
    }

    /// UpdateACKAggregation (draft §5.5.9): what is acknowledged beyond what the bandwidth promised came in a lump, and
    /// the sender must bridge the silence before the next one.
    pub(super) fn update_aggregation(&mut self, sample: &Sample, cwnd: u32, full: bool) {
        let mut expected = carried(self.bw, sample.now.since(self.extra_since));
        if self.extra_delivered <= expected {
            self.restart_aggregation(sample.now);
            expected = 0;
        }
        self.extra_delivered = self.extra_delivered.saturating_add(u64::from(sample.newly_delivered));
        let extra = super::octets(self.extra_delivered.saturating_sub(expected)).min(cwnd);
        let window = if full { AGGREGATION_ROUNDS } else { 1 };
        self.extra_acked = self.extra.update(self.rounds.count, extra, window);
    }

    pub(super) fn restart_aggregation(&mut self, now: Instant) {
        self.extra_delivered = 0;
        self.extra_since = now;
    }
}

/// What `rate` octets a second come to in `time`.
pub(super) fn carried(rate: u64, time: Duration) -> u64 {
    const NANOS: u64 = 1_000_000_000;
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    match rate.checked_mul(nanos) {
        Some(product) => product / NANOS,
        None => u64::try_from(u128::from(rate) * u128::from(nanos) / u128::from(NANOS)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_ten_rounds_and_of_one() {
        let mut most = RoundMax::default();
        assert_eq!(most.update(0, 70, 10), 70);
        assert_eq!(most.update(1, 30, 1), 30);
        assert_eq!(most.update(9, 40, 10), 70);
        assert_eq!(most.update(10, 20, 10), 40);
        assert_eq!(most.update(19, 1, 10), 20);
        assert_eq!(most.update(20, 1, 10), 1);
        assert_eq!(most.update(1_000_000, 2, 10), 2);
    }

    #[test]
    fn what_a_rate_carries_is_exact_and_saturates() {
        assert_eq!(carried(12_500_000, Duration::from_millis(100)), 1_250_000);
        assert_eq!(carried(u64::MAX, Duration::from_millis(500)), u64::MAX / 2);
        assert_eq!(carried(u64::MAX, Duration::MAX), u64::MAX);
    }
}
