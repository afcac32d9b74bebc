//! Frames, times and calls read from any bytes, done to a host: the body of a property test and of a fuzz target.
//!
//! Nothing may panic, no turn may go on for ever, and memory stays within the budget. What was noted of it, given to a host
//! with another seed, makes the same frames.

use bytes::Bytes;
use env::{Duration, Instant, Machine};
use handfast_stack::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tcp::SendFlags;
use wire::ethernet::{self, EtherType};
use wire::{Frame, Head, Payload, Protocol, checksum, ipv4, ipv6};

const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const US: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
const US6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const PEER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
/// More than one turn can ever have to say.
const MANY: usize = 20_000;
const MEMORY: usize = 4 << 20;

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn some(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (some, rest) = self.0.split_at(len);
        self.0 = rest;
        some
    }

    fn address(&mut self) -> IpAddr {
        match self.byte() % 8 {
            0 => PEER.into(),
            1 => PEER6.into(),
            2 => US.into(),
            3 => US6.into(),
            4 => Ipv4Addr::from_bits(u32::from(self.word()) << 16 | u32::from(self.word())).into(),
            5 => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, self.word()).into(),
            6 => Ipv4Addr::new(192, 0, 2, 255).into(),
            _ => Ipv4Addr::LOCALHOST.into(),
        }
    }

    fn socket(&mut self) -> SocketAddr {
        (self.address(), [7, 80, 0, self.word()][usize::from(self.byte() % 4)]).into()
    }
}

/// A packet to us with a header, and a transport checksum, that are right: what is behind them is looked at.
fn packet(v4: bool, protocol: u8, hops: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let protocol = Protocol::new([1, 2, 6, 17, 58, 0, 44, 60, 43][usize::from(protocol % 9)]);
    let (src, dst): (IpAddr, IpAddr) = if v4 { (PEER.into(), US.into()) } else { (PEER6.into(), US6.into()) };
    let at = match protocol {
        Protocol::TCP => Some(16),
        Protocol::UDP => Some(6),
        Protocol::ICMP | Protocol::IGMP | Protocol::ICMPV6 => Some(2),
        _ => None,
    };
    if let Some(at) = at.filter(|at| body.len() >= at + 2) {
        body[at..at + 2].fill(0);
        let pseudo = match protocol {
            Protocol::ICMP | Protocol::IGMP => checksum::Sum::ZERO,
            _ => checksum::pseudo_header(src, dst, protocol, body.len() as u32),
        };
        let sum = pseudo.with(&body).checksum();
        body[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let mut head = Head::new();
    let written = if v4 {
        let repr = ipv4::Repr {
            ttl: hops,
            identification: 5,
            dont_fragment: false,
            more_fragments: flags & 1 == 1,
            fragment_offset: if flags & 2 == 2 { flags >> 8 } else { 0 },
            ..ipv4::Repr::new(PEER, US, protocol)
        };
        repr.prepend_to(&mut head, body.len())
    } else {
        let repr = ipv6::Repr { hop_limit: hops, ..ipv6::Repr::new(PEER6, US6, protocol) };
        repr.prepend_to(&mut head, body.len())
    };
    assert!(written.is_ok());
    [head.as_slice(), &body].concat()
}

fn settings() -> HostConfig {
    HostConfig {
        memory: MEMORY,
        reassembly_memory: 1 << 20,
        reassembly_memory_per_source: 128 << 10,
        neighbours: 16,
        trace: 256,
        router_advertisements: true,
        ..HostConfig::default()
    }
}

struct Subject {
    host: Host,
    notes: Vec<Note>,
    now: Instant,
    udp: Vec<UdpId>,
    tcp: Vec<ConnectionId>,
    listener: ListenerId,
    echo: EchoId,
}

impl Subject {
    fn new() -> Self {
        let mut host = Host::new(settings(), [7; 32]).unwrap();
        host.journal(true).unwrap();
        let now = Instant::from_secs(1);
        let (four, six) = ("192.0.2.1/24".parse().unwrap(), "2001:db8::1/64".parse().unwrap());
        let ethernet = InterfaceConfig::new("eth", Medium::Ethernet(MAC)).address(four).address(six);
        host.add_interface(now, ethernet).unwrap();
        let plain = InterfaceConfig::new("ip", Medium::Ip).address("10.0.0.1/8".parse().unwrap());
        host.add_interface(now, plain.address("fd00::1/64".parse().unwrap())).unwrap();
        host.watch(true);
        let udp = host.udp_bind(UdpBind { port: 7, ..UdpBind::default() }).unwrap();
        let listener = host.tcp_listen(now, "0.0.0.0:80".parse().unwrap(), ListenConfig::default()).unwrap();
        let echo = host.echo_open().unwrap();
        let mut subject =
            Self { host, notes: Vec::new(), now, udp: vec![udp], tcp: Vec::new(), listener, echo };
        subject.pass(Duration::from_secs(5));
        subject
    }

    fn give(&mut self, interface: usize, frame: Vec<u8>) {
        let Some(&id) = self.host.interfaces().get(interface) else { return };
        let held = frame.len();
        self.host.handle_packet(self.now, (id, Frame::received(Bytes::from(frame), held, self.now)));
    }

    /// Takes everything away; it must come to an end.
    fn drain(&mut self) {
        let mut frames = 0;
        while self.host.poll_transmit(self.now).is_some() {
            frames += 1;
            assert!(frames < MANY, "it never stops to send");
        }
        let mut events = 0;
        while self.host.poll_event().is_some() {
            events += 1;
            assert!(events < MANY, "it never stops to tell");
        }
        while self.host.poll_trace().is_some() {}
        self.notes.extend(std::iter::from_fn(|| self.host.poll_note()));
        assert!(self.host.budget().held() <= MEMORY + (1 << 20), "{}", self.host.budget().held());
    }

    /// Lets time pass, timer by timer; time must get on.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut turns = 0;
        while let Some(due) = self.host.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.host.handle_timeout(self.now);
            self.drain();
            turns += 1;
            assert!(turns < MANY, "time stands still at {}", self.now);
        }
        self.now = end;
    }

    fn step(&mut self, input: &mut Reader<'_>) {
        let now = self.now;
        match input.byte() % 24 {
            0 => {
                let frame = input.some().to_vec();
                self.give(1, frame);
            }
            1 => {
                let frame = input.some().to_vec();
                self.give(2, frame);
            }
            kind @ 2..=8 => {
                let (v4, protocol, hops, flags) = (
                    kind % 2 == 0,
                    input.byte(),
                    input.byte() | if kind > 5 { 255 } else { 1 },
                    input.word(),
                );
                let packet = packet(v4, protocol, hops, flags, input.some());
                let ethertype = if v4 { EtherType::IPV4 } else { EtherType::IPV6 };
                let src = MacAddr::new([2, 0, 0, 0, 0, 9]);
                let mut head = Head::new();
                assert!(
                    ethernet::Repr { dst: MAC, src, ethertype, vlan: None }.prepend_to(&mut head).is_ok()
                );
                self.give(1, [head.as_slice(), &packet].concat());
            }
            9 => self.pass(Duration::from_millis(u64::from(input.word()))),
            10 => self.pass(Duration::from_secs(u64::from(input.byte()))),
            11 => {
                let port = input.word();
                if self.udp.len() < 16
                    && let Ok(id) = self.host.udp_bind(UdpBind { port, ..UdpBind::default() })
                {
                    self.udp.push(id);
                }
            }
            12 | 13 => {
                let id = self.udp[usize::from(input.byte()) % self.udp.len()];
                let data = vec![1u8; usize::from(input.word())];
                let to = input.socket();
                let _refused = self.host.udp_send(now, id, UdpSend::to(data, to)).is_err();
            }
            14 => {
                let id = self.udp[usize::from(input.byte()) % self.udp.len()];
                self.host.udp_receive(id);
                self.host.udp_take_fault(id);
            }
            15 => {
                let to = input.socket();
                if self.tcp.len() < 16
                    && let Ok(id) = self.host.tcp_connect(now, ConnectOptions::to(to))
                {
                    self.tcp.push(id);
                }
            }
            16 => {
                if let Some((id, _)) = self.host.tcp_accept(self.listener) {
                    self.tcp.push(id);
                }
            }
            kind @ 17..=20 if !self.tcp.is_empty() => {
                let at = usize::from(input.byte()) % self.tcp.len();
                let id = self.tcp[at];
                match kind {
                    17 => {
                        let data = Payload::from(vec![2u8; usize::from(input.word())]);
                        let _taken = self.host.tcp_send(now, id, data, SendFlags::default());
                    }
                    18 => {
                        let _received = self.host.tcp_receive(now, id, usize::from(input.word()));
                    }
                    19 => {
                        let _closed = self.host.tcp_close(now, id);
                    }
                    _ => {
                        self.host.tcp_release(now, id);
                        self.tcp.swap_remove(at);
                    }
                }
            }
            21 => {
                let to = input.address();
                let data = vec![3u8; usize::from(input.word())];
                let _refused = self.host.echo_send(now, self.echo, EchoSend::new(to, 1, data)).is_err();
                self.host.echo_receive(self.echo);
                self.host.echo_take_fault(self.echo);
            }
            22 => {
                let interfaces = self.host.interfaces();
                let id = interfaces[usize::from(input.byte()) % interfaces.len()];
                let (mtu, up) = (input.word(), input.byte());
                let _refused = self.host.set_mtu(id, mtu).is_err();
                let _refused = self.host.set_up(now, id, up % 4 != 0).is_err();
            }
            23 => {
                let interfaces = self.host.interfaces();
                let id = interfaces[usize::from(input.byte()) % interfaces.len()];
                let (address, prefix) = (input.address(), input.byte());
                let gateway = Some(input.address());
                if let Some(cidr) = Cidr::new(address, prefix) {
                    let _refused = self.host.add_address(now, id, cidr).is_err();
                    let entry = RouteEntry { destination: cidr, gateway, interface: id, metric: 0 };
                    let _refused = self.host.add_route(entry).is_err();
                }
                if prefix % 2 == 0 {
                    let _refused = self.host.remove_address(now, id, address).is_err();
                }
            }
            _ => {}
        }
    }
}

/// Does what `bytes` say.
pub(crate) fn host(bytes: &[u8]) {
    let mut subject = Subject::new();
    let mut input = Reader(bytes);
    while !input.0.is_empty() {
        subject.step(&mut input);
        subject.drain();
    }
    subject.pass(Duration::from_secs(300));
    again(subject.notes);
}

/// Gives everything that was noted to a host with another seed.
fn again(notes: Vec<Note>) {
    let mut host = Host::new(settings(), [8; 32]).unwrap();
    host.rehearse(true).unwrap();
    let mut notes = notes.into_iter().peekable();
    while let Some(Note::Input(input)) = notes.next() {
        let mut sent = Vec::new();
        while let Some(note) = notes.next_if(|note| !matches!(note, Note::Input(_))) {
            match note {
                Note::Drawn(source, drawn) => host.give(source, drawn),
                Note::Sent(at, interface, frame) => sent.push((at, interface, frame)),
                Note::Input(_) => {}
            }
        }
        input.clone().apply(&mut host);
        assert_eq!(host.rehearsed(), None, "{input:?}");
        while host.poll_event().is_some() {}
        let mut sent = sent.into_iter();
        while let Some(note) = host.poll_note() {
            let Note::Sent(at, interface, frame) = note else { panic!("{note:?}") };
            assert!(sent.next() == Some((at, interface, frame)), "{input:?} makes another frame");
        }
        assert!(sent.next().is_none(), "{input:?} makes fewer frames");
    }
    assert!(notes.next().is_none());
}
