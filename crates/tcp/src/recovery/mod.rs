//! What is lost, and what is in flight: the ledger of what was sent, and what ACKs, SACK blocks and timers say of it.
//!
//! ```text
//!              RACK, dup ACK ×3 (beyond `recover`)        ACK ≥ recover
//!     Open ─────────────────────────────► Fast ──────────────────────► Open
//!       │  └────── RTO ────► Timeout ◄─── RTO ──┘ ╰──── it was a mistake: undone ───► Open
//!       │                       └── ACK ≥ recover, or a mistake ──► Open
//!       └─ silence ─► probe
//! ```
//!
//! Recovery answers three questions: how much is in flight, what to send again, and when to tell congestion control.
//! With SACK it is RACK-TLP and nothing else (RFC 8985; 8985-17; 9331-8), without it NewReno. How much may be sent is congestion
//! control's answer; only while fast recovery lasts, and unless the controller governs that itself, proportional rate
//! reduction lets out the window that the controller has cut (RFC 9937).

mod arrival;
mod episode;
mod ledger;
mod mistake;
mod pieces;
mod probe;
mod prr;
mod rack;
mod ranges;
pub(crate) mod rate;
mod reno;
mod sack;
mod stamps;
mod victims;
mod withheld;

#[cfg(test)]
mod tests;

pub(crate) use arrival::{Arrival, Verdict};

use crate::Why;
use crate::congestion::{LossSample, Repair};
use crate::rtt::RoundTrip;
use alloc::boxed::Box;
use alloc::vec::Vec;
use env::{Duration, Instant};
use episode::{Episode, Frto};
use ledger::{Judge, Ledger};
use probe::Probe;
use prr::Prr;
use rack::Rack;
use rate::Sampler;
use reno::Reno;
use stamps::Stamps;
use victims::Victims;
use wire::SeqNum;

/// A number counted from ISS without wraps.
type Place = u64;

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

/// Figures for STATUS.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// D-SACKs that came.
    pub(crate) dsacks: u32,
    /// Recoveries that were mistakes.
    pub(crate) undone: u32,
    /// Of the last rate sample, octets a second.
    pub(crate) rate: u64,
    /// Octets that were ever sent again.
    resent: u64,
    /// Octets that D-SACKs told of.
    doubled: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    ledger: Ledger,
    sampler: Sampler,
    rack: Rack,
    probe: Probe,
    reno: Reno,
    phase: Phase,
    /// Both sides agreed on SACK (8985-1).
    sack: bool,
    /// No new fast recovery before this place is passed (RFC 6582 §3.2, step 1; 6675-3).
    recover: Place,
    episode: Option<Box<Episode>>,
    /// What lets the window shrink over a round trip that the network marked.
    marked: Option<Box<Marked>>,
    /// When something that flies will count as lost; [`Instant::FAR`] is never.
    reorder_at: Instant,
    figures: Figures,
    /// The last rate was limited for want of data.
    rate_app_limited: bool,
    disorder: Option<Box<Disorder>>,
    withheld: withheld::Known,
    /// The least round trip in which the peer is known to be honest, in microseconds: of the handshake first.
    proven: u32,
}

/// A reduction for marks that is under way.
#[derive(Clone, Debug)]
struct Marked {
    prr: Prr,
    /// SND.NXT as it began.
    end: Place,
}

/// What only those connections need whose segments overtake each other, or that were mistaken.
#[derive(Clone, Debug, Default)]
struct Disorder {
    stamps: Stamps,
    victims: Option<Victims>,
    /// How often something was undone since `undo_round` was sent, and until when that counts.
    undos: u8,
    undo_round: Place,
    /// Undos that the peer's bare word has been taken for, less those that it has earned since; and recoveries since the last.
    believed: u8,
    honoured: u8,
    /// How often its word was put to the test since it last failed, and how often it failed.
    vouched: u8,
    failed: u8,
    /// Holes that filled without a copy of ours since the last test, as the peer tells it; how often that was tested; and tests
    /// that it answered sooner than a copy is answered, less those that it did not.
    claims: u16,
    doubled: u8,
    hasty: u8,
    /// Episodes in doubt before the last one, the oldest first.
    doubts: Vec<Episode>,
}

impl Recovery {
    pub(crate) fn new(iss: SeqNum) -> Self {
        Self {
            ledger: Ledger::new(iss),
            sampler: Sampler::default(),
            rack: Rack::default(),
            probe: Probe::default(),
            reno: Reno::default(),
            phase: Phase::Open,
            sack: false,
            recover: 0,
            episode: None,
            marked: None,
            reorder_at: Instant::FAR,
            figures: Figures::default(),
            rate_app_limited: false,
            disorder: None,
            withheld: None,
            proven: 0,
        }
    }

    /// What the handshake settled: whether SACK blocks will come, and whether it measured a round trip.
    pub(crate) fn negotiated(&mut self, sack: bool, measured: bool) {
        self.sack = sack;
        if measured {
            self.probe.on_sample();
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn repair(&self) -> Repair {
        match self.phase {
            Phase::Open => Repair::None,
            Phase::Fast => Repair::Recovery,
            Phase::Timeout => Repair::Timeout,
        }
    }

    /// Octets believed to be in the network (9937-2).
    pub(crate) fn in_flight(&self) -> u32 {
        self.flying().saturating_sub(self.reno.credit)
    }

    /// Octets that are neither SACKed nor believed lost.
    fn flying(&self) -> u32 {
        self.ledger.outstanding() - self.ledger.lost() - self.ledger.sacked()
    }

    /// FlightSize as RFC 5681 §3.1 means it: sent and unacknowledged, without limited transmit.
    pub(crate) fn flight_size(&self) -> u32 {
        self.ledger.outstanding().saturating_sub(self.reno.limited)
    }

    /// Octets believed lost and not sent again since.
    pub(crate) fn lost(&self) -> u32 {
        self.ledger.lost()
    }

    /// Octets SACKed.
    pub(crate) fn sacked(&self) -> u32 {
        self.ledger.sacked()
    }

    /// Octets that were sent again and fly.
    pub(crate) fn again(&self) -> u32 {
        self.ledger.again()
    }

    /// Duplicate ACKs since SND.UNA moved, of a peer without SACK.
    pub(crate) fn duplicates(&self) -> u32 {
        self.reno.duplicates
    }

    /// Octets that duplicate ACKs without SACK have told to have arrived, before any loss was believed in.
    pub(crate) fn told(&self, segment_size: u32) -> u32 {
        if self.phase == Phase::Open { self.reno.duplicates.saturating_mul(segment_size) } else { 0 }
    }

    /// How often segments were seen to come late, and the most octets by which one did.
    pub(crate) fn reordered(&self) -> (u16, u32) {
        self.rack.reordered()
    }

    /// When the oldest of what is out was first sent.
    pub(crate) fn oldest_sent(&self) -> Option<Instant> {
        self.ledger.oldest_sent()
    }

    /// How often the first number that is out was sent.
    pub(crate) fn first_transmissions(&self) -> u8 {
        self.ledger.first_transmissions()
    }

    /// All that was ever delivered.
    pub(crate) fn delivered(&self) -> u64 {
        self.sampler.delivered()
    }

    /// All that was ever believed lost.
    pub(crate) fn lost_ever(&self) -> u64 {
        self.sampler.lost()
    }

    pub(crate) fn is_app_limited(&self) -> bool {
        self.sampler.is_app_limited()
    }

    /// There was nothing to send while `cwnd` had room.
    pub(crate) fn on_app_limited(&mut self, cwnd: u32) {
        if self.in_flight() < cwnd && self.ledger.lost() == 0 {
            self.sampler.on_app_limited(self.in_flight());
        }
    }

    /// Whether the last rate was limited for want of data.
    pub(crate) fn rate_app_limited(&self) -> bool {
        self.rate_app_limited
    }

    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }

    pub(crate) fn reordering_seen(&self) -> bool {
        self.rack.reordering_seen()
    }

    /// The reordering window (RFC 8985 §6.2, step 4).
    pub(crate) fn reordering_window(&self, rtt: &RoundTrip) -> Duration {
        self.rack.window(rtt, false)
    }

    /// The window that holds: the controller's, but for fast recovery where the proportional one does, and so for marks.
    pub(crate) fn window(&self, cwnd: u32) -> u32 {
        self.prr().map_or(cwnd, |prr| prr.window())
    }

    fn prr(&self) -> Option<&Prr> {
        match self.phase {
            Phase::Open => self.marked.as_ref().map(|marked| &marked.prr),
            Phase::Fast => self.episode.as_ref()?.prr.as_ref(),
            Phase::Timeout => None,
        }
    }

    /// Whether a reduction for marks is under way: nothing grows meanwhile.
    pub(crate) fn shrinks_for_marks(&self) -> bool {
        self.marked.is_some()
    }

    /// Whether a segment beyond cwnd may be sent to provoke an ACK: without SACK, one on each of the first two duplicate
    /// ACKs (3042-1, 5681-19); with it, what is SACKed has left cwnd as it is. The window is left alone (5681-20).
    pub(crate) fn limited_transmit(&self, segment_size: u32) -> u32 {
        match (self.phase, self.reno.duplicates) {
            (Phase::Open, n @ 1..=2) if !self.sack => (n * segment_size).saturating_sub(self.reno.limited),
            _ => 0,
        }
    }

    pub(crate) fn sent_limited(&mut self, octets: u32) {
        self.reno.limited = self.reno.limited.saturating_add(octets);
    }

    /// What to send again next, the lowest numbers first (2018-7), unless new data is to tell first whether a timeout was a mistake (RFC 5682 §2.1).
    pub(crate) fn next_lost(&self, most: u32) -> Option<(SeqNum, SeqNum)> {
        let probing = self.phase == Phase::Timeout
            && self.episode.as_ref().is_some_and(|episode| episode.frto == Frto::Probes);
        if probing { None } else { self.ledger.next_lost(most) }
    }

    /// `start..end` leaves for the first time.
    pub(crate) fn on_sent(&mut self, now: Instant, start: SeqNum, end: SeqNum) {
        let octets = end.wrapping_since(start);
        let snapshot = self.sampler.on_sent(now, self.in_flight(), octets);
        self.ledger.push(now, start, end, snapshot);
        self.count_out(octets);
    }

    /// `start..end` leaves again, as one train, with the time that it does (8985-2); whether it begins with the first number that is out.
    pub(crate) fn on_resent(&mut self, now: Instant, start: SeqNum, end: SeqNum) -> bool {
        let octets = end.wrapping_since(start);
        let snapshot = self.sampler.on_sent(now, self.in_flight(), octets);
        let stamp = self.disorder.as_ref().map_or(now, |disorder| disorder.stamps.last(now));
        let (from, to) = self.ledger.resent(now, stamp, start, end, snapshot);
        // What was withheld leaves for the first time: nobody will call that needless.
        let (first, last) = self.on_withheld_sent(from, to).unwrap_or((to, to));
        if let Some(episode) = self.episode.as_mut().filter(|_| self.phase != Phase::Open) {
            for (start, end) in [(from, first), (last, to)] {
                if start < end {
                    episode.on_resent(start, end);
                }
            }
            episode.copied = self.ledger.nxt();
        }
        self.reno.on_resent(to);
        self.on_victim_resent();
        self.figures.resent += u64::from(octets) - (last - first);
        self.count_out(octets);
        from == self.ledger.una()
    }

    /// The time that what leaves at `now` carries.
    pub(crate) fn stamp(&mut self, now: Instant) -> Instant {
        let late = self.rack.late();
        if late.is_zero() && self.disorder.is_none() {
            return now;
        }
        let (repairing, nxt) = (self.phase != Phase::Open || self.is_asking(), self.ledger.nxt());
        self.disorder.get_or_insert_default().stamps.show(now, nxt, late, repairing)
    }

    /// Whether an echo of such a time tells when something left.
    pub(crate) fn stamps_tell_time(&self) -> bool {
        self.disorder.as_ref().is_none_or(|disorder| disorder.stamps.tell_time())
    }

    fn count_out(&mut self, octets: u32) {
        if let Some(prr) = self.episode.as_mut().and_then(|episode| episode.prr.as_mut()) {
            prr.on_sent(octets);
        }
        if let Some(marked) = &mut self.marked {
            marked.prr.on_sent(octets);
        }
    }

    /// Fast recovery begins: `flight` octets may still be delivered. The controller has cut its window, and is not told of
    /// retransmissions that are lost: the proportion takes them in (8985-19).
    pub(crate) fn begin_reduction(&mut self, flight: u32) {
        let in_flight = self.in_flight();
        if let Some(episode) = self.episode.as_mut().filter(|_| self.sack) {
            episode.prr = Some(Prr::new(flight, in_flight));
        }
    }

    /// An ACK that delivered `delivered` octets told of marks, and the controller aims at `target`: what is out shrinks to that
    /// in proportion to what ACKs deliver, as after a loss (RFC 9937), until all of it is acknowledged. With nothing out
    /// there is nothing to shrink.
    pub(crate) fn begin_marked_reduction(&mut self, delivered: u32, target: u32, segment_size: u32) {
        let (flight, in_flight) = (self.flight_size(), self.in_flight());
        if flight == 0 || self.phase != Phase::Open {
            return;
        }
        let mut prr = Prr::new(flight.saturating_add(delivered), in_flight);
        prr.on_ack(delivered, in_flight, false, target, segment_size);
        self.marked = Some(Box::new(Marked { prr, end: self.ledger.nxt() }));
    }

    /// An ACK in fast recovery was taken in: what may leave now (RFC 9937 §6.2), where `target` is the controller's aim. One that
    /// tells of marks is no sign of good progress where marks are what is answered.
    pub(crate) fn reduce(&mut self, verdict: &Verdict, marked: bool, target: u32, segment_size: u32) {
        let in_flight = self.in_flight();
        let safe = verdict.acked > 0 && verdict.lost == 0;
        let una = self.ledger.una();
        self.marked = self.marked.take().filter(|reduction| una < reduction.end);
        if let Some(reduction) = &mut self.marked {
            reduction.prr.on_ack(verdict.delivered, in_flight, safe && !marked, target, segment_size);
        }
        if let Some(prr) = self.episode.as_mut().and_then(|episode| episode.prr.as_mut()) {
            prr.on_ack(verdict.delivered, in_flight, safe, target, segment_size);
        }
    }

    /// The retransmission timer expired: the first segment counts as lost, and with it what has been out for a round trip
    /// and the reordering window (RFC 8985 §6.3; 8985-9). What was SACKed is not sent again unless the peer thought
    /// better of it (6675-1; 2018-8, 2018-9). Without SACK all that is out counts as lost.
    pub(crate) fn on_timeout(&mut self, now: Instant, rtt: &RoundTrip, segment_size: u32) -> Vec<LossSample> {
        let una = self.ledger.una();
        let again = self.phase == Phase::Timeout && self.episode.as_ref().is_some_and(|e| e.is_of(una));
        // F-RTO is for a first timeout, or another of the same segment (RFC 5682 §2.1 step 1, §3.1).
        let may_be_mistake =
            !self.is_liar() && (self.phase == Phase::Open || (again && self.frto() != Frto::Off));
        self.stop_asking();
        if self.ledger.reneged() {
            self.ledger.renege();
        }
        let head = una + u64::from(segment_size).min(u64::from(self.ledger.outstanding()));
        let mut losses = Vec::new();
        let (ledger, sampler) = (&mut self.ledger, &mut self.sampler);
        let mut tell = |octets: u32, snapshot: &rate::Snapshot| {
            losses.push(sampler.on_lost(now, octets, snapshot));
        };
        if self.sack {
            let patience =
                self.rack.round_trip().max(rtt.smoothed().unwrap_or_default()) + self.rack.window(rtt, true);
            ledger.mark_lost(una, head, &mut tell);
            ledger.mark_old(&Judge { now, newest: self.rack.newest(), patience }, &mut tell);
        } else {
            let nxt = ledger.nxt();
            ledger.mark_lost(una, nxt, &mut tell);
        }
        self.enter(Phase::Timeout);
        self.probe.reset();
        self.reno = Reno::default();
        if !again {
            self.forget_doubts();
            self.episode = Some(Box::new(Episode::new(una, self.ledger.nxt())));
        }
        if let Some(episode) = &mut self.episode {
            episode.end = self.ledger.nxt();
            episode.timed_out = true;
            episode.frto = if may_be_mistake { Frto::Waits(head) } else { Frto::Off };
        }
        losses
    }

    fn frto(&self) -> Frto {
        self.episode.as_ref().map_or(Frto::Off, |episode| episode.frto)
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.marked = None;
        self.recover = self.ledger.nxt();
        self.reorder_at = Instant::FAR;
    }

    /// Everything that is out and not SACKed is to be sent again, although nothing says that the path is congested: the
    /// path's MTU fell, or a window that was pulled back has opened.
    pub(crate) fn resend_all(&mut self) {
        self.reno.credit = 0;
        if let Some(episode) = &mut self.episode {
            episode.frto = Frto::Off; // What was out is answered for: a timeout was no mistake.
        }
        if self.ledger.reneged() {
            self.ledger.renege();
        }
        let (una, nxt) = (self.ledger.una(), self.ledger.nxt());
        self.ledger.mark_lost(una, nxt, &mut |_, _| {});
    }

    /// The reduction is taken back for a reason that recovery knows nothing of: there is nothing left to undo.
    pub(crate) fn forget_episode(&mut self) {
        self.episode = None;
        self.forget_doubts();
    }

    /// The reordering timer expired: what its time has passed for is lost (RFC 8985 §6.2, step 5; 8985-8).
    pub(crate) fn on_reordering_timeout(
        &mut self,
        now: Instant,
        rtt: &RoundTrip,
        probe: Option<(SeqNum, SeqNum)>,
    ) -> Verdict {
        let flight = self.flying() + self.ledger.lost();
        let mut verdict = Verdict { flight, ..Verdict::default() };
        if self.release_withheld_if_due(now, rtt) {
            verdict.resend = Some(Why::Withheld);
        }
        self.detect(now, rtt, &mut verdict);
        self.excuse_probe(probe, &mut verdict);
        self.excuse_victims(&mut verdict);
        self.begin_if_lost(&mut verdict);
        verdict
    }

    /// When the reordering timer is to expire, if it runs.
    pub(crate) fn reorder_at(&self) -> Option<Instant> {
        (self.reorder_at != Instant::FAR).then_some(self.reorder_at)
    }

    /// The interval of silence after which a probe asks for an ACK, if one may (RFC 8985 §7.2; 8985-10): not while loss is
    /// being repaired, nor when SACK blocks tell more than it could.
    pub(crate) fn probe_interval(&self, rtt: &RoundTrip, segment_size: u32) -> Option<Duration> {
        let may = self.sack
            && self.phase == Phase::Open
            && self.ledger.outstanding() > 0
            && self.ledger.sacked() == 0
            && self.ledger.lost() == 0
            && self.probe.may_go();
        may.then(|| probe::interval(rtt, self.ledger.outstanding() <= segment_size))
    }

    /// Octets of the last segment that was sent, where segments have up to `size`: what a probe repeats (8985-13).
    pub(crate) fn last_segment(&self, size: u32) -> u32 {
        (self.ledger.nxt() - self.ledger.last_segment(size)) as u32
    }

    /// A probe left, `again` when it was sent before.
    pub(crate) fn on_probe(&mut self, again: bool) {
        self.probe.on_sent(self.ledger.nxt(), again, self.in_flight());
    }

    /// Octets in flight as the probe had left that is out; 0 when none is.
    pub(crate) fn flight_of_probe(&self) -> u32 {
        self.probe.flight()
    }
}
