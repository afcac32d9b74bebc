//! The same for programs: one JSON object a line. `docs/explain.md` lists the fields, which stay.

use crate::capture::{Broken, NotACapture};
use crate::explainer::Counts;
use crate::finding::Finding;
use crate::flow::Flow;
use crate::told::Told;
use crate::words;
use env::{Duration, Instant};
use serde_json::{Map, Value, json};
use trace::Lang;
use wire::Protocol;

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A packet, as one line: `event` is `packet`. Times count from `origin`.
pub fn packet(told: &Told, origin: Instant, lang: Lang) -> String {
    let mut fields = Map::new();
    fields.insert("event".into(), "packet".into());
    fields.insert("number".into(), told.number.into());
    fields.insert("at".into(), nanos(told.at.since(origin)).into());
    fields.insert("flow".into(), told.flow.into());
    fields.insert("from".into(), told.from.into());
    fields.extend(trace::json::fields(&told.packet));
    let findings: Vec<Value> = told.findings.iter().map(|finding| finding.name().into()).collect();
    fields.insert("findings".into(), findings.into());
    if told.states != [None; 2] {
        let states = told.states.map(|state| state.map(|state| state.name()));
        fields.insert("states".into(), json!(states));
    }
    let said: Vec<Value> = (told.said.iter())
        .map(|said| {
            let text = words::remark(lang, said.remark);
            json!({ "side": said.side, "id": said.remark.name(), "text": text })
        })
        .collect();
    if !said.is_empty() {
        fields.insert("said".into(), said.into());
    }
    Value::Object(fields).to_string()
}

/// A flow, as one line: `event` is `flow`.
pub fn flow(flow: &Flow, origin: Instant, lang: Lang) -> String {
    let sent: Vec<Value> = flow.sent().iter().map(sent).collect();
    let tcp = flow.protocol() == Protocol::TCP;
    let mut value = json!({
        "event": "flow",
        "flow": flow.number(),
        "protocol": if tcp { "tcp" } else { "udp" },
        "ends": flow.ends().map(|end| end.to_string()),
        "at": nanos(flow.began().since(origin)),
        "lasted": nanos(flow.lasted()),
        "sent": sent,
        "icmp_errors": flow.icmp_errors(),
    });
    if let Some(fields) = value.as_object_mut()
        && tcp
    {
        fields.insert("handshake".into(), json!(flow.handshake().map(nanos)));
        fields.insert("ending".into(), flow.ending().name().into());
        fields.insert("ended_by".into(), json!(flow.ending().side()));
        fields.insert("text".into(), words::ending(lang, flow.ending()).into());
        let states = flow.states().map(|states| states.map(|state| state.name()));
        fields.insert("states".into(), json!(states));
        let reached = [0, 1].map(|side| flow.reached(side).map(|state| state.name()).collect::<Vec<_>>());
        fields.insert("reached".into(), json!(reached));
        if let Some((side, why)) = flow.reset() {
            let id = crate::Remark::Reset(why).name();
            fields.insert("reset".into(), json!({ "by": side, "why": id }));
        }
    }
    value.to_string()
}

fn sent(sent: &crate::Sent) -> Value {
    let findings: Map<String, Value> = (Finding::ALL.into_iter())
        .filter(|finding| sent.count(*finding) > 0)
        .map(|finding| (finding.name().to_owned(), sent.count(finding).into()))
        .collect();
    json!({
        "packets": sent.packets,
        "octets": sent.octets,
        "findings": findings,
        "wrong_checksums": sent.wrong_checksums,
        "partial_checksums": sent.partial_checksums,
        "trains": sent.trains,
        "ignored": sent.ignored,
    })
}

/// The end of the capture, as one line: `event` is `end`.
pub fn end(counts: &Counts, broken: Option<Broken>) -> String {
    let broken = broken.map(|broken| json!({ "offset": broken.offset, "text": broken.why.to_string() }));
    json!({
        "event": "end",
        "packets": counts.packets,
        "in_flows": counts.in_flows,
        "flows": counts.flows,
        "evicted": counts.evicted,
        "arp": counts.arp,
        "icmp": counts.icmp,
        "fragments": counts.fragments,
        "other_transport": counts.other_transport,
        "other_network": counts.other_network,
        "unreadable": counts.unreadable,
        "unknown_link": counts.unknown_link,
        "cut": counts.cut,
        "broken": broken,
    })
    .to_string()
}

/// What is no capture, as one line: `event` is `not_a_capture`.
pub fn not_a_capture(why: &NotACapture) -> String {
    json!({ "event": "not_a_capture", "text": why.to_string() }).to_string()
}
