//! When a segment is held back to see whether the peer tells of holes; what that says is [`crate::recovery`]'s.

use crate::congestion::Departure;
use crate::connection::{Open, Shared};
use crate::sender::SendHalf;
use env::Instant;

/// Segments that are there to follow, at least: they make the peer tell.
const FOLLOWERS: u32 = 3;
/// A smaller window than of so many segments is not worth a lie.
const WORTHWHILE: u32 = 8;
/// While the peer waits for what was withheld it reads nothing, and offers no more than it did. So many windows are room enough:
/// what is out, and what a round trip lets out that doubles it.
const ROOM: u32 = 3;

impl Open {
    /// New data is about to leave in segments of `segment`: if the peer is to be asked for its honesty, one is entered as sent
    /// and stays here.
    pub(crate) fn withhold_if_in_doubt(&mut self, now: Instant, shared: &Shared, segment: u32) {
        let snd = &mut self.snd;
        if !shared.config.doubts_peers || !snd.recovery.doubts(now, &snd.rtt) {
            return;
        }
        let window = snd.edge.since(snd.nxt).unwrap_or(0);
        let follows = snd.unsent() >= segment.saturating_mul(1 + FOLLOWERS);
        let cwnd = snd.cwnd();
        let room = cwnd.saturating_sub(snd.recovery.in_flight());
        let may = follows
            && cwnd >= segment.saturating_mul(WORTHWHILE)
            && room.min(window) >= segment
            && snd.persist.is_none()
            && snd.rare.urgent().is_none()
            && !snd.rare.has_records()
            && snd.rare.taken_back().is_none()
            && snd.pacer.wait(now).is_none()
            && shared.path_mtu.is_none()
            && !self.early;
        let offered = snd.edge.since(snd.una).unwrap_or(0);
        let may_wait = offered >= cwnd.saturating_mul(ROOM);
        if may && (may_wait || !snd.recovery.waits_to_ask(now, &snd.rtt)) {
            snd.withhold(now, segment);
        }
    }
}

impl SendHalf {
    /// Enters `octets` as sent. They take no time to leave.
    fn withhold(&mut self, now: Instant, octets: u32) {
        let in_flight = self.recovery.in_flight();
        self.recovery.withhold(now, self.nxt, self.nxt + octets);
        self.nxt += octets;
        self.congestion.on_sent(&Departure {
            now,
            octets,
            in_flight,
            total_delivered: self.recovery.delivered(),
            again: false,
            app_limited: in_flight == 0 && self.recovery.is_app_limited(),
        });
    }
}
