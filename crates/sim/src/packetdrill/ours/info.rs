//! TCP_INFO: the stack's figures of a connection, in Linux's names and units.
//!
//! ```text
//!   Status, octets and durations ─► tcpi_*: packets, µs, ms since
//! ```
//!
//! Packets are octets by the segment size. Segments that are believed lost and were sent again are lost until they are
//! acknowledged, as Linux counts them.

use super::Kernel;
use super::socket::Stage;
use crate::packetdrill::linux::{
    ENOPROTOOPT, TCP_ACCECN_OPT_COUNTER_SEEN, TCP_ACCECN_OPT_FAIL_SEND, TCP_CLOSE, TCP_CLOSE_WAIT,
    TCP_CLOSING, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_INFINITE_SSTHRESH, TCP_LAST_ACK,
    TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT, TCP_TIME_WAIT, TCPI_ECN_MODE_ACCECN, TCPI_ECN_MODE_DISABLED,
    TCPI_ECN_MODE_RFC3168, TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN, TCPI_OPT_SACK, TCPI_OPT_SYN_DATA,
    TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE,
};
use crate::packetdrill::subject::{Errno, Fd};
use env::{Duration, Instant};
use tcp::fast_open::FastOpenState;
use tcp::{EcnMode, Standing, State, Status};

/// What Linux takes for the degree of reordering of a path that was not seen to reorder.
const REORDERING: u32 = 3;

impl Kernel {
    /// What TCP_INFO says of a socket.
    pub(super) fn tcp_info(&mut self, fd: Fd) -> Result<Vec<(&'static str, i64)>, Errno> {
        let now = self.machine.now();
        let socket = self.socket(fd)?;
        match socket.stage {
            Stage::Datagram(_) => Err(ENOPROTOOPT),
            Stage::Listening(_) => Ok(vec![("tcpi_state", TCP_LISTEN)]),
            Stage::Fresh(_) | Stage::Over(_) => Ok(figures(now, &Status::default(), false, 0)),
            Stage::Open(id) => {
                let host = self.machine.host();
                let status = host.tcp_status(id).unwrap_or_default();
                let early = host.tcp_fast_open_state(id);
                let early = matches!(early, Some(FastOpenState::Accepted | FastOpenState::Served));
                let ip_header =
                    host.tcp_addrs(id).map_or(0, |(_, peer)| if peer.is_ipv4() { 20 } else { 40 });
                Ok(figures(now, &status, early, ip_header))
            }
        }
    }
}

fn figures(now: Instant, status: &Status, early: bool, ip_header: i64) -> Vec<(&'static str, i64)> {
    let state = status.state.unwrap_or(State::Closed);
    let packets = |octets: u32| i64::from(octets.div_ceil(status.segment_size.max(1)));
    let unacked = packets(status.snd_nxt.since(status.snd_una).unwrap_or(0));
    let reordering = i64::from(REORDERING).max(packets(status.reordered_by));
    let busy = status.busy.until(now);
    let (send_scale, receive_scale) = status.scales.unwrap_or_default();
    vec![
        ("tcpi_state", number(state)),
        ("tcpi_ca_state", standing(status.standing)),
        ("tcpi_retransmits", status.timeouts.into()),
        ("tcpi_probes", status.probes.into()),
        ("tcpi_backoff", status.timeouts.max(status.probes).into()),
        ("tcpi_options", options(status, early)),
        ("tcpi_snd_wscale", send_scale.into()),
        ("SK_MEMINFO_RCVBUF", status.receive_buffer.into()),
        ("tcpi_rcv_wscale", receive_scale.into()),
        ("tcpi_delivery_rate_app_limited", status.delivery_app_limited.into()),
        ("tcpi_rto", micros(status.rto)),
        ("tcpi_snd_mss", status.segment_size.into()),
        ("tcpi_rcv_mss", status.received_mss.into()),
        ("tcpi_unacked", unacked),
        ("tcpi_sacked", packets(status.sacked)),
        ("tcpi_lost", packets(status.lost.saturating_add(status.again))),
        ("tcpi_retrans", packets(status.again)),
        ("tcpi_last_data_sent", status.last_data_sent.map_or(0, |at| millis(now.since(at)))),
        ("tcpi_last_data_recv", millis(now.since(status.last_data_received))),
        ("tcpi_last_ack_recv", millis(now.since(status.last_heard))),
        ("tcpi_pmtu", i64::from(status.path_limit) + ip_header),
        ("tcpi_rtt", status.srtt.map_or(0, micros)),
        ("tcpi_rttvar", micros(status.rttvar)),
        ("tcpi_min_rtt", status.min_rtt.map_or(i64::from(u32::MAX), micros)),
        ("tcpi_snd_ssthresh", threshold(status, packets(status.ssthresh))),
        ("tcpi_snd_cwnd", i64::from(status.cwnd / status.segment_size.max(1))),
        ("tcpi_advmss", status.announced_mss.into()),
        ("tcpi_reordering", reordering),
        ("tcpi_reord_seen", status.reordered.into()),
        ("tcpi_total_retrans", long(status.retransmitted_segments)),
        ("tcpi_bytes_retrans", long(status.retransmitted_octets)),
        ("tcpi_dsack_dups", long(status.duplicate_sacks)),
        ("tcpi_notsent_bytes", status.unsent.into()),
        ("tcpi_snd_wnd", status.snd_wnd.into()),
        ("tcpi_rcv_wnd", status.rcv_wnd.into()),
        ("tcpi_delivered", long(status.delivered_segments)),
        ("tcpi_delivered_ce", long(status.marked_segments)),
        ("tcpi_received_ce", long(status.marks_counted.packets)),
        ("tcpi_received_e0_bytes", long(status.marks_counted.ect0)),
        ("tcpi_received_e1_bytes", long(status.marks_counted.ect1)),
        ("tcpi_received_ce_bytes", long(status.marks_counted.ce)),
        ("tcpi_delivered_e0_bytes", long(status.marks_counted_by_peer.ect0)),
        ("tcpi_delivered_e1_bytes", long(status.marks_counted_by_peer.ect1)),
        ("tcpi_delivered_ce_bytes", long(status.marks_counted_by_peer.ce)),
        ("tcpi_ecn_mode", status.ecn.map_or(TCPI_ECN_MODE_DISABLED, ecn_mode)),
        ("tcpi_accecn_opt_seen", if status.ecn_option_seen { TCP_ACCECN_OPT_COUNTER_SEEN } else { 0 }),
        ("tcpi_accecn_fail_mode", if status.ecn_option_lost { TCP_ACCECN_OPT_FAIL_SEND } else { 0 }),
        ("tcpi_delivery_rate", long(status.delivery_rate)),
        ("tcpi_pacing_rate", status.pacing_rate.map_or(-1, long)),
        ("tcpi_bytes_sent", long(status.octets_sent)),
        ("tcpi_bytes_acked", long(status.octets_acknowledged)),
        ("tcpi_bytes_received", long(status.octets_received)),
        ("tcpi_segs_out", long(status.segments_sent)),
        ("tcpi_segs_in", long(status.segments_received)),
        ("tcpi_data_segs_out", long(status.data_segments_sent)),
        ("tcpi_data_segs_in", long(status.data_segments_received)),
        ("tcpi_total_rto", status.timeouts_ever.into()),
        ("tcpi_busy_time", micros(busy.busy)),
        ("tcpi_rwnd_limited", micros(busy.window_limited)),
        ("tcpi_sndbuf_limited", micros(busy.buffer_limited)),
    ]
}

fn number(state: State) -> i64 {
    match state {
        State::Listen => TCP_LISTEN,
        State::SynSent => TCP_SYN_SENT,
        State::SynReceived => TCP_SYN_RECV,
        State::Established => TCP_ESTABLISHED,
        State::FinWait1 => TCP_FIN_WAIT1,
        State::FinWait2 => TCP_FIN_WAIT2,
        State::CloseWait => TCP_CLOSE_WAIT,
        State::Closing => TCP_CLOSING,
        State::LastAck => TCP_LAST_ACK,
        State::TimeWait => TCP_TIME_WAIT,
        State::Closed => TCP_CLOSE,
    }
}

fn standing(standing: Standing) -> i64 {
    match standing {
        Standing::Disorder => 1,
        Standing::Reduced => 2,
        Standing::Recovery => 3,
        Standing::Loss => 4,
        _ => 0,
    }
}

fn ecn_mode(mode: EcnMode) -> i64 {
    match mode {
        EcnMode::Classic => TCPI_ECN_MODE_RFC3168,
        EcnMode::Accurate => TCPI_ECN_MODE_ACCECN,
    }
}

fn options(status: &Status, early: bool) -> i64 {
    [
        (status.timestamps, TCPI_OPT_TIMESTAMPS),
        (status.sack, TCPI_OPT_SACK),
        (status.scales.is_some(), TCPI_OPT_WSCALE),
        (status.ecn.is_some(), TCPI_OPT_ECN),
        (status.marks_received > 0, TCPI_OPT_ECN_SEEN),
        (early, TCPI_OPT_SYN_DATA),
    ]
    .into_iter()
    .filter(|(agreed, _)| *agreed)
    .fold(0, |bits, (_, bit)| bits | bit)
}

/// A threshold that nothing has set yet is beyond all windows.
fn threshold(status: &Status, packets: i64) -> i64 {
    if status.ssthresh >= u32::MAX / 2 { TCP_INFINITE_SSTHRESH } else { packets }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn long(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
