//! What one connection found out of the packets that a path takes, and what those after it make of that.
//!
//! ```text
//!   client 10.0.0.1 ─── switch ─┬─ from some moment on, drops packets of more than 1,280 octets ─► narrow 10.0.0.2
//!                               └─ takes 1,500 ──────────────────────────────────────────────────► wide   10.0.0.3
//! ```

use handfast_sim::{Duration, Fault, HostId, Instant, LinkId, Profile, World};
use stack::{
    Cidr, ConnectOptions, ConnectionId, HostConfig, InterfaceConfig, ListenConfig, ListenerId, MacAddr,
    Medium,
};
use std::net::{IpAddr, SocketAddr};
use tcp::SendFlags;

const SECOND: Duration = Duration::from_secs(1);
/// How long a size is known.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// How many paths are.
const KNOWN: usize = 1_024;
/// What paths take, at first and where they have fallen.
const WIDE: u16 = 1_500;
const NARROW: u16 = 1_280;
/// What is written at a time, and how often.
const PIECE: usize = 100_000;
const PIECES: usize = 400;
/// A piece that takes longer has waited for a timeout: the shortest of those is as long.
const STALL: Duration = Duration::from_millis(200);

struct Network {
    world: World,
    client: HostId,
    narrow: Server,
    wide: Server,
    /// From the switch to the narrow one.
    falls: LinkId,
}

/// A host that listens.
#[derive(Clone, Copy)]
struct Server {
    host: HostId,
    at: SocketAddr,
    listener: ListenerId,
}

/// What a connection came to.
#[derive(Clone, Copy, Debug)]
struct Came {
    /// The packets that it began with, and those that it ended with, in octets.
    sizes: [u16; 2],
    /// The longest that a piece took to arrive.
    longest: Duration,
    timeouts: u32,
    black_holes: u32,
}

impl Network {
    fn new() -> Self {
        let mut world = World::starting(1, Instant::from_secs(1));
        let switch = world.add_switch();
        let [(client, _), (first, link), (second, _)] = [1u8, 2, 3].map(|number| {
            let host = world.add_host(&format!("host {number}"), HostConfig::default());
            let medium = Medium::Ethernet(MacAddr::new([2, 0, 0, 0, 0, number]));
            let mut interface = InterfaceConfig::new("eth0", medium);
            interface.duplicate_detection = false;
            let interface = interface.address(format!("10.0.0.{number}/24").parse().unwrap());
            let profile = Profile { delay: Duration::from_millis(5), ..Profile::default() };
            (host, world.plug(host, interface, switch, profile))
        });
        let narrow = serves(&mut world, first, "10.0.0.2:80");
        let wide = serves(&mut world, second, "10.0.0.3:80");
        Self { world, client, narrow, wide, falls: link.back() }
    }

    /// Opens a connection, sends pieces over it, each when the one before has arrived, and says how that went.
    fn carries(&mut self, to: Server) -> Came {
        let (world, client) = (&mut self.world, self.client);
        let id = world.call(client, |host, now| host.tcp_connect(now, ConnectOptions::to(to.at)).unwrap());
        world.run_for(SECOND);
        let (peer, _) = world.call(to.host, |host, _| host.tcp_accept(to.listener)).unwrap();
        let begins = world.host(client).tcp_status(id).unwrap().path_mtu;
        let mut longest = Duration::ZERO;
        for _ in 0..PIECES {
            let written = world.now();
            send(world, client, id, PIECE);
            let arrived = |world: &mut World| {
                world.host(to.host).tcp_status(peer).is_some_and(|status| status.readable == PIECE)
            };
            assert!(world.run_till(SECOND * 60, arrived), "{:?}", world.host(client).tcp_status(id));
            longest = longest.max(world.now().since(written));
            let mut piece = [0; PIECE];
            let read = world.call(to.host, |host, now| host.tcp_receive_into(now, peer, &mut piece));
            assert!(read == Ok(PIECE) && piece.iter().all(|&octet| octet == 7));
            world.run_for(Duration::from_millis(100));
        }
        let status = world.host(client).tcp_status(id).unwrap();
        for (host, id) in [(client, id), (to.host, peer)] {
            world.call(host, |host, now| host.tcp_abort(now, id));
        }
        let sizes = [begins, status.path_mtu];
        Came { sizes, longest, timeouts: status.timeouts_ever, black_holes: status.black_holes }
    }
}

fn serves(world: &mut World, host: HostId, at: &str) -> Server {
    let at = at.parse().unwrap();
    let listen = |host: &mut stack::Host, now| host.tcp_listen(now, at, ListenConfig::default());
    Server { host, at, listener: world.call(host, listen).unwrap() }
}

fn send(world: &mut World, host: HostId, id: ConnectionId, octets: usize) {
    let data = vec![7; octets].into();
    let taken = world.call(host, |host, now| host.tcp_send(now, id, data, SendFlags::default()));
    assert_eq!(taken, Ok(octets));
}

#[test]
fn what_one_connection_found_spares_the_next_its_stall_until_it_is_forgotten() {
    let mut network = Network::new();
    let (narrow, wide, falls) = (network.narrow, network.wide, network.falls);
    network.world.after(SECOND * 3, Fault::Mtu(falls, Some(NARROW.into())));
    let began = network.world.now();
    // Stalls at most three seconds, and goes on until it has found what passes.
    let stalls = |came: Came| {
        let (sizes, longest) = (came.sizes, came.longest);
        assert_eq!((sizes, came.black_holes), ([WIDE, NARROW], 1), "{came:?}");
        assert!(longest >= STALL && longest <= SECOND * 3 && came.timeouts > 0, "{came:?}");
    };
    let goes_on = |came: Came, size| {
        assert_eq!((came.sizes, came.timeouts, came.black_holes), ([size, size], 0, 0), "{came:?}");
        assert!(came.longest < STALL, "{came:?}");
    };
    stalls(network.carries(narrow));
    let ended = network.world.now();
    goes_on(network.carries(narrow), NARROW);
    goes_on(network.carries(wide), WIDE);
    network.world.run_until(began + KNOWN_FOR);
    goes_on(network.carries(narrow), NARROW);
    network.world.run_until(ended + KNOWN_FOR);
    stalls(network.carries(narrow));
    goes_on(network.carries(narrow), NARROW);
}

/// One server has more addresses than paths are known.
#[test]
fn no_more_paths_are_known_than_there_is_room_for() {
    let mut world = World::starting(1, Instant::from_secs(1));
    let interface = |addresses: Vec<Cidr>| {
        let mut interface = InterfaceConfig::new("sim0", Medium::Ip);
        interface.duplicate_detection = false;
        interface.addresses = addresses;
        interface
    };
    let [client, server] = ["client", "server"].map(|name| world.add_host(name, HostConfig::default()));
    let address = |number: usize| IpAddr::from([10, 0, (number >> 8) as u8, number as u8]);
    let theirs = || (2..).take(KNOWN + 10).map(address);
    let of = |address| Cidr::new(address, 16).unwrap();
    let link = Profile { delay: Duration::from_millis(5), mtu: Some(NARROW.into()), ..Profile::default() };
    world.join(
        (client, interface(vec![of(address(1))])),
        (server, interface(theirs().map(of).collect())),
        link.clone(),
        link,
    );
    let listen = ListenConfig { backlog: 4 * KNOWN, ..ListenConfig::default() };
    world.call(server, |host, now| host.tcp_listen(now, "0.0.0.0:80".parse().unwrap(), listen).unwrap());
    let mut open_all = |octets: usize| {
        // Not all at once, and all of them before anything is forgotten.
        for some in theirs().collect::<Vec<_>>().chunks(64) {
            let connect = |address: &IpAddr| {
                let to = ConnectOptions::to(SocketAddr::new(*address, 80));
                world.call(client, |host, now| host.tcp_connect(now, to).unwrap())
            };
            let ids: Vec<_> = some.iter().map(connect).collect();
            world.run_for(SECOND);
            for id in ids {
                if octets > 0 {
                    send(&mut world, client, id, octets);
                    world.run_for(Duration::from_millis(10));
                }
            }
            world.run_for(SECOND * 2);
        }
        let counters = world.host(client).counters();
        (counters.tcp_path_sizes_found, counters.tcp_path_sizes_used)
    };
    let all = KNOWN + 10;
    assert_eq!(open_all(10_000), (all as u64, 0));
    assert_eq!(open_all(0), (all as u64, KNOWN as u64));
}
