//! What the peer is told: when to acknowledge, the window, and what came twice or out of order (RFC 9293 §3.8.6; RFC 2018;
//! RFC 2883).

use super::ReceiveHalf;
use super::window::{Earned, Room};
use crate::Why;
use env::Instant;
#[cfg(test)]
use wire::WindowScale;
use wire::WireWindow;
use wire::tcp::{SackBlock, SackBlocks};

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
        let duplicate = self.duplicate.take().map(|twice| twice.start.get()..twice.end);
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
    pub(super) fn offer_scale(&self) -> WindowScale {
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

    pub(super) fn room(&self) -> Room {
        let buffer = self.octets();
        let earned =
            self.account.map(|account| Earned { window: account.earned(), segment: self.policy.rmss() });
        let free = buffer.saturating_sub(self.waiting());
        Room { nxt: self.nxt, buffer, free, mss: self.mss, earned }
    }

    /// Whether more than half of a buffer that counts memory is used.
    pub(super) fn is_short(&self) -> bool {
        self.account.is_some() && self.waiting() > self.octets() / 2
    }
}
