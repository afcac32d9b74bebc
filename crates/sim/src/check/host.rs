//! A host after each turn.

use super::{Checks, Found};
use crate::HostId;
use env::Instant;
use stack::Host;

impl Checks {
    /// What must hold of a host whenever it has nothing more to say.
    pub(crate) fn host(&mut self, now: Instant, id: HostId, host: &Host) -> Found {
        let _ = now;
        if !self.on {
            return None;
        }
        let budget = host.budget();
        if budget.held() > budget.limit() {
            let detail = format!("{id} holds {} octets of {}", budget.held(), budget.limit());
            return Some(("memory stays within the budget", detail));
        }
        None
    }
}
