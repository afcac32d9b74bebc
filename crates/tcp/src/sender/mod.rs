//! The send half: what was written, what of it may go now, and in which pieces.
//!
//! ```text
//!     iss  una            nxt          end        edge
//!      │SYN ├─ in flight ──┼─ unsent ────┤ FIN      │
//!                          ╰── what `plan` may send: min(unsent, edge − nxt, cwnd − in flight), whole segments ──╯
//! ```

mod hold;
mod pieces;
mod plan;
mod queue;
mod rare;
mod sent;
mod write;

pub(crate) use plan::{Blocked, Plan};

use crate::congestion::{self, CongestionControl, Start, initial_window};
use crate::connection::Agreed;
use crate::pacing::Pacer;
use crate::recovery::Recovery;
use crate::rtt::RoundTrip;
use crate::sabotage::{Fault, Sabotage};
use crate::{CongestionHabits, Path, TcpConfig, Why};
use alloc::boxed::Box;
use env::Instant;
use hold::Hold;
use queue::SendQueue;
use rare::Rare;
use wire::{Payload, SeqNum, WindowScale};

#[derive(Clone, Debug)]
pub(crate) struct SendHalf {
    /// ISS.
    pub(crate) iss: SeqNum,
    /// SND.UNA.
    pub(crate) una: SeqNum,
    /// SND.NXT: after the highest number sent.
    pub(crate) nxt: SeqNum,
    /// After the last octet written; the FIN's number, once it is queued.
    end: SeqNum,
    fin: bool,
    queue: SendQueue,
    /// SND.UNA + SND.WND: the first number that the peer has no room for.
    pub(crate) edge: SeqNum,
    /// SND.WL1 and SND.WL2.
    wl1: SeqNum,
    wl2: SeqNum,
    /// The largest window ever offered (MAX.SND.WND, 5961-13).
    pub(crate) max_window: u32,
    /// What the peer's window fields are shifted by.
    pub(crate) scale: WindowScale,
    /// Octets of payload and options that a segment may have.
    pub(crate) segment_limit: u32,
    /// SMSS: octets of payload in a full segment, beside the options that every segment has.
    pub(crate) segment_size: u32,
    pub(crate) fault: Fault,
    /// Urgent data, ends of records.
    pub(crate) rare: Rare,
    pub(crate) recovery: Recovery,
    pub(crate) congestion: Box<dyn CongestionControl>,
    pub(crate) rtt: RoundTrip,
    pub(crate) pacer: Pacer,
    /// Full segments believed lost since one was delivered as it was first sent.
    pub(crate) vanished: u8,
    /// What must be sent again whatever the window says, and why.
    pub(crate) resend: Option<Why>,
    /// Since something was last sent, cwnd is what held more back: what is acknowledged proves that it is too small.
    pub(crate) cwnd_limited: bool,
    /// Why a last piece that fills no segment waits, though nothing else would hold it.
    pub(crate) hold: Hold,
    /// Where the piece ends that SND.NXT is in, if what is written is cut in pieces.
    piece_end: SeqNum,
    /// The window is closed and probed; since when, and how often.
    pub(crate) persist: Option<Persist>,
    /// When the retransmission timer expires (RFC 6298 §5); [`Instant::FAR`] when it does not run.
    pub(crate) rto_at: Instant,
    /// When a tail loss probe is to be sent, [`Instant::FAR`] while that is not settled: new data and progress begin the
    /// wait anew (RFC 8985 §7.2).
    pub(crate) probe_at: Instant,
    /// A tail loss probe is to be sent now.
    pub(crate) probe_due: bool,
    /// Timeouts in a row without progress.
    pub(crate) timeouts: u8,
    /// Since when nothing that waits has made progress.
    pub(crate) stalled_since: Option<Instant>,
    pub(crate) last_sent: Instant,
    /// SEND was refused: tell when there is room.
    pub(crate) writer_waits: bool,
    /// Segments sent again, and octets in them.
    pub(crate) resent_segments: u64,
    pub(crate) resent_octets: u64,
}

/// Probing a closed window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Persist {
    pub(crate) since: Instant,
    pub(crate) probes: u8,
    /// A probe is to be sent now.
    pub(crate) due: bool,
}

impl SendHalf {
    /// A half whose SYN is not sent yet, on `path`. `segment_limit` is set by [`Self::negotiated`].
    pub(crate) fn new(config: &TcpConfig, path: &Path, iss: SeqNum) -> Self {
        let segment = 536;
        Self {
            iss,
            una: iss,
            nxt: iss,
            end: iss + 1,
            fin: false,
            queue: SendQueue::default(),
            edge: iss + 1,
            wl1: SeqNum::default(),
            wl2: SeqNum::default(),
            max_window: 0,
            scale: WindowScale::ZERO,
            segment_limit: segment,
            segment_size: segment,
            fault: config.fault,
            rare: Rare::default(),
            recovery: Recovery::new(iss),
            congestion: congestion::build(config.congestion, &start(iss, segment, segment)),
            rtt: RoundTrip::new(config),
            pacer: Pacer::new(config.pacing, config.fq_pacing, path.ahead),
            vanished: 0,
            resend: None,
            cwnd_limited: false,
            hold: Hold::new(config.full_trains),
            piece_end: iss,
            persist: None,
            rto_at: Instant::FAR,
            probe_at: Instant::FAR,
            probe_due: false,
            timeouts: 0,
            stalled_since: None,
            last_sent: Instant::ZERO,
            writer_waits: false,
            resent_segments: 0,
            resent_octets: 0,
        }
    }

    /// The handshake settled how large segments are; `lost_syn` when our SYN or SYN,ACK had to be sent again.
    pub(crate) fn negotiated(
        &mut self,
        now: Instant,
        config: &TcpConfig,
        segment_limit: u32,
        agreed: Agreed,
        lost_syn: bool,
    ) {
        let payload = self.limit_segments(segment_limit, agreed.option_octets());
        // RFC 5681 §3.1: one segment when the handshake lost something (5681-6, 6928-2).
        let initial = if lost_syn { payload } else { initial_window(config.initial_window, payload) };
        let round_trip = self.rtt.smoothed();
        let start = Start {
            now,
            round_trip,
            sack: agreed.sack,
            in_full: !config.pacing,
            habits: config.congestion_habits,
            ..start(self.iss, initial, payload)
        };
        self.congestion = congestion::build(config.congestion, &start);
    }

    /// Segments have at most `limit` octets of payload and options, `options` of which every segment has; the payload.
    pub(crate) fn limit_segments(&mut self, limit: u32, options: u32) -> u32 {
        self.segment_limit = limit;
        self.segment_size = limit.saturating_sub(options).max(1);
        self.segment_size
    }

    /// Octets of the user's that were ever acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.queue.start()
    }

    /// Queues our FIN after everything written.
    pub(crate) fn close(&mut self) {
        self.fin = true;
    }

    pub(crate) fn fin_queued(&self) -> bool {
        self.fin
    }

    pub(crate) fn fin_sent(&self) -> bool {
        self.fin && self.nxt.after(self.end)
    }

    pub(crate) fn fin_acked(&self) -> bool {
        self.fin && self.una.after(self.end)
    }

    pub(crate) fn syn_acked(&self) -> bool {
        self.una != self.iss
    }

    /// Whether something is sent and not acknowledged.
    pub(crate) fn outstanding(&self) -> bool {
        self.una != self.nxt
    }

    /// Octets written and never sent.
    pub(crate) fn unsent(&self) -> u32 {
        if self.syn_acked() || self.nxt != self.iss {
            self.end.since(self.nxt).unwrap_or(0)
        } else {
            self.queue.len() as u32
        }
    }

    /// Whether a whole segment waits to be sent for the first time, and the peer has room for it.
    pub(crate) fn has_whole_segment(&self) -> bool {
        self.unsent() >= self.segment_size
            && self.edge.since(self.nxt).is_some_and(|window| window >= self.segment_size)
    }

    /// Octets written and not acknowledged.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether everything written, and our FIN if it is queued, was acknowledged.
    pub(crate) fn drained(&self) -> bool {
        self.queue.len() == 0 && (!self.fin || self.fin_acked())
    }

    /// Whether anything waits to be sent for the first time.
    pub(crate) fn pending(&self) -> bool {
        self.unsent() > 0 || (self.fin && !self.fin_sent())
    }

    /// SND.WND: what the peer has room for from SND.UNA on.
    pub(crate) fn window(&self) -> u32 {
        self.edge.since(self.una).unwrap_or(0)
    }

    /// cwnd: the controller's window, or in fast recovery what proportional rate reduction makes of it. To a peer that was found
    /// out to acknowledge what it does not have, no more than one may send to somebody unknown (RFC 6928).
    pub(crate) fn cwnd(&self) -> u32 {
        let cwnd = self.recovery.window(self.congestion.window());
        if self.recovery.is_liar() { cwnd.min(initial_window(10, self.segment_size)) } else { cwnd }
    }

    /// Moves SND.UNA to `ack`, which lies after it and not after SND.NXT. Only this lets go of data (2018-13; 6675-1).
    pub(crate) fn advance(&mut self, ack: SeqNum) {
        let first = self.first_octet();
        let octets = ack.earlier(self.end).since(first).unwrap_or(0);
        self.queue.release(self.queue.start() + u64::from(octets));
        self.una = ack;
        self.rare.release(ack);
        if ack == self.nxt {
            self.hold.small_acked();
        }
        self.timeouts = 0;
    }

    /// Takes a window field, already scaled, from a segment `seq`, `ack` when it is newer (9293-E17).
    pub(crate) fn update_window(&mut self, seq: SeqNum, ack: SeqNum, window: u32) -> bool {
        let newer = self.wl1.before(seq) || (self.wl1 == seq && self.wl2.at_or_before(ack));
        if newer {
            self.set_window(seq, ack, window);
        }
        newer
    }

    pub(crate) fn set_window(&mut self, seq: SeqNum, ack: SeqNum, window: u32) {
        self.edge = ack + window + u32::from(self.fault.has(Sabotage::WindowEdgeOffByOne));
        self.wl1 = seq;
        self.wl2 = ack;
        self.max_window = self.max_window.max(window);
    }

    /// The octets from `seq` on, at most `len`, shared.
    pub(crate) fn octets(&mut self, seq: SeqNum, len: u32) -> Payload {
        let offset = self.queue.start() + u64::from(seq.wrapping_since(self.first_octet()));
        self.queue.slice(offset, len as usize)
    }

    /// The sequence number of the first octet kept.
    fn first_octet(&self) -> SeqNum {
        if self.una == self.iss { self.iss + 1 } else { self.una }
    }

    /// Where the data ends: the FIN's number.
    pub(crate) fn end(&self) -> SeqNum {
        self.end
    }

    /// Octets of memory held for the queue.
    pub(crate) fn held(&self) -> usize {
        self.queue.held() + self.rare.held()
    }
}

/// What is known before the handshake.
fn start(iss: SeqNum, initial: u32, segment_size: u32) -> Start {
    // The ISN is drawn with a secret key: nobody can foresee what follows from it, and a replay has the same.
    let seed = u64::from(iss.raw());
    let habits = CongestionHabits::default();
    Start {
        now: Instant::ZERO,
        initial,
        segment_size,
        round_trip: None,
        sack: false,
        in_full: false,
        habits,
        seed,
    }
}
