//! Whether the peer tells of marks at all (RFC 9768 §5.3; RFC 3168 §20.2).
//!
//! ```text
//!   something is lost, and no mark was told of ──► one segment leaves with CE ──► ACK of it
//!                                                                                   ├─ it tells of a mark: as it should
//!                                                                                   └─ it doesn't: nothing more asks for marks
//! ```
//!
//! A peer that keeps marks to itself, or a path that wipes them, would let a sender grow until packets are dropped, and push
//! aside everybody who slows down for marks. Without ECT it is dropped where others are marked. A queue that knows no marks
//! looks alike until it is asked, so questions are few: at the first loss, the second, the fourth ….

use super::{EcnMode, Marks};
use wire::SeqNum;

/// Where the question stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Question {
    #[default]
    None,
    /// The next new segment is the question.
    Due,
    /// It left, from the first number to before the second.
    Out(SeqNum, SeqNum),
}

/// What is known of the peer's honesty with marks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Honesty {
    question: Question,
    /// Losses that no mark was told of before.
    losses: u16,
    /// All octets told to have been marked when it was asked, or at the last loss.
    marked: u64,
    /// How often it kept a mark to itself.
    pub(super) kept: u8,
}

impl Marks {
    /// A loss made the window smaller. Whether marks could have told before is asked.
    pub(crate) fn lost(&mut self) {
        let honesty = &mut self.honesty;
        let silent = core::mem::replace(&mut honesty.marked, self.told.marked) == self.told.marked;
        honesty.question = Question::None;
        if !silent || !self.capable || !self.heeded {
            return;
        }
        honesty.losses = honesty.losses.saturating_add(1);
        if honesty.losses.is_power_of_two() {
            honesty.question = Question::Due;
        }
    }

    /// Whether the next new segment is a question, and goes alone.
    pub(crate) fn asks(&self) -> bool {
        self.honesty.question == Question::Due && self.capable
    }

    /// `start..end` leaves for the first time; whether it is to say that it was marked.
    pub(super) fn asks_with(&mut self, start: SeqNum, end: SeqNum) -> bool {
        let asks = self.asks() && start != end;
        if asks {
            self.honesty.question = Question::Out(start, end);
            self.honesty.marked = self.told.marked;
        }
        asks
    }

    /// `start..end` leaves again, and without a mark: nobody can tell any more what the question came to.
    pub(crate) fn on_resent(&mut self, start: SeqNum, end: SeqNum) {
        if let Question::Out(from, to) = self.honesty.question
            && start.before(to)
            && end.after(from)
        {
            self.honesty.question = Question::None;
        }
    }

    /// An ACK of everything before `ack` told of `marked` octets: how many of them the network marked, for a segment of ours
    /// of `segment` octets is no sign of congestion.
    pub(super) fn answered_by(&mut self, ack: SeqNum, marked: u32, segment: u32) -> u32 {
        let Question::Out(_, end) = self.honesty.question else { return marked };
        let tells = marked > 0 || self.told.marked > self.honesty.marked;
        if tells {
            self.honesty.question = Question::None;
            self.told.confirm |= self.mode == EcnMode::Classic;
            return if self.mode == EcnMode::Classic { 0 } else { marked.saturating_sub(segment) };
        }
        if ack.at_or_after(end) {
            self.honesty.question = Question::None;
            self.honesty.kept = self.honesty.kept.saturating_add(1);
            self.capable = false;
        }
        marked
    }
}
