//! The search for the largest packet that the path takes (RFC 4821 §7, RFC 8899 §5): a machine of values.
//!
//! ```text
//!     fell, a router said less      passed, and nothing larger is allowed
//!   Whole ───────────────────► Searching ───────────────────────────────────► Whole
//!     ▲                          │    ▲   passed: larger; failed 3 times: smaller
//!     │                 no size  │    │ 10 minutes
//!     └── narrowed to it         ▼    │
//!                             Complete┘
//! ```
//!
//! All sizes are octets of IP packets. `low` is in use and known to pass; `failed` is known not to, or lies beyond what is
//! allowed.

use env::{Duration, Instant};
use wire::SeqNum;

/// So often a size is tried before it counts as too large (MAX_PROBES, RFC 8899 §5.1.2; 8899-15).
pub(super) const MAX_PROBES: u8 = 3;
/// After so long a search that has ended begins anew, for the path may have grown (PMTU_RAISE_TIMER, RFC 8899 §5.1.1).
pub(super) const RAISE_AFTER: Duration = Duration::from_secs(600);
/// A search ends when less than this could be gained: one octet in a hundred.
const GRAIN: u16 = 16;
/// MTUs that links and tunnels have: a size among them is likelier than its neighbours (RFC 8899 §5.3.2; 8899-17).
const COMMON: [u16; 17] =
    [576, 1006, 1280, 1400, 1420, 1440, 1454, 1460, 1472, 1480, 1492, 1500, 2002, 4352, 8166, 9000, 17_914];

/// Where a search stands (RFC 8899 §5.2; 8899-16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing larger is allowed: there is nothing to search for.
    #[default]
    Whole,
    /// A larger size is being looked for.
    Searching,
    /// Nothing larger that is worth it passes; at this instant the search begins anew.
    Complete(Instant),
}

/// A probe that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// Its first number.
    pub(crate) start: SeqNum,
    /// After its last number.
    pub(crate) end: SeqNum,
    /// Octets of its packet.
    pub(crate) size: u16,
}

/// Figures for STATUS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Probes that were sent.
    pub(crate) probes: u32,
    /// Of these, probes that were lost and nothing else.
    pub(crate) lost: u32,
    /// How often full segments were found to vanish.
    pub(crate) black_holes: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub(super) state: State,
    low: u16,
    failed: u16,
    /// The most that link, peer and routers allow.
    most: u16,
    /// How often the size that is tried now has failed.
    tries: u8,
    /// No probe before this instant.
    next_at: Instant,
    out: Option<Probe>,
    pub(super) figures: Figures,
}

impl Search {
    /// Packets of `low` octets pass, and up to `most` are allowed: looks for more, beginning with all that is allowed, for
    /// what seemed a smaller path may have been an outage.
    pub(super) fn begin(&mut self, low: u16, most: u16) {
        (self.low, self.most, self.tries, self.out) = (low, most, 0, None);
        self.next_at = Instant::ZERO;
        self.reopen();
    }

    fn reopen(&mut self) {
        self.failed = self.most.saturating_add(1);
        self.state = if self.low < self.most { State::Searching } else { State::Whole };
    }

    /// Link, peer or routers allow `most` octets now, and `low` are in use: a hint, which ends a search or widens it, and
    /// vouches for nothing (RFC 8899 §4.6).
    pub(super) fn allow(&mut self, low: u16, most: u16) {
        if most > self.most || self.state == State::Whole {
            return self.begin(low, most);
        }
        let less = most < self.most;
        (self.low, self.most) = (low, most);
        if less && most < self.failed {
            // Sizes that are no longer allowed need not be tried; what is left has not failed.
            self.tries = 0;
            self.reopen();
        }
    }

    /// The size to probe now, if one is.
    pub(super) fn wants(&mut self, now: Instant) -> Option<u16> {
        if let State::Complete(at) = self.state
            && at <= now
        {
            self.reopen();
        }
        let may = self.state == State::Searching && self.out.is_none() && self.next_at <= now;
        if may { self.next_size() } else { None }
    }

    /// What to try next: everything, unless that has failed; then a common size near the middle, or the middle.
    fn next_size(&self) -> Option<u16> {
        if self.failed > self.most {
            return Some(self.most).filter(|&most| most > self.low);
        }
        if self.failed.saturating_sub(self.low) <= GRAIN {
            return None;
        }
        let middle = self.low.midpoint(self.failed);
        let within = COMMON.into_iter().filter(|size| (self.low + 1..self.failed).contains(size));
        Some(within.min_by_key(|size| size.abs_diff(middle)).unwrap_or(middle))
    }

    /// A probe has left.
    pub(super) fn left(&mut self, probe: Probe) {
        self.out = Some(probe);
        self.figures.probes = self.figures.probes.saturating_add(1);
    }

    /// The probe that is out.
    pub(super) fn out(&self) -> Option<Probe> {
        self.out
    }

    /// The probe arrived: the size to use from here on.
    pub(super) fn passed(&mut self, now: Instant) -> Option<u16> {
        let probe = self.out.take()?;
        (self.low, self.tries) = (probe.size.min(self.most).max(self.low), 0);
        self.failed = self.failed.max(self.low.saturating_add(1));
        self.settle(now);
        Some(self.low)
    }

    /// The probe was lost, and nothing else was (RFC 4821 §7.6.2); the next may leave after `headway`.
    pub(super) fn lost(&mut self, now: Instant, headway: Duration) {
        let Some(probe) = self.out.take() else { return };
        self.figures.lost = self.figures.lost.saturating_add(1);
        self.next_at = now + headway;
        if probe.size > self.most {
            return; // a router has said so already
        }
        self.tries += 1;
        if self.tries >= MAX_PROBES {
            (self.failed, self.tries) = (probe.size, 0);
            self.settle(now);
        }
    }

    /// What became of the probe tells nothing: others were lost with it (RFC 4821 §7.6.4). The size is tried again.
    pub(super) fn inconclusive(&mut self, now: Instant, headway: Duration) {
        if self.out.take().is_some() {
            self.next_at = now + headway;
        }
    }

    fn settle(&mut self, now: Instant) {
        self.state = if self.low >= self.most {
            State::Whole
        } else if self.next_size().is_some() {
            State::Searching
        } else {
            State::Complete(now + RAISE_AFTER)
        };
    }
}
