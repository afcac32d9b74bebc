//! What the kernel and its programs did over a bad link: `handfast explain` tells of the capture, flow by flow, what the
//! live trace said, and finds in each packet what tshark finds.

#[path = "../../../explain/tests/tshark/compare.rs"]
#[expect(dead_code, reason = "whether tshark is there is asked before")]
mod compare;

use crate::support::{HANDFAST, Server, TempDir, in_namespace, run, succeed};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap_or_default() as u32
}

/// Numbers that a segment takes: octets, SYN and FIN.
fn takes(event: &Value) -> u32 {
    let flags = string(&event["flags"]);
    number(&event["payload"]) + u32::from(flags.contains("SYN")) + u32::from(flags.contains("FIN"))
}

/// What our end of a connection came to.
#[derive(Debug, Default, PartialEq)]
struct Came {
    states: BTreeSet<String>,
    /// The peer, we, or a RST.
    ended_by: &'static str,
    /// Octets that we sent again, a SYN or FIN counted as one.
    again: u32,
}

/// By the peer's socket.
type Flows = BTreeMap<String, Came>;

/// From the live trace.
fn live(events: &[Value]) -> Flows {
    let (mut flows, mut highest) = (Flows::new(), BTreeMap::<String, u32>::new());
    for event in events {
        if event["event"] == "state" {
            let came = flows.entry(string(&event["remote"])).or_default();
            came.states.insert(string(&event["to"]));
            if event["to"] == "CLOSED" && string(&event["id"]).to_uppercase().contains("RST") {
                came.ended_by = "reset";
            }
        }
        let count = takes(event);
        if event["event"] == "sent" && event["protocol"] == "tcp" && count > 0 {
            let (seq, peer) = (number(&event["seq"]), string(&event["dst"]));
            let highest = highest.entry(peer.clone()).or_insert(seq);
            if (seq.wrapping_sub(*highest) as i32) < 0 {
                flows.entry(peer).or_default().again += count;
            }
            let end = seq.wrapping_add(count);
            if end.wrapping_sub(*highest) as i32 > 0 {
                *highest = end;
            }
        }
    }
    for came in flows.values_mut().filter(|came| came.ended_by.is_empty()) {
        came.ended_by = if came.states.contains("LAST-ACK") { "peer" } else { "us" };
    }
    flows
}

/// From the capture; and connections that were refused.
fn explained(capture: &Path) -> (Flows, usize) {
    let path = capture.to_str().unwrap();
    let told = |arguments: &[&str]| -> Vec<Value> {
        let told = succeed(HANDFAST, ["explain", path, "--json"].iter().chain(arguments));
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (mut flows, mut names, mut refused) = (Flows::new(), BTreeMap::new(), 0);
    for flow in told(&["--summary"]) {
        if flow["event"] != "flow" || flow["protocol"] != "tcp" {
            continue;
        }
        // Programs open, we answer.
        let came = Came {
            states: flow["reached"][1].as_array().unwrap().iter().map(string).collect(),
            ended_by: match (flow["ending"].as_str(), flow["ended_by"].as_u64()) {
                (Some("closed"), Some(0)) => "peer",
                (Some("closed"), Some(1)) => "us",
                // The last segment was lost: the other end is not known to be over, ours is.
                (Some("closing"), _)
                    if flow["reached"][1].as_array().unwrap().contains(&"LAST-ACK".into()) =>
                {
                    "peer"
                }
                (Some("reset"), _) => "reset",
                (Some("refused"), _) => {
                    refused += 1;
                    continue;
                }
                other => panic!("{other:?} in {flow}"),
            },
            again: 0,
        };
        let peer = string(&flow["ends"][0]);
        names.insert(flow["flow"].to_string(), peer.clone());
        assert!(flows.insert(peer, came).is_none(), "two flows of {flow}");
    }
    for packet in told(&[]).iter().filter(|event| event["event"] == "packet" && event["from"] == 1) {
        let findings: Vec<_> = packet["findings"].as_array().unwrap().iter().map(string).collect();
        let again = findings.iter().any(|finding| finding == "retransmission" || finding == "out_of_order");
        if let Some(peer) = names.get(&packet["flow"].to_string()).filter(|_| again) {
            flows.get_mut(peer).unwrap().again += takes(packet);
        }
    }
    (flows, refused)
}

/// Sends `octets` through `nc`, closes, and reads to the end.
fn netcat(port: &str, octets: &[u8]) -> Vec<u8> {
    let mut command = Command::new("nc");
    command.args(["-N", "10.111.0.2", port]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(octets).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The connections that programs open here.
const CONNECTIONS: usize = 9;

fn agrees(options: &[&str], lossy: bool) {
    let dir = TempDir::new();
    dir.file("file", 300_000);
    let (capture, file) = (dir.path("run.pcapng"), dir.path("file"));
    let (capture_path, file) = (capture.to_str().unwrap(), file.to_str().unwrap());
    let watched = ["--trace", "--json", "--pcap", capture_path, "--tcp-echo", "7", "--tcp-digest", "8"];
    let mut server = Server::start(&dir, &[&watched, options].concat());
    for _ in 0..3 {
        succeed("curl", ["-sS", "-o", "/dev/null", "http://10.111.0.2/file"]);
    }
    succeed("curl", ["-sS", "-T", file, "http://10.111.0.2/up"]);
    // Gives up when it sees how much comes, and leaves it unread: a RST.
    let output = run("curl", ["-sS", "--max-filesize", "1000", "http://10.111.0.2/file"]);
    assert_eq!(output.status.code(), Some(63), "{output:?}");
    assert_eq!(run("curl", ["-sS", "http://10.111.0.2:81/"]).status.code(), Some(7));
    for _ in 0..3 {
        assert!(String::from_utf8(netcat("8", &[7; 200_000])).unwrap().starts_with("200000 octets"));
    }
    assert_eq!(netcat("7", b"hello"), b"hello");

    // Until all of them are over: what the end of the stack does to them is another story.
    let (mut events, mut over) = (Vec::<Value>::new(), 0);
    while over < CONNECTIONS {
        let line = server.line().expect("the server ended");
        let event: Value = serde_json::from_str(&line).expect(&line);
        over += usize::from(event["event"] == "state" && event["to"] == "CLOSED");
        events.push(event);
    }
    server.signal(Signal::INT);
    while let Some(line) = server.line() {
        events.push(serde_json::from_str(&line).expect(&line));
    }
    let (status, errors) = server.wait();
    assert!(status.success(), "{errors}");

    let (mut theirs, (mut ours, refused)) = (live(&events), explained(&capture));
    // What is there before the first packet and after the last is in no capture; nor is a CLOSE whose FIN a RST forestalled.
    for came in theirs.values_mut().chain(ours.values_mut()) {
        came.states.retain(|state| state != "CLOSED" && state != "LISTEN");
        if came.ended_by == "reset" {
            came.states.clear();
        }
    }
    assert_eq!((theirs.len(), refused), (CONNECTIONS, 1), "{theirs:#?}");
    for (peer, came) in &theirs {
        assert_eq!(ours.get(peer), Some(came), "{peer}");
    }
    assert_eq!(ours.len(), theirs.len(), "{ours:#?}");
    let ends = |by: &str| theirs.values().filter(|came| came.ended_by == by).count();
    assert_eq!((ends("peer"), ends("us"), ends("reset")), (CONNECTIONS - 1, 0, 1), "{theirs:#?}");
    let again: u32 = theirs.values().map(|came| came.again).sum();
    println!("{} events, {again} octets sent again", events.len());
    assert_eq!(again > 0, lossy, "{again}");

    let differences = compare::differences(&capture);
    assert!(differences.is_empty(), "not as tshark: {differences:?}");
    assert!(!lossy || compare::ours(&capture).0.len() > 20);
}

#[test]
fn runs_over_a_bad_link_are_told_as_the_live_trace_told_them() {
    let name = "captures::runs_over_a_bad_link_are_told_as_the_live_trace_told_them";
    in_namespace(name, &["curl", "nc", "tshark"], || agrees(&["--link", "loss=4%,delay=2ms"], true));
}

#[test]
fn runs_in_trains_are_told_as_the_live_trace_told_them() {
    let name = "captures::runs_in_trains_are_told_as_the_live_trace_told_them";
    in_namespace(name, &["curl", "nc", "tshark"], || agrees(&[], false));
}
