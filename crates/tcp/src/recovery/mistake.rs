//! Whether what was believed lost had only been late, and its being taken back (RFC 2883, 3522, 4015, 5682).
//!
//! ```text
//!   D-SACK: it is there twice ───────────────╮
//!   echo of the original (Eifel) ────────────┼─► all that was sent again was needless ─► as it was before
//!   after a timeout, an original (F-RTO) ────╯
//! ```

use super::arrival::{Arrival, Tally, Verdict};
use super::episode::Frto;
use super::ledger::Run;
use super::rack::Told;
use super::{Disorder, Phase, Place, Recovery};
use crate::Undo;
use crate::congestion::MOST_UNDOS as MOST_REDUCTIONS;
use crate::rtt::RoundTrip;
use alloc::boxed::Box;
use alloc::vec::Vec;
use env::{Duration, Instant};

/// Mistakes that are undone in a flight. To undo is to look at all that is out once more: a peer that calls every
/// retransmission needless could make each of its ACKs cost as much as a flight.
const MOST_UNDOS: u8 = 4;
/// So often the peer's bare word is taken for it that a loss was none: where what it calls the original came no sooner than the
/// copy may have. A peer whose word stood the test (see [`super::withheld`]) is believed twice as often until the next.
const BELIEVED: u8 = 2;
/// Tests stood that make for more belief: from then on a test follows 64 mistakes.
const MOST_VOUCHED: u8 = 6;
/// So many holes that fill without a copy of ours are believed in before a test.
const CLAIMS: u16 = 8;
/// Round trips from such a test to the next, and twice as many after each, up to 2^6 times: where segments come late there are
/// always such holes, and what is asked for keeps all that follows it from the peer's user.
const ROUNDS: u32 = 2;
const MOST_DOUBLED: u8 = 6;
/// An episode that is undone, though no copy may have come, counts as so many.
const EPISODE: u16 = 4;
/// Tests that are answered sooner than a copy is, less those that are not, from which on nothing of that kind is believed.
const MOST_HASTY: u8 = 4;
/// Tests failed after which there is none any more. One failure may be a network that doubles packets.
const MOST_FAILED: u8 = 2;
/// Recoveries that nobody calls a mistake after which its word is taken once more.
const EARNS: u8 = 64;

impl Disorder {
    /// So often the peer's bare word is taken.
    fn credit(&self) -> u8 {
        BELIEVED << self.vouched
    }

    /// What filled holes of itself was put to the test.
    fn on_claims_tested(&mut self) {
        (self.claims, self.doubled) = (0, (self.doubled + 1).min(MOST_DOUBLED));
    }
}

impl Recovery {
    /// The peer has `from..to` twice (RFC 2883 §5).
    pub(super) fn on_dsack(&mut self, from: Place, to: Place) {
        self.figures.dsacks += 1;
        self.figures.doubled += to - from;
        self.test_word(from, to);
        self.prove(from, to, 1, Undo::DuplicateSack);
        // More than was ever sent again: the network doubles packets, or the peer tells tales. A probe is sent on a guess, and
        // says nothing of order.
        if self.figures.doubled <= self.figures.resent && !self.probe.is_of(to) && !self.words_are_spent() {
            self.rack.on_dsack(self.ledger.una(), self.ledger.nxt());
        }
    }

    /// The original of what was sent again arrived, and the echo says so (RFC 3522 §3.2).
    pub(super) fn on_original_answered(&mut self, arrival: &Arrival<'_>, run: &Run) {
        let doubtful = self.episode.as_ref().is_some_and(|episode| episode.doubtful);
        let failed = self.disorder.as_ref().is_some_and(|disorder| disorder.failed > 0);
        if self.phase == Phase::Fast && !(doubtful && failed) && !self.words_are_spent() {
            self.rack.on_reordered(run, &Told { arrived: arrival.at, fresh: true, older: true });
        }
        self.test_word(run.start, run.end);
        self.prove(run.start, run.end, run.times.saturating_sub(1), Undo::Eifel);
    }

    /// The peer calls what was sent again of `start..end` needless. Of what was withheld, and so left once, that is no true word.
    fn test_word(&mut self, start: Place, end: Place) {
        if self.fails_test(start, end) {
            let disorder = self.disorder.get_or_insert_default();
            disorder.failed = disorder.failed.saturating_add(1);
            disorder.on_claims_tested();
            self.rack.distrust();
            (disorder.vouched, disorder.honoured, disorder.believed) = (0, 0, u8::MAX);
        }
    }

    /// What was withheld arrived, and the peer does not call it needless.
    pub(super) fn vouch(&mut self) {
        let Some(disorder) = self.disorder.as_mut() else { return };
        disorder.on_claims_tested();
        disorder.hasty = disorder.hasty.saturating_sub(1);
        self.rack.listen(disorder.hasty < MOST_HASTY);
        if disorder.failed < MOST_FAILED {
            disorder.vouched = (disorder.vouched + 1).min(MOST_VOUCHED);
            (disorder.believed, disorder.honoured) = (0, 0);
        }
    }

    /// What was withheld is acknowledged sooner than anything else that leaves: that may be chance, but not always. The peer
    /// claims to have what it has not, and what looked late was lost.
    pub(super) fn on_hasty_answer(&mut self) {
        let disorder = self.disorder.get_or_insert_default();
        disorder.on_claims_tested();
        disorder.hasty = (disorder.hasty + 1).min(2 * MOST_HASTY);
        if disorder.hasty >= MOST_HASTY {
            (disorder.vouched, disorder.honoured, disorder.believed) = (0, 0, u8::MAX);
            self.rack.listen(false);
        }
    }

    /// So many holes filled without a copy of ours, as the peer tells it.
    pub(super) fn claim(&mut self, holes: u16) {
        let disorder = self.disorder.get_or_insert_default();
        disorder.claims = disorder.claims.saturating_add(holes);
    }

    /// Whether all that it says of mistakes is no more than its word, early as it may come.
    fn is_doubted(&self) -> bool {
        let doubted = |disorder: &Disorder| disorder.hasty >= MOST_HASTY || disorder.failed >= MOST_FAILED;
        self.disorder.as_deref().is_some_and(doubted)
    }

    /// Whether half of what the peer's word is good for is spent, or holes filled often of themselves, so that it is put to the
    /// test, `since` whose last time so much time has passed.
    pub(super) fn word_is_to_be_tested(&self, since: Duration, rtt: &RoundTrip) -> bool {
        self.disorder.as_ref().is_some_and(|disorder| {
            let rest = rtt.smoothed().unwrap_or_default().saturating_mul(ROUNDS);
            let word = disorder.failed < MOST_FAILED && disorder.believed >= disorder.credit() / 2;
            let claims = disorder.claims >= CLAIMS;
            (word && since >= rest) || (claims && since >= rest.saturating_mul(1 << disorder.doubled))
        })
    }

    /// Sending `start..end` again was needless, in whichever episode it was.
    fn prove(&mut self, start: Place, end: Place, copies: u8, by: Undo) {
        let doubts = self.disorder.iter_mut().flat_map(|disorder| disorder.doubts.iter_mut().rev());
        let mut episodes = self.episode.as_deref_mut().into_iter().chain(doubts);
        episodes.any(|episode| episode.prove(start, end, copies, by));
    }

    /// Another episode begins: whether the last was a mistake may be told later.
    pub(super) fn doubt_episode(&mut self) {
        match self.episode.take().filter(|episode| episode.is_open()) {
            Some(episode) => {
                let doubts = &mut self.disorder.get_or_insert_default().doubts;
                if doubts.len() + 1 >= MOST_REDUCTIONS {
                    doubts.remove(0);
                }
                doubts.push(*episode);
            }
            None => self.forget_doubts(),
        }
    }

    /// What was in doubt stays as it was taken for.
    pub(super) fn forget_doubts(&mut self) {
        if let Some(disorder) = &mut self.disorder {
            disorder.doubts = Vec::new();
        }
    }

    /// The last episode was undone: the one before it is the last now, and if it was proven a mistake while it was not, it is
    /// undone as well. How many were.
    fn undo_doubts(&mut self) -> u8 {
        let mut undone = 0;
        while let Some(episode) = self.disorder.as_mut().and_then(|disorder| disorder.doubts.pop()) {
            if episode.is_open() {
                self.episode = Some(Box::new(episode));
                break;
            }
            undone += 1;
        }
        undone
    }

    /// Whether the last reduction was a mistake; then everything is as it was before it.
    pub(super) fn undo(
        &mut self,
        arrival: &Arrival<'_>,
        rtt: &RoundTrip,
        tally: &Tally,
        verdict: &mut Verdict,
    ) {
        let una = self.ledger.una();
        let over = self.phase == Phase::Fast && una >= self.recover;
        let spurious = self.phase == Phase::Timeout && self.probe_timeout(arrival, tally, verdict);
        let Some(episode) = &self.episode else { return };
        let mistake = if spurious { Some(Undo::Frto) } else { episode.mistake(over) };
        let (begin, end, copied) = (episode.begin, episode.end, episode.copied);
        let word = (episode.doubtful || self.is_doubted()) && !spurious;
        let claimed = mistake.is_some() && word;
        let mistake = mistake.filter(|_| self.may_undo(word));
        if claimed && mistake.is_none() {
            self.rack.distrust();
        }
        if mistake.is_some() {
            if !word {
                self.claim(EPISODE);
            }
            if self.phase != Phase::Open {
                self.ledger.forgive();
                self.phase = Phase::Open;
                self.reno = super::Reno::default();
            }
            verdict.timeout_undone = self.episode.take().is_some_and(|episode| episode.timed_out);
            verdict.undone_before = self.undo_doubts();
            self.figures.undone += 1 + u32::from(verdict.undone_before);
            if self.sack && arrival.echo.is_some() && !spurious {
                self.suspect_copies(begin, copied);
            }
            verdict.undone = mistake;
        } else if self.phase == Phase::Open && una > end && self.may_forget(arrival.at, rtt) {
            self.episode = None; // What was sent after it arrived: no D-SACK comes any more.
            self.forget_doubts();
        }
    }

    /// Whether what was sent before the end of the episode has come by now if it comes at all: segments are late by no more than
    /// was seen.
    fn may_forget(&mut self, now: Instant, rtt: &RoundTrip) -> bool {
        let late = self.rack.lateness(rtt);
        let Some(episode) = &mut self.episode else { return true };
        now >= *episode.until.get_or_insert(now + late)
    }

    /// Counts a mistake that is undone, unless there were too many in this flight, or too many for which there is only the
    /// peer's `word`.
    fn may_undo(&mut self, word: bool) -> bool {
        let (una, nxt) = (self.ledger.una(), self.ledger.nxt());
        let liar = self.is_liar();
        let disorder = self.disorder.get_or_insert_default();
        if una >= disorder.undo_round {
            (disorder.undos, disorder.undo_round) = (0, nxt);
        }
        let may = disorder.undos < MOST_UNDOS && !(word && disorder.believed >= disorder.credit()) && !liar;
        disorder.undos += u8::from(may);
        disorder.believed = disorder.believed.saturating_add(u8::from(may && word));
        may
    }

    /// Whether the peer's bare word counts no more in the episode that goes on, neither for a mistake nor for patience.
    fn words_are_spent(&self) -> bool {
        let word = self.is_doubted() || self.episode.as_ref().is_some_and(|episode| episode.doubtful);
        word && self.disorder.as_ref().is_some_and(|disorder| disorder.believed >= disorder.credit())
    }

    /// A recovery ends that nobody called a mistake.
    pub(super) fn earn_belief(&mut self) {
        let Some(disorder) = self.disorder.as_mut().filter(|disorder| disorder.believed > 0) else { return };
        disorder.honoured += 1;
        if disorder.honoured >= EARNS {
            (disorder.honoured, disorder.believed) = (0, disorder.believed.min(disorder.credit()) - 1);
        }
    }

    /// F-RTO's steps 2 and 3, both versions (RFC 5682 §2.1, §3.1; 5682-1): `true` when what was never sent again is
    /// delivered after the timeout, which then was a mistake.
    fn probe_timeout(&mut self, arrival: &Arrival<'_>, tally: &Tally, verdict: &Verdict) -> bool {
        let (una, nxt) = (self.ledger.una(), self.ledger.nxt());
        let Some(episode) = self.episode.as_mut() else { return false };
        let (frto, sack) = (episode.frto, self.sack);
        let original = tally.original_sacked && self.rack.newest().1 <= episode.end;
        let next = match frto {
            Frto::Off => Frto::Off,
            _ if original => return true,
            Frto::Waits(_) if verdict.advanced && una >= self.recover => Frto::Off, // 2a
            Frto::Waits(head) if verdict.advanced && una >= head && arrival.new_data => {
                episode.end = nxt;
                self.recover = nxt;
                Frto::Probes // 2b
            }
            Frto::Waits(_) if verdict.advanced => Frto::Off,
            Frto::Probes if verdict.advanced => {
                if tally.original_acked && una <= episode.end {
                    return true; // 3b
                }
                Frto::Off
            }
            // 2a without SACK, 3a: a duplicate that tells nothing new of what was out at the timeout.
            Frto::Waits(_) if !sack && arrival.duplicate => Frto::Off,
            Frto::Probes if arrival.duplicate => Frto::Off,
            other => other,
        };
        episode.frto = next;
        false
    }
}
