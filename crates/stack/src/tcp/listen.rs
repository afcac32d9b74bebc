//! LISTEN: listeners and their queues (RFC 9293 §3.10.7.2; RFC 4987).
//!
//! ```text
//!              pending.rs
//!   SYN ─► deferred? ─► verdict ─┐                       accept queue full: dropped, both SYN and ACK
//!            │ no                ▼
//!            └─► SYN queue ─► half-open ─► ESTABLISHED ─► accept queue ─► tcp_accept
//!                  │ full                     ▲
//!                  └─► cookie ────────────────┘
//!                     cookies.rs
//! ```

use super::api::{CookieUse, ListenConfig, ListenError, ListenerId};
use super::arena::Key;
use super::fast_open::Serving;
use super::segment::Marks;
use super::time_wait::TimeWaitSlot;
use super::{Tcp, Teller};
use crate::demux::Flow;
use crate::ports::Claimed;
use crate::{Delivered, HostEvent, Ip, PortError};
use ::tcp::{Discard, Segment, TcpConfig};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use env::{Chance, Instant};
use wire::Port;

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
    pub(super) asked: VecDeque<Key>,
    /// The SYN queue was full, and is not yet well below that.
    flooded: bool,
    /// Until when cookies are about.
    pub(super) cookies_until: Option<Instant>,
    acceptable: bool,
    pending: bool,
    telling: bool,
    /// Data with a SYN is taken.
    pub(super) fast_open: Option<Box<Serving>>,
}

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
}
