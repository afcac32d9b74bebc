//! LISTEN, and what precedes ESTABLISHED on a passive open (RFC 9293 §3.10.7.2; RFC 4987).
//!
//! ```text
//!   SYN ─► arrives ─► HalfOpen (under 128 octets) ─► SYN-ACK, again on timeout
//!               │         │ ACK of our SYN
//!               │         ▼
//!               │      Accepted ─► Connection        RST: forgotten, the user never knew (MUST-11)
//!               │         ▲
//!               └─► Cookies (no record at all) ─► SYN-ACK, once
//! ```
//!
//! Which listener, how many records and when cookies begin is for whoever holds the tables.
//!
//! Data and FIN on a SYN are legal and not kept: our SYN-ACK acknowledges the SYN alone, the peer sends them again,
//! and the user gets them after the handshake (9293-E4, 9293-E45; RFC 4987 §3.6). What [Fast Open](crate::fast_open) takes
//! is not of these: its connections are made of a record before that is answered.

mod accepted;
mod cookie;
mod half_open;

pub use accepted::{Accepted, Offer, Scales, TimestampState};
pub use cookie::Cookies;
pub use half_open::{HalfOpen, HalfOpenOutcome};

use crate::closed;
use crate::{Discard, ResetWhy, Segment, Transmit, Why};
use accepted::Terms;
use wire::tcp::{Flags, Header, Options, Timestamps};
use wire::{SeqNum, WindowScale, WireWindow};

/// What a segment is to a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenOutcome {
    /// A connection request: answer it with [`HalfOpen::answer`] or [`Cookies::answer`].
    Syn,
    /// It acknowledges what this listener never sent (look for a cookie first): send the RST.
    Send(Transmit),
    /// Nothing that counts.
    Ignore(Discard),
}

/// SEGMENT ARRIVES in LISTEN (RFC 9293 §3.10.7.2), for a segment that met neither connection nor half-open record.
pub fn arrives(segment: &Segment) -> ListenOutcome {
    if segment.has(Flags::RST) {
        return ListenOutcome::Ignore(Discard::ResetToNobody); // 9293-E3
    }
    if segment.has(Flags::ACK) {
        return match closed::reset(segment, ResetWhy::NoConnection) {
            Some(reset) => ListenOutcome::Send(reset), // 9293-E3
            None => ListenOutcome::Ignore(Discard::ResetToNobody),
        };
    }
    if segment.has(Flags::SYN) { ListenOutcome::Syn } else { ListenOutcome::Ignore(Discard::NoAck) }
}

/// A SYN-ACK (RFC 9293 §3.10.7.2; options by RFC 7323 and 2018).
fn syn_ack(
    iss: SeqNum,
    irs: SeqNum,
    window: WireWindow,
    mss: u16,
    terms: &Terms,
    clock: u32,
    why: Why,
) -> Transmit {
    let options = Options {
        mss: Some(mss),
        window_scale: terms.scales.map(|s| s.receive.shift()),
        sack_permitted: terms.sack,
        timestamps: terms.timestamps.map(|t| Timestamps { value: clock, echo: t.recent }),
        ..Options::NONE
    };
    let header =
        Header { seq: iss, ack: irs + 1, flags: Flags::SYN | Flags::ACK, window, urgent: 0, options };
    Transmit::now(Segment { header, ..Segment::default() }, why)
}

/// An empty ACK: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
pub(crate) fn empty_ack(
    seq: SeqNum,
    ack: SeqNum,
    window: WireWindow,
    timestamps: Option<Timestamps>,
    why: Why,
) -> Transmit {
    let options = Options { timestamps, ..Options::NONE };
    let header = Header { seq, ack, flags: Flags::ACK, window, urgent: 0, options };
    Transmit::now(Segment { header, ..Segment::default() }, why)
}

/// The four cases of the acceptability test (RFC 9293 §3.10.7.4, first step; 9293-E9).
pub(crate) fn is_acceptable(segment: &Segment, rcv_nxt: SeqNum, window: u32) -> bool {
    let (seq, len) = (segment.header.seq, segment.seq_len());
    match (len, window) {
        (0, 0) => seq == rcv_nxt,
        (_, 0) => false,
        (0, _) => seq.within(rcv_nxt, window),
        _ => seq.within(rcv_nxt, window) || (segment.end() - 1).within(rcv_nxt, window),
    }
}

/// The scale that applies to the windows that we tell.
fn receive_scale(scales: Option<Scales>) -> WindowScale {
    scales.map_or(WindowScale::ZERO, |s| s.receive)
}
