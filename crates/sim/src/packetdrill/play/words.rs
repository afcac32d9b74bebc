//! Lines of a script, as a report quotes them.

use crate::packetdrill::script::{Call, Packet, TcpOption};

/// A packet.
pub(super) fn packet(packet: &Packet) -> String {
    format!("{packet:?}")
}

/// The options of a segment.
pub(super) fn options(list: &[TcpOption]) -> String {
    format!("{list:?}")
}

/// A call, without what must come of it.
pub(super) fn call(call: &Call) -> String {
    call.name.clone()
}
