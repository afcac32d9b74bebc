//! Trains on their way in: however a device puts segments together, or leaves them, loses or repeats some, TCP gets
//! the same stream, and UDP the same datagrams.
//!
//! ```text
//!    Host (trains out) ─► link: whole, partial or verified │ packets │ other trains of the same packets │ some twice,
//!                               some late, some lost        ─► Host
//! ```

use bytes::Bytes;
use env::{Duration, Instant, Machine as _, Rng};
use handfast_stack::{
    ConnectOptions, ConnectionId, Host, HostConfig, InterfaceConfig, InterfaceId, ListenConfig, Medium,
    UdpBind, UdpSend,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use tcp::{ReceiveError, SendError, SendFlags};
use wire::{Checksum, Frame, Offload, Payload, SegmentKind, segmentation};

/// Two hosts whose devices take trains, and what is on the way to the second.
struct Two {
    now: Instant,
    rng: Rng,
    hosts: [Host; 2],
    interfaces: [InterfaceId; 2],
    way: [VecDeque<(Instant, Frame)>; 2],
    /// How many of 100 packets are lost, late or twice.
    trouble: u64,
    trains: u64,
}

impl Two {
    fn new(seed: u64, trouble: u64) -> Self {
        let now = Instant::from_secs(9);
        let mut hosts = [1, 2].map(|n| {
            let mut secret = [n; 32];
            secret[..8].copy_from_slice(&seed.to_le_bytes());
            Host::new(HostConfig::default(), secret).unwrap()
        });
        let mut number = 0;
        let interfaces = hosts.each_mut().map(|host| {
            number += 1;
            let mut config = InterfaceConfig::new("fast", Medium::Ip)
                .address(format!("10.0.0.{number}/24").parse().unwrap())
                .address(format!("fd00::{number}/64").parse().unwrap());
            (config.segmentation, config.checksum) = (true, true);
            host.add_interface(now, config).unwrap()
        });
        let way = [VecDeque::new(), VecDeque::new()];
        Self { now, rng: Rng::seeded(seed), hosts, interfaces, way, trouble, trains: 0 }
    }

    /// Carries what is there to carry; jumps to the next instant when there is nothing.
    fn step(&mut self) {
        for side in [0, 1] {
            while let Some((_, frame)) = self.hosts[side].poll_transmit(self.now) {
                for frame in self.changed(frame) {
                    if self.rng.below(100) < self.trouble {
                        match self.rng.below(3) {
                            0 => continue,
                            1 => self.way[1 - side]
                                .push_back((self.now + Duration::from_millis(3), frame.clone())),
                            _ => {
                                self.way[1 - side].push_back((self.now + Duration::from_millis(4), frame));
                                continue;
                            }
                        }
                    }
                    self.way[1 - side].push_back((self.now + Duration::from_millis(1), frame));
                }
            }
        }
        let timeouts = self.hosts.iter().filter_map(|host| host.poll_timeout());
        let arrivals = self.way.iter().flatten().map(|(at, _)| *at);
        let Some(next) = timeouts.chain(arrivals).min() else { return };
        self.now = self.now.max(next);
        for side in [0, 1] {
            let (due, later) =
                self.way[side].drain(..).partition::<VecDeque<_>, _>(|(at, _)| *at <= self.now);
            self.way[side] = later;
            for (at, frame) in due {
                self.trains += u64::from(frame.offload.segment_size.is_some());
                let frame = Frame { arrived: at, ..frame };
                self.hosts[side].handle_packet(self.now, (self.interfaces[side], frame));
            }
            self.hosts[side].handle_timeout(self.now);
            while self.hosts[side].poll_event().is_some() {}
        }
    }

    /// The same packets in some legal shape, as a device would hand them over.
    fn changed(&mut self, frame: Frame) -> Vec<Frame> {
        let landed =
            |frame: &Frame, offload| Frame { body: frame.to_vec().into(), offload, ..Frame::default() };
        if frame.offload.segment_size.is_none() {
            // A partial sum from this machine's kernel, or a whole one.
            if self.rng.chance(0.5) {
                return vec![landed(&frame, frame.offload)];
            }
            let mut frame = frame;
            segmentation::finish_checksum(&mut frame).unwrap();
            return vec![landed(&frame, Offload::default())];
        }
        match self.rng.below(4) {
            0 => vec![landed(&frame, frame.offload)],
            1 => vec![landed(&frame, Offload { checksum: Checksum::Verified, ..frame.offload })],
            2 => packets(frame).iter().map(|packet| landed(packet, Offload::default())).collect(),
            _ => {
                let offload = Offload { checksum: Checksum::Verified, ..frame.offload };
                let mut packets = VecDeque::from(packets(frame));
                let mut runs = Vec::new();
                while !packets.is_empty() {
                    let count = self.rng.below(packets.len() as u64) as usize + 1;
                    runs.push(train(&packets.drain(..count).collect::<Vec<_>>(), offload));
                }
                runs
            }
        }
    }
}

fn packets(frame: Frame) -> Vec<Frame> {
    segmentation::split(frame, wire::Medium::Ip).unwrap().collect()
}

/// Packets that follow each other as one train.
fn train(packets: &[Frame], offload: Offload) -> Frame {
    let (first, last) = (&packets[0], packets[packets.len() - 1].to_vec());
    let mut octets = first.to_vec();
    let head = first.head.len();
    packets[1..].iter().for_each(|packet| octets.extend(packet.body.to_vec()));
    let length = octets.len() as u16;
    let v4 = octets[0] >> 4 == 4;
    if v4 {
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        octets[10..12].fill(0);
        let sum = wire::checksum::sum(&octets[..20]).checksum();
        octets[10..12].copy_from_slice(&sum.to_be_bytes());
    } else {
        octets[4..6].copy_from_slice(&(length - 40).to_be_bytes());
    }
    let transport = if v4 { 20 } else { 40 };
    match offload.segment_kind {
        // FIN and PSH are the last one's.
        Some(SegmentKind::Tcp4 | SegmentKind::Tcp6) => octets[transport + 13] |= last[transport + 13],
        _ => octets[transport + 4..transport + 6]
            .copy_from_slice(&((length as usize - transport) as u16).to_be_bytes()),
    }
    let one = packets.len() == 1;
    let segment_size = offload.segment_size.filter(|_| !one);
    let offload = Offload {
        checksum: Checksum::Verified,
        segment_size,
        segment_kind: offload.segment_kind.filter(|_| !one),
    };
    assert!(one || octets.len() > head + usize::from(offload.segment_size.map_or(0, NonZeroU16::get)));
    Frame { body: octets.into(), offload, ..Frame::default() }
}

/// Reads what there is; `true` at the end of the stream.
fn read(host: &mut Host, now: Instant, id: ConnectionId, got: &mut Vec<u8>) -> bool {
    loop {
        let mut buffer = [0; 20_000];
        match host.tcp_receive_into(now, id, &mut buffer) {
            Ok(count) => got.extend(&buffer[..count]),
            Err(ReceiveError::Empty) => return false,
            Err(ReceiveError::Finished) => return true,
            Err(why) => panic!("{why:?}"),
        }
    }
}

fn transfer(seed: u64, trouble: u64, remote: &str) -> u64 {
    let mut two = Two::new(seed, trouble);
    let remote: SocketAddr = remote.parse().unwrap();
    let mut octets = vec![0; 400_000];
    two.rng.fill(&mut octets);
    let octets = Bytes::from(octets);
    let listener = two.hosts[1].tcp_listen(two.now, remote, ListenConfig::default()).unwrap();
    let client = two.hosts[0].tcp_connect(two.now, ConnectOptions::to(remote)).unwrap();
    let (mut server, mut sent, mut got, mut done, mut closed) = (None, 0, Vec::new(), false, false);
    for _ in 0..100_000 {
        let now = two.now;
        while sent < octets.len() {
            let size = (two.rng.below(90_000) as usize + 1).min(octets.len() - sent);
            let chunk = Payload::from(octets.slice(sent..sent + size));
            match two.hosts[0].tcp_send(now, client, chunk, SendFlags::default()) {
                Ok(count) => sent += count,
                Err(SendError::Full) => break,
                Err(why) => panic!("seed {seed}: {why:?}"),
            }
        }
        // Before it is established, CLOSE would end it.
        if sent == octets.len() && server.is_some() && !closed {
            two.hosts[0].tcp_close(now, client).unwrap();
            closed = true;
        }
        two.step();
        let now = two.now;
        server = server.or_else(|| two.hosts[1].tcp_accept(listener).map(|(id, _)| id));
        if let Some(id) = server {
            done = read(&mut two.hosts[1], now, id, &mut got);
        }
        if done {
            break;
        }
    }
    assert!(done, "seed {seed}: {} of {} octets came", got.len(), octets.len());
    assert_eq!(got.len(), octets.len(), "seed {seed}");
    assert!(got == octets, "seed {seed}");
    let counters = two.hosts[1].counters();
    assert_eq!(counters.tcp_in_errs, 0, "seed {seed}");
    two.trains
}

#[test]
fn tcp_gets_the_same_stream_in_whatever_trains_it_comes() {
    for remote in ["10.0.0.2:80", "[fd00::2]:80"] {
        let trains: u64 = (0..40).map(|seed| transfer(seed, 0, remote)).sum();
        assert!(trains > 200, "{trains} trains came");
        let trains: u64 = (0..40).map(|seed| transfer(1000 + seed, 8, remote)).sum();
        assert!(trains > 200, "{trains} trains came");
    }
}

#[test]
fn udp_gets_the_same_datagrams_in_whatever_trains_they_come() {
    for remote in ["10.0.0.2:53", "[fd00::2]:53"] {
        let remote: SocketAddr = remote.parse().unwrap();
        let mut trains = 0;
        for seed in 0..40 {
            let mut two = Two::new(seed, 0);
            let now = two.now;
            let bind = UdpBind { address: Some(remote.ip()), port: remote.port(), ..UdpBind::default() };
            let to = two.hosts[1].udp_bind(bind).unwrap();
            let from = two.hosts[0].udp_open().unwrap();
            let size = two.rng.below(1300) + 100;
            let mut octets = vec![0; (size * (2 + two.rng.below(30)) - two.rng.below(90)) as usize];
            two.rng.fill(&mut octets);
            let send =
                UdpSend { segment_size: NonZeroU16::new(size as u16), ..UdpSend::to(octets.clone(), remote) };
            two.hosts[0].udp_send(now, from, send).unwrap();
            (0..10).for_each(|_| two.step());
            for expected in octets.chunks(size as usize) {
                let datagram = two.hosts[1].udp_receive(to).expect("each datagram comes");
                assert_eq!(datagram.data.len(), expected.len(), "seed {seed}");
                assert!(datagram.data.to_vec() == expected, "seed {seed}");
            }
            assert!(two.hosts[1].udp_receive(to).is_none());
            assert_eq!(
                two.hosts[1].udp_counters(to).unwrap().received,
                octets.len().div_ceil(size as usize) as u64
            );
            trains += two.trains;
        }
        assert!(trains > 20, "{trains} trains came");
    }
}
