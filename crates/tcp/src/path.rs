//! What a connection must know of the way to its peer.

use wire::Mss;

/// What the stack tells a connection about its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The segment size that we announce: the interface's MTU less the fixed IP header and the fixed TCP header
    /// (RFC 9293 MUST-67).
    pub mss: Mss,
    /// The largest TCP segment, header and payload, that fits the path: its MTU less the IP headers.
    pub send_limit: u16,
    /// What to assume of a peer that announces no segment size (RFC 9293 MUST-15).
    pub default_mss: Mss,
    /// Most octets of payload in one train that the egress takes; 0 when it takes one segment at a time.
    pub train_limit: u32,
}
