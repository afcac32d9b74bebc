//! Faults that are built in on purpose, and first numbers that tests choose; compiled with the feature `sabotage` alone.

use super::TcpConfig;
use crate::sabotage::{Fault, Sabotage};

impl TcpConfig {
    /// Builds a fault in, for the simulator to find.
    #[must_use]
    pub fn sabotage(self, sabotage: Option<Sabotage>) -> Self {
        Self { fault: Fault { sabotage, ..self.fault }, ..self }
    }

    /// Whether this fault is built in.
    pub fn has(&self, sabotage: Sabotage) -> bool {
        self.fault.has(sabotage)
    }

    /// Begins every connection at `number`, so that tests see sequence numbers wrap. The host's: set it in the host's settings.
    #[must_use]
    pub fn first_number(self, number: Option<u32>) -> Self {
        Self { fault: Fault { first: number, ..self.fault }, ..self }
    }

    /// Where connections begin, if it was fixed.
    pub fn fixed_first_number(&self) -> Option<u32> {
        self.fault.first
    }
}
