//! One host of ours, its link, and the clock that both go by.
//!
//! ```text
//!   inject ─► Host ─► sent ─► take        the clock jumps to the host's next deadline, or to where it is told to go
//!              │
//!              └─► events, for sockets
//! ```

use crate::packetdrill::subject::{Refusal, Sent, Setup};
use env::{Duration, Instant, Machine as _};
use stack::{Cidr, Host, HostConfig, HostEvent, InterfaceConfig, InterfaceId, Medium, RouteEntry};
use std::collections::VecDeque;
use std::num::NonZeroU16;
use wire::{Frame, SegmentKind};

/// Deadlines that may fall due without the clock going on: more is a host that turns in place.
const TURNS: usize = 100_000;

/// The host and its clock. Instants outside count from [`Machine::start`].
pub(super) struct Machine {
    host: Host,
    interface: InterfaceId,
    start: Instant,
    now: Instant,
    sent: VecDeque<Sent>,
    events: Vec<HostEvent>,
}

impl Machine {
    /// A host with one link, as `setup` has it, whose own clock shows `start`.
    pub(super) fn new(
        setup: &Setup<'_>,
        config: HostConfig,
        seed: [u8; 32],
        start: Instant,
    ) -> Result<Self, Refusal> {
        let refused = |why: &dyn std::fmt::Display| Refusal::because(format!("the host can't be so: {why}"));
        let mut host = Host::new(config, seed).map_err(|why| refused(&why))?;
        let mut link = InterfaceConfig::new("tun0", Medium::Ip).mtu(setup.mtu);
        link.duplicate_detection = false;
        let own = Cidr::new(setup.local, setup.prefix);
        link.addresses.push(own.ok_or_else(|| Refusal::because("the prefix is longer than the address"))?);
        let interface = host.add_interface(start, link).map_err(|why| refused(&why))?;
        // Frames have no link addresses, and so no router has to be known: whoever is there takes them.
        let destination = if setup.remote.is_ipv4() { Cidr::ALL_V4 } else { Cidr::ALL_V6 };
        let route = RouteEntry { destination, gateway: None, interface, metric: 0 };
        host.add_route(route).map_err(|why| refused(&why))?;
        let mut machine =
            Self { host, interface, start, now: start, sent: VecDeque::new(), events: Vec::new() };
        machine.settle();
        // What a host says when it comes to a link (group memberships) is no script's business.
        machine.sent.clear();
        Ok(machine)
    }

    /// The clock, from zero on.
    pub(super) fn elapsed(&self) -> Instant {
        self.outside(self.now)
    }

    /// The host's own clock.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    fn outside(&self, at: Instant) -> Instant {
        Instant::ZERO + at.since(self.start)
    }

    /// The host's own clock when the other shows `at`.
    pub(super) fn inside(&self, at: Instant) -> Instant {
        self.start + at.since(Instant::ZERO)
    }

    /// The link.
    pub(super) fn interface(&self) -> InterfaceId {
        self.interface
    }

    /// To look.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// A call: what follows from it is sent at once.
    pub(super) fn call<R>(&mut self, call: impl FnOnce(&mut Host, Instant) -> R) -> R {
        let answer = call(&mut self.host, self.now);
        self.settle();
        answer
    }

    /// A packet arrives; or several that a device joined, each with so many octets.
    pub(super) fn inject(&mut self, packet: &[u8], segment: Option<NonZeroU16>) {
        let held = cost(packet.len());
        let mut frame = Frame::received(packet.to_vec().into(), held, self.now);
        if segment.is_some() {
            let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
            frame.offload.segment_size = segment;
            frame.offload.segment_kind = Some(if v6 { SegmentKind::Tcp6 } else { SegmentKind::Tcp4 });
        }
        self.host.handle_packet(self.now, (self.interface, frame));
        self.settle();
    }

    /// The oldest packet that nobody took.
    pub(super) fn take(&mut self) -> Option<Sent> {
        self.sent.pop_front()
    }

    /// What the host has told since it was asked last.
    pub(super) fn take_events(&mut self) -> Vec<HostEvent> {
        std::mem::take(&mut self.events)
    }

    /// The clock goes on to the host's next deadline, if that comes no later than `until` on the host's clock, else to
    /// `until`.
    pub(super) fn step(&mut self, until: Instant) {
        let Some(due) = self.host.poll_timeout().filter(|due| *due <= until) else {
            self.now = self.now.max(until);
            return;
        };
        self.now = self.now.max(due);
        for _ in 0..TURNS {
            self.host.handle_timeout(self.now);
            self.settle();
            if self.host.poll_timeout().is_none_or(|due| due > self.now) {
                return;
            }
        }
        // Time goes on whatever the host thinks: a player bounds its own steps.
        self.now += Duration::from_micros(1);
    }

    /// Takes all that the host wants to send and to tell.
    fn settle(&mut self) {
        let at = self.outside(self.now);
        while let Some((interface, frame)) = self.host.poll_transmit(self.now) {
            if interface == self.interface {
                self.sent.push_back(Sent { at, packet: frame.to_vec() });
            }
        }
        while let Some(event) = self.host.poll_event() {
            self.events.push(event);
        }
    }
}

/// What a packet of so many octets costs a kernel whose TUN device received it, as Linux 6.18 says by SO_MEMINFO: its head in a block
/// of a power of two beside what is known of it, up to 8 KiB; what has no room there in pages.
fn cost(octets: usize) -> usize {
    const ABOUT: usize = 256;
    const BESIDE: usize = 384;
    const LEAST: usize = 576;
    const MOST: usize = 8_192;
    const PAGE: usize = 4_096;
    match octets + BESIDE {
        least if least <= LEAST => LEAST + ABOUT,
        head if head <= MOST => head.next_power_of_two() + ABOUT,
        beyond => MOST + (beyond - MOST).div_ceil(PAGE) * PAGE + ABOUT,
    }
}
