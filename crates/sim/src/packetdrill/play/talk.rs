//! One conversation of the host, and what its numbers are in the script.
//!
//! ```text
//!              script                           live
//!   ISNs       0:0(0), then relative            whatever the host drew; the other end's are the script's own
//!   ports      none, or as written              the host's, and one of ours
//!   TS val     as if it began at the first      ──► learnt from each packet that leaves
//!   TS ecr     one that a line above has        ◄── found by what was learnt
//! ```
//!
//! As tcpdump does it: SYNs have absolute sequence numbers, all else counts from the ISN.

use super::edge::Edge;
use super::frame::Ends;
use crate::packetdrill::script::{Body, Options, Packet, Quoted, Tcp, TcpOption};
use crate::packetdrill::subject::Fd;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// How far a conversation is, as far as finding its packets goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A socket, and no more.
    New,
    /// It listens.
    Listening,
    /// It was told to connect, or to send; nothing left it yet.
    Connecting,
    /// The script has its SYN.
    SynSent,
    /// Its SYN was answered.
    SynAnswered,
    /// A first packet arrived for nobody in particular.
    Arrived,
    /// That packet was answered with a SYN-ACK.
    Answered,
    /// The handshake it began is over.
    Established,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Tcp,
    Udp,
    Icmp,
}

/// An initial sequence number in the script and on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Isn {
    script: u32,
    live: u32,
}

impl Isn {
    /// What is added to a number of the script to make it a live one.
    const fn offset(self, syn: bool) -> u32 {
        if syn { self.live.wrapping_sub(self.script) } else { self.live }
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) speech: Speech,
    pub(super) phase: Phase,
    /// The host's descriptor.
    pub(super) fd: Option<Fd>,
    /// The host's end; port 0 until it is known.
    pub(super) local: SocketAddr,
    /// The other end; port 0 until it is known.
    pub(super) remote: SocketAddr,
    /// The host's port is one that the script chose.
    pub(super) bound: bool,
    /// Ports that the script names it by: the host's, the other end's.
    pub(super) ports: Option<(u16, u16)>,
    ours: Isn,
    theirs: Isn,
    /// What `theirs` is if the host answers the SYN that came last with an ISN of its own.
    next: Option<Isn>,
    /// Timestamps of the script, and what the host really had.
    stamps: HashMap<u32, u32>,
    /// The first of them.
    first_stamp: Option<(u32, u32)>,
    /// What the host has offered to take.
    pub(super) edge: Edge,
    /// The flow label that the script last wrote, and what it really was.
    label: Option<(u32, u32)>,
}

impl Talk {
    /// A conversation between two addresses.
    pub(super) fn new(speech: Speech, phase: Phase, local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            speech,
            phase,
            fd: None,
            local,
            remote,
            bound: false,
            ports: None,
            ours: Isn::default(),
            theirs: Isn::default(),
            next: None,
            stamps: HashMap::new(),
            first_stamp: None,
            edge: Edge::default(),
            label: None,
        }
    }

    /// The script has the ISN of the host, `script`, in the SYN or SYN-ACK that it expects next.
    pub(super) fn expect_isn(&mut self, script: u32) {
        self.ours.script = script;
    }

    /// The host's SYN or SYN-ACK was seen.
    pub(super) fn learn_isn(&mut self, live: u32) {
        self.ours.live = live;
    }

    /// The other end's SYN arrives: its ISN is what the script says, and `more`.
    pub(super) fn begin(&mut self, isn: u32, more: u32) {
        self.theirs = Isn { script: isn, live: isn.wrapping_add(more) };
    }

    /// A SYN arrives where a connection is, or was.
    pub(super) fn knock(&mut self, isn: u32) {
        self.next = Some(Isn { script: isn, live: isn.wrapping_add(self.theirs.offset(true)) });
    }

    /// The host answered that SYN with `live`, and the script has `script` for it. Another number than the last ISN is a new
    /// connection's if it is beyond that: from here on all counts from there.
    pub(super) fn begin_anew(&mut self, script: u32, live: u32) {
        let beyond = live.wrapping_sub(self.ours.live).cast_signed() > 0;
        if script == self.ours.script || !beyond {
            return;
        }
        if let Some(theirs) = self.next.take() {
            (self.ours, self.theirs) = (Isn { script, live }, theirs);
            (self.phase, self.edge) = (Phase::Answered, Edge::default());
        }
    }

    /// Where a packet to the host comes from and goes to. Ports that the line names stand as they are.
    pub(super) fn inbound(&self, packet: &Packet) -> Ends {
        let (src, dst) = packet.ports.unwrap_or((self.remote.port(), self.local.port()));
        Ends { src: SocketAddr::new(self.remote.ip(), src), dst: SocketAddr::new(self.local.ip(), dst) }
    }

    /// Whether a packet that left is of this conversation.
    pub(super) fn sends(&self, src: SocketAddr, dst: SocketAddr) -> bool {
        self.local.port() != 0 && src == self.local && dst == self.remote
    }

    /// Whether an ICMP message that left is for the other end.
    pub(super) fn tells(&self, dst: IpAddr) -> bool {
        dst == self.remote.ip()
    }

    /// A packet of the script with live numbers.
    ///
    /// # Errors
    /// A sentence where there is none for a timestamp that it echoes.
    pub(super) fn to_live(&self, packet: &Packet, scaled_echo: bool) -> Result<Packet, String> {
        let mut live = packet.clone();
        match &mut live.body {
            Body::Tcp(tcp) => self.live_segment(tcp, scaled_echo)?,
            Body::Icmp(icmp) => {
                if self.speech == Speech::Udp && icmp.quoted == Quoted::Unsaid {
                    icmp.quoted = Quoted::Udp { len: 0 };
                }
                if let Quoted::Unsaid = icmp.quoted {
                    icmp.quoted = Quoted::Tcp { seq: 0, len: 0 };
                }
                if let Quoted::Tcp { seq, .. } = &mut icmp.quoted {
                    *seq = seq.wrapping_add(self.ours.offset(false));
                }
            }
            Body::Udp(_) => {}
        }
        Ok(live)
    }

    fn live_segment(&self, tcp: &mut Tcp, scaled_echo: bool) -> Result<(), String> {
        let syn = tcp.flags.syn;
        tcp.seq = tcp.seq.wrapping_add(self.theirs.offset(syn));
        let ours = self.ours.offset(syn);
        if tcp.flags.ack {
            tcp.ack = tcp.ack.map(|ack| ack.wrapping_add(ours)).or(Some(ours));
        }
        let Options::Exactly(options) = &mut tcp.options else { return Ok(()) };
        for option in options {
            match option {
                TcpOption::Sack(blocks) => shift(blocks, ours),
                TcpOption::Timestamps { echo, .. } if tcp.flags.ack => {
                    *echo = self.live_echo(*echo, scaled_echo)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn live_echo(&self, echo: u32, scaled: bool) -> Result<u32, String> {
        if let Some(&live) = self.stamps.get(&echo) {
            return Ok(live);
        }
        match self.first_stamp {
            Some((script, live)) if scaled => Ok(echo.wrapping_sub(script).wrapping_add(live)),
            _ => Err(format!(
                "nothing is known of the timestamp {echo} that it echoes: no packet that left had it in the script"
            )),
        }
    }

    /// The same of a packet that left: numbers of the script. What `expected` has for a timestamp is remembered.
    pub(super) fn translate(&mut self, packet: &mut Packet, expected: &Packet) {
        self.numbers(packet);
        if let Body::Tcp(tcp) = &mut packet.body {
            self.learn_stamp(tcp, expected);
        }
        if packet.ports.is_some() {
            packet.ports = self.ports.filter(|_| expected.ports.is_some());
        }
    }

    /// Sequence numbers of a packet that left, as the script counts them.
    pub(super) fn numbers(&self, packet: &mut Packet) {
        if let Body::Tcp(tcp) = &mut packet.body {
            self.translate_numbers(tcp);
        }
        if let (Body::Icmp(icmp), Speech::Tcp) = (&mut packet.body, self.speech)
            && let Quoted::Tcp { seq, .. } = &mut icmp.quoted
        {
            *seq = seq.wrapping_sub(self.theirs.offset(false));
        }
    }

    fn translate_numbers(&self, tcp: &mut Tcp) {
        let syn = tcp.flags.syn;
        tcp.seq = tcp.seq.wrapping_sub(self.ours.offset(syn));
        let theirs = self.theirs.offset(syn);
        if tcp.flags.ack {
            tcp.ack = tcp.ack.map(|ack| ack.wrapping_sub(theirs));
        }
        if let Options::Exactly(options) = &mut tcp.options {
            for option in options {
                if let TcpOption::Sack(blocks) = option {
                    shift(blocks, theirs.wrapping_neg());
                }
            }
        }
    }

    fn learn_stamp(&mut self, actual: &mut Tcp, expected: &Packet) {
        let Some((script, _)) = expected.tcp().and_then(stamps) else { return };
        let Options::Exactly(options) = &mut actual.options else { return };
        for option in options {
            if let TcpOption::Timestamps { value, .. } = option {
                self.stamps.insert(script, *value);
                let (first, live) = *self.first_stamp.get_or_insert((script, *value));
                *value = value.wrapping_sub(live).wrapping_add(first);
            }
        }
    }

    /// Whether a flow label is the one that the script has: the same where it writes the same, another where another.
    pub(super) fn label_is(&mut self, script: u32, live: u32) -> bool {
        let right = live != 0
            && self.label.is_none_or(|(was_script, was_live)| (was_script == script) == (was_live == live));
        if right {
            self.label = Some((script, live));
        }
        right
    }
}

fn shift(blocks: &mut [(u32, u32)], by: u32) {
    for (left, right) in blocks {
        *left = left.wrapping_add(by);
        *right = right.wrapping_add(by);
    }
}

/// Value and echo of a segment's timestamps.
pub(super) fn stamps(tcp: &Tcp) -> Option<(u32, u32)> {
    let Options::Exactly(options) = &tcp.options else { return None };
    options.iter().find_map(|option| match option {
        TcpOption::Timestamps { value, echo } => Some((*value, *echo)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_begins_anew_with_an_isn_beyond_the_old_one() {
        let any = SocketAddr::from(([192, 0, 2, 1], 1));
        let opened = || {
            let mut talk = Talk::new(Speech::Tcp, Phase::Established, any, any);
            talk.learn_isn(100);
            talk.begin(7, 1_000);
            talk.knock(5_000);
            talk
        };
        let mut talk = opened();
        talk.begin_anew(9_000, 70_000);
        assert_eq!((talk.phase, talk.ours.live, talk.theirs.live), (Phase::Answered, 70_000, 6_000));
        // Neither a SYN-ACK that is sent again nor one from before the old ISN begins anything.
        for (script, live) in [(0, 70_000), (9_000, 99)] {
            let mut talk = opened();
            talk.begin_anew(script, live);
            assert_eq!((talk.phase, talk.ours.live, talk.theirs.live), (Phase::Established, 100, 1_007));
        }
    }
}
