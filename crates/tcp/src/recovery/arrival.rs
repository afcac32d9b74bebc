//! An ACK arrives: what it delivers, what it says is lost, and whether that was a mistake.
//!
//! ```text
//!   ACK ─► ledger: delivered ─► round trip ─► RACK ─► mistake: D-SACK, Eifel, F-RTO ─► undone?
//!                                                          ╰─► lost ─► recovery begins, or goes on, or is over ─► Verdict
//! ```

use super::episode::{Episode, Frto};
use super::ledger::{Judge, Run};
use super::probe::Answer;
use super::rack::{Rack, Told};
use super::rate::{Sampler, Snapshot};
use super::sack::Blocks;
use super::{Phase, Place, Recovery};
use crate::congestion::{LossSample, RateSample};
use crate::rtt::RoundTrip;
use crate::{Undo, Why, timestamp};
use alloc::boxed::Box;
use alloc::vec::Vec;
use env::{Duration, Instant};
use wire::SeqNum;
use wire::tcp::SackBlock;

/// What the clock of timestamps counts.
const TICK: Duration = Duration::from_millis(1);

/// An acceptable ACK, as recovery sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    /// When it was read from its device.
    pub(crate) at: Instant,
    pub(crate) ack: SeqNum,
    /// SACK blocks, if SACK was agreed on.
    pub(crate) blocks: &'a [SackBlock],
    /// What its timestamp echoes, and by how much our timestamp clock is shifted; if timestamps were agreed on.
    pub(crate) echo: Option<(u32, u32)>,
    /// It is a duplicate (RFC 5681 §2).
    pub(crate) duplicate: bool,
    /// Our SYN is not acknowledged yet.
    pub(crate) opening: bool,
    pub(crate) segment_size: u32,
    /// A whole segment waits to be sent for the first time, and the peer has room for it.
    pub(crate) new_data: bool,
    /// The peer's word is held against what can be.
    pub(crate) doubted: bool,
    /// The probe of the path's MTU that is out.
    pub(crate) probe: Option<(SeqNum, SeqNum)>,
}

/// What an ACK, or a timer, comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    /// Octets newly acknowledged; the SYN is none (5681-5).
    pub(crate) acked: u32,
    /// Whether SND.UNA moved on.
    pub(crate) advanced: bool,
    /// Octets newly delivered: acknowledged or SACKed, each once.
    pub(crate) delivered: u32,
    /// Octets newly believed lost, and each piece of it.
    pub(crate) lost: u32,
    pub(crate) losses: Vec<LossSample>,
    /// The round trip that it measured.
    pub(crate) round_trip: Option<Duration>,
    pub(crate) rate: Option<RateSample>,
    /// Fast recovery begins.
    pub(crate) began: bool,
    /// Octets out and not known to be delivered before it: what a new episode may still deliver (RecoverFS, 9937-1).
    pub(crate) flight: u32,
    /// Fast recovery is over.
    pub(crate) ended: bool,
    /// The last reduction was a mistake.
    pub(crate) undone: Option<Undo>,
    /// And with it a timeout.
    pub(crate) timeout_undone: bool,
    /// So many reductions before it were, too.
    pub(crate) undone_before: u8,
    /// A tail loss probe repaired a loss that nothing else tells of (8985-15).
    pub(crate) repaired: bool,
    /// A partial ACK of NewReno's that is not the first: the retransmission timer runs on (RFC 6582 §4).
    pub(crate) patient: bool,
    /// What is to leave at once, and why.
    pub(crate) resend: Option<Why>,
    /// A full segment was delivered as it was first sent.
    pub(crate) full: bool,
    /// The probe of the path's MTU is lost and nothing else is: no congestion (8899-7).
    pub(crate) probe_lost: bool,
}

/// What the runs of one ACK come to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) delivered: u32,
    /// When the newest thing that was sent once was sent (6298-8).
    pub(super) sole: Option<Instant>,
    /// Whether anything acknowledged was sent more than once.
    pub(super) resent: bool,
    /// Something that was sent once, and believed lost, was newly acknowledged, or SACKed.
    pub(super) original_acked: bool,
    pub(super) original_sacked: bool,
    /// The first run, when it was sent again and the echo answers its original (RFC 3522).
    pub(super) answered: Option<Run>,
    /// Something that was sent again came no sooner than the copy may have.
    pub(super) late: bool,
    /// Something was filled by what was sent again, as far as can be told.
    pub(super) repaired: bool,
    /// Runs that came after what was sent later.
    pub(super) overtaken: u16,
    /// What was withheld arrived, so long after it left; and whether the echo would say what else it is of.
    pub(super) asked_took: Option<Duration>,
    pub(super) asked_first: bool,
    /// When the oldest of what is acknowledged, and was sent more than once, was first sent.
    pub(super) oldest: Option<Instant>,
    /// The most that was delivered of what left together, as it was first sent.
    pub(super) together: u32,
}

/// One ACK's way into the books.
struct Entry<'a> {
    arrival: &'a Arrival<'a>,
    rtt: &'a RoundTrip,
    /// No copy is answered sooner.
    soonest: Duration,
    /// What was withheld, and has left since.
    asked: Option<(Place, Place)>,
    sampler: &'a mut Sampler,
    rack: &'a mut Rack,
    tally: Tally,
}

impl Entry<'_> {
    fn take(&mut self, run: &Run, end: SeqNum, told: &Told, acked: bool) {
        let tally = &mut self.tally;
        tally.delivered += run.len();
        if run.times > 1 {
            tally.resent |= acked;
            let took = told.arrived.since(run.at);
            tally.late |= took >= self.soonest;
            tally.repaired |= took >= self.soonest && !told.older;
            if self.asked.is_some_and(|(from, to)| run.start < to && run.end > from) {
                tally.asked_took = Some(took);
                tally.asked_first = acked && told.fresh;
            }
            if acked {
                let first = run.first_at;
                tally.oldest = Some(tally.oldest.map_or(first, |oldest| oldest.min(first)));
            }
        } else {
            tally.sole = tally.sole.max(Some(run.at));
            tally.together = tally.together.max(run.together);
            tally.original_acked |= acked && run.lost;
            tally.original_sacked |= !acked && run.lost;
        }
        // What was sent again needlessly is a sample of its first flight (draft-ietf-ccwg-bbr §4.1.2): the flight of the copy
        // has hardly begun, and would end a round trip too early.
        let (at, snapshot) =
            if told.is_of_older(run, self.rtt) { run.original } else { (run.at, run.snapshot) };
        self.sampler.on_delivered(told.arrived, run.len(), &snapshot, at, end);
        let overtaken = self.rack.on_delivered(run, told, self.rtt);
        self.tally.overtaken = self.tally.overtaken.saturating_add(u16::from(overtaken));
    }

    /// What the cumulative ACK takes away.
    fn acked(&mut self, run: &Run, end: SeqNum, una: Place) {
        let arrived = self.arrival.at;
        // The echo is of what filled the first hole, and says nothing of others.
        let older = run.times > 1 && self.arrival.answers_before(run.stamp);
        let fresh = run.start == una;
        if fresh && older {
            self.tally.answered = Some(*run);
        }
        self.take(run, end, &Told { arrived, fresh, older }, true);
    }

    fn sacked(&mut self, run: &Run, end: SeqNum, first: Option<(Place, Place)>) {
        let fresh = first.is_some_and(|(from, to)| from <= run.start && run.end <= to);
        self.take(run, end, &Told { arrived: self.arrival.at, fresh, older: false }, false);
    }
}

impl Arrival<'_> {
    /// A bare ACK.
    pub(crate) fn of(at: Instant, ack: SeqNum, segment_size: u32) -> Self {
        let (blocks, echo): (&[SackBlock], _) = (&[], None);
        let (duplicate, opening, new_data, doubted, probe) = (false, false, false, true, None);
        Self { at, ack, blocks, echo, duplicate, opening, segment_size, new_data, doubted, probe }
    }

    /// Whether the echo answers something that carries a time before `at`. Within a tick of our clock nobody can tell.
    fn answers_before(&self, at: Instant) -> bool {
        self.echo.is_some_and(|(echo, offset)| timestamp::is_older(echo, timestamp(at, offset)))
    }
}

impl Recovery {
    /// Takes an acceptable ACK in.
    pub(crate) fn on_ack(&mut self, arrival: &Arrival<'_>, rtt: &mut RoundTrip) -> Verdict {
        let before = self.ledger.una();
        let mut verdict = Verdict { flight: self.flying() + self.ledger.lost(), ..Verdict::default() };
        let (tally, blocks) = self.deliver(arrival, rtt);
        if let Some(episode) = self.episode.as_mut().filter(|_| tally.late) {
            episode.doubtful = true;
        }
        self.weigh(&tally, rtt);
        verdict.advanced = self.ledger.una() > before;
        let opening = u64::from(arrival.opening && verdict.advanced);
        verdict.acked = (self.ledger.una() - before - opening) as u32;
        verdict.delivered = tally.delivered - opening as u32;
        verdict.full = tally.together >= arrival.segment_size;
        verdict.round_trip = self.measure(arrival, &tally, &verdict, rtt);
        verdict.rate = self.sampler.sample(rtt.minimum()).filter(|_| !arrival.opening);
        if let Some(sample) = verdict.rate.filter(|sample| sample.rate > 0) {
            self.figures.rate = sample.rate;
            self.rate_app_limited = sample.app_limited;
        }
        if self.sack {
            self.on_sack_ack(arrival, rtt, &tally, &blocks, &mut verdict);
        } else {
            self.on_plain_ack(arrival, rtt, &tally, &mut verdict);
        }
        self.settle_withheld(arrival.echo.is_some());
        verdict
    }

    /// Enters what `arrival` delivers.
    fn deliver(&mut self, arrival: &Arrival<'_>, rtt: &RoundTrip) -> (Tally, Blocks) {
        let una = self.ledger.una();
        let (base, seq) = (una, self.ledger.seq(una));
        let end = |run: &Run| seq + (run.end.wrapping_sub(base) as u32);
        let (sampler, rack) = (&mut self.sampler, &mut self.rack);
        let soonest = rtt.soonest();
        let asked = self.withheld.as_ref().and_then(|known| known.sent());
        let mut entry = Entry { arrival, rtt, soonest, asked, sampler, rack, tally: Tally::default() };
        if arrival.ack.after(seq) {
            self.ledger.retire(arrival.ack, &mut |run| entry.acked(run, end(run), una));
        }
        let mut blocks = Blocks::default();
        if self.sack && !arrival.blocks.is_empty() {
            blocks = Blocks::read(&self.ledger, arrival.ack, arrival.blocks);
            self.ledger.set_grain(arrival.segment_size);
            for &(from, to) in blocks.islands() {
                self.ledger.sack(from, to, &mut |run| entry.sacked(run, end(run), blocks.first));
            }
        }
        (entry.tally, blocks)
    }

    /// A round trip, if the ACK measures one without doubt (MUST-18; 6298-8, 6298-9; RFC 7323 §4.1).
    fn measure(
        &mut self,
        arrival: &Arrival<'_>,
        tally: &Tally,
        verdict: &Verdict,
        rtt: &mut RoundTrip,
    ) -> Option<Duration> {
        let sample = match tally.sole {
            Some(sent_at) if !tally.resent => arrival.at.since(sent_at),
            // Sent more than once: only the echo tells which one was answered (7323-18).
            _ if verdict.advanced && self.stamps_tell_time() => {
                let (echo, offset) = arrival.echo?;
                let age = timestamp(arrival.at, offset).wrapping_sub(echo);
                // An echo from the future, or of a long time ago, measures nothing; nor does one of before it was sent at all.
                let most = tally.oldest.map_or(Duration::MAX, |oldest| arrival.at.since(oldest) + TICK);
                (age < 120_000).then(|| Duration::from_millis(u64::from(age.max(1))).min(most))?
            }
            _ => return None,
        };
        let segments = self.flight_size().div_ceil(arrival.segment_size);
        rtt.sample(arrival.at, sample, segments);
        self.probe.on_sample();
        Some(sample)
    }

    /// RACK-TLP (RFC 8985 §6.2, §7.4), and what tells that it was mistaken.
    fn on_sack_ack(
        &mut self,
        arrival: &Arrival<'_>,
        rtt: &RoundTrip,
        tally: &Tally,
        blocks: &Blocks,
        verdict: &mut Verdict,
    ) {
        if let Some((from, to)) = blocks.duplicate {
            self.on_dsack(from, to);
        }
        let answer = Answer {
            ack: self.ledger.una(),
            duplicate: blocks.duplicate.map(|(_, to)| to),
            plain: arrival.duplicate && arrival.blocks.is_empty(),
        };
        verdict.repaired = self.probe.on_ack(&answer);
        if let Some(run) = &tally.answered {
            self.on_original_answered(arrival, run);
        }
        self.undo(arrival, rtt, tally, verdict);
        self.finish_if_passed(verdict);
        if self.release_withheld_if_due(arrival.at, rtt) {
            verdict.resend = Some(Why::Withheld);
        }
        self.detect(arrival.at, rtt, verdict);
        self.excuse_probe(arrival.probe, verdict);
        self.excuse_victims(verdict);
        self.begin_if_lost(verdict);
        if verdict.began {
            verdict.repaired = false; // it is answered as any other loss
        }
    }

    /// Everything that was out as recovery began is acknowledged.
    pub(super) fn finish_if_passed(&mut self, verdict: &mut Verdict) {
        if self.phase == Phase::Open || self.ledger.una() < self.recover {
            return;
        }
        verdict.ended = self.phase == Phase::Fast;
        self.earn_belief();
        self.phase = Phase::Open;
        self.rack.on_recovered();
        let nxt = self.ledger.nxt();
        if let Some(episode) = &mut self.episode {
            episode.end = nxt;
            episode.prr = None;
            episode.frto = Frto::Off;
        }
    }

    /// What RACK knows.
    pub(super) fn judge(&self, now: Instant, rtt: &RoundTrip) -> Judge {
        let settled = self.phase != Phase::Open || self.ledger.sacked_segments() >= 3;
        let patience = self.rack.round_trip() + self.rack.window(rtt, settled);
        Judge { now, newest: self.rack.newest(), patience }
    }

    /// RFC 8985 §6.2, step 5 (8985-7).
    pub(super) fn detect(&mut self, now: Instant, rtt: &RoundTrip, verdict: &mut Verdict) {
        let judge = self.judge(now, rtt);
        let (ledger, sampler) = (&mut self.ledger, &mut self.sampler);
        let losses = &mut verdict.losses;
        let mut lost = 0;
        let until = ledger.detect(&judge, &mut |octets: u32, snapshot: &Snapshot| {
            lost += octets;
            losses.push(sampler.on_lost(now, octets, snapshot));
        });
        verdict.lost += lost;
        self.reorder_at = until.unwrap_or(Instant::FAR);
    }

    /// A probe of the path's MTU that alone is lost was too large for the path, and says nothing of congestion (RFC 4821
    /// §7.6.2; 8899-7): it is sent again like anything lost, and no recovery begins.
    pub(super) fn excuse_probe(&mut self, probe: Option<(SeqNum, SeqNum)>, verdict: &mut Verdict) {
        let Some((start, end)) = probe.filter(|_| self.phase == Phase::Open && verdict.lost > 0) else {
            return;
        };
        if self.places(start, end).is_some_and(|(start, end)| self.ledger.only_lost(start, end)) {
            self.sampler.excuse(verdict.lost);
            verdict.lost = 0;
            verdict.losses.clear();
            verdict.probe_lost = true;
        }
    }

    fn places(&self, start: SeqNum, end: SeqNum) -> Option<(Place, Place)> {
        self.ledger.place(start).zip(self.ledger.place(end))
    }

    /// Whether all of `start..end` is SACKed.
    pub(crate) fn is_sacked(&self, start: SeqNum, end: SeqNum) -> bool {
        self.places(start, end).is_some_and(|(start, end)| self.ledger.is_sacked(start, end))
    }

    /// Whether something of `start..end` is believed lost, or was sent again.
    pub(crate) fn is_marked(&self, start: SeqNum, end: SeqNum) -> bool {
        self.places(start, end).is_some_and(|(start, end)| self.ledger.is_marked(start, end))
    }

    /// Loss that is first seen begins fast recovery, unless a timeout's recovery goes on.
    pub(super) fn begin_if_lost(&mut self, verdict: &mut Verdict) {
        if self.phase != Phase::Open || self.ledger.lost() == 0 || verdict.lost == 0 {
            return;
        }
        let reorder_at = self.reorder_at;
        self.enter(Phase::Fast);
        self.reorder_at = reorder_at;
        self.probe.reset();
        self.doubt_episode();
        self.episode = Some(Box::new(Episode::new(self.ledger.una(), self.ledger.nxt())));
        verdict.began = true;
        verdict.resend = Some(self.rack_why());
    }

    /// Why something that RACK believes lost is sent again.
    pub(crate) fn rack_why(&self) -> Why {
        let later = self.ledger.sacked_segments();
        Why::Rack { later: u16::try_from(later).unwrap_or(u16::MAX) }
    }
}
