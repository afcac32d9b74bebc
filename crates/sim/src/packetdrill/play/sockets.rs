//! Calls: what they do to sockets under test, and what came of them.
//!
//! ```text
//!   +0      read(…) = 100     begin ─► returned? ─ yes ─► judge
//!                                          └ no ─► time goes on until it has
//!   +0...1  read(…) = 100     begin ─► … other events … ─► returned, at 1? ─► judge
//! ```

use super::calls::{Lowered, NotMade, Wanted, judge, lower};
use super::clock::time;
use super::program::Snapshot;
use super::talk::{Phase, Speech, Talk};
use super::timing::Due;
use super::{Done, Player, Stop, words};
use crate::packetdrill::linux;
use crate::packetdrill::report::Failure;
use crate::packetdrill::script::{self, Code, Position};
use crate::packetdrill::subject::{Begun, Call, Fd, Finished, Recipient, Returned, Ticket};
use env::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// How long a call may block that the script doesn't say blocks.
const LONGEST: Duration = Duration::from_secs(600);
/// How much longer a call may block than the script says.
const GRACE: Duration = Duration::from_secs(1);

/// A call that hasn't returned.
#[derive(Debug)]
pub(super) struct Pending {
    ticket: Ticket,
    at: Position,
    said: String,
    call: Call,
    wanted: Wanted,
    due: Due,
    /// When it must return, if the script says so.
    until: Option<Instant>,
}

impl Player<'_> {
    /// Makes a call when it is due.
    pub(super) fn call(&mut self, said: &script::Call, due: Due) -> Done {
        // There is one thread that blocks, as in packetdrill.
        self.settle()?;
        self.wait(due, "the call")?;
        let Lowered { call, wanted } = self.lowered(said)?;
        self.before_call(&call);
        let until =
            said.until.map(|until| if due.relative { due.base + until } else { Instant::ZERO + until });
        let begun = self.subject.begin(&call, until.is_some());
        let begun = begun.map_err(|refusal| Stop::skip(self.at, refusal.0))?;
        let pending =
            |ticket| Pending { ticket, at: self.at, said: words::call(said), call, wanted, due, until };
        match begun {
            Begun::Done(returned) => {
                let over = pending(Ticket(0));
                let at = self.subject.now();
                self.over(over, Finished { at, returned })?;
            }
            Begun::Blocked(ticket) => {
                self.pending = Some(pending(ticket));
                if until.is_none() {
                    self.settle()?;
                }
            }
        }
        self.collect()
    }

    /// A call in the host's types.
    pub(super) fn lowered(&self, said: &script::Call) -> Done<Lowered> {
        lower(said, &self.settings, &self.fds).map_err(|why| match why {
            NotMade::Skip(because) => Stop::skip(self.at, because),
            NotMade::Wrong(what) => self.fail(what),
        })
    }

    /// Lets time go on until the call that blocks has returned.
    pub(super) fn settle(&mut self) -> Done {
        self.collect()?;
        let Some(pending) = &self.pending else { return Ok(()) };
        let deadline = match pending.until {
            Some(until) => {
                until.max(self.subject.now())
                    + self.settings.tolerance.after(until.since(pending.due.start))
                    + GRACE
            }
            None => self.subject.now() + LONGEST,
        };
        while self.pending.is_some() && self.subject.now() < deadline {
            self.step(deadline)?;
        }
        match &self.pending {
            None => Ok(()),
            Some(pending) => {
                let what = format!("`{}` didn't return until {}", pending.said, time(deadline));
                Err(Failure::told(pending.at, deadline, what).into())
            }
        }
    }

    /// Sees whether the call that blocks has returned.
    pub(super) fn returned(&mut self) -> Done {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        match self.subject.finished(pending.ticket) {
            Some(finished) => self.over(pending, finished),
            None => {
                self.pending = Some(pending);
                Ok(())
            }
        }
    }

    /// Judges a call that returned.
    fn over(&mut self, over: Pending, finished: Finished) -> Done {
        let Pending { at, said, call, wanted, due, until, .. } = over;
        let address = finished.returned.out.address.map(|address| self.as_called(&call, address));
        let found = judge(&wanted, &finished.returned, address);
        if !found.is_empty() {
            let what = match found.first() {
                Some(first) if first.field == "result" => format!("`{said}` returned {}", first.actual),
                _ => format!("`{said}` wrote something else"),
            };
            let failure = Failure { differences: found, ..Failure::told(at, finished.at, what) };
            return Err(failure.into());
        }
        if let Some(until) = until {
            let end = Due { start: until, end: until, ..due };
            if !self.settings.tolerance.allows(end, Some(due.start), finished.at) {
                let what =
                    format!("`{said}` returned at {}, and should at {}", time(finished.at), time(until));
                let late = finished.at > until;
                return Err(Failure { late, ..Failure::told(at, finished.at, what) }.into());
            }
        }
        self.after_call(at, &call, &wanted, &finished.returned)
    }

    /// An address that a call wrote, with the port that the script knows the host's by: one that the host drew has no other name.
    fn as_called(&self, call: &Call, mut address: SocketAddr) -> SocketAddr {
        if let Call::LocalAddress { fd } = call
            && let Some(talk) = self.talks.iter().rev().find(|talk| talk.fd == Some(*fd))
            && let Some((own, _)) = talk.ports
            && talk.local.port() == address.port()
        {
            address.set_port(own);
        }
        address
    }

    /// What a call is about to do to a socket: it may send before it returns.
    fn before_call(&mut self, call: &Call) {
        let (fd, to) = match call {
            Call::Connect { fd, address } => (*fd, *address),
            Call::Send { fd, to: Recipient::Other(to) | Recipient::Address(to), .. } => (*fd, Some(*to)),
            _ => return,
        };
        // The newest: numbers of closed descriptors are given again.
        let Some(talk) = self.talks.iter_mut().rev().find(|talk| talk.fd == Some(fd)) else { return };
        match to {
            // Told to forget its peer, it may connect again.
            None => talk.phase = Phase::New,
            Some(to) if talk.phase == Phase::New => {
                talk.phase = Phase::Connecting;
                talk.remote = plain(to);
            }
            Some(_) => {}
        }
    }

    /// What a call did to sockets.
    fn after_call(&mut self, at: Position, call: &Call, wanted: &Wanted, returned: &Returned) -> Done {
        let Ok(value) = returned.result else { return Ok(()) };
        let fd = Fd(value as i32);
        match call {
            Call::Socket { kind, protocol, .. } => {
                self.name(at, wanted, fd)?;
                let speech = speech(*kind, *protocol);
                let unknown = |ip| SocketAddr::new(ip, 0);
                let (local, remote) = (unknown(self.settings.local), unknown(self.settings.remote));
                let mut talk = Talk::new(speech, Phase::New, local, remote);
                talk.fd = Some(fd);
                self.talks.push(talk);
                self.current = Some(self.talks.len() - 1);
            }
            Call::Bind { fd, address } => {
                if let Some(talk) = self.talks.iter_mut().rev().find(|talk| talk.fd == Some(*fd))
                    && talk.speech == Speech::Udp
                {
                    talk.local.set_port(address.port());
                    talk.bound = address.port() != 0;
                    let other = SocketAddr::new(self.settings.remote, self.settings.connect_port);
                    talk.remote = other;
                }
            }
            Call::Listen { fd, .. } => {
                if let Some(talk) = self.talks.iter_mut().rev().find(|talk| talk.fd == Some(*fd)) {
                    talk.phase = Phase::Listening;
                }
            }
            Call::Accept { .. } => {
                // As packetdrill has it: what an older one was called is the newest one's name.
                self.fds.extend(wanted.result.map(|number| (number, fd)));
                self.accepted(fd, returned.out.address);
            }
            Call::EpollCreate => self.name(at, wanted, fd)?,
            Call::Close { fd } => self.fds.retain(|_, known| known != fd),
            _ => {}
        }
        Ok(())
    }

    /// Remembers what the script calls a descriptor.
    fn name(&mut self, at: Position, wanted: &Wanted, fd: Fd) -> Done {
        let Some(number) = wanted.result else { return Ok(()) };
        if self.fds.insert(number, fd).is_some() {
            let what = format!("the script calls two descriptors {number}");
            return Err(Failure::told(at, self.subject.now(), what).into());
        }
        Ok(())
    }

    /// Finds the conversation that was accepted: by its peer, or the oldest that nobody has.
    fn accepted(&mut self, fd: Fd, peer: Option<SocketAddr>) {
        let peer = peer.map(plain);
        let waits =
            |talk: &Talk| talk.fd.is_none() && matches!(talk.phase, Phase::Answered | Phase::Established);
        let by_peer = self.talks.iter().position(|talk| waits(talk) && Some(talk.remote) == peer);
        let found = by_peer.or_else(|| self.talks.iter().position(waits));
        if let Some(talk) = found.and_then(|index| self.talks.get_mut(index)) {
            talk.fd = Some(fd);
        }
    }

    /// Asks what the socket under test says of itself, for code that runs at the end.
    pub(super) fn snapshot(&mut self, code: &Code) -> Done {
        let talk = self.current.and_then(|index| self.talks.get(index));
        let Some(fd) = talk.and_then(|talk| talk.fd) else {
            return Err(self.fail("there is no socket that code could ask"));
        };
        let info = self.subject.tcp_info(fd);
        let values = info.map_err(|errno| self.fail(format!("the socket has no TCP_INFO: {errno}")))?;
        self.snapshots.push(Snapshot { code: code.clone(), values });
        Ok(())
    }
}

/// What sockets of a kind speak.
fn speech(kind: i32, protocol: i32) -> Speech {
    let protocol = i64::from(protocol);
    match i64::from(kind) & 0xf {
        _ if protocol == linux::IPPROTO_ICMP || protocol == linux::IPPROTO_ICMPV6 => Speech::Icmp,
        linux::SOCK_DGRAM => Speech::Udp,
        _ => Speech::Tcp,
    }
}

/// An address as packets have it.
fn plain(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        v4 => v4,
    };
    SocketAddr::new(ip, address.port())
}
