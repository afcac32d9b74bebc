//! What each connection is doing, in words or as an object: at the end of a command with `--stats`, and whenever SIGUSR1 asks.
//!
//! ```text
//!   SIGUSR1 ──────────┐
//!   the end, --stats ─┴─► Stack::infos ─► a paragraph, or an object, for each of the first hundred ─► Say
//! ```

use super::say::Say;
use handfast::{Stack, TcpInfo};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Connections that are told of at once: more would be read by nobody.
const MOST: usize = 100;

/// A connection at one instant.
type Row = (SocketAddr, SocketAddr, TcpInfo);

/// What the connections of a stack are doing now.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// Connections that are not among them.
    more: usize,
}

impl Rows {
    pub(super) fn of(stack: &Stack) -> Self {
        let rows = stack.infos(MOST);
        let more = stack.host(|host| host.tcp_counts().connections).saturating_sub(rows.len());
        Self { rows, more }
    }

    /// Says it.
    pub(super) fn tell(&self, say: Say) {
        for row in &self.rows {
            say.line_or_not(|| object(row), &words(row));
        }
        if self.more > 0 {
            let words = format!("and {} more connections", self.more);
            say.line_or_not(|| json!({ "event": "connections", "more": self.more }), &words);
        }
    }
}

/// Tells of all connections whenever SIGUSR1 asks. Never returns, unless nobody can ask.
pub(super) async fn tell_when_asked(stack: Stack, say: Say) {
    let Ok(mut asked) = signal(SignalKind::user_defined1()) else { return };
    while asked.recv().await.is_some() {
        let rows = Rows::of(&stack);
        if rows.rows.is_empty() {
            say.line_or_not(|| json!({ "event": "connections", "more": 0 }), "no connections");
        }
        rows.tell(say);
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

/// Octets a second, in bits as people say them.
fn rate(octets: u64) -> String {
    match octets as f64 * 8.0 {
        bits if bits >= 1e9 => format!("{:.2} Gbit/s", bits / 1e9),
        bits if bits >= 1e6 => format!("{:.2} Mbit/s", bits / 1e6),
        bits => format!("{:.1} kbit/s", bits / 1e3),
    }
}

/// What was agreed on with the peer.
fn options(info: &TcpInfo) -> Vec<String> {
    let mut options = Vec::new();
    options.extend(info.sack.then(|| "sack".to_owned()));
    options.extend(info.timestamps.then(|| "timestamps".to_owned()));
    options.extend(info.window_scales.map(|(peer, ours)| format!("wscale {peer}/{ours}")));
    options.extend(info.ecn.map(|mode| format!("ecn {mode:?}").to_lowercase()));
    options.extend(info.fast_open.map(|state| format!("fast open {state:?}").to_lowercase()));
    options
}

fn words((local, remote, info): &Row) -> String {
    let never = |octets: u32| if octets == u32::MAX { "none".to_owned() } else { octets.to_string() };
    let rtt = match (info.rtt, info.min_rtt) {
        (Some(rtt), least) => format!(
            "{} ms +- {} (least {})",
            millis(rtt),
            millis(info.rtt_variation),
            millis(least.unwrap_or(rtt))
        ),
        (None, _) => "none".to_owned(),
    };
    let phase = if info.phase.is_empty() { String::new() } else { format!(", {}", info.phase) };
    let paced =
        info.pacing_rate.map_or_else(|| "not paced".to_owned(), |paced| format!("paced {}", rate(paced)));
    let limited = if info.delivery_app_limited { " for want of data" } else { "" };
    let lines = [
        format!("{local} to {remote}: {}, {:?}{phase}", info.state, info.standing),
        format!(
            "cwnd {}, ssthresh {}, in flight {}, unacknowledged {}, sacked {}, lost {}, sent again {} segments ({} octets), \
             undone {}",
            info.congestion_window,
            never(info.slow_start_threshold),
            info.in_flight,
            info.outstanding,
            info.sacked,
            info.lost,
            info.retransmitted_segments,
            info.retransmitted_octets,
            info.undone,
        ),
        format!("rtt {rtt}, rto {} ms, timeouts {}", millis(info.rto), info.timeouts_ever),
        format!(
            "reordered {} times by {} octets at most, patience {} ms, needless {}",
            info.reordered,
            info.reordered_by,
            millis(info.reordering_window),
            info.duplicate_sacks,
        ),
        format!(
            "sent {} octets, acknowledged {}, received {}; delivered {} segments, {}{limited}, {paced}",
            info.octets_sent,
            info.octets_acknowledged,
            info.octets_received,
            info.delivered,
            rate(info.delivery_rate),
        ),
        format!(
            "busy {} s, held back by the peer's window {} s, by the send buffer {} s",
            seconds(info.busy),
            seconds(info.window_limited),
            seconds(info.buffer_limited),
        ),
        format!(
            "packets of {} octets, black holes {}, {}",
            info.path_mtu,
            info.black_holes,
            match options(info) {
                options if options.is_empty() => "no options".to_owned(),
                options => options.join(", "),
            },
        ),
    ];
    lines.join("\n  ")
}

/// All that is known, by the names of the library; times in milliseconds, rates in octets a second.
fn object((local, remote, info): &Row) -> Value {
    let mut object = json!({
        "event": "connection",
        "local": local.to_string(),
        "remote": remote.to_string(),
        "state": info.state.name(),
        "standing": format!("{:?}", info.standing).to_lowercase(),
        "phase": info.phase,
        "cwnd": info.congestion_window,
        "ssthresh": info.slow_start_threshold,
        "in_flight": info.in_flight,
        "unacknowledged": info.outstanding,
        "sacked": info.sacked,
        "lost": info.lost,
        "lost_ever": info.lost_octets,
        "retransmitted_segments": info.retransmitted_segments,
        "retransmitted_octets": info.retransmitted_octets,
        "undone": info.undone,
        "timeouts": info.timeouts_ever,
        "srtt_ms": info.rtt.map(millis),
        "rttvar_ms": millis(info.rtt_variation),
        "min_rtt_ms": info.min_rtt.map(millis),
        "rto_ms": millis(info.rto),
        "reordered": info.reordered,
        "reordered_by": info.reordered_by,
        "reordering_window_ms": millis(info.reordering_window),
        "duplicate_sacks": info.duplicate_sacks,
    });
    let more = json!({
        "delivered_segments": info.delivered,
        "delivered_ce": info.delivered_ce,
        "received_ce": info.received_ce,
        "delivery_rate": info.delivery_rate,
        "delivery_app_limited": info.delivery_app_limited,
        "pacing_rate": info.pacing_rate,
        "busy_ms": millis(info.busy),
        "window_limited_ms": millis(info.window_limited),
        "buffer_limited_ms": millis(info.buffer_limited),
        "octets_sent": info.octets_sent,
        "octets_acknowledged": info.octets_acknowledged,
        "octets_received": info.octets_received,
        "segments_sent": info.segments_sent,
        "segments_received": info.segments_received,
        "unsent": info.unsent,
        "unread": info.unread,
        "out_of_order": info.out_of_order,
        "send_window": info.send_window,
        "receive_window": info.receive_window,
        "send_mss": info.send_mss,
        "receive_mss": info.receive_mss,
        "path_mtu": info.path_mtu,
        "black_holes": info.black_holes,
        "options": options(info),
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use handfast::device::memory;
    use handfast::{TcpListener, TcpStream};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    #[test]
    fn each_connection_has_a_row_of_what_it_does() {
        runtime().block_on(async {
            let (device, _other_end) = memory::wired(memory::Config::default()).unwrap();
            let stack =
                Stack::builder().device(device).address("10.0.0.1/24".parse().unwrap()).build().unwrap();
            let _listener = TcpListener::bind_on(&stack, "10.0.0.1:80").await.unwrap();
            let stream = TcpStream::connect_on(&stack, "10.0.0.1:80").await.unwrap();
            let rows = Rows::of(&stack);
            assert_eq!((rows.rows.len(), rows.more), (2, 0));
            let ours = rows.rows.iter().find(|(local, ..)| Some(*local) == stream.local_addr().ok()).unwrap();
            let told = object(ours);
            assert_eq!(told["remote"], "10.0.0.1:80");
            assert_eq!(told["state"], "ESTABLISHED");
            assert!(told["cwnd"].as_u64().unwrap() > 10_000, "{told}");
            let words = words(ours);
            assert!(words.contains("10.0.0.1:80: ESTABLISHED, Open"), "{words}");
            assert!(words.contains("sack, timestamps, wscale"), "{words}");
        });
    }

    #[test]
    fn rates_are_said_as_people_say_them() {
        assert_eq!(
            [0, 1_250, 1_250_000, 250_000_000].map(rate),
            ["0.0 kbit/s", "10.0 kbit/s", "10.00 Mbit/s", "2.00 Gbit/s"]
        );
    }
}
