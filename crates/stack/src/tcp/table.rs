//! The connection table: a machine of [`tcp`](::tcp) each, with its 4-tuple, its deadline, its memory and its user.
//!
//! ```text
//!   call, segment, timeout, ICMP ─► Connection ─► touched ─► events sorted: the host's own, and the user's
//!                                                   │
//!                                                   └► dirty ─► transmit_one … until empty ─► deadline armed
//! ```

use super::arena::Key;
use super::segment::{self, Marks};
use super::slot::{Ended, News, Slot, is_established};
use super::{Tcp, Teller, Whose};
use crate::demux::Flow;
use crate::{Account, Ip, SendFailure};
use ::tcp::{Cause, Connection, State};
use alloc::boxed::Box;
use env::Instant;
use wire::SeqNum;

/// What a connection costs beside its queues: the machine's own size, its halves' and its places in the tables.
pub(super) const RECORD: usize = 2_752;

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

/// What a user's call is named in a note.
pub(super) const OPEN: Cause = Cause::Call("OPEN");
