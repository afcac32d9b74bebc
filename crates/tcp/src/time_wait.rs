//! TIME-WAIT as a record (RFC 9293 §3.6.1, §3.10.7.4; RFC 1337, 6191).
//!
//! ```text
//!   segment ─► RST: ignored (RFC 1337)
//!              SYN: newer by timestamp or number? Reopen : nothing (RFC 6191)
//!              FIN again: ACK, and 2 MSL from now
//!              old data, old stamps, what was never sent: ACK
//! ```
//!
//! RFC 9293 lets a RST end TIME-WAIT (9293-E13), but an old duplicate draws an ACK, the ACK a RST, and the state that
//! guards against old duplicates would be gone (9293 §3.10.7.4 against RFC 1337 §2). We take RFC 1337's first fix:
//! every RST is ignored. It costs memory for at most 2 MSL.

use crate::challenge::AckBudget;
use crate::listener::{TimestampState, empty_ack, is_acceptable};
use crate::timestamp::{is_older, timestamp};
use crate::{Discard, Segment, TcpConfig, Transmit, Why};
use env::{Duration, Instant};
use wire::tcp::{Flags, Timestamps};
use wire::{SeqNum, Window, WindowScale};

/// A connection that both sides have closed, waiting for old duplicates to die: under 128 octets.
#[derive(Clone, Debug)]
pub struct TimeWait {
    ended: Ended,
    lasts: Duration,
    expires: Instant,
    would_stamp: bool,
    lacking_timestamps: bool,
    challenges: AckBudget,
}

/// Where a connection stood when it entered TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The number after our FIN.
    pub snd_nxt: SeqNum,
    /// The number after the peer's FIN.
    pub rcv_nxt: SeqNum,
    /// The window that we advertised last.
    pub window: Window,
    /// The scale of the windows that we tell.
    pub scale: WindowScale,
    /// Timestamps, when they were agreed on.
    pub timestamps: Option<TimestampState>,
    /// AE, CWR and ECE of every segment: what was counted of marks, where that is told exactly (RFC 9768 §3.2.2).
    pub ace: Flags,
    /// What the IP header of ACKs says.
    pub ecn: wire::Ecn,
}

/// What became of a segment in TIME-WAIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeWaitOutcome {
    /// Send this, and look at [`TimeWait::expires`] again.
    Send(Transmit),
    /// A new incarnation may begin with this SYN (RFC 9293 MAY-2, RFC 6191): hand it to a listener, if there is one,
    /// and keep the record until the new handshake is complete, in case the SYN is an old duplicate after all.
    Reopen {
        /// The new connection's first number must come after this.
        floor: SeqNum,
    },
    /// Nothing to do.
    Ignore(Discard),
}

impl TimeWait {
    /// TIME-WAIT from `now` on, for twice the maximum segment lifetime of `config` (RFC 9293 MUST-13).
    pub fn new(now: Instant, config: &TcpConfig, ended: Ended) -> Self {
        Self {
            ended,
            lasts: config.time_wait(),
            expires: now + config.time_wait(),
            would_stamp: config.timestamps,
            lacking_timestamps: config.lacking_timestamps,
            challenges: AckBudget::new(now, config.challenge_budget()),
        }
    }

    /// When to forget the record.
    pub const fn expires(&self) -> Instant {
        self.expires
    }

    /// The number after our FIN: a new incarnation must start beyond it.
    pub const fn snd_nxt(&self) -> SeqNum {
        self.ended.snd_nxt
    }

    /// The timestamps of the connection, when they were agreed on.
    pub const fn timestamps(&self) -> Option<TimestampState> {
        self.ended.timestamps
    }

    /// SEGMENT ARRIVES in TIME-WAIT.
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment) -> TimeWaitOutcome {
        if segment.has(Flags::RST) {
            return TimeWaitOutcome::Ignore(Discard::TimeWait); // RFC 1337 §3, F1 (1337-1)
        }
        if segment.has(Flags::SYN) && !segment.has(Flags::ACK) {
            return self.check_syn(segment);
        }
        if let Some(state) = self.ended.timestamps {
            match segment.header.options.timestamps {
                None if self.lacking_timestamps => {}
                None => return TimeWaitOutcome::Ignore(Discard::NoTimestamp), // 7323-14
                Some(theirs) if is_older(theirs.value, state.recent) => {
                    return self.acknowledge(now, Why::OldTimestamp, Discard::OldTimestamp); // 7323-21
                }
                Some(_) => {}
            }
        }
        if segment.has(Flags::FIN) && segment.end() == self.ended.rcv_nxt {
            return self.answer_fin(now, segment);
        }
        if !is_acceptable(segment, self.ended.rcv_nxt, self.ended.window.octets()) {
            return self.acknowledge(now, Why::Duplicate, Discard::OutsideWindow);
        }
        match segment.ack() {
            None => TimeWaitOutcome::Ignore(Discard::NoAck),
            Some(ack) if ack.after(self.ended.snd_nxt) => {
                self.acknowledge(now, Why::AcksUnsent, Discard::UnacceptableAck)
            }
            // Nothing can follow the peer's FIN (9293-E25): it is of another incarnation.
            Some(_) if segment.seq_len() > 0 => self.acknowledge(now, Why::Duplicate, Discard::AfterFin),
            Some(_) => TimeWaitOutcome::Ignore(Discard::TimeWait),
        }
    }

    /// RFC 6191 §2 (SHLD-4). The reference is the number of the old FIN, not of the last segment (6191-7).
    fn check_syn(&self, syn: &Segment) -> TimeWaitOutcome {
        let beyond = syn.header.seq.at_or_after(self.ended.rcv_nxt);
        let theirs = syn.header.options.timestamps.filter(|_| self.would_stamp);
        let newer = match (self.ended.timestamps, theirs) {
            (Some(old), Some(new)) if new.value == old.recent => beyond, // 6191-2
            (Some(old), Some(new)) => !is_older(new.value, old.recent),  // 6191-1
            (None, Some(_)) => true,                                     // 6191-5
            (_, None) => beyond,                                         // 6191-3, 6191-6
        };
        if newer {
            TimeWaitOutcome::Reopen { floor: self.ended.snd_nxt }
        } else {
            TimeWaitOutcome::Ignore(Discard::TimeWait) // 6191-4
        }
    }

    /// The peer did not get our last ACK (9293-E23).
    fn answer_fin(&mut self, now: Instant, fin: &Segment) -> TimeWaitOutcome {
        self.expires = now + self.lasts;
        if let (Some(state), Some(theirs)) = (&mut self.ended.timestamps, fin.header.options.timestamps) {
            state.recent = theirs.value; // RFC 7323 §4.3
        }
        TimeWaitOutcome::Send(self.ack(now, Why::AcknowledgesFin))
    }

    /// An empty ACK while the budget lasts: two sides in TIME-WAIT must not answer each other for ever (9293-E49).
    fn acknowledge(&mut self, now: Instant, why: Why, discard: Discard) -> TimeWaitOutcome {
        if self.challenges.take(now) {
            TimeWaitOutcome::Send(self.ack(now, why))
        } else {
            TimeWaitOutcome::Ignore(discard)
        }
    }

    fn ack(&self, now: Instant, why: Why) -> Transmit {
        let Ended { snd_nxt, rcv_nxt, window, scale, timestamps, ace, ecn } = self.ended;
        let stamps = timestamps.map(|t| Timestamps { value: timestamp(now, t.offset), echo: t.recent });
        let mut ack = empty_ack(snd_nxt, rcv_nxt, window.to_wire(scale), stamps, why);
        ack.segment.header.flags |= ace;
        ack.segment.ecn = ecn;
        ack
    }
}

const _: () = assert!(size_of::<TimeWait>() <= 128);

#[cfg(test)]
mod tests;
