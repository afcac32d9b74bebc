//! What happened, and why: what a user must know ([`Event`]), and what people like to watch ([`Why`], [`Note`]).
//!
//! ```text
//!   poll_event ──► Event   readiness, urgent data, soft errors, the end: a set, never a growing queue
//!   poll_transmit ► Why    travels with each segment to whoever draws it
//!   poll_note ───► Note    state changes, discards, estimates: only while somebody watches
//! ```

use crate::{ConnectionError, Segment, State};
use core::fmt;
use env::{Duration, Instant};
use wire::SeqNum;

/// What a connection's user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete (RFC 9293 §3.10.7).
    Established,
    /// There is something to receive, or the end of it.
    Readable,
    /// There is room in the send buffer again.
    Writable,
    /// Everything sent so far, our FIN included if CLOSE was called, is acknowledged.
    Drained,
    /// The peer closed: no more data after what is readable (RFC 9293 MUST-12).
    PeerClosed,
    /// Urgent data begins, or its end moved on (RFC 9293 MUST-32).
    Urgent,
    /// An ICMP error that does not end the connection (RFC 9293 MUST-47).
    SoftError(SoftError),
    /// R1 was passed: the path looks dead (RFC 9293 MUST-20, SHLD-9). For the IP layer as well.
    NegativeAdvice,
    /// An active Fast Open was answered, or never will be:
    /// [`take_fast_open_answer`](crate::Connection::take_fast_open_answer) has what to remember of it (RFC 7413 §4.1.3).
    FastOpen,
    /// Something was found out about the path: [`path_found`](crate::Connection::path_found) has what others should know.
    PathFound,
    /// TIME-WAIT begins: hand over to a [`crate::TimeWait`] record.
    TimeWait,
    /// The end, with a reason unless both sides closed.
    Closed(Option<ConnectionError>),
}

/// An ICMP error about a connection, in the classes of RFC 5461 and 9293 §3.9.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SoftError {
    /// Network unreachable, or no route.
    NetworkUnreachable,
    /// Host or address unreachable.
    HostUnreachable,
    /// Protocol unreachable.
    ProtocolUnreachable,
    /// Port unreachable.
    PortUnreachable,
    /// Forbidden by a filter on the way.
    Prohibited,
    /// TTL or hop limit used up, or reassembly timed out.
    TimeExceeded,
    /// Some header field was not understood.
    ParameterProblem,
}

/// Why a segment was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// The user called OPEN.
    OpensConnection,
    /// The user called OPEN, and data goes with the SYN (RFC 7413).
    OpensWithData,
    /// What went with the SYN was too large for the path: a plain one.
    SynWithoutData,
    /// A SYN was answered.
    AnswersSyn,
    /// A SYN was answered without a record: the number is a cookie (RFC 4987 §3.6).
    AnswersSynWithCookie,
    /// The third segment of the handshake.
    CompletesHandshake,
    /// Data, new.
    Data,
    /// New data although cwnd is full, to provoke an ACK (RFC 3042).
    LimitedTransmit,
    /// The user closed: FIN, perhaps with the last data.
    Closes,
    /// The timer expired, for the `n`th time in a row.
    RetransmissionTimeout(u8),
    /// Three duplicate ACKs (RFC 5681 §3.2).
    FastRetransmit,
    /// A partial ACK uncovered the next hole (RFC 6582 §3.2), or the timer has expired before and this is next.
    NextHole,
    /// RACK: it is lost, for what was sent later was delivered, and long enough ago (RFC 8985 §6.2).
    Rack {
        /// Segments that were SACKed as it left.
        later: u16,
    },
    /// It was entered as sent and held back, to see whether the peer tells of holes; and it does.
    Withheld,
    /// A tail loss probe: nothing was heard for two round trips (RFC 8985 §7).
    LossProbe {
        /// Whether it has new data; else it is the last segment again.
        new: bool,
    },
    /// After timeouts, a full segment right behind a small one: which of them passes? If only the small one does, full ones
    /// are too large for the path (RFC 4821 §7.7).
    FullAfterSmall,
    /// Full segments vanish and smaller ones pass: what was lost goes again in packets of `to` octets instead of `from`
    /// (RFC 4821 §7.7, RFC 8899 §4.3).
    BlackHole {
        /// Octets of IP packets that vanish.
        from: u16,
        /// Octets of IP packets from here on.
        to: u16,
    },
    /// New data in a larger packet than others, of so many octets: does the path take it (RFC 4821 §7, RFC 8899)?
    PathMtuProbe(u16),
    /// The peer's window is closed; is it still (RFC 9293 §3.8.6.1)? The `n`th time.
    WindowProbe(u8),
    /// Nothing was heard for long; is anybody there (RFC 9293 §3.8.4)? The `n`th time.
    KeepAliveProbe(u8),
    /// The first data of a connection, and single small segments, are acknowledged at once.
    QuickAck,
    /// Every second full segment is acknowledged (RFC 9293 SHLD-19).
    SecondSegment,
    /// The ACK had waited for as long as it may (RFC 9293 §3.8.6.3).
    DelayedAck(Duration),
    /// What came above a hole, so many times, had waited to be told of together
    /// ([`report_delay`](crate::TcpConfig::report_delay)).
    DelayedReport(u8),
    /// Something came out of order: a duplicate ACK tells what is still missing (RFC 5681 §4.2).
    OutOfOrder,
    /// A hole was filled (RFC 5681 §4.2).
    FillsHole,
    /// The network marked what came, and the peer should hear of it at once (RFC 3168 §6.1.3, 9768 §3.2.2.5.1).
    Marked,
    /// Something came that we had already (RFC 9293 §3.10.7.4, first step).
    Duplicate,
    /// The peer sent beyond our window.
    OutsideWindow,
    /// The peer closed.
    AcknowledgesFin,
    /// The user read, and our window opened.
    WindowUpdate,
    /// Something might be forged; the peer shall confirm its number (RFC 5961).
    ChallengeAck(ChallengeTo),
    /// An old timestamp (RFC 7323 §5.3, R1).
    OldTimestamp,
    /// It answers what acknowledges something not sent yet (RFC 9293 §3.10.7.4, fifth step).
    AcksUnsent,
    /// A RST, and why.
    Reset(ResetWhy),
}

/// What a challenge ACK answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeTo {
    /// A RST in the window but not at RCV.NXT (RFC 5961 §3).
    Reset,
    /// A SYN on a synchronised connection (RFC 5961 §4).
    Syn,
    /// An ACK too old to be the peer's (RFC 5961 §5).
    Ack,
}

/// Why a RST was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetWhy {
    /// Nothing is open here (RFC 9293 §3.5.2, group 1).
    NoConnection,
    /// It acknowledges a number that was never sent (RFC 9293 §3.5.2, group 2).
    BadAck,
    /// The user called ABORT.
    Aborted,
    /// The user let go with data unread, or data came after that (RFC 9293 SHLD-3).
    DataUnread,
    /// The user timeout or R2 ended the connection.
    TimedOut,
    /// The user refused the connection before it was answered.
    Refused,
    /// No memory is left for the connection.
    OutOfMemory,
}

/// What moved a connection from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A call of the user, by RFC 9293's name.
    Call(&'static str),
    /// A segment arrived; which of its parts counted.
    Arrived(&'static str),
    /// A timer, by name.
    Timeout(&'static str),
}

/// What showed that a reduction of the congestion window was a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undo {
    /// The peer told that everything that was sent again had arrived twice (RFC 2883, 3708).
    DuplicateSack,
    /// An echoed timestamp answered the original, not what was sent again (RFC 3522).
    Eifel,
    /// After a timeout, what was never sent again was delivered (RFC 5682).
    Frto,
    /// All that was believed lost arrived before it was sent again.
    Arrived,
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateSack => "undo: D-SACK",
            Self::Eifel => "undo: Eifel",
            Self::Frto => "undo: F-RTO",
            Self::Arrived => "undo: it had only been late",
        })
    }
}

/// What a congestion window changed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// Octets were acknowledged.
    Ack,
    /// Loss was inferred from ACKs.
    Loss,
    /// The retransmission timer expired.
    Timeout,
    /// An ACK in fast recovery: what may be in flight follows what is delivered (RFC 9937).
    Reducing,
    /// The network marked what was sent (RFC 3168).
    Marked,
    /// Recovery is over.
    Recovered,
    /// The last reduction was a mistake, and is undone (RFC 4015).
    Undone(Undo),
    /// The connection was idle for longer than a timeout (RFC 5681 §4.1).
    Idle,
    /// The path's MTU fell.
    PathMtu,
}

/// Why an arriving segment, or a part of it, was not used. Each is a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Discard {
    /// Nothing of it lies in the receive window (RFC 9293 §3.10.7.4, first step).
    OutsideWindow,
    /// It has text, and the window was shut for want of memory.
    WindowShut,
    /// All of it had arrived before.
    Duplicate,
    /// Its timestamp is older than the newest one seen (PAWS, RFC 7323 §5).
    OldTimestamp,
    /// Timestamps were agreed on, and it has none (RFC 7323 §3.2).
    NoTimestamp,
    /// A RST that is not at RCV.NXT, or does not acknowledge our SYN.
    UnacceptableReset,
    /// A SYN on a synchronised connection (RFC 5961 §4).
    UnexpectedSyn,
    /// Neither ACK nor anything else that counts in this state.
    NoAck,
    /// It acknowledges what was never sent, or is too old (RFC 9293 §3.10.7.4, fifth step; RFC 5961 §5).
    UnacceptableAck,
    /// Data after the peer's FIN (RFC 9293 §3.10.7.4, seventh step).
    AfterFin,
    /// The reassembly queue has no room for another hole.
    TooManyHoles,
    /// The memory budget is used up.
    NoMemory,
    /// A simultaneous open, which this connection's policy refuses.
    SimultaneousOpenRefused,
    /// Nobody is there, and it was a RST, which is never answered.
    ResetToNobody,
    /// The accept queue is full.
    AcceptQueueFull,
    /// The SYN queue is full and cookies are off, or a memory limit was met.
    SynQueueFull,
    /// An ACK that should carry a cookie does not.
    BadCookie,
    /// TIME-WAIT ignores it (RFC 1337, 6191).
    TimeWait,
}

/// What people like to watch; produced only while somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A change of state.
    State {
        /// When.
        at: Instant,
        /// From.
        from: State,
        /// To.
        to: State,
        /// What caused it.
        cause: Cause,
    },
    /// An arriving segment was not used, or only in part.
    Discarded {
        /// When.
        at: Instant,
        /// Why.
        why: Discard,
        /// What it was.
        segment: Segment,
    },
    /// A round trip was measured.
    RoundTrip {
        /// When.
        at: Instant,
        /// The sample.
        sample: Duration,
        /// The smoothed value.
        srtt: Duration,
        /// The timeout that follows from it.
        rto: Duration,
    },
    /// The congestion window changed.
    Window {
        /// When.
        at: Instant,
        /// Octets that may be in flight.
        cwnd: u32,
        /// The slow-start threshold in octets.
        ssthresh: u32,
        /// Octets in flight.
        in_flight: u32,
        /// Why.
        trigger: Trigger,
        /// What the controller is about from here on, for people: "slow start", "CSS" (HyStart++, RFC 9406), "ProbeBW_UP" ….
        phase: &'static str,
    },
    /// A SYN was seen to be an old duplicate, a RST confirmed, and the like: `what` in words, `seq` where.
    Remark {
        /// When.
        at: Instant,
        /// Where in the sequence space.
        seq: SeqNum,
        /// In words.
        what: &'static str,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpensConnection => f.write_str("opens the connection"),
            Self::OpensWithData => f.write_str("Fast Open: opens the connection, with data"),
            Self::SynWithoutData => f.write_str("SYN again, without data: the path takes less"),
            Self::AnswersSyn => f.write_str("answers SYN"),
            Self::AnswersSynWithCookie => f.write_str("answers SYN with a cookie"),
            Self::CompletesHandshake => f.write_str("completes the handshake"),
            Self::Data => f.write_str("data"),
            Self::LimitedTransmit => f.write_str("limited transmit"),
            Self::Closes => f.write_str("closes"),
            Self::RetransmissionTimeout(n) => write!(f, "retransmission: RTO #{n}"),
            Self::FastRetransmit => f.write_str("fast retransmission: 3 duplicate ACKs"),
            Self::NextHole => f.write_str("retransmission: next hole"),
            Self::Rack { later: 1 } => f.write_str("RACK: lost, 1 later segment delivered"),
            Self::Rack { later } => write!(f, "RACK: lost, {later} later segments delivered"),
            Self::Withheld => f.write_str("held back as a test: the peer told of the hole"),
            Self::LossProbe { new: true } => f.write_str("TLP probe: new data"),
            Self::LossProbe { new: false } => f.write_str("TLP probe: the last segment again"),
            Self::FullAfterSmall => f.write_str("a full segment behind a small one: do both pass?"),
            Self::BlackHole { from, to } => {
                write!(f, "black hole: packets of {from} octets vanish, {to} from here on")
            }
            Self::PathMtuProbe(size) => write!(f, "path-MTU probe: {size} octets"),
            Self::WindowProbe(n) => write!(f, "zero-window probe #{n}"),
            Self::KeepAliveProbe(n) => write!(f, "keep-alive probe #{n}"),
            Self::QuickAck => f.write_str("quick ACK"),
            Self::SecondSegment => f.write_str("ACK of every second segment"),
            Self::DelayedAck(delay) => write!(f, "delayed ACK {} ms", delay.as_millis()),
            Self::DelayedReport(1) => f.write_str("delayed report: a hole before what came"),
            Self::DelayedReport(n) => write!(f, "delayed report of {n}: a hole before what came"),
            Self::OutOfOrder => f.write_str("duplicate ACK: a hole before it"),
            Self::FillsHole => f.write_str("ACK: a hole was filled"),
            Self::Marked => f.write_str("ACK: the network marked what came"),
            Self::Duplicate => f.write_str("ACK: had it already"),
            Self::OutsideWindow => f.write_str("ACK: outside the window"),
            Self::AcknowledgesFin => f.write_str("acknowledges FIN"),
            Self::WindowUpdate => f.write_str("window update"),
            Self::ChallengeAck(ChallengeTo::Reset) => f.write_str("challenge ACK: RST not at RCV.NXT"),
            Self::ChallengeAck(ChallengeTo::Syn) => f.write_str("challenge ACK: SYN on an open connection"),
            Self::ChallengeAck(ChallengeTo::Ack) => f.write_str("challenge ACK: ACK too old"),
            Self::OldTimestamp => f.write_str("ACK: timestamp too old"),
            Self::AcksUnsent => f.write_str("ACK: that was never sent"),
            Self::Reset(why) => write!(f, "reset: {why}"),
        }
    }
}

impl fmt::Display for ResetWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoConnection => "nothing is open here",
            Self::BadAck => "acknowledges what was never sent",
            Self::Aborted => "the user aborted",
            Self::DataUnread => "data was left unread",
            Self::TimedOut => "gave up",
            Self::Refused => "the user refused",
            Self::OutOfMemory => "no memory left",
        })
    }
}

/// Events that wait to be told: a set, so that no peer can make it grow.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventSet {
    pub(crate) established: bool,
    pub(crate) urgent: bool,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) drained: bool,
    pub(crate) peer_closed: bool,
    pub(crate) negative_advice: bool,
    pub(crate) fast_open: bool,
    pub(crate) path_found: bool,
    pub(crate) soft_error: Option<SoftError>,
    pub(crate) time_wait: bool,
    pub(crate) closed: Option<Option<ConnectionError>>,
}

impl EventSet {
    /// Takes one, in the order in which they matter.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Event> {
        if self.is_empty() { None } else { self.take_first() }
    }

    /// Whether nothing waits, as is the rule.
    fn is_empty(&self) -> bool {
        let flags = self.established | self.urgent | self.readable | self.writable | self.drained;
        let flags = flags
            | self.peer_closed
            | self.negative_advice
            | self.fast_open
            | self.path_found
            | self.time_wait;
        !flags && self.soft_error.is_none() && self.closed.is_none()
    }

    fn take_first(&mut self) -> Option<Event> {
        let flags = [
            (&mut self.established, Event::Established),
            (&mut self.urgent, Event::Urgent),
            (&mut self.readable, Event::Readable),
            (&mut self.peer_closed, Event::PeerClosed),
            (&mut self.writable, Event::Writable),
            (&mut self.drained, Event::Drained),
            (&mut self.negative_advice, Event::NegativeAdvice),
            (&mut self.fast_open, Event::FastOpen),
            (&mut self.path_found, Event::PathFound),
            (&mut self.time_wait, Event::TimeWait),
        ];
        for (flag, event) in flags {
            if core::mem::take(flag) {
                return Some(event);
            }
        }
        if let Some(error) = self.soft_error.take() {
            return Some(Event::SoftError(error));
        }
        self.closed.take().map(Event::Closed)
    }
}
