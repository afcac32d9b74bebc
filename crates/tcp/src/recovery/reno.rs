//! NewReno's inferences without SACK: duplicate ACKs, partial ACKs, limited transmit (RFC 5681, 6582, 3042).
//!
//! Each duplicate ACK says that one segment left the network: that credit is what RFC 5681 §3.2 adds to cwnd (5681-22,
//! 5681-23), kept on this side of the seam.

use super::arrival::{Arrival, Tally, Verdict};
use super::episode::Episode;
use super::{Phase, Place, Recovery};
use crate::Why;
use crate::rtt::RoundTrip;
use alloc::boxed::Box;
use env::{Duration, Instant};

/// What NewReno counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reno {
    pub(super) duplicates: u32,
    /// Octets that duplicate ACKs say have left the network.
    pub(super) credit: u32,
    /// Octets that further duplicate ACKs of this recovery may say so of: what was out as it began. More of them are forged, or
    /// of what was sent since (5681-24).
    pub(super) allowance: u32,
    /// Octets of limited transmit, which FlightSize excludes (5681-21).
    pub(super) limited: u32,
    pub(super) partial_seen: bool,
    /// What was sent again last in this recovery ends here, modulo 2^32, and no partial ACK has told that it left the network.
    repaired: u32,
    repairs: bool,
}

impl Reno {
    /// A partial ACK took `acked` octets away: what was acknowledged includes what duplicates had told of; one more segment
    /// has left (6582-1), once for each that was sent again, however many ACKs it is divided among.
    pub(super) fn on_partial(&mut self, acked: u32, segment_size: u32) {
        self.credit = self.credit.saturating_sub(acked);
        if acked >= segment_size && core::mem::take(&mut self.repairs) {
            self.credit = self.credit.saturating_add(segment_size);
        }
    }

    /// What ends at `end` was sent again.
    pub(super) fn on_resent(&mut self, end: Place) {
        (self.repaired, self.repairs) = (end as u32, true);
    }

    /// Whether `una` lies within what was sent again last.
    fn within_repair(&self, una: Place) -> bool {
        (1..1 << 31).contains(&self.repaired.wrapping_sub(una as u32))
    }

    /// A duplicate ACK says that one segment left the network.
    pub(super) fn on_duplicate(&mut self, segment_size: u32) {
        let left = segment_size.min(self.allowance);
        self.allowance -= left;
        self.credit = self.credit.saturating_add(left);
    }

    /// No more can have arrived than this: forged duplicates earn nothing (5681-24).
    pub(super) fn clamp(&mut self, arrived: u32) {
        self.credit = self.credit.min(arrived);
    }
}

impl Recovery {
    /// Octets that duplicate ACKs can tell of at `now`: those that fly, and left the least round trip ago. A peer may repeat an
    /// ACK as often as it likes, and can't make it come sooner.
    fn may_have_arrived(&self, now: Instant, rtt: &RoundTrip) -> u32 {
        // The clock of timestamps ticks once a millisecond, and may have measured that much too much.
        let least = rtt.minimum().unwrap_or_default().saturating_sub(Duration::from_millis(1));
        let left = Instant::ZERO + now.since(Instant::ZERO).saturating_sub(least);
        self.flying().min(self.ledger.left_by(left))
    }

    /// NewReno (RFC 6582 §3.2), and F-RTO's basic version.
    pub(super) fn on_plain_ack(
        &mut self,
        arrival: &Arrival<'_>,
        rtt: &RoundTrip,
        tally: &Tally,
        verdict: &mut Verdict,
    ) {
        if let Some(run) = &tally.answered {
            self.on_original_answered(arrival, run);
        }
        self.undo(arrival, rtt, tally, verdict);
        if verdict.advanced {
            self.on_progress(arrival, verdict);
        } else if arrival.duplicate {
            self.on_duplicate_ack(arrival, rtt, verdict);
        }
    }

    /// A duplicate ACK arrived (RFC 5681 §2); the third says that a segment is lost (5681-18). The hole is then marked and
    /// must be sent again at once.
    fn on_duplicate_ack(&mut self, arrival: &Arrival<'_>, rtt: &RoundTrip, verdict: &mut Verdict) {
        let segment_size = arrival.segment_size;
        let arrived = if arrival.doubted { self.may_have_arrived(arrival.at, rtt) } else { u32::MAX };
        if arrived <= self.reno.duplicates {
            return; // Each duplicate tells of an octet at least.
        }
        if let Some(first) = self.duplicate_of_hole(rtt) {
            if first {
                verdict.resend = Some(Why::Withheld);
                self.reno.allowance = self.flying();
            }
            self.reno.on_duplicate(segment_size);
            self.reno.clamp(arrived.min(self.flying()));
            return;
        }
        self.reno.duplicates = self.reno.duplicates.saturating_add(1);
        match self.phase {
            Phase::Open if self.reno.duplicates == 3 && self.ledger.una() > self.recover => {
                verdict.flight = self.flight_size();
                self.enter(Phase::Fast);
                self.episode = Some(Box::new(Episode::new(self.ledger.una(), self.ledger.nxt())));
                (self.reno.partial_seen, self.reno.repaired) = (false, self.ledger.una() as u32);
                self.mark_next(arrival.at, arrival.segment_size, verdict);
                self.reno.credit = segment_size.saturating_mul(3);
                self.reno.allowance = self.flying().saturating_sub(self.reno.credit);
                verdict.began = true;
                verdict.resend = Some(Why::FastRetransmit);
            }
            Phase::Fast => self.reno.on_duplicate(segment_size),
            Phase::Open | Phase::Timeout => {}
        }
        self.reno.clamp(arrived.min(self.flying()));
    }

    /// SND.UNA moved on.
    fn on_progress(&mut self, arrival: &Arrival<'_>, verdict: &mut Verdict) {
        if self.phase == Phase::Open && self.reno.duplicates > 0 {
            self.claim(1); // What was missing came late.
        }
        self.reno.duplicates = 0;
        self.reno.limited = 0;
        let passed = self.ledger.una() >= self.recover;
        match self.phase {
            Phase::Open => self.reno.credit = 0,
            Phase::Fast if !passed => {
                self.reno.on_partial(verdict.acked, arrival.segment_size);
                if self.reno.within_repair(self.ledger.una()) {
                    return; // A part of what was sent again: the rest of it is no hole.
                }
                self.mark_next(arrival.at, arrival.segment_size, verdict);
                self.reno.clamp(self.flying());
                verdict.patient = core::mem::replace(&mut self.reno.partial_seen, true);
                verdict.resend = Some(Why::NextHole);
            }
            Phase::Fast | Phase::Timeout => {
                if passed {
                    self.reno.credit = 0;
                    self.finish_if_passed(verdict);
                }
            }
        }
    }

    /// The first segment that is out is lost.
    fn mark_next(&mut self, now: Instant, segment_size: u32, verdict: &mut Verdict) {
        let una = self.ledger.una();
        let (ledger, sampler) = (&mut self.ledger, &mut self.sampler);
        ledger.mark_lost(una, una + u64::from(segment_size), &mut |octets, snapshot| {
            verdict.lost += octets;
            verdict.losses.push(sampler.on_lost(now, octets, snapshot));
        });
    }
}
