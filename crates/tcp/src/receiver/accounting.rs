//! What a receive buffer counts: octets, or the memory that they cost.
//!
//! ```text
//!    of memory        ┌─────────────── the buffer ───────────────┐
//!                     │ payload ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓ │ other memory ░ │    share = ▓ / (▓ + ░), as the last segment size
//!                     └──────────────────────────────────────────┘            that was new showed it; half at first
//!    in octets        ◄──────── buffer · share ────►
//!                      waiting, read or above holes │ free
//!    the window                                     ◄─ earned ─►   no wider: twice what each segment brought
//! ```

use core::num::NonZeroU16;

/// What the size of a receive buffer counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum ReceiveAccounting {
    /// Octets that wait to be read. What they cost is bounded, too: little more than twice as much.
    #[default]
    Octets,
    /// Memory, as the device that received a segment says of it. A window is as wide as fits in what is left, by the share of
    /// payload in segments of the size that comes: half, until the first came. It opens by twice what arrives, holds whole
    /// segments where it has no scale, and what waits above a hole narrows it, too. Where less than half is free, no ACK
    /// hurries: the one that follows a read opens the window. A buffer that the user made smaller than what waits in it
    /// shuts the window: what is on its way is dropped (RFC 7323 §2.4 has the sender bear it, RFC 9293 §3.8.6 SHLD-14 would
    /// rather not), and the connection never holds more than its memory and a segment.
    Memory,
}

/// The whole, of which shares are parts.
pub(super) const WHOLE: u32 = 256;
/// Segments of less than this say little about a path, and earn nothing.
const SMALL: u32 = 128;

/// The books of a buffer that counts memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// Payload in 256 octets of memory.
    share: NonZeroU16,
    /// The widest window that what came has earned.
    earned: u32,
}

impl Account {
    /// The books of a connection whose SYN offered a window of so many octets.
    pub(super) fn new(accounting: ReceiveAccounting, offered: u32) -> Option<Self> {
        match accounting {
            ReceiveAccounting::Octets => None,
            ReceiveAccounting::Memory => Some(Self { share: FIRST, earned: offered }),
        }
    }

    /// Octets of payload for which so much memory is enough.
    pub(super) fn octets(self, memory: u32) -> u32 {
        part(memory, self.share)
    }

    /// Memory that so many octets of payload need.
    pub(super) fn memory(self, octets: u32) -> u32 {
        let memory = u64::from(octets) * u64::from(WHOLE) / u64::from(self.share());
        u32::try_from(memory).unwrap_or(u32::MAX)
    }

    /// Octets of payload in 256 octets of memory.
    pub(super) fn share(self) -> u32 {
        u32::from(self.share.get())
    }

    /// A segment size that is new: `len` octets of payload came in `held` of memory.
    pub(super) fn learn(&mut self, len: usize, held: usize) {
        let share = len.saturating_mul(WHOLE as usize) / held.max(len).max(1);
        let share = u16::try_from(share).ok().and_then(NonZeroU16::new);
        self.share = share.unwrap_or(NonZeroU16::MIN);
    }

    /// `len` octets came that are new, in segments of up to `mss`; `free` are left.
    pub(super) fn earn(&mut self, len: u32, mss: u32, free: u32) {
        if len >= SMALL {
            let more = self.earned.saturating_add(len.max(mss).saturating_mul(2));
            self.earned = self.earned.max(more.min(free));
        }
    }

    /// The widest window that was earned.
    pub(super) fn earned(self) -> u32 {
        self.earned
    }
}

impl ReceiveAccounting {
    /// Octets for which a buffer of this size has room, as far as anybody knows before anything came.
    pub(crate) fn octets(self, buffer: u32) -> u32 {
        match self {
            Self::Octets => buffer,
            Self::Memory => part(buffer, FIRST),
        }
    }

    /// The window of our SYN for a buffer of this size, and segments of up to `mss`: a memory of payload holds whole ones.
    pub(crate) fn first_window(self, buffer: u32, mss: u32) -> u32 {
        let octets = self.octets(buffer);
        match self {
            Self::Memory if octets > mss => octets - octets % mss.max(1),
            _ => octets,
        }
    }
}

/// Half: the share before anything came.
const FIRST: NonZeroU16 = NonZeroU16::new(128).unwrap();

fn part(memory: u32, share: NonZeroU16) -> u32 {
    // A share is at most the whole, so that this fits.
    (u64::from(memory) * u64::from(share.get()) / u64::from(WHOLE)) as u32
}
