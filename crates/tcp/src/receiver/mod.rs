//! The receive half: what the peer sends, from its window to the user (RFC 9293 §3.4, §3.8, §3.10.7.4).
//!
//! ```text
//!   segment ─► check ─► check_timestamp ─► take_text ─┬─ in order ────► rope ─► receive   user
//!              first    RFC 7323 §5        7th, 8th   └─ above a hole ► reassembly
//!              step                                            │
//!   ACK ◄── advertise ◄── window: the edge that may be told    │
//!       ◄── sack_blocks ◄──────────────────────────────────────┘
//!       ◄── ack_due ◄── ack_policy: now, or in 40 ms
//! ```
//!
//! Inside, sequence numbers are unwrapped to [`Place`]s of 64 bits, which have an order; see [`ReceiveHalf::place`].

mod ack_policy;
mod paws;
mod reassembly;
mod rope;
mod text;
mod tuning;
mod window;

pub(crate) use paws::TimestampCheck;

use crate::{Discard, Segment, Why};
use ack_policy::AckPolicy;
use alloc::boxed::Box;
use bytes::Bytes;
use core::ops::Range;
use env::{Duration, Instant};
use paws::Recent;
use reassembly::Reassembly;
use rope::Rope;
use tuning::Tuning;
use window::{Offer, Room};
use wire::tcp::{SackBlock, SackBlocks, Timestamps};
use wire::{Payload, SeqNum, WindowScale, WireWindow};

/// A sequence number that never wraps: IRS is at 2^32, so that what comes before it has a place too.
type Place = u64;

/// Where IRS is.
const ORIGIN: Place = 1 << 32;

/// What a receive half is made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReceiveSettings {
    /// Octets that may wait to be read.
    pub(crate) buffer: u32,
    /// Octets that the buffer may grow to.
    pub(crate) buffer_limit: u32,
    /// Octets that our SYN or SYN-ACK offered; such a window is never scaled (RFC 7323 7323-4).
    pub(crate) offered: u32,
    /// The largest segment to expect: what we announced.
    pub(crate) mss: u32,
    /// The shift of our windows; zero unless both sides agreed.
    pub(crate) scale: WindowScale,
    /// Whether the peer understands SACK.
    pub(crate) sack: bool,
    /// How long an ACK may wait.
    pub(crate) ack_delay: Duration,
    /// Whether ACKs wait for answers.
    pub(crate) answers: bool,
    /// TS.Recent from the peer's SYN, when both sides agreed on timestamps.
    pub(crate) timestamps: Option<u32>,
}

/// The first step's verdict on a segment's numbers (RFC 9293 §3.10.7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptability {
    /// Some of it lies in the window, or it is at RCV.NXT of a closed window and its ACK, URG and RST count.
    Acceptable,
    /// It lies before RCV.NXT.
    Duplicate,
    /// It lies beyond the window.
    BeyondWindow,
}

/// What the seventh and eighth step made of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Octets that are in order now and were not before.
    pub(crate) delivered: u32,
    /// The peer's FIN is in order now.
    pub(crate) fin: bool,
    /// Why some of it, or all, was not used.
    pub(crate) discard: Option<Discard>,
}

/// Everything about the direction from the peer to us.
#[derive(Clone, Debug)]
pub(crate) struct ReceiveHalf {
    irs: SeqNum,
    nxt: Place,
    /// RCV.NXT as of the last ACK that went out (Last.ACK.sent of RFC 7323 §4.3).
    acked: Place,
    offer: Offer,
    buffer: u32,
    tuning: Tuning,
    mss: u32,
    policy: AckPolicy,
    recent: Option<Recent>,
    sack: bool,
    /// The duplicate to report, once (RFC 2883 §4).
    duplicate: Option<Range<Place>>,
    /// In order, not read yet.
    ready: Rope,
    /// Made with the first hole, dropped with the last.
    queue: Option<Box<Reassembly>>,
    /// The user made room since the peer heard of the window.
    made_room: bool,
    /// The number of the peer's FIN, which may be above a hole.
    fin: Option<Place>,
    /// The place after the urgent data, RCV.UP (RFC 9293 MUST-62).
    urgent: Place,
    /// The end of the last segment in order that had PSH set.
    push: Place,
}

/// The sequence space.
impl ReceiveHalf {
    /// The half of a connection whose peer began at `irs`.
    pub(crate) fn new(now: Instant, irs: SeqNum, settings: ReceiveSettings) -> Self {
        let nxt = ORIGIN + 1;
        let mss = settings.mss.max(1);
        Self {
            irs,
            nxt,
            acked: nxt,
            offer: Offer::new(nxt + u64::from(settings.offered), settings.scale),
            buffer: settings.buffer.max(1),
            tuning: Tuning::new(now, settings.buffer_limit, nxt),
            mss,
            policy: AckPolicy::new(settings.ack_delay, mss, settings.answers),
            recent: settings.timestamps.map(|value| Recent::new(now, value)),
            sack: settings.sack,
            duplicate: None,
            ready: Rope::default(),
            queue: None,
            made_room: false,
            fin: None,
            urgent: nxt,
            push: nxt,
        }
    }

    /// RCV.NXT.
    pub(crate) fn nxt(&self) -> SeqNum {
        self.number(self.nxt)
    }

    /// RCV.WND: octets from RCV.NXT to the furthest edge ever offered.
    pub(crate) fn window(&self) -> u32 {
        narrow(self.offer.edge().saturating_sub(self.nxt))
    }

    /// The furthest edge ever offered (RFC 7323 7323-10); it never moves back (RFC 9293 SHLD-14).
    pub(crate) fn right_edge(&self) -> SeqNum {
        self.number(self.offer.edge())
    }

    /// First step: whether a segment of `len` numbers from `seq` on may be looked at (RFC 9293 §3.10.7.4, 9293-E9).
    ///
    /// The RFC's four cases, with two additions that only add segments. An empty segment at the right edge counts:
    /// it is what a peer sends that has filled our window, and two such peers with a hole each would else answer
    /// each other's ACKs for ever. And a segment that covers the whole window counts, though neither of its ends lies
    /// inside. At RCV.NXT of a closed window anything counts, for the sake of its ACK, URG and RST (MUST-66):
    /// [`Self::take_text`] takes none of its text then.
    pub(crate) fn check(&self, seq: SeqNum, len: u32) -> Acceptability {
        let (start, edge) = (self.place(seq), self.offer.edge());
        let end = start + u64::from(len);
        let covers = if len == 0 || edge == self.nxt {
            (self.nxt..=edge).contains(&start)
        } else {
            start < edge && end > self.nxt
        };
        if covers {
            Acceptability::Acceptable
        } else if start < self.nxt {
            Acceptability::Duplicate
        } else {
            Acceptability::BeyondWindow
        }
    }

    /// Owes the ACK that an unacceptable segment draws (RFC 9293 §3.10.7.4, first step), remembers a duplicate so
    /// that it is reported (RFC 2883 §4), and names the discard. Not for RST, which draws nothing.
    pub(crate) fn refuse(&mut self, verdict: Acceptability, segment: &Segment) -> Option<Discard> {
        match verdict {
            Acceptability::Acceptable => None,
            Acceptability::Duplicate => {
                let start = self.place(segment.payload_seq());
                let end = start + segment.payload.len() as u64;
                self.duplicate = None;
                self.saw_duplicate(start..end.min(self.nxt));
                self.demand_ack(Why::Duplicate);
                Some(Discard::Duplicate)
            }
            Acceptability::BeyondWindow => {
                self.demand_ack(Why::OutsideWindow);
                Some(Discard::OutsideWindow)
            }
        }
    }

    /// The buffer grows by so many octets, as far as it may at all, and so does a window that the peer was not told of yet.
    pub(crate) fn grow_by(&mut self, octets: u32) {
        let grown = self.tuning.limited(self.buffer.saturating_add(octets)).max(self.buffer);
        self.offer.extend(grown - self.buffer);
        self.buffer = grown;
    }

    /// The SYN,ACK of a simultaneous Fast Open: its SYN is a number that we have, and drawn an ACK by like any other (RFC
    /// 9293 §3.10.7.4, first step).
    pub(crate) fn saw_syn_again(&mut self) {
        self.duplicate = None;
        self.saw_duplicate(self.nxt - 1..self.nxt);
        self.demand_ack(Why::Duplicate);
    }

    /// The place of `seq`, on the shorter way round from RCV.NXT.
    fn place(&self, seq: SeqNum) -> Place {
        let from_nxt = seq.wrapping_since(self.nxt()) as i32;
        self.nxt.saturating_add_signed(i64::from(from_nxt))
    }

    fn number(&self, place: Place) -> SeqNum {
        // Dropping the upper half is what makes a place a number again; ORIGIN drops out with it.
        self.irs + place as u32
    }
}

/// Timestamps.
impl ReceiveHalf {
    /// Whether a segment's timestamp speaks against it (RFC 7323 §5.3, 7323-21). Not for RST (7323-22), and once for
    /// each segment, when it arrives (7323-24).
    pub(crate) fn check_timestamp(
        &self,
        now: Instant,
        timestamps: Option<Timestamps>,
        has_text: bool,
    ) -> TimestampCheck {
        let fills = has_text && self.queue.is_some();
        self.recent.map_or(TimestampCheck::Fine, |recent| recent.check(now, timestamps, fills))
    }

    /// Remembers the timestamp of a segment that was acceptable and begins at `seq` (RFC 7323 §4.3, 7323-20).
    pub(crate) fn update_timestamp(&mut self, now: Instant, seq: SeqNum, timestamps: Option<Timestamps>) {
        let counts = self.place(seq) <= self.acked;
        if let (Some(recent), Some(timestamps), true) = (&mut self.recent, timestamps, counts) {
            recent.update(now, timestamps.value, self.nxt);
        }
    }

    /// What our segments echo: TS.Recent, or zero where no timestamps were agreed on.
    pub(crate) fn timestamp_echo(&self) -> u32 {
        self.recent.map_or(0, |recent| recent.value())
    }
}

/// The user's side.
impl ReceiveHalf {
    /// The next octets in order, at most `max` of them, shared and not copied.
    pub(crate) fn receive(&mut self, max: usize) -> Option<Bytes> {
        let taken = self.ready.take(max);
        self.made_room |= taken.is_some();
        taken
    }

    /// Moves octets in order to `out`, and says how many.
    pub(crate) fn receive_into(&mut self, out: &mut [u8]) -> usize {
        let taken = self.ready.take_into(out);
        self.made_room |= taken > 0;
        taken
    }

    /// Copies octets in order to `out`, leaves them to be received, and says how many.
    pub(crate) fn peek_into(&self, out: &mut [u8]) -> usize {
        self.ready.peek_into(out)
    }

    /// How many octets are in order and not received yet.
    pub(crate) fn readable(&self) -> usize {
        self.ready.len()
    }

    /// Octets that came in order, ever, read or not.
    pub(crate) fn arrived(&self) -> u64 {
        self.nxt - ORIGIN - 1 - u64::from(self.fin_received())
    }

    /// The largest payload of a segment that came, or what is taken for it.
    pub(crate) fn largest_seen(&self) -> u32 {
        self.policy.rmss()
    }

    /// Whether the peer's FIN is in order, with all octets before it received or not.
    pub(crate) fn fin_received(&self) -> bool {
        self.fin.is_some_and(|fin| fin < self.nxt)
    }

    /// Whether the peer closed and all it sent was received.
    pub(crate) fn finished(&self) -> bool {
        self.fin_received() && self.ready.is_empty()
    }

    /// Octets from the next one to receive to the end of the urgent data, some of which may be still to come (RFC 9293
    /// MUST-33).
    pub(crate) fn urgent_remaining(&self) -> u32 {
        let end = self.fin.map_or(self.urgent, |fin| self.urgent.min(fin));
        narrow(end.saturating_sub(self.read()))
    }

    /// Whether the peer pushed something of what is readable (RFC 9293 MAY-17).
    pub(crate) fn pushed(&self) -> bool {
        self.push > self.read()
    }

    /// Fixes the size of the buffer. What was offered stays offered (RFC 9293 SHLD-14).
    pub(crate) fn set_buffer(&mut self, octets: u32) {
        self.made_room = true;
        self.buffer = octets.max(1);
        self.tuning.set_limit(self.buffer);
    }

    /// Octets that may wait to be read.
    pub(crate) fn buffer(&self) -> u32 {
        self.buffer
    }

    /// Data arrived which echoes that timestamp of ours, `age` after it was sent.
    pub(crate) fn saw_echo(&mut self, echo: u32, age: Duration) {
        self.tuning.measure(echo, age);
    }

    /// Lets the buffer grow to what the user reads in a round trip; `least` is the shortest that the send half measured.
    pub(crate) fn grow_buffer(&mut self, now: Instant, least: Option<Duration>) {
        let read = self.read();
        let size = self.tuning.size(now, self.buffer, read, least);
        self.made_room |= size > self.buffer;
        self.buffer = size;
    }

    /// How long an ACK may wait from now on.
    pub(crate) fn set_ack_delay(&mut self, delay: Duration) {
        self.policy.set_delay(delay);
    }

    /// Octets of memory that wait here, in order and out of order, bookkeeping included.
    ///
    /// A little over twice the buffer at most, whatever a peer sends.
    pub(crate) fn held(&self) -> usize {
        self.ready.held().saturating_add(self.queue.as_ref().map_or(0, |queue| queue.held()))
    }

    /// Octets that wait above a hole.
    pub(crate) fn buffered_out_of_order(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    /// The place of the next octet to receive.
    fn read(&self) -> Place {
        let end = self.nxt - u64::from(self.fin_received());
        end.saturating_sub(self.ready.len() as u64)
    }
}

/// What we tell the peer.
impl ReceiveHalf {
    /// An ACK is owed at once, for this reason.
    pub(crate) fn demand_ack(&mut self, why: Why) {
        self.policy.demand(why);
    }

    /// Data of ours leaves, which may be an answer; `completes` the handshake.
    pub(crate) fn answers(&mut self, now: Instant, completes: bool) {
        self.policy.answered(now, completes);
    }

    /// The peer's window may be down to a segment.
    pub(crate) fn hurry(&mut self) {
        self.policy.hurry();
    }

    /// Whether an ACK must go now, and why. Poll it when everything that arrived together was taken (RFC 9293
    /// MUST-58, MUST-59).
    pub(crate) fn ack_due(&self, now: Instant) -> Option<Why> {
        self.policy.due(now)
    }

    /// When a waiting ACK must go; `None` when none waits.
    pub(crate) fn ack_deadline(&self) -> Option<Instant> {
        self.policy.deadline()
    }

    /// Turns a wait that is over into an ACK owed.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        self.policy.on_timeout(now);
    }

    /// Whether the user received so much that the peer should hear of the room at once (RFC 9293 MUST-39).
    pub(crate) fn window_update_due(&self) -> bool {
        self.made_room && self.fin.is_none() && self.offer.update_due(self.room())
    }

    /// The window field of a segment with ACK that is being built, scaled. Fixes the edge, settles what was owed, and
    /// remembers Last.ACK.sent.
    pub(crate) fn advertise(&mut self) -> WireWindow {
        self.acked = self.nxt;
        self.made_room = false;
        self.policy.sent();
        self.offer.tell(self.room())
    }

    /// The window field of a SYN,ACK, which no scale applies to (RFC 7323 §2.2): what our SYN offered, and no more.
    pub(crate) fn advertise_unscaled(&mut self) -> WireWindow {
        self.acked = self.nxt;
        self.policy.sent();
        WireWindow::new(self.window().min(0xffff) as u16)
    }

    /// Whether a duplicate is to be reported, once (RFC 2883 §4).
    pub(crate) fn has_duplicate(&self) -> bool {
        self.sack && self.duplicate.is_some()
    }

    /// The SACK blocks of a segment with ACK that is being built, at most `room`: a duplicate first and once (RFC 2883
    /// §4, 2883-1; with exact marks as without, 9768-7), then the islands, the one that grew last first (RFC 2018 §4: 2018-3, 2018-4, 2018-5).
    pub(crate) fn sack_blocks(&mut self, room: usize) -> SackBlocks {
        let mut blocks = SackBlocks::NONE;
        let none = self.queue.is_none() && self.duplicate.is_none();
        if !self.sack || room == 0 || none {
            return blocks; // RFC 2018 2018-2
        }
        let duplicate = self.duplicate.take();
        let passed = self.queue.as_mut().map_or(0, |queue| queue.tell(self.policy.owed_after_next()));
        let islands = self.queue.iter().flat_map(|queue| queue.blocks(passed));
        for block in duplicate.into_iter().chain(islands).take(room) {
            let block = SackBlock { start: self.number(block.start), end: self.number(block.end) };
            if !blocks.push(block) {
                break;
            }
        }
        blocks
    }

    #[cfg(test)]
    fn offer_scale(&self) -> WindowScale {
        self.offer.scale()
    }

    /// How many SACK blocks [`Self::sack_blocks`] would give.
    pub(crate) fn sack_block_count(&self, room: usize) -> usize {
        if !self.sack || (self.queue.is_none() && self.duplicate.is_none()) {
            return 0;
        }
        let islands = self.queue.iter().flat_map(|queue| queue.blocks(0)).take(room).count();
        (islands + usize::from(self.duplicate.is_some())).min(room)
    }

    fn room(&self) -> Room {
        let waiting = u32::try_from(self.ready.len()).unwrap_or(u32::MAX);
        Room { nxt: self.nxt, buffer: self.buffer, free: self.buffer.saturating_sub(waiting), mss: self.mss }
    }
}

/// The octets at `places` of a payload that begins at `start`.
fn part(payload: &Payload, start: Place, places: Range<Place>) -> Payload {
    let index = |place: Place| usize::try_from(place.saturating_sub(start)).unwrap_or(usize::MAX);
    let range = index(places.start)..index(places.end);
    if range.is_empty() { Payload::EMPTY } else { payload.slice(range) }
}

/// A distance that is known to be less than 2^32.
fn narrow(distance: u64) -> u32 {
    u32::try_from(distance).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
