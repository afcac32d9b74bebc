//! STATUS (RFC 9293 §3.10.6).

use crate::connection::{Connection, Data, Open, Shared};
use crate::fast_open::FastOpenState;
use crate::recovery::Phase;
use crate::{BusyTime, EcnCounts, EcnMode, State};
use env::{Duration, Instant};
use wire::SeqNum;

/// Where a connection stands with congestion, by the names that Linux gave them (TCP_CA_*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Nothing is wrong.
    #[default]
    Open,
    /// Something is SACKed or acknowledged twice, and nothing is believed lost yet.
    Disorder,
    /// Marks made the window smaller, and some of what was out then still is (CWR).
    Reduced,
    /// Fast recovery.
    Recovery,
    /// Recovery after a timeout.
    Loss,
}

/// A connection's figures. Windows, buffers and flights in octets; zero where a figure does not exist in the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The state (9293-E30).
    pub state: Option<State>,
    /// ISS.
    pub iss: SeqNum,
    /// SND.UNA.
    pub snd_una: SeqNum,
    /// SND.NXT.
    pub snd_nxt: SeqNum,
    /// SND.WND: what the peer has room for from SND.UNA on.
    pub snd_wnd: u32,
    /// The largest window that the peer ever offered (MAX.SND.WND, RFC 5961 §5).
    pub max_window: u32,
    /// IRS.
    pub irs: SeqNum,
    /// RCV.NXT.
    pub rcv_nxt: SeqNum,
    /// RCV.WND: what we have offered from RCV.NXT on.
    pub rcv_wnd: u32,
    /// The first number that we have never offered room for.
    pub rcv_edge: SeqNum,
    /// Written and not acknowledged.
    pub queued: usize,
    /// Written and never sent.
    pub unsent: u32,
    /// Arrived in order and not read.
    pub readable: usize,
    /// Arrived out of order.
    pub out_of_order: usize,
    /// Octets that the receive buffer has room for, as it has grown so far.
    pub receive_buffer: u32,
    /// Octets that the send buffer has room for, as it has grown so far.
    pub send_buffer: u32,
    /// Where it stands with congestion.
    pub standing: Standing,
    /// What its controller is about, for people: "slow start", "ProbeBW_UP" ….
    pub phase: &'static str,
    /// Congestion window.
    pub cwnd: u32,
    /// Slow-start threshold.
    pub ssthresh: u32,
    /// Believed to be in the network.
    pub in_flight: u32,
    /// Beyond cwnd by limited transmit (RFC 3042) and probes at most. A probe may leave while more is out than cwnd was made.
    pub allowance: u32,
    /// Largest payload of a segment that is sent.
    pub segment_size: u32,
    /// The largest segment, header and payload, that the path is believed to carry.
    pub path_limit: u16,
    /// The segment size that we announced.
    pub announced_mss: u16,
    /// The largest payload of a segment that came.
    pub received_mss: u32,
    /// The path's MTU as it is used: octets of the largest IP packet that is sent.
    pub path_mtu: u16,
    /// Whether a larger one is being looked for (RFC 4821, 8899).
    pub path_mtu_search: bool,
    /// Probes of the path's MTU that were sent.
    pub path_mtu_probes: u32,
    /// Of these, probes that alone were lost: larger than the path takes.
    pub path_mtu_probes_lost: u32,
    /// How often full segments were found to vanish, so that smaller ones were sent from there on.
    pub black_holes: u32,
    /// Smoothed round trip.
    pub srtt: Option<Duration>,
    /// Its variation.
    pub rttvar: Duration,
    /// The least round trip.
    pub min_rtt: Option<Duration>,
    /// The round trip as the receiving half knows it: by the echoes of our timestamps in data that came, averaged, to a
    /// millisecond. `None` before any, and without timestamps.
    pub receive_rtt: Option<Duration>,
    /// Retransmission timeout, back-off included.
    pub rto: Duration,
    /// Timeouts in a row.
    pub timeouts: u8,
    /// Timeouts, ever.
    pub timeouts_ever: u32,
    /// Segments sent again, ever.
    pub retransmitted_segments: u64,
    /// Octets sent again, ever.
    pub retransmitted_octets: u64,
    /// Octets that were sent again and are in flight.
    pub again: u32,
    /// Octets that were ever delivered: acknowledged or SACKed, each once.
    pub delivered: u64,
    /// Segments that were, the one that opened the connection included.
    pub delivered_segments: u64,
    /// Octets a second, as the last ACK that could tell it told (draft-ietf-ccwg-bbr §4.1).
    pub delivery_rate: u64,
    /// Whether that rate is less than the path's for want of data.
    pub delivery_app_limited: bool,
    /// Octets a second that departures are spaced by, if they are.
    pub pacing_rate: Option<u64>,
    /// Octets SACKed and not acknowledged (RFC 2018).
    pub sacked: u32,
    /// Octets believed lost and not sent again since.
    pub lost: u32,
    /// Octets that were ever believed lost.
    pub lost_octets: u64,
    /// Whether the path was seen to change the order of segments (RFC 8985 §6.2, step 3).
    pub reordering: bool,
    /// How often something was seen to come late, as far as 16 bits count.
    pub reordered: u16,
    /// Octets by which the latest of that came late: from its first to the highest that had arrived before it.
    pub reordered_by: u32,
    /// How much later than others a segment may come before it counts as lost (RFC 8985 §6.2, step 4).
    pub reordering_window: Duration,
    /// D-SACKs that came: needless retransmissions, or packets that the network doubled (RFC 2883).
    pub duplicate_sacks: u64,
    /// Reductions of the congestion window that were mistakes, and were undone.
    pub undone: u32,
    /// How often a segment was held back to see whether the peer tells of holes.
    pub withheld: u32,
    /// Whether one is held back now: SND.NXT is beyond what has left.
    pub withholding: bool,
    /// How often it claimed to have what was held back.
    pub lies: u8,
    /// Whether loss recovery is under way.
    pub recovering: bool,
    /// Whether the peer's window is shut and probed.
    pub probing: bool,
    /// Probes of a shut window or of a silent peer that are without an answer.
    pub probes: u8,
    /// Whether CLOSE was called.
    pub closing: bool,
    /// Whether both sides agreed on timestamps.
    pub timestamps: bool,
    /// Whether both sides agreed on SACK.
    pub sack: bool,
    /// How marks are told, when both sides agreed that they are.
    pub ecn: Option<EcnMode>,
    /// Packets that came with CE.
    pub marks_received: u64,
    /// Octets sent that were told to have been marked.
    pub marks_told: u64,
    /// Segments of ours that were told to have been marked.
    pub marked_segments: u64,
    /// What was counted of marks on what came, where they are told exactly (RFC 9768 §3.2).
    pub marks_counted: EcnCounts,
    /// The same of what was sent, as the peer tells it.
    pub marks_counted_by_peer: EcnCounts,
    /// How often a segment that left with CE, to see whether marks are told of, was acknowledged without a word of it: then
    /// nothing asks for marks any more (RFC 9768 §5.3).
    pub marks_kept: u8,
    /// The peer's counters came in an option.
    pub ecn_option_seen: bool,
    /// What has that option of ours seems to be lost on the way, and goes without (RFC 9768 §3.2.3.2.2).
    pub ecn_option_lost: bool,
    /// Segments that came, acceptable or not.
    pub segments_received: u64,
    /// Of these, segments with data.
    pub data_segments_received: u64,
    /// Segments that left.
    pub segments_sent: u64,
    /// Of these, segments with data.
    pub data_segments_sent: u64,
    /// Octets of data that left, those that left again included.
    pub octets_sent: u64,
    /// Octets of data that were acknowledged.
    pub octets_acknowledged: u64,
    /// Octets of data that came, in order, each once.
    pub octets_received: u64,
    /// When data was last sent.
    pub last_data_sent: Option<Instant>,
    /// When data last came; the connection's beginning before that.
    pub last_data_received: Instant,
    /// When a segment last came that was acceptable.
    pub last_heard: Instant,
    /// For how long there was something to deliver, and what held it back.
    pub busy: BusyTime,
    /// Whether both sides agreed on window scaling: the peer's shift and ours.
    pub scales: Option<(u8, u8)>,
    /// How far Fast Open came, if either side tried it (RFC 7413).
    pub fast_open: Option<FastOpenState>,
    /// When the connection's next timer fires, if any runs.
    pub deadline: Option<Instant>,
}

impl Connection {
    /// STATUS: figures of the connection, in every state.
    pub fn status(&self) -> Status {
        let mut status = Status {
            state: Some(self.state()),
            deadline: self.poll_timeout(),
            fast_open: self.fast_open_state(),
            ..Status::default()
        };
        status.take_shared(&self.shared);
        if let Some(known) = &self.shared.path_mtu {
            status.path_mtu_search = known.searching();
            let figures = known.figures();
            status.path_mtu_probes = figures.probes;
            status.path_mtu_probes_lost = figures.lost;
            status.black_holes = figures.black_holes;
        }
        match &self.data {
            Data::SynSent(snd) => status.take_send_half(snd),
            Data::Open(open) => {
                status.take_send_half(&open.snd);
                status.standing = open.standing();
                status.probes = status.probes.max(open.snd.persist.map_or(0, |persist| persist.probes));
                status.received_mss = open.rcv.largest_seen();
                status.octets_received = open.rcv.arrived();
                status.receive_rtt = open.rcv.round_trip();
                status.path_mtu = self.shared.path.mtu_of(open.snd.segment_limit);
                status.irs = open.irs;
                status.rcv_nxt = open.rcv.nxt();
                status.rcv_wnd = open.rcv.window();
                status.rcv_edge = open.rcv.right_edge();
                status.receive_buffer = open.rcv.buffer();
                status.send_buffer = open.snd.buffer(&self.shared);
                status.readable = open.rcv.readable();
                status.out_of_order = open.rcv.buffered_out_of_order();
                status.recovering = open.recovering();
                status.timestamps = open.agreed.timestamps;
                status.sack = open.agreed.sack;
                if let Some(marks) = &open.marks {
                    status.ecn = Some(marks.mode);
                    (status.marks_received, status.marks_told) = marks.counts();
                    status.marked_segments = marks.segments_told(open.snd.segment_size);
                    (status.marks_counted, status.marks_counted_by_peer) = marks.exactly();
                    status.marks_kept = marks.kept();
                    (status.ecn_option_seen, status.ecn_option_lost) = marks.options_seen_and_lost();
                }
                status.scales =
                    open.agreed.scales.map(|scales| (scales.send.shift(), scales.receive.shift()));
            }
            Data::Over(over) => {
                if let Some((una, nxt)) = over.last {
                    status.snd_una = una;
                    status.snd_nxt = nxt;
                }
                status.readable = self.readable();
            }
        }
        status
    }
}

impl Connection {
    /// SND.UNA, and how many octets were written and are not acknowledged: what a host asks after every segment.
    pub fn unacknowledged(&self) -> (SeqNum, usize) {
        match &self.data {
            Data::SynSent(snd) => (snd.una, snd.queued()),
            Data::Open(open) => (open.snd.una, open.snd.queued()),
            Data::Over(over) => (over.last.map_or_else(SeqNum::default, |(una, _)| una), 0),
        }
    }
}

impl Open {
    fn standing(&self) -> Standing {
        let recovery = &self.snd.recovery;
        match recovery.phase() {
            Phase::Fast => Standing::Recovery,
            Phase::Timeout => Standing::Loss,
            Phase::Open if self.marks.as_ref().is_some_and(|marks| marks.reducing(self.snd.una)) => {
                Standing::Reduced
            }
            Phase::Open if recovery.sacked() > 0 || recovery.duplicates() > 0 => Standing::Disorder,
            Phase::Open => Standing::Open,
        }
    }
}

impl Status {
    fn take_shared(&mut self, shared: &Shared) {
        let meter = &shared.meter;
        self.path_limit = shared.path.send_limit;
        self.announced_mss = shared.announced_mss();
        self.probes = shared.keep_alive_probes;
        self.last_heard = shared.last_heard;
        self.segments_received = meter.segments_in;
        self.data_segments_received = meter.data_segments_in;
        self.segments_sent = meter.segments_out;
        self.data_segments_sent = meter.data_segments_out;
        self.octets_sent = meter.octets_out;
        self.delivered_segments = meter.delivered;
        self.timeouts_ever = meter.timeouts;
        self.last_data_sent = meter.last_data_out;
        self.last_data_received = meter.last_data_in;
        self.busy = meter.busy;
    }

    fn take_send_half(&mut self, snd: &crate::sender::SendHalf) {
        self.iss = snd.iss;
        self.snd_una = snd.una;
        self.snd_nxt = snd.nxt;
        self.snd_wnd = snd.window();
        self.max_window = snd.max_window;
        self.queued = snd.queued();
        self.unsent = snd.unsent();
        self.cwnd = snd.cwnd();
        self.ssthresh = snd.congestion.threshold();
        self.in_flight = snd.recovery.in_flight();
        self.allowance = (snd.segment_size * 2).max(snd.recovery.flight_of_probe().saturating_sub(self.cwnd));
        self.segment_size = snd.segment_size;
        self.srtt = snd.rtt.smoothed();
        self.rttvar = snd.rtt.variation();
        self.min_rtt = snd.rtt.minimum();
        self.rto = snd.rtt.rto();
        self.timeouts = snd.timeouts;
        self.retransmitted_segments = snd.resent_segments;
        self.retransmitted_octets = snd.resent_octets;
        let figures = snd.recovery.figures();
        self.delivered = snd.recovery.delivered();
        self.delivery_rate = figures.rate;
        self.delivery_app_limited = snd.recovery.rate_app_limited();
        self.pacing_rate = snd.congestion.pacing_rate();
        self.phase = snd.congestion.phase();
        self.octets_acknowledged = snd.acknowledged();
        self.again = snd.recovery.again().max(snd.out_after_syn());
        (self.reordered, self.reordered_by) = snd.recovery.reordered();
        self.sacked = snd.recovery.sacked();
        self.lost = snd.recovery.lost();
        self.lost_octets = snd.recovery.lost_ever();
        self.reordering = snd.recovery.reordering_seen();
        self.reordering_window = snd.recovery.reordering_window(&snd.rtt);
        self.duplicate_sacks = u64::from(figures.dsacks);
        self.undone = figures.undone;
        (self.withheld, self.lies) = snd.recovery.asked();
        self.withholding = snd.recovery.is_withholding();
        self.probing = snd.persist.is_some();
        self.closing = snd.fin_queued();
    }
}
