//! Our own stack as the host under test: sockets by Linux's contracts over one [`stack::Host`] on virtual time.
//!
//! ```text
//!            calls/ ─► Socket ─► Host ─► packets          machine: the host, its link and its clock
//!   begin ─►   │          │                               setup:   what the script sets (sysctl …) as configuration
//!              │          └── options/                    info:    TCP_INFO
//!              └─► Wait: tried again after whatever happens, until it has returned or its time is over
//! ```
//!
//! There are no threads: a call that blocks is kept, and made again whenever something happened to the host.

mod calls;
mod errno;
mod info;
mod machine;
mod memory;
mod options;
mod socket;
#[cfg(test)]
mod tests;

use crate::packetdrill::setup::{self, COUNTERS, Command, Counter, Effect, Settings};
use crate::packetdrill::subject::{
    Begun, Call, Errno, Fd, Finished, Ran, Refusal, Returned, Sent, Setup, Subject, Ticket,
};
use calls::{Attempt, Stop};
use env::{Duration, Instant};
use machine::Machine;
use socket::Table;
use std::num::NonZeroU16;
use tcp::TcpConfig;

/// What the host's own clock shows when a script begins, unless told otherwise: zero would be a clock that never ran.
const START: Duration = Duration::from_secs(3_600);

/// What Linux's sockets can beside TCP and UDP: no memory of a program's is handed over here, no packet is stamped for one, and
/// there are no files.
const LACKS: &[&str] = &[
    "splice",
    "pipe",
    "open",
    "sendfile",
    "MSG_ZEROCOPY",
    "SO_ZEROCOPY",
    "SO_TIMESTAMPING",
    "TCP_ZEROCOPY_RECEIVE",
    "TCP_REPAIR",
    "TCP_ULP",
];

/// Our stack, to be played against.
#[derive(Default)]
pub struct Ours {
    kernel: Option<Kernel>,
    pending: Vec<Pending>,
    finished: Vec<(Ticket, Finished)>,
    tickets: u64,
    seed: u64,
    start: Option<Instant>,
    change: Option<fn(TcpConfig) -> TcpConfig>,
}

/// The host with the sockets over it.
pub(in crate::packetdrill) struct Kernel {
    machine: Machine,
    table: Table,
    settings: Settings,
    /// What counters showed when they were last looked at.
    counted: Vec<(&'static str, u64)>,
}

/// A call that has not returned.
struct Pending {
    ticket: Ticket,
    call: Call,
    attempt: Attempt,
    /// On the host's clock: when it is to be looked at though nothing happened.
    until: Option<Instant>,
}

impl Ours {
    /// A subject whose host draws its secrets from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The same with a host whose own clock shows `start` when a script begins: for what happens when clocks wrap. At
    /// least one second.
    #[must_use]
    pub fn starting(self, start: Instant) -> Self {
        Self { start: Some(start.max(Instant::from_secs(1))), ..self }
    }

    /// The same with settings of connections as `change` makes them of what the script says: for faults on purpose.
    #[must_use]
    pub fn changed(self, change: fn(TcpConfig) -> TcpConfig) -> Self {
        Self { change: Some(change), ..self }
    }

    fn seed(&self) -> [u8; 32] {
        let mut seed = [0x5a; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed
    }

    /// A command takes its time.
    fn sleep(&mut self, time: Duration) {
        let until = self.now() + time;
        while self.kernel.is_some() && self.now() < until {
            self.run_until(until);
        }
    }

    fn arrives(&mut self, packet: &[u8], segment: Option<NonZeroU16>) {
        if let Some(kernel) = &mut self.kernel {
            kernel.machine.inject(packet, segment);
        }
        self.retry();
    }

    /// Makes calls that wait again: something happened.
    fn retry(&mut self) {
        let Some(kernel) = &mut self.kernel else { return };
        kernel.spread_events();
        let mut at = 0;
        // One that returns may be what another waits for.
        while let Some(pending) = self.pending.get_mut(at) {
            let until = match kernel.attempt(&pending.call, &mut pending.attempt) {
                Err(Stop::Wait(until)) => {
                    pending.until = until;
                    at += 1;
                    continue;
                }
                Ok(returned) => returned,
                Err(Stop::Errno(errno)) => Returned::error(errno),
                // What can't be done was refused at the first attempt.
                Err(Stop::Refused(_)) => Returned::error(crate::packetdrill::linux::EOPNOTSUPP),
            };
            let pending = self.pending.remove(at);
            kernel.spread_events();
            self.finished.push((pending.ticket, Finished { at: kernel.machine.elapsed(), returned: until }));
            at = 0;
        }
    }
}

impl Subject for Ours {
    fn name(&self) -> String {
        "handfast".into()
    }

    fn lacks(&self) -> &'static [&'static str] {
        LACKS
    }

    fn configure(&mut self, setup: &Setup<'_>) -> Result<Ran, Refusal> {
        let (mut settings, ran) = setup::settings(setup)?;
        settings.change = self.change.unwrap_or(settings.change);
        let start = self.start.unwrap_or(Instant::ZERO + START);
        let setup = Setup { mtu: settings.mtu.unwrap_or(setup.mtu), ..setup.clone() };
        let machine = Machine::new(&setup, settings.host()?, self.seed(), start)?;
        self.pending.clear();
        self.finished.clear();
        self.tickets = 0;
        let mut kernel = Kernel { machine, table: Table::default(), settings, counted: Vec::new() };
        kernel.settings_changed();
        self.kernel = Some(kernel);
        Ok(ran)
    }

    fn command(&mut self, line: &str) -> Result<Ran, Refusal> {
        let ran = setup::run(line, |command| {
            if let Command::Sleep(time) = command {
                self.sleep(*time);
                return Ok(Ran::Well);
            }
            self.kernel.as_mut().ok_or_else(not_configured)?.command(command)
        })?;
        self.retry();
        Ok(ran)
    }

    fn now(&self) -> Instant {
        self.kernel.as_ref().map_or(Instant::ZERO, |kernel| kernel.machine.elapsed())
    }

    fn run_until(&mut self, deadline: Instant) {
        let Some(kernel) = &mut self.kernel else { return };
        let deadline = kernel.machine.inside(deadline);
        let waiting = self.pending.iter().filter_map(|pending| pending.until).min();
        let until = waiting.map_or(deadline, |waiting| waiting.min(deadline));
        // To the next timer and no further: who counts how often time goes on counts all the work.
        kernel.machine.step(until);
        self.retry();
    }

    fn begin(&mut self, call: &Call, _may_block: bool) -> Result<Begun, Refusal> {
        let kernel = self.kernel.as_mut().ok_or_else(not_configured)?;
        let mut attempt = Attempt::at(kernel.machine.now());
        let begun = match kernel.attempt(call, &mut attempt) {
            Ok(returned) => Begun::Done(returned),
            Err(Stop::Errno(errno)) => Begun::Done(Returned::error(errno)),
            Err(Stop::Refused(refusal)) => return Err(refusal),
            Err(Stop::Wait(until)) => {
                let ticket = Ticket(self.tickets);
                self.tickets += 1;
                attempt.again = true;
                self.pending.push(Pending { ticket, call: call.clone(), attempt, until });
                Begun::Blocked(ticket)
            }
        };
        self.retry();
        Ok(begun)
    }

    fn finished(&mut self, ticket: Ticket) -> Option<Finished> {
        let at = self.finished.iter().position(|(whose, _)| *whose == ticket)?;
        Some(self.finished.remove(at).1)
    }

    fn inject(&mut self, packet: &[u8]) {
        self.arrives(packet, None);
    }

    fn inject_joined(&mut self, packet: &[u8], segment: u16) {
        self.arrives(packet, NonZeroU16::new(segment));
    }

    fn take(&mut self) -> Option<Sent> {
        self.kernel.as_mut()?.machine.take()
    }

    fn tcp_info(&mut self, fd: Fd) -> Result<Vec<(&'static str, i64)>, Errno> {
        match &mut self.kernel {
            Some(kernel) => kernel.tcp_info(fd),
            None => Err(crate::packetdrill::linux::EBADF),
        }
    }
}

impl Kernel {
    /// What a shell command changes while the host runs, and how it ends.
    fn command(&mut self, command: &Command) -> Result<Ran, Refusal> {
        let interface = self.machine.interface();
        match self.settings.apply(command)? {
            Effect::None | Effect::Sleep(_) => self.settings_changed(),
            Effect::Forget => self.machine.call(|host, _| host.tcp_forget_fast_open()),
            Effect::Mtu(mtu) => {
                let set = self.machine.call(|host, _| host.set_mtu(interface, mtu));
                if let Err(why) = set {
                    return Ok(Ran::Badly(format!("the link can't have an MTU of {mtu}: {why}")));
                }
            }
            Effect::Listens(port) => {
                let listeners = self.machine.host().tcp_list_listeners();
                if !listeners.iter().any(|listener| listener.local.port() == port) {
                    return Ok(Ran::Badly(format!("nobody listens at port {port}")));
                }
            }
            Effect::CountAnew => self.count_anew(),
            Effect::Counted(counter, count, on) => {
                let grown = self.counted(counter);
                if !on.0 {
                    self.count_anew();
                }
                if count.map_or(grown == 0, |count| grown != count) {
                    return Ok(Ran::Badly(format!("{} has grown by {grown}", counter.name)));
                }
            }
            Effect::Fails => return Ok(Ran::Badly("it always does".into())),
        }
        Ok(Ran::Well)
    }

    /// How much a counter has grown since counters began at zero.
    fn counted(&self, counter: &Counter) -> u64 {
        let before =
            self.counted.iter().find(|(name, _)| *name == counter.name).map_or(0, |(_, count)| *count);
        self.machine.host().counters().dropped(counter.drop).saturating_sub(before)
    }

    fn count_anew(&mut self) {
        let counters = self.machine.host().counters();
        self.counted = COUNTERS.iter().map(|known| (known.name, counters.dropped(known.drop))).collect();
    }
}

impl Kernel {
    /// What holds for all sockets at once follows the settings.
    fn settings_changed(&mut self) {
        let habits = self.settings.ecn_habits;
        for id in self.table.connections() {
            self.machine.call(|host, now| host.tcp_set_ecn_habits(now, id, habits));
        }
        let keys = self.settings.fast_open_keys;
        self.machine.call(|host, _| host.tcp_set_fast_open_keys(None, keys));
        for fd in self.table.listening() {
            // There is such a listener: nothing is refused.
            let _served = self.serve_early(fd);
        }
    }
}

fn not_configured() -> Refusal {
    Refusal::because("no host was made")
}
