//! SYN cookies: answers that keep nothing here, and what they bring back (RFC 4987 §3.6).

use super::Tcp;
use super::api::CookieUse;
use super::arena::Key;
use crate::demux::Flow;
use crate::{Delivered, Ip};
use ::tcp::listener::{Cookies, Offer};
use ::tcp::{Discard, Segment};
use env::{Chance, Duration, Instant};
use wire::SeqNum;

/// So long after the last cookie an ACK may bring one back.
const COOKIE_LIFE: Duration = Duration::from_secs(120);

impl Tcp {
    /// Answers a SYN with a cookie, if the listener has any; whether it did.
    pub(super) fn answer_with_cookie(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        flow: &Flow,
        syn: &Segment,
    ) -> bool {
        let Some((config, marks, retransmissions)) = self.terms_of(ip, key) else { return false };
        let Some(listener) = self.listeners.get_mut(key) else { return false };
        if listener.config.cookies == CookieUse::Off || listener.config.defer {
            return false;
        }
        listener.cookies_until = Some(now + COOKIE_LIFE);
        let offer = Offer {
            config: &config,
            path: self.path_or_least(ip, flow),
            receive_window: u32::MAX,
            timestamp_offset: self.timestamp_offset(ip, flow),
            retransmissions,
        };
        let mut syn_ack = self.cookies.answer(now, flow, syn, &offer);
        let first = &mut syn_ack.segment.header.seq;
        *first = SeqNum::new(ip.rng.outcome(Chance::SequenceNumber, || u64::from(first.raw())) as u32);
        ip.counters.tcp_cookies_sent = ip.counters.tcp_cookies_sent.saturating_add(1);
        self.send_loose(ip, now, flow, marks, syn_ack);
        true
    }

    /// Whether a segment that met nobody brings back a cookie, and what became of it.
    pub(super) fn open_by_cookie(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        flow: Flow,
        segment: Segment,
        packet: &Delivered,
    ) -> bool {
        let about = |until: Option<Instant>| until.is_some_and(|until| now < until);
        if !self.listeners.get(key).is_some_and(|listener| about(listener.cookies_until)) {
            ip.drop(now, Discard::UnacceptableAck.into(), packet);
            return false;
        }
        let Some((config, _, retransmissions)) = self.terms_of(ip, key) else { return false };
        let offer = Offer {
            config: &config,
            path: self.path_or_least(ip, &flow),
            receive_window: u32::MAX,
            timestamp_offset: self.timestamp_offset(ip, &flow),
            retransmissions,
        };
        let ours = || u64::from(self.cookies.check(now, &flow, &segment, &offer).is_some());
        let ours = ip.rng.outcome(Chance::Cookie, ours) != 0;
        let Some(accepted) = Cookies::agreed(&segment, &offer).filter(|_| ours) else {
            ip.drop(now, Discard::BadCookie.into(), packet);
            return false;
        };
        if self.accept_queue_is_full(key) {
            ip.drop(now, Discard::AcceptQueueFull.into(), packet);
        } else if self.establish(ip, now, key, flow, accepted, segment, packet) {
            let counters = &mut ip.counters;
            counters.tcp_cookies_accepted = counters.tcp_cookies_accepted.saturating_add(1);
            counters.tcp_passive_opens = counters.tcp_passive_opens.saturating_add(1);
        } else {
            ip.drop(now, Discard::NoMemory.into(), packet);
        }
        true
    }
}
