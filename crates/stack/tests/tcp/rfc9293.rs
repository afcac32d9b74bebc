//! Rules of RFC 9293 that only a whole host can keep: OPEN and its addresses, the size that is announced.

use crate::bench::{Bench, Peer, Two, at, host};
use env::Machine as _;
use stack::{
    Cidr, ConnectOptions, Host, HostConfig, InterfaceConfig, ListenConfig, ListenError, Medium, RouteEntry,
};
use std::net::{IpAddr, SocketAddr};
use tcp::{SendFlags, State};
use wire::tcp::{Flags, Timestamps};
use wire::{Payload, WireWindow};

mod open_3_9_1_1 {
    use super::*;

    /// Covers: RFC 9293 MUST-41
    #[test]
    fn listening_again_where_a_connection_is_leaves_the_connection_alone() {
        let mut two = Two::new();
        let first = two.listen(1, "10.0.0.2:80", ListenConfig::default());
        let ours = two.connect(0, "10.0.0.2:80");
        two.run(50);
        let (theirs, _) = two.hosts[1].tcp_accept(first).expect("open");
        // A second OPEN fails while the first listener is there, and is a record of its own when it is gone.
        for local in ["10.0.0.2:80", "0.0.0.0:80"] {
            let again = two.hosts[1].tcp_listen(two.now, at(local), ListenConfig::default());
            assert_eq!(again, Err(ListenError::AddrInUse));
        }
        two.hosts[1].tcp_unlisten(two.now, first);
        let second = two.listen(1, "0.0.0.0:80", ListenConfig::default());
        assert_ne!(first, second);
        two.send(0, ours, b"still the same");
        two.run(50);
        assert_eq!(two.receive(1, theirs), b"still the same");
        assert_eq!(two.hosts[1].tcp_accept(second), None, "nothing of it came to the listener");
        let other = two.connect(0, "10.0.0.2:80");
        two.run(50);
        assert!(two.hosts[1].tcp_accept(second).is_some());
        assert_eq!((two.state(0, ours), two.state(0, other)), (State::Established, State::Established));
    }

    /// Covers: RFC 9293 MUST-41, MUST-42
    #[test]
    fn a_port_can_be_listened_at_while_a_connection_from_it_is_half_open() {
        let mut bench = Bench::new();
        let options =
            ConnectOptions { local: Some(at("10.0.0.1:4000")), ..ConnectOptions::to(at("10.0.0.2:80")) };
        let id = bench.host.tcp_connect(bench.now, options).expect("free");
        let mut peer = Peer::new("10.0.0.2:80", "10.0.0.1:4000");
        peer.take(&bench.one());
        // SYN-SENT.
        let listener = bench.listen("10.0.0.1:4000", ListenConfig::default());
        bench.host.tcp_unlisten(bench.now, listener);
        // SYN-RECEIVED, by a SYN that crossed ours; and this time the other listener holds all addresses.
        peer.send(&mut bench, Flags::SYN, b"");
        peer.take(&bench.one());
        assert_eq!(bench.host.tcp_state(id), State::SynReceived);
        let listener = bench.listen("0.0.0.0:4000", ListenConfig::default());
        // Somebody else comes to the listener, and the handshake that was under way ends where it began.
        Peer::new("10.0.0.2:81", "10.0.0.1:4000").open(&mut bench);
        peer.send(&mut bench, Flags::ACK, b"");
        assert_eq!(bench.host.tcp_state(id), State::Established);
        assert_eq!(bench.host.tcp_accept(listener).map(|(_, from)| from), Some(at("10.0.0.2:81")));
        assert_eq!(bench.host.tcp_accept(listener), None);
    }

    /// Covers: RFC 9293 MUST-42
    #[test]
    fn a_port_can_be_listened_at_again_while_peers_of_the_old_listener_are_half_open() {
        let mut bench = Bench::new();
        let first = bench.listen("10.0.0.1:80", ListenConfig::default());
        let mut half = Peer::new("10.0.0.2:9", "10.0.0.1:80");
        half.send(&mut bench, Flags::SYN, b"");
        half.take(&bench.one());
        bench.host.tcp_unlisten(bench.now, first);
        let second = bench.listen("10.0.0.1:80", ListenConfig::default());
        half.send(&mut bench, Flags::ACK, b"");
        assert_eq!(bench.one().flags(), Flags::RST, "the old promise is gone with the old listener");
        Peer::new("10.0.0.2:10", "10.0.0.1:80").open(&mut bench);
        assert!(bench.host.tcp_accept(second).is_some());
    }

    /// A host with two addresses on each of two links.
    fn multihomed() -> (Host, [stack::InterfaceId; 2]) {
        let mut host = Host::new(HostConfig::default(), [9; 32]).expect("sound settings");
        let mut link = |name: &str, addresses: [&str; 2]| {
            let config = addresses.iter().fold(InterfaceConfig::new(name, Medium::Ip), |config, address| {
                config.address(address.parse::<Cidr>().expect("an address"))
            });
            host.add_interface(crate::bench::START, config).expect("sound settings")
        };
        let links =
            [link("one", ["10.0.0.1/24", "10.0.0.5/24"]), link("two", ["10.0.1.1/24", "10.0.1.5/24"])];
        (host, links)
    }

    fn next(host: &mut Host) -> (stack::InterfaceId, SocketAddr) {
        let (id, frame) = host.poll_transmit(crate::bench::START).expect("a SYN");
        (id, crate::bench::read(&frame.contiguous()).expect("TCP").src)
    }

    /// Covers: RFC 9293 MUST-43, MUST-44
    #[test]
    fn the_local_address_is_the_users_or_else_the_one_that_the_route_has() {
        let (mut host, [one, two]) = multihomed();
        let now = crate::bench::START;
        for (remote, by, from) in [("10.0.0.2:80", one, "10.0.0.1"), ("10.0.1.2:80", two, "10.0.1.1")] {
            let id = host.tcp_connect(now, ConnectOptions::to(at(remote))).expect("a route");
            let (local, _) = host.tcp_addrs(id).expect("named at once");
            assert_eq!(local.ip(), from.parse::<IpAddr>().expect("an address"), "before the first segment");
            assert_eq!(next(&mut host), (by, local));
        }
        for from in ["10.0.0.5:0", "10.0.1.5:0"] {
            let options = ConnectOptions { local: Some(at(from)), ..ConnectOptions::to(at("10.0.0.2:80")) };
            let id = host.tcp_connect(now, options).expect("ours");
            let (local, _) = host.tcp_addrs(id).expect("named");
            assert_eq!(local.ip(), at(from).ip());
            assert_eq!(next(&mut host), (one, local), "the way is the destination's, the source the user's");
        }
    }

    /// Covers: RFC 9293 MUST-45
    #[test]
    fn the_address_stays_whatever_becomes_of_routes_and_addresses() {
        let mut bench = Bench::new();
        let listener = bench.listen("0.0.0.0:80", ListenConfig::default());
        let mut peer = Peer::new("192.0.2.7:9", "10.0.0.1:80");
        peer.open(&mut bench);
        let (passive, _) = bench.host.tcp_accept(listener).expect("open");
        let active = ConnectOptions::to(at("192.0.2.7:80"));
        let active = bench.host.tcp_connect(bench.now, active).expect("a route");
        assert_eq!(bench.one().src.ip(), at("10.0.0.1:0").ip());
        // Another address, and another network to which the same peer is nearer: new connections use it.
        let better: Cidr = "192.0.2.1/24".parse().expect("a network");
        bench.host.add_address(bench.now, bench.id, better).expect("new");
        let everywhere = RouteEntry {
            destination: "192.0.2.0/24".parse().expect("a network"),
            gateway: Some(at("192.0.2.254:0").ip()),
            interface: bench.id,
            metric: 0,
        };
        bench.host.add_route(everywhere).expect("a neighbour");
        bench.host.tcp_connect(bench.now, ConnectOptions::to(at("192.0.2.7:81"))).expect("a route");
        assert_eq!(bench.one().src.ip(), at("192.0.2.1:0").ip());
        bench
            .host
            .tcp_send(bench.now, passive, Payload::copy_of(b"data"), SendFlags::default())
            .expect("room");
        assert_eq!(bench.one().src, at("10.0.0.1:80"));
        // Retransmissions of both, and their ends.
        for (_, seen) in bench.pass(3_000) {
            let new = seen.dst == at("192.0.2.7:81");
            assert_eq!(seen.src.ip() == at("10.0.0.1:0").ip(), !new, "{seen:?}");
        }
        for id in [passive, active] {
            bench.host.tcp_abort(bench.now, id);
        }
        let ends = bench.sent();
        assert!(!ends.is_empty() && ends.iter().all(|seen| seen.src.ip() == at("10.0.0.1:0").ip()));
    }
}

mod announced_size_3_7_1 {
    use super::*;

    /// The interface's MTU less two fixed headers, on SYN and SYN-ACK, whatever options there are and whatever is known
    /// of the path; and segments of ours leave room for the options that they carry.
    ///
    /// Covers: RFC 9293 MUST-67, 9293-E43; RFC 6691 6691-1; RFC 8200 8200-20
    #[test]
    fn the_size_announced_is_the_links_less_the_fixed_headers() {
        for mtu in [1_280u16, 1_500, 9_000] {
            let (mut machine, id) = host(1, HostConfig::default());
            machine.set_mtu(id, mtu).expect("sound");
            let mut bench = Bench { host: machine, id, ..Bench::new() };
            for (from, to, header) in [("10.0.0.2:9", "10.0.0.1:80", 20), ("[fd00::2]:9", "[fd00::1]:80", 40)]
            {
                let room = mtu - header - 20;
                bench.host.tcp_connect(bench.now, ConnectOptions::to(at(from))).expect("a route");
                let syn = bench.one();
                assert!(syn.header.options.timestamps.is_some() && syn.header.options.sack_permitted);
                assert_eq!(syn.header.options.mss, Some(room));

                let listener = bench.listen(to, ListenConfig::default());
                let mut peer = Peer { stamp: Some(7), ..Peer::new(from, to) };
                peer.at.set_port(10);
                peer.options.mss = Some(9_000);
                assert_eq!(peer.open(&mut bench).header.options.mss, Some(room));
                let (conn, _) = bench.host.tcp_accept(listener).expect("open");
                let data = Payload::copy_of(&[1; 20_000]);
                bench.host.tcp_send(bench.now, conn, data, SendFlags::default()).expect("room");
                let sent = bench.sent();
                let longest = sent.iter().map(|seen| seen.payload.len()).max().expect("data");
                assert_eq!(longest, usize::from(room.min(9_000)) - 12, "timestamps and two NOPs");
                for seen in sent {
                    assert!(seen.flags().contains(Flags::ACK) && seen.header.ack == peer.seq);
                    assert!(matches!(seen.header.options.timestamps, Some(Timestamps { echo: 7, .. })));
                    assert_ne!(seen.header.window, WireWindow::new(0));
                }
            }
        }
    }
}

mod differentiated_services_3_9_2 {
    use super::*;
    use wire::{ipv4, ipv6};

    /// Covers: RFC 9293 MUST-48, SHLD-21, SHLD-22
    #[test]
    fn the_code_point_is_the_users_at_opening_and_at_any_time_after_that() {
        for (from, to) in [("10.0.0.2:9", "10.0.0.1:80"), ("[fd00::2]:9", "[fd00::1]:80")] {
            let mut bench = Bench::new();
            let marked = |bench: &mut Bench| {
                let (_, frame) = bench.host.poll_transmit(bench.now).expect("a segment");
                let bytes = frame.to_vec();
                match bytes[0] >> 4 {
                    4 => ipv4::View::new(&bytes).expect("IPv4").dscp(),
                    _ => ipv6::View::new(&bytes).expect("IPv6").dscp(),
                }
            };
            let options = ConnectOptions { dscp: 46, ..ConnectOptions::to(at(from)) };
            let active = bench.host.tcp_connect(bench.now, options).expect("a route");
            assert_eq!(marked(&mut bench), 46);
            bench.host.tcp_set_marks(active, None, Some(10));
            bench.host.tcp_abort(bench.now, active);

            let listener = bench.listen(to, ListenConfig { dscp: 34, ..ListenConfig::default() });
            let mut peer = Peer::new(from, to);
            peer.at.set_port(10);
            peer.send(&mut bench, Flags::SYN, b"");
            let (_, syn_ack) = bench.host.poll_transmit(bench.now).expect("a SYN-ACK");
            let bytes = syn_ack.to_vec();
            peer.take(&crate::bench::read(&bytes).expect("TCP"));
            peer.send(&mut bench, Flags::ACK, b"");
            let (id, _) = bench.host.tcp_accept(listener).expect("open");
            for (set, expected) in [(None, 34), (Some(8), 8), (Some(0), 0), (Some(63), 63)] {
                bench.host.tcp_set_marks(id, None, set);
                let data = Payload::copy_of(b"data");
                let push = SendFlags { push: true, ..SendFlags::default() };
                bench.host.tcp_send(bench.now, id, data, push).expect("room");
                assert_eq!(marked(&mut bench), expected, "{set:?}");
                peer.ack += 4;
                peer.send(&mut bench, Flags::ACK, b"");
            }
        }
    }
}
