//! Where notes go: into a queue, or to somebody who sees them as they are made.
//!
//! ```text
//!   note ─┬─► queue of Notes ─► poll_note        a copy each, taken when there is time
//!         └─► Keeper::keep(Noted)                where things lie: nothing is copied, nothing is held
//! ```
//!
//! What a note costs is paid for each packet. A queue of frames holds their payload, and so the buffers that a device would
//! use again; a [`Keeper`] writes down what it wants of them at once.

use super::{Arrived, Note, Source};
use crate::{Input, InterfaceId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use env::{Drawn, Instant};
use wire::{Frame, Medium};

/// What is noted, where it lies.
#[derive(Clone, Copy, Debug)]
pub enum Noted<'a> {
    /// Something goes in. What follows up to the next of these, or of [`Arrived`](Self::Arrived), came of it.
    Input(&'a Input),
    /// A frame goes in, in one piece: [`Input::HandlePacket`], before anything was copied.
    Arrived(Instant, InterfaceId, Medium, &'a Frame),
    /// Chance decided something.
    Drawn(Source, Drawn),
    /// A frame was handed out at this instant, for this interface.
    Sent(Instant, InterfaceId, Medium, &'a Frame),
}

/// Somebody who is shown each note of a host as it is made.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// Sees a note.
    fn keep(&mut self, noted: Noted<'_>);

    /// A good time to hand on what was seen so far: see [`Host::pass_notes`](crate::Host::pass_notes). `false` when there
    /// is no use in more.
    fn pass(&mut self) -> bool;
}

/// Where a journal's notes go.
#[derive(Debug)]
pub(super) enum Kept {
    /// They wait.
    Queue(VecDeque<Note>),
    /// Somebody sees them.
    Keeper(Box<dyn Keeper>),
    /// Nobody wants them: the journal of a copied host whose notes somebody else sees.
    Not,
}

/// What a host did is noted once: the notes of its copy are another story, which no keeper asked for.
impl Clone for Kept {
    fn clone(&self) -> Self {
        match self {
            Self::Queue(notes) => Self::Queue(notes.clone()),
            Self::Keeper(_) | Self::Not => Self::Not,
        }
    }
}

impl Kept {
    pub(super) fn note(&mut self, noted: Noted<'_>) {
        match self {
            Self::Queue(notes) => queue(notes, noted),
            Self::Keeper(keeper) => keeper.keep(noted),
            Self::Not => {}
        }
    }
}

fn queue(notes: &mut VecDeque<Note>, noted: Noted<'_>) {
    if let (Noted::Input(Input::PollEvent(more)), Some(Note::Input(Input::PollEvent(count)))) =
        (noted, notes.back_mut())
    {
        *count = count.saturating_add(*more);
        return;
    }
    notes.push_back(match noted {
        Noted::Input(input) => Note::Input(input.clone()),
        Noted::Arrived(now, interface, _, frame) => {
            Note::Input(Input::HandlePacket(now, interface, Arrived::of(frame)))
        }
        Noted::Drawn(source, drawn) => Note::Drawn(source, drawn),
        Noted::Sent(at, interface, _, frame) => Note::Sent(at, interface, frame.clone()),
    });
}
