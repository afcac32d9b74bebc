//! One flow: what passed between two sockets, and what came of it.
//!
//! ```text
//!   segment ─► judge (findings) ─► ends (states) ─► remarks, counters ─► Told
//! ```

mod ends;
mod half;
mod judge;
mod log;
mod outcome;

use crate::finding::{Finding, Findings};
use crate::packet::Checksum;
use crate::remark::{Again, Ignored, Remark, Reset, Said};
use crate::table::Key;
use crate::told::Told;
use ends::{Before, Ends};
use env::{Duration, Instant};
use half::{Half, Segment};
pub use log::Log;
pub(crate) use log::Room;
pub use outcome::{Ending, Sent};
use stack::trace::{Content, Packet};
use std::net::SocketAddr;
use tcp::State;
use wire::Protocol;
use wire::tcp::{Flags, Header};

/// Which packet of the capture, when, and from which side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    pub(crate) side: usize,
}

/// A SYN on an open connection.
#[derive(Debug)]
pub(crate) struct Stray {
    pub(crate) seen: Seen,
    pub(crate) packet: Packet,
    pub(crate) checksum: Checksum,
}

/// What passed between two sockets.
#[derive(Debug)]
pub struct Flow {
    number: u64,
    protocol: Protocol,
    ends: [SocketAddr; 2],
    began: Instant,
    latest: Instant,
    sent: [Sent; 2],
    icmp_errors: u64,
    /// SYN to the ACK that completes the handshake.
    handshake: Option<Duration>,
    syn_at: Option<Instant>,
    tcp: [Half; 2],
    states: Ends,
    before: [Option<State>; 2],
    unanswered: [u32; 2],
    zero_since: [Option<Instant>; 2],
    trusted_checksum: [bool; 2],
    stray: Option<Box<Stray>>,
    opening: Option<Box<Stray>>,
    pub(crate) log: Log,
}

impl Flow {
    /// A flow that begins with this packet, from the first end to the second.
    pub(crate) fn new(number: u64, protocol: Protocol, ends: [SocketAddr; 2], at: Instant) -> Self {
        Self {
            number,
            protocol,
            ends,
            began: at,
            latest: at,
            sent: Default::default(),
            icmp_errors: 0,
            handshake: None,
            syn_at: None,
            tcp: Default::default(),
            states: Ends::default(),
            before: [None; 2],
            unanswered: [0; 2],
            zero_since: [None; 2],
            trusted_checksum: [false; 2],
            stray: None,
            opening: None,
            log: Log::default(),
        }
    }

    /// Which flow of the capture it is, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// TCP or UDP.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The two sockets: on the left who began (who sent the SYN, where one was seen).
    pub fn ends(&self) -> [SocketAddr; 2] {
        self.ends
    }

    /// When its first packet was captured.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// From its first packet to its last.
    pub fn lasted(&self) -> Duration {
        self.latest.since(self.began)
    }

    /// What each end sent.
    pub fn sent(&self) -> &[Sent; 2] {
        &self.sent
    }

    /// ICMP errors about it.
    pub fn icmp_errors(&self) -> u64 {
        self.icmp_errors
    }

    /// From the SYN to the ACK that completed the handshake, as it was seen where the capture was made.
    pub fn handshake(&self) -> Option<Duration> {
        self.handshake
    }

    /// The states of both ends where the capture begins, where that can be known.
    pub fn before(&self) -> [Option<State>; 2] {
        self.before
    }

    /// The states of both ends now; `None` for what is no connection.
    pub fn states(&self) -> Option<[State; 2]> {
        (self.protocol == Protocol::TCP).then_some(self.states.state)
    }

    /// Every state that an end was seen in, in the order of [`State::ALL`].
    pub fn reached(&self, side: usize) -> impl Iterator<Item = State> {
        self.states.reached(side.min(1))
    }

    /// Why it was reset, if it was, and by whom.
    pub fn reset(&self) -> Option<(usize, Reset)> {
        self.states.reset
    }

    /// Packets with a finding, both ways.
    pub fn count(&self, finding: Finding) -> u64 {
        self.sent.iter().map(|sent| sent.count(finding)).sum()
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        if self.protocol != Protocol::TCP {
            return Ending::Datagrams;
        }
        match self.states.reset {
            Some((side, Reset::Refused)) => return Ending::Refused(side),
            Some((side, _)) => return Ending::Reset(side),
            None => {}
        }
        let answered = self.sent.iter().all(|sent| sent.packets > 0);
        match self.states.state {
            [State::SynSent, _] | [_, State::SynSent] if !answered => {
                if self.icmp_errors > 0 {
                    Ending::Unreachable
                } else {
                    Ending::Unanswered
                }
            }
            [State::SynSent | State::SynReceived, _] | [_, State::SynSent | State::SynReceived] => {
                Ending::Opening
            }
            states => match (self.states.first_fin, self.tcp.each_ref().map(|half| half.fin.is_some())) {
                (Some(side), [true, true]) => {
                    let done = |state| matches!(state, State::TimeWait | State::Closed);
                    let acked = self.states.fin_acked == [true, true];
                    if acked || states.iter().all(|state| done(*state)) {
                        Ending::Closed(side)
                    } else {
                        Ending::Closing
                    }
                }
                (Some(side), _) => Ending::HalfClosed(side),
                (None, _) => Ending::Open,
            },
        }
    }

    fn key(&self) -> Key {
        let [left, right] = self.ends;
        Key::new(self.protocol, left, right)
    }

    /// Outstanding segments that it holds.
    pub(crate) fn outstanding(&self) -> usize {
        self.tcp.iter().map(|half| half.outstanding.len()).sum()
    }

    /// Whether a SYN begins another connection between the same sockets: it has another first number, or the
    /// connection was open and is over.
    pub(crate) fn is_reused_by(&self, side: usize, header: &Header) -> bool {
        let opened = [0, 1].iter().all(|side| self.reached(*side).any(|state| state == State::Established));
        let over = self.states.reset.is_some() || matches!(self.ending(), Ending::Closed(_));
        self.tcp[side].first.is_some_and(|first| first != header.seq || (opened && over))
    }

    /// The SYN that it began with, if it never opened: it may still be answered.
    pub(crate) fn take_opening(&mut self) -> Option<Box<Stray>> {
        let opened = self.handshake.is_some() || self.sent.iter().all(|sent| sent.packets > 0);
        self.opening.take().filter(|_| !opened)
    }

    /// A SYN between the same sockets that was sent before this flow, and may be answered in it.
    pub(crate) fn expect(&mut self, stray: Option<Box<Stray>>) {
        self.stray = stray;
    }

    /// Whether both ends have an open connection, so that a SYN is a stray one until it is answered.
    pub(crate) fn is_open(&self) -> bool {
        let open = |state| {
            matches!(
                state,
                State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait | State::Closing
            )
        };
        self.states.state.into_iter().all(open)
    }

    /// A SYN on an open connection (RFC 5961 §4): kept, in case that it is answered after all.
    pub(crate) fn stray(&mut self, seen: Seen, packet: Packet, checksum: Checksum) -> Told {
        let Seen { number, at, side } = seen;
        self.latest = self.latest.max(at);
        let sent = &mut self.sent[side];
        sent.packets += 1;
        sent.ignored += 1;
        sent.found[Finding::ReusedPorts as usize] += 1;
        let mut findings = Findings::NONE;
        findings.insert(Finding::ReusedPorts);
        self.stray = Some(Box::new(Stray { seen, packet: packet.clone(), checksum }));
        let said = vec![Said { side: 1 - side, remark: Remark::Ignored(Ignored::SynOnOpen) }];
        let (flow, key, states) = (self.number, self.key(), [None; 2]);
        Told { number, at, flow, from: side, packet, findings, states, said, key }
    }

    /// The stray SYN that a SYN,ACK of `side` answers: then the end has forgotten this connection.
    pub(crate) fn answered(&mut self, side: usize, header: &Header) -> Option<Stray> {
        let answers = |stray: &mut Box<Stray>| match &stray.packet.content {
            Content::Tcp { header: syn, .. } => stray.seen.side != side && header.ack == syn.seq + 1,
            _ => false,
        };
        self.stray.take_if(answers).map(|stray| *stray)
    }

    /// The side that a packet from this socket comes from.
    pub(crate) fn side(&self, src: SocketAddr, dst: SocketAddr) -> usize {
        // One socket that talks to itself is always on the left.
        usize::from(self.ends != [src, dst] && self.ends[1] == src)
    }

    /// An ICMP error about a packet that `side` sent.
    pub(crate) fn icmp(&mut self, seen: Seen, packet: Packet) -> Told {
        let Seen { number, at, side } = seen;
        self.icmp_errors += 1;
        self.latest = self.latest.max(at);
        Told {
            number,
            at,
            flow: self.number,
            from: 1 - side,
            packet,
            findings: Findings::NONE,
            states: [None; 2],
            said: vec![Said { side, remark: Remark::Icmp }],
            key: self.key(),
        }
    }

    /// A packet of `side`'s.
    pub(crate) fn packet(
        &mut self,
        seen: Seen,
        mut packet: Packet,
        checksum: Checksum,
        room: usize,
        reused: bool,
    ) -> Told {
        let Seen { number, at, side } = seen;
        self.latest = self.latest.max(at);
        let was = self.states.state;
        if self.sent == <[Sent; 2]>::default()
            && matches!(&packet.content, Content::Tcp { header, .. } if header.flags == Flags::SYN)
        {
            self.opening = Some(Box::new(Stray { seen, packet: packet.clone(), checksum }));
        } else if self.sent.iter().all(|sent| sent.packets > 0) {
            self.opening = None;
        }
        let mut said = Vec::new();
        let mut findings = Findings::NONE;
        let usable = self.checksum(side, checksum, &mut said);
        self.ttl(side, packet.ttl, &mut said);
        if packet.fragment.is_some() {
            said.push(Said { side, remark: Remark::Fragment });
        }
        let octets = match &mut packet.content {
            Content::Tcp { header, len, segment_size, .. } => {
                let segment = Segment { at, header, len: u32::try_from(*len).unwrap_or(u32::MAX) };
                findings = self.segment(side, &segment, usable, room, reused, &mut said);
                *segment_size = self.train(side, segment.len, &mut said);
                *len
            }
            Content::Udp { len, .. } => *len,
            _ => 0,
        };
        let sent = &mut self.sent[side];
        sent.packets += 1;
        sent.octets += octets as u64;
        for finding in findings.iter() {
            sent.found[finding as usize] += 1;
        }
        sent.ignored += u64::from(said.iter().any(|said| matches!(said.remark, Remark::Ignored(_))));
        let now = self.states.state;
        let mut states = [0, 1].map(|end| (was[end] != now[end]).then_some(now[end]));
        if sent.packets == 1 && self.sent.iter().map(|sent| sent.packets).sum::<u64>() == 1 {
            self.first(&mut states);
        }
        let (flow, key) = (self.number, self.key());
        Told { number, at, flow, from: side, packet, findings, states, said, key }
    }

    /// What stood before the first packet.
    fn first(&mut self, states: &mut [Option<State>; 2]) {
        self.before = match self.states.state {
            _ if self.protocol != Protocol::TCP => [None; 2],
            [State::SynSent, State::Listen] => {
                states[1] = None;
                [Some(State::Closed), Some(State::Listen)]
            }
            [State::Listen, State::SynSent] => {
                states[0] = None;
                [Some(State::Listen), Some(State::Closed)]
            }
            _ => [None; 2],
        };
    }

    fn segment(
        &mut self,
        side: usize,
        segment: &Segment<'_>,
        usable: bool,
        room: usize,
        reused: bool,
        said: &mut Vec<Said>,
    ) -> Findings {
        let other = 1 - side;
        let before = Before {
            next: self.tcp[side].next,
            seen: self.tcp[side].seen,
            unanswered: self.unanswered[side],
        };
        let held = self.tcp[side].holding(segment.seq(), segment.end()).copied();
        let acked_before = self.tcp[side].last_ack;
        let [left, right] = &mut self.tcp;
        let (forward, reverse) = if side == 0 { (left, right) } else { (right, left) };
        let mut findings = judge::judge(forward, reverse, segment, self.handshake, room);
        if reused {
            findings.insert(Finding::ReusedPorts);
        }
        let half = &self.tcp[side];
        let duplicates = half.duplicates;
        let after = held.map(|held| segment.at.since(held.at));
        let waited = after.is_some_and(|after| after >= Duration::from_millis(150));
        for finding in findings.iter() {
            let remark = match finding {
                Finding::FastRetransmission => Remark::Again(Again::Fast, after),
                Finding::SpuriousRetransmission => Remark::Again(Again::Spurious, after),
                Finding::Retransmission
                    if findings.contains(Finding::FastRetransmission)
                        || findings.contains(Finding::SpuriousRetransmission) =>
                {
                    continue;
                }
                Finding::OutOfOrder if held.is_some() => Remark::Again(Again::Other, after),
                Finding::Retransmission if waited => Remark::Again(Again::Timeout, after),
                Finding::Retransmission => Remark::Again(Again::Other, after),
                Finding::DuplicateAck => Remark::DuplicateAck(duplicates),
                Finding::LostSegment => {
                    let missing = before.next.and_then(|next| segment.seq().since(next)).unwrap_or(0);
                    Remark::Missing(missing)
                }
                finding => Remark::Found(finding),
            };
            said.push(Said { side, remark });
        }
        if findings.contains(Finding::Retransmission) {
            self.unanswered[side] = self.unanswered[side].saturating_add(1);
        }
        if segment.has(Flags::ACK) && acked_before.is_none_or(|ack| segment.ack().after(ack)) {
            self.unanswered[other] = 0;
        }
        self.windows(side, segment, said);
        self.round_trip(side, segment);
        if usable {
            let halves = [&self.tcp[0], &self.tcp[1]];
            self.states.segment(side, segment, halves, &before, said);
        }
        findings
    }

    fn windows(&mut self, side: usize, segment: &Segment<'_>, said: &mut Vec<Said>) {
        let zero = segment.header.window.raw() == 0;
        match self.zero_since[side] {
            None if zero && !segment.has(Flags::SYN | Flags::RST) => self.zero_since[side] = Some(segment.at),
            Some(since) if !zero => {
                self.zero_since[side] = None;
                said.push(Said { side, remark: Remark::WindowReopens(segment.at.since(since)) });
            }
            _ => {}
        }
    }

    /// From the SYN to the ACK of the SYN,ACK.
    fn round_trip(&mut self, side: usize, segment: &Segment<'_>) {
        let (syn, ack) = (segment.has(Flags::SYN), segment.has(Flags::ACK));
        match (syn, ack) {
            (true, false) => self.syn_at = Some(segment.at),
            (false, true) if self.handshake.is_none() && self.tcp.iter().all(|half| half.opened) => {
                let syn = self.syn_at.filter(|_| side == 0);
                self.handshake = syn.map(|syn| segment.at.since(syn));
            }
            _ => {}
        }
    }

    /// Whether a receiver uses a packet with such a checksum.
    fn checksum(&mut self, side: usize, checksum: Checksum, said: &mut Vec<Said>) -> bool {
        let sent = &mut self.sent[side];
        match checksum {
            Checksum::Right => {
                self.trusted_checksum[side] = true;
                true
            }
            Checksum::Unknown => true,
            Checksum::Partial => {
                sent.partial_checksums += 1;
                if sent.partial_checksums == 1 {
                    said.push(Said { side, remark: Remark::PartialChecksum });
                }
                true
            }
            // Where checksums are computed, a wrong one is wrong; elsewhere a device was to do it.
            Checksum::Wrong if self.trusted_checksum[side] => {
                sent.wrong_checksums += 1;
                said.push(Said { side: 1 - side, remark: Remark::Ignored(Ignored::Checksum) });
                false
            }
            Checksum::Wrong => {
                sent.partial_checksums += 1;
                true
            }
        }
    }

    fn ttl(&mut self, side: usize, ttl: u8, said: &mut Vec<Said>) {
        match self.tcp[side].ttl {
            None => self.tcp[side].ttl = Some(ttl),
            Some(usual) if usual.abs_diff(ttl) > 1 => {
                said.push(Said { side, remark: Remark::OtherTtl(ttl, usual) });
            }
            Some(_) => {}
        }
    }

    /// The size of a train's segments, when this is one: longer than what the other end takes.
    fn train(&mut self, side: usize, len: u32, said: &mut Vec<Said>) -> Option<u16> {
        let mss = self.tcp[1 - side].mss.filter(|mss| *mss > 0)?;
        if len <= u32::from(mss) {
            return None;
        }
        self.sent[side].trains += 1;
        said.push(Said { side, remark: Remark::Train(len.div_ceil(mss.into()), mss) });
        Some(mss)
    }
}
