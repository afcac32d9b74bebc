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
use crate::ip::{Ip, Outgoing};
use crate::journal::Journal;
use crate::multicast::Multicast;
use crate::tcp::Tcp;
use crate::udp::Udp;
use crate::{
    AddressState, Budget, Cidr, Counters, Drop, ErrorKind, HostConfig, HostConfigError, HostEvent, Input,
    InterfaceConfig, InterfaceError, InterfaceId, Medium, Route, RouteEntry, SendFailure, Trace,
};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
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
    /// `None` unless somebody keeps one.
    pub(crate) journal: Option<Box<Journal>>,
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
            journal: None,
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
        self.note(|| Input::AddInterface(now, config.clone()));
        let id = self.ip.add_interface(&config)?;
        for cidr in Ip::first_addresses(&config) {
            self.begin_address(now, id, cidr);
        }
        self.ip.solicit_routers(now, id);
        Ok(id)
    }

    /// Adds an address to an interface. On Ethernet an IPv6 address is probed for first, and
    /// [`HostEvent::AddressReady`] says when it can be used.
    ///
    /// # Errors
    /// [`InterfaceError`]: nothing was added.
    pub fn add_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: Cidr,
    ) -> Result<(), InterfaceError> {
        self.note(|| Input::AddAddress(now, interface, address));
        let mtu =
            self.ip.interface(interface).filter(|i| !i.is_loopback()).ok_or(InterfaceError::Unknown)?.mtu;
        if address.address().is_ipv6() && mtu < 1280 {
            return Err(InterfaceError::Mtu);
        }
        self.ip.acceptable(address)?;
        self.begin_address(now, interface, address);
        Ok(())
    }

    pub(crate) fn begin_address(&mut self, now: Instant, id: InterfaceId, cidr: Cidr) {
        let address = self.ip.begin(now, id, cidr);
        if let Some(interface) = self.ip.interface_mut(id) {
            interface.addresses.push(address);
        }
        self.multicast.address_added(&mut self.ip, now, id, cidr.address());
    }

    /// Takes an address away. What is open from it goes on failing until it gives up, or is closed.
    ///
    /// # Errors
    /// [`InterfaceError`]: it was not there.
    pub fn remove_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
    ) -> Result<(), InterfaceError> {
        self.note(|| Input::RemoveAddress(now, interface, address));
        let entry = self.ip.interface_mut(interface).filter(|i| !i.is_loopback());
        let addresses = &mut entry.ok_or(InterfaceError::Unknown)?.addresses;
        let before = addresses.len();
        addresses.retain(|a| a.cidr.address() != address);
        if addresses.len() == before {
            return Err(InterfaceError::Duplicate);
        }
        self.multicast.address_removed(&mut self.ip, now, interface, address);
        Ok(())
    }

    /// The addresses of an interface, and where they stand.
    pub fn addresses(&self, interface: InterfaceId) -> Vec<(Cidr, AddressState)> {
        let found = self.ip.interface(interface);
        found.into_iter().flat_map(|i| &i.addresses).map(|a| (a.cidr, a.state)).collect()
    }

    /// Changes the MTU of an interface, in octets of an IP packet. What a router has said of its link, if that is lower,
    /// goes on to count.
    ///
    /// # Errors
    /// [`InterfaceError`]: it is as it was.
    pub fn set_mtu(&mut self, interface: InterfaceId, mtu: u16) -> Result<(), InterfaceError> {
        self.note(|| Input::SetMtu(interface, mtu));
        let entry = self.ip.interface_mut(interface).filter(|i| !i.is_loopback());
        let entry = entry.ok_or(InterfaceError::Unknown)?;
        let v6 = entry.addresses.iter().any(|a| a.cidr.address().is_ipv6());
        if mtu < 576 || (v6 && mtu < 1280) {
            return Err(InterfaceError::Mtu);
        }
        entry.mtu_configured = mtu;
        entry.mtu = mtu.min(entry.mtu_advertised.unwrap_or(mtu));
        // What was learned through another link says nothing of this one; users ask again when they send.
        self.ip.path_mtus.clear();
        self.tcp.forget_paths();
        Ok(())
    }

    /// The MTU of an interface, in octets of an IP packet.
    pub fn interface_mtu(&self, interface: InterfaceId) -> Option<u16> {
        self.ip.interface(interface).map(|i| i.mtu)
    }

    /// Says whether an interface's link is there. Packets through one that is down go another way, or fail.
    ///
    /// # Errors
    /// [`InterfaceError::Unknown`].
    pub fn set_up(&mut self, now: Instant, interface: InterfaceId, up: bool) -> Result<(), InterfaceError> {
        self.note(|| Input::SetUp(now, interface, up));
        let entry = self.ip.interface_mut(interface).filter(|i| !i.is_loopback());
        let entry = entry.ok_or(InterfaceError::Unknown)?;
        entry.up = up;
        let waiting = entry.neighbours.clear();
        self.ip.drop_waiting(now, waiting, Drop::InterfaceDown);
        if up {
            // Others may be there now (RFC 4861 §6.3.7).
            self.ip.solicit_routers(now, interface);
        }
        Ok(())
    }

    /// An interface's name.
    pub fn interface_name(&self, interface: InterfaceId) -> Option<&str> {
        self.ip.interface(interface).map(|i| i.name.as_str())
    }

    /// What the frames of the interface with this number begin with.
    pub fn medium_at(&self, index: u32) -> Option<Medium> {
        self.ip.interface(InterfaceId::new(index)).map(|i| i.medium)
    }

    /// Adds a route beyond the networks that the interfaces' addresses name.
    ///
    /// # Errors
    /// [`InterfaceError`]: nothing was added.
    pub fn add_route(&mut self, entry: RouteEntry) -> Result<(), InterfaceError> {
        self.note(|| Input::AddRoute(entry));
        self.ip.add_route(entry)
    }

    /// Takes a route away, and says whether it was there.
    pub fn remove_route(
        &mut self,
        destination: Cidr,
        gateway: Option<IpAddr>,
        interface: InterfaceId,
    ) -> bool {
        self.note(|| Input::RemoveRoute(destination, gateway, interface));
        self.ip.routes.remove(destination, gateway, interface)
    }

    /// How packets to `dst` go; from `src`, when that is given.
    ///
    /// # Errors
    /// [`SendFailure`]: why they do not.
    pub fn route(&self, dst: IpAddr, src: Option<IpAddr>) -> Result<Route, SendFailure> {
        self.ip.route(dst, src, None)
    }

    /// The settings it was made with.
    pub fn config(&self) -> &HostConfig {
        &self.ip.config
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
        self.ip.looped.clear();
    }

    /// Takes the next thing that happened, while somebody watches.
    pub fn poll_trace(&mut self) -> Option<Trace> {
        self.ip.traces.as_mut()?.pop_front()
    }

    /// Takes the next packet that the host sent to itself, as it would be on a wire: for captures, while somebody watches.
    /// There is one for each [`Trace::Sent`] on [`InterfaceId::LOOPBACK`], in their order.
    pub fn poll_looped(&mut self) -> Option<Bytes> {
        self.ip.looped.pop_front()
    }

    /// Whether an interface's link is there.
    pub fn interface_up(&self, interface: InterfaceId) -> Option<bool> {
        self.ip.interface(interface).map(|i| i.up)
    }

    /// Interfaces in the order of adding, loopback first.
    pub fn interfaces(&self) -> Vec<InterfaceId> {
        self.ip.interfaces.iter().map(|i| i.id).collect()
    }

    /// Gives up datagrams whose fragments did not come in time (RFC 1122 §3.3.2, RFC 8200 §4.5).
    fn fragments_timeout(&mut self, now: Instant) {
        while let Some(first) = self.ip.reassembly.expire(now, &mut self.ip.budget) {
            self.ip.counters.ip_reasm_fails += 1;
            match first {
                Some(first) => {
                    self.ip.drop(now, Drop::FragmentTimeout, &first);
                    self.ip.send_error(now, ErrorKind::ReassemblyTimeExceeded, &first);
                }
                None => self.ip.counters.count(Drop::FragmentTimeout),
            }
        }
    }

    /// Lets frames to ourselves go round.
    #[inline]
    fn turn_local(&mut self, now: Instant) {
        if !self.ip.local.is_empty() {
            self.turn_local_batch(now);
        }
    }

    fn turn_local_batch(&mut self, now: Instant) {
        for _ in 0..LOCAL_BATCH {
            let Some(frame) = self.ip.local.pop_front() else { return };
            self.receive_local(now, frame);
        }
    }
}

impl Machine for Host {
    type Packet = (InterfaceId, Frame);
    type Transmit = (InterfaceId, Frame);
    type Event = HostEvent;

    fn handle_packet(&mut self, now: Instant, (interface, frame): (InterfaceId, Frame)) {
        let frame = if self.journal.is_some() { self.note_arrival(now, interface, frame) } else { frame };
        self.receive(now, interface, frame);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.note(|| Input::HandleTimeout(now));
        self.turn_local(now);
        self.ip.duplicates(now);
        self.neighbours_timeout(now);
        self.ip.routers_timeout(now);
        self.autoconf_timeout(now);
        self.fragments_timeout(now);
        while let Some(dst) = self.ip.path_mtus.expire(now) {
            self.path_mtu_changed(now, dst);
        }
        self.multicast.handle_timeout(&mut self.ip, now);
        self.tcp.handle_timeout(&mut self.ip, now);
        self.udp.handle_timeout(&mut self.ip, now);
        self.echo.handle_timeout(&mut self.ip, now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<(InterfaceId, Frame)> {
        self.note(|| Input::PollTransmit(now));
        self.turn_local(now);
        while self.ip.out.is_empty() && self.ip.local.is_empty() {
            if !self.tcp.poll_transmit(&mut self.ip, now) {
                break;
            }
            self.turn_local(now);
        }
        if self.ip.out.is_empty() {
            // Sockets that found the queue full are told of room.
            self.udp.queue_emptied();
        }
        let Outgoing { interface, next_hop, mut frame, why } = self.ip.out.pop_front()?;
        self.ip.out_octets = self.ip.out_octets.saturating_sub(frame.len());
        frame.id = self.ip.next_frame;
        self.ip.next_frame += 1;
        self.ip.sent(now, interface, next_hop, &frame, why);
        self.note_sent(now, interface, &frame);
        Some((interface, frame))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if !self.ip.local.is_empty() {
            return Some(Instant::ZERO);
        }
        // FAR stands for never here: a minimum of eleven is found without a branch.
        let at = |due: Option<Instant>| due.unwrap_or(Instant::FAR);
        let below = at(self.ip.duplicate_timeout())
            .min(at(self.ip.interfaces.iter().filter_map(|i| i.neighbours.poll_timeout()).min()))
            .min(at(self.ip.routers.poll_timeout()))
            .min(at(self.ip.autoconf.poll_timeout()))
            .min(at(self.ip.reassembly.poll_timeout()))
            .min(at(self.ip.path_mtus.poll_timeout()));
        let due = below
            .min(at(self.multicast.poll_timeout()))
            .min(at(self.tcp.poll_timeout()))
            .min(at(self.udp.poll_timeout()))
            .min(at(self.echo.poll_timeout()));
        (due != Instant::FAR).then_some(due)
    }

    fn poll_event(&mut self) -> Option<HostEvent> {
        self.note(|| Input::PollEvent(1));
        (self.ip.events.pop_front())
            .or_else(|| self.tcp.poll_event())
            .or_else(|| self.udp.poll_event())
            .or_else(|| self.echo.poll_event())
    }
}
