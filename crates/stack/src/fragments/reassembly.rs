//! Putting fragments together (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722).
//!
//! ```text
//!   key (source, destination, identification, IPv4: protocol) ─► pieces by offset ─► whole? ─► one datagram
//!        │                                                          │ overlap: all of it is dropped, and what comes
//!        └── oldest first: time-out, and room for newer ones        │          later
//! ```
//!
//! Every step is O(log n). Memory is charged at what is really held, per source and in all; when a cap is met, the oldest
//! datagram (of that source, or of all) makes room.

use crate::{Account, Budget, Delivered, Drop};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;
use env::{Duration, Instant};
use wire::{Ecn, Payload, Protocol};

/// Pieces of one datagram that are kept: enough for the largest datagram over links of 576 octets, twice.
const MAX_PIECES: usize = 256;
/// What a datagram and a piece cost beside their octets.
const DATAGRAM_COST: usize = 512;
const PIECE_COST: usize = 96;
/// The longest payload that a whole packet may have.
const MAX_PAYLOAD: usize = 65_535;

/// What fragments of one datagram have in common (RFC 791 791-15; RFC 8200 §4.5, where the protocol does not count).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    src: IpAddr,
    dst: IpAddr,
    identification: u32,
    protocol: u8,
}

impl Key {
    pub(crate) fn new(src: IpAddr, dst: IpAddr, identification: u32, protocol: Protocol) -> Self {
        let protocol = if src.is_ipv4() { protocol.number() } else { 0 };
        Self { src, dst, identification, protocol }
    }
}

/// A fragment that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) key: Key,
    /// Where its octets start in the whole payload.
    pub(crate) offset: usize,
    /// Others follow.
    pub(crate) more: bool,
    /// The octets.
    pub(crate) data: Payload,
    /// The packet that it came in, without payload.
    pub(crate) about: Delivered,
}

/// What became of a fragment.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It waits for the others.
    Waiting,
    /// It was the last one missing.
    Whole(Box<Delivered>),
    /// It was not taken, or took the rest with it.
    Refused(Drop),
}

/// Datagrams that wait for fragments (RFC 791 791-2).
#[derive(Clone, Debug)]
pub(crate) struct Reassembly {
    timeout: Duration,
    limit: usize,
    limit_per_source: usize,
    held: usize,
    buffers: BTreeMap<Key, Buffer>,
    /// Oldest first.
    order: BTreeMap<u64, Key>,
    sources: BTreeMap<IpAddr, Source>,
    next: u64,
}

#[derive(Clone, Debug, Default)]
struct Source {
    held: usize,
    datagrams: BTreeSet<u64>,
}

#[derive(Clone, Debug)]
struct Buffer {
    number: u64,
    started: Instant,
    /// No piece overlaps another.
    pieces: BTreeMap<usize, Payload>,
    have: usize,
    /// Known once the last fragment came.
    total: Option<usize>,
    held: usize,
    /// The first fragment's packet: its header is the whole datagram's.
    first: Option<Box<Delivered>>,
    /// ECN code points seen (RFC 3168 §5.3).
    marks: u8,
    /// It had an overlap: whatever else comes is dropped (RFC 5722 §4; with IPv4 it is the safe way, too, 791-2).
    spoiled: bool,
}

impl Reassembly {
    pub(crate) fn new(timeout: Duration, limit: usize, limit_per_source: usize) -> Self {
        Self {
            timeout,
            limit,
            limit_per_source,
            held: 0,
            buffers: BTreeMap::new(),
            order: BTreeMap::new(),
            sources: BTreeMap::new(),
            next: 0,
        }
    }

    /// Octets of memory held.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Takes a fragment. Also says how many datagrams were given up to make room.
    pub(crate) fn insert(&mut self, now: Instant, budget: &mut Budget, piece: Piece) -> (Outcome, u64) {
        let Piece { key, offset, more, data, about } = piece;
        let end = offset + data.len();
        if end > MAX_PAYLOAD || (more && (data.is_empty() || data.len() % 8 != 0)) {
            self.forget(budget, &key);
            return (Outcome::Refused(Drop::FragmentMalformed), 0);
        }
        let data = data.compact();
        let first = offset == 0;
        let quote = if first { about.quote.len() } else { 0 };
        let fresh = !self.buffers.contains_key(&key);
        let cost = data.held() + PIECE_COST + quote + if fresh { DATAGRAM_COST } else { 0 };
        let Some(evicted) = self.make_room(budget, key, cost) else {
            return (Outcome::Refused(Drop::FragmentLimit), 0);
        };
        // Room was made by forgetting others, and by forgetting this one if it was the oldest of all.
        let fresh = !self.buffers.contains_key(&key);
        let number = self.next;
        let buffer = self.buffers.entry(key).or_insert_with(|| Buffer::new(number, now));
        if fresh {
            self.next += 1;
            self.order.insert(number, key);
        }
        let source = self.sources.entry(key.src).or_default();
        source.datagrams.insert(buffer.number);
        source.held += cost;
        buffer.held += cost;
        self.held += cost;
        let outcome = buffer.add(offset, more, data, about);
        let done = match &outcome {
            Outcome::Whole(_) => true,
            Outcome::Waiting => false,
            // A spoiled datagram is remembered, without its octets, so that later fragments do not start it anew.
            Outcome::Refused(_) => !buffer.spoiled && buffer.pieces.is_empty(),
        };
        if done {
            self.forget(budget, &key);
        } else {
            self.recount(budget, &key);
        }
        (outcome, evicted)
    }

    /// When the oldest datagram is given up, if there is one.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let (_, key) = self.order.first_key_value()?;
        Some(self.buffers.get(key)?.started + self.timeout)
    }

    /// Gives up one datagram whose time has come: its first fragment's packet, if that ever came and nothing was wrong
    /// with it (RFC 791 791-2, RFC 8200 8200-11; RFC 792: who never sent the first fragment is not told). Call until `None`.
    pub(crate) fn expire(&mut self, now: Instant, budget: &mut Budget) -> Option<Option<Box<Delivered>>> {
        if self.poll_timeout()? > now {
            return None;
        }
        let (_, &key) = self.order.first_key_value()?;
        let buffer = self.forget(budget, &key)?;
        Some(if buffer.spoiled { None } else { buffer.first })
    }

    /// Makes room for `cost` octets, and says how many datagrams that cost; `None` when it cannot be.
    fn make_room(&mut self, budget: &mut Budget, key: Key, cost: usize) -> Option<u64> {
        let mut evicted = 0;
        loop {
            let of_source = self.sources.get(&key.src);
            let oldest = if of_source.map_or(0, |s| s.held) + cost > self.limit_per_source {
                of_source.and_then(|s| s.datagrams.first()).and_then(|n| self.order.get(n)).copied()?
            } else if self.held + cost > self.limit || budget.charge(Account::Reassembly, cost).is_err() {
                self.order.first_key_value().map(|(_, &key)| key)?
            } else {
                return Some(evicted);
            };
            self.forget(budget, &oldest);
            evicted += 1;
        }
    }

    fn forget(&mut self, budget: &mut Budget, key: &Key) -> Option<Buffer> {
        let buffer = self.buffers.remove(key)?;
        self.order.remove(&buffer.number);
        self.held -= buffer.held;
        budget.release(Account::Reassembly, buffer.held);
        if let Some(source) = self.sources.get_mut(&key.src) {
            source.held -= buffer.held;
            source.datagrams.remove(&buffer.number);
            if source.datagrams.is_empty() {
                self.sources.remove(&key.src);
            }
        }
        Some(buffer)
    }

    /// Gives back what a datagram was charged beyond what it holds.
    fn recount(&mut self, budget: &mut Budget, key: &Key) {
        let Some(buffer) = self.buffers.get_mut(key) else { return };
        let excess = buffer.held.saturating_sub(buffer.cost());
        buffer.held -= excess;
        self.held -= excess;
        budget.release(Account::Reassembly, excess);
        if let Some(source) = self.sources.get_mut(&key.src) {
            source.held -= excess;
        }
    }
}

impl Buffer {
    fn new(number: u64, started: Instant) -> Self {
        Self {
            number,
            started,
            pieces: BTreeMap::new(),
            have: 0,
            total: None,
            held: 0,
            first: None,
            marks: 0,
            spoiled: false,
        }
    }

    /// What it holds. Summed only where fragments were refused or trimmed would do, but there are few pieces.
    fn cost(&self) -> usize {
        let pieces: usize = self.pieces.values().map(|p| p.held() + PIECE_COST).sum();
        DATAGRAM_COST + pieces + self.first.as_ref().map_or(0, |first| first.quote.len())
    }

    fn add(&mut self, offset: usize, more: bool, data: Payload, about: Delivered) -> Outcome {
        if self.spoiled {
            return Outcome::Refused(Drop::FragmentOverlap);
        }
        let end = offset + data.len();
        let last = (!more).then_some(end);
        let beyond = self.total.is_some_and(|total| end > total || last.is_some_and(|end| end != total))
            || last.is_some_and(|end| self.pieces.last_key_value().is_some_and(|(at, p)| at + p.len() > end));
        if beyond {
            return self.spoil(Drop::FragmentMalformed);
        }
        if self.pieces.get(&offset).is_some_and(|p| p.len() == data.len()) && !data.is_empty() {
            return Outcome::Refused(Drop::FragmentOverlap); // The same again: RFC 8200 §4.5 lets it be ignored.
        }
        let before = self.pieces.range(..end).next_back().is_some_and(|(at, p)| at + p.len() > offset);
        if before {
            return self.spoil(Drop::FragmentOverlap);
        }
        if self.pieces.len() >= MAX_PIECES {
            return self.spoil(Drop::FragmentTooMany);
        }
        self.total = self.total.or(last);
        self.marks |= 1 << about.ecn.bits();
        let arrived = about.arrived;
        if offset == 0 && self.first.is_none() {
            let quote = bytes::Bytes::copy_from_slice(&about.quote);
            self.first = Some(Box::new(Delivered { quote, ..about }));
        }
        if !data.is_empty() {
            self.have += data.len();
            self.pieces.insert(offset, data);
        }
        self.finish(arrived)
    }

    /// Everything but the fact that it was spoiled is let go of (RFC 8200 8200-10, RFC 5722 5722-1).
    fn spoil(&mut self, why: Drop) -> Outcome {
        self.spoiled = true;
        self.pieces.clear();
        self.first = None;
        Outcome::Refused(why)
    }

    fn finish(&mut self, arrived: Instant) -> Outcome {
        if self.total != Some(self.have) {
            return Outcome::Waiting;
        }
        let Some(mut whole) = self.first.take() else { return Outcome::Waiting };
        let congested = self.marks & 1 << Ecn::Ce.bits() != 0;
        if congested && self.marks & 1 << Ecn::NotEct.bits() != 0 {
            return self.spoil(Drop::FragmentMalformed); // RFC 3168 §5.3 (3168-18): a mark that could not be.
        }
        if congested {
            whole.ecn = Ecn::Ce;
        }
        let mut all = alloc::vec::Vec::with_capacity(self.have);
        for chunk in self.pieces.values().flat_map(|p| p.chunks()) {
            all.extend_from_slice(chunk);
        }
        whole.payload = all.into();
        whole.arrived = arrived;
        Outcome::Whole(whole)
    }
}
