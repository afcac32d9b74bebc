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

use crate::challenge::AckBudget;
use crate::ecn::Marks;
use crate::event::EventSet;
use crate::fast_open::FastOpen;
use crate::listener::{Accepted, Scales};
use crate::meter::Meter;
use crate::path_mtu;
use crate::receiver::{ReceiveHalf, ReceiveSettings};
use crate::sender::SendHalf;
use crate::timeouts::Timers;
use crate::{
    Cause, ConnectionError, Discard, Event, Note, Path, ResetWhy, Segment, State, TcpConfig, TimeWait,
    Transmit,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use env::{Instant, Machine};
use wire::{Mss, SeqNum, WindowScale};

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

/// What every state has.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<TcpConfig>,
    /// The window that our SYN has room for, and its scale, whatever the user sets afterwards.
    pub(crate) syn_buffer: u32,
    pub(crate) syn_scale: WindowScale,
    /// Whether the host has memory for buffers to grow.
    pub(crate) roomy: bool,
    pub(crate) path: Path,
    pub(crate) timers: Timers,
    pub(crate) events: EventSet,
    /// What a segment or a call must be answered with before anything else.
    pub(crate) reply: Option<Transmit>,
    pub(crate) timestamp_offset: u32,
    pub(crate) challenges: AckBudget,
    /// When the peer was last heard.
    pub(crate) last_heard: Instant,
    /// Keep-alive probes without an answer.
    pub(crate) keep_alive_probes: u8,
    pub(crate) keep_alive_due: bool,
    /// The user has let go of the connection: nobody will read, nobody will abort.
    pub(crate) released: Option<Instant>,
    pub(crate) watched: Option<VecDeque<Note>>,
    /// A smaller path MTU that was told and not believed yet (RFC 5927 §7.2).
    pub(crate) claimed_limit: Option<u16>,
    /// The largest segment that the peer has acknowledged, header and all.
    pub(crate) acked_size: u16,
    pub(crate) path_mtu: path_mtu::Known,
    /// Why the last segment, or a part of it, was not used.
    pub(crate) discards: Option<Discard>,
    /// What only those who look at a connection ask for.
    pub(crate) meter: Box<Meter>,
    /// What data with a SYN has come to, on the few connections that have any.
    pub(crate) fast_open: Option<Box<FastOpen>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    SynSent(Box<SendHalf>),
    Open(Box<Open>),
    Over(Box<Over>),
}

/// SYN-RECEIVED to LAST-ACK: both halves exist and never move.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) phase: State,
    pub(crate) snd: SendHalf,
    pub(crate) rcv: ReceiveHalf,
    pub(crate) irs: SeqNum,
    /// The largest segment that the peer takes.
    pub(crate) peer_mss: Mss,
    pub(crate) agreed: Agreed,
    /// What marks mean, when the handshake agreed that they do.
    pub(crate) marks: Option<Box<Marks>>,
    /// A SYN,ACK is to be sent (simultaneous open).
    pub(crate) syn_ack_due: bool,
    /// Fast Open: in SYN-RECEIVED, and the user has it already.
    pub(crate) early: bool,
    /// SYNs that asked for marks were lost, and a plain one was answered.
    pub(crate) marks_lost: bool,
}

impl Open {
    /// Whether its user may send and receive: after the handshake, or before with Fast Open.
    pub(crate) fn is_usable(&self) -> bool {
        self.phase != State::SynReceived || self.early
    }
}

/// What both SYNs agreed on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
    pub(crate) scales: Option<Scales>,
}

impl Agreed {
    /// Octets of options on a data segment without SACK blocks.
    pub(crate) fn option_octets(self) -> u32 {
        if self.timestamps { 12 } else { 0 }
    }

    pub(crate) fn receive_scale(self) -> WindowScale {
        self.scales.map_or(WindowScale::ZERO, |scales| scales.receive)
    }
}

/// TIME-WAIT and CLOSED: what is left to read, and how it over.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) time_wait: Option<TimeWait>,
    pub(crate) error: Option<ConnectionError>,
    pub(crate) rcv: Option<ReceiveHalf>,
    /// Everything up to the peer's FIN had been read.
    pub(crate) finished: bool,
    /// Where the send half stood, for STATUS.
    pub(crate) last: Option<(SeqNum, SeqNum)>,
}

impl Shared {
    pub(crate) fn new(now: Instant, config: Arc<TcpConfig>, path: Path, timestamp_offset: u32) -> Self {
        let challenges = AckBudget::new(now, config.challenge_budget());
        Self {
            syn_buffer: config.first_window(path.mss),
            syn_scale: config.receive_scale(),
            roomy: true,
            config,
            path,
            timers: Timers::default(),
            events: EventSet::default(),
            reply: None,
            timestamp_offset,
            challenges,
            last_heard: now,
            keep_alive_probes: 0,
            keep_alive_due: false,
            released: None,
            watched: None,
            claimed_limit: None,
            acked_size: 0,
            path_mtu: None,
            discards: None,
            meter: Box::new(Meter::new(now)),
            fast_open: None,
        }
    }

    /// Tells those who watch, if anybody does.
    pub(crate) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.watched {
            notes.push_back(note());
        }
    }

    pub(crate) fn note_state(&mut self, at: Instant, from: State, to: State, cause: Cause) {
        if from != to {
            self.note(|| Note::State { at, from, to, cause });
        }
    }

    /// The segment size to announce: fixed headers only, whatever options segments will have (MUST-67, 6691-1).
    pub(crate) fn announced_mss(&self) -> u16 {
        self.config.mss_limit.map_or(self.path.mss, |limit| self.path.mss.min(limit)).get()
    }

    /// Octets of payload and options in the largest segment to send (RFC 9293 MUST-16), with a floor that leaves
    /// room for data beside the longest options.
    pub(crate) fn segment_limit(&self, peer_mss: Mss) -> u32 {
        let peer = self.config.mss_limit.map_or(peer_mss, |limit| peer_mss.min(limit));
        u32::from(peer.get().min(self.path.send_limit.saturating_sub(20))).max(u32::from(Mss::FLOOR.get()))
    }
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

impl Over {
    pub(crate) fn nothing() -> Self {
        Self { time_wait: None, error: None, rcv: None, finished: false, last: None }
    }
}

pub(crate) fn receive_settings(
    shared: &Shared,
    agreed: Agreed,
    offered: u32,
    recent: Option<u32>,
) -> ReceiveSettings {
    ReceiveSettings {
        buffer: shared.config.receive_buffer,
        buffer_limit: shared.config.receive_buffer_limit,
        accounting: shared.config.receive_accounting,
        whole: shared.config.whole_segments,
        fin_ends_reports: shared.config.fin_ends_reports,
        offered,
        mss: u32::from(shared.announced_mss()),
        scale: agreed.receive_scale(),
        sack: agreed.sack,
        ack_delay: shared.config.ack_delay,
        answers: shared.config.answers_carry_acks,
        timestamps: recent,
    }
}

/// The earlier of two deadlines that may not exist.
pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What a window field on our SYN says, unscaled (RFC 7323 §2.2).
pub(crate) fn syn_window(shared: &Shared) -> u32 {
    shared.syn_buffer.min(0xffff)
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
