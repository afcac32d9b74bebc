//! Names, options and errors of the calls that users make.

use super::arena::Key;
use ::tcp::TcpConfig;
use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;

/// Names a connection. A name is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnectionId(pub(crate) Key);

/// Names a listener. A name is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ListenerId(pub(crate) Key);

/// Names a connection request that waits for its verdict. A name is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PendingId(pub(crate) Key);

/// How a listener listens.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ListenConfig {
    /// Connections that may wait to be accepted. Default 128, at least 1. When the queue is full the handshake's last
    /// segment is dropped: the peer's data, or our SYN-ACK again, repeats it.
    pub backlog: usize,
    /// Half-open peers that are remembered, by a small record each (4987-1, 4987-4). Default 256. Beyond that, cookies
    /// (4987-8).
    pub syn_queue: usize,
    /// When to answer without a record (RFC 4987 §3.6; 4987-5). Default when the SYN queue is full.
    pub cookies: CookieUse,
    /// Whether the user decides about each request before it is answered. Default no.
    pub defer: bool,
    /// Settings of the connections; `None`: the host's.
    pub tcp: Option<Arc<TcpConfig>>,
    /// TTL or hop limit of what is sent; `None`: the host's (RFC 9293 MUST-49).
    pub ttl: Option<u8>,
    /// Differentiated services code point of what is sent. Default 0 (RFC 9293 MUST-48).
    pub dscp: u8,
    /// How often a SYN-ACK is sent again (4987-2). Default 5, see [`tcp::listener::HalfOpen::RETRANSMISSIONS`].
    pub retransmissions: u8,
    /// Take IPv4 connections as well when the address is `[::]`; peers then show with their IPv4 addresses. Default no
    /// (IPV6_V6ONLY of RFC 3493 §5.3).
    pub dual_stack: bool,
    /// Let others that also say so listen at the same address and port; each peer then meets one of them (SO_REUSEPORT).
    /// Default no.
    pub reuse_port: bool,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            backlog: 128,
            syn_queue: 256,
            cookies: CookieUse::Auto,
            defer: false,
            tcp: None,
            ttl: None,
            dscp: 0,
            retransmissions: ::tcp::listener::HalfOpen::RETRANSMISSIONS,
            dual_stack: false,
            reuse_port: false,
        }
    }
}

/// When a listener answers with SYN cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CookieUse {
    /// When the SYN queue is full, until a quarter of it is free again (RFC 4987 §3.7).
    #[default]
    Auto,
    /// Never: when the SYN queue is full, SYNs are dropped.
    Off,
    /// Always: no peer is remembered before it has answered.
    Always,
}

/// What becomes of a deferred connection request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
    /// Answer it with a SYN-ACK.
    Accept,
    /// Refuse it with a RST.
    Reset,
    /// Refuse it with an ICMP error: a filter forbids it.
    Unreachable,
    /// Say nothing. The peer asks again, and the user is asked again.
    Drop,
}

/// A connection request that waits for its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its name.
    pub id: PendingId,
    /// The address that it was sent to.
    pub local: SocketAddr,
    /// Who asks; anybody can write anything here, for no reply has come back yet.
    pub peer: SocketAddr,
}

/// What to open.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnectOptions {
    /// From where (RFC 9293 MUST-43): an unspecified address and port 0 are chosen. `None`: both.
    pub local: Option<SocketAddr>,
    /// To whom.
    pub remote: SocketAddr,
    /// Settings; `None`: the host's.
    pub tcp: Option<Arc<TcpConfig>>,
    /// TTL or hop limit of what is sent; `None`: the host's (RFC 9293 MUST-49).
    pub ttl: Option<u8>,
    /// Differentiated services code point of what is sent. Default 0 (RFC 9293 MUST-48).
    pub dscp: u8,
    /// Whether the local port may be one that others are bound to. Default no.
    pub reuse: bool,
}

impl ConnectOptions {
    /// To `remote`, with everything else chosen.
    pub fn to(remote: SocketAddr) -> Self {
        Self { local: None, remote, tcp: None, ttl: None, dscp: 0, reuse: false }
    }
}

/// Why an active OPEN failed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectError {
    /// Nobody can be there: an unspecified, broadcast or multicast address (RFC 9293 MUST-46), port 0, or another IP
    /// version than the local address.
    InvalidRemote,
    /// This pair of addresses and ports is open, or a listener has the port.
    AddrInUse,
    /// The local address is not ours, or no dynamic port is free for this peer.
    AddrNotAvailable,
    /// No route leads there.
    NetworkUnreachable,
    /// The host's memory budget is used up.
    OutOfMemory,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidRemote => "nobody can be at the remote address",
            Self::AddrInUse => "the address is in use",
            Self::AddrNotAvailable => "the local address is not available",
            Self::NetworkUnreachable => "the network is unreachable",
            Self::OutOfMemory => "out of memory",
        })
    }
}

impl core::error::Error for ConnectError {}

/// Why a passive OPEN failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenError {
    /// Somebody listens or is bound there.
    AddrInUse,
    /// The address is not ours, or no dynamic port is free.
    AddrNotAvailable,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddrInUse => "the address is in use",
            Self::AddrNotAvailable => "the local address is not available",
        })
    }
}

impl core::error::Error for ListenError {}
