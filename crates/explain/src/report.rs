//! Flows for people: a ladder each, or a row each.

use crate::capture::Broken;
use crate::explainer::Counts;
use crate::finding::Finding;
use crate::flow::Flow;
use crate::told::Told;
use crate::words;
use std::fmt::Write as _;
use trace::{Lang, Passing, Settings};
use wire::Protocol;

/// What stands over a flow: its number, what it is, and how it went.
pub fn heading(flow: &Flow, lang: Lang) -> String {
    let [left, right] = flow.ends();
    let (protocol, name) = (protocol(flow), lang.pick("Flow", "흐름"));
    format!("{name} {}: {protocol} {left} → {right}\n{}\n", flow.number(), sentence(flow, lang))
}

fn protocol(flow: &Flow) -> &'static str {
    if flow.protocol() == Protocol::TCP { "TCP" } else { "UDP" }
}

/// How it went.
fn sentence(flow: &Flow, lang: Lang) -> String {
    let [a, b] = flow.sent();
    let lasted = words::span(lang, flow.lasted());
    let mut text = match lang {
        Lang::En => format!(
            "{} packets ({} octets) →, {} packets ({} octets) ←, {lasted}",
            a.packets, a.octets, b.packets, b.octets
        ),
        Lang::Ko => format!(
            "→ 패킷 {}개({}옥텟), ← 패킷 {}개({}옥텟), {lasted}",
            a.packets, a.octets, b.packets, b.octets
        ),
    };
    if let Some(handshake) = flow.handshake() {
        let _ = write!(text, ", {} {}", lang.pick("handshake", "핸드셰이크"), words::span(lang, handshake));
    }
    let counted = [
        (Finding::Retransmission, lang.pick("retransmissions", "재전송")),
        (Finding::OutOfOrder, lang.pick("out of order", "순서 바뀜")),
        (Finding::LostSegment, lang.pick("gaps", "빈 곳")),
        (Finding::ZeroWindow, lang.pick("zero windows", "0 윈도")),
    ];
    for (finding, name) in counted {
        let count = flow.count(finding);
        if count > 0 {
            let _ = write!(text, ", {name} {count}");
        }
    }
    let more = [
        (a.wrong_checksums + b.wrong_checksums, lang.pick("wrong checksums", "틀린 체크섬")),
        (
            a.partial_checksums + b.partial_checksums,
            lang.pick("checksums left to the device", "장치에 맡긴 체크섬"),
        ),
        (a.ignored + b.ignored, lang.pick("ignored", "무시됨")),
        (flow.icmp_errors(), lang.pick("ICMP errors", "ICMP 오류")),
    ];
    for (count, name) in more {
        if count > 0 {
            let _ = write!(text, ", {name} {count}");
        }
    }
    if flow.protocol() == Protocol::TCP {
        let _ = write!(text, "; {}", words::ending(lang, flow.ending()));
        if let Some((_, why)) = flow.reset() {
            let why = words::remark(lang, crate::Remark::Reset(why));
            let _ = write!(text, " ({why})");
        }
    }
    text
}

/// A flow as a ladder, of the packets that were kept of it.
///
/// `settings` is how it looks; its hosts are the names of the two ends.
pub fn ladder(flow: &Flow, settings: &Settings) -> String {
    let lang = settings.lang;
    let mut passing = Passing::new(settings.clone());
    let mut text = heading(flow, lang);
    text.push_str(&passing.heading(Some(flow.ends()), flow.before()));
    let leave_out = |passing: &mut Passing, count: u64| match lang {
        _ if count == 0 => {}
        Lang::En => passing.say(None, false, &format!("{count} packets are left out")),
        Lang::Ko => passing.say(None, false, &format!("패킷 {count}개 생략")),
    };
    for (left_out, told) in flow.log.iter() {
        leave_out(&mut passing, left_out);
        passing.packet(&told.sighting(lang));
    }
    leave_out(&mut passing, flow.log.missed());
    text.push_str(&passing.draw());
    text
}

/// One flow, drawn as it is read: all of its packets, however many.
#[derive(Debug)]
pub struct Follow {
    lang: Lang,
    passing: Passing,
    begun: bool,
}

/// Rows that wait, so that those which only repeat others can be counted.
const WAITING: usize = 2048;

impl Follow {
    /// Nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self { lang: settings.lang, passing: Passing::new(settings), begun: false }
    }

    /// Takes a packet of the flow; gives what can be drawn now.
    pub fn push(&mut self, told: &Told, flow: &Flow) -> String {
        let mut text = String::new();
        if !self.begun {
            self.begun = true;
            text = self.passing.heading(Some(flow.ends()), flow.before());
        }
        self.passing.packet(&told.sighting(self.lang));
        if self.passing.waiting() >= WAITING {
            text.push_str(&self.passing.draw());
        }
        text
    }

    /// The rest.
    pub fn finish(&mut self) -> String {
        self.passing.draw()
    }
}

/// A flow in one row. `None` gives the row's heading.
pub fn row(flow: Option<&Flow>, lang: Lang) -> String {
    let Some(flow) = flow else {
        let names = match lang {
            Lang::En => {
                ["#", "ends", "pkts→", "octets→", "pkts←", "octets←", "lasted", "handshake", "again", "end"]
            }
            Lang::Ko => {
                ["#", "두 끝", "패킷→", "옥텟→", "패킷←", "옥텟←", "기간", "핸드셰이크", "재전송", "끝"]
            }
        };
        return columns(&names.map(str::to_owned));
    };
    let [left, right] = flow.ends();
    let [a, b] = flow.sent();
    let handshake = flow.handshake().map_or("-".to_owned(), |span| words::span(lang, span));
    columns(&[
        flow.number().to_string(),
        format!("{} {left} → {right}", protocol(flow)),
        a.packets.to_string(),
        a.octets.to_string(),
        b.packets.to_string(),
        b.octets.to_string(),
        words::span(lang, flow.lasted()),
        handshake,
        flow.count(Finding::Retransmission).to_string(),
        words::ending(lang, flow.ending()),
    ])
}

/// Widths of columns: negative ones are on the left.
const COLUMNS: [(usize, bool); 10] = [
    (5, false),
    (44, true),
    (7, false),
    (10, false),
    (7, false),
    (10, false),
    (9, false),
    (10, false),
    (6, false),
    (0, true),
];

fn columns(cells: &[String; 10]) -> String {
    let mut text = String::new();
    for (cell, (wide, left)) in cells.iter().zip(COLUMNS) {
        let pad = " ".repeat(wide.saturating_sub(trace::columns(cell)));
        let (before, after) = if left { ("", pad.as_str()) } else { (pad.as_str(), "") };
        let gap = if text.is_empty() { "" } else { "  " };
        let _ = write!(text, "{gap}{before}{cell}{after}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// What stands at the end: what was read, what not, and where and why the file ends before its end.
pub fn closing(counts: &Counts, broken: Option<Broken>, lang: Lang) -> String {
    let mut text = match lang {
        Lang::En => {
            format!("{} packets, {} of them in {} flows", counts.packets, counts.in_flows, counts.flows)
        }
        Lang::Ko => {
            format!("패킷 {}개, 그중 {}개가 흐름 {}개에", counts.packets, counts.in_flows, counts.flows)
        }
    };
    let others = [
        (counts.arp, "ARP"),
        (counts.icmp, lang.pick("ICMP about none of them", "그와 무관한 ICMP")),
        (counts.fragments, lang.pick("later fragments", "뒤 조각")),
        (counts.other_transport, lang.pick("neither TCP nor UDP", "TCP도 UDP도 아님")),
        (counts.other_network, lang.pick("not IP", "IP가 아님")),
        (counts.unreadable, lang.pick("with headers that do not read", "헤더를 읽을 수 없음")),
        (counts.unknown_link, lang.pick("of a link type that is not read", "읽지 않는 링크 종류")),
        (counts.cut, lang.pick("cut by the capture's limit", "캡처 한도에 잘림")),
    ];
    for (count, name) in others {
        if count > 0 {
            let _ = write!(text, "; {name}: {count}");
        }
    }
    if let Some(link) = counts.first_unknown_link {
        let _ = write!(text, " (LINKTYPE {link})");
    }
    text.push('\n');
    if counts.evicted > 0 {
        let _ = match lang {
            Lang::En => writeln!(
                text,
                "{} flows were told before the capture's end, as too many were open at once",
                counts.evicted
            ),
            Lang::Ko => writeln!(text, "한꺼번에 열린 흐름이 너무 많아 {}개는 먼저 말했다", counts.evicted),
        };
    }
    if let Some(broken) = broken {
        let _ = match lang {
            Lang::En => writeln!(text, "The capture is broken after packet {}, {broken}", counts.packets),
            Lang::Ko => writeln!(text, "캡처가 패킷 {} 뒤에서 깨져 있다: {broken}", counts.packets),
        };
    }
    text
}
