//! The connection table: a machine of [`tcp`](::tcp) each, with its 4-tuple, its deadline, its memory and its user.
//!
//! ```text
//!   call, segment, timeout, ICMP ─► Connection ─► touched ─► events sorted: the host's own, and the user's
//!                                                   │
//!                                                   └► dirty ─► transmit_one … until empty ─► deadline armed
//! ```

use super::api::ConnectionId;
use super::arena::Key;
use super::segment::{self, Marks};
use super::{Tcp, Teller, Whose};
use crate::demux::Flow;
use crate::ports::Claimed;
use crate::wheel::TimerId;
use crate::{Account, Counters, HostEvent, Ip, SendFailure, Trace};
use ::tcp::{Cause, Connection, ConnectionError, Event, Note, SoftError, State};
use alloc::boxed::Box;
use env::{Duration, Instant};
use wire::SeqNum;

/// What a connection costs beside its queues: the machine's own size, its halves' and its places in the tables.
pub(super) const RECORD: usize = 2_688;

/// So often the IP layer is told that what a connection sends arrives: well within the shortest time that a neighbour
/// counts as reachable (RFC 4861 §10), and not with every ACK.
const VOUCH: Duration = Duration::from_secs(1);

/// One connection of a host.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) connection: Box<Connection>,
    /// Never changes: every segment goes out from the address that the first one had (RFC 9293 MUST-45).
    pub(super) flow: Flow,
    pub(super) marks: Marks,
    pub(super) timer: TimerId,
    /// The port that an active OPEN holds.
    pub(super) claimed: Option<Claimed>,
    /// The listener in whose accept queue it waits; its user is told nothing before.
    pub(super) queued_at: Option<Key>,
    /// The user has let go of it.
    pub(super) released: bool,
    /// A TIME-WAIT record stands for it.
    pub(super) handed_over: bool,
    /// It is in the dirty list.
    dirty: bool,
    telling: bool,
    news: News,
    /// The state that the gauges and lists know.
    known: State,
    /// SEND was given less than the connection had room for: the host's memory was short.
    pub(super) starved: bool,
    /// What letting go means.
    pub(super) linger: Option<Duration>,
    /// Until when what was written may be delivered, once let go of.
    pub(super) linger_until: Option<Instant>,
    /// What ICMP last said.
    pub(super) soft_error: Option<SoftError>,
    received: usize,
    sent: usize,
    /// When it was entered.
    pub(super) opened: Instant,
    /// Octets that SEND took, and that RECEIVE gave, ever.
    pub(super) written: u64,
    pub(super) read: u64,
    una: SeqNum,
    /// When the IP layer was last told that what we send arrives.
    vouched: Instant,
    path_epoch: u32,
    watched: bool,
    /// The listener that opened it before its handshake was complete, until it is.
    pub(super) early_of: Option<Key>,
}

/// What the user has not been told yet.
#[derive(Clone, Copy, Debug, Default)]
struct News {
    connected: bool,
    readable: bool,
    writable: bool,
    drained: bool,
    peer_closed: bool,
    urgent: bool,
    soft_error: Option<SoftError>,
    closed: Option<Option<ConnectionError>>,
}

impl Slot {
    /// Takes the next thing for the user.
    pub(super) fn take_event(&mut self) -> Option<HostEvent> {
        let id = ConnectionId(self.key);
        if self.released {
            self.news = News::default(); // The name means nothing to anybody any more.
        }
        let news = &mut self.news;
        let event = if core::mem::take(&mut news.connected) {
            Some(HostEvent::TcpConnected(id))
        } else if core::mem::take(&mut news.readable) {
            Some(HostEvent::TcpReadable(id))
        } else if core::mem::take(&mut news.urgent) {
            Some(HostEvent::TcpUrgent(id))
        } else if core::mem::take(&mut news.peer_closed) {
            Some(HostEvent::TcpPeerClosed(id))
        } else if core::mem::take(&mut news.writable) {
            Some(HostEvent::TcpWritable(id))
        } else if core::mem::take(&mut news.drained) {
            Some(HostEvent::TcpDrained(id))
        } else if let Some(error) = news.soft_error.take() {
            Some(HostEvent::TcpSoftError(id, error))
        } else {
            news.closed.take().map(|why| HostEvent::TcpClosed(id, why))
        };
        self.telling = event.is_some();
        event
    }

    /// Whether the user is to be told of something, and nobody is about to.
    fn is_to_tell(&mut self) -> bool {
        let is = !self.telling && self.queued_at.is_none() && !self.released && self.has_news();
        self.telling |= is;
        is
    }

    /// Takes the connection's events: what is the host's business is said back, the rest waits for the user.
    fn sort_events(&mut self, ip: &mut Ip, now: Instant) -> Ended {
        let mut ended = Ended::default();
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Established => {
                    self.news.connected = true;
                    ended.established = true;
                }
                Event::PathFound => ended.found = true,
                Event::Readable => self.news.readable = true,
                Event::Writable => self.news.writable = true,
                Event::Drained => self.news.drained = true,
                Event::PeerClosed => self.news.peer_closed = true,
                Event::Urgent => self.news.urgent = true,
                Event::SoftError(error) => {
                    self.news.soft_error = Some(error);
                    self.soft_error = Some(error);
                }
                Event::NegativeAdvice => ip.doubt(now, self.flow.remote), // RFC 9293 MUST-20
                Event::FastOpen => ended.answered = true,
                Event::TimeWait => ended.time_wait = true,
                Event::Closed(why) => {
                    ended.reset = why == Some(ConnectionError::Reset);
                    self.news.closed = Some(why);
                    ended.over = true;
                }
                _ => {}
            }
        }
        ended
    }

    /// Hands the connection's own notes to those who watch.
    #[inline]
    fn tell_watchers(&mut self, ip: &mut Ip) {
        if self.watched {
            self.tell_notes(ip);
        }
    }

    fn tell_notes(&mut self, ip: &mut Ip) {
        let (local, remote) = (self.flow.local(), self.flow.remote());
        while let Some(note) = self.connection.poll_note() {
            let at = at(&note);
            ip.trace(Trace::Tcp { at, local, remote, note });
        }
    }

    /// Gauges and the budget follow the connection.
    fn account(&mut self, ip: &mut Ip, now: Instant) {
        let state = self.connection.state();
        if state != self.known {
            let was = core::mem::replace(&mut self.known, state);
            count_state(&mut ip.counters, was, state);
        }
        let (una, _) = self.connection.unacknowledged();
        let arrives = core::mem::replace(&mut self.una, una) != una && is_established(state);
        if arrives && now.since(self.vouched) >= VOUCH {
            self.vouched = now;
            ip.confirm(now, self.flow.remote); // RFC 4861 §7.3.1: what we send arrives
        }
        let (received, sent) = (self.connection.held_received(), self.connection.held_to_send());
        if sent < self.sent && self.starved {
            self.starved = false;
            self.news.writable = true;
        }
        // A connection keeps its own bounds; what is over the host's is refused before it goes in.
        if sent != self.sent {
            ip.budget.settle(Account::TcpSend, &mut self.sent, sent);
        }
        if received != self.received {
            ip.budget.settle(Account::TcpReceive, &mut self.received, received);
        }
    }

    fn has_news(&self) -> bool {
        let n = &self.news;
        n.connected
            || n.readable
            || n.writable
            || n.drained
            || n.peer_closed
            || n.urgent
            || n.soft_error.is_some()
            || n.closed.is_some()
    }

    /// Nobody needs it any more, once it has sent what it had to send.
    fn is_over(&self) -> bool {
        self.released && (self.handed_over || self.connection.state() == State::Closed)
    }
}

impl Tcp {
    /// Enters a connection at its 4-tuple, in the place of whatever record was there. The memory was charged.
    pub(super) fn enter(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        mut connection: Connection,
        flow: Flow,
        marks: Marks,
        known: State,
    ) -> Key {
        let (wheel, epoch, watched) = (&mut self.wheel, self.path_epoch, ip.watching());
        connection.watch(watched);
        let key = self.connections.insert_with(|key| Slot {
            key,
            connection: Box::new(connection),
            flow,
            marks,
            timer: wheel.add(Whose::Connection(key)),
            claimed: None,
            queued_at: None,
            released: false,
            handed_over: false,
            dirty: false,
            telling: false,
            news: News::default(),
            known,
            starved: false,
            linger: None,
            linger_until: None,
            soft_error: None,
            received: 0,
            sent: 0,
            opened: now,
            written: 0,
            read: 0,
            una: SeqNum::default(),
            vouched: Instant::ZERO,
            path_epoch: epoch,
            watched,
            early_of: None,
        });
        if is_established(known) {
            ip.counters.tcp_curr_estab = ip.counters.tcp_curr_estab.saturating_add(1);
        }
        self.demux.insert(flow, Whose::Connection(key));
        key
    }

    /// After anything went into a connection: its events, its memory, its place in the lists.
    pub(super) fn touched(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        if slot.watched != ip.watching() {
            slot.watched = ip.watching();
            slot.connection.watch(slot.watched);
        }
        let ended = slot.sort_events(ip, now);
        slot.tell_watchers(ip);
        slot.account(ip, now);
        let early = slot.early_of.filter(|_| slot.known != State::SynReceived);
        if let Some(listener) = early {
            slot.early_of = None;
            self.early_is_settled(now, listener, ended.reset);
        }
        if ended != Ended::default() {
            if ended.established {
                self.use_path(ip, now, key);
            }
            if ended.found {
                self.learn_path(ip, now, key);
            }
            if ended.answered {
                self.learn_fast_open(ip, now, key);
            }
            if ended.time_wait {
                self.hand_over(ip, now, key);
            }
            if ended.over {
                self.leave(key);
            }
        }
        let Some(slot) = self.connections.get_mut(key) else { return };
        if !core::mem::replace(&mut slot.dirty, true) {
            self.dirty.push_back(key);
        }
        if slot.is_to_tell() {
            self.telling.push_back(Teller::Connection(key));
        }
    }

    /// Tells the user, once the connection is the user's.
    pub(super) fn spread_news(&mut self, key: Key) {
        if self.connections.get_mut(key).is_some_and(Slot::is_to_tell) {
            self.tell(Teller::Connection(key));
        }
    }

    /// Lets a connection send one train; whether it did. When it has no more, its deadline is armed.
    pub(super) fn transmit_one(&mut self, ip: &mut Ip, now: Instant, key: Key) -> bool {
        if self.connections.get(key).is_some_and(|slot| slot.path_epoch != self.path_epoch) {
            self.follow_path(ip, now, key);
        }
        let Some(slot) = self.connections.get_mut(key) else { return false };
        let next = if slot.connection.settle(now) { None } else { slot.connection.poll_transmit(now) };
        let Some(transmit) = next else {
            slot.dirty = false;
            self.rest(ip, key);
            return false;
        };
        let (flow, marks) = (slot.flow, slot.marks);
        match segment::send(ip, now, &flow, marks, transmit) {
            Ok(()) => {}
            Err(SendFailure::TooBig { mtu }) => {
                let header = if flow.remote.is_ipv4() { 20 } else { 40 };
                slot.connection.handle_path_mtu(now, mtu.saturating_sub(header), None);
            }
            // Lost before it left: the connection's timers are for that.
            Err(failure) => segment::count_failure(ip, failure),
        }
        if slot.connection.settle(now) {
            slot.dirty = false;
            self.rest(ip, key);
        } else {
            self.dirty.push_back(key);
        }
        true
    }

    /// A connection has nothing to send now.
    fn rest(&mut self, ip: &mut Ip, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        slot.tell_watchers(ip);
        if slot.is_over() {
            return self.remove(ip, key);
        }
        // In TIME-WAIT the record keeps the time.
        let own = slot.connection.poll_timeout();
        let earliest =
            slot.linger_until.map_or(own, |linger| Some(own.map_or(linger, |own| own.min(linger))));
        self.wheel.set(slot.timer, earliest.filter(|_| !slot.handed_over));
    }

    pub(super) fn connection_timeout(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        if let Some(slot) = self.connections.get_mut(key) {
            slot.connection.handle_timeout(now);
            if slot.linger_until.is_some_and(|until| until <= now) {
                slot.linger_until = None;
                // FIN-WAIT-2 and what follows: everything was delivered.
                if !matches!(slot.connection.state(), State::FinWait2 | State::TimeWait) {
                    slot.connection.abort(now);
                }
            }
            self.touched(ip, now, key);
        }
    }

    /// Path MTUs changed: looks again, once for each connection and change, when it is about to send (1191-8). Nothing
    /// goes again because a path grew (1191-10).
    fn follow_path(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let epoch = self.path_epoch;
        let Some(slot) = self.connections.get(key).filter(|slot| slot.path_epoch != epoch) else { return };
        let path = self.path(ip, &slot.flow);
        if let Some(slot) = self.connections.get_mut(key) {
            slot.path_epoch = epoch;
            if let Some(path) = path {
                slot.connection.handle_path_mtu(now, path.send_limit, None);
            }
        }
    }

    /// It knows of the latest change of path MTUs already.
    pub(super) fn knows_path(&mut self, key: Key) {
        let epoch = self.path_epoch;
        if let Some(slot) = self.connections.get_mut(key) {
            slot.path_epoch = epoch;
        }
    }

    /// The connection is no longer at its 4-tuple.
    fn leave(&mut self, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        if let Some(claimed) = slot.claimed.take() {
            self.ports.release(claimed);
        }
        self.demux.remove_if(&slot.flow, Whose::Connection(key));
    }

    /// A TIME-WAIT record takes the connection's place; the connection stays for as long as its user reads.
    fn hand_over(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        let Some(record) = slot.connection.time_wait() else { return };
        if let Some(claimed) = slot.claimed.take() {
            self.ports.release(claimed);
        }
        let (flow, marks) = (slot.flow, slot.marks);
        // Without memory for the record there is no TIME-WAIT; the connection keeps it for itself while it lives.
        let kept = self.keep_time_wait(ip, now, record, flow, marks, Some(key));
        if let Some(slot) = self.connections.get_mut(key) {
            slot.handed_over = kept;
        }
    }

    fn remove(&mut self, ip: &mut Ip, key: Key) {
        self.leave(key);
        let Some(slot) = self.connections.remove(key) else { return };
        self.wheel.remove(slot.timer);
        ip.budget.release(Account::TcpRecord, RECORD);
        ip.budget.release(Account::TcpSend, slot.sent);
        ip.budget.release(Account::TcpReceive, slot.received);
    }
}

/// What ended with an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ended {
    established: bool,
    /// It knows something new of its path.
    found: bool,
    /// Both sides are done: TIME-WAIT.
    time_wait: bool,
    /// The connection is over.
    over: bool,
    /// By a RST.
    reset: bool,
    /// An active Fast Open was answered.
    answered: bool,
}

/// Gauges and counters of RFC 4022 follow a connection from one state to another.
fn count_state(counters: &mut Counters, from: State, to: State) {
    let (was, is) = (is_established(from), is_established(to));
    match (was, is) {
        (false, true) => counters.tcp_curr_estab = counters.tcp_curr_estab.saturating_add(1),
        (true, false) => counters.tcp_curr_estab = counters.tcp_curr_estab.saturating_sub(1),
        _ => {}
    }
    if to == State::Closed {
        if was {
            counters.tcp_estab_resets = counters.tcp_estab_resets.saturating_add(1);
        } else if matches!(from, State::SynSent | State::SynReceived) {
            counters.tcp_attempt_fails = counters.tcp_attempt_fails.saturating_add(1);
        }
    }
}

/// ESTABLISHED or CLOSE-WAIT, which RFC 4022 counts.
fn is_established(state: State) -> bool {
    matches!(state, State::Established | State::CloseWait)
}

fn at(note: &Note) -> Instant {
    match note {
        Note::State { at, .. }
        | Note::Discarded { at, .. }
        | Note::RoundTrip { at, .. }
        | Note::Window { at, .. }
        | Note::Remark { at, .. } => *at,
        _ => Instant::ZERO,
    }
}

/// What a user's call is named in a note.
pub(super) const OPEN: Cause = Cause::Call("OPEN");
