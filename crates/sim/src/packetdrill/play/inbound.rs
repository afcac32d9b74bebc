//! A packet arrives: for whom, and with which live numbers.

use super::talk::{Phase, Speech, Talk};
use super::timing::Due;
use super::{Done, Exchanged, Player, Stop, frame};
use crate::packetdrill::script::{Body, Packet, Tcp};
use std::net::SocketAddr;

/// Ports of other ends that the script doesn't name, one after the other.
const FIRST_PORT: u16 = 49_152;

impl Player<'_> {
    /// Lets a packet arrive when it is due.
    pub(super) fn arrive(&mut self, packet: &Packet, due: Due) -> Done {
        if let Some(why) = packet.unsupported() {
            return Err(Stop::skip(self.at, why));
        }
        let Some(index) = self.talk_to(packet) else {
            return Err(self.fail("there is no socket that this packet could be for"));
        };
        self.wait(due, "the packet")?;
        let Some(talk) = self.talks.get_mut(index) else { return Ok(()) };
        if let Body::Tcp(tcp) = &packet.body {
            talk.edge.arrives(tcp);
            answer(talk, tcp, self.settings.isn);
        }
        let ends = talk.inbound(packet);
        let live = talk.to_live(packet, self.settings.scaled_echo);
        let octets = live.map_err(|why| self.fail(why))?;
        let octets = frame::build(&octets, ends).map_err(|why| self.fail(why.0))?;
        self.keep(Exchanged { at: self.subject.now(), outbound: false, packet: octets.clone() })?;
        match self.settings.mss {
            Some(segment) if packet.payload_len() > usize::from(segment) => {
                self.subject.inject_joined(&octets, segment);
            }
            _ => self.subject.inject(&octets),
        }
        self.collect()
    }

    /// Which conversation a packet is for; a first one begins it.
    fn talk_to(&mut self, packet: &Packet) -> Option<usize> {
        // Seen from the host: its own port, then the other end's.
        let ports = packet.ports.map(|(src, dst)| (dst, src));
        if let Some(ports) = ports
            && let Some(named) = self.talks.iter().position(|talk| talk.ports == Some(ports))
        {
            return Some(named);
        }
        let listening = |talk: &Talk| talk.phase == Phase::Listening;
        let current = self.current.and_then(|index| self.talks.get(index));
        if let Body::Tcp(tcp) = &packet.body {
            let free = current.is_none_or(listening);
            let another =
                ports.is_some() && tcp.flags.syn && !tcp.flags.ack && self.talks.iter().any(listening);
            if free || another {
                return Some(self.begin(tcp.seq, ports));
            }
        }
        let fits = |talk: &Talk| match packet.body {
            Body::Tcp(_) => talk.speech == Speech::Tcp,
            Body::Udp(_) => talk.speech == Speech::Udp,
            Body::Icmp(_) => true,
        };
        let fits = ports.is_some() || current.is_some_and(fits);
        self.current.filter(|_| fits).or_else(|| self.nobody(packet, ports))
    }

    /// A conversation that a segment for a listener, or for nobody, begins.
    fn begin(&mut self, isn: u32, ports: Option<(u16, u16)>) -> usize {
        let index = self.strangers(Speech::Tcp, Phase::Arrived, ports);
        if let Some(talk) = self.talks.get_mut(index) {
            talk.begin(isn, self.settings.isn);
        }
        index
    }

    /// A datagram or message where no socket speaks: the host has an answer to that, too.
    fn nobody(&mut self, packet: &Packet, ports: Option<(u16, u16)>) -> Option<usize> {
        let speech = match packet.body {
            Body::Udp(_) => Speech::Udp,
            Body::Icmp(_) => Speech::Icmp,
            Body::Tcp(_) => return None,
        };
        self.current.is_none().then(|| self.strangers(speech, Phase::Arrived, ports))
    }

    fn strangers(&mut self, speech: Speech, phase: Phase, ports: Option<(u16, u16)>) -> usize {
        let index = self.talks.len();
        let fresh = FIRST_PORT.saturating_add(u16::try_from(index).unwrap_or(u16::MAX));
        let (own, other) = ports.unwrap_or((self.settings.bind_port, fresh));
        let local = SocketAddr::new(self.settings.local, own);
        let mut talk = Talk::new(speech, phase, local, SocketAddr::new(self.settings.remote, other));
        talk.ports = ports;
        self.talks.push(talk);
        self.current = Some(index);
        index
    }
}

/// What a segment that arrives does to the handshake.
fn answer(talk: &mut Talk, tcp: &Tcp, isn: u32) {
    let (syn, ack) = (tcp.flags.syn, tcp.flags.ack);
    match talk.phase {
        Phase::Answered if ack => talk.phase = Phase::Established,
        // Without an ACK it is the other end's SYN in a simultaneous open.
        Phase::SynSent if syn => {
            talk.phase = if ack { Phase::SynAnswered } else { Phase::SynSent };
            talk.begin(tcp.seq, isn);
        }
        Phase::Established | Phase::SynAnswered if syn && !ack => talk.knock(tcp.seq),
        _ => {}
    }
}
