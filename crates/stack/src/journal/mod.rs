//! The journal: everything that goes into a host, noted as it goes in, so that another host can be given it again.
//!
//! ```text
//!   call, frame, time ─► Input ─┐                        Input::apply ─► a host that rehearses
//!   chance ─► Drawn ────────────┼─► notes ─► poll_note        │ give(Drawn), before
//!   frame out ─► Sent ──────────┘                             └─► Sent: the same, or the code has changed
//! ```
//!
//! What a host does follows from its settings, its inputs in their order, and the outcomes of chance; nothing else. Of
//! chance only outcomes are noted, never the seed or a key: see [`env::Chance`]. Watching a host
//! ([`Host::watch`]) and looking at it changes nothing that it does, and is not noted.
//!
//! While no journal is kept, a call costs one branch more.

mod input;

pub use input::{Arrived, Input};

use crate::{Host, InterfaceId, UdpId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use env::{Chance, Drawn, Instant, Rng};
use wire::Frame;

/// What is noted.
#[derive(Clone, Debug)]
pub enum Note {
    /// Something goes in. What follows up to the next of these came of it.
    Input(Input),
    /// Chance decided something.
    Drawn(Source, Drawn),
    /// A frame was handed out at this instant, for this interface.
    Sent(Instant, InterfaceId, Frame),
}

/// One of a host's generators: each has a row of outcomes of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Source {
    /// IP, TCP, UDP and all that is decided under secret keys.
    Ip,
    /// Group membership reports.
    Groups,
    /// Echo sockets.
    Echo,
}

impl Source {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Ip, Self::Groups, Self::Echo];
}

/// Chance was asked otherwise than it was when the input was noted: the code has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedOtherwise {
    /// Which generator.
    pub source: Source,
    /// What was asked for and had not been.
    pub asked: Option<Chance>,
    /// What had been asked for and was not.
    pub left: Option<Chance>,
}

impl fmt::Display for AskedOtherwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.asked, self.left) {
            (Some(asked), Some(left)) => {
                write!(f, "chance decided {} where it had decided {}", asked.name(), left.name())
            }
            (Some(asked), None) => write!(f, "chance decided {}, which it had not", asked.name()),
            (None, Some(left)) => write!(f, "chance did not decide {}, which it had", left.name()),
            (None, None) => f.write_str("chance decided as it had"),
        }
    }
}

/// A journal begins with the host: this one has interfaces, sockets or a journal already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNew;

impl fmt::Display for NotNew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a journal must begin before the host has interfaces or sockets")
    }
}

impl core::error::Error for NotNew {}

/// Notes that nobody has taken yet.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    notes: VecDeque<Note>,
    rehearses: bool,
    /// A socket whose settings somebody may have changed: they are noted before anything else is.
    changing: Option<UdpId>,
}

/// The journal.
impl Host {
    /// Notes what goes in and what comes out from now on: take it with [`poll_note`](Self::poll_note) often, for nothing
    /// bounds it. Without `payload`, whether checksums verified is noted as outcomes of chance are, so that a reader can
    /// do without the payload that they are sums of.
    ///
    /// # Errors
    /// [`NotNew`].
    pub fn journal(&mut self, payload: bool) -> Result<(), NotNew> {
        self.begin_journal(payload, false)
    }

    /// Takes outcomes of chance from what it is [`give`](Self::give)n from now on, and notes the frames that go out.
    /// `payload` as it was in [`journal`](Self::journal).
    ///
    /// # Errors
    /// [`NotNew`].
    pub fn rehearse(&mut self, payload: bool) -> Result<(), NotNew> {
        self.begin_journal(payload, true)
    }

    fn begin_journal(&mut self, payload: bool, rehearses: bool) -> Result<(), NotNew> {
        if self.journal.is_some() || !self.is_new() {
            return Err(NotNew);
        }
        for source in Source::ALL {
            let rng = self.rng(source);
            if rehearses { rng.rehearse() } else { rng.note_draws() }
        }
        self.ip.judges_by_tape = !payload;
        self.journal = Some(Box::new(Journal { notes: VecDeque::new(), rehearses, changing: None }));
        Ok(())
    }

    /// Notes nothing any more; what was not taken is gone.
    pub fn end_journal(&mut self) {
        self.journal = None;
        self.ip.judges_by_tape = false;
        for source in Source::ALL {
            self.rng(source).forget_draws();
        }
    }

    /// Takes the oldest note.
    pub fn poll_note(&mut self) -> Option<Note> {
        let journal = self.journal.as_ref()?;
        if journal.notes.is_empty() || journal.changing.is_some() {
            self.catch_up();
        }
        self.journal.as_mut()?.notes.pop_front()
    }

    /// Shows all notes, the oldest first, and forgets them: the same as to [poll](Self::poll_note) until there is none, and
    /// cheaper.
    pub fn take_notes(&mut self, take: impl FnMut(&Note)) {
        self.catch_up();
        if let Some(journal) = &mut self.journal {
            journal.notes.iter().for_each(take);
            journal.notes.clear();
        }
    }

    /// An outcome of chance for what is applied next, while it rehearses.
    pub fn give(&mut self, source: Source, drawn: Drawn) {
        self.rng(source).give(drawn);
    }

    /// Whether chance was asked otherwise than before, since the last time that this was called.
    pub fn rehearsed(&mut self) -> Option<AskedOtherwise> {
        let mut found = None;
        for source in Source::ALL {
            let (asked, left) = self.rng(source).rehearsed();
            if asked.is_some() || left.is_some() {
                found = found.or(Some(AskedOtherwise { source, asked, left }));
            }
        }
        found
    }

    /// Notes an input, if somebody keeps a journal.
    #[inline]
    pub(crate) fn note(&mut self, input: impl FnOnce() -> Input) {
        if self.journal.as_ref().is_some_and(|journal| !journal.rehearses) {
            let input = input();
            self.note_input(input);
        }
    }

    #[inline(never)]
    fn note_input(&mut self, input: Input) {
        self.catch_up();
        let Some(journal) = &mut self.journal else { return };
        if let (Input::PollEvent(more), Some(Note::Input(Input::PollEvent(count)))) =
            (&input, journal.notes.back_mut())
        {
            *count = count.saturating_add(*more);
            return;
        }
        if let Input::UdpOptionsMut(id, _) = input {
            journal.changing = Some(id);
            return;
        }
        journal.notes.push_back(Note::Input(input));
    }

    /// Notes a frame that arrives, and gives it back in one piece: what is put together is so once.
    #[inline(never)]
    pub(crate) fn note_arrival(&mut self, now: Instant, interface: InterfaceId, frame: &Frame) -> Frame {
        let arrived = Arrived::of(frame);
        self.note(|| Input::HandlePacket(now, interface, arrived.clone()));
        arrived.frame()
    }

    /// Notes a frame that goes out.
    #[inline]
    pub(crate) fn note_sent(&mut self, now: Instant, interface: InterfaceId, frame: &Frame) {
        if let Some(journal) = &mut self.journal {
            journal.notes.push_back(Note::Sent(now, interface, frame.clone()));
        }
    }

    /// Notes what came of the last input: what was drawn, and the settings that were changed.
    fn catch_up(&mut self) {
        let Some(mut journal) = self.journal.take() else { return };
        if !journal.rehearses {
            for source in Source::ALL {
                while let Some(drawn) = self.rng(source).take_drawn() {
                    journal.notes.push_back(Note::Drawn(source, drawn));
                }
            }
            if let Some(id) = journal.changing.take()
                && let Some(options) = self.udp_options(id)
            {
                journal.notes.push_back(Note::Input(Input::UdpOptionsMut(id, options.clone())));
            }
        }
        self.journal = Some(journal);
    }

    fn rng(&mut self, source: Source) -> &mut Rng {
        match source {
            Source::Ip => &mut self.ip.rng,
            Source::Groups => self.multicast.rng(),
            Source::Echo => self.echo.rng(),
        }
    }

    fn is_new(&self) -> bool {
        let counts = self.tcp_counts();
        self.ip.interfaces.len() == 1
            && self.ip.next_frame == 1
            && counts == crate::TcpCounts::default()
            && self.udp.is_empty()
            && self.echo.is_empty()
    }
}

#[cfg(test)]
mod tests;
