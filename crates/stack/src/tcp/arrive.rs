//! A packet arrives: whose is it?

use super::arena::Key;
use super::segment::{self, Marks};
use super::{Tcp, Whose};
use crate::demux::Flow;
use crate::{Account, Delivered, Drop, Ip, Pressure};
use ::tcp::listener::{self, ListenOutcome};
use ::tcp::{Discard, Segment, closed};
use env::Instant;
use wire::Payload;
use wire::tcp::Flags;

impl Tcp {
    pub(crate) fn handle_packet(&mut self, ip: &mut Ip, now: Instant, mut packet: Delivered) {
        let (flow, segment) = match segment::read(ip, &mut packet) {
            Ok(read) => read,
            Err(why) => {
                ip.counters.tcp_in_segs = ip.counters.tcp_in_segs.saturating_add(1);
                if matches!(why, Drop::TcpChecksum | Drop::TcpMalformed) {
                    ip.counters.tcp_in_errs = ip.counters.tcp_in_errs.saturating_add(1);
                }
                return ip.drop(now, why, &packet);
            }
        };
        ip.counters.tcp_in_segs = ip.counters.tcp_in_segs.saturating_add(u64::from(segment.count()));
        match self.demux.get(&flow) {
            Some(Whose::Connection(key)) => self.for_connection(ip, now, key, segment, &packet),
            Some(Whose::HalfOpen(key)) => self.for_half_open(ip, now, key, segment, &packet),
            Some(Whose::Pending(key)) => self.for_pending(ip, now, key, segment, &packet),
            Some(Whose::TimeWait(key)) => self.for_time_wait(ip, now, key, segment, &packet),
            None => self.for_nobody(ip, now, flow, segment, &packet),
        }
    }

    fn for_connection(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        mut segment: Segment,
        packet: &Delivered,
    ) {
        if segment.payload.len() > ip.budget.room(Account::TcpReceive) {
            // The host is full. What the header says still counts: acknowledgments are what frees memory. One that
            // acknowledges nothing new is lost with its data, or it would pass for a duplicate ACK.
            ip.drop(now, Discard::NoMemory.into(), packet);
            let una = self.connections.get(key).map(|slot| slot.connection.unacknowledged().0);
            let news = segment.ack().zip(una).is_some_and(|(ack, una)| ack.after(una));
            if !news && !segment.has(Flags::RST) {
                return;
            }
            segment.payload = Payload::EMPTY;
            segment.segment_size = None;
            segment.header.flags = segment.header.flags & !Flags::FIN;
        }
        self.feed(ip, now, key, segment, packet);
    }

    /// Gives a connection a segment, and counts it if it was not used.
    pub(super) fn feed(&mut self, ip: &mut Ip, now: Instant, key: Key, segment: Segment, packet: &Delivered) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        // What nobody has accepted yet nobody reads.
        let read = slot.queued_at.is_none();
        slot.connection.allow_growth(read && ip.budget.pressure() == Pressure::Ok);
        slot.connection.handle_segment(now, segment);
        if let Some(why) = slot.connection.take_discard() {
            ip.drop(now, why.into(), packet);
        }
        self.touched(ip, now, key);
    }

    /// RFC 9293 §3.10.7.1 and §3.10.7.2: no connection. A listener?
    fn for_nobody(&mut self, ip: &mut Ip, now: Instant, flow: Flow, segment: Segment, packet: &Delivered) {
        let Some(listener) = self.listener_for(ip, &flow) else {
            return self.refuse_stray(ip, now, &flow, &segment, packet);
        };
        match listener::arrives(&segment) {
            ListenOutcome::Syn => self.for_listener(ip, now, listener, flow, segment, packet, None),
            ListenOutcome::Ignore(why) => ip.drop(now, why.into(), packet),
            ListenOutcome::Send(reset) => {
                if self.open_by_cookie(ip, now, listener, flow, segment, packet) {
                    return;
                }
                self.send_stray_reset(ip, now, &flow, reset);
            }
        }
    }

    /// Nobody is there (RFC 9293 §3.10.7.1).
    pub(super) fn refuse_stray(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        flow: &Flow,
        segment: &Segment,
        packet: &Delivered,
    ) {
        match closed::answer(segment) {
            Some(reset) => {
                ip.drop(now, Drop::TcpNoListener, packet);
                self.send_stray_reset(ip, now, flow, reset);
            }
            None => ip.drop(now, Discard::ResetToNobody.into(), packet),
        }
    }

    /// How replies to strays are marked.
    pub(super) fn plain_marks(ip: &Ip) -> Marks {
        Marks { ttl: ip.config.hop_limit, dscp: 0, dont_fragment: true }
    }
}
