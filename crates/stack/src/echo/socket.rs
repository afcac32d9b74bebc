//! One echo socket: its identifier, what it asked lately, and its bounded queues.

use crate::{Account, Budget, Drop, ErrorKind, InterfaceId, SendFailure};
use alloc::collections::VecDeque;
use core::fmt;
use core::net::IpAddr;
use env::Instant;
use wire::{Ecn, Payload};

/// Names an echo socket of one host. Never used again after its socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EchoId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// An echo request to send. What is `None` is as the host's settings say.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EchoSend {
    /// To whom: a host, a group or a broadcast address.
    pub to: IpAddr,
    /// Tells this request from the socket's others.
    pub sequence: u16,
    /// To be sent back unchanged; 0 to 65,507 octets over IPv4, 65,527 over IPv6.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub data: Payload,
    /// From which of our addresses.
    pub from: Option<IpAddr>,
    /// Through which interface.
    pub interface: Option<InterfaceId>,
    /// TTL or hop limit, at least 1.
    pub ttl: Option<u8>,
    /// Differentiated services code point, six bits.
    pub dscp: u8,
    /// Never fragment: a probe of the path's MTU.
    pub dont_fragment: bool,
}

impl EchoSend {
    /// A request number `sequence` with `data` to `to`.
    pub fn new(to: IpAddr, sequence: u16, data: impl Into<Payload>) -> Self {
        let data = data.into();
        Self { to, sequence, data, from: None, interface: None, ttl: None, dscp: 0, dont_fragment: false }
    }
}

/// An answer to a request of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoReply {
    /// Who answers.
    pub from: IpAddr,
    /// Which address of ours it answers.
    pub to: IpAddr,
    /// Which request it answers.
    pub sequence: u16,
    /// What came back: the request's data, if the other end is honest.
    pub data: Payload,
    /// TTL or hop limit that was left.
    pub ttl: u8,
    /// Congestion notification.
    pub ecn: Ecn,
    /// Where it came in.
    pub interface: InterfaceId,
    /// When it was read from its device: the round trip ends here.
    pub arrived: Instant,
}

/// An ICMP error about a request of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoFault {
    /// What it says.
    pub kind: ErrorKind,
    /// Where the request was going.
    pub to: IpAddr,
    /// Which request.
    pub sequence: u16,
    /// Who says so: a router on the way, as a rule.
    pub from: IpAddr,
    /// When the error arrived.
    pub at: Instant,
}

/// Why a call to an echo socket failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EchoError {
    /// There is no such socket (any more).
    NoSocket,
    /// All 65,536 identifiers are taken.
    NoIdentifier,
    /// The host's memory budget is used up.
    NoMemory,
    /// The request was not sent.
    Send(SendFailure),
}

impl fmt::Display for EchoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSocket => f.write_str("no such echo socket"),
            Self::NoIdentifier => f.write_str("every echo identifier is taken"),
            Self::NoMemory => f.write_str("the memory budget is used up"),
            Self::Send(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for EchoError {}

impl From<SendFailure> for EchoError {
    fn from(why: SendFailure) -> Self {
        Self::Send(why)
    }
}

/// Octets of memory that replies of one socket may hold.
const LIMIT: usize = 256 << 10;
/// ICMP errors that wait for the user; beyond that the oldest makes room.
const FAULTS: usize = 64;
/// Requests that are remembered: an error about another one proves nothing.
const ASKED: usize = 64;

pub(super) const READABLE: u8 = 1;
pub(super) const FAILED: u8 = 2;

#[derive(Clone, Debug)]
pub(super) struct Socket {
    pub(super) generation: u32,
    pub(super) identifier: u16,
    pub(super) news: u8,
    queue: VecDeque<(EchoReply, usize)>,
    queued: usize,
    faults: VecDeque<EchoFault>,
    asked: VecDeque<(IpAddr, u16)>,
}

impl Socket {
    /// What a socket is charged for without any reply.
    pub(super) const COST: usize =
        size_of::<Self>() + FAULTS * size_of::<EchoFault>() + ASKED * size_of::<(IpAddr, u16)>();

    pub(super) fn new(generation: u32, identifier: u16) -> Self {
        Self {
            generation,
            identifier,
            news: 0,
            queue: VecDeque::new(),
            queued: 0,
            faults: VecDeque::new(),
            asked: VecDeque::new(),
        }
    }

    pub(super) fn deliver(&mut self, budget: &mut Budget, reply: EchoReply) -> Result<(), Drop> {
        let charged = reply.data.held() + size_of::<(EchoReply, usize)>();
        if !self.queue.is_empty() && self.queued.saturating_add(charged) > LIMIT {
            return Err(Drop::EchoQueueFull);
        }
        budget.charge(Account::Echo, charged).map_err(|_| Drop::Budget)?;
        self.queued += charged;
        self.queue.push_back((reply, charged));
        Ok(())
    }

    pub(super) fn receive(&mut self, budget: &mut Budget) -> Option<EchoReply> {
        let (reply, charged) = self.queue.pop_front()?;
        self.queued = self.queued.saturating_sub(charged);
        budget.release(Account::Echo, charged);
        Some(reply)
    }

    pub(super) fn note(&mut self, to: IpAddr, sequence: u16) {
        if self.asked.len() >= ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back((to, sequence));
    }

    pub(super) fn has_asked(&self, to: IpAddr, sequence: u16) -> bool {
        self.asked.contains(&(to, sequence))
    }

    pub(super) fn fail(&mut self, fault: EchoFault) {
        if self.faults.len() >= FAULTS {
            self.faults.pop_front();
        }
        self.faults.push_back(fault);
    }

    pub(super) fn take_fault(&mut self) -> Option<EchoFault> {
        self.faults.pop_front()
    }

    pub(super) fn clear(&mut self, budget: &mut Budget) {
        while self.receive(budget).is_some() {}
    }
}
