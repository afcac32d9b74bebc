//! A client and a small server, each on a host of its own, joined by hand.

use crate::{Client, Event};
use dhcproto::v4::{
    Decodable, Decoder, DhcpOption, Encodable, Encoder, Message, MessageType, Opcode, OptionCode,
};
use env::{Duration, Instant, Machine, Rng};
use stack::{Host, HostConfig, InterfaceConfig, InterfaceId, Medium, UdpBind, UdpId, UdpSend};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use wire::ethernet::MacAddr;

const MAC: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Lab {
    now: Instant,
    client: Client,
    host: Host,
    interface: InterfaceId,
    server: Host,
    wire: InterfaceId,
    socket: UdpId,
    /// What the server hands out next; `None`: it is silent.
    lends: Option<Ipv4Addr>,
    refuses: bool,
    /// What the client asked, and whether only the server heard it.
    asked: Vec<(MessageType, bool)>,
}

impl Lab {
    fn new() -> Self {
        let now = Instant::from_secs(1);
        let host = |mac, address: Option<&str>, seed| {
            let mut host = Host::new(HostConfig::default(), [seed; 32]).unwrap();
            let config = InterfaceConfig::new("eth", Medium::Ethernet(mac));
            let config = address.into_iter().fold(config, |c, a| c.address(a.parse().unwrap()));
            let interface = host.add_interface(now, config).unwrap();
            (host, interface)
        };
        let (mut ours, interface) = host(MAC, None, 1);
        let (mut server, wire) = host(MacAddr::new([2, 0, 0, 0, 0, 2]), Some("10.0.0.1/24"), 2);
        let bind = UdpBind { address: Some(Ipv4Addr::UNSPECIFIED.into()), port: 67, reuse: false };
        let socket = server.udp_bind(bind).unwrap();
        server.udp_options_mut(socket).unwrap().broadcast = true;
        let client = Client::new(&mut ours, interface, MAC, Rng::seeded(3)).unwrap();
        Self {
            now,
            client,
            host: ours,
            interface,
            server,
            wire,
            socket,
            lends: Some(Ipv4Addr::new(10, 0, 0, 9)),
            refuses: false,
            asked: Vec::new(),
        }
    }

    /// Lets everything happen that happens now.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            self.client.turn(self.now, &mut self.host);
            for host in [&mut self.host, &mut self.server] {
                if host.poll_timeout().is_some_and(|due| due <= self.now) {
                    host.handle_timeout(self.now);
                }
            }
            while let Some((_, frame)) = self.host.poll_transmit(self.now) {
                self.server.handle_packet(self.now, (self.wire, frame));
                moved = true;
            }
            while let Some(datagram) = self.server.udp_receive(self.socket) {
                let unicast = datagram.to.ip() == IpAddr::V4(SERVER);
                self.serve(&datagram.data.to_vec(), unicast);
            }
            while let Some((_, frame)) = self.server.poll_transmit(self.now) {
                self.host.handle_packet(self.now, (self.interface, frame));
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }

    fn serve(&mut self, octets: &[u8], unicast: bool) {
        let question = Message::decode(&mut Decoder::new(octets)).unwrap();
        let kind = question.opts().msg_type().unwrap();
        self.asked.push((kind, unicast));
        let Some(lends) = self.lends else { return };
        let wanted = match question.opts().get(OptionCode::RequestedIpAddress) {
            Some(DhcpOption::RequestedIpAddress(wanted)) => *wanted,
            _ => question.ciaddr(),
        };
        let answer = match kind {
            MessageType::Discover => MessageType::Offer,
            MessageType::Request if wanted == lends && !self.refuses => MessageType::Ack,
            MessageType::Request => MessageType::Nak,
            _ => return,
        };
        let zero = Ipv4Addr::UNSPECIFIED;
        let mut reply = Message::new_with_id(question.xid(), zero, lends, SERVER, zero, &MAC.octets());
        reply.set_opcode(Opcode::BootReply);
        for option in [
            DhcpOption::MessageType(answer),
            DhcpOption::ServerIdentifier(SERVER),
            DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)),
            DhcpOption::Router(vec![SERVER]),
            DhcpOption::AddressLeaseTime(3600),
        ] {
            reply.opts_mut().insert(option);
        }
        let mut octets = Vec::new();
        reply.encode(&mut Encoder::new(&mut octets)).unwrap();
        let to = if question.flags().broadcast() { Ipv4Addr::BROADCAST } else { question.ciaddr() };
        let send =
            UdpSend { interface: Some(self.wire), ..UdpSend::to(octets, SocketAddr::new(to.into(), 68)) };
        self.server.udp_send(self.now, self.socket, send).unwrap();
    }

    fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        self.settle();
        loop {
            let due = [self.client.poll_timeout(), self.host.poll_timeout(), self.server.poll_timeout()];
            match due.into_iter().flatten().min().filter(|due| *due <= until) {
                Some(due) => self.now = self.now.max(due),
                None => break,
            }
            self.settle();
        }
        self.now = until;
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    fn source(&self) -> Option<IpAddr> {
        self.host.route(FAR, None).ok().map(|route| route.src)
    }
}

#[test]
fn a_host_without_an_address_gets_one_and_a_way_to_the_world() {
    let mut lab = Lab::new();
    assert_eq!(lab.source(), None);
    lab.run(Duration::from_secs(1));
    assert_eq!(lab.asked, [(MessageType::Discover, false), (MessageType::Request, false)]);
    assert_eq!(lab.source(), Some(Ipv4Addr::new(10, 0, 0, 9).into()));
    assert_eq!(lab.host.route(FAR, None).unwrap().next_hop, IpAddr::V4(SERVER));
    let lease = lab.client.lease().unwrap().clone();
    assert_eq!(lab.events(), [Event::Bound(lease)]);
}

#[test]
fn a_lease_is_renewed_by_its_server_at_its_half_and_by_anyone_later() {
    let mut lab = Lab::new();
    lab.run(Duration::from_secs(1));
    lab.asked.clear();
    lab.run(Duration::from_secs(1_800));
    assert_eq!(lab.asked, [(MessageType::Request, true)], "at half of 3,600 s");
    lab.run(Duration::from_secs(1_800));
    assert_eq!(lab.asked.len(), 2, "and of the next");
    lab.lends = None;
    lab.asked.clear();
    lab.run(Duration::from_secs(3_400));
    let to_its_server = lab.asked.iter().take_while(|(_, unicast)| *unicast).count();
    assert!(to_its_server > 1 && to_its_server < lab.asked.len(), "{:?}", lab.asked);
    assert!(lab.asked[to_its_server..].iter().all(|(_, unicast)| !unicast));
    assert!(lab.client.lease().is_some(), "ours until its end");
    lab.events();
    lab.run(Duration::from_secs(601));
    assert!(matches!(lab.events()[..], [Event::Lost(_)]));
    assert_eq!(lab.source(), None);
    // And then it is looked for again, for ever but ever more rarely.
    lab.asked.clear();
    lab.run(Duration::from_secs(600));
    assert!((8..16).contains(&lab.asked.len()), "{}", lab.asked.len());
    lab.lends = Some(Ipv4Addr::new(10, 0, 0, 10));
    lab.run(Duration::from_secs(66));
    assert_eq!(lab.source(), Some(Ipv4Addr::new(10, 0, 0, 10).into()));
}

#[test]
fn a_refusal_begins_anew() {
    let mut lab = Lab::new();
    lab.refuses = true;
    lab.run(Duration::from_millis(1));
    assert!(lab.client.lease().is_none());
    lab.refuses = false;
    lab.run(Duration::from_secs(70));
    assert!(lab.client.lease().is_some());
    // A renewal that is refused ends the lease at once.
    lab.lends = Some(Ipv4Addr::new(10, 0, 0, 77));
    lab.events();
    lab.run(Duration::from_secs(1_900));
    let events = lab.events();
    assert!(matches!(events[..], [Event::Lost(_), Event::Bound(_)]), "{events:?}");
    assert_eq!(lab.source(), Some(Ipv4Addr::new(10, 0, 0, 77).into()));
}

#[test]
fn what_is_given_back_is_gone() {
    let mut lab = Lab::new();
    lab.run(Duration::from_secs(1));
    lab.asked.clear();
    let client = lab.client.clone();
    client.release(lab.now, &mut lab.host);
    assert_eq!(lab.source(), None);
    // The server is found first: nothing was said to it alone until now.
    for _ in 0..3 {
        while let Some((_, frame)) = lab.host.poll_transmit(lab.now) {
            lab.server.handle_packet(lab.now, (lab.wire, frame));
        }
        while let Some((_, frame)) = lab.server.poll_transmit(lab.now) {
            lab.host.handle_packet(lab.now, (lab.interface, frame));
        }
    }
    let released = lab.server.udp_receive(lab.socket).unwrap().data.to_vec();
    let message = Message::decode(&mut Decoder::new(&released)).unwrap();
    assert_eq!(message.opts().msg_type(), Some(MessageType::Release));
    assert_eq!(message.ciaddr(), Ipv4Addr::new(10, 0, 0, 9));
}

#[test]
fn a_server_that_says_nothing_is_asked_less_and_less_often() {
    let mut lab = Lab::new();
    lab.lends = None;
    lab.run(Duration::from_secs(127));
    // At 0, 4, 12, 28, 60 s, each give or take a second more, then each 64 s.
    assert!((5..=6).contains(&lab.asked.len()), "{}", lab.asked.len());
}
