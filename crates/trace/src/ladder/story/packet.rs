//! What is written on an arrow.

use crate::Lang;
use crate::flow::Flows;
use crate::text::Tone;
use stack::trace::{Content, Packet};
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use wire::tcp::{Flags, Header, Options};

/// What is written on an arrow and under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) tone: Tone,
    /// Between which ports, when several pairs of sockets talk.
    pub(crate) ports: Option<String>,
    /// What it is: flags, or the protocol.
    pub(crate) name: String,
    /// Its numbers.
    pub(crate) numbers: String,
    /// The window, which goes under the arrow where the arrow is too short.
    pub(crate) window: Option<String>,
    /// Options worth a word.
    pub(crate) options: Option<String>,
}

/// The sockets that a packet travels between, where it has ports.
pub(crate) fn ends(packet: &Packet) -> Option<(SocketAddr, SocketAddr)> {
    match &packet.content {
        Content::Tcp { src_port, dst_port, .. } | Content::Udp { src_port, dst_port, .. } => {
            Some(((packet.src, *src_port).into(), (packet.dst, *dst_port).into()))
        }
        _ => None,
    }
}

/// A TCP segment's sockets and header.
pub(crate) fn segment(packet: &Packet) -> Option<(SocketAddr, SocketAddr, &Header)> {
    let Content::Tcp { header, .. } = &packet.content else { return None };
    let (src, dst) = ends(packet)?;
    Some((src, dst, header))
}

/// What to write about a packet.
pub(crate) fn describe(packet: &Packet, flows: &Flows, lang: Lang, many: bool) -> Label {
    let ports = ends(packet).filter(|_| many).map(|(src, dst)| format!("{}→{} ", src.port(), dst.port()));
    let plain = |name: String| Label {
        tone: Tone::Plain,
        ports: ports.clone(),
        name,
        numbers: String::new(),
        window: None,
        options: None,
    };
    let mut label = match &packet.content {
        Content::Tcp { header, len, segment_size, .. } => {
            let Some((src, dst)) = ends(packet) else { return plain("TCP".to_owned()) };
            let mut label = tcp(src, dst, header, *len, flows);
            train(&mut label.numbers, *len, *segment_size);
            label.ports = ports;
            label
        }
        Content::Udp { len, segment_size, .. } => {
            let mut label = plain("UDP".to_owned());
            label.numbers = format!(" len={len}");
            train(&mut label.numbers, *len, *segment_size);
            label
        }
        Content::Icmp { kind, code, .. } => plain(icmp(packet.src, *kind, *code)),
        Content::Arp { reply: false } => plain(match lang {
            Lang::En => format!("ARP who has {}?", packet.dst),
            Lang::Ko => format!("ARP 누가 {}인가?", packet.dst),
        }),
        Content::Arp { reply: true } => plain(match lang {
            Lang::En => format!("ARP {} is here", packet.src),
            Lang::Ko => format!("ARP {} 여기 있음", packet.src),
        }),
        Content::Other(protocol) => plain(format!("protocol {}", protocol.number())),
        _ => plain("?".to_owned()),
    };
    if let Some(fragment) = packet.fragment {
        let more = if fragment.more { "+" } else { "" };
        let word = lang.pick("fragment at", "조각");
        let _ = write!(label.numbers, " ({word} {}{more})", fragment.offset);
    }
    if matches!(packet.ecn, wire::Ecn::Ce) {
        label.numbers.push_str(" CE");
    }
    label
}

fn train(numbers: &mut String, len: usize, segment_size: Option<u16>) {
    if let Some(size) = segment_size.filter(|size| *size > 0) {
        let _ = write!(numbers, " ({}×{size})", len.div_ceil(usize::from(size)));
    }
}

fn tcp(src: SocketAddr, dst: SocketAddr, header: &Header, len: usize, flows: &Flows) -> Label {
    let flags = header.flags;
    let has = |flag| flags.contains(flag);
    let mut numbers = format!(" seq={}", flows.relative(src, dst, header.seq));
    if has(Flags::ACK) {
        let _ = write!(numbers, " ack={}", flows.relative(dst, src, header.ack));
    }
    if len > 0 {
        let _ = write!(numbers, " len={len}");
    }
    if has(Flags::URG) {
        let _ = write!(numbers, " urg={}", header.urgent);
    }
    let tone = if has(Flags::RST) {
        Tone::Wrong
    } else if has(Flags::FIN) {
        Tone::Closes
    } else if has(Flags::SYN) {
        Tone::Opens
    } else {
        Tone::Plain
    };
    // A RST offers no window (RFC 9293 §3.10.7.1 leaves it unsaid).
    let window = (!has(Flags::RST)).then(|| {
        let known = has(Flags::SYN) || flows.saw_opening(src, dst);
        let unit = if known { "" } else { "?" };
        format!(" win={}{unit}", flows.window(src, dst, header))
    });
    Label {
        tone,
        ports: None,
        name: flags.to_string(),
        numbers,
        window,
        options: options(src, dst, &header.options, flows),
    }
}

/// Options that tell something: those of a SYN, and SACK blocks. Timestamps ride on everything and are named once.
fn options(src: SocketAddr, dst: SocketAddr, options: &Options, flows: &Flows) -> Option<String> {
    let mut words = Vec::new();
    if let Some(mss) = options.mss {
        words.push(format!("mss {mss}"));
    }
    if let Some(shift) = options.window_scale {
        words.push(format!("scale {shift}"));
    }
    if options.sack_permitted {
        words.push("sack".to_owned());
    }
    if options.mss.is_some() && options.timestamps.is_some() {
        words.push("ts".to_owned());
    }
    for block in options.sack.as_slice() {
        let [start, end] = [block.start, block.end].map(|edge| flows.relative(dst, src, edge));
        words.push(format!("SACK {start}–{end}"));
    }
    if options.fast_open.is_some() {
        words.push("fast open".to_owned());
    }
    if options.md5 {
        words.push("md5".to_owned());
    }
    if options.authentication {
        words.push("ao".to_owned());
    }
    (!words.is_empty()).then(|| words.join(", "))
}

/// An ICMP message by its name in the RFCs (792, 4443, 4861).
fn icmp(src: IpAddr, kind: u8, code: u8) -> String {
    let name = match (src.is_ipv4(), kind, code) {
        (true, 0, _) | (false, 129, _) => "echo reply",
        (true, 8, _) | (false, 128, _) => "echo request",
        (true, 3, 0) | (false, 1, 0) => "network unreachable",
        (true, 3, 1) | (false, 1, 3) => "host unreachable",
        (true, 3, 2) => "protocol unreachable",
        (true, 3, 3) | (false, 1, 4) => "port unreachable",
        (true, 3, 4) | (false, 2, _) => "packet too big",
        (true, 3, 9 | 10 | 13) | (false, 1, 1) => "prohibited",
        (true, 3, _) | (false, 1, _) => "unreachable",
        (true, 11, _) | (false, 3, _) => "time exceeded",
        (true, 12, _) | (false, 4, _) => "parameter problem",
        (true, 5, _) | (false, 137, _) => "redirect",
        (false, 133, _) => "router solicitation",
        (false, 134, _) => "router advertisement",
        (false, 135, _) => "neighbour solicitation",
        (false, 136, _) => "neighbour advertisement",
        (false, 130, _) => "listener query",
        (false, 131 | 143, _) => "listener report",
        _ => return format!("ICMP type {kind} code {code}"),
    };
    format!("ICMP {name}")
}
