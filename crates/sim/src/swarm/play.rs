//! One run, from the first call to the last record's end.

use super::plan::{Kind, Plan, Talk};
use super::user::{Pattern, User, Wants};
use super::{Options, Report, attack, verdict, wraps};
use crate::{Fault, HostId, Logged, Pair, Recorded, Violation};
use env::{Duration, Instant, Rng};
use stack::{Account, ConnectOptions, ConnectionId, HostEvent, ListenerId, UdpBind, UdpId, UdpSend};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::sync::OnceLock;
use wire::Payload;

/// How long after the link has healed every user must be done: the longest back-off, and then some round trips.
pub(super) const PATIENCE: Duration = Duration::from_secs(900);
/// A peer whose RST was lost is silent for ever, and its user must not wait as long (RFC 9293 §3.5.1, half-open).
const WAITING: Duration = Duration::from_secs(400);
/// After this much time on a clean link, no connection may time out: the longest back-off is a minute.
pub(super) const BACK_OFF: Duration = Duration::from_secs(150);
/// Once everybody has let go, what is left ends by itself: SYN-ACKs, the user timeout, FIN-WAIT-2, TIME-WAIT.
const FAREWELL: Duration = Duration::from_secs(900);

/// A run under way.
pub(super) struct Play {
    pub(super) pair: Pair,
    pub(super) plan: Plan,
    pub(super) users: Vec<User>,
    pub(super) healed_at: Instant,
    pub(super) began: Instant,
    /// Who acts when, ties in the order of asking.
    agenda: BinaryHeap<Reverse<(Instant, u64, What)>>,
    asked: u64,
    names: HashMap<(HostId, ConnectionId), usize>,
    listeners: BTreeMap<ListenerId, usize>,
    boots: [u32; 2],
    sockets: [Option<UdpId>; 2],
    datagrams: u64,
    next_datagram: u64,
    rng: Rng,
    connections: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Begin(usize),
    Act(usize),
    Datagram,
    Forge,
    Heal,
    LosePatience,
}

fn pattern() -> &'static Pattern {
    static PATTERN: OnceLock<Pattern> = OnceLock::new();
    PATTERN.get_or_init(Pattern::new)
}

/// Plays the run of `seed`; keeps a log when there is one.
pub(super) fn play(
    seed: u64,
    options: &Options,
    log: &mut Option<Vec<Logged>>,
    recorded: &mut Vec<Recorded>,
) -> Result<Report, Violation> {
    let mut rng = Rng::seeded(seed ^ 0x005e_ed0f_5a47);
    let mut plan = Plan::draw(&mut rng, options);
    plan.pair.start = wraps::start(seed, &plan);
    let mut play = Play::new(seed, plan, rng);
    if log.is_some() {
        play.pair.world.watch(true);
    }
    let result = play.run();
    if let Some(log) = log {
        *log = play.pair.world.take_log();
    }
    *recorded = play.pair.world.take_recordings();
    result
}

impl Play {
    fn new(seed: u64, plan: Plan, mut rng: Rng) -> Self {
        let pair = Pair::with(seed, plan.pair.clone());
        let began = pair.world.now();
        let mut users = Vec::new();
        for talk in &plan.talks {
            let keys = (rng.next_u64(), rng.next_u64());
            let [one, two] = talk.scripts.clone();
            if talk.kind == Kind::ToItself {
                users.push(User::new(pair.client, talk.kind, one, (keys.0, keys.0), rng.fork()));
                // The other end is the same one.
                let mut nobody = User::new(pair.client, talk.kind, two, (keys.0, keys.0), rng.fork());
                nobody.hopeless = true;
                users.push(nobody);
            } else {
                users.push(User::new(pair.client, talk.kind, one, keys, rng.fork()));
                users.push(User::new(pair.server, talk.kind, two, (keys.1, keys.0), rng.fork()));
            }
        }
        let healed_at = began + plan.heals;
        Self {
            pair,
            plan,
            users,
            healed_at,
            began,
            agenda: BinaryHeap::new(),
            asked: 0,
            names: HashMap::new(),
            listeners: BTreeMap::new(),
            boots: [0; 2],
            sockets: [None; 2],
            datagrams: 0,
            next_datagram: 0,
            rng,
            connections: 0,
        }
    }

    pub(super) fn violation(&self, rule: &'static str, detail: impl Into<String>) -> Violation {
        Violation::new(self.pair.world.seed(), self.pair.world.now(), rule, detail)
    }

    fn ask(&mut self, at: Instant, what: What) {
        self.asked += 1;
        self.agenda.push(Reverse((at, self.asked, what)));
    }

    fn run(&mut self) -> Result<Report, Violation> {
        self.prepare();
        let deadline = self.healed_at + PATIENCE;
        while !self.users.iter().all(User::is_done) {
            let world = &mut self.pair.world;
            let (due, asked) = (world.next_due(), self.agenda.peek().map(|Reverse((at, ..))| *at));
            let Some(next) = due.into_iter().chain(asked).min() else {
                return Err(verdict::stuck(self, "nothing is due any more"));
            };
            if next > deadline {
                return Err(verdict::stuck(self, "it is not over in time"));
            }
            if asked.is_some_and(|at| due.is_none_or(|due| at <= due)) {
                self.act()?;
            } else if let Some(stepped) = world.try_step()? {
                self.notice_restarts();
                if let Some(host) = stepped.host {
                    self.news(host)?;
                }
            }
        }
        let virtual_time = self.pair.world.now().since(self.began);
        verdict::judge(self)?;
        self.farewell()?;
        Ok(self.report(virtual_time))
    }

    fn report(&self, virtual_time: Duration) -> Report {
        let world = &self.pair.world;
        let hosts = [world.host(self.pair.client).counters(), world.host(self.pair.server).counters()];
        Report {
            connections: self.connections,
            bytes: self.users.iter().map(|user| user.read).sum(),
            retransmissions: hosts.iter().map(|counters| counters.tcp_retrans_segs).sum(),
            segments: world.checks().checked().1,
            datagrams: self.datagrams,
            wraps: world.checks().wraps(),
            virtual_time,
            digest: world.digest(),
        }
    }

    fn prepare(&mut self) {
        let began = self.began;
        for (link, speak) in
            [self.pair.there, self.pair.there.back()].into_iter().zip(self.plan.routers_speak)
        {
            self.pair.world.route_errors(link, speak);
        }
        for (after, mischief) in std::mem::take(&mut self.plan.mischief) {
            let fault = mischief.fault(&self.pair);
            self.pair.world.at(began + after, fault);
        }
        self.pair.world.checks_mut().allow_rebirth(self.plan.bakes_cookies());
        self.ask(self.healed_at, What::Heal);
        self.ask(self.healed_at + WAITING, What::LosePatience);
        self.listen();
        for n in 0..self.users.len() {
            if !self.users[n].hopeless {
                let starts = self.plan.talks[n / 2].starts[n % 2];
                self.ask(began + starts, What::Begin(n));
            }
        }
        self.bind();
        for _ in 0..self.plan.datagrams {
            let at = began + Duration::from_nanos(self.rng.below(self.plan.heals.as_nanos() as u64));
            self.ask(at, What::Datagram);
        }
        for _ in 0..self.plan.forgeries {
            let at = began + Duration::from_nanos(self.rng.below(self.plan.heals.as_nanos() as u64));
            self.ask(at, What::Forge);
        }
    }

    /// The server listens for every talk that it is to listen for.
    fn listen(&mut self) {
        self.listeners.clear();
        for (n, talk) in self.plan.talks.iter().enumerate() {
            if talk.kind == Kind::Usual {
                let at = Pair::server_at(self.plan.v6, talk.port);
                let config = self.plan.listen.clone();
                let listener =
                    self.pair.world.call(self.pair.server, |host, now| host.tcp_listen(now, at, config));
                self.listeners.extend(listener.map(|listener| (listener, n)));
            }
        }
    }

    fn bind(&mut self) {
        if self.plan.datagrams == 0 {
            return;
        }
        for (side, host) in [self.pair.client, self.pair.server].into_iter().enumerate() {
            let bind = UdpBind { port: 2_000, ..UdpBind::default() };
            self.sockets[side] = self.pair.world.call(host, |host, _| host.udp_bind(bind)).ok();
        }
    }

    /// The next entry of the agenda.
    fn act(&mut self) -> Result<(), Violation> {
        let Some(Reverse((at, _, what))) = self.agenda.pop() else { return Ok(()) };
        self.pair.world.advance(at);
        match what {
            What::Begin(n) => self.begin(n),
            What::Act(n) if self.users[n].next <= at => self.turn(n),
            What::Act(_) => Ok(()),
            What::Datagram => {
                self.send_datagram();
                Ok(())
            }
            What::Forge => {
                let n = self.rng.below(self.users.len() as u64) as usize;
                attack::forge(&mut self.pair, &self.users[n], &mut self.rng);
                self.news(self.users[n].host)
            }
            What::LosePatience => {
                for n in 0..self.users.len() {
                    if verdict::was_cut(self, n ^ 1) {
                        self.users[n].give_up(&mut self.pair.world);
                    }
                }
                Ok(())
            }
            What::Heal => {
                for link in [self.pair.there, self.pair.there.back()] {
                    // A smaller MTU stays: the path has learned it.
                    let mtu = self.pair.world.link(link).profile().mtu;
                    let clean = device::impair::Profile { mtu, ..self.plan.clean.clone() };
                    self.pair.world.apply(Fault::Profile(link, Box::new(clean)));
                }
                (0..self.users.len()).try_for_each(|n| self.turn(n))
            }
        }
    }

    /// A user begins: connects, or waits to be connected to.
    fn begin(&mut self, n: usize) -> Result<(), Violation> {
        let talk: &Talk = &self.plan.talks[n / 2];
        let (kind, port, v6) = (talk.kind, talk.port, self.plan.v6);
        let host = self.users[n].host;
        if self.users[n].is_done() || (kind == Kind::Usual && n % 2 == 1) {
            return Ok(());
        }
        let (here, there) = if host == self.pair.client {
            (Pair::client_at(v6, port), Pair::server_at(v6, port))
        } else {
            (Pair::server_at(v6, port), Pair::client_at(v6, port))
        };
        let options = match kind {
            Kind::Usual => ConnectOptions::to(there),
            Kind::Simultaneous => ConnectOptions { local: Some(here), ..ConnectOptions::to(there) },
            Kind::ToItself => ConnectOptions { local: Some(here), ..ConnectOptions::to(here) },
        };
        let nagle = self.users[n].script.nagle;
        let opened = self.pair.world.call(host, |host, now| {
            let id = host.tcp_connect(now, options)?;
            host.tcp_set_nagle(now, id, nagle);
            Ok::<_, stack::ConnectError>((id, host.tcp_addrs(id)))
        });
        match opened {
            Ok((id, ends)) => {
                let now = self.pair.world.now();
                let user = &mut self.users[n];
                user.connection = Some(id);
                user.local = ends.map(|(local, _)| local);
                user.begun = now;
                self.names.insert((host, id), n);
                self.turn(n)?;
                self.news(host)
            }
            Err(why) => Err(self.violation("a connection can be opened", format!("{why}"))),
        }
    }

    /// A user acts, unless it is thinking or its host asleep.
    fn turn(&mut self, n: usize) -> Result<(), Violation> {
        let now = self.pair.world.now();
        let host = self.users[n].host;
        if self.pair.world.is_paused(host) {
            let later = now + Duration::from_millis(50);
            self.users[n].next = later;
            self.ask(later, What::Act(n));
            return Ok(());
        }
        let healed = now >= self.healed_at;
        match self.users[n].act(&mut self.pair.world, pattern(), healed) {
            Ok(Wants::Time(at)) => {
                self.users[n].next = at;
                self.ask(at, What::Act(n));
                Ok(())
            }
            Ok(Wants::News) => {
                self.users[n].next = now;
                if self.users[n].is_done() {
                    // Whoever was to be connected to by this one may wait in vain.
                    self.give_up_on(n ^ 1);
                }
                Ok(())
            }
            Err(detail) => {
                let detail = format!("user {n} on {host}: {detail}");
                Err(self.violation("what is read is what was sent, in order, once and unchanged", detail))
            }
        }
    }

    /// A host has something to tell its users.
    fn news(&mut self, host: HostId) -> Result<(), Violation> {
        while let Some(event) = self.pair.world.poll_event(host) {
            let (id, now) = match event {
                HostEvent::TcpAcceptable(listener) => {
                    self.accept(host, listener)?;
                    continue;
                }
                HostEvent::UdpReadable(socket) => {
                    self.take_datagrams(host, socket)?;
                    continue;
                }
                HostEvent::TcpConnected(id)
                | HostEvent::TcpReadable(id)
                | HostEvent::TcpWritable(id)
                | HostEvent::TcpDrained(id)
                | HostEvent::TcpPeerClosed(id)
                | HostEvent::TcpClosed(id, _) => (id, self.pair.world.now()),
                _ => continue,
            };
            let Some(&n) = self.names.get(&(host, id)) else { continue };
            let user = &mut self.users[n];
            match event {
                HostEvent::TcpConnected(_) if !user.connected => {
                    user.connected = true;
                    self.connections += 1;
                }
                HostEvent::TcpDrained(_) if user.closed => user.drained = true,
                HostEvent::TcpClosed(_, None) => user.over = true,
                HostEvent::TcpClosed(_, Some(why)) => {
                    user.error = Some((now, why));
                    verdict::error(self, n, why)?;
                }
                _ => {}
            }
            // News don't hurry who is thinking; but an end is an end.
            if self.users[n].next <= now || matches!(event, HostEvent::TcpClosed(..)) {
                self.turn(n)?;
            }
        }
        Ok(())
    }

    /// Takes the connections that wait at a listener.
    fn accept(&mut self, host: HostId, listener: ListenerId) -> Result<(), Violation> {
        while let Some((id, peer)) = self.pair.world.call(host, |host, _| host.tcp_accept(listener)) {
            let talk = self.listeners.get(&listener).copied();
            let wanted = talk.filter(|&talk| self.users[2 * talk].local == Some(peer));
            let Some(n) = wanted.map(|talk| 2 * talk + 1) else {
                return Err(self.violation("who is accepted has connected", format!("{peer} has not")));
            };
            let now = self.pair.world.now();
            let user = &mut self.users[n];
            // A cookie that comes a second time, after its connection is over, opens another (RFC 4987 §3.6).
            let again = user.connection.is_some() && self.plan.bakes_cookies();
            if user.dead || again {
                self.pair.world.call(host, |host, now| host.tcp_abort(now, id));
                self.pair.world.call(host, |host, now| host.tcp_release(now, id));
                continue;
            }
            if user.connection.is_some() {
                return Err(self.violation("a connection is accepted once", format!("{peer} was before")));
            }
            user.connection = Some(id);
            user.begun = now;
            user.connected = true;
            user.hopeless = false;
            self.names.insert((host, id), n);
            self.turn(n)?;
        }
        Ok(())
    }

    /// Whoever was on a host that lost power is gone.
    fn notice_restarts(&mut self) {
        for (side, host) in [self.pair.client, self.pair.server].into_iter().enumerate() {
            let boots = self.pair.world.boots(host);
            if boots == self.boots[side] {
                continue;
            }
            self.boots[side] = boots;
            self.names.retain(|&(of, _), _| of != host);
            for n in 0..self.users.len() {
                let user = &mut self.users[n];
                if user.host == host && user.connection.is_some() {
                    user.dead = true;
                    self.give_up_on(n ^ 1);
                }
            }
            self.sockets[side] = None;
            if host == self.pair.server {
                self.listen();
            }
        }
    }

    /// A user whose peer may never come is not waited for; if it does, it plays its part after all.
    fn give_up_on(&mut self, n: usize) {
        self.users[n].hopeless |= self.users[n].connection.is_none();
    }

    fn send_datagram(&mut self) {
        let side = self.rng.below(2) as usize;
        let (host, to) = match side {
            0 => (self.pair.client, Pair::server_at(self.plan.v6, 2_000)),
            _ => (self.pair.server, Pair::client_at(self.plan.v6, 2_000)),
        };
        let Some(socket) = self.sockets[side] else { return };
        let len = if self.rng.chance(0.1) { self.rng.below(20_000) } else { self.rng.below(3_000) } as usize;
        let number = self.next_datagram;
        self.next_datagram += 1;
        let mut data = number.to_be_bytes().to_vec();
        data.extend_from_slice(pattern().stream(number, 0, len));
        // A datagram that cannot be sent now is lost, like any other.
        let send = UdpSend::to(Payload::from(data), to);
        let _ = self.pair.world.call(host, |host, now| host.udp_send(now, socket, send));
    }

    fn take_datagrams(&mut self, host: HostId, socket: UdpId) -> Result<(), Violation> {
        while let Some(datagram) = self.pair.world.call(host, |host, _| host.udp_receive(socket)) {
            let data = datagram.data.contiguous();
            // A flip in one fragment and its opposite in another cancel out in a 16-bit sum.
            let links = [self.pair.there, self.pair.there.back()];
            let corrupted: u64 =
                links.into_iter().map(|link| self.pair.world.link(link).counters().corrupted).sum();
            let fragmented = data.len() + 48 > usize::from(self.plan.pair.mtu).min(576);
            let whole = data.split_first_chunk().is_some_and(|(number, rest)| {
                let number = u64::from_be_bytes(*number);
                number < self.next_datagram && rest == pattern().stream(number, 0, rest.len())
            });
            if !whole && (corrupted == 0 || !fragmented) {
                let from: SocketAddr = datagram.from;
                return Err(self.violation(
                    "a datagram arrives unchanged",
                    format!("{} octets from {from}", data.len()),
                ));
            }
            self.datagrams += 1;
        }
        Ok(())
    }

    /// Everybody has let go: nothing must be left, in time.
    fn farewell(&mut self) -> Result<(), Violation> {
        let now = self.pair.world.now();
        let hosts = [self.pair.client, self.pair.server];
        for (side, host) in hosts.into_iter().enumerate() {
            if let Some(socket) = self.sockets[side] {
                self.pair.world.call(host, |host, now| host.udp_close(now, socket));
            }
        }
        let listeners: Vec<ListenerId> = self.listeners.keys().copied().collect();
        let server = self.pair.server;
        for listener in listeners {
            self.pair.world.call(server, |host, now| host.tcp_unlisten(now, listener));
        }
        let limit = now + FAREWELL;
        loop {
            let world = &self.pair.world;
            let left = hosts.into_iter().find(|&host| {
                let counts = world.host(host).tcp_counts();
                let records = counts.connections + counts.half_open + counts.pending + counts.time_wait;
                // Neighbours are remembered, whoever has gone.
                let held = Account::ALL.into_iter().filter(|&account| account != Account::Neighbour);
                records > 0
                    || held.map(|account| world.host(host).budget().held_for(account)).sum::<usize>() > 0
            });
            let Some(left) = left else { return Ok(()) };
            if world.next_due().is_none_or(|at| at > limit) {
                let host = world.host(left);
                let detail = format!(
                    "{left} still has {:?} and holds {} octets; next due: {:?}",
                    host.tcp_counts(),
                    host.budget().held(),
                    world.next_due()
                );
                return Err(self.violation("nothing is left once everybody has let go", detail));
            }
            self.pair.world.try_step()?;
        }
    }
}
