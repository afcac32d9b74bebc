//! What others do to the interface under a running stack, and what a stack leaves behind on one that stays.
#![cfg(target_os = "linux")]

use handfast::blocking::UdpSocket;
use handfast::device::netlink::Netlink;
use handfast::{InterfaceId, Stack};
use netns::in_namespace;
use std::io::ErrorKind;
use std::process::Command;
use std::time::Duration;

/// Waits for something that happens by itself; far longer than it takes, and then it has failed.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::yield_now();
    }
}

fn wire(stack: &Stack) -> InterfaceId {
    stack.host(|host| *host.interfaces().last().unwrap())
}

#[test]
fn a_link_that_goes_down_or_gets_another_mtu_is_followed_and_back() {
    in_namespace("a_link_that_goes_down_or_gets_another_mtu_is_followed_and_back", &["ip"], || {
        let stack = Stack::builder()
            .tun("hf0")
            .host_address("10.9.0.1/24".parse().unwrap())
            .address("10.9.0.2/24".parse().unwrap())
            .build()
            .unwrap();
        let mut netlink = Netlink::open().unwrap();
        let wire = wire(&stack);
        let mtu = || stack.host(|host| host.interface_mtu(wire)).unwrap();
        let ours = UdpSocket::bind_on(&stack, "10.9.0.2:7").unwrap();
        let kernels = std::net::UdpSocket::bind("10.9.0.1:7").unwrap();
        kernels.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut buffer = vec![0; 9000];
        assert_eq!(mtu(), 1500);

        netlink.set_mtu("hf0", 9000).unwrap();
        until("a larger MTU", || mtu() == 9000);
        kernels.send_to(&[1; 8000], "10.9.0.2:7").unwrap();
        assert_eq!(ours.recv(&mut buffer).unwrap(), 8000);
        ours.send_to(&[2; 8000], "10.9.0.1:7").unwrap();
        assert_eq!(kernels.recv(&mut buffer).unwrap(), 8000);
        netlink.set_mtu("hf0", 1400).unwrap();
        until("a smaller MTU", || mtu() == 1400);

        netlink.set_down("hf0").unwrap();
        until("the link is down", || stack.host(|host| host.interface_up(wire)) == Some(false));
        let error = ours.send_to(b"nowhere", "10.9.0.1:7").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
        netlink.set_up("hf0").unwrap();
        until("the link is up", || stack.host(|host| host.interface_up(wire)) == Some(true));
        netlink.wait_until_local("10.9.0.1".parse().unwrap()).unwrap();
        ours.send_to(b"here again", "10.9.0.1:7").unwrap();
        assert_eq!(kernels.recv(&mut buffer).unwrap(), 10);
        assert_eq!(stack.blocking_close(Duration::from_secs(1)).aborted, 0);
    });
}

#[test]
fn stacks_on_a_bridge_are_hosts_of_its_network() {
    in_namespace("stacks_on_a_bridge_are_hosts_of_its_network", &["ip"], || {
        let made = Command::new("ip").args(["tuntap", "add", "dev", "hf0", "mode", "tap"]).status().unwrap();
        assert!(made.success());
        let mut netlink = Netlink::open().unwrap();
        netlink.add_bridge("br0").unwrap();
        netlink.set_up("br0").unwrap();
        netlink.add_address("br0", "10.9.0.1".parse().unwrap(), 24).unwrap();
        let stack = |tap: &str, address: &str| {
            Stack::builder().tap(tap).bridge("br0").address(address.parse().unwrap()).build().unwrap()
        };
        let (one, two) = (stack("hf0", "10.9.0.2/24"), stack("hf1", "10.9.0.3/24"));
        let kernels = std::net::UdpSocket::bind("10.9.0.1:7").unwrap();
        kernels.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let near = UdpSocket::bind_on(&one, "10.9.0.2:7").unwrap();
        let far = UdpSocket::bind_on(&two, "10.9.0.3:7").unwrap();
        let mut buffer = [0; 9];
        // Once it forwards: what is sent before that is lost.
        far.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        until("the bridge forwards", || {
            near.send_to(b"hello", "10.9.0.3:7").unwrap();
            far.recv(&mut buffer).is_ok()
        });
        near.send_to(b"hello", "10.9.0.1:7").unwrap();
        assert_eq!(kernels.recv(&mut buffer).unwrap(), 5);
        drop((near, far));
        assert_eq!(one.blocking_close(Duration::from_secs(1)).aborted, 0);
        assert_eq!(two.blocking_close(Duration::from_secs(1)).aborted, 0);
        let on_bridge = Command::new("ip").args(["link", "show", "master", "br0"]).output().unwrap();
        assert!(on_bridge.status.success() && on_bridge.stdout.is_empty(), "{on_bridge:?}");
    });
}

#[test]
fn an_interface_that_is_somebody_elses_is_left_as_it_was() {
    in_namespace("an_interface_that_is_somebody_elses_is_left_as_it_was", &["ip"], || {
        for kind in ["tun", "tap"] {
            let made =
                Command::new("ip").args(["tuntap", "add", "dev", "hf0", "mode", kind]).status().unwrap();
            assert!(made.success());
            let mut netlink = Netlink::open().unwrap();
            assert!(netlink.add_address("hf0", "10.8.0.1".parse().unwrap(), 24).unwrap());
            let before = netlink.link("hf0").unwrap();
            let builder =
                if kind == "tun" { Stack::builder().tun("hf0") } else { Stack::builder().tap("hf0") };
            let stack = builder
                .host_address("10.9.0.1/24".parse().unwrap())
                .address("10.9.0.2/24".parse().unwrap())
                .mtu(1300)
                .build()
                .unwrap();
            assert_eq!(netlink.link("hf0").unwrap().mtu, 1300);
            let kernels = std::net::UdpSocket::bind("10.9.0.1:7").unwrap();
            kernels.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let ours = UdpSocket::bind_on(&stack, "10.9.0.2:7").unwrap();
            ours.send_to(b"hello", "10.9.0.1:7").unwrap();
            assert_eq!(kernels.recv(&mut [0; 9]).unwrap(), 5, "over a {kind}");
            assert_eq!(stack.blocking_close(Duration::from_secs(1)).aborted, 0);

            let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
            assert!(!netlink.is_local(address("10.9.0.1")).unwrap(), "ours is gone");
            assert!(netlink.is_local(address("10.8.0.1")).unwrap(), "what was there stays");
            assert_eq!(netlink.link("hf0").unwrap().mtu, before.mtu);
            netlink.delete_link("hf0").unwrap();
        }
    });
}
