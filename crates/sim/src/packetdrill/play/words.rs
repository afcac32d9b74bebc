//! Lines of a script, as a report quotes them.

use crate::packetdrill::script::{Call, Packet, TcpOption};

/// A packet.
pub(super) fn packet(packet: &Packet) -> String {
    packet.to_string()
}

/// The options of a segment.
pub(super) fn options(list: &[TcpOption]) -> String {
    let each: Vec<String> = list.iter().map(TcpOption::to_string).collect();
    if each.is_empty() { "none".to_owned() } else { format!("<{}>", each.join(",")) }
}

/// A call, without what must come of it.
pub(super) fn call(call: &Call) -> String {
    let line = call.to_string();
    line.rsplit_once(") = ").map_or(line.clone(), |(call, _)| format!("{call})"))
}
