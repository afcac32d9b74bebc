//! What is lost: the ledger of what was sent, and NewReno's inferences from ACKs and timeouts (RFC 6582, 3042).
//!
//! ```text
//!              dup ACK ×3 (beyond `recover`)              ACK ≥ recover
//!     Open ─────────────────────────────► FastRecovery ───────────────► Open
//!       └───────── RTO ────► Timeout ◄─── RTO ──┘
//!                               └── ACK ≥ recover ──► Open
//! ```
//!
//! Recovery answers three questions: how much is in flight, what to send again, and when to tell congestion control.
//! It never decides how much may be sent. Without SACK each duplicate ACK says that one segment left the network: that
//! credit is what RFC 5681 §3.2 adds to cwnd (5681-22, 5681-23), kept on this side of the seam.

mod ledger;
#[cfg_attr(not(test), expect(dead_code, reason = "the ledger is to keep its snapshots"))]
pub(crate) mod rate;

pub(crate) use ledger::{Ledger, Retired};

use env::Instant;
use wire::SeqNum;

/// Where loss recovery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery until `recover` is acknowledged.
    Fast,
    /// After a timeout, until what was out then is acknowledged.
    Timeout,
}

/// What an ACK of new data means for recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No recovery is under way: congestion control may grow.
    Normal,
    /// A partial ACK in fast recovery: the next hole is marked (RFC 6582 §3.2, step 5). `first` of this recovery.
    Partial { first: bool },
    /// Fast recovery is over.
    Recovered,
    /// In or out of the recovery after a timeout: congestion control may grow.
    SlowStart,
}

#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    pub(crate) ledger: Ledger,
    phase: Phase,
    /// No new fast recovery before this number is passed (RFC 6582 §3.2, step 1).
    recover: SeqNum,
    duplicates: u32,
    /// Octets that duplicate ACKs say have left the network.
    credit: u32,
    /// Octets of limited transmit, which FlightSize excludes (5681-21).
    limited: u32,
    partial_seen: bool,
}

impl Recovery {
    pub(crate) fn new(iss: SeqNum) -> Self {
        Self {
            ledger: Ledger::default(),
            phase: Phase::Open,
            recover: iss,
            duplicates: 0,
            credit: 0,
            limited: 0,
            partial_seen: false,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Octets believed to be in the network.
    pub(crate) fn in_flight(&self) -> u32 {
        self.ledger.outstanding().saturating_sub(self.ledger.lost()).saturating_sub(self.credit)
    }

    /// FlightSize as RFC 5681 §3.1 means it: sent and unacknowledged, without limited transmit.
    pub(crate) fn flight_size(&self) -> u32 {
        self.ledger.outstanding().saturating_sub(self.limited)
    }

    /// Whether a segment beyond cwnd may be sent to provoke an ACK: one on each of the first two duplicate ACKs
    /// (3042-1, 5681-19). The window is left alone (5681-20).
    pub(crate) fn limited_transmit(&self, segment_size: u32) -> u32 {
        match (self.phase, self.duplicates) {
            (Phase::Open, n @ 1..=2) => (n * segment_size).saturating_sub(self.limited),
            _ => 0,
        }
    }

    pub(crate) fn sent_limited(&mut self, octets: u32) {
        self.limited = self.limited.saturating_add(octets);
    }

    /// A duplicate ACK arrived (RFC 5681 §2); `true` when the third says that a segment is lost (5681-18).
    ///
    /// `una` is what it acknowledges. The hole is then marked and must be sent again at once.
    pub(crate) fn on_duplicate_ack(&mut self, una: SeqNum, nxt: SeqNum, segment_size: u32) -> bool {
        self.duplicates = self.duplicates.saturating_add(1);
        match self.phase {
            Phase::Open if self.duplicates == 3 && una.after(self.recover) => {
                self.phase = Phase::Fast;
                self.recover = nxt;
                self.partial_seen = false;
                self.ledger.mark_lost(una, una + segment_size);
                self.credit = segment_size.saturating_mul(3);
                self.clamp_credit();
                true
            }
            Phase::Fast => {
                // No more segments can have left than are out: forged duplicates earn nothing (5681-24).
                self.credit = self.credit.saturating_add(segment_size);
                self.clamp_credit();
                false
            }
            Phase::Open | Phase::Timeout => false,
        }
    }

    /// The cumulative ACK moved on to `una`; `acked` octets of it are new.
    pub(crate) fn on_progress(&mut self, una: SeqNum, acked: u32, segment_size: u32) -> Progress {
        self.duplicates = 0;
        self.limited = 0;
        match self.phase {
            Phase::Open => {
                if una.after(self.recover) {
                    // It stays close behind: left alone for 2 GiB it would seem to lie ahead, and hide a loss.
                    self.recover = una - 1;
                }
                Progress::Normal
            }
            Phase::Fast if una.at_or_after(self.recover) => {
                self.phase = Phase::Open;
                self.credit = 0;
                Progress::Recovered
            }
            Phase::Fast => {
                // What was acknowledged includes what duplicates had told of; one more segment has left (6582-1).
                self.credit = self.credit.saturating_sub(acked);
                if acked >= segment_size {
                    self.credit = self.credit.saturating_add(segment_size);
                }
                self.ledger.mark_lost(una, una + segment_size);
                self.clamp_credit();
                let first = !core::mem::replace(&mut self.partial_seen, true);
                Progress::Partial { first }
            }
            Phase::Timeout => {
                if una.at_or_after(self.recover) {
                    self.phase = Phase::Open;
                }
                Progress::SlowStart
            }
        }
    }

    /// The retransmission timer expired (2018-10: SACK blocks or not, it costs the same): everything that is out
    /// counts as lost, and is sent again as the window allows unless an ACK shows that the peer has it.
    pub(crate) fn on_timeout(&mut self, nxt: SeqNum) {
        self.phase = Phase::Timeout;
        self.recover = nxt;
        self.duplicates = 0;
        self.credit = 0;
        self.limited = 0;
        self.ledger.mark_all_lost();
    }

    /// Everything that is out is to be sent again, although nothing says that the path is congested: the path's MTU fell,
    /// or a window that was pulled back has opened.
    pub(crate) fn resend_all(&mut self) {
        self.credit = 0;
        self.ledger.mark_all_lost();
    }

    /// `start..end` was sent for the first time.
    pub(crate) fn on_sent(&mut self, now: Instant, start: SeqNum, end: SeqNum) {
        self.ledger.push(now, start, end);
    }

    fn clamp_credit(&mut self) {
        self.credit = self.credit.min(self.ledger.outstanding().saturating_sub(self.ledger.lost()));
    }
}

#[cfg(test)]
mod rfc6582_3_2 {
    use super::*;

    const MSS: u32 = 1000;

    fn sent(segments: u32) -> Recovery {
        let mut recovery = Recovery::new(SeqNum::new(0));
        recovery.on_sent(Instant::ZERO, SeqNum::new(1), SeqNum::new(1) + segments * MSS);
        recovery
    }

    /// Covers: RFC 5681 5681-18, 5681-22, 5681-23
    #[test]
    fn the_third_duplicate_marks_one_segment_and_each_one_counts_as_having_left() {
        let (una, nxt) = (SeqNum::new(1), SeqNum::new(1) + 10 * MSS);
        let mut recovery = sent(10);
        assert!(!recovery.on_duplicate_ack(una, nxt, MSS));
        assert!(!recovery.on_duplicate_ack(una, nxt, MSS));
        assert!(recovery.on_duplicate_ack(una, nxt, MSS));
        assert_eq!(recovery.ledger.next_lost(), Some((una, una + MSS)));
        assert_eq!(recovery.in_flight(), 6 * MSS);
        recovery.on_duplicate_ack(una, nxt, MSS);
        assert_eq!(recovery.in_flight(), 5 * MSS);
    }

    /// Covers: RFC 5681 5681-24
    #[test]
    fn forged_duplicates_cannot_make_more_leave_than_is_out() {
        let mut recovery = sent(4);
        for _ in 0..1000 {
            recovery.on_duplicate_ack(SeqNum::new(1), SeqNum::new(1) + 4 * MSS, MSS);
        }
        assert_eq!(recovery.in_flight(), 0);
    }

    /// Covers: RFC 6582 6582-1
    #[test]
    fn a_partial_ack_marks_the_next_hole_and_a_full_one_ends_recovery() {
        let (una, nxt) = (SeqNum::new(1), SeqNum::new(1) + 10 * MSS);
        let mut recovery = sent(10);
        for _ in 0..3 {
            recovery.on_duplicate_ack(una, nxt, MSS);
        }
        recovery.ledger.retransmitted(Instant::ZERO, una, una + MSS);
        recovery.ledger.retire(una + 4 * MSS);
        assert_eq!(recovery.on_progress(una + 4 * MSS, 4 * MSS, MSS), Progress::Partial { first: true });
        assert_eq!(recovery.ledger.next_lost(), Some((una + 4 * MSS, una + 5 * MSS)));
        recovery.ledger.retire(nxt);
        assert_eq!(recovery.on_progress(nxt, 6 * MSS, MSS), Progress::Recovered);
        assert_eq!(recovery.in_flight(), 0);
    }

    /// Covers: RFC 6582 6582-1; RFC 5681 5681-30
    #[test]
    fn duplicates_of_what_was_out_at_a_timeout_start_no_second_recovery() {
        let (una, nxt) = (SeqNum::new(1), SeqNum::new(1) + 10 * MSS);
        let mut recovery = sent(10);
        recovery.on_timeout(nxt);
        assert_eq!(recovery.in_flight(), 0);
        assert!((0..5).all(|_| !recovery.on_duplicate_ack(una, nxt, MSS)));
        assert_eq!(recovery.on_progress(nxt, 10 * MSS, MSS), Progress::SlowStart);
        assert_eq!(recovery.phase(), Phase::Open);
    }

    /// Covers: RFC 6582 6582-1
    #[test]
    fn after_gigabytes_without_loss_a_loss_is_still_seen() {
        let mut recovery = Recovery::new(SeqNum::new(0));
        let mut una = SeqNum::new(1);
        for _ in 0..5 {
            let nxt = una + (1 << 29);
            recovery.on_sent(Instant::ZERO, una, nxt);
            let retired = recovery.ledger.retire(nxt);
            assert_eq!(recovery.on_progress(nxt, retired.count, MSS), Progress::Normal);
            una = nxt;
        }
        recovery.on_sent(Instant::ZERO, una, una + 10 * MSS);
        assert!((0..3).any(|_| recovery.on_duplicate_ack(una, una + 10 * MSS, MSS)));
    }

    /// Covers: RFC 3042 3042-1; RFC 5681 5681-19, 5681-20, 5681-21
    #[test]
    fn the_first_two_duplicates_let_one_segment_out_each_and_flight_size_forgets_them() {
        let (una, nxt) = (SeqNum::new(1), SeqNum::new(1) + 10 * MSS);
        let mut recovery = sent(10);
        assert_eq!(recovery.limited_transmit(MSS), 0);
        recovery.on_duplicate_ack(una, nxt, MSS);
        assert_eq!(recovery.limited_transmit(MSS), MSS);
        recovery.on_sent(Instant::ZERO, nxt, nxt + MSS);
        recovery.sent_limited(MSS);
        assert_eq!(recovery.limited_transmit(MSS), 0);
        recovery.on_duplicate_ack(una, nxt + MSS, MSS);
        assert_eq!(recovery.limited_transmit(MSS), MSS);
        assert_eq!(recovery.flight_size(), 10 * MSS);
    }
}
