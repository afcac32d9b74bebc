//! English, where the protocol crates leave it to us.

use stack::Drop;
use tcp::{Cause, Discard, Trigger, Undo};

pub(super) fn discard(why: Discard) -> String {
    match why {
        Discard::OutsideWindow => "ignored: outside the window",
        Discard::WindowShut => "ignored: the window is shut for want of memory",
        Discard::Duplicate => "ignored: all of it had arrived before",
        Discard::OldTimestamp => "ignored: its timestamp is too old (PAWS)",
        Discard::NoTimestamp => "ignored: timestamps were agreed on and it has none",
        Discard::UnacceptableReset => "ignored: a RST that does not prove itself",
        Discard::UnexpectedSyn => "ignored: a SYN on an open connection",
        Discard::NoAck => "ignored: no ACK where one is due",
        Discard::UnacceptableAck => "ignored: acknowledges what was never sent, or is too old",
        Discard::AfterFin => "ignored: data after FIN",
        Discard::TooManyHoles => "ignored: too many holes",
        Discard::NoMemory => "ignored: no memory left",
        Discard::SimultaneousOpenRefused => "ignored: simultaneous open is refused here",
        Discard::ResetToNobody => "ignored: a RST to nobody",
        Discard::AcceptQueueFull => "ignored: the accept queue is full",
        Discard::SynQueueFull => "ignored: the SYN queue is full",
        Discard::BadCookie => "ignored: it should carry a cookie and does not",
        Discard::TimeWait => "ignored: TIME-WAIT",
        _ => return format!("ignored: {why:?}"),
    }
    .to_owned()
}

pub(super) fn drop(why: Drop) -> String {
    match why {
        Drop::TcpChecksum => "dropped in silence: wrong TCP checksum".to_owned(),
        Drop::UdpChecksum => "dropped in silence: wrong UDP checksum".to_owned(),
        Drop::Ipv4Checksum => "dropped in silence: wrong IPv4 checksum".to_owned(),
        Drop::UdpNoListener => "nobody is at this UDP port".to_owned(),
        Drop::TcpNoListener => "nobody is at this TCP port".to_owned(),
        Drop::UdpQueueFull => "dropped: the socket's queue is full".to_owned(),
        Drop::NotJoined => "not for us: a group that nobody here has joined".to_owned(),
        Drop::NotForUs | Drop::ArpNotForUs => "not for us: another host's address".to_owned(),
        Drop::LinkNotForUs => "not for us: another station's frame".to_owned(),
        Drop::LinkUnknownProtocol => "not for us: neither IP nor ARP".to_owned(),
        why => format!("dropped: {}", why.name().replace('_', " ")),
    }
}

pub(super) fn cause(cause: Cause) -> String {
    match cause {
        Cause::Call(name) => format!("the user calls {name}"),
        Cause::Arrived(what) => format!("{what} arrived"),
        Cause::Timeout("2MSL") => "twice the maximum segment lifetime has passed".to_owned(),
        Cause::Timeout("FIN-WAIT-2") => "no FIN came in time, and no user waits for it".to_owned(),
        Cause::Timeout("user timeout") => {
            "nothing was acknowledged for as long as the user would wait".to_owned()
        }
        Cause::Timeout("retransmission") => {
            "our SYN,ACK left as often as it may, and nobody answered".to_owned()
        }
        Cause::Timeout(what) => format!("timer: {what}"),
    }
}

/// Phases are names, and stay; HyStart++ (RFC 9406) is explained.
pub(super) fn phase(from: &str, to: &str) -> String {
    match (from, to) {
        ("slow start", "CSS") => "HyStart++ CSS: delay has grown, slow start goes on at a quarter".to_owned(),
        ("CSS", "slow start") => "HyStart++: delay has fallen again, slow start as before CSS".to_owned(),
        ("CSS", "congestion avoidance") => "HyStart++: slow start is over after CSS".to_owned(),
        ("slow start", "congestion avoidance") => "slow start is over".to_owned(),
        (from, to) => format!("{from} → {to}"),
    }
}

pub(super) fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Ack => "octets were acknowledged",
        Trigger::Loss => "loss was inferred",
        Trigger::Timeout => "the retransmission timer expired",
        Trigger::Reducing => "in proportion to what is delivered",
        Trigger::Recovered => "recovery is over",
        Trigger::Undone(Undo::DuplicateSack) => "undo: D-SACK",
        Trigger::Undone(Undo::Eifel) => "undo: Eifel",
        Trigger::Undone(Undo::Frto) => "undo: F-RTO",
        Trigger::Undone(_) => "undo: it had only been late",
        Trigger::Idle => "idle for long",
        Trigger::Marked => "the network marked what was sent",
        Trigger::PathMtu => "the path's MTU fell",
    }
}
