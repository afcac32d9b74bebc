//! A packet is expected: the next one of its conversation, whenever it left, and then what it holds and whether it was in time.
//!
//! ```text
//!   line of N octets ─► next packet of the conversation ─► fewer than N? join the next ─► the script's numbers ─► compare ─► time
//! ```

use super::clock::time;
use super::compare::{Strictness, compare, join};
use super::frame::Seen;
use super::talk::{Phase, Speech, Talk};
use super::timing::Due;
use super::{Done, Player, Stop, words};
use crate::packetdrill::report::Difference;
use crate::packetdrill::script::{Body, Direction, Ip, Packet, Tcp, Tos};
use crate::packetdrill::subject::IpVersion;
use env::Duration;

/// How long a packet is waited for beyond its time, as packetdrill does.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long where the script says `*`.
const ANY_TIME: Duration = Duration::from_secs(600);

impl Player<'_> {
    /// Takes the next packet of a line's conversation and compares it.
    pub(super) fn expect(&mut self, packet: &Packet, due: Due) -> Done {
        if let Some(why) = packet.unsupported() {
            return Err(Stop::skip(self.at, why));
        }
        let Some(index) = self.talk_of(packet) else {
            return Err(self.fail("there is no socket that could send this packet"));
        };
        let mut seen = self.gather(index, packet, due)?;
        let mut back = None;
        if let Some(talk) = self.talks.get_mut(index) {
            back = seen.packet.tcp().and_then(|tcp| talk.edge.leaves(tcp));
            talk.translate(&mut seen.packet, packet);
        }
        let mut found = compare(packet, &seen, self.strictness(due));
        found.extend(self.ports(index, packet, &seen));
        if let Some(octets) = back.filter(|_| self.settings.strict) {
            let (expected, actual) = ("not withdrawn".to_owned(), format!("{octets} octets less"));
            found.push(Difference { field: "right edge of the window", expected, actual });
        }
        if let Some(script) = packet.ip.flow_label.filter(|&label| label != 0)
            && let Some(talk) = self.talks.get_mut(index)
        {
            let live = seen.packet.ip.flow_label.unwrap_or(0);
            if !talk.label_is(script, live) {
                found.push(Difference {
                    field: "flow label",
                    expected: "as the script has it: the same, or another".into(),
                    actual: format!("{live:#x}"),
                });
            }
        }
        if !found.is_empty() {
            return Err(self.differs(
                packet,
                &seen,
                due,
                "a packet is another than the script expects",
                found,
            ));
        }
        self.in_time(packet, &seen, due)
    }

    /// Ports that a line has and the packet hasn't. Those of a conversation that the script has named are its names; else those of the
    /// wire count, but for one that the host drew.
    fn ports(&self, index: usize, packet: &Packet, seen: &Seen) -> Vec<Difference> {
        let (Some((own, other)), Some(talk)) = (packet.ports, self.talks.get(index)) else {
            return Vec::new();
        };
        let (own_is, other_is) = match talk.ports {
            Some(names) => names,
            None if talk.bound => (seen.src.port(), seen.dst.port()),
            None if talk.speech == Speech::Udp => (own, seen.dst.port()),
            None => return Vec::new(),
        };
        let own = Difference::between("source port", own, own_is);
        own.into_iter().chain(Difference::between("destination port", other, other_is)).collect()
    }

    /// Which conversation a line is about, and what the line says of its beginning.
    fn talk_of(&mut self, packet: &Packet) -> Option<usize> {
        let named =
            packet.ports.and_then(|ports| self.talks.iter().position(|talk| talk.ports == Some(ports)));
        let index = named.or(self.current)?;
        let talk = self.talks.get_mut(index)?;
        if let Body::Tcp(tcp) = &packet.body
            && tcp.flags.syn
        {
            if !tcp.flags.ack && talk.phase == Phase::Connecting {
                talk.phase = Phase::SynSent;
                talk.ports = packet.ports;
                talk.expect_isn(tcp.seq);
            } else if tcp.flags.ack && talk.phase == Phase::Arrived {
                talk.expect_isn(tcp.seq);
            }
        }
        Some(index)
    }

    /// As many packets as the line has octets for, as one.
    fn gather(&mut self, index: usize, packet: &Packet, due: Due) -> Done<Seen> {
        let mut seen = self.next(index, packet, due)?;
        let want = packet.payload_len();
        let mut last = seen.data.len();
        let joins = matches!(packet.body, Body::Tcp(_)) && !self.settings.strict_segments;
        // A packet without data is no part of a line with some: it would vanish in what comes next.
        while joins && !seen.data.is_empty() && seen.data.len() < want {
            let left = want - seen.data.len();
            let next = self.next(index, packet, due)?;
            let (length, copy) = (next.data.len(), next.clone());
            if let Err(found) = join(&mut seen, last, next, left) {
                let mut both = self.numbered(index, packet, seen);
                let second = self.numbered(index, packet, copy);
                let what = format!(
                    "packets that follow each other don't make one line: then came {} {}",
                    time(second.at),
                    self.told(&second)
                );
                both.checksum = Ok(());
                return Err(self.differs(packet, &both, due, &what, found));
            }
            last = length;
        }
        Ok(seen)
    }

    fn numbered(&mut self, index: usize, expected: &Packet, mut seen: Seen) -> Seen {
        if let Some(talk) = self.talks.get_mut(index) {
            talk.translate(&mut seen.packet, expected);
        }
        seen
    }

    /// The next packet of a conversation, waited for if it hasn't left yet.
    fn next(&mut self, index: usize, expected: &Packet, due: Due) -> Done<Seen> {
        let patience = if due.any { ANY_TIME } else { PATIENCE };
        let deadline = due.end.max(due.start).max(self.subject.now()) + patience;
        loop {
            self.collect()?;
            if let Some(seen) = self.dequeue(index, expected)? {
                self.handshake(index, &seen, expected);
                return Ok(seen);
            }
            if self.subject.now() >= deadline {
                let mut stop = self
                    .fail(format!("a packet that the script expects didn't leave until {}", time(deadline)));
                if let Stop::Fail(failure) = &mut stop {
                    failure.expected = Some(format!("{} {}", time(due.start), words::packet(expected)));
                    failure.actual = Some("nothing".to_owned());
                }
                return Err(stop);
            }
            self.step(deadline)?;
        }
    }

    /// The oldest packet in the queue that the line may mean. Under strict rules there is no other before it.
    fn dequeue(&mut self, index: usize, expected: &Packet) -> Done<Option<Seen>> {
        let Some(talk) = self.talks.get(index) else { return Ok(None) };
        let means =
            |waiting: &Result<Seen, _>| waiting.as_ref().is_ok_and(|seen| is_for(talk, seen, expected));
        let Some(place) = self.queue.waiting.iter().position(means) else { return Ok(None) };
        if self.settings.strict
            && place > 0
            && let Some(first) = self.queue.waiting.front()
        {
            // Another conversation's packet may be asked for later; nobody asks for one that is nobody's.
            let known =
                first.as_ref().is_ok_and(|seen| self.talks.iter().any(|talk| talk.sends(seen.src, seen.dst)));
            if !known {
                return Err(self.unexpected(first));
            }
        }
        Ok(self.queue.waiting.remove(place).and_then(Result::ok))
    }

    /// What a first packet tells of the host: its port, its ISN.
    fn handshake(&mut self, index: usize, seen: &Seen, expected: &Packet) {
        let Some(talk) = self.talks.get_mut(index) else { return };
        if talk.local.port() == 0 && seen.src.port() != 0 {
            talk.local = seen.src;
        }
        let Some(Tcp { flags, seq, .. }) = seen.packet.tcp() else { return };
        let answers = expected.tcp().is_some_and(|tcp| tcp.flags.syn && tcp.flags.ack);
        let isn = expected.tcp().map_or(0, |tcp| tcp.seq);
        match talk.phase {
            Phase::SynSent if flags.syn && !flags.ack => talk.learn_isn(*seq),
            Phase::Arrived if answers => {
                talk.phase = Phase::Answered;
                talk.learn_isn(*seq);
            }
            Phase::Established | Phase::SynAnswered if answers && flags.syn => talk.begin_anew(isn, *seq),
            _ => {}
        }
    }

    fn strictness(&self, due: Due) -> Strictness {
        // Timestamps run on: how far off they may be grows with the script, not from event to event.
        let slack = self.settings.tolerance.after(due.start.since(env::Instant::ZERO));
        Strictness {
            v6: self.settings.version == IpVersion::V6,
            strict: self.settings.strict,
            tick: self.settings.tick.map(|tick| (tick, slack)),
        }
    }

    fn in_time(&self, packet: &Packet, seen: &Seen, due: Due) -> Done {
        let before = self.before.map(|(due, _)| due.start);
        if self.settings.tolerance.allows(due, before, seen.at) {
            return Ok(());
        }
        let when = if due.start == due.end {
            time(due.start)
        } else {
            format!("{}~{}", time(due.start), time(due.end))
        };
        let early = if seen.at < due.start { "early" } else { "late" };
        let found = vec![Difference { field: "time", expected: when, actual: time(seen.at) }];
        let mut stop = self.differs(packet, seen, due, &format!("a packet is too {early}"), found);
        if let Stop::Fail(failure) = &mut stop {
            failure.late = seen.at >= due.start;
        }
        Err(stop)
    }

    fn differs(&self, packet: &Packet, seen: &Seen, due: Due, what: &str, found: Vec<Difference>) -> Stop {
        let mut stop = self.fail(what);
        if let Stop::Fail(failure) = &mut stop {
            let when = if due.any { "*".to_owned() } else { time(due.start) };
            failure.expected = Some(format!("{when} {}", words::packet(packet)));
            failure.actual = Some(format!("{} {}", time(seen.at), self.told_like(seen, packet)));
            failure.differences = found;
        }
        stop
    }

    /// A packet with the script's numbers, if it is of a conversation that the script has.
    pub(super) fn in_its_words(&self, seen: &Seen) -> Seen {
        let mut seen = seen.clone();
        if let Some(talk) = self.talks.iter().find(|talk| talk.sends(seen.src, seen.dst)) {
            talk.numbers(&mut seen.packet);
            seen.packet.ports = talk.ports;
        }
        seen
    }

    /// A packet in a script's words, with all that the line has words for.
    fn told_like(&self, seen: &Seen, expected: &Packet) -> String {
        let mut packet = self.worded(seen);
        if expected.ip.ttl.is_some() {
            packet.ip.ttl = seen.packet.ip.ttl;
        }
        if expected.ip.flow_label.is_some() {
            packet.ip.flow_label = seen.packet.ip.flow_label;
        }
        match expected.ip.tos {
            Tos::Unchecked => {}
            Tos::Octet(_) => packet.ip.tos = Tos::Octet(seen.tos()),
            Tos::Ecn(_) | Tos::AnyEct => packet.ip.tos = Tos::Ecn(seen.ecn()),
        }
        if expected.payload.is_some() && !matches!(packet.body, Body::Icmp(_)) {
            packet.payload = Some(seen.data.clone());
        }
        words::packet(&packet)
    }

    /// A packet in a script's words: what a line would seldom say of its IP header is left out.
    pub(super) fn told(&self, seen: &Seen) -> String {
        words::packet(&self.worded(seen))
    }

    fn worded(&self, seen: &Seen) -> Packet {
        let ecn = seen.ecn();
        let tos = if seen.tos() & 3 == 0 { Tos::Unchecked } else { Tos::Ecn(ecn) };
        let ip = Ip { tos, ..Ip::default() };
        let mut packet = Packet { direction: Direction::Outbound, ip, ..seen.packet.clone() };
        if let Body::Tcp(tcp) = &mut packet.body {
            tcp.urgent = tcp.urgent.filter(|&urgent| urgent != 0 || tcp.flags.urg);
            tcp.ack = tcp.ack.filter(|&ack| ack != 0 || tcp.flags.ack);
        }
        packet
    }
}

/// Whether a packet that left is one that a line about `talk` may mean.
fn is_for(talk: &Talk, seen: &Seen, expected: &Packet) -> bool {
    if talk.sends(seen.src, seen.dst) {
        return true;
    }
    match (&expected.body, &seen.packet.body) {
        (Body::Icmp(_), Body::Icmp(_)) => talk.tells(seen.dst.ip()),
        // A connection is met at its SYN, and a UDP socket at its first datagram: until then the host's port isn't known.
        (_, Body::Tcp(tcp)) => {
            talk.speech == Speech::Tcp
                && talk.phase == Phase::SynSent
                && tcp.flags.syn
                && !tcp.flags.ack
                && seen.dst == talk.remote
        }
        (_, Body::Udp(_)) => {
            talk.speech == Speech::Udp && talk.phase == Phase::Connecting && seen.dst == talk.remote
        }
        _ => false,
    }
}
