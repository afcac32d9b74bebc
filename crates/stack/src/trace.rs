//! What happened on the wire and inside, for people to watch: the ladder, captures and counters read only this.
//!
//! ```text
//!    host.watch(true)
//!    frame out ─► Sent      one a frame, when it is handed to the device: after segmentation and fragmentation
//!    frame in ──► Received  then perhaps Dropped, with the same frame id, and why
//!    inside ────► Tcp       a connection's own notes: state changes, discards, estimates
//! ```
//!
//! Nothing here is produced unless somebody watches.

use crate::{Drop, InterfaceId};
use ::tcp::{Note, Why};
use core::net::{IpAddr, SocketAddr};
use env::Instant;
use wire::{Ecn, Protocol};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trace {
    /// A frame was handed to the device.
    Sent {
        /// When.
        at: Instant,
        /// The frame's number: every frame that a host sends has its own.
        frame: u64,
        /// Through which interface.
        interface: InterfaceId,
        /// What it carries.
        packet: Packet,
        /// Why it was sent, when TCP knows.
        why: Option<Why>,
    },
    /// A frame came in and was read as far as it could be.
    Received {
        /// When it arrived at the device.
        at: Instant,
        /// The frame's number, as its sender gave it; 0 when unknown.
        frame: u64,
        /// Through which interface.
        interface: InterfaceId,
        /// What it carries.
        packet: Packet,
    },
    /// Something that came in, or was to go out, was dropped.
    Dropped {
        /// When.
        at: Instant,
        /// The frame's number, as its sender gave it; 0 when unknown.
        frame: u64,
        /// Which interface.
        interface: InterfaceId,
        /// Why.
        why: Drop,
    },
    /// A connection's note.
    Tcp {
        /// When.
        at: Instant,
        /// Our end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
        /// What.
        note: Note,
    },
}

/// A packet as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who sent it; for ARP, the sender's protocol address.
    pub src: IpAddr,
    /// Whom it is for; for ARP, the target's protocol address.
    pub dst: IpAddr,
    /// TTL or hop limit; 0 for ARP.
    pub ttl: u8,
    /// Congestion notification.
    pub ecn: Ecn,
    /// Octets of the IP packet, header included.
    pub len: usize,
    /// Set on a fragment.
    pub fragment: Option<Fragment>,
    /// What it carries.
    pub content: Content,
}

/// Which part of a datagram a fragment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The datagram's identification.
    pub identification: u32,
    /// Where its payload starts in the datagram's, in octets.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A TCP segment, or a train of them.
    Tcp {
        /// The sender's port.
        src_port: u16,
        /// The receiver's port.
        dst_port: u16,
        /// The header.
        header: wire::tcp::Header,
        /// Octets of payload.
        len: usize,
        /// On a train: octets of payload in each of its segments.
        segment_size: Option<u16>,
    },
    /// A UDP datagram, or a train of them.
    Udp {
        /// The sender's port.
        src_port: u16,
        /// The receiver's port.
        dst_port: u16,
        /// Octets of payload.
        len: usize,
        /// On a train: octets of payload in each of its datagrams.
        segment_size: Option<u16>,
    },
    /// ICMP of either version.
    Icmp {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// Octets of the message.
        len: usize,
    },
    /// ARP: `true` for a reply.
    Arp {
        /// A reply, not a request.
        reply: bool,
    },
    /// Any other protocol, or a transport header that does not read, or a fragment after the first.
    Other(Protocol),
}
