//! Whose segment is it? A hash with a secret key over the 4-tuple (RFC 9293 §3.4.1).
//!
//! ```text
//!   local address, port ┐
//!                       ├─► SipHash-1-3 with a key ─► table ─► what is there: connection, half-open, TIME-WAIT …
//!   remote address, port┘
//! ```
//!
//! Without the key nobody can find tuples that meet in one bucket, so that a flood of them costs no more than any other
//! traffic. Interfaces do not count: a connection survives a change of routes.

use core::net::{IpAddr, SocketAddr};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Flow {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
}

impl Flow {
    pub(crate) fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local: local.ip(), remote: remote.ip(), local_port: local.port(), remote_port: remote.port() }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.local, self.local_port)
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.remote, self.remote_port)
    }
}

/// What is at each 4-tuple.
#[derive(Clone)]
pub(crate) struct Demux<V> {
    key: [u8; 16],
    table: HashTable<(Flow, V)>,
}

impl<V: Copy> Demux<V> {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key, table: HashTable::new() }
    }

    pub(crate) fn get(&self, flow: &Flow) -> Option<V> {
        self.table.find(hash(&self.key, flow), |(at, _)| at == flow).map(|(_, value)| *value)
    }

    /// Puts `value` there, in the place of what was there.
    pub(crate) fn insert(&mut self, flow: Flow, value: V) {
        let hash_of_flow = hash(&self.key, &flow);
        match self.table.find_mut(hash_of_flow, |(at, _)| *at == flow) {
            Some((_, there)) => *there = value,
            None => {
                let key = self.key;
                self.table.insert_unique(hash_of_flow, (flow, value), |(at, _)| hash(&key, at));
            }
        }
    }

    /// Takes `value` away if it is what is there.
    pub(crate) fn remove_if(&mut self, flow: &Flow, value: V) -> bool
    where
        V: PartialEq,
    {
        let there = |(at, what): &(Flow, V)| at == flow && *what == value;
        self.table.find_entry(hash(&self.key, flow), there).map(|entry| entry.remove()).is_ok()
    }

    pub(crate) fn remove(&mut self, flow: &Flow) -> Option<V> {
        let entry = self.table.find_entry(hash(&self.key, flow), |(at, _)| at == flow).ok()?;
        Some(entry.remove().0.1)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}

/// Never the key.
impl<V> core::fmt::Debug for Demux<V> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Demux").field("len", &self.table.len()).finish_non_exhaustive()
    }
}

fn hash(key: &[u8; 16], flow: &Flow) -> u64 {
    let hasher = SipHasher13::new_with_key(key);
    let ports = u32::from(flow.local_port) << 16 | u32::from(flow.remote_port);
    // A different length for each version: no IPv4 tuple is an IPv6 one.
    if let (IpAddr::V4(local), IpAddr::V4(remote)) = (flow.local, flow.remote) {
        let tuple =
            u128::from(local.to_bits()) << 64 | u128::from(remote.to_bits()) << 32 | u128::from(ports);
        return hasher.hash(tuple.to_le_bytes().first_chunk::<12>().map_or(&[], |tuple| tuple));
    }
    let mut tuple = [0; 36];
    let octets = [flow.local, flow.remote].map(|address| match address {
        IpAddr::V4(a) => a.to_ipv6_mapped().octets(),
        IpAddr::V6(a) => a.octets(),
    });
    tuple[..16].copy_from_slice(&octets[0]);
    tuple[16..32].copy_from_slice(&octets[1]);
    tuple[32..].copy_from_slice(&ports.to_le_bytes());
    hasher.hash(&tuple)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use env::Rng;

    fn flow(n: u32) -> Flow {
        Flow {
            local: [10, 0, 0, 1].into(),
            remote: IpAddr::V4((0x0a01_0000 | n >> 16).into()),
            local_port: 80,
            remote_port: n as u16,
        }
    }

    #[test]
    fn what_was_put_at_a_tuple_is_found_there_and_nowhere_else() {
        let mut demux = Demux::new(Rng::seeded(1).key());
        for n in 0..100_000u32 {
            demux.insert(flow(n), n);
        }
        assert_eq!(demux.len(), 100_000);
        assert!((0..100_000).all(|n| demux.get(&flow(n)) == Some(n)));
        demux.insert(flow(7), 8);
        assert!(!demux.remove_if(&flow(7), 9) && demux.remove_if(&flow(7), 8));
        demux.insert(flow(7), 8);
        assert_eq!(demux.remove(&flow(7)), Some(8));
        assert_eq!((demux.get(&flow(7)), demux.remove(&flow(7)), demux.len()), (None, None, 99_999));
        let turned = Flow { local: flow(9).remote, remote: flow(9).local, local_port: 9, remote_port: 80 };
        assert_eq!(demux.get(&turned), None, "the ends are not the same");
        let six = Flow { local: [0; 16].into(), remote: [0; 16].into(), local_port: 0, remote_port: 0 };
        let four = Flow { local: [0; 4].into(), remote: [0; 4].into(), local_port: 0, remote_port: 0 };
        demux.insert(six, 1);
        assert_eq!(demux.get(&four), None);
    }

    /// Tuples as an attacker would send them (consecutive ports and addresses, and such as meet under another key)
    /// fill buckets no deeper than chance does: with a mean of one, deeper than twelve has a chance below 10^-5.
    #[test]
    fn no_bucket_grows_deep_whatever_tuples_are_sent() {
        const BUCKETS: usize = 1 << 16;
        let (ours, leaked) = (Rng::seeded(2).key(), Rng::seeded(3).key());
        let deepest = |flows: &mut dyn Iterator<Item = Flow>| {
            let mut depth: Vec<u32> = alloc::vec![0; BUCKETS];
            flows.take(BUCKETS).for_each(|flow| depth[hash(&ours, &flow) as usize % BUCKETS] += 1);
            depth.into_iter().max().unwrap_or(0)
        };
        assert!(deepest(&mut (0..).map(flow)) <= 12);
        assert!(deepest(&mut (0..).map(|n| flow(n << 16))) <= 12);
        let mut meeting = (0..u32::MAX).map(flow).filter(|flow| hash(&leaked, flow).is_multiple_of(16));
        assert!(deepest(&mut meeting) <= 12);
    }
}
