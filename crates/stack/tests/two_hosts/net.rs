//! Two hosts on one link, on virtual time.

use bytes::Bytes;
use env::{Duration, Instant, Machine};
use handfast_stack::{
    Cidr, Host, HostConfig, HostEvent, InterfaceConfig, InterfaceId, MacAddr, Medium, UdpBind, UdpId,
};
use std::net::{IpAddr, SocketAddr};
use wire::{Frame, Protocol, ipv4, ipv6};

pub(crate) const A: [&str; 2] = ["10.0.0.1", "fd00::1"];
pub(crate) const B: [&str; 2] = ["10.0.0.2", "fd00::2"];

/// Two hosts, what happens to what is between them, and what was.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) a: Host,
    pub(crate) b: Host,
    pub(crate) link: InterfaceId,
    /// Every packet, in the order of sending.
    pub(crate) log: Vec<Vec<u8>>,
    /// How often the `n`th packet arrives.
    pub(crate) copies: fn(usize) -> usize,
}

pub(crate) const MAC: [MacAddr; 2] = [MacAddr::new([2, 0, 0, 0, 0, 1]), MacAddr::new([2, 0, 0, 0, 0, 2])];

pub(crate) fn host(seed: u8, medium: Medium, addresses: &[&str]) -> (Host, InterfaceId) {
    let mut host = Host::new(HostConfig::default(), [seed; 32]).unwrap();
    let config = addresses.iter().fold(InterfaceConfig::new("net", medium), |config, address| {
        config.address(address.parse::<Cidr>().unwrap())
    });
    let link = host.add_interface(Instant::ZERO, config).unwrap();
    (host, link)
}

impl Net {
    pub(crate) fn new() -> Self {
        Self::on([Medium::Ip; 2])
    }

    pub(crate) fn on(media: [Medium; 2]) -> Self {
        let (a, link) = host(1, media[0], &["10.0.0.1/24", "10.0.0.5/24", "fd00::1/64", "fe80::1/64"]);
        let (b, other) = host(2, media[1], &["10.0.0.2/24", "fd00::2/64", "fe80::2/64"]);
        assert_eq!(link, other);
        Self { now: Instant::from_secs(1), a, b, link, log: Vec::new(), copies: |_| 1 }
    }

    /// Carries packets until there are none.
    pub(crate) fn run(&mut self) {
        loop {
            let (to_b, from) = match self.a.poll_transmit(self.now) {
                Some(sent) => (true, sent),
                None => match self.b.poll_transmit(self.now) {
                    Some(sent) => (false, sent),
                    None => return,
                },
            };
            let octets = from.1.to_vec();
            for _ in 0..(self.copies)(self.log.len()) {
                let bytes = Bytes::copy_from_slice(&octets);
                let held = bytes.len();
                let frame = Frame::received(bytes, held, self.now);
                if to_b { &mut self.b } else { &mut self.a }.handle_packet(self.now, (self.link, frame));
            }
            self.log.push(octets);
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.run();
            let due = [self.a.poll_timeout(), self.b.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.now = self.now.max(due);
            self.a.handle_timeout(self.now);
            self.b.handle_timeout(self.now);
        }
        self.now = end;
    }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn to(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(address), port)
}

pub(crate) fn any(port: u16) -> UdpBind {
    UdpBind { port, ..UdpBind::default() }
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8 ^ (n / 251) as u8).collect()
}

pub(crate) fn drain(host: &mut Host, id: UdpId) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| host.udp_receive(id)).map(|datagram| datagram.data.to_vec()).collect()
}

pub(crate) fn events(host: &mut Host) -> Vec<HostEvent> {
    std::iter::from_fn(|| host.poll_event()).collect()
}

/// Source and destination of a packet, what it carries, and that.
pub(crate) fn open(packet: &[u8]) -> (IpAddr, IpAddr, Protocol, &[u8]) {
    if packet[0] >> 4 == 4 {
        let view = ipv4::View::new(packet).unwrap();
        assert!(view.checksum_ok());
        (view.src().into(), view.dst().into(), view.protocol(), view.payload())
    } else {
        let view = ipv6::View::new(packet).unwrap();
        (view.src().into(), view.dst().into(), view.next_header(), view.payload())
    }
}
