//! What happened in a world, for those who watch.

use super::{HostId, LinkId};
use bytes::Bytes;
use device::impair::LinkEvent;
use env::Instant;
use stack::{InterfaceId, Trace};

/// One thing that happened somewhere.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When, on the world's clock.
    pub at: Instant,
    /// Where and what.
    pub what: Happened,
}

/// Something that happened, and where.
///
/// A frame's life, by its number ([`wire::Frame::id`], unique per host): `Host(Trace::Sent)`, `Link`…, and at its
/// receiver `Host(Trace::Received)`, perhaps `Host(Trace::Dropped)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Happened {
    /// On or in a host.
    Host(HostId, Trace),
    /// To a packet on a link.
    Link(LinkId, LinkEvent),
    /// A packet left a host, as octets: for captures. Through loopback it went to the host itself.
    Left(HostId, InterfaceId, Bytes),
    /// A packet came to a host, harmed or not, as octets.
    Came(HostId, InterfaceId, Bytes),
    /// A fault of the schedule, in words.
    Fault(String),
}
