//! Changes of interfaces, as the kernel tells of them.

use super::message::{self, IFF_UP, IFLA_IFNAME, IFLA_MTU, LINK, attributes, word};
use linux_raw_sys::netlink as nl;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The multicast group that is told of interfaces.
const RTMGRP_LINK: u32 = 1;
/// Of the flags of an interface: something is at the other end.
const IFF_LOWER_UP: u32 = 1 << 16;

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkChange {
    /// What it is called now.
    pub name: String,
    /// Its number, which stays.
    pub index: u32,
    /// It was set up.
    pub up: bool,
    /// Something is at the other end: of a TUN or TAP, somebody holds its descriptor.
    pub carrier: bool,
    /// Octets of the largest IP packet.
    pub mtu: u32,
    /// It was deleted.
    pub gone: bool,
}

/// Is told when an interface of this network namespace comes, goes, is set up or down, or gets another MTU or name.
///
/// Wait until [`fd`](Self::fd) is readable, then [`poll`](Self::poll) until there is nothing more. A change may be told
/// more than once, and two that come soon after each other as one. When more happened than the kernel could keep for
/// us, the state of every interface is told anew: what was deleted meanwhile is then missing from it.
#[derive(Debug)]
pub struct Monitor {
    socket: OwnedFd,
    waiting: VecDeque<LinkChange>,
    buffer: Vec<u8>,
}

impl Monitor {
    /// Listens from now on, in the network namespace of this thread. What is there already is not told: ask
    /// [`Netlink::link`](super::Netlink::link) after this.
    ///
    /// # Errors
    /// The system has no netlink, or no descriptors left.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&socket, &SocketAddrNetlink::new(0, RTMGRP_LINK))?;
        Ok(Self { socket, waiting: VecDeque::new(), buffer: vec![0; 32 * 1024] })
    }

    /// What to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next change; `None` when there is none now.
    ///
    /// # Errors
    /// The system refuses; that is for good.
    pub fn poll(&mut self) -> io::Result<Option<LinkChange>> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            match recv(&self.socket, &mut self.buffer[..], RecvFlags::empty()) {
                Ok((count, _)) => {
                    let datagram = self.buffer.get(..count).unwrap_or(&[]);
                    self.waiting
                        .extend(message::messages(datagram).map_while(|whole| whole).filter_map(change));
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                // Too much happened: some of it was lost.
                Err(Errno::NOBUFS) => self.ask_for_all()?,
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Has every interface told anew. The answers come as changes do.
    fn ask_for_all(&self) -> Result<(), Errno> {
        let kind = nl::RTM_GETLINK as u16;
        let request = message::request(1, kind, nl::NLM_F_DUMP as u16, &[0; LINK]);
        match sendto(&self.socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)) {
            // One dump is under way already.
            Ok(_) | Err(Errno::BUSY) => Ok(()),
            Err(why) => Err(why),
        }
    }
}

/// What a message tells, if it is of an interface as such: a bridge speaks of its ports in messages of its own family.
fn change((kind, _, body): (u16, u32, &[u8])) -> Option<LinkChange> {
    let gone = match u32::from(kind) {
        kind if kind == nl::RTM_NEWLINK as u32 => false,
        kind if kind == nl::RTM_DELLINK as u32 => true,
        _ => return None,
    };
    if body.first() != Some(&(AddressFamily::UNSPEC.as_raw() as u8)) {
        return None;
    }
    let flags = word(body, 8)?;
    let (mut name, mut mtu) = (None, None);
    for (kind, value) in attributes(body.get(LINK..)?) {
        match u32::from(kind) {
            IFLA_IFNAME => {
                let text = value.split(|&octet| octet == 0).next().unwrap_or_default();
                name = Some(String::from_utf8_lossy(text).into_owned());
            }
            IFLA_MTU => mtu = word(value, 0),
            _ => {}
        }
    }
    Some(LinkChange {
        name: name?,
        index: word(body, 4)?,
        up: flags & IFF_UP != 0 && !gone,
        carrier: flags & IFF_LOWER_UP != 0 && !gone,
        mtu: mtu?,
        gone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Netlink;
    use crate::own_namespace;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    /// Waits until `wanted` is told of `lo` or `br0`.
    fn until(monitor: &mut Monitor, wanted: impl Fn(&LinkChange) -> bool) -> LinkChange {
        loop {
            while let Some(change) = monitor.poll().unwrap() {
                if wanted(&change) {
                    return change;
                }
            }
            let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
            let fd = monitor.fd();
            assert_ne!(poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&limit)).unwrap(), 0, "it is told");
        }
    }

    #[test]
    fn interfaces_that_come_change_and_go_are_told() {
        own_namespace::run("a monitor of interfaces", || {
            let mut monitor = Monitor::open().unwrap();
            let mut netlink = Netlink::open().unwrap();
            assert_eq!(monitor.poll().unwrap(), None);
            netlink.set_up("lo").unwrap();
            let lo = until(&mut monitor, |change| change.up);
            assert_eq!((lo.name.as_str(), lo.index, lo.gone), ("lo", 1, false));
            netlink.set_mtu("lo", 3000).unwrap();
            assert_eq!(until(&mut monitor, |change| change.mtu == 3000).name, "lo");
            netlink.set_down("lo").unwrap();
            until(&mut monitor, |change| change.name == "lo" && !change.up);
            netlink.add_bridge("br0").unwrap();
            let bridge = until(&mut monitor, |change| change.name == "br0");
            assert_eq!(bridge.index, netlink.link("br0").unwrap().index);
            netlink.delete_link("br0").unwrap();
            assert_eq!(until(&mut monitor, |change| change.gone).index, bridge.index);
        });
    }

    #[test]
    fn when_too_much_happened_all_is_told_anew() {
        own_namespace::run("an overrun monitor", || {
            let mut monitor = Monitor::open().unwrap();
            let mut netlink = Netlink::open().unwrap();
            // Far more than a socket keeps. The last is the one that must be known in the end.
            for mtu in 0..2000 {
                netlink.set_mtu("lo", 2000 + mtu).unwrap();
            }
            until(&mut monitor, |change| change.mtu == 3999);
        });
    }

    #[test]
    fn messages_of_any_shape_are_read_without_panic() {
        let mut rng = env::Rng::seeded(1);
        for _ in 0..20_000 {
            let mut octets = vec![0; rng.below(120) as usize];
            rng.fill(&mut octets);
            if let Some(first) = octets.first_chunk_mut::<6>() {
                *first = [rng.below(130) as u8, 0, 0, 0, 16, 0];
            }
            let _ = message::messages(&octets).flatten().filter_map(change).count();
        }
    }
}
