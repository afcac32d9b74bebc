//! The table of neighbours of one interface, and the state machine of each (RFC 4861 §7.3).
//!
//! ```text
//!              ask             answer                   30 s            sent
//!   nobody ──────► INCOMPLETE ────────► REACHABLE ───────────► STALE ───────► DELAY
//!                   │ 3 × 1 s              ▲  ▲  used later than that ▲          │ 5 s
//!                   ▼                      │  └── answer, or upper ───┼───────── PROBE ─► 3 × 1 s, nobody
//!                 nobody                   └──── layer confirms       └── heard of otherwise
//! ```
//!
//! The same states serve ARP: RFC 1122 §2.3.2.1 wants entries that are checked while they are used. The table is bounded:
//! a newcomer takes the place of one that was not used for long, chosen among a few, so that nobody who scans can make
//! it grow, or make it slow.

use crate::ip::Outgoing;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::Bound;
use env::{Duration, Instant, Rng};
use wire::ethernet::MacAddr;

/// Packets that wait for one neighbour.
const WAITING: usize = 16;
/// Questions before a neighbour counts as gone (RFC 4861 §10: MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT).
const QUESTIONS: u8 = 3;
/// How long the upper layer has to confirm before we ask (RFC 4861 §10: DELAY_FIRST_PROBE_TIME).
const DELAY: Duration = Duration::from_secs(5);
/// Entries that are looked at to find one that makes room.
const SAMPLE: usize = 8;

/// Neighbours of one interface.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    capacity: usize,
    entries: BTreeMap<IpAddr, Entry>,
    /// When each entry in INCOMPLETE, DELAY or PROBE is due.
    due: BTreeSet<(Instant, IpAddr)>,
    /// Where the search for one to evict goes on.
    cursor: Option<IpAddr>,
    /// RFC 4861 §6.3.2: BaseReachableTime.
    pub(crate) reachable: Duration,
    /// RFC 4861 §6.3.2: RetransTimer. At least a second between questions (RFC 1122 §2.3.2.1).
    pub(crate) retransmit: Duration,
}

#[derive(Clone, Debug)]
struct Entry {
    mac: MacAddr,
    state: State,
    router: bool,
    used: Instant,
    due: Option<Instant>,
    waiting: VecDeque<Outgoing>,
}

/// RFC 4861 §7.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Incomplete { asked: u8 },
    Reachable { until: Instant },
    Stale,
    Delay,
    Probe { asked: u8 },
}

/// What to do with a packet for a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send it there.
    Send(MacAddr),
    /// Let it wait, and ask.
    Ask,
    /// Let it wait; somebody has asked.
    Wait,
}

/// What a timer wants.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Ask again: everybody, or the station that had the address.
    Ask { target: IpAddr, at: Option<MacAddr> },
    /// Nobody answered.
    Unreachable { target: IpAddr, waiting: Vec<Outgoing> },
}

/// A neighbour advertisement, or an ARP reply, as the table sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advert {
    pub(crate) mac: Option<MacAddr>,
    /// It says that it is a router; `None` where that cannot be said (ARP).
    pub(crate) router: Option<bool>,
    /// It answers a question of ours.
    pub(crate) solicited: bool,
    /// It is to replace what we have.
    pub(crate) overrides: bool,
}

/// What an advertisement changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    /// Packets that waited for it.
    pub(crate) ready: Vec<Outgoing>,
    /// Where they go.
    pub(crate) mac: MacAddr,
    /// It was a router, and is none any more.
    pub(crate) router_gone: bool,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: BTreeMap::new(),
            due: BTreeSet::new(),
            cursor: None,
            reachable: Duration::from_secs(30),
            retransmit: Duration::from_secs(1),
        }
    }

    pub(crate) fn has(&self, addr: IpAddr) -> bool {
        self.entries.contains_key(&addr)
    }

    /// What is known of `addr`.
    #[cfg(test)]
    pub(crate) fn get(&self, addr: IpAddr) -> Option<(State, MacAddr, bool)> {
        self.entries.get(&addr).map(|e| (e.state, e.mac, e.router))
    }

    /// How many are known.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where a packet for `addr` goes (RFC 4861 4861-13; RFC 791 791-28: only who is sent to is asked). Also gives what had waited for a neighbour that had to make room.
    pub(crate) fn look_up(&mut self, now: Instant, addr: IpAddr) -> (Next, Vec<Outgoing>) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            let evicted = self.make_room();
            let due = Some(now + self.retransmit);
            let state = State::Incomplete { asked: 1 };
            self.insert(addr, Entry::new(MacAddr::UNSPECIFIED, state, now, due));
            return (Next::Ask, evicted);
        };
        entry.used = now;
        let mac = entry.mac;
        match entry.state {
            State::Incomplete { .. } => return (Next::Wait, Vec::new()),
            State::Reachable { until } if now < until => {}
            State::Reachable { .. } | State::Stale => {
                // RFC 4861 §7.3.3: used, and not known to be there: in five seconds we ask.
                self.set(addr, State::Delay, Some(now + DELAY));
            }
            State::Delay | State::Probe { .. } => {}
        }
        (Next::Send(mac), Vec::new())
    }

    /// Lets a packet wait for its neighbour, and gives the one that it takes the place of.
    pub(crate) fn wait(&mut self, packet: Outgoing) -> Option<Outgoing> {
        let Some(entry) = self.entries.get_mut(&packet.next_hop) else { return Some(packet) };
        let displaced = if entry.waiting.len() >= WAITING { entry.waiting.pop_front() } else { None };
        entry.waiting.push_back(packet);
        displaced
    }

    /// Somebody's link address was seen in a question of theirs, or in ARP by the way (RFC 4861 4861-8, RFC 826).
    /// Known neighbours are updated; a new one is remembered if `create`. Nothing is confirmed by it.
    pub(crate) fn overheard(
        &mut self,
        now: Instant,
        addr: IpAddr,
        mac: MacAddr,
        create: bool,
    ) -> (Learned, Vec<Outgoing>) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            let mut evicted = Vec::new();
            if create {
                evicted = self.make_room();
                self.insert(addr, Entry::new(mac, State::Stale, now, None));
            }
            return (Learned { mac, ..Learned::default() }, evicted);
        };
        if entry.mac != mac {
            entry.mac = mac;
            self.set(addr, State::Stale, None);
        }
        (self.take_waiting(addr), Vec::new())
    }

    /// Takes an advertisement, or an ARP reply, from a neighbour (RFC 4861 4861-10, 4861-12).
    pub(crate) fn advertised(
        &mut self,
        now: Instant,
        addr: IpAddr,
        advert: Advert,
        rng: &mut Rng,
    ) -> Learned {
        let until = now + self.reachable_time(rng);
        let Some(entry) = self.entries.get_mut(&addr) else { return Learned::default() };
        let was_router = entry.router;
        if let State::Incomplete { .. } = entry.state {
            let Some(mac) = advert.mac else { return Learned::default() };
            entry.mac = mac;
            entry.router = advert.router.unwrap_or(was_router);
            let state = if advert.solicited { State::Reachable { until } } else { State::Stale };
            self.set(addr, state, None);
            return self.take_waiting(addr);
        }
        let other = advert.mac.is_some_and(|mac| mac != entry.mac);
        if !advert.overrides && other {
            // II (a): somebody else says so too; whoever it was before is asked on next use.
            if let State::Reachable { .. } = entry.state {
                self.set(addr, State::Stale, None);
            }
            return Learned::default();
        }
        if let Some(mac) = advert.mac {
            entry.mac = mac;
        }
        entry.router = advert.router.unwrap_or(was_router);
        let router_gone = was_router && !entry.router;
        if advert.solicited {
            self.set(addr, State::Reachable { until }, None);
        } else if other {
            self.set(addr, State::Stale, None);
        }
        Learned { router_gone, ..self.take_waiting(addr) }
    }

    /// The upper layer knows that the neighbour is there.
    pub(crate) fn confirm(&mut self, now: Instant, addr: IpAddr, rng: &mut Rng) {
        let until = now + self.reachable_time(rng);
        match self.entries.get(&addr).map(|e| e.state) {
            None | Some(State::Incomplete { .. }) => {}
            Some(_) => self.set(addr, State::Reachable { until }, None),
        }
    }

    /// The upper layer has its doubts: ask now.
    pub(crate) fn doubt(&mut self, now: Instant, addr: IpAddr) {
        if let Some(State::Reachable { .. } | State::Stale | State::Delay) =
            self.entries.get(&addr).map(|e| e.state)
        {
            self.set(addr, State::Probe { asked: 0 }, Some(now));
        }
    }

    /// Says that a neighbour is a router, as its advertisement did.
    pub(crate) fn set_router(&mut self, addr: IpAddr, router: bool) {
        if let Some(entry) = self.entries.get_mut(&addr) {
            entry.router = router;
        }
    }

    /// When the next timer is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Runs one timer that is due (RFC 4861 4861-7, 4861-13; RFC 826 826-2). Call until `None`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Action> {
        loop {
            let &(at, target) = self.due.first()?;
            if at > now {
                return None;
            }
            let (state, mac) = self.entries.get(&target).map(|e| (e.state, e.mac))?;
            let again = Some(now + self.retransmit);
            match state {
                State::Incomplete { asked } if asked < QUESTIONS => {
                    self.set(target, State::Incomplete { asked: asked + 1 }, again);
                    return Some(Action::Ask { target, at: None });
                }
                State::Delay => {
                    self.set(target, State::Probe { asked: 1 }, again);
                    return Some(Action::Ask { target, at: Some(mac) });
                }
                State::Probe { asked } if asked < QUESTIONS => {
                    self.set(target, State::Probe { asked: asked + 1 }, again);
                    return Some(Action::Ask { target, at: Some(mac) });
                }
                State::Incomplete { .. } | State::Probe { .. } => {
                    let waiting = self.remove(target);
                    return Some(Action::Unreachable { target, waiting });
                }
                State::Reachable { .. } | State::Stale => self.set(target, state, None),
            }
        }
    }

    /// Forgets everybody, and gives what waited for them.
    pub(crate) fn clear(&mut self) -> Vec<Outgoing> {
        self.due.clear();
        core::mem::take(&mut self.entries).into_values().flat_map(|e| e.waiting).collect()
    }

    /// RFC 4861 §6.3.2: somewhere between half and one and a half of the base, so that hosts do not ask in step.
    fn reachable_time(&self, rng: &mut Rng) -> Duration {
        self.reachable / 2 + Duration::from_nanos(rng.below(self.reachable.as_nanos() as u64))
    }

    fn insert(&mut self, addr: IpAddr, entry: Entry) {
        self.due.extend(entry.due.map(|at| (at, addr)));
        self.entries.insert(addr, entry);
    }

    fn remove(&mut self, addr: IpAddr) -> Vec<Outgoing> {
        let Some(entry) = self.entries.remove(&addr) else { return Vec::new() };
        if let Some(at) = entry.due {
            self.due.remove(&(at, addr));
        }
        entry.waiting.into()
    }

    fn set(&mut self, addr: IpAddr, state: State, due: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(&addr) else { return };
        if let Some(before) = entry.due {
            self.due.remove(&(before, addr));
        }
        entry.state = state;
        entry.due = due;
        self.due.extend(due.map(|at| (at, addr)));
    }

    fn take_waiting(&mut self, addr: IpAddr) -> Learned {
        let Some(entry) = self.entries.get_mut(&addr) else { return Learned::default() };
        Learned { ready: core::mem::take(&mut entry.waiting).into(), mac: entry.mac, router_gone: false }
    }

    /// Makes room for one more, and gives what waited for the one that is gone.
    fn make_room(&mut self) -> Vec<Outgoing> {
        if self.entries.len() < self.capacity {
            return Vec::new();
        }
        let after = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let sample = self.entries.range((after, Bound::Unbounded)).chain(self.entries.iter()).take(SAMPLE);
        let mut last = None;
        let victim = sample
            .inspect(|&(&addr, _)| last = Some(addr))
            .min_by_key(|(_, e)| {
                let class = match e.state {
                    State::Stale => 0,
                    State::Incomplete { .. } => 1,
                    State::Delay | State::Probe { .. } => 2,
                    State::Reachable { .. } => 3,
                };
                (class, e.used)
            })
            .map(|(&addr, _)| addr);
        self.cursor = last;
        victim.map(|addr| self.remove(addr)).unwrap_or_default()
    }
}

impl Entry {
    fn new(mac: MacAddr, state: State, used: Instant, due: Option<Instant>) -> Self {
        Self { mac, state, router: false, used, due, waiting: VecDeque::new() }
    }
}
