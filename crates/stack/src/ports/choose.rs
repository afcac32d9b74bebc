//! Which number the next unnamed socket gets: a walk over the range, in an order that strangers cannot foresee.
//!
//! ```text
//!                               ┌──────── key ────────┐
//!   destination ─► SipHash ─► slot ─► its counter ─► permutation of the range ─► port
//!   (no ports)              (1 of 256)   n, n+1 …     (differs per destination)   │
//!                                ▲                                               taken for this 4-tuple,
//!                                └───────────────── next n ◄──── yes ─────────── bound, or reserved?
//! ```
//!
//! RFC 6056's algorithm 4 (§3.3.4, double hash) with one change: where it adds the counter to an offset, the counter
//! goes through a keyed permutation of the range. Ports to one destination are then used in turn, each once before
//! any is used again (what algorithms 3 and 4 are for), and yet the last port tells nothing about the next (what
//! algorithm 5 is for). Since a permutation leaves nothing out, the search ends with an error only when every port
//! of the range is taken *for that destination*. It is not algorithm 1, which RFC 6056 §5 warns of.
//!
//! Rules held here: 6056-1, 6056-6, 6056-8.

use super::{Claim, Claimed, Hold, PortError, Ports, SLOTS, overlap};
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, SocketAddr};
use env::{Chance, Rng};
use siphasher::sip::{SipHasher13, SipHasher24};
use wire::Port;

impl Ports {
    /// Chooses a dynamic port for a connection from `local` to `remote`: one that is not bound, not reserved, and for
    /// which `in_use` (is this 4-tuple taken?) says no (RFC 6056 §3.1, §3.3; 6056-4, 6056-5). It is not claimed yet.
    ///
    /// One or two steps as a rule; no more than the range has ports.
    ///
    /// # Errors
    /// [`PortError::NoneFree`] when every port of the range is taken for this destination.
    pub fn choose(
        &mut self,
        rng: &mut Rng,
        local: IpAddr,
        remote: SocketAddr,
        in_use: impl FnMut(Port) -> bool,
    ) -> Result<Port, PortError> {
        noted(rng, || self.search(Some(local), &(local, remote), in_use, Self::is_bound))
    }

    /// Chooses a dynamic port for a socket bound to `address` alone, and claims it: one that nobody else uses.
    ///
    /// # Errors
    /// [`PortError::NoneFree`].
    pub fn bind_any(
        &mut self,
        rng: &mut Rng,
        address: Option<IpAddr>,
        reuse: bool,
    ) -> Result<Claimed, PortError> {
        let used = |ports: &Self, address: Option<IpAddr>, port: Port| {
            let taken = |claim: &Claim| overlap(claim.address, address);
            ports.claims.get(&port.get()).is_some_and(|claims| claims.iter().any(taken))
        };
        let port = noted(rng, || self.search(address, &address, |_| false, used))?;
        Ok(self.claim(address, port, Hold::Bound { reuse }))
    }

    fn search(
        &mut self,
        local: Option<IpAddr>,
        destination: &impl Hash,
        mut in_use: impl FnMut(Port) -> bool,
        taken: impl Fn(&Self, Option<IpAddr>, Port) -> bool,
    ) -> Result<Port, PortError> {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        destination.hash(&mut hasher);
        let secret = hasher.finish();
        let slot = secret as usize % SLOTS;
        let first = self.counters.get(slot).copied().unwrap_or(0);
        for step in 0..self.count {
            // 2^32 is no multiple of every range: where the counter wraps, the order jumps once. Nothing is left out,
            // since the walk below counts within the range.
            let place = (first % self.count + step) % self.count;
            let Some(port) = Port::new(self.low.wrapping_add(permute(secret, self.count, place) as u16))
            else {
                continue;
            };
            if self.reserved.iter().any(|range| range.contains(&port.get()))
                || taken(self, local, port)
                || in_use(port)
            {
                continue;
            }
            if let Some(counter) = self.counters.get_mut(slot) {
                *counter = place + 1;
            }
            return Ok(port);
        }
        Err(PortError::NoneFree)
    }
}

/// What a search finds, as an outcome that is noted or rehearsed: `rng` draws nothing.
fn noted(rng: &mut Rng, search: impl FnOnce() -> Result<Port, PortError>) -> Result<Port, PortError> {
    let port = rng.outcome(Chance::Port, || search().map_or(0, |port| u64::from(port.get())));
    Port::new(port as u16).ok_or(PortError::NoneFree)
}

/// Where `place` goes in the permutation of `0..count` that `secret` names.
///
/// Four rounds of Feistel over the next even power of two, walked again until the value falls into the range: at
/// most four walks on average, and each value of the range is met by exactly one place.
fn permute(secret: u64, count: u32, place: u32) -> u32 {
    let half = (32 - count.saturating_sub(1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u32 << half) - 1;
    let mut value = place;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4u64 {
            let mut hasher = SipHasher13::new_with_keys(secret, round);
            hasher.write_u32(right);
            (left, right) = (right, left ^ (hasher.finish() as u32 & mask));
        }
        value = left << half | right;
        if value < count {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    proptest! {
        #[test]
        fn each_place_goes_to_one_port_of_the_range(secret: u64, count in 1u32..3_000) {
            let mut seen = vec![false; count as usize];
            for place in 0..count {
                let value = permute(secret, count, place) as usize;
                prop_assert!(!seen[value]);
                seen[value] = true;
            }
        }
    }
}
