//! Which sockets a datagram is for: a hash with a secret key, never a walk over all sockets.
//!
//! ```text
//!   local, remote ─► 1. connected: this local address and port, this remote address and port
//!                    2. bound to this local address and port
//!                    3. bound to every address of this IP version, and the port
//!                    4. bound to every address, and the port
//!
//!   unicast: the first that is there, and of several that share it the newest.   broadcast, group: all of them
//! ```

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

/// An address and a port, without a scope: what a demultiplexer compares.
pub(crate) type End = (IpAddr, u16);

/// Where a socket sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Between two ends.
    Connected {
        /// Ours.
        local: End,
        /// The other's.
        remote: End,
    },
    /// At a port: of one address, of every address of a version (unspecified), or of every address (`None`).
    Bound {
        /// The address.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
}

/// Sockets by place.
#[derive(Clone)]
pub(crate) struct Table {
    key: [u8; 16],
    entries: HashTable<Entry>,
}

#[derive(Clone)]
struct Entry {
    place: Place,
    /// Never empty; the newest is last.
    sockets: Vec<u32>,
}

impl Table {
    /// An empty table, hashed with a secret.
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key, entries: HashTable::new() }
    }

    pub(crate) fn insert(&mut self, place: Place, socket: u32) {
        let hash = hash(&self.key, &place);
        match self.entries.find_mut(hash, |entry| entry.place == place) {
            Some(entry) => entry.sockets.push(socket),
            None => {
                let key = self.key;
                let entry = Entry { place, sockets: Vec::from([socket]) };
                self.entries.insert_unique(hash, entry, |entry| self::hash(&key, &entry.place));
            }
        }
    }

    pub(crate) fn remove(&mut self, place: Place, socket: u32) {
        let hash = hash(&self.key, &place);
        let Ok(mut found) = self.entries.find_entry(hash, |entry| entry.place == place) else { return };
        found.get_mut().sockets.retain(|&other| other != socket);
        if found.get().sockets.is_empty() {
            found.remove();
        }
    }

    /// The sockets at `place`, the newest last.
    pub(crate) fn at(&self, place: Place) -> &[u32] {
        let hash = hash(&self.key, &place);
        self.entries.find(hash, |entry| entry.place == place).map_or(&[], |entry| &entry.sockets)
    }

    /// The one socket that a unicast datagram from `remote` to `local` is for.
    pub(crate) fn most_specific(&self, local: End, remote: End) -> Option<u32> {
        places(local, remote).into_iter().find_map(|place| self.at(place).last().copied())
    }

    /// Every socket that a datagram from `remote` to the group or broadcast address `local` may be for.
    pub(crate) fn all(&self, local: End, remote: End) -> impl Iterator<Item = u32> {
        places(local, remote).into_iter().flat_map(|place| self.at(place).iter().copied())
    }
}

/// From the most specific place on.
fn places(local: End, remote: End) -> [Place; 4] {
    let (address, port) = local;
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    [
        Place::Connected { local, remote },
        Place::Bound { address: Some(address), port },
        Place::Bound { address: Some(any), port },
        Place::Bound { address: None, port },
    ]
}

fn hash(key: &[u8; 16], place: &Place) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    place.hash(&mut hasher);
    hasher.finish()
}

/// Never the secret.
impl core::fmt::Debug for Table {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Table").field("places", &self.entries.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const THEIRS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn the_most_specific_place_wins_and_among_equals_the_newest() {
        let mut table = Table::new([3; 16]);
        let (local, remote) = ((OURS, 7), (THEIRS, 9));
        let places = places(local, remote);
        for (n, place) in places.into_iter().rev().enumerate() {
            assert_eq!(table.most_specific(local, remote), (n as u32).checked_sub(1));
            table.insert(place, n as u32);
            assert_eq!(table.most_specific(local, remote), Some(n as u32));
        }
        assert_eq!(table.all(local, remote).collect::<Vec<_>>(), [3, 2, 1, 0]);
        assert_eq!(table.most_specific(local, (THEIRS, 10)), Some(2));
        assert_eq!(table.most_specific((THEIRS, 7), remote), Some(1));
        assert_eq!(table.most_specific((IpAddr::V6(Ipv6Addr::LOCALHOST), 7), remote), Some(0));
        assert_eq!(table.most_specific((OURS, 8), remote), None);
        table.insert(places[1], 40);
        assert_eq!(table.at(places[1]), [2, 40]);
        assert_eq!(table.most_specific(local, (THEIRS, 10)), Some(40));
        table.remove(places[1], 40);
        table.remove(places[1], 41);
        assert_eq!(table.at(places[1]), [2]);
        for (n, place) in places.into_iter().rev().enumerate() {
            table.remove(place, n as u32);
        }
        assert!(table.entries.is_empty());
    }
}
