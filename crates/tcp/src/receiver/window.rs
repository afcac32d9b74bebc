//! The window that we offer (RFC 9293 §3.8.6; RFC 7323 §2).
//!
//! ```text
//!            read            RCV.NXT                   told            edge
//!    ─────────┼─────────────────┼────────────────────────┼───────────────┼────────►
//!             │◄─── waiting ───►│◄── told to the peer ──►│               │
//!             │                 │◄────────── RCV.WND, accepted ─────────►│
//!             │◄──────────────────────── buffer ──────────────────────────────►│
//! ```
//!
//! Three rules pull at the right edge: it does not move back (SHLD-14), it moves forward only in steps worth sending
//! for (MUST-39), and under a scale it can only be told in grains. Between grains it is told rounded up while the
//! buffer has room for that, and else rounded down; whatever was offered once stays acceptable (RFC 7323 §2.4, 7323-9).

use super::Place;
use wire::{WindowScale, WireWindow};

/// The edge of the offer.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    /// The furthest edge ever offered.
    edge: Place,
    /// The edge as the peer was told last.
    told: Place,
    scale: WindowScale,
}

/// What the buffer has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// RCV.NXT.
    pub(super) nxt: Place,
    /// Octets of the whole buffer.
    pub(super) buffer: u32,
    /// Octets of it that are free.
    pub(super) free: u32,
    /// The largest segment to expect.
    pub(super) mss: u32,
    /// How wide the window may be at all, where the buffer counts memory.
    pub(super) earned: Option<Earned>,
}

/// What a window of memory is cut by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Earned {
    /// Octets of the widest window.
    pub(super) window: u32,
    /// Octets of the segments that come.
    pub(super) segment: u32,
}

impl Offer {
    /// An offer that reaches to `edge`.
    pub(super) const fn new(edge: Place, scale: WindowScale) -> Self {
        Self { edge, told: edge, scale }
    }

    /// Reaches further, before anything was told.
    pub(super) fn extend(&mut self, octets: u32) {
        self.edge += u64::from(octets);
        self.told += u64::from(octets);
    }

    /// The furthest edge ever offered (RFC 7323 7323-10).
    pub(super) const fn edge(&self) -> Place {
        self.edge
    }

    /// The furthest place that the peer may go to as far as it was told last.
    pub(super) const fn told(&self) -> Place {
        self.told
    }

    /// Takes back what was told, down to `nxt`: there is no memory for it.
    pub(super) fn retract(&mut self, nxt: Place) {
        self.told = nxt;
    }

    /// The shift of our windows.
    #[cfg(test)]
    pub(super) const fn scale(&self) -> WindowScale {
        self.scale
    }

    /// Chooses the edge to tell now, remembers it, and gives the header's field for it.
    pub(super) fn tell(&mut self, room: Room) -> WireWindow {
        let units = self.units(room);
        self.told = room.nxt + (units << self.scale.shift());
        self.edge = self.edge.max(self.told);
        // At most 16 bits by construction; saturating costs nothing.
        WireWindow::new(u16::try_from(units).unwrap_or(u16::MAX))
    }

    /// Whether the user has read so much that the peer should hear of it at once.
    ///
    /// The edge must be able to move by a step (RFC 9293 MUST-39). While the peer still sees half the buffer or more
    /// it is not waiting for us, and the next ACK will tell it soon enough.
    pub(super) fn update_due(&self, room: Room) -> bool {
        let told = self.told.saturating_sub(room.nxt);
        let could = self.units(room) << self.scale.shift();
        // Few updates while the window is wide, early ones while it is narrow.
        let much = could >= told.saturating_mul(2) || could >= told + u64::from(room.buffer / 4);
        told < u64::from(room.buffer / 2) && much && could >= self.promised(room) + self.step(room)
    }

    /// The least move of the edge that is worth telling (RFC 9293 §3.8.6.2.2, MUST-39; Fr is one half).
    ///
    /// Two grains less than half the buffer: so much may be lost to rounding, of what was told and of what could be.
    fn step(&self, room: Room) -> u64 {
        let half = u64::from(room.buffer / 2).saturating_sub(2 << self.scale.shift());
        half.min(u64::from(room.mss)).max(1)
    }

    /// Octets from RCV.NXT to the furthest edge ever offered; to the last one where memory is counted, for that may have been
    /// taken back.
    fn promised(&self, room: Room) -> u64 {
        let edge = if room.earned.is_some() { self.told } else { self.edge };
        edge.saturating_sub(room.nxt)
    }

    /// The window to tell, in grains of the scale.
    fn units(&self, room: Room) -> u64 {
        let shift = self.scale.shift();
        let grain = 1u64 << shift;
        let free = u64::from(room.free);
        let promised = self.promised(room);
        if let Some(earned) = room.earned {
            return self.earned_units(room, earned).max(promised.div_ceil(grain).min(0xffff));
        }
        // A buffer smaller than a grain would never open: better a grain too much than a connection that stands.
        let whole = (free >> shift).clamp(1, 0xffff);
        if free.min(whole * grain) >= promised + self.step(room) {
            return whole;
        }
        let up = promised.div_ceil(grain).min(0xffff);
        if up * grain <= free { up } else { (promised >> shift).min(0xffff) }
    }

    /// The window that memory and what came allow, in grains of the scale, whatever was promised.
    ///
    /// Without a scale it is told in whole segments, which is no silly window either (RFC 9293 §3.8.6.2.2). With one, the
    /// last grain may go beyond what was earned, but not beyond the memory.
    fn earned_units(&self, room: Room, earned: Earned) -> u64 {
        let shift = self.scale.shift();
        let segment = earned.segment.min(room.buffer / 2).max(1);
        let (free, window) = (room.free, room.free.min(earned.window));
        if room.free < room.buffer / 2 && room.free < segment.max(room.buffer / 16) {
            return 0; // What comes now may cost more than is left: better shut than promised in vain.
        }
        if shift == 0 {
            return u64::from(window - window % segment).min(0xffff);
        }
        let grain = 1u64 << shift;
        let up = u64::from(window).div_ceil(grain).min(0xffff);
        if up * grain <= u64::from(free) { up } else { u64::from(window >> shift).clamp(1, 0xffff) }
    }
}
