//! Addresses: probed for before they are used (§5.4), formed of what routers advertise (§5.5).

use super::rfc4861::{ROUTER6, advertise, group_mac, listening, read, router_advert, solicit};
use super::*;
use crate::{AddressState, HostEvent, SendFailure};
use wire::ndp::{Prefix, Repr};

const NETWORK: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0);
/// On the link, in the network that is advertised.
const NEAR: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x99);

fn prefix(valid: u32, preferred: u32) -> Prefix {
    let (on_link, autonomous) = (true, true);
    Prefix {
        prefix: NETWORK,
        len: 64,
        on_link,
        autonomous,
        valid_lifetime: valid,
        preferred_lifetime: preferred,
    }
}

fn say(bench: &mut Bench, prefix: Prefix) {
    advertise(bench, ROUTER6, 255, &router_advert(|a| a.prefixes.push(prefix)));
}

/// The addresses that were formed in the network, and where they stand.
fn formed(bench: &Bench) -> Vec<(Ipv6Addr, AddressState)> {
    let all = bench.host.addresses(bench.id).into_iter();
    let ours = |(cidr, state): (crate::Cidr, AddressState)| match cidr.address() {
        IpAddr::V6(a) if a.segments()[..4] == NETWORK.segments()[..4] => Some((a, state)),
        _ => None,
    };
    all.filter_map(ours).collect()
}

fn events(bench: &mut Bench) -> Vec<HostEvent> {
    core::iter::from_fn(|| bench.host.poll_event()).collect()
}

#[test]
fn a_host_forms_an_address_of_an_advertised_prefix_and_reaches_its_neighbours() {
    let mut bench = listening();
    assert!(bench.host.route(NEAR.into(), None).is_err());
    say(&mut bench, prefix(86_400, 14_400));
    let all = formed(&bench);
    assert_eq!(all.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [AddressState::Preferred]);
    let ours = all[0].0;
    let near = bench.host.route(NEAR.into(), None).unwrap();
    assert_eq!((near.src, near.next_hop), (ours.into(), NEAR.into()), "on the link, not by the router");
    // Heard again, it is the same address.
    say(&mut bench, prefix(86_400, 14_400));
    assert_eq!(formed(&bench), all);
    // Said not to be on the link: its neighbours are the router's business (RFC 5942 §4).
    say(&mut bench, Prefix { valid_lifetime: 0, autonomous: false, ..prefix(0, 0) });
    assert_eq!(bench.host.route(NEAR.into(), None).unwrap().next_hop, IpAddr::from(ROUTER6));
}

#[test]
fn no_address_is_formed_of_what_is_not_fit_for_it() {
    let mut bench = listening();
    let good = prefix(86_400, 14_400);
    for bad in [
        Prefix { autonomous: false, ..good },
        Prefix { len: 63, ..good },
        Prefix { preferred_lifetime: 86_401, ..good },
        Prefix { valid_lifetime: 0, preferred_lifetime: 0, ..good },
        Prefix { prefix: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), ..good },
        Prefix { prefix: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0), ..good },
    ] {
        let before = bench.host.addresses(bench.id).len();
        say(&mut bench, bad);
        assert_eq!(bench.host.addresses(bench.id).len(), before, "{bad:?}");
    }
    // And of a flood of them, a few.
    for n in 0..100 {
        let segments = Ipv6Addr::new(0x2001, 0xdb8, 8, n, 0, 0, 0, 0);
        say(&mut bench, Prefix { prefix: segments, ..good });
    }
    assert!(bench.host.addresses(bench.id).len() < 16);
    // A host that was given its plan forms none.
    let mut deaf = Bench::ethernet();
    say(&mut deaf, good);
    assert!(formed(&deaf).is_empty());
}

/// Covers: RFC 4862 4862-3
#[test]
fn an_address_is_deprecated_and_then_gone() {
    let mut bench = listening();
    say(&mut bench, prefix(10_000, 5_000));
    let ours = formed(&bench)[0].0;
    events(&mut bench);
    let echo = |bench: &mut Bench| {
        let ping = framed(MAC, EtherType::IPV6, &ping6(PEER6, ours, b""));
        bench.answer(&ping).len() + bench.wait(Duration::from_millis(10)).len()
    };
    bench.wait(Duration::from_secs(5_001));
    assert_eq!(formed(&bench), [(ours, AddressState::Deprecated)]);
    assert!(echo(&mut bench) > 0, "it still receives, and answers");
    // Preferred again when a router says so; what is new comes from it only then.
    let source = |bench: &Bench| bench.host.route(NEAR.into(), None).map(|route| route.src);
    assert_ne!(source(&bench), Ok(ours.into()));
    say(&mut bench, prefix(10_000, 5_000));
    assert_eq!(source(&bench), Ok(ours.into()));
    bench.wait(Duration::from_secs(10_001));
    assert_eq!(formed(&bench), []);
    assert!(events(&mut bench).contains(&HostEvent::AddressGone(bench.id, ours.into())));
    assert_eq!(bench.host.route(NEAR.into(), Some(ours.into())), Err(SendFailure::NoSource));
    assert_eq!(echo(&mut bench), 0);
}

#[test]
fn an_address_that_is_no_longer_preferred_when_it_is_found_free_is_deprecated_at_once() {
    for preferred in [0, 1] {
        let config = HostConfig { router_advertisements: true, ..HostConfig::default() };
        let mut bench = Bench::with(config, InterfaceConfig::new("eth", Medium::Ethernet(MAC)));
        say(&mut bench, prefix(3600, preferred));
        assert_eq!(formed(&bench)[0].1, AddressState::Tentative);
        bench.wait(Duration::from_secs(3));
        assert_eq!(formed(&bench)[0].1, AddressState::Deprecated);
    }
}

/// RFC 4862 §5.5.3 e: who can speak on the link cannot end an address at once.
#[test]
fn a_lifetime_is_not_cut_below_two_hours() {
    let mut bench = listening();
    say(&mut bench, prefix(1_000_000, 1_000_000));
    say(&mut bench, prefix(1, 1));
    bench.wait(Duration::from_secs(7_100));
    assert_eq!(formed(&bench).len(), 1);
    // Nearer its end than that, it is not cut at all; but it may be told to live longer.
    say(&mut bench, prefix(1, 1));
    assert_eq!(formed(&bench).len(), 1);
    bench.wait(Duration::from_secs(200));
    assert_eq!(formed(&bench), []);
}

#[test]
fn an_address_that_somebody_has_is_tried_otherwise_three_times_at_most() {
    let config = HostConfig { router_advertisements: true, ..HostConfig::default() };
    let mut bench = Bench::with(config, InterfaceConfig::new("eth", Medium::Ethernet(MAC)));
    say(&mut bench, prefix(86_400, 14_400));
    let mut tried = Vec::new();
    for _ in 0..3 {
        let (ours, state) = formed(&bench)[0];
        assert_eq!(state, AddressState::Tentative);
        tried.push(ours);
        let claim = Repr::NeighborAdvert {
            router: false,
            solicited: false,
            overrides: true,
            target: ours,
            target_link: Some(PEER_MAC),
        };
        let all = MacAddr::multicast_v6(ndp::ALL_NODES);
        bench.give(&ndp_frame(all, ours, ndp::ALL_NODES, 255, &claim));
        bench.wait(Duration::from_millis(1));
    }
    assert_eq!(formed(&bench), [(tried[2], AddressState::Duplicate)]);
    tried.dedup();
    assert_eq!(tried.len(), 3, "each another one");
    say(&mut bench, prefix(86_400, 14_400));
    bench.wait(Duration::from_secs(5));
    assert_eq!(formed(&bench), [(tried[2], AddressState::Duplicate)], "not for ever");
}

/// RFC 8106 §5.1.
#[test]
fn name_servers_are_remembered_while_they_are_advertised() {
    let mut bench = listening();
    let servers = |bench: &Bench| bench.host.advertised_name_servers().collect::<Vec<_>>();
    let say = |bench: &mut Bench, servers: &[Ipv6Addr], lifetime| {
        let advert = router_advert(|a| {
            (a.name_servers, a.name_servers_lifetime) = (servers.to_vec(), lifetime);
        });
        advertise(bench, ROUTER6, 255, &advert);
    };
    say(&mut bench, &[PEER6, NEAR], 100);
    assert_eq!(servers(&bench), [PEER6, NEAR]);
    say(&mut bench, &[NEAR], 0);
    assert_eq!(servers(&bench), [PEER6]);
    bench.wait(Duration::from_secs(101));
    assert!(servers(&bench).is_empty());
    for n in 0..100 {
        say(&mut bench, &[Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)], u32::MAX);
    }
    assert_eq!(servers(&bench).len(), 16);
}

/// Covers: RFC 4862 4862-1, 4862-2
#[test]
fn an_address_is_used_only_after_nobody_claimed_it() {
    let probed = || Bench::with(HostConfig::default(), InterfaceConfig::new("eth", Medium::Ethernet(MAC)));
    let mut bench = probed();
    let states = |bench: &Bench| -> Vec<AddressState> {
        let all = bench.host.addresses(bench.id);
        all.into_iter().filter(|(cidr, _)| cidr.address().is_ipv6()).map(|(_, state)| state).collect()
    };
    assert_eq!(states(&bench), [AddressState::Tentative; 2]);
    bench.sent();
    // Tentative: neither answered for nor sent from.
    bench.refuses(
        &ndp_frame(group_mac(US6), PEER6, ndp::solicited_node(US6), 255, &solicit(US6)),
        Drop::NdpInvalid,
    );
    assert!(bench.host.route(PEER6.into(), None).is_err());
    let asked = bench.wait(Duration::from_millis(2100));
    let probes: Vec<_> = asked.iter().filter_map(|(_, frame)| read(frame)).collect();
    assert_eq!(probes.len(), 2, "one each");
    for (src, dst, question) in probes {
        let Repr::NeighborSolicit { target, source_link: None } = question else { panic!("{question:?}") };
        assert_eq!((src, dst), (Ipv6Addr::UNSPECIFIED, ndp::solicited_node(target)));
    }
    assert_eq!(states(&bench), [AddressState::Preferred; 2]);
    let ready = core::iter::from_fn(|| bench.host.poll_event());
    assert_eq!(ready.filter(|event| matches!(event, HostEvent::AddressReady(..))).count(), 2);
    assert!(bench.host.route(PEER6.into(), None).is_ok());
    // Claimed, or probed for by somebody else too: refused, and the user told.
    let claim = Repr::NeighborAdvert {
        router: false,
        solicited: false,
        overrides: true,
        target: US6,
        target_link: Some(PEER_MAC),
    };
    let all = MacAddr::multicast_v6(ndp::ALL_NODES);
    let claimed = ndp_frame(all, US6, ndp::ALL_NODES, 255, &claim);
    let probe = Repr::NeighborSolicit { target: US6, source_link: None };
    let too = ndp_frame(group_mac(US6), Ipv6Addr::UNSPECIFIED, ndp::solicited_node(US6), 255, &probe);
    for frame in [claimed, too] {
        let mut bench = probed();
        bench.sent();
        assert!(bench.answer(&frame).is_empty());
        assert!(states(&bench).contains(&AddressState::Duplicate));
        let told = core::iter::from_fn(|| bench.host.poll_event()).collect::<Vec<_>>();
        assert!(told.contains(&HostEvent::AddressConflict(bench.id, US6.into())));
        bench.wait(Duration::from_secs(5));
        assert!(bench.host.route(PEER6.into(), Some(US6.into())).is_err());
    }
}
