//! The meaning of a TCP header without its ports: what a connection sees and says.

use super::{Flags, Options};
use crate::{SeqNum, WireWindow};

/// A TCP header as the protocol sees it. Ports belong to whoever found the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The number of the first octet (of the SYN, when there is one).
    pub seq: SeqNum,
    /// The next number expected from the peer; counts only with [`Flags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Room at the sender of this header, in units of its scale.
    pub window: WireWindow,
    /// Octets from `seq` to the one after the urgent data; counts only with [`Flags::URG`].
    pub urgent: u16,
    /// Options.
    pub options: Options,
}
