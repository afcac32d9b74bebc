//! What did not hold.

use env::Instant;
use std::fmt;

/// Something that must always hold did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the world.
    pub seed: u64,
    /// When.
    pub at: Instant,
    /// What must hold.
    pub rule: &'static str,
    /// What was seen.
    pub detail: String,
}

impl Violation {
    /// `rule` does not hold in the world of `seed`.
    pub fn new(seed: u64, at: Instant, rule: &'static str, detail: impl Into<String>) -> Self {
        Self { seed, at, rule, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, at, rule, detail } = self;
        write!(f, "seed {seed}, at {at}: it must always hold that {rule}; but {detail}")
    }
}

impl std::error::Error for Violation {}
