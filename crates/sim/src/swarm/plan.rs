//! What one run is like, drawn from its seed.

use super::Options;
use crate::{Fault, Pair, PairConfig};
use device::impair::{Burst, Profile, Queue};
use env::{Duration, Instant, Rng};
use stack::{CookieUse, HostConfig, ListenConfig};
use std::num::NonZeroU64;
use tcp::{Congestion, Ecn, KeepAlive, TcpConfig};
use wire::Mss;

/// No packet is older than this, so that TIME-WAIT keeps its promise.
const LEAST_MSL: Duration = Duration::from_millis(1_500);
/// The longest retransmission timeout.
pub(super) const MOST_RTO: Duration = Duration::from_secs(60);

/// Everything about a run that is fixed before it begins.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) v6: bool,
    pub(super) pair: PairConfig,
    /// When the link becomes clean.
    pub(super) heals: Duration,
    /// What the link is like from then on.
    pub(super) clean: Profile,
    pub(super) mischief: Vec<(Duration, Mischief)>,
    pub(super) talks: Vec<Talk>,
    pub(super) datagrams: u32,
    /// Forged packets of an attacker who knows addresses and ports, but sees nothing.
    pub(super) forgeries: u32,
    pub(super) listen: ListenConfig,
    /// Connections may time out, or find that their peer gave up.
    pub(super) hostile: bool,
    /// A host begins anew.
    pub(super) restarts: bool,
    /// Which number of which end is to wrap while data flows.
    pub(super) wrap: Option<Wrap>,
    /// Routers before a link that takes less say so (RFC 1191, 8201), for each direction; else packets vanish there.
    pub(super) routers_speak: [bool; 2],
}

/// A fault of the schedule; hosts and directions are 0 and 1.
#[derive(Clone)]
pub(super) enum Mischief {
    Cut(Duration),
    Profile(usize, Box<Profile>),
    Mtu(usize, usize),
    Pause(usize, Duration),
    Restart(usize),
}

impl Mischief {
    pub(super) fn fault(self, pair: &Pair) -> Fault {
        let link = |way: usize| if way == 0 { pair.there } else { pair.there.back() };
        let host = |side: usize| if side == 0 { pair.client } else { pair.server };
        match self {
            Self::Cut(lasts) => Fault::Cut(pair.there, lasts),
            Self::Profile(way, profile) => Fault::Profile(link(way), profile),
            Self::Mtu(way, mtu) => Fault::Mtu(link(way), Some(mtu)),
            Self::Pause(side, lasts) => Fault::Pause(host(side), lasts),
            Self::Restart(side) => Fault::Restart(host(side)),
        }
    }
}

/// A number that is to pass 2^31 or 2^32 soon after the first connection opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrap {
    /// Whose: the client's or the server's.
    pub(super) server: bool,
    /// The timestamp's value, not the sequence number.
    pub(super) timestamp: bool,
    /// At 2^32, not 2^31.
    pub(super) full: bool,
    /// How far before it the first one is to be.
    pub(super) before: u32,
}

/// One connection, or an attempt at one.
#[derive(Clone)]
pub(super) struct Talk {
    pub(super) kind: Kind,
    pub(super) port: u16,
    /// When each side begins.
    pub(super) starts: [Duration; 2],
    pub(super) scripts: [Script; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The client connects, the server listens.
    Usual,
    /// Both connect to each other.
    Simultaneous,
    /// The client connects to itself.
    ToItself,
}

/// What one user does.
#[derive(Clone, Debug)]
pub(super) struct Script {
    /// Octets to write.
    pub(super) total: usize,
    /// Most octets in one SEND, and in one RECEIVE.
    pub(super) piece: usize,
    pub(super) read: usize,
    /// Longest time between two calls.
    pub(super) think: Duration,
    /// Once so many octets were read, no more for so long.
    pub(super) stall: Option<(usize, Duration)>,
    pub(super) ending: Ending,
    pub(super) nagle: bool,
    pub(super) push: bool,
    /// How often a piece is urgent, and how often buffers are resized between two calls.
    pub(super) urgent: f64,
    pub(super) resize: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// CLOSE once everything is written, and then read on.
    Close,
    /// CLOSE once the peer has.
    CloseAfterPeer,
    /// ABORT, so long after the beginning.
    Abort(Duration),
    /// Let go, so long after the beginning.
    Release(Duration),
}

fn millis(rng: &mut Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + rng.below(most - least + 1))
}

fn between(rng: &mut Rng, least: u64, most: u64) -> usize {
    (least + rng.below(most - least + 1)) as usize
}

/// A size between `least` and `most`, each order of magnitude alike.
fn size(rng: &mut Rng, least: u64, most: u64) -> usize {
    let (low, high) = (least.max(1).ilog2(), most.max(1).ilog2());
    let top = 1u64 << (low + rng.below(u64::from(high - low + 1)) as u32);
    between(rng, top, 2 * top - 1).clamp(least as usize, most as usize)
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng, options: &Options) -> Self {
        let v6 = rng.chance(0.4);
        let hostile = rng.chance(0.7);
        let restarts = hostile && rng.chance(0.06);
        let heals = millis(rng, 2_000, if hostile { 60_000 } else { 10_000 });
        let least_mtu = if v6 { 1_280 } else { 576 };
        let mtu = match rng.below(4) {
            0 => between(rng, least_mtu, 1_500),
            1 => between(rng, 1_500, 9_000),
            _ => 1_500,
        };
        let clean = Profile { delay: millis(rng, 0, 100), ..Profile::default() };
        let [there, back] = [(); 2].map(|()| profile(rng, hostile, &clean));
        let pair = PairConfig {
            client: host(rng, options),
            server: host(rng, options),
            there,
            back,
            mtu: mtu as u16,
            offloads: rng.chance(0.3),
            ethernet: rng.chance(0.25),
            start: start(rng),
            record: options.record,
        };
        let mischief = mischief(rng, hostile, restarts, heals, least_mtu, mtu, &clean);
        let talks = (0..1 + rng.below(3)).map(|n| talk(rng, n as u16, heals)).collect();
        let wrap = rng.chance(0.25).then(|| Wrap {
            server: rng.chance(0.5),
            timestamp: rng.chance(0.25),
            full: rng.chance(0.7),
            before: rng.below(5_000) as u32,
        });
        let datagrams = if rng.chance(0.3) { rng.below(20) as u32 } else { 0 };
        let forgeries = if rng.chance(0.3) { rng.below(40) as u32 } else { 0 };
        let listen = ListenConfig {
            cookies: [CookieUse::Auto, CookieUse::Auto, CookieUse::Always, CookieUse::Off]
                [rng.below(4) as usize],
            syn_queue: size(rng, 1, 256),
            backlog: size(rng, 1, 128),
            ..ListenConfig::default()
        };
        let mut plan = Self {
            v6,
            pair,
            heals,
            clean,
            mischief,
            talks,
            datagrams,
            forgeries,
            listen,
            hostile,
            restarts,
            wrap,
            routers_speak: [true; 2],
        };
        plan.draw_congestion(rng, least_mtu, mtu, options);
        plan
    }

    /// Who controls and how marks are spoken of, at each end; what the path does to marks; and paths whose MTU changes, with
    /// and without a word.
    fn draw_congestion(&mut self, rng: &mut Rng, least_mtu: u64, mtu: usize, options: &Options) {
        for host in [&mut self.pair.client, &mut self.pair.server] {
            let controller = Congestion::ALL[rng.below(Congestion::ALL.len() as u64) as usize];
            let ecn = Ecn::ALL[rng.below(Ecn::ALL.len() as u64) as usize];
            host.tcp = (options.change)(host.tcp.clone().congestion(controller).ecn(ecn));
        }
        for profile in [&mut self.pair.there, &mut self.pair.back] {
            remarks(rng, profile);
        }
        let span = self.heals.as_millis() as u64 - 1;
        for (_, mischief) in &mut self.mischief {
            if let Mischief::Profile(_, profile) = mischief {
                remarks(rng, profile);
            }
        }
        if rng.chance(0.3) {
            self.routers_speak = [rng.chance(0.5), rng.chance(0.5)];
            for _ in 0..1 + rng.below(3) {
                let mtu = between(rng, least_mtu, mtu as u64);
                self.mischief.push((millis(rng, 0, span), Mischief::Mtu(rng.below(2) as usize, mtu)));
            }
        }
    }
}

/// What a path may do to marks: a queue that marks, equipment that takes the ECN field for something else.
fn remarks(rng: &mut Rng, profile: &mut Profile) {
    if profile.rate.is_some() && rng.chance(0.5) {
        profile.mark = Some(size(rng, 1_500, 60_000));
    }
    match rng.below(8) {
        0 => profile.bleach = 1.0,
        1 => profile.bleach = rng.unit(),
        2 => profile.mangle = 1.0,
        3 => profile.mangle = rng.unit() * 0.3,
        _ => {}
    }
}

impl Plan {
    /// The server may answer without a record (RFC 4987 §3.6): then options are lost, and a connection whose first data
    /// segment is overtaken by the next is refused.
    pub(super) fn bakes_cookies(&self) -> bool {
        match self.listen.cookies {
            CookieUse::Always => true,
            CookieUse::Auto => self.listen.syn_queue < 2 * self.talks.len(),
            CookieUse::Off => false,
        }
    }
}

/// An instant from which the millisecond clock soon wraps, or not.
fn start(rng: &mut Rng) -> Instant {
    let wraps = match rng.below(4) {
        0 => 1u64 << 31,
        1 => 1u64 << 32,
        _ => return Instant::from_secs(3600) + Duration::from_nanos(rng.below(1 << 40)),
    };
    Instant::from_millis(wraps - rng.below(20_000))
}

fn host(rng: &mut Rng, options: &Options) -> HostConfig {
    let tcp = (options.change)(settings(rng));
    let memory = if rng.chance(0.1) { 1 << 20 } else { 256 << 20 };
    HostConfig { tcp, memory, ..HostConfig::default() }
}

fn settings(rng: &mut Rng) -> TcpConfig {
    let keep_alive = rng.chance(0.1).then(|| KeepAlive {
        idle: millis(rng, 1_000, 20_000),
        interval: millis(rng, 1_000, 10_000),
        probes: 9,
        garbage_octet: rng.chance(0.3),
    });
    let (send, receive) = (size(rng, 2_048, 1 << 18) as u32, size(rng, 2_048, 1 << 18) as u32);
    let initial = millis(rng, 500, 1_500);
    let config = TcpConfig::default()
        .nagle(rng.chance(0.8))
        .mss_limit(rng.chance(0.3).then(|| Mss::new(between(rng, 88, 1_460) as u16)))
        .window_scaling(rng.chance(0.8))
        .timestamps(rng.chance(0.7))
        .sack(rng.chance(0.7))
        .user_timeout(millis(rng, 100_000, 300_000))
        .initial_window(between(rng, 1, 10) as u8);
    let delay = millis(rng, 0, 300);
    let msl = millis(rng, LEAST_MSL.as_millis() as u64, 30_000);
    let config = config
        .send_buffer(send)
        .and_then(|c| c.receive_buffer(receive))
        .and_then(|c| c.ack_delay(delay))
        .and_then(|c| c.rto(initial, Duration::from_millis(200), MOST_RTO))
        .and_then(|c| c.keep_alive(keep_alive))
        .and_then(|c| c.msl(msl));
    match config {
        Ok(config) => config,
        Err(why) => panic!("the swarm draws a setting outside its limits: {why}"),
    }
}

fn profile(rng: &mut Rng, hostile: bool, clean: &Profile) -> Profile {
    let mut profile = clean.clone();
    if rng.chance(0.1) {
        return profile;
    }
    let share =
        |rng: &mut Rng, often: f64, most: f64| if rng.chance(often) { rng.unit() * most } else { 0.0 };
    profile.loss = share(rng, 0.6, if hostile { 0.3 } else { 0.03 });
    profile.reorder = share(rng, 0.4, 0.3);
    // Now and then an old duplicate comes late, though within its lifetime.
    let latest = if rng.chance(0.2) { LEAST_MSL.as_millis() as u64 } else { 60 };
    profile.reorder_by = millis(rng, 1, latest);
    profile.duplicate = share(rng, 0.4, 0.1);
    profile.corrupt = share(rng, 0.4, if hostile { 0.05 } else { 0.005 });
    profile.jitter = if rng.chance(0.3) { millis(rng, 0, 50) } else { Duration::ZERO };
    profile.shuffle = rng.chance(0.3);
    if hostile && rng.chance(0.2) {
        profile.burst =
            Some(Burst { enter: rng.unit() * 0.05, leave: 0.2 + rng.unit() * 0.8, bad: 1.0, good: 0.0 });
    }
    if rng.chance(0.3) {
        profile.rate = NonZeroU64::new(size(rng, 100_000, 100_000_000) as u64);
        profile.queue = Queue { packets: size(rng, 2, 200), octets: usize::MAX };
    }
    profile
}

#[allow(clippy::too_many_arguments, reason = "all that a schedule depends on, once")]
fn mischief(
    rng: &mut Rng,
    hostile: bool,
    restarts: bool,
    heals: Duration,
    least_mtu: u64,
    mtu: usize,
    clean: &Profile,
) -> Vec<(Duration, Mischief)> {
    let mut list = Vec::new();
    let span = heals.as_millis() as u64 - 1;
    if hostile {
        for _ in 0..rng.below(4) {
            let lasts = size(rng, 100, 40_000) as u64;
            list.push((millis(rng, 0, span), Mischief::Cut(Duration::from_millis(lasts))));
        }
        for _ in 0..rng.below(3) {
            let way = rng.below(2) as usize;
            let changed = profile(rng, true, clean);
            list.push((millis(rng, 0, span), Mischief::Profile(way, Box::new(changed))));
        }
        for _ in 0..rng.below(3) {
            let lasts = millis(rng, 1, 10_000);
            list.push((millis(rng, 0, span), Mischief::Pause(rng.below(2) as usize, lasts)));
        }
    }
    if rng.chance(0.2) {
        let smaller = between(rng, least_mtu, mtu as u64);
        list.push((millis(rng, 0, span), Mischief::Mtu(rng.below(2) as usize, smaller)));
    }
    if restarts {
        list.push((millis(rng, 0, span), Mischief::Restart(rng.below(2) as usize)));
    }
    list
}

fn talk(rng: &mut Rng, n: u16, heals: Duration) -> Talk {
    let kind = match rng.below(10) {
        0 => Kind::Simultaneous,
        1 => Kind::ToItself,
        _ => Kind::Usual,
    };
    let span = heals.as_millis() as u64;
    let start = millis(rng, 0, span / 2);
    let starts = [start, start + millis(rng, 0, 30)];
    let mut scripts = [script(rng, span), script(rng, span)];
    if kind == Kind::ToItself {
        // Nobody else will close first, and what it does not read it cannot write for ever.
        scripts[0].ending = Ending::Close;
        scripts[0].stall = None;
    }
    if scripts.iter().all(|script| script.ending == Ending::CloseAfterPeer) {
        scripts[0].ending = Ending::Close;
    }
    Talk { kind, port: 2_000 + n, starts, scripts }
}

fn script(rng: &mut Rng, span: u64) -> Script {
    let total = match rng.below(10) {
        0 => 0,
        1..=2 => between(rng, 1, 100),
        3..=6 => between(rng, 1, 5_000),
        _ => size(rng, 1_000, 60_000),
    };
    let ending = match rng.below(10) {
        0 => Ending::Abort(millis(rng, 0, span)),
        1 => Ending::Release(millis(rng, 0, span)),
        2..=4 => Ending::CloseAfterPeer,
        _ => Ending::Close,
    };
    let stalls = rng.chance(0.3);
    Script {
        total,
        piece: size(rng, 1, 20_000).max(total / 200),
        read: size(rng, 1, 60_000).max(total / 100),
        think: if rng.chance(0.4) { millis(rng, 1, 300) } else { Duration::ZERO },
        stall: stalls.then(|| (between(rng, 0, total as u64), millis(rng, 100, 20_000))),
        ending,
        nagle: rng.chance(0.8),
        push: rng.chance(0.2),
        urgent: if rng.chance(0.1) { 0.2 } else { 0.0 },
        resize: if rng.chance(0.1) { 0.2 } else { 0.0 },
    }
}
