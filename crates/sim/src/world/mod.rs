//! Many hosts and links on virtual time.
//!
//! ```text
//!            ┌─ faults ──┐
//!   due: ───►│  links    │──► the earliest of all, ties by kind and number ──► now jumps there
//!            └─ hosts ───┘
//!   a link:  what has arrived ─► check ─► host.handle_packet, or the switch's other links
//!   a host:  handle_timeout
//!   after either:  host.poll_transmit ─► check ─► link.offer;   what must always hold is checked
//! ```
//!
//! Nothing here takes time or chance from outside: the same seed and the same calls give the same frames, which
//! [`World::digest`] shows.

mod fault;
mod log;
mod node;
mod recorded;
mod turn;

pub use fault::Fault;
pub use log::{Happened, Logged};
pub use recorded::{Record, Recorded};

use crate::check::{Checks, Violation};
use device::impair::{Link, Profile, Verdict};
use env::{Duration, Instant, Machine as _, Rng};
use fault::Planned;
use node::Node;
use stack::{Host, HostConfig, HostEvent, InterfaceConfig, InterfaceId, RouteEntry};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::fmt;
use std::sync::Arc;
use turn::medium;
use wire::Frame;

/// Steps that may pass without time going on: more is a livelock, which no invariant allows.
const STILL: u32 = 1_000_000;

/// A host of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(usize);

/// One direction of a link of a world; [`back`](Self::back) is the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(usize);

/// A switch of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwitchId(usize);

impl HostId {
    /// The number: hosts count from 0 in the order of adding.
    pub const fn index(self) -> usize {
        self.0
    }
}

impl LinkId {
    /// The number: links count from 0 in the order of adding, two for each pair of directions.
    pub const fn index(self) -> usize {
        self.0
    }

    /// The other direction.
    #[must_use]
    pub const fn back(self) -> Self {
        Self(self.0 ^ 1)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host {}", self.0)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// Where one direction of a link ends.
#[derive(Clone, Copy)]
enum End {
    Host(usize, InterfaceId),
    Switch(usize),
}

/// One direction of a link, and what is at its ends.
#[derive(Clone)]
struct Way {
    link: Link,
    from: End,
    to: End,
    route_errors: bool,
}

/// Learns which link leads to which address, as Ethernet switches do.
#[derive(Clone, Default)]
struct Switch {
    /// Links from the switch to its ports.
    ports: Vec<usize>,
    learned: HashMap<[u8; 6], usize>,
}

/// Who is due: in this order at the same instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Fault,
    Link(usize),
    Host(usize),
}

/// Hosts, links and a schedule of faults on one virtual clock.
///
/// ```
/// use handfast_sim::{World, Duration};
/// let mut pair = handfast_sim::Pair::new(7);
/// assert_eq!(pair.world.host_name(pair.client), "client");
/// pair.world.run_for(Duration::from_secs(1));
/// ```
#[derive(Clone)]
pub struct World {
    now: Instant,
    seed: u64,
    rng: Rng,
    nodes: Vec<Node>,
    ways: Vec<Way>,
    switches: Vec<Switch>,
    plan: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    due: BTreeSet<(Instant, Source)>,
    /// What stands in `due` for each link and host.
    link_due: Vec<Option<Instant>>,
    host_due: Vec<Option<Instant>>,
    log: Option<Vec<Logged>>,
    capture: bool,
    /// How hosts are recorded that begin from now on.
    record: Option<Record>,
    recorded: Vec<Recorded>,
    checks: Checks,
    violation: Option<Violation>,
    digest: u64,
    steps: u64,
    still: u32,
}

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stepped {
    /// When.
    pub at: Instant,
    /// The host that was turned: look at its events. `None` when only a link or the schedule was.
    pub host: Option<HostId>,
}

impl World {
    /// An empty world; everything in it draws its chances from `seed`. Its clock stands at one hour: an instant of
    /// zero means "unknown" in a frame.
    pub fn new(seed: u64) -> Self {
        Self::starting(seed, Instant::from_secs(3600))
    }

    /// An empty world whose clock starts at `start`, later than zero.
    pub fn starting(seed: u64, start: Instant) -> Self {
        Self {
            now: start,
            seed,
            rng: Rng::seeded(seed),
            nodes: Vec::new(),
            ways: Vec::new(),
            switches: Vec::new(),
            plan: BinaryHeap::new(),
            planned: 0,
            due: BTreeSet::new(),
            link_due: Vec::new(),
            host_due: Vec::new(),
            log: None,
            capture: false,
            record: None,
            recorded: Vec::new(),
            checks: Checks::new(),
            violation: None,
            digest: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            still: 0,
        }
    }

    /// The world's clock.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The seed it was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A generator of its own for whoever plays in this world.
    pub fn fork_rng(&mut self) -> Rng {
        self.rng.fork()
    }

    /// A hash over every frame that was sent, with its instant and sender: equal for equal runs.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What is checked, to look at or to change.
    pub fn checks_mut(&mut self) -> &mut Checks {
        &mut self.checks
    }

    /// What is checked.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    // ---- building -------------------------------------------------------------------------------------------

    /// Adds a host without interfaces but loopback.
    ///
    /// # Panics
    /// When `config` is outside its limits.
    pub fn add_host(&mut self, name: &str, config: HostConfig) -> HostId {
        let rng = self.rng.fork();
        let mut node = Node::new(name, config, rng, self.record);
        node.host.watch(self.log.is_some());
        self.nodes.push(node);
        self.host_due.push(None);
        HostId(self.nodes.len() - 1)
    }

    /// Joins two hosts by a link of their own; gives the direction from `a` to `b`.
    ///
    /// # Panics
    /// When a host refuses its interface, or when the media differ.
    pub fn join(
        &mut self,
        a: (HostId, InterfaceConfig),
        b: (HostId, InterfaceConfig),
        there: Profile,
        back: Profile,
    ) -> LinkId {
        let medium = medium(&a.1);
        assert_eq!(medium, turn::medium(&b.1), "two ends of a link speak alike");
        let first = self.ways.len();
        let a_interface = self.nodes[a.0.0].attach(self.now, a.1, LinkId(first));
        let b_interface = self.nodes[b.0.0].attach(self.now, b.1, LinkId(first + 1));
        let (a_end, b_end) = (End::Host(a.0.0, a_interface), End::Host(b.0.0, b_interface));
        self.add_way(medium, there, a_end, b_end);
        self.add_way(medium, back, b_end, a_end);
        self.turn(a.0);
        self.turn(b.0);
        LinkId(first)
    }

    /// Adds an Ethernet switch.
    pub fn add_switch(&mut self) -> SwitchId {
        self.switches.push(Switch::default());
        SwitchId(self.switches.len() - 1)
    }

    /// Plugs a host into a switch by a link with `profile` both ways; gives the direction from the host.
    ///
    /// # Panics
    /// When the host refuses the interface, or when it is not Ethernet.
    pub fn plug(
        &mut self,
        host: HostId,
        config: InterfaceConfig,
        switch: SwitchId,
        profile: Profile,
    ) -> LinkId {
        let medium = medium(&config);
        assert_eq!(medium, wire::Medium::Ethernet, "a switch speaks Ethernet");
        let first = self.ways.len();
        let interface = self.nodes[host.0].attach(self.now, config, LinkId(first));
        let (ours, theirs) = (End::Host(host.0, interface), End::Switch(switch.0));
        self.add_way(medium, profile.clone(), ours, theirs);
        self.add_way(medium, profile, theirs, ours);
        self.switches[switch.0].ports.push(first + 1);
        self.turn(host);
        LinkId(first)
    }

    fn add_way(&mut self, medium: wire::Medium, profile: Profile, from: End, to: End) {
        let link = Link::with_rng(medium, profile, self.rng.fork());
        self.ways.push(Way { link, from, to, route_errors: false });
        self.link_due.push(None);
    }

    /// Adds a route to a host, also for when it begins anew.
    ///
    /// # Panics
    /// When the host refuses it.
    pub fn add_route(&mut self, host: HostId, entry: RouteEntry) {
        let node = &mut self.nodes[host.0];
        if let Err(why) = node.host.add_route(entry) {
            panic!("{}: {entry:?}: {why:?}", node.name);
        }
        node.routes.push(entry);
    }

    // ---- looking and touching -------------------------------------------------------------------------------

    /// Every host.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.nodes.len()).map(HostId)
    }

    /// Every direction of every link.
    pub fn links(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.ways.len()).map(LinkId)
    }

    /// A host, to look at.
    pub fn host(&self, host: HostId) -> &Host {
        &self.nodes[host.0].host
    }

    /// What a host is called.
    pub fn host_name(&self, host: HostId) -> &str {
        &self.nodes[host.0].name
    }

    /// How often a host has begun anew: handles from before are void.
    pub fn boots(&self, host: HostId) -> u32 {
        self.nodes[host.0].boots
    }

    /// The interfaces of a host, loopback left out, in the order of adding.
    pub fn interfaces(&self, host: HostId) -> Vec<InterfaceId> {
        self.nodes[host.0].interfaces.iter().map(|a| a.id).collect()
    }

    /// The host that one direction of a link comes from, unless that is a switch.
    pub fn link_from(&self, link: LinkId) -> Option<HostId> {
        match self.ways[link.0].from {
            End::Host(host, _) => Some(HostId(host)),
            End::Switch(_) => None,
        }
    }

    /// The host that one direction of a link leads to, unless that is a switch.
    pub fn link_to(&self, link: LinkId) -> Option<HostId> {
        match self.ways[link.0].to {
            End::Host(host, _) => Some(HostId(host)),
            End::Switch(_) => None,
        }
    }

    /// One direction of a link.
    pub fn link(&self, link: LinkId) -> &Link {
        &self.ways[link.0].link
    }

    /// One direction of a link, to change it. What is on its way arrives as it was told.
    pub fn link_mut(&mut self, link: LinkId) -> &mut Link {
        &mut self.ways[link.0].link
    }

    /// Asks `judge` about each packet that enters one direction, with its number from 1: "lose the third".
    pub fn judge(&mut self, link: LinkId, judge: impl Fn(&Frame, u64) -> Verdict + Send + Sync + 'static) {
        self.ways[link.0].link.set_judge(judge);
    }

    /// Whether the sender of a packet too large for one direction of a link is told by ICMP, as a router would
    /// (RFC 1191 §3, RFC 4443 §3.2). Off at first: the packet vanishes.
    pub fn route_errors(&mut self, link: LinkId, on: bool) {
        self.ways[link.0].route_errors = on;
    }

    /// A user's call to a host, now. What the host then sends goes out.
    pub fn call<R>(&mut self, host: HostId, call: impl FnOnce(&mut Host, Instant) -> R) -> R {
        let result = call(&mut self.nodes[host.0].host, self.now);
        self.turn(host);
        result
    }

    /// A user who answers at once: `act` is called whenever the host was turned, before what it has to send is taken,
    /// so that a call can share a segment with what the stack itself has to say.
    pub fn set_reflex(&mut self, host: HostId, act: impl Fn(&mut Host, Instant) + Send + Sync + 'static) {
        self.nodes[host.0].reflex = Some(Arc::new(act));
    }

    /// Takes the next event of a host.
    pub fn poll_event(&mut self, host: HostId) -> Option<HostEvent> {
        self.nodes[host.0].host.poll_event()
    }

    // ---- watching -------------------------------------------------------------------------------------------

    /// Begins to keep a log, with the packets as octets if `capture`.
    pub fn watch(&mut self, capture: bool) {
        self.log.get_or_insert_default();
        self.capture = capture;
        for node in &mut self.nodes {
            node.host.watch(true);
        }
    }

    /// Takes the log so far, in order.
    pub fn take_log(&mut self) -> Vec<Logged> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, at: Instant, what: impl FnOnce() -> Happened) {
        if let Some(log) = &mut self.log {
            log.push(Logged { at, what: what() });
        }
    }

    // ---- faults ---------------------------------------------------------------------------------------------

    /// Plans a fault for an instant; at once when that is past.
    pub fn at(&mut self, at: Instant, fault: Fault) {
        let at = at.max(self.now);
        self.planned += 1;
        self.plan.push(Reverse(Planned { at, count: self.planned, fault }));
        self.due.insert((at, Source::Fault));
    }

    /// Plans a fault for later.
    pub fn after(&mut self, wait: Duration, fault: Fault) {
        self.at(self.now + wait, fault);
    }

    /// Does it now.
    pub fn apply(&mut self, fault: Fault) {
        if self.log.is_some() {
            let words = fault.to_string();
            self.note(self.now, || Happened::Fault(words));
        }
        fault.apply(self);
    }

    /// A host does nothing until `until`: what arrives waits, as in a device's ring.
    pub fn pause(&mut self, host: HostId, until: Instant) {
        let paused = &mut self.nodes[host.0].paused;
        *paused = Some(paused.map_or(until, |sooner| sooner.max(until)));
        self.reschedule_host(host.0);
    }

    /// Whether a host is paused.
    pub fn is_paused(&self, host: HostId) -> bool {
        self.nodes[host.0].paused.is_some()
    }

    /// A host loses power and begins anew at once: it knows nothing of before.
    pub fn restart(&mut self, host: HostId) {
        self.keep_recording(host);
        let watch = self.log.is_some();
        self.nodes[host.0].restart(self.now, watch, self.record);
        self.checks.forget(host);
        self.turn(host);
    }

    /// A frame arrives at a host out of nowhere.
    pub fn inject(&mut self, host: HostId, interface: InterfaceId, frame: Frame) {
        self.arrive(host.0, interface, Frame { arrived: self.now, ..frame });
    }

    // ---- time -----------------------------------------------------------------------------------------------

    /// When something is due next, if ever.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Jumps to the next instant at which something is due and does it; `None` when nothing ever will be.
    ///
    /// # Errors
    /// What must always hold does not. Every later step says the same.
    pub fn try_step(&mut self) -> Result<Option<Stepped>, Violation> {
        if let Some(violation) = &self.violation {
            return Err(violation.clone());
        }
        let Some(&(at, source)) = self.due.first() else { return Ok(None) };
        self.steps += 1;
        self.still = if at > self.now { 0 } else { self.still + 1 };
        if self.still > STILL {
            return Err(self.violate("time goes on", format!("{STILL} steps without it")));
        }
        self.now = self.now.max(at);
        let host = match source {
            Source::Fault => {
                self.due.remove(&(at, source));
                while let Some(Reverse(next)) = self.plan.peek()
                    && next.at <= self.now
                {
                    let Some(Reverse(planned)) = self.plan.pop() else { break };
                    self.apply(planned.fault);
                }
                None
            }
            Source::Link(way) => self.turn_link(way),
            Source::Host(host) => {
                self.wake(host);
                Some(HostId(host))
            }
        };
        match &self.violation {
            Some(violation) => Err(violation.clone()),
            None => Ok(Some(Stepped { at: self.now, host })),
        }
    }

    /// Like [`try_step`](Self::try_step).
    ///
    /// # Panics
    /// When what must always hold does not.
    pub fn step(&mut self) -> Option<Stepped> {
        match self.try_step() {
            Ok(stepped) => stepped,
            Err(violation) => panic!("{violation}"),
        }
    }

    /// Steps until `until`, and sets the clock there.
    ///
    /// # Panics
    /// When what must always hold does not.
    pub fn run_until(&mut self, until: Instant) {
        while self.next_due().is_some_and(|at| at <= until) {
            self.step();
        }
        self.now = self.now.max(until);
    }

    /// Sets the clock to `at`, or to when something is due if that is sooner: for whoever keeps an agenda beside the
    /// world's.
    pub fn advance(&mut self, at: Instant) {
        self.now = self.now.max(self.next_due().map_or(at, |due| due.min(at)));
    }

    /// Steps for so long.
    ///
    /// # Panics
    /// When what must always hold does not.
    pub fn run_for(&mut self, lasts: Duration) {
        self.run_until(self.now + lasts);
    }

    /// Steps until `done`, and says whether that came before nothing was due any more, or before `limit`.
    ///
    /// # Panics
    /// When what must always hold does not.
    pub fn run_till(&mut self, limit: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let limit = self.now + limit;
        loop {
            if done(self) {
                return true;
            }
            if self.next_due().is_none_or(|at| at > limit) {
                return false;
            }
            self.step();
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("now", &self.now)
            .field("hosts", &self.nodes.iter().map(|node| &node.name).collect::<Vec<_>>())
            .field("links", &self.ways.len())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
