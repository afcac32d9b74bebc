//! One device of a stack to be: where it comes from, and how its interface is to be.

#[cfg(target_os = "linux")]
use device::netlink::Netlink;
use device::{Capabilities, Device, Medium as DeviceMedium};
use env::Rng;
use stack::{Cidr, InterfaceConfig, InterfaceId, MacAddr, Medium, RouteEntry};
use std::io;
use std::net::IpAddr;

/// A device, perhaps not opened yet, and its settings.
#[derive(Default)]
pub(crate) struct Port {
    /// `None` while only settings were given: they are the next device's.
    pub(crate) source: Option<Source>,
    pub(crate) host_addresses: Vec<Cidr>,
    pub(crate) addresses: Vec<Cidr>,
    pub(crate) gateways: Vec<IpAddr>,
    pub(crate) mtu: Option<u16>,
    /// Ask for addresses (DHCPv4) and listen to routers (IPv6).
    pub(crate) autoconfigure: bool,
    pub(crate) hardware_address: Option<MacAddr>,
    /// The bridge that a TAP's other end is put on.
    pub(crate) bridge: Option<String>,
    /// `None`: as the device has it.
    pub(crate) offloads: Option<bool>,
}

/// Where a device comes from.
pub(crate) enum Source {
    Device(Box<dyn Device + Send>),
    /// To be made, or taken by its name: a TUN.
    Tun(String),
    /// A TAP.
    Tap(String),
}

/// A device that is there.
pub(crate) struct Opened {
    pub(crate) device: Box<dyn Device + Send>,
    /// What people call its interface.
    name: Option<String>,
    /// What is undone when the stack ends.
    pub(crate) changes: Vec<Box<dyn Send>>,
}

impl Source {
    /// For messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Device(_) => "a device",
            Self::Tun(name) | Self::Tap(name) => name,
        }
    }
}

impl Port {
    /// Opens the device, and sets the kernel's end up.
    pub(crate) fn open(&mut self) -> io::Result<Opened> {
        match self.source.take() {
            Some(Source::Device(device)) => Ok(Opened { device, name: None, changes: Vec::new() }),
            #[cfg(target_os = "linux")]
            Some(Source::Tun(name)) => self.set_up(&name, device::tun::Kind::Tun),
            #[cfg(target_os = "linux")]
            Some(Source::Tap(name)) => self.set_up(&name, device::tun::Kind::Tap),
            _ => Err(invalid("a stack needs a device")),
        }
    }

    /// The kernel's addresses and MTU are taken back at the end: the interface may be somebody else's, and stay.
    #[cfg(target_os = "linux")]
    fn set_up(&self, name: &str, kind: device::tun::Kind) -> io::Result<Opened> {
        let options = device::tun::Options {
            kind,
            offloads: self.offloads.unwrap_or(true),
            ..device::tun::Options::new(name)
        };
        let mut tun = options.open()?;
        let mut changes = device::tun::Changes::default();
        if !self.host_addresses.is_empty() {
            let host: Vec<_> =
                self.host_addresses.iter().map(|cidr| (cidr.address(), cidr.prefix())).collect();
            tun.configure_until(&mut changes, self.mtu, &host, &[])?;
        }
        let name = tun.name().to_owned();
        let mut undone: Vec<Box<dyn Send>> = vec![Box::new(changes)];
        if let Some(bridge) = &self.bridge {
            let mut netlink = Netlink::open()?;
            if let (true, Some(mtu)) = (self.host_addresses.is_empty(), self.mtu) {
                netlink.set_mtu(&name, mtu.into())?;
                tun.set_mtu(mtu.into());
            }
            netlink.set_bridge(&name, Some(bridge))?;
            undone.push(Box::new(OffBridge { name: name.clone(), index: netlink.link(&name)?.index }));
            netlink.set_up(&name)?;
        }
        Ok(Opened { device: Box::new(tun), name: Some(name), changes: undone })
    }

    /// How the interface is to be; the `number`th, counted from 1.
    pub(crate) fn interface(&self, opened: &Opened, number: usize, rng: &mut Rng) -> InterfaceConfig {
        let Capabilities { medium, hardware_addr, .. } = opened.device.capabilities();
        let medium = match medium {
            DeviceMedium::Ip => Medium::Ip,
            DeviceMedium::Ethernet => {
                let ours = self.hardware_address.or(hardware_addr);
                Medium::Ethernet(ours.unwrap_or_else(|| some_hardware_address(rng)))
            }
        };
        // Without one, the device's as it may change.
        let mtu = self.mtu.unwrap_or(u16::MAX);
        let name = opened.name.clone().unwrap_or_else(|| match number {
            1 => "handfast".to_owned(),
            _ => format!("handfast{number}"),
        });
        self.addresses.iter().fold(InterfaceConfig::new(&name, medium).mtu(mtu), |c, &a| c.address(a))
    }

    /// Where everything goes that is on no network of ours: to the gateways; without one, to whoever is at the other end
    /// of a device that has no neighbours. Devices that came first are preferred.
    pub(crate) fn default_routes(
        &self,
        medium: Medium,
        interface: InterfaceId,
        number: usize,
    ) -> impl Iterator<Item = RouteEntry> {
        [Cidr::ALL_V4, Cidr::ALL_V6].into_iter().filter_map(move |all| {
            let same = |address: IpAddr| address.is_ipv4() == all.address().is_ipv4();
            let gateway = self.gateways.iter().copied().find(|&gateway| same(gateway));
            let whole = medium == Medium::Ip && self.addresses.iter().any(|address| same(address.address()));
            let metric = u32::try_from(number).unwrap_or(u32::MAX) - 1;
            (gateway.is_some() || whole).then_some(RouteEntry {
                destination: all,
                gateway,
                interface,
                metric,
            })
        })
    }
}

/// Takes an interface that stays off the bridge again.
#[cfg(target_os = "linux")]
struct OffBridge {
    name: String,
    index: u32,
}

#[cfg(target_os = "linux")]
impl Drop for OffBridge {
    fn drop(&mut self) {
        let Ok(mut netlink) = Netlink::open() else { return };
        // One that is gone, or another of the same name, is not ours to change.
        if netlink.link(&self.name).is_ok_and(|link| link.index == self.index) {
            // Somebody else may have taken it off before.
            let _ = netlink.set_bridge(&self.name, None);
        }
    }
}

/// A hardware address that nobody gave out: chosen by chance among those for local use (IEEE 802, the second bit of the
/// first octet set and the first clear).
fn some_hardware_address(rng: &mut Rng) -> MacAddr {
    let mut octets = [0; 6];
    rng.fill(&mut octets);
    octets[0] = octets[0] & 0xfc | 2;
    MacAddr::new(octets)
}

pub(crate) fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_hardware_address_is_one_hosts_and_nobody_elses() {
        let mut rng = Rng::seeded(3);
        for _ in 0..100 {
            let octets = some_hardware_address(&mut rng).octets();
            assert_eq!(octets[0] & 3, 2, "local, and no group");
        }
        assert_ne!(some_hardware_address(&mut rng), some_hardware_address(&mut rng));
    }

    #[test]
    fn default_routes_go_to_the_gateway_or_down_a_wire_without_neighbours() {
        let port = Port {
            addresses: vec!["10.0.0.2/24".parse().unwrap(), "fd00::2/64".parse().unwrap()],
            gateways: vec!["10.0.0.1".parse().unwrap()],
            ..Port::default()
        };
        let ethernet = Medium::Ethernet(MacAddr::new([2, 0, 0, 0, 0, 1]));
        let routes = |medium| port.default_routes(medium, InterfaceId::LOOPBACK, 2).collect::<Vec<_>>();
        let gateways = |routes: &[RouteEntry]| routes.iter().map(|route| route.gateway).collect::<Vec<_>>();
        assert_eq!(gateways(&routes(ethernet)), [Some("10.0.0.1".parse().unwrap())]);
        assert_eq!(gateways(&routes(Medium::Ip)), [Some("10.0.0.1".parse().unwrap()), None]);
        assert!(routes(Medium::Ip).iter().all(|route| route.metric == 1));
    }
}
