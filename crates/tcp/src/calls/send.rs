//! SEND and FLUSH (RFC 9293 §3.10.2, §3.9.1).

use crate::connection::{Connection, Data, Shared};
use crate::sender::SendHalf;
use crate::{SendError, State};
use env::Instant;
use wire::Payload;

/// How to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SendFlags {
    /// PUSH (RFC 9293 MAY-15). What is written is always pushed at its end, so that nothing waits for a later write for
    /// ever (MUST-60); the flag is taken and asks for what is done anyway.
    pub push: bool,
    /// The data is urgent up to its end (RFC 9293 §3.8.5; new applications should not use it: SHLD-13).
    pub urgent: bool,
    /// More follows: the end is not pushed, and a last piece that fills no segment waits for what follows, until an ACK
    /// comes or a timeout has passed (MSG_MORE of other systems; RFC 9293 §3.9.1.2 leaves it to us when what was not
    /// pushed is sent).
    pub more: bool,
    /// A record ends with it: nothing that is written later goes in the same segment, nor when it is sent again (MSG_EOR of
    /// other systems). Peers do not see records: TCP has none (RFC 9293 §3.9.1.2). Of more than 1,024 ends that wait to be
    /// acknowledged, later ones are not kept.
    pub end_of_record: bool,
}

impl Connection {
    /// SEND: queues as many octets of `data` as there is room for, and says how many.
    ///
    /// Before ESTABLISHED the data waits for the handshake. It may then go with its third segment.
    ///
    /// # Errors
    /// [`SendError::Full`] when there is no room at all: [`Event::Writable`](crate::Event::Writable) will tell when
    /// there is. [`SendError::Closing`] after CLOSE (9293-E28), [`SendError::Closed`] when the connection is gone.
    pub fn send(&mut self, now: Instant, data: Payload, flags: SendFlags) -> Result<usize, SendError> {
        let (snd, shared) = self.writable_half()?;
        let _ = now;
        snd.hold.follows(flags.more);
        let len = data.len();
        match snd.write(data, shared, flags.urgent) {
            0 if len > 0 => Err(SendError::Full),
            taken => {
                if flags.end_of_record && taken == len && len > 0 {
                    snd.end_record();
                }
                Ok(taken)
            }
        }
    }

    /// SEND of a few octets in the user's own memory: the same, with the one copy that small writes cost in any case.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_small(&mut self, now: Instant, octets: &[u8]) -> Result<usize, SendError> {
        let (snd, shared) = self.writable_half()?;
        let _ = now;
        snd.hold.follows(false);
        match snd.write_small(octets, shared) {
            0 if !octets.is_empty() => Err(SendError::Full),
            taken => Ok(taken),
        }
    }

    fn writable_half(&mut self) -> Result<(&mut SendHalf, &Shared), SendError> {
        let snd = match &mut self.data {
            Data::SynSent(snd) => &mut **snd,
            Data::Open(open) => &mut open.snd,
            Data::Over(over) if over.time_wait.is_some() => return Err(SendError::Closing),
            Data::Over(over) => return Err(SendError::Closed(over.error)),
        };
        if snd.fin_queued() { Err(SendError::Closing) } else { Ok((snd, &self.shared)) }
    }

    /// FLUSH (RFC 9293 MAY-14): forgets what was written and never sent.
    pub fn flush(&mut self) {
        match &mut self.data {
            Data::SynSent(snd) => snd.flush_unsent(),
            Data::Open(open) if !open.snd.fin_sent() => open.snd.flush_unsent(),
            Data::Open(_) | Data::Over(_) => {}
        }
        self.tell_writer();
    }

    /// There may be room in the send buffer that no ACK made.
    pub(super) fn tell_writer(&mut self) {
        let shared = &self.shared;
        self.shared.events.writable |= match &mut self.data {
            Data::SynSent(snd) => snd.take_writer(shared),
            Data::Open(open) => open.snd.take_writer(shared),
            Data::Over(_) => false,
        };
    }

    /// Octets that [`send`](Self::send) would take now.
    pub fn send_room(&self) -> usize {
        match &self.data {
            Data::SynSent(snd) => snd.room_to_write(&self.shared),
            Data::Open(open) if !open.snd.fin_queued() => open.snd.room_to_write(&self.shared),
            Data::Open(_) | Data::Over(_) => 0,
        }
    }

    /// Whether CLOSE may still be called with effect.
    pub fn may_send(&self) -> bool {
        self.state().may_send() && self.state() != State::Closed
    }
}
