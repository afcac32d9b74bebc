//! Gives a recording to a host of its own, and compares what comes out.

use crate::entry::{Entry, Sent, medium};
use crate::file::{End, Head, Recording, Unreadable};
use crate::words;
use env::{Duration, Instant};
use stack::journal::AskedOtherwise;
use stack::{Host, HostConfigError, Input, InterfaceId, Note};
use std::fmt;
use std::io::Read;
use wire::{Frame, Medium};

/// The replaying host's own secrets: nothing that is compared comes of them.
const SEED: [u8; 32] = *b"another seed than what was drawn";

/// A host that is given a recording, input by input.
#[derive(Debug)]
pub struct Replay<R> {
    recording: Recording<R>,
    host: Host,
    payload: bool,
    done: Done,
    until: Option<Duration>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Inputs that were given to the host.
    pub inputs: u64,
    /// Frames that came out as they had.
    pub frames: u64,
    /// The recording's clock at its beginning: the first instant that an input names.
    pub began: Instant,
    /// The recording's clock: the latest instant that an input has named.
    pub at: Instant,
    /// How the recording ends, once it has.
    pub end: Option<End>,
    /// The first time that chance was asked otherwise than when it was recorded, and at which input: the code has
    /// changed, whether or not it shows in a frame.
    pub asked_otherwise: Option<(u64, AskedOtherwise)>,
}

/// One input that was given, and what came out.
#[derive(Clone, Debug)]
pub struct Stepped {
    /// Which input, from 1 on.
    pub number: u64,
    /// The recording's clock.
    pub at: Instant,
    /// The frame that went in, if it was one. Payload that was left out is zeros.
    pub arrived: Option<(InterfaceId, Frame)>,
    /// The frames that came out.
    pub sent: Vec<(InterfaceId, Frame)>,
}

/// Where a host did otherwise than the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// At which input, from 1 on.
    pub input: u64,
    /// How long after the recording began.
    pub after: Duration,
    /// What went in, in words.
    pub given: String,
    /// Which of the frames that came of it, from 1 on.
    pub frame: usize,
    /// What had come out; `None`: nothing more.
    pub expected: Option<String>,
    /// What comes out; `None`: nothing more.
    pub came: Option<String>,
    /// The fields that differ, when both are there.
    pub fields: Vec<String>,
    /// Chance had been asked otherwise already, at this input.
    pub asked_otherwise: Option<(u64, AskedOtherwise)>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, after, given, frame, .. } = self;
        writeln!(f, "it differs at input {input}, after {after:?}: {given}")?;
        let or_nothing = |what: &Option<String>| what.clone().unwrap_or_else(|| "nothing more".into());
        writeln!(f, "  frame {frame} that came of it")?;
        writeln!(f, "    recorded: {}", or_nothing(&self.expected))?;
        write!(f, "    replayed: {}", or_nothing(&self.came))?;
        for field in &self.fields {
            write!(f, "\n    {field}")?;
        }
        if let Some((input, asked)) = &self.asked_otherwise {
            write!(f, "\n  since input {input}: {asked}")?;
        }
        Ok(())
    }
}

/// Why a replay goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file.
    Unreadable(Unreadable),
    /// The host's settings are none that this version takes.
    Config(HostConfigError),
    /// The host does otherwise than it did.
    Differs(Box<Difference>),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => why.fmt(f),
            Self::Config(why) => why.fmt(f),
            Self::Differs(difference) => difference.fmt(f),
        }
    }
}

impl std::error::Error for ReplayError {}

impl From<Unreadable> for ReplayError {
    fn from(why: Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

impl<R: Read> Replay<R> {
    /// Reads the head, and makes the host.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn open(from: R) -> Result<Self, ReplayError> {
        let recording = Recording::open(from)?;
        let Head { payload, config, .. } = recording.head();
        let payload = *payload;
        let mut host = Host::new(config.clone(), SEED).map_err(ReplayError::Config)?;
        // It is new.
        let rehearses = host.rehearse(payload);
        debug_assert!(rehearses.is_ok());
        Ok(Self { recording, host, payload, done: Done::default(), until: None })
    }

    /// Ends before the first input that comes so long after the recording began; `None`: never.
    pub fn until(&mut self, until: Option<Duration>) {
        self.until = until;
    }

    /// What the recording says of itself.
    pub const fn head(&self) -> &Head {
        self.recording.head()
    }

    /// The host, to be watched and looked at. Whatever changes it spoils the replay.
    pub const fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// How far it is.
    pub const fn done(&self) -> &Done {
        &self.done
    }

    /// Gives the host the next input; `None` at the end.
    ///
    /// # Errors
    /// [`ReplayError`]; it goes no further then.
    pub fn step(&mut self) -> Result<Option<Stepped>, ReplayError> {
        let Some(entry) = self.recording.next_entry()? else {
            self.done.end = self.recording.end();
            return Ok(None);
        };
        let at = entry.input.now().map_or(self.done.at, |now| now.max(self.done.at));
        if self.done.began == Instant::ZERO {
            self.done.began = at;
        }
        if self.until.is_some_and(|until| at.since(self.done.began) > until) {
            return Ok(None);
        }
        self.done.at = at;
        let Entry { number, input, drawn, sent } = entry;
        let arrived = match &input {
            Input::HandlePacket(_, interface, arrived) => Some((*interface, arrived.clone().frame())),
            _ => None,
        };
        let given = input.clone();
        for (source, drawn) in drawn {
            self.host.give(source, drawn);
        }
        input.apply(&mut self.host);
        self.done.inputs = number;
        if let Some(asked) = self.host.rehearsed() {
            self.done.asked_otherwise.get_or_insert((number, asked));
        }
        let frames = self.compare(&given, sent)?;
        Ok(Some(Stepped { number, at, arrived, sent: frames }))
    }

    fn compare(&mut self, given: &Input, sent: Vec<Sent>) -> Result<Vec<(InterfaceId, Frame)>, ReplayError> {
        let mut frames = Vec::new();
        let mut expected = sent.into_iter();
        loop {
            let came = match self.host.poll_note() {
                Some(Note::Sent(at, interface, frame)) => Some((at, interface, frame)),
                Some(_) => continue, // A host that rehearses notes nothing else.
                None => None,
            };
            let digest = came.as_ref().map(|(at, interface, frame)| {
                Sent::of(*at, *interface, frame, self.payload, medium(&self.host, *interface))
            });
            let expected = expected.next();
            if digest != expected {
                let difference = self.difference(given, frames.len(), expected, digest);
                return Err(ReplayError::Differs(Box::new(difference)));
            }
            let Some((_, interface, frame)) = came else { return Ok(frames) };
            self.done.frames += 1;
            frames.push((interface, frame));
        }
    }

    fn ethernet(&self, interface: InterfaceId) -> bool {
        medium(&self.host, interface) == Medium::Ethernet
    }

    fn difference(
        &self,
        given: &Input,
        before: usize,
        expected: Option<Sent>,
        came: Option<Sent>,
    ) -> Difference {
        let in_words = |sent: &Option<Sent>| {
            sent.as_ref().map(|s| words::sent(s, self.done.began, self.ethernet(s.interface)))
        };
        let fields = match (&expected, &came) {
            (Some(expected), Some(came)) => words::fields(expected, came, self.ethernet(came.interface)),
            _ => Vec::new(),
        };
        Difference {
            input: self.done.inputs,
            after: self.done.at.since(self.done.began),
            given: words::input(given, |interface| self.ethernet(interface)),
            frame: before + 1,
            expected: in_words(&expected),
            came: in_words(&came),
            fields,
            asked_otherwise: self.done.asked_otherwise,
        }
    }
}
