//! Two hosts on virtual time, the links between them, and flows that always have something to send.
//!
//! ```text
//!    client ── flow 0, 1 … ── there: the bottleneck ──► server, which reads at once
//!           ◄───────────────── back ──────────────────
//! ```
//!
//! Of the [`World`](crate::World) only what measuring needs is here: no log, no checks and no copies, for a table of paths
//! is many millions of packets. The payload is one block of zeros that is shared.

use super::measure::Arrivals;
use super::strict::Strict;
use bytes::Bytes;
use device::impair::{Link, Profile};
use env::{Duration, Instant, Machine as _, Rng};
use stack::{
    Cidr, ConnectOptions, ConnectionId, Host, HostConfig, HostEvent, InterfaceConfig, InterfaceId,
    ListenConfig, ListenerId, Medium,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tcp::{ConnectionError, SendFlags, TcpConfig};
use wire::{Frame, Payload};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const PORT: u16 = 80;
/// Octets that are written at once.
const PIECE: usize = 256 << 10;
/// What the clock shows when the first flow may begin: nothing of TCP may depend on its being zero.
const START: Instant = Instant::from_secs(3600);

/// One end of the path.
#[derive(Debug)]
pub(super) struct End {
    pub(super) host: Host,
    interface: InterfaceId,
    /// When the host wants to be turned next, as it said when it was turned last.
    due: Option<Instant>,
}

impl End {
    /// # Panics
    /// When the settings are outside their limits.
    fn new(config: HostConfig, address: Ipv4Addr, mtu: u16, rng: &mut Rng) -> Self {
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        let mut interface = InterfaceConfig::new("path0", Medium::Ip).mtu(mtu);
        interface.segmentation = true;
        interface.checksum = true;
        interface.addresses.extend(Cidr::new(IpAddr::V4(address), 24));
        let built = Host::new(config, seed).map(|mut host| {
            let interface = host.add_interface(START, interface);
            (host, interface)
        });
        match built {
            Ok((host, Ok(interface))) => Self { due: host.poll_timeout(), host, interface },
            Ok((_, Err(why))) => panic!("an interface of {mtu} octets: {why:?}"),
            Err(why) => panic!("a host's settings: {why}"),
        }
    }

    /// Puts everything that the host has to send on `link`, past `watch`.
    fn transmit(&mut self, now: Instant, link: &mut Link, watch: &mut dyn FnMut(&Frame)) {
        while let Some((_, frame)) = self.host.poll_transmit(now) {
            watch(&frame);
            link.offer(now, frame, &mut |_| {});
        }
        self.due = self.host.poll_timeout();
    }
}

/// A connection that always has something to send.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// When it opens, counted from the start.
    starts: Duration,
    tcp: Arc<TcpConfig>,
    /// The sender's end, once it is open.
    pub(super) sender: Option<ConnectionId>,
    receiver: Option<ConnectionId>,
    /// Octets that the sender's connection took.
    pub(super) written: u64,
    /// What came of it at the far end.
    pub(super) arrivals: Arrivals,
    /// How the connection died.
    pub(super) died: Option<ConnectionError>,
}

/// The hosts, the links and the clock.
#[derive(Debug)]
pub(super) struct Lab {
    now: Instant,
    pub(super) client: End,
    pub(super) server: End,
    pub(super) there: Link,
    pub(super) back: Link,
    /// Stands before the server, if somebody does.
    strict: Option<Strict>,
    listener: ListenerId,
    pub(super) flows: Vec<Flow>,
    zeros: Bytes,
    /// Octets of payload that came out of the link, those that were there already included.
    pub(super) arrived: u64,
}

impl Lab {
    /// A path of two links whose clock begins with the first flow, and who opens connections over it when.
    ///
    /// # Panics
    /// When the settings are outside their limits.
    pub(super) fn new(
        links: (Profile, Profile),
        mtu: u16,
        flows: &[(Duration, TcpConfig)],
        seed: u64,
    ) -> Self {
        let mut rng = Rng::seeded(seed);
        let client = End::new(HostConfig::default(), CLIENT, mtu, &mut rng);
        let mut server = End::new(HostConfig::default(), SERVER, mtu, &mut rng);
        let by = START.since(Instant::ZERO);
        let [there, back] =
            [links.0, links.1].map(|link| Link::with_rng(wire::Medium::Ip, link.later(by), rng.fork()));
        let at = SocketAddr::new(IpAddr::V4(SERVER), PORT);
        let listening = ListenConfig { backlog: flows.len().max(1), ..ListenConfig::default() };
        let listener = match server.host.tcp_listen(START, at, listening) {
            Ok(listener) => listener,
            Err(why) => panic!("a new host listens: {why}"),
        };
        let flow = |(starts, tcp): &(Duration, TcpConfig)| Flow {
            starts: *starts,
            tcp: Arc::new(tcp.clone()),
            sender: None,
            receiver: None,
            written: 0,
            arrivals: Arrivals::default(),
            died: None,
        };
        let flows = flows.iter().map(flow).collect();
        let zeros = Bytes::from(vec![0; PIECE]);
        let strict = None;
        Self { now: START, client, server, there, back, strict, listener, flows, zeros, arrived: 0 }
    }

    /// The server drops what timestamps say is old, even where something is missing.
    pub(super) fn be_strict(&mut self) {
        self.strict = Some(Strict::default());
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.now.since(START)
    }

    /// The clock.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Lets everything happen that is due up to `until`, counted from the start.
    pub(super) fn run(&mut self, until: Duration) {
        let until = START + until;
        loop {
            self.open();
            let Some(next) = self.next_due().filter(|&next| next <= until) else { break };
            self.now = self.now.max(next);
            self.step();
        }
        self.now = until;
    }

    fn next_due(&self) -> Option<Instant> {
        let starts =
            self.flows.iter().filter(|flow| flow.sender.is_none()).map(|flow| START + flow.starts).min();
        let links = [self.there.poll_timeout(), self.back.poll_timeout()];
        [self.client.due, self.server.due, starts].into_iter().chain(links).flatten().min()
    }

    /// Opens the flows that are due.
    ///
    /// # Panics
    /// When the client has no port or memory left: there are far fewer flows than that.
    fn open(&mut self) {
        for flow in &mut self.flows {
            if flow.sender.is_none() && START + flow.starts <= self.now {
                let to = SocketAddr::new(IpAddr::V4(SERVER), PORT);
                let options = ConnectOptions { tcp: Some(Arc::clone(&flow.tcp)), ..ConnectOptions::to(to) };
                match self.client.host.tcp_connect(self.now, options) {
                    Ok(id) => flow.sender = Some(id),
                    Err(why) => panic!("a flow opens: {why}"),
                }
                self.client.transmit(self.now, &mut self.there, &mut |_| {});
            }
        }
    }

    /// Everything that is due now.
    fn step(&mut self) {
        let now = self.now;
        while let Some(frame) = self.there.poll(now, &mut |_| {}) {
            if self.strict.as_mut().is_some_and(|strict| !strict.takes(&frame)) {
                continue;
            }
            self.arrived += payload_of(&frame);
            self.server.host.handle_packet(now, (self.server.interface, frame));
            self.serve();
        }
        while let Some(frame) = self.back.poll(now, &mut |_| {}) {
            self.client.host.handle_packet(now, (self.client.interface, frame));
            self.feed();
        }
        if self.server.due.is_some_and(|at| at <= now) {
            self.server.host.handle_timeout(now);
            self.serve();
        }
        if self.client.due.is_some_and(|at| at <= now) {
            self.client.host.handle_timeout(now);
            self.feed();
        }
    }

    /// The server reads what is there, and its host sends what it has to.
    fn serve(&mut self) {
        let now = self.now;
        while let Some(event) = self.server.host.poll_event() {
            match event {
                HostEvent::TcpAcceptable(_) => self.accept(),
                HostEvent::TcpReadable(id) => self.read(id),
                _ => {}
            }
        }
        self.server.transmit(now, &mut self.back, &mut |frame| {
            if let Some(strict) = &mut self.strict {
                strict.sent(frame);
            }
        });
    }

    fn accept(&mut self) {
        while let Some((id, peer)) = self.server.host.tcp_accept(self.listener) {
            let client = &self.client.host;
            let of = |flow: &&mut Flow| {
                flow.sender.and_then(|id| client.tcp_addrs(id)).is_some_and(|(local, _)| local == peer)
            };
            if let Some(flow) = self.flows.iter_mut().find(of) {
                flow.receiver = Some(id);
            }
            self.read(id);
        }
    }

    fn read(&mut self, id: ConnectionId) {
        let Some(flow) = self.flows.iter_mut().find(|flow| flow.receiver == Some(id)) else { return };
        let mut count = 0;
        while let Ok(received) = self.server.host.tcp_receive(self.now, id, usize::MAX) {
            count += received.data.len() as u64;
        }
        if count > 0 {
            flow.arrivals.add(self.now.since(START), count);
        }
    }

    /// Senders write as much as there is room for, and their host sends what it may.
    fn feed(&mut self) {
        while let Some(event) = self.client.host.poll_event() {
            match event {
                HostEvent::TcpConnected(id) | HostEvent::TcpWritable(id) => self.write(id),
                HostEvent::TcpClosed(id, why) => {
                    if let Some(flow) = self.flows.iter_mut().find(|flow| flow.sender == Some(id)) {
                        flow.died = why;
                    }
                }
                _ => {}
            }
        }
        self.client.transmit(self.now, &mut self.there, &mut |_| {});
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(flow) = self.flows.iter_mut().find(|flow| flow.sender == Some(id)) else { return };
        // Until it says that it is full: only then does it tell when it is not. Or it is dead, and has said so.
        loop {
            let data = Payload::from(self.zeros.clone());
            match self.client.host.tcp_send(self.now, id, data, SendFlags::default()) {
                Ok(taken) => flow.written += taken as u64,
                Err(_) => return,
            }
        }
    }
}

/// Octets of TCP payload in an IPv4 packet.
fn payload_of(frame: &Frame) -> u64 {
    let octets = frame.contiguous();
    let ip = octets.first().map_or(0, |first| usize::from(first & 15) * 4);
    let tcp = octets.get(ip + 12).map_or(0, |offset| usize::from(offset >> 4) * 4);
    octets.len().saturating_sub(ip + tcp) as u64
}
