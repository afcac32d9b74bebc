//! The queue before a link's rate limit.
//!
//! ```text
//!    enters ─► │ waiting … waiting │ sending │ ─► leaves          a packet that finds nothing in it does not wait
//!              └ Profile::queue ───┘
//! ```

use super::Profile;
use env::{Duration, Instant};
use std::collections::VecDeque;

/// What waits for or is in transmission.
#[derive(Clone, Debug, Default)]
pub(super) struct Bottleneck {
    /// When each packet has left, and its octets.
    backlog: VecDeque<(Instant, usize)>,
    octets: usize,
}

/// A packet that got in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    /// When its last bit has left.
    pub(super) leaves: Instant,
    /// Octets that wait for their turn, its own included; none where there is no rate.
    pub(super) waiting: usize,
}

impl Bottleneck {
    /// A packet of so many octets enters; `None` when there is no room.
    pub(super) fn enter(&mut self, now: Instant, octets: usize, profile: &Profile) -> Option<Passage> {
        self.settle(now);
        // A rate that was lifted lets go at once what comes after; `Link::fly` keeps it behind what waits.
        if profile.rate_at(now).is_none() {
            return Some(Passage { leaves: now, waiting: 0 });
        }
        let (start, waiting) = match (self.backlog.front(), self.backlog.back()) {
            (Some(&(_, sending)), Some(&(last, _))) => {
                let waiting = (self.octets - sending).saturating_add(octets);
                if self.backlog.len() > profile.queue.packets || waiting > profile.queue.octets {
                    return None;
                }
                (last, waiting)
            }
            _ => (now, 0),
        };
        let leaves = sent(profile, start, octets);
        self.backlog.push_back((leaves, octets));
        self.octets += octets;
        Some(Passage { leaves, waiting })
    }

    /// Octets that have not left by `now`, the packet in transmission whole, and how long the last of them will take.
    pub(super) fn standing(&self, now: Instant) -> (usize, Duration) {
        let gone = self.backlog.partition_point(|&(left, _)| left <= now);
        let left: usize = self.backlog.iter().take(gone).map(|&(_, octets)| octets).sum();
        (self.octets - left, self.backlog.back().map_or(Duration::ZERO, |&(last, _)| last.since(now)))
    }

    /// Forgets what has left.
    fn settle(&mut self, now: Instant) {
        while let Some(&(left, octets)) = self.backlog.front()
            && left <= now
        {
            self.backlog.pop_front();
            self.octets -= octets;
        }
    }
}

/// When so many octets have left that begin to leave at `start`, through all changes of the rate on the way.
fn sent(profile: &Profile, start: Instant, octets: usize) -> Instant {
    const SECOND: u128 = 1_000_000_000;
    // In bits times nanoseconds a second, so that nothing is rounded before the end.
    let mut left = octets as u128 * 8 * SECOND;
    let mut at = start;
    loop {
        let Some(rate) = profile.rate_at(at).map(|rate| u128::from(rate.get())) else { return at };
        if let Some(change) = profile.next_rate(at) {
            let until = change.since(at).as_nanos() * rate;
            if until < left {
                left -= until;
                at = change;
                continue;
            }
        }
        return at + Duration::from_nanos(u64::try_from(left / rate).unwrap_or(u64::MAX));
    }
}
