//! What a step does: links and hosts are turned, and everything that they say is taken.

use super::node::RING;
use super::{End, Happened, HostId, LinkId, Source, World};
use crate::check::Violation;
use crate::forge;
use bytes::Bytes;
use device::impair::LinkEvent;
use device::{Capabilities, finish, ip_offset};
use env::{Instant, Machine as _};
use stack::{InterfaceConfig, InterfaceId, Medium};
use std::collections::BTreeSet;
use wire::{Frame, ethernet};

impl World {
    /// Records what does not hold; the first stays.
    pub(crate) fn violate(&mut self, rule: &'static str, detail: String) -> Violation {
        let violation = Violation::new(self.seed, self.now, rule, detail);
        self.violation.get_or_insert(violation).clone()
    }

    pub(super) fn reschedule_link(&mut self, way: usize) {
        let next = self.ways[way].link.poll_timeout();
        reschedule(&mut self.due, &mut self.link_due[way], next, Source::Link(way));
    }

    pub(super) fn reschedule_host(&mut self, host: usize) {
        let node = &self.nodes[host];
        let next = node.paused.or_else(|| node.host.poll_timeout()).map(|at| at.max(self.now));
        reschedule(&mut self.due, &mut self.host_due[host], next, Source::Host(host));
    }

    /// A host's deadline has come, or its pause is over.
    pub(super) fn wake(&mut self, host: usize) {
        let now = self.now;
        let node = &mut self.nodes[host];
        if node.paused.is_some_and(|until| until <= now) {
            node.paused = None;
            for (interface, frame) in std::mem::take(&mut node.ring) {
                self.arrive(host, interface, frame);
            }
        }
        self.nodes[host].host.handle_timeout(now);
        self.turn(HostId(host));
    }

    /// Takes everything that a host has to say.
    pub(super) fn turn(&mut self, host: HostId) {
        let now = self.now;
        if let Some(reflex) = self.nodes[host.0].reflex.clone() {
            reflex(&mut self.nodes[host.0].host, now);
        }
        while let Some((interface, frame)) = self.nodes[host.0].host.poll_transmit(now) {
            self.depart(host.0, interface, frame);
        }
        if self.log.is_some() {
            while let Some(packet) = self.nodes[host.0].host.poll_looped() {
                if self.capture {
                    self.note(now, || Happened::Left(host, InterfaceId::LOOPBACK, packet));
                }
            }
            while let Some(trace) = self.nodes[host.0].host.poll_trace() {
                self.note(now, || Happened::Host(host, trace));
            }
        }
        if let Some((rule, detail)) = self.checks.host(host, &self.nodes[host.0].host) {
            self.violate(rule, detail);
        }
        self.reschedule_host(host.0);
    }

    /// A host sends a frame: checks each of its packets, then puts it on the link.
    pub(super) fn depart(&mut self, host: usize, interface: InterfaceId, frame: Frame) {
        let Some(attachment) = self.nodes[host].attachment(interface) else { return };
        let (link, mtu) = (attachment.link, usize::from(attachment.config.mtu));
        let medium = medium(&attachment.config);
        let alone = Capabilities { medium, mtu: usize::MAX, ..Capabilities::default() };
        let mut packets = Vec::new();
        let whole = finish(frame.clone(), &alone, &mut |packet| packets.push(packet.contiguous()));
        if !whole {
            self.violate("every frame is well formed", format!("{frame:?}"));
        }
        for packet in packets {
            self.digest = fnv(fnv(self.digest, &self.now.as_nanos().to_be_bytes()), &packet);
            let ip = &packet[ip_offset(medium, &packet).unwrap_or(0).min(packet.len())..];
            let found = self.checks.departs(HostId(host), &self.nodes[host].host, mtu, medium, &packet, ip);
            if let Some((rule, detail)) = found {
                self.violate(rule, detail);
            }
            if self.ways[link.0].route_errors
                && let Some(mtu) = self.ways[link.0].link.profile().mtu
                && ip.len() > mtu
                && let Some(mut error) = forge::too_big(ip, mtu)
                && (medium == wire::Medium::Ip || forge::answer_on_ethernet(&mut error, &packet))
            {
                self.offer(link.back().0, error);
            }
            if self.capture {
                self.note(self.now, || Happened::Left(HostId(host), interface, packet));
            }
        }
        self.offer(link.0, frame);
    }

    pub(super) fn offer(&mut self, way: usize, frame: Frame) {
        let mut told = Vec::new();
        self.ways[way].link.offer(self.now, frame, &mut |event| told.push(event));
        self.tell(way, told);
        self.reschedule_link(way);
    }

    pub(super) fn tell(&mut self, way: usize, told: Vec<LinkEvent>) {
        for event in told {
            self.note(event.at, || Happened::Link(LinkId(way), event));
        }
    }

    /// Takes what has arrived at the end of one direction.
    pub(super) fn turn_link(&mut self, way: usize) -> Option<HostId> {
        let mut touched = None;
        loop {
            let mut told = Vec::new();
            let frame = self.ways[way].link.poll(self.now, &mut |event| told.push(event));
            self.tell(way, told);
            let Some(frame) = frame else { break };
            match self.ways[way].to {
                End::Host(host, interface) => {
                    self.arrive(host, interface, frame);
                    touched = Some(HostId(host));
                }
                End::Switch(switch) => self.forward(switch, way, frame),
            }
        }
        self.reschedule_link(way);
        touched
    }

    /// A frame comes to a host.
    pub(super) fn arrive(&mut self, host: usize, interface: InterfaceId, frame: Frame) {
        let node = &mut self.nodes[host];
        if node.paused.is_some() {
            if node.ring.len() < RING {
                node.ring.push_back((interface, frame));
            }
            return;
        }
        let Some(attachment) = node.attachment(interface) else { return };
        let medium = medium(&attachment.config);
        let packet: Bytes = frame.contiguous();
        self.checks
            .arrives(HostId(host), &packet[ip_offset(medium, &packet).unwrap_or(0).min(packet.len())..]);
        if self.capture {
            self.note(self.now, || Happened::Came(HostId(host), interface, packet));
        }
        self.nodes[host].host.handle_packet(self.now, (interface, frame));
        self.turn(HostId(host));
    }

    /// A frame comes to a switch from the port at the far end of `way`.
    pub(super) fn forward(&mut self, switch: usize, way: usize, frame: Frame) {
        let octets = frame.contiguous();
        let Ok(view) = ethernet::View::new(&octets) else { return };
        let (from, to) = (LinkId(way).back().0, view.dst());
        let switch = &mut self.switches[switch];
        if view.src().is_unicast() {
            switch.learned.insert(view.src().octets(), from);
        }
        let known = if to.is_unicast() { switch.learned.get(&to.octets()).copied() } else { None };
        let ports = known.map_or_else(|| switch.ports.clone(), |port| vec![port]);
        for port in ports.into_iter().filter(|&port| port != from) {
            self.offer(port, Frame { arrived: Instant::ZERO, ..frame.clone() });
        }
    }
}

pub(super) fn medium(config: &InterfaceConfig) -> wire::Medium {
    match config.medium {
        Medium::Ip => wire::Medium::Ip,
        Medium::Ethernet(_) => wire::Medium::Ethernet,
    }
}

fn reschedule(
    due: &mut BTreeSet<(Instant, Source)>,
    stands: &mut Option<Instant>,
    next: Option<Instant>,
    source: Source,
) {
    if *stands == next {
        return;
    }
    if let Some(old) = stands.take() {
        due.remove(&(old, source));
    }
    if let Some(at) = next {
        due.insert((at, source));
    }
    *stands = next;
}

/// FNV-1a, eight octets at a time: it tells runs apart, and defends against nobody.
fn fnv(mut hash: u64, octets: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let words = octets.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash ^ word).wrapping_mul(PRIME).rotate_left(29);
    }
    rest.iter().fold(hash ^ octets.len() as u64, |hash, &octet| (hash ^ u64::from(octet)).wrapping_mul(PRIME))
}
