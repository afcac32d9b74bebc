//! Threads that are in system calls, so that who plays a script is not.
//!
//! ```text
//!   begin ─► a worker that waits, or a new one ─► the call ─► outcome ─► finished
//!                                                                └─► bell: a descriptor that can be waited for
//! ```

use super::calls::{Table, perform};
use rustix::event::{EventfdFlags, eventfd};
use sim::packetdrill::subject::{Begun, Call, Returned, Ticket};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A call for a worker.
type Job = (Ticket, Arc<Table>, Call);

/// What came of a call: which, when, what.
type Outcome = (Ticket, Instant, Returned);

/// All of them. They end when this is dropped and their calls have returned.
pub(super) struct Workers {
    idle: Vec<Sender<Job>>,
    busy: BTreeMap<u64, Sender<Job>>,
    tell: Sender<Outcome>,
    told: Receiver<Outcome>,
    bell: Arc<OwnedFd>,
    /// What came of other calls than the one that was waited for.
    kept: VecDeque<Outcome>,
    next: u64,
}

impl Workers {
    pub(super) fn new() -> io::Result<Self> {
        let (tell, told) = channel();
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (idle, busy, kept) = (Vec::new(), BTreeMap::new(), VecDeque::new());
        Ok(Self { idle, busy, tell, told, bell: Arc::new(bell), kept, next: 0 })
    }

    /// Begins a call, and waits for so long for it to return.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(super) fn begin(&mut self, table: &Arc<Table>, call: Call, patience: Duration) -> io::Result<Begun> {
        let ticket = Ticket(self.next);
        self.next += 1;
        let worker = match self.idle.pop() {
            Some(worker) => worker,
            None => self.hire()?,
        };
        worker.send((ticket, Arc::clone(table), call)).map_err(|_| io::Error::other("a worker is gone"))?;
        self.busy.insert(ticket.0, worker);
        let deadline = Instant::now() + patience;
        loop {
            match self.told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(outcome) => {
                    self.release(outcome.0);
                    if outcome.0 == ticket {
                        return Ok(Begun::Done(outcome.2));
                    }
                    self.kept.push_back(outcome);
                }
                Err(RecvTimeoutError::Timeout) => return Ok(Begun::Blocked(ticket)),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the workers are gone")),
            }
        }
    }

    /// A new worker, which ends when nobody has a job for it any more.
    fn hire(&self) -> io::Result<Sender<Job>> {
        let (give, jobs) = channel::<Job>();
        let (tell, bell) = (self.tell.clone(), Arc::clone(&self.bell));
        let work = move || {
            for (ticket, table, call) in jobs {
                let returned = perform(&table, &call);
                drop(table);
                if tell.send((ticket, Instant::now(), returned)).is_err() {
                    return;
                }
                // A bell that has been rung as often as can be counted is rung.
                let _ = rustix::io::write(&bell, &1u64.to_ne_bytes());
            }
        };
        thread::Builder::new().name("system call".into()).spawn(work)?;
        Ok(give)
    }

    fn release(&mut self, ticket: Ticket) {
        self.idle.extend(self.busy.remove(&ticket.0));
    }

    /// A call that has returned since the last was told of.
    pub(super) fn finished(&mut self) -> Option<Outcome> {
        // What is read is only that it was rung.
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
        if let Some(outcome) = self.kept.pop_front() {
            return Some(outcome);
        }
        let outcome = self.told.try_recv().ok()?;
        self.release(outcome.0);
        Some(outcome)
    }

    /// Readable after a call has returned.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
