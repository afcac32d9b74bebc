//! What marks came, and how they are told back.

use super::{EcnCounts, EcnMode, EcnOption, Marks, ace_flags, handshake};
use crate::Segment;
use env::{Duration, Instant};
use wire::tcp::Flags;
use wire::{Ecn, SeqNum};

/// What a first value that is not zero is for: a field that something on the way has wiped shows (RFC 9768 §3.2.1).
const FIRST_PACKETS: u64 = 5;
pub(super) const FIRST_OCTETS: u32 = 1;
/// CE marks after which an ACK must go, while data waits for one and when none does (9768-6).
const MARKS_WITH_DATA: u32 = 2;
const MARKS_WITHOUT: u32 = 3;
/// A counter of 24 bits is told twice a turn at least (RFC 9768 §3.2.3.3).
const OCTETS_UNTOLD: u32 = 1 << 22;
/// Options that a change is told by, where they are sent sparingly.
const OPTIONS_FOR_A_CHANGE: u8 = 2;

/// When a segment came, and where the receiver stood then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) now: Instant,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) rcv_nxt: SeqNum,
}

/// Counters of what arrived (r.cep, r.ceb, r.e0b, r.e1b of RFC 9768 §3.2), and the echo of RFC 3168.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) packets: u64,
    /// Of these, those that really came; in the classic mode as well.
    pub(super) marked: u64,
    /// CE on the peer's SYN,ACK is among them.
    pub(super) syn_ack_counted: bool,
    ce: u64,
    ect0: u64,
    ect1: u64,
    /// Segments that have an option whether a counter moved or not: it shows whether the path lets it through.
    pub(super) trials: u8,
    /// Options that a change of marks, or time, asks for.
    pub(super) demand: u8,
    /// As told in the last option, and when.
    pub(super) told: [u32; 3],
    pub(super) told_at: Instant,
    /// The duplicate that was reported beside the last option.
    pub(super) told_duplicate: Option<SeqNum>,
    /// What has the option seems to be lost.
    pub(super) blocked: bool,
    /// How the last packet came.
    last: Ecn,
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
            syn_ack_counted: false,
            ce: 0,
            ect0: 0,
            ect1: 0,
            trials: 0,
            demand: 0,
            told: [FIRST_OCTETS, 0, FIRST_OCTETS],
            told_at: Instant::ZERO,
            told_duplicate: None,
            blocked: false,
            last: Ecn::NotEct,
            since_ack: 0,
            echo: false,
        }
    }
}

impl Marks {
    /// A segment in the window arrived; whether it should be acknowledged at once. What lies outside the window says
    /// nothing (3168-16).
    pub(crate) fn arrived(&mut self, segment: &Segment, heard: &Heard) -> bool {
        self.syn_ack_again = false;
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
            EcnMode::Accurate => {
                self.received.suspect(segment, octets, heard.rcv_nxt);
                if self.habits.option == EcnOption::Sparingly {
                    self.received.demand_options(segment, octets, heard, self.habits.beacon);
                }
                self.received.count(segment, octets, marked)
            }
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
        let again = core::mem::take(&mut self.syn_ack_again);
        match (self.mode, self.syn_ack) {
            (EcnMode::Classic, _) if self.received.echo => Flags::ECE,
            (EcnMode::Classic, _) => Flags::NONE,
            (EcnMode::Accurate, Some(mark)) if pure && (handshake || again) => {
                ace_flags(handshake::code(mark))
            }
            (EcnMode::Accurate, _) => {
                self.received.since_ack = 0;
                self.ace() // 9768-5
            }
        }
    }

    /// The counter of packets as flags.
    pub(crate) fn ace(&self) -> Flags {
        ace_flags((self.received.packets & 0b111) as u8)
    }
}

impl Received {
    /// Octets that came with ECT(0), CE and ECT(1), as options tell them.
    pub(super) const fn octets(&self) -> [u32; 3] {
        [
            FIRST_OCTETS.wrapping_add(self.ect0 as u32),
            self.ce as u32,
            FIRST_OCTETS.wrapping_add(self.ect1 as u32),
        ]
    }

    pub(super) const fn counts(&self) -> EcnCounts {
        EcnCounts { packets: self.packets - FIRST_PACKETS, ce: self.ce, ect0: self.ect0, ect1: self.ect1 }
    }

    fn counter(&mut self, mark: Ecn) -> Option<&mut u64> {
        match mark {
            Ecn::NotEct => None,
            Ecn::Ect0 => Some(&mut self.ect0),
            Ecn::Ect1 => Some(&mut self.ect1),
            Ecn::Ce => Some(&mut self.ce),
        }
    }

    /// RFC 9768 §3.2, and §3.2.2.5.1 for when to acknowledge (9768-6).
    fn count(&mut self, segment: &Segment, octets: u32, marked: bool) -> bool {
        if let Some(counter) = self.counter(segment.ecn) {
            *counter += u64::from(octets);
        }
        let change = marked && self.last != Ecn::Ce && octets > 0;
        self.last = segment.ecn;
        if !marked {
            return false;
        }
        let packets = segment.count();
        self.packets += u64::from(packets);
        self.since_ack = self.since_ack.saturating_add(packets);
        let enough = if octets > 0 { MARKS_WITH_DATA } else { MARKS_WITHOUT };
        change || self.since_ack >= enough
    }

    /// What was told beside an option to have come twice comes once more: segments with the option are lost on the way,
    /// it seems (RFC 9768 §3.2.3.2.2).
    fn suspect(&mut self, segment: &Segment, octets: u32, rcv_nxt: SeqNum) {
        let again = octets > 0 && segment.end().at_or_before(rcv_nxt);
        self.blocked |= again && self.told_duplicate == Some(segment.payload_seq());
    }

    /// Whether options are due, where they are sent sparingly (RFC 9768 §3.2.3.3); before the segment is counted.
    fn demand_options(&mut self, segment: &Segment, octets: u32, heard: &Heard, beacon: u8) {
        let turns = |count: u64| count / u64::from(OCTETS_UNTOLD);
        let over =
            self.counter(segment.ecn).is_some_and(|count| turns(*count + u64::from(octets)) != turns(*count));
        let waited = heard.now.since(self.told_at).saturating_mul(beacon.into());
        let late = beacon > 0 && waited >= heard.round_trip.unwrap_or_default();
        if segment.ecn != self.last || segment.ecn == Ecn::Ce {
            self.demand = OPTIONS_FOR_A_CHANGE;
        } else if over || late {
            self.demand = self.demand.max(1);
        }
    }
}
