//! A host after each turn.

use super::{Checks, Found};
use crate::HostId;
use stack::Host;
use tcp::{State, Status};

/// Connections looked at after a turn: a flood must not make the checks quadratic.
const LOOKED_AT: usize = 64;

impl Checks {
    /// What must hold of a host whenever it has nothing more to say.
    pub(crate) fn host(&mut self, id: HostId, host: &Host) -> Found {
        if !self.on {
            return None;
        }
        let budget = host.budget();
        if budget.held() > budget.limit() {
            let detail = format!("{id} holds {} octets of {}", budget.held(), budget.limit());
            return Some(("memory stays within the budget", detail));
        }
        for connection in host.tcp_connections().take(LOOKED_AT) {
            let Some(status) = host.tcp_status(connection) else { continue };
            if status.deadline.is_none() && waits(&status) {
                let detail = format!("{id}, {:?}: {status:?}", host.tcp_addrs(connection));
                return Some(("what waits for the peer has a deadline", detail));
            }
            let Some((local, remote)) = host.tcp_addrs(connection) else { continue };
            let over = matches!(status.state, Some(State::TimeWait | State::Closed) | None)
                || self.waiting.contains(&id);
            let sent = self.flows.get(&(id, local, remote)).and_then(|flow| flow.next(status.iss));
            // What IP refused as too large for the path is known to be lost, and not in flight.
            let all_flies =
                status.in_flight >= status.snd_nxt.wrapping_since(status.snd_una) && !status.withholding;
            if let Some(sent) = sent.filter(|&sent| !over && all_flies && sent.before(status.snd_nxt)) {
                let detail = format!(
                    "{id}, {local} to {remote}: SND.NXT {}, on the wire up to {sent}",
                    status.snd_nxt
                );
                return Some(("what is counted as sent was sent", detail));
            }
        }
        None
    }
}

/// Whether something of ours is out, or would be but for the peer's window (RFC 9293 §3.8).
fn waits(status: &Status) -> bool {
    match status.state {
        Some(State::SynSent | State::SynReceived | State::TimeWait) => true,
        Some(State::FinWait1 | State::Closing | State::LastAck) => true,
        Some(State::Established | State::CloseWait) => status.queued > 0,
        Some(State::FinWait2 | State::Closed | State::Listen) | None => false,
    }
}

/// Whether new data that went out kept within the congestion window (RFC 5681 §3.1; RFC 3042 beyond it).
pub(super) fn within_cwnd(status: &Status) -> Result<(), String> {
    let most = status.cwnd.saturating_add(status.allowance);
    if status.in_flight <= most {
        return Ok(());
    }
    Err(format!(
        "{} octets are in flight, cwnd is {} and {} may go beyond",
        status.in_flight, status.cwnd, status.allowance
    ))
}
