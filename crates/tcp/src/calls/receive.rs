//! RECEIVE (RFC 9293 §3.10.3).

use crate::ReceiveError;
use crate::connection::{Connection, Data};
use crate::receiver::ReceiveHalf;
use bytes::Bytes;
use env::Instant;

/// What RECEIVE gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The next octets of the stream.
    pub data: Bytes,
    /// Octets of urgent data that follow (RFC 9293 MUST-33).
    pub urgent_remaining: u32,
    /// Whether the peer pushed what is there (RFC 9293 MAY-17).
    pub pushed: bool,
}

impl Connection {
    /// RECEIVE: the next octets in order, at most `max`, shared with the buffer they arrived in.
    ///
    /// # Errors
    /// [`ReceiveError::Empty`] when nothing has arrived, [`ReceiveError::Finished`] after the peer's FIN,
    /// [`ReceiveError::Closed`] when the connection was cut (RFC 9293 MUST-12).
    pub fn receive(&mut self, now: Instant, max: usize) -> Result<Received, ReceiveError> {
        let _ = now;
        let rcv = self.readable_half()?;
        let pushed = rcv.pushed();
        match rcv.receive(max) {
            Some(data) => Ok(Received { data, urgent_remaining: rcv.urgent_remaining(), pushed }),
            None => Err(nothing(rcv, max)),
        }
    }

    /// RECEIVE into the user's own memory, across the borders of what arrived; octets copied.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_into(&mut self, now: Instant, out: &mut [u8]) -> Result<usize, ReceiveError> {
        let _ = now;
        let rcv = self.readable_half()?;
        match rcv.receive_into(out) {
            0 => Err(nothing(rcv, out.len())),
            count => Ok(count),
        }
    }

    /// As [`receive_into`](Self::receive_into), and leaves the octets where they are.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn peek_into(&mut self, out: &mut [u8]) -> Result<usize, ReceiveError> {
        let rcv = self.readable_half()?;
        match rcv.peek_into(out) {
            0 => Err(nothing(rcv, out.len())),
            count => Ok(count),
        }
    }

    /// Octets that wait to be read.
    pub fn readable(&self) -> usize {
        match &self.data {
            Data::Open(open) if open.is_usable() => open.rcv.readable(),
            Data::Over(over) => over.rcv.as_ref().map_or(0, ReceiveHalf::readable),
            Data::SynSent(_) | Data::Open(_) => 0,
        }
    }

    /// Octets of urgent data that were not read yet (RFC 9293 MUST-33).
    pub fn urgent_remaining(&self) -> u32 {
        match &self.data {
            Data::Open(open) => open.rcv.urgent_remaining(),
            Data::Over(over) => over.rcv.as_ref().map_or(0, ReceiveHalf::urgent_remaining),
            Data::SynSent(_) => 0,
        }
    }

    fn readable_half(&mut self) -> Result<&mut ReceiveHalf, ReceiveError> {
        match &mut self.data {
            Data::Open(open) if open.is_usable() => Ok(&mut open.rcv),
            // Data that came with a SYN waits for the handshake (9293-E45).
            Data::SynSent(_) | Data::Open(_) => Err(ReceiveError::Empty),
            Data::Over(over) => {
                let left = over
                    .rcv
                    .as_mut()
                    .filter(|rcv| rcv.readable() > 0 || rcv.finished() || over.error.is_none());
                // The error comes behind what came before it.
                left.ok_or_else(|| over.error.map_or(ReceiveError::Finished, ReceiveError::Closed))
            }
        }
    }
}

fn nothing(rcv: &ReceiveHalf, asked: usize) -> ReceiveError {
    if asked > 0 && rcv.finished() { ReceiveError::Finished } else { ReceiveError::Empty }
}
