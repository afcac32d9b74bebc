//! Explicit congestion notification: marks instead of losses (RFC 3168), and an exact account of them (RFC 9768).
//!
//! ```text
//!   SYN  ─ what we ask for ─►  SYN,ACK ─ what is agreed on ─►  Mode::Classic │ Mode::Accurate │ none      handshake
//!
//!   data arrives with CE ──► receiver ──► classic: ECE on every ACK until CWR comes
//!                                         accurate: a counter of packets in three flags, of octets in an option
//!   ECE, or a counter that moved ──► sender ──► Reduction::Ecn, once a window; CWR (classic); `marked` in each sample
//! ```
//!
//! Only data that is sent for the first time says that it is capable (ECT): no SYN, no pure ACK, nothing that is sent
//! again, no probe (RFC 3168 §6.1.4 to §6.1.6); [`EcnHabits::control`] is the exception.

mod habits;
mod handshake;
mod honesty;
mod option;
mod receiver;
mod sender;

pub use habits::{EcnHabits, EcnOption};
pub use handshake::EcnAgreement;
pub(crate) use handshake::{AceOfHandshake, Terms, ask, read_answer};
pub(crate) use option::Layout;
pub(crate) use receiver::Heard;
pub(crate) use sender::News;

use crate::{ConfigError, Segment};
use core::str::FromStr;
use honesty::Honesty;
use receiver::Received;
use sender::Told;
use wire::SeqNum;
use wire::tcp::Flags;

/// Whether a connection's marks are agreed on with the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Ecn {
    /// Never.
    Off,
    /// When the peer asks, in whichever way it asks; we do not ask.
    #[default]
    Accept,
    /// We ask in the classic way (RFC 3168 §6.1.1), and accept either.
    Classic,
    /// We ask for exact feedback and take the classic one when the peer knows no better (RFC 9768 §3.1), and accept either.
    Accurate,
    /// When the peer asks, in the classic way alone, as a host that knows no better; we do not ask.
    AcceptClassic,
    /// We ask and accept in the classic way alone.
    OnlyClassic,
}

impl Ecn {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Off, Self::Accept, Self::Classic, Self::Accurate, Self::AcceptClassic, Self::OnlyClassic];

    /// Whether our SYN asks.
    pub(crate) const fn asks(self) -> bool {
        matches!(self, Self::Classic | Self::Accurate | Self::OnlyClassic)
    }

    /// The same for peers that ask, and our SYN does not.
    pub(crate) const fn without_asking(self) -> Self {
        match self {
            Self::Classic | Self::Accurate => Self::Accept,
            Self::OnlyClassic => Self::AcceptClassic,
            other => other,
        }
    }

    /// The name by which tools know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Accept => "accept",
            Self::Classic => "classic",
            Self::Accurate => "accurate",
            Self::AcceptClassic => "accept-classic",
            Self::OnlyClassic => "only-classic",
        }
    }

    /// Whether nothing but RFC 3168 is known.
    pub(crate) const fn is_classic_alone(self) -> bool {
        matches!(self, Self::AcceptClassic | Self::OnlyClassic)
    }
}

/// By its name.
///
/// ```
/// use handfast_tcp::Ecn;
/// assert_eq!("accurate".parse(), Ok(Ecn::Accurate));
/// assert!("l4s".parse::<Ecn>().is_err());
/// ```
impl FromStr for Ecn {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or(ConfigError::Ecn)
    }
}

/// How marks are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnMode {
    /// One echo until the sender confirms it (RFC 3168).
    Classic,
    /// Counters (RFC 9768).
    Accurate,
}

/// The three bits that speak of marks.
pub(crate) const BITS: Flags = Flags::from_bits(Flags::AE.bits() | Flags::CWR.bits() | Flags::ECE.bits());

/// What was counted of a connection's marks, one way (RFC 9768 §3.2). Octets are those of payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// Packets with CE.
    pub packets: u64,
    /// Octets with CE.
    pub ce: u64,
    /// Octets with ECT(0).
    pub ect0: u64,
    /// Octets with ECT(1).
    pub ect1: u64,
}

/// What both halves remember. Made when the handshake agrees on marks, and boxed: most connections never do.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    pub(crate) mode: EcnMode,
    habits: EcnHabits,
    /// What is sent may say that it is capable.
    capable: bool,
    /// What the peer tells is answered; not when the handshake showed that it tells nothing.
    heeded: bool,
    /// The mark that the peer's SYN,ACK came with: pure ACKs of it say so (RFC 9768 §3.2.2.1).
    syn_ack: Option<wire::Ecn>,
    /// It came again, and the next pure ACK is of it.
    syn_ack_again: bool,
    /// The peer's third segment has yet to come, and speaks in the handshake's way.
    awaits_handshake: bool,
    received: Received,
    told: Told,
    honesty: Honesty,
}

impl Marks {
    /// For the side that asked, by the SYN,ACK that answers.
    pub(crate) fn asked(mode: EcnMode, answer: &Segment, iss: SeqNum, habits: EcnHabits) -> Self {
        // A SYN says that it is not capable, and must arrive so (RFC 9768 §3.2.2.3). What is reserved counts as that.
        let ace = ace(answer.header.flags);
        let mangled = mode == EcnMode::Accurate && !matches!(ace, 0b010 | 0b101);
        let mut marks = Self::new(mode, !(mangled && habits.fall_back), iss, habits);
        marks.told.options_in(answer);
        marks.told.stamp = answer.header.options.timestamps.map(|stamps| stamps.value);
        if mode == EcnMode::Accurate {
            marks.syn_ack = Some(wire::Ecn::NotEct);
            marks.syn_ack_came(answer.ecn);
            marks.syn_ack_again = false;
        } else if answer.ecn == wire::Ecn::Ce {
            marks.received.packets += 1;
        }
        marks.received.trials = 2;
        marks
    }

    /// For the side that was asked, by what its half-open record knows.
    pub(crate) fn answered(agreement: &EcnAgreement, iss: SeqNum, habits: EcnHabits) -> Self {
        let EcnAgreement { terms, first } = agreement;
        let mut marks = Self::new(terms.mode, terms.capable && first.capable, iss, habits);
        marks.heeded = first.heeded;
        marks.told.packets = first.packets;
        marks.awaits_handshake = first.pure;
        marks
    }

    /// The peer's SYN,ACK came, maybe not for the first time: the latest is told of (RFC 9768 §3.1.5), and CE counts once
    /// (§3.2.2.2).
    pub(crate) fn syn_ack_came(&mut self, mark: wire::Ecn) {
        let Some(last) = &mut self.syn_ack else { return };
        *last = mark;
        self.syn_ack_again = true;
        if mark == wire::Ecn::Ce && !core::mem::replace(&mut self.received.syn_ack_counted, true) {
            self.received.packets += 1;
        }
    }

    /// Other habits from now on. What the handshake came to stays.
    pub(crate) fn set_habits(&mut self, habits: EcnHabits) {
        self.habits = habits;
    }

    /// Packets that came with CE, and octets that the peer told to have been marked.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.received.marked, self.told.marked)
    }

    /// Whether the last ACKs of a connection that nobody uses any more tell nothing.
    pub(crate) const fn forgotten_at_the_end(&self) -> bool {
        self.habits.forgets_at_the_end
    }

    /// What came, and what the peer told of what we sent.
    pub(crate) fn exactly(&self) -> (EcnCounts, EcnCounts) {
        (self.received.counts(), self.told.counts())
    }

    /// Whether an option of the peer was seen, and whether ours seem to be lost on the way.
    pub(crate) const fn options_seen_and_lost(&self) -> (bool, bool) {
        (self.told.options, self.received.blocked)
    }

    /// Whether what is sent asks for no marks although that was agreed on: the path, or the peer, makes nothing of them.
    pub(crate) const fn fails(&self) -> bool {
        !self.capable
    }

    /// How often the peer kept a mark to itself that a segment left with, or the path wiped it out.
    pub(crate) const fn kept(&self) -> u8 {
        self.honesty.kept
    }

    /// Segments that the peer told to have been marked: its counter, or in the classic way as many as the octets make.
    pub(crate) fn segments_told(&self, segment_size: u32) -> u64 {
        match self.mode {
            EcnMode::Classic => self.told.marked.div_ceil(u64::from(segment_size.max(1))),
            EcnMode::Accurate => self.told.packets - sender::FIRST,
        }
    }

    /// Whether marks made the window smaller, and some of what was out then still is.
    pub(crate) fn reducing(&self, una: SeqNum) -> bool {
        una.before(self.told.answered)
    }

    /// Whether the peer's SYN,ACK is still to be acknowledged by a segment of its own, which tells how it came (RFC 9768
    /// §3.2.2.1).
    pub(crate) const fn acks_alone(&self) -> bool {
        self.syn_ack.is_some()
    }

    fn new(mode: EcnMode, capable: bool, iss: SeqNum, habits: EcnHabits) -> Self {
        Self {
            mode,
            habits,
            capable,
            heeded: true,
            syn_ack: None,
            syn_ack_again: false,
            awaits_handshake: false,
            received: Received::default(),
            told: Told::new(iss),
            honesty: Honesty::default(),
        }
    }
}

/// The flags AE, CWR and ECE as a number of three bits.
pub(crate) fn ace(flags: Flags) -> u8 {
    (flags.bits() >> 6 & 0b111) as u8
}

/// A number of three bits as flags.
pub(crate) fn ace_flags(number: u8) -> Flags {
    Flags::from_bits(u16::from(number & 0b111) << 6)
}

#[cfg(test)]
mod tests;
