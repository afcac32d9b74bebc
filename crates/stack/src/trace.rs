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
use core::num::NonZeroU16;
use env::Instant;
use wire::{Ecn, Frame, Protocol, Quoted, arp, ethernet, ipv4, ipv6, tcp};

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

impl Packet {
    /// Reads a packet that begins with its IP header and may be cut after its transport header.
    pub(crate) fn read(packet: &[u8], segment_size: Option<u16>) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => {
                let view = ipv4::View::quoted(packet).ok()?;
                let fragment = view.is_fragment().then(|| Fragment {
                    identification: view.identification().into(),
                    offset: view.fragment_offset() as u16,
                    more: view.more_fragments(),
                });
                let len = usize::from(view.total_len());
                let payload = view.payload();
                let rest = len.saturating_sub(view.header_len());
                Some(Self {
                    src: view.src().into(),
                    dst: view.dst().into(),
                    ttl: view.ttl(),
                    ecn: view.ecn(),
                    len,
                    fragment,
                    content: Content::read(view.protocol(), payload, rest, fragment, segment_size),
                })
            }
            6 => {
                let view = ipv6::View::quoted(packet).ok()?;
                let len = ipv6::HEADER_LEN + usize::from(view.payload_len());
                let chain = view.walk().ok();
                let fragment = chain.and_then(|c| c.fragment).filter(|f| !f.is_atomic()).map(|f| Fragment {
                    identification: f.identification,
                    offset: f.offset as u16,
                    more: f.more,
                });
                let quoted = Quoted::v6(packet).ok()?;
                let at = chain.map_or(packet.len() - quoted.transport.len(), |c| c.offset);
                let rest = len.saturating_sub(at);
                let content = Content::read(quoted.protocol, quoted.transport, rest, fragment, segment_size);
                Some(Self {
                    src: view.src().into(),
                    dst: view.dst().into(),
                    ttl: view.hop_limit(),
                    ecn: view.ecn(),
                    len,
                    fragment,
                    content,
                })
            }
            _ => None,
        }
    }

    /// Reads an ARP packet.
    pub(crate) fn read_arp(packet: &[u8]) -> Option<Self> {
        let repr = arp::View::new(packet).ok()?.repr();
        Some(Self {
            src: repr.sender_ip.into(),
            dst: repr.target_ip.into(),
            ttl: 0,
            ecn: Ecn::NotEct,
            len: arp::LEN,
            fragment: None,
            content: Content::Arp { reply: repr.operation == arp::Operation::Reply },
        })
    }

    /// Reads a frame, which may be cut after its transport header; with an Ethernet header if it has one.
    pub fn of_frame(frame: &Frame, ethernet: bool) -> Option<Self> {
        // All headers, and nothing more: they are in the head, but for messages that are all body.
        let mut start = frame.head.as_slice().to_vec();
        start.extend(frame.body.chunks().iter().flatten().copied().take(HEADERS));
        let segment_size = frame.offload.segment_size.map(NonZeroU16::get);
        if !ethernet {
            return Self::read(&start, segment_size);
        }
        let view = ethernet::View::new(&start).ok()?;
        match view.ethertype() {
            ethernet::EtherType::ARP => Self::read_arp(view.payload()),
            _ => Self::read(view.payload(), segment_size),
        }
    }
}

/// Octets of body that may be headers: a message of ICMP, a first fragment.
const HEADERS: usize = 128;

impl Content {
    /// Reads a transport header; `len` octets were sent of it and what follows.
    fn read(
        protocol: Protocol,
        bytes: &[u8],
        len: usize,
        fragment: Option<Fragment>,
        segment_size: Option<u16>,
    ) -> Self {
        if fragment.is_some_and(|f| f.offset > 0) {
            return Self::Other(protocol);
        }
        let read = match protocol {
            Protocol::TCP => tcp::View::new(bytes).ok().and_then(|view| {
                Some(Self::Tcp {
                    src_port: view.src_port(),
                    dst_port: view.dst_port(),
                    header: view.header().ok()?,
                    len: len.saturating_sub(view.header_len()),
                    segment_size,
                })
            }),
            Protocol::UDP => bytes.first_chunk::<4>().map(|&[a, b, c, d]| Self::Udp {
                src_port: u16::from_be_bytes([a, b]),
                dst_port: u16::from_be_bytes([c, d]),
                len: len.saturating_sub(wire::udp::HEADER_LEN),
                segment_size,
            }),
            Protocol::ICMP | Protocol::ICMPV6 => {
                bytes.first_chunk::<2>().map(|&[kind, code]| Self::Icmp { kind, code, len })
            }
            _ => None,
        };
        read.unwrap_or(Self::Other(protocol))
    }
}
