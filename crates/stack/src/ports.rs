//! The ports of one transport: who has which, and which number the next unnamed socket gets.
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
//! Rules held here: 6056-1, 6056-6, 6056-8. TCP and UDP have an instance each (RFC 768: a port space of its own, 768-9).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, SocketAddr};
use core::ops::RangeInclusive;
use env::{Chance, Rng};
use siphasher::sip::{SipHasher13, SipHasher24};
use wire::Port;

/// Counters in the table of algorithm 4: RFC 6056 §3.3.4 shows that ten suffice to tell most destinations apart.
const SLOTS: usize = 256;

/// Who has which port of one transport.
#[derive(Clone)]
pub struct Ports {
    low: u16,
    count: u32,
    reserved: Vec<RangeInclusive<u16>>,
    claims: BTreeMap<u16, Vec<Claim>>,
    counters: Vec<u32>,
    key: [u8; 16],
}

/// Users of one port at one address that do not disturb each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    address: Option<IpAddr>,
    hold: Hold,
    count: u32,
}

/// How a port is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// By a socket that takes whatever comes to it: bound, listening.
    Bound {
        /// Whether it shares the port with others that also say so.
        reuse: bool,
    },
    /// By one connection (a 4-tuple) among many.
    Connection,
}

/// A port that somebody holds: to be given back with [`Ports::release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a claim that is lost is never given back"]
pub struct Claimed {
    /// The local address, or `None` for all of both versions. An unspecified one means all of its version.
    pub address: Option<IpAddr>,
    /// The port.
    pub port: Port,
    /// How it is held.
    pub hold: Hold,
}

/// Why a port was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortError {
    /// Somebody has it.
    InUse,
    /// No port of the dynamic range is free for this destination.
    NoneFree,
    /// A dynamic range needs a first port that is not 0 and not after its last.
    Range,
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "the address and port are in use",
            Self::NoneFree => "no dynamic port is free for this destination",
            Self::Range => "a range of ports goes from at least 1 to no less than that",
        })
    }
}

impl core::error::Error for PortError {}

impl Ports {
    /// The dynamic range of RFC 6335 §6, which is assigned to nobody (6335-1), and the default here. [`set_range`](Self::set_range) widens it (RFC 6056
    /// §3.2 would have all of 1024–65535).
    pub const DYNAMIC: RangeInclusive<u16> = 49_152..=65_535;

    /// All ports free, with a secret from `rng`.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            low: *Self::DYNAMIC.start(),
            count: u32::from(Self::DYNAMIC.end() - Self::DYNAMIC.start()) + 1,
            reserved: Vec::new(),
            claims: BTreeMap::new(),
            counters: (0..SLOTS).map(|_| rng.next_u32()).collect(),
            key: rng.key(),
        }
    }

    /// Sets the range that dynamic ports come from.
    ///
    /// # Errors
    /// [`PortError::Range`] when it is empty or begins at 0.
    pub fn set_range(&mut self, range: RangeInclusive<u16>) -> Result<(), PortError> {
        let (low, high) = (*range.start(), *range.end());
        if low == 0 || high < low {
            return Err(PortError::Range);
        }
        (self.low, self.count) = (low, u32::from(high - low) + 1);
        Ok(())
    }

    /// The range that dynamic ports come from.
    pub fn range(&self) -> RangeInclusive<u16> {
        self.low..=self.low.saturating_add((self.count.saturating_sub(1)) as u16)
    }

    /// Ports that are never chosen, although they may be bound by number (RFC 6056 §3.2, 6056-3).
    pub fn set_reserved(&mut self, reserved: Vec<RangeInclusive<u16>>) {
        self.reserved = reserved;
    }

    /// Claims `port` at `address` for a socket that takes whatever comes to it.
    ///
    /// Two claims collide when their addresses overlap (an unspecified address overlaps every one of its version,
    /// `None` every one), unless both are bound with `reuse`. With `reuse` a connection in the way is no hindrance
    /// either: its 4-tuple is more specific, and RFC 9293 §3.4.1 names connections by both ends.
    ///
    /// # Errors
    /// [`PortError::InUse`].
    pub fn bind(&mut self, address: Option<IpAddr>, port: Port, reuse: bool) -> Result<Claimed, PortError> {
        let collides = |claim: &Claim| {
            overlap(claim.address, address)
                && match claim.hold {
                    Hold::Bound { reuse: theirs } => !(reuse && theirs),
                    Hold::Connection => !reuse,
                }
        };
        if self.claims.get(&port.get()).is_some_and(|claims| claims.iter().any(collides)) {
            return Err(PortError::InUse);
        }
        Ok(self.claim(address, port, Hold::Bound { reuse }))
    }

    /// Claims `port` at `address` for one connection. Never fails: whether the 4-tuple is free is for whoever holds
    /// the table of connections to say (RFC 9293 9293-E44).
    pub fn connect(&mut self, address: IpAddr, port: Port) -> Claimed {
        self.claim(Some(address), port, Hold::Connection)
    }

    /// Gives back a claim.
    pub fn release(&mut self, claimed: Claimed) {
        let Some(claims) = self.claims.get_mut(&claimed.port.get()) else { return };
        let same = |claim: &Claim| claim.address == claimed.address && claim.hold == claimed.hold;
        let Some(at) = claims.iter().position(same) else { return };
        if let Some(claim) = claims.get_mut(at) {
            claim.count = claim.count.saturating_sub(1);
            if claim.count == 0 {
                claims.swap_remove(at);
            }
        }
        if claims.is_empty() {
            self.claims.remove(&claimed.port.get());
        }
    }

    /// Whether a socket is bound to `port` at an address that overlaps `address`.
    pub fn is_bound(&self, address: Option<IpAddr>, port: Port) -> bool {
        let bound =
            |claim: &Claim| matches!(claim.hold, Hold::Bound { .. }) && overlap(claim.address, address);
        self.claims.get(&port.get()).is_some_and(|claims| claims.iter().any(bound))
    }

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

    fn claim(&mut self, address: Option<IpAddr>, port: Port, hold: Hold) -> Claimed {
        let claims = self.claims.entry(port.get()).or_default();
        match claims.iter_mut().find(|claim| claim.address == address && claim.hold == hold) {
            Some(claim) => claim.count = claim.count.saturating_add(1),
            None => claims.push(Claim { address, hold, count: 1 }),
        }
        Claimed { address, port, hold }
    }
}

/// Never the secret.
impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports")
            .field("range", &self.range())
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

/// What a search finds, as an outcome that is noted or rehearsed: `rng` draws nothing.
fn noted(rng: &mut Rng, search: impl FnOnce() -> Result<Port, PortError>) -> Result<Port, PortError> {
    let port = rng.outcome(Chance::Port, || search().map_or(0, |port| u64::from(port.get())));
    Port::new(port as u16).ok_or(PortError::NoneFree)
}

/// Whether something can be addressed to both.
pub(crate) fn overlap(one: Option<IpAddr>, two: Option<IpAddr>) -> bool {
    match (one, two) {
        (None, _) | (_, None) => true,
        (Some(one), Some(two)) => {
            one == two || one.is_ipv4() == two.is_ipv4() && (one.is_unspecified() || two.is_unspecified())
        }
    }
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
mod rfc6056 {
    use super::*;
    use alloc::collections::BTreeSet;
    use env::Rng;
    use proptest::prelude::*;
    use std::vec;

    const LOCAL: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

    fn remote(n: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80))
    }

    fn ports() -> Ports {
        Ports::new(&mut Rng::seeded(1))
    }

    fn port(n: u16) -> Port {
        Port::new(n).unwrap()
    }

    /// Covers: RFC 6056 6056-5; RFC 9293 9293-E44
    #[test]
    fn every_port_serves_one_destination_once_and_then_another_destination_still_finds_one() {
        let mut ports = ports();
        let mut used = BTreeSet::new();
        for _ in 0..16_384 {
            let port =
                ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)).unwrap();
            assert!(used.insert(port));
            let _claimed = ports.connect(LOCAL, port);
        }
        assert_eq!(
            ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)),
            Err(PortError::NoneFree)
        );
        assert!(ports.choose(&mut Rng::seeded(1), LOCAL, remote(3), |_| false).is_ok());
        assert_eq!(ports.bind_any(&mut Rng::seeded(1), Some(LOCAL), false), Err(PortError::NoneFree));
        // One is given back: it is found again, wherever it lies.
        used.remove(&port(50_123));
        assert_eq!(
            ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)),
            Ok(port(50_123))
        );
    }

    /// Covers: RFC 6056 6056-2, 6056-6
    #[test]
    fn ports_to_one_destination_are_used_in_turn_each_once() {
        let mut ports = ports();
        for range in [49_152..=65_535, 1_024..=65_535, 1..=65_535, 60_000..=60_000, 60_000..=60_004] {
            ports.set_range(range.clone()).unwrap();
            assert_eq!(ports.range(), range);
            let seen: BTreeSet<u16> = range
                .clone()
                .map(|_| ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |_| false).unwrap().get())
                .collect();
            assert_eq!(seen, range.collect());
        }
        assert_eq!(ports.set_range(0..=7), Err(PortError::Range));
        #[expect(clippy::reversed_empty_ranges)]
        let empty = 9..=7;
        assert_eq!(ports.set_range(empty), Err(PortError::Range));
    }

    /// Covers: RFC 6056 6056-1, 6056-6, 6056-7, 6056-8
    #[test]
    fn the_last_port_tells_nothing_about_the_next() {
        // To one destination, and over many: bins of the value and of the difference to the one before. The 99.99 %
        // quantile of chi-square with 63 degrees of freedom is about 114.
        let chi = |bins: &[u32]| {
            let expected = f64::from(bins.iter().sum::<u32>()) / bins.len() as f64;
            bins.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum::<f64>()
        };
        for spread in [1, 1_000] {
            let mut ports = ports();
            let draws: Vec<u16> = (0..10_000)
                .map(|n| {
                    ports.choose(&mut Rng::seeded(1), LOCAL, remote(n % spread), |_| false).unwrap().get()
                        - 49_152
                })
                .collect();
            let (mut values, mut steps) = (vec![0; 64], vec![0; 64]);
            for pair in draws.windows(2) {
                values[usize::from(pair[0] >> 8)] += 1;
                steps[usize::from(pair[1].wrapping_sub(pair[0]) % 16_384 / 256)] += 1;
            }
            assert!(chi(&values) < 114.0 && chi(&steps) < 114.0, "{} {}", chi(&values), chi(&steps));
            let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / draws.len() as f64;
            let (mut with_next, mut with_self) = (0.0, 0.0);
            for pair in draws.windows(2) {
                with_next += (f64::from(pair[0]) - mean) * (f64::from(pair[1]) - mean);
                with_self += (f64::from(pair[0]) - mean).powi(2);
            }
            // Serial correlation of independent draws stays within four standard deviations, 4 / sqrt(n).
            let correlation: f64 = with_next / with_self;
            assert!(correlation.abs() < 0.04, "{correlation}");
        }
    }

    /// Covers: RFC 6056 6056-1, 6056-8
    #[test]
    fn another_secret_or_another_transport_gives_other_ports() {
        let mut rng = Rng::seeded(5);
        let (mut tcp, mut udp) = (Ports::new(&mut rng), Ports::new(&mut rng));
        let same = (0..1_000)
            .filter(|n| {
                tcp.choose(&mut Rng::seeded(1), LOCAL, remote(*n), |_| false)
                    == udp.choose(&mut Rng::seeded(1), LOCAL, remote(*n), |_| false)
            })
            .count();
        assert!(same < 5, "{same}");
    }

    /// Covers: RFC 6056 6056-3, 6056-4
    #[test]
    fn bound_and_reserved_ports_are_never_chosen() {
        let mut ports = ports();
        ports.set_range(50_000..=50_063).unwrap();
        ports.set_reserved(vec![50_000..=50_009, 50_020..=50_020]);
        let _here = ports.bind(Some(LOCAL), port(50_030), false).unwrap();
        let _all = ports.bind(None, port(50_031), true).unwrap();
        let elsewhere = ports.bind(Some([10, 0, 0, 9].into()), port(50_032), false).unwrap();
        let mut seen = BTreeSet::new();
        for n in 0..100_000u32 {
            seen.insert(ports.choose(&mut Rng::seeded(1), LOCAL, remote(n as u16), |_| false).unwrap().get());
        }
        let expected = (50_010..=50_063).filter(|n| ![50_020, 50_030, 50_031].contains(n));
        assert_eq!(seen, expected.collect());
        ports.release(elsewhere);
        assert!(ports.bind(Some(LOCAL), port(50_000), false).is_ok(), "reserved is not forbidden");
    }

    #[test]
    fn claims_collide_when_their_addresses_overlap_and_not_both_share() {
        let (other, v6) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([0; 16]));
        let (any4, p) = (IpAddr::from([0, 0, 0, 0]), port(80));
        let cases = [
            (Some(LOCAL), false, Some(LOCAL), false, false),
            (Some(LOCAL), false, Some(other), false, true),
            (Some(LOCAL), false, Some(any4), false, false),
            (Some(LOCAL), false, None, false, false),
            (Some(any4), false, Some(v6), false, true),
            (None, false, Some(v6), false, false),
            (Some(LOCAL), true, Some(LOCAL), true, true),
            (Some(LOCAL), true, Some(LOCAL), false, false),
            (Some(LOCAL), false, None, true, false),
            (None, true, None, true, true),
        ];
        for (first, first_reuse, second, second_reuse, fits) in cases {
            let mut ports = ports();
            let one = ports.bind(first, p, first_reuse).unwrap();
            assert!(ports.is_bound(second, p) || fits);
            let two = ports.bind(second, p, second_reuse);
            assert_eq!(two.is_ok(), fits, "{first:?} {first_reuse} {second:?} {second_reuse}");
            ports.release(one);
            if let Ok(two) = two {
                ports.release(two);
            }
            assert!(ports.claims.is_empty());
            assert!(!ports.is_bound(None, p));
        }
    }

    /// Covers: RFC 9293 9293-E44
    #[test]
    fn connections_share_a_port_and_keep_an_exclusive_socket_away_until_the_last_is_gone() {
        let mut ports = ports();
        let (one, two) = (ports.connect(LOCAL, port(50_000)), ports.connect(LOCAL, port(50_000)));
        assert_eq!(ports.bind(None, port(50_000), false), Err(PortError::InUse));
        let shared = ports.bind(None, port(50_000), true).unwrap();
        ports.release(shared);
        ports.release(one);
        assert_eq!(ports.bind(Some(LOCAL), port(50_000), false), Err(PortError::InUse));
        ports.release(two);
        assert!(ports.bind(Some(LOCAL), port(50_000), false).is_ok());
    }

    #[test]
    fn the_secret_is_not_printed() {
        let ports = ports();
        let text = std::format!("{ports:?}");
        assert!(text.contains("49152") && !text.contains("key") && !text.contains("counters"), "{text}");
    }

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
