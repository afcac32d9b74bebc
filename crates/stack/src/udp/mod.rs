//! UDP sockets (RFC 768; RFC 1122 §4.1; RFC 8085).
//!
//! ```text
//!    Delivered ─► receive.rs: length, checksum ─► table.rs: whose? ─► socket.rs: bounded queue ─► user
//!                                                     │ nobody's: port unreachable
//!    IcmpError ─► fault.rs ───────────────────────────┘────────────► the socket's faults ───────► user
//!
//!    user ─► calls.rs: bind, connect, options    send.rs: whither, whence, how large ─► Ip::send (which fragments)
//! ```
//!
//! IP options are handed up and down unchanged (RFC 1122 §4.1.3.2), but for source routes that arrive: the IP layer
//! refuses those (RFC 7126 §4.3).

mod calls;
mod datagram;
mod error;
mod fault;
mod receive;
mod recent;
mod send;
mod socket;
mod table;
#[cfg(test)]
mod tests;

pub use calls::UdpPath;
pub use datagram::{UdpDatagram, UdpSend};
pub use error::{UdpError, UdpFault};
pub use socket::{UdpBind, UdpCounters, UdpId, UdpOptions};

use crate::{HostConfig, HostEvent, Ip, Ports};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use env::{Instant, Rng};
use recent::Recent;
use slab::Slab;
use socket::{READABLE, Socket, WRITABLE};
use table::Table;

/// UDP sockets.
#[derive(Clone, Debug)]
pub(crate) struct Udp {
    sockets: Slab<Socket>,
    next_generation: u32,
    table: Table,
    /// Not TCP's: each protocol number has a port space of its own (RFC 768, 768-9).
    ports: Ports,
    recent: Recent,
    /// Sockets with news, each once.
    ready: VecDeque<u32>,
    /// Sockets that wait for room in the queue to a device, each once.
    blocked: Vec<u32>,
    /// Kept to be filled again: the sockets that a broadcast or a group's datagram goes to.
    receivers: Vec<u32>,
}

impl Udp {
    pub(crate) fn new(_config: &HostConfig, rng: &mut Rng) -> Self {
        Self {
            sockets: Slab::new(),
            next_generation: 0,
            table: Table::new(rng.key()),
            ports: Ports::new(rng),
            recent: Recent::new(rng.key()),
            ready: VecDeque::new(),
            blocked: Vec::new(),
            receivers: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    fn get(&self, id: UdpId) -> Option<&Socket> {
        self.sockets.get(id.index as usize).filter(|socket| socket.generation == id.generation)
    }

    fn get_mut(&mut self, id: UdpId) -> Option<&mut Socket> {
        self.sockets.get_mut(id.index as usize).filter(|socket| socket.generation == id.generation)
    }

    /// Has the user told of `news` about a socket, once however often it happens.
    fn tell(&mut self, index: u32, news: u8) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        if socket.news == 0 {
            self.ready.push_back(index);
        }
        socket.news |= news;
    }

    pub(crate) fn handle_timeout(&mut self, _ip: &mut Ip, _now: Instant) {}

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The queue to the devices is empty: those who found it full are told. UDP keeps no datagrams of its own to send.
    pub(crate) fn queue_emptied(&mut self) {
        if self.blocked.is_empty() {
            return;
        }
        for index in core::mem::take(&mut self.blocked) {
            if let Some(socket) = self.sockets.get_mut(index as usize)
                && core::mem::take(&mut socket.blocked)
            {
                self.tell(index, WRITABLE);
            }
        }
    }

    pub(crate) fn poll_event(&mut self) -> Option<HostEvent> {
        loop {
            let index = *self.ready.front()?;
            let Some(socket) = self.sockets.get_mut(index as usize).filter(|socket| socket.news != 0) else {
                self.ready.pop_front();
                continue;
            };
            let id = UdpId { index, generation: socket.generation };
            let first = 1 << socket.news.trailing_zeros();
            socket.news &= !first;
            if socket.news == 0 {
                self.ready.pop_front();
            }
            return Some(match first {
                READABLE => HostEvent::UdpReadable(id),
                WRITABLE => HostEvent::UdpWritable(id),
                _ => HostEvent::UdpFailed(id),
            });
        }
    }
}

/// Groups that every host is in without having joined (RFC 1112 §7.2, RFC 4291 §2.8).
fn implicit_group(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group == Ipv4Addr::new(224, 0, 0, 1),
        IpAddr::V6(group) => {
            group == Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 1)
                || group == Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
        }
    }
}
