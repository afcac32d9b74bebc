//! What a host's user is told.

use crate::{ConnectionId, EchoId, InterfaceId, ListenerId, UdpId};
use ::tcp::{ConnectionError, SoftError};
use core::net::IpAddr;

/// Something that a user of the host wants to know. Coalesced: a set of conditions, never a growing queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEvent {
    /// An address of an interface was probed for and is now in use (RFC 4862 §5.4).
    AddressReady(InterfaceId, IpAddr),
    /// Somebody else on the link has the address (RFC 4862 §5.4.5; RFC 5227 §2.4 for IPv4).
    AddressConflict(InterfaceId, IpAddr),
    /// An address that was formed from a router's prefix is no longer ours (RFC 4862 §5.5.4).
    AddressGone(InterfaceId, IpAddr),
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
    /// A handshake that we began is complete.
    TcpConnected(ConnectionId),
    /// There is something to receive, or the end of it.
    TcpReadable(ConnectionId),
    /// There is room in the send buffer again.
    TcpWritable(ConnectionId),
    /// Everything sent so far is acknowledged, our FIN included if CLOSE was called.
    TcpDrained(ConnectionId),
    /// The peer closed: nothing comes after what is readable (RFC 9293 MUST-12).
    TcpPeerClosed(ConnectionId),
    /// Urgent data begins, or its end moved on (RFC 9293 MUST-32).
    TcpUrgent(ConnectionId),
    /// An ICMP error that does not end the connection (RFC 9293 MUST-47).
    TcpSoftError(ConnectionId, SoftError),
    /// The connection has ended, with a reason unless both sides closed. Its name lives until it is released.
    TcpClosed(ConnectionId, Option<ConnectionError>),
    /// A listener has connections to accept.
    TcpAcceptable(ListenerId),
    /// A listener has connection requests to decide about.
    TcpPending(ListenerId),
}
