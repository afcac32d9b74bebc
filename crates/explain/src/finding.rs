//! What is to be remarked of a segment, by the names that Wireshark gave it.

use std::fmt;

/// A remark on a segment that other tools make too, under the same name.
///
/// Each is a field `tcp.analysis.NAME` of Wireshark's, and is set where Wireshark 4.0 sets it, but for what
/// `docs/explain.md` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// Octets, a SYN or a FIN that were seen before, or should have been. Set beside the two kinds below.
    Retransmission,
    /// A retransmission that two duplicate ACKs asked for, within 20 ms of the last of them.
    FastRetransmission,
    /// A retransmission of what was seen to be acknowledged.
    SpuriousRetransmission,
    /// A segment before the newest, so soon after it that it was overtaken and not sent again.
    OutOfOrder,
    /// An ACK that repeats the one before it.
    DuplicateAck,
    /// Segments before this one are not in the capture.
    LostSegment,
    /// It acknowledges what is not in the capture.
    AckLostSegment,
    /// A probe of an idle connection: the octet before the next one.
    KeepAlive,
    /// The answer to it.
    KeepAliveAck,
    /// There is no room at its sender.
    ZeroWindow,
    /// It says nothing new but a window.
    WindowUpdate,
    /// It fills the window that the other end has told.
    WindowFull,
    /// One octet into a window of zero.
    ZeroWindowProbe,
    /// The answer to it: still no room.
    ZeroWindowProbeAck,
    /// A SYN between two sockets that had a connection before.
    ReusedPorts,
}

impl Finding {
    /// Every one of them.
    pub const ALL: [Self; 15] = [
        Self::Retransmission,
        Self::FastRetransmission,
        Self::SpuriousRetransmission,
        Self::OutOfOrder,
        Self::DuplicateAck,
        Self::LostSegment,
        Self::AckLostSegment,
        Self::KeepAlive,
        Self::KeepAliveAck,
        Self::ZeroWindow,
        Self::WindowUpdate,
        Self::WindowFull,
        Self::ZeroWindowProbe,
        Self::ZeroWindowProbeAck,
        Self::ReusedPorts,
    ];

    /// The name, as it follows `tcp.analysis.` in Wireshark; it stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retransmission => "retransmission",
            Self::FastRetransmission => "fast_retransmission",
            Self::SpuriousRetransmission => "spurious_retransmission",
            Self::OutOfOrder => "out_of_order",
            Self::DuplicateAck => "duplicate_ack",
            Self::LostSegment => "lost_segment",
            Self::AckLostSegment => "ack_lost_segment",
            Self::KeepAlive => "keep_alive",
            Self::KeepAliveAck => "keep_alive_ack",
            Self::ZeroWindow => "zero_window",
            Self::WindowUpdate => "window_update",
            Self::WindowFull => "window_full",
            Self::ZeroWindowProbe => "zero_window_probe",
            Self::ZeroWindowProbeAck => "zero_window_probe_ack",
            Self::ReusedPorts => "reused_ports",
        }
    }
}

/// A set of findings.
///
/// ```
/// use handfast_explain::{Finding, Findings};
/// let mut both = Findings::NONE;
/// both.insert(Finding::ZeroWindow);
/// assert!(both.contains(Finding::ZeroWindow) && !both.contains(Finding::KeepAlive));
/// assert_eq!(both.to_string(), "zero_window");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Findings(u16);

impl Findings {
    /// Nothing is to be remarked.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, finding: Finding) {
        self.0 |= 1 << finding as u16;
    }

    /// Whether this one is among them.
    pub const fn contains(self, finding: Finding) -> bool {
        self.0 & (1 << finding as u16) != 0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that there are, in the order of [`Finding::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Finding> {
        Finding::ALL.into_iter().filter(move |finding| self.contains(*finding))
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(f, "{comma}{}", finding.name())?;
        }
        Ok(())
    }
}
