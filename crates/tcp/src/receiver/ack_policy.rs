//! When to acknowledge (RFC 9293 §3.8.6.3; RFC 5681 §4.2).
//!
//! ```text
//!    first segments of a connection, out of order, hole filled, duplicate, FIN ──► at once
//!    two full segments' worth since the last ACK                               ──► at once
//!    less than that                                                            ──► in 40 ms, or with our data
//!    any of it, and FIN, where ACKs wait for answers and the last one carried one  ──► the same
//!    above a hole with SACK, from the fourth answer on                         ──► in a twentieth of a round trip, together
//! ```
//!
//! "At once" is the next time that somebody polls: segments that arrived together are all processed before, and share
//! one ACK (RFC 9293 MUST-58, MUST-59).
//!
//! Three duplicate ACKs tell a sender of a hole, and are never late (RFC 5681 §4.2). Those after them say which octets it need
//! not send again. Where a path changes the order of packets one in each segment would say too much too soon: of the
//! quickest packet, by which the sender judges when all others are lost (RACK's window, RFC 8985 §6.2), and of holes that are
//! none a moment later. So these reports wait a little for what follows, and one ACK tells of all of them (RFC 2018 §4
//! lets it; an ACK that is late by less than half a second is within RFC 9293 MUST-40).

use crate::Why;
use env::{Duration, Instant};

/// An ACK waits less than this (RFC 9293 MUST-40, 5681-28).
const LONGEST_DELAY: Duration = Duration::from_millis(499);
/// Segments at the start that are acknowledged at once, so that slow start is not held up.
const QUICK: u8 = 16;
/// Answers about a hole that never wait: as many as a sender counts (RFC 5681 §3.2).
const PROMPT: u8 = 3;
/// A report waits for this part of a round trip at most.
const REPORT_SHARE: u32 = 20;
/// What a full segment is taken to be until one was seen.
const USUAL_MSS: u32 = 536;

/// Which ACK is owed, and since when.
#[derive(Clone, Debug)]
pub(super) struct AckPolicy {
    /// How long one waits, in nanoseconds.
    delay: u32,
    /// What is owed at once.
    due: Option<Why>,
    /// When a waiting ACK goes; [`Instant::FAR`] when none waits.
    deadline: Instant,
    /// The largest segment seen (RMSS of RFC 5681 §2).
    rmss: u32,
    /// Segments that are still acknowledged at once.
    quick: u8,
    /// Duplicate ACKs owed, when each counts by itself.
    owed: u8,
    /// How long a report of what is above a hole waits, in nanoseconds; zero where none does.
    patience: u32,
    /// How many may wait together.
    most: u8,
    /// Answers that went at once since the number acknowledged moved, up to [`PROMPT`].
    prompt: u8,
    /// Reports that wait.
    reports: u8,
    /// ACKs may wait for answers to travel with.
    answers: bool,
    /// And do: what was sent last was an answer.
    answering: bool,
    /// Text came.
    heard: bool,
    /// When the last did, in milliseconds: 49 days later this is mistaken for now, which costs one ACK its haste.
    heard_at: u32,
}

impl AckPolicy {
    /// Nothing is owed; `mss` bounds what counts as a full segment.
    pub(super) fn new(delay: Duration, mss: u32, answers: bool) -> Self {
        Self {
            delay: nanos(delay),
            due: None,
            deadline: Instant::FAR,
            rmss: mss.min(USUAL_MSS),
            quick: QUICK,
            owed: 0,
            patience: 0,
            most: 0,
            prompt: 0,
            reports: 0,
            answers,
            answering: false,
            heard: false,
            heard_at: 0,
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay.into())
    }

    /// An ACK waits for so long from now on.
    pub(super) fn set_delay(&mut self, delay: Duration) {
        self.delay = nanos(delay);
    }

    /// The largest segment seen.
    pub(super) const fn rmss(&self) -> u32 {
        self.rmss
    }

    /// Learns the size of full segments; whether it is new.
    pub(super) fn saw(&mut self, size: u32, mss: u32) -> bool {
        let known = self.rmss;
        self.rmss = self.rmss.max(size.min(mss)).max(1);
        self.rmss != known
    }

    /// `segments` came in order; `waiting` octets are now unacknowledged, `enough` are worth an ACK.
    pub(super) fn in_order(&mut self, now: Instant, segments: u32, waiting: u64, enough: u64) {
        if self.quick > 0 && !self.answering {
            self.quick = self.quick.saturating_sub(u8::try_from(segments).unwrap_or(u8::MAX));
            self.demand(Why::QuickAck);
        } else if waiting >= enough {
            self.demand(Why::SecondSegment); // RFC 9293 SHLD-19, 5681-28
        } else {
            self.wait(now); // RFC 9293 SHLD-18
        }
    }

    /// `waiting` octets are unacknowledged, and half the buffer is used: the ACK that follows a read opens the window, this one
    /// would not. So it waits, and no ACK is quick any more.
    pub(super) fn in_order_and_short(&mut self, now: Instant) {
        self.quick = 0;
        if self.due.is_none() {
            self.wait(now);
        }
    }

    /// The user read, and `waiting` octets are unacknowledged: more than a segment waits no longer.
    pub(super) fn read(&mut self, waiting: u64) {
        if self.deadline != Instant::FAR && waiting > u64::from(self.rmss) {
            self.demand(Why::SecondSegment);
        }
    }

    /// Text came, other than with a SYN.
    pub(super) fn heard(&mut self, now: Instant) {
        (self.heard, self.heard_at) = (true, millis(now));
    }

    /// Data of ours leaves: soon after something came, or where it `completes` the handshake, it is taken for an answer.
    pub(super) fn answered(&mut self, now: Instant, completes: bool) {
        if self.answers {
            let age = millis(now).wrapping_sub(self.heard_at);
            let soon = self.heard && u128::from(age) < self.delay().as_millis();
            self.answering |= soon || completes;
        }
    }

    /// The peer may be able to send very little before it hears of us: no ACK waits for an answer now.
    pub(super) fn hurry(&mut self) {
        self.answering = false;
    }

    /// The peer's FIN came in order. Whoever reads the end of a stream is about to close: the ACK may travel with that FIN,
    /// if text came before it and no more is `waiting` than half of what is worth an ACK.
    pub(super) fn fin(&mut self, now: Instant, waiting: u64) {
        self.answering = self.answers;
        if self.answers && self.heard && waiting <= u64::from(self.rmss) && self.due.is_none() {
            self.wait(now);
        } else {
            self.demand(Why::AcknowledgesFin);
        }
    }

    /// `segments` came above a hole: each is answered (RFC 5681 §4.2, 5681-29; RFC 2018 §4), for a sender counts duplicate ACKs
    /// to find what is lost and what has left the network, even when they arrived together.
    pub(super) fn out_of_order(&mut self, segments: u32) {
        self.demand(Why::OutOfOrder);
        self.owed = self.owed.saturating_add(u8::try_from(segments).unwrap_or(u8::MAX));
    }

    /// Reports of what is above a hole may wait for a twentieth of `round_trip`, and for `longest`; `most` of them together. None
    /// does where no round trip was measured.
    pub(super) fn set_patience(&mut self, longest: Duration, most: u8, round_trip: Option<Duration>) {
        self.patience = nanos(longest.min(round_trip.unwrap_or_default() / REPORT_SHARE));
        self.most = most;
    }

    /// There was no hole before this, or something of one was filled: what tells of the next first is not to wait.
    pub(super) fn new_hole(&mut self) {
        self.prompt = 0;
    }

    /// Something above a hole is to be told to a peer that has SACK. Whether it waits to be told with what follows; if not, an
    /// ACK is to be demanded.
    pub(super) fn report(&mut self, now: Instant) -> bool {
        if self.prompt < PROMPT {
            self.prompt += 1;
            return false;
        }
        if self.patience == 0 {
            return false;
        }
        if self.quick > 0 && !self.answering {
            self.quick -= 1;
            return false;
        }
        if self.reports >= self.most {
            return false;
        }
        self.reports += 1;
        self.deadline = self.deadline.min(now + Duration::from_nanos(self.patience.into()));
        true
    }

    /// An ACK is owed, and waits, if none does yet.
    fn wait(&mut self, now: Instant) {
        if self.deadline == Instant::FAR {
            self.deadline = now + self.delay();
        }
    }

    /// An ACK is owed at once. The most telling reason is kept.
    pub(super) fn demand(&mut self, why: Why) {
        if self.due.is_none_or(|due| rank(why) >= rank(due)) {
            self.due = Some(why);
        }
        self.deadline = Instant::FAR;
    }

    /// Whether an ACK must go now, and why.
    pub(super) fn due(&self, now: Instant) -> Option<Why> {
        self.due.or_else(|| (self.deadline <= now).then_some(self.waited()))
    }

    /// Why an ACK goes that had to wait.
    fn waited(&self) -> Why {
        match self.reports {
            0 => Why::DelayedAck(self.delay()),
            reports => Why::DelayedReport(reports),
        }
    }

    /// When a waiting ACK goes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.deadline != Instant::FAR).then_some(self.deadline)
    }

    /// Turns a wait that is over into an ACK owed.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.deadline <= now {
            self.answering &= self.reports > 0; // No answer came in time.
            self.demand(self.waited());
        }
    }

    /// Duplicate ACKs that are owed besides the next ACK.
    pub(super) fn owed_after_next(&self) -> usize {
        let alike = self.due == Some(Why::OutOfOrder);
        if alike { usize::from(self.owed.saturating_sub(1)) } else { 0 }
    }

    /// An ACK goes out.
    pub(super) fn sent(&mut self) {
        self.deadline = Instant::FAR;
        self.reports = 0;
        self.owed = self.owed.saturating_sub(1);
        let more = self.owed > 0 && self.due == Some(Why::OutOfOrder);
        if !more {
            self.due = None;
            self.owed = 0;
        }
    }
}

/// A delay within the limit: less than 2^32 nanoseconds.
fn nanos(delay: Duration) -> u32 {
    delay.min(LONGEST_DELAY).subsec_nanos()
}

fn millis(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000) as u32
}

/// How much a reason tells: what only routine asks for gives way to what happened.
const fn rank(why: Why) -> u8 {
    match why {
        Why::WindowUpdate | Why::DelayedAck(_) | Why::DelayedReport(_) => 0,
        Why::QuickAck | Why::SecondSegment => 1,
        Why::AcknowledgesFin => 3,
        _ => 2,
    }
}
