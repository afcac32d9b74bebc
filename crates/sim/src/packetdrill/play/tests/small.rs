//! A host that is small enough to be seen through: it accepts, answers, sends and acknowledges, and nothing else.
//!
//! ```text
//!   SYN ─► SYN-ACK, at once        data ─► ACK, after 40 ms        write ─► segments of 1,000 octets, PSH on the last
//! ```

use crate::packetdrill::play::frame::{Ends, build, read};
use crate::packetdrill::play::talk::stamps;
use crate::packetdrill::script::{Body, Direction, Flags, Ip, Options, Packet, Tcp, TcpOption};
use crate::packetdrill::subject::{
    Begun, Call, Errno, Fd, Finished, Ran, Refusal, Returned, Sent, Setup, Subject, Ticket,
};
use env::{Duration, Instant};
use std::collections::VecDeque;

/// Two octets before its numbers wrap, so that a SYN and one octet do it.
const ISN: u32 = 0xffff_fffe;
/// What its timestamps begin with.
const CLOCK: u32 = 7_000_000;
const SEGMENT: usize = 1000;

#[derive(Default)]
pub(super) struct Small {
    now: Instant,
    out: VecDeque<Sent>,
    due: Vec<Sent>,
    ends: Option<Ends>,
    next: u32,
    acked: u32,
    stamped: Option<u32>,
    unread: usize,
    reading: Option<usize>,
    finished: Option<Finished>,
    /// Takes back what it has offered, once data has arrived.
    pub(super) shrinking: bool,
    /// Sends segments whose checksum is wrong.
    pub(super) mangling: bool,
    /// Sends without end, once it begins.
    pub(super) raving: bool,
}

impl Small {
    fn emit(&mut self, after: Duration, flags: Flags, len: usize, mut options: Vec<TcpOption>) {
        let Some(ends) = self.ends else { return };
        if let Some(echo) = self.stamped {
            let value = CLOCK.wrapping_add((self.now + after).as_millis() as u32);
            options.extend([TcpOption::Nop, TcpOption::Nop, TcpOption::Timestamps { value, echo }]);
        }
        let tcp = Tcp {
            flags: Flags { ack: true, ..flags },
            seq: self.next,
            len: len as u16,
            ack: Some(self.acked),
            window: Some(if self.shrinking && self.unread > 0 { 1000 } else { 65_535 }),
            urgent: None,
            options: Options::Exactly(options),
        };
        let packet = Packet {
            direction: Direction::Outbound,
            outer: Vec::new(),
            ip: Ip::default(),
            ports: None,
            body: Body::Tcp(tcp),
            payload: None,
        };
        let mut octets = build(&packet, Ends { src: ends.dst, dst: ends.src }).unwrap();
        if self.mangling {
            // The checksum, behind 20 octets of IPv4.
            octets[20 + 16] ^= 1;
        }
        self.next = self.next.wrapping_add(len as u32).wrapping_add(u32::from(flags.syn));
        let sent = Sent { at: self.now + after, packet: octets };
        if after.is_zero() { self.out.push_back(sent) } else { self.due.push(sent) }
    }

    fn read(&mut self) {
        if let Some(room) = self.reading
            && self.unread > 0
        {
            let taken = room.min(self.unread);
            (self.reading, self.unread) = (None, self.unread - taken);
            self.finished = Some(Finished { at: self.now, returned: Returned::value(taken as i64) });
        }
    }
}

impl Subject for Small {
    fn name(&self) -> String {
        "small".to_owned()
    }

    fn configure(&mut self, setup: &Setup<'_>) -> Result<Ran, Refusal> {
        self.next = ISN;
        match setup.options.first() {
            Some((name, _)) => Err(Refusal::because(format!("small hosts have no --{name}"))),
            None => Ok(Ran::Well),
        }
    }

    fn command(&mut self, line: &str) -> Result<Ran, Refusal> {
        Err(Refusal::because(format!("small hosts have no shell for `{line}`")))
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn run_until(&mut self, deadline: Instant) {
        if self.raving && self.ends.is_some() {
            self.now += Duration::from_nanos(1);
            return self.emit(Duration::ZERO, Flags::default(), 0, Vec::new());
        }
        self.due.sort_by_key(|sent| sent.at);
        match self.due.first().map(|sent| sent.at).filter(|&at| at <= deadline) {
            Some(at) => {
                self.now = self.now.max(at);
                self.out.push_back(self.due.remove(0));
            }
            None => self.now = self.now.max(deadline),
        }
    }

    fn begin(&mut self, call: &Call, _may_block: bool) -> Result<Begun, Refusal> {
        Ok(Begun::Done(Returned::value(match call {
            Call::Socket { .. } => 10,
            Call::Bind { .. } | Call::Listen { .. } => 0,
            Call::Accept { fd: Fd(10), .. } => 11,
            Call::Write { fd: Fd(11), buffers: Some(buffers) } => {
                let mut left: usize = buffers.iter().map(Vec::len).sum();
                let all = left as i64;
                while left > 0 {
                    let len = left.min(SEGMENT);
                    left -= len;
                    let flags = Flags { psh: left == 0, ..Flags::default() };
                    self.emit(Duration::ZERO, flags, len, Vec::new());
                }
                all
            }
            Call::Read { fd: Fd(11), buffers: Some(buffers) } => {
                self.reading = buffers.first().copied();
                self.read();
                return Ok(Begun::Blocked(Ticket(1)));
            }
            Call::Close { fd: Fd(-1) } => return Ok(Begun::Done(Returned::error(Errno(9)))),
            _ => return Err(Refusal::because("small hosts don't do that")),
        })))
    }

    fn finished(&mut self, _ticket: Ticket) -> Option<Finished> {
        self.finished.take()
    }

    fn inject(&mut self, packet: &[u8]) {
        let seen = read(self.now, packet).unwrap();
        assert_eq!(seen.checksum, Ok(()));
        let tcp = seen.packet.tcp().unwrap().clone();
        self.ends = Some(Ends { src: seen.src, dst: seen.dst });
        if tcp.flags.ack && !tcp.flags.syn {
            assert!(self.next.wrapping_sub(tcp.ack.unwrap()) <= 100_000, "it acknowledges what we have");
            // An echo must be what we said not long ago.
            assert!(stamps(&tcp).is_none_or(|(_, echo)| echo.wrapping_sub(CLOCK) < 60_000));
        }
        if let Some((value, _)) = stamps(&tcp) {
            self.stamped = Some(value);
        }
        self.acked = tcp.seq.wrapping_add(u32::from(tcp.len)).wrapping_add(u32::from(tcp.flags.syn));
        if tcp.flags.syn {
            self.emit(Duration::ZERO, Flags { syn: true, ..Flags::default() }, 0, vec![TcpOption::Mss(1460)]);
        } else if tcp.len > 0 {
            self.unread += usize::from(tcp.len);
            self.read();
            self.emit(Duration::from_millis(40), Flags::default(), 0, Vec::new());
        }
    }

    fn take(&mut self) -> Option<Sent> {
        self.out.pop_front()
    }

    fn tcp_info(&mut self, _fd: Fd) -> Result<Vec<(&'static str, i64)>, Errno> {
        Ok(vec![("tcpi_snd_cwnd", 10)])
    }
}
