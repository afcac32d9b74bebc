//! The same for programs: one JSON object a line, in the order in which things happened.

mod names;

pub use names::ended;

use crate::{Entry, Lang};
use device::impair::What;
use env::Instant;
use serde::Serialize;
use stack::Trace;
use stack::trace::{Content, Packet};
use std::net::SocketAddr;
use tcp::Note;
use wire::tcp::Options;

/// One entry as one line, without the line's end.
///
/// Every line has `at` (nanoseconds since `origin`), `host` (its name) and `event`: `sent`, `received`, `dropped`,
/// `state`, `discarded`, `round_trip`, `window`, `remark`, `link` or `said`. Numbers are those on the wire, not counted
/// from the first one. What is said in words is said in `lang`; `id` beside it is a name that is the same in every language and stays.
pub fn line(entry: &Entry, hosts: &[String; 2], origin: Instant, lang: Lang) -> String {
    let name = |host: usize| hosts[host.min(1)].as_str();
    let mut record = Record {
        at: u64::try_from(entry.at().since(origin).as_nanos()).unwrap_or(u64::MAX),
        ..Record::default()
    };
    match entry {
        Entry::Host { host, what } => {
            record.host = Some(name(*host));
            self::host(&mut record, what, lang);
        }
        Entry::Link { from, event } => {
            record.event = "link";
            record.host = Some(name(*from));
            record.frame = Some(event.id);
            record.part = Some(event.part);
            record.octets = Some(event.octets);
            record.id = Some(names::fate(event.what).to_owned());
            record.text = lang.link(event);
            match event.what {
                What::Corrupted { bit } => record.bit = Some(bit),
                What::Queued { delay } => record.delay = u64::try_from(delay.as_nanos()).ok(),
                _ => {}
            }
        }
        Entry::Said { host, text, .. } => {
            record.event = "said";
            record.host = host.map(name);
            record.text = Some(text.clone());
        }
    }
    // A record holds nothing that has no JSON.
    serde_json::to_string(&record).unwrap_or_default()
}

#[derive(Default, Serialize)]
struct Record<'a> {
    at: u64,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    octets: Option<usize>,
    #[serde(flatten)]
    packet: Option<PacketRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(flatten)]
    estimate: Option<Estimate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Estimate {
    RoundTrip { sample: u64, srtt: u64, rto: u64 },
    Window { cwnd: u32, ssthresh: u32, in_flight: u32, phase: &'static str },
}

#[derive(Serialize)]
struct PacketRecord {
    src: String,
    dst: String,
    protocol: String,
    len: usize,
    ttl: u8,
    #[serde(flatten)]
    content: ContentRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    fragment: Option<FragmentRecord>,
}

#[derive(Serialize)]
struct FragmentRecord {
    identification: u32,
    offset: u16,
    more: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentRecord {
    Tcp {
        flags: String,
        seq: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        ack: Option<u32>,
        payload: usize,
        window: u16,
        #[serde(skip_serializing_if = "OptionsRecord::is_empty")]
        options: OptionsRecord,
    },
    Payload {
        payload: usize,
    },
    Icmp {
        kind: u8,
        code: u8,
    },
    Arp {
        reply: bool,
    },
    Other {},
}

#[derive(Default, Serialize)]
struct OptionsRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    mss: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_scale: Option<u8>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sack_permitted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sack: Vec<[u32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamps: Option<[u32; 2]>,
}

impl OptionsRecord {
    fn is_empty(&self) -> bool {
        self.mss.is_none()
            && self.window_scale.is_none()
            && !self.sack_permitted
            && self.sack.is_empty()
            && self.timestamps.is_none()
    }
}

impl From<&Options> for OptionsRecord {
    fn from(options: &Options) -> Self {
        Self {
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            sack: options.sack.as_slice().iter().map(|b| [b.start.raw(), b.end.raw()]).collect(),
            timestamps: options.timestamps.map(|t| [t.value, t.echo]),
        }
    }
}

fn host(record: &mut Record<'_>, what: &Trace, lang: Lang) {
    match what {
        Trace::Sent { frame, packet, why, .. } => {
            record.event = "sent";
            record.frame = Some(*frame);
            record.packet = Some(self::packet(packet));
            record.id = why.map(|why| names::why(why).to_owned());
            record.text = why.map(|why| lang.why(why));
        }
        Trace::Received { frame, packet, .. } => {
            record.event = "received";
            record.frame = Some(*frame);
            record.packet = Some(self::packet(packet));
        }
        Trace::Dropped { frame, why, .. } => {
            record.event = "dropped";
            record.frame = Some(*frame);
            record.id = Some(why.name().to_owned());
            record.text = Some(lang.drop(*why));
        }
        Trace::Tcp { local, remote, note, .. } => {
            record.local = Some(*local);
            record.remote = Some(*remote);
            self::note(record, note, lang);
        }
        _ => record.event = "other",
    }
}

fn note(record: &mut Record<'_>, note: &Note, lang: Lang) {
    let nanos = |span: env::Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    match note {
        Note::State { from, to, cause, .. } => {
            record.event = "state";
            record.from = Some(from.name());
            record.to = Some(to.name());
            record.id = Some(names::cause(*cause));
            record.text = Some(lang.cause(*cause));
        }
        Note::Discarded { why, .. } => {
            record.event = "discarded";
            record.id = Some(names::discard(*why).to_owned());
            record.text = Some(lang.discard(*why));
        }
        Note::RoundTrip { sample, srtt, rto, .. } => {
            record.event = "round_trip";
            record.estimate =
                Some(Estimate::RoundTrip { sample: nanos(*sample), srtt: nanos(*srtt), rto: nanos(*rto) });
        }
        Note::Window { cwnd, ssthresh, in_flight, trigger, phase, .. } => {
            record.event = "window";
            record.estimate =
                Some(Estimate::Window { cwnd: *cwnd, ssthresh: *ssthresh, in_flight: *in_flight, phase });
            record.id = Some(names::trigger(*trigger).to_owned());
            record.text = Some(lang.trigger(*trigger).to_owned());
        }
        Note::Remark { what, .. } => {
            record.event = "remark";
            record.text = Some(lang.remark(what).to_owned());
        }
        _ => record.event = "other",
    }
}

/// A packet's fields, as they stand in a line of [`line()`]: `src`, `dst`, `protocol`, `len`, `ttl`, and for TCP `flags`, `seq`, `ack`,
/// `payload`, `window`, `options`.
pub fn fields(packet: &Packet) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(self::packet(packet)) {
        Ok(serde_json::Value::Object(fields)) => fields,
        // A record is an object, and holds nothing that has no JSON.
        _ => serde_json::Map::new(),
    }
}

fn packet(packet: &Packet) -> PacketRecord {
    let end = |address: std::net::IpAddr, port: &u16| SocketAddr::from((address, *port)).to_string();
    let (mut src, mut dst) = (packet.src.to_string(), packet.dst.to_string());
    let (protocol, content) = match &packet.content {
        Content::Tcp { src_port, dst_port, header, len, .. } => {
            (src, dst) = (end(packet.src, src_port), end(packet.dst, dst_port));
            let content = ContentRecord::Tcp {
                flags: header.flags.to_string(),
                seq: header.seq.raw(),
                ack: header.flags.contains(wire::tcp::Flags::ACK).then_some(header.ack.raw()),
                payload: *len,
                window: header.window.raw(),
                options: (&header.options).into(),
            };
            ("tcp".to_owned(), content)
        }
        Content::Udp { src_port, dst_port, len, .. } => {
            (src, dst) = (end(packet.src, src_port), end(packet.dst, dst_port));
            ("udp".to_owned(), ContentRecord::Payload { payload: *len })
        }
        Content::Icmp { kind, code, .. } => {
            ("icmp".to_owned(), ContentRecord::Icmp { kind: *kind, code: *code })
        }
        Content::Arp { reply } => ("arp".to_owned(), ContentRecord::Arp { reply: *reply }),
        Content::Other(protocol) => (protocol.number().to_string(), ContentRecord::Other {}),
        _ => ("unknown".to_owned(), ContentRecord::Other {}),
    };
    let fragment = packet.fragment.map(|f| FragmentRecord {
        identification: f.identification,
        offset: f.offset,
        more: f.more,
    });
    PacketRecord { src, dst, protocol, len: packet.len, ttl: packet.ttl, content, fragment }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::handshake;
    use device::impair::{LinkEvent, Lost};

    #[test]
    fn every_entry_is_one_line_of_json() {
        let mut log = handshake();
        let lost = LinkEvent {
            at: Instant::from_millis(40),
            id: 7,
            part: 0,
            octets: 40,
            what: What::Lost(Lost::Burst),
        };
        log.entries.push(Entry::Link { from: 1, event: lost });
        log.entries.push(Entry::Said {
            at: Instant::from_millis(50),
            host: None,
            text: "a \"word\"\n".into(),
        });
        let hosts = ["client".to_owned(), "server".to_owned()];
        let lines: Vec<String> =
            log.entries.iter().map(|entry| line(entry, &hosts, Instant::ZERO, Lang::Ko)).collect();
        assert!(lines.iter().all(|line| !line.contains('\n')));
        insta::assert_snapshot!(lines.join("\n"));
        let later = line(&log.entries[log.entries.len() - 1], &hosts, Instant::from_millis(49), Lang::En);
        assert!(later.starts_with("{\"at\":1000000,"), "{later}");
    }
}
