//! TIME-WAIT records of a host (RFC 9293 §3.6.1): by 4-tuple, with a deadline each, and no more than fit.

use super::arena::{Key, cost_of};
use super::segment::Marks;
use super::{Tcp, Whose};
use crate::demux::Flow;
use crate::wheel::TimerId;
use crate::{Account, Delivered, Ip};
use ::tcp::{Cause, Segment, State, TimeWait, TimeWaitOutcome};
use alloc::boxed::Box;
use env::Instant;
use wire::SeqNum;

/// Records that are kept at most; the oldest makes room, and is counted.
pub(super) const MOST: usize = 65_536;

/// One connection in TIME-WAIT.
#[derive(Clone, Debug)]
pub(super) struct TimeWaitSlot {
    pub(super) record: TimeWait,
    pub(super) flow: Flow,
    pub(super) entered: Instant,
    marks: Marks,
    timer: TimerId,
    /// The connection, for as long as its user has it.
    connection: Option<Key>,
}

/// What a TIME-WAIT record costs: itself, and its places in the tables and in the queue by age, where as many that are
/// gone may stand beside it.
const TIME_WAIT: usize = cost_of::<TimeWaitSlot>() + 4 * size_of::<Key>();

impl Tcp {
    /// Puts a record in the place of a connection; `false` when there is no memory for it.
    pub(super) fn keep_time_wait(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        record: TimeWait,
        flow: Flow,
        marks: Marks,
        connection: Option<Key>,
    ) -> bool {
        if self.time_waits.len() >= MOST {
            self.evict_time_wait(ip, now);
        }
        if ip.budget.charge(Account::TcpRecord, TIME_WAIT).is_err() {
            self.evict_time_wait(ip, now);
            if ip.budget.charge(Account::TcpRecord, TIME_WAIT).is_err() {
                return false;
            }
        }
        self.enter_time_wait(|timer| TimeWaitSlot { record, flow, entered: now, marks, timer, connection });
        true
    }

    fn enter_time_wait(&mut self, make: impl FnOnce(TimerId) -> TimeWaitSlot) {
        let (wheel, mut flow) = (&mut self.wheel, None);
        let key = self.time_waits.insert_with(|key| {
            let slot = make(wheel.add(Whose::TimeWait(key)));
            wheel.set(slot.timer, Some(slot.record.expires()));
            flow = Some(slot.flow);
            slot
        });
        if let Some(flow) = flow {
            self.demux.insert(flow, Whose::TimeWait(key));
        }
        // Keys of what is gone are swept when they are half of all.
        if self.oldest.len() > 2 * self.time_waits.len() + 16 {
            let records = &self.time_waits;
            self.oldest.retain(|key| records.get(*key).is_some());
        }
        self.oldest.push_back(key);
    }

    pub(super) fn for_time_wait(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        segment: Segment,
        packet: &Delivered,
    ) {
        let Some(slot) = self.time_waits.get_mut(key) else { return };
        let (flow, marks) = (slot.flow, slot.marks);
        match slot.record.handle_segment(now, &segment) {
            TimeWaitOutcome::Send(ack) => {
                let (timer, expires) = (slot.timer, slot.record.expires());
                self.wheel.set(timer, Some(expires));
                self.send_loose(ip, now, &flow, marks, ack);
            }
            TimeWaitOutcome::Ignore(why) => ip.drop(now, why.into(), packet),
            TimeWaitOutcome::Reopen { .. } => match self.listener_for(ip, &flow) {
                Some(listener) => {
                    if let Some(displaced) = self.lift_time_wait(key) {
                        self.for_listener(
                            ip,
                            now,
                            listener,
                            flow,
                            segment,
                            packet,
                            Some(Box::new(displaced)),
                        );
                    }
                }
                None => self.refuse_stray(ip, now, &flow, &segment, packet),
            },
        }
    }

    /// 2 MSL are over.
    pub(super) fn time_wait_over(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.lift_time_wait(key) else { return };
        Self::release_time_wait(ip);
        self.time_wait_ended(ip, now, slot, "2 MSL");
    }

    fn time_wait_ended(&mut self, ip: &mut Ip, now: Instant, slot: TimeWaitSlot, why: &'static str) {
        match slot.connection.filter(|key| self.connections.get(*key).is_some()) {
            Some(key) => {
                if let Some(slot) = self.connections.get_mut(key) {
                    slot.handed_over = false;
                    slot.connection.handle_timeout(now);
                }
                self.touched(ip, now, key);
            }
            None => {
                let cause = Cause::Timeout(why);
                self.note_state(ip, now, &slot.flow, State::TimeWait, State::Closed, cause);
            }
        }
    }

    /// Makes room by ending the oldest wait early.
    fn evict_time_wait(&mut self, ip: &mut Ip, now: Instant) {
        while let Some(key) = self.oldest.pop_front() {
            if let Some(slot) = self.lift_time_wait(key) {
                Self::release_time_wait(ip);
                ip.counters.tcp_time_wait_evicted = ip.counters.tcp_time_wait_evicted.saturating_add(1);
                return self.time_wait_ended(ip, now, slot, "evicted");
            }
        }
    }

    /// Ends a wait because we open the 4-tuple again, and says where the new connection must begin after.
    pub(super) fn take_time_wait(&mut self, ip: &mut Ip, now: Instant, key: Key) -> Option<SeqNum> {
        let slot = self.lift_time_wait(key)?;
        let floor = slot.record.snd_nxt();
        self.time_wait_reused(ip, now, slot);
        Some(floor)
    }

    /// A newer connection has taken the place of a record that was lifted. Whoever still has the old connection hears of
    /// its end when it would have come.
    pub(super) fn time_wait_reused(&mut self, ip: &mut Ip, now: Instant, slot: TimeWaitSlot) {
        Self::release_time_wait(ip);
        ip.counters.tcp_time_wait_reused = ip.counters.tcp_time_wait_reused.saturating_add(1);
        if let Some(key) = slot.connection
            && let Some(old) = self.connections.get_mut(key)
        {
            old.handed_over = false;
            self.touched(ip, now, key);
        }
    }

    /// Takes a record out of the tables; its memory stays charged.
    fn lift_time_wait(&mut self, key: Key) -> Option<TimeWaitSlot> {
        let slot = self.time_waits.remove(key)?;
        self.wheel.remove(slot.timer);
        self.demux.remove_if(&slot.flow, Whose::TimeWait(key));
        Some(slot)
    }

    /// Puts back a record that was lifted: the SYN that displaced it was an old duplicate (RFC 9293 MAY-2).
    pub(super) fn restore_time_wait(&mut self, ip: &mut Ip, now: Instant, slot: TimeWaitSlot) {
        if slot.record.expires() > now {
            self.enter_time_wait(|timer| TimeWaitSlot { timer, ..slot });
        } else {
            Self::release_time_wait(ip);
            self.time_wait_ended(ip, now, slot, "2 MSL");
        }
    }

    fn release_time_wait(ip: &mut Ip) {
        ip.budget.release(Account::TcpRecord, TIME_WAIT);
    }
}
