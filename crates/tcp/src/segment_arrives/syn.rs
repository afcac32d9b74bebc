//! Fourth step: SYN (RFC 9293 §3.10.7.4; RFC 5961 §4).

use super::{Step, Stop};
use crate::connection::Open;
use crate::{ChallengeTo, Discard, Segment, State};
use core::ops::ControlFlow;
use wire::tcp::Flags;

impl Open {
    /// A SYN on a connection that has one is challenged, wherever it lies (5961-6): a peer that restarted answers the
    /// challenge with a RST at the right number (9293-E34). The SYN,ACK of a simultaneous open repeats the SYN.
    ///
    /// Without ACK nothing else counts (9293-E14).
    pub(super) fn check_syn(&mut self, seg: &Segment) -> Step {
        let repeats_syn = self.phase == State::SynReceived && !self.early && seg.header.seq == self.irs;
        if seg.has(Flags::SYN) && !repeats_syn {
            return ControlFlow::Break(Stop::Challenge(ChallengeTo::Syn, Discard::UnexpectedSyn));
        }
        if !seg.has(Flags::ACK) {
            if repeats_syn {
                self.syn_ack_due = true; // Our SYN,ACK was lost.
            }
            return ControlFlow::Break(Stop::Discard(Discard::NoAck));
        }
        ControlFlow::Continue(())
    }
}
