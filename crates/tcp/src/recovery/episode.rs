//! An episode of recovery, and whether it was a mistake.
//!
//! ```text
//!   begins ─► each retransmission: unproven ─► D-SACK, or an echo of the original: needless
//!                                              all needless: the episode was a mistake, and is undone
//! ```
//!
//! Where segments are late by more than a round trip, the next episode begins before the last is proven to have been a mistake.
//! So a few are kept that are in doubt, and are undone from the last to the first.
//!
//! Three ways to learn it: the peer tells of duplicates (D-SACK: RFC 2883, 3708), a timestamp echo answers the original
//! (Eifel: RFC 3522), or after a timeout what was never sent again is delivered (F-RTO: RFC 5682).

use super::Place;
use super::prr::Prr;
use super::ranges::Ranges;
use crate::Undo;
use env::Instant;

/// Where F-RTO stands (RFC 5682 §2.1, §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Frto {
    /// It is not used, or has come to its end.
    #[default]
    Off,
    /// The first segment was sent again; everything up to this must be acknowledged (step 2).
    Waits(Place),
    /// New segments were sent instead of old ones (step 3).
    Probes,
}

/// An episode, from the reduction on; kept for a while after its end, for D-SACKs come late.
#[derive(Clone, Debug)]
pub(super) struct Episode {
    /// SND.UNA as it began.
    pub(super) begin: Place,
    /// SND.NXT as it began or ended: beyond, D-SACKs are about something else.
    pub(super) end: Place,
    /// Once something sent beyond `end` is acknowledged: until when what was sent before may still come.
    pub(super) until: Option<Instant>,
    /// What was sent again and not proven needless.
    unproven: Ranges,
    /// Octets of that which were sent again more than once, counted again.
    extra: u64,
    /// What proved the last of them needless.
    proof: Option<Undo>,
    /// SND.NXT as something was last sent again.
    pub(super) copied: Place,
    /// Something of it arrived no sooner than what was sent again may have: only the peer's word says that it was the original.
    pub(super) doubtful: bool,
    /// A timeout began it, or came in it.
    pub(super) timed_out: bool,
    pub(super) prr: Option<Prr>,
    pub(super) frto: Frto,
}

impl Episode {
    pub(super) fn new(begin: Place, end: Place) -> Self {
        let (until, unproven, copied) = (None, Ranges::default(), begin);
        let (doubtful, timed_out, prr, frto) = (false, false, None, Frto::Off);
        Self { begin, end, until, unproven, extra: 0, proof: None, copied, doubtful, timed_out, prr, frto }
    }

    /// Whether something may still prove it a mistake, or show that it was none.
    pub(super) fn is_open(&self) -> bool {
        !self.unproven.is_empty() || self.extra > 0
    }

    /// Whether it began with `una`.
    pub(super) fn is_of(&self, una: Place) -> bool {
        self.begin == una
    }

    /// `start..end` was sent again.
    pub(super) fn on_resent(&mut self, start: Place, end: Place) {
        self.extra += self.unproven.insert(start, end);
    }

    /// Sending `start..end` again was needless, `copies` times: it arrived twice, or as it was first sent.
    /// Whether that was news.
    pub(super) fn prove(&mut self, start: Place, end: Place, copies: u8, by: Undo) -> bool {
        let (start, end) = (start.max(self.begin), end.min(self.end));
        if start >= end {
            return false;
        }
        let first = self.unproven.remove(start, end);
        let again = (u64::from(copies) * (end - start) - first).min(self.extra);
        self.extra -= again;
        let news = first + again > 0;
        if news {
            self.proof = Some(by);
        }
        news
    }

    /// What proves it a mistake, if all that was sent again was needless. `over`: it has come to its end, and if nothing
    /// was sent again at all, all that was believed lost had arrived.
    pub(super) fn mistake(&self, over: bool) -> Option<Undo> {
        if !self.unproven.is_empty() || self.extra > 0 {
            return None;
        }
        self.proof.or(over.then_some(Undo::Arrived))
    }
}
