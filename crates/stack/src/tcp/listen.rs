//! LISTEN: listeners, their queues, and requests that wait for a verdict (RFC 9293 §3.10.7.2; RFC 4987).
//!
//! ```text
//!   SYN ─► deferred? ─► verdict ─┐                       accept queue full: dropped, both SYN and ACK
//!            │ no                ▼
//!            └─► SYN queue ─► half-open ─► ESTABLISHED ─► accept queue ─► tcp_accept
//!                  │ full                     ▲
//!                  └─► cookie ────────────────┘
//! ```

use super::api::{CookieUse, ListenConfig, ListenError, ListenerId, Pending, PendingId, Verdict};
use super::arena::{Key, cost_of};
use super::fast_open::Serving;
use super::segment::Marks;
use super::time_wait::TimeWaitSlot;
use super::{Tcp, Teller, Whose};
use crate::demux::Flow;
use crate::ports::Claimed;
use crate::wheel::TimerId;
use crate::{Account, Delivered, Drop, ErrorKind, HostEvent, Ip, PortError};
use ::tcp::listener::{Cookies, Offer};
use ::tcp::{Discard, ResetWhy, Segment, TcpConfig, closed};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use bytes::Bytes;
use core::net::{IpAddr, SocketAddr};
use env::{Chance, Duration, Instant};
use wire::{Payload, Port, SeqNum};

/// So long a request waits for its verdict: as long as its peer keeps asking (RFC 9293 MUST-23).
const PATIENCE: Duration = Duration::from_secs(180);
/// So long after the last cookie an ACK may bring one back.
const COOKIE_LIFE: Duration = Duration::from_secs(120);
/// Most octets of a packet that an ICMP error quotes (RFC 4443 §3.1).
const QUOTE: usize = 1_280;

/// One listener.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    key: Key,
    pub(super) config: ListenConfig,
    pub(super) tcp: Arc<TcpConfig>,
    pub(super) local: SocketAddr,
    pub(super) claimed: Claimed,
    /// Half-open peers and requests without a verdict.
    pub(super) half_open: usize,
    /// Connections that wait to be accepted.
    pub(super) accept: VecDeque<Key>,
    /// Requests that the user has not been shown.
    asked: VecDeque<Key>,
    /// The SYN queue was full, and is not yet well below that.
    flooded: bool,
    /// Until when cookies are about.
    cookies_until: Option<Instant>,
    acceptable: bool,
    pending: bool,
    telling: bool,
    /// Data with a SYN is taken.
    pub(super) fast_open: Option<Box<Serving>>,
}

/// A request that waits for a verdict.
#[derive(Clone, Debug)]
pub(super) struct PendingSlot {
    flow: Flow,
    listener: Key,
    syn: Segment,
    packet: Box<Delivered>,
    timer: TimerId,
    displaced: Option<Box<TimeWaitSlot>>,
}

/// What a waiting request costs: itself, what it quotes, and its places in the tables and in the list of what to show.
const PENDING: usize = cost_of::<PendingSlot>() + size_of::<Delivered>() + QUOTE + 4 * size_of::<Key>();

impl Listener {
    pub(super) fn take_event(&mut self) -> Option<HostEvent> {
        let id = ListenerId(self.key);
        let event = if core::mem::take(&mut self.acceptable) {
            Some(HostEvent::TcpAcceptable(id))
        } else if core::mem::take(&mut self.pending) {
            Some(HostEvent::TcpPending(id))
        } else {
            None
        };
        self.telling = event.is_some();
        event
    }

    fn covers(&self, address: IpAddr) -> bool {
        let own = self.local.ip();
        own == address
            || (own.is_unspecified() && (own.is_ipv4() == address.is_ipv4() || self.config.dual_stack))
    }
}

impl Tcp {
    /// OPEN, passive (RFC 9293 §3.10.1).
    pub(super) fn listen(
        &mut self,
        ip: &mut Ip,
        local: SocketAddr,
        config: ListenConfig,
    ) -> Result<ListenerId, ListenError> {
        let address = local.ip();
        if !address.is_unspecified() && !ip.is_local(address) {
            return Err(ListenError::AddrNotAvailable);
        }
        let dual = config.dual_stack && address.is_unspecified() && address.is_ipv6();
        let bound = (!dual).then_some(address);
        let claimed = match Port::new(local.port()) {
            // Another listener is in the way (RFC 9293 MUST-41); a connection with this port is not (MUST-42).
            Some(port) if self.listens(bound, port, config.reuse_port) => Err(PortError::InUse),
            Some(port) => self.ports.bind(bound, port, true),
            None => self.ports.bind_any(&mut ip.rng, bound, false),
        };
        let claimed = claimed.map_err(|error| match error {
            PortError::InUse => ListenError::AddrInUse,
            _ => ListenError::AddrNotAvailable,
        })?;
        let tcp = config.tcp.clone().unwrap_or_else(|| self.config.clone());
        let local = SocketAddr::new(address, claimed.port.get());
        let config = ListenConfig { backlog: config.backlog.max(1), dual_stack: dual, ..config };
        let key = self.listeners.insert_with(|key| Listener {
            key,
            config,
            tcp,
            local,
            claimed,
            half_open: 0,
            accept: VecDeque::new(),
            asked: VecDeque::new(),
            flooded: false,
            cookies_until: None,
            acceptable: false,
            pending: false,
            telling: false,
            fast_open: None,
        });
        self.listening.entry(local.port()).or_default().push(key);
        Ok(ListenerId(key))
    }

    /// CLOSE in LISTEN (RFC 9293 §3.10.4): what was promised to nobody is forgotten; what waits to be accepted is reset.
    /// Half-open peers go when they are next heard of.
    pub(super) fn unlisten(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(listener) = self.listeners.remove(key) else { return };
        let port = listener.local.port();
        if let Some(keys) = self.listening.get_mut(&port) {
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.listening.remove(&port);
            }
        }
        self.ports.release(listener.claimed);
        for key in listener.accept {
            if let Some(slot) = self.connections.get_mut(key) {
                slot.released = true;
                slot.connection.abort(now);
                slot.connection.release(now);
            }
            self.touched(ip, now, key);
        }
        for key in self.pendings.keys() {
            if self.pendings.get(key).is_some_and(|slot| self.listeners.get(slot.listener).is_none()) {
                self.forget_pending(ip, now, key);
            }
        }
    }

    /// The listener for a 4-tuple that nothing else is at: the most specific one.
    pub(super) fn listener_for(&self, ip: &mut Ip, flow: &Flow) -> Option<Key> {
        let keys = self.listening.get(&flow.local_port)?;
        let found = keys.iter().filter_map(|key| Some((*key, self.listeners.get(*key)?)));
        let rank = |listener: &Listener| {
            let own = listener.local.ip();
            (own == flow.local, own.is_ipv4() == flow.local.is_ipv4())
        };
        let found = found.filter(|(_, l)| l.covers(flow.local)).map(|(key, l)| (rank(l), key));
        let best = found.clone().map(|(rank, _)| rank).max()?;
        let equal = found.filter(|(rank, _)| *rank == best).map(|(_, key)| key);
        // Those that share a port share its peers by their addresses and ports, as a stranger cannot foresee.
        let nth = match equal.clone().count() {
            0 | 1 => 0,
            sharers => {
                let drawn = || u64::from(self.generator.timestamp_offset(flow)) % sharers as u64;
                ip.rng.outcome(Chance::Sharer, drawn) as usize
            }
        };
        equal.into_iter().nth(nth)
    }

    /// The settings of a listener's connections, while there is such a listener.
    pub(super) fn terms_of(&self, ip: &Ip, listener: Key) -> Option<(Arc<TcpConfig>, Marks, u8)> {
        let listener = self.listeners.get(listener)?;
        let ttl = listener.config.ttl.unwrap_or(ip.config.hop_limit).max(1);
        let dont_fragment = listener.tcp.forbids_fragments();
        let marks = Marks { ttl, dscp: listener.config.dscp, dont_fragment };
        Some((listener.tcp.clone(), marks, listener.config.retransmissions))
    }

    pub(super) fn accept_queue_is_full(&self, listener: Key) -> bool {
        self.listeners.get(listener).is_none_or(|l| l.accept.len() >= l.config.backlog)
    }

    pub(super) fn listener_has_news(&mut self, key: Key) {
        let Some(listener) = self.listeners.get_mut(key) else { return };
        listener.acceptable |= !listener.accept.is_empty();
        listener.pending |= !listener.asked.is_empty();
        if !core::mem::replace(&mut listener.telling, true) {
            self.tell(Teller::Listener(key));
        }
    }

    /// A SYN for a listener; perhaps in the place of a connection in TIME-WAIT, which was lifted for it.
    #[expect(clippy::too_many_arguments, reason = "a packet as it was read, and where it goes")]
    pub(super) fn for_listener(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        flow: Flow,
        syn: Segment,
        packet: &Delivered,
        displaced: Option<Box<TimeWaitSlot>>,
    ) {
        let Some(listener) = self.listeners.get_mut(key) else { return };
        let most = listener.config.syn_queue;
        listener.flooded =
            listener.half_open >= most || (listener.flooded && listener.half_open > most * 3 / 4);
        let cookies = match listener.config.cookies {
            CookieUse::Always => !listener.config.defer,
            CookieUse::Auto => listener.flooded,
            CookieUse::Off => false,
        };
        let refused = if listener.accept.len() >= listener.config.backlog {
            // Whoever cannot be accepted need not be answered.
            Err((Discard::AcceptQueueFull, displaced))
        } else if cookies || listener.half_open >= most {
            Err((Discard::SynQueueFull, displaced))
        } else if listener.config.defer {
            self.defer(ip, now, key, flow, &syn, packet, displaced)
        } else {
            self.open_half(ip, now, key, flow, &syn, displaced).map_err(|back| (Discard::SynQueueFull, back))
        };
        let Err((why, displaced)) = refused else { return };
        if let Some(displaced) = displaced {
            // A cookie could not bring it back: the peer asks again.
            self.restore_time_wait(ip, now, *displaced);
        } else if why == Discard::SynQueueFull && self.answer_with_cookie(ip, now, key, &flow, &syn) {
            return;
        }
        ip.drop(now, why.into(), packet);
    }

    fn answer_with_cookie(
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

    /// Keeps a request until the user has decided.
    #[expect(clippy::too_many_arguments, reason = "a packet as it was read, and where it goes")]
    fn defer(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        listener: Key,
        flow: Flow,
        syn: &Segment,
        packet: &Delivered,
        displaced: Option<Box<TimeWaitSlot>>,
    ) -> Result<(), (Discard, Option<Box<TimeWaitSlot>>)> {
        if ip.budget.charge(Account::TcpRecord, PENDING).is_err() {
            return Err((Discard::SynQueueFull, displaced));
        }
        // Neither the request's data nor the device's buffer is kept (4987-7).
        let quote = packet.quote.get(..QUOTE).unwrap_or(&packet.quote);
        let packet =
            Delivered { quote: Bytes::copy_from_slice(quote), payload: Payload::EMPTY, ..packet.clone() };
        let syn = Segment { payload: Payload::EMPTY, segment_size: None, ..syn.clone() };
        let wheel = &mut self.wheel;
        let key = self.pendings.insert_with(|key| {
            let timer = wheel.add(Whose::Pending(key));
            wheel.set(timer, Some(now + PATIENCE));
            PendingSlot { flow, listener, syn, packet: Box::new(packet), timer, displaced }
        });
        self.demux.insert(flow, Whose::Pending(key));
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.half_open += 1;
            // Requests that ended before they were shown (a SYN, its RST, again and again) are swept when they are
            // half of all.
            if listener.asked.len() > 2 * listener.half_open + 16 {
                listener.asked.retain(|key| self.pendings.get(*key).is_some());
            }
            listener.asked.push_back(key);
        }
        self.listener_has_news(listener);
        Ok(())
    }

    /// A segment for a request without a verdict: the SYN again, or its end.
    pub(super) fn for_pending(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        key: Key,
        segment: Segment,
        packet: &Delivered,
    ) {
        use wire::tcp::Flags;
        let Some(slot) = self.pendings.get(key) else { return };
        let flow = slot.flow;
        if segment.has(Flags::RST) {
            if segment.header.seq == slot.syn.header.seq + 1 {
                self.forget_pending(ip, now, key);
            } else {
                ip.drop(now, Discard::UnacceptableReset.into(), packet);
            }
        } else if segment.has(Flags::ACK) {
            self.refuse_stray(ip, now, &flow, &segment, packet); // we are still in LISTEN: 9293-E3
        } else {
            ip.drop(now, Discard::Duplicate.into(), packet);
        }
    }

    /// The next request that the user has not been shown.
    pub(super) fn next_pending(&mut self, listener: Key) -> Option<Pending> {
        let listener = self.listeners.get_mut(listener)?;
        while let Some(key) = listener.asked.pop_front() {
            if let Some(slot) = self.pendings.get(key) {
                return Some(Pending {
                    id: PendingId(key),
                    local: slot.flow.local(),
                    peer: slot.flow.remote(),
                });
            }
        }
        None
    }

    pub(super) fn decide(&mut self, ip: &mut Ip, now: Instant, key: Key, verdict: Verdict) -> bool {
        let Some(slot) = self.take_pending(ip, key) else { return false };
        let PendingSlot { flow, listener, syn, packet, displaced, .. } = slot;
        self.demux.remove(&flow);
        let displaced = match verdict {
            Verdict::Accept => match self.open_half(ip, now, listener, flow, &syn, displaced) {
                Ok(()) => return true,
                Err(displaced) => {
                    ip.drop(now, Drop::TcpSynQueueFull, &packet);
                    displaced
                }
            },
            Verdict::Reset => {
                if let Some(reset) = closed::reset(&syn, ResetWhy::Refused) {
                    self.send_loose(ip, now, &flow, Self::plain_marks(ip), reset);
                }
                displaced
            }
            Verdict::Unreachable => {
                ip.send_error(now, ErrorKind::Prohibited, &packet);
                displaced
            }
            Verdict::Drop => displaced,
        };
        if let Some(displaced) = displaced {
            self.restore_time_wait(ip, now, *displaced);
        }
        true
    }

    pub(super) fn forget_pending(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.take_pending(ip, key) else { return };
        self.demux.remove(&slot.flow);
        if let Some(displaced) = slot.displaced {
            self.restore_time_wait(ip, now, *displaced);
        }
    }

    fn take_pending(&mut self, ip: &mut Ip, key: Key) -> Option<PendingSlot> {
        let slot = self.pendings.remove(key)?;
        self.wheel.remove(slot.timer);
        ip.budget.release(Account::TcpRecord, PENDING);
        if let Some(listener) = self.listeners.get_mut(slot.listener) {
            listener.half_open = listener.half_open.saturating_sub(1);
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cidr, Host, HostConfig, InterfaceConfig, Medium};
    use env::Machine as _;
    use wire::tcp::{Flags, Header};
    use wire::{Frame, Head, Protocol, SeqNum, ipv4};

    fn segment(host: &mut Host, flow: Flow, flags: Flags, seq: u32) {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (flow.remote, flow.local) else { panic!("IPv4") };
        let header = Header { seq: SeqNum::new(seq), flags, ..Header::default() };
        let mut head = Head::new();
        header.prepend_to(&mut head, flow.remote_port, flow.local_port).unwrap();
        wire::tcp::fill_checksum(&mut head, &Payload::EMPTY, flow.remote, flow.local).unwrap();
        ipv4::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, 0).unwrap();
        let bytes = Bytes::copy_from_slice(head.as_slice());
        let (now, len) = (Instant::from_secs(1), bytes.len());
        let link = host.interfaces()[1];
        host.handle_packet(now, (link, Frame::received(bytes, len, now)));
    }

    #[test]
    fn requests_that_end_before_they_are_shown_leave_nothing() {
        let mut host = Host::new(HostConfig::default(), [1; 32]).unwrap();
        let address: Cidr = "10.0.0.1/24".parse().unwrap();
        let link = InterfaceConfig::new("t0", Medium::Ip).address(address);
        host.add_interface(Instant::ZERO, link).unwrap();
        let config = ListenConfig { defer: true, ..ListenConfig::default() };
        let id = host.tcp_listen(Instant::ZERO, "10.0.0.1:80".parse().unwrap(), config).unwrap();
        for n in 0..100_000u32 {
            let remote = SocketAddr::from(([10, 0, 0, 2 + (n / 60_000) as u8], 1 + (n % 60_000) as u16));
            let flow = Flow::new("10.0.0.1:80".parse().unwrap(), remote);
            segment(&mut host, flow, Flags::SYN, 7);
            // One in a thousand stays.
            if n % 1_000 > 0 {
                segment(&mut host, flow, Flags::RST, 8);
            }
            let listener = host.tcp.listeners.get(id.0).unwrap();
            assert!(listener.asked.len() <= 2 * listener.half_open + 19, "{}", listener.asked.len());
        }
        assert_eq!(host.tcp_counts().pending, 100);
        assert_eq!(core::iter::from_fn(|| host.tcp_pending(id)).count(), 100, "each is shown");
    }
}
