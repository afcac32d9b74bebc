//! Who has an interface: several queues, one owner after another, owners in other namespaces; and what becomes of it
//! meanwhile.

use super::*;
use crate::handover::{receive_fd, send_fd};
use crate::netlink::Monitor;
use linux_raw_sys::if_tun::{IFF_NO_PI, IFF_TUN};
use std::os::unix::net::UnixStream;
use wire::{arp, ethernet};

const WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Runs `test` in a namespace where devices can be had.
fn alone(what: &'static str, test: impl FnOnce() + Send + 'static) {
    own_namespace::run(what, move || match Options::new("probe").open() {
        Ok(_) => test(),
        Err(why @ (TunError::NoNode { .. } | TunError::NoAccess { .. })) => {
            own_namespace::skip(what, &why.to_string())
        }
        Err(why) => panic!("{why}"),
    });
}

fn up(tun: &mut Tun) {
    tun.configure(Some(1400), &[("10.9.0.1".parse().unwrap(), 24)], &[]).unwrap();
}

/// Waits until something can be read.
fn readable(tun: &Tun) {
    let fd = tun.fd().unwrap();
    let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_ne!(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).unwrap(), 0, "nothing came");
}

/// The sizes of the next `octets` octets of UDP payload that come out of a plain descriptor, frame by frame.
fn sizes(fd: &OwnedFd, octets: usize) -> Vec<usize> {
    let (mut seen, mut buffer) = (Vec::new(), vec![0; 70_000]);
    while seen.iter().sum::<usize>() < octets {
        let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_ne!(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&limit)).unwrap(), 0, "nothing came");
        let count = rustix::io::read(fd, &mut buffer[..]).unwrap();
        if buffer[0] >> 4 == 4 && buffer[9] == 17 {
            seen.push(count - 28);
        }
    }
    seen
}

/// Has the kernel send a train of 10 datagrams of 1,000 octets.
fn send_train() {
    let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
    udp_trains::cut_sends(&socket, 1000);
    socket.send_to(&[3; 10_000], "10.9.0.2:7").unwrap();
}

/// A descriptor as a program has it that knows of no offloads.
fn plain(name: &str) -> OwnedFd {
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NONBLOCK;
    let fd = rustix::fs::open(NODE, flags, rustix::fs::Mode::empty()).unwrap();
    let mut request = sys::InterfaceRequest::new(name, (IFF_TUN | IFF_NO_PI) as u16);
    sys::interface::<{ linux_raw_sys::ioctl::TUNSETIFF }>(fd.as_fd(), &mut request).unwrap();
    fd
}

#[test]
fn the_next_owner_of_a_persistent_device_inherits_no_offloads() {
    alone("the offload mask of a persistent TUN", || {
        let mut tun = Options::new("hf0").open().unwrap();
        if !tun.trains().udp {
            return own_namespace::skip("the offload mask", "this kernel has no trains of UDP (Linux 6.2)");
        }
        up(&mut tun);
        tun.set_persistent(true).unwrap();
        drop(tun);

        let next = plain("hf0");
        send_train();
        assert_eq!(sizes(&next, 10_000), [1000; 10]);
        // An owner that was killed leaves the mask behind. Whoever does not know gets trains without a word of it,
        sys::set_offload(next.as_fd(), sys::MASKS[0]).unwrap();
        drop(next);
        let next = plain("hf0");
        send_train();
        assert_eq!(sizes(&next, 10_000), [10_000]);
        // but not who adopts it here,
        let mut adopted = Tun::adopt(next).unwrap();
        assert_eq!(adopted.trains(), Trains::default());
        send_train();
        let mut got = Vec::new();
        while got.len() < 10 {
            readable(&adopted);
            adopted.receive(Instant::ZERO, &mut got).unwrap();
            got.retain(|frame| frame.len() > 1000);
        }
        assert!(got.iter().all(|frame| (frame.len(), frame.offload) == (1028, wire::Offload::default())));
        // or opens it.
        sys::set_offload(adopted.fd().unwrap(), sys::MASKS[0]).unwrap();
        drop(adopted);
        let mut opened = Tun::open("hf0").unwrap();
        send_train();
        assert_eq!(next_udp(&mut opened).len(), 1028);
        opened.set_persistent(false).unwrap();
    });
}

#[test]
fn queues_share_the_flows_and_the_last_one_ends_the_interface() {
    alone("several queues", || {
        let single = Options::new("hf1").open().unwrap();
        assert!(matches!(single.another_queue(), Err(TunError::NameTaken { .. })));
        for kind in [Kind::Tun, Kind::Tap] {
            let mut first = Options { kind, multi_queue: true, ..Options::new("hf0") }.open().unwrap();
            up(&mut first);
            let mut second = first.another_queue().unwrap();
            // Asked for as one of a single queue, it is joined all the same.
            let third = Options { kind, ..Options::new("hf0") }.open().unwrap();
            drop(third);
            assert_eq!(second.capabilities(), first.capabilities());
            if kind == Kind::Tap {
                continue;
            }
            let mut seen = [0, 0];
            for flow in 0..64 {
                let socket = UdpSocket::bind(("10.9.0.1", 3000 + flow)).unwrap();
                socket.send_to(b"which way", "10.9.0.2:7").unwrap();
            }
            let mut got = Vec::new();
            while seen.iter().sum::<usize>() < 64 {
                for (queue, seen) in [&mut first, &mut second].into_iter().zip(&mut seen) {
                    queue.receive(Instant::ZERO, &mut got).unwrap();
                    *seen += got.drain(..).filter(|frame| frame.len() == 37).count();
                }
            }
            assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
            // Either carries what is sent.
            let socket = UdpSocket::bind("10.9.0.1:3000").unwrap();
            socket.set_read_timeout(Some(WAIT)).unwrap();
            drop(first);
            let reply = datagram(("10.9.0.2", 7), ("10.9.0.1", 3000), b"this way", 1);
            assert_eq!(second.transmit(Instant::ZERO, &mut [reply].into()).unwrap(), 1);
            assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 8);
            drop(second);
            assert!(Netlink::open().unwrap().link("hf0").is_err());
        }
    });
}

#[test]
fn a_descriptor_with_offloads_is_handed_to_another_namespace_and_used_there() {
    alone("handing a device over", || {
        let (here, there) = UnixStream::pair().unwrap();
        for kind in [Kind::Tun, Kind::Tap] {
            let mut tun = Options { kind, multi_queue: true, ..Options::new("hf0") }.open().unwrap();
            up(&mut tun);
            let capabilities = tun.capabilities();
            send_fd(&here, tun.fd().unwrap()).unwrap();
            // Its interface lives on by the descriptor that is on its way, though its mask is gone.
            drop(tun);
            let there = there.try_clone().unwrap();
            own_namespace::run("adopting what was handed over", move || {
                // One of the same name here is not it.
                let mut namesake = Options { kind, ..Options::new("hf0") }.open().unwrap();
                namesake.configure(Some(1300), &[], &[]).unwrap();
                let mut adopted = Tun::adopt(receive_fd(&there).unwrap()).unwrap();
                assert_eq!((adopted.name(), adopted.kind()), ("hf0", kind));
                assert_eq!(adopted.capabilities(), Capabilities { mtu: 1500, ..capabilities });
                assert_eq!((adopted.interface_index(), adopted.refresh_mtu().is_err()), (None, true));
                assert!(adopted.another_queue().is_err());
                drop(namesake);
                assert!(matches!(adopted.another_queue(), Err(TunError::NameTaken { .. })));
                assert!(Netlink::open().unwrap().link("hf0").is_err());
                send_fd(&there, adopted.fd().unwrap()).unwrap();
            });
            let mut back = Tun::adopt(receive_fd(&here).unwrap()).unwrap();
            assert_eq!(back.capabilities(), capabilities);
            if kind == Kind::Tun && back.trains().udp {
                send_train();
                let frame = next_udp(&mut back);
                assert_eq!(frame.offload.segment_size.map(|size| size.get()), Some(1000));
            }
        }
    });
}

#[test]
fn an_interface_that_goes_down_and_up_and_gets_another_mtu_goes_on() {
    alone("a TUN that goes down and up", || {
        let mut tun = Options::new("hf0").open().unwrap();
        up(&mut tun);
        let mut monitor = Monitor::open().unwrap();
        let mut netlink = Netlink::open().unwrap();
        let socket = UdpSocket::bind("10.9.0.1:7").unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        for mtu in [1300, 1400] {
            netlink.set_down("hf0").unwrap();
            // Not an error; what came before may still be there.
            tun.receive(Instant::ZERO, &mut Vec::new()).unwrap();
            let lost = tun.counters().tx_link_down;
            let reply = || datagram(("10.9.0.2", 7), ("10.9.0.1", 7), b"anybody there", 1);
            assert_eq!(tun.transmit(Instant::ZERO, &mut [reply()].into()).unwrap(), 1);
            assert_eq!(tun.counters().tx_link_down, lost + 1);
            netlink.set_mtu("hf0", mtu).unwrap();
            netlink.set_up("hf0").unwrap();
            let mut told = Vec::new();
            while !told.last().is_some_and(|(up, told)| *up && *told == mtu) {
                let fd = monitor.fd();
                let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
                assert_ne!(
                    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).unwrap(),
                    0,
                    "it is told"
                );
                while let Some(change) = monitor.poll().unwrap() {
                    assert_eq!(change.name, "hf0");
                    told.push((change.up, change.mtu));
                }
            }
            assert!(told.iter().any(|(up, _)| !up), "{told:?}");
            let index = netlink.link("hf0").unwrap().index;
            assert_eq!((tun.interface_index(), tun.refresh_mtu().unwrap()), (Some(index), mtu as usize));
            socket.send_to(b"hello again", "10.9.0.2:7").unwrap();
            assert_eq!(next_udp(&mut tun).len(), 39);
            assert_eq!(tun.transmit(Instant::ZERO, &mut [reply()].into()).unwrap(), 1);
            assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 13);
        }
    });
}

#[test]
fn a_tap_joins_a_bridge_and_is_a_station_of_its_own_there() {
    alone("a TAP on a bridge", || {
        let mut netlink = Netlink::open().unwrap();
        netlink.add_bridge("br0").unwrap();
        netlink.add_address("br0", "10.9.0.1".parse().unwrap(), 24).unwrap();
        netlink.set_up("br0").unwrap();
        let mut tap = Options { kind: Kind::Tap, ..Options::new("hf0") }.open().unwrap();
        let ours = tap.capabilities().hardware_addr.unwrap();
        let kernels = netlink.link("hf0").unwrap().hardware_addr.unwrap();
        assert!(ours.is_unicast() && ours != kernels && ours.octets()[0] & 2 == 2, "{ours} {kernels}");
        let other = MacAddr::new([2, 0, 0, 0, 7, 7]);
        netlink.set_hardware_address("hf0", other).unwrap();
        assert_eq!(netlink.link("hf0").unwrap().hardware_addr, Some(other));
        let mut changes = Changes::default();
        tap.join_bridge(&mut changes, "br0").unwrap();
        let index = netlink.link("br0").unwrap().index;
        assert_eq!(netlink.link("hf0").unwrap().master, Some(index));

        // The bridge's kernel asks who has our address; told, it speaks to us.
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.send_to(b"good morning", "10.9.0.2:7").unwrap();
        let mut got = Vec::new();
        let datagram = loop {
            readable(&tap);
            tap.receive(Instant::ZERO, &mut got).unwrap();
            let mut found = None;
            for frame in got.drain(..) {
                let octets = frame.contiguous();
                let link = ethernet::View::new(&octets).unwrap();
                match link.ethertype() {
                    ethernet::EtherType::ARP => {
                        let asked = arp::View::new(link.payload()).unwrap().repr();
                        let answer = arp::Repr {
                            operation: arp::Operation::Reply,
                            sender_mac: ours,
                            sender_ip: asked.target_ip,
                            target_mac: asked.sender_mac,
                            target_ip: asked.sender_ip,
                        };
                        let mut head = Head::new();
                        let header = ethernet::Repr {
                            dst: asked.sender_mac,
                            src: ours,
                            ethertype: ethernet::EtherType::ARP,
                            vlan: None,
                        };
                        header.prepend_to(&mut head).unwrap();
                        let reply = Frame { head, body: answer.emit().to_vec().into(), ..Frame::default() };
                        tap.transmit(Instant::ZERO, &mut [reply].into()).unwrap();
                    }
                    ethernet::EtherType::IPV4 if link.dst() == ours => found = Some(frame),
                    _ => {}
                }
            }
            if let Some(frame) = found {
                break frame;
            }
        };
        assert!(datagram.to_vec().ends_with(b"good morning"));
        drop(changes);
        assert_eq!(netlink.link("hf0").unwrap().master, None);
        let mut tun = Options::new("hf1").open().unwrap();
        let refused = tun.join_bridge(&mut Changes::default(), "br0").unwrap_err();
        assert_eq!(refused.why, crate::netlink::Why::Invalid, "{refused}");
    });
}
