//! Packets in, packets out: the IP layer tried against its RFCs, octet by octet.

mod floods;
mod rfc1191;
mod rfc4443;
mod rfc4861;
mod rfc4862;
mod rfc791;
mod rfc792;
mod rfc8200;
mod rfc826;
mod trains;

use crate::{Drop, Host, HostConfig, InterfaceConfig, InterfaceId, MacAddr, Medium, UdpBind, UdpId};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Duration, Instant, Machine};
use wire::ethernet::{self, EtherType};
use wire::{Frame, Head, Payload, Protocol, icmpv4, icmpv6, ipv4, ipv6, ndp, udp};

/// Us, on both media.
pub(crate) const US: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// A neighbour.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
/// Somebody behind the router.
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 254);
pub(crate) const US6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
pub(crate) const PEER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
pub(crate) const FAR6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 7);
pub(crate) const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 9]);

/// A host on one link, and its clock.
pub(crate) struct Bench {
    pub(crate) host: Host,
    pub(crate) id: InterfaceId,
    pub(crate) now: Instant,
    ethernet: bool,
}

impl Bench {
    /// On a link without link headers.
    pub(crate) fn ip() -> Self {
        Self::with(HostConfig::default(), InterfaceConfig::new("ip", Medium::Ip))
    }

    /// On an Ethernet; its addresses need no probing.
    pub(crate) fn ethernet() -> Self {
        let mut config = InterfaceConfig::new("eth", Medium::Ethernet(MAC));
        config.duplicate_detection = false;
        Self::with(HostConfig::default(), config)
    }

    pub(crate) fn with(config: HostConfig, interface: InterfaceConfig) -> Self {
        let mut host = Host::new(config, [7; 32]).unwrap();
        let now = Instant::from_secs(1000);
        let ethernet = interface.medium != Medium::Ip;
        let mut interface = interface.address("192.0.2.1/24".parse().unwrap());
        if interface.mtu >= 1280 {
            interface = interface.address("2001:db8::1/64".parse().unwrap());
        }
        let id = host.add_interface(now, interface).unwrap();
        let mut bench = Self { host, id, now, ethernet };
        if !ethernet || !bench.host.ip.interface(id).unwrap().duplicate_detection {
            bench.sent();
            bench.wait(Duration::from_secs(10)); // Reports about groups are said twice.
        }
        bench
    }

    /// Gives the host a packet, or on Ethernet a frame.
    pub(crate) fn give(&mut self, packet: &[u8]) {
        let frame = Frame::received(Bytes::copy_from_slice(packet), packet.len(), self.now);
        self.host.handle_packet(self.now, (self.id, frame));
    }

    /// All that goes out now. Every packet's checksums are right, or this fails.
    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while let Some((id, frame)) = self.host.poll_transmit(self.now) {
            assert_eq!(id, self.id);
            let octets = frame.to_vec();
            if self.ethernet {
                let view = ethernet::View::new(&octets).unwrap();
                if view.ethertype() != EtherType::ARP {
                    sound(view.payload());
                }
            } else {
                sound(&octets);
            }
            all.push(octets);
        }
        all
    }

    /// What the host answers to `packet`.
    pub(crate) fn answer(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        self.give(packet);
        self.sent()
    }

    /// Lets time pass, timer by timer; what goes out, and when.
    pub(crate) fn wait(&mut self, time: Duration) -> Vec<(Duration, Vec<u8>)> {
        let (start, end) = (self.now, self.now + time);
        let mut all = Vec::new();
        loop {
            let next = self.host.poll_timeout().unwrap_or(Instant::FAR).max(self.now);
            if next > end {
                break;
            }
            self.now = next;
            self.host.handle_timeout(self.now);
            let at = self.now.since(start);
            all.extend(self.sent().into_iter().map(|octets| (at, octets)));
            if self.host.poll_timeout().is_some_and(|due| due <= self.now) {
                self.host.handle_timeout(self.now);
            }
        }
        self.now = end;
        all
    }

    /// How many packets were dropped for `why`.
    pub(crate) fn dropped(&self, why: Drop) -> u64 {
        self.host.counters().dropped(why)
    }

    /// Drops a packet in silence, for this reason.
    #[track_caller]
    pub(crate) fn refuses(&mut self, packet: &[u8], why: Drop) {
        let before = self.dropped(why);
        assert_eq!(self.answer(packet), Vec::<Vec<u8>>::new(), "an answer");
        assert_eq!(self.dropped(why), before + 1, "{:?}", self.drops());
    }

    pub(crate) fn drops(&self) -> Vec<(Drop, u64)> {
        self.host.counters().drops().filter(|(_, count)| *count > 0).collect()
    }

    /// A socket at port 7 of all addresses.
    pub(crate) fn udp(&mut self) -> UdpId {
        self.host.udp_bind(UdpBind { port: 7, ..UdpBind::default() }).unwrap()
    }

    /// What a socket received.
    pub(crate) fn received(&mut self, id: UdpId) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| self.host.udp_receive(id)).map(|datagram| datagram.data.to_vec()).collect()
    }
}

/// Asserts that lengths and checksums of a packet are right.
pub(crate) fn sound(packet: &[u8]) {
    let (src, dst, protocol, payload): (IpAddr, IpAddr, _, _) = if packet[0] >> 4 == 4 {
        let view = ipv4::View::new(packet).unwrap();
        assert!(view.checksum_ok() && view.ttl() > 0);
        assert_eq!(usize::from(view.total_len()), packet.len());
        if view.is_fragment() {
            return;
        }
        (view.src().into(), view.dst().into(), view.protocol(), view.payload())
    } else {
        let view = ipv6::View::new(packet).unwrap();
        assert!(view.hop_limit() > 0);
        assert_eq!(usize::from(view.payload_len()) + 40, packet.len());
        let chain = view.walk().unwrap();
        if chain.fragment.is_some() {
            return;
        }
        (view.src().into(), view.dst().into(), chain.protocol, &packet[chain.offset..])
    };
    let right = match protocol {
        Protocol::ICMP | Protocol::IGMP => wire::checksum::sum(payload).verifies(),
        Protocol::UDP if payload[6..8] == [0, 0] => src.is_ipv4(),
        Protocol::TCP | Protocol::UDP | Protocol::ICMPV6 => {
            wire::checksum::verify(src, dst, protocol, &Payload::copy_of(payload))
        }
        _ => true,
    };
    assert!(right, "a wrong checksum: {packet:02x?}");
}

/// A header of IPv4 with a payload.
pub(crate) fn v4(repr: ipv4::Repr, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    repr.prepend_to(&mut head, payload.len()).unwrap();
    [head.as_slice(), payload].concat()
}

/// From `src` to `dst`.
pub(crate) fn v4_from(src: Ipv4Addr, dst: Ipv4Addr, protocol: Protocol, payload: &[u8]) -> Vec<u8> {
    v4(ipv4::Repr::new(src, dst, protocol), payload)
}

/// A header of IPv6 with a payload.
pub(crate) fn v6(repr: ipv6::Repr, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    repr.prepend_to(&mut head, payload.len()).unwrap();
    [head.as_slice(), payload].concat()
}

pub(crate) fn v6_from(src: Ipv6Addr, dst: Ipv6Addr, next: Protocol, payload: &[u8]) -> Vec<u8> {
    v6(ipv6::Repr::new(src, dst, next), payload)
}

/// A UDP datagram from port 9, checksum included.
pub(crate) fn udp_of(src: impl Into<IpAddr>, dst: impl Into<IpAddr>, port: u16, data: &[u8]) -> Vec<u8> {
    let body = Payload::copy_of(data);
    let mut head = Head::new();
    udp::Repr { src_port: 9, dst_port: port }.prepend_to(&mut head, data.len()).unwrap();
    udp::fill_checksum(&mut head, &body, src.into(), dst.into()).unwrap();
    [head.as_slice(), data].concat()
}

/// A UDP packet to us.
pub(crate) fn udp4(port: u16, data: &[u8]) -> Vec<u8> {
    v4_from(PEER, US, Protocol::UDP, &udp_of(PEER, US, port, data))
}

pub(crate) fn udp6(port: u16, data: &[u8]) -> Vec<u8> {
    v6_from(PEER6, US6, Protocol::UDP, &udp_of(PEER6, US6, port, data))
}

/// An echo request.
pub(crate) fn ping4(src: Ipv4Addr, dst: Ipv4Addr, data: &[u8]) -> Vec<u8> {
    let message = icmpv4::Repr::EchoRequest { identifier: 1, sequence: 2, data }.emit();
    v4_from(src, dst, Protocol::ICMP, &message)
}

pub(crate) fn ping6(src: Ipv6Addr, dst: Ipv6Addr, data: &[u8]) -> Vec<u8> {
    let message = icmpv6::Repr::EchoRequest { identifier: 1, sequence: 2, data }.emit(src, dst);
    v6_from(src, dst, Protocol::ICMPV6, &message)
}

/// The payload of the one packet that went out, and who sent it to whom.
#[track_caller]
pub(crate) fn one4(sent: &[Vec<u8>]) -> (Ipv4Addr, Ipv4Addr, &[u8]) {
    let [packet] = sent else { panic!("{} packets", sent.len()) };
    let view = ipv4::View::new(packet).unwrap();
    (view.src(), view.dst(), view.payload())
}

#[track_caller]
pub(crate) fn one6(sent: &[Vec<u8>]) -> (Ipv6Addr, Ipv6Addr, &[u8]) {
    let [packet] = sent else { panic!("{} packets", sent.len()) };
    let view = ipv6::View::new(packet).unwrap();
    (view.src(), view.dst(), view.payload())
}

/// A frame to us from the neighbour, or to whom `dst` says.
pub(crate) fn framed(dst: MacAddr, ethertype: EtherType, packet: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    ethernet::Repr { dst, src: PEER_MAC, ethertype, vlan: None }.prepend_to(&mut head).unwrap();
    [head.as_slice(), packet].concat()
}

/// A neighbour discovery message in its packet and frame.
pub(crate) fn ndp_frame(
    dst_mac: MacAddr,
    src: Ipv6Addr,
    dst: Ipv6Addr,
    hop_limit: u8,
    message: &ndp::Repr,
) -> Vec<u8> {
    let header = ipv6::Repr { hop_limit, ..ipv6::Repr::new(src, dst, Protocol::ICMPV6) };
    framed(dst_mac, EtherType::IPV6, &v6(header, &message.emit(src, dst)))
}
