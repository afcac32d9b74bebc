//! A peer that acknowledges what it does not have is found out (RFC 9768 §5.3, RFC 3168 §20.2: a gap that is left on purpose).
//!
//! ```text
//!   entered as sent     a   b   c   d   e          c never leaves
//!   an honest peer      ACK c, SACK d, e           it tells of the hole: c leaves, and nothing is held against the path
//!   one that guesses    ACK f                      it acknowledges what was never sent: that is no ACK of ours
//! ```
//!
//! ACKs that come before the data, or hide that it never came, let a sender believe in a short path without loss: it would
//! grow for ever. Who does so is told from an honest peer by one question: is it told of a hole that nobody but us knows
//! of? It costs an honest peer a round trip of waiting, and so it is asked when there is reason only: when the path seems to
//! have become much shorter than its handshake was, and when so much came without a hole that four times as much shall come
//! before the next question.
//!
//! The same gap tests another word. What left once cannot have come twice, nor can its copy have been needless: a peer that
//! says so (D-SACK, or an echo of what was before) wants reductions undone that it had deserved, and cannot know which gap is
//! one of ours. So that is asked, too, when a peer has called a few losses mistakes.
//!
//! And a third: who tells of a hole, and a little later that it has filled, says that a segment was late. Of what was lost that
//! is a lie, and would hide every loss. So holes that fill without a copy of ours are a reason to ask, and what is withheld then
//! leaves no sooner than what is lost would, so that nobody can tell one hole from the other: whoever fills it before
//! acknowledges what was never sent, and whoever fills it as it leaves, sooner than it can have come.
//!
//! A liar's ACKs are of what was never sent, and fall under that rule (RFC 9293 §3.10.7.4); so the retransmission timer speaks.
//! From then on nobody can tell what its path bears: no more is in flight to it than to somebody unknown, and its word that a
//! reduction was a mistake counts no more.

use super::arrival::Tally;
use super::ledger::Fate;
use super::{Phase, Place, Recovery};
use crate::rtt::RoundTrip;
use alloc::boxed::Box;
use env::{Duration, Instant};
use wire::SeqNum;

/// So much is delivered without a hole before the first question, as an exponent of two: 16 MiB.
const FIRST: u8 = 24;
/// The longest distance of two questions, likewise: a TiB.
const LAST: u8 = 40;
/// Answers that can't be, after which a peer is found out: a path may become much shorter once.
const MOST_IMPOSSIBLE: u8 = 2;
/// Round trips for which a question waits for room.
const PATIENCE: u32 = 8;
/// A path seems shorter than it was shown to be if a round trip is three quarters of that, and less by this.
const SHORTER: Duration = Duration::from_millis(2);

/// What only those peers need that there was reason to ask.
#[derive(Clone, Debug)]
pub(super) struct Withheld {
    /// What was entered as sent and has not left; empty when there is nothing.
    start: Place,
    /// Until it is acknowledged, duplicate ACKs without SACK tell of it and of no loss.
    end: Place,
    /// When it was entered.
    at: Instant,
    /// Whether it still has not left.
    out: bool,
    /// The peer told of the hole.
    told: bool,
    /// How often it has left, and whether that is all settled.
    left: u8,
    settled: bool,
    /// It was acknowledged sooner than a copy is; and as the first of what an ACK was for, so that the echo is its own.
    hasty: bool,
    first: bool,
    /// How often it was found out, as far as 8 bits count.
    caught: u8,
    /// How often it was acknowledged sooner than it can have come.
    impossible: u8,
    /// Since when the next question waits for room.
    wanted: Option<Instant>,
    /// The distance of two questions.
    distance: u8,
    /// How often it was asked.
    asked: u32,
    /// All that had been delivered when it last told of a hole.
    heard: u64,
}

/// Where that is kept: most connections never ask.
pub(super) type Known = Option<Box<Withheld>>;

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1)
}

impl Withheld {
    /// Nothing was asked; `heard` was delivered as the peer last told of a hole.
    fn unasked(heard: u64) -> Box<Self> {
        let (out, told, left, settled) = (false, false, 0, true);
        Box::new(Self {
            start: 0,
            end: 0,
            at: Instant::ZERO,
            out,
            told,
            left,
            settled,
            hasty: false,
            first: false,
            caught: 0,
            impossible: 0,
            wanted: None,
            distance: FIRST,
            asked: 0,
            heard,
        })
    }

    /// The range, while the peer can't have it.
    fn range(&self) -> Option<(Place, Place)> {
        self.out.then_some((self.start, self.end))
    }

    /// The range, while it has left once and no answer has come.
    pub(super) fn sent(&self) -> Option<(Place, Place)> {
        (self.told && self.left == 1 && !self.settled).then_some((self.start, self.end))
    }
}

impl Recovery {
    /// Whether the peer is to be asked now, as far as it is recovery's business: nothing is missing.
    pub(crate) fn doubts(&mut self, now: Instant, rtt: &RoundTrip) -> bool {
        let Some(least) = rtt.minimum() else { return false };
        if self.proven == 0 {
            self.proven = micros(least);
        }
        let proven = Duration::from_micros(u64::from(self.proven));
        let shorter = least + SHORTER < proven && least < proven * 3 / 4;
        let delivered = self.delivered();
        let asked = self.withheld.as_ref().map_or(Instant::ZERO, |known| known.at);
        let word = self.word_is_to_be_tested(now.since(asked), rtt);
        if self.withheld.is_none() && (shorter || word || delivered >> FIRST > 0) {
            // What was ever believed lost, or came late, it has told of.
            let told = self.sampler.lost() > 0 || self.rack.reordering_seen();
            self.withheld = Some(Withheld::unasked(if told { delivered } else { 0 }));
        }
        // Where segments are late there are always holes, and to test a word it needs none that are known.
        let calm =
            self.phase == Phase::Open && self.ledger.lost() == 0 && (word || self.ledger.sacked() == 0);
        let Some(known) = self.withheld.as_ref().filter(|known| calm && !known.out) else { return false };
        let long = delivered.saturating_sub(known.heard) >> known.distance > 0;
        known.caught == 0 && self.ledger.una() >= known.end && (shorter || long || word)
    }

    /// Whether what there is reason to ask waits for the peer to offer more: for a few round trips, for it could offer little in
    /// order not to be asked.
    pub(crate) fn waits_to_ask(&mut self, now: Instant, rtt: &RoundTrip) -> bool {
        let Some((known, smoothed)) = self.withheld.as_mut().zip(rtt.smoothed()) else { return false };
        now.since(*known.wanted.get_or_insert(now)) < smoothed * PATIENCE
    }

    /// The peer claimed to have what it can't have.
    pub(crate) fn is_liar(&self) -> bool {
        self.withheld.as_ref().is_some_and(|known| known.caught > 0)
    }

    /// `start..end` is entered as sent and stays here.
    pub(crate) fn withhold(&mut self, now: Instant, start: SeqNum, end: SeqNum) {
        let from = self.ledger.nxt();
        self.on_sent(now, start, end);
        let known = self.withheld.get_or_insert_with(|| Withheld::unasked(0));
        (known.start, known.end, known.out, known.told) = (from, self.ledger.nxt(), true, false);
        (known.left, known.settled, known.at) = (0, false, now);
        (known.hasty, known.first, known.wanted) = (false, false, None);
        known.asked = known.asked.saturating_add(1);
    }

    /// Whether `ack` or one of `blocks` is of what was withheld, and so a lie.
    pub(crate) fn catches(&mut self, ack: SeqNum, blocks: &[wire::tcp::SackBlock]) -> bool {
        let Some(known) = &mut self.withheld else { return false };
        let Some((start, end)) = known.range() else { return false };
        let (first, last) = (self.ledger.seq(start), self.ledger.seq(end));
        let has = |block: &wire::tcp::SackBlock| block.start.before(last) && block.end.after(first);
        let lie = ack.after(first) || blocks.iter().any(has);
        known.caught = known.caught.saturating_add(u8::from(lie));
        lie
    }

    /// What an ACK says of the peer's honesty. A hole that our copy filled is one that it told of.
    pub(super) fn weigh(&mut self, tally: &Tally, rtt: &RoundTrip) {
        if tally.overtaken > 0 {
            self.claim(tally.overtaken);
        }
        let Some(known) = &mut self.withheld else { return };
        if tally.repaired {
            known.heard = self.sampler.delivered();
        }
        known.first |= tally.asked_first;
        let hasty = tally.asked_took.is_some_and(|took| took < rtt.soonest());
        known.hasty |= hasty;
        // Twice sooner than half of the shortest way there and back: it can't have come.
        if hasty && tally.asked_took < rtt.minimum().map(|least| least / 2) {
            known.impossible = known.impossible.saturating_add(1);
            known.caught = known.caught.saturating_add(u8::from(known.impossible >= MOST_IMPOSSIBLE));
        }
    }

    /// With SACK: it leaves when anything that were lost in its place would, so that nobody can tell which it is. Whether it does.
    pub(super) fn release_withheld_if_due(&mut self, now: Instant, rtt: &RoundTrip) -> bool {
        let known = self.withheld.as_ref().filter(|known| self.sack && known.out && !known.told);
        let Some((at, end)) = known.map(|known| (known.at, known.end)) else { return false };
        let due = matches!(self.judge(now, rtt).fate(at, end), Fate::Lost);
        if due {
            self.release_withheld(rtt);
        }
        due
    }

    /// Without SACK: a duplicate ACK tells of it. `None` when it tells of something else, and whether it is the first.
    pub(super) fn duplicate_of_hole(&mut self, rtt: &RoundTrip) -> Option<bool> {
        let (una, known) = (self.ledger.una(), self.withheld.as_ref()?);
        if known.out && !known.told && una == known.start {
            self.release_withheld(rtt);
            return Some(true);
        }
        (known.told && una == known.start && known.start < known.end).then_some(false)
    }

    /// It leaves now: like anything that is lost, and yet it was not.
    fn release_withheld(&mut self, rtt: &RoundTrip) {
        let Some(known) = &mut self.withheld else { return };
        known.told = true;
        known.distance = (known.distance + 2).min(LAST);
        self.proven = rtt.minimum().map_or(self.proven, micros);
        known.heard = self.sampler.delivered();
        let (start, end) = (known.start, known.end);
        self.ledger.mark_lost(start, end, &mut |_, _| {});
    }

    /// `start..end` leaves again: what of it was withheld and leaves for the first time.
    pub(super) fn on_withheld_sent(&mut self, start: Place, end: Place) -> Option<(Place, Place)> {
        let known = self.withheld.as_mut().filter(|known| start < known.end && end > known.start)?;
        let first = known.out;
        known.out = false;
        known.left = known.left.saturating_add(1);
        first.then_some((start.max(known.start), end.min(known.end)))
    }

    /// `start..end` is called needless: whether it is of what was withheld and has left once only, so that nothing of it can
    /// have come twice. It vouches for nobody then.
    pub(super) fn fails_test(&mut self, start: Place, end: Place) -> bool {
        let Some(known) = self.withheld.as_mut().filter(|known| known.told && known.left == 1) else {
            return false;
        };
        let fails = start < known.end && end > known.start;
        known.settled |= fails;
        fails
    }

    /// After all that an ACK told, `echoed` if it had an echo: what was withheld has arrived, and the peer did not call it
    /// needless, though it could have.
    pub(super) fn settle_withheld(&mut self, echoed: bool) {
        let una = self.ledger.una();
        let Some(known) = self.withheld.as_mut().filter(|known| !known.settled && una >= known.end) else {
            return;
        };
        known.settled = true;
        let (told, could) = (known.told && known.left == 1, known.first || !echoed);
        match (told, known.hasty) {
            (true, true) => self.on_hasty_answer(),
            (true, false) if could => self.vouch(),
            _ => {}
        }
    }

    /// The timer has expired: the question is over, whatever the answer.
    pub(super) fn stop_asking(&mut self) {
        let Some(known) = &mut self.withheld else { return };
        (known.out, known.told, known.settled) = (false, false, true);
        known.end = known.end.min(self.ledger.una());
    }

    /// Whether the peer is being asked.
    pub(super) fn is_asking(&self) -> bool {
        self.withheld.as_ref().is_some_and(|known| !known.settled)
    }

    /// Whether something was entered as sent and is still here.
    pub(crate) fn is_withholding(&self) -> bool {
        self.withheld.as_ref().is_some_and(|known| known.out)
    }

    /// How often the peer was asked for what was withheld, and how often it claimed to have it.
    pub(crate) fn asked(&self) -> (u32, u8) {
        self.withheld.as_ref().map_or((0, 0), |known| (known.asked, known.caught))
    }
}
