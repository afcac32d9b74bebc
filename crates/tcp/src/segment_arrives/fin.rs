//! Eighth step: FIN (RFC 9293 §3.10.7.4).

use super::{Step, Stop, move_to};
use crate::connection::{Connection, Data, Open, Over, Shared};
use crate::listener::TimestampState;
use crate::state::Edge;
use crate::time_wait::Ended;
use crate::{Cause, State, TimeWait, Why, ecn};
use alloc::boxed::Box;
use core::ops::ControlFlow;
use env::Instant;
use wire::Window;
use wire::tcp::Flags;

impl Open {
    /// The peer's FIN is in order: nothing more will come (9293-E19, 9293-E20, 9293-E24).
    pub(super) fn take_fin(&mut self, shared: &mut Shared, now: Instant, fin: bool) -> Step {
        if !fin || self.phase == State::SynReceived {
            return ControlFlow::Continue(());
        }
        self.after_peer_fin(shared, now);
        match self.phase {
            State::TimeWait => ControlFlow::Break(Stop::TimeWait("FIN")),
            _ => ControlFlow::Continue(()),
        }
    }

    pub(super) fn after_peer_fin(&mut self, shared: &mut Shared, now: Instant) {
        shared.events.peer_closed = true;
        shared.events.readable = true; // the end of the stream
        if self.phase != State::Established {
            // No answer is to come: both sides have said all.
            self.rcv.demand_ack(Why::AcknowledgesFin);
        }
        match self.phase.after(Edge::PeerFin) {
            // The note of entering TIME-WAIT comes with the record.
            Some(State::TimeWait) => self.phase = State::TimeWait,
            Some(next) => move_to(self, shared, now, next, Cause::Arrived("FIN")),
            None => {}
        }
    }
}

impl Connection {
    /// Both sides are done: the last ACK goes out, the other timers stop, and 2·MSL begin (MUST-13, 9293-E20).
    pub(super) fn enter_time_wait(&mut self, now: Instant, cause: Cause) {
        let nothing = Data::Over(Box::new(Over::nothing()));
        let Data::Open(mut open) = core::mem::replace(&mut self.data, nothing) else { return };
        let from = if open.phase == State::TimeWait { State::FinWait2 } else { open.phase };
        self.shared.timers.cancel_all();
        if let Some(why) = open.rcv.ack_due(now) {
            self.shared.reply = Some(open.bare_ack(now, &self.shared, why));
        }
        let (mut ace, ecn) = open.last_marks();
        if self.shared.released.is_some() && open.forgets_marks() {
            ace = Flags::NONE;
            if let Some(last) = &mut self.shared.reply {
                last.segment.header.flags = last.segment.header.flags & !ecn::BITS;
                last.segment.header.options.accurate_ecn = None;
            }
        }
        let record = TimeWait::new(
            now,
            &self.shared.config,
            Ended {
                snd_nxt: open.snd.nxt,
                rcv_nxt: open.rcv.nxt(),
                window: Window::new(open.rcv.window()),
                scale: open.agreed.receive_scale(),
                timestamps: open.agreed.timestamps.then(|| TimestampState {
                    offset: self.shared.timestamp_offset,
                    recent: open.rcv.timestamp_echo(),
                }),
                ace,
                ecn,
            },
        );
        let last = Some((open.snd.una, open.snd.nxt));
        let rcv = if self.shared.released.is_some() { None } else { Some(open.rcv) };
        self.data =
            Data::Over(Box::new(Over { time_wait: Some(record), error: None, rcv, finished: false, last }));
        self.shared.note_state(now, from, State::TimeWait, cause);
        self.shared.events.time_wait = true;
    }
}
