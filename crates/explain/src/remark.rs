//! What is said of a packet, beyond its numbers.

use crate::finding::Finding;
use env::Duration;
use tcp::State;

/// How a retransmission came about, as far as it can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Again {
    /// Duplicate ACKs asked for it.
    Fast,
    /// A timer expired: nothing new was acknowledged for so long.
    Timeout,
    /// What it repeats was seen to be acknowledged.
    Spurious,
    /// Any other: recovery goes on, or a probe at the tail.
    Other,
}

/// Why a receiver that keeps to the RFCs does not use a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// Its checksum is wrong.
    Checksum,
    /// A RST outside the window (RFC 9293 §3.10.7.4, first step).
    ResetOutside,
    /// A RST in the window and not at RCV.NXT: a challenge ACK is due (RFC 5961 §3.2).
    ResetInexact,
    /// A RST at SYN-SENT that does not acknowledge the SYN (RFC 9293 §3.10.7.3).
    ResetUnproven,
    /// A RST to nobody.
    ResetToNobody,
    /// A SYN on an open connection: a challenge ACK is due (RFC 5961 §4.2).
    SynOnOpen,
    /// All of it is outside the window (RFC 9293 §3.10.7.4, first step).
    OutsideWindow,
}

/// Why an end sent a RST, as far as it can be inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// A RST answers a SYN: nothing is open there, or it is not wanted.
    Refused,
    /// It answers a segment of a connection that its sender knows nothing of (any more).
    NoConnection,
    /// Its sender had closed, and data came that nobody would read.
    AfterClose,
    /// Its sender had repeated itself so often without an answer.
    GaveUp(u32),
    /// Its sender's user aborted, or left data unread.
    Aborted,
}

/// Something said of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// What Wireshark remarks too, where nothing below says it better.
    Found(Finding),
    /// The nth copy of the ACK.
    DuplicateAck(u32),
    /// So many octets before it are not in the capture.
    Missing(u32),
    /// A retransmission: how, and how long after the last time that it was seen.
    Again(Again, Option<Duration>),
    /// A train: so many segments of so many octets in one packet, which a device was to cut, or has put together.
    Train(u32, u16),
    /// The first window of zero began here and lasted so long; said where it ends.
    WindowReopens(Duration),
    /// A conforming receiver does not use it.
    Ignored(Ignored),
    /// Why the RST.
    Reset(Reset),
    /// The end is still in this state: an ACK that should have moved it on did not arrive.
    StillIn(State),
    /// Its TTL or hop limit is not that of the others from this end: perhaps somebody else sent it.
    OtherTtl(u8, u8),
    /// The checksum is left to the device, as everywhere on the way out: no error.
    PartialChecksum,
    /// A fragment.
    Fragment,
    /// It was met in its middle: what was before is not in the capture.
    Midway,
    /// An ICMP error about this flow.
    Icmp,
}

/// A remark, and at which end it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// 0 or 1.
    pub side: usize,
    /// What.
    pub remark: Remark,
}

impl Remark {
    /// Whether something is wrong.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Ignored(_))
    }

    /// A name for programs, which stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found(finding) => finding.name(),
            Self::DuplicateAck(_) => "duplicate_ack",
            Self::Missing(_) => "lost_segment",
            Self::Again(Again::Fast, _) => "retransmission_fast",
            Self::Again(Again::Timeout, _) => "retransmission_timeout",
            Self::Again(Again::Spurious, _) => "retransmission_spurious",
            Self::Again(Again::Other, _) => "retransmission",
            Self::Train(..) => "train",
            Self::WindowReopens(_) => "window_reopens",
            Self::Ignored(Ignored::Checksum) => "ignored_checksum",
            Self::Ignored(Ignored::ResetOutside) => "ignored_reset_outside_window",
            Self::Ignored(Ignored::ResetInexact) => "ignored_reset_not_exact",
            Self::Ignored(Ignored::ResetUnproven) => "ignored_reset_unproven",
            Self::Ignored(Ignored::ResetToNobody) => "ignored_reset_to_nobody",
            Self::Ignored(Ignored::SynOnOpen) => "ignored_syn_on_open",
            Self::Ignored(Ignored::OutsideWindow) => "ignored_outside_window",
            Self::Reset(Reset::Refused) => "reset_refused",
            Self::Reset(Reset::NoConnection) => "reset_no_connection",
            Self::Reset(Reset::AfterClose) => "reset_after_close",
            Self::Reset(Reset::GaveUp(_)) => "reset_gave_up",
            Self::Reset(Reset::Aborted) => "reset_aborted",
            Self::StillIn(_) => "still_in",
            Self::OtherTtl(..) => "other_ttl",
            Self::PartialChecksum => "partial_checksum",
            Self::Fragment => "fragment",
            Self::Midway => "midway",
            Self::Icmp => "icmp_error",
        }
    }
}
