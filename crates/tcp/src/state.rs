//! The eleven states, and the closing part of figure 5 as a checked table.

use core::fmt;
use core::str::FromStr;

/// The states of RFC 9293 §3.3.2, by name (9293-E33).
///
/// ```
/// use handfast_tcp::State;
/// assert_eq!(State::SynReceived.to_string(), "SYN-RECEIVED");
/// assert_eq!("SYN_RCV".parse(), Ok(State::SynReceived)); // as some textbooks write it
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// A request was sent; waiting for one that matches.
    SynSent,
    /// A request was received and sent; waiting for its acknowledgment.
    SynReceived,
    /// Open both ways.
    Established,
    /// We closed; the FIN is not acknowledged yet.
    FinWait1,
    /// Our FIN is acknowledged; the peer may go on sending.
    FinWait2,
    /// The peer closed; we may go on sending.
    CloseWait,
    /// Both closed at once; our FIN is not acknowledged yet.
    Closing,
    /// The peer closed first, then we did; our FIN is not acknowledged yet.
    LastAck,
    /// Both are done; old duplicates are dying out.
    TimeWait,
}

/// What moves a connection towards its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The user called CLOSE and the FIN is queued.
    CloseCall,
    /// The peer acknowledged our FIN.
    OurFinAcked,
    /// The peer's FIN arrived in order.
    PeerFin,
}

impl State {
    /// All eleven, in the order of RFC 9293 §3.3.2.
    pub const ALL: [Self; 11] = [
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
    ];

    /// The closing part of RFC 9293 §3.3.2, figure 5 (9293-E33); `None` where the edge leaves us in place.
    pub(crate) const fn after(self, edge: Edge) -> Option<Self> {
        Some(match (self, edge) {
            (Self::SynReceived | Self::Established, Edge::CloseCall) => Self::FinWait1,
            (Self::SynReceived | Self::Established, Edge::PeerFin) => Self::CloseWait,
            (Self::CloseWait, Edge::CloseCall) => Self::LastAck,
            (Self::FinWait1, Edge::OurFinAcked) => Self::FinWait2,
            (Self::FinWait1, Edge::PeerFin) => Self::Closing,
            (Self::FinWait2, Edge::PeerFin) | (Self::Closing, Edge::OurFinAcked) => Self::TimeWait,
            (Self::LastAck, Edge::OurFinAcked) => Self::Closed,
            _ => return None,
        })
    }

    /// Whether both ends have agreed on their first numbers (RFC 9293 §3.5.2, group 3).
    pub const fn is_synchronized(self) -> bool {
        !matches!(self, Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived)
    }

    /// Whether the user may still queue data.
    pub const fn may_send(self) -> bool {
        matches!(self, Self::SynSent | Self::SynReceived | Self::Established | Self::CloseWait)
    }

    /// Whether the peer may still send data.
    pub const fn may_receive(self) -> bool {
        matches!(
            self,
            Self::SynSent | Self::SynReceived | Self::Established | Self::FinWait1 | Self::FinWait2
        )
    }

    /// The name in the RFC.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownState;

impl fmt::Display for UnknownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not one of the eleven states of RFC 9293 §3.3.2")
    }
}

impl core::error::Error for UnknownState {}

/// Reads RFC names and their usual aliases (`SYN_RCVD`, `SYN_RCV`, `ESTAB`, `fin_wait_1`, `CLOSE_WAIT` …).
impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        let same = |name: &str| {
            let plain = |c: &u8| !matches!(c, b'-' | b'_' | b' ');
            text.bytes().filter(|c| plain(c)).map(|c| c.to_ascii_uppercase()).eq(name.bytes().filter(plain))
        };
        if same("SYNRCVD") || same("SYNRCV") || same("SYNRECV") {
            return Ok(Self::SynReceived);
        }
        if same("ESTAB") {
            return Ok(Self::Established);
        }
        if same("CLOSE") {
            return Ok(Self::Closed);
        }
        Self::ALL.into_iter().find(|state| same(state.name())).ok_or(UnknownState)
    }
}

#[cfg(test)]
mod rfc9293_3_3_2 {
    use super::*;
    use alloc::string::ToString;

    /// Covers: RFC 9293 9293-E33
    #[test]
    fn there_are_eleven_states_and_their_names_read_back() {
        assert_eq!(State::ALL.len(), 11);
        for state in State::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        for (alias, state) in [
            ("SYN_RCV", State::SynReceived),
            ("syn-rcvd", State::SynReceived),
            ("ESTAB", State::Established),
            ("fin_wait_1", State::FinWait1),
            ("LAST_ACK", State::LastAck),
        ] {
            assert_eq!(alias.parse(), Ok(state));
        }
        assert_eq!("OPEN".parse::<State>(), Err(UnknownState));
    }

    /// Covers: RFC 9293 9293-E33
    #[test]
    fn closing_edges_are_those_of_figure_5() {
        let edges = [Edge::CloseCall, Edge::OurFinAcked, Edge::PeerFin];
        let moves: alloc::vec::Vec<_> = State::ALL
            .into_iter()
            .flat_map(|from| edges.into_iter().filter_map(move |edge| Some((from, edge, from.after(edge)?))))
            .collect();
        assert_eq!(
            moves,
            [
                (State::SynReceived, Edge::CloseCall, State::FinWait1),
                (State::SynReceived, Edge::PeerFin, State::CloseWait),
                (State::Established, Edge::CloseCall, State::FinWait1),
                (State::Established, Edge::PeerFin, State::CloseWait),
                (State::FinWait1, Edge::OurFinAcked, State::FinWait2),
                (State::FinWait1, Edge::PeerFin, State::Closing),
                (State::FinWait2, Edge::PeerFin, State::TimeWait),
                (State::CloseWait, Edge::CloseCall, State::LastAck),
                (State::Closing, Edge::OurFinAcked, State::TimeWait),
                (State::LastAck, Edge::OurFinAcked, State::Closed),
            ]
        );
    }
}
