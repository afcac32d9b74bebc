//! A frame: what a device hands over and takes.
//!
//! ```text
//!    sent       ┌─ Head (128 octets, filled from the back) ─┐┌─ body ──────────────────────┐
//!               │ room │ eth │ ip │ tcp │                    ││ up to 64 KiB, user's slices │
//!               └──────────────────────────────────────────┘└─────────────────────────────┘
//!                              offload.segment_size cuts the body into the packets of a train
//!    received    head is empty; body is the whole frame, one slice of the device's buffer
//! ```

use crate::Payload;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::num::NonZeroU16;
use env::Instant;

/// A packet or a train of packets, with or without a link header, on its way in or out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Headers written by us, outermost first; empty on a received frame.
    pub head: Head,
    /// What follows the head; on a received frame, everything.
    pub body: Payload,
    /// What the device is to do, or has done.
    pub offload: Offload,
    /// When it was read from the device. Zero on a frame that is going out.
    pub arrived: Instant,
    /// On a frame that is going out, the instant before which it had better not leave; zero, or what has passed: at once.
    /// Only what takes frames ahead of their time gets any that have one.
    pub leaves: Instant,
    /// Which transmission of its sender this is, so that those who watch a link can name it; 0 when unknown.
    pub id: u64,
}

impl Frame {
    /// A received frame: `bytes` in a buffer of `held` octets, read at `arrived`.
    pub fn received(bytes: Bytes, held: usize, arrived: Instant) -> Self {
        Self { body: Payload::holding(bytes, held), arrived, ..Self::default() }
    }

    /// Octets of head and body together.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Head and body as one slice: shares when the head is empty and the body is one chunk, else copies once.
    pub fn contiguous(&self) -> Bytes {
        if self.head.is_empty() { self.body.contiguous() } else { self.to_vec().into() }
    }

    /// The same of a frame that nobody needs any more: no handle is counted for it.
    pub fn into_contiguous(self) -> Bytes {
        if self.head.is_empty() { self.body.into_contiguous() } else { self.to_vec().into() }
    }

    /// A copy of head and body.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len());
        all.extend_from_slice(self.head.as_slice());
        for chunk in self.body.chunks() {
            all.extend_from_slice(chunk);
        }
        all
    }
}

/// What the first header of a frame is: a property of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Frames begin with an IP header (TUN).
    Ip,
    /// Frames begin with an Ethernet header (TAP, AF_PACKET, AF_XDP).
    Ethernet,
}

/// What is asked of a device for a frame that goes out, or known of one that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Offload {
    /// Where the transport checksum stands.
    pub checksum: Checksum,
    /// Set on a train: the payload octets of each of its packets (the last may have fewer).
    pub segment_size: Option<NonZeroU16>,
    /// Set on a train: what its packets are.
    pub segment_kind: Option<SegmentKind>,
}

/// Where a transport checksum stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Checksum {
    /// In the packet, and not looked at yet (received), or complete (sent).
    #[default]
    InPacket,
    /// A trusted device has verified it, or the frame never left this machine.
    Verified,
    /// The field holds the pseudo-header's sum only; the rest is still to be added: from `start` (octets from the
    /// frame's beginning) to the end, to be stored `offset` octets after `start`.
    Partial {
        /// Octets from the frame's first to the transport header's first.
        start: u16,
        /// Octets from `start` to the checksum field.
        offset: u16,
    },
}

/// What a train is a train of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SegmentKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP datagrams over IPv4, each with a header of its own.
    Udp4,
    /// UDP datagrams over IPv6.
    Udp6,
}

/// Room for headers, filled from the back: each layer prepends in place.
///
/// The room lies apart and is taken with the first octet: a frame is handed on many times on its way, and one that was
/// received has no head at all.
#[derive(Clone)]
pub struct Head {
    /// What lies before `start` means nothing.
    octets: Option<Box<[u8; Self::ROOM]>>,
    start: u8,
}

impl Head {
    /// The room: a tagged Ethernet header (18), IPv6 (40), fragment (8) and the longest TCP header (60) fit.
    pub const ROOM: usize = 128;

    /// An empty head.
    pub const fn new() -> Self {
        Self { octets: None, start: Self::ROOM as u8 }
    }

    /// Octets prepended so far.
    pub const fn len(&self) -> usize {
        Self::ROOM - self.start as usize
    }

    /// Whether nothing was prepended yet.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was prepended so far, outermost header first.
    pub fn as_slice(&self) -> &[u8] {
        self.octets.as_ref().and_then(|octets| octets.get(usize::from(self.start)..)).unwrap_or(&[])
    }

    /// The same, to fill in checksums and lengths.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.octets.as_mut().and_then(|octets| octets.get_mut(usize::from(self.start)..)).unwrap_or(&mut [])
    }

    /// Makes `count` zero octets before what is there and gives them, or `None` when there is no room.
    pub fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        let end = usize::from(self.start);
        let start = end.checked_sub(count)?;
        self.start = start as u8;
        // Any octet but zero: memory that has to be zero comes a longer way than what was just given back.
        let octets = self.octets.get_or_insert_with(|| Box::new([0xff; Self::ROOM]));
        let fresh = octets.get_mut(start..end)?;
        fresh.fill(0);
        Some(fresh)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Head {}

impl Default for Head {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Head {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Head({:02x?})", self.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_prepended_in_place_until_the_room_is_used() {
        let mut head = Head::new();
        head.prepend(4).unwrap().copy_from_slice(&[5, 6, 7, 8]);
        head.prepend(2).unwrap().copy_from_slice(&[3, 4]);
        assert_eq!(head.as_slice(), [3, 4, 5, 6, 7, 8]);
        assert!(head.prepend(Head::ROOM).is_none());
        assert_eq!(head.as_slice(), [3, 4, 5, 6, 7, 8]);
        let frame = Frame { head, body: Payload::copy_of(&[9]), ..Frame::default() };
        assert_eq!(frame.len(), 7);
        assert_eq!(frame.contiguous(), [3, 4, 5, 6, 7, 8, 9].as_slice());
    }
}
