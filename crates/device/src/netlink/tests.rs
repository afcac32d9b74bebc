use super::message::find_answer;
use super::*;
use crate::own_namespace;
use rustix::io::Errno;

#[test]
fn errors_say_what_was_asked_and_what_to_do() {
    let error = NetlinkError { asked: "set hf0 up".into(), why: Errno::PERM.into() };
    assert_eq!(
        error.to_string(),
        "cannot set hf0 up: it takes the privilege CAP_NET_ADMIN (run as root, or in a namespace of your own)"
    );
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(Why::from(Errno::NODEV), Why::NotFound);
    assert_eq!(Why::from(Errno::NOBUFS), Why::System(Errno::NOBUFS.raw_os_error()));
}

#[test]
fn answers_of_any_shape_are_read_without_panic() {
    let mut rng = env::Rng::seeded(1);
    for _ in 0..20_000 {
        let mut octets = vec![0; rng.below(80) as usize];
        rng.fill(&mut octets);
        if let Some(first) = octets.first_chunk_mut::<4>() {
            *first = (rng.below(90) as u32).to_ne_bytes();
        }
        let _ = find_answer(&octets, 1);
        let _ = LinkInfo::parse(&octets);
    }
}

#[test]
fn the_loopback_of_a_new_namespace_is_set_up_addressed_and_routed() {
    own_namespace::run("netlink on a loopback", || {
        let mut netlink = Netlink::open().unwrap();
        assert!(!netlink.link("lo").unwrap().up);
        netlink.set_up("lo").unwrap();
        netlink.set_mtu("lo", 3000).unwrap();
        netlink.set_queue_length("lo", 5000).unwrap();
        assert_eq!(netlink.set_queue_length("hf0", 5000).unwrap_err().why, Why::NotFound);
        let lo = netlink.link("lo").unwrap();
        assert_eq!((lo.mtu, lo.up), (3000, true));
        for (address, prefix, network) in [("10.9.0.1", 24, "10.7.3.9"), ("fd00:9::1", 64, "fd00:7::9")] {
            let (address, network) = (address.parse().unwrap(), network.parse().unwrap());
            assert!(netlink.add_address("lo", address, prefix).unwrap());
            assert!(!netlink.add_address("lo", address, prefix).unwrap());
            netlink.wait_until_local(address).unwrap();
            std::net::UdpSocket::bind((address, 0)).expect("the address is ours");
            assert!(!netlink.is_local(network).unwrap());
            netlink.add_route(network, prefix, "lo", None).unwrap();
            let again = netlink.add_route(network, prefix, "lo", None).unwrap_err();
            assert_eq!(again.why, Why::Exists, "{again}");
            netlink.delete_route(network, prefix, "lo", None).unwrap();
            assert_eq!(netlink.delete_route(network, prefix, "lo", None).unwrap_err().why, Why::NotFound);
            netlink.delete_address("lo", address, prefix).unwrap();
            assert_eq!(netlink.delete_address("lo", address, prefix).unwrap_err().why, Why::NotFound);
            assert_eq!(netlink.add_address("lo", address, 129).unwrap_err().why, Why::Invalid);
            assert_eq!(netlink.add_route(network, 200, "lo", None).unwrap_err().why, Why::Invalid);
        }
        let gateway = "10.99.0.1".parse().unwrap();
        let error = netlink.add_route("10.1.0.0".parse().unwrap(), 16, "lo", Some(gateway)).unwrap_err();
        assert_eq!(error.why, Why::Unreachable, "{error}");
        assert_eq!(netlink.set_up("nothere").unwrap_err().why, Why::NotFound);
        assert_eq!(netlink.link("nothere").unwrap_err().why, Why::NotFound);
    });
}
