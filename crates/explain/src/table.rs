//! All flows, of which only so many are held: the one that was quiet for longest goes first.

use crate::flow::Flow;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use wire::Protocol;

/// Two sockets, whichever way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    protocol: Protocol,
    low: SocketAddr,
    high: SocketAddr,
}

impl Key {
    pub(crate) fn new(protocol: Protocol, one: SocketAddr, other: SocketAddr) -> Self {
        Self { protocol, low: one.min(other), high: one.max(other) }
    }
}

struct Held {
    flow: Flow,
    /// When it was touched last, on the table's own count.
    touched: u64,
}

/// Flows by their sockets.
pub(crate) struct Table {
    most: usize,
    flows: HashMap<Key, Held>,
    quiet: BTreeMap<u64, Key>,
    clock: u64,
}

impl Table {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), flows: HashMap::new(), quiet: BTreeMap::new(), clock: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(crate) fn peek(&self, key: &Key) -> Option<&Flow> {
        self.flows.get(key).map(|held| &held.flow)
    }

    /// The flow between two sockets, which is the least quiet one from now on.
    pub(crate) fn touch(&mut self, key: &Key) -> Option<&mut Flow> {
        let held = self.flows.get_mut(key)?;
        self.clock += 1;
        self.quiet.remove(&held.touched);
        self.quiet.insert(self.clock, *key);
        held.touched = self.clock;
        Some(&mut held.flow)
    }

    /// A flow without making it less quiet.
    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Flow> {
        self.flows.get_mut(key).map(|held| &mut held.flow)
    }

    /// Takes a flow; gives the one that had this key, and the quietest if there are too many.
    pub(crate) fn insert(&mut self, key: Key, flow: Flow) -> [Option<Flow>; 2] {
        let old = self.remove(&key);
        let evicted = (self.flows.len() >= self.most).then(|| self.evict()).flatten();
        self.clock += 1;
        self.quiet.insert(self.clock, key);
        self.flows.insert(key, Held { flow, touched: self.clock });
        [old, evicted]
    }

    fn remove(&mut self, key: &Key) -> Option<Flow> {
        let held = self.flows.remove(key)?;
        self.quiet.remove(&held.touched);
        Some(held.flow)
    }

    fn evict(&mut self) -> Option<Flow> {
        let (_, key) = self.quiet.pop_first()?;
        self.flows.remove(&key).map(|held| held.flow)
    }

    /// Takes all of them, in the order in which they began.
    pub(crate) fn drain(&mut self) -> Vec<Flow> {
        self.quiet.clear();
        let mut flows: Vec<Flow> = self.flows.drain().map(|(_, held)| held.flow).collect();
        flows.sort_by_key(Flow::number);
        flows
    }
}
