//! Ports are bound, shared and chosen (RFC 6056).

use super::*;
use alloc::collections::BTreeSet;
use core::net::SocketAddr;
use std::vec;

const LOCAL: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));

fn remote(n: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 80))
}

fn ports() -> Ports {
    Ports::new(&mut Rng::seeded(1))
}

fn port(n: u16) -> Port {
    Port::new(n).unwrap()
}

/// Covers: RFC 6056 6056-5; RFC 9293 9293-E44
#[test]
fn every_port_serves_one_destination_once_and_then_another_destination_still_finds_one() {
    let mut ports = ports();
    let mut used = BTreeSet::new();
    for _ in 0..16_384 {
        let port = ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)).unwrap();
        assert!(used.insert(port));
        let _claimed = ports.connect(LOCAL, port);
    }
    assert_eq!(
        ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)),
        Err(PortError::NoneFree)
    );
    assert!(ports.choose(&mut Rng::seeded(1), LOCAL, remote(3), |_| false).is_ok());
    assert_eq!(ports.bind_any(&mut Rng::seeded(1), Some(LOCAL), false), Err(PortError::NoneFree));
    // One is given back: it is found again, wherever it lies.
    used.remove(&port(50_123));
    assert_eq!(
        ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |port| used.contains(&port)),
        Ok(port(50_123))
    );
}

/// Covers: RFC 6056 6056-2, 6056-6
#[test]
fn ports_to_one_destination_are_used_in_turn_each_once() {
    let mut ports = ports();
    for range in [49_152..=65_535, 1_024..=65_535, 1..=65_535, 60_000..=60_000, 60_000..=60_004] {
        ports.set_range(range.clone()).unwrap();
        assert_eq!(ports.range(), range);
        let seen: BTreeSet<u16> = range
            .clone()
            .map(|_| ports.choose(&mut Rng::seeded(1), LOCAL, remote(2), |_| false).unwrap().get())
            .collect();
        assert_eq!(seen, range.collect());
    }
    assert_eq!(ports.set_range(0..=7), Err(PortError::Range));
    #[expect(clippy::reversed_empty_ranges)]
    let empty = 9..=7;
    assert_eq!(ports.set_range(empty), Err(PortError::Range));
}

/// Covers: RFC 6056 6056-1, 6056-6, 6056-7, 6056-8
#[test]
fn the_last_port_tells_nothing_about_the_next() {
    // To one destination, and over many: bins of the value and of the difference to the one before. The 99.99 %
    // quantile of chi-square with 63 degrees of freedom is about 114.
    let chi = |bins: &[u32]| {
        let expected = f64::from(bins.iter().sum::<u32>()) / bins.len() as f64;
        bins.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum::<f64>()
    };
    for spread in [1, 1_000] {
        let mut ports = ports();
        let draws: Vec<u16> = (0..10_000)
            .map(|n| {
                ports.choose(&mut Rng::seeded(1), LOCAL, remote(n % spread), |_| false).unwrap().get()
                    - 49_152
            })
            .collect();
        let (mut values, mut steps) = (vec![0; 64], vec![0; 64]);
        for pair in draws.windows(2) {
            values[usize::from(pair[0] >> 8)] += 1;
            steps[usize::from(pair[1].wrapping_sub(pair[0]) % 16_384 / 256)] += 1;
        }
        assert!(chi(&values) < 114.0 && chi(&steps) < 114.0, "{} {}", chi(&values), chi(&steps));
        let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / draws.len() as f64;
        let (mut with_next, mut with_self) = (0.0, 0.0);
        for pair in draws.windows(2) {
            with_next += (f64::from(pair[0]) - mean) * (f64::from(pair[1]) - mean);
            with_self += (f64::from(pair[0]) - mean).powi(2);
        }
        // Serial correlation of independent draws stays within four standard deviations, 4 / sqrt(n).
        let correlation: f64 = with_next / with_self;
        assert!(correlation.abs() < 0.04, "{correlation}");
    }
}

/// Covers: RFC 6056 6056-1, 6056-8
#[test]
fn another_secret_or_another_transport_gives_other_ports() {
    let mut rng = Rng::seeded(5);
    let (mut tcp, mut udp) = (Ports::new(&mut rng), Ports::new(&mut rng));
    let same = (0..1_000)
        .filter(|n| {
            tcp.choose(&mut Rng::seeded(1), LOCAL, remote(*n), |_| false)
                == udp.choose(&mut Rng::seeded(1), LOCAL, remote(*n), |_| false)
        })
        .count();
    assert!(same < 5, "{same}");
}

/// Covers: RFC 6056 6056-3, 6056-4
#[test]
fn bound_and_reserved_ports_are_never_chosen() {
    let mut ports = ports();
    ports.set_range(50_000..=50_063).unwrap();
    ports.set_reserved(vec![50_000..=50_009, 50_020..=50_020]);
    let _here = ports.bind(Some(LOCAL), port(50_030), false).unwrap();
    let _all = ports.bind(None, port(50_031), true).unwrap();
    let elsewhere = ports.bind(Some([10, 0, 0, 9].into()), port(50_032), false).unwrap();
    let mut seen = BTreeSet::new();
    for n in 0..100_000u32 {
        seen.insert(ports.choose(&mut Rng::seeded(1), LOCAL, remote(n as u16), |_| false).unwrap().get());
    }
    let expected = (50_010..=50_063).filter(|n| ![50_020, 50_030, 50_031].contains(n));
    assert_eq!(seen, expected.collect());
    ports.release(elsewhere);
    assert!(ports.bind(Some(LOCAL), port(50_000), false).is_ok(), "reserved is not forbidden");
}

#[test]
fn claims_collide_when_their_addresses_overlap_and_not_both_share() {
    let (other, v6) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([0; 16]));
    let (any4, p) = (IpAddr::from([0, 0, 0, 0]), port(80));
    let cases = [
        (Some(LOCAL), false, Some(LOCAL), false, false),
        (Some(LOCAL), false, Some(other), false, true),
        (Some(LOCAL), false, Some(any4), false, false),
        (Some(LOCAL), false, None, false, false),
        (Some(any4), false, Some(v6), false, true),
        (None, false, Some(v6), false, false),
        (Some(LOCAL), true, Some(LOCAL), true, true),
        (Some(LOCAL), true, Some(LOCAL), false, false),
        (Some(LOCAL), false, None, true, false),
        (None, true, None, true, true),
    ];
    for (first, first_reuse, second, second_reuse, fits) in cases {
        let mut ports = ports();
        let one = ports.bind(first, p, first_reuse).unwrap();
        assert!(ports.is_bound(second, p) || fits);
        let two = ports.bind(second, p, second_reuse);
        assert_eq!(two.is_ok(), fits, "{first:?} {first_reuse} {second:?} {second_reuse}");
        ports.release(one);
        if let Ok(two) = two {
            ports.release(two);
        }
        assert!(ports.claims.is_empty());
        assert!(!ports.is_bound(None, p));
    }
}

/// Covers: RFC 9293 9293-E44
#[test]
fn connections_share_a_port_and_keep_an_exclusive_socket_away_until_the_last_is_gone() {
    let mut ports = ports();
    let (one, two) = (ports.connect(LOCAL, port(50_000)), ports.connect(LOCAL, port(50_000)));
    assert_eq!(ports.bind(None, port(50_000), false), Err(PortError::InUse));
    let shared = ports.bind(None, port(50_000), true).unwrap();
    ports.release(shared);
    ports.release(one);
    assert_eq!(ports.bind(Some(LOCAL), port(50_000), false), Err(PortError::InUse));
    ports.release(two);
    assert!(ports.bind(Some(LOCAL), port(50_000), false).is_ok());
}

#[test]
fn the_secret_is_not_printed() {
    let ports = ports();
    let text = std::format!("{ports:?}");
    assert!(text.contains("49152") && !text.contains("key") && !text.contains("counters"), "{text}");
}
