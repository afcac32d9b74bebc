//! Groups: who gets what, and what routers are told.

use super::net::{Net, any, ip, open, to};
use env::{Duration, Machine};
use handfast_stack::{Drop, UdpSend};
use wire::{Frame, Head, Payload, Protocol, igmp, ipv4, ipv6, mld};

#[test]
fn a_group_s_datagram_goes_to_those_who_joined_here_and_there() {
    for group in ["239.1.2.3", "ff15::9"] {
        let mut net = Net::new();
        let link = Some(net.link);
        let (sender, near, far) = (
            net.a.udp_bind(any(0)).unwrap(),
            net.a.udp_bind(any(7)).unwrap(),
            net.b.udp_bind(any(7)).unwrap(),
        );
        let send = UdpSend { interface: link, ..UdpSend::to(b"all", to(group, 7)) };
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        assert_eq!((net.a.udp_receive(near), net.b.udp_receive(far)), (None, None));
        assert_eq!(net.b.counters().dropped(Drop::NotJoined), 1);
        net.a.udp_join(net.now, near, ip(group), link).unwrap();
        net.b.udp_join(net.now, far, ip(group), link).unwrap();
        net.wait(Duration::from_secs(5));
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        let (here, there) = (net.a.udp_receive(near).unwrap(), net.b.udp_receive(far).unwrap());
        assert_eq!((here.data.to_vec(), here.to, here.interface), (b"all".to_vec(), to(group, 7), net.link));
        assert_eq!((there.data.to_vec(), there.to, there.ttl), (b"all".to_vec(), to(group, 7), 1));
        net.a.udp_options_mut(sender).unwrap().multicast_loop = false;
        net.a.udp_options_mut(sender).unwrap().multicast_ttl = 5;
        net.a.udp_send(net.now, sender, send.clone()).unwrap();
        net.run();
        assert_eq!((net.a.udp_receive(near), net.b.udp_receive(far).unwrap().ttl), (None, 5));
        assert!(net.b.udp_close(net.now, far));
        net.wait(Duration::from_secs(5));
        let before = net.b.counters().dropped(Drop::NotJoined); // Reports of others are for routers.
        net.a.udp_send(net.now, sender, send).unwrap();
        net.run();
        assert_eq!(net.b.counters().dropped(Drop::NotJoined), before + 1);
        // Each join and each leave was said twice.
        assert_eq!((net.a.counters().multicast_out_reports, net.b.counters().multicast_out_reports), (2, 4));
    }
}

#[test]
fn membership_reports_have_what_routers_ask_of_them() {
    let mut net = Net::new();
    let id = net.a.udp_bind(any(7)).unwrap();
    for group in ["239.1.2.3", "ff15::9"] {
        net.a.udp_join(net.now, id, ip(group), Some(net.link)).unwrap();
    }
    net.run();
    let v4 = ipv4::View::new(&net.log[0]).unwrap();
    assert_eq!((v4.dst(), v4.ttl(), v4.protocol()), (igmp::ALL_V3_ROUTERS, 1, Protocol::IGMP));
    assert!(v4.check_options().unwrap().router_alert);
    let message = igmp::View::new(v4.payload()).unwrap();
    assert!(message.checksum_ok());
    let record = |kind, group| igmp::Record { kind, group, sources: Vec::new() };
    let joined = igmp::RecordKind::ChangeToExclude;
    let records = vec![record(joined, "239.1.2.3".parse().unwrap())];
    assert_eq!(message.repr(), Ok(igmp::Repr::ReportV3 { records }));
    let v6 = ipv6::View::new(&net.log[1]).unwrap();
    assert_eq!((v6.dst(), v6.hop_limit()), (mld::ALL_V2_ROUTERS, 1));
    assert!(v6.src().is_unicast_link_local());
    assert_eq!(v6.next_header(), Protocol::HOP_BY_HOP);
    let message = mld::View::new(&v6.payload()[8..]).unwrap();
    assert!(message.checksum_ok(v6.src(), v6.dst()));
    assert!(matches!(message.repr(), Ok(mld::Repr::ReportV2 { records }) if records[0].kind == joined));
}

#[test]
fn a_router_s_query_is_answered_once_within_its_time() {
    let mut net = Net::new();
    let id = net.b.udp_bind(any(7)).unwrap();
    for group in ["239.1.2.3", "239.1.2.4", "ff15::9"] {
        net.b.udp_join(net.now, id, ip(group), Some(net.link)).unwrap();
    }
    net.wait(Duration::from_secs(5));
    let (most, interval) = (Duration::from_secs(2), Duration::from_secs(125));
    let v4 = {
        let version =
            igmp::QueryVersion::V3 { suppress: false, robustness: 2, interval, sources: Vec::new() };
        let query = igmp::Query { version, max_response: most, group: [0; 4].into() };
        let body = Payload::from(igmp::Repr::Query(query).emit());
        let header = ipv4::Repr {
            ttl: 1,
            options: ipv4::Options::ROUTER_ALERT,
            ..ipv4::Repr::new([10, 0, 0, 99].into(), igmp::ALL_SYSTEMS, Protocol::IGMP)
        };
        let mut head = Head::new();
        header.prepend_to(&mut head, body.len()).unwrap();
        Frame { head, body, ..Frame::default() }
    };
    let v6 = {
        let (src, dst) = ("fe80::99".parse().unwrap(), "ff02::1".parse().unwrap());
        let version = mld::QueryVersion::V2 { suppress: false, robustness: 2, interval, sources: Vec::new() };
        let query = mld::Query { version, max_response: most, group: [0; 16].into() };
        let body = Payload::from(mld::Repr::Query(query).emit(src, dst));
        let mut head = Head::new();
        ipv6::HopByHop { next_header: Protocol::ICMPV6, router_alert: 0 }.prepend_to(&mut head).unwrap();
        let header = ipv6::Repr { hop_limit: 1, ..ipv6::Repr::new(src, dst, Protocol::HOP_BY_HOP) };
        header.prepend_to(&mut head, body.len()).unwrap();
        Frame { head, body, ..Frame::default() }
    };
    for (query, groups) in [(v4, 2), (v6, 1)] {
        let before = net.log.len();
        for _ in 0..3 {
            net.b.handle_packet(net.now, (net.link, query.clone()));
        }
        net.wait(most);
        assert_eq!(net.log.len(), before + 1);
        let (_, _, protocol, payload) = open(&net.log[before]);
        let listening = igmp::RecordKind::ModeIsExclude;
        let told = if protocol == Protocol::IGMP {
            let Ok(igmp::Repr::ReportV3 { records }) = igmp::View::new(payload).unwrap().repr() else {
                panic!()
            };
            records.iter().filter(|record| record.kind == listening).count()
        } else {
            let Ok(mld::Repr::ReportV2 { records }) = mld::View::new(&payload[8..]).unwrap().repr() else {
                panic!()
            };
            records.iter().filter(|record| record.kind == listening).count()
        };
        assert_eq!(told, groups);
    }
    assert_eq!(net.b.counters().multicast_in_queries, 6);
}
