//! Floods: whatever comes by the hundred thousand costs a bounded amount of memory, and those who behave are served.

use super::*;
use crate::{Account, Cidr, RouteEntry, UdpOptions};
use alloc::vec;
use wire::icmpv4::Repr;

fn neighbours(bench: &Bench) -> usize {
    bench.host.ip.interface(bench.id).unwrap().neighbours.len()
}

fn fragment_of(src: Ipv4Addr, offset: usize, more: bool, data: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        identification: 77,
        dont_fragment: false,
        more_fragments: more,
        fragment_offset: (offset / 8) as u16,
        ..ipv4::Repr::new(src, US, Protocol::UDP)
    };
    v4(repr, data)
}

/// First fragments from a hundred thousand sources, tiny or large, whose rest never comes: what is in pieces between
/// them still arrives whole, and after a minute nothing is left.
#[test]
fn a_datagram_in_pieces_gets_through_a_flood_of_pieces() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    let limit = HostConfig::default().reassembly_memory;
    let whole = udp_of(FAR, US, 7, &[5; 3_000]);
    for n in 0..100_000u32 {
        let src = Ipv4Addr::from_bits(0x0a00_0000 + n);
        let size = if n % 2 == 0 { 8 } else { 1_024 };
        bench.give(&fragment_of(src, 8 * (n as usize % 3), true, &vec![1; size]));
        assert!(bench.host.budget().held_for(Account::Reassembly) <= limit);
        // Its three pieces come with a hundred of the others between them.
        match n % 10_000 {
            0 => bench.give(&fragment_of(FAR, 2_400, false, &whole[2_400..])),
            100 => bench.give(&fragment_of(FAR, 0, true, &whole[..1_200])),
            200 => {
                bench.give(&fragment_of(FAR, 1_200, true, &whole[1_200..2_400]));
                assert_eq!(bench.received(socket), [vec![5; 3_000]], "at {n}");
            }
            _ => {}
        }
    }
    assert!(bench.dropped(Drop::FragmentLimit) > 50_000);
    bench.wait(Duration::from_secs(61));
    assert_eq!(bench.host.budget().held_for(Account::Reassembly), 0);
}

/// The largest datagram there is, and one octet more.
#[test]
fn no_datagram_is_larger_than_a_length_can_say() {
    let mut bench = Bench::ip();
    let socket = bench.udp();
    let data: Vec<u8> = (0..65_507usize).map(|n| n as u8).collect();
    let whole = udp_of(FAR, US, 7, &data);
    let mut pieces: Vec<usize> = (0..whole.len()).step_by(1_480).collect();
    pieces.reverse();
    for at in pieces {
        let end = whole.len().min(at + 1_480);
        bench.give(&fragment_of(FAR, at, end < whole.len(), &whole[at..end]));
    }
    assert_eq!(bench.received(socket), [data]);
    for (at, len) in [(65_528, 8), (65_520, 16), (64_120, 1_480)] {
        bench.refuses(&fragment_of(FAR, at, false, &vec![0; len]), Drop::FragmentMalformed);
    }
    assert_eq!(bench.host.budget().held_for(Account::Reassembly), 0);
}

/// Pings from fifty thousand neighbours that are not there: each would be answered if it could be found. The table of
/// neighbours and what waits for them stay small, and who is really there is not pushed out.
#[test]
fn neighbours_that_are_not_there_do_not_push_out_those_who_are() {
    let mut bench = Bench::ethernet();
    let hello = ndp::Repr::NeighborSolicit { target: US6, source_link: Some(PEER_MAC) };
    bench.give(&ndp_frame(MAC, PEER6, US6, 255, &hello));
    bench.sent();
    let ping = |from: Ipv6Addr| framed(MAC, EtherType::IPV6, &ping6(from, US6, &[0; 1_000]));
    assert_eq!(bench.answer(&ping(PEER6)).len(), 1, "answered at once");
    let prefix = US6.to_bits() & !0xffff_ffff;
    for n in 0..50_000u128 {
        bench.give(&ping(Ipv6Addr::from_bits(prefix | (0x1_0000 + n))));
        bench.sent();
        if n % 1_000 == 0 {
            assert_eq!(bench.answer(&ping(PEER6)).len(), 1, "at {n}");
        }
        assert!(neighbours(&bench) <= HostConfig::default().neighbours);
        assert!(bench.host.budget().held_for(Account::Neighbour) <= 4 << 20);
    }
    bench.wait(Duration::from_secs(10));
    assert_eq!(bench.host.budget().held_for(Account::Neighbour), 0);
    assert!(neighbours(&bench) <= 1);
}

/// Whoever can speak as the router can lead us anywhere; but not make us remember without end.
#[test]
fn redirects_are_bounded_and_forgotten() {
    let mut bench = Bench::ip();
    let everywhere = RouteEntry {
        destination: Cidr::ALL_V4,
        gateway: Some(ROUTER.into()),
        interface: bench.id,
        metric: 0,
    };
    bench.host.add_route(everywhere).unwrap();
    let hop = |bench: &Bench, n: u32| {
        bench.host.route(Ipv4Addr::from_bits(0x0a00_0000 + n).into(), None).unwrap().next_hop
    };
    let better = Ipv4Addr::new(192, 0, 2, 253);
    for n in 0..20_000u32 {
        let dst = Ipv4Addr::from_bits(0x0a00_0000 + n);
        let quoted = v4_from(US, dst, Protocol::UDP, &udp_of(US, dst, 9, b"12345678"));
        let message = Repr::Redirect { code: 1, gateway: better, quoted: &quoted }.emit();
        bench.give(&v4_from(ROUTER, US, Protocol::ICMP, &message));
        bench.now += Duration::from_micros(10);
    }
    let led = (0..20_000).filter(|n| hop(&bench, *n) == IpAddr::from(better)).count();
    assert_eq!((led, hop(&bench, 19_999)), (256, better.into()), "the latest");
    bench.wait(Duration::from_secs(601));
    assert_eq!(hop(&bench, 19_999), IpAddr::from(ROUTER));
    assert_eq!(bench.host.poll_timeout(), None);
}

/// Nobody reads one socket. It holds what it may, and the socket next to it does not notice.
#[test]
fn a_socket_that_nobody_reads_is_bounded_and_alone_in_that() {
    let mut bench = Bench::ip();
    let flooded = bench.udp();
    let other = bench.host.udp_bind(UdpBind { port: 8, ..UdpBind::default() }).unwrap();
    let before = bench.host.budget().held_for(Account::Udp);
    for n in 0..100_000u32 {
        bench.give(&udp4(7, if n % 2 == 0 { b"" } else { &[0; 1_000] }));
        if n % 1_000 == 0 {
            bench.give(&udp4(8, b"mine"));
            assert_eq!(bench.received(other), [b"mine"]);
        }
        let held = bench.host.budget().held_for(Account::Udp) - before;
        assert!(held <= UdpOptions::default().receive_limit + 4_096, "{held}");
    }
    bench.received(flooded);
    assert_eq!(bench.host.budget().held_for(Account::Udp), before);
}
