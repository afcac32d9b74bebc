//! The send half: what was written, what of it may go now, and in which pieces.
//!
//! ```text
//!     iss  una            nxt          end        edge
//!      │SYN ├─ in flight ──┼─ unsent ────┤ FIN      │
//!                          ╰── what `plan` may send: min(unsent, edge − nxt, cwnd − in flight), whole segments ──╯
//! ```

mod hold;
mod plan;
mod queue;
mod rare;

pub(crate) use plan::{Blocked, Plan};

use crate::congestion::{self, CongestionControl, Departure, Start, initial_window};
use crate::connection::{Agreed, Shared};
use crate::pacing::Pacer;
use crate::recovery::Recovery;
use crate::rtt::RoundTrip;
use crate::sabotage::{Fault, Sabotage};
use crate::{TcpConfig, Why};
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
    /// A half whose SYN is not sent yet. `segment_limit` is set by [`Self::negotiated`].
    pub(crate) fn new(config: &TcpConfig, iss: SeqNum) -> Self {
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
            pacer: Pacer::new(config.pacing),
            vanished: 0,
            resend: None,
            cwnd_limited: false,
            hold: Hold::default(),
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

    /// The size of the send buffer: twice what may be in flight, so that what repairs a loss and what follows both fit,
    /// within the limits of the configuration.
    pub(crate) fn buffer(&self, shared: &Shared) -> u32 {
        let config = &shared.config;
        if !shared.roomy {
            return config.send_buffer;
        }
        self.congestion.window().saturating_mul(2).min(config.send_buffer_limit).max(config.send_buffer)
    }

    /// Octets that a user may write now.
    pub(crate) fn room_to_write(&self, shared: &Shared) -> usize {
        let room = (self.buffer(shared) as usize).saturating_sub(self.queue.len());
        room.min(shared.config.unsent_limit.saturating_sub(self.unsent()) as usize)
    }

    /// Queues what there is room for of `data`; how much it was.
    pub(crate) fn write(&mut self, data: Payload, shared: &Shared, urgent: bool) -> usize {
        let room = self.room_to_write(shared);
        let take = data.len().min(room);
        self.writer_waits |= take < data.len();
        let part = if take == data.len() { data } else { data.slice(0..take) };
        self.cut(&shared.config);
        self.queue.push(part);
        self.end += take as u32;
        if urgent && take > 0 {
            self.rare.set_urgent(self.end);
        }
        take
    }

    /// The same of the user's own memory, for a write so small that it is copied in any case.
    pub(crate) fn write_small(&mut self, octets: &[u8], shared: &Shared) -> usize {
        let take = octets.len().min(self.room_to_write(shared));
        self.writer_waits |= take < octets.len();
        self.cut(&shared.config);
        self.queue.gather(octets.get(..take).unwrap_or(octets));
        self.end += take as u32;
        take
    }

    /// What was written ends a record.
    pub(crate) fn end_record(&mut self) {
        self.rare.end_record(self.end);
    }

    /// At most `octets` from `start` on, and none of another record.
    pub(crate) fn of_one_record(&self, start: SeqNum, octets: u32) -> u32 {
        let end = self.rare.record_after(start);
        end.and_then(|end| end.since(start)).map_or(octets, |record| record.min(octets))
    }

    /// What of the SYN's data was not acknowledged with it is as if it were never sent.
    pub(crate) fn take_back(&mut self) {
        self.rare.take_back(self.nxt);
        self.nxt = self.una;
        self.recovery = Recovery::new(self.una);
        self.resend = None;
        // It was one segment, and need not wait for its own first part to be acknowledged; nor need what follows wait for it.
        self.hold.small_acked();
        self.hold.set_override(true);
    }

    /// Octets that went with our SYN, went again, and are not acknowledged.
    pub(crate) fn out_after_syn(&self) -> u32 {
        let end = self.rare.taken_back().map(|end| end.earlier(self.nxt));
        end.and_then(|end| end.since(self.una)).unwrap_or(0)
    }

    /// Something is about to be written. A piece that is being sent is filled up again by what follows: so, until sending stops,
    /// pieces are not counted yet.
    fn cut(&mut self, config: &TcpConfig) {
        if config.half_window_pieces && self.end.at_or_before(self.piece_end.later(self.nxt)) {
            self.hold.set_cuts(true);
        }
    }

    /// Octets of a piece: half the largest window, in whole segments.
    fn piece(&self) -> u32 {
        let segment = self.segment_size.max(1);
        (self.max_window / 2 / segment).max(1).saturating_mul(segment)
    }

    /// Octets from SND.NXT to the end of its piece: a train is no longer.
    pub(crate) fn piece_left(&mut self, config: &TcpConfig) -> u32 {
        if !config.half_window_pieces {
            return u32::MAX;
        }
        let piece = self.piece();
        if self.hold.cuts() {
            return piece;
        }
        // What is behind is passed at once: however long that took, this is one step of arithmetic.
        if let Some(behind) = self.nxt.since(self.piece_end) {
            self.piece_end = self.nxt + (piece - behind % piece);
        }
        self.piece_end.wrapping_since(self.nxt)
    }

    /// Sending stops, though more waits: the piece that is being sent begins here.
    pub(crate) fn stop_cutting(&mut self) {
        if self.hold.cuts() {
            self.hold.set_cuts(false);
            self.piece_end = self.nxt + self.piece();
        }
    }

    /// What waits because it fills no segment goes now.
    pub(crate) fn release_small(&mut self) {
        self.hold.release();
        if self.unsent() > 0 {
            self.hold.set_override(true);
        }
    }

    /// A writer waits for room.
    pub(crate) fn await_room(&mut self) {
        self.writer_waits = true;
    }

    /// Whether a writer that was refused is to hear that there is room now; once.
    pub(crate) fn take_writer(&mut self, shared: &Shared) -> bool {
        self.writer_waits && self.room_to_write(shared) > 0 && core::mem::take(&mut self.writer_waits)
    }

    /// Whether a writer waits for room though nothing waits to be sent.
    pub(crate) fn lacks_room(&self) -> bool {
        self.writer_waits && self.unsent() == 0
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

    /// cwnd: the controller's window, or in fast recovery what proportional rate reduction makes of it.
    pub(crate) fn cwnd(&self) -> u32 {
        self.recovery.window(self.congestion.window())
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

    /// Enters a first transmission of `count` numbers.
    pub(crate) fn sent(&mut self, now: Instant, count: u32) {
        self.sent_in(now, count, self.segment_size);
    }

    /// The same in segments of so many octets, for options differ from one to the next.
    pub(crate) fn sent_in(&mut self, now: Instant, count: u32, segment: u32) {
        // What went with our SYN was as large as it could be.
        let again = self.rare.taken_back().is_some_and(|end| self.nxt.before(end));
        if !count.is_multiple_of(segment.max(1)) && !again {
            self.hold.small_sent();
        }
        let in_flight = self.recovery.in_flight();
        self.recovery.on_sent(now, self.nxt, self.nxt + count);
        self.nxt += count;
        self.probe_at = Instant::FAR;
        self.on_departure(now, count, in_flight, false);
    }

    /// Enters a transmission of `start..end` again.
    pub(crate) fn sent_again(&mut self, now: Instant, start: SeqNum, end: SeqNum, segments: u32) {
        let in_flight = self.recovery.in_flight();
        if self.recovery.on_resent(now, start, end) {
            // Its time to be acknowledged begins anew (6298-11).
            self.rto_at = now + self.rtt.rto();
        }
        let count = end.wrapping_since(start);
        self.resent_segments += u64::from(segments);
        self.resent_octets += u64::from(count);
        self.on_departure(now, count, in_flight, true);
    }

    fn on_departure(&mut self, now: Instant, octets: u32, in_flight: u32, again: bool) {
        self.congestion.on_sent(&Departure {
            now,
            octets,
            in_flight,
            total_delivered: self.recovery.delivered(),
            again,
            app_limited: in_flight == 0 && self.recovery.is_app_limited(),
        });
        self.last_sent = now;
        self.stalled_since.get_or_insert(now);
        self.pacer.on_sent(now, octets, self.congestion.pacing_rate());
    }

    /// Octets that twice the window in a round trip is in a millisecond: `least` segments at least, and half the window at
    /// most.
    pub(crate) fn millisecond(&self, least: u32) -> u32 {
        let nanos = self.rtt.smoothed().map_or(0, |time| time.as_nanos());
        let doubled = u128::from(self.cwnd()) * 2_000_000;
        let worth =
            doubled.checked_div(nanos).and_then(|octets| u32::try_from(octets).ok()).unwrap_or(u32::MAX);
        let segment = self.segment_size.max(1);
        let half = (self.cwnd() / segment / 2).max(1).saturating_mul(segment);
        worth.max(segment.saturating_mul(least)).min(half)
    }

    /// Forgets what was written and never sent (FLUSH).
    pub(crate) fn flush_unsent(&mut self) {
        let keep = self.nxt.later(self.first_octet()).earlier(self.end);
        let offset = self.queue.start() + u64::from(keep.wrapping_since(self.first_octet()));
        self.queue.truncate(offset);
        self.end = keep;
        self.rare.truncate(keep);
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
    Start { now: Instant::ZERO, initial, segment_size, round_trip: None, sack: false, in_full: false, seed }
}
