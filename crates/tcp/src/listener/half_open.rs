//! SYN-RECEIVED on a passive open, as a record (RFC 9293 §3.10.7.4; RFC 5961; RFC 4987 §3.4).
//!
//! ```text
//!   segment ─► sequence ─► RST ─► SYN ─► ACK ─► Established(Accepted)
//!                │          │      │      └─ acknowledges anything else: RST
//!                │          │      └─ challenge ACK
//!                │          └─ at RCV.NXT: Remove; in the window: challenge ACK
//!                └─ the same SYN again: SYN-ACK again; else ACK
//! ```

use super::{Accepted, Offer, Terms, empty_ack, is_acceptable, receive_scale, syn_ack};
use crate::challenge::AckBudget;
use crate::ecn::{self, AceOfHandshake};
use crate::timestamp::{is_older, timestamp};
use crate::{ChallengeTo, Discard, EcnAgreement, ResetWhy, Segment, SoftError, Transmit, Why, closed};
use alloc::boxed::Box;
use env::{Duration, Instant};
use wire::tcp::{Flags, Timestamps};
use wire::{Mss, SeqNum, Window, WireWindow};

/// A peer that has sent a SYN to a listener, and nothing more: under 128 octets, no buffers.
///
/// It knows that it came from a passive OPEN by being what it is (RFC 9293 MUST-11): a RST makes it vanish, and the
/// listener's user never hears of it.
#[derive(Clone, Debug)]
pub struct HalfOpen {
    irs: SeqNum,
    iss: SeqNum,
    terms: Terms,
    announced: Mss,
    peer_window: WireWindow,
    window: WireWindow,
    to_send: Option<Why>,
    retransmissions: u8,
    limit: u8,
    resent: bool,
    sent: Option<Instant>,
    deadline: Instant,
    ends: Instant,
    /// The present back-off, in milliseconds.
    wait: u32,
    longest_wait: u32,
    challenges: AckBudget,
    /// As [`TcpConfig::lacking_timestamps`](crate::TcpConfig::lacking_timestamps) and
    /// [`TcpConfig::soft_errors_end_opening`](crate::TcpConfig::soft_errors_end_opening).
    lacking_timestamps: bool,
    ends_of_soft_errors: bool,
}

/// What became of a segment for a half-open record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HalfOpenOutcome {
    /// The handshake is complete. Make a connection, and feed it the same segment: it may carry data or a FIN.
    Established(Accepted),
    /// Send this; the record stays.
    Send(Transmit),
    /// The peer refused: forget the record; the listener listens on (RFC 9293 MUST-11, 9293-E11).
    Remove,
    /// Nothing to do.
    Ignore(Discard),
}

impl HalfOpen {
    /// How often an unanswered SYN-ACK is sent again by default: five times, after 1, 2, 4, 8 and 16 s.
    ///
    /// Whoever forges the source of a SYN makes us send to a stranger; six SYN-ACKs are what everybody's listener
    /// lets itself be used for (RFC 4987 §3.3). RFC 9293 MUST-23 asks for three minutes; a listener does not know
    /// that its peer exists, and the peer's own SYN, which does last three minutes, is answered every time.
    pub const RETRANSMISSIONS: u8 = 5;

    /// Answers `syn`: a record whose SYN-ACK waits in [`poll_transmit`](Self::poll_transmit) (9293-E4).
    ///
    /// `iss` is this connection's first number (RFC 9293 MUST-9).
    pub fn answer(now: Instant, syn: &Segment, iss: SeqNum, offer: &Offer<'_>) -> Self {
        let config = offer.config;
        let wait = millis(config.rto_initial);
        Self {
            irs: syn.header.seq,
            iss,
            terms: Terms {
                ecn: ecn::Terms::of(config.ecn, &config.ecn_habits, syn),
                ..offer.terms(&syn.header.options)
            },
            announced: offer.announced_mss(),
            peer_window: syn.header.window,
            window: offer.window(),
            to_send: Some(Why::AnswersSyn),
            retransmissions: 0,
            limit: offer.retransmissions,
            resent: false,
            sent: None,
            deadline: now + config.rto_initial,
            ends: now + config.syn_timeout,
            wait,
            longest_wait: millis(config.rto_max),
            challenges: AckBudget::new(now, config.challenge_budget()),
            lacking_timestamps: config.lacking_timestamps,
            ends_of_soft_errors: config.soft_errors_end_opening,
        }
    }

    /// Our first number.
    pub const fn iss(&self) -> SeqNum {
        self.iss
    }

    /// The peer's first number.
    pub const fn irs(&self) -> SeqNum {
        self.irs
    }

    /// How often the timer has sent the SYN-ACK again.
    pub const fn retransmissions(&self) -> u8 {
        self.retransmissions
    }

    /// An ICMP error quotes our SYN-ACK: whether the record is to be forgotten. As a rule it is not: the peer may be there all
    /// the same, and the timer tells.
    #[must_use]
    pub fn handle_soft_error(&self, _error: SoftError) -> bool {
        self.ends_of_soft_errors
    }

    /// The SYN-ACK, when it is time for it.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let why = self.to_send.take()?;
        if self.sent.is_some() {
            self.resent = true;
        } else {
            self.sent = Some(now);
        }
        Some(self.syn_ack(now, why))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Instant {
        self.deadline.min(self.ends)
    }

    /// Queues another SYN-ACK when it is due, and doubles the wait (RFC 6298 §5.5). Says whether the record gives
    /// up: then forget it.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if now >= self.ends {
            return true;
        }
        if now < self.deadline {
            return false;
        }
        if self.retransmissions >= self.limit {
            return true; // RFC 4987 §3.3
        }
        self.retransmissions += 1;
        self.wait = self.wait.saturating_mul(2).min(self.longest_wait);
        self.deadline = now + Duration::from_millis(u64::from(self.wait));
        self.to_send = Some(Why::RetransmissionTimeout(self.retransmissions));
        if let Some(terms) =
            self.terms.ecn.as_mut().filter(|terms| terms.gives_up(Some(self.retransmissions)))
        {
            terms.capable = false; // RFC 9768 §3.1.5: the peer may have seen this one alone
        }
        false
    }

    /// SEGMENT ARRIVES in SYN-RECEIVED (RFC 9293 §3.10.7.4).
    pub fn handle_segment(&mut self, now: Instant, segment: &Segment) -> HalfOpenOutcome {
        // The SYN again: our answer may be lost. Options agreed on stay as they were.
        if self.is_same_syn(segment) {
            return self.answer_again(now, segment);
        }
        if let Some(outcome) = self.check_timestamp(now, segment) {
            return outcome;
        }
        // First, the sequence number.
        let rcv_nxt = self.irs + 1;
        if !is_acceptable(segment, rcv_nxt, self.receive_window()) {
            if segment.has(Flags::RST) {
                return HalfOpenOutcome::Ignore(Discard::UnacceptableReset); // RFC 5961 §3 (5961-3)
            }
            return self.acknowledge(now, Why::OutsideWindow, Discard::OutsideWindow);
        }
        // Second, RST (RFC 5961 §3); third, no compartments.
        if segment.has(Flags::RST) {
            if segment.header.seq == rcv_nxt {
                return HalfOpenOutcome::Remove; // RFC 9293 MUST-11, 9293-E11; 5961-1
            }
            return self.acknowledge(now, Why::ChallengeAck(ChallengeTo::Reset), Discard::UnacceptableReset);
        }
        // Fourth, SYN. RFC 9293 would return to LISTEN, which lets anyone undo a handshake; a peer that really means
        // another SYN answers the challenge with a RST and asks again (RFC 5961 §4; 5961-6, 5961-7).
        if segment.has(Flags::SYN) {
            return self.acknowledge(now, Why::ChallengeAck(ChallengeTo::Syn), Discard::UnexpectedSyn);
        }
        // Fifth, ACK (9293-E14, 9293-E15).
        match segment.ack() {
            None => HalfOpenOutcome::Ignore(Discard::NoAck),
            Some(ack) if ack == self.iss + 1 => HalfOpenOutcome::Established(self.accepted(now, segment)),
            Some(_) => match closed::reset(segment, ResetWhy::BadAck) {
                Some(reset) => HalfOpenOutcome::Send(reset),
                None => HalfOpenOutcome::Ignore(Discard::UnacceptableAck),
            },
        }
    }

    pub(crate) fn is_same_syn(&self, segment: &Segment) -> bool {
        let controls = segment.header.flags & (Flags::SYN | Flags::ACK | Flags::RST);
        controls == Flags::SYN && segment.header.seq == self.irs
    }

    pub(crate) fn answer_again(&mut self, now: Instant, syn: &Segment) -> HalfOpenOutcome {
        if let (Some(state), Some(theirs)) = (&mut self.terms.timestamps, syn.header.options.timestamps) {
            if is_older(theirs.value, state.recent) {
                return self.acknowledge(now, Why::OldTimestamp, Discard::OldTimestamp);
            }
            state.recent = theirs.value; // RFC 7323 §4.3 (7323-20)
        }
        if self.terms.ecn.as_mut().is_some_and(|terms| !terms.again(syn)) {
            // Two ways of telling marks in one handshake: neither side could know which is in force (9768-4).
            let Some(mut reset) = closed::reset(syn, ResetWhy::BadAck) else {
                return HalfOpenOutcome::Ignore(Discard::UnexpectedSyn);
            };
            // A peer that has seen our SYN,ACK acts on a RST only where that ends (RFC 5961 §3); one that has not looks at
            // what it acknowledges.
            reset.segment.header.seq = self.iss + 1;
            return HalfOpenOutcome::Send(reset);
        }
        self.resent |= self.sent.is_some();
        self.sent.get_or_insert(now);
        self.to_send = None; // this one does for the timer's as well
        HalfOpenOutcome::Send(self.syn_ack(now, Why::AnswersSyn))
    }

    /// PAWS (RFC 7323 §5.3, R1): before the window, never for a RST (7323-14, 7323-21, 7323-22).
    fn check_timestamp(&mut self, now: Instant, segment: &Segment) -> Option<HalfOpenOutcome> {
        let state = self.terms.timestamps?;
        if segment.has(Flags::RST) {
            return None;
        }
        match segment.header.options.timestamps {
            None if self.lacking_timestamps => None,
            None => Some(HalfOpenOutcome::Ignore(Discard::NoTimestamp)),
            Some(theirs) if is_older(theirs.value, state.recent) => {
                Some(self.acknowledge(now, Why::OldTimestamp, Discard::OldTimestamp))
            }
            Some(_) => None,
        }
    }

    /// An empty ACK while the budget lasts (RFC 5961 §7, 5961-8).
    fn acknowledge(&mut self, now: Instant, why: Why, discard: Discard) -> HalfOpenOutcome {
        if !self.challenges.take(now) {
            return HalfOpenOutcome::Ignore(discard);
        }
        let window = Window::new(self.receive_window()).to_wire(receive_scale(self.terms.scales));
        let stamps = self.terms.timestamps;
        let stamps = stamps.map(|t| Timestamps { value: timestamp(now, t.offset), echo: t.recent });
        HalfOpenOutcome::Send(empty_ack(self.iss + 1, self.irs + 1, window, stamps, why))
    }

    fn syn_ack(&self, now: Instant, why: Why) -> Transmit {
        let clock = self.terms.timestamps.map_or(0, |t| timestamp(now, t.offset));
        let mut transmit =
            syn_ack(self.iss, self.irs, self.window, self.announced.get(), &self.terms, clock, why);
        if let Some(terms) = self.terms.ecn {
            let again = match why {
                Why::RetransmissionTimeout(again) => Some(again),
                _ => None,
            };
            transmit.segment.header.flags |= terms.answer(again);
            // A path that swallows the option shall not swallow the next (RFC 9768 §3.2.3.2.2).
            transmit.segment.header.options.accurate_ecn =
                terms.option().filter(|_| !self.resent).map(Box::new);
        }
        transmit
    }

    fn receive_window(&self) -> u32 {
        u32::from(self.window.raw())
    }

    /// What the SYN and our answer agree on; the peer's ACK tells the rest.
    pub(crate) fn unconfirmed(&self) -> Accepted {
        Accepted {
            iss: self.iss,
            irs: self.irs,
            send_mss: self.terms.send_mss,
            scales: self.terms.scales,
            window: self.peer_window,
            timestamps: self.terms.timestamps,
            sack: self.terms.sack,
            ecn: None,
            round_trip: None,
            retransmitted: self.resent,
            receive_window: self.receive_window(),
        }
    }

    /// What the handshake came to, which `segment` completes.
    pub(crate) fn accepted(&self, now: Instant, segment: &Segment) -> Accepted {
        let agreed = |terms: ecn::Terms| EcnAgreement { terms, first: AceOfHandshake::of(&terms, segment) };
        Accepted {
            ecn: self.terms.ecn.map(agreed),
            round_trip: self.round_trip(now, segment),
            ..self.unconfirmed()
        }
    }

    /// From the SYN-ACK to its ACK: by our own clock when there was one SYN-ACK, by the echo when there were several
    /// (Karn's rule, RFC 6298 §3).
    fn round_trip(&self, now: Instant, segment: &Segment) -> Option<Duration> {
        let arrived = if segment.arrived == Instant::ZERO { now } else { segment.arrived.min(now) };
        let sent = self.sent?;
        if !self.resent {
            return Some(arrived.since(sent));
        }
        let state = self.terms.timestamps?;
        let echo = segment.header.options.timestamps?.echo;
        let gone = timestamp(arrived, state.offset).wrapping_sub(echo);
        let longest = arrived.since(sent) + Duration::from_millis(1);
        Some(Duration::from_millis(u64::from(gone))).filter(|sample| *sample <= longest)
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// RFC 4987 §3.4: what a SYN costs us.
const _: () = assert!(size_of::<HalfOpen>() <= 128);

#[cfg(test)]
mod tests;
