//! Interfaces, addresses and routes of this machine's kernel: as much of rtnetlink as a TUN needs.
//!
//! Each call is one request and one answer, and blocks for them (the kernel answers within the system call). It
//! works on the network namespace of the thread that made the [`Netlink`].

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};
use std::fmt;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use linux_raw_sys::netlink as nl;

/// A conversation with the kernel about its network.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

/// What was asked and why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetlinkError {
    /// What was asked for, as in `set hf0 up`.
    pub asked: String,
    /// Why not.
    pub why: Why,
}

/// Why the kernel did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It takes CAP_NET_ADMIN in this network namespace.
    NoPrivilege,
    /// There is no such interface, address or route.
    NotFound,
    /// It is there already.
    Exists,
    /// A value is out of range, or does not suit the interface.
    Invalid,
    /// The network cannot be reached: the interface is down, or the gateway is on none of its networks.
    Unreachable,
    /// The answer was not understood.
    Garbled,
    /// Another error of the system, by number.
    System(i32),
}

impl From<Errno> for Why {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::PERM | Errno::ACCESS => Self::NoPrivilege,
            Errno::NODEV | Errno::NXIO | Errno::NOENT | Errno::SRCH | Errno::ADDRNOTAVAIL => Self::NotFound,
            Errno::EXIST => Self::Exists,
            Errno::INVAL | Errno::RANGE => Self::Invalid,
            Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTUNREACH => Self::Unreachable,
            errno => Self::System(errno.raw_os_error()),
        }
    }
}

impl fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: ", self.asked)?;
        match self.why {
            Why::NoPrivilege => f.write_str(
                "it takes the privilege CAP_NET_ADMIN (run as root, or in a namespace of your own)",
            ),
            Why::NotFound => f.write_str("there is no such interface, address or route"),
            Why::Exists => f.write_str("it is there already"),
            Why::Invalid => f.write_str("the kernel finds a value out of range, or not for this interface"),
            Why::Unreachable => {
                f.write_str("the network is unreachable (is the interface up and addressed?)")
            }
            Why::Garbled => f.write_str("the kernel's answer was not understood"),
            Why::System(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(errno)),
        }
    }
}

impl std::error::Error for NetlinkError {}

impl From<NetlinkError> for std::io::Error {
    fn from(error: NetlinkError) -> Self {
        use std::io::ErrorKind;
        let kind = match error.why {
            Why::NoPrivilege => ErrorKind::PermissionDenied,
            Why::NotFound => ErrorKind::NotFound,
            Why::Exists => ErrorKind::AlreadyExists,
            Why::Invalid => ErrorKind::InvalidInput,
            Why::Unreachable => ErrorKind::NetworkUnreachable,
            Why::Garbled => ErrorKind::InvalidData,
            Why::System(errno) => std::io::Error::from_raw_os_error(errno).kind(),
        };
        Self::new(kind, error)
    }
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
        let link = link_message(0, IFF_UP, name);
        self.acknowledged(&format!("set {name} up"), nl::RTM_NEWLINK as u16, 0, &link).map(drop)
    }

    /// Sets the MTU of an interface, in octets of IP packet.
    ///
    /// # Errors
    /// As [`Why`] says; [`Why::Invalid`] when the interface cannot have that MTU (a TUN: 68 to 65,535).
    pub fn set_mtu(&mut self, name: &str, mtu: u32) -> Result<(), NetlinkError> {
        let mut link = link_message(0, 0, name);
        attribute(&mut link, nl::IFLA_MTU as u16, &mtu.to_ne_bytes());
        self.acknowledged(&format!("set the MTU of {name} to {mtu}"), nl::RTM_NEWLINK as u16, 0, &link)
            .map(drop)
    }

    /// The index and the MTU of an interface.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn link(&mut self, name: &str) -> Result<LinkInfo, NetlinkError> {
        let asked = format!("look at {name}");
        let answer = self.request(&asked, nl::RTM_GETLINK as u16, 0, &link_message(0, 0, name))?;
        LinkInfo::parse(&answer).ok_or(NetlinkError { asked, why: Why::Garbled })
    }

    /// Removes an interface.
    ///
    /// # Errors
    /// As [`Why`] says.
    pub fn delete_link(&mut self, name: &str) -> Result<(), NetlinkError> {
        let link = link_message(0, 0, name);
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
        // struct nlmsghdr: length, kind, flags, sequence, port.
        let mut message = Vec::with_capacity(HEADER + body.len());
        message.extend((HEADER as u32 + body.len() as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((flags | nl::NLM_F_REQUEST as u16).to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0u32.to_ne_bytes());
        message.extend(body);
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

/// What there is to know of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Its number.
    pub index: u32,
    /// Octets of the largest IP packet.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
}

impl LinkInfo {
    /// From the body of a `RTM_NEWLINK`.
    fn parse(body: &[u8]) -> Option<Self> {
        let index = word(body, 4)?;
        let up = word(body, 8)? & IFF_UP != 0;
        let mut rest = body.get(LINK..)?;
        loop {
            let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
            let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
            if kind == nl::IFLA_MTU as u16 {
                return Some(Self { index, mtu: word(rest, 4)?, up });
            }
            rest = rest.get(length.max(4).next_multiple_of(4)..)?;
        }
    }
}

/// Of the flags of an interface: it is up.
const IFF_UP: u32 = 1;

const HEADER: usize = size_of::<nl::nlmsghdr>();
const LINK: usize = size_of::<nl::ifinfomsg>();

/// The answer to request `sequence` among the messages of one datagram: `None` when they cannot be read, `Some(None)`
/// when it is not among them.
fn find_answer(mut messages: &[u8], sequence: u32) -> Option<Option<Result<Vec<u8>, Why>>> {
    while !messages.is_empty() {
        let length = word(messages, 0)? as usize;
        let message = messages.get(..length).filter(|_| length >= HEADER)?;
        messages = messages.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        if word(message, 8)? != sequence {
            continue;
        }
        let kind = u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?);
        if u32::from(kind) != nl::NLMSG_ERROR {
            return Some(Some(Ok(message.get(HEADER..)?.to_vec())));
        }
        let errno = word(message, HEADER)? as i32;
        return Some(Some(if errno == 0 {
            Ok(Vec::new())
        } else {
            Err(Errno::from_raw_os_error(errno.wrapping_neg()).into())
        }));
    }
    Some(None)
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(octets.get(at..at + 4)?.try_into().ok()?))
}

fn family(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (AddressFamily::INET.as_raw() as u8, address.octets().into()),
        IpAddr::V6(address) => (AddressFamily::INET6.as_raw() as u8, address.octets().into()),
    }
}

/// struct ifinfomsg (family, padding, kind, index, flags, which flags to change) and the name.
fn link_message(index: u32, flags: u32, name: &str) -> Vec<u8> {
    let mut body = vec![AddressFamily::UNSPEC.as_raw() as u8, 0, 0, 0];
    body.extend(index.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    let mut zero_ended = name.as_bytes().to_vec();
    zero_ended.push(0);
    attribute(&mut body, nl::IFLA_IFNAME as u16, &zero_ended);
    body
}

/// struct rtattr: length, kind, value, padded to four.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend((4 + value.len() as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::own_namespace;

    #[test]
    fn errors_say_what_was_asked_and_what_to_do() {
        let error = NetlinkError { asked: "set hf0 up".into(), why: Errno::PERM.into() };
        assert_eq!(
            error.to_string(),
            "cannot set hf0 up: it takes the privilege CAP_NET_ADMIN (run as root, or in a namespace of your own)"
        );
        assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(Why::from(Errno::NODEV), Why::NotFound);
        assert_eq!(Why::from(Errno::NOBUFS), Why::System(Errno::NOBUFS.raw_os_error()));
    }

    #[test]
    fn answers_of_any_shape_are_read_without_panic() {
        let mut rng = env::Rng::seeded(1);
        for _ in 0..20_000 {
            let mut octets = vec![0; rng.below(80) as usize];
            rng.fill(&mut octets);
            if let Some(first) = octets.first_chunk_mut::<4>() {
                *first = (rng.below(90) as u32).to_ne_bytes();
            }
            let _ = find_answer(&octets, 1);
            let _ = LinkInfo::parse(&octets);
        }
    }

    #[test]
    fn the_loopback_of_a_new_namespace_is_set_up_addressed_and_routed() {
        own_namespace::run("netlink on a loopback", || {
            let mut netlink = Netlink::open().unwrap();
            assert!(!netlink.link("lo").unwrap().up);
            netlink.set_up("lo").unwrap();
            netlink.set_mtu("lo", 3000).unwrap();
            let lo = netlink.link("lo").unwrap();
            assert_eq!((lo.mtu, lo.up), (3000, true));
            for (address, prefix, network) in [("10.9.0.1", 24, "10.7.3.9"), ("fd00:9::1", 64, "fd00:7::9")] {
                let (address, network) = (address.parse().unwrap(), network.parse().unwrap());
                assert!(netlink.add_address("lo", address, prefix).unwrap());
                assert!(!netlink.add_address("lo", address, prefix).unwrap());
                netlink.wait_until_local(address).unwrap();
                std::net::UdpSocket::bind((address, 0)).expect("the address is ours");
                assert!(!netlink.is_local(network).unwrap());
                netlink.add_route(network, prefix, "lo", None).unwrap();
                let again = netlink.add_route(network, prefix, "lo", None).unwrap_err();
                assert_eq!(again.why, Why::Exists, "{again}");
                netlink.delete_route(network, prefix, "lo", None).unwrap();
                assert_eq!(netlink.delete_route(network, prefix, "lo", None).unwrap_err().why, Why::NotFound);
                netlink.delete_address("lo", address, prefix).unwrap();
                assert_eq!(netlink.delete_address("lo", address, prefix).unwrap_err().why, Why::NotFound);
                assert_eq!(netlink.add_address("lo", address, 129).unwrap_err().why, Why::Invalid);
                assert_eq!(netlink.add_route(network, 200, "lo", None).unwrap_err().why, Why::Invalid);
            }
            let gateway = "10.99.0.1".parse().unwrap();
            let error = netlink.add_route("10.1.0.0".parse().unwrap(), 16, "lo", Some(gateway)).unwrap_err();
            assert_eq!(error.why, Why::Unreachable, "{error}");
            assert_eq!(netlink.set_up("nothere").unwrap_err().why, Why::NotFound);
            assert_eq!(netlink.link("nothere").unwrap_err().why, Why::NotFound);
        });
    }
}
