//! Packets in, what is to be said of them out.

use crate::capture::Captured;
use crate::flow::{Flow, Room, Seen};
use crate::link::{self, Network};
use crate::packet::{self, Parsed};
use crate::table::{Key, Table};
use crate::told::Told;
use env::Instant;
use stack::trace::Content;
use std::collections::VecDeque;
use std::net::SocketAddr;
use wire::Protocol;
use wire::tcp::Flags;

/// How much is held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Flows. Default 32,768.
    pub flows: usize,
    /// Segments of all flows together that are remembered until they are acknowledged. Default 524,288.
    pub outstanding: usize,
    /// Segments of one direction that are remembered so. Default 4,096.
    pub outstanding_each: usize,
    /// Packets of all flows together that are kept to be drawn: beyond it few of each flow, beyond twice as many none.
    /// Default 131,072.
    pub kept: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { flows: 32_768, outstanding: 1 << 19, outstanding_each: 4096, kept: 1 << 17 }
    }
}

/// What was read, and what not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets in all.
    pub packets: u64,
    /// Of flows: TCP and UDP, and ICMP errors about them.
    pub in_flows: u64,
    /// Flows.
    pub flows: u64,
    /// Flows that were given away early, as too many were held.
    pub evicted: u64,
    /// ARP.
    pub arp: u64,
    /// ICMP about no flow that is known.
    pub icmp: u64,
    /// Fragments after the first.
    pub fragments: u64,
    /// IP with something else in it.
    pub other_transport: u64,
    /// Link protocols other than IP.
    pub other_network: u64,
    /// Packets with a header that was cut off, or that does not read.
    pub unreadable: u64,
    /// Packets of a link type that is not read.
    pub unknown_link: u64,
    /// The first link type that is not read.
    pub first_unknown_link: Option<u32>,
    /// Packets that were cut by the capture's limit.
    pub cut: u64,
}

/// Finds the flows of a capture, and what is to be said of each packet.
///
/// ```
/// use handfast_explain::{Explainer, Limits};
/// let mut explainer = Explainer::new(Limits::default());
/// assert!(explainer.finish().is_empty());
/// ```
pub struct Explainer {
    limits: Limits,
    table: Table,
    ended: VecDeque<Flow>,
    counts: Counts,
    outstanding: usize,
    kept: usize,
}

impl std::fmt::Debug for Explainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Explainer")
            .field("limits", &self.limits)
            .field("flows", &self.table.len())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Explainer {
    /// Nothing read yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            table: Table::new(limits.flows),
            ended: VecDeque::new(),
            counts: Counts::default(),
            outstanding: 0,
            kept: 0,
        }
    }

    /// What was read so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes a packet; gives what is to be said of it, when it is a flow's.
    pub fn push(&mut self, captured: &Captured<'_>) -> Option<Told> {
        let counts = &mut self.counts;
        counts.packets += 1;
        counts.cut += u64::from(captured.octets.len() < captured.original);
        let parsed = match link::strip(captured.link, captured.octets) {
            Network::Ip(octets) => {
                let header = captured.octets.len() - octets.len();
                packet::read(octets, captured.original.saturating_sub(header))
            }
            Network::Arp => {
                counts.arp += 1;
                return None;
            }
            Network::Other => {
                counts.other_network += 1;
                return None;
            }
            Network::UnknownLink => {
                counts.unknown_link += 1;
                counts.first_unknown_link.get_or_insert(captured.link);
                return None;
            }
            Network::Short => None,
        };
        let Some(parsed) = parsed else {
            counts.unreadable += 1;
            return None;
        };
        let told = match parsed.packet.content {
            Content::Tcp { src_port, dst_port, .. } => {
                self.transport(Protocol::TCP, captured, parsed, [src_port, dst_port])
            }
            Content::Udp { src_port, dst_port, .. } => {
                self.transport(Protocol::UDP, captured, parsed, [src_port, dst_port])
            }
            Content::Icmp { .. } => self.icmp(captured, parsed),
            Content::Other(protocol) => {
                if parsed.packet.fragment.is_some_and(|fragment| fragment.offset > 0) {
                    counts.fragments += 1;
                } else if matches!(protocol, Protocol::TCP | Protocol::UDP) {
                    counts.unreadable += 1;
                } else {
                    counts.other_transport += 1;
                }
                None
            }
            _ => None,
        };
        self.counts.in_flows += u64::from(told.is_some());
        told
    }

    fn transport(
        &mut self,
        protocol: Protocol,
        captured: &Captured<'_>,
        parsed: Parsed,
        [src_port, dst_port]: [u16; 2],
    ) -> Option<Told> {
        let src = SocketAddr::from((parsed.packet.src, src_port));
        let dst = SocketAddr::from((parsed.packet.dst, dst_port));
        let key = Key::new(protocol, src, dst);
        let syn = match &parsed.packet.content {
            Content::Tcp { header, .. } => Some(header).filter(|header| header.flags.contains(Flags::SYN)),
            _ => None,
        };
        let answers = syn.is_some_and(|header| header.flags.contains(Flags::ACK));
        let mut replay = None;
        let (mut reused, mut opening) = (false, None);
        let known = self.table.get_mut(&key);
        let known_before = known.is_some();
        if let (Some(flow), Some(header)) = (known, syn) {
            let side = flow.side(src, dst);
            if answers {
                replay = flow.answered(side, header);
            } else if flow.is_reused_by(side, header) {
                if flow.is_open() {
                    let seen = Seen { number: captured.number, at: captured.at, side };
                    return Some(flow.stray(seen, parsed.packet, parsed.checksum));
                }
                reused = true;
                opening = flow.take_opening();
            }
        }
        if !known_before || reused || replay.is_some() {
            // Who answers a SYN did not begin.
            self.open(protocol, key, if answers { [dst, src] } else { [src, dst] }, captured.at);
        }
        if let Some(flow) = self.table.get_mut(&key).filter(|_| opening.is_some()) {
            flow.expect(opening);
        }
        // Before the first packet of this call, which may be one that is told again.
        let before = self.table.get_mut(&key).map_or(0, |flow| flow.outstanding());
        if let (Some(stray), Some(flow)) = (replay, self.table.touch(&key)) {
            let seen = Seen { side: 0, ..stray.seen };
            flow.packet(seen, stray.packet, stray.checksum, 1, true);
        }
        let room = self.limits.outstanding.saturating_sub(self.outstanding).min(self.limits.outstanding_each);
        let flow = self.table.touch(&key)?;
        let side = flow.side(src, dst);
        let Parsed { packet, checksum, .. } = parsed;
        let seen = Seen { number: captured.number, at: captured.at, side };
        let told = flow.packet(seen, packet, checksum, room, reused);
        self.outstanding = (self.outstanding + flow.outstanding()).saturating_sub(before);
        Some(told)
    }

    /// A new flow, and what has to go for it.
    fn open(&mut self, protocol: Protocol, key: Key, ends: [SocketAddr; 2], at: Instant) {
        self.counts.flows += 1;
        let [old, evicted] = self.table.insert(key, Flow::new(self.counts.flows, protocol, ends, at));
        self.counts.evicted += u64::from(evicted.is_some());
        for flow in old.into_iter().chain(evicted) {
            self.outstanding = self.outstanding.saturating_sub(flow.outstanding());
            self.ended.push_back(flow);
        }
    }

    fn icmp(&mut self, captured: &Captured<'_>, parsed: Parsed) -> Option<Told> {
        let about = parsed.about;
        let flow = about.and_then(|about| {
            let key = Key::new(about.protocol, about.src, about.dst);
            Some((about, self.table.get_mut(&key)?))
        });
        let Some((about, flow)) = flow else {
            self.counts.icmp += 1;
            return None;
        };
        let side = flow.side(about.src, about.dst);
        let seen = Seen { number: captured.number, at: captured.at, side };
        Some(flow.icmp(seen, parsed.packet))
    }

    /// The flow of what was told, if it is still held.
    pub fn flow(&self, told: &Told) -> Option<&Flow> {
        self.table.peek(&told.key).filter(|flow| flow.number() == told.flow)
    }

    /// Keeps what was told, to be drawn with its flow.
    pub fn keep(&mut self, told: Told) {
        let room = match self.kept / self.limits.kept.max(1) {
            0 => Room::Enough,
            1 => Room::Little,
            _ => Room::None,
        };
        if let Some(flow) = self.table.get_mut(&told.key).filter(|flow| flow.number() == told.flow) {
            let before = flow.log.len();
            flow.log.push(told, room);
            self.kept = (self.kept + flow.log.len()).saturating_sub(before);
        }
    }

    /// A flow that is over, or had to go: the ports are used anew, or too many are held.
    pub fn poll_ended(&mut self) -> Option<Flow> {
        let flow = self.ended.pop_front()?;
        self.kept = self.kept.saturating_sub(flow.log.len());
        Some(flow)
    }

    /// All flows that are still held, in the order in which they began.
    pub fn finish(&mut self) -> Vec<Flow> {
        let mut flows: Vec<Flow> = self.ended.drain(..).collect();
        flows.extend(self.table.drain());
        (self.outstanding, self.kept) = (0, 0);
        flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use wire::tcp::Header;
    use wire::{Head, SeqNum, ipv4};

    #[test]
    fn what_is_outstanding_in_all_flows_is_counted_when_a_stray_syn_is_answered_too() {
        let ends = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
        let key = Key::new(Protocol::TCP, (ends[0], 1000).into(), (ends[1], 80).into());
        let mut explainer = Explainer::new(Limits::default());
        let segments = [
            (0, Flags::SYN, 100, 0),
            (1, Flags::SYN | Flags::ACK, 500, 101),
            (0, Flags::ACK, 101, 501),
            // On the open connection; and answered, so that the one before was forgotten.
            (0, Flags::SYN, 9000, 0),
            (1, Flags::SYN | Flags::ACK, 700, 9001),
        ];
        for (number, (from, flags, seq, ack)) in (1..).zip(segments) {
            let mut head = Head::new();
            let header = Header { seq: SeqNum::new(seq), ack: SeqNum::new(ack), flags, ..Header::default() };
            let [src, dst] = [[1000, 80], [80, 1000]][from];
            header.prepend_to(&mut head, src, dst).unwrap();
            ipv4::Repr::new(ends[from], ends[1 - from], Protocol::TCP).prepend_to(&mut head, 0).unwrap();
            let octets = head.as_slice();
            let at = Instant::from_secs(number);
            let captured = Captured { number, at, link: 101, interface: 0, octets, original: octets.len() };
            explainer.push(&captured).unwrap();
            let held = explainer.table.get_mut(&key).unwrap().outstanding();
            assert_eq!(explainer.outstanding, held, "after packet {number}");
        }
        assert_eq!(
            (explainer.counts.flows, explainer.outstanding),
            (2, 1),
            "the new flow's SYN,ACK is counted"
        );
    }
}
