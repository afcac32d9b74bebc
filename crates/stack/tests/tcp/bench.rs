//! Two hosts and a wire, or one host and a hand: no clock but ours.

use env::{Duration, Instant, Machine as _};
use stack::{
    Cidr, ConnectOptions, ConnectionId, Host, HostConfig, HostEvent, InterfaceConfig, InterfaceId,
    ListenConfig, ListenerId, Medium, RouteEntry,
};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tcp::{SendFlags, State};
use wire::tcp::{Flags, Header, Options, Timestamps, View};
use wire::{Frame, Head, Payload, Protocol, SeqNum, WireWindow, ipv4, ipv6};

pub(crate) const START: Instant = Instant::from_secs(100);

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

pub(crate) fn host(n: u8, config: HostConfig) -> (Host, InterfaceId) {
    let mut host = Host::new(config, [n; 32]).expect("sound settings");
    let mut interface = InterfaceConfig::new("t0", Medium::Ip);
    interface.duplicate_detection = false;
    for (address, prefix) in [(format!("10.0.0.{n}"), 24), (format!("fd00::{n}"), 64)] {
        let address: IpAddr = address.parse().expect("an address");
        interface = interface.address(Cidr::new(address, prefix).expect("a network"));
    }
    let id = host.add_interface(START, interface).expect("sound settings");
    let gateway = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 254)));
    let everywhere = RouteEntry { destination: Cidr::ALL_V4, gateway, interface: id, metric: 0 };
    host.add_route(everywhere).expect("a neighbour");
    (host, id)
}

/// Two hosts, 10.0.0.1 and 10.0.0.2 (fd00::1, fd00::2), 5 ms apart.
pub(crate) struct Two {
    pub(crate) now: Instant,
    pub(crate) hosts: [Host; 2],
    pub(crate) ids: [InterfaceId; 2],
    wire: VecDeque<(Instant, usize, Frame)>,
    pub(crate) events: [Vec<HostEvent>; 2],
    /// Frames that are lost: counted over both directions, from 1.
    pub(crate) lose: Vec<u64>,
    /// What happens to a frame on its way.
    pub(crate) harm: fn(u64, &mut Vec<u8>),
    pub(crate) sent: u64,
}

impl Two {
    pub(crate) fn new() -> Self {
        Self::with(HostConfig::default())
    }

    pub(crate) fn with(config: HostConfig) -> Self {
        let ((a, ia), (b, ib)) = (host(1, config.clone()), host(2, config));
        Self {
            now: START,
            hosts: [a, b],
            ids: [ia, ib],
            wire: VecDeque::new(),
            events: [Vec::new(), Vec::new()],
            lose: Vec::new(),
            harm: |_, _| {},
            sent: 0,
        }
    }

    /// Lets everything go out; whether anything went.
    fn flush(&mut self) {
        for n in 0..2 {
            while let Some((_, frame)) = self.hosts[n].poll_transmit(self.now) {
                self.sent += 1;
                if !self.lose.contains(&self.sent) {
                    let mut bytes = frame.to_vec();
                    (self.harm)(self.sent, &mut bytes);
                    let (at, len) = (self.now + Duration::from_millis(5), bytes.len());
                    let frame = Frame::received(bytes.into(), len, at);
                    self.wire.push_back((at, 1 - n, frame));
                }
            }
            while let Some(event) = self.hosts[n].poll_event() {
                self.events[n].push(event);
            }
        }
    }

    /// Runs until `end`, jumping from one thing that happens to the next.
    pub(crate) fn run_until(&mut self, end: Instant) {
        for _ in 0..1_000_000 {
            self.flush();
            let due =
                [self.wire.front().map(|w| w.0), self.hosts[0].poll_timeout(), self.hosts[1].poll_timeout()];
            let next = due.into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else {
                self.now = self.now.max(end);
                return;
            };
            self.now = self.now.max(next);
            while self.wire.front().is_some_and(|w| w.0 <= self.now) {
                let (_, to, frame) = self.wire.pop_front().expect("it was there");
                self.hosts[to].handle_packet(self.now, (self.ids[to], frame));
                self.flush();
            }
            for host in &mut self.hosts {
                host.handle_timeout(self.now);
            }
        }
        panic!("it never comes to rest");
    }

    pub(crate) fn run(&mut self, millis: u64) {
        self.run_until(self.now + Duration::from_millis(millis));
    }

    /// A SYN from client `crowd` of a crowd that nobody can route to.
    pub(crate) fn forge_syn(&mut self, n: usize, crowd: u32, to: &str) {
        let peer = Peer::of_crowd(crowd, to);
        let (mut head, body) = (Head::new(), Payload::EMPTY);
        peer.header(Flags::SYN).prepend_to(&mut head, peer.at.port(), peer.to.port()).expect("room");
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (peer.at.ip(), peer.to.ip()) else { panic!("IPv4") };
        wire::tcp::fill_checksum(&mut head, &body, src.into(), dst.into()).expect("a header");
        ipv4::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, 0).expect("room");
        let bytes = head.as_slice().to_vec();
        let len = bytes.len();
        self.hosts[n].handle_packet(self.now, (self.ids[n], Frame::received(bytes.into(), len, self.now)));
        self.flush();
    }

    /// A segment that nobody's host sent arrives at host `n`, out of turn.
    pub(crate) fn inject(
        &mut self,
        n: usize,
        src: SocketAddr,
        dst: SocketAddr,
        header: &Header,
        payload: &[u8],
    ) {
        let bytes = packet(src, dst, header, payload);
        let len = bytes.len();
        self.hosts[n].handle_packet(self.now, (self.ids[n], Frame::received(bytes.into(), len, self.now)));
        self.flush();
    }

    /// A packet that was on the wire once arrives at host `n` again.
    pub(crate) fn replay(&mut self, n: usize, bytes: Vec<u8>) {
        let len = bytes.len();
        self.hosts[n].handle_packet(self.now, (self.ids[n], Frame::received(bytes.into(), len, self.now)));
        self.flush();
    }

    pub(crate) fn listen(&mut self, n: usize, local: &str, config: ListenConfig) -> ListenerId {
        self.hosts[n].tcp_listen(self.now, at(local), config).expect("free")
    }

    pub(crate) fn connect(&mut self, n: usize, remote: &str) -> ConnectionId {
        self.hosts[n].tcp_connect(self.now, ConnectOptions::to(at(remote))).expect("a connection")
    }

    /// An established pair: host 0's end, host 1's end.
    pub(crate) fn established(&mut self, remote: &str) -> (ConnectionId, ConnectionId) {
        let listener = self.listen(1, remote, ListenConfig::default());
        let ours = self.connect(0, remote);
        self.run(50);
        let (theirs, _) = self.hosts[1].tcp_accept(listener).expect("somebody came");
        self.hosts[1].tcp_unlisten(self.now, listener);
        (ours, theirs)
    }

    pub(crate) fn send(&mut self, n: usize, id: ConnectionId, octets: &[u8]) -> usize {
        let data = Payload::copy_of(octets);
        self.hosts[n].tcp_send(self.now, id, data, SendFlags::default()).expect("room")
    }

    pub(crate) fn receive(&mut self, n: usize, id: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Ok(received) = self.hosts[n].tcp_receive(self.now, id, 1 << 20) {
            all.extend_from_slice(&received.data);
        }
        all
    }

    pub(crate) fn state(&self, n: usize, id: ConnectionId) -> State {
        self.hosts[n].tcp_state(id)
    }

    pub(crate) fn take_events(&mut self, n: usize) -> Vec<HostEvent> {
        self.flush();
        core::mem::take(&mut self.events[n])
    }
}

/// A segment on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) src: SocketAddr,
    pub(crate) dst: SocketAddr,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) ttl: u8,
}

impl Seen {
    pub(crate) fn flags(&self) -> Flags {
        self.header.flags
    }
}

/// One host, 10.0.0.1 and fd00::1, whose peers are us.
pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) host: Host,
    pub(crate) id: InterfaceId,
    /// What went out and is not TCP.
    pub(crate) others: Vec<Vec<u8>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(HostConfig::default())
    }

    pub(crate) fn with(config: HostConfig) -> Self {
        let (host, id) = host(1, config);
        Self { now: START, host, id, others: Vec::new() }
    }

    pub(crate) fn listen(&mut self, local: &str, config: ListenConfig) -> ListenerId {
        self.host.tcp_listen(self.now, at(local), config).expect("free")
    }

    /// Lets a segment arrive.
    pub(crate) fn arrive(&mut self, src: SocketAddr, dst: SocketAddr, header: &Header, payload: &[u8]) {
        self.arrive_bytes(packet(src, dst, header, payload));
    }

    pub(crate) fn arrive_bytes(&mut self, bytes: Vec<u8>) {
        let len = bytes.len();
        self.host.handle_packet(self.now, (self.id, Frame::received(bytes.into(), len, self.now)));
    }

    /// Everything that goes out now.
    pub(crate) fn sent(&mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some((_, frame)) = self.host.poll_transmit(self.now) {
            let bytes = frame.contiguous();
            match read(&bytes) {
                Some(seen) => all.push(seen),
                None => self.others.push(bytes.to_vec()),
            }
        }
        all
    }

    /// The one segment that goes out now.
    pub(crate) fn one(&mut self) -> Seen {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.into_iter().next().expect("one")
    }

    /// Time passes; what goes out on the way, and when it did after the beginning.
    pub(crate) fn pass(&mut self, millis: u64) -> Vec<(u64, Seen)> {
        let (begin, end) = (self.now, self.now + Duration::from_millis(millis));
        let mut all = Vec::new();
        loop {
            let after = self.now.since(begin).as_millis() as u64;
            all.extend(self.sent().into_iter().map(|seen| (after, seen)));
            match self.host.poll_timeout().filter(|due| *due <= end) {
                Some(due) => self.now = self.now.max(due),
                None => break,
            }
            self.host.handle_timeout(self.now);
        }
        self.now = end;
        all
    }

    pub(crate) fn events(&mut self) -> Vec<HostEvent> {
        core::iter::from_fn(|| self.host.poll_event()).collect()
    }
}

/// A segment in its packet, as it is on the wire.
pub(crate) fn packet(src: SocketAddr, dst: SocketAddr, header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut head = Head::new();
    header.prepend_to(&mut head, src.port(), dst.port()).expect("room");
    let body = Payload::copy_of(payload);
    wire::tcp::fill_checksum(&mut head, &body, src.ip(), dst.ip()).expect("a header");
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            ipv4::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, body.len()).expect("room");
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            ipv6::Repr::new(src, dst, Protocol::TCP).prepend_to(&mut head, body.len()).expect("room");
        }
        _ => panic!("two versions of IP"),
    }
    Frame { head, body, ..Frame::default() }.to_vec()
}

/// A TCP segment in an IP packet.
pub(crate) fn read(bytes: &[u8]) -> Option<Seen> {
    let (src, dst, ttl, segment): (IpAddr, IpAddr, u8, &[u8]) = match bytes.first()? >> 4 {
        4 => {
            let view = ipv4::View::new(bytes).ok()?;
            if view.protocol() != Protocol::TCP {
                return None;
            }
            (view.src().into(), view.dst().into(), view.ttl(), view.payload())
        }
        _ => {
            let view = ipv6::View::new(bytes).ok()?;
            if view.next_header() != Protocol::TCP {
                return None;
            }
            (view.src().into(), view.dst().into(), view.hop_limit(), view.payload())
        }
    };
    let view = View::new(segment).ok()?;
    assert!(view.checksum_ok(src, dst), "RFC 9293 MUST-2");
    Some(Seen {
        src: SocketAddr::new(src, view.src_port()),
        dst: SocketAddr::new(dst, view.dst_port()),
        header: view.header().ok()?,
        payload: view.payload().to_vec(),
        ttl,
    })
}

/// A peer that we are: its address, its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) at: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) options: Options,
    /// Sends timestamps, this one next.
    pub(crate) stamp: Option<u32>,
    pub(crate) echo: u32,
}

impl Peer {
    pub(crate) fn new(from: &str, to: &str) -> Self {
        let options = Options { mss: Some(1460), ..Options::NONE };
        Self {
            at: at(from),
            to: at(to),
            seq: SeqNum::new(5_000),
            ack: SeqNum::new(0),
            options,
            stamp: None,
            echo: 0,
        }
    }

    /// Client `n` of a crowd.
    pub(crate) fn of_crowd(n: u32, to: &str) -> Self {
        let address = Ipv4Addr::from_bits(0xc633_0001 + n / 60_000);
        let from = SocketAddr::new(address.into(), (1 + n % 60_000) as u16);
        Self { at: from, ..Self::new("10.0.0.2:1", to) }
    }

    pub(crate) fn header(&self, flags: Flags) -> Header {
        let syn = flags.contains(Flags::SYN);
        let timestamps = self.stamp.map(|value| Timestamps { value, echo: self.echo });
        let options = if syn { self.options.clone() } else { Options::NONE };
        Header {
            seq: self.seq,
            ack: if flags.contains(Flags::ACK) { self.ack } else { SeqNum::new(0) },
            flags,
            window: WireWindow::new(0xffff),
            urgent: 0,
            options: Options { timestamps, ..options },
        }
    }

    /// Sends a segment with the peer's next numbers, and counts what it took up.
    pub(crate) fn send(&mut self, bench: &mut Bench, flags: Flags, payload: &[u8]) {
        bench.arrive(self.at, self.to, &self.header(flags), payload);
        let controls = u32::from(flags.contains(Flags::SYN)) + u32::from(flags.contains(Flags::FIN));
        self.seq += payload.len() as u32 + controls;
    }

    /// Takes note of a segment from the host.
    pub(crate) fn take(&mut self, seen: &Seen) {
        assert_eq!((seen.dst, seen.src), (self.at, self.to));
        let controls =
            u32::from(seen.flags().contains(Flags::SYN)) + u32::from(seen.flags().contains(Flags::FIN));
        self.ack = seen.header.seq + (seen.payload.len() as u32 + controls);
        self.echo = seen.header.options.timestamps.map_or(self.echo, |t| t.value);
    }

    /// SYN, SYN-ACK, ACK; gives the SYN-ACK.
    pub(crate) fn open(&mut self, bench: &mut Bench) -> Seen {
        self.send(bench, Flags::SYN, b"");
        let syn_ack = bench.one();
        assert_eq!(syn_ack.flags(), Flags::SYN | Flags::ACK);
        self.take(&syn_ack);
        self.send(bench, Flags::ACK, b"");
        syn_ack
    }
}
