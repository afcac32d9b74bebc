//! One connection: two halves, a state, timers, and what its user is told.
//!
//! ```text
//!   Data    ┌ SynSent { snd }
//!           ├ Open { phase: SYN-RECEIVED … LAST-ACK, snd, rcv }      seven states share their halves
//!           └ Over { TIME-WAIT or CLOSED, what is left to read }
//!   Shared  configuration, path, timers, events, the one reply that waits, notes for who watches
//! ```
//!
//! LISTEN and the passive SYN-RECEIVED are records in [`crate::listener`]; SYN-RECEIVED here comes from a simultaneous
//! open, or early from Fast Open, which is marked: where it came from is never in doubt (RFC 9293 MUST-11).

mod data;

pub(crate) use data::{Agreed, Data, Open, Over, Shared, receive_settings, syn_window};

use crate::ecn::Marks;
use crate::listener::Accepted;
use crate::receiver::ReceiveHalf;
use crate::sender::SendHalf;
use crate::{
    Cause, ConnectionError, Event, Note, Path, ResetWhy, Segment, State, TcpConfig, TimeWait, Transmit,
};
use alloc::boxed::Box;
use alloc::sync::Arc;
use env::{Instant, Machine};
use wire::{SeqNum, WindowScale};

/// A TCP connection: RFC 9293's user calls, arriving segments and timeouts on typed segments. What goes in as octets at
/// one end comes out at the other, all of them, once and in order (9293-E40).
///
/// After anything goes in, call [`poll_transmit`](Self::poll_transmit) and [`poll_event`](Self::poll_event) until
/// they are empty; then [`poll_timeout`](Self::poll_timeout) says when to call
/// [`handle_timeout`](Self::handle_timeout).
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) shared: Shared,
    pub(crate) data: Data,
}

impl Connection {
    /// OPEN, active (RFC 9293 §3.10.1): SYN-SENT, with a SYN to be polled.
    ///
    /// `iss` and `timestamp_offset` come from [`crate::isn::Generator`].
    pub fn open(
        now: Instant,
        config: impl Into<Arc<TcpConfig>>,
        path: Path,
        iss: SeqNum,
        timestamp_offset: u32,
    ) -> Self {
        let mut shared = Shared::new(now, config.into(), path, timestamp_offset);
        shared.note_state(now, State::Closed, State::SynSent, Cause::Call("OPEN"));
        let mut snd = SendHalf::new(&shared.config, &shared.path, iss);
        snd.stalled_since = Some(now);
        Self { shared, data: Data::SynSent(Box::new(snd)) }
    }

    /// A connection that a listener's record completed the handshake for; ESTABLISHED.
    ///
    /// Feed it the segment that completed the handshake next: its data, FIN and window count.
    pub fn accepted(now: Instant, config: impl Into<Arc<TcpConfig>>, path: Path, accepted: Accepted) -> Self {
        let offset = accepted.timestamps.map_or(0, |state| state.offset);
        let mut shared = Shared::new(now, config.into(), path, offset);
        let mut snd = SendHalf::new(&shared.config, &shared.path, accepted.iss);
        let agreed = Agreed {
            timestamps: accepted.timestamps.is_some(),
            sack: accepted.sack,
            scales: accepted.scales,
        };
        snd.scale = snd.fault.scale(accepted.scales.map_or(WindowScale::ZERO, |scales| scales.send));
        snd.una = accepted.iss + 1;
        snd.nxt = snd.una;
        if let Some(sample) = accepted.round_trip {
            snd.rtt.sample(now, sample, 1);
        } else if accepted.retransmitted {
            snd.rtt.distrust_handshake();
        }
        snd.negotiated(
            now,
            &shared.config,
            shared.segment_limit(accepted.send_mss),
            agreed,
            accepted.retransmitted,
        );
        snd.recovery.negotiated(agreed.sack, accepted.round_trip.is_some());
        // The SYN's window is never scaled (RFC 7323 §2.2); the segment that follows brings the first scaled one.
        snd.set_window(accepted.irs, snd.una, u32::from(accepted.window.raw()));
        let rcv = ReceiveHalf::new(
            now,
            accepted.irs,
            receive_settings(
                &shared,
                agreed,
                accepted.receive_window,
                accepted.timestamps.map(|state| state.recent),
            ),
        );
        shared.events.established = true;
        shared.meter.delivered = 1; // the SYN,ACK
        let open = Open {
            phase: State::Established,
            snd,
            rcv,
            irs: accepted.irs,
            peer_mss: accepted.send_mss,
            agreed,
            marks: accepted
                .ecn
                .map(|agreed| Box::new(Marks::answered(&agreed, accepted.iss, shared.config.ecn_habits))),
            syn_ack_due: false,
            early: false,
            marks_lost: false,
        };
        Self { shared, data: Data::Open(Box::new(open)) }
    }

    /// The state, by RFC 9293's name.
    pub fn state(&self) -> State {
        match &self.data {
            Data::SynSent(_) => State::SynSent,
            Data::Open(open) => open.phase,
            Data::Over(over) if over.time_wait.is_some() => State::TimeWait,
            Data::Over(_) => State::Closed,
        }
    }

    /// Takes an arriving segment (RFC 9293 §3.10.7).
    pub fn handle_segment(&mut self, now: Instant, mut segment: Segment) {
        if segment.arrived == Instant::ZERO || segment.arrived > now {
            segment.arrived = now;
        }
        self.shared.meter.arrived(&segment);
        crate::segment_arrives::dispatch(self, now, &segment);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); valid once `poll_transmit` has said that there is no more.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.shared.timers.next();
        let more = match &self.data {
            Data::SynSent(_) => None,
            Data::Open(open) => open.rcv.ack_deadline(),
            Data::Over(over) => over.time_wait.as_ref().map(TimeWait::expires),
        };
        earliest(own, more)
    }

    /// Takes the next event for the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.shared.events.take()
    }

    /// Starts or stops keeping notes for those who watch.
    pub fn watch(&mut self, on: bool) {
        if on {
            self.shared.watched.get_or_insert_default();
        } else {
            self.shared.watched = None;
        }
    }

    /// Takes the next note.
    pub fn poll_note(&mut self) -> Option<Note> {
        self.shared.watched.as_mut()?.pop_front()
    }

    /// The record that stands for this connection in TIME-WAIT. Whoever keeps it no longer needs the connection but to
    /// read what is left.
    pub fn time_wait(&self) -> Option<TimeWait> {
        match &self.data {
            Data::Over(over) => over.time_wait.clone(),
            _ => None,
        }
    }

    /// Octets of memory that its queues hold.
    pub fn held(&self) -> usize {
        self.held_received() + self.held_to_send()
    }

    /// Of these, octets for what arrived and was not read.
    pub fn held_received(&self) -> usize {
        match &self.data {
            Data::SynSent(_) => 0,
            Data::Open(open) => open.rcv.held(),
            Data::Over(over) => over.rcv.as_ref().map_or(0, ReceiveHalf::held),
        }
    }

    /// Of these, octets for what was written and is not acknowledged.
    pub fn held_to_send(&self) -> usize {
        match &self.data {
            Data::SynSent(snd) => snd.held(),
            Data::Open(open) => open.snd.held(),
            Data::Over(_) => 0,
        }
    }

    /// The host takes the connection's memory away: RST to the peer, an error to the user.
    pub fn fail(&mut self, now: Instant, error: ConnectionError, reset: ResetWhy) {
        if let Data::Open(open) = &mut self.data {
            self.shared.reply = Some(open.reset(now, &self.shared, reset));
        }
        self.end(now, Some(error), Cause::Call("ABORT"));
    }

    /// CLOSED, for `error` or because both sides are done. Queues are flushed (9293-E12, 9293-E31), but for what had been
    /// acknowledged and was not read yet: after an orderly end, after a RST, which a peer sends behind its last words when it
    /// closes with data unread, and where ICMP ended what was open early. The error comes behind them, as in Linux: RFC 9293 says that queues should be flushed, and a server
    /// that refuses an upload could tell nobody why.
    pub(crate) fn end(&mut self, now: Instant, error: Option<ConnectionError>, cause: Cause) {
        let from = self.state();
        self.shared.timers.cancel_all();
        let (rcv, last) = match core::mem::replace(&mut self.data, Data::Over(Box::new(Over::nothing()))) {
            Data::SynSent(snd) => {
                self.shared.fast_open_failed(error);
                (None, Some((snd.una, snd.nxt)))
            }
            Data::Open(open) => (Some(open.rcv), Some((open.snd.una, open.snd.nxt))),
            Data::Over(over) => (over.rcv, over.last),
        };
        let told = matches!(
            error,
            None | Some(ConnectionError::Reset | ConnectionError::Refused | ConnectionError::Unreachable)
        );
        let keep = told && self.shared.released.is_none();
        let finished = rcv.as_ref().is_some_and(ReceiveHalf::finished);
        let rcv = rcv.filter(|rcv| keep && !finished && (error.is_none() || rcv.readable() > 0));
        self.data = Data::Over(Box::new(Over { time_wait: None, error, rcv, finished, last }));
        self.shared.events.closed = Some(error);
        self.shared.note_state(now, from, State::Closed, cause);
    }
}

/// The earlier of two deadlines that may not exist.
pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Machine for Connection {
    type Packet = Segment;
    type Transmit = Transmit;
    type Event = Event;

    fn handle_packet(&mut self, now: Instant, packet: Segment) {
        self.handle_segment(now, packet);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Connection::handle_timeout(self, now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        Connection::poll_transmit(self, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Connection::poll_timeout(self)
    }

    fn poll_event(&mut self) -> Option<Event> {
        Connection::poll_event(self)
    }
}

/// A million idle connections fit in a few gigabytes: nothing else is held while nothing waits.
const _: () = assert!(size_of::<Connection>() <= 400);
// Faults are built in for tests only, and take room.
const _: () = assert!(size_of::<Open>() <= 1040 || cfg!(feature = "sabotage"));

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Connection>();
};
