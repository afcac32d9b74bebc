//! What the SYNs agree on (RFC 3168 §6.1.1; RFC 9768 §3.1).
//!
//! | SYN: AE CWR ECE | SYN,ACK: AE CWR ECE     | agreed                                   |
//! |-----------------|-------------------------|------------------------------------------|
//! | 0 0 0           | 0 0 0                   | nothing                                  |
//! | 0 1 1           | 0 0 1                   | classic                                  |
//! | 1 1 1, others   | 010, 011, 100, 110, 101 | accurate; the SYN,ACK says how the SYN came |
//! | 1 1 1           | 0 0 1                   | classic: the peer knows no better        |
//! | any             | 0 0 0, 1 1 1 (an echo)  | nothing                                  |

use super::{BITS, Ecn, EcnHabits, EcnMode, EcnOption, ace, ace_flags};
use crate::Segment;
use wire::tcp::{AccurateEcn, Flags};

/// What our SYN asks, sent again for the `again`th time. A path that loses such SYNs gets plain ones from the second
/// repetition on (3168-8; RFC 9768 §3.1.4.1).
pub(crate) fn ask(config: Ecn, again: u64, habits: &EcnHabits) -> Flags {
    match config {
        _ if again > 1 && habits.fall_back => Flags::NONE,
        Ecn::Off | Ecn::Accept | Ecn::AcceptClassic => Flags::NONE, // 3168-7
        Ecn::Classic | Ecn::OnlyClassic => Flags::CWR | Flags::ECE, // 3168-1
        Ecn::Accurate => BITS,                                      // 9768-1
    }
}

/// What a SYN,ACK agrees to (3168-5; 9768-2).
pub(crate) fn read_answer(config: Ecn, answer: Flags) -> Option<EcnMode> {
    match (config, ace(answer)) {
        (Ecn::Off | Ecn::Accept | Ecn::AcceptClassic, _) => None,
        (Ecn::Classic | Ecn::OnlyClassic | Ecn::Accurate, 0b001) => Some(EcnMode::Classic),
        (Ecn::Classic | Ecn::OnlyClassic, _) | (Ecn::Accurate, 0b000 | 0b111) => None,
        (Ecn::Accurate, _) => Some(EcnMode::Accurate),
    }
}

/// What the SYN of a peer asks for, as far as we go along. Small, for a half-open record keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) mode: EcnMode,
    /// How the last SYN came; the SYN,ACK says so.
    syn: wire::Ecn,
    /// Every SYN asked and every SYN,ACK answered: a peer that also sent a plain one, or got one, may never have seen what
    /// we agreed to (RFC 9768 §3.1.5).
    pub(crate) capable: bool,
    /// We know RFC 3168 alone: the third flag is nothing to us.
    classic_alone: bool,
    fall_back: bool,
    /// Counters in the SYN,ACK's option: none, two or three.
    counters: u8,
}

impl Terms {
    /// What we answer to `syn` (3168-2; 9768-3).
    pub(crate) fn of(config: Ecn, habits: &EcnHabits, syn: &Segment) -> Option<Self> {
        let classic_alone = config.is_classic_alone();
        let counters = match habits.option {
            EcnOption::Never => 0,
            _ if habits.all_counters => 3,
            _ => 2,
        };
        let mode = if config == Ecn::Off { None } else { asked_for(classic_alone, syn.header.flags) };
        let fall_back = habits.fall_back;
        Some(Self { mode: mode?, syn: syn.ecn, capable: true, classic_alone, fall_back, counters })
    }

    /// The SYN came again. `false` when it asks for another mode, which no honest peer does (9768-4).
    pub(crate) fn again(&mut self, syn: &Segment) -> bool {
        self.syn = syn.ecn;
        match asked_for(self.classic_alone, syn.header.flags) {
            None => {
                self.capable = false;
                true
            }
            Some(mode) => mode == self.mode,
        }
    }

    /// The flags of the SYN,ACK that the timer sends for the `again`th time, or that answers a SYN at once.
    pub(crate) fn answer(self, again: Option<u8>) -> Flags {
        match self.mode {
            EcnMode::Classic => Flags::ECE, // 3168-1
            EcnMode::Accurate if self.gives_up(again) => Flags::NONE,
            EcnMode::Accurate => ace_flags(code(self.syn)),
        }
    }

    /// Neither the SYN,ACK with flags and option nor the one with flags alone got through, it seems (RFC 9768 §3.2.3.2.2).
    pub(crate) fn gives_up(self, again: Option<u8>) -> bool {
        self.mode == EcnMode::Accurate && self.fall_back && again.is_some_and(|again| again > 1)
    }

    /// The option of the first SYN,ACK, which shows whether the path lets it through (RFC 9768 §3.2.3.2.1).
    pub(crate) fn option(self) -> Option<AccurateEcn> {
        let count = usize::from(self.counters);
        let sends = self.mode == EcnMode::Accurate && count > 0;
        sends.then(|| AccurateEcn::new(count > 2, [1, 0, 1], count))
    }
}

/// The mode that the flags of a SYN ask for. Bits of the future ask for counters (9768-3); who knows RFC 3168 alone sees two
/// of the three.
fn asked_for(classic_alone: bool, flags: Flags) -> Option<EcnMode> {
    match ace(flags) {
        0b000 => None,
        0b011 => Some(EcnMode::Classic),
        bits if classic_alone => (bits == 0b111).then_some(EcnMode::Classic),
        _ => Some(EcnMode::Accurate),
    }
}

/// How the handshake tells a mark, both on the SYN,ACK and on its pure ACK (RFC 9768, tables 2 and 3).
pub(super) const fn code(mark: wire::Ecn) -> u8 {
    match mark {
        wire::Ecn::NotEct => 0b010,
        wire::Ecn::Ect1 => 0b011,
        wire::Ecn::Ect0 => 0b100,
        wire::Ecn::Ce => 0b110,
    }
}

/// What a handshake agreed on about marks; for the connection that is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcnAgreement {
    pub(crate) terms: Terms,
    pub(crate) first: AceOfHandshake,
}

/// What the ACK of our SYN,ACK says (RFC 9768, table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AceOfHandshake {
    /// It speaks in the handshake's way, and is no counter.
    pub(super) pure: bool,
    pub(super) heeded: bool,
    pub(super) capable: bool,
    /// CE marks that the peer has counted so far, its first value included.
    pub(super) packets: u64,
}

impl AceOfHandshake {
    /// Reads it off the segment that completes the handshake.
    pub(crate) fn of(terms: &Terms, segment: &Segment) -> Self {
        let mode = terms.mode;
        let pure = mode == EcnMode::Accurate
            && segment.seq_len() == 0
            && segment.header.options.sack.is_empty()
            && !segment.has(Flags::SYN);
        let plain = Self { pure, heeded: true, capable: true, packets: super::sender::FIRST };
        match ace(segment.header.flags) {
            _ if !pure => plain,
            0b000 => Self { heeded: false, capable: false, ..plain },
            // Our SYN,ACK said that it is not capable, and came otherwise: what is on the way writes into the field.
            0b011 | 0b100 => Self { capable: !terms.fall_back, ..plain },
            0b110 => Self { capable: !terms.fall_back, packets: plain.packets + 1, ..plain },
            _ => plain,
        }
    }
}
