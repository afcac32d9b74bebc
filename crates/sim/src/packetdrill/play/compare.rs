//! A packet that left against the line that expects it.
//!
//! ```text
//!   several packets ─► join: one, as long as the line says ─┐
//!   the line ───────────────────────────────────────────────┴─► fields that differ, in the order of the line
//! ```
//!
//! What is compared is what packetdrill compares: a window only where the line has one, no IP identification, no checksum, no echoed
//! timestamp; values of timestamps where a tick is set; and what ICMP quotes, where the line says it. `strict` adds checksums and
//! echoes.

use super::frame::Seen;
use super::talk::stamps;
use super::words;
use crate::packetdrill::report::Difference;
use crate::packetdrill::script::{Body, Icmp, Ip, Options, Packet, Quoted, Tcp, TcpOption, Tos, Udp};
use env::Duration;

/// How a comparison is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strictness {
    pub(super) v6: bool,
    pub(super) strict: bool,
    /// How long a tick of timestamps is, and how far off they may be.
    pub(super) tick: Option<(Duration, Duration)>,
}

/// The fields in which `seen`, in the script's numbers, is another than `expected`.
pub(super) fn compare(expected: &Packet, seen: &Seen, how: Strictness) -> Vec<Difference> {
    let mut found: Vec<Difference> = Vec::new();
    ip(&expected.ip, seen, &mut found);
    match (&expected.body, &seen.packet.body) {
        (Body::Tcp(expected), Body::Tcp(actual)) => tcp(expected, actual, how, &mut found),
        (Body::Udp(Udp { len: expected }), Body::Udp(Udp { len: actual })) => {
            found.extend(Difference::between("length", *expected, *actual));
        }
        (Body::Icmp(expected), Body::Icmp(actual)) => icmp(expected, actual, how, &mut found),
        (expected, actual) => {
            found.extend(Difference::between("protocol", protocol(expected), protocol(actual)));
            return found;
        }
    }
    if !matches!(expected.body, Body::Icmp(_)) {
        payload(expected, &seen.data, &mut found);
    }
    match seen.checksum {
        Err("IP header") => found.push(difference("IP checksum", "right", "wrong")),
        Err(which) if how.strict => found.push(difference(which, "a right checksum", "a wrong one")),
        _ => {}
    }
    found
}

fn difference(field: &'static str, expected: impl Into<String>, actual: impl Into<String>) -> Difference {
    Difference { field, expected: expected.into(), actual: actual.into() }
}

const fn protocol(body: &Body) -> &'static str {
    match body {
        Body::Tcp(_) => "tcp",
        Body::Udp(_) => "udp",
        Body::Icmp(_) => "icmp",
    }
}

fn ip(expected: &Ip, seen: &Seen, found: &mut Vec<Difference>) {
    let octet = seen.tos();
    found.extend(match expected.tos {
        Tos::Unchecked => None,
        Tos::Ecn(ecn) => Difference::between("ecn", ecn_name(ecn as u8), ecn_name(octet)),
        Tos::AnyEct => {
            (!matches!(octet & 3, 1 | 2)).then(|| difference("ecn", "ect0 or ect1", ecn_name(octet)))
        }
        Tos::Octet(tos) => Difference::between("tos", tos, octet),
    });
    if let (Some(expected), Some(actual)) = (expected.ttl, seen.packet.ip.ttl) {
        found.extend(Difference::between("ttl", expected, actual));
    }
}

const fn ecn_name(octet: u8) -> &'static str {
    match octet & 3 {
        0 => "noecn",
        1 => "ect1",
        2 => "ect0",
        _ => "ce",
    }
}

fn tcp(expected: &Tcp, actual: &Tcp, how: Strictness, found: &mut Vec<Difference>) {
    let (want, has) = (expected.flags, actual.flags);
    let flags = [
        ("FIN", want.fin, has.fin),
        ("SYN", want.syn, has.syn),
        ("RST", want.rst, has.rst),
        ("PSH", want.psh, has.psh),
        ("ACK", want.ack, has.ack),
        ("URG", want.urg, has.urg),
        ("ECE", want.ece, has.ece),
        ("CWR", want.cwr, has.cwr),
        ("AE", want.ae, has.ae),
    ];
    let set = |set| if set { "set" } else { "not set" };
    found.extend(
        flags.into_iter().filter_map(|(name, want, has)| Difference::between(name, set(want), set(has))),
    );
    found.extend(Difference::between("seq", expected.seq, actual.seq));
    found.extend(Difference::between("length", expected.len, actual.len));
    found.extend(Difference::between("ack", expected.ack.unwrap_or(0), actual.ack.unwrap_or(0)));
    if let (Some(expected), Some(actual)) = (expected.window, actual.window) {
        found.extend(Difference::between("window", expected, actual));
    }
    found.extend(Difference::between("urg", expected.urgent.unwrap_or(0), actual.urgent.unwrap_or(0)));
    if let (Options::Exactly(want), Options::Exactly(has)) = (&expected.options, &actual.options) {
        options(want, has, found);
    }
    if let (Some((value, echo)), Some((live_value, live_echo))) = (stamps(expected), stamps(actual)) {
        if let Some((tick, slack)) = how.tick {
            let off = value.wrapping_sub(live_value).cast_signed().unsigned_abs();
            if tick.saturating_mul(off) > slack {
                found.extend(Difference::between("TS val", value, live_value));
            }
        }
        if how.strict {
            found.extend(Difference::between("TS ecr", echo, live_echo));
        }
    }
}

/// Kinds in their order, and what each holds; timestamps are looked at apart.
fn options(want: &[TcpOption], has: &[TcpOption], found: &mut Vec<Difference>) {
    let same = |(want, has): (&TcpOption, &TcpOption)| match (want, has) {
        (TcpOption::Timestamps { .. }, TcpOption::Timestamps { .. }) => true,
        (want, has) => want == has,
    };
    if want.len() != has.len() || !want.iter().zip(has).all(same) {
        let line = words::options;
        found.push(difference("options", line(want), line(has)));
    }
}

fn icmp(expected: &Icmp, actual: &Icmp, how: Strictness, found: &mut Vec<Difference>) {
    let numbers =
        |icmp: &Icmp| icmp.numbers(how.v6).map_or_else(|why| why, |(kind, code)| format!("{kind}/{code}"));
    found.extend(Difference::between("type/code", numbers(expected), numbers(actual)));
    if let Some(mtu) = expected.mtu {
        found.extend(Difference::between("mtu", mtu, actual.mtu.unwrap_or(0)));
    }
    if expected.quoted != Quoted::Unsaid && expected.quoted != actual.quoted {
        found.push(difference("quoted", expected.quoted.to_string(), actual.quoted.to_string()));
    }
}

fn payload(expected: &Packet, actual: &[u8], found: &mut Vec<Difference>) {
    let differs = match &expected.payload {
        Some(octets) => octets.iter().zip(actual).position(|(want, has)| want != has),
        None => actual.iter().position(|&has| has != 0),
    };
    if let Some(at) = differs {
        let want = expected.payload.as_ref().and_then(|octets| octets.get(at)).copied().unwrap_or(0);
        let has = actual.get(at).copied().unwrap_or(0);
        found.push(difference("payload", format!("{want:#04x} at octet {at}"), format!("{has:#04x}")));
    }
}

fn window(tcp: &Tcp) -> u16 {
    tcp.window.unwrap_or(0)
}

/// Flags that no two packets of one line may differ in.
fn hard(tcp: &Tcp) -> String {
    let flags = tcp.flags;
    let named = [("S", flags.syn), ("R", flags.rst), ("U", flags.urg), ("E", flags.ece), ("A", flags.ae)];
    named.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

/// Adds a packet to those before it that meet the same line: flags and options of the last, sequence number and CWR of the first.
///
/// # Errors
/// The fields that forbid it: both must be alike but for sequence number, PSH, FIN, CWR and options. `left` is how many octets of
/// the line were still to come before `next`.
pub(super) fn join(first: &mut Seen, last: usize, next: Seen, left: usize) -> Result<(), Vec<Difference>> {
    let mut found = Vec::new();
    let (Body::Tcp(before), Body::Tcp(after)) = (&first.packet.body, &next.packet.body) else {
        return Err(vec![difference("protocol", protocol(&first.packet.body), protocol(&next.packet.body))]);
    };
    let gathered = before.seq.wrapping_add(u32::try_from(first.data.len()).unwrap_or(u32::MAX));
    found.extend(Difference::between("seq of the next packet", gathered, after.seq));
    let ack = |tcp: &Tcp| tcp.ack.unwrap_or(0);
    found.extend(Difference::between("ack of the next packet", ack(before), ack(after)));
    found.extend(Difference::between("window of the next packet", window(before), window(after)));
    found.extend(Difference::between("SYN, RST, URG, ECE, AE of the next packet", hard(before), hard(after)));
    if next.data.len() < left {
        found.extend(Difference::between("length of the next packet", last, next.data.len()));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let (seq, cwr) = (before.seq, before.flags.cwr);
    let mut data = std::mem::take(&mut first.data);
    data.extend(&next.data);
    *first = Seen { data, ..next };
    if let Body::Tcp(tcp) = &mut first.packet.body {
        tcp.seq = seq;
        tcp.flags.cwr = cwr;
        tcp.len = u16::try_from(first.data.len()).unwrap_or(u16::MAX);
    }
    Ok(())
}
