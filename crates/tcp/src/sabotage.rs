//! Faults on purpose, so that tests can show that they would find them.
//!
//! ```text
//!   TcpConfig::sabotage(Some(…)) ─► Fault ─► the one place that the fault is about asks: has(…)?
//! ```
//!
//! Without the feature `sabotage` none of this is compiled in: every question below is a constant `false`, and [`Fault`]
//! takes no room.

use wire::WindowScale;
use wire::tcp::SackBlocks;

/// A fault to build in: what a stack must not do, each against a rule that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "sabotage"), allow(unreachable_pub, reason = "nobody else has it then"))]
pub enum Sabotage {
    /// cwnd is computed and not obeyed (RFC 5681 §3.1).
    IgnoreCwnd,
    /// A shut window is never probed (RFC 9293 MUST-36).
    NoPersistTimer,
    /// A FIN that goes out with data is forgotten (RFC 9293 §3.10.4).
    LoseFinWithData,
    /// The peer's window is taken to be one octet larger than it is.
    WindowEdgeOffByOne,
    /// A RST counts anywhere in the window (RFC 5961 §3.2).
    ResetAnywhere,
    /// The time until the next retransmission stays as it was (RFC 6298 §5.5).
    NoBackOff,
    /// What arrives a second time is dropped without an ACK (RFC 9293 §3.10.7.4).
    SilentOnDuplicates,
    /// TIME-WAIT is over after a second (RFC 9293 MUST-13).
    ShortTimeWait,
    /// The window scale that the peer's SYN told is forgotten (RFC 7323 §2.3).
    ForgetWindowScale,
    /// SACK blocks end an octet late (RFC 2018 §3).
    SackEdgeOffByOne,
    /// Old timestamps are as good as new ones (RFC 7323 §5.3).
    PawsOff,
    /// There is no limit to challenge ACKs: 255 in a second (RFC 5961 §7).
    ChallengeUnlimited,
    /// Checksums are not looked at (RFC 9293 MUST-3). The host's, so set it in the host's settings.
    #[cfg(feature = "sabotage")]
    ChecksumUnchecked,
}

#[cfg(feature = "sabotage")]
impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::IgnoreCwnd,
        Self::NoPersistTimer,
        Self::LoseFinWithData,
        Self::WindowEdgeOffByOne,
        Self::ResetAnywhere,
        Self::NoBackOff,
        Self::SilentOnDuplicates,
        Self::ShortTimeWait,
        Self::ForgetWindowScale,
        Self::SackEdgeOffByOne,
        Self::PawsOff,
        Self::ChallengeUnlimited,
        Self::ChecksumUnchecked,
    ];
}

/// The fault of a connection, if it has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    #[cfg(feature = "sabotage")]
    pub(crate) sabotage: Option<Sabotage>,
    /// No fault: where every connection begins to count, so that tests see numbers wrap.
    #[cfg(feature = "sabotage")]
    pub(crate) first: Option<u32>,
}

impl Fault {
    /// Whether it is this one.
    #[cfg(feature = "sabotage")]
    pub(crate) fn has(self, fault: Sabotage) -> bool {
        self.sabotage == Some(fault)
    }

    /// Never.
    #[cfg(not(feature = "sabotage"))]
    #[inline]
    pub(crate) const fn has(self, _fault: Sabotage) -> bool {
        false
    }

    /// The scale that is used for `agreed`.
    pub(crate) fn scale(self, agreed: WindowScale) -> WindowScale {
        if self.has(Sabotage::ForgetWindowScale) { WindowScale::ZERO } else { agreed }
    }

    /// The blocks that are told for `blocks`.
    pub(crate) fn told(self, blocks: SackBlocks) -> SackBlocks {
        if !self.has(Sabotage::SackEdgeOffByOne) {
            return blocks;
        }
        let mut wrong = SackBlocks::NONE;
        for &block in blocks.as_slice() {
            // As many as there were: there is room.
            let _ = wrong.push(wire::tcp::SackBlock { end: block.end + 1, ..block });
        }
        wrong
    }
}

// In an ordinary build there is nothing to carry around.
const _: () = assert!(size_of::<Fault>() == 0 || cfg!(feature = "sabotage"));
