//! The ports of one transport: who has which, and which number the next unnamed socket gets.
//!
//! A port is claimed, by a socket that takes whatever comes to it or by connections, each of which is a 4-tuple of its own,
//! and is given back. Which number an unnamed socket gets is chosen in `choose`. TCP and UDP have an instance each (RFC 768: a
//! port space of its own, 768-9).

mod choose;
#[cfg(test)]
mod rfc6056;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::ops::RangeInclusive;
use env::Rng;
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

/// Whether something can be addressed to both.
pub(crate) fn overlap(one: Option<IpAddr>, two: Option<IpAddr>) -> bool {
    match (one, two) {
        (None, _) | (_, None) => true,
        (Some(one), Some(two)) => {
            one == two || one.is_ipv4() == two.is_ipv4() && (one.is_unspecified() || two.is_unspecified())
        }
    }
}
