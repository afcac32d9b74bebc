//! Packets on their way out and in.

use super::host::within_cwnd;
use super::{Checks, Found};
use crate::HostId;
use stack::Host;
use std::net::{IpAddr, SocketAddr};
use wire::{Medium, Mss, Protocol, icmpv4, icmpv6, ipv4, ipv6, tcp, udp};

/// An IP packet's outer shape.
struct Packet<'a> {
    src: IpAddr,
    dst: IpAddr,
    protocol: Protocol,
    /// The transport header and what follows; `None` on a fragment.
    transport: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    fn read(ip: &'a [u8]) -> Result<Self, String> {
        let first = ip.first().ok_or("an empty packet")?;
        if first >> 4 == 4 {
            let view = ipv4::View::new(ip).map_err(|why| format!("IPv4: {why:?}"))?;
            if !view.checksum_ok() {
                return Err("a wrong IPv4 header checksum".into());
            }
            let transport = (!view.is_fragment()).then(|| view.payload());
            return Ok(Self {
                src: view.src().into(),
                dst: view.dst().into(),
                protocol: view.protocol(),
                transport,
            });
        }
        let view = ipv6::View::new(ip).map_err(|why| format!("IPv6: {why:?}"))?;
        let chain = view.walk().map_err(|why| format!("IPv6: {why:?}"))?;
        let whole = chain.fragment.is_none_or(|fragment| fragment.is_atomic());
        Ok(Self {
            src: view.src().into(),
            dst: view.dst().into(),
            protocol: chain.protocol,
            transport: whole.then(|| ip.get(chain.offset..).unwrap_or(&[])),
        })
    }

    /// Whether the transport's checksum is right; protocols without one are.
    fn checksum_ok(&self, transport: &[u8]) -> bool {
        match (self.protocol, self.src, self.dst) {
            (Protocol::TCP, src, dst) => {
                tcp::View::new(transport).is_ok_and(|view| view.checksum_ok(src, dst))
            }
            (Protocol::UDP, src, dst) => {
                udp::View::new(transport).is_ok_and(|view| view.checksum_ok(src, dst))
            }
            (Protocol::ICMP, ..) => icmpv4::View::new(transport).is_ok_and(|view| view.checksum_ok()),
            (Protocol::ICMPV6, IpAddr::V6(src), IpAddr::V6(dst)) => {
                icmpv6::View::new(transport).is_ok_and(|view| view.checksum_ok(src, dst))
            }
            _ => true,
        }
    }
}

impl Checks {
    /// A packet leaves `host` through an interface of `mtu`; `ip` is its IP part.
    #[allow(clippy::too_many_arguments, reason = "the packet as the world sees it, once")]
    pub(crate) fn departs(
        &mut self,
        host: HostId,
        state: &Host,
        mtu: usize,
        medium: Medium,
        frame: &[u8],
        ip: &[u8],
    ) -> Found {
        if !self.on {
            return None;
        }
        self.packets += 1;
        if medium == Medium::Ethernet {
            self.waiting.insert(host);
        }
        if medium == Medium::Ethernet && frame.get(12..14) == Some(&[0x08, 0x06]) {
            return None; // ARP
        }
        let packet = match Packet::read(ip) {
            Ok(packet) => packet,
            Err(why) => return Some(("every packet sent is well formed", format!("{host} sent {why}"))),
        };
        if ip.len() > mtu {
            let detail = format!("{host} sent {} octets through an MTU of {mtu}", ip.len());
            return Some(("no packet is larger than the interface's MTU", detail));
        }
        let transport = packet.transport?;
        if !packet.checksum_ok(transport) {
            let detail = format!("{host} sent {:?} to {} with a wrong one", packet.protocol, packet.dst);
            return Some(("every checksum sent is right", detail)); // RFC 9293 MUST-2
        }
        if packet.protocol != Protocol::TCP {
            return None;
        }
        let view = tcp::View::new(transport).ok()?;
        self.segments += 1;
        let mut waits = medium == Medium::Ethernet;
        if !view.payload().is_empty()
            && let Ok(route) = state.route(packet.dst, Some(packet.src))
        {
            let path = usize::from(route.path_mtu);
            if ip.len() > path {
                let detail = format!("{host} sent {} octets, the path takes {path}", ip.len());
                return Some(("no segment is larger than the path's MTU", detail));
            }
            waits |= path < mtu;
        }
        let local = SocketAddr::new(packet.src, view.src_port());
        let remote = SocketAddr::new(packet.dst, view.dst_port());
        let default = if packet.src.is_ipv4() { Mss::DEFAULT_V4 } else { Mss::DEFAULT_V6 };
        if self.reborn && view.flags().contains(tcp::Flags::RST) {
            self.flows.entry((host, local, remote)).or_default().reset();
            return None;
        }
        let flow = self.flows.entry((host, local, remote)).or_default();
        flow.reborn = self.reborn;
        let before = flow.highest();
        let mut found = flow.departs(&view, default, waits);
        if found.is_none() && !view.payload().is_empty() && flow.highest() > before {
            // New data: its connection is there, and knows how much is out.
            let ends = Some((local, remote));
            let connection = match flow.connection.filter(|&known| state.tcp_addrs(known) == ends) {
                Some(known) => Some(known),
                None => state.tcp_connections().find(|&one| state.tcp_addrs(one) == ends),
            };
            flow.connection = connection;
            let status = connection.and_then(|connection| state.tcp_status(connection));
            found = status
                .and_then(|status| within_cwnd(&status).err())
                .map(|detail| ("no more is in flight than the congestion window allows", detail));
        }
        found.map(|(rule, detail)| (rule, format!("{host}, {local} to {remote}: {detail}")))
    }

    /// A packet comes to `host`; what is broken is none of its concern, for it must drop that.
    pub(crate) fn arrives(&mut self, host: HostId, ip: &[u8]) {
        if !self.on {
            return;
        }
        let Ok(packet) = Packet::read(ip) else { return };
        let Some(transport) = packet.transport.filter(|_| packet.protocol == Protocol::TCP) else { return };
        let Ok(view) = tcp::View::new(transport) else { return };
        if packet.checksum_ok(transport) {
            let local = SocketAddr::new(packet.dst, view.dst_port());
            let remote = SocketAddr::new(packet.src, view.src_port());
            if self.reborn && view.flags().contains(tcp::Flags::RST) {
                self.flows.entry((host, local, remote)).or_default().reset();
            } else {
                self.flows.entry((host, local, remote)).or_default().arrives(&view);
            }
        }
    }
}
