//! Two hosts and a link: where most scenes begin.

use crate::{HostId, LinkId, Record, World};
use device::impair::Profile;
use env::{Duration, Instant};
use stack::{Cidr, HostConfig, InterfaceConfig, MacAddr, Medium};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A client and a server, each with an IPv4 and an IPv6 address, and the link between them.
///
/// ```text
///    client  10.0.0.1, fd00::1  ──── there ────►  server  10.0.0.2, fd00::2
///                               ◄─── back ──────
/// ```
#[derive(Clone, Debug)]
pub struct Pair {
    /// The world that they are in.
    pub world: World,
    /// The client.
    pub client: HostId,
    /// The server.
    pub server: HostId,
    /// From client to server; [`LinkId::back`] is the other direction.
    pub there: LinkId,
    ethernet: bool,
}

/// How a [`Pair`] is to be.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// The client's settings.
    pub client: HostConfig,
    /// The server's settings.
    pub server: HostConfig,
    /// From client to server. Default: 10 ms of delay.
    pub there: Profile,
    /// From server to client. Default: 10 ms of delay.
    pub back: Profile,
    /// Octets of an IP packet that the link takes. Default 1500.
    pub mtu: u16,
    /// Trains and partial checksums are left to the link, as to a device that can finish them. Default no.
    pub offloads: bool,
    /// The link speaks Ethernet: neighbours have to be found. Default no: frames begin with IP.
    pub ethernet: bool,
    /// When the world's clock starts; later than zero.
    pub start: Instant,
    /// Both hosts are recorded: see [`World::record`]. Default no.
    pub record: Option<Record>,
}

impl Default for PairConfig {
    fn default() -> Self {
        let link = Profile { delay: Duration::from_millis(10), ..Profile::default() };
        Self {
            client: HostConfig::default(),
            server: HostConfig::default(),
            there: link.clone(),
            back: link,
            mtu: 1500,
            offloads: false,
            ethernet: false,
            start: Instant::from_secs(3600),
            record: None,
        }
    }
}

impl Pair {
    /// The client's IPv4 address.
    pub const CLIENT_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    /// The server's IPv4 address.
    pub const SERVER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    /// The client's IPv6 address.
    pub const CLIENT_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));
    /// The server's IPv6 address.
    pub const SERVER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

    /// Default settings; everything is drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, PairConfig::default())
    }

    /// These settings; everything is drawn from `seed`.
    ///
    /// # Panics
    /// When a setting is outside its limits.
    pub fn with(seed: u64, config: PairConfig) -> Self {
        let mut world = World::starting(seed, config.start);
        world.record(config.record);
        let client = world.add_host("client", config.client);
        let server = world.add_host("server", config.server);
        let interface = |number: u8, addresses: [IpAddr; 2]| {
            let medium = match config.ethernet {
                true => Medium::Ethernet(MacAddr::new([2, 0, 0, 0, 0, number])),
                false => Medium::Ip,
            };
            let mut interface = InterfaceConfig::new("sim0", medium);
            // Addresses are there from the first instant on.
            interface.duplicate_detection = false;
            interface.mtu = config.mtu;
            interface.segmentation = config.offloads;
            interface.checksum = config.offloads;
            for address in addresses {
                let prefix = if address.is_ipv4() { 24 } else { 64 };
                interface.addresses.extend(Cidr::new(address, prefix).filter(|_| {
                    // IPv6 does not work below its least MTU (RFC 8200 §5).
                    address.is_ipv4() || config.mtu >= 1280
                }));
            }
            interface
        };
        let there = world.join(
            (client, interface(1, [Self::CLIENT_V4, Self::CLIENT_V6])),
            (server, interface(2, [Self::SERVER_V4, Self::SERVER_V6])),
            config.there,
            config.back,
        );
        Self { world, client, server, there, ethernet: config.ethernet }
    }

    /// Whether the link speaks Ethernet.
    pub fn is_ethernet(&self) -> bool {
        self.ethernet
    }

    /// The server's address of one IP version, at `port`.
    pub fn server_at(v6: bool, port: u16) -> SocketAddr {
        SocketAddr::new(if v6 { Self::SERVER_V6 } else { Self::SERVER_V4 }, port)
    }

    /// The client's address of one IP version, at `port`.
    pub fn client_at(v6: bool, port: u16) -> SocketAddr {
        SocketAddr::new(if v6 { Self::CLIENT_V6 } else { Self::CLIENT_V4 }, port)
    }
}
