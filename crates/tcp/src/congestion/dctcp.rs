//! DCTCP: an answer to marks in proportion to how many there are (RFC 8257), over NewReno's growth and answers to loss.
//!
//! ```text
//!   marks │ ▂▁▁▂▁▃▂▁▁▂▁         α follows the share of octets that were marked, a sixteenth of the way each round
//!   cwnd  │ ╱╲╱╲╱╲╱╲╱╲╱         cwnd · (1 − α / 2), once a round: many small steps, and a queue that stays short
//! ```
//!
//! It wants a network that marks early and a receiver that tells how much was marked (RFC 9768): within a data centre,
//! or where the network keeps a queue apart for it (RFC 9331). Elsewhere it would take more than its share.

use super::new_reno::NewReno;
use super::pace::Pace;
use super::{AckSample, CongestionControl, Departure, Reduction, Start};
use alloc::boxed::Box;
use env::Instant;

/// α is counted in parts of this.
const WHOLE: u64 = 1 << 20;
/// g = 1/16 (RFC 8257 §4.2), as a shift.
const GAIN: u32 = 4;

#[derive(Clone, Debug)]
pub(crate) struct Dctcp {
    reno: NewReno,
    pace: Pace,
    /// DCTCP.Alpha, of [`WHOLE`].
    alpha: u64,
    /// Octets delivered, and how many will be when the round is over.
    delivered: u64,
    round_end: u64,
    /// DCTCP.BytesAcked and BytesMarked of this round.
    acked: u64,
    marked: u64,
    /// What was marked among the octets up to here was answered.
    answered_until: u64,
}

impl Dctcp {
    /// α begins at 1: the first mark halves (8257-1).
    pub(crate) fn new(start: &Start) -> Self {
        Self {
            reno: NewReno::new(start),
            pace: Pace::new(start.initial.max(start.segment_size), start.round_trip, start.in_full),
            alpha: WHOLE,
            delivered: 0,
            round_end: 0,
            acked: 0,
            marked: 0,
            answered_until: 0,
        }
    }

    /// Counts what was marked, and at the end of a round lets α follow (8257-1, 8257-2).
    fn count(&mut self, sample: &AckSample) {
        self.delivered = self.delivered.saturating_add(u64::from(sample.delivered));
        self.acked += u64::from(sample.delivered);
        self.marked += u64::from(sample.marked.min(sample.delivered));
        if self.delivered < self.round_end || self.acked == 0 {
            return;
        }
        let share = self.marked.saturating_mul(WHOLE) / self.acked;
        // Rounded so that it comes to nothing when nothing is marked, and never above the whole.
        let faded = if self.alpha >> GAIN == 0 { 0 } else { self.alpha - (self.alpha >> GAIN) };
        self.alpha = (faded + (share >> GAIN)).min(WHOLE);
        self.round_end = self.delivered.saturating_add(u64::from(sample.in_flight));
        self.acked = 0;
        self.marked = 0;
    }

    /// Answers marks, once a window of data (8257-3).
    fn answer(&mut self, in_flight: u32) {
        if self.delivered < self.answered_until {
            return;
        }
        self.answered_until = self.delivered.saturating_add(u64::from(in_flight.max(1)));
        let cwnd = self.reno.window();
        let less = u64::from(cwnd) * self.alpha / (2 * WHOLE);
        self.reno.shrink(cwnd - u32::try_from(less).unwrap_or(cwnd));
    }

    fn repace(&mut self, sample: Option<&AckSample>) {
        let round_trip = sample.and_then(|sample| sample.smoothed);
        self.pace.update(self.reno.window(), self.reno.threshold(), round_trip);
    }
}

impl CongestionControl for Dctcp {
    fn on_ack(&mut self, sample: &AckSample) {
        self.count(sample);
        if sample.marked > 0 {
            self.answer(sample.in_flight);
        }
        self.reno.on_ack(sample);
        self.repace(Some(sample));
    }

    /// Loss and timeouts are answered as by anybody else (8257-4, 8257-5; 9331-4).
    fn on_congestion(&mut self, now: Instant, in_flight: u32, reduction: Reduction) {
        match reduction {
            Reduction::Ecn => self.answer(in_flight),
            Reduction::Loss | Reduction::Timeout { .. } => {
                self.reno.on_congestion(now, in_flight, reduction);
                self.answered_until = self.delivered.saturating_add(u64::from(in_flight));
            }
        }
        self.repace(None);
    }

    fn on_recovered(&mut self, now: Instant, in_flight: u32) {
        self.reno.on_recovered(now, in_flight);
        self.repace(None);
    }

    fn on_sent(&mut self, departure: &Departure) {
        self.pace.on_sent(departure);
    }

    fn on_idle(&mut self, now: Instant) {
        self.reno.on_idle(now);
        self.repace(None);
    }

    fn on_spurious(&mut self, now: Instant) {
        self.reno.on_spurious(now);
        self.repace(None);
    }

    fn set_segment_size(&mut self, octets: u32) {
        self.reno.set_segment_size(octets);
    }

    fn window(&self) -> u32 {
        self.reno.window()
    }

    fn threshold(&self) -> u32 {
        self.reno.threshold()
    }

    fn pacing_rate(&self) -> Option<u64> {
        self.pace.rate()
    }

    fn train_limit(&self) -> Option<u32> {
        self.pace.train(self.reno.segment_size())
    }

    fn is_scalable(&self) -> bool {
        true
    }

    fn phase(&self) -> &'static str {
        self.reno.phase()
    }

    fn clone_box(&self) -> Box<dyn CongestionControl> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod rfc8257_3_3 {
    use super::*;
    use env::Duration;
    use proptest::prelude::*;

    const MSS: u32 = 1_000;

    fn dctcp() -> Dctcp {
        let round_trip = Some(Duration::from_millis(1));
        let start = Start {
            now: Instant::ZERO,
            initial: 10 * MSS,
            segment_size: MSS,
            round_trip,
            in_full: false,
            habits: crate::CongestionHabits::default(),
            seed: 0,
            sack: true,
        };
        Dctcp::new(&start)
    }

    fn ack(delivered: u32, marked: u32, in_flight: u32) -> AckSample {
        AckSample {
            acked: delivered,
            delivered,
            marked,
            in_flight,
            prior_in_flight: in_flight.saturating_add(delivered),
            window_limited: true,
            smoothed: Some(Duration::from_millis(1)),
            ..AckSample::default()
        }
    }

    /// A round of ACKs of a segment each, of which the first `marked` are marked.
    fn round(dctcp: &mut Dctcp, marked: u32) {
        let segments = dctcp.window() / MSS;
        for n in 0..segments {
            dctcp.on_ack(&ack(MSS, if n < marked { MSS } else { 0 }, segments * MSS - MSS));
        }
    }

    fn alpha(dctcp: &Dctcp) -> f64 {
        dctcp.alpha as f64 / WHOLE as f64
    }

    /// Covers: RFC 8257 8257-1, 8257-3
    #[test]
    fn the_first_mark_halves_and_later_ones_take_their_share_once_a_window() {
        let mut dctcp = dctcp();
        dctcp.on_ack(&ack(MSS, MSS, 9 * MSS));
        assert_eq!((dctcp.window(), dctcp.threshold()), (5 * MSS, 5 * MSS));
        dctcp.on_ack(&ack(MSS, MSS, 8 * MSS));
        dctcp.on_congestion(Instant::ZERO, 8 * MSS, Reduction::Ecn);
        assert_eq!(dctcp.window(), 5 * MSS, "once a window");
        for _ in 0..200 {
            round(&mut dctcp, 0);
        }
        assert_eq!(dctcp.alpha, 0, "nothing is left of it when nothing is marked");
        let before = dctcp.window();
        for _ in 0..16 {
            round(&mut dctcp, before / MSS / 10);
        }
        assert!((0.03..0.1).contains(&alpha(&dctcp)), "{}", alpha(&dctcp));
        let before = dctcp.window();
        let expected = f64::from(before) * (1.0 - alpha(&dctcp) / 2.0);
        dctcp.answered_until = 0;
        dctcp.answer(before);
        assert!((f64::from(dctcp.window()) - expected).abs() < 2.0);
    }

    /// Covers: RFC 8257 8257-1, 8257-2
    #[test]
    fn alpha_follows_the_share_of_marks_by_sixteenths() {
        let mut dctcp = dctcp();
        let mut expected = 1.0;
        dctcp.on_ack(&ack(MSS, 0, 9 * MSS)); // The first ACK is a round of its own.
        expected *= 15.0 / 16.0;
        for _ in 0..100 {
            dctcp.on_ack(&ack(4 * MSS, 0, 6 * MSS));
            dctcp.on_ack(&ack(5 * MSS, 2 * MSS, 9 * MSS));
            expected += (2.0 / 9.0 - expected) / 16.0;
            assert!((alpha(&dctcp) - expected).abs() < 0.001, "{} {expected}", alpha(&dctcp));
        }
    }

    /// Covers: RFC 8257 8257-4, 8257-5; RFC 9331 9331-4
    #[test]
    fn loss_and_timeouts_are_answered_as_by_reno() {
        let mut dctcp = dctcp();
        dctcp.alpha = 0;
        dctcp.on_congestion(Instant::ZERO, 10 * MSS, Reduction::Loss);
        assert_eq!(dctcp.window(), 5 * MSS);
        dctcp.on_spurious(Instant::ZERO);
        assert_eq!(dctcp.window(), 10 * MSS);
        dctcp.on_congestion(Instant::ZERO, 10 * MSS, Reduction::Timeout { again: false });
        assert_eq!((dctcp.window(), dctcp.threshold()), (MSS, 5 * MSS));
    }

    proptest! {
        /// Covers: RFC 8257 8257-2
        #[test]
        fn whatever_is_told_alpha_is_a_share_and_a_segment_fits(
            told in proptest::collection::vec((any::<[u32; 3]>(), 0u8..5), 1..200),
        ) {
            let mut dctcp = dctcp();
            for ([delivered, marked, in_flight], call) in told {
                match call {
                    0 => dctcp.on_congestion(Instant::ZERO, in_flight, Reduction::Ecn),
                    1 => dctcp.on_congestion(Instant::ZERO, in_flight, Reduction::Loss),
                    _ => dctcp.on_ack(&ack(delivered, marked, in_flight)),
                }
                prop_assert!(dctcp.alpha <= WHOLE && dctcp.window() >= MSS);
            }
        }
    }
}
