//! Letting time go on, and what comes out meanwhile.
//!
//! ```text
//!   wait(due) ─► run_until ─► collect: packets into the queue, the return of the call that blocks ─► … ─► was it in time?
//! ```

use super::frame::{self, Seen};
use super::timing::Due;
use super::{Done, Exchanged, Player, Stop};
use env::{Duration, Instant};
use std::collections::VecDeque;

/// How often time may go on in a script: it is then taken for one that never ends.
const MOST_STEPS: u32 = 1_000_000;
/// How long a script may take on the clock of the host under test.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// How many packets may pass in a script, and how many octets: all are kept for whoever draws them.
const MOST_PACKETS: usize = 50_000;
const MOST_OCTETS: usize = 128 << 20;

/// What left and wasn't asked for, the oldest first: what could be read, and what couldn't and why.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Result<Seen, (Instant, String)>>,
}

impl Player<'_> {
    /// Lets time go on until an event is due, and sees that it isn't too late for it.
    pub(super) fn wait(&mut self, due: Due, what: &str) -> Done {
        self.run_to(due.start)?;
        let now = self.subject.now();
        let before = self.before.map(|(due, _)| due.start);
        // The first event starts the clock.
        if before.is_none() || self.settings.tolerance.allows(due, before, now) {
            return Ok(());
        }
        let (due, now) = (time(due.start), time(now));
        let mut stop = self.fail(format!("{what} was due at {due}, but all before it took until {now}"));
        if let Stop::Fail(failure) = &mut stop {
            failure.late = true;
        }
        Err(stop)
    }

    /// Lets time go on until `deadline`.
    pub(super) fn run_to(&mut self, deadline: Instant) -> Done {
        while self.subject.now() < deadline {
            self.step(deadline)?;
        }
        self.collect()
    }

    /// Lets time go on until something comes out, at most until `deadline`.
    pub(super) fn step(&mut self, deadline: Instant) -> Done {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(self.fail(format!("it never ends: time went on {MOST_STEPS} times")));
        }
        self.still_young()?;
        self.subject.run_until(deadline.min(Instant::ZERO + LONGEST));
        self.collect()
    }

    /// That the script has not taken longer than any may.
    pub(super) fn still_young(&self) -> Done {
        let end = Instant::ZERO + LONGEST;
        if self.subject.now() < end {
            return Ok(());
        }
        Err(self.fail(format!("it never ends: it took until {}", time(end))))
    }

    /// Fetches what came out.
    pub(super) fn collect(&mut self) -> Done {
        while let Some(sent) = self.subject.take() {
            let seen = frame::read(sent.at, &sent.packet).map_err(|why| (sent.at, why));
            self.queue.waiting.push_back(seen);
            self.keep(Exchanged { at: sent.at, outbound: true, packet: sent.packet })?;
        }
        self.returned()
    }

    /// Keeps a packet that passed.
    pub(super) fn keep(&mut self, packet: Exchanged) -> Done {
        self.octets += packet.packet.len();
        if self.exchange.len() >= MOST_PACKETS || self.octets > MOST_OCTETS {
            let packets = self.exchange.len();
            return Err(
                self.fail(format!("it never ends: {packets} packets of {} octets passed", self.octets))
            );
        }
        self.exchange.push(packet);
        Ok(())
    }

    /// Under strict rules nothing may have left that the script didn't ask for.
    pub(super) fn leftovers(&mut self) -> Done {
        self.collect()?;
        if !self.settings.strict {
            return Ok(());
        }
        match self.queue.waiting.front() {
            None => Ok(()),
            Some(first) => Err(self.unexpected(first)),
        }
    }

    /// A packet that the script didn't expect.
    pub(super) fn unexpected(&self, packet: &Result<Seen, (Instant, String)>) -> Stop {
        let (at, told) = match packet {
            Ok(seen) => (seen.at, self.told(&self.in_its_words(seen))),
            Err((at, why)) => (*at, why.clone()),
        };
        let mut stop = self.fail("a packet left that the script doesn't expect");
        if let Stop::Fail(failure) = &mut stop {
            failure.actual = Some(format!("{} {told}", time(at)));
        }
        stop
    }
}

/// A time as scripts write it.
pub(super) fn time(at: Instant) -> String {
    let micros = at.as_micros();
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
