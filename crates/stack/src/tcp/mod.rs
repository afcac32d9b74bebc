//! TCP on a host: whose segment it is, and everything that is not one connection's own business.
//!
//! ```text
//!                                ┌─► connection ──► table.rs      a machine of `tcp` for each, and who waits for it
//!   packet ─► segment ─► demux ──┼─► half-open ───► half_open.rs  before ESTABLISHED: a record
//!             segment.rs         ├─► deferred ────► pending.rs    before any answer: the user decides
//!                                ├─► TIME-WAIT ───► time_wait.rs  after the end: a record
//!                                └─► nobody ──────► listen.rs     a SYN or a cookie for a listener; else RST
//!
//!   wheel: one deadline for each of them     dirty: connections with something to send, and no others
//! ```

mod api;
mod arena;
mod arrive;
mod blocks;
mod calls;
mod connect;
mod cookies;
mod fast_open;
mod half_open;
mod icmp;
mod list;
mod listen;
mod paths;
mod pending;
mod segment;
mod slot;
mod socket;
mod table;
mod time_wait;

pub use api::{
    ConnectError, ConnectOptions, ConnectionId, CookieUse, ListenConfig, ListenError, ListenerId, Pending,
    PendingId, Verdict,
};
pub use calls::TcpCounts;
pub use fast_open::{FastOpenConnect, FastOpenListen};
pub use list::{ConnectionInfo, ListCursor, ListenerInfo};
pub use socket::{Sharing, TcpBound, TcpOptions};

use self::arena::{Arena, Key};
use self::blocks::Blocks;
use self::half_open::HalfOpenSlot;
use self::listen::Listener;
use self::pending::PendingSlot;
use self::segment::Marks;
use self::slot::Slot;
use self::time_wait::TimeWaitSlot;
use crate::demux::{Demux, Flow};
use crate::ports::Ports;
use crate::sabotage;
use crate::wheel::Wheel;
use crate::{HostConfig, HostEvent, Ip, Trace};
use ::tcp::listener::Cookies;
use ::tcp::{Note, Path, State, TcpConfig, Transmit, isn};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use env::{Chance, Duration, Instant, Rng};
use wire::{Mss, SeqNum};

/// RSTs to strays in a second, and at once: more is a flood, and silence answers it (ATTACKS: RST reflection).
const RESETS_PER_SECOND: u64 = 1_000;

/// Octets of payload in one train.
const TRAIN: u32 = 61_440;

/// TCP: the connection table, listeners and the TIME-WAIT store.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    config: Arc<TcpConfig>,
    generator: isn::Generator,
    cookies: Cookies,
    /// What Fast Open keys are derived from, unless the user has set some.
    fast_open_secret: ::tcp::fast_open::Key,
    fast_open_keys: Option<::tcp::fast_open::Keys>,
    /// What is known of peers that connections are opened to with data.
    known: fast_open::Known,
    /// What connections found out about paths.
    paths: paths::Paths,
    demux: Demux<Whose>,
    wheel: Wheel<Whose>,
    connections: Arena<Slot>,
    half_opens: Arena<HalfOpenSlot>,
    pendings: Arena<PendingSlot>,
    time_waits: Arena<TimeWaitSlot>,
    /// TIME-WAIT records by age; keys of those that are gone may be among them.
    oldest: VecDeque<Key>,
    listeners: Arena<Listener>,
    /// Listeners by port.
    listening: BTreeMap<u16, Vec<Key>>,
    ports: Ports,
    /// Connections with something to send, each once; keys of those that are gone may be among them.
    dirty: VecDeque<Key>,
    /// Connections and listeners with something to tell, each once.
    telling: VecDeque<Teller>,
    resets: Bucket,
    blocks: Blocks,
    /// Counts changes of path MTUs: a connection that has seen fewer looks again before it sends.
    path_epoch: u32,
    /// The connection whose segment was refused as too large, until the path's MTU is known.
    refused: Option<(Key, wire::SeqNum)>,
}

/// What is at a 4-tuple, and whose a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Connection(Key),
    HalfOpen(Key),
    Pending(Key),
    TimeWait(Key),
}

#[derive(Clone, Copy, Debug)]
enum Teller {
    Connection(Key),
    Listener(Key),
}

/// A token bucket in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Tokens that will be there again at this instant are all.
    full_at: Instant,
}

impl Tcp {
    pub(crate) fn new(config: &HostConfig, rng: &mut Rng) -> Self {
        let (numbers, cookies) = (rng.key(), rng.key());
        Self {
            config: Arc::new(config.tcp.clone()),
            generator: isn::Generator::new(numbers),
            cookies: Cookies::new(cookies),
            fast_open_secret: ::tcp::fast_open::Key::new(cookies).derive(u64::MAX),
            fast_open_keys: None,
            known: fast_open::Known::new(),
            paths: paths::Paths::new(),
            demux: Demux::new(rng.key()),
            wheel: Wheel::new(),
            connections: Arena::default(),
            half_opens: Arena::default(),
            pendings: Arena::default(),
            time_waits: Arena::default(),
            oldest: VecDeque::new(),
            listeners: Arena::default(),
            listening: BTreeMap::new(),
            ports: Ports::new(rng),
            dirty: VecDeque::new(),
            telling: VecDeque::new(),
            resets: Bucket { full_at: Instant::ZERO },
            blocks: Blocks::default(),
            path_epoch: 0,
            refused: None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, ip: &mut Ip, now: Instant) {
        while let Some((_, whose)) = self.wheel.pop(now) {
            match whose {
                Whose::Connection(key) => self.connection_timeout(ip, now, key),
                Whose::HalfOpen(key) => self.half_open_timeout(ip, now, key),
                Whose::Pending(key) => self.forget_pending(ip, now, key),
                Whose::TimeWait(key) => self.time_wait_over(ip, now, key),
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.wheel.next()
    }

    /// Sends one train, and says whether it did: connections in turn, only those that may have something.
    pub(crate) fn poll_transmit(&mut self, ip: &mut Ip, now: Instant) -> bool {
        while let Some(key) = self.dirty.pop_front() {
            if self.transmit_one(ip, now, key) {
                return true;
            }
        }
        false
    }

    pub(crate) fn poll_event(&mut self) -> Option<HostEvent> {
        while let Some(&teller) = self.telling.front() {
            let event = match teller {
                Teller::Connection(key) => self.connections.get_mut(key).and_then(Slot::take_event),
                Teller::Listener(key) => self.listeners.get_mut(key).and_then(Listener::take_event),
            };
            if event.is_some() {
                return event;
            }
            self.telling.pop_front();
        }
        None
    }

    /// How a connection is to talk to the other end of `flow`; `None` when no route leads there.
    fn path(&self, ip: &mut Ip, flow: &Flow) -> Option<Path> {
        let route = ip.route_to(flow.remote, Some(flow.local)).ok()?;
        let (header, default_mss) =
            if flow.remote.is_ipv4() { (20, Mss::DEFAULT_V4) } else { (40, Mss::DEFAULT_V6) };
        Some(Path {
            mss: Mss::new(route.link_mtu.saturating_sub(header + 20)), // RFC 9293 MUST-67, 8200-20
            // What the peer announced is respected besides, in the connection (1191-7, 8201-9).
            send_limit: route.path_mtu.saturating_sub(header),
            default_mss,
            train_limit: TRAIN,
            ahead: route.ahead,
        })
    }

    /// The same, or what every path takes.
    fn path_or_least(&self, ip: &mut Ip, flow: &Flow) -> Path {
        self.path(ip, flow).unwrap_or_else(|| {
            let (mss, send_limit) =
                if flow.remote.is_ipv4() { (Mss::DEFAULT_V4, 556) } else { (Mss::DEFAULT_V6, 1240) };
            Path { mss, send_limit, default_mss: mss, train_limit: TRAIN, ahead: Duration::ZERO }
        })
    }

    /// The offset of the timestamp clock towards a peer: one for each pair of addresses, so that a peer sees one clock
    /// whatever the ports (RFC 6191 §3), and no two peers the same (RFC 7323 §5.4).
    fn timestamp_offset(&self, ip: &mut Ip, flow: &Flow) -> u32 {
        let offset = || u64::from(self.generator.timestamp_offset(&(flow.local, flow.remote)));
        ip.rng.outcome(Chance::TimestampOffset, offset) as u32
    }

    /// The first number of a connection that opens at `now` (RFC 6528).
    fn first_number(&self, ip: &mut Ip, now: Instant, flow: &Flow) -> SeqNum {
        let fixed = sabotage::fixed_first_number(ip);
        let first = || fixed.unwrap_or_else(|| self.generator.iss(now, flow).raw()).into();
        SeqNum::new(ip.rng.outcome(Chance::SequenceNumber, first) as u32)
    }

    /// Sends what belongs to no connection yet, or no longer.
    fn send_loose(&self, ip: &mut Ip, now: Instant, flow: &Flow, marks: Marks, transmit: Transmit) {
        if let Err(failure) = segment::send(ip, now, flow, marks, transmit) {
            segment::count_failure(ip, failure);
        }
    }

    /// A RST to a stray, unless there were too many.
    fn send_stray_reset(&mut self, ip: &mut Ip, now: Instant, flow: &Flow, reset: Transmit) {
        // A random price: how many are left must not tell one stranger what another one sent (CVE-2016-5696, SAD DNS).
        let price = 1 + ip.rng.below(3);
        if !self.resets.take(now, price) {
            return ip.counters.count(crate::Drop::RateLimited);
        }
        let marks = Self::plain_marks(ip);
        self.send_loose(ip, now, flow, marks, reset);
    }

    /// Tells those who watch of a change of state that no connection could tell.
    fn note_state(&self, ip: &mut Ip, at: Instant, flow: &Flow, from: State, to: State, cause: ::tcp::Cause) {
        if ip.watching() {
            let note = Note::State { at, from, to, cause };
            ip.trace(Trace::Tcp { at, local: flow.local(), remote: flow.remote(), note });
        }
    }

    fn tell(&mut self, teller: Teller) {
        self.telling.push_back(teller);
    }
}

impl Bucket {
    /// Takes `price` tokens of half the usual value each, if they are there.
    fn take(&mut self, now: Instant, price: u64) -> bool {
        const SECOND: u64 = 1_000_000_000;
        let start = self.full_at.max(now);
        let full_at = start + env::Duration::from_nanos(SECOND * price / (2 * RESETS_PER_SECOND));
        let fits = full_at.since(now) <= env::Duration::from_secs(1);
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}
