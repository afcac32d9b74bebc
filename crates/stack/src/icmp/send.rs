//! ICMP errors that we send, and those that we must not.

use crate::{Cast, Datagram, Delivered, Drop, ErrorKind, InterfaceId, Ip, Route};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::Instant;
use wire::icmpv4::TimeExceeded;
use wire::{Protocol, Quoted, icmpv4, icmpv6};

impl Ip {
    /// Answers a packet that came in with an ICMP error, unless it is one that is never answered, or there were too
    /// many errors lately (RFC 792 792-16; RFC 4443 4443-9, 4443-10, 4443-12). Neither a source quench nor a redirect is
    /// ever sent (RFC 6633 6633-1; RFC 792 792-5; RFC 4861 4861-22).
    pub(crate) fn send_error(&mut self, now: Instant, kind: ErrorKind, about: &Delivered) {
        if !self.may_answer(kind, about) {
            return self.counters.count(Drop::NeverAnswered);
        }
        if !self.limiter.take(now, &mut self.rng) {
            return self.counters.count(Drop::RateLimited);
        }
        // From the address that was spoken to; from one of ours if that was a group.
        let src = match (about.cast, about.dst) {
            (Cast::Unicast, dst) => dst,
            (_, IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
            (_, IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let via = Some(about.interface).filter(|i| *i != InterfaceId::LOOPBACK);
        let Ok(route) = self.route(about.src, Some(src), via) else { return };
        let Some(message) = message(kind, about, &route) else { return };
        let protocol = if about.src.is_ipv4() { Protocol::ICMP } else { Protocol::ICMPV6 };
        let mut datagram = Datagram::new(route.src, about.src, protocol);
        datagram.ttl = self.config.hop_limit;
        datagram.dont_fragment = false;
        datagram.body = message.into();
        if self.send_by(now, datagram, &route).is_err() {
            return;
        }
        self.counters.icmp_out_msgs += 1;
        match kind {
            ErrorKind::HopLimitExceeded | ErrorKind::ReassemblyTimeExceeded => {
                self.counters.icmp_out_time_excds += 1;
            }
            ErrorKind::ParameterProblem { .. } => self.counters.icmp_out_parm_probs += 1,
            _ => self.counters.icmp_out_dest_unreachs += 1,
        }
    }

    /// RFC 792 792-1, RFC 4443 4443-8: never about an ICMP error, never about what went to more than one host (but for
    /// one problem with IPv6 options), never to what is no single host.
    fn may_answer(&self, kind: ErrorKind, about: &Delivered) -> bool {
        let asked_by_option =
            matches!(kind, ErrorKind::ParameterProblem { code: 2, .. }) && about.src.is_ipv6();
        if (about.cast != Cast::Unicast || about.link_group) && !asked_by_option {
            return false;
        }
        if about.src.is_unspecified() || self.is_group(about.src) {
            return false;
        }
        let wanted = self.interface(about.interface).is_some_and(|i| i.errors);
        let quoted = match about.src {
            IpAddr::V4(_) => Quoted::v4(&about.quote),
            IpAddr::V6(_) => Quoted::v6(&about.quote),
        };
        // What cannot be read is no ICMP error that anyone could know of.
        let is_error = quoted.is_ok_and(|q| match (q.protocol, q.transport.first()) {
            (Protocol::ICMP, Some(&kind)) => !matches!(kind, 0 | 8 | 13..=18),
            (Protocol::ICMPV6, Some(&kind)) => kind < 128 || kind == 137,
            (Protocol::ICMP | Protocol::ICMPV6, None) => true,
            _ => false,
        });
        wanted && !is_error
    }
}

/// The message, with as much of the packet as fits, unchanged (RFC 792 792-2, RFC 4443 4443-6); `None` for what this IP
/// version has no error for.
fn message(kind: ErrorKind, about: &Delivered, route: &Route) -> Option<alloc::vec::Vec<u8>> {
    let quoted = &about.quote[..];
    match (route.src, about.src) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            use icmpv4::{Repr, Unreachable};
            let unreachable = |code| Repr::DestinationUnreachable { code, quoted };
            Some(match kind {
                ErrorKind::NetworkUnreachable => unreachable(Unreachable::Net),
                ErrorKind::HostUnreachable => unreachable(Unreachable::Host),
                ErrorKind::ProtocolUnreachable => unreachable(Unreachable::Protocol),
                ErrorKind::PortUnreachable => unreachable(Unreachable::Port),
                ErrorKind::Prohibited => unreachable(Unreachable::Prohibited),
                ErrorKind::SourceRouteFailed => unreachable(Unreachable::SourceRouteFailed),
                ErrorKind::Unreachable(code) => unreachable(Unreachable::Other(code)),
                ErrorKind::HopLimitExceeded => Repr::TimeExceeded { code: TimeExceeded::Transit, quoted },
                ErrorKind::ReassemblyTimeExceeded => {
                    Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted }
                }
                ErrorKind::ParameterProblem { code, pointer } => {
                    Repr::ParameterProblem { code, pointer: u8::try_from(pointer).ok()?, quoted }
                }
                // A host forwards nothing that could be too big.
                ErrorKind::TooBig { .. } | ErrorKind::Unknown(_) => return None,
            })
            .map(|repr| repr.emit())
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            use icmpv6::{Repr, Unreachable};
            let unreachable = |code| Repr::DestinationUnreachable { code, quoted };
            Some(match kind {
                ErrorKind::NetworkUnreachable => unreachable(Unreachable::NoRoute),
                ErrorKind::HostUnreachable => unreachable(Unreachable::Address),
                ErrorKind::PortUnreachable => unreachable(Unreachable::Port),
                ErrorKind::Prohibited => unreachable(Unreachable::Prohibited),
                ErrorKind::Unreachable(code) => unreachable(Unreachable::Other(code)),
                ErrorKind::HopLimitExceeded => Repr::TimeExceeded { code: TimeExceeded::Transit, quoted },
                ErrorKind::ReassemblyTimeExceeded => {
                    Repr::TimeExceeded { code: TimeExceeded::Reassembly, quoted }
                }
                ErrorKind::ProtocolUnreachable => {
                    Repr::ParameterProblem { code: 1, pointer: about.named_at, quoted }
                }
                ErrorKind::ParameterProblem { code, pointer } => {
                    Repr::ParameterProblem { code, pointer, quoted }
                }
                ErrorKind::TooBig { .. } | ErrorKind::SourceRouteFailed | ErrorKind::Unknown(_) => {
                    return None;
                }
            })
            .map(|repr| repr.emit(src, dst))
        }
        _ => None,
    }
}
