//! The client's states, and what it does in each (RFC 2131 §4.4).

use crate::message::{Answer, Lease, Question, read, write};
use dhcproto::v4::MessageType;
use env::{Duration, Instant, Rng};
use stack::{Cidr, Host, InterfaceError, InterfaceId, RouteEntry, UdpBind, UdpError, UdpId, UdpSend};
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use wire::ethernet::MacAddr;

/// The ports of clients and servers (RFC 2131 §4.1).
const CLIENT: u16 = 68;
const SERVER: u16 = 67;
/// How long the first answer may take; twice as long each time after that, up to the second (RFC 2131 §4.1).
const FIRST_WAIT: Duration = Duration::from_secs(4);
const LAST_WAIT: Duration = Duration::from_secs(64);
/// Requests for an offer before another one is looked for.
const REQUESTS: u32 = 4;
/// How long nothing is asked after a refusal (as RFC 2131 §3.1 5 has it after DECLINE).
const REFUSED_WAIT: Duration = Duration::from_secs(10);
/// Renewals are not asked for more often than this (RFC 2131 §4.4.5).
const RENEWAL_WAIT: Duration = Duration::from_secs(60);
/// Routes that a lease brings come after configured ones.
const METRIC: u32 = 1024;

/// Why there is no client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpError {
    /// Its port is not to be had.
    Socket(UdpError),
    /// The interface is not there.
    Interface(InterfaceError),
}

impl fmt::Display for DhcpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(why) => write!(f, "UDP port {CLIENT} cannot be had: {why}"),
            Self::Interface(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for DhcpError {}

/// What a client tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address is ours, or other things of it changed: the interface has it, and the route.
    Bound(Lease),
    /// The address is ours no more.
    Lost(Lease),
}

#[derive(Clone, Debug)]
enum State {
    /// Asking who has an address for us.
    Selecting,
    /// Asking for the one that was offered.
    Requesting(Lease),
    /// It is ours since then.
    Bound { lease: Lease, since: Instant },
}

/// Asks for an address for one interface, keeps it, and gives it back.
#[derive(Clone, Debug)]
pub struct Client {
    interface: InterfaceId,
    socket: UdpId,
    mac: MacAddr,
    rng: Rng,
    state: State,
    xid: u32,
    /// Since when we ask this.
    began: Option<Instant>,
    asked: u32,
    due: Option<Instant>,
    /// When what goes out now was sent at first: a renewed lease counts from there.
    question: Instant,
    events: VecDeque<Event>,
}

impl Client {
    /// A client for `interface`, whose hardware address is `mac`. It begins with the first [`turn`](Self::turn).
    ///
    /// # Errors
    /// [`DhcpError`]: port 68 is taken, or the interface is not there.
    pub fn new(
        host: &mut Host,
        interface: InterfaceId,
        mac: MacAddr,
        mut rng: Rng,
    ) -> Result<Self, DhcpError> {
        if host.interface_name(interface).is_none() {
            return Err(DhcpError::Interface(InterfaceError::Unknown));
        }
        let bind = UdpBind { address: Some(Ipv4Addr::UNSPECIFIED.into()), port: CLIENT, reuse: true };
        let socket = host.udp_bind(bind).map_err(DhcpError::Socket)?;
        if let Some(options) = host.udp_options_mut(socket) {
            options.broadcast = true;
        }
        let xid = rng.next_u32();
        Ok(Self {
            interface,
            socket,
            mac,
            rng,
            state: State::Selecting,
            xid,
            began: None,
            asked: 0,
            due: Some(Instant::ZERO),
            question: Instant::ZERO,
            events: VecDeque::new(),
        })
    }

    /// The interface that it asks for.
    pub fn interface(&self) -> InterfaceId {
        self.interface
    }

    /// The socket that answers come to.
    pub fn socket(&self) -> UdpId {
        self.socket
    }

    /// What is lent to us now.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.state {
            State::Bound { lease, .. } => Some(lease),
            _ => None,
        }
    }

    /// When to [`turn`](Self::turn) though nothing arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Takes the next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Reads what has arrived, and does what is due.
    pub fn turn(&mut self, now: Instant, host: &mut Host) {
        while let Some(datagram) = host.udp_receive(self.socket) {
            if datagram.interface != self.interface || datagram.from.port() != SERVER {
                continue;
            }
            if let Some(answer) = read(&datagram.data.to_vec(), self.xid, self.mac) {
                self.answered(now, host, answer);
            }
        }
        if self.due.is_some_and(|due| due <= now) {
            self.due(now, host);
        }
    }

    /// Gives the address back, takes it from the interface, and closes the socket.
    pub fn release(mut self, now: Instant, host: &mut Host) {
        if let State::Bound { lease, .. } = &self.state {
            let lease = lease.clone();
            self.ask(now, host, MessageType::Release, None, Some(lease.server));
            self.give_up(now, host, lease);
        }
        host.udp_close(now, self.socket);
    }

    fn due(&mut self, now: Instant, host: &mut Host) {
        match self.state.clone() {
            State::Selecting => {
                self.ask(now, host, MessageType::Discover, None, None);
                self.wait(now);
            }
            State::Requesting(_) if self.asked >= REQUESTS => self.begin(now),
            State::Requesting(offer) => {
                let wanted = v4(offer.address);
                self.ask(now, host, MessageType::Request, wanted, Some(offer.server));
                self.wait(now);
            }
            State::Bound { lease, since } => self.keep(now, host, lease, since),
        }
    }

    /// A lease is renewed from its half on, by its server; later by any; at its end it is over (RFC 2131 §4.4.5).
    fn keep(&mut self, now: Instant, host: &mut Host, lease: Lease, since: Instant) {
        let end = since + lease.duration;
        if now >= end {
            self.give_up(now, host, lease);
            return self.begin(now);
        }
        if self.began.is_none() {
            self.xid = self.rng.next_u32();
        }
        let server = (now < since + lease.rebind).then_some(lease.server);
        self.ask(now, host, MessageType::Request, None, server);
        let next = if server.is_some() { since + lease.rebind } else { end };
        self.due = Some(next.min(now + (next.since(now) / 2).max(RENEWAL_WAIT)));
    }

    fn answered(&mut self, now: Instant, host: &mut Host, answer: Answer) {
        match (self.state.clone(), answer) {
            (State::Selecting, Answer::Offer(offer)) if self.asked > 0 => {
                self.state = State::Requesting(offer);
                self.asked = 0;
                self.due = Some(now);
            }
            (State::Requesting(offer), Answer::Ack(lease))
                if lease.address.address() == offer.address.address() =>
            {
                self.bind(now, host, None, lease);
            }
            (State::Bound { lease: before, .. }, Answer::Ack(lease)) if self.began.is_some() => {
                self.bind(now, host, Some(before), lease);
            }
            (State::Requesting(_), Answer::Nak) => {
                self.begin(now);
                // It offers what it then refuses: asking at once would go on without end.
                self.due = Some(now + REFUSED_WAIT);
            }
            (State::Bound { lease, .. }, Answer::Nak) if self.began.is_some() => {
                self.give_up(now, host, lease);
                self.begin(now);
            }
            _ => {}
        }
    }

    /// The lease is ours, from when it was asked for.
    fn bind(&mut self, now: Instant, host: &mut Host, before: Option<Lease>, lease: Lease) {
        let same = before.as_ref().is_some_and(|b| b.address == lease.address && b.router == lease.router);
        if !same {
            if let Some(before) = &before {
                self.unset(now, host, before);
            }
            if self.set(now, host, &lease).is_err() {
                // An address that no host can have, or that another interface has: this server is of no use.
                self.events.extend(before.map(Event::Lost));
                self.state = State::Selecting;
                self.begin(now);
                self.due = Some(now + LAST_WAIT);
                return;
            }
        }
        let since = self.question;
        self.due = Some(since + lease.renew);
        (self.began, self.asked) = (None, 0);
        if before.as_ref() != Some(&lease) {
            self.events.push_back(Event::Bound(lease.clone()));
        }
        self.state = State::Bound { lease, since };
    }

    fn set(&mut self, now: Instant, host: &mut Host, lease: &Lease) -> Result<(), InterfaceError> {
        host.add_address(now, self.interface, lease.address)?;
        if let Some(router) = lease.router
            && let Err(why) = host.add_route(default_route(self.interface, router))
        {
            host.remove_address(now, self.interface, lease.address.address())?;
            return Err(why);
        }
        Ok(())
    }

    fn unset(&mut self, now: Instant, host: &mut Host, lease: &Lease) {
        if let Some(router) = lease.router {
            host.remove_route(Cidr::ALL_V4, Some(router.into()), self.interface);
        }
        // The user may have taken it away.
        let _gone: Result<(), InterfaceError> =
            host.remove_address(now, self.interface, lease.address.address());
    }

    fn give_up(&mut self, now: Instant, host: &mut Host, lease: Lease) {
        self.unset(now, host, &lease);
        self.events.push_back(Event::Lost(lease));
    }

    /// Looks for an address from the start.
    fn begin(&mut self, now: Instant) {
        self.state = State::Selecting;
        self.xid = self.rng.next_u32();
        (self.began, self.asked, self.due) = (None, 0, Some(now));
    }

    /// An answer may take longer each time, give or take a second (RFC 2131 §4.1).
    fn wait(&mut self, now: Instant) {
        let doubled = FIRST_WAIT * 2u32.saturating_pow(self.asked.saturating_sub(1).min(8));
        let jitter = Duration::from_nanos(self.rng.below(2_000_000_000));
        self.due = Some(now + doubled.min(LAST_WAIT) - Duration::from_secs(1) + jitter);
    }

    fn ask(
        &mut self,
        now: Instant,
        host: &mut Host,
        kind: MessageType,
        wanted: Option<Ipv4Addr>,
        server: Option<Ipv4Addr>,
    ) {
        let began = *self.began.get_or_insert(now);
        let own = self.lease().and_then(|lease| v4(lease.address));
        self.asked += 1;
        self.question = now;
        let question = Question {
            kind,
            xid: self.xid,
            seconds: u16::try_from(now.since(began).as_secs()).unwrap_or(u16::MAX),
            mac: self.mac,
            own,
            wanted,
            // Who renews an address says by where it is sent whom it means (RFC 2131 §4.3.2).
            server: server.filter(|_| own.is_none() || kind == MessageType::Release),
        };
        let Some(octets) = write(&question) else { return };
        let to = server.filter(|_| own.is_some()).unwrap_or(Ipv4Addr::BROADCAST);
        let send = UdpSend {
            from: Some(own.unwrap_or(Ipv4Addr::UNSPECIFIED).into()),
            interface: Some(self.interface),
            ..UdpSend::to(octets, SocketAddr::new(to.into(), SERVER))
        };
        // What cannot be sent now is as good as lost: it is asked again.
        let _lost: Result<(), UdpError> = host.udp_send(now, self.socket, send);
    }
}

fn default_route(interface: InterfaceId, router: Ipv4Addr) -> RouteEntry {
    RouteEntry { destination: Cidr::ALL_V4, gateway: Some(router.into()), interface, metric: METRIC }
}

fn v4(cidr: Cidr) -> Option<Ipv4Addr> {
    match cidr.address() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}
