//! ICMP messages that arrive.

use crate::path_mtu::PathMtus;
use crate::{Cast, Datagram, Delivered, Drop, ErrorKind, Host, IcmpError};
use bytes::Bytes;
use core::net::IpAddr;
use env::Instant;
use wire::ethernet::MacAddr;
use wire::icmpv4::{self, TimeExceeded};
use wire::{Checksum, Malformed, Protocol, Quoted, icmpv6, mld, ndp};

/// Octets of a quoted transport header that a transport may look at: the longest one.
const QUOTED: usize = 60;

impl Host {
    pub(crate) fn receive_icmpv4(&mut self, now: Instant, packet: Delivered) {
        let message = packet.payload.contiguous();
        let Ok(view) = icmpv4::View::new(&message) else {
            return self.ip.drop(now, Drop::IcmpMalformed, &packet);
        };
        self.ip.counters.icmp_in_msgs += 1;
        // RFC 792 792-12
        if packet.checksum != Checksum::Verified && !self.ip.judge(|| view.checksum_ok()) {
            return self.ip.drop(now, Drop::IcmpChecksum, &packet);
        }
        use icmpv4::Unreachable as Code;
        let counters = &mut self.ip.counters;
        let mut disrupted = false; // RFC 6069 §4.1
        let (kind, quoted) = match view.repr() {
            icmpv4::Repr::EchoRequest { .. } => {
                counters.icmp_in_echos += 1;
                return self.answer_echo(now, 0, &packet);
            }
            icmpv4::Repr::EchoReply { .. } => {
                // RFC 792 792-10
                counters.icmp_in_echo_reps += 1;
                return self.echo.handle_packet(&mut self.ip, now, packet);
            }
            icmpv4::Repr::DestinationUnreachable { code, quoted } => {
                counters.icmp_in_dest_unreachs += 1;
                let kind = match code {
                    Code::FragmentationNeeded { mtu } => {
                        counters.icmp_in_too_bigs += 1;
                        ErrorKind::TooBig { mtu: mtu.into() }
                    }
                    Code::Net | Code::NetUnknown | Code::NetTos => ErrorKind::NetworkUnreachable,
                    Code::Host | Code::HostUnknown | Code::HostTos => ErrorKind::HostUnreachable,
                    Code::Protocol => ErrorKind::ProtocolUnreachable,
                    Code::Port => ErrorKind::PortUnreachable,
                    Code::SourceRouteFailed => ErrorKind::SourceRouteFailed,
                    Code::NetProhibited | Code::HostProhibited | Code::Prohibited => ErrorKind::Prohibited,
                    other => ErrorKind::Unreachable(other.code()),
                };
                disrupted = matches!(code, Code::Net | Code::Host);
                (kind, quoted)
            }
            icmpv4::Repr::TimeExceeded { code, quoted } => {
                counters.icmp_in_time_excds += 1;
                (time_exceeded(code), quoted)
            }
            icmpv4::Repr::ParameterProblem { code, pointer, quoted } => {
                counters.icmp_in_parm_probs += 1;
                (ErrorKind::ParameterProblem { code, pointer: pointer.into() }, quoted)
            }
            icmpv4::Repr::Redirect { gateway, quoted, .. } => {
                let quoted = Quoted::v4(quoted);
                return self.redirected(now, &packet, gateway.into(), quoted.map(|q| (q.src, q.dst)));
            }
            // RFC 6633 6633-2, RFC 9293 MUST-55: it changes nothing.
            icmpv4::Repr::SourceQuench { .. } => {
                return self.ip.drop(now, Drop::SourceQuench, &packet);
            }
            // Address masks are asked of whoever has authority for them (RFC 792 792-1, 792-11).
            icmpv4::Repr::Unknown { .. } => return self.ip.drop(now, Drop::IcmpUnknown, &packet),
        };
        let quoted = Quoted::v4(quoted);
        self.hear_error(now, &packet, (kind, disrupted), quoted);
    }

    pub(crate) fn receive_icmpv6(
        &mut self,
        now: Instant,
        link_src: Option<MacAddr>,
        fragmented: bool,
        packet: Delivered,
    ) {
        let message = packet.payload.contiguous();
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (packet.src, packet.dst) else { return };
        let Ok(view) = icmpv6::View::new(&message) else {
            return self.ip.drop(now, Drop::IcmpMalformed, &packet);
        };
        self.ip.counters.icmp_in_msgs += 1;
        // RFC 4443 4443-3
        if packet.checksum != Checksum::Verified && !self.ip.judge(|| view.checksum_ok(src, dst)) {
            return self.ip.drop(now, Drop::IcmpChecksum, &packet);
        }
        if let Ok(discovery) = ndp::View::new(&message) {
            return match discovery.repr() {
                // RFC 6980 6980-2: in pieces it would pass by those who guard the link.
                Ok(repr) if !fragmented && repr.check(packet.ttl, src, dst).is_ok() => {
                    self.receive_ndp(now, link_src, &packet, repr);
                }
                _ => self.ip.drop(now, Drop::NdpInvalid, &packet),
            };
        }
        if !matches!(mld::View::new(&message), Err(Malformed::Unsupported | Malformed::TooShort)) {
            return self.multicast.handle_packet(&mut self.ip, now, packet);
        }
        use icmpv6::Unreachable as Code;
        let counters = &mut self.ip.counters;
        let mut disrupted = false; // RFC 6069 §4.1
        let (kind, quoted) = match view.repr() {
            icmpv6::Repr::EchoRequest { .. } => {
                counters.icmp_in_echos += 1;
                return self.answer_echo(now, 129, &packet);
            }
            icmpv6::Repr::EchoReply { .. } => {
                counters.icmp_in_echo_reps += 1;
                return self.echo.handle_packet(&mut self.ip, now, packet);
            }
            icmpv6::Repr::DestinationUnreachable { code, quoted } => {
                counters.icmp_in_dest_unreachs += 1;
                let kind = match code {
                    Code::NoRoute | Code::RejectRoute => ErrorKind::NetworkUnreachable,
                    Code::Prohibited | Code::SourcePolicy => ErrorKind::Prohibited,
                    Code::BeyondScope | Code::Address => ErrorKind::HostUnreachable,
                    Code::Port => ErrorKind::PortUnreachable,
                    Code::Other(code) => ErrorKind::Unreachable(code),
                };
                disrupted = code == Code::NoRoute;
                (kind, quoted)
            }
            icmpv6::Repr::PacketTooBig { mtu, quoted } => {
                counters.icmp_in_too_bigs += 1;
                (ErrorKind::TooBig { mtu }, quoted)
            }
            icmpv6::Repr::TimeExceeded { code, quoted } => {
                counters.icmp_in_time_excds += 1;
                (time_exceeded(code), quoted)
            }
            icmpv6::Repr::ParameterProblem { code: 1, quoted, .. } => {
                counters.icmp_in_parm_probs += 1;
                (ErrorKind::ProtocolUnreachable, quoted) // An unknown next header (RFC 4443 §3.4).
            }
            icmpv6::Repr::ParameterProblem { code, pointer, quoted } => {
                counters.icmp_in_parm_probs += 1;
                (ErrorKind::ParameterProblem { code, pointer }, quoted)
            }
            // RFC 4443 4443-4: an error that is not known goes up; 4443-5: anything else ends here.
            icmpv6::Repr::Unknown { kind, data, .. } if kind < 128 => (ErrorKind::Unknown(kind), data),
            icmpv6::Repr::Unknown { .. } => return self.ip.drop(now, Drop::IcmpUnknown, &packet),
        };
        let quoted = Quoted::v6(quoted);
        self.hear_error(now, &packet, (kind, disrupted), quoted);
    }

    /// Passes an error on to whoever sent what it quotes (RFC 792 792-3, 792-4, 792-7, 792-8; RFC 4443 4443-7, 4443-11,
    /// 4443-13, 4443-14). The IP layer itself believes
    /// it only as far as that transport does (RFC 5927 §4.1; RFC 8201 8201-2, 8201-4; RFC 1191 1191-1).
    fn hear_error(
        &mut self,
        now: Instant,
        packet: &Delivered,
        (kind, disrupted): (ErrorKind, bool),
        quoted: Result<Quoted<'_>, Malformed>,
    ) {
        let sound = quoted.ok().filter(|quoted| {
            packet.cast == Cast::Unicast && quoted.transport.len() >= 8 && self.ip.is_local(quoted.src)
        });
        let Some(quoted) = sound else { return self.ip.drop(now, Drop::IcmpQuote, packet) };
        let transport = quoted.transport.get(..QUOTED).unwrap_or(quoted.transport);
        let error = IcmpError {
            kind,
            disrupted,
            from: packet.src,
            interface: packet.interface,
            src: quoted.src,
            dst: quoted.dst,
            protocol: quoted.protocol,
            quoted: Bytes::copy_from_slice(transport),
            quoted_len: u16::try_from(quoted.packet_len).unwrap_or(u16::MAX),
            arrived: packet.arrived,
        };
        if !self.pass_error(now, &error) {
            return self.ip.drop(now, Drop::IcmpNoSocket, packet);
        }
        let ErrorKind::TooBig { mtu } = kind else { return };
        let Ok(route) = self.ip.route(error.dst, Some(error.src), None) else { return };
        if !self.ip.config.path_mtu_discovery || route.local {
            return;
        }
        if let Some(mtu) = PathMtus::judge(error.dst, mtu, route.path_mtu, error.quoted_len) {
            if self.tcp.doubts_path_mtu(error.dst, mtu) {
                return; // RFC 5927 5927-1: not before a timeout confirms it.
            }
            self.ip.path_mtus.learn(now, error.dst, mtu);
            self.ip.counters.ip_path_mtu_updates += 1;
            // RFC 1191 1191-8, RFC 8201 8201-7: everybody who uses the path, whoever's packet it was; so that the router
            // need not say it again (1191-2).
            self.path_mtu_changed(now, error.dst);
        }
    }

    /// Asks the transport whether an error is about something of its own.
    pub(crate) fn pass_error(&mut self, now: Instant, error: &IcmpError) -> bool {
        match error.protocol {
            Protocol::TCP => self.tcp.handle_icmp(&mut self.ip, now, error),
            Protocol::UDP => self.udp.handle_icmp(&mut self.ip, now, error),
            Protocol::ICMP | Protocol::ICMPV6 => self.echo.handle_icmp(&mut self.ip, now, error),
            _ => false,
        }
    }

    pub(crate) fn path_mtu_changed(&mut self, now: Instant, dst: IpAddr) {
        self.tcp.handle_path_mtu(&mut self.ip, now, dst);
        self.udp.handle_path_mtu(&mut self.ip, now, dst);
    }

    /// Sends a request's data back (RFC 792 792-1, 792-9, 792-14; RFC 4443 4443-1, 4443-2, 4443-16, 4443-17).
    fn answer_echo(&mut self, now: Instant, kind: u8, request: &Delivered) {
        let config = &self.ip.config;
        // A group's answers could bury whoever is named as the source, so policy decides. RFC 4443 §4.2 wants them.
        let wanted = match request.cast {
            Cast::Unicast => config.echo,
            Cast::Multicast if request.src.is_ipv6() => config.echo,
            Cast::Multicast | Cast::Broadcast => config.echo && config.echo_groups,
        };
        let answerable = !request.src.is_unspecified();
        if !wanted || !answerable {
            return self.ip.drop(now, Drop::NeverAnswered, request);
        }
        // From the address that was asked; from one of ours when a group was.
        let src = match (request.cast, request.src) {
            (Cast::Unicast, _) => request.dst,
            (_, IpAddr::V4(_)) => core::net::Ipv4Addr::UNSPECIFIED.into(),
            (_, IpAddr::V6(_)) => core::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut reply = Datagram::new(src, request.src, request.protocol);
        let header = request.payload.slice(0..8).to_vec();
        let Some(room) = reply.head.prepend(8) else { return };
        let Some((room, header)) = room.first_chunk_mut::<8>().zip(header.first_chunk::<8>()) else { return };
        *room = [kind, 0, 0, 0, header[4], header[5], header[6], header[7]];
        reply.body = request.payload.clone();
        reply.body.advance(8);
        if request.src.is_ipv4() {
            let sum = wire::checksum::sum(&room[..]).with_payload(&reply.body).checksum();
            room[2..4].copy_from_slice(&sum.to_be_bytes());
        } else {
            reply.checksum_at = Some(2);
        }
        reply.interface = Some(request.interface).filter(|i| *i != crate::InterfaceId::LOOPBACK);
        reply.ttl = self.ip.config.hop_limit;
        reply.dscp = request.dscp;
        reply.dont_fragment = false;
        if self.ip.send(now, reply).is_ok() {
            self.ip.counters.icmp_out_msgs += 1;
            self.ip.counters.icmp_out_echo_reps += 1;
        }
    }
}

fn time_exceeded(code: TimeExceeded) -> ErrorKind {
    match code {
        TimeExceeded::Transit => ErrorKind::HopLimitExceeded,
        TimeExceeded::Reassembly => ErrorKind::ReassemblyTimeExceeded,
    }
}
