//! One connection of a host: where its machine stands, what it holds, and what its user has not been told yet.

use super::api::ConnectionId;
use super::arena::Key;
use super::segment::Marks;
use crate::demux::Flow;
use crate::ports::Claimed;
use crate::wheel::TimerId;
use crate::{Account, Counters, HostEvent, Ip, Trace};
use ::tcp::{Connection, ConnectionError, Event, Note, SoftError, State};
use alloc::boxed::Box;
use env::{Duration, Instant};
use wire::SeqNum;

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
    pub(super) dirty: bool,
    pub(super) telling: bool,
    pub(super) news: News,
    /// The state that the gauges and lists know.
    pub(super) known: State,
    /// SEND was given less than the connection had room for: the host's memory was short.
    pub(super) starved: bool,
    /// What letting go means.
    pub(super) linger: Option<Duration>,
    /// Until when what was written may be delivered, once let go of.
    pub(super) linger_until: Option<Instant>,
    /// What ICMP last said.
    pub(super) soft_error: Option<SoftError>,
    pub(super) received: usize,
    pub(super) sent: usize,
    /// When it was entered.
    pub(super) opened: Instant,
    /// Octets that SEND took, and that RECEIVE gave, ever.
    pub(super) written: u64,
    pub(super) read: u64,
    pub(super) una: SeqNum,
    /// When the IP layer was last told that what we send arrives.
    pub(super) vouched: Instant,
    pub(super) path_epoch: u32,
    pub(super) watched: bool,
    /// The listener that opened it before its handshake was complete, until it is.
    pub(super) early_of: Option<Key>,
}

/// What the user has not been told yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct News {
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
    pub(super) fn is_to_tell(&mut self) -> bool {
        let is = !self.telling && self.queued_at.is_none() && !self.released && self.has_news();
        self.telling |= is;
        is
    }

    /// Takes the connection's events: what is the host's business is said back, the rest waits for the user.
    pub(super) fn sort_events(&mut self, ip: &mut Ip, now: Instant) -> Ended {
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
    pub(super) fn tell_watchers(&mut self, ip: &mut Ip) {
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
    pub(super) fn account(&mut self, ip: &mut Ip, now: Instant) {
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
    pub(super) fn is_over(&self) -> bool {
        self.released && (self.handed_over || self.connection.state() == State::Closed)
    }
}

/// What ended with an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) established: bool,
    /// It knows something new of its path.
    pub(super) found: bool,
    /// Both sides are done: TIME-WAIT.
    pub(super) time_wait: bool,
    /// The connection is over.
    pub(super) over: bool,
    /// By a RST.
    pub(super) reset: bool,
    /// An active Fast Open was answered.
    pub(super) answered: bool,
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
pub(super) fn is_established(state: State) -> bool {
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
