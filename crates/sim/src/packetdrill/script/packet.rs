//! Packet lines: what arrives, or what is expected to leave.
//!
//! ```text
//!   <  [ect0]  8080 > 5000   S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 8>
//!   │    │        │          │     │       │      │          │
//!   │    Ip     ports      flags  seq     ack   window    Options       … all of it Tcp
//!   direction
//!
//!   <  ipv4 192.0.2.9 > 192.168.0.1:  gre:  .1:2(1) …        outer headers: kept, never run
//!   >  udp 8080 > 53 (512)                                    Udp
//!   <  icmp unreachable frag_needed mtu 1200 [1:1001(1000)]   Icmp, and what it quotes
//! ```
//!
//! Numbers are the script's: sequence numbers count from each side's ISN, timestamps are mapped by who runs it.

use super::icmp::Icmp;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A packet as a script writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which way it goes.
    pub direction: Direction,
    /// Headers around the packet proper, outermost first. Nobody runs them: see [`Packet::unsupported`].
    pub outer: Vec<Outer>,
    /// What is said of the IP header.
    pub ip: Ip,
    /// Source and destination port, where the line names them.
    pub ports: Option<(u16, u16)>,
    /// What is in the IP packet.
    pub body: Body,
    /// The octets of the payload, where the line gives them (an extension of ours); zeros where not.
    pub payload: Option<Vec<u8>>,
}

impl Packet {
    /// Why nobody here can run this packet, if so.
    pub fn unsupported(&self) -> Option<&'static str> {
        self.outer.first().map(|outer| match outer {
            Outer::Ipv4 { .. } | Outer::Ipv6 { .. } => "IP in IP is not spoken here",
            Outer::Gre(_) => "GRE is not spoken here",
            Outer::Mpls(_) => "MPLS is not spoken here",
            Outer::Psp { .. } => "PSP encryption is not spoken here",
        })
    }

    /// How many octets of payload the line says; none for ICMP.
    pub fn payload_len(&self) -> usize {
        match &self.body {
            Body::Tcp(tcp) => tcp.len.into(),
            Body::Udp(udp) => udp.len.into(),
            Body::Icmp(_) => 0,
        }
    }

    /// The segment, if it is TCP.
    pub fn tcp(&self) -> Option<&Tcp> {
        match &self.body {
            Body::Tcp(tcp) => Some(tcp),
            Body::Udp(_) | Body::Icmp(_) => None,
        }
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `<`: to the host under test.
    Inbound,
    /// `>`: from it.
    Outbound,
}

/// A header around the packet proper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outer {
    /// `ipv4 A > B:`
    Ipv4 {
        /// Its annotations.
        ip: Ip,
        /// Where it is from.
        src: Ipv4Addr,
        /// Where it goes.
        dst: Ipv4Addr,
    },
    /// `ipv6 A > B:`
    Ipv6 {
        /// Its annotations.
        ip: Ip,
        /// Where it is from.
        src: Ipv6Addr,
        /// Where it goes.
        dst: Ipv6Addr,
    },
    /// `gre …:`, the text between.
    Gre(String),
    /// `mpls …:`, the text between.
    Mpls(String),
    /// `encap psp spi N`
    Psp {
        /// The security parameters' index.
        spi: u32,
    },
}

/// What a line says of an IP header: `[ect0, flowlabel 0x1]`, in square brackets or round ones; ours has `frag` and `badsum`, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ip {
    /// The octet of DSCP and ECN.
    pub tos: Tos,
    /// The flow label of IPv6, 20 bits.
    pub flow_label: Option<u32>,
    /// Time to live, or hop limit.
    pub ttl: Option<u8>,
    /// Only a part of the packet arrives (an extension of ours, inbound only).
    pub fragment: Option<Fragment>,
    /// The checksum of what is in the IP packet is wrong (an extension of ours, inbound only).
    pub bad_sum: bool,
}

/// `frag 0:1480 id 7`: of what is in the packet that the line describes, these octets arrive as a fragment (RFC 791 §3.2,
/// RFC 8200 §4.5). More fragments are said to follow unless it is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its first octet, a multiple of eight, counted from the transport header on.
    pub from: u16,
    /// The octet behind its last.
    pub to: u16,
    /// The identification, 16 bits in IPv4.
    pub id: u32,
}

/// What a line says of the octet that holds DSCP and ECN (RFC 2474, RFC 3168 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tos {
    /// Nothing: inbound zero, outbound unchecked.
    #[default]
    Unchecked,
    /// `noecn`, `ect0`, `ect1`, `ce`: its two low bits.
    Ecn(Ecn),
    /// `ect01`: outbound, either of the two.
    AnyEct,
    /// `tos 0x10`: all of it.
    Octet(u8),
}

/// The ECN field of an IP header (RFC 3168 §5); the value is what travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ecn {
    /// Not capable.
    NotEct = 0,
    /// ECT(1).
    Ect1 = 1,
    /// ECT(0).
    Ect0 = 2,
    /// Congestion experienced.
    Ce = 3,
}

/// What an IP packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(Tcp),
    /// A UDP datagram.
    Udp(Udp),
    /// ICMP or ICMPv6, as the script's IP version has it.
    Icmp(Icmp),
}

/// A TCP segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Its flags.
    pub flags: Flags,
    /// Sequence number of its first octet, relative to the ISN.
    pub seq: u32,
    /// Octets of payload.
    pub len: u16,
    /// The acknowledgment number; zero where the line has none.
    pub ack: Option<u32>,
    /// The window as it travels. Inbound segments always have one; outbound ones are compared only if so.
    pub window: Option<u16>,
    /// The urgent pointer; zero where the line has none.
    pub urgent: Option<u16>,
    /// Its options.
    pub options: Options,
}

/// The flags of a segment. `E`, `W` and `A` may be written as the digit of ACE, which is the three bits AE, CWR, ECE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `F`
    pub fin: bool,
    /// `S`
    pub syn: bool,
    /// `R`
    pub rst: bool,
    /// `P`
    pub psh: bool,
    /// `.`
    pub ack: bool,
    /// `U`
    pub urg: bool,
    /// `E`
    pub ece: bool,
    /// `W`
    pub cwr: bool,
    /// `A`: accurate ECN, the bit that was the nonce sum.
    pub ae: bool,
}

impl Flags {
    /// AE, CWR and ECE as the counter that they are after the handshake of AccECN.
    pub fn ace(self) -> u8 {
        u8::from(self.ae) << 2 | u8::from(self.cwr) << 1 | u8::from(self.ece)
    }
}

/// What a line says of a segment's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Options {
    /// `<...>`: any, outbound only.
    Any,
    /// These, in this order; a line without `<…>` has none.
    Exactly(Vec<TcpOption>),
}

impl Default for Options {
    fn default() -> Self {
        Self::Exactly(Vec::new())
    }
}

/// One option of a TCP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// `eol` (RFC 9293 §3.2)
    EndOfList,
    /// `nop` (RFC 9293 §3.2)
    Nop,
    /// `mss N` (RFC 9293 §3.2)
    Mss(u16),
    /// `wscale N` (RFC 7323 §2.2)
    WindowScale(u8),
    /// `sackOK` (RFC 2018 §2)
    SackPermitted,
    /// `sack A:B C:D`: left and right edges (RFC 2018 §3)
    Sack(Vec<(u32, u32)>),
    /// `TS val N ecr M` (RFC 7323 §3.2)
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// `md5 HEX` (RFC 2385): the digest, or what stands for one.
    Md5(Vec<u8>),
    /// `FO HEX` (RFC 7413 §4.1.1): the cookie, empty where one is asked for.
    FastOpen(Vec<u8>),
    /// `FOEXP HEX`: the same under the experimental kind 254 and the magic 0xf989 (RFC 6994).
    FastOpenExperimental(Vec<u8>),
    /// `ECN e0b N ceb N e1b N`, or from `e1b` on: counters of AccECN, one to three of them, 24 bits each.
    AccEcn {
        /// Whether it is the order of kind 174, ECT(1) first; else of 172, ECT(0) first.
        ect1_first: bool,
        /// The counters in the order that they travel in.
        counters: Vec<u32>,
    },
    /// `kind N`, `kind N hex HEX`, `kind N len L hex HEX`: any other, or a malformed one (an extension of ours).
    Other {
        /// The octet of its kind.
        kind: u8,
        /// The octet of its length where that is not what it should be.
        len: Option<u8>,
        /// What follows the octet of the length.
        data: Vec<u8>,
    },
}

impl TcpOption {
    /// How many octets it takes in a header.
    pub fn octets(&self) -> usize {
        match self {
            Self::EndOfList | Self::Nop => 1,
            Self::Mss(_) => 4,
            Self::WindowScale(_) => 3,
            Self::SackPermitted => 2,
            Self::Sack(blocks) => 2 + 8 * blocks.len(),
            Self::Timestamps { .. } => 10,
            Self::Md5(octets) | Self::FastOpen(octets) => 2 + octets.len(),
            Self::FastOpenExperimental(cookie) => 4 + cookie.len(),
            Self::AccEcn { counters, .. } => 2 + 3 * counters.len(),
            Self::Other { data, .. } => 2 + data.len(),
        }
    }
}

/// A UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Octets of payload.
    pub len: u16,
}
