//! Interfaces, addresses and routes of this machine's kernel: as much of rtnetlink as a TUN or TAP needs. [`Netlink`]
//! asks and sets, [`Monitor`] is told.
//!
//! Each call is one request and one answer, and blocks for them (the kernel answers within the system call). It
//! works on the network namespace of the thread that made the [`Netlink`].

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use linux_raw_sys::netlink as nl;
use wire::ethernet::MacAddr;

mod error;
mod message;
mod monitor;

pub use error::{NetlinkError, Why};
pub use message::LinkInfo;
pub use monitor::{LinkChange, Monitor};

use message::{IFF_UP, IFLA_ADDRESS, IFLA_MASTER, attribute, family, find_answer, link_message};

/// A conversation with the kernel about its network.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Begins a conversation, in the network namespace of this thread.
    ///
    /// # Errors
    /// The system has no netlink, or no descriptors left.
    pub fn open() -> Result<Self, NetlinkError> {
        let open = || -> Result<OwnedFd, Errno> {
            let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
            // The kernel answers at once; if it ever does not, saying so beats waiting for ever.
            set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(5)))?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => Ok(Self { socket, sequence: 0 }),
            Err(errno) => Err(NetlinkError { asked: "open a netlink socket".into(), why: Why::from(errno) }),
        }
    }

    /// Sets an interface up.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn set_up(&mut self, name: &str) -> Result<(), NetlinkError> {
        let link = link_message(0, (IFF_UP, IFF_UP), name);
        self.acknowledged(&format!("set {name} up"), nl::RTM_NEWLINK as u16, 0, &link).map(drop)
    }

    /// Sets an interface down.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn set_down(&mut self, name: &str) -> Result<(), NetlinkError> {
        let link = link_message(0, (0, IFF_UP), name);
        self.acknowledged(&format!("set {name} down"), nl::RTM_NEWLINK as u16, 0, &link).map(drop)
    }

    /// Gives an interface another Ethernet address. On a TAP that is the kernel's end; ours is
    /// [`Tun::set_hardware_addr`](crate::tun::Tun::set_hardware_addr)'s.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn set_hardware_address(&mut self, name: &str, address: MacAddr) -> Result<(), NetlinkError> {
        let mut link = link_message(0, (0, 0), name);
        attribute(&mut link, IFLA_ADDRESS as u16, &address.octets());
        let asked = format!("set the hardware address of {name} to {address}");
        self.acknowledged(&asked, nl::RTM_NEWLINK as u16, 0, &link)
    }

    /// Creates a bridge, which is down at first.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::Exists`] when an interface has that name.
    pub fn add_bridge(&mut self, name: &str) -> Result<(), NetlinkError> {
        let mut kind = Vec::new();
        attribute(&mut kind, nl::IFLA_INFO_KIND as u16, b"bridge\0");
        let mut link = link_message(0, (0, 0), name);
        attribute(&mut link, nl::IFLA_LINKINFO as u16, &kind);
        let flags = (nl::NLM_F_CREATE | nl::NLM_F_EXCL) as u16;
        self.acknowledged(&format!("create the bridge {name}"), nl::RTM_NEWLINK as u16, flags, &link)
    }

    /// Makes an interface a port of `bridge`, or of none.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::NotFound`] when there is no such bridge, [`Why::Invalid`] for an interface that no bridge
    /// takes (a TUN).
    pub fn set_bridge(&mut self, name: &str, bridge: Option<&str>) -> Result<(), NetlinkError> {
        let asked = match bridge {
            Some(bridge) => format!("attach {name} to the bridge {bridge}"),
            None => format!("detach {name} from its bridge"),
        };
        let index = bridge.map_or(Ok(0), |bridge| self.link(bridge).map(|info| info.index))?;
        self.set_master(asked, name, index)
    }

    pub(crate) fn set_master(&mut self, asked: String, name: &str, index: u32) -> Result<(), NetlinkError> {
        let mut link = link_message(0, (0, 0), name);
        attribute(&mut link, IFLA_MASTER as u16, &index.to_ne_bytes());
        self.acknowledged(&asked, nl::RTM_NEWLINK as u16, 0, &link)
    }

    /// Sets the MTU of an interface, in octets of IP packet.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::Invalid`] when the interface cannot have that MTU (a TUN: 68 to 65,535).
    pub fn set_mtu(&mut self, name: &str, mtu: u32) -> Result<(), NetlinkError> {
        let mut link = link_message(0, (0, 0), name);
        attribute(&mut link, nl::IFLA_MTU as u16, &mtu.to_ne_bytes());
        self.acknowledged(&format!("set the MTU of {name} to {mtu}"), nl::RTM_NEWLINK as u16, 0, &link)
            .map(drop)
    }

    /// Sets how many packets may wait in an interface for whoever takes them: on a TUN or TAP, for whoever reads it.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn set_queue_length(&mut self, name: &str, packets: u32) -> Result<(), NetlinkError> {
        let mut link = link_message(0, (0, 0), name);
        attribute(&mut link, nl::IFLA_TXQLEN as u16, &packets.to_ne_bytes());
        self.acknowledged(&format!("let {packets} packets wait in {name}"), nl::RTM_NEWLINK as u16, 0, &link)
    }

    /// What there is to know of an interface.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn link(&mut self, name: &str) -> Result<LinkInfo, NetlinkError> {
        let asked = format!("look at {name}");
        let answer = self.request(&asked, nl::RTM_GETLINK as u16, 0, &link_message(0, (0, 0), name))?;
        LinkInfo::parse(&answer).ok_or(NetlinkError { asked, why: Why::Garbled })
    }

    /// Removes an interface.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn delete_link(&mut self, name: &str) -> Result<(), NetlinkError> {
        let link = link_message(0, (0, 0), name);
        self.acknowledged(&format!("delete {name}"), nl::RTM_DELLINK as u16, 0, &link).map(drop)
    }

    /// Gives an interface an address with a prefix of that length. Its network is routed there by the kernel. For
    /// an IPv6 address nobody else is asked whether they have it (no duplicate address detection); still the kernel
    /// takes packets for it only a moment after the interface is up: see [`wait_until_local`](Self::wait_until_local).
    /// An address that is there already is no error: says whether it is new.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::Invalid`] when the prefix is longer than the address.
    pub fn add_address(&mut self, name: &str, address: IpAddr, prefix: u8) -> Result<bool, NetlinkError> {
        let asked = format!("add {address}/{prefix} to {name}");
        let flags = (nl::NLM_F_CREATE | nl::NLM_F_EXCL) as u16;
        match self.address(asked, nl::RTM_NEWADDR as u16, flags, name, address, prefix) {
            Ok(()) => Ok(true),
            Err(NetlinkError { why: Why::Exists, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the kernel takes packets for this address as its own.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn is_local(&mut self, address: IpAddr) -> Result<bool, NetlinkError> {
        let asked = format!("ask for the route to {address}");
        let (family, octets) = family(address);
        let mut body = vec![family, octets.len() as u8 * 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        attribute(&mut body, nl::rtattr_type_t::RTA_DST as u16, &octets);
        match self.request(&asked, nl::RTM_GETROUTE as u16, 0, &body) {
            // In struct rtmsg the eighth octet is the kind of route.
            Ok(route) => Ok(route.get(7) == Some(&(nl::RTN_LOCAL as u8))),
            Err(NetlinkError { why: Why::Unreachable | Why::NotFound, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until the kernel takes packets for an address of an interface that is up. The kernel installs an IPv6
    /// address in the background, milliseconds after it has said that the address is there.
    ///
    /// # Errors
    /// [`Why::Unreachable`] after two seconds.
    pub fn wait_until_local(&mut self, address: IpAddr) -> Result<(), NetlinkError> {
        for _ in 0..2000 {
            if self.is_local(address)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(NetlinkError { asked: format!("make {address} ours"), why: Why::Unreachable })
    }

    /// Takes an address away from an interface.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn delete_address(&mut self, name: &str, address: IpAddr, prefix: u8) -> Result<(), NetlinkError> {
        let asked = format!("delete {address}/{prefix} from {name}");
        self.address(asked, nl::RTM_DELADDR as u16, 0, name, address, prefix)
    }

    fn address(
        &mut self,
        asked: String,
        kind: u16,
        flags: u16,
        name: &str,
        address: IpAddr,
        prefix: u8,
    ) -> Result<(), NetlinkError> {
        let (family, octets) = family(address);
        if usize::from(prefix) > octets.len() * 8 {
            return Err(NetlinkError { asked, why: Why::Invalid });
        }
        let index = self.link(name)?.index;
        let quick = if address.is_ipv6() { nl::IFA_F_NODAD as u8 } else { 0 };
        // struct ifaddrmsg: family, prefix, flags, scope (universe), index.
        let mut body = vec![family, prefix, quick, 0];
        body.extend(index.to_ne_bytes());
        attribute(&mut body, nl::IFA_LOCAL as u16, &octets);
        attribute(&mut body, nl::IFA_ADDRESS as u16, &octets);
        self.acknowledged(&asked, kind, flags, &body)
    }

    /// Routes a network to an interface, by a gateway if there is one. Bits of `network` beyond its prefix do not
    /// matter.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::Exists`] when there is such a route already: it is never replaced.
    pub fn add_route(
        &mut self,
        network: IpAddr,
        prefix: u8,
        name: &str,
        gateway: Option<IpAddr>,
    ) -> Result<(), NetlinkError> {
        let flags = (nl::NLM_F_CREATE | nl::NLM_F_EXCL) as u16;
        self.route("add", nl::RTM_NEWROUTE as u16, flags, (network, prefix), name, gateway)
    }

    /// Removes a route that [`add_route`](Self::add_route) made.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn delete_route(
        &mut self,
        network: IpAddr,
        prefix: u8,
        name: &str,
        gateway: Option<IpAddr>,
    ) -> Result<(), NetlinkError> {
        self.route("delete", nl::RTM_DELROUTE as u16, 0, (network, prefix), name, gateway)
    }

    fn route(
        &mut self,
        verb: &str,
        kind: u16,
        flags: u16,
        (network, prefix): (IpAddr, u8),
        name: &str,
        gateway: Option<IpAddr>,
    ) -> Result<(), NetlinkError> {
        let by = gateway.map(|gateway| format!(" by {gateway}")).unwrap_or_default();
        let asked = format!("{verb} the route {network}/{prefix} to {name}{by}");
        let (family, mut octets) = family(network);
        if usize::from(prefix) > octets.len() * 8
            || gateway.is_some_and(|gateway| gateway.is_ipv4() != network.is_ipv4())
        {
            return Err(NetlinkError { asked, why: Why::Invalid });
        }
        for (at, octet) in octets.iter_mut().enumerate() {
            let kept = usize::from(prefix).saturating_sub(at * 8).min(8);
            *octet &= !(0xffu16 >> kept) as u8;
        }
        let index = self.link(name)?.index;
        let scope = match gateway {
            None if network.is_ipv4() => nl::rt_scope_t::RT_SCOPE_LINK as u8,
            _ => nl::rt_scope_t::RT_SCOPE_UNIVERSE as u8,
        };
        // struct rtmsg: family, prefixes of destination and source, TOS, table, who made it, scope, kind, flags.
        let table = nl::rt_class_t::RT_TABLE_MAIN as u8;
        let mut body = vec![
            family,
            prefix,
            0,
            0,
            table,
            nl::RTPROT_STATIC as u8,
            scope,
            nl::RTN_UNICAST as u8,
            0,
            0,
            0,
            0,
        ];
        attribute(&mut body, nl::rtattr_type_t::RTA_DST as u16, &octets);
        attribute(&mut body, nl::rtattr_type_t::RTA_OIF as u16, &index.to_ne_bytes());
        if let Some(gateway) = gateway {
            attribute(&mut body, nl::rtattr_type_t::RTA_GATEWAY as u16, &self::family(gateway).1);
        }
        self.acknowledged(&asked, kind, flags, &body)
    }

    fn acknowledged(&mut self, asked: &str, kind: u16, flags: u16, body: &[u8]) -> Result<(), NetlinkError> {
        self.request(asked, kind, flags | nl::NLM_F_ACK as u16, body).map(drop)
    }

    /// Sends one request; gives the body of its answer, empty when that was just an acknowledgement.
    fn request(&mut self, asked: &str, kind: u16, flags: u16, body: &[u8]) -> Result<Vec<u8>, NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let message = message::request(self.sequence, kind, flags, body);
        let failed = |why: Why| NetlinkError { asked: asked.to_owned(), why };
        sendto(&self.socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))
            .map_err(|errno| failed(errno.into()))?;
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = match recv(&self.socket, &mut buffer[..], RecvFlags::empty()) {
                Ok((count, _)) => count,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(failed(errno.into())),
            };
            if let Some(answer) = find_answer(&buffer[..count], self.sequence).ok_or(failed(Why::Garbled))? {
                return answer.map_err(failed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
