//! The path's MTU, found without the help of routers (RFC 4821; 4821-1; RFC 8899 for TCP).
//!
//! ```text
//!   full segments vanish ─► a timeout, and another ─► the head again, small; behind it a full one
//!                                                          │ the small one is acknowledged, and no more
//!                                                          ▼
//!      a larger probe passes ◄── Search ◄─────── the size falls to the small one; all that is lost goes again
//! ```
//!
//! A segment starts as large as the link allows. What RFC 8899 calls BASE is the test here: its acknowledgment confirms the
//! size that is fallen to. ERROR is a test below the base, and SEARCHING, SEARCH_COMPLETE and the raise timer are
//! [`search`]'s. No timer runs for any of it: probes are data, and go when there is some; RACK and the retransmission timer
//! tell what became of them. This is the only layer that searches (8899-12): the host keeps what routers said, and where a search may
//! begin (`Connection::begin_with_packets_of`).

mod glue;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use glue::ProbePlan;

use crate::Path;
use alloc::boxed::Box;
use search::{Figures, Probe, Search, State};
use wire::{Mss, SeqNum};

/// Octets of a packet that most paths take (BASE_PLPMTU, RFC 8899 §5.1.2; 8899-15), over IPv4.
const BASE_V4: u16 = 1200;
/// What is tried where not even that passes: as low as routers are believed (RFC 5927 §7.2).
const LEAST_V4: u16 = 552;
/// The least that any IPv6 link takes (RFC 8200 §5): base and floor in one.
const LEAST_V6: u16 = 1280;

/// So many full segments must have vanished since one arrived, before a second timeout means more than chance.
const SUSPICIOUS: u8 = 4;
/// Sent so often in vain, the first segment goes again as a test, although others pass: they may be small.
const SENT_IN_VAIN: u8 = 3;

/// A small segment that is sent where full ones seem to vanish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Test {
    #[default]
    None,
    /// The next that is sent again is at most such a packet.
    Due(u16),
    /// It left, and ends there; a full one goes right behind it: if both arrive, there was an outage.
    Small(SeqNum, u16),
    /// Both left.
    Out(SeqNum, u16),
}

/// What a connection knows of its path's MTU, once there was reason to ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathMtu {
    test: Test,
    search: Search,
}

/// Where that is kept: most connections never ask.
pub(crate) type Known = Option<Box<PathMtu>>;

/// The numbers of the probe that is out.
pub(crate) fn probe(known: &Known) -> Option<(SeqNum, SeqNum)> {
    let probe = known.as_ref()?.search.out()?;
    Some((probe.start, probe.end))
}

/// How many full segments vanished, when `octets` in segments of `full` are newly believed lost and `before` had been.
pub(crate) fn vanished(before: u8, octets: u32, full: u32) -> u8 {
    before.saturating_add(u8::try_from(octets / full.max(1)).unwrap_or(u8::MAX))
}

impl PathMtu {
    /// Whether nothing is under way that an ACK could tell of.
    fn is_quiet(&self) -> bool {
        self.test == Test::None && self.search.out().is_none()
    }

    /// Whether a larger size is being looked for.
    pub(crate) fn searching(&self) -> bool {
        self.search.state == State::Searching
    }

    pub(crate) fn figures(&self) -> Figures {
        self.search.figures
    }

    /// Has a packet smaller than `size` sent as a test, if one may be: the base, or the least that is tried when `again`;
    /// the size of the next packet.
    fn test_below(&mut self, path: &Path, size: u16, again: bool) -> u16 {
        let small = if again || path.base_mtu() >= size { path.least_mtu() } else { path.base_mtu() };
        if small < size {
            self.test = Test::Due(small);
        }
        small.min(size)
    }
}

impl Path {
    /// Octets of headers around what a segment limit counts: IP's and TCP's fixed ones.
    pub(crate) fn headers(&self) -> u16 {
        self.ip_header() + 20
    }

    /// The IP header's fixed part, which the size that is assumed of a silent peer tells (RFC 9293 MUST-15).
    fn ip_header(&self) -> u16 {
        if self.default_mss == Mss::DEFAULT_V6 { 40 } else { 20 }
    }

    fn base_mtu(&self) -> u16 {
        if self.ip_header() == 40 { LEAST_V6 } else { BASE_V4 }
    }

    fn least_mtu(&self) -> u16 {
        if self.ip_header() == 40 { LEAST_V6 } else { LEAST_V4 }
    }

    /// Octets of the packet whose segment has `limit` octets of options and payload.
    pub(crate) fn mtu_of(&self, limit: u32) -> u16 {
        u16::try_from(limit).unwrap_or(u16::MAX).saturating_add(self.headers())
    }

    /// Octets of options and payload in a packet of `mtu`.
    pub(crate) fn limit_of(&self, mtu: u16) -> u32 {
        u32::from(mtu.saturating_sub(self.headers()))
    }
}
