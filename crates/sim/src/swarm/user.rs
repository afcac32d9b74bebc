//! One user of one end of a connection.

use super::plan::{Ending, Kind, Script};
use crate::{HostId, World};
use env::{Duration, Instant, Rng};
use stack::ConnectionId;
use std::net::SocketAddr;
use tcp::{ConnectionError, ReceiveError, SendError, SendFlags};
use wire::Payload;

/// Calls that a user makes at once, at most.
const AT_ONCE: u32 = 64;

/// Octets of the pattern that all streams are cut from; a prime, so that no power of two hides a shift.
const PATTERN: usize = 65_521;

/// What all streams are cut from.
pub(super) struct Pattern(Vec<u8>);

impl Pattern {
    pub(super) fn new() -> Self {
        let mut octets = vec![0; 2 * PATTERN];
        Rng::seeded(0x5eed).fill(&mut octets[..PATTERN]);
        octets.copy_within(..PATTERN, PATTERN);
        Self(octets)
    }

    /// Octets `at..at + len` of stream `key`; `len` at most one period.
    pub(super) fn stream(&self, key: u64, at: u64, len: usize) -> &[u8] {
        let start = (key.wrapping_mul(7_919).wrapping_add(at) % PATTERN as u64) as usize;
        &self.0[start..start + len.min(PATTERN)]
    }
}

/// A user, what it has done and seen.
pub(super) struct User {
    pub(super) host: HostId,
    pub(super) kind: Kind,
    pub(super) script: Script,
    /// Names its stream; its peer's is the other's key.
    pub(super) key: u64,
    pub(super) peer_key: u64,
    pub(super) connection: Option<ConnectionId>,
    pub(super) local: Option<SocketAddr>,
    /// It will not get a connection any more.
    pub(super) hopeless: bool,
    pub(super) begun: Instant,
    pub(super) connected: bool,
    pub(super) written: u64,
    pub(super) read: u64,
    pub(super) closed: bool,
    pub(super) aborted: bool,
    pub(super) released: bool,
    /// It let go before it had seen the end of both streams.
    pub(super) early: bool,
    pub(super) finished: bool,
    pub(super) drained: bool,
    /// Its host lost power under it.
    pub(super) dead: bool,
    pub(super) error: Option<(Instant, ConnectionError)>,
    /// The connection ended without an error.
    pub(super) over: bool,
    stalled_until: Option<Instant>,
    stalled: bool,
    /// When it acts next, whatever happens.
    pub(super) next: Instant,
    rng: Rng,
}

/// What a user wants after it has acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// To act again then.
    Time(Instant),
    /// To be told of news.
    News,
}

impl User {
    pub(super) fn new(host: HostId, kind: Kind, script: Script, keys: (u64, u64), rng: Rng) -> Self {
        Self {
            host,
            kind,
            script,
            key: keys.0,
            peer_key: keys.1,
            connection: None,
            local: None,
            hopeless: false,
            begun: Instant::FAR,
            connected: false,
            written: 0,
            read: 0,
            closed: false,
            aborted: false,
            released: false,
            early: false,
            finished: false,
            drained: false,
            dead: false,
            error: None,
            over: false,
            stalled_until: None,
            stalled: false,
            next: Instant::ZERO,
            rng,
        }
    }

    /// Nothing is to be expected of it any more.
    pub(super) fn is_done(&self) -> bool {
        self.released || self.dead || self.hopeless
    }

    /// Does what the script says; an error when what it reads is not what its peer wrote.
    pub(super) fn act(
        &mut self,
        world: &mut World,
        pattern: &Pattern,
        healed: bool,
    ) -> Result<Wants, String> {
        let Some(connection) = self.connection.filter(|_| !self.is_done()) else { return Ok(Wants::News) };
        let now = world.now();
        if self.error.is_some() {
            self.release(world, connection);
            return Ok(Wants::News);
        }
        match self.script.ending {
            Ending::Abort(after) if now >= self.begun + after || healed => {
                self.aborted = true;
                world.call(self.host, |host, now| host.tcp_abort(now, connection));
                self.release(world, connection);
                return Ok(Wants::News);
            }
            Ending::Release(after) if now >= self.begun + after || healed => {
                self.release(world, connection);
                return Ok(Wants::News);
            }
            _ => {}
        }
        for _ in 0..AT_ONCE {
            let more =
                self.read(world, pattern, connection, healed)? | self.write(world, pattern, connection);
            self.close(world, connection, healed);
            if self.finished && self.closed && (self.drained || self.over) {
                self.release(world, connection);
                return Ok(Wants::News);
            }
            if !more {
                return Ok(self.wait(now));
            }
            if !healed && !self.script.think.is_zero() {
                let most = self.script.think.as_nanos() as u64;
                return Ok(Wants::Time(now + Duration::from_nanos(self.rng.below(most))));
            }
        }
        Ok(Wants::Time(now + Duration::from_micros(1)))
    }

    /// Nothing more can be done now.
    fn wait(&self, now: Instant) -> Wants {
        let ending = match self.script.ending {
            Ending::Abort(after) | Ending::Release(after) => Some(self.begun + after),
            Ending::Close | Ending::CloseAfterPeer => None,
        };
        let next = [ending, self.stalled_until].into_iter().flatten().filter(|&at| at > now).min();
        next.map_or(Wants::News, Wants::Time)
    }

    /// Reads a piece; whether there may be more.
    fn read(
        &mut self,
        world: &mut World,
        pattern: &Pattern,
        connection: ConnectionId,
        healed: bool,
    ) -> Result<bool, String> {
        if self.finished {
            return Ok(false);
        }
        let now = world.now();
        if let Some((at, lasts)) = self.script.stall
            && self.read >= at as u64
            && !self.stalled
        {
            self.stalled = true;
            self.stalled_until = Some(now + lasts);
        }
        if self.stalled_until.is_some_and(|until| now < until && !healed) {
            return Ok(false);
        }
        let most = self.script.read;
        match world.call(self.host, |host, now| host.tcp_receive(now, connection, most)) {
            Ok(received) => {
                let data = received.data;
                if data.is_empty() || data.len() > most {
                    return Err(format!("RECEIVE of {most} gave {} octets", data.len()));
                }
                let mut at = self.read;
                for part in data.chunks(PATTERN) {
                    if part != pattern.stream(self.peer_key, at, part.len()) {
                        return Err(format!("octets {at}.. of the stream are not what was sent"));
                    }
                    at += part.len() as u64;
                }
                self.read = at;
                Ok(true)
            }
            Err(ReceiveError::Finished) => {
                self.finished = true;
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    /// Writes a piece; whether there may be room for more.
    fn write(&mut self, world: &mut World, pattern: &Pattern, connection: ConnectionId) -> bool {
        let left = self.script.total as u64 - self.written;
        if left == 0 || self.closed {
            return false;
        }
        let piece = 1 + self.rng.below(self.script.piece.min(left as usize) as u64) as usize;
        let data = Payload::copy_of(pattern.stream(self.key, self.written, piece));
        let urgent = self.rng.chance(self.script.urgent);
        let flags = SendFlags { push: self.script.push, urgent, ..SendFlags::default() };
        if self.rng.chance(self.script.resize) {
            let (send, receive) = (2_048 << self.rng.below(8), 2_048 << self.rng.below(8));
            let resized = world.call(self.host, |host, now| {
                host.tcp_set_buffers(now, connection, Some(send), Some(receive))
            });
            debug_assert_eq!(resized, Ok(()));
        }
        match world.call(self.host, |host, now| host.tcp_send(now, connection, data, flags)) {
            Ok(taken) => {
                self.drained = false;
                self.written += taken as u64;
                taken > 0
            }
            Err(SendError::Full) => false,
            Err(_) => {
                self.script.total = self.written as usize;
                false
            }
        }
    }

    /// Closes when it is time to.
    fn close(&mut self, world: &mut World, connection: ConnectionId, healed: bool) {
        // CLOSE in SYN-SENT deletes the connection and what was queued with it (RFC 9293 §3.10.4, 9293-E27).
        if self.closed || !self.connected || self.written < self.script.total as u64 {
            return;
        }
        let may = match self.script.ending {
            Ending::CloseAfterPeer => self.finished || healed,
            _ => true,
        };
        if may {
            self.closed = true;
            self.drained = false;
            // An error says that the connection is gone, which its event tells, too.
            let _: Result<(), SendError> = world.call(self.host, |host, now| host.tcp_close(now, connection));
        }
    }

    /// Waits no longer.
    pub(super) fn give_up(&mut self, world: &mut World) {
        if let Some(connection) = self.connection.filter(|_| !self.is_done()) {
            self.release(world, connection);
        }
    }

    fn release(&mut self, world: &mut World, connection: ConnectionId) {
        self.released = true;
        self.early = !(self.finished && self.closed);
        self.closed = true;
        world.call(self.host, |host, now| host.tcp_release(now, connection));
    }
}
