//! What a handshake leaves behind: all that a connection needs to start in ESTABLISHED.

use crate::{EcnAgreement, Path, TcpConfig, ecn};
use env::Duration;
use wire::tcp::Options;
use wire::{Mss, SeqNum, Window, WindowScale, WireWindow};

/// A passive open that its peer has completed, from a [`HalfOpen`](super::HalfOpen) record or a cookie.
///
/// The segment that completed it may carry data or a FIN, and always a window: feed it to the connection that is
/// made of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Our first number.
    pub iss: SeqNum,
    /// The peer's first number.
    pub irs: SeqNum,
    /// Most octets of payload in a segment to the peer: what it announced, or the default (RFC 9293 MUST-15).
    pub send_mss: Mss,
    /// The window scales, when both sides offered one (RFC 7323 §2.2).
    pub scales: Option<Scales>,
    /// The window of the peer's SYN, which no scale applies to (RFC 7323 §2.2).
    pub window: WireWindow,
    /// Timestamps, when both sides offered them (RFC 7323 §3.2).
    pub timestamps: Option<TimestampState>,
    /// Whether both sides offered SACK (RFC 2018).
    pub sack: bool,
    /// What was agreed on about marks, if anything was (RFC 3168, 9768). A cookie has no room for it.
    pub ecn: Option<EcnAgreement>,
    /// From SYN-ACK to ACK, when there is no doubt which SYN-ACK was meant.
    pub round_trip: Option<Duration>,
    /// Whether the SYN-ACK was sent more than once: the initial window is then one segment (RFC 6928 §2).
    pub retransmitted: bool,
    /// Octets that our SYN-ACK offered to receive.
    pub receive_window: u32,
}

/// The window scales of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// The peer's: for windows that it tells us (Snd.Wind.Shift of RFC 7323).
    pub send: WindowScale,
    /// Ours: for windows that we tell (Rcv.Wind.Shift).
    pub receive: WindowScale,
}

/// Timestamps of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampState {
    /// What is added to our clock, see [`timestamp`](crate::timestamp()).
    pub offset: u32,
    /// The peer's clock as seen last (TS.Recent).
    pub recent: u32,
}

/// What a listener's host says in its SYN-ACK.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Settings of the connection to be.
    pub config: &'a TcpConfig,
    /// The way to the peer.
    pub path: Path,
    /// Octets that the host is ready to receive; no more than the connection's buffer and 65,535 are offered.
    pub receive_window: u32,
    /// The offset of our timestamp clock for this peer, see [`isn::Generator`](crate::isn::Generator).
    pub timestamp_offset: u32,
    /// How often an unanswered SYN-ACK is sent again; see [`HalfOpen::RETRANSMISSIONS`](super::HalfOpen).
    pub retransmissions: u8,
}

/// What both sides agreed on, as far as a SYN and our configuration tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) send_mss: Mss,
    pub(super) scales: Option<Scales>,
    pub(super) timestamps: Option<TimestampState>,
    pub(super) sack: bool,
    pub(super) ecn: Option<ecn::Terms>,
}

impl Offer<'_> {
    /// The terms that follow from the options of a SYN (RFC 7323 §2.2, §3.2; RFC 2018 §2).
    pub(super) fn terms(&self, syn: &Options) -> Terms {
        let config = self.config;
        let offset = self.timestamp_offset;
        Terms {
            send_mss: syn.trusted_mss().unwrap_or(self.path.default_mss), // RFC 9293 MUST-14, MUST-15
            scales: syn
                .trusted_scale() // 7323-1, 7323-5, 7323-8
                .filter(|_| config.window_scaling)
                .map(|send| Scales { send, receive: self.scale() }),
            timestamps: syn
                .timestamps // 7323-12
                .filter(|_| config.timestamps)
                .map(|t| TimestampState { offset, recent: t.value }),
            sack: config.sack && syn.sack_permitted,
            ecn: None,
        }
    }

    /// The segment size that we announce (RFC 9293 MUST-14, MUST-67).
    pub(super) fn announced_mss(&self) -> Mss {
        self.config.mss_limit.map_or(self.path.mss, |limit| limit.min(self.path.mss))
    }

    /// Our window scale: the least that the receive buffer needs (7323-2: even when that is 0).
    pub(super) fn scale(&self) -> WindowScale {
        self.config.receive_scale()
    }

    /// The window of our SYN-ACK, which is never scaled (7323-4).
    pub(super) fn window(&self) -> WireWindow {
        Window::new(self.receive_window.min(self.config.first_window(self.path.mss)))
            .to_wire(WindowScale::ZERO)
    }
}
