//! ICMP errors find their connection, and only when they quote what is in flight.

use crate::bench::{Bench, Peer, Seen, at};
use stack::{ConnectOptions, ConnectionId, HostEvent, ListenConfig};
use std::net::{IpAddr, Ipv4Addr};
use tcp::{ConnectionError, SendFlags, SoftError, State};
use wire::{Head, Payload, Protocol, SeqNum, icmpv4, icmpv6, ipv4, ipv6};

/// An ICMPv4 error from a router about `seen`, with another sequence number quoted if asked for.
fn icmp(bench: &mut Bench, code: icmpv4::Unreachable, seen: &Seen, seq: SeqNum) {
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (seen.src.ip(), seen.dst.ip()) else { panic!("IPv4") };
    let mut head = Head::new();
    let header = wire::tcp::Header { seq, ..seen.header.clone() };
    header.prepend_to(&mut head, seen.src.port(), seen.dst.port()).expect("room");
    ipv4::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, seen.payload.len()).expect("room");
    let mut quoted = head.as_slice().to_vec();
    quoted.extend_from_slice(&seen.payload);
    let body = icmpv4::Repr::DestinationUnreachable { code, quoted: &quoted }.emit();
    let mut head = Head::new();
    let router = Ipv4Addr::new(10, 0, 0, 254);
    ipv4::Repr::new(router, src, Protocol::ICMP).prepend_to(&mut head, body.len()).expect("room");
    let mut packet = head.as_slice().to_vec();
    packet.extend_from_slice(&body);
    bench.arrive_bytes(packet);
}

/// An ICMPv6 error from a router about `seen`.
fn icmpv6(bench: &mut Bench, code: icmpv6::Unreachable, seen: &Seen) {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (seen.src.ip(), seen.dst.ip()) else { panic!("IPv6") };
    let mut head = Head::new();
    seen.header.prepend_to(&mut head, seen.src.port(), seen.dst.port()).expect("room");
    ipv6::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, seen.payload.len()).expect("room");
    let mut quoted = head.as_slice().to_vec();
    quoted.extend_from_slice(&seen.payload);
    let router = "fd00::fe".parse().expect("an address");
    let body = icmpv6::Repr::DestinationUnreachable { code, quoted: &quoted }.emit(router, src);
    let mut head = Head::new();
    ipv6::Repr::new(router, src, Protocol::ICMPV6).prepend_to(&mut head, body.len()).expect("room");
    let mut packet = head.as_slice().to_vec();
    packet.extend_from_slice(&body);
    bench.arrive_bytes(packet);
}

fn opening(bench: &mut Bench) -> (ConnectionId, Seen) {
    let id = bench.host.tcp_connect(bench.now, ConnectOptions::to(at("10.0.0.2:80"))).expect("free");
    (id, bench.one())
}

fn open(bench: &mut Bench) -> (ConnectionId, Peer) {
    let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
    let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
    peer.open(bench);
    (bench.host.tcp_accept(listener).expect("open").0, peer)
}

mod rfc5927_4_1 {
    use super::*;

    /// Covers: RFC 9293 MUST-54; RFC 5927 5927-1
    #[test]
    fn an_error_that_quotes_nothing_in_flight_is_forged() {
        let mut bench = Bench::new();
        let (id, syn) = opening(&mut bench);
        for off in [1u32, 1_000_000, u32::MAX] {
            icmp(&mut bench, icmpv4::Unreachable::Port, &syn, syn.header.seq + off);
        }
        assert_eq!(bench.host.tcp_state(id), State::SynSent);
        assert!(bench.events().is_empty());
    }

    /// Covers: RFC 9293 MUST-56; RFC 5927 5927-1
    #[test]
    fn an_open_connection_survives_every_error() {
        let mut bench = Bench::new();
        let (id, _) = open(&mut bench);
        bench.events();
        bench.host.tcp_send(bench.now, id, Payload::copy_of(b"data"), SendFlags::default()).expect("room");
        let data = bench.one();
        icmp(&mut bench, icmpv4::Unreachable::Port, &data, data.header.seq);
        assert_eq!(bench.host.tcp_state(id), State::Established);
        assert_eq!(bench.events(), [HostEvent::TcpSoftError(id, SoftError::PortUnreachable)]);
        icmp(&mut bench, icmpv4::Unreachable::Host, &data, data.header.seq + 4);
        assert!(bench.events().is_empty(), "beyond what was sent");
    }
}

mod rfc9293_3_9_2_2 {
    use super::*;

    /// Covers: RFC 9293 SHLD-26
    #[test]
    fn an_opening_connection_is_refused_when_nobody_is_there() {
        let mut bench = Bench::new();
        let (id, syn) = opening(&mut bench);
        icmp(&mut bench, icmpv4::Unreachable::Port, &syn, syn.header.seq);
        assert_eq!(bench.events(), [HostEvent::TcpClosed(id, Some(ConnectionError::Refused))]);
        assert_eq!(bench.host.tcp_state(id), State::Closed);
    }

    /// Covers: RFC 9293 MUST-56, SHLD-25
    #[test]
    fn no_route_to_the_host_is_news_and_not_the_end() {
        let mut bench = Bench::new();
        let (id, syn) = opening(&mut bench);
        icmp(&mut bench, icmpv4::Unreachable::Host, &syn, syn.header.seq);
        assert_eq!(bench.events(), [HostEvent::TcpSoftError(id, SoftError::HostUnreachable)]);
        assert_eq!(bench.pass(1_100).len(), 1, "the SYN goes again");
    }

    /// Covers: RFC 1191 1191-3; RFC 5927 5927-1
    #[test]
    fn what_is_too_large_goes_again_in_smaller_segments_when_it_was_really_sent() {
        let mut bench = Bench::new();
        let (id, _) = open(&mut bench);
        bench
            .host
            .tcp_send(bench.now, id, Payload::copy_of(&[7; 4_000]), SendFlags::default())
            .expect("room");
        let sent = bench.sent();
        let first = &sent[0];
        assert_eq!(first.payload.len(), 1_460);
        let too_big = icmpv4::Unreachable::FragmentationNeeded { mtu: 1_000 };
        icmp(&mut bench, too_big, first, first.header.seq + 100_000);
        assert!(bench.sent().is_empty(), "forged");
        assert_eq!(bench.host.route(at("10.0.0.2:1").ip(), None).map(|route| route.path_mtu), Ok(1_500));
        icmp(&mut bench, too_big, first, first.header.seq);
        let again: Vec<Seen> = bench.pass(1_100).into_iter().map(|(_, seen)| seen).collect();
        assert!(again.iter().any(|seen| seen.header.seq == first.header.seq));
        assert!(again.iter().all(|seen| seen.payload.len() <= 960), "{again:?}");
    }

    #[test]
    fn an_error_about_a_connection_that_is_not_there_is_counted() {
        let mut bench = Bench::new();
        let (id, syn) = opening(&mut bench);
        bench.host.tcp_abort(bench.now, id);
        bench.host.tcp_release(bench.now, id);
        bench.sent();
        icmp(&mut bench, icmpv4::Unreachable::Port, &syn, syn.header.seq);
        let dropped: u64 = bench.host.counters().drops().map(|(_, count)| count).sum();
        assert_eq!(dropped, 1);
    }
}

mod rfc6069_4_1 {
    use super::*;

    /// A connection whose first octets have timed out twice: its doubled timeout, and what left last.
    fn backed_off(remote: &str, local: &str) -> (Bench, ConnectionId, Seen) {
        let mut bench = Bench::new();
        let any = if remote.starts_with('[') { "[::]:80" } else { "0.0.0.0:80" };
        let listener = bench.listen(any, ListenConfig::default());
        Peer::new(remote, local).open(&mut bench);
        let id = bench.host.tcp_accept(listener).expect("open").0;
        bench.host.tcp_send(bench.now, id, Payload::copy_of(b"data"), SendFlags::default()).expect("room");
        let data = bench.one();
        let rto = bench.host.tcp_status(id).expect("open").rto;
        while bench.host.tcp_status(id).expect("open").timeouts < 2 {
            bench.pass(100);
        }
        assert_eq!(bench.host.tcp_status(id).expect("open").rto, rto * 4);
        (bench, id, data)
    }

    fn rto(bench: &Bench, id: ConnectionId) -> u128 {
        bench.host.tcp_status(id).expect("open").rto.as_millis()
    }

    /// Covers: RFC 6069 6069-1
    #[test]
    fn only_a_missing_route_and_an_unreachable_host_take_a_doubling_back() {
        use icmpv4::Unreachable::*;
        let (mut bench, id, data) = backed_off("10.0.0.2:9", "10.0.0.1:80");
        let before = rto(&bench, id);
        let others =
            [Protocol, Port, SourceRouteFailed, NetUnknown, HostUnknown, SourceIsolated, NetProhibited];
        let more = [HostProhibited, NetTos, HostTos, Prohibited, PrecedenceViolation, Other(16)];
        for code in others.into_iter().chain(more) {
            icmp(&mut bench, code, &data, data.header.seq);
            assert_eq!(rto(&bench, id), before, "{code:?}");
        }
        icmp(&mut bench, Net, &data, data.header.seq);
        assert_eq!(rto(&bench, id), before / 2);
        let (mut bench, id, data) = backed_off("10.0.0.2:9", "10.0.0.1:80");
        icmp(&mut bench, Host, &data, data.header.seq);
        assert_eq!(rto(&bench, id), before / 2);
    }

    /// Covers: RFC 6069 6069-1
    #[test]
    fn with_ipv6_only_a_missing_route_does() {
        use icmpv6::Unreachable::*;
        let (mut bench, id, data) = backed_off("[fd00::2]:9", "[fd00::1]:80");
        let before = rto(&bench, id);
        for code in [Prohibited, BeyondScope, Address, Port, SourcePolicy, RejectRoute, Other(7)] {
            icmpv6(&mut bench, code, &data);
            assert_eq!(rto(&bench, id), before, "{code:?}");
        }
        icmpv6(&mut bench, NoRoute, &data);
        assert_eq!(rto(&bench, id), before / 2);
    }
}
