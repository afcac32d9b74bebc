//! How many ACKs a record may send to what should not have come (RFC 5961 §7).

use env::{Duration, Instant};

/// A count per record and second. A count for the whole host would tell one peer about the others
/// (CVE-2016-5696).
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckBudget {
    since: Instant,
    left: u8,
    per_second: u8,
}

impl AckBudget {
    pub(crate) const fn new(now: Instant, per_second: u8) -> Self {
        Self { since: now, left: per_second, per_second }
    }

    /// Takes one, if one is left in this second.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now, self.per_second);
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}
