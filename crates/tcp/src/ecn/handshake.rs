//! What the SYNs agree on (RFC 3168 §6.1.1; RFC 9768 §3.1).
//!
//! | SYN: AE CWR ECE | SYN,ACK: AE CWR ECE     | agreed                                   |
//! |-----------------|-------------------------|------------------------------------------|
//! | 0 0 0           | 0 0 0                   | nothing                                  |
//! | 0 1 1           | 0 0 1                   | classic                                  |
//! | 1 1 1, others   | 010, 011, 100, 110, 101 | accurate; the SYN,ACK says how the SYN came |
//! | 1 1 1           | 0 0 1                   | classic: the peer knows no better        |
//! | any             | 0 0 0, 1 1 1 (an echo)  | nothing                                  |

use super::{BITS, Ecn, EcnMode, ace, ace_flags};
use crate::Segment;
use wire::tcp::{AccurateEcn, Flags};

/// What our SYN asks, sent again for the `again`th time. A path that loses such SYNs gets plain ones from the second
/// repetition on (3168-8; RFC 9768 §3.1.4.1).
pub(crate) fn ask(config: Ecn, again: u64) -> Flags {
    match config {
        _ if again > 1 => Flags::NONE,
        Ecn::Off | Ecn::Accept => Flags::NONE,   // 3168-7
        Ecn::Classic => Flags::CWR | Flags::ECE, // 3168-1
        Ecn::Accurate => BITS,                   // 9768-1
    }
}

/// What a SYN,ACK agrees to (3168-5; 9768-2).
pub(crate) fn read_answer(config: Ecn, answer: Flags) -> Option<EcnMode> {
    match (config, ace(answer)) {
        (Ecn::Off | Ecn::Accept, _) => None,
        (Ecn::Classic | Ecn::Accurate, 0b001) => Some(EcnMode::Classic),
        (Ecn::Classic, _) | (Ecn::Accurate, 0b000 | 0b111) => None,
        (Ecn::Accurate, _) => Some(EcnMode::Accurate),
    }
}

/// What the SYN of a peer asks for, as far as we go along. Three bits at most, for a half-open record keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) mode: EcnMode,
    /// How the last SYN came; the SYN,ACK says so.
    syn: wire::Ecn,
    /// Every SYN asked: a peer that also sent a plain one may never have seen what we agreed to (RFC 9768 §3.1.5).
    pub(crate) capable: bool,
}

impl Terms {
    /// What we answer to `syn` (3168-2; 9768-3).
    pub(crate) fn of(config: Ecn, syn: &Segment) -> Option<Self> {
        let mode = match (config, ace(syn.header.flags)) {
            (Ecn::Off, _) | (_, 0b000) => return None,
            (_, 0b011) => EcnMode::Classic,
            _ => EcnMode::Accurate,
        };
        Some(Self { mode, syn: syn.ecn, capable: true })
    }

    /// The SYN came again. `false` when it asks for another mode, which no honest peer does (9768-4).
    pub(crate) fn again(&mut self, syn: &Segment) -> bool {
        self.syn = syn.ecn;
        match (self.mode, ace(syn.header.flags)) {
            (_, 0b000) => {
                self.capable = false;
                true
            }
            (mode, 0b011) => mode == EcnMode::Classic,
            (mode, _) => mode == EcnMode::Accurate,
        }
    }

    /// The flags of the SYN,ACK.
    pub(crate) fn answer(self) -> Flags {
        match self.mode {
            EcnMode::Classic => Flags::ECE, // 3168-1
            EcnMode::Accurate => ace_flags(code(self.syn)),
        }
    }

    /// The option of the first SYN,ACK, which shows whether the path lets it through (RFC 9768 §3.2.3.2.1).
    pub(crate) fn option(self) -> Option<AccurateEcn> {
        (self.mode == EcnMode::Accurate).then(|| AccurateEcn::new(false, [1, 0, 1], 2))
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
    pub(crate) fn of(mode: EcnMode, segment: &Segment) -> Self {
        let pure = mode == EcnMode::Accurate
            && segment.seq_len() == 0
            && segment.header.options.sack.is_empty()
            && !segment.has(Flags::SYN);
        let plain = Self { pure, heeded: true, capable: true, packets: super::sender::FIRST };
        match ace(segment.header.flags) {
            _ if !pure => plain,
            0b000 => Self { heeded: false, capable: false, ..plain },
            // Our SYN,ACK said that it is not capable, and came otherwise: what is on the way writes into the field.
            0b011 | 0b100 => Self { capable: false, ..plain },
            0b110 => Self { capable: false, packets: plain.packets + 1, ..plain },
            _ => plain,
        }
    }
}
