//! Our end: a host that is turned on the relay's thread, and its one user.
//!
//! ```text
//!   relay ─► far end of a pair in memory ─► turn: SEGMENT ARRIVES … ─► the user reads or writes ─► what follows from it
//! ```
//!
//! A kernel at the other port does its protocol work on that thread, too, within the relay's write: so neither waits to be
//! woken. Its device takes one packet of at most 1,500 octets at a time, its checksum summed and verified, as a TUN without
//! offloads has it.

use super::end::{Ended, Run, Said};
use super::stream::{CHUNK, Stream};
use super::{Controller, PORT};
use crate::ours::Ours;
use crate::stack::Stack as _;
use crate::{BenchError, Ends};
use device::memory::{self, Memory};
use device::{Device as _, Frame};
use env::Instant;
use std::collections::VecDeque;
use std::io;
use tcp::TcpConfig;

/// Packets that may wait for the relay: more than any window.
const WAITING: usize = 20_000;

/// A host of ours, its user, and the relay's end of its device.
pub(super) struct Host<'a> {
    stack: Ours<Memory>,
    far: Memory,
    run: Run<'a>,
    sends: bool,
    connection: Option<stack::ConnectionId>,
    stream: Stream,
    buffer: Vec<u8>,
    ended: Ended,
}

impl<'a> Host<'a> {
    /// A host that connects and writes, or else listens and reads, while `run` lasts.
    pub(super) fn new(
        ends: Ends,
        controller: Controller,
        sends: bool,
        run: Run<'a>,
    ) -> Result<Self, BenchError> {
        let now = run.clock.now();
        let config = memory::Config { queue: WAITING, ..memory::Config::default() };
        let (device, far) = memory::pair(config);
        let tcp = TcpConfig::default().congestion(controller.ours());
        let mut stack = Ours::with(now, device, ends, tcp)?;
        let connection = if sends {
            Some(stack.connect(now, PORT)?)
        } else {
            stack.listen(now, PORT, 1)?;
            None
        };
        let (stream, ended) = (Stream::new(), Ended::default());
        Ok(Self { stack, far, run, sends, connection, stream, buffer: vec![0; CHUNK], ended })
    }

    /// Hands it a packet, which it sees when it is turned.
    pub(super) fn give(&mut self, now: Instant, packet: Frame) -> io::Result<()> {
        self.far.transmit(now, &mut VecDeque::from([packet])).map(drop)
    }

    /// Turns it, then its user; appends what it sends, and says whether there is more.
    pub(super) fn turn(&mut self, now: Instant, out: &mut Vec<Frame>) -> Result<bool, BenchError> {
        self.stack.turn(now)?;
        if self.connection.is_none() {
            self.connection = self.stack.accept();
        }
        if let Some(id) = self.connection
            && !self.run.is_over()
        {
            if self.sends { self.write(now, id)? } else { self.read(now, id)? }
        }
        let count = self.far.receive(now, out).map_err(BenchError::system("use a device in memory"))?;
        Ok(count == device::BATCH)
    }

    fn write(&mut self, now: Instant, id: stack::ConnectionId) -> Result<(), BenchError> {
        if !self.stack.is_established(id) {
            return Ok(());
        }
        let mut any = false;
        while let count @ 1.. = self.stack.send(now, id, self.stream.next())? {
            self.stream.advance(count);
            any = true;
        }
        if any { self.stack.flush(now) } else { Ok(()) }
    }

    fn read(&mut self, now: Instant, id: stack::ConnectionId) -> Result<(), BenchError> {
        let mut any = false;
        while let count @ 1.. = self.stack.receive(now, id, &mut self.buffer)? {
            let octets = self.buffer.get(..count).unwrap_or_default();
            self.ended.take(&self.run, &mut self.stream, octets)?;
            any = true;
        }
        if any { self.stack.flush(now) } else { Ok(()) }
    }

    /// When it wants to be turned though nothing comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stack.deadline()
    }

    /// What it came to.
    pub(super) fn end(self) -> Ended {
        let status = self.connection.and_then(|id| self.stack.host().tcp_status(id));
        Ended { said: Said::Ours(status.map(Box::new)), ..self.ended }
    }
}
