//! What only the holder of the host's secret can foresee (RFC 6528), and what ports are for whom (RFC 6335).

use crate::bench::{Bench, START, at, read};
use env::Machine as _;
use stack::{Cidr, ConnectOptions, Host, HostConfig, HostConfigError, InterfaceConfig, Medium, UdpBind};
use std::collections::BTreeSet;

fn seeded(seed: [u8; 32]) -> Host {
    let mut host = Host::new(HostConfig::default(), seed).expect("a secret");
    let address: Cidr = "10.0.0.1/24".parse().expect("a network");
    host.add_interface(START, InterfaceConfig::new("t0", Medium::Ip).address(address))
        .expect("sound settings");
    host
}

/// The first number of a connection from one port to another host's.
fn first_number(host: &mut Host, local: u16, remote: u16) -> u32 {
    let local = Some(at(&format!("10.0.0.1:{local}")));
    let options = ConnectOptions { local, ..ConnectOptions::to(at(&format!("10.0.0.2:{remote}"))) };
    host.tcp_connect(START, options).expect("free");
    let (_, frame) = host.poll_transmit(START).expect("a SYN");
    read(&frame.contiguous()).expect("TCP").header.seq.raw()
}

/// The secret is all of 256 bits that the user's strong source gave; a seed that nobody drew is refused. Each bit of it
/// changes every number, and no other bits of a number than chance would.
///
/// Covers: RFC 6528 6528-2, 6528-3, 6528-5; RFC 9293 MUST-9
#[test]
fn whoever_does_not_know_the_seed_knows_nothing() {
    assert_eq!(Host::new(HostConfig::default(), [0; 32]).err(), Some(HostConfigError::Seed));
    let seed = *b"an example of thirty-two octets.";
    let base = first_number(&mut seeded(seed), 4_000, 80);
    assert_eq!(first_number(&mut seeded(seed), 4_000, 80), base, "the same seed, the same numbers");
    let mut flips = [0u32; 32];
    for bit in 0..256 {
        let mut other = seed;
        other[bit / 8] ^= 1 << (bit % 8);
        let changed = first_number(&mut seeded(other), 4_000, 80) ^ base;
        (0..32).for_each(|place| flips[place] += changed >> place & 1);
    }
    // 128 of 256 each, with a deviation of 8: five of them either way.
    assert!(flips.iter().all(|count| (88..=168).contains(count)), "{flips:?}");
    // Tuples that differ by one in a port tell nothing of each other either.
    let mut host = seeded(seed);
    let numbers: Vec<u32> = (0..256).map(|n| first_number(&mut host, 4_000, 80 + n)).collect();
    let mut flips = [0u32; 32];
    for pair in numbers.windows(2) {
        (0..32).for_each(|place| flips[place] += (pair[0] ^ pair[1]) >> place & 1);
    }
    assert!(flips.iter().all(|count| (88..=168).contains(count)), "{flips:?}");
}

/// Two hosts that differ in nothing but their secrets print the same.
#[test]
fn no_secret_is_printed() {
    assert_eq!(format!("{:?}", seeded([1; 32])), format!("{:?}", seeded([2; 32])));
}

/// Covers: RFC 6335 6335-1
#[test]
fn ports_that_nobody_named_are_dynamic_ones_and_the_others_have_to_be_named() {
    let mut bench = Bench::new();
    let mut seen = BTreeSet::new();
    for n in 0..2_000u16 {
        let remote = at(&format!("10.0.0.2:{}", 1 + n % 7));
        let id = bench.host.tcp_connect(bench.now, ConnectOptions::to(remote)).expect("a port");
        seen.extend(bench.host.tcp_addrs(id).map(|(local, _)| local.port()));
        let socket = bench.host.udp_bind(UdpBind::default()).expect("a port");
        seen.extend(bench.host.udp_local(socket).map(|local| local.port()));
    }
    assert!(seen.len() > 1_000 && seen.iter().all(|port| *port >= 49_152), "{:?}", seen.first());
    // System and user ports are for those who ask for them by number; who may is for the program to say.
    for port in [1, 1_023, 1_024, 49_151] {
        let named = UdpBind { port, ..UdpBind::default() };
        assert!(bench.host.udp_bind(named).is_ok(), "{port}");
        let listener = bench.listen(&format!("0.0.0.0:{port}"), Default::default());
        assert_eq!(bench.host.tcp_listener_addr(listener).map(|local| local.port()), Some(port));
    }
}
