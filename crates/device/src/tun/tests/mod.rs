//! A real TUN in a network namespace of its own.

mod judges;
mod lies;
mod owners;
mod relay;
mod udp_trains;

use super::*;
use crate::own_namespace;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::UdpSocket;
use std::path::Path;
use wire::{Head, Payload, Protocol, ipv4, ipv6, udp};

/// Runs `test` with a TUN that is up as 10.9.0.1/24 and fd00:9::1/64.
fn with_tun(what: &'static str, test: impl FnOnce(Tun) + Send + 'static) {
    own_namespace::run(what, move || match Tun::open("hf%d") {
        Ok(mut tun) => {
            let addresses = [("10.9.0.1".parse().unwrap(), 24), ("fd00:9::1".parse().unwrap(), 64)];
            tun.configure(Some(1400), &addresses, &[("10.50.0.0".parse().unwrap(), 16)]).unwrap();
            test(tun);
        }
        Err(why @ (TunError::NoNode { .. } | TunError::NoAccess { .. })) => {
            own_namespace::skip(what, &why.to_string())
        }
        Err(why) => panic!("{why}"),
    });
}

/// Waits until the next UDP packet comes out of the TUN.
fn next_udp(tun: &mut Tun) -> Frame {
    let mut got = Vec::new();
    loop {
        let fd = tun.fd().unwrap();
        let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_ne!(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).unwrap(), 0, "nothing came");
        tun.receive(Instant::from_secs(7), &mut got).unwrap();
        // The kernel speaks of multicast and routers on its own; that is not what we wait for.
        let is_udp = |frame: &Frame| {
            let octets = frame.contiguous();
            ipv4::View::new(&octets).is_ok_and(|ip| ip.protocol() == Protocol::UDP)
                || ipv6::View::new(&octets).is_ok_and(|ip| ip.next_header() == Protocol::UDP)
        };
        if let Some(at) = got.iter().position(is_udp) {
            return got.swap_remove(at);
        }
        got.clear();
    }
}

/// A UDP packet from `src` to `dst`, its body in `chunks` chunks.
fn datagram(src: (&str, u16), dst: (&str, u16), text: &[u8], chunks: usize) -> Frame {
    let (from, to) = (src.0.parse().unwrap(), dst.0.parse().unwrap());
    let mut body = Payload::EMPTY;
    text.chunks(text.len().div_ceil(chunks).max(1)).for_each(|chunk| body.push(chunk.to_vec().into()));
    let mut head = Head::new();
    udp::Repr { src_port: src.1, dst_port: dst.1 }.prepend_to(&mut head, body.len()).unwrap();
    udp::fill_checksum(&mut head, &body, IpAddr::V4(from), IpAddr::V4(to)).unwrap();
    ipv4::Repr::new(from, to, Protocol::UDP).prepend_to(&mut head, body.len()).unwrap();
    Frame { head, body, ..Frame::default() }
}

#[test]
fn the_kernels_datagrams_come_out_and_ours_go_in_whole_and_in_pieces() {
    with_tun("a TUN carries datagrams", |mut tun| {
        assert_eq!((tun.name(), tun.capabilities().mtu), ("hf0", 1400));
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let port = socket.local_addr().unwrap().port();
        for text in [&b"good morning"[..], &[b'x'; 1372], b""] {
            for to in ["10.9.0.2:7", "10.50.1.2:7"] {
                socket.send_to(text, to).unwrap();
                let frame = next_udp(&mut tun);
                assert_eq!(frame.arrived, Instant::from_secs(7));
                // A small packet does not hold the buffer that it was read into.
                assert_eq!(frame.body.held(), if frame.len() < 1024 { frame.len() } else { 2048 });
                let octets = frame.contiguous();
                let ip = ipv4::View::new(&octets).unwrap();
                assert!(ip.checksum_ok());
                assert_eq!(udp::View::new(ip.payload()).unwrap().payload(), text);
            }
            for chunks in [1, 2, 15, 16, 40] {
                let reply = datagram(("10.9.0.2", 7), ("10.9.0.1", port), text, chunks);
                assert_eq!(tun.transmit(Instant::ZERO, &mut [reply].into()).unwrap(), 1);
                let mut buffer = [0; 2000];
                let (count, from) = socket.recv_from(&mut buffer).unwrap();
                assert_eq!((&buffer[..count], from.to_string().as_str()), (text, "10.9.0.2:7"));
            }
        }
        assert_eq!(tun.counters().tx_frames, 15);
    });
}

#[test]
fn datagrams_pass_over_ipv6_too() {
    with_tun("a TUN carries datagrams over IPv6", |mut tun| {
        let socket = UdpSocket::bind("[fd00:9::1]:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let port = socket.local_addr().unwrap().port();
        socket.send_to(b"morning", "[fd00:9::2]:7").unwrap();
        let asked = next_udp(&mut tun).contiguous();
        let ip = ipv6::View::new(&asked).unwrap();
        assert_eq!(udp::View::new(ip.payload()).unwrap().payload(), b"morning");
        let (body, mut head) = (Payload::from(b"and to you"), Head::new());
        udp::Repr { src_port: 7, dst_port: port }.prepend_to(&mut head, body.len()).unwrap();
        udp::fill_checksum(&mut head, &body, ip.dst().into(), ip.src().into()).unwrap();
        ipv6::Repr::new(ip.dst(), ip.src(), Protocol::UDP).prepend_to(&mut head, body.len()).unwrap();
        tun.transmit(Instant::ZERO, &mut [Frame { head, body, ..Frame::default() }].into()).unwrap();
        let mut buffer = [0; 100];
        let count = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"and to you");
    });
}

#[test]
fn a_descriptor_from_another_namespace_works_here() {
    with_tun("a TUN of another namespace", |tun| {
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let fd = tun.fd().unwrap().try_clone_to_owned().unwrap();
        drop(tun);
        own_namespace::run("adopting it elsewhere", move || {
            let mut adopted = Tun::adopt(fd).unwrap();
            // Nothing called hf0 can be asked for its MTU here.
            assert_eq!((adopted.name(), adopted.capabilities().mtu), ("hf0", 1500));
            let reply = datagram(("10.9.0.2", 7), ("10.9.0.1", port), b"from afar", 1);
            assert_eq!(adopted.transmit(Instant::ZERO, &mut [reply].into()).unwrap(), 1);
        });
        let mut buffer = [0; 100];
        let count = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"from afar");
    });
}

#[test]
fn what_the_kernel_refuses_or_cannot_fit_is_counted_and_the_device_lives_on() {
    with_tun("a TUN survives bad packets", |mut tun| {
        let large = datagram(("10.9.0.2", 7), ("10.9.0.1", 7), &[0; 1373], 1);
        let junk = Frame { body: b"\x75 has no IP version".into(), ..Frame::default() };
        let empty = Frame::default();
        tun.transmit(Instant::ZERO, &mut [large, junk, empty].into()).unwrap();
        let counters = tun.counters();
        assert_eq!((counters.tx_too_large, counters.tx_refused, counters.tx_malformed), (1, 1, 1));
        // Someone sets the kernel's MTU: the next packet that is too long for our buffers tells us.
        Netlink::open().unwrap().set_mtu(tun.name(), 9000).unwrap();
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.send_to(&[7; 5000], "10.9.0.2:7").unwrap();
        socket.send_to(&[8; 5000], "10.9.0.2:7").unwrap();
        assert_eq!(next_udp(&mut tun).len(), 5028);
        assert_eq!((tun.counters().rx_truncated, tun.capabilities().mtu), (1, 9000));
        // And someone deletes it.
        Netlink::open().unwrap().delete_link("hf0").unwrap();
        let gone = tun.receive(Instant::ZERO, &mut Vec::new()).unwrap_err();
        assert_eq!(gone.to_string(), "the interface hf0 is gone: it was deleted");
    });
}

#[test]
fn a_descriptor_from_elsewhere_is_adopted_and_the_interface_goes_with_its_last_owner() {
    with_tun("a TUN is adopted", |tun| {
        let adopted = Tun::adopt(tun.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!((adopted.name(), adopted.capabilities().mtu), ("hf0", 1400));
        drop(tun);
        let mut netlink = Netlink::open().unwrap();
        assert!(netlink.link("hf0").unwrap().up);
        drop(adopted);
        assert!(netlink.link("hf0").is_err());
    });
}

#[test]
fn what_was_changed_of_an_interface_is_undone_and_no_more() {
    with_tun("changes of a TUN are undone", |mut tun| {
        let mut netlink = Netlink::open().unwrap();
        let [old, new, routed] = ["10.9.0.1", "10.8.0.1", "10.60.0.1"].map(|a| a.parse::<IpAddr>().unwrap());
        let mut changes = Changes::default();
        let routes = [("10.60.0.0".parse().unwrap(), 16)];
        tun.configure_until(&mut changes, Some(1300), &[(old, 24)], &[]).unwrap();
        tun.configure_until(&mut changes, Some(1200), &[(new, 24)], &routes).unwrap();
        assert!(netlink.is_local(new).unwrap());
        drop(changes);
        assert!(netlink.is_local(old).unwrap() && !netlink.is_local(new).unwrap());
        assert_eq!(netlink.link("hf0").unwrap().mtu, 1400);
        // The route is gone if it can be made again.
        netlink.add_route(routed, 16, "hf0", None).unwrap();
    });
}

#[test]
fn an_interface_that_was_down_is_down_again_and_has_the_ipv6_addresses_it_had() {
    with_tun("an interface that was down", |mut tun| {
        let mut netlink = Netlink::open().unwrap();
        let address = "fd00:9::1".parse::<IpAddr>().unwrap();
        let held = netlink.add_address("hf0", address, 64);
        if held.is_ok() {
            netlink.wait_until_local(address).unwrap();
        }
        let mut changes = Changes::default();
        tun.configure_until(&mut changes, Some(1200), &[], &[]).unwrap();
        // A kernel without IPv6 could not take it in the first place.
        if held.is_ok() {
            assert!(!netlink.is_local(address).unwrap());
        }
        drop(changes);
        if held.is_ok() {
            netlink.wait_until_local(address).unwrap();
        }
        assert!(netlink.link("hf0").unwrap().up);
        netlink.set_down("hf0").unwrap();
        let mut changes = Changes::default();
        tun.configure_until(&mut changes, Some(1300), &[], &[]).unwrap();
        assert!(netlink.link("hf0").unwrap().up);
        drop(changes);
        let link = netlink.link("hf0").unwrap();
        assert_eq!((link.up, link.mtu), (false, 1400));
    });
}

#[test]
fn a_taken_name_says_who_has_it() {
    with_tun("TUN names", |tun| {
        let busy = Tun::open(tun.name()).unwrap_err();
        assert!(matches!(busy, TunError::Busy { .. }), "{busy}");
        let taken = Tun::open("lo").unwrap_err();
        assert!(matches!(taken, TunError::NameTaken { .. }), "{taken}");
    });
}

#[test]
fn what_is_in_the_way_is_named_with_what_to_do() {
    let open = |node: &str, name: &str| Tun::open_at(Path::new(node), name).unwrap_err().to_string();
    assert_eq!(
        open("/no/such/node", "hf0"),
        "there is no TUN device at /no/such/node: load the driver (modprobe tun) or, in a container, pass the node \
         in (--device /no/such/node)"
    );
    for name in ["a name", "a/b", "..", "sixteen-letters-", "naïve", "a:b"] {
        assert!(open("/dev/null", name).starts_with("no interface can be called"), "{name}");
    }
    assert_eq!(open("/dev/null", "hf0"), TunError::NotATun.to_string());
    let null = std::fs::File::open("/dev/null").unwrap();
    assert!(Tun::adopt(null.into()).is_err());
    let node = Path::new(NODE);
    let refused = TunError::on_open(node, Errno::ACCESS.into());
    assert!(refused.to_string().starts_with("no permission to open /dev/net/tun: run as root"));
    let refused = TunError::on_create(Kind::Tun, "hf0", Errno::PERM);
    assert!(refused.to_string().contains("sudo ip tuntap add dev hf0 mode tun user $USER"));
    assert_eq!(io::Error::from(refused).kind(), io::ErrorKind::PermissionDenied);
}
