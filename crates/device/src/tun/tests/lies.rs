//! A device whose other end is not the kernel but a socket that says what we like, and takes what it likes.

use super::*;
use crate::software::tests::{check_packet, train};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// A device, and its other end.
fn device(header_len: usize, trains: Trains) -> (Tun, OwnedFd) {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (fd, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let mut tun = Tun {
        fd,
        name: "hf0".to_owned(),
        index: None,
        node: NODE.into(),
        kind: Kind::Tun,
        header_len,
        order: Order::Little,
        trains,
        hardware_addr: None,
        mtu: 0,
        pool: Pool::new(2048),
        counters: Counters::default(),
        more: false,
        coalescer: (!trains.tcp).then(Coalescer::default),
        shared: None,
    };
    tun.set_mtu(1500);
    (tun, other)
}

const ALL: Trains = Trains { tcp: true, udp: true };

/// Counters that are not zero, by name.
fn counted(tun: &Tun) -> Vec<(&'static str, u64)> {
    tun.counters().iter().filter(|&(name, count)| count > 0 && !name.ends_with("octets")).collect()
}

#[test]
fn a_frame_whose_header_lies_is_dropped_by_name_and_the_next_one_comes() {
    let honest = Header::of(&train(250), Medium::Ip, ALL).unwrap();
    let octets = train(250).to_vec();
    let lies = [
        (Header { gso_size: 0, ..honest }, "rx_offload_size"),
        (Header { gso_size: u16::MAX, ..honest }, "rx_offload_size"),
        (Header { hdr_len: u16::MAX, ..honest }, "rx_offload_headers"),
        (Header { gso_type: 3, ..honest }, "rx_offload_kind"),
        (Header { gso_type: 0x7f, ..honest }, "rx_offload_kind"),
        (Header { gso_type: 0x80, ..honest }, "rx_offload_kind"),
        (Header { csum_start: u16::MAX, ..honest }, "rx_offload_checksum"),
        (Header { csum_offset: 280, ..honest }, "rx_offload_checksum"),
        (Header { flags: 0, ..honest }, "rx_offload_checksum"),
    ];
    for header_len in [10, 12, 24] {
        let packet = |header: &Header| {
            let mut all = header.emit(Order::Little).to_vec();
            all.resize(header_len, 0);
            [all, octets.clone()].concat()
        };
        for (header, name) in lies {
            let (mut tun, other) = device(header_len, ALL);
            rustix::io::write(&other, &packet(&header)).unwrap();
            rustix::io::write(&other, &packet(&honest)).unwrap();
            let mut got = Vec::new();
            assert_eq!(tun.receive(Instant::ZERO, &mut got).unwrap(), 1);
            assert_eq!((&got[0].contiguous()[..], got[0].offload), (&octets[..], train(250).offload));
            assert_eq!(counted(&tun), [("rx_frames", 1), ("rx_trains", 1), (name, 1)]);
        }
        for (octets, name) in
            [(header_len - 1, "rx_header_short"), (header_len, "rx_empty"), (70_000, "rx_truncated")]
        {
            let (mut tun, other) = device(header_len, ALL);
            rustix::io::write(&other, &vec![0; octets]).unwrap();
            assert_eq!(tun.receive(Instant::ZERO, &mut Vec::new()).unwrap(), 0);
            assert_eq!(counted(&tun), [(name, 1)]);
        }
    }
}

#[test]
fn a_flood_of_refused_frames_ends_a_batch_as_one_of_sound_frames_does() {
    let honest = Header::of(&train(250), Medium::Ip, ALL).unwrap();
    let lie = Header { gso_size: 0, ..honest }.emit(Order::Little);
    // How many frames of these octets one call may look at: by their number, and by what they take.
    let floods = [
        (vec![0; 9], "rx_header_short", BATCH),
        (vec![0; 10], "rx_empty", BATCH),
        ([&lie[..], &train(250).to_vec()].concat(), "rx_offload_size", BATCH),
        (vec![0; 70_000], "rx_truncated", BATCH_OCTETS.div_ceil(65_536)),
    ];
    for (refused, name, most) in floods {
        let (mut tun, other) = device(10, ALL);
        set_socket_send_buffer_size(&other, 4 << 20).unwrap();
        let sent = std::iter::from_fn(|| rustix::io::write(&other, &refused).ok()).take(most + 1).count();
        assert_eq!(sent, most + 1, "all of them fit into the socket: {name}");
        let mut got = Vec::new();
        assert_eq!(tun.receive(Instant::ZERO, &mut got).unwrap(), 0);
        assert_eq!(counted(&tun), [(name, most as u64)]);
        // The rest is asked for again, though nothing was got.
        assert!(tun.has_more(), "{name}");
        assert_eq!(tun.receive(Instant::ZERO, &mut got).unwrap(), 0);
        assert_eq!(counted(&tun), [(name, sent as u64)]);
        assert!(!tun.has_more(), "{name}");
    }
}

#[test]
fn what_came_in_before_a_full_batch_of_octets_leaves_the_rest_for_the_next() {
    let (mut tun, other) = device(10, ALL);
    let honest = Header::of(&train(60_000), Medium::Ip, ALL).unwrap();
    let packet = [&honest.emit(Order::Little)[..], &train(60_000).to_vec()].concat();
    set_socket_send_buffer_size(&other, 4 << 20).unwrap();
    let sent = std::iter::from_fn(|| rustix::io::write(&other, &packet).ok()).take(5).count();
    let (mut got, mut more) = (Vec::new(), 0);
    while got.len() < sent {
        assert!(tun.receive(Instant::ZERO, &mut got).unwrap() > 0);
        more += u64::from(tun.has_more());
        // Buffers of 64 KiB are charged as such; and are used again when they come back.
        assert!(got.iter().all(|frame| frame.body.held() >= 65_536));
    }
    assert_eq!(tun.receive(Instant::ZERO, &mut got).unwrap(), 0);
    assert_eq!((tun.has_more(), more > 0), (false, sent == 5), "{sent} fitted");
}

#[test]
fn what_a_full_device_does_not_take_stays_in_order_and_a_train_that_is_cut_goes_on_where_it_was() {
    for trains in [ALL, Trains::default()] {
        let (mut tun, other) = device(10, trains);
        set_socket_send_buffer_size(&tun.fd, 1).unwrap();
        let mut frames: VecDeque<_> = (0..30).map(|_| train(1000)).collect();
        let (mut seen, mut blocked, mut buffer) = (Vec::new(), 0, vec![0; 70_000]);
        while !frames.is_empty() {
            tun.transmit(Instant::ZERO, &mut frames).unwrap();
            blocked += u64::from(!frames.is_empty());
            while let Ok(count) = rustix::io::read(&other, &mut buffer[..]) {
                let header = Header::read(*buffer.first_chunk().unwrap(), Order::Little);
                let octets = &buffer[10..count];
                if trains.tcp {
                    assert_eq!((header.gso_size, octets.len()), (100, 1040));
                    seen.push(0);
                } else {
                    assert_eq!(header, Header::default());
                    seen.push(check_packet(octets).1);
                }
            }
        }
        assert!(blocked > 0);
        let expected: Vec<u32> =
            if trains.tcp { vec![0; 30] } else { (0..300).map(|n| n % 10 * 100).collect() };
        assert!(seen == expected, "{} of {}", seen.len(), expected.len());
        let counters = tun.counters();
        assert_eq!((counters.tx_frames, counters.tx_trains), if trains.tcp { (30, 30) } else { (300, 0) });
    }
}
