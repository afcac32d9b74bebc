//! NewReno's inferences without SACK: duplicate ACKs, partial ACKs, limited transmit (RFC 5681, 6582, 3042).
//!
//! Each duplicate ACK says that one segment left the network: that credit is what RFC 5681 §3.2 adds to cwnd (5681-22,
//! 5681-23), kept on this side of the seam.

use super::arrival::{Arrival, Tally, Verdict};
use super::episode::Episode;
use super::{Phase, Recovery};
use crate::Why;
use alloc::boxed::Box;
use env::Instant;

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
}

impl Reno {
    /// A partial ACK took `acked` octets away: what was acknowledged includes what duplicates had told of; one more segment
    /// has left (6582-1).
    pub(super) fn on_partial(&mut self, acked: u32, segment_size: u32) {
        self.credit = self.credit.saturating_sub(acked);
        if acked >= segment_size {
            self.credit = self.credit.saturating_add(segment_size);
        }
    }

    /// A duplicate ACK says that one segment left the network.
    pub(super) fn on_duplicate(&mut self, segment_size: u32) {
        let left = segment_size.min(self.allowance);
        self.allowance -= left;
        self.credit = self.credit.saturating_add(left);
    }

    /// No more segments can have left than are out: forged duplicates earn nothing (5681-24).
    pub(super) fn clamp(&mut self, flying: u32) {
        self.credit = self.credit.min(flying);
    }
}

impl Recovery {
    /// NewReno (RFC 6582 §3.2), and F-RTO's basic version.
    pub(super) fn on_plain_ack(&mut self, arrival: &Arrival<'_>, tally: &Tally, verdict: &mut Verdict) {
        if let Some(run) = &tally.answered {
            self.on_original_answered(arrival, run);
        }
        self.undo(arrival, tally, verdict);
        if verdict.advanced {
            self.on_progress(arrival, verdict);
        } else if arrival.duplicate {
            self.on_duplicate_ack(arrival, verdict);
        }
    }

    /// A duplicate ACK arrived (RFC 5681 §2); the third says that a segment is lost (5681-18). The hole is then marked and
    /// must be sent again at once.
    fn on_duplicate_ack(&mut self, arrival: &Arrival<'_>, verdict: &mut Verdict) {
        let segment_size = arrival.segment_size;
        self.reno.duplicates = self.reno.duplicates.saturating_add(1);
        match self.phase {
            Phase::Open if self.reno.duplicates == 3 && self.ledger.una() > self.recover => {
                verdict.flight = self.flight_size();
                self.enter(Phase::Fast);
                self.episode = Some(Box::new(Episode::new(self.ledger.una(), self.ledger.nxt())));
                self.reno.partial_seen = false;
                self.mark_next(arrival.at, arrival.segment_size, verdict);
                self.reno.credit = segment_size.saturating_mul(3);
                self.reno.allowance = self.flying().saturating_sub(self.reno.credit);
                verdict.began = true;
                verdict.resend = Some(Why::FastRetransmit);
            }
            Phase::Fast => self.reno.on_duplicate(segment_size),
            Phase::Open | Phase::Timeout => {}
        }
        self.reno.clamp(self.flying());
    }

    /// SND.UNA moved on.
    fn on_progress(&mut self, arrival: &Arrival<'_>, verdict: &mut Verdict) {
        self.reno.duplicates = 0;
        self.reno.limited = 0;
        let passed = self.ledger.una() >= self.recover;
        match self.phase {
            Phase::Open => {}
            Phase::Fast if !passed => {
                self.reno.on_partial(verdict.acked, arrival.segment_size);
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
