//! A send buffer as Linux keeps its books: in chunks, with what they cost, so that writes return what scripts say.
//!
//! ```text
//!   sent, not acknowledged │ not sent: chunk │ chunk │ tail ░░░│     a chunk that was begun is filled up;
//!   ◄────────── queued, against SO_SNDBUF ───────────────►          a new one needs memory, and little unsent
//! ```
//!
//! The stack's own buffers count octets, and are out of the way here: what is tested is what a program of Linux sees.

use super::Kernel;
use super::socket::Socket;
use crate::packetdrill::setup;
use crate::packetdrill::subject::{Errno, Fd};
use stack::ConnectionId;

/// What a chunk costs beside its octets.
const CHUNK: usize = 1_280;
/// The largest chunk.
const MOST: usize = 65_215;
/// What a segment costs beside its octets, before its memory is rounded up and after.
const SEGMENT_IN: usize = 640;
const SEGMENT_OUT: usize = 256;
/// Segments that there is always room for, twice.
const SEGMENTS: usize = 10;

/// What is remembered of a socket between writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SendMemory {
    /// Octets of the newest chunk.
    pub(super) tail: usize,
    /// A writer or somebody who polls found it full, and was not told of room since.
    pub(super) full: bool,
    /// What SO_SNDBUF has grown to, beyond what it begins with.
    pub(super) grown: usize,
}

/// How a send buffer stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Octets of a full chunk.
    chunk: usize,
    /// Octets written and not acknowledged, and never sent.
    queued: usize,
    unsent: usize,
    /// SO_SNDBUF.
    pub(super) buffer: usize,
    /// TCP_NOTSENT_LOWAT, if it is a limit.
    low: Option<usize>,
}

impl Room {
    fn used(&self) -> usize {
        self.queued + self.queued.div_ceil(self.chunk) * CHUNK
    }

    /// Whether a new chunk may be begun.
    fn is_free(&self) -> bool {
        self.used() < self.buffer && self.low.is_none_or(|low| self.unsent < low)
    }

    /// Whether whoever waits for room is told: when a third is free.
    pub(super) fn is_writable(&self) -> bool {
        let free = self.buffer.saturating_sub(self.used());
        free >= self.used() / 2 && self.low.is_none_or(|low| self.unsent * 2 < low)
    }

    /// Octets that may be written next: what the last chunk has room for, or a new one; none when there is no memory.
    pub(super) fn next(&self, memory: SendMemory) -> usize {
        let tail = memory.tail.min(self.unsent);
        match self.chunk.saturating_sub(tail) {
            left if tail > 0 && left > 0 => left,
            _ if self.is_free() => self.chunk,
            _ => 0,
        }
    }

    /// After `taken` octets of what [`next`](Self::next) gave.
    pub(super) fn after(&self, memory: SendMemory, taken: usize) -> SendMemory {
        let tail = memory.tail.min(self.unsent);
        let begun = if tail < self.chunk { tail } else { 0 };
        SendMemory { tail: begun + taken, ..memory }
    }
}

/// What twice so many segments cost.
fn cost(segment: usize, segments: usize) -> usize {
    2 * ((segment + SEGMENT_IN).next_power_of_two() + SEGMENT_OUT) * segments
}

impl Kernel {
    /// How the send buffer of a connection stands.
    pub(super) fn send_room(&self, socket: &Socket, id: ConnectionId) -> Room {
        let status = self.machine.host().tcp_status(id).unwrap_or_default();
        let segment = usize::try_from(status.segment_size).unwrap_or(1).max(1);
        let window = usize::try_from(status.max_window).unwrap_or(MOST);
        // No more than half of what the peer ever had room for, so that two are on their way.
        let chunk = (window / 2).min(MOST) / segment * segment;
        let options = &socket.options;
        let low = options.unsent_low.filter(|low| *low != 0).or(self.settings.unsent_low);
        let [_, first, most] = self.settings.send_memory.map(|octets| octets as usize);
        let grown = cost(segment, SEGMENTS).max(socket.memory.grown).min(most).max(first);
        Room {
            chunk: chunk.max(segment),
            queued: status.queued,
            unsent: status.unsent as usize,
            buffer: options.send_buffer.map_or(grown, |octets| octets as usize),
            low: low.map(|low| low as usize),
        }
    }

    /// Tells those who found a buffer full of room in it.
    pub(super) fn tell_of_room(&mut self) {
        for fd in self.table.waiting_for_room() {
            self.tell_if_writable(fd).unwrap_or_default();
        }
    }

    fn tell_if_writable(&mut self, fd: Fd) -> Result<(), Errno> {
        let socket = self.socket(fd)?;
        let Some(id) = socket.connection() else { return Ok(()) };
        if let Some(status) = self.machine.host().tcp_status(id) {
            // The buffer grows with the window, but where that is filled: more would only wait.
            let segment = usize::try_from(status.segment_size).unwrap_or(1).max(1);
            if status.in_flight < status.cwnd {
                let grown = cost(segment, status.cwnd as usize / segment);
                let memory = &mut self.socket_mut(fd)?.memory;
                memory.grown = memory.grown.max(grown);
            }
        }
        let writable = self.send_room(self.socket(fd)?, id).is_writable();
        if writable {
            let socket = self.socket_mut(fd)?;
            socket.memory.full = false;
            socket.news += 1;
        }
        self.let_stack_wait(id, !writable);
        Ok(())
    }

    /// Lets the stack know whether a writer waits for room, though its own buffer is out of the way: for how long that held
    /// data back is for it to say.
    pub(super) fn let_stack_wait(&mut self, id: ConnectionId, waits: bool) {
        let queued = self.machine.host().tcp_status(id).map_or(0, |status| status.queued);
        let full = u32::try_from(queued).ok().filter(|queued| waits && *queued >= setup::LEAST_BUFFER);
        let octets = full.unwrap_or(setup::SEND_BUFFER);
        self.machine.call(|host, now| {
            // Where the connection is gone nobody waits.
            let set = host.tcp_set_buffers(now, id, Some(octets), None);
            if set.is_ok() && full.is_some() {
                host.tcp_readiness(id);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(queued: usize, unsent: usize) -> Room {
        Room { chunk: 16_000, queued, unsent, buffer: 50_000, low: Some(20_000) }
    }

    #[test]
    fn a_chunk_that_was_begun_is_filled_and_a_new_one_needs_memory_and_little_unsent() {
        let memory = SendMemory { tail: 16_000, ..SendMemory::default() };
        // Ten of the sixteen thousand were sent: the chunk has room for as many again.
        assert_eq!(room(16_000, 6_000).next(memory), 10_000);
        assert_eq!(room(16_000, 6_000).after(memory, 10_000).tail, 16_000);
        assert_eq!(room(26_000, 16_000).next(memory), 16_000);
        assert_eq!(room(42_000, 32_000).next(memory), 0, "too much is unsent");
        assert_eq!(Room { low: None, ..room(42_000, 32_000) }.next(memory), 16_000);
        assert_eq!(Room { low: None, ..room(58_000, 48_000) }.next(memory), 0, "the buffer is full");
    }

    #[test]
    fn a_waiter_is_told_when_a_third_is_free() {
        assert!(!room(40_000, 0).is_writable() && room(30_000, 0).is_writable());
        assert!(!room(30_000, 10_000).is_writable(), "half of what may be unsent");
    }
}
