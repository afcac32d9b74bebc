//! How many early connections a listener has (RFC 7413 §4.2, §5.1).
//!
//! ```text
//!   pending: in SYN-RECEIVED ─┬─ ACK ─► no longer
//!                             └─ RST ─► counts for a minute more: forged SYNs are answered by RSTs of those they name
//! ```

use super::FastOpenListen;
use ::tcp::fast_open::Keys;
use alloc::collections::VecDeque;
use env::{Duration, Instant};

/// So long one that was reset counts.
const RESET_COUNTS: Duration = Duration::from_secs(60);

/// Fast Open on one listener.
#[derive(Clone, Debug)]
pub(in crate::tcp) struct Serving {
    pub(in crate::tcp) config: FastOpenListen,
    /// The listener's own keys.
    pub(in crate::tcp) keys: Option<Keys>,
    /// Early connections, and those that were reset.
    pub(in crate::tcp) pending: usize,
    /// Until when the latter count, the oldest first: never more than there are pending.
    resets: VecDeque<Instant>,
}

impl Serving {
    pub(in crate::tcp) fn new(config: FastOpenListen, keys: Option<Keys>) -> Self {
        let config = FastOpenListen { queue: config.queue.max(1), ..config };
        Self { config, keys, pending: 0, resets: VecDeque::new() }
    }

    /// Whether another may be pending.
    pub(super) fn has_room(&mut self, now: Instant) -> bool {
        while self.resets.front().is_some_and(|until| *until <= now) {
            self.resets.pop_front();
            self.pending = self.pending.saturating_sub(1);
        }
        self.pending < self.config.queue
    }

    /// One is no longer pending.
    pub(super) fn settle(&mut self, now: Instant, reset: bool) {
        if reset {
            self.resets.push_back(now + RESET_COUNTS);
        } else {
            self.pending = self.pending.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod rfc7413_5_1 {
    use super::*;

    /// Covers: RFC 7413 7413-7
    #[test]
    fn what_was_reset_counts_for_a_minute() {
        let mut serving = Serving::new(FastOpenListen { queue: 2, cookie: true }, None);
        let now = Instant::from_secs(10);
        serving.pending = 2;
        assert!(!serving.has_room(now));
        serving.settle(now, false);
        assert!(serving.has_room(now));
        serving.pending += 1;
        serving.settle(now, true);
        assert!(!serving.has_room(now + Duration::from_secs(59)));
        assert!(serving.has_room(now + Duration::from_secs(60)));
        assert_eq!((serving.pending, serving.resets.len()), (1, 0));
    }
}
