//! What a host's user is told.

use crate::{EchoId, InterfaceId, UdpId};
use core::net::IpAddr;

/// Something that a user of the host wants to know. Coalesced: a set of conditions, never a growing queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEvent {
    /// An address of an interface was probed for and is now in use (RFC 4862 §5.4).
    AddressReady(InterfaceId, IpAddr),
    /// Somebody else on the link has the address (RFC 4862 §5.4.5; RFC 5227 §2.4 for IPv4).
    AddressConflict(InterfaceId, IpAddr),
    /// A UDP socket has something to receive.
    UdpReadable(UdpId),
    /// There is room again for what a UDP socket could not send.
    UdpWritable(UdpId),
    /// ICMP errors about what a UDP socket sent are there to be taken.
    UdpFailed(UdpId),
    /// An echo socket has something to receive.
    EchoReadable(EchoId),
    /// ICMP errors about what an echo socket sent are there to be taken.
    EchoFailed(EchoId),
}
