//! What came of a flow.

use crate::finding::Finding;

/// How a flow ended, as far as the capture goes. Sides are 0 (left) and 1 (right).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It was open at the end of the capture.
    Open,
    /// SYNs were sent, the other end answered, and that was all.
    Opening,
    /// Nobody answered the SYN.
    Unanswered,
    /// An ICMP error answered the SYN.
    Unreachable,
    /// This side had closed, and the other had not.
    HalfClosed(usize),
    /// Both had closed, and not everything was acknowledged.
    Closing,
    /// Both closed and acknowledged it; this side closed first.
    Closed(usize),
    /// This side answered the SYN with a RST.
    Refused(usize),
    /// This side aborted.
    Reset(usize),
    /// It is no connection.
    Datagrams,
}

impl Ending {
    /// A name for programs, which stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Opening => "opening",
            Self::Unanswered => "unanswered",
            Self::Unreachable => "unreachable",
            Self::HalfClosed(_) => "half_closed",
            Self::Closing => "closing",
            Self::Closed(_) => "closed",
            Self::Refused(_) => "refused",
            Self::Reset(_) => "reset",
            Self::Datagrams => "datagrams",
        }
    }

    /// The side that it is about.
    pub const fn side(self) -> Option<usize> {
        match self {
            Self::HalfClosed(side) | Self::Closed(side) | Self::Refused(side) | Self::Reset(side) => {
                Some(side)
            }
            _ => None,
        }
    }
}

/// What one end of a flow sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Octets of payload, repeated ones included.
    pub octets: u64,
    /// Packets with each finding, in the order of [`Finding::ALL`].
    pub found: [u64; Finding::ALL.len()],
    /// Packets whose checksum was wrong.
    pub wrong_checksums: u64,
    /// Packets whose checksum was left to the device.
    pub partial_checksums: u64,
    /// Trains: packets longer than a segment may be.
    pub trains: u64,
    /// Packets that a conforming receiver does not use.
    pub ignored: u64,
}

impl Sent {
    /// Packets with this finding.
    pub fn count(&self, finding: Finding) -> u64 {
        self.found.get(finding as usize).copied().unwrap_or(0)
    }
}
