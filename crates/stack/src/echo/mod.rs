//! Echo sockets: ping, over IPv4 (RFC 792) and IPv6 (RFC 4443 §4).
//!
//! ```text
//!    user ─► echo_send ─► request (the socket's identifier, the user's sequence and data) ─► Ip::send
//!    reply ─► identifier ─► the socket's bounded queue ─► echo_receive, with TTL and arrival
//!    error about a request ─► echo_take_fault: which hop gave up, and why
//! ```
//!
//! Requests of others are answered by the ICMP layer; this is the asking side.

mod socket;

pub use socket::{EchoError, EchoFault, EchoId, EchoReply, EchoSend};

use crate::{Account, Datagram, Delivered, Drop, Host, HostConfig, HostEvent, IcmpError, Input, Ip};
use alloc::collections::{BTreeMap, VecDeque};
use core::net::IpAddr;
use env::{Instant, Rng};
use slab::Slab;
use socket::{FAILED, READABLE, Socket};
use wire::{Head, Protocol, checksum, icmpv4, icmpv6};

const REQUEST_V4: u8 = 8;
const REPLY_V4: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;

/// Echo sockets: ping.
#[derive(Clone, Debug)]
pub(crate) struct Echo {
    sockets: Slab<Socket>,
    next_generation: u32,
    identifiers: BTreeMap<u16, u32>,
    /// Sockets with news, each once.
    ready: VecDeque<u32>,
    rng: Rng,
}

impl Echo {
    pub(crate) fn new(_config: &HostConfig, rng: &mut Rng) -> Self {
        Self {
            sockets: Slab::new(),
            next_generation: 0,
            identifiers: BTreeMap::new(),
            ready: VecDeque::new(),
            rng: rng.fork(),
        }
    }

    pub(crate) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Whether chance has decided something that was not noted yet.
    pub(crate) fn has_drawn(&self) -> bool {
        self.rng.has_drawn()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    fn open(&mut self, ip: &mut Ip) -> Result<EchoId, EchoError> {
        // A random one, so that nobody off the path can answer for the other end by guessing; the next free one after it.
        let first = self.rng.next_u32() as u16;
        let identifier = (0..=u16::MAX)
            .map(|step| first.wrapping_add(step))
            .find(|identifier| !self.identifiers.contains_key(identifier))
            .ok_or(EchoError::NoIdentifier)?;
        ip.budget.charge(Account::Echo, Socket::COST).map_err(|_| EchoError::NoMemory)?;
        let generation = self.next_generation;
        self.next_generation = self.next_generation.wrapping_add(1);
        let index = self.sockets.insert(Socket::new(generation, identifier)) as u32;
        self.identifiers.insert(identifier, index);
        Ok(EchoId { index, generation })
    }

    fn get_mut(&mut self, id: EchoId) -> Option<&mut Socket> {
        self.sockets.get_mut(id.index as usize).filter(|socket| socket.generation == id.generation)
    }

    fn send(&mut self, ip: &mut Ip, now: Instant, id: EchoId, send: EchoSend) -> Result<(), EchoError> {
        let socket = self.get_mut(id).ok_or(EchoError::NoSocket)?;
        let route = ip.route(send.to, send.from, send.interface)?;
        let mut head = Head::new();
        let Some(header) = head.prepend(icmpv4::HEADER_LEN).and_then(|room| room.first_chunk_mut::<8>())
        else {
            return Ok(()); // An empty head has room.
        };
        let ([i0, i1], [s0, s1]) = (socket.identifier.to_be_bytes(), send.sequence.to_be_bytes());
        let (protocol, kind) = match route.src {
            IpAddr::V4(_) => (Protocol::ICMP, REQUEST_V4),
            IpAddr::V6(_) => (Protocol::ICMPV6, REQUEST_V6),
        };
        *header = [kind, 0, 0, 0, i0, i1, s0, s1];
        let length = icmpv6::HEADER_LEN + send.data.len();
        let pseudo = match (route.src, send.to) {
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                checksum::pseudo_header_v6(src, dst, protocol, length as u32)
            }
            _ => checksum::Sum::ZERO,
        };
        let sum = pseudo.with(header).with_payload(&send.data).checksum();
        [header[2], header[3]] = sum.to_be_bytes();
        let usual = if send.to.is_multicast() { 1 } else { ip.config.hop_limit };
        let datagram = Datagram {
            interface: send.interface,
            ttl: send.ttl.unwrap_or(usual).max(1),
            dscp: send.dscp & 0x3f,
            dont_fragment: send.dont_fragment,
            head,
            body: send.data,
            ..Datagram::new(route.src, send.to, protocol)
        };
        ip.send(now, datagram)?;
        ip.counters.icmp_out_echos += 1;
        socket.note(send.to, send.sequence);
        Ok(())
    }

    fn close(&mut self, ip: &mut Ip, id: EchoId) -> bool {
        let Some(socket) = self.get_mut(id) else { return false };
        socket.clear(&mut ip.budget);
        let (identifier, news) = (socket.identifier, socket.news);
        ip.budget.release(Account::Echo, Socket::COST);
        if news != 0 {
            self.ready.retain(|&index| index != id.index);
        }
        self.identifiers.remove(&identifier);
        self.sockets.remove(id.index as usize);
        true
    }

    fn tell(&mut self, index: u32, news: u8) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        if socket.news == 0 {
            self.ready.push_back(index);
        }
        socket.news |= news;
    }

    /// Takes an echo reply, of which the ICMP layer has checked the sum (RFC 1122 §3.2.2.6, 792-10).
    pub(crate) fn handle_packet(&mut self, ip: &mut Ip, now: Instant, packet: Delivered) {
        if let Err(why) = self.take(ip, &packet) {
            ip.drop(now, why, &packet);
        }
    }

    fn take(&mut self, ip: &mut Ip, packet: &Delivered) -> Result<(), Drop> {
        let mut header = [0; icmpv4::HEADER_LEN];
        let full = packet.payload.copy_to(&mut header) == icmpv4::HEADER_LEN;
        let [kind, code, _, _, i0, i1, s0, s1] = header;
        let reply = if packet.src.is_ipv4() { REPLY_V4 } else { REPLY_V6 };
        if !full || kind != reply || code != 0 {
            return Err(Drop::IcmpMalformed);
        }
        let identifier = u16::from_be_bytes([i0, i1]);
        let index = *self.identifiers.get(&identifier).ok_or(Drop::EchoNoSocket)?;
        let socket = self.sockets.get_mut(index as usize).ok_or(Drop::EchoNoSocket)?;
        let mut data = packet.payload.clone();
        data.advance(icmpv4::HEADER_LEN);
        let reply = EchoReply {
            from: packet.src,
            to: packet.dst,
            sequence: u16::from_be_bytes([s0, s1]),
            data: data.compact(),
            ttl: packet.ttl,
            ecn: packet.ecn,
            interface: packet.interface,
            arrived: packet.arrived,
        };
        socket.deliver(&mut ip.budget, reply)?;
        self.tell(index, READABLE);
        Ok(())
    }

    /// Takes an ICMP error; `true` when the packet that it quotes is really ours.
    pub(crate) fn handle_icmp(&mut self, _ip: &mut Ip, _now: Instant, error: &IcmpError) -> bool {
        let Some(&[kind, _, _, _, i0, i1, s0, s1]) = error.quoted.first_chunk() else { return false };
        let request = if error.dst.is_ipv4() { REQUEST_V4 } else { REQUEST_V6 };
        let (identifier, sequence) = (u16::from_be_bytes([i0, i1]), u16::from_be_bytes([s0, s1]));
        let Some(&index) = self.identifiers.get(&identifier).filter(|_| kind == request) else {
            return false;
        };
        let Some(socket) = self.sockets.get_mut(index as usize) else { return false };
        if !socket.has_asked(error.dst, sequence) {
            return false;
        }
        socket.fail(EchoFault {
            kind: error.kind,
            to: error.dst,
            sequence,
            from: error.from,
            at: error.arrived,
        });
        self.tell(index, FAILED);
        true
    }

    pub(crate) fn handle_timeout(&mut self, _ip: &mut Ip, _now: Instant) {}

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    pub(crate) fn poll_event(&mut self) -> Option<HostEvent> {
        loop {
            let index = *self.ready.front()?;
            let Some(socket) = self.sockets.get_mut(index as usize).filter(|socket| socket.news != 0) else {
                self.ready.pop_front();
                continue;
            };
            let id = EchoId { index, generation: socket.generation };
            let first = 1 << socket.news.trailing_zeros();
            socket.news &= !first;
            if socket.news == 0 {
                self.ready.pop_front();
            }
            return Some(if first == READABLE {
                HostEvent::EchoReadable(id)
            } else {
                HostEvent::EchoFailed(id)
            });
        }
    }
}

/// Echo sockets: ping.
impl Host {
    /// Opens an echo socket with an identifier of its own.
    ///
    /// # Errors
    /// [`EchoError::NoIdentifier`], [`EchoError::NoMemory`].
    pub fn echo_open(&mut self) -> Result<EchoId, EchoError> {
        self.note(|| Input::EchoOpen);
        self.echo.open(&mut self.ip)
    }

    /// Sends an echo request.
    ///
    /// # Errors
    /// [`EchoError`]; nothing was sent then.
    pub fn echo_send(&mut self, now: Instant, id: EchoId, send: EchoSend) -> Result<(), EchoError> {
        self.note(|| Input::EchoSend(now, id, send.clone()));
        self.echo.send(&mut self.ip, now, id, send)
    }

    /// Takes the next reply, if there is one. It is not checked against the requests: a late one, a second one and one
    /// that carries other data are for the user to see.
    pub fn echo_receive(&mut self, id: EchoId) -> Option<EchoReply> {
        self.note(|| Input::EchoReceive(id));
        let budget = &mut self.ip.budget;
        self.echo.get_mut(id)?.receive(budget)
    }

    /// Takes the next ICMP error about a request of the socket, the oldest first.
    pub fn echo_take_fault(&mut self, id: EchoId) -> Option<EchoFault> {
        self.note(|| Input::EchoTakeFault(id));
        self.echo.get_mut(id)?.take_fault()
    }

    /// The identifier in the socket's requests.
    pub fn echo_identifier(&self, id: EchoId) -> Option<u16> {
        let socket = self.echo.sockets.get(id.index as usize)?;
        (socket.generation == id.generation).then_some(socket.identifier)
    }

    /// Closes the socket. `false` when it is no socket (any more).
    pub fn echo_close(&mut self, id: EchoId) -> bool {
        self.note(|| Input::EchoClose(id));
        self.echo.close(&mut self.ip, id)
    }
}
