//! Second step: RST (RFC 9293 §3.10.7.4; RFC 5961 §3).

use super::{Step, Stop};
use crate::connection::Open;
use crate::sabotage::Sabotage;
use crate::{ChallengeTo, ConnectionError, Discard, Segment, State};
use core::ops::ControlFlow;
use wire::tcp::Flags;

impl Open {
    /// A RST counts only at exactly RCV.NXT; one elsewhere in the window may be forged and is challenged
    /// (5961-1, 5961-2, 5961-5). A RST may carry data (SHLD-2): it tells why, and nobody reads it.
    pub(super) fn check_reset(&self, seg: &Segment) -> Step {
        if !seg.has(Flags::RST) {
            return ControlFlow::Continue(());
        }
        if seg.header.seq != self.rcv.nxt() && !self.snd.fault.has(Sabotage::ResetAnywhere) {
            return ControlFlow::Break(Stop::Challenge(ChallengeTo::Reset, Discard::UnacceptableReset));
        }
        let error = match self.phase {
            // Only an active OPEN gets here: passive ones are records of their listener (MUST-11, 9293-E11), unless their
            // user has them already.
            State::SynReceived if !self.early => Some(ConnectionError::Refused),
            // Both users are done; the peer has only forgotten us first (9293-E13).
            State::Closing | State::LastAck => None,
            _ => Some(ConnectionError::Reset), // 9293-E12, MUST-12
        };
        ControlFlow::Break(Stop::Closed(error, "RST"))
    }
}
