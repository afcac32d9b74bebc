//! CLOSE, ABORT, and letting go (RFC 9293 §3.10.4, §3.10.5, §3.6.1).

use crate::connection::{Connection, Data};
use crate::segment_arrives::move_to;
use crate::state::Edge;
use crate::{Cause, ConnectionError, ResetWhy, SendError, State};
use env::Instant;

impl Connection {
    /// CLOSE: nothing more will be sent after what was; receiving goes on for as long as the user wants (half-close).
    ///
    /// The FIN follows everything written (9293-E26, 9293-E39). In SYN-SENT the connection is deleted (9293-E27).
    ///
    /// # Errors
    /// [`SendError::Closing`] when it was called before, [`SendError::Closed`] when the connection is gone.
    pub fn close(&mut self, now: Instant) -> Result<(), SendError> {
        match &mut self.data {
            Data::SynSent(_) => {
                self.end(now, None, Cause::Call("CLOSE"));
                Ok(())
            }
            Data::Open(open) => {
                if open.snd.fin_queued() {
                    return Err(SendError::Closing);
                }
                open.snd.close();
                // In SYN-RECEIVED with data queued, the state waits for ESTABLISHED (§3.10.4); so does our FIN.
                let waits = open.phase == State::SynReceived;
                if let Some(next) = open.phase.after(Edge::CloseCall).filter(|_| !waits) {
                    move_to(open, &mut self.shared, now, next, Cause::Call("CLOSE"));
                }
                Ok(())
            }
            Data::Over(over) if over.time_wait.is_some() => Err(SendError::Closing),
            Data::Over(over) => Err(SendError::Closed(over.error)),
        }
    }

    /// The user lets go: CLOSE, and nobody will read any more (RFC 9293 §3.6.1, MAY-1).
    ///
    /// Data that was not read, or that arrives later, is answered with RST, so that the peer knows that it was lost
    /// (SHLD-3). The rest of the closing goes on by itself and ends within bounded time.
    pub fn release(&mut self, now: Instant) {
        if self.shared.released.is_some() {
            return;
        }
        self.shared.released = Some(now);
        let unread = match &mut self.data {
            Data::Open(open) => open.rcv.readable() > 0,
            Data::SynSent(_) => false,
            Data::Over(over) => {
                over.rcv = None;
                false
            }
        };
        if unread {
            return self.fail(now, ConnectionError::Aborted, ResetWhy::DataUnread);
        }
        // It may have been closed already; then this is all.
        let _: Result<(), SendError> = self.close(now);
    }

    /// ABORT: everything is dropped and the peer is told by RST (RFC 9293 §3.10.5, 9293-E29).
    ///
    /// After the RST the state is CLOSED, as §3.10.5 has it: the number that a duplicate of ours would need is not
    /// remembered, and a stray answer meets a RST again (9293-E46).
    pub fn abort(&mut self, now: Instant) {
        match &mut self.data {
            Data::Open(open) => {
                if !matches!(open.phase, State::Closing | State::LastAck) {
                    self.shared.reply = Some(open.reset(now, &self.shared, ResetWhy::Aborted));
                }
                self.end(now, Some(ConnectionError::Aborted), Cause::Call("ABORT"));
            }
            Data::SynSent(_) => self.end(now, Some(ConnectionError::Aborted), Cause::Call("ABORT")),
            Data::Over(over) if over.time_wait.is_some() => self.end(now, None, Cause::Call("ABORT")),
            Data::Over(_) => {}
        }
    }
}
