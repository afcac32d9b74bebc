//! Groups that the host is in, and the reports about them: IGMPv3 (RFC 3376) and MLDv2 (RFC 3810), older queriers
//! answered in their own version.
//!
//! ```text
//!    users join, leave ─► groups.rs: who is in what, what is to be said when ─► report ─► Ip::send
//!    query from a router ──────┘
//! ```

mod groups;

use crate::{Datagram, Delivered, Drop, HostConfig, InterfaceId, Ip, Medium};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Instant, Rng};
use groups::{Groups, Question, Report, Speech};
use wire::{Payload, Protocol, igmp, mld};

/// Where MLDv1 says that a group is left: all routers of the link.
const ALL_ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Internetwork control: how membership reports are marked (RFC 3376 §4).
const CONTROL: u8 = 48;

/// Groups that the host is in, and the reports about them.
#[derive(Clone, Debug)]
pub(crate) struct Multicast {
    groups: Groups,
}

impl Multicast {
    pub(crate) fn new(_config: &HostConfig, rng: &mut Rng) -> Self {
        Self { groups: Groups::new(rng.fork()) }
    }

    pub(crate) fn rng(&mut self) -> &mut Rng {
        self.groups.rng()
    }

    /// Whether chance has decided something that was not noted yet.
    pub(crate) fn has_drawn(&self) -> bool {
        self.groups.has_drawn()
    }

    /// One more user of `group` on `interface`.
    pub(crate) fn join(&mut self, ip: &mut Ip, now: Instant, interface: InterfaceId, group: IpAddr) {
        self.groups.join(now, interface, group);
        self.handle_timeout(ip, now);
    }

    /// One user less.
    pub(crate) fn leave(&mut self, ip: &mut Ip, now: Instant, interface: InterfaceId, group: IpAddr) {
        self.groups.leave(now, interface, group);
        self.handle_timeout(ip, now);
    }

    /// Whether a packet from `source` to `group` is wanted on `interface`. All-hosts, all-nodes and solicited-node
    /// groups are the caller's business.
    pub(crate) fn accepts(&self, interface: InterfaceId, group: IpAddr, _source: IpAddr) -> bool {
        self.groups.contains(interface, group)
    }

    /// Takes an IGMP or MLD message.
    pub(crate) fn handle_packet(&mut self, ip: &mut Ip, now: Instant, packet: Delivered) {
        let message = packet.payload.contiguous();
        let question = match (packet.src, packet.dst) {
            (IpAddr::V4(_), IpAddr::V4(dst)) => {
                igmp_question(&message, dst, packet.ttl).ok_or(Drop::IgmpMalformed)
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                mld_question(&message, src, dst, packet.ttl).ok_or(Drop::MldMalformed)
            }
            _ => return,
        };
        match question {
            Ok(Some(question)) => {
                ip.counters.multicast_in_queries += 1;
                self.groups.ask(now, packet.interface, packet.src.is_ipv4(), question);
                self.handle_timeout(ip, now);
            }
            // What other hosts report is for routers: version 3 hosts do not suppress their own (RFC 3376 §A.2).
            Ok(None) => {}
            Err(why) => ip.drop(now, why, &packet),
        }
    }

    /// An IPv6 address of ours wants its solicited-node group reported.
    pub(crate) fn address_added(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
    ) {
        if let (IpAddr::V6(address), true) = (address, has_neighbours(ip, interface)) {
            self.join(ip, now, interface, solicited_node(address).into());
        }
    }

    /// The address is gone.
    pub(crate) fn address_removed(
        &mut self,
        ip: &mut Ip,
        now: Instant,
        interface: InterfaceId,
        address: IpAddr,
    ) {
        if let (IpAddr::V6(address), true) = (address, has_neighbours(ip, interface)) {
            self.leave(ip, now, interface, solicited_node(address).into());
        }
    }

    /// Says what is due.
    pub(crate) fn handle_timeout(&mut self, ip: &mut Ip, now: Instant) {
        for report in self.groups.due(now) {
            send(ip, now, &report);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.groups.next()
    }
}

/// Reads an IGMP message: `None` when it cannot be right, `Some(None)` when it asks nothing.
fn igmp_question(message: &[u8], dst: Ipv4Addr, ttl: u8) -> Option<Option<Question>> {
    let view = igmp::View::new(message).ok()?;
    if ttl != 1 || !view.checksum_ok() {
        return None; // RFC 3376 §4: a TTL of 1, so that nobody asks from afar.
    }
    let query = match view.repr().ok()? {
        igmp::Repr::Query(query) => query,
        _ => return Some(None),
    };
    let (speech, robustness) = match query.version {
        igmp::QueryVersion::V1 => (Speech::ReportsOnly, 0),
        igmp::QueryVersion::V2 => (Speech::OneGroup, 0),
        igmp::QueryVersion::V3 { robustness, .. } => (Speech::Records, robustness),
    };
    let group = (!query.group.is_unspecified()).then_some(query.group);
    // RFC 3376 §9.1: a general query goes to all systems, another one to its group.
    if dst != group.unwrap_or(igmp::ALL_SYSTEMS) && dst != igmp::ALL_SYSTEMS {
        return None;
    }
    let group = group.map(IpAddr::V4);
    Some(Some(Question { speech, max_response: query.max_response, group, robustness }))
}

/// Reads an MLD message: `None` when it cannot be right, `Some(None)` when it asks nothing.
fn mld_question(message: &[u8], src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8) -> Option<Option<Question>> {
    let view = mld::View::new(message).ok()?;
    if hop_limit != 1 || !view.checksum_ok(src, dst) {
        return None; // RFC 3810 §5.1.14
    }
    let query = match view.repr().ok()? {
        mld::Repr::Query(query) => query,
        _ => return Some(None),
    };
    if !src.is_unicast_link_local() {
        return None;
    }
    let (speech, robustness) = match query.version {
        mld::QueryVersion::V1 => (Speech::OneGroup, 0),
        mld::QueryVersion::V2 { robustness, .. } => (Speech::Records, robustness),
    };
    let group = (!query.group.is_unspecified()).then_some(IpAddr::V6(query.group));
    Some(Some(Question { speech, max_response: query.max_response, group, robustness }))
}

/// Sends a report, in as many messages as its version and the MTU need.
fn send(ip: &mut Ip, now: Instant, report: &Report) {
    let Some(interface) = ip.interface(report.interface) else { return };
    // What a message may carry besides its records: IP header and options, and its own header.
    let room = usize::from(interface.mtu).saturating_sub(60);
    let src = source(interface.addresses.iter().filter(|a| a.usable()).map(|a| a.cidr.address()), report.v4);
    let at_once = match (report.speech, report.v4) {
        (Speech::Records, true) => (room / 8).max(1),
        (Speech::Records, false) => (room / 20).max(1),
        _ => 1,
    };
    for records in report.records.chunks(at_once) {
        let Some((dst, body)) = message(report, records, src) else { continue };
        let datagram = Datagram {
            interface: Some(report.interface),
            ttl: 1,
            dscp: CONTROL,
            dont_fragment: false,
            router_alert: true,
            from_nobody: src.is_unspecified(),
            body: Payload::from(body),
            ..Datagram::new(src, dst, if report.v4 { Protocol::IGMP } else { Protocol::ICMPV6 })
        };
        // A report that cannot go out now is like one that was lost: it is said again, or asked for.
        if ip.send(now, datagram).is_ok() {
            ip.counters.multicast_out_reports += 1;
        }
    }
}

/// From where a report comes: over IPv6 from a link-local address, and from none at all while there is none (RFC 3376
/// §4.2.13, RFC 3810 §5.2.13).
fn source(mut usable: impl Iterator<Item = IpAddr>, v4: bool) -> IpAddr {
    if v4 {
        usable.find(IpAddr::is_ipv4).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    } else {
        let link_local = |address: &IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        usable.find(link_local).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }
}

/// A message and where it goes.
fn message(
    report: &Report,
    records: &[(igmp::RecordKind, IpAddr)],
    src: IpAddr,
) -> Option<(IpAddr, Vec<u8>)> {
    let &(kind, first) = records.first()?;
    let leaves = kind == igmp::RecordKind::ChangeToInclude;
    match (src, first) {
        (IpAddr::V4(_), IpAddr::V4(group)) => {
            let (dst, repr) = match report.speech {
                Speech::Records => {
                    let of = |&(kind, group): &(_, IpAddr)| match group {
                        IpAddr::V4(group) => Some(igmp::Record { kind, group, sources: Vec::new() }),
                        IpAddr::V6(_) => None,
                    };
                    let records = records.iter().filter_map(of).collect();
                    (igmp::ALL_V3_ROUTERS, igmp::Repr::ReportV3 { records })
                }
                Speech::OneGroup if leaves => (igmp::ALL_ROUTERS, igmp::Repr::LeaveV2 { group }),
                Speech::OneGroup => (group, igmp::Repr::ReportV2 { group }),
                Speech::ReportsOnly => (group, igmp::Repr::ReportV1 { group }),
            };
            Some((dst.into(), repr.emit()))
        }
        (IpAddr::V6(src), IpAddr::V6(group)) => {
            let (dst, repr) = match report.speech {
                Speech::Records => {
                    let of = |&(kind, group): &(_, IpAddr)| match group {
                        IpAddr::V6(group) => Some(mld::Record { kind, group, sources: Vec::new() }),
                        IpAddr::V4(_) => None,
                    };
                    let records = records.iter().filter_map(of).collect();
                    (mld::ALL_V2_ROUTERS, mld::Repr::ReportV2 { records })
                }
                _ if leaves => (ALL_ROUTERS_V6, mld::Repr::DoneV1 { group }),
                _ => (group, mld::Repr::ReportV1 { group }),
            };
            Some((dst.into(), repr.emit(src, dst)))
        }
        _ => None,
    }
}

/// Whether anybody asks for link addresses there.
fn has_neighbours(ip: &Ip, interface: InterfaceId) -> bool {
    ip.interface(interface).is_some_and(|interface| interface.medium != Medium::Ip)
}

/// The group that neighbours ask for the link address of `address` (RFC 4291 §2.7.1).
fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use env::Duration;

    #[test]
    fn the_solicited_node_group_keeps_the_last_three_octets() {
        let address: Ipv6Addr = "2001:db8::1:a2b:c3d4".parse().unwrap();
        assert_eq!(solicited_node(address).to_string(), "ff02::1:ff2b:c3d4");
    }

    fn query(group: Ipv4Addr) -> Vec<u8> {
        let version = igmp::QueryVersion::V3 {
            suppress: false,
            robustness: 3,
            interval: Duration::from_secs(125),
            sources: Vec::new(),
        };
        igmp::Repr::Query(igmp::Query { version, max_response: Duration::from_secs(10), group }).emit()
    }

    #[test]
    fn a_query_from_afar_or_to_nobody_or_broken_asks_nothing() {
        let general = query(Ipv4Addr::UNSPECIFIED);
        let group = Ipv4Addr::new(239, 0, 0, 1);
        let asked = igmp_question(&general, igmp::ALL_SYSTEMS, 1).unwrap().unwrap();
        assert_eq!((asked.speech, asked.group, asked.robustness), (Speech::Records, None, 3));
        let asked = igmp_question(&query(group), group, 1).unwrap().unwrap();
        assert_eq!(asked.group, Some(group.into()));
        assert!(igmp_question(&general, igmp::ALL_SYSTEMS, 2).is_none());
        assert!(igmp_question(&general, Ipv4Addr::new(10, 0, 0, 1), 1).is_none());
        for bit in 0..general.len() * 8 {
            let mut broken = general.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(igmp_question(&broken, igmp::ALL_SYSTEMS, 1).is_none(), "{bit}");
        }
        assert!(igmp_question(&[], igmp::ALL_SYSTEMS, 1).is_none());
        let report = igmp::Repr::ReportV2 { group }.emit();
        assert!(igmp_question(&report, group, 1).unwrap().is_none());
    }

    #[test]
    fn a_listener_query_must_come_from_the_link() {
        let group: Ipv6Addr = "ff15::9".parse().unwrap();
        let (router, far): (Ipv6Addr, Ipv6Addr) =
            ("fe80::1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let all: Ipv6Addr = "ff02::1".parse().unwrap();
        let query = |src| {
            let version = mld::QueryVersion::V1;
            mld::Repr::Query(mld::Query { version, max_response: Duration::from_secs(1), group })
                .emit(src, all)
        };
        let asked = mld_question(&query(router), router, all, 1).unwrap().unwrap();
        assert_eq!((asked.speech, asked.group), (Speech::OneGroup, Some(group.into())));
        assert!(mld_question(&query(router), router, all, 255).is_none());
        assert!(mld_question(&query(far), far, all, 1).is_none());
        assert!(mld_question(&query(far), router, all, 1).is_none());
    }
}
