//! The journal: everything that goes into a host, noted as it goes in, so that another host can be given it again.
//!
//! ```text
//!   call, frame, time ─► Input ─┐                        Input::apply ─► a host that rehearses
//!   chance ─► Drawn ────────────┼─► notes ─► poll_note        │ give(Drawn), before
//!   frame out ─► Sent ──────────┘     └────► Keeper           └─► Sent: the same, or the code has changed
//! ```
//!
//! What a host does follows from its settings, its inputs in their order, and the outcomes of chance; nothing else. Of
//! chance only outcomes are noted, never the seed or a key: see [`env::Chance`]. Watching a host
//! ([`Host::watch`]) and looking at it changes nothing that it does, and is not noted.
//!
//! While no journal is kept, a call costs one branch more.

mod input;
mod keep;

pub use input::{Arrived, Input};
pub use keep::{Keeper, Noted};

use crate::{Host, InterfaceId, Medium, UdpId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use env::{Chance, Drawn, Instant, Rng};
use keep::Kept;
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

/// A host's journal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    kept: Kept,
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
        self.begin_journal(payload, false, Kept::Queue(VecDeque::new()))
    }

    /// The same, and shows each note to `keeper` at once instead of having it wait: the cheapest. Have it hand them on with
    /// [`pass_notes`](Self::pass_notes). A copy of the host shows nobody anything.
    ///
    /// # Errors
    /// [`NotNew`].
    pub fn journal_to(&mut self, payload: bool, keeper: Box<dyn Keeper>) -> Result<(), NotNew> {
        self.begin_journal(payload, false, Kept::Keeper(keeper))
    }

    /// Takes outcomes of chance from what it is [`give`](Self::give)n from now on, and notes the frames that go out.
    /// `payload` as it was in [`journal`](Self::journal).
    ///
    /// # Errors
    /// [`NotNew`].
    pub fn rehearse(&mut self, payload: bool) -> Result<(), NotNew> {
        self.begin_journal(payload, true, Kept::Queue(VecDeque::new()))
    }

    fn begin_journal(&mut self, payload: bool, rehearses: bool, kept: Kept) -> Result<(), NotNew> {
        if self.journal.is_some() || !self.is_new() {
            return Err(NotNew);
        }
        for source in Source::ALL {
            let rng = self.rng(source);
            if rehearses { rng.rehearse() } else { rng.note_draws() }
        }
        self.ip.judges_by_tape = !payload;
        self.journal = Some(Box::new(Journal { kept, rehearses, changing: None }));
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

    /// Takes the oldest note of those that wait.
    pub fn poll_note(&mut self) -> Option<Note> {
        let journal = self.journal.as_ref()?;
        if matches!(&journal.kept, Kept::Queue(notes) if notes.is_empty()) || journal.changing.is_some() {
            self.catch_up();
        }
        match &mut self.journal.as_mut()?.kept {
            Kept::Queue(notes) => notes.pop_front(),
            Kept::Keeper(_) | Kept::Not => None,
        }
    }

    /// Shows the keeper what came of the last input, too, and has it hand on all that it has seen: after each turn, say.
    /// `false` when it wants no more, or there is none; then there is no journal any more either.
    pub fn pass_notes(&mut self) -> bool {
        self.catch_up();
        let going = match self.journal.as_mut().map(|journal| &mut journal.kept) {
            Some(Kept::Keeper(keeper)) => keeper.pass(),
            _ => false,
        };
        if !going {
            self.end_journal();
        }
        going
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
        if let Input::UdpOptionsMut(id, _) = input {
            journal.changing = Some(id);
            return;
        }
        journal.kept.note(Noted::Input(&input));
    }

    /// Notes a frame that arrives, and gives it back in one piece: what is put together is so once.
    #[inline(never)]
    pub(crate) fn note_arrival(&mut self, now: Instant, interface: InterfaceId, frame: Frame) -> Frame {
        let whole = frame.head.as_slice().is_empty() && frame.body.chunks().len() <= 1;
        let frame = if whole { frame } else { Arrived::of(&frame).frame() };
        self.catch_up();
        let medium = self.first_header(interface);
        if let Some(journal) = self.journal.as_mut().filter(|journal| !journal.rehearses) {
            journal.kept.note(Noted::Arrived(now, interface, medium, &frame));
        }
        frame
    }

    /// Notes a frame that goes out.
    #[inline]
    pub(crate) fn note_sent(&mut self, now: Instant, interface: InterfaceId, frame: &Frame) {
        if self.journal.is_some() {
            let medium = self.first_header(interface);
            if let Some(journal) = &mut self.journal {
                journal.kept.note(Noted::Sent(now, interface, medium, frame));
            }
        }
    }

    /// What frames of an interface begin with; IP, when there is no such interface.
    fn first_header(&self, interface: InterfaceId) -> wire::Medium {
        match self.medium_at(interface.index()) {
            Some(Medium::Ethernet(_)) => wire::Medium::Ethernet,
            Some(Medium::Ip) | None => wire::Medium::Ip,
        }
    }

    /// Notes what came of the last input: what was drawn, and the settings that were changed.
    #[inline]
    fn catch_up(&mut self) {
        let owing = |journal: &Journal| {
            !journal.rehearses
                && (journal.changing.is_some()
                    || self.ip.rng.has_drawn()
                    || self.multicast.has_drawn()
                    || self.echo.has_drawn())
        };
        if self.journal.as_deref().is_some_and(owing) {
            self.note_outcomes();
        }
    }

    fn note_outcomes(&mut self) {
        let Some(mut journal) = self.journal.take() else { return };
        for source in Source::ALL {
            while let Some(drawn) = self.rng(source).take_drawn() {
                journal.kept.note(Noted::Drawn(source, drawn));
            }
        }
        if let Some(id) = journal.changing.take()
            && let Some(options) = self.udp_options(id)
        {
            journal.kept.note(Noted::Input(&Input::UdpOptionsMut(id, options.clone())));
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
