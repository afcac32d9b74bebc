//! What a host's user is told.

use crate::InterfaceId;
use core::net::IpAddr;

/// Something that a user of the host wants to know. Coalesced: a set of conditions, never a growing queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEvent {
    /// An address of an interface was probed for and is now in use (RFC 4862 §5.4).
    AddressReady(InterfaceId, IpAddr),
    /// Somebody else on the link has the address (RFC 4862 §5.4.5; RFC 5227 §2.4 for IPv4).
    AddressConflict(InterfaceId, IpAddr),
}
