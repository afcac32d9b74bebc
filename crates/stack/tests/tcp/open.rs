//! OPEN, active, and what connections are named by.

use crate::bench::{Bench, Two, at};
use stack::{
    Account, ConnectError, ConnectOptions, Drop, HostConfig, HostEvent, ListenConfig, ListenError, PortError,
};
use std::collections::BTreeSet;
use tcp::{ConnectionError, ReceiveError, SendError, SendFlags, State};
use wire::Payload;
use wire::tcp::Flags;

mod rfc9293_3_9_1_1 {
    use super::*;

    /// Covers: RFC 9293 MUST-46
    #[test]
    fn nobody_can_be_at_an_unspecified_a_group_or_a_broadcast_address() {
        let mut bench = Bench::new();
        for remote in [
            "0.0.0.0:80",
            "[::]:80",
            "255.255.255.255:80",
            "224.0.0.1:80",
            "10.0.0.255:80",
            "[ff02::1]:80",
            "10.0.0.2:0",
        ] {
            let result = bench.host.tcp_connect(bench.now, ConnectOptions::to(at(remote)));
            assert_eq!(result, Err(ConnectError::InvalidRemote), "{remote}");
        }
        assert!(bench.sent().is_empty());
        assert_eq!(bench.host.tcp_counts().connections, 0);
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let mut bench = Bench::new();
        let mut connect = |local: &str, remote: &str| {
            let local = Some(at(local));
            let options = ConnectOptions { local, ..ConnectOptions::to(at(remote)) };
            bench.host.tcp_connect(bench.now, options)
        };
        assert_eq!(connect("10.0.0.9:0", "10.0.0.2:80"), Err(ConnectError::AddrNotAvailable));
        assert_eq!(connect("[fd00::1]:0", "[2001:db8::1]:80"), Err(ConnectError::NetworkUnreachable));
        assert_eq!(connect("[fd00::1]:0", "10.0.0.2:80"), Err(ConnectError::InvalidRemote));
        assert!(connect("10.0.0.1:4000", "10.0.0.2:80").is_ok());
        assert_eq!(connect("10.0.0.1:4000", "10.0.0.2:80"), Err(ConnectError::AddrInUse));
        assert!(connect("0.0.0.0:4000", "10.0.0.2:81").is_ok(), "another 4-tuple");
    }

    #[test]
    fn a_listener_has_its_port_to_itself() {
        let mut bench = Bench::new();
        let first = bench.listen("10.0.0.1:80", ListenConfig::default());
        let mut listen = |local: &str| bench.host.tcp_listen(bench.now, at(local), ListenConfig::default());
        assert_eq!(listen("10.0.0.1:80"), Err(ListenError::AddrInUse));
        assert_eq!(listen("0.0.0.0:80"), Err(ListenError::AddrInUse));
        assert_eq!(listen("10.0.0.9:80"), Err(ListenError::AddrNotAvailable));
        assert_eq!(listen("224.0.0.1:80"), Err(ListenError::AddrNotAvailable));
        let chosen = listen("[::]:0").expect("a dynamic port");
        assert!(bench.host.tcp_listener_addr(chosen).is_some_and(|local| local.port() >= 49_152));
        let from = ConnectOptions { local: Some(at("10.0.0.1:80")), ..ConnectOptions::to(at("10.0.0.2:9")) };
        assert_eq!(bench.host.tcp_connect(bench.now, from), Err(ConnectError::AddrInUse));
        bench.host.tcp_unlisten(bench.now, first);
        bench.listen("0.0.0.0:80", ListenConfig::default());
    }
}

mod rfc9293_3_9_1 {
    use super::*;
    use crate::bench::Peer;
    use stack::{Cidr, InterfaceConfig, Medium, RouteEntry};
    use std::net::IpAddr;

    /// Covers: RFC 9293 MUST-41, MUST-42
    #[test]
    fn listening_where_a_connection_is_disturbs_neither() {
        let mut bench = Bench::new();
        let local = Some(at("10.0.0.1:4000"));
        let options = ConnectOptions { local, ..ConnectOptions::to(at("10.0.0.2:80")) };
        let opening = bench.host.tcp_connect(bench.now, options).expect("free");
        let syn = bench.one();
        let listener = bench.listen("0.0.0.0:4000", ListenConfig::default());
        let again = bench.host.tcp_listen(bench.now, at("0.0.0.0:4000"), ListenConfig::default());
        assert_eq!(again, Err(ListenError::AddrInUse));
        // Its SYN-ACK finds the connection, another peer's SYN the listener.
        let mut server = Peer::new("10.0.0.2:80", "10.0.0.1:4000");
        server.take(&syn);
        server.send(&mut bench, Flags::SYN | Flags::ACK, b"");
        assert_eq!(bench.host.tcp_state(opening), State::Established);
        bench.sent();
        Peer::new("10.0.0.3:80", "10.0.0.1:4000").open(&mut bench);
        assert!(bench.host.tcp_accept(listener).is_some());
        bench.host.tcp_unlisten(bench.now, listener);
        bench.listen("0.0.0.0:4000", ListenConfig::default());
        assert_eq!(bench.host.tcp_state(opening), State::Established);
    }

    /// Covers: RFC 9293 MUST-43, MUST-44, MUST-45
    #[test]
    fn the_source_follows_the_route_unless_it_is_given_and_then_stays() {
        let mut bench = Bench::new();
        let address =
            |text: &str, prefix| Cidr::new(text.parse().expect("an address"), prefix).expect("a network");
        let second = InterfaceConfig::new("t1", Medium::Ip).address(address("10.1.0.1", 24));
        let second = bench.host.add_interface(bench.now, second).expect("sound settings");
        let source = |bench: &mut Bench, local: Option<&str>, remote: &str| {
            let options = ConnectOptions { local: local.map(at), ..ConnectOptions::to(at(remote)) };
            bench.host.tcp_connect(bench.now, options).expect("free");
            bench.one().src.ip()
        };
        let ours = |text: &str| -> IpAddr { text.parse().expect("an address") };
        assert_eq!(source(&mut bench, None, "10.0.0.2:80"), ours("10.0.0.1"));
        assert_eq!(source(&mut bench, None, "10.1.0.2:80"), ours("10.1.0.1"));
        assert_eq!(source(&mut bench, Some("10.1.0.1:0"), "192.0.2.1:80"), ours("10.1.0.1"));

        let id = bench.host.tcp_connect(bench.now, ConnectOptions::to(at("192.0.2.9:80"))).expect("a route");
        assert_eq!(bench.one().src.ip(), ours("10.0.0.1"));
        let gateway = Some(ours("10.1.0.254"));
        let better =
            RouteEntry { destination: address("192.0.2.0", 24), gateway, interface: second, metric: 0 };
        bench.host.add_route(better).expect("a neighbour");
        let later = bench.pass(8_000);
        let later: Vec<_> = later.into_iter().filter(|(_, seen)| seen.dst == at("192.0.2.9:80")).collect();
        assert_eq!(later.len(), 3, "after 1, 3 and 7 s");
        assert!(later.iter().all(|(_, seen)| seen.src.ip() == ours("10.0.0.1")));
        assert_eq!(bench.host.tcp_addrs(id).map(|(local, _)| local.ip()), Some(ours("10.0.0.1")));
    }

    /// Covers: RFC 9293 MUST-14, MUST-67, SHLD-5; RFC 6691 6691-1
    #[test]
    fn the_segment_size_that_is_told_is_the_mtu_less_fixed_headers() {
        for (mtu, v4, v6) in [
            (1_500, 1_460, Some(1_440)),
            (1_280, 1_240, Some(1_220)),
            (576, 536, None),
            (9_000, 8_960, Some(8_940)),
        ] {
            let mut host = stack::Host::new(HostConfig::default(), [5; 32]).expect("sound settings");
            let mut interface = InterfaceConfig::new("t0", Medium::Ip).mtu(mtu);
            for (text, prefix) in [("10.0.0.1", 24), ("fd00::1", 64)] {
                let address: IpAddr = text.parse().expect("an address");
                if address.is_ipv4() || v6.is_some() {
                    interface = interface.address(Cidr::new(address, prefix).expect("a network"));
                }
            }
            let mut bench = Bench::new();
            bench.id = host.add_interface(bench.now, interface).expect("sound settings");
            bench.host = host;
            for (remote, expected) in [("10.0.0.2:80", Some(v4)), ("[fd00::2]:80", v6)] {
                let Some(expected) = expected else { continue };
                bench.host.tcp_connect(bench.now, ConnectOptions::to(at(remote))).expect("free");
                assert_eq!(bench.one().header.options.mss, Some(expected));
                let ours = if at(remote).is_ipv4() { "10.0.0.1:80" } else { "[fd00::1]:80" };
                bench.listen(ours, ListenConfig::default());
                assert_eq!(Peer::new(remote, ours).open(&mut bench).header.options.mss, Some(expected));
            }
        }
    }
}

mod rfc9293_3_4_1 {
    use super::*;

    /// Covers: RFC 9293 9293-E44
    #[test]
    fn one_client_port_serves_two_servers_and_one_server_port_ten_thousand_clients() {
        let mut two = Two::new();
        let config = || ListenConfig { backlog: 20_000, syn_queue: 20_000, ..ListenConfig::default() };
        let listeners = ["10.0.0.2:80", "10.0.0.2:81"].map(|local| two.listen(1, local, config()));
        for remote in ["10.0.0.2:80", "10.0.0.2:81"] {
            let local = Some(at("10.0.0.1:4000"));
            let options = ConnectOptions { local, ..ConnectOptions::to(at(remote)) };
            two.hosts[0].tcp_connect(two.now, options).expect("two 4-tuples");
        }
        let crowd: Vec<_> = (0..10_000).map(|_| two.connect(0, "10.0.0.2:80")).collect();
        two.run(5_000);
        assert!(crowd.iter().all(|id| two.state(0, *id) == State::Established));
        let ports: BTreeSet<u16> = crowd
            .iter()
            .filter_map(|id| two.hosts[0].tcp_addrs(*id))
            .map(|(local, _)| local.port())
            .collect();
        assert_eq!(ports.len(), 10_000);
        for (listener, expected) in listeners.into_iter().zip([10_001, 1]) {
            let accepted = core::iter::from_fn(|| two.hosts[1].tcp_accept(listener)).count();
            assert_eq!(accepted, expected);
        }
        assert_eq!(two.hosts[1].counters().tcp_curr_estab, 10_002);
    }

    /// Covers: RFC 6056 6056-5
    #[test]
    fn ports_are_used_up_for_one_peer_only_and_come_back() {
        let mut bench = Bench::new();
        bench.host.tcp_set_port_range(50_000..=50_009).expect("a range");
        assert_eq!(bench.host.tcp_set_port_range(0..=9), Err(PortError::Range));
        let mut connect = |remote: &str| bench.host.tcp_connect(bench.now, ConnectOptions::to(at(remote)));
        let ids: Vec<_> = (0..10).map(|_| connect("10.0.0.2:80").expect("a port")).collect();
        assert_eq!(connect("10.0.0.2:80"), Err(ConnectError::AddrNotAvailable));
        assert!(connect("10.0.0.2:81").is_ok());
        bench.host.tcp_abort(bench.now, ids[3]);
        bench.host.tcp_release(bench.now, ids[3]);
        let options = ConnectOptions::to(at("10.0.0.2:80"));
        assert!(bench.host.tcp_connect(bench.now, options).is_ok());
    }
}

mod rfc9293_3_5 {
    use super::*;

    #[test]
    fn two_hosts_open_talk_and_leave_nothing_behind() {
        for remote in ["10.0.0.2:80", "[fd00::2]:80"] {
            let mut two = Two::new();
            let (ours, theirs) = two.established(remote);
            assert!(two.take_events(0).contains(&HostEvent::TcpConnected(ours)));
            assert_eq!(two.send(0, ours, b"ping"), 4);
            two.run(100);
            assert!(two.take_events(1).contains(&HostEvent::TcpReadable(theirs)));
            assert_eq!(two.receive(1, theirs), b"ping");
            assert_eq!(two.send(1, theirs, b"pong"), 4);
            two.hosts[1].tcp_close(two.now, theirs).expect("open");
            two.run(100);
            assert_eq!(two.receive(0, ours), b"pong");
            assert_eq!(two.hosts[0].tcp_receive(two.now, ours, 9).err(), Some(ReceiveError::Finished));
            assert_eq!((two.state(0, ours), two.state(1, theirs)), (State::CloseWait, State::FinWait2));
            two.send(0, ours, b"half-closed");
            two.hosts[0].tcp_release(two.now, ours);
            two.run(100);
            assert_eq!(two.receive(1, theirs), b"half-closed");
            assert_eq!(two.state(1, theirs), State::TimeWait);
            two.hosts[1].tcp_release(two.now, theirs);
            two.run(61_000);
            for host in &two.hosts {
                assert_eq!(host.tcp_counts().connections + host.tcp_counts().time_wait, 0);
                for account in [Account::TcpRecord, Account::TcpSend, Account::TcpReceive] {
                    assert_eq!(host.budget().held_for(account), 0, "{account:?}");
                }
                assert_eq!(host.counters().tcp_curr_estab, 0);
            }
        }
    }

    /// Covers: RFC 9293 9293-E1
    #[test]
    fn a_port_where_nobody_is_refuses() {
        let mut two = Two::new();
        let id = two.connect(0, "10.0.0.2:9");
        two.run(50);
        let refused = HostEvent::TcpClosed(id, Some(ConnectionError::Refused));
        assert_eq!(two.take_events(0), [refused]);
        assert_eq!(two.hosts[0].counters().tcp_attempt_fails, 1);
        assert_eq!(two.hosts[1].counters().dropped(Drop::TcpNoListener), 1);
        two.hosts[0].tcp_release(two.now, id);
        two.run(50);
        assert_eq!(two.hosts[0].tcp_counts().connections, 0);
        let gone = two.hosts[0].tcp_send(two.now, id, Payload::copy_of(b"x"), SendFlags::default());
        assert_eq!(gone, Err(SendError::Closed(Some(ConnectionError::Aborted))));
    }

    /// Covers: RFC 9293 9293-E33
    #[test]
    fn who_watches_sees_every_state_by_its_name_on_both_sides() {
        let mut two = Two::new();
        two.hosts.iter_mut().for_each(|host| host.watch(true));
        let (ours, theirs) = two.established("10.0.0.2:80");
        two.hosts[0].tcp_close(two.now, ours).expect("open");
        two.run(20);
        two.hosts[1].tcp_close(two.now, theirs).expect("open");
        two.run(61_000);
        let seen: Vec<Vec<String>> = two.hosts.iter_mut().map(states).collect();
        let client = ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED"];
        let server = ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"];
        assert_eq!(seen, [client.to_vec(), server.to_vec()]);
    }

    fn states(host: &mut stack::Host) -> Vec<String> {
        let traces = core::iter::from_fn(|| host.poll_trace());
        let state = |trace| match trace {
            stack::Trace::Tcp { note: tcp::Note::State { to, .. }, .. } => Some(to.to_string()),
            _ => None,
        };
        traces.filter_map(state).collect()
    }

    #[test]
    fn a_host_talks_to_itself_and_a_connection_to_itself() {
        let mut two = Two::new();
        let listener = two.listen(0, "127.0.0.1:80", ListenConfig::default());
        let ours = two.connect(0, "127.0.0.1:80");
        two.run(50);
        let (theirs, peer) = two.hosts[0].tcp_accept(listener).expect("it came");
        assert_eq!(Some(peer), two.hosts[0].tcp_addrs(ours).map(|(local, _)| local));
        two.send(0, ours, b"hello");
        two.run(50);
        assert_eq!(two.receive(0, theirs), b"hello");

        let both = at("10.0.0.1:4000");
        let options = ConnectOptions { local: Some(both), ..ConnectOptions::to(both) };
        let id = two.hosts[0].tcp_connect(two.now, options).expect("free");
        two.run(50);
        assert_eq!(two.state(0, id), State::Established);
        two.send(0, id, b"echo");
        two.run(50);
        assert_eq!(two.receive(0, id), b"echo");
        two.hosts[0].tcp_close(two.now, id).expect("open");
        two.run(50);
        assert_eq!(two.state(0, id), State::TimeWait);
        assert_eq!(two.sent, 0, "nothing of it left the host");
    }

    /// Covers: RFC 9293 MUST-48, MUST-49
    #[test]
    fn ttl_is_the_users() {
        let mut bench = Bench::new();
        let options = ConnectOptions { ttl: Some(7), ..ConnectOptions::to(at("10.0.0.2:80")) };
        let id = bench.host.tcp_connect(bench.now, options).expect("free");
        assert_eq!(bench.one().ttl, 7);
        bench.host.tcp_set_marks(id, Some(9), None);
        let again = bench.pass(1_100);
        assert_eq!(again.iter().map(|(after, seen)| (*after, seen.ttl)).collect::<Vec<_>>(), [(1_000, 9)]);
    }

    /// Covers: RFC 6528 6528-1, 6528-6; RFC 6191 6191-8; RFC 7323 7323-28
    #[test]
    fn numbers_and_clocks_of_one_peer_go_on_and_those_of_others_tell_nothing() {
        let mut bench = Bench::new();
        let open = |bench: &mut Bench, local: u16, remote: &str| {
            let local = Some(at(&format!("10.0.0.1:{local}")));
            let options = ConnectOptions { local, ..ConnectOptions::to(at(remote)) };
            let id = bench.host.tcp_connect(bench.now, options).expect("free");
            let syn = bench.one();
            bench.host.tcp_abort(bench.now, id);
            bench.host.tcp_release(bench.now, id);
            bench.sent();
            (syn.header.seq, syn.header.options.timestamps.expect("offered").value)
        };
        let (seq, stamp) = open(&mut bench, 4_000, "10.0.0.2:80");
        bench.pass(4);
        let (later_seq, later_stamp) = open(&mut bench, 4_000, "10.0.0.2:80");
        assert_eq!(later_seq.since(seq), Some(1_000), "one every 4 µs");
        let (other_seq, other_stamp) = open(&mut bench, 4_001, "10.0.0.2:80");
        assert_eq!((later_stamp.wrapping_sub(stamp), other_stamp), (4, later_stamp));
        assert!(other_seq.since(later_seq).is_none_or(|gap| gap > 100_000));
        let (_, elsewhere) = open(&mut bench, 4_000, "10.0.0.3:80");
        assert_ne!(elsewhere, later_stamp);
        assert_ne!(later_stamp, bench.now.as_millis() as u32);
    }

    #[test]
    fn memory_that_is_used_up_is_an_error_and_comes_back() {
        let mut bench = Bench::with(HostConfig { memory: 1 << 20, ..HostConfig::default() });
        let mut ids = Vec::new();
        let error = loop {
            match bench.host.tcp_connect(bench.now, ConnectOptions::to(at("10.0.0.2:80"))) {
                Ok(id) => ids.push(id),
                Err(error) => break error,
            }
        };
        assert_eq!(error, ConnectError::OutOfMemory);
        assert!((128..=512).contains(&ids.len()), "{}", ids.len());
        for id in ids {
            bench.host.tcp_release(bench.now, id);
        }
        bench.sent();
        assert_eq!(bench.host.budget().held_for(Account::TcpRecord), 0);
        assert!(bench.host.tcp_connect(bench.now, ConnectOptions::to(at("10.0.0.2:80"))).is_ok());
    }
}

mod rfc9293_3_9_2_3 {
    use super::*;
    use crate::bench::Peer;

    /// Covers: RFC 9293 MUST-57, MUST-63
    #[test]
    fn a_syn_to_or_from_everybody_meets_silence() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", ListenConfig::default());
        bench.listen("[::]:80", ListenConfig::default());
        for (from, to) in [
            ("10.0.0.2:9", "255.255.255.255:80"),
            ("10.0.0.2:9", "10.0.0.255:80"),
            ("10.0.0.2:9", "224.0.0.1:80"),
            ("[fd00::2]:9", "[ff02::1]:80"),
            ("224.0.0.1:9", "10.0.0.1:80"),
            ("255.255.255.255:9", "10.0.0.1:80"),
            ("10.0.0.255:9", "10.0.0.1:80"),
            ("127.0.0.1:9", "10.0.0.1:80"),
            ("[ff02::1]:9", "[fd00::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            let mut peer = Peer::new(from, to);
            peer.send(&mut bench, Flags::SYN, b"");
            assert!(bench.sent().is_empty() && bench.others.is_empty(), "{from} {to}");
        }
        assert_eq!(bench.host.tcp_counts().half_open, 0);
        assert!(bench.pass(5_000).is_empty());
    }

    #[test]
    fn port_zero_and_broken_segments_are_counted_and_not_answered() {
        let mut bench = Bench::new();
        bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("10.0.0.2:0", "10.0.0.1:80");
        peer.send(&mut bench, Flags::SYN, b"");
        assert_eq!(bench.host.counters().dropped(Drop::TcpPortZero), 1);
        let mut peer = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        peer.send(&mut bench, Flags::SYN, b"");
        bench.sent();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.host.counters().tcp_in_segs, 2);
    }
}
