//! NewReno's answer to "how much": slow start, congestion avoidance, halving (RFC 5681 §3.1, 6582 §3.2), with HyStart++ for
//! the first slow start (RFC 9406).
//!
//! ```text
//!   slow start ── cwnd = ssthresh ──► congestion avoidance ◄── ssthresh = cwnd = half of what is out ◄── loss
//!        ▲ one segment                                                                                   timeout
//!        └───────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Recovery counts what left the network in its own books, so the window here is never inflated by duplicate ACKs
//! and deflated again: what RFC 5681 does to cwnd, recovery does to its estimate of what is in flight.

use super::exit::Exit;
use super::hystart;
use super::undo::Undos;
use super::{AckSample, CongestionControl, Reduction, Repair, SlowStartExit, Start};
use alloc::boxed::Box;
use env::Instant;

#[derive(Clone, Debug)]
pub(crate) struct NewReno {
    cwnd: u32,
    ssthresh: u32,
    segment_size: u32,
    initial: u32,
    /// What is delivered is told octet by octet, and not by how far an ACK jumps.
    sack: bool,
    /// Octets acknowledged since cwnd last grew in congestion avoidance (RFC 5681 §3.1, 5681-12).
    counted: u32,
    /// Slow start repairs what a timeout found lost: an ACK may then cover much that left the network long ago.
    repairing: bool,
    /// Only in the first slow start (9406-5).
    exit: Option<Box<Exit>>,
    /// A reduction begins at the window, whether it was used or not.
    reduce_unused: bool,
    /// Window and threshold before the last reductions for loss or a timeout (RFC 4015 §3.2), and the watch over delay.
    before: Undos<(u32, u32, Option<Box<Exit>>)>,
}

impl NewReno {
    /// The initial window; the threshold is as high as can be (RFC 5681 5681-8).
    pub(crate) fn new(start: &Start) -> Self {
        let watched = start.habits.slow_start_exit == SlowStartExit::HyStartPlusPlus;
        Self {
            cwnd: start.initial.max(start.segment_size),
            ssthresh: u32::MAX,
            segment_size: start.segment_size,
            initial: start.initial,
            sack: start.sack,
            counted: 0,
            repairing: false,
            exit: Exit::new(start.habits.slow_start_exit).filter(|_| watched),
            reduce_unused: start.habits.reduce_unused,
            before: Undos::default(),
        }
    }

    /// Watches delay; past CSS slow start is over without any loss.
    fn watch_delay(&mut self, sample: &AckSample) {
        let (cwnd, segment) = (self.cwnd, self.segment_size);
        if self.exit.as_mut().is_some_and(|exit| exit.on_ack(sample, cwnd, segment, false)) {
            self.exit = None;
            self.ssthresh = self.cwnd;
        }
    }

    /// Slow start, by octets and by at most one segment per ACK that a peer sends for one or two segments: splitting ACKs
    /// earns nothing (5681-10). A delayed ACK counts as the two that it stands for (RFC 3465 §2.3, L = 2), but not
    /// after a timeout (L = 1).
    fn slow_start(&mut self, octets: u32) {
        let most = if self.repairing { 1 } else { 2 };
        let octets = octets.min(self.segment_size.saturating_mul(most));
        let growth = match &self.exit {
            Some(exit) => exit.growth(octets, self.segment_size, false),
            None => hystart::most(octets, self.segment_size, false),
        };
        self.cwnd = self.cwnd.saturating_add(growth);
    }

    /// RFC 5681 §3.1, equation 4 (5681-9, 5681-14).
    fn halve(&mut self, in_flight: u32) {
        let used = if self.reduce_unused { self.cwnd } else { in_flight };
        self.ssthresh = (used / 2).max(self.segment_size.saturating_mul(2));
    }

    /// Octets of payload in a full segment.
    pub(super) fn segment_size(&self) -> u32 {
        self.segment_size
    }

    /// Window and threshold become `octets`, two segments at least, for what the network marked.
    pub(super) fn shrink(&mut self, octets: u32) {
        self.ssthresh = octets.max(self.segment_size.saturating_mul(2));
        self.cwnd = self.cwnd.min(self.ssthresh);
        self.counted = 0;
        self.before.clear();
    }

    /// A mark comes before a queue overflows: β_ecn = 0.8, but not in slow start (RFC 8511 §3, §4; 8511-1).
    fn answer_mark(&mut self, in_flight: u32) {
        if self.cwnd < self.ssthresh {
            return self.halve(in_flight);
        }
        self.ssthresh = (in_flight / 5).saturating_mul(4).max(self.segment_size.saturating_mul(2));
    }
}

impl CongestionControl for NewReno {
    /// Slow start below the threshold, congestion avoidance from there on (MUST-19; 5681-2, 5681-3).
    fn on_ack(&mut self, sample: &AckSample) {
        self.watch_delay(sample);
        // Nor does a marked ACK make anything grow (RFC 3168 §6.1.2).
        if !sample.window_limited
            || sample.duplicate
            || sample.repair == Repair::Recovery
            || sample.marked > 0
        {
            return;
        }
        // What was delivered above a hole grows the window as it is told, and not in one leap when the hole is filled, most
        // of which would not count.
        if self.cwnd < self.ssthresh {
            return self.slow_start(if self.sack { sample.delivered } else { sample.acked });
        }
        self.repairing = false;
        // One segment per window acknowledged (5681-11, 5681-12).
        self.counted = self.counted.saturating_add(sample.acked);
        if self.counted >= self.cwnd {
            self.counted -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(self.segment_size);
        }
    }

    fn on_congestion(&mut self, _now: Instant, in_flight: u32, reduction: Reduction) {
        self.counted = 0;
        match reduction {
            Reduction::Timeout { again: true } => {}
            Reduction::Ecn => self.before.clear(),
            _ => self.before.push((self.cwnd, self.ssthresh, self.exit.clone())),
        }
        self.exit = None; // 9406-6
        match reduction {
            Reduction::Loss => {
                self.halve(in_flight); // once a window, and again when the next one loses (5681-30, 5681-31)
                self.cwnd = self.ssthresh;
            }
            Reduction::Ecn => {
                self.answer_mark(in_flight);
                // Marks may take the window below the threshold's floor, down to one segment (3168-12).
                self.cwnd = self.ssthresh.min(in_flight / 5 * 4).max(self.segment_size);
            }
            Reduction::Timeout { again } => {
                if !again {
                    self.halve(in_flight);
                }
                self.cwnd = self.segment_size; // 5681-15
                self.repairing = true;
            }
        }
    }

    fn on_recovered(&mut self, _now: Instant, in_flight: u32) {
        // RFC 6582 §3.2 step 3, first option: no burst when little is in flight (5681-26). With SACK the proportion has brought
        // what is in flight to the threshold, or below it by what the sender had not to send: then it stays (9937-4).
        let burst = in_flight.max(self.segment_size).saturating_add(self.segment_size);
        let most = if self.sack { u32::MAX } else { burst };
        // Segments may have grown since the threshold was set.
        self.cwnd = self.ssthresh.min(most).max(self.segment_size);
    }

    fn on_idle(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.min(self.initial.max(self.segment_size)); // 5681-27
    }

    fn on_spurious(&mut self, _now: Instant) {
        let Some((cwnd, ssthresh, exit)) = self.before.pop() else { return };
        self.cwnd = self.cwnd.max(cwnd);
        self.ssthresh = self.ssthresh.max(ssthresh);
        self.exit = exit;
        self.repairing = false;
    }

    fn set_segment_size(&mut self, octets: u32) {
        self.segment_size = octets;
        self.cwnd = self.cwnd.max(octets);
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn threshold(&self) -> u32 {
        self.ssthresh
    }

    fn phase(&self) -> &'static str {
        match &self.exit {
            Some(exit) if self.cwnd < self.ssthresh => exit.phase(),
            _ if self.cwnd < self.ssthresh => "slow start",
            _ => "congestion avoidance",
        }
    }

    fn clone_box(&self) -> Box<dyn CongestionControl> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod rfc5681_3_1 {
    use super::*;
    use crate::CongestionHabits;

    const MSS: u32 = 1000;

    fn fresh(initial: u32, segment_size: u32) -> NewReno {
        let now = Instant::ZERO;
        NewReno::new(&Start {
            now,
            initial,
            segment_size,
            round_trip: None,
            sack: false,
            in_full: false,
            habits: CongestionHabits::default(),
            seed: 0,
        })
    }

    fn ack(acked: u32) -> AckSample {
        AckSample {
            acked,
            delivered: acked,
            prior_in_flight: 10 * MSS,
            window_limited: true,
            ..AckSample::default()
        }
    }

    /// Covers: RFC 5681 5681-3, 5681-8, 5681-10; RFC 9293 MUST-19
    #[test]
    fn slow_start_grows_by_what_was_acknowledged_and_acks_split_in_two_earn_no_more() {
        let (mut whole, mut split) = (fresh(10 * MSS, MSS), fresh(10 * MSS, MSS));
        whole.on_ack(&ack(MSS));
        split.on_ack(&ack(MSS / 2));
        split.on_ack(&ack(MSS / 2));
        assert_eq!((whole.window(), split.window()), (11 * MSS, 11 * MSS));
        whole.on_ack(&ack(50 * MSS));
        assert_eq!(whole.window(), 13 * MSS);
    }

    /// Covers: RFC 5681 5681-3, 5681-11, 5681-12; RFC 9293 MUST-19
    #[test]
    fn congestion_avoidance_grows_by_one_segment_a_window() {
        let mut reno = fresh(20 * MSS, MSS);
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Loss);
        assert_eq!((reno.window(), reno.threshold()), (10 * MSS, 10 * MSS));
        for _ in 0..9 {
            reno.on_ack(&ack(MSS));
        }
        assert_eq!(reno.window(), 10 * MSS);
        reno.on_ack(&ack(MSS));
        assert_eq!(reno.window(), 11 * MSS);
    }

    /// Covers: RFC 5681 5681-9, 5681-14, 5681-15, 5681-31
    #[test]
    fn a_timeout_leaves_one_segment_and_only_the_first_lowers_the_threshold() {
        let mut reno = fresh(20 * MSS, MSS);
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Timeout { again: false });
        assert_eq!((reno.window(), reno.threshold()), (MSS, 10 * MSS));
        reno.on_congestion(Instant::ZERO, MSS, Reduction::Timeout { again: true });
        assert_eq!((reno.window(), reno.threshold()), (MSS, 10 * MSS));
        reno.on_congestion(Instant::ZERO, MSS, Reduction::Timeout { again: false });
        assert_eq!(reno.threshold(), 2 * MSS);
    }

    #[test]
    fn a_window_that_did_not_limit_does_not_grow() {
        let mut reno = fresh(10 * MSS, MSS);
        reno.on_ack(&AckSample { window_limited: false, ..ack(MSS) });
        assert_eq!(reno.window(), 10 * MSS);
    }

    /// Covers: RFC 5681 5681-27
    #[test]
    fn after_idleness_the_window_starts_over() {
        let mut reno = fresh(10 * MSS, MSS);
        (0..100).for_each(|_| reno.on_ack(&ack(MSS)));
        reno.on_idle(Instant::ZERO);
        assert_eq!(reno.window(), 10 * MSS);
    }

    #[test]
    fn a_segment_fits_the_window_even_when_segments_grew_during_recovery() {
        let mut reno = fresh(10 * 536, 536);
        reno.on_congestion(Instant::ZERO, 536, Reduction::Loss);
        reno.set_segment_size(1448);
        reno.on_recovered(Instant::ZERO, 0);
        assert!(reno.window() >= 1448, "{}", reno.window());
    }

    /// Covers: RFC 6582 6582-1
    #[test]
    fn leaving_recovery_with_little_in_flight_makes_no_burst() {
        let mut reno = fresh(20 * MSS, MSS);
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Loss);
        reno.on_recovered(Instant::ZERO, 0);
        assert_eq!(reno.window(), 2 * MSS);
    }

    /// Covers: RFC 9937 9937-4
    #[test]
    fn with_sack_the_threshold_is_the_window_after_recovery() {
        let mut reno = NewReno { sack: true, ..fresh(20 * MSS, MSS) };
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Loss);
        reno.on_recovered(Instant::ZERO, 0);
        assert_eq!(reno.window(), 10 * MSS);
    }

    #[test]
    fn with_sack_what_arrives_above_a_hole_grows_the_window_and_the_hole_only_by_itself() {
        let grown = |sack| {
            let mut reno = NewReno { sack, ..fresh(20 * MSS, MSS) };
            (0..10).for_each(|_| reno.on_ack(&AckSample { acked: 0, ..ack(MSS) }));
            reno.on_ack(&AckSample { delivered: MSS, ..ack(11 * MSS) });
            reno.window() / MSS
        };
        assert_eq!((grown(true), grown(false)), (31, 22));
    }

    /// Covers: RFC 9406 9406-2, 9406-6
    #[test]
    fn delay_ends_slow_start_without_loss_and_loss_ends_the_watch() {
        let mut reno = fresh(100 * MSS, MSS);
        let round = |reno: &mut NewReno, millis| {
            for _ in 0..100 {
                let round_trip = Some(env::Duration::from_millis(millis));
                reno.on_ack(&AckSample { round_trip, in_flight: 100 * MSS, ..ack(MSS) });
            }
        };
        round(&mut reno, 100);
        round(&mut reno, 100);
        assert_eq!(reno.phase(), "slow start");
        let before = reno.window();
        round(&mut reno, 120);
        assert_eq!(reno.phase(), "CSS");
        assert!((before + 25 * MSS..before + 40 * MSS).contains(&reno.window()));
        let mut lossy = reno.clone();
        (0..5).for_each(|_| round(&mut reno, 150));
        assert_eq!((reno.phase(), reno.threshold() < u32::MAX), ("congestion avoidance", true));
        lossy.on_congestion(Instant::ZERO, 100 * MSS, Reduction::Loss);
        assert_eq!((lossy.phase(), lossy.exit.is_none()), ("congestion avoidance", true));
        lossy.on_spurious(Instant::ZERO);
        assert_eq!(lossy.phase(), "CSS", "as if nothing had happened");
    }

    #[test]
    fn a_reduction_that_was_a_mistake_is_taken_back_once() {
        let mut reno = fresh(20 * MSS, MSS);
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Timeout { again: false });
        reno.on_congestion(Instant::ZERO, MSS, Reduction::Timeout { again: true });
        reno.on_ack(&ack(MSS));
        reno.on_spurious(Instant::ZERO);
        assert_eq!((reno.window(), reno.threshold()), (20 * MSS, u32::MAX));
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Loss);
        reno.on_spurious(Instant::ZERO);
        assert_eq!((reno.window(), reno.threshold()), (20 * MSS, u32::MAX));
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Loss);
        reno.on_congestion(Instant::ZERO, 10 * MSS, Reduction::Ecn);
        reno.on_spurious(Instant::ZERO);
        assert_eq!(reno.window(), 8 * MSS, "what the network marked was no mistake");
    }

    /// Covers: RFC 8511 8511-1
    #[test]
    fn a_mark_leaves_four_fifths_in_congestion_avoidance_and_half_in_slow_start() {
        let mut reno = fresh(20 * MSS, MSS);
        reno.on_congestion(Instant::ZERO, 20 * MSS, Reduction::Ecn);
        assert_eq!(reno.window(), 10 * MSS);
        reno.on_ack(&AckSample { marked: MSS, ..ack(10 * MSS) });
        assert_eq!(reno.window(), 10 * MSS, "a marked ACK makes nothing grow");
        reno.on_congestion(Instant::ZERO, 10 * MSS, Reduction::Ecn);
        assert_eq!((reno.window(), reno.threshold()), (8 * MSS, 8 * MSS));
        reno.on_congestion(Instant::ZERO, 2 * MSS, Reduction::Ecn);
        assert_eq!(
            (reno.window(), reno.threshold()),
            (8 * MSS / 5, 2 * MSS),
            "below the floor of the threshold"
        );
        reno.on_congestion(Instant::ZERO, MSS, Reduction::Ecn);
        assert_eq!(reno.window(), MSS);
    }
}
