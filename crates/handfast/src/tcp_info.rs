//! What a connection is doing, as TCP_INFO tells it of a kernel's.
//!
//! ```text
//!   TcpStream::info ─► STATUS of the connection (octets, instants) ─► TcpInfo: by Linux's names, times as of now
//! ```

use crate::{EcnMode, State, Status};
use env::Instant;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tcp::fast_open::FastOpenState;
use tcp::{BusyTime, Standing};

/// What a connection is doing: the figures of Linux's TCP_INFO, by their meaning. [`TcpStream::status`] has those of RFC
/// 9293 §3.10.6.
///
/// What the kernel counts in segments of one size (cwnd, ssthresh, unacked, sacked, lost, retrans) is in octets here, for
/// segments are not all of one size; rates are octets a second. Whatever is not told to be "ever" is of this moment.
///
/// Of TCP_INFO's, these are not here: tcpi_ato (an ACK waits no longer than the delay that is set; there is no estimate),
/// tcpi_max_pacing_rate and tcpi_fastopen_client_fail (see `fast_open`), tcpi_rcv_ooopack (`out_of_order` has what waits now),
/// tcpi_rehash (nothing is rehashed), and tcpi_total_rto_recoveries with tcpi_total_rto_time.
///
/// [`TcpStream::status`]: crate::TcpStream::status
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The state, by RFC 9293's name (tcpi_state).
    pub state: State,
    /// Where it stands with congestion (tcpi_ca_state).
    pub standing: Standing,
    /// What its congestion control is about, for people: "slow start", "ProbeBW_UP" ….
    pub phase: &'static str,
    /// Smoothed round trip; `None` before the first sample (tcpi_rtt).
    pub rtt: Option<Duration>,
    /// Its variation (tcpi_rttvar).
    pub rtt_variation: Duration,
    /// The least round trip (tcpi_min_rtt).
    pub min_rtt: Option<Duration>,
    /// The round trip as the receiving half knows it, to a millisecond; `None` without timestamps, and before data came that
    /// echoes one of ours (tcpi_rcv_rtt).
    pub receive_rtt: Option<Duration>,
    /// Retransmission timeout, back-off included (tcpi_rto).
    pub rto: Duration,
    /// Timeouts in a row (tcpi_retransmits).
    pub timeouts: u8,
    /// How often in a row the timer that runs was doubled: timeouts, or probes without an answer (tcpi_backoff).
    pub back_off: u8,
    /// Timeouts, ever (tcpi_total_rto).
    pub timeouts_ever: u32,
    /// Probes of a shut window or of a silent peer that are without an answer (tcpi_probes).
    pub probes: u8,
    /// Congestion window, in octets (tcpi_snd_cwnd).
    pub congestion_window: u32,
    /// Slow-start threshold, in octets (tcpi_snd_ssthresh).
    pub slow_start_threshold: u32,
    /// Octets a second that departures are spaced by, if they are (tcpi_pacing_rate).
    pub pacing_rate: Option<u64>,
    /// Octets a second, as the last ACK that could tell it told (tcpi_delivery_rate).
    pub delivery_rate: u64,
    /// That rate is less than the path's for want of data (tcpi_delivery_rate_app_limited).
    pub delivery_app_limited: bool,
    /// Believed to be in the network, in octets.
    pub in_flight: u32,
    /// Sent and not acknowledged, in octets (tcpi_unacked).
    pub outstanding: u32,
    /// Of these, octets that the peer has all the same (tcpi_sacked).
    pub sacked: u32,
    /// Octets believed lost and not sent again since (tcpi_lost, which counts those as well).
    pub lost: u32,
    /// Octets that were sent again and are in flight (tcpi_retrans).
    pub retransmitting: u32,
    /// Segments sent again, ever (tcpi_total_retrans).
    pub retransmitted_segments: u64,
    /// Octets sent again, ever (tcpi_bytes_retrans).
    pub retransmitted_octets: u64,
    /// Octets ever believed lost.
    pub lost_octets: u64,
    /// Whether loss recovery is under way.
    pub recovering: bool,
    /// How often something came later than what was sent after it, ever, as far as 16 bits count (tcpi_reord_seen).
    pub reordered: u16,
    /// Octets by which the latest of that came late (tcpi_reordering, which is segments and never less than three).
    pub reordered_by: u32,
    /// How much later than others a segment may come before it counts as lost.
    pub reordering_window: Duration,
    /// D-SACKs that came, ever (tcpi_dsack_dups).
    pub duplicate_sacks: u64,
    /// Reductions of the congestion window that were mistakes, and were undone, ever.
    pub undone: u32,
    /// Segments delivered, ever; the one that opened the connection is among them (tcpi_delivered).
    pub delivered: u64,
    /// Of these, segments that the peer told to have been marked (tcpi_delivered_ce).
    pub delivered_ce: u64,
    /// Packets that came with CE, ever (tcpi_received_ce).
    pub received_ce: u64,
    /// For how long there was something to deliver, ever (tcpi_busy_time).
    pub busy: Duration,
    /// For how much of that the peer's window was full (tcpi_rwnd_limited).
    pub window_limited: Duration,
    /// For how much of that the send buffer was full, and all of it sent (tcpi_sndbuf_limited).
    pub buffer_limited: Duration,
    /// Octets of data that left, those that left again included, ever (tcpi_bytes_sent).
    pub octets_sent: u64,
    /// Octets of data acknowledged, ever (tcpi_bytes_acked, which counts SYN and FIN as well).
    pub octets_acknowledged: u64,
    /// Octets of data that came in order, ever (tcpi_bytes_received).
    pub octets_received: u64,
    /// Segments that left, ever, without those of a listener's handshake (tcpi_segs_out).
    pub segments_sent: u64,
    /// Segments that came, ever, without those of a listener's handshake (tcpi_segs_in).
    pub segments_received: u64,
    /// Of those that left, segments with data (tcpi_data_segs_out).
    pub data_segments_sent: u64,
    /// Of those that came, segments with data (tcpi_data_segs_in).
    pub data_segments_received: u64,
    /// How long ago data was last sent, if it ever was (tcpi_last_data_sent).
    pub last_data_sent: Option<Duration>,
    /// How long ago data last came, or the connection began (tcpi_last_data_recv).
    pub last_data_received: Duration,
    /// How long ago something acceptable last came; all that comes has an ACK (tcpi_last_ack_recv).
    pub last_heard: Duration,
    /// Written and never sent, in octets (tcpi_notsent_bytes).
    pub unsent: u32,
    /// Written and not acknowledged, in octets.
    pub unacknowledged: usize,
    /// Arrived in order and not read, in octets.
    pub unread: usize,
    /// Arrived out of order, in octets.
    pub out_of_order: usize,
    /// Octets that the path is believed to carry in one packet, headers and all (tcpi_pmtu): no larger one is sent, but for
    /// probes.
    pub path_mtu: u32,
    /// Whether a larger path MTU is being looked for (RFC 4821, 8899).
    pub path_mtu_search: bool,
    /// Probes of the path MTU that were sent.
    pub path_mtu_probes: u32,
    /// Of these, probes that alone were lost: larger than the path takes.
    pub path_mtu_probes_lost: u32,
    /// How often full segments were found to vanish without a word from any router, so that smaller ones went from there on.
    pub black_holes: u32,
    /// Largest payload of a segment that is sent, in octets (tcpi_snd_mss).
    pub send_mss: u32,
    /// Largest payload of a segment that came, in octets (tcpi_rcv_mss).
    pub receive_mss: u32,
    /// The segment size that we announced (tcpi_advmss).
    pub announced_mss: u16,
    /// What the peer has room for, in octets (tcpi_snd_wnd).
    pub send_window: u32,
    /// What we have offered the peer, in octets (tcpi_rcv_wnd).
    pub receive_window: u32,
    /// Octets that the send buffer has room for, as it has grown so far.
    pub send_buffer: u32,
    /// Octets that the receive buffer has room for, as it has grown so far (tcpi_rcv_space).
    pub receive_buffer: u32,
    /// Whether both sides agreed on timestamps (RFC 7323).
    pub timestamps: bool,
    /// Whether both sides agreed on selective acknowledgments (RFC 2018).
    pub sack: bool,
    /// How marks are told, if both sides agreed that they are (RFC 3168, 9768).
    pub ecn: Option<EcnMode>,
    /// How far Fast Open came, if either side tried it (tcpi_options has TCPI_OPT_SYN_DATA for `Accepted` and `Served`).
    pub fast_open: Option<FastOpenState>,
    /// Shifts of the windows, the peer's and ours, if both sides agreed (RFC 7323).
    pub window_scales: Option<(u8, u8)>,
}

impl TcpInfo {
    /// What `status` says at `now` of a connection with `peer`.
    pub(crate) fn of(status: Status, peer: SocketAddr, now: Instant) -> Self {
        let ip_header = match peer.ip().to_canonical() {
            IpAddr::V4(_) => 20,
            IpAddr::V6(_) => 40,
        };
        let BusyTime { busy, window_limited, buffer_limited, .. } = status.busy.until(now);
        Self {
            state: status.state.unwrap_or(State::Closed),
            standing: status.standing,
            phase: status.phase,
            rtt: status.srtt,
            receive_rtt: status.receive_rtt,
            rtt_variation: status.rttvar,
            min_rtt: status.min_rtt,
            rto: status.rto,
            timeouts: status.timeouts,
            back_off: status.timeouts.max(status.probes),
            timeouts_ever: status.timeouts_ever,
            probes: status.probes,
            congestion_window: status.cwnd,
            slow_start_threshold: status.ssthresh,
            pacing_rate: status.pacing_rate,
            delivery_rate: status.delivery_rate,
            delivery_app_limited: status.delivery_app_limited,
            in_flight: status.in_flight,
            outstanding: status.snd_nxt.wrapping_since(status.snd_una),
            sacked: status.sacked,
            lost: status.lost,
            retransmitting: status.again,
            retransmitted_segments: status.retransmitted_segments,
            retransmitted_octets: status.retransmitted_octets,
            lost_octets: status.lost_octets,
            recovering: status.recovering,
            reordered: status.reordered,
            reordered_by: status.reordered_by,
            reordering_window: status.reordering_window,
            duplicate_sacks: status.duplicate_sacks,
            undone: status.undone,
            delivered: status.delivered_segments,
            delivered_ce: status.marked_segments,
            received_ce: status.marks_received,
            busy,
            window_limited,
            buffer_limited,
            octets_sent: status.octets_sent,
            octets_acknowledged: status.octets_acknowledged,
            octets_received: status.octets_received,
            segments_sent: status.segments_sent,
            segments_received: status.segments_received,
            data_segments_sent: status.data_segments_sent,
            data_segments_received: status.data_segments_received,
            last_data_sent: status.last_data_sent.map(|at| now.since(at)),
            last_data_received: now.since(status.last_data_received),
            last_heard: now.since(status.last_heard),
            unsent: status.unsent,
            unacknowledged: status.queued,
            unread: status.readable,
            out_of_order: status.out_of_order,
            path_mtu: match status.path_mtu {
                0 => u32::from(status.path_limit) + ip_header, // no segment size is agreed on yet
                used => used.into(),
            },
            path_mtu_search: status.path_mtu_search,
            path_mtu_probes: status.path_mtu_probes,
            path_mtu_probes_lost: status.path_mtu_probes_lost,
            black_holes: status.black_holes,
            send_mss: status.segment_size,
            receive_mss: status.received_mss,
            announced_mss: status.announced_mss,
            send_window: status.snd_wnd,
            receive_window: status.rcv_wnd,
            send_buffer: status.send_buffer,
            receive_buffer: status.receive_buffer,
            timestamps: status.timestamps,
            sack: status.sack,
            ecn: status.ecn,
            fast_open: status.fast_open,
            window_scales: status.scales,
        }
    }
}
