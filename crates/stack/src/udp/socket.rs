//! One UDP socket: where it sits, its settings, and its bounded queues.

use super::table::Place;
use super::{UdpDatagram, UdpFault};
use crate::{Account, Budget, Claimed, Drop, InterfaceId, Pressure};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use wire::{Ecn, ipv4};

/// Names a UDP socket of one host. Never used again after its socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UdpId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// Where a socket is to sit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UdpBind {
    /// The local address: one of ours, a group or broadcast address to receive from, an unspecified one for all of its
    /// IP version, or `None` for all of both versions. Default `None`.
    pub address: Option<IpAddr>,
    /// The port; 0, the default, for a dynamic one (RFC 6056).
    pub port: u16,
    /// Share address and port with other sockets that also say so. Groups and broadcasts then go to all of them,
    /// unicast to the newest.
    pub reuse: bool,
}

/// Settings of a socket. They may be changed at any time and hold from the next datagram on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UdpOptions {
    /// TTL or hop limit of unicast datagrams. Default `None`: the host's.
    pub ttl: Option<u8>,
    /// TTL or hop limit of datagrams to groups. Default 1: they stay on the link (RFC 1112 §6.1). With 0 they stay on
    /// this host.
    pub multicast_ttl: u8,
    /// Datagrams to groups also go to sockets of this host that joined them. Default yes.
    pub multicast_loop: bool,
    /// The interface through which datagrams to groups leave. Default `None`: what the routes say.
    pub multicast_interface: Option<InterfaceId>,
    /// Datagrams may be sent to broadcast addresses. Default no.
    pub broadcast: bool,
    /// Differentiated services code point, six bits. Default 0.
    pub dscp: u8,
    /// Congestion notification: with ECT, read [`UdpDatagram::ecn`] of what comes back and react (RFC 8085 §3.1.7,
    /// 8085-6).
    /// Default not capable.
    pub ecn: Ecn,
    /// IPv4 options of what is sent (RFC 1122 §4.1.3.2). Default none.
    pub ip_options: Option<ipv4::Options>,
    /// Never fragment: what does not fit the path is refused with its MTU, and IPv4 has DF set (RFC 8085 §3.2).
    /// Default no: IP fragments what is too large.
    pub dont_fragment: bool,
    /// Make checksums over IPv4. Default yes (RFC 1122 §4.1.3.4: the switch is a MAY, the default a MUST; RFC 8085 §3.4,
    /// 8085-5).
    pub checksum: bool,
    /// Refuse IPv4 datagrams without a checksum (RFC 1122 §4.1.3.4). Default no.
    pub require_checksum: bool,
    /// Send and accept IPv6 datagrams without a checksum: for tunnels that meet RFC 6936 §4, and nothing else (RFC 6935
    /// §5). Default no.
    pub zero_checksum_v6: bool,
    /// Octets of memory that received datagrams may hold, at true size. Default 1 MiB. One datagram is always taken,
    /// however large, while the host's budget has room.
    pub receive_limit: usize,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            ttl: None,
            multicast_ttl: 1,
            multicast_loop: true,
            multicast_interface: None,
            broadcast: false,
            dscp: 0,
            ecn: Ecn::NotEct,
            ip_options: None,
            dont_fragment: false,
            checksum: true,
            require_checksum: false,
            zero_checksum_v6: false,
            receive_limit: 1 << 20,
        }
    }
}

/// What one socket has counted; a train counts as its datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams put into the receive queue.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Dropped: the receive queue was full.
    pub queue_full: u64,
    /// Dropped: the host's memory budget was used up.
    pub no_memory: u64,
    /// Dropped: no checksum, and this socket insists on one.
    pub no_checksum: u64,
    /// ICMP errors that were kept for the user.
    pub faults: u64,
    /// ICMP errors that made room for newer ones before anybody looked.
    pub faults_lost: u64,
}

/// ICMP errors that wait for the user; beyond that the oldest makes room.
const FAULTS: usize = 16;

/// What has happened that the user was not told of yet.
pub(super) const READABLE: u8 = 1;
pub(super) const WRITABLE: u8 = 2;
pub(super) const FAILED: u8 = 4;

#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) generation: u32,
    /// The local address that was asked for; unspecified ones keep their version.
    pub(super) bound: Option<IpAddr>,
    /// The port and how it is held; nothing before the first bind, connect or send.
    pub(super) claimed: Option<Claimed>,
    pub(super) place: Option<Place>,
    /// The port was chosen for the connection and goes with it.
    pub(super) port_of_connection: bool,
    /// The local address while connected.
    pub(super) chosen: Option<IpAddr>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) options: UdpOptions,
    pub(super) counters: UdpCounters,
    pub(super) groups: Vec<(InterfaceId, IpAddr)>,
    pub(super) news: u8,
    /// A send found the device's queue full: the user waits to be told of room.
    pub(super) blocked: bool,
    queue: VecDeque<Queued>,
    queued: usize,
    faults: VecDeque<UdpFault>,
}

#[derive(Clone, Debug)]
struct Queued {
    datagram: UdpDatagram,
    charged: usize,
}

impl Socket {
    /// What a socket is charged for without anything in its queues.
    pub(super) const COST: usize = size_of::<Self>() + FAULTS * size_of::<UdpFault>();

    pub(super) fn new(generation: u32, bound: Option<IpAddr>) -> Self {
        Self {
            generation,
            bound,
            claimed: None,
            place: None,
            port_of_connection: false,
            chosen: None,
            peer: None,
            options: UdpOptions::default(),
            counters: UdpCounters::default(),
            groups: Vec::new(),
            news: 0,
            blocked: false,
            queue: VecDeque::new(),
            queued: 0,
            faults: VecDeque::new(),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.claimed.map_or(0, |claimed| claimed.port.get())
    }

    /// The local end as the user knows it.
    pub(super) fn local(&self, version_of: Option<IpAddr>) -> SocketAddr {
        let any = match version_of {
            Some(IpAddr::V6(_)) => IpAddr::from([0u16; 8]),
            _ => IpAddr::from([0u8; 4]),
        };
        SocketAddr::new(self.chosen.or(self.bound).unwrap_or(any), self.port())
    }

    /// Puts a datagram (or a train of them) into the queue, or says why not.
    pub(super) fn deliver(&mut self, budget: &mut Budget, datagram: UdpDatagram) -> Result<(), Drop> {
        let count = datagram.datagrams();
        let charged = datagram.data.held() + size_of::<Queued>();
        let limit = match budget.pressure() {
            Pressure::Ok => self.options.receive_limit,
            Pressure::Tight => self.options.receive_limit / 4,
            Pressure::Full => 0,
        };
        if !self.queue.is_empty() && self.queued.saturating_add(charged) > limit {
            self.counters.queue_full += count;
            return Err(Drop::UdpQueueFull);
        }
        if budget.charge(Account::Udp, charged).is_err() {
            self.counters.no_memory += count;
            return Err(Drop::Budget);
        }
        self.queued += charged;
        self.counters.received += count;
        self.queue.push_back(Queued { datagram, charged }); // RFC 768 768-10: whole, and in order of arrival.
        Ok(())
    }

    /// Takes the next datagram: the first of a train while the others wait.
    pub(super) fn receive(&mut self, budget: &mut Budget) -> Option<UdpDatagram> {
        let first = &mut self.queue.front_mut()?.datagram;
        let size = first.segment_size.map_or(usize::MAX, |size| usize::from(size.get()));
        if first.data.len() <= size {
            return self.receive_train(budget).map(|datagram| UdpDatagram { segment_size: None, ..datagram });
        }
        let data = first.data.slice(0..size);
        let one = UdpDatagram { data, segment_size: None, ..first.clone() };
        first.data.advance(size);
        Some(one)
    }

    /// Takes the next datagram, or the whole train that it leads.
    pub(super) fn receive_train(&mut self, budget: &mut Budget) -> Option<UdpDatagram> {
        let Queued { datagram, charged } = self.queue.pop_front()?;
        self.queued = self.queued.saturating_sub(charged);
        budget.release(Account::Udp, charged);
        if self.queue.is_empty() {
            self.queue.shrink_to(8); // An idle socket keeps no memory of a burst.
        }
        Some(datagram)
    }

    pub(super) fn peek(&self) -> Option<&UdpDatagram> {
        self.queue.front().map(|queued| &queued.datagram)
    }

    pub(super) fn fail(&mut self, fault: UdpFault) -> bool {
        let full = self.faults.len() >= FAULTS;
        if full {
            self.faults.pop_front();
            self.counters.faults_lost += 1;
        }
        self.counters.faults += 1;
        self.faults.push_back(fault);
        !full
    }

    pub(super) fn take_fault(&mut self) -> Option<UdpFault> {
        self.faults.pop_front()
    }

    pub(super) fn faults(&self) -> impl Iterator<Item = &UdpFault> {
        self.faults.iter()
    }

    /// Forgets everything received; gives back what it was charged for.
    pub(super) fn clear(&mut self, budget: &mut Budget) {
        while self.receive_train(budget).is_some() {}
    }
}

impl UdpDatagram {
    /// How many datagrams this is: more than one in a train.
    pub fn datagrams(&self) -> u64 {
        count(self.data.len(), self.segment_size)
    }
}

/// How many datagrams `len` octets are when each but the last has `size`.
pub(super) fn count(len: usize, size: Option<NonZeroU16>) -> u64 {
    size.map_or(1, |size| len.div_ceil(usize::from(size.get())).max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, SocketAddrV4};
    use env::Instant;
    use wire::Payload;

    fn datagram(len: usize, segment_size: Option<u16>) -> UdpDatagram {
        let end = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9));
        UdpDatagram {
            from: end,
            to: end,
            ttl: 64,
            dscp: 0,
            ecn: Ecn::NotEct,
            interface: InterfaceId::LOOPBACK,
            arrived: Instant::ZERO,
            ip_options: None,
            data: Payload::from(alloc::vec![7; len]),
            segment_size: segment_size.and_then(NonZeroU16::new),
        }
    }

    #[test]
    fn the_queue_is_bounded_at_true_size_and_gives_everything_back() {
        let mut budget = Budget::new(1 << 20);
        let mut socket = Socket::new(0, None);
        socket.options.receive_limit = 10_000;
        let empty = size_of::<Queued>();
        let mut taken = 0;
        while socket.deliver(&mut budget, datagram(0, None)).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, 10_000 / empty, "datagrams without data cost what they hold");
        assert_eq!(budget.held_for(Account::Udp), taken * empty);
        assert_eq!((socket.counters.received, socket.counters.queue_full), (taken as u64, 1));
        while socket.receive(&mut budget).is_some() {}
        assert_eq!(budget.held(), 0);
        // One datagram is taken however large it is, and then no other.
        assert_eq!(socket.deliver(&mut budget, datagram(65_507, None)), Ok(()));
        assert_eq!(socket.deliver(&mut budget, datagram(1, None)), Err(Drop::UdpQueueFull));
        socket.clear(&mut budget);
        assert_eq!(budget.held(), 0);
        let mut none = Budget::new(0);
        assert_eq!(socket.deliver(&mut none, datagram(1, None)), Err(Drop::Budget));
        assert_eq!(socket.counters.no_memory, 1);
    }

    /// Covers: RFC 768 768-10
    #[test]
    fn a_train_is_read_as_its_datagrams_and_keeps_their_boundaries() {
        let mut budget = Budget::new(1 << 20);
        let mut socket = Socket::new(0, None);
        socket.deliver(&mut budget, datagram(2_500, Some(1_000))).unwrap();
        socket.deliver(&mut budget, datagram(3, None)).unwrap();
        assert_eq!(socket.counters.received, 4);
        let lengths: Vec<_> = core::iter::from_fn(|| socket.receive(&mut budget))
            .inspect(|datagram| assert_eq!(datagram.segment_size, None))
            .map(|datagram| datagram.data.len())
            .collect();
        assert_eq!(lengths, [1_000, 1_000, 500, 3]);
        assert_eq!(budget.held(), 0);
        socket.deliver(&mut budget, datagram(2_000, Some(1_000))).unwrap();
        assert_eq!(socket.receive_train(&mut budget).unwrap().datagrams(), 2);
    }
}
