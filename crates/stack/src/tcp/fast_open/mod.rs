//! Fast Open on a host: its keys, its listeners' pending connections, and what it knows of peers (RFC 7413).
//!
//! ```text
//!   SYN ─► listener that has it on ─► too many pending? ─► cookie? ─┬─ good ─► early connection, in the accept queue
//!                                          │ yes                    ├─ none asked for, or bad ─► plain, SYN-ACK with a cookie
//!                                          └─► plain                └─ no option ─► plain
//!
//!   OPEN with data ─► known.rs: cookie, MSS, strikes ─► SYN ─► answer ─► known.rs
//! ```
//!
//! Keys are derived from a secret of the host and change by themselves, unless the user sets them: a cookie lives for twelve
//! to twenty-four hours (§4.1.2, property 5). What a key came to is noted in the journal, and no key is.

mod calls;
mod known;
mod lru;
mod serving;

pub(super) use known::Known;
pub(super) use lru::Lru;
pub(super) use serving::Serving;

use super::Tcp;
use super::arena::Key;
use crate::demux::Flow;
use crate::{Account, Ip};
use ::tcp::Segment;
use ::tcp::fast_open::{Judgement, Keys, cookie_of};
use core::net::IpAddr;
use env::{Chance, Duration, Instant};
use wire::tcp::FastOpenCookie;

/// So long new cookies are of one key, and as long again they are good.
const KEY_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How a listener takes data with a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FastOpenListen {
    /// Connections that may be open before their handshake is complete (PendingFastOpenRequests of RFC 7413 §4.2); more
    /// get a plain handshake. One that was reset counts for another minute (§5.1). At least 1.
    pub queue: usize,
    /// Whether data needs a cookie. Without, whoever forges addresses makes the application work, and its answers go to
    /// whom he likes (§5.2, §7.3): only where something else keeps strangers out.
    pub cookie: bool,
}

/// How an active OPEN sends data with its SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FastOpenConnect {
    /// Whether the peer is asked for a cookie first, as RFC 7413 has it. Without, data goes at once, and without the
    /// option: for networks whose servers ask for none (§7.3).
    pub cookie: bool,
}

impl Default for FastOpenConnect {
    fn default() -> Self {
        Self { cookie: true }
    }
}

/// What becomes of a SYN for a listener.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    /// Its data is delivered before the handshake is complete.
    pub(super) early: bool,
    /// What the SYN-ACK gives.
    pub(super) cookie: Option<FastOpenCookie>,
}

/// The addresses that a cookie is of: the client's, the server's.
struct Addresses {
    octets: [u8; 32],
    len: usize,
}

impl Addresses {
    fn of(flow: &Flow) -> Self {
        let mut addresses = Self { octets: [0; 32], len: 0 };
        for address in [flow.remote, flow.local] {
            match address {
                IpAddr::V4(address) => addresses.push(&address.octets()),
                IpAddr::V6(address) => addresses.push(&address.octets()),
            }
        }
        addresses
    }

    fn push(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        if let Some(room) = self.octets.get_mut(self.len..end) {
            room.copy_from_slice(octets);
            self.len = end;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or(&[])
    }
}

impl Tcp {
    /// The keys in force for a listener: its own, the host's, or those of the hour.
    fn fast_open_keys(&self, now: Instant, own: Option<Keys>) -> Keys {
        own.or(self.fast_open_keys).unwrap_or_else(|| {
            let period = now.as_nanos() / KEY_LIFE.as_nanos() as u64;
            let backup = period.checked_sub(1).map(|period| self.fast_open_secret.derive(period));
            Keys { primary: self.fast_open_secret.derive(period), backup }
        })
    }

    /// What a SYN for `listener` gets (RFC 7413 §4.2.2, "Server: Receiving SYN", steps 1 to 5).
    pub(super) fn judge_fast_open(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        listener: Key,
        flow: &Flow,
        syn: &Segment,
    ) -> Verdict {
        let plain = Verdict::default();
        let said = syn.header.options.fast_open.as_deref().copied();
        if said.is_none() && syn.payload.is_empty() {
            return plain;
        }
        let Some(serving) = self.listeners.get_mut(listener).and_then(|l| l.fast_open.as_deref_mut()) else {
            return plain; // 7413-6
        };
        let (config, own) = (serving.config, serving.keys);
        if !serving.has_room(now) {
            ip.counters.tcp_fast_open_overflows = ip.counters.tcp_fast_open_overflows.saturating_add(1);
            return plain; // 7413-7
        }
        let early = syn.payload.len() <= ip.budget.room(Account::TcpReceive);
        if !config.cookie {
            return Verdict { early, cookie: None };
        }
        let Some(said) = said else { return plain };
        let addresses = Addresses::of(flow);
        let keys = self.fast_open_keys(now, own);
        let judged = if said.is_request() {
            Judgement::Bad
        } else {
            let judge = || keys.judge(addresses.as_slice(), &said) as u64;
            match ip.rng.outcome(Chance::FastOpen, judge) {
                1 => Judgement::Good,
                2 => Judgement::Old,
                _ => Judgement::Bad,
            }
        };
        let counters = &mut ip.counters;
        if judged == Judgement::Bad && !said.is_request() {
            counters.tcp_fast_open_passive_fails = counters.tcp_fast_open_passive_fails.saturating_add(1);
        }
        let cookie = (judged != Judgement::Good).then(|| {
            counters.tcp_fast_open_cookies_sent = counters.tcp_fast_open_cookies_sent.saturating_add(1);
            let number = ip.rng.outcome(Chance::FastOpen, || keys.cookie(addresses.as_slice()));
            cookie_of(number).experimental(said.is_experimental())
        });
        Verdict { early: early && judged != Judgement::Bad, cookie }
    }

    /// A connection that is open before its handshake is complete waits to be accepted (step 4).
    pub(super) fn early_is_pending(&mut self, ip: &mut Ip, listener: Key, connection: Key) {
        ip.counters.tcp_fast_open_passive = ip.counters.tcp_fast_open_passive.saturating_add(1);
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.accept.push_back(connection);
            if let Some(serving) = &mut listener.fast_open {
                serving.pending += 1;
            }
        }
        self.listener_has_news(listener);
    }

    /// Its handshake is complete, or it ended before.
    pub(super) fn early_is_settled(&mut self, now: Instant, listener: Key, reset: bool) {
        if let Some(serving) = self.listeners.get_mut(listener).and_then(|l| l.fast_open.as_deref_mut()) {
            serving.settle(now, reset);
        }
    }

    /// What the answer to our SYN tells about the peer and the way.
    pub(super) fn learn_fast_open(&mut self, ip: &mut Ip, now: Instant, key: Key) {
        let Some(slot) = self.connections.get_mut(key) else { return };
        let flow = slot.flow;
        let Some(answer) = slot.connection.take_fast_open_answer() else { return };
        let counters = &mut ip.counters;
        match answer.state {
            ::tcp::fast_open::FastOpenState::Accepted => {
                counters.tcp_fast_open_active = counters.tcp_fast_open_active.saturating_add(1);
            }
            _ if answer.data => {
                counters.tcp_fast_open_active_fails = counters.tcp_fast_open_active_fails.saturating_add(1);
            }
            _ => {}
        }
        self.known.learn(now, &flow, &answer);
    }
}
