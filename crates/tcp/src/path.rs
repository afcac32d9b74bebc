//! What a connection must know of the way to its peer.

use env::Duration;
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
    /// How far ahead of its time the egress takes a train, which it then keeps until then; zero when it sends at once what
    /// it gets. At most 4 s count.
    pub ahead: Duration,
}

/// What a connection found out about its path, for others that take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathFound {
    /// Octets of packets that pass, where larger ones were found to vanish in silence (RFC 8899 §4.3).
    pub packets: Option<u16>,
    /// What asks for marks was lost, came mangled, or the marks did not come back (RFC 3168 §6.1.1.1, 9768 §3.1.4.1, §3.2.2.3,
    /// §5.3): it is better not to ask.
    pub marks_fail: bool,
}

impl Path {
    /// A path of an IPv4 `mtu`, both ways; trains of up to 60 KiB.
    pub fn ipv4(mtu: u16) -> Self {
        Self::over(mtu, 20, Mss::DEFAULT_V4)
    }

    /// A path of an IPv6 `mtu`, both ways; trains of up to 60 KiB.
    pub fn ipv6(mtu: u16) -> Self {
        Self::over(mtu, 40, Mss::DEFAULT_V6)
    }

    fn over(mtu: u16, ip_header: u16, default_mss: Mss) -> Self {
        let send_limit = mtu.saturating_sub(ip_header);
        Self {
            mss: Mss::new(send_limit.saturating_sub(20)),
            send_limit,
            default_mss,
            train_limit: 60 << 10,
            ahead: Duration::ZERO,
        }
    }
}
