//! Plays a script against a host under test.
//!
//! ```text
//!              next event ─► when is it due? ─► let time go on ─────────────────────────┐
//!                                                                                       ▼
//!    packet in   line ─► Talk: live numbers ─► build ─► inject                   ┌─── Subject ───┐
//!    packet out  line ◄─ compare ◄─ join ◄─ Talk: script's numbers ◄─ queue ◄────┤  take         │
//!    call        words ─► lower ─► begin ─► judge, now or when it returns ◄──────┤  finished     │
//!    code        a snapshot of tcp_info; the program runs at the end ◄───────────┤  tcp_info     │
//!    command     as it stands ───────────────────────────────────────────────────┤  command      │
//!                                                                                └───────────────┘
//! ```
//!
//! Packets that leave wait in a queue until a line asks for the next of its conversation: what is in the script after something else
//! may have left before it. What is compared, and how exactly times are kept, is packetdrill's; [`Rules`] may be stronger. A script
//! that never ends is ended: every wait has a bound, and so has what a host may send.

mod calls;
mod clock;
mod compare;
mod edge;
mod frame;
mod inbound;
mod outbound;
mod program;
mod rules;
mod sockets;
mod talk;
#[cfg(test)]
mod tests;
mod timing;
mod wants;
mod words;

pub use rules::Rules;

use super::report::{Exchanged, Failure, Outcome, Verdict};
use super::script::{Action, Command, Direction, Event, Position, Script};
use super::subject::{Ran, Subject};
use calls::Descriptors;
use clock::Queue;
use env::Instant;
use program::Snapshot;
use rules::Settings;
use sockets::Pending;
use talk::Talk;
use timing::Due;

/// Plays `script` against `subject`, which is new.
pub fn play(script: &Script, subject: &mut dyn Subject, rules: &Rules) -> Outcome {
    if let Some((at, because)) = wants::another_version(script, rules.version) {
        let verdict = Verdict::Skipped { at: Some(at), because, elsewhere: true };
        return Outcome { verdict, exchange: Vec::new(), printed: String::new(), ended: Instant::ZERO };
    }
    let settings = match Settings::new(script, rules) {
        Ok(settings) => settings,
        Err((line, why)) => {
            let what = format!("`--{}={}`: {why}", line.name, line.value());
            let failure = Failure::told(line.at, Instant::ZERO, what);
            let verdict = Verdict::Failed(Box::new(failure));
            return Outcome { verdict, exchange: Vec::new(), printed: String::new(), ended: Instant::ZERO };
        }
    };
    let mut player = Player::new(subject, settings);
    let verdict = match player.script(script) {
        Ok(()) => Verdict::Passed,
        Err(Stop::Fail(failure)) => Verdict::Failed(failure),
        Err(Stop::Skip { at, because }) => Verdict::Skipped { at, because, elsewhere: false },
    };
    if player.printed.is_empty() && !matches!(verdict, Verdict::Passed) {
        // What was said up to there may tell why.
        let _failed_anyway = player.run_code();
    }
    Outcome { verdict, exchange: player.exchange, printed: player.printed, ended: player.subject.now() }
}

/// Why a script is not played further.
#[derive(Debug)]
enum Stop {
    Fail(Box<Failure>),
    Skip { at: Option<Position>, because: String },
}

impl Stop {
    fn skip(at: Position, because: impl Into<String>) -> Self {
        Self::Skip { at: Some(at), because: because.into() }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(Box::new(failure))
    }
}

type Done<T = ()> = Result<T, Stop>;

/// One script on its way.
struct Player<'a> {
    subject: &'a mut dyn Subject,
    settings: Settings,
    fds: Descriptors,
    talks: Vec<Talk>,
    /// The one that lines without ports are about.
    current: Option<usize>,
    /// What left and wasn't asked for yet.
    queue: Queue,
    /// The one call that hasn't returned.
    pending: Option<Pending>,
    snapshots: Vec<Snapshot>,
    /// What code printed.
    printed: String,
    exchange: Vec<Exchanged>,
    /// Octets of them all.
    octets: usize,
    /// The event before: when it was due, and whether it is a packet that arrives.
    before: Option<(Due, bool)>,
    /// The event that is being played.
    at: Position,
    /// How often time went on.
    steps: u32,
}

impl<'a> Player<'a> {
    fn new(subject: &'a mut dyn Subject, settings: Settings) -> Self {
        Self {
            subject,
            settings,
            fds: Descriptors::new(),
            talks: Vec::new(),
            current: None,
            queue: Queue::default(),
            pending: None,
            snapshots: Vec::new(),
            printed: String::new(),
            exchange: Vec::new(),
            octets: 0,
            before: None,
            at: Position::default(),
            steps: 0,
        }
    }

    fn script(&mut self, script: &Script) -> Done {
        if let Some((at, name)) = wants::one_of(self.subject.lacks(), script) {
            return Err(Stop::skip(at, format!("{name} is an interface of another system's own")));
        }
        self.words(script)?;
        let setup = self.settings.setup(script);
        let at = script.init.as_ref().map(|init| init.at);
        let ran = self.subject.configure(&setup);
        self.at = at.unwrap_or_default();
        self.ran(ran.map_err(|refusal| Stop::Skip { at, because: refusal.0 })?)?;
        for event in &script.events {
            self.at = event.at;
            self.event(event)?;
        }
        self.finish(script)
    }

    /// Works out all calls once, before anything happens: what is wrong with one, or beyond the host, is known from the beginning.
    fn words(&mut self, script: &Script) -> Done {
        for event in &script.events {
            if let Action::Call(call) = &event.action {
                self.at = event.at;
                self.lowered(call)?;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Done {
        let inbound =
            matches!(&event.action, Action::Packet(packet) if packet.direction == Direction::Inbound);
        // Packets that arrive in a row keep the script's time: what the first took must not delay the others.
        let base = match self.before {
            Some((due, true)) if inbound => due.start,
            _ => self.subject.now(),
        };
        let due = Due::new(event.time, base);
        match &event.action {
            Action::Packet(packet) if inbound => self.arrive(packet, due)?,
            Action::Packet(packet) => self.expect(packet, due)?,
            Action::Call(call) => self.call(call, due)?,
            Action::Command(command) => {
                self.wait(due, "the command")?;
                self.command(command)?;
                self.collect()?;
            }
            Action::Code(code) => {
                self.wait(due, "the code")?;
                self.snapshot(code)?;
            }
        }
        self.before = Some((due, inbound));
        Ok(())
    }

    /// What is left when all events are over: a call that blocks, packets that nobody asked for, the program.
    fn finish(&mut self, script: &Script) -> Done {
        self.settle()?;
        self.leftovers()?;
        if let Some(command) = &script.cleanup {
            self.at = command.at;
            self.command(command)?;
        }
        self.run_code()
    }

    fn command(&mut self, command: &Command) -> Done {
        self.still_young()?;
        let ran = self.subject.command(&command.text);
        self.ran(ran.map_err(|refusal| Stop::skip(self.at, refusal.0))?)
    }

    fn ran(&self, ran: Ran) -> Done {
        match ran {
            Ran::Well => Ok(()),
            Ran::Badly(why) => Err(self.fail(format!("the command failed: {why}"))),
        }
    }

    fn fail(&self, what: impl Into<String>) -> Stop {
        Failure::told(self.at, self.subject.now(), what).into()
    }
}
