//! What is lost because of us: a needless copy made the receiver drop what came late (RFC 7323 §5.3, R1).
//!
//! ```text
//!   sent       a   b           a again            a was only late: the reduction is undone
//!   received             a again  a   b           b is late, too, and older than what filled the hole: dropped
//! ```
//!
//! After a mistake, what was sent before the copy, and is missing, tells nothing of the path: it is sent again like the
//! probe of a path's MTU, and no recovery begins. So it is only for timestamps, for what was sent once, and for an
//! eighth of what was out as the copy left, for what congestion loses is more.

use super::arrival::Verdict;
use super::{Phase, Place, Recovery};

/// The part of what was out that is forgiven.
const PART: u32 = 8;
/// What may be lost so in as many pieces at once.
const PIECES: usize = 8;

/// What may have been dropped because of copies of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victims {
    /// What was sent before the last copy.
    until: Place,
    /// Octets that are forgiven still.
    left: u32,
}

impl Recovery {
    /// The last copy of an episode that began with `begin` was needless, and left when everything up to `copied` had been
    /// sent.
    pub(super) fn suspect_copies(&mut self, begin: Place, copied: Place) {
        let victims = (copied > self.ledger.una()).then(|| {
            let flight = u32::try_from(copied - begin).unwrap_or(u32::MAX);
            Victims { until: copied, left: (flight / PART).max(self.ledger.grain()) }
        });
        self.disorder.get_or_insert_default().victims = victims;
    }

    /// A copy of a victim leaves: it may have others.
    pub(super) fn on_victim_resent(&mut self) {
        let nxt = self.ledger.nxt();
        let victims = self.disorder.as_mut().and_then(|disorder| disorder.victims.as_mut());
        if let Some(victims) = victims.filter(|_| self.phase == Phase::Open) {
            victims.until = nxt;
        }
    }

    /// What is newly believed lost and may be a copy's victim begins no recovery.
    pub(super) fn excuse_victims(&mut self, verdict: &mut Verdict) {
        let una = self.ledger.una();
        let Some(disorder) = &mut self.disorder else { return };
        disorder.victims = disorder.victims.filter(|victims| una < victims.until);
        let open = self.phase == Phase::Open && verdict.lost > 0;
        let Some(victims) = disorder.victims.as_mut().filter(|_| open) else { return };
        if verdict.lost <= victims.left && self.ledger.lost_once_before(victims.until, PIECES) {
            victims.left -= verdict.lost;
            self.sampler.excuse(verdict.lost);
            verdict.lost = 0;
            verdict.losses.clear();
        } else {
            disorder.victims = None;
        }
    }
}
