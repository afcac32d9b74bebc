//! The header that a virtio-net device puts before each frame: what a TUN or TAP says of offloads, both ways.
//!
//! ```text
//!    │ flags 1 │ gso type 1 │ hdr_len 2 │ gso_size 2 │ csum_start 2 │ csum_offset 2 │ frame …
//!        │            │            │          │              └──────┬───────┘
//!        │            │            │          │                     └ Checksum::Partial, when NEEDS_CSUM is set
//!        │            │            │          └ payload octets of each packet of a train
//!        │            │            └ octets of all headers: a hint, never believed
//!        │            └ TCP over IPv4 or IPv6, or UDP; the ECN bit: the first packet has CWR
//!        └ NEEDS_CSUM, DATA_VALID
//! ```
//!
//! Source: OASIS Virtual I/O Device (VIRTIO) 1.2, §5.1.6. Fields are in the machine's order, or little-endian when
//! the device says so.
//!
//! A received header is a claim. What it says is held against the frame, and a frame whose header [lies](Lie) is
//! dropped by its device and counted, so that nothing behind the device needs to ask again.

mod layout;
#[cfg(test)]
mod tests;

pub(crate) use layout::{Layout, Transport, layout};
use std::num::NonZeroU16;
use wire::segmentation::finish_checksum;
use wire::tcp::Flags;
use wire::{Checksum, Frame, Medium, Offload, SegmentKind};

/// Octets of the header. A device may have a longer one, whose rest is nothing to us.
pub const LEN: usize = 10;

/// `flags`: the checksum is partial.
const NEEDS_CSUM: u8 = 1;
/// `flags`: the checksum was verified.
const DATA_VALID: u8 = 2;
/// `gso type`: no train.
const GSO_NONE: u8 = 0;
/// `gso type`: TCP over IPv4.
const GSO_TCPV4: u8 = 1;
/// `gso type`: TCP over IPv6.
const GSO_TCPV6: u8 = 4;
/// `gso type`: UDP datagrams, each with a header of its own.
const GSO_UDP_L4: u8 = 5;
/// In `gso type`, beside a TCP one: the train has CWR.
const GSO_ECN: u8 = 0x80;

/// In which order a device has the octets of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As this machine has them.
    #[default]
    Native,
    /// The least significant first.
    Little,
    /// The most significant first.
    Big,
}

impl Order {
    fn read(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Native => u16::from_ne_bytes(octets),
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        }
    }

    fn write(self, field: u16) -> [u8; 2] {
        match self {
            Self::Native => field.to_ne_bytes(),
            Self::Little => field.to_le_bytes(),
            Self::Big => field.to_be_bytes(),
        }
    }
}

/// Why a received frame is not what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// A gso type that we never asked for, or that the packet is not: a fragment, a SYN, another protocol.
    Kind,
    /// A train in packets of no octets, or of more than the whole frame.
    Size,
    /// Headers that are longer than the frame, or tell of more octets than there are.
    Headers,
    /// A partial checksum outside of the frame; a train whose checksum is neither partial at its transport header nor
    /// verified.
    Checksum,
}

/// Which trains a device takes whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trains {
    /// Of TCP.
    pub tcp: bool,
    /// Of UDP.
    pub udp: bool,
}

/// A header, as its fields are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bits: 1 a checksum is partial, 2 it was verified.
    pub flags: u8,
    /// What the frame is a train of; 0 when it is none.
    pub gso_type: u8,
    /// Octets of all headers of a train.
    pub hdr_len: u16,
    /// Payload octets of each packet of a train.
    pub gso_size: u16,
    /// Where a partial checksum begins to count, in octets from the frame's first.
    pub csum_start: u16,
    /// Where it is to be stored, in octets from `csum_start`.
    pub csum_offset: u16,
}

impl Header {
    /// Reads a header: any octets are one.
    pub fn read(octets: [u8; LEN], order: Order) -> Self {
        let [flags, gso_type, a, b, c, d, e, f, g, h] = octets;
        Self {
            flags,
            gso_type,
            hdr_len: order.read([a, b]),
            gso_size: order.read([c, d]),
            csum_start: order.read([e, f]),
            csum_offset: order.read([g, h]),
        }
    }

    /// The header's octets.
    pub fn emit(&self, order: Order) -> [u8; LEN] {
        let [a, b] = order.write(self.hdr_len);
        let [c, d] = order.write(self.gso_size);
        let [e, f] = order.write(self.csum_start);
        let [g, h] = order.write(self.csum_offset);
        [self.flags, self.gso_type, a, b, c, d, e, f, g, h]
    }

    /// The header that has a device send `frame` as it is; `None` when these trains are not its, or the frame says too
    /// little: then it is for [`crate::finish`].
    pub fn of(frame: &Frame, medium: Medium, trains: Trains) -> Option<Self> {
        let Offload { checksum, segment_size, .. } = frame.offload;
        let Some(segment_size) = segment_size else {
            return Some(match checksum {
                Checksum::Partial { start, offset } => Self::partial(start, offset),
                Checksum::InPacket | Checksum::Verified => Self::default(),
            });
        };
        let Checksum::Partial { start, offset } = checksum else { return None };
        let layout = layout_of(frame, medium)?;
        if !layout.summed_at(start, offset) {
            return None;
        }
        let gso_type = match layout.transport {
            Transport::Tcp if !trains.tcp => return None,
            Transport::Tcp => {
                let cwr = layout.flags.contains(Flags::CWR);
                (if layout.v4 { GSO_TCPV4 } else { GSO_TCPV6 }) | if cwr { GSO_ECN } else { 0 }
            }
            Transport::Udp if !trains.udp => return None,
            Transport::Udp => GSO_UDP_L4,
            Transport::Other => return None,
        };
        let hdr_len = u16::try_from(layout.payload_at).ok()?;
        Some(Self { gso_type, hdr_len, gso_size: segment_size.get(), ..Self::partial(start, offset) })
    }

    const fn partial(csum_start: u16, csum_offset: u16) -> Self {
        Self { flags: NEEDS_CSUM, gso_type: GSO_NONE, hdr_len: 0, gso_size: 0, csum_start, csum_offset }
    }

    /// Holds the header against the frame that came with it, and notes in the frame what is true: where its checksum
    /// stands, and whether it is a train. A partial checksum at a place where we don't look for one is finished.
    ///
    /// `frame` is as received: all octets are in its body.
    ///
    /// # Errors
    /// [`Lie`]; the frame is not to be used.
    pub fn accept(&self, frame: &mut Frame, medium: Medium) -> Result<(), Lie> {
        if self.flags & (NEEDS_CSUM | DATA_VALID) == 0 && self.gso_type == GSO_NONE {
            return Ok(());
        }
        let len = frame.len();
        let layout = layout_of(frame, medium);
        let partial = self.flags & NEEDS_CSUM != 0;
        let (start, offset) = (self.csum_start, self.csum_offset);
        if partial && usize::from(start) + usize::from(offset) + 2 > len {
            return Err(Lie::Checksum);
        }
        let at_its_place = layout.as_ref().is_some_and(|layout| layout.summed_at(start, offset));
        let checksum = match (partial, self.flags & DATA_VALID != 0) {
            (true, _) => Checksum::Partial { start, offset },
            (false, true) => Checksum::Verified,
            (false, false) => Checksum::InPacket,
        };
        frame.offload = Offload { checksum, ..Offload::default() };
        if self.gso_type != GSO_NONE {
            let layout = layout.ok_or(Lie::Kind)?;
            if let Some(kind) = self.train(&layout, len)? {
                frame.offload.segment_size = NonZeroU16::new(self.gso_size);
                frame.offload.segment_kind = Some(kind);
            }
            if !(partial && at_its_place || checksum == Checksum::Verified) {
                return Err(Lie::Checksum);
            }
        } else if partial && !at_its_place {
            finish_checksum(frame).map_err(|_| Lie::Checksum)?;
        }
        Ok(())
    }

    /// What the frame is a train of; `None` when one packet holds it.
    fn train(&self, layout: &Layout, len: usize) -> Result<Option<SegmentKind>, Lie> {
        let kind = match (self.gso_type & !GSO_ECN, layout.transport, layout.v4) {
            (GSO_TCPV4, Transport::Tcp, true) => SegmentKind::Tcp4,
            (GSO_TCPV6, Transport::Tcp, false) => SegmentKind::Tcp6,
            (GSO_UDP_L4, Transport::Udp, v4) if self.gso_type & GSO_ECN == 0 => {
                if v4 {
                    SegmentKind::Udp4
                } else {
                    SegmentKind::Udp6
                }
            }
            _ => return Err(Lie::Kind),
        };
        let size = usize::from(self.gso_size);
        if size == 0 || size > len {
            return Err(Lie::Size);
        }
        if usize::from(self.hdr_len) > len || layout.end > len || layout.payload_at > layout.end {
            return Err(Lie::Headers);
        }
        if layout.end - layout.payload_at <= size {
            return Ok(None);
        }
        if layout.flags.intersects(Flags::SYN | Flags::RST) {
            return Err(Lie::Kind);
        }
        Ok(Some(kind))
    }
}

/// Where the headers of a frame are, wherever its head ends.
pub(crate) fn layout_of(frame: &Frame, medium: Medium) -> Option<Layout> {
    let head = frame.head.as_slice();
    match frame.body.chunks().first() {
        Some(chunk) if head.is_empty() => layout(chunk, medium),
        _ if frame.body.is_empty() => layout(head, medium),
        _ => match layout(head, medium) {
            Some(layout) => Some(layout),
            None => {
                let mut start = [0; 256];
                let (front, back) = start.split_at_mut_checked(head.len())?;
                front.copy_from_slice(head);
                let filled = head.len() + frame.body.copy_to(back);
                layout(start.get(..filled)?, medium)
            }
        },
    }
}
