//! What ICMP tells about a connection (RFC 9293 §3.9.2.2, RFC 5461, RFC 5927).

use crate::connection::{Connection, Data, Open, Shared};
use crate::{Cause, ConnectionError, SoftError, State};
use env::Instant;
use wire::SeqNum;

impl Connection {
    /// An ICMP error that quotes a segment of ours from `quoted_seq` on; whether it was believed.
    ///
    /// It is, if that number is out and not acknowledged (RFC 5927 §4.1, 5927-1, MUST-54). It never ends a synchronised
    /// connection (MUST-56; RFC 5461 §4, 5927 §5.2), and ends one that is opening only where the code says that nobody
    /// is there (SHLD-26), or where the user asked for it ([`TcpConfig::soft_errors_end_opening`](crate::TcpConfig)).
    pub fn handle_soft_error(&mut self, now: Instant, error: SoftError, quoted_seq: SeqNum) -> bool {
        if !self.is_outstanding(quoted_seq) {
            return false;
        }
        let hard = matches!(error, SoftError::ProtocolUnreachable | SoftError::PortUnreachable);
        let opening = matches!(self.state(), State::SynSent | State::SynReceived);
        if hard && opening {
            self.end(now, Some(ConnectionError::Refused), Cause::Arrived("ICMP"));
        } else if opening && self.shared.config.soft_errors_end_opening {
            self.end(now, Some(ConnectionError::Unreachable), Cause::Arrived("ICMP"));
        } else if self.shared.config.soft_errors {
            self.shared.events.soft_error = Some(error); // MUST-47, SHLD-25; SHLD-20 is the switch
        }
        true
    }

    /// The path takes segments of at most `send_limit` octets, header included. `quoted_seq` is set when an ICMP error
    /// said so, which may be forged; whether it was believed or kept in mind.
    ///
    /// PAWS relies on it, for fragments may be put together wrongly (7323-27): a host that switches discovery off sends
    /// IPv6 packets that need none, and takes the risk with IPv4.
    ///
    /// A size below what the peer has acknowledged is believed only when a timeout confirms that such segments no
    /// longer arrive (RFC 5927 §7.2; 5927-1).
    pub fn handle_path_mtu(&mut self, now: Instant, send_limit: u16, quoted_seq: Option<SeqNum>) -> bool {
        if quoted_seq.is_some_and(|seq| !self.is_outstanding(seq)) {
            return false;
        }
        let _ = now;
        if quoted_seq.is_some_and(|seq| self.doubts_path_mtu(send_limit, seq)) {
            return true;
        }
        match &mut self.data {
            Data::Open(open) => open.set_send_limit(&mut self.shared, send_limit),
            Data::SynSent(_) => {
                let before = core::mem::replace(&mut self.shared.path.send_limit, send_limit);
                if send_limit < before && quoted_seq.is_some() {
                    self.shrink_syn();
                }
            }
            Data::Over(_) => self.shared.path.send_limit = send_limit,
        }
        true
    }

    /// Whether there is reason to doubt an ICMP error's claim that the path takes segments of at most `send_limit` octets,
    /// header included: larger ones were acknowledged, and no timeout says that they no longer arrive. The claim is then
    /// kept in mind until one does (RFC 5927 §7.2; 5927-1).
    pub fn doubts_path_mtu(&mut self, send_limit: u16, quoted_seq: SeqNum) -> bool {
        let acknowledged = send_limit < self.shared.acked_size.saturating_add(20);
        let stuck = matches!(&self.data, Data::Open(open) if open.snd.timeouts > 0);
        let doubted = acknowledged && !stuck && self.is_outstanding(quoted_seq);
        if doubted {
            self.shared.claimed_limit = Some(send_limit);
        }
        doubted
    }

    /// What a timeout sent again from `quoted_seq` on found no way: the path is broken and not congested, so that one doubling of
    /// the timeout is taken back, and what waits goes as soon as it would have without (RFC 6069 §4; 6069-1).
    ///
    /// For ICMP errors of the codes that say so, next to [`handle_soft_error`](Self::handle_soft_error): 0 and 1 of IPv4, 0
    /// of IPv6 (RFC 6069 §4.1). Others may have other reasons.
    pub fn handle_disruption(&mut self, now: Instant, quoted_seq: SeqNum) {
        let Data::Open(open) = &mut self.data else { return };
        let snd = &mut open.snd;
        let before = snd.rtt.rto();
        if snd.timeouts == 0
            || quoted_seq != snd.una
            || snd.rto_at == Instant::FAR
            || !snd.rtt.revert_back_off()
        {
            return;
        }
        let sooner = before.saturating_sub(snd.rtt.rto());
        snd.rto_at = (snd.rto_at - sooner).max(now);
    }

    fn is_outstanding(&self, seq: SeqNum) -> bool {
        match &self.data {
            Data::SynSent(snd) => seq == snd.iss && snd.outstanding(),
            Data::Open(open) => open.is_outstanding(seq) || (open.early && seq == open.snd.iss),
            Data::Over(_) => false,
        }
    }
}

impl Open {
    /// A timeout came: what was claimed of the path may be true.
    pub(crate) fn believe_claimed_mtu(&mut self, shared: &mut Shared) {
        if let Some(limit) = shared.claimed_limit.take() {
            self.set_send_limit(shared, limit);
        }
    }

    fn set_send_limit(&mut self, shared: &mut Shared, send_limit: u16) {
        shared.path.send_limit = send_limit;
        let limit = shared.segment_limit(self.peer_mss);
        let before = self.snd.segment_limit;
        if shared.config.path_mtu_probing {
            let (low, most) = (limit.min(before), limit);
            shared.widen_search(shared.path.mtu_of(low), shared.path.mtu_of(most));
        } else if limit > before {
            // The path takes more again (RFC 1191 §6.3): what is sent from now on may be as large.
            let payload = self.snd.limit_segments(limit, self.agreed.option_octets());
            self.snd.congestion.set_segment_size(payload);
        }
        if limit >= before {
            return; // Only what lowers the size has anything sent again (1191-11).
        }
        shared.acked_size = shared.acked_size.min(limit as u16);
        // From here on nothing larger leaves (1191-2).
        let payload = self.snd.limit_segments(limit, self.agreed.option_octets());
        self.snd.congestion.set_segment_size(payload);
        if self.snd.syn_acked() {
            // What was too large did not arrive; it goes again in smaller pieces (RFC 1191 §6.4; 9293-E38), and no
            // congestion is to blame for it (8201-10).
            self.snd.recovery.resend_all();
        }
    }
}
