//! Our end: a host on a thread of its own, turned when packets come or something is due.
//!
//! Its device is a pair in memory with descriptors: one packet of at most 1,500 octets at a time, its checksum summed and
//! verified, as a TUN without offloads has it.

use super::end::{Ended, Run, Said};
use super::stream::{CHUNK, Stream};
use super::{Controller, PORT};
use crate::ours::Ours;
use crate::stack::{Stack as _, Waits as _};
use crate::{BenchError, Ends};
use device::memory::{self, Wired};
use env::Instant;
use tcp::TcpConfig;

/// Packets that may wait for the other thread: more than any window.
const WAITING: usize = 20_000;

/// A host of ours.
pub(super) struct Host {
    stack: Ours<Wired>,
    listens: bool,
}

impl Host {
    /// A host, and the end of its device that is the relay's.
    pub(super) fn new(now: Instant, ends: Ends, controller: Controller) -> Result<(Self, Wired), BenchError> {
        let config = memory::Config { queue: WAITING, ..memory::Config::default() };
        let (device, port) = memory::wired(config).map_err(BenchError::system("make a device"))?;
        let tcp = TcpConfig::default().congestion(controller.ours());
        Ok((Self { stack: Ours::with(now, device, ends, tcp)?, listens: false }, port))
    }

    /// Listens.
    pub(super) fn listen(&mut self, now: Instant) -> Result<(), BenchError> {
        self.listens = true;
        self.stack.listen(now, PORT, 1)
    }

    /// Reads, if it listens, or else writes, until the run is over.
    pub(super) fn run(self, run: &Run<'_>) -> Result<Ended, BenchError> {
        if self.listens { self.receive(run) } else { self.send(run) }
    }

    fn receive(mut self, run: &Run<'_>) -> Result<Ended, BenchError> {
        let (mut ended, mut expected, mut buffer) = (Ended::default(), Stream::new(), vec![0; CHUNK]);
        let mut connection = None;
        while !run.is_over() {
            let now = run.clock.now();
            self.stack.turn(now)?;
            connection = connection.or_else(|| self.stack.accept());
            let mut any = false;
            if let Some(id) = connection {
                while let count @ 1.. = self.stack.receive(now, id, &mut buffer)? {
                    ended.take(run, &mut expected, buffer.get(..count).unwrap_or_default())?;
                    any = true;
                }
            }
            if any {
                self.stack.flush(now)?;
            }
            self.stack.wait(now, run.next_look(now))?;
        }
        let status = connection.and_then(|id| self.stack.host().tcp_status(id));
        Ok(Ended { said: Said::Ours(status.map(Box::new)), ..ended })
    }

    fn send(mut self, run: &Run<'_>) -> Result<Ended, BenchError> {
        let mut octets = Stream::new();
        let id = self.stack.connect(run.clock.now(), PORT)?;
        while !run.is_over() {
            let now = run.clock.now();
            self.stack.turn(now)?;
            if self.stack.is_established(id) {
                while let count @ 1.. = self.stack.send(now, id, octets.next())? {
                    octets.advance(count);
                }
                self.stack.flush(now)?;
            }
            self.stack.wait(now, run.next_look(now))?;
        }
        let status = self.stack.host().tcp_status(id);
        Ok(Ended { said: Said::Ours(status.map(Box::new)), ..Ended::default() })
    }
}
