//! How many errors may be sent: a token bucket (RFC 4443 §2.4 f, RFC 1812 §4.3.2.8).

use env::{Instant, Rng};

/// A token bucket whose level an outsider cannot read: now and then a grant costs two tokens.
///
/// With exact costs, whoever sees one error missing knows that somebody else's probe drew another: enough to find the
/// port of a hidden query (CVE-2020-25705).
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    /// Nanoseconds that one token costs; 0: there are none.
    cost: u64,
    /// Nanoseconds of credit, at most.
    most: u64,
    credit: u64,
    last: Instant,
}

impl Limiter {
    /// `per_second` tokens, `at_once` of them saved up at most.
    pub(crate) fn new(per_second: u32, at_once: u32) -> Self {
        let cost = 1_000_000_000u64.checked_div(per_second.into()).unwrap_or(0);
        let most = cost.saturating_mul(at_once.max(1).into());
        Self { cost, most, credit: most, last: Instant::ZERO }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant, rng: &mut Rng) -> bool {
        let passed = u64::try_from(now.since(self.last).as_nanos()).unwrap_or(u64::MAX);
        self.last = self.last.max(now);
        self.credit = self.credit.saturating_add(passed).min(self.most);
        if self.cost == 0 || self.credit < self.cost {
            return false;
        }
        let twice = rng.below(4) == 0;
        self.credit = self.credit.saturating_sub(if twice { self.cost * 2 } else { self.cost });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Duration;

    /// Covers: RFC 4443 4443-9
    #[test]
    fn a_burst_is_cut_and_the_rate_holds() {
        let mut rng = Rng::seeded(1);
        let mut limiter = Limiter::new(100, 20);
        let burst = (0..1000).filter(|_| limiter.take(Instant::from_secs(1), &mut rng)).count();
        assert!((10..=20).contains(&burst), "{burst}");
        let steady = (0..10_000u64)
            .filter(|n| limiter.take(Instant::from_secs(2) + Duration::from_millis(*n), &mut rng))
            .count();
        assert!((700..=1020).contains(&steady), "{steady}");
        let mut none = Limiter::new(0, 20);
        assert!((0..10).all(|n| !none.take(Instant::from_secs(n), &mut rng)));
    }
}
