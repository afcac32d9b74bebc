//! Identifications of datagrams: what their fragments are told apart by (RFC 6864, RFC 7739).

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use env::Rng;
use siphasher::sip::SipHasher13;
use wire::Protocol;

/// Counters that flows share; which one is a flow's is secret.
const COUNTERS: usize = 256;

/// Draws identifications: consecutive for one source, destination and protocol, from a start that only the holder of
/// the secret knows (RFC 7739 §5.3, algorithm of a hash plus a table of counters; RFC 8200
/// 8200-8; RFC 6864, 791-3). No two datagrams of a flow get the
/// same one before all of the flow's counter has gone round, and an observer of one flow learns little of another.
///
/// Debug output never shows the secret.
#[derive(Clone)]
pub(crate) struct Identifications {
    key: [u8; 16],
    counters: [u32; COUNTERS],
}

/// Where a flow's identifications begin, and which counter it shares: secret.
#[derive(Clone, Copy)]
pub(crate) struct Series(u64);

impl core::fmt::Debug for Series {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Series(..)")
    }
}

impl Identifications {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self { key: rng.key(), counters: core::array::from_fn(|_| rng.next_u32()) }
    }

    /// Which are a flow's: the same for as long as the host lives.
    pub(crate) fn series(&self, src: IpAddr, dst: IpAddr, protocol: Protocol) -> Series {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        (src, dst, protocol).hash(&mut hasher);
        Series(hasher.finish())
    }

    /// The next one of a flow; IPv4 takes the low 16 bits.
    pub(crate) fn next(&mut self, Series(hash): Series) -> u32 {
        let slot = (hash >> 32) as usize % COUNTERS;
        let Some(counter) = self.counters.get_mut(slot) else { return hash as u32 };
        *counter = counter.wrapping_add(1);
        (hash as u32).wrapping_add(*counter)
    }
}

impl core::fmt::Debug for Identifications {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Identifications { .. }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use core::net::Ipv4Addr;

    /// Covers: RFC 8200 8200-8; RFC 791 791-3
    #[test]
    fn a_flow_uses_each_identification_once_and_tells_nothing_of_another() {
        let mut ids = Identifications::new(&mut Rng::seeded(1));
        let us = Ipv4Addr::new(192, 0, 2, 1).into();
        let to = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        let draw = |ids: &mut Identifications, dst| ids.next(ids.series(us, dst, Protocol::UDP));
        let seen: BTreeSet<u32> = (0..100_000).map(|_| draw(&mut ids, to(7))).collect();
        assert_eq!(seen.len(), 100_000);
        let low: BTreeSet<u16> = (0..65_536).map(|_| draw(&mut ids, to(7)) as u16).collect();
        assert_eq!(low.len(), 65_536);
        // Neighbouring destinations start far apart.
        let starts: alloc::vec::Vec<u32> = (0..64).map(|n| draw(&mut ids, to(n))).collect();
        assert!(starts.windows(2).filter(|w| w[0].abs_diff(w[1]) < 1 << 20).count() < 3);
        assert_eq!(alloc::format!("{ids:?}"), "Identifications { .. }");
    }
}
