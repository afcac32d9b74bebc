//! What marks came, and how they are told back.

use super::{EcnMode, Marks, ace_flags, handshake};
use crate::Segment;
use wire::Ecn;
use wire::tcp::{AccurateEcn, Flags};

/// What a first value that is not zero is for: a field that something on the way has wiped shows (RFC 9768 §3.2.1).
const FIRST_PACKETS: u64 = 5;
const FIRST_OCTETS: u32 = 1;
/// CE marks after which an ACK must go, while data waits for one and when none does (9768-6).
const MARKS_WITH_DATA: u32 = 2;
const MARKS_WITHOUT: u32 = 3;

/// Counters of what arrived (r.cep, r.ceb, r.e0b, r.e1b of RFC 9768 §3.2), and the echo of RFC 3168.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) packets: u64,
    /// Of these, those that really came; in the classic mode as well.
    pub(super) marked: u64,
    ce: u32,
    ect0: u32,
    ect1: u32,
    /// Segments that have an option whether a counter moved or not: it shows whether the path lets it through.
    pub(super) trials: u8,
    /// As told in the last option.
    told: [u32; 3],
    /// The last packet came with CE.
    last_ce: bool,
    /// CE marks since the last ACK.
    since_ack: u32,
    /// ECE is to be said until CWR comes (3168-14).
    echo: bool,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            packets: FIRST_PACKETS,
            marked: 0,
            ce: 0,
            ect0: FIRST_OCTETS,
            ect1: FIRST_OCTETS,
            trials: 0,
            told: [FIRST_OCTETS, 0, FIRST_OCTETS],
            last_ce: false,
            since_ack: 0,
            echo: false,
        }
    }
}

impl Marks {
    /// A segment in the window arrived; whether it should be acknowledged at once. What lies outside the window says
    /// nothing (3168-16).
    pub(crate) fn arrived(&mut self, segment: &Segment) -> bool {
        let octets = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        let marked = segment.ecn == Ecn::Ce;
        self.received.marked += u64::from(marked) * u64::from(segment.count());
        match self.mode {
            EcnMode::Classic => {
                if octets == 0 {
                    return false; // pure ACKs are not capable (3168-15)
                }
                if segment.has(Flags::CWR) {
                    self.received.echo = false;
                }
                let news = marked && !self.received.echo;
                self.received.echo |= marked;
                news
            }
            EcnMode::Accurate => self.received.count(segment, octets, marked),
        }
    }

    /// Whether a train would say what one segment says: something on the way may clear CWR in all but its first, as RFC 3168
    /// has it, and a counter has a bit there.
    pub(crate) const fn forbids_trains(&self) -> bool {
        match self.mode {
            EcnMode::Classic => self.confirms(),
            EcnMode::Accurate => self.received.packets & 0b010 != 0,
        }
    }

    /// What every segment that is no SYN says of marks. `pure`: no data, no SACK blocks; `handshake`: and it acknowledges
    /// the peer's SYN,ACK.
    pub(crate) fn flags(&mut self, pure: bool, handshake: bool) -> Flags {
        match (self.mode, self.syn_ack) {
            (EcnMode::Classic, _) if self.received.echo => Flags::ECE,
            (EcnMode::Classic, _) => Flags::NONE,
            (EcnMode::Accurate, Some(mark)) if pure && handshake => ace_flags(handshake::code(mark)),
            (EcnMode::Accurate, _) => {
                self.received.since_ack = 0;
                ace_flags((self.received.packets & 0b111) as u8) // 9768-5
            }
        }
    }

    /// The option that belongs on the next segment: when a counter has moved since the last (RFC 9768 §3.2.3.3), and on the
    /// first two segments of the side that asked (§3.2.3.2.1).
    pub(crate) fn option(&self) -> Option<AccurateEcn> {
        let now = [self.received.ect0, self.received.ce, self.received.ect1];
        let due = self.mode == EcnMode::Accurate && (self.received.trials > 0 || now != self.received.told);
        due.then(|| {
            let ect1_first = now[2] != FIRST_OCTETS;
            let both = ect1_first && now[0] != FIRST_OCTETS;
            let order = if ect1_first { [now[2], now[1], now[0]] } else { now };
            AccurateEcn::new(ect1_first, order, if both { 3 } else { 2 })
        })
    }

    /// The option went out.
    pub(crate) fn told_octets(&mut self) {
        self.received.trials = self.received.trials.saturating_sub(1);
        self.received.told = [self.received.ect0, self.received.ce, self.received.ect1];
    }
}

impl Received {
    /// RFC 9768 §3.2, and §3.2.2.5.1 for when to acknowledge (9768-6).
    fn count(&mut self, segment: &Segment, octets: u32, marked: bool) -> bool {
        let counter = match segment.ecn {
            Ecn::NotEct => None,
            Ecn::Ect0 => Some(&mut self.ect0),
            Ecn::Ect1 => Some(&mut self.ect1),
            Ecn::Ce => Some(&mut self.ce),
        };
        if let Some(counter) = counter {
            *counter = counter.wrapping_add(octets);
        }
        let change = marked && !self.last_ce && octets > 0;
        self.last_ce = marked;
        if !marked {
            return false;
        }
        let packets = segment.count();
        self.packets += u64::from(packets);
        self.since_ack = self.since_ack.saturating_add(packets);
        let enough = if octets > 0 { MARKS_WITH_DATA } else { MARKS_WITHOUT };
        change || self.since_ack >= enough
    }
}
