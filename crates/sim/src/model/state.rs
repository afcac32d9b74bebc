//! A state of the model, and what may happen in it.

use super::Limits;
use super::end::End;
use super::fingerprint::{fingerprint, hash};
use std::sync::Arc;
use tcp::{Segment, State};

/// Something that may happen; sides are 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A segment on its way to a side arrives.
    Deliver(usize, usize),
    /// It is lost.
    Lose(usize, usize),
    /// It arrives, and a copy of it travels on.
    DeliverAndKeep(usize, usize),
    /// The earliest timer of a side fires.
    Timer(usize),
    Send(usize),
    Receive(usize),
    Close(usize),
    Abort(usize),
    Release(usize),
}

impl Action {
    /// A user did it.
    pub(super) fn is_call(self) -> bool {
        matches!(self, Self::Send(_) | Self::Receive(_) | Self::Close(_) | Self::Abort(_) | Self::Release(_))
    }

    /// It uses up nothing that is bounded.
    pub(super) fn is_delivery(self) -> bool {
        matches!(self, Self::Deliver(..))
    }
}

/// A segment on its way, and what tells it from others.
#[derive(Clone)]
struct Flying {
    print: u128,
    segment: Arc<Segment>,
}

/// Both ends, what is on its way to each, and what the link may still do.
#[derive(Clone)]
pub(super) struct World {
    ends: [Arc<End>; 2],
    prints: [u128; 2],
    flying: [Vec<Flying>; 2],
    losses: u8,
    duplicates: u8,
    hasty: u8,
}

/// Room to work in.
#[derive(Default)]
pub(super) struct Scratch {
    text: String,
    out: Vec<Segment>,
}

impl World {
    pub(super) fn new(limits: &Limits, scratch: &mut Scratch) -> Self {
        let end = |side: usize| Arc::new(End::new(side, limits.openings[side], limits.sack));
        let mut world = Self {
            ends: [end(0), end(1)],
            prints: [0; 2],
            flying: [Vec::new(), Vec::new()],
            losses: limits.losses,
            duplicates: limits.duplicates,
            hasty: limits.hasty_timers,
        };
        world.settle(0, scratch);
        world.settle(1, scratch);
        world
    }

    pub(super) fn pair(&self) -> (State, State) {
        (self.ends[0].state(), self.ends[1].state())
    }

    /// Nothing stands for a connection at either end.
    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.is_over())
    }

    /// Both users have let go.
    pub(super) fn is_abandoned(&self) -> bool {
        self.ends.iter().all(|end| end.released || end.is_over())
    }

    pub(super) fn print(&self) -> u128 {
        let mut octets = Vec::with_capacity(256);
        for side in 0..2 {
            octets.extend_from_slice(&self.prints[side].to_le_bytes());
            for flying in &self.flying[side] {
                octets.extend_from_slice(&flying.print.to_le_bytes());
            }
            octets.push(b'|');
        }
        octets.extend_from_slice(&[self.losses, self.duplicates, self.hasty]);
        hash(&octets)
    }

    /// What may happen now.
    pub(super) fn actions(&self, limits: &Limits, out: &mut Vec<Action>) {
        let quiet = self.flying.iter().all(Vec::is_empty);
        for side in 0..2 {
            let flying = &self.flying[side];
            for at in 0..flying.len() {
                if at > 0 && flying[at].print == flying[at - 1].print {
                    continue; // The same as the one before.
                }
                out.push(Action::Deliver(side, at));
                if self.losses > 0 {
                    out.push(Action::Lose(side, at));
                }
                if self.duplicates > 0 {
                    out.push(Action::DeliverAndKeep(side, at));
                }
            }
            let end = &self.ends[side];
            if end.deadline().is_some() && (quiet || self.hasty > 0) {
                out.push(Action::Timer(side));
            }
            if end.released || (end.is_over() && end.state() == State::Listen && !quiet) {
                continue;
            }
            let Some(connection) = end.connection() else {
                // A listener's user may give up before anybody came.
                if end.is_over() && end.state() == State::Listen {
                    out.push(Action::Release(side));
                }
                continue;
            };
            if end.sent < limits.sends[side] && connection.may_send() && !end.closed {
                out.push(Action::Send(side));
            }
            if end.can_receive() {
                out.push(Action::Receive(side));
            }
            if !end.closed && connection.state() != State::Closed {
                out.push(Action::Close(side));
            }
            if limits.aborts && !end.aborted && connection.state() != State::Closed {
                out.push(Action::Abort(side));
            }
            if end.closed || end.aborted || limits.early_release || connection.state() == State::Closed {
                out.push(Action::Release(side));
            }
        }
    }

    /// Does it, and checks what must hold afterwards.
    pub(super) fn apply(
        &mut self,
        action: Action,
        limits: &Limits,
        scratch: &mut Scratch,
    ) -> Result<(), String> {
        let quiet = self.flying.iter().all(Vec::is_empty);
        let side = match action {
            Action::Deliver(side, at) | Action::DeliverAndKeep(side, at) => {
                let segment = self.flying[side][at].segment.clone();
                if action.is_delivery() {
                    self.flying[side].remove(at);
                } else {
                    self.duplicates -= 1;
                }
                scratch.out.extend(Arc::make_mut(&mut self.ends[side]).arrive(&segment));
                side
            }
            Action::Lose(side, at) => {
                self.flying[side].remove(at);
                self.losses -= 1;
                return Ok(());
            }
            Action::Timer(side) => {
                if !quiet {
                    self.hasty -= 1;
                }
                Arc::make_mut(&mut self.ends[side]).fire();
                side
            }
            Action::Send(side) => {
                if !Arc::make_mut(&mut self.ends[side]).send(limits.piece) {
                    return Err(format!("side {side} could not send a piece"));
                }
                side
            }
            Action::Receive(side) => {
                Arc::make_mut(&mut self.ends[side]).receive()?;
                self.check_end_of_stream(side, limits)?;
                side
            }
            Action::Close(side) => {
                Arc::make_mut(&mut self.ends[side]).close();
                side
            }
            Action::Abort(side) => {
                Arc::make_mut(&mut self.ends[side]).abort();
                side
            }
            Action::Release(side) => {
                Arc::make_mut(&mut self.ends[side]).release();
                side
            }
        };
        self.settle(side, scratch);
        self.ends[side].check()
    }

    /// Who sees the end of the stream has read all of it (RFC 9293 §3.6, 9293-E39).
    fn check_end_of_stream(&self, side: usize, limits: &Limits) -> Result<(), String> {
        let (end, peer) = (&self.ends[side], &self.ends[1 - side]);
        let sent = usize::from(peer.sent) * limits.piece;
        if end.read > sent || (end.finished && end.read < sent) {
            return Err(format!(
                "side {side} read {} octets of {sent}, finished: {}",
                end.read, end.finished
            ));
        }
        Ok(())
    }

    /// Takes what an end has to say.
    fn settle(&mut self, side: usize, scratch: &mut Scratch) {
        let end = Arc::make_mut(&mut self.ends[side]);
        end.drain(&mut scratch.out);
        for segment in scratch.out.drain(..) {
            let print = fingerprint(&segment, end.now(), &mut scratch.text);
            let to = &mut self.flying[1 - side];
            let at = to.partition_point(|other| other.print <= print);
            to.insert(at, Flying { print, segment: Arc::new(segment) });
        }
        self.prints[side] = fingerprint(end, end.now(), &mut scratch.text);
    }

    /// In words, for a failure.
    pub(super) fn describe(&self) -> String {
        let flying = |side: usize| {
            let told = self.flying[side].iter().map(|flying| {
                let segment = &flying.segment;
                format!(
                    "{} seq {} ack {} len {}",
                    segment.header.flags,
                    segment.header.seq,
                    segment.header.ack,
                    segment.payload.len()
                )
            });
            told.collect::<Vec<_>>().join("; ")
        };
        let (a, b) = self.pair();
        format!("{a} / {b}   to 0: [{}]   to 1: [{}]", flying(0), flying(1))
    }
}
