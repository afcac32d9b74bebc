//! Why a call failed, and why a connection ended: one small enum each.

use core::fmt;

/// Why a connection ended other than by both sides closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A RST answered our SYN (RFC 9293 §3.10.7.3; §3.10.7.4 for a simultaneous open).
    Refused,
    /// A RST at exactly RCV.NXT (RFC 9293 §3.10.7.4; RFC 5961 §3).
    Reset,
    /// Nothing was acknowledged for R2 or the user timeout (RFC 9293 §3.8.3, §3.10.8), or every keep-alive probe
    /// went unanswered.
    TimedOut,
    /// The user called ABORT (RFC 9293 §3.10.5).
    Aborted,
    /// Network or host unreachable while opening, as an ICMP error told.
    Unreachable,
    /// The host had no memory left for the connection.
    OutOfMemory,
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset by peer",
            Self::TimedOut => "connection timed out",
            Self::Aborted => "connection aborted",
            Self::Unreachable => "host or network unreachable",
            Self::OutOfMemory => "out of memory",
        })
    }
}

impl core::error::Error for ConnectionError {}

/// Why SEND took nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// The send buffer is full; try again when told that there is room.
    Full,
    /// CLOSE was called: nothing can follow the FIN (RFC 9293 §3.10.2).
    Closing,
    /// The connection is gone; the reason, if it did not end by closing.
    Closed(Option<ConnectionError>),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the send buffer is full"),
            Self::Closing => f.write_str("this side has closed"),
            Self::Closed(None) => f.write_str("the connection is closed"),
            Self::Closed(Some(why)) => why.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}

/// Why RECEIVE gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Nothing has arrived yet; try again when told that there is something.
    Empty,
    /// The peer has closed and everything was read: end of stream.
    Finished,
    /// The connection is gone, and how.
    Closed(ConnectionError),
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing has arrived yet"),
            Self::Finished => f.write_str("end of stream"),
            Self::Closed(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for ReceiveError {}

/// A setting outside its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// An ACK may wait for less than half a second (RFC 9293 MUST-40).
    AckDelay,
    /// Keep-alive probes need an interval and a count above zero, and an idle time of at least a second.
    KeepAlive,
    /// The retransmission timeout needs 0 < minimum ≤ initial ≤ maximum, and a maximum of at least 60 s (RFC 6298 §2).
    Rto,
    /// A buffer of at least 2 KiB and at most 1 GiB (RFC 7323 §2.3).
    Buffer,
    /// A maximum segment lifetime above zero.
    Msl,
    /// R1 is at least 3 retransmissions (RFC 9293 SHLD-10).
    R1,
    /// A user timeout between one second and 32,767 minutes (RFC 5482 §3.1).
    UserTimeout,
    /// An initial window of 1 to 10 segments (RFC 6928 §2).
    InitialWindow,
    /// No congestion control of that name is built in.
    Congestion,
    /// Marks are not treated in a way of that name.
    Ecn,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AckDelay => "the ACK delay must be under 500 ms",
            Self::KeepAlive => "keep-alive needs idle >= 1 s, interval > 0 and at least one probe",
            Self::Rto => "retransmission timeouts need 0 < minimum <= initial <= maximum, maximum >= 60 s",
            Self::Buffer => "a buffer must hold between 2 KiB and 1 GiB",
            Self::Msl => "the maximum segment lifetime must be above zero",
            Self::R1 => "R1 must be at least 3 retransmissions",
            Self::UserTimeout => "the user timeout must be between a second and 32,767 minutes",
            Self::InitialWindow => "the initial window must be 1 to 10 segments",
            Self::Congestion => "the congestion controls are newreno, cubic, bbr and dctcp",
            Self::Ecn => "what is made of marks (ECN) is off, accept, classic, accurate, accept-classic or only-classic",
        })
    }
}

impl core::error::Error for ConfigError {}
