//! RACK: what was sent before something that arrived, and long enough before, is lost (RFC 8985 §6).
//!
//! ```text
//!   sent      A   B   C   D            D is SACKed a round trip later: A, B, C are lost once
//!   SACKed                D            each left a round trip and the reordering window ago
//! ```
//!
//! The reordering window begins with a quarter of the least round trip and grows with every round trip in which the peer
//! tells of a needless retransmission (D-SACK), up to a smoothed round trip. Where it can be seen how late a reordered
//! segment was, the window grows to that at once: rounds of needless retransmissions are saved.
//!
//! RFC 8985 §3.3.2 wants it to end at SRTT. What D-SACKs make of it does. What was measured may go on to where the
//! retransmission timeout would be without its floor, SRTT + 4·RTTVAR: on a path whose jitter is larger than its round
//! trip, segments are later than SRTT all the time, and each of them would be sent again.

use super::Place;
use super::ledger::Run;
use crate::rtt::RoundTrip;
use env::{Duration, Instant};

/// Recoveries without a D-SACK after which the window is as narrow as it was (RFC 8985 §6.2, step 4).
const PERSISTS: u8 = 16;

/// The same, when the peer's word for it counts no more.
const DISTRUSTED: u8 = 2;

/// RFC 8985 §5.2's state.
#[derive(Clone, Debug)]
pub(super) struct Rack {
    /// When the newest thing that was delivered was sent last, and where that ended (RACK.xmit_ts, RACK.end_seq).
    newest: (Instant, Place),
    /// Its round trip (RACK.rtt).
    round_trip: Duration,
    /// After the highest number delivered (RACK.fack).
    forward: Place,
    /// Runs that came late; with any, RACK.reordering_seen.
    reordered: u16,
    /// The most octets by which one did.
    reordered_by: u32,
    /// RACK.reo_wnd_mult.
    quarters: u8,
    /// RACK.reo_wnd_persist.
    persists: u8,
    /// Until this is acknowledged, a D-SACK widens the window no more (RACK.dsack_round).
    round: Place,
    /// How late something reordered was seen to come, and an eighth, in microseconds: there is room for this.
    late: u32,
    /// The peer's word for it does not count.
    deaf: bool,
}

impl Default for Rack {
    fn default() -> Self {
        Self {
            newest: (Instant::ZERO, 0),
            round_trip: Duration::ZERO,
            forward: 0,
            reordered: 0,
            reordered_by: 0,
            quarters: 1,
            persists: 0,
            round: 0,
            late: 0,
            deaf: false,
        }
    }
}

/// How a run was told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// When the ACK arrived.
    pub(super) arrived: Instant,
    /// Whether the run's arrival is what drew this ACK, so that the ACK tells its time.
    pub(super) fresh: bool,
    /// Whether the echo says that another transmission than the last was answered.
    pub(super) older: bool,
}

impl Told {
    /// Whether `run` was sent more than once, and may have been answered too early to be its last transmission (8985-4).
    pub(super) fn is_of_older(&self, run: &Run, rtt: &RoundTrip) -> bool {
        let took = self.arrived.since(run.at);
        run.times > 1 && (self.older || rtt.minimum().is_some_and(|least| took < least))
    }
}

impl Rack {
    /// Steps 2 and 3, for a run that was delivered; of one ACK in ascending order. Whether it came after what was sent later.
    pub(super) fn on_delivered(&mut self, run: &Run, told: &Told, rtt: &RoundTrip) -> bool {
        let took = told.arrived.since(run.at);
        let overtaken = run.end < self.forward && run.times == 1;
        if overtaken {
            self.on_reordered(run, told);
        }
        self.forward = self.forward.max(run.end);
        if told.is_of_older(run, rtt) {
            return overtaken;
        }
        self.round_trip = took;
        self.newest = self.newest.max((run.at, run.end));
        overtaken
    }

    /// A run came after what was sent later (8985-5).
    pub(super) fn on_reordered(&mut self, run: &Run, told: &Told) {
        let behind = u32::try_from(self.forward.saturating_sub(run.start)).unwrap_or(u32::MAX);
        self.reordered = self.reordered.saturating_add(1);
        self.reordered_by = self.reordered_by.max(behind);
        if told.fresh && !self.deaf {
            let late = told.arrived.since(run.first_at).saturating_sub(self.round_trip);
            let late = u32::try_from(late.saturating_add(late / 8).as_micros()).unwrap_or(u32::MAX);
            self.late = self.late.max(late);
            self.persists = PERSISTS;
        }
    }

    /// A D-SACK came (step 4; 8985-6): `una` is acknowledged, `nxt` comes next.
    pub(super) fn on_dsack(&mut self, una: Place, nxt: Place) {
        if una >= self.round && !self.deaf {
            self.round = nxt;
            self.quarters = self.quarters.saturating_add(1);
            self.persists = PERSISTS;
        }
    }

    /// What widened the window may have been lies: it is narrow again soon.
    pub(super) fn distrust(&mut self) {
        self.persists = self.persists.min(DISTRUSTED);
    }

    /// Whether the peer's word may widen the window; without it, the window is as narrow as it was.
    pub(super) fn listen(&mut self, believes: bool) {
        self.deaf = !believes;
        if self.deaf {
            (self.quarters, self.late) = (1, 0);
        }
    }

    /// A recovery is over.
    pub(super) fn on_recovered(&mut self) {
        self.persists = self.persists.saturating_sub(1);
        if self.persists == 0 {
            (self.quarters, self.late) = (1, 0);
        }
    }

    /// The reordering window (step 4; 8985-6). `settled`: loss is being repaired, or three segments were SACKed.
    pub(super) fn window(&self, rtt: &RoundTrip, settled: bool) -> Duration {
        if settled && self.reordered == 0 {
            return Duration::ZERO;
        }
        let (Some(least), Some(smoothed)) = (rtt.minimum(), rtt.smoothed()) else { return Duration::ZERO };
        let guessed = (least / 4).saturating_mul(u32::from(self.quarters)).min(smoothed);
        guessed.max(self.lateness(rtt))
    }

    /// How much later than others something may come, as far as was seen, and as it may be waited for.
    pub(super) fn lateness(&self, rtt: &RoundTrip) -> Duration {
        // RTTVAR is small where order is kept, and so nothing is waited for longer there.
        let most = rtt.smoothed().unwrap_or_default().saturating_add(rtt.variation().saturating_mul(4));
        self.late().min(most)
    }

    pub(super) fn newest(&self) -> (Instant, Place) {
        self.newest
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// How late something reordered was seen to come lately, and an eighth.
    pub(super) fn late(&self) -> Duration {
        Duration::from_micros(u64::from(self.late))
    }

    /// How many runs came late, as far as two octets can count, and the most octets by which one did.
    pub(super) fn reordered(&self) -> (u16, u32) {
        (self.reordered, self.reordered_by)
    }

    pub(super) fn reordering_seen(&self) -> bool {
        self.reordered > 0
    }
}
