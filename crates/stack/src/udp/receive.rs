//! A datagram arrives: is it whole, is it sound, and whose is it (RFC 768, RFC 1122 §4.1.3).
//!
//! From a source that nobody can have, none comes this far: the IP layer drops it (1122U-13).

use super::socket::{READABLE, count};
use super::table::End;
use super::{Udp, UdpDatagram, implicit_group};
use crate::{Cast, Delivered, Drop, ErrorKind, InterfaceId, Ip};
use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr, SocketAddrV6};
use env::Instant;
use wire::{Checksum, Protocol, checksum, ipv4, udp};

/// What is known of a datagram once its header was read.
struct Arrived {
    local: End,
    remote: End,
    /// The sender made a checksum, or none was needed.
    summed: bool,
    /// Octets of data that the length field grants.
    len: usize,
}

impl Arrived {
    /// What the user gets. A small datagram in a large buffer is copied here, so only once somebody wants it.
    fn datagram(&self, packet: &Delivered) -> UdpDatagram {
        let mut data = packet.payload.clone();
        data.truncate(udp::HEADER_LEN + self.len); // RFC 768 768-4: what follows the length is not data.
        data.advance(udp::HEADER_LEN);
        // RFC 768 768-8; RFC 1122 1122U-10, 1122U-17: what the IP header said goes up with it.
        UdpDatagram {
            from: scoped(self.remote, packet.interface),
            to: scoped(self.local, packet.interface),
            ttl: packet.ttl,
            dscp: packet.dscp,
            ecn: packet.ecn,
            interface: packet.interface,
            arrived: packet.arrived,
            ip_options: options(packet),
            data: data.compact(),
            segment_size: packet.segment_size,
        }
    }
}

impl Udp {
    /// Takes a packet whose payload is a UDP datagram, or a train of them.
    pub(crate) fn handle_packet(&mut self, ip: &mut Ip, now: Instant, packet: Delivered) {
        let packets = count(packet.payload.len().saturating_sub(udp::HEADER_LEN), packet.segment_size);
        if let Err(why) = self.sort(ip, now, &packet) {
            match why {
                Drop::UdpNoListener => ip.counters.udp_no_ports += packets,
                _ => ip.counters.udp_in_errors += packets,
            }
            ip.drop(now, why, &packet);
        }
    }

    fn sort(&mut self, ip: &mut Ip, now: Instant, packet: &Delivered) -> Result<(), Drop> {
        let arrived = read(ip, packet)?;
        if packet.cast != Cast::Unicast {
            return self.spread(ip, arrived.datagram(packet), packet.cast, arrived.summed);
        }
        let Some(index) = self.table.most_specific(arrived.local, arrived.remote) else {
            if !arrived.summed && packet.dst.is_ipv6() {
                return Err(Drop::UdpNoChecksum); // RFC 6935 §5, 6935-2: dropped, and not answered.
            }
            // RFC 1122 §4.1.3.1, 1122U-1; RFC 4443 §3.1, 4443-10. Whether it may be answered at all is for the ICMP
            // layer to say.
            ip.send_error(now, ErrorKind::PortUnreachable, packet);
            return Err(Drop::UdpNoListener);
        };
        self.deliver(ip, index, arrived.datagram(packet), arrived.summed)
    }

    /// Gives a broadcast or a group's datagram to every socket that it is for. An error only when nobody took it.
    pub(super) fn spread(
        &mut self,
        ip: &mut Ip,
        datagram: UdpDatagram,
        cast: Cast,
        summed: bool,
    ) -> Result<(), Drop> {
        let (local, remote) = (end(datagram.to), end(datagram.from));
        let mut receivers = core::mem::take(&mut self.receivers);
        receivers.clear();
        let joined = |index: &u32| {
            cast != Cast::Multicast
                || implicit_group(local.0)
                || self
                    .sockets
                    .get(*index as usize)
                    .is_some_and(|socket| socket.groups.contains(&(datagram.interface, local.0)))
        };
        receivers.extend(self.table.all(local, remote).filter(joined));
        let mut outcome = Err(Drop::UdpNoListener);
        for &index in &receivers {
            let taken = self.deliver(ip, index, datagram.clone(), summed);
            if outcome.is_err() {
                outcome = taken;
            }
        }
        self.receivers = receivers;
        outcome
    }

    fn deliver(&mut self, ip: &mut Ip, index: u32, datagram: UdpDatagram, summed: bool) -> Result<(), Drop> {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return Err(Drop::UdpNoListener) };
        let accepts_unsummed = match datagram.to {
            SocketAddr::V4(_) => !socket.options.require_checksum, // RFC 1122 1122U-9
            SocketAddr::V6(_) => socket.options.zero_checksum_v6,  // RFC 6935 6935-2, 6935-3
        };
        let datagrams = datagram.datagrams();
        if !summed && !accepts_unsummed {
            socket.counters.no_checksum += datagrams;
            return Err(Drop::UdpNoChecksum);
        }
        socket.deliver(&mut ip.budget, datagram)?;
        ip.counters.udp_in_datagrams += datagrams;
        self.tell(index, READABLE);
        Ok(())
    }
}

/// Reads the header and checks the sum.
fn read(ip: &mut Ip, packet: &Delivered) -> Result<Arrived, Drop> {
    let mut header = [0; udp::HEADER_LEN];
    if packet.payload.copy_to(&mut header) < udp::HEADER_LEN {
        return Err(Drop::UdpMalformed);
    }
    let [s0, s1, d0, d1, l0, l1, c0, c1] = header;
    // A train's length field counts whatever its device likes; its packets were cut from one whole.
    let length = match packet.segment_size {
        Some(_) => packet.payload.len(),
        None => usize::from(u16::from_be_bytes([l0, l1])),
    };
    // RFC 768 768-3
    if length < udp::HEADER_LEN || length > packet.payload.len() {
        return Err(Drop::UdpMalformed);
    }
    let mut summed = true;
    if packet.checksum == Checksum::InPacket {
        summed = [c0, c1] != [0, 0]; // RFC 768 768-6: zero says that none was made.
        let mut datagram = packet.payload.clone();
        datagram.truncate(length);
        let sum = checksum::pseudo_header(packet.src, packet.dst, Protocol::UDP, length as u32);
        if summed && !ip.judge(|| sum.with_payload(&datagram).verifies()) {
            return Err(Drop::UdpChecksum); // RFC 768 768-5; RFC 1122 1122U-5, 1122U-8: silently.
        }
    }
    let (src_port, dst_port) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let len = length - udp::HEADER_LEN;
    Ok(Arrived { local: (packet.dst, dst_port), remote: (packet.src, src_port), summed, len })
}

/// The IPv4 options that came with it, if any (RFC 1122 §4.1.3.2, 1122U-2).
fn options(packet: &Delivered) -> Option<Box<ipv4::Options>> {
    if packet.src.is_ipv6() {
        return None;
    }
    let octets = packet.options();
    if octets.is_empty() { None } else { ipv4::Options::new(octets).map(Box::new) }
}

/// An end as users see it: a link-local address means nothing without its interface (RFC 4007 §6).
pub(super) fn scoped((address, port): End, interface: InterfaceId) -> SocketAddr {
    match address {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            SocketAddrV6::new(v6, port, 0, interface.index()).into()
        }
        _ => SocketAddr::new(address, port),
    }
}

pub(super) fn end(address: SocketAddr) -> End {
    (address.ip(), address.port())
}
