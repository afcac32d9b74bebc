//! Half-open peers: a record each, from SYN to ACK (RFC 9293 §3.10.7.4; RFC 4987).

use super::arena::{Key, cost_of};
use super::connect::beyond;
use super::fast_open::Verdict;
use super::table::RECORD;
use super::time_wait::TimeWaitSlot;
use super::{Tcp, Whose};
use crate::demux::Flow;
use crate::wheel::TimerId;
use crate::{Account, Delivered, Ip};
use ::tcp::listener::{Accepted, HalfOpen, HalfOpenOutcome, Offer};
use ::tcp::{Cause, Connection, Discard, Segment, State};
use alloc::boxed::Box;
use env::Instant;

/// A half-open peer of a listener.
#[derive(Clone, Debug)]
pub(super) struct HalfOpenSlot {
    pub(super) record: HalfOpen,
    pub(super) flow: Flow,
    pub(super) listener: Key,
    timer: TimerId,
    /// The TIME-WAIT record in whose place it is. It comes back when the SYN turns out to be an old duplicate
    /// (RFC 9293 MAY-2).
    displaced: Option<Box<TimeWaitSlot>>,
}

/// What a half-open peer costs: its record, and its places in the tables.
pub(super) const HALF_OPEN: usize = cost_of::<HalfOpenSlot>();
const _: () = assert!(size_of::<HalfOpenSlot>() <= 192);

impl Tcp {
    /// Answers a SYN with a record. Gives back what it would displace when there is no memory for one.
    pub(super) fn open_half(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        listener: Key,
        flow: Flow,
        syn: &Segment,
        displaced: Option<Box<TimeWaitSlot>>,
    ) -> Result<(), Option<Box<TimeWaitSlot>>> {
        let Some((config, marks, retransmissions)) = self.terms_of(ip, listener) else {
            return Err(displaced);
        };
        // One that was in TIME-WAIT may be followed by old duplicates: data waits for the handshake.
        let fast_open = match &displaced {
            None => self.judge_fast_open(ip, now, listener, &flow, syn),
            Some(_) => Verdict::default(),
        };
        let early = fast_open.early && ip.budget.charge(Account::TcpRecord, RECORD).is_ok();
        if !early && ip.budget.charge(Account::TcpRecord, HALF_OPEN).is_err() {
            return Err(displaced);
        }
        let mut iss = self.first_number(ip, now, &flow);
        if let Some(old) = &displaced {
            iss = beyond(iss, old.record.snd_nxt());
        }
        let offer = Offer {
            config: &config,
            path: self.path_or_least(ip, &flow),
            receive_window: u32::MAX,
            timestamp_offset: self.timestamp_offset(ip, &flow),
            retransmissions,
        };
        let mut record = HalfOpen::answer(now, syn, iss, &offer);
        ip.counters.tcp_passive_opens = ip.counters.tcp_passive_opens.saturating_add(1);
        self.note_state(ip, now, &flow, State::Listen, State::SynReceived, Cause::Arrived("SYN"));
        if early {
            let path = offer.path;
            let connection = Connection::early(now, config, path, record, syn, fast_open.cookie);
            let key = self.enter(ip, now, connection, flow, marks, State::SynReceived);
            if let Some(slot) = self.connections.get_mut(key) {
                (slot.queued_at, slot.early_of) = (Some(listener), Some(listener));
            }
            self.touched(ip, now, key);
            self.early_is_pending(ip, listener, key);
            return Ok(());
        }
        let mut syn_ack = record.poll_transmit(now);
        if let Some(syn_ack) = &mut syn_ack {
            syn_ack.segment.header.options.fast_open = fast_open.cookie.map(Box::new);
        }
        let wheel = &mut self.wheel;
        let due = record.poll_timeout();
        let key = self.half_opens.insert_with(|key| {
            let timer = wheel.add(Whose::HalfOpen(key));
            wheel.set(timer, Some(due));
            HalfOpenSlot { record, flow, listener, timer, displaced }
        });
        self.demux.insert(flow, Whose::HalfOpen(key));
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.half_open += 1;
        }
        if let Some(syn_ack) = syn_ack {
            self.send_loose(ip, now, &flow, marks, syn_ack);
        }
        Ok(())
    }

    pub(super) fn for_half_open(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        segment: Segment,
        packet: &Delivered,
    ) {
        let Some(slot) = self.half_opens.get_mut(key) else { return };
        let (flow, listener) = (slot.flow, slot.listener);
        let outcome = slot.record.handle_segment(now, &segment);
        let Some((_, marks, _)) = self.terms_of(ip, listener) else {
            // The listener is gone, and with it whatever this peer was promised.
            self.forget_half_open(ip, now, key, "listener closed");
            return self.refuse_stray(ip, now, &flow, &segment, packet);
        };
        match outcome {
            HalfOpenOutcome::Established(accepted) => {
                if self.accept_queue_is_full(listener) {
                    // Our SYN-ACK, or the peer's data, asks again.
                    return ip.drop(now, Discard::AcceptQueueFull.into(), packet);
                }
                if !self.establish(ip, now, listener, flow, accepted, segment, packet) {
                    return ip.drop(now, Discard::NoMemory.into(), packet);
                }
                if let Some(displaced) = self.take_half_open(ip, key).and_then(|slot| slot.displaced) {
                    self.time_wait_reused(ip, now, *displaced);
                }
            }
            HalfOpenOutcome::Send(transmit) => self.send_loose(ip, now, &flow, marks, transmit),
            // RFC 9293 MUST-11: back to LISTEN, and nobody is told.
            HalfOpenOutcome::Remove => self.forget_half_open(ip, now, key, "RST"),
            HalfOpenOutcome::Ignore(why) => ip.drop(now, why.into(), packet),
        }
    }

    pub(super) fn half_open_timeout(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.half_opens.get_mut(key) else { return };
        let gives_up = slot.record.handle_timeout(now);
        let (flow, timer, due) = (slot.flow, slot.timer, slot.record.poll_timeout());
        let again = slot.record.poll_transmit(now);
        let listener = slot.listener;
        match self.terms_of(ip, listener) {
            Some((_, marks, _)) if !gives_up => {
                self.wheel.set(timer, Some(due));
                if let Some(syn_ack) = again {
                    self.send_loose(ip, now, &flow, marks, syn_ack);
                }
            }
            _ => self.forget_half_open(ip, now, key, "retransmission"),
        }
    }

    /// The handshake failed: the 4-tuple is as it was before the SYN.
    pub(super) fn forget_half_open(&mut self, ip: &mut Ip, now: Instant, key: Key, why: &'static str) {
        let Some(slot) = self.take_half_open(ip, key) else { return };
        ip.counters.tcp_attempt_fails = ip.counters.tcp_attempt_fails.saturating_add(1);
        self.note_state(ip, now, &slot.flow, State::SynReceived, State::Listen, Cause::Arrived(why));
        self.demux.remove(&slot.flow);
        if let Some(displaced) = slot.displaced {
            self.restore_time_wait(ip, now, *displaced); // RFC 9293 MAY-2
        }
    }

    fn take_half_open(&mut self, ip: &mut Ip, key: Key) -> Option<HalfOpenSlot> {
        let slot = self.half_opens.remove(key)?;
        self.wheel.remove(slot.timer);
        ip.budget.release(Account::TcpRecord, HALF_OPEN);
        if let Some(listener) = self.listeners.get_mut(slot.listener) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
        Some(slot)
    }

    /// Makes a connection of a completed handshake, feeds it the segment that completed it, and puts it into the accept
    /// queue, which has room. `false` when there is no memory for it.
    #[expect(clippy::too_many_arguments, reason = "a packet as it was read, and where it goes")]
    pub(super) fn establish(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        listener: Key,
        flow: Flow,
        accepted: Accepted,
        segment: Segment,
        packet: &Delivered,
    ) -> bool {
        let Some((config, marks, _)) = self.terms_of(ip, listener) else { return false };
        if ip.budget.charge(Account::TcpRecord, RECORD).is_err() {
            return false;
        }
        let path = self.path_or_least(ip, &flow);
        let connection = Connection::accepted(now, config, path, accepted);
        let key = self.enter(ip, now, connection, flow, marks, State::Established);
        if let Some(slot) = self.connections.get_mut(key) {
            slot.queued_at = Some(listener);
        }
        let cause = Cause::Arrived("ACK of SYN");
        self.note_state(ip, now, &flow, State::SynReceived, State::Established, cause);
        self.feed(ip, now, key, segment, packet);
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.accept.push_back(key);
        }
        self.listener_has_news(listener);
        true
    }
}
