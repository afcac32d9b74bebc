//! One host: frames in, frames out, and everything that users call.
//!
//! ```text
//!   handle_packet ─► ingress ─► Delivered ─► tcp  udp  echo  multicast      icmp ─► their handle_icmp
//!                                             │    │    │       │
//!   poll_transmit ◄─ egress ◄── Ip::send ◄────┴────┴────┴───────┘
//!        │  └── queue empty? ask TCP for one more train          everything below the transports is in `Ip`
//!        └────── frames to ourselves go round here, a bounded number a turn
//! ```

use crate::echo::Echo;
use crate::ip::Ip;
use crate::multicast::Multicast;
use crate::tcp::Tcp;
use crate::udp::Udp;
use crate::{
    Budget, Cidr, Counters, HostConfig, HostConfigError, HostEvent, InterfaceConfig, InterfaceError,
    InterfaceId, Route, RouteEntry, SendFailure, Trace,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;
use env::{Instant, Machine, Rng};
use wire::Frame;

/// Frames to ourselves that go round in one call, at most: what is left goes round in the next.
const LOCAL_BATCH: usize = 256;

/// One host, sans-I/O: see the crate's front page.
///
/// The same configuration, seed and inputs give the same frames and events, bit for bit.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) ip: Ip,
    pub(crate) tcp: Tcp,
    pub(crate) udp: Udp,
    pub(crate) echo: Echo,
    pub(crate) multicast: Multicast,
}

impl Host {
    /// A host without interfaces but loopback. Every secret is drawn from `seed`, which must come from a strong source
    /// in production.
    ///
    /// # Errors
    /// [`HostConfigError`]: a setting outside its limits, or a seed of zeros.
    pub fn new(config: HostConfig, seed: [u8; 32]) -> Result<Self, HostConfigError> {
        config.check()?;
        if seed == [0; 32] {
            return Err(HostConfigError::Seed);
        }
        let mut rng = Rng::from_seed(seed);
        Ok(Self {
            tcp: Tcp::new(&config, &mut rng),
            udp: Udp::new(&config, &mut rng),
            echo: Echo::new(&config, &mut rng),
            multicast: Multicast::new(&config, &mut rng),
            ip: Ip::new(config, rng),
        })
    }

    /// Attaches the host to something that carries frames.
    ///
    /// # Errors
    /// [`InterfaceError`]: nothing was added.
    pub fn add_interface(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
    ) -> Result<InterfaceId, InterfaceError> {
        let _ = now;
        self.ip.add_interface(config)
    }

    /// Adds a route beyond the networks that the interfaces' addresses name.
    ///
    /// # Errors
    /// [`InterfaceError`]: nothing was added.
    pub fn add_route(&mut self, entry: RouteEntry) -> Result<(), InterfaceError> {
        self.ip.add_route(entry)
    }

    /// Takes a route away, and says whether it was there.
    pub fn remove_route(
        &mut self,
        destination: Cidr,
        gateway: Option<IpAddr>,
        interface: InterfaceId,
    ) -> bool {
        self.ip.routes.remove(destination, gateway, interface)
    }

    /// How packets to `dst` go; from `src`, when that is given.
    ///
    /// # Errors
    /// [`SendFailure`]: why they do not.
    pub fn route(&self, dst: IpAddr, src: Option<IpAddr>) -> Result<Route, SendFailure> {
        self.ip.route(dst, src, None)
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.ip.counters
    }

    /// What memory is held.
    pub fn budget(&self) -> &Budget {
        &self.ip.budget
    }

    /// Begins or ends telling what happens on the wire; see [`Trace`].
    pub fn watch(&mut self, on: bool) {
        self.ip.traces = on.then(VecDeque::new);
    }

    /// Takes the next thing that happened, while somebody watches.
    pub fn poll_trace(&mut self) -> Option<Trace> {
        self.ip.traces.as_mut()?.pop_front()
    }

    /// Interfaces in the order of adding, loopback first.
    pub fn interfaces(&self) -> Vec<InterfaceId> {
        self.ip.interfaces.iter().map(|i| i.id).collect()
    }

    /// Lets frames to ourselves go round.
    fn turn_local(&mut self, now: Instant) {
        for _ in 0..LOCAL_BATCH {
            let Some(frame) = self.ip.local.pop_front() else { return };
            self.receive(now, InterfaceId::LOOPBACK, frame);
        }
    }
}

impl Machine for Host {
    type Packet = (InterfaceId, Frame);
    type Transmit = (InterfaceId, Frame);
    type Event = HostEvent;

    fn handle_packet(&mut self, now: Instant, (interface, frame): (InterfaceId, Frame)) {
        self.receive(now, interface, frame);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.turn_local(now);
        while let Some(dst) = self.ip.path_mtus.expire(now) {
            self.tcp.handle_path_mtu(&mut self.ip, now, dst);
            self.udp.handle_path_mtu(&mut self.ip, now, dst);
        }
        self.multicast.handle_timeout(&mut self.ip, now);
        self.tcp.handle_timeout(&mut self.ip, now);
        self.udp.handle_timeout(&mut self.ip, now);
        self.echo.handle_timeout(&mut self.ip, now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<(InterfaceId, Frame)> {
        self.turn_local(now);
        while self.ip.out.is_empty() && self.ip.local.is_empty() {
            if !self.tcp.poll_transmit(&mut self.ip, now) {
                break;
            }
            self.turn_local(now);
        }
        if self.ip.out.is_empty() {
            // Sockets that found the queue full are told of room.
            self.udp.poll_transmit(&mut self.ip, now);
        }
        let outgoing = self.ip.out.pop_front()?;
        Some((outgoing.interface, outgoing.frame))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let round = (!self.ip.local.is_empty()).then_some(Instant::ZERO);
        [
            round,
            self.ip.path_mtus.poll_timeout(),
            self.multicast.poll_timeout(),
            self.tcp.poll_timeout(),
            self.udp.poll_timeout(),
            self.echo.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn poll_event(&mut self) -> Option<HostEvent> {
        (self.ip.events.pop_front())
            .or_else(|| self.tcp.poll_event())
            .or_else(|| self.udp.poll_event())
            .or_else(|| self.echo.poll_event())
    }
}
