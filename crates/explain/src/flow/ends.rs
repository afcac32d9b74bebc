//! The states of both ends, as the segments between them show.
//!
//! Nobody tells a capture what an end has become, so it is inferred:
//!
//! - What an end *sends* shows its state: a SYN, a FIN, an ACK that covers the other's SYN or FIN.
//! - What an ACK alone changes at the end that *receives* it (SYN-RECEIVED to ESTABLISHED, FIN-WAIT-1 to FIN-WAIT-2,
//!   CLOSING to TIME-WAIT, LAST-ACK to CLOSED) is taken to happen when the ACK passes. When the end then repeats itself,
//!   the ACK did not arrive, and the state is taken back.
//! - A RST ends what a receiver that keeps to RFC 9293 §3.10.7.4 and RFC 5961 would let it end.

use super::half::{Half, Segment};
use crate::remark::{Ignored, Remark, Reset, Said};
use tcp::State;
use wire::SeqNum;
use wire::tcp::Flags;

/// Both ends.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub(crate) state: [State; 2],
    /// Every state that was seen of each end, as bits in the order of [`State::ALL`].
    reached: [u16; 2],
    /// What the flow came to, if it came to something.
    pub(crate) reset: Option<(usize, Reset)>,
    /// Who sent the first FIN.
    pub(crate) first_fin: Option<usize>,
    /// A FIN was acknowledged.
    pub(crate) fin_acked: [bool; 2],
    /// An end is in a state that only an ACK on its way has brought it to; this was the one before.
    assumed: [Option<State>; 2],
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            state: [State::Closed; 2],
            reached: [0; 2],
            reset: None,
            first_fin: None,
            fin_acked: [false; 2],
            assumed: [None; 2],
        }
    }
}

/// What the two directions were before the segment.
pub(crate) struct Before {
    /// The number after the highest that the sender had sent.
    pub(crate) next: Option<SeqNum>,
    /// The number after all of it that was seen without a gap.
    pub(crate) seen: Option<SeqNum>,
    /// Retransmissions of the sender since anything new was acknowledged.
    pub(crate) unanswered: u32,
}

impl Ends {
    /// The states that an end was seen in.
    pub(crate) fn reached(&self, side: usize) -> impl Iterator<Item = State> {
        let bits = self.reached.get(side).copied().unwrap_or(0);
        State::ALL.into_iter().enumerate().filter(move |(n, _)| bits & (1 << n) != 0).map(|(_, state)| state)
    }

    pub(crate) fn become_(&mut self, side: usize, state: State) {
        self.state[side] = state;
        self.assumed[side] = None;
        let number = State::ALL.iter().position(|one| *one == state).unwrap_or(0);
        self.reached[side] |= 1 << number;
    }

    /// Only an ACK that passed says so.
    fn assume(&mut self, side: usize, state: State) {
        let before = self.state[side];
        self.become_(side, state);
        self.assumed[side] = Some(before);
    }

    /// Infers from a segment of `side`. `halves` know of it already; `before` is how its direction stood.
    pub(crate) fn segment(
        &mut self,
        side: usize,
        segment: &Segment<'_>,
        halves: [&Half; 2],
        before: &Before,
        said: &mut Vec<Said>,
    ) {
        let other = 1 - side;
        if segment.has(Flags::RST) {
            return self.reset(side, segment, halves, before, said);
        }
        if segment.has(Flags::SYN) {
            return self.syn(side, segment, halves, said);
        }
        self.take_back(side, segment, halves[side], said);
        if self.state == [State::Closed; 2] && self.reset.is_none() && self.reached == [0; 2] {
            // The capture begins here.
            self.become_(0, State::Established);
            self.become_(1, State::Established);
            said.push(Said { side, remark: Remark::Midway });
        }
        if segment.has(Flags::ACK) {
            self.shows(side, segment, halves);
        }
        if segment.has(Flags::FIN)
            && before.next.is_none_or(|next| segment.end().after(next) || self.open(side))
        {
            self.first_fin.get_or_insert(side);
            match self.state[side] {
                State::SynReceived | State::SynSent | State::Established => {
                    self.become_(side, State::FinWait1);
                }
                State::CloseWait => self.become_(side, State::LastAck),
                _ => {}
            }
        }
        if segment.has(Flags::ACK) {
            self.passes(other, segment, halves);
        }
    }

    fn open(&self, side: usize) -> bool {
        matches!(self.state[side], State::SynReceived | State::Established | State::CloseWait)
    }

    fn syn(&mut self, side: usize, segment: &Segment<'_>, halves: [&Half; 2], said: &mut Vec<Said>) {
        let other = 1 - side;
        let synchronized =
            |state| !matches!(state, State::Closed | State::Listen | State::SynSent | State::SynReceived);
        if segment.has(Flags::ACK) {
            match self.state[side] {
                State::Closed | State::Listen | State::SynSent if self.reset.is_none() => {
                    self.become_(side, State::SynReceived);
                    if self.state[other] == State::Closed {
                        self.become_(other, State::SynSent);
                    }
                }
                State::Established if self.assumed[side] == Some(State::SynReceived) => {
                    self.become_(side, State::SynReceived);
                    said.push(Said { side, remark: Remark::StillIn(State::SynReceived) });
                }
                _ => {}
            }
            // A simultaneous open: the SYN,ACK says that its sender has our SYN.
            if self.state == [State::SynReceived; 2] {
                self.passes(other, segment, halves);
            }
            return;
        }
        match self.state[side] {
            State::Closed | State::Listen if self.reset.is_none() => {
                self.become_(side, State::SynSent);
                if self.reached[other] == 0 {
                    self.become_(other, State::Listen);
                }
            }
            _ if synchronized(self.state[other]) && self.state[other] != State::TimeWait => {
                said.push(Said { side: other, remark: Remark::Ignored(Ignored::SynOnOpen) });
            }
            _ => {}
        }
    }

    /// What `side` has received, by what it acknowledges.
    fn shows(&mut self, side: usize, segment: &Segment<'_>, halves: [&Half; 2]) {
        let other = 1 - side;
        let covers = |number: SeqNum| segment.ack().after(number);
        if self.state[side] == State::SynSent
            && matches!(self.state[other], State::SynReceived | State::Established)
            && halves[other].first.is_some_and(covers)
        {
            self.become_(side, State::Established);
        }
        if halves[other].fin.is_some_and(covers) {
            match self.state[side] {
                State::SynReceived | State::Established => self.become_(side, State::CloseWait),
                State::FinWait1 => self.become_(side, State::Closing),
                State::FinWait2 => self.become_(side, State::TimeWait),
                _ => {}
            }
        }
    }

    /// What an ACK does where it arrives.
    fn passes(&mut self, to: usize, segment: &Segment<'_>, halves: [&Half; 2]) {
        let from = 1 - to;
        let covers = |number: SeqNum| segment.ack().after(number);
        if self.state[to] == State::SynReceived && halves[to].first.is_some_and(covers) {
            self.assume(to, State::Established);
        }
        if halves[to].fin.is_some_and(covers) {
            self.fin_acked[to] = true;
            // A FIN before this segment has arrived before it.
            let fin = halves[from].fin.is_some_and(|fin| segment.seq().after(fin));
            match self.state[to] {
                State::FinWait1 if fin => {
                    self.become_(to, State::Closing);
                    self.assume(to, State::TimeWait);
                }
                State::FinWait1 => self.assume(to, State::FinWait2),
                State::Closing => self.assume(to, State::TimeWait),
                State::LastAck => self.assume(to, State::Closed),
                _ => {}
            }
        }
    }

    /// An end that repeats what an ACK should have ended has not seen the ACK.
    fn take_back(&mut self, side: usize, segment: &Segment<'_>, half: &Half, said: &mut Vec<Said>) {
        let Some(before) = self.assumed[side] else { return };
        let fin = half.fin.is_some_and(|fin| segment.has(Flags::FIN) && segment.data_end() == fin);
        if fin && matches!(before, State::FinWait1 | State::Closing | State::LastAck) {
            self.become_(side, before);
            self.fin_acked[side] = false;
            said.push(Said { side, remark: Remark::StillIn(before) });
        }
    }

    fn reset(
        &mut self,
        side: usize,
        segment: &Segment<'_>,
        halves: [&Half; 2],
        before: &Before,
        said: &mut Vec<Said>,
    ) {
        let other = 1 - side;
        let [forward, reverse] = [halves[side], halves[other]];
        let to = self.state[other];
        if self.reached == [0; 2] && self.reset.is_none() {
            said.push(Said { side, remark: Remark::Midway });
            self.reset = Some((side, Reset::Aborted));
            return;
        }
        let ignored = match to {
            State::Closed | State::Listen => Some(Ignored::ResetToNobody),
            State::SynSent => {
                let proven =
                    segment.has(Flags::ACK) && reverse.next.is_some_and(|next| next == segment.ack());
                (!proven).then_some(Ignored::ResetUnproven)
            }
            _ => {
                let expected = reverse.last_ack.or(before.seen);
                let exact = expected == Some(segment.seq())
                    || before.seen == Some(segment.seq())
                    || before.next == Some(segment.seq());
                let window = reverse.window_octets().unwrap_or(65_535 << 14).max(1);
                let inside = expected.is_none_or(|start| segment.seq().within(start, window));
                match (exact, inside) {
                    (true, _) => None,
                    (false, true) => Some(Ignored::ResetInexact),
                    (false, false) => Some(Ignored::ResetOutside),
                }
            }
        };
        if let Some(ignored) = ignored {
            said.push(Said { side: other, remark: Remark::Ignored(ignored) });
            return;
        }
        let why = self.why(side, segment, [forward, reverse], before);
        said.push(Said { side, remark: Remark::Reset(why) });
        self.reset = Some((side, why));
        self.become_(side, State::Closed);
        // A listener goes on listening (RFC 9293 §3.10.7.4, second step).
        let passive = to == State::SynReceived && !self.reached(other).any(|state| state == State::SynSent);
        self.become_(other, if passive { State::Listen } else { State::Closed });
    }

    /// Why `side` aborts.
    fn why(
        &self,
        side: usize,
        segment: &Segment<'_>,
        [forward, reverse]: [&Half; 2],
        before: &Before,
    ) -> Reset {
        let opened = self.reached(side).any(|state| {
            !matches!(state, State::Closed | State::Listen | State::SynSent | State::SynReceived)
        });
        if !opened && !forward.opened {
            return Reset::Refused;
        }
        // RFC 9293 §3.10.7.1: a RST for a connection that does not exist takes its number from the ACK before it.
        let bare = !segment.has(Flags::ACK) && reverse.last_ack == Some(segment.seq());
        match self.state[side] {
            State::SynSent => Reset::NoConnection,
            State::FinWait1 | State::FinWait2 | State::Closing | State::TimeWait | State::Closed => {
                let data = reverse.outstanding.iter().any(|o| o.start != o.end);
                if data || bare { Reset::AfterClose } else { Reset::Aborted }
            }
            _ if before.unanswered >= 3 => Reset::GaveUp(before.unanswered),
            _ if bare && before.next != Some(segment.seq()) => Reset::NoConnection,
            _ => Reset::Aborted,
        }
    }
}
