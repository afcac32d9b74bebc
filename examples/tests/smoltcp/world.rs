//! The two stacks, the link between them, and time.

use crate::phy::Phy;
use device::impair::{Direction, Impaired, Profile};
use device::memory::{self, Memory};
use driver::Driver;
use env::{Duration, Instant, Rng};
use sha2::{Digest as _, Sha256};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{tcp as their_tcp, udp as their_udp};
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint};
use stack::{ConnectOptions, ConnectionId, Host, HostConfig, InterfaceConfig, ListenConfig, Medium};
use stack::{UdpBind, UdpSend};
use std::net::{IpAddr, SocketAddr};
use tcp::{ReceiveError, SendFlags, State};
use wire::Payload;

/// Far longer than anything here takes, in virtual time: what hangs shall fail.
const HANGS: Duration = Duration::from_secs(600);
/// Where both listen.
const PORT: u16 = 80;

/// Which end opens the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    Ours,
    Theirs,
}

/// What one direction has carried.
#[derive(Debug)]
struct Flow {
    sent: Sha256,
    received: Sha256,
    left: usize,
    arrived: usize,
    random: Rng,
}

impl Flow {
    fn new(seed: u64) -> Self {
        let (sent, received) = (Sha256::new(), Sha256::new());
        Self { sent, received, left: 0, arrived: 0, random: Rng::seeded(seed) }
    }
}

pub(crate) struct World {
    now: Instant,
    ours: Driver<Impaired<Memory>>,
    connection: Option<ConnectionId>,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    phy: Phy,
    our_ip: IpAddr,
    their_ip: IpAddr,
    /// What we send, and what they send.
    flows: [Flow; 2],
}

impl World {
    pub(crate) fn new(link: &Profile, v6: bool) -> Self {
        let (our_ip, their_ip, cidr): (IpAddr, IpAddr, &str) = if v6 {
            ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap(), "fd00::1/64")
        } else {
            ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap(), "10.0.0.1/24")
        };
        let now = Instant::from_secs(1);
        let (left, right) = memory::pair(memory::Config::default());
        let mut ours = Driver::new(Host::new(HostConfig::default(), [7; 32]).unwrap());
        let config = InterfaceConfig::new("wire", Medium::Ip).address(cidr.parse().unwrap());
        ours.attach(now, Impaired::new(left, link.clone(), link.clone(), 42), config).unwrap();

        let mut phy = Phy::new(right);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = 42;
        let mut interface = Interface::new(config, &mut phy, theirs_of(now));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(their_ip.into(), if v6 { 64 } else { 24 })).unwrap();
        });
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || their_tcp::SocketBuffer::new(vec![0; 64 * 1024]);
        let socket = sockets.add(their_tcp::Socket::new(buffer(), buffer()));
        let flows = [Flow::new(1), Flow::new(2)];
        Self { now, ours, connection: None, interface, sockets, socket, phy, our_ip, their_ip, flows }
    }

    /// With a connection that is open at both ends.
    pub(crate) fn opened(link: &Profile, v6: bool, opener: Opener) -> Self {
        let mut world = Self::new(link, v6);
        match opener {
            Opener::Ours => {
                world.theirs().listen(PORT).unwrap();
                world.connect(PORT);
                world.until("both are open", |world| {
                    world.state() == State::Established
                        && world.theirs().state() == their_tcp::State::Established
                });
            }
            Opener::Theirs => {
                let (now, local) = (world.now, SocketAddr::new(world.our_ip, PORT));
                let listener = world.ours.host_mut().tcp_listen(now, local, ListenConfig::default()).unwrap();
                world.their_connect(PORT);
                world.until("it can be accepted", |world| {
                    world.connection = world.ours.host_mut().tcp_accept(listener).map(|(id, _)| id);
                    world.connection.is_some()
                });
            }
        }
        world
    }

    /// We connect to their port.
    pub(crate) fn connect(&mut self, port: u16) {
        let options = ConnectOptions::to(SocketAddr::new(self.their_ip, port));
        self.connection = Some(self.ours.host_mut().tcp_connect(self.now, options).unwrap());
    }

    /// They connect to our port.
    pub(crate) fn their_connect(&mut self, port: u16) {
        let remote = IpEndpoint::new(self.our_ip.into(), port);
        let context = self.interface.context();
        let socket = self.sockets.get_mut::<their_tcp::Socket<'_>>(self.socket);
        socket.connect(context, remote, 49_999).unwrap();
    }

    pub(crate) fn theirs(&mut self) -> &mut their_tcp::Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    fn id(&self) -> ConnectionId {
        self.connection.unwrap()
    }

    pub(crate) fn state(&self) -> State {
        self.ours.host().tcp_state(self.id())
    }

    /// What receiving says when nothing more is expected.
    pub(crate) fn receive(&mut self) -> Result<usize, ReceiveError> {
        let (now, id) = (self.now, self.id());
        self.ours.host_mut().tcp_receive_into(now, id, &mut [0; 16])
    }

    pub(crate) fn close_ours(&mut self) {
        let (now, id) = (self.now, self.id());
        self.ours.host_mut().tcp_close(now, id).unwrap();
    }

    pub(crate) fn abort_ours(&mut self) {
        let (now, id) = (self.now, self.id());
        self.ours.host_mut().tcp_abort(now, id);
    }

    /// Sends `ours` octets from us and `theirs` from them, at once, until all have arrived.
    pub(crate) fn exchange(&mut self, ours: usize, theirs: usize) {
        let goals = [self.flows[0].arrived + ours, self.flows[1].arrived + theirs];
        (self.flows[0].left, self.flows[1].left) = (ours, theirs);
        self.until("all has arrived", |world| {
            world.pump();
            world.flows.iter().zip(goals).all(|(flow, goal)| flow.left == 0 && flow.arrived == goal)
        });
    }

    fn pump(&mut self) {
        let (now, id) = (self.now, self.id());
        let [from_us, from_them] = &mut self.flows;
        let host = self.ours.host_mut();
        let socket = self.sockets.get_mut::<their_tcp::Socket<'_>>(self.socket);
        while from_us.left > 0 && host.tcp_send_room(id) > 0 {
            let mut data = vec![0; from_us.left.min(host.tcp_send_room(id)).min(10_000)];
            from_us.random.fill(&mut data);
            let payload = Payload::from(data.clone());
            let sent = host.tcp_send(now, id, payload, SendFlags::default()).unwrap();
            assert_eq!(sent, data.len(), "there was room");
            from_us.sent.update(&data);
            from_us.left -= sent;
        }
        while socket.can_recv() {
            let (sum, arrived) = (&mut from_us.received, &mut from_us.arrived);
            let take = |data: &mut [u8]| {
                sum.update(&*data);
                *arrived += data.len();
                (data.len(), ())
            };
            socket.recv(take).unwrap();
        }
        while from_them.left > 0 && socket.can_send() {
            let room = socket.send_capacity() - socket.send_queue();
            let mut data = vec![0; from_them.left.min(room)];
            from_them.random.fill(&mut data);
            assert_eq!(socket.send_slice(&data).unwrap(), data.len());
            from_them.sent.update(&data);
            from_them.left -= data.len();
        }
        let mut data = [0; 10_000];
        while let Ok(count) = host.tcp_receive_into(now, id, &mut data) {
            from_them.received.update(&data[..count]);
            from_them.arrived += count;
        }
    }

    /// Of what was sent, by us and by them.
    pub(crate) fn sums_of_ours(&self) -> [Vec<u8>; 2] {
        self.flows.each_ref().map(|flow| flow.sent.clone().finalize().to_vec())
    }

    /// Of what arrived, at them and at us.
    pub(crate) fn sums_of_theirs(&self) -> [Vec<u8>; 2] {
        self.flows.each_ref().map(|flow| flow.received.clone().finalize().to_vec())
    }

    /// Packets that the link has lost, both ways.
    pub(crate) fn lost(&self) -> u64 {
        let links = self.ours.devices().map(|(_, link)| {
            let [out, into] = [Direction::Out, Direction::In].map(|way| link.link(way).counters());
            out.lost() + into.lost()
        });
        links.sum()
    }

    /// Datagrams of these sizes, to them and back.
    pub(crate) fn datagrams(&mut self, sizes: &[usize]) {
        let buffer = || {
            let meta = vec![their_udp::PacketMetadata::EMPTY; 8];
            their_udp::PacketBuffer::new(meta, vec![0; 16 * 1024])
        };
        let mut socket = their_udp::Socket::new(buffer(), buffer());
        socket.bind(7).unwrap();
        let echo = self.sockets.add(socket);
        let bind = UdpBind { address: Some(self.our_ip), ..UdpBind::default() };
        let id = self.ours.host_mut().udp_bind(bind).unwrap();
        let to = SocketAddr::new(self.their_ip, 7);
        for &size in sizes {
            let data: Vec<u8> = (0..size).map(|n| n.to_le_bytes()[0]).collect();
            let now = self.now;
            self.ours.host_mut().udp_send(now, id, UdpSend::to(data.clone(), to)).unwrap();
            let mut back = None;
            self.until("it is back", |world| {
                let socket = world.sockets.get_mut::<their_udp::Socket<'_>>(echo);
                if let Ok((data, from)) = socket.recv().map(|(data, from)| (data.to_vec(), from)) {
                    socket.send_slice(&data, from.endpoint).unwrap();
                }
                back = world.ours.host_mut().udp_receive(id);
                back.is_some()
            });
            let back = back.unwrap();
            assert_eq!((back.from, back.data.len()), (to, size));
            assert!(back.data.to_vec() == data, "{size} octets came back as others");
        }
    }

    /// Turns both until `done`.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let hangs = self.now + HANGS;
        while !done(self) {
            assert!(
                self.now < hangs,
                "never: {what}. We: {:?}, they: {:?}",
                self.connection.map(|_| self.state()),
                self.theirs().state()
            );
            self.step();
        }
    }

    /// Does what is due, or lets time pass until something is.
    fn step(&mut self) {
        let more = self.ours.turn(self.now).unwrap().more;
        let arrived = self.phy.turn(self.now);
        let now = theirs_of(self.now);
        let changed = self.interface.poll(now, &mut self.phy, &mut self.sockets)
            == smoltcp::iface::PollResult::SocketStateChanged;
        self.phy.turn(self.now); // What it has just sent is on its way.
        self.ours.turn(self.now).unwrap();
        if more || arrived || changed {
            // Time passes all the same, or a link without delay would never let any.
            self.now += Duration::from_micros(10);
            return;
        }
        let theirs = self.interface.poll_delay(now, &self.sockets);
        let theirs = theirs.map(|delay| self.now + Duration::from_micros(delay.total_micros()));
        let due = [self.ours.deadline(), theirs].into_iter().flatten().min();
        let least = self.now + Duration::from_micros(10);
        self.now = due.map_or(self.now + Duration::from_millis(100), |due| due.max(least));
    }
}

fn theirs_of(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_nanos() / 1000).unwrap())
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}
